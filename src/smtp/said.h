/*
 * said.h - one reply text of a server, shared by the sessions that heard it. Private to smtp/session*.c and heard.c.
 */
#ifndef SMTP_SAID_H
#define SMTP_SAID_H

#include "smtpscope/heard.h"

struct said {
	uint32_t refs, hash;
	size_t size;              /* of this block */
	struct span *lines;       /* as sent */
	uint32_t line_count;
	/* of an EHLO reply, whose first line is no extension: */
	struct span *extensions;  /* "SIZE=10240000" style */
	uint32_t extension_count;
	struct span mechanisms;   /* "PLAIN LOGIN" */
	bool mechanisms_cut;      /* there are more of them than were read */
	uint64_t keywords;        /* 1 << enum ehlo_keyword */
	uint64_t size_limit;      /* EV_NONE */
};

/* The text as others heard it, with a reference of the caller's own; NULL when it is new. hash: for said_new(). */
struct said *said_find(struct heard *h, const struct span *lines, uint32_t count, uint32_t *hash);
/* A new one, with a reference of the caller's own and room for extensions; extra: octets behind it, at *more. NULL without memory. */
struct said *said_new(struct pool *pool, const struct span *lines, uint32_t count, uint32_t hash, size_t extra, uint8_t **more);
/* Once it is complete: others may find it. h may be NULL. */
void said_share(struct heard *h, struct said *x);
struct said *said_ref(struct said *x); /* NULL gives NULL */
void said_drop(struct pool *pool, struct said **x);

#endif
