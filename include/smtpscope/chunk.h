/*
 * chunk.h - what net/ hands to smtp/: types only, no code.
 *
 * The two sides of one TCP connection are dir 0 and dir 1. net/ gives DIR_CLIENT to the initiator (the sender of the SYN)
 * or, where no SYN was seen, to the side that net/tcp guesses from the ports; smtp/session may overrule it from the content.
 */
#ifndef SMTPSCOPE_CHUNK_H
#define SMTPSCOPE_CHUNK_H

#include <stdbool.h>
#include <stdint.h>

enum dir { DIR_CLIENT = 0, DIR_SERVER = 1 };
static inline enum dir dir_other(enum dir d)
{
	return d == DIR_CLIENT ? DIR_SERVER : DIR_CLIENT;
}

struct endpoint {
	uint8_t addr[16]; /* network order; IPv4 uses the first four octets, the rest is zero */
	uint16_t port;    /* host order */
	uint8_t family;   /* 4 or 6 */
};

enum chunk_kind {
	CHUNK_DATA,     /* len bytes at data, stream offset off */
	CHUNK_GAP,      /* len bytes that are lost, from off on; data is NULL */
	CHUNK_CONFLICT, /* a second, different copy of bytes already accepted came: data = the refused copy, kept = the copy
	                   that counts (len bytes each). Not part of the exactly-once sequence */
	CHUNK_END,      /* this side sent its FIN (off = length of the stream); sent once, in sequence, len 0 */
};

/*
 * Law L5: for each dir the DATA and GAP chunks tile the offsets from 0 on, in order, without overlap.
 * The bytes are borrowed for the duration of the call.
 */
struct chunk {
	enum chunk_kind kind;
	enum dir dir; /* who sent it */
	uint64_t off; /* stream offset of the first byte; 0 = first byte after the SYN, or the first byte seen */
	uint64_t len; /* bytes; for DATA <= SIZE_MAX */
	const uint8_t *data;
	const uint8_t *kept; /* CHUNK_CONFLICT only */
	/* Bytes of the opposite stream that the sender had acknowledged when it sent this (offsets of that stream):
	   everything below was seen by the sender. 0 when unknown. */
	uint64_t peer_seen;
	int64_t ts;     /* packet time, nanoseconds since 1970 (UTC) */
	uint64_t frame; /* number of the frame in the input, from 1 */
};

/* Why a connection ended, as net/ sees it. */
enum tcp_close {
	TCP_CLOSE_FIN,     /* both sides sent FIN, or one did and the other fell silent or reset */
	TCP_CLOSE_RST,
	TCP_CLOSE_TIMEOUT, /* no packet for the idle time, on packet time */
	TCP_CLOSE_EVICTED, /* least recently used when a limit was reached */
	TCP_CLOSE_REUSED,  /* a new SYN on the same addresses and ports */
	TCP_CLOSE_EOF,     /* the input ended first */
};

/* What net/ knows about a connection beside its bytes. Borrowed; lives as long as the connection. */
struct flow {
	struct endpoint side[2];    /* indexed by enum dir */
	int64_t first_ts, last_ts;  /* ns */
	uint64_t first_frame, last_frame;
	uint64_t bytes[2];          /* TCP payload bytes as captured, retransmissions included */
	uint64_t packets[2];
	uint16_t vlan;              /* outermost VLAN id, 0 none */
	bool syn_seen;              /* the initiator's SYN: DIR_CLIENT is certain */
	bool established;           /* SYN and SYN/ACK seen */
	uint8_t reset_by;           /* 1 << enum dir of who reset it first; 0 nobody */
};

#endif
