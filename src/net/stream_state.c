/*
 * stream_state.c - questions about what a stream holds: its first hole, its far edge, its end. See stream.h.
 */
#include "stream_blocks.h"

uint64_t stream_hole_end(const struct stream *s)
{
	const struct block *k = first_block(s);

	if (k)
		return k->off;
	return s->extra && s->extra->fin ? s->extra->fin_off : UINT64_MAX;
}

uint64_t stream_edge(const struct stream *s)
{
	const struct block *k = last_block(s);

	if (s->extra && s->extra->fin)
		return s->extra->fin_off;
	return k ? block_end(k) : s->next;
}

bool stream_has_fin(const struct stream *s)
{
	return (s->flags & STREAM_ENDED) || (s->extra && s->extra->fin);
}

bool stream_hole_stamp(const struct stream *s, int64_t *ts, uint64_t *frame)
{
	const struct block *k = first_block(s);

	if (!k && !(s->extra && s->extra->fin))
		return false;
	*ts = k ? k->ts : s->extra->fin_ts;
	*frame = k ? k->frame : s->extra->fin_frame;
	return true;
}

uint64_t stream_held(const struct stream *s)
{
	return s->extra ? s->extra->held : 0;
}
