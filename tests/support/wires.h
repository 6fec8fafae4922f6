/*
 * wires.h - one dialogue over many wires (law L4): fed to smtp/session directly in pieces, or as frames through net/.
 */
#ifndef TESTS_WIRES_H
#define TESTS_WIRES_H

#include "build_packet.h"
#include "dialog.h"
#include "smtpscope/event.h"
#include "smtpscope/session_sleep.h"

/* How the bytes reach smtp/session when net/ is left out. */
struct feeding {
	size_t chunk;       /* octets at a time, 0 whole pieces */
	size_t split_piece; /* with split_at: that piece is cut there */
	size_t split_at;    /* 0 none */
	bool naps;          /* the session sleeps behind each chunk, where it can */
	bool conflicts;     /* behind each piece, another copy of parts of it that differs */
	const struct session_config *config; /* NULL: the default */
	uint64_t fail_at;   /* so many allocations from the start, the last one fails; 0 none */
	uint64_t *failures; /* what failed; NULL: nobody asks */
};
void feed_session(const struct dialog *d, const struct feeding *f, emit_fn *emit, void *ctx);

/* A frame to be. */
struct planned {
	struct segment s;
	int64_t ts;
	bool fixed; /* SYN, FIN, RST: not moved by shuffling */
	enum wire_link link;
	size_t snap; /* octets captured of the frame; 0: all */
};
enum { MAX_SEGMENTS = 8192 };
struct wire;
struct plan {
	struct planned list[MAX_SEGMENTS];
	size_t n;
	const struct dialog *d;
	const struct wire *w;
	struct endpoint side[2];
};
/* q as number at of the list. */
void plan_insert(struct plan *p, size_t at, const struct planned *q);
void plan_remove(struct plan *p, size_t at);
/* Whatever a script can do to the frames of a dialogue; nth: of the wire. */
typedef void disturb_fn(struct plan *p, unsigned nth);

/* How the frames are disturbed. */
struct wire {
	const char *name;
	enum wire_link link;
	uint8_t family;       /* 4 or 6 */
	size_t mss;           /* octets a segment */
	bool no_handshake;
	bool duplicate;       /* every segment twice */
	bool overlap;         /* retransmissions in other cuts */
	bool fragments;       /* IP fragments of 64 octets */
	unsigned shuffle;     /* window of reordering in segments, 0 in order */
	uint32_t seed;
	uint32_t isn[2];
	bool offload;         /* as a capture on the sending host has it: IP length 0, no checksums */
	bool unverified;      /* checksums are not looked at */
	disturb_fn *disturb;  /* the last to have its way; NULL none */
	unsigned nth;
};
extern const struct wire wires[];
extern const size_t wire_count;
void feed_wire(const struct dialog *d, const struct wire *w, emit_fn *emit, void *ctx);
/* The frames of the dialogue on that wire, in the order of their capture; ts in ns. */
typedef void wire_frame_fn(void *ctx, int dlt, const struct built *frame, int64_t ts);
void wire_frames(const struct dialog *d, const struct wire *w, wire_frame_fn *each, void *ctx);

#endif
