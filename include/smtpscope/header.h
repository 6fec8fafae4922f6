/*
 * header.h - the few header fields of a message that become email.* (RFC 5322, RFC 2047), read while the body passes by.
 *
 * Push unstuffed message bytes in any pieces; at the empty line (or at the limit) it is done and takes no more. Only the wanted
 * fields are kept, unfolded and decoded, in the arena that was given.
 */
#ifndef SMTPSCOPE_HEADER_H
#define SMTPSCOPE_HEADER_H

#include "smtpscope/pool.h"

enum { HEADER_MAX_ADDRESSES = 100 }; /* per field; more are dropped and .cut is set */

struct header_list {
	struct span *v;
	uint32_t n, cap;
};

struct header {
	struct header_list from, to, cc, reply_to; /* addr-specs, RFC 5322 3.4: "a@b" of `Ann <a@b>, b@c` and of groups */
	struct span subject, message_id, x_mailer, content_type; /* decoded UTF-8 where RFC 2047 says so; first occurrence counts */
	bool done; /* the empty line was seen, or nothing more will be taken */
	bool cut;  /* a limit was reached */
	/* private: */
	struct arena *arena;
	uint8_t *line;      /* the field being gathered (unfolded), from the arena */
	uint32_t line_len, line_cap;
	uint32_t taken;     /* header octets seen */
	bool skipping;      /* the current field is not wanted or over its limit */
	bool at_line_start;
};

enum {
	HEADER_MAX_BYTES = 64 * 1024, /* header section; RFC 5322 has no limit, real ones stay under 30 KB */
	HEADER_MAX_FIELD = 8 * 1024,  /* one unfolded field */
};

void header_init(struct header *h, struct arena *arena);
/* Cheap when h->done. */
void header_push(struct header *h, struct span bytes);
/* The message ended: what was gathered counts. */
void header_finish(struct header *h);

/* RFC 2047 encoded-words in s decoded to UTF-8 into dst; text between them copied; never more than cap. Returns bytes written. */
size_t rfc2047_decode(struct span s, uint8_t *dst, size_t cap);

#endif
