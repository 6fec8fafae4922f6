/*
 * fuzz_packet.c - frames of any link type, and the fragments in them: every verdict is honest, what is found lies in the frame or in
 * the datagram that was put together, memory stays under its cap, nothing is lost from the pool.
 *
 * Input: link type, flags (bit 0 verify checksums; the rest: the allocation that fails); then frames, each behind its length (2).
 * longest input: 400
 */
#include "fuzz.h"
#include "smtpscope/defrag.h"

#include <stdlib.h>

enum { MEMORY_CAP = 64 * 1024 };

static void check_packet(const struct packet *p, struct span within)
{
	uint8_t key[PACKET_FLOW_KEY];

	FUZZ_CHECK(fuzz_inside(p->payload, within) && p->payload.n <= p->payload_len);
	FUZZ_CHECK(p->src.family == p->dst.family && (p->src.family == 4 || p->src.family == 6));
	FUZZ_CHECK(packet_flow_key(p, key) <= sizeof key);
}

static void fragment(struct defrag *d, const struct packet *p, bool verify, struct span frame, int64_t ts)
{
	struct ip_fragment whole;
	struct packet inner;

	FUZZ_CHECK(fuzz_inside(p->frag.payload, frame) && p->frag.payload.n <= p->frag.length);
	if (defrag_push(d, &p->frag, ts, &whole) != 1)
		return;
	FUZZ_CHECK(whole.offset == 0 && !whole.more && whole.payload.n <= whole.length);
	if (packet_parse_ip(&whole, verify, &inner) == PACKET_DONE)
		check_packet(&inner, whole.payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int types[] = {1, 0, 12, 101, 113, 276, 9, 228, 229, 108, 109, 50, 51, 147};
	static const struct defrag_limits limits = {.sets = 8, .bytes = 4096, .timeout_ns = 1000};
	static const uint8_t seed[16] = {1};
	struct cursor in = cursor_of(data, n);
	uint8_t type = cursor_u8(&in), flags = cursor_u8(&in);
	int dlt = types[type % (sizeof types / sizeof *types)];
	struct pool *pool = pool_new(0);
	struct defrag *d = defrag_new(pool, &limits, seed);

	pool_fail_at(pool, flags / 2);
	for (int64_t ts = 0; in.left > 2; ts += 100) {
		size_t len = cursor_le16(&in);
		struct span frame = cursor_bytes(&in, len < in.left ? len : in.left);
		uint8_t *copy = fuzz_copy(frame);
		struct packet p;
		enum packet_verdict v;

		frame.p = copy;
		v = packet_parse(dlt, frame, (uint32_t)len, flags & 1, &p);
		FUZZ_CHECK(v < PACKET_VERDICTS && packet_verdict_name(v) != NULL);
		if (v == PACKET_DONE)
			check_packet(&p, frame);
		else if (v == PACKET_FRAGMENT)
			fragment(d, &p, flags & 1, frame, ts);
		FUZZ_CHECK(pool_used(pool) <= MEMORY_CAP);
		free(copy);
	}
	defrag_free(&d);
	fuzz_pool_done(&pool);
	return 0;
}
