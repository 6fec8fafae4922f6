/*
 * build_packet.h - frames for tests: a TCP segment inside IP inside any link layer or tunnel, in one piece or in IP fragments.
 */
#ifndef TESTS_BUILD_PACKET_H
#define TESTS_BUILD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtpscope/packet.h"

enum wire_link {
	WIRE_ETHERNET, WIRE_VLAN, WIRE_QINQ, WIRE_MPLS, WIRE_PPPOE, WIRE_SLL, WIRE_SLL2, WIRE_NULL_LE, WIRE_NULL_BE, WIRE_RAW, WIRE_GRE,
	WIRE_VXLAN, WIRE_IPIP, WIRE_LINKS
};
const char *wire_link_name(enum wire_link l);
int wire_link_dlt(enum wire_link l);

struct segment {
	struct endpoint src, dst;
	uint32_t seq, ack;
	uint8_t flags; /* enum tcp_flag */
	struct span payload;
};

enum { FRAME_MAX = 70000 };
struct built {
	uint8_t bytes[FRAME_MAX];
	size_t n;
};

/* The whole frame, checksums right. id: IP identification. */
void build_frame(enum wire_link link, const struct segment *s, uint16_t id, struct built *out);
/* The index-th IPv4 or IPv6 fragment of size octets of IP payload (a multiple of 8) on Ethernet. False when there is none. */
bool build_fragment(const struct segment *s, uint16_t id, size_t size, unsigned index, struct built *out);

#endif
