/*
 * tcp_conn.h - what tcp.c (which connections there are) and tcp_segment.c (what a segment does to one) share.
 */
#ifndef SMTPSCOPE_NET_TCP_CONN_H
#define SMTPSCOPE_NET_TCP_CONN_H

#include <stddef.h>

#include "smtpscope/stream.h"
#include "smtpscope/table.h"
#include "smtpscope/tcp.h"

enum entry_kind {
	ENTRY_CONN,    /* struct conn */
	ENTRY_IGNORED, /* struct remnant: nobody wants it */
	ENTRY_CLOSED,  /* struct remnant: keeps late retransmissions from opening it again */
};

/* One table each, so that the least recently used entry of a table is the first to expire. */
enum conn_class { CLASS_OPEN, CLASS_HANDSHAKE, CLASS_CLOSING, CONN_CLASSES };

enum conn_flag {
	CONN_OPENED = 1, /* handlers.open was called: the roles are fixed */
	CONN_FIRM = 2,   /* the start of both streams is settled: delivery may begin */
	CONN_TALKED = 4, /* a segment other than a SYN was seen */
	CONN_RST = 8,
	CONN_IGNORE = 16, /* the consumer does not want it */
};

/* Common start of all entries. */
struct entry {
	struct table_node node;
	uint8_t kind;   /* enum entry_kind */
	uint8_t class;  /* enum conn_class */
	uint8_t flags;  /* enum conn_flag; in a remnant bit d: base[d] and next[d] are known */
	uint8_t strays; /* packets in a row that were out of every window */
	uint32_t queued; /* when it became the newest of its table, in units of 2^30 ns, about a second */
};

struct conn {
	struct entry entry;
	struct flow flow; /* its side[] is the key */
	void *user;
	struct stream stream[2];
};

struct remnant {
	struct entry entry;
	struct endpoint side[2]; /* where a conn has them */
	int64_t last_ts;
	uint32_t base[2], next[2]; /* sequence numbers of the first octet and of the one after the last */
};

_Static_assert(offsetof(struct conn, flow) + offsetof(struct flow, side) == offsetof(struct remnant, side),
	       "one key for both");
_Static_assert(sizeof(struct conn) <= 224, "memory of an idle connection");

struct tcp {
	struct tcp_limits limits;
	struct tcp_handlers handlers;
	void *ctx;
	struct stream_budget budget;
	struct table *table[CONN_CLASSES];
	int64_t idle[CONN_CLASSES]; /* limits, ns */
	struct tcp_stats stats;
	int64_t last_ts;    /* of the packet before */
	bool timed;         /* there was one */
	bool sorted;        /* the input ended: the tables are in the order of the last frames */
	struct endpoint last[2]; /* of the packet before, and their hash; family 0: none yet */
	uint32_t last_hash;
	struct entry *last_entry; /* where it was found; NULL: not known */
	struct entry *busy; /* callbacks are running for it: not to be evicted */
};

/* How far from the frontier a sequence or acknowledgement number may lie (scaled windows, RFC 7323, are mostly smaller). */
#define TCP_WINDOW (INT64_C(16) << 20)

static inline struct stream *conn_other(struct conn *c, enum dir d)
{
	return &c->stream[dir_other(d)];
}

static inline bool conn_ignored(const struct conn *c)
{
	return c->entry.flags & CONN_IGNORE;
}

/* ---- tcp_segment.c ---- */

/*
 * One packet of direction d. False when it belongs to another connection on the same addresses and ports: nothing was done
 * with it then.
 */
bool conn_feed(struct tcp *t, struct conn *c, enum dir d, const struct packet *p, int64_t ts, uint64_t frame);
/* ---- tcp_wait.c ---- */

/* Tells the consumer of the connection, once. */
void conn_open(struct tcp *t, struct conn *c);
/* Hands a chunk of direction d on; it may turn the connection into an ignored one. */
void conn_emit(struct tcp *t, struct conn *c, enum dir d, struct chunk *k);
/* Moves the start of stream d down by delta, also in what the opposite stream knows of it. */
void conn_rebase(struct conn *c, enum dir d, int64_t delta);
/* After a packet: delivers what is ready, gives up what is lost, keeps the limits. */
void conn_resume(struct tcp *t, struct conn *c);
/* Delivers all that waits, holes as gaps. */
void conn_flush(struct tcp *t, struct conn *c);
/* Nothing more can come: both FINs delivered, or a RST and nothing missing. */
bool conn_finished(const struct conn *c);

#endif
