/*
 * stream.h - one direction of a TCP connection (RFC 9293 3.4, 3.10.7.4) as range arithmetic over 64-bit offsets.
 *
 * A stream is a frontier (next), a sorted list of blocks beyond it, and perhaps a FIN. Pushing a segment cuts it to what is
 * not known yet; the first copy of a byte wins. Nothing is delivered by itself: the caller looks at the head with
 * stream_peek(), hands it on, and says stream_take(). In order there is no state but the struct.
 *
 * Embedded in its owner; zero-initialised is a stream that was never seen. All memory comes from the pool of the budget
 * and is charged to it; what does not fit is as if it had not been captured (law L3).
 */
#ifndef SMTPSCOPE_STREAM_H
#define SMTPSCOPE_STREAM_H

#include "smtpscope/chunk.h"
#include "smtpscope/pool.h"
#include "smtpscope/span.h"

enum {
	STREAM_RECENT = 2048,    /* memory for delivered octets kept for comparison until acknowledged: the newest segment
				    of an Ethernet path and a command line (512, RFC 5321 4.5.3.1.4) before it */
	STREAM_CONFLICTS = 4,    /* told per segment; a segment that contradicts more blocks than that says no more */
	STREAM_PATIENCE = 64,    /* packets that a hole waits for its bytes once it is known to be late, see tcp_segment.c */
	STREAM_PATIENCE_MIN = 4, /* what is left of that once holes have proved to be losses */
};

enum stream_flag {
	STREAM_PLACED = 1,    /* base is known */
	STREAM_SYN = 2,       /* ... from the handshake */
	STREAM_ENDED = 4,     /* the FIN was delivered */
	STREAM_CUT = 8,       /* a RST was sent: acked may say what was sent instead of what was received */
	STREAM_FIN_ACKED = 16, /* one octet past the end was acknowledged: a FIN that was not captured */
	STREAM_HEARD = 32, /* the receiver's acknowledgements are captured */
};

struct stream_extra;

struct stream {
	uint64_t next;  /* offset of the first octet not delivered */
	uint64_t acked; /* highest offset the receiver acknowledged; may be ahead of next */
	struct stream_extra *extra; /* what waits, and what was delivered and not acknowledged; NULL: neither */
	uint32_t base;    /* sequence number of offset 0 */
	uint8_t flags;    /* enum stream_flag */
	uint8_t stuck;    /* packets of the connection since the hole at next is known to be late */
	uint8_t patience; /* limit for stuck */
};

/* Memory and counters shared by all streams of one pipeline. */
struct stream_budget {
	struct pool *pool;
	uint64_t held, held_peak; /* octets in blocks, their heads included */
	uint64_t no_memory;
};

struct segment {
	int64_t off;       /* stream offset of its first octet; below zero for what lies before the start */
	uint64_t len;      /* on the wire */
	struct span bytes; /* captured; bytes.n <= len, the rest is known to be lost */
	bool fin;
	int64_t peer_seen; /* as in struct chunk; below zero for "before the start" */
	int64_t ts;
	uint64_t frame;
};

/* What a push found out. The chunks borrow from the segment and the stream; their dir is left to the caller. */
struct stream_report {
	struct chunk conflict[STREAM_CONFLICTS];
	unsigned conflicts;
	bool fresh;      /* something was new */
	bool duplicate;  /* something was known */
	bool beyond_end; /* octets after the FIN were ignored */
};

/* Nothing found yet. The chunks are not cleared: there is a report for every segment, and hardly ever a conflict. */
static inline void stream_report_init(struct stream_report *r)
{
	r->conflicts = 0;
	r->fresh = r->duplicate = r->beyond_end = false;
}

/* Sequence number seq is offset 0. Forgets whatever was held. */
void stream_start(struct stream *s, struct stream_budget *b, uint32_t seq);
/* Moves the start delta octets down (up when negative): held blocks keep their sequence numbers. */
void stream_rebase(struct stream *s, int64_t delta);
/* The same for what this stream knows of the other one: its peer_seen. */
void stream_rebase_peer(struct stream *s, int64_t delta);
/* Offset of a sequence number, nearest to next (32-bit wrap, RFC 9293 3.4). */
static inline int64_t stream_offset(const struct stream *s, uint32_t seq)
{
	return (int64_t)s->next + (int32_t)(seq - (s->base + (uint32_t)s->next));
}

/* Cuts off what lies before next, comparing it with what is remembered. */
void stream_trim(struct stream *s, struct segment *g, struct stream_report *r);
/* g starts at next and ends before anything held: it can be delivered from the packet. */
bool stream_in_order(const struct stream *s, const struct segment *g);
/* The frontier moves over n octets that were handed on without being held: bytes, and what the snaplen cut behind them. */
void stream_pass(struct stream *s, struct stream_budget *b, struct span bytes, uint64_t n);
/* The FIN was handed on without being held. */
void stream_pass_fin(struct stream *s);
/* Holds what is new in g (trimmed before). */
void stream_push(struct stream *s, struct stream_budget *b, struct segment *g, struct stream_report *r);
/* The receiver acknowledged everything below off. */
void stream_ack(struct stream *s, struct stream_budget *b, uint64_t off);

/* The held chunk at the frontier (DATA, GAP for octets the snaplen cut, END), or false. *c borrows until stream_take(). */
bool stream_peek(const struct stream *s, struct chunk *c);
/* Removes what stream_peek() gave. */
void stream_take(struct stream *s, struct stream_budget *b);
/* Gives up the octets from next to off. */
void stream_skip(struct stream *s, struct stream_budget *b, uint64_t off);

/* Offset of the first held thing at or after next; UINT64_MAX when nothing is held. */
uint64_t stream_hole_end(const struct stream *s);
/* End of the last thing that is known: held, delivered. */
uint64_t stream_edge(const struct stream *s);
/* next, and one more for a FIN: what an acknowledgement may cover. */
static inline uint64_t stream_reach(const struct stream *s)
{
	return s->next + (s->flags & (STREAM_ENDED | STREAM_FIN_ACKED) ? 1 : 0);
}
/* A FIN was seen, delivered or not. */
bool stream_has_fin(const struct stream *s);
/* The segment that ends the hole at next: time and frame for the record of the loss. False when nothing is held. */
bool stream_hole_stamp(const struct stream *s, int64_t *ts, uint64_t *frame);
/* Octets held, heads included. */
uint64_t stream_held(const struct stream *s);
/* Forgets what was delivered: a later copy of it is not compared any more. */
void stream_settle(struct stream *s, struct stream_budget *b);
/* Gives all memory back. */
void stream_clear(struct stream *s, struct stream_budget *b);

#endif
