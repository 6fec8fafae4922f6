/*
 * stream_blocks.h - what a stream holds beyond its frontier. Private to net/stream*.c; invariants in stream.c.
 */
#ifndef STREAM_BLOCKS_H
#define STREAM_BLOCKS_H

#include "smtpscope/stream.h"

struct block {
	uint64_t off;
	int64_t peer_seen;
	int64_t ts;
	uint64_t frame;
	uint32_t len;  /* octets of the stream */
	uint32_t n;    /* of those, octets in data; the rest was cut by the snaplen */
	uint32_t skip; /* start of the octets in data: what was before has been taken */
	uint32_t size; /* of data, as allocated */
	uint8_t data[];
};

struct stream_extra {
	struct block **v; /* v[first] .. v[first + count - 1] */
	uint32_t first, count, cap;
	uint16_t recent, recent_cap;
	uint64_t held; /* octets charged to the budget */
	uint64_t fin_off, fin_frame;
	int64_t fin_seen, fin_ts;
	bool fin; /* held, not delivered yet */
	uint8_t bytes[]; /* the newest `recent` octets before next */
};

static inline uint64_t block_end(const struct block *k)
{
	return k->off + k->len;
}

static inline struct block *first_block(const struct stream *s)
{
	return s->extra && s->extra->count > 0 ? s->extra->v[s->extra->first] : NULL;
}

static inline struct block *last_block(const struct stream *s)
{
	return s->extra && s->extra->count > 0 ? s->extra->v[s->extra->first + s->extra->count - 1] : NULL;
}

#endif
