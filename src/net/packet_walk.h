/*
 * packet_walk.h - the walk through the headers of one frame. Private to net/packet.c and net/link.c.
 *
 * Each kind of header has one step. A step takes its header off the rest and either names the step that follows and
 * says WALK_ON, or ends the walk with a verdict.
 */
#ifndef PACKET_WALK_H
#define PACKET_WALK_H

#include "smtpscope/packet.h"

struct walk;
typedef enum packet_verdict walk_step(struct walk *w);

struct walk {
	struct span rest;  /* not read yet */
	uint32_t missing;  /* octets that follow rest on the wire and are not in the capture */
	walk_step *next;
	struct packet *p;
	uint8_t tunnels;
	bool verify;
};

#define WALK_ON PACKET_VERDICTS /* never leaves net/ */

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The n octets that rest starts with, taken off it; NULL, and nothing taken, when there are fewer. */
static inline const uint8_t *walk_take(struct walk *w, size_t n)
{
	const uint8_t *p = w->rest.p;

	if (n > w->rest.n)
		return NULL;
	w->rest.p += n;
	w->rest.n -= n;
	return p;
}

/* The verdict where a header is not whole: whose fault it is. */
static inline enum packet_verdict walk_short(const struct walk *w)
{
	return w->missing > 0 ? PACKET_TRUNCATED : PACKET_MALFORMED;
}

static inline enum packet_verdict walk_to(struct walk *w, walk_step *next)
{
	w->next = next;
	return next ? WALK_ON : PACKET_UNSUPPORTED;
}

/* packet.c */
walk_step walk_ipv4, walk_ipv6;
/* link.c */
walk_step walk_ethernet;
walk_step *link_step(int dlt); /* NULL: not supported */
enum packet_verdict walk_ethertype(struct walk *w, uint16_t type);

#endif
