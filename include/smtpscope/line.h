/*
 * line.h - cuts a byte stream into lines at LF (RFC 5321 2.3.8), whatever pieces it comes in.
 *
 * A line that lies inside one piece is not copied; one that spans pieces is gathered, up to LINE_KEPT octets, but
 * scanned and counted to any length. Zero-initialised = empty.
 */
#ifndef SMTPSCOPE_LINE_H
#define SMTPSCOPE_LINE_H

#include "smtpscope/chunk.h"
#include "smtpscope/command.h"
#include "smtpscope/pool.h"

enum { LINE_KEPT = 4096 }; /* RFC 5321 4.5.3.1.4 wants 512; with all extensions 2392; AUTH lines get LINE_KEPT_AUTH */
enum { LINE_KEPT_AUTH = 65536 }; /* RFC 4954 4: 12288 is considered enough; OAuth tokens reach 40 KB */

/* Where bytes came from. */
struct origin {
	uint64_t off;       /* stream offset of the first byte */
	uint64_t peer_seen; /* of the chunk with the first byte */
	int64_t ts;         /* ns */
	uint64_t frame;
};

struct line {
	struct span text;   /* without line end; at most the kept part; valid until the next call */
	uint64_t length;    /* octets with line end, all of it */
	enum line_end end;
	struct origin first;
	struct origin last; /* of its last piece, with the offset behind the line: where that piece began may differ */
};

struct line_reader {
	struct pool *pool;
	uint8_t *buf;
	uint32_t len, cap;
	uint64_t length; /* octets of the unfinished line so far, kept or not */
	struct origin first;
	uint8_t crs; /* CRs at its end so far, at most two */
};

/*
 * Takes bytes from *c (advancing data, len and off). 1: *out is a line; 0: all taken, no line end yet. Secret lines: the
 * caller wipes with line_reset(). keep: LINE_KEPT or LINE_KEPT_AUTH.
 */
int line_next(struct line_reader *r, struct chunk *c, uint32_t keep, struct line *out);
/* The unfinished line as LINE_END_NONE. 1 when there was one. */
int line_finish(struct line_reader *r, struct line *out);
bool line_pending(const struct line_reader *r);
/* Forgets what was gathered, wiped, and gives the buffer back. */
void line_reset(struct line_reader *r);

#endif
