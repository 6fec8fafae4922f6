/*
 * packet_walk.h - the walk through the headers of one frame. Private to net/packet.c and net/link.c.
 */
#ifndef PACKET_WALK_H
#define PACKET_WALK_H

#include "smtpscope/packet.h"

/* Number spaces of "what comes next". */
enum walk_space { WALK_LINK, WALK_ETHERTYPE, WALK_PROTOCOL };

enum link_kind {
	LINK_NONE, LINK_ETHERNET, LINK_NULL, LINK_LOOP, LINK_RAW, LINK_SLL, LINK_SLL2, LINK_PPP, LINK_IPV4, LINK_IPV6,
};

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd, ETHERTYPE_BRIDGED = 0x6558 };

struct walk {
	struct cursor c;
	struct packet *p;
	enum walk_space space;
	uint32_t number;
	uint32_t missing; /* octets of the innermost IP payload that the snaplen cut */
	uint8_t tunnels;
	bool verify;
};

/* A step that found out what comes next; never leaves net/. */
#define WALK_ON PACKET_VERDICTS

enum packet_verdict walk_next(struct walk *w, enum walk_space space, uint32_t number); /* gives WALK_ON */
enum packet_verdict walk_ipv4(struct walk *w);
enum packet_verdict walk_ipv6(struct walk *w);
/* link.c */
uint32_t link_of_dlt(int dlt); /* enum link_kind */
enum packet_verdict link_step(struct walk *w, uint32_t kind);
enum packet_verdict ethertype_step(struct walk *w, uint32_t type);

#endif
