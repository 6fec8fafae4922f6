/*
 * tcp.h - TCP connections (RFC 9293) seen from outside: packets in, for each connection open / chunk / close out.
 *
 * tcp_packet() returns nothing and cannot fail: what does not fit a limit is dropped, counted, and becomes a GAP or an
 * eviction. Laws L4 (same bytes, same chunks for any segmentation, duplication, reordering) and L5 (exactly once).
 *
 * Chunks of the two directions come in causal order: bytes whose sender had acknowledged bytes of the other side that are
 * not captured yet wait until those come or are given up for lost. A hole is late when the receiver acknowledged past it
 * (or is not captured at all, or both sides have ended) and something waits for it: later data, the end of that stream, or
 * bytes of the other side. It is lost when the next 64 packets of the connection do not fill it (fewer after it was so
 * before), at the byte cap, or at close. Where no handshake is seen delivery begins after 64 packets, or at close, since
 * until then the start of a stream may still come. No timers but idle expiry, on packet time.
 */
#ifndef SMTPSCOPE_TCP_H
#define SMTPSCOPE_TCP_H

#include "smtpscope/chunk.h"
#include "smtpscope/packet.h"
#include "smtpscope/pool.h"

struct tcp_limits {
	size_t connections;         /* 0: as many as memory allows */
	uint64_t held_per_stream;   /* out-of-order bytes of one direction before its oldest hole is given up: 256 KiB */
	uint64_t held_total;        /* of all connections together: 64 MiB */
	int64_t idle_handshake_ns;  /* SYN seen, not established: 60 s */
	int64_t idle_open_ns;       /* 1 h: RFC 5321 4.5.3.2.6 lets a server think 10 min */
	int64_t idle_closing_ns;    /* one or both FINs seen: 30 s */
};
extern const struct tcp_limits tcp_limits_default;

enum tcp_want {
	TCP_WANT,   /* go on */
	TCP_IGNORE, /* not of interest: only count packets from here on, no more chunks, and no close callback */
};

struct tcp_handlers {
	/* First payload, FIN or gap of a connection is about to be delivered, or it got established (SYN and SYN/ACK seen).
	   Returns the user pointer for the other two. A connection without any of these is never opened. */
	void *(*open)(void *ctx, const struct flow *flow);
	/* *c is borrowed for the call. */
	enum tcp_want (*chunk)(void *ctx, void *user, const struct flow *flow, const struct chunk *c);
	/* Called once for each opened connection that was not ignored, after its last chunk; user is dead afterwards. */
	void (*close)(void *ctx, void *user, const struct flow *flow, enum tcp_close why);
	/* Tie-breaker for connections whose SYN was not seen: true when this port is a server port (lower port decides when
	   it is true for both or for none). */
	bool (*server_port)(void *ctx, uint16_t port);
};

/* open: neither closed nor ignored; duplicates, out_of_order, out_of_window: segments; snap_bytes are part of gap_bytes
   unless a retransmission brought them. */
struct tcp_stats {
	uint64_t packets, payload_bytes, connections, open, open_peak, opened_by_handshake;
	uint64_t closed[TCP_CLOSE_EOF + 1];
	uint64_t gaps, gap_bytes, duplicates, out_of_order, conflicts, out_of_window, snap_bytes /* cut by the snaplen */;
	uint64_t ignored_packets, evicted, held_bytes, held_peak, no_memory, one_direction /* connections closed one-sided */;
};

struct tcp;
struct tcp *tcp_new(struct pool *pool, const struct tcp_limits *limits, const uint8_t seed[16],
		    const struct tcp_handlers *handlers, void *ctx);
/* Everything still open is closed with TCP_CLOSE_EOF first (oldest connection first). */
void tcp_free(struct tcp **t);
/* One segment, at packet time ts (ns). Also expires what has been idle too long. */
void tcp_packet(struct tcp *t, const struct packet *p, int64_t ts, uint64_t frame);
/* Nothing has happened on this connection for long: later copies of what was delivered are not compared with it any more. */
void tcp_settle(struct tcp *t, const struct flow *flow);
/* Live runs: time passes without packets. Only expiry. */
void tcp_tick(struct tcp *t, int64_t now);
/* Closes the least recently used connection (TCP_CLOSE_EVICTED), or frees what remains of one that is over; half-open ones
   first where they are the majority. False when there is none. May be called from a handler: never its own connection. */
bool tcp_evict(struct tcp *t);
/* A segment of a connection that somebody else follows went by at packet time ts: it only expires what has been idle. */
void tcp_pass(struct tcp *t, int64_t ts);
/* The input ended: closes at most this many connections with TCP_CLOSE_EOF, in the order of their last frames; true when none is left. */
bool tcp_finish(struct tcp *t, size_t most);
const struct tcp_stats *tcp_stats(const struct tcp *t);

#endif
