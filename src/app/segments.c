/*
 * segments.c - from frames to TCP segments. See segments.h.
 */
#include "segments.h"

#include <stdlib.h>

struct segments {
	struct defrag *defrag;
	bool verify;
	struct segments_stats stats;
};

struct segments *segments_new(struct pool *pool, const uint8_t seed[16], bool verify_checksums)
{
	struct segments *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->verify = verify_checksums;
	s->defrag = defrag_new(pool, &defrag_limits_default, seed);
	if (!s->defrag)
		segments_free(&s);
	return s;
}

bool segments_frame(struct segments *s, const struct frame *f, struct packet *out)
{
	enum packet_verdict v = packet_parse(f->dlt, f->bytes, f->wire_len, s->verify, out);
	struct ip_fragment whole;

	s->stats.frames++;
	s->stats.bytes += f->bytes.n;
	if (v == PACKET_FRAGMENT) {
		s->stats.fragments++;
		if (defrag_push(s->defrag, &out->frag, f->ts, &whole) != 1)
			return false;
		v = packet_parse_ip(&whole, s->verify, out);
	}
	s->stats.verdicts[v]++;
	return v == PACKET_DONE;
}

const struct segments_stats *segments_stats(struct segments *s)
{
	s->stats.defrag = *defrag_stats(s->defrag);
	return &s->stats;
}

void segments_free(struct segments **segments)
{
	struct segments *s = *segments;

	*segments = NULL;
	if (!s)
		return;
	defrag_free(&s->defrag);
	free(s);
}
