/*
 * build_packet.h - frames for tests: a TCP segment inside of IP inside of any headers, whole or in IP fragments, and a
 * capture file of them. Checksums are right unless a segment says otherwise.
 */
#ifndef TESTS_BUILD_PACKET_H
#define TESTS_BUILD_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "smtpscope/packet.h"

struct segment {
	struct endpoint src, dst; /* both of one family */
	uint32_t seq, ack;
	uint8_t flags; /* enum tcp_flag */
	struct span payload;
	uint8_t ip_options;  /* octets of IPv4 options, a multiple of 4 up to 40 */
	uint8_t tcp_options; /* the same of TCP */
	bool bad_ip_checksum, bad_tcp_checksum;
	uint8_t ttl;  /* 0: 64 */
	bool offload; /* IP length 0 and no checksums: left to the network card */
};

enum { FRAME_MAX = 70000 };
struct built {
	uint8_t bytes[FRAME_MAX];
	size_t n;
	size_t cut; /* octets behind them that the snaplen took; whoever cuts sets it */
};

/* One header each. */
enum layer {
	LAYER_END,
	LAYER_ETHERNET,
	LAYER_VLAN,     /* 42 */
	LAYER_VLAN_7,   /* 7 */
	LAYER_QINQ,     /* 42, with the type of 802.1ad as the tag outside */
	LAYER_MPLS,     /* the last of a row is the bottom of the stack */
	LAYER_PPPOE,    /* with LAYER_PPP_SHORT inside */
	LAYER_PPP,      /* FF 03 and the protocol */
	LAYER_PPP_SHORT, /* the protocol alone */
	LAYER_SLL,
	LAYER_SLL2,
	LAYER_NULL_LE,
	LAYER_NULL_BE,
	LAYER_ROUTERS_4, /* an IPv4 or IPv6 header between two routers: the outside of a tunnel */
	LAYER_ROUTERS_6,
	LAYER_GRE,
	LAYER_GRE_FULL, /* with checksum, key and sequence number */
	LAYER_VXLAN,    /* with its UDP header */
	LAYER_IP,       /* between the endpoints of the segment */
	LAYER_HOP_BY_HOP, /* the IPv6 extension headers; 8 octets */
	LAYER_ROUTING,    /* 24 octets, no segments left */
	LAYER_DESTINATION, /* 16 octets */
	LAYER_ATOMIC,      /* a fragment header of the only fragment */
	LAYER_AH,          /* 24 octets; in IPv4 too */
	LAYERS
};
/* The segment inside of the layers, of which the first is outermost and the last is LAYER_END. id: of IPv4. */
void build_layers(const enum layer *layers, const struct segment *s, uint16_t id, struct built *out);

/* Layers that belong together, with the link type they need. */
enum wire_link {
	WIRE_ETHERNET, WIRE_VLAN, WIRE_QINQ, WIRE_MPLS, WIRE_PPPOE, WIRE_PPP, WIRE_SLL, WIRE_SLL2, WIRE_NULL_LE, WIRE_NULL_BE,
	WIRE_RAW, WIRE_GRE, WIRE_GRE_ETHERNET, WIRE_VXLAN, WIRE_IPIP, WIRE_IP6IP, WIRE_LINKS
};
const char *wire_link_name(enum wire_link l);
int wire_link_dlt(enum wire_link l);
/* The whole frame; Ethernet frames are padded to 60 octets with 'P'. */
void build_frame(enum wire_link link, const struct segment *s, uint16_t id, struct built *out);

/*
 * Fragments on Ethernet. What is cut is the IP payload: TCP header, options, payload. build_piece: n octets from off on
 * of it, 'X' beyond its end; whether that makes sense is the caller's affair. build_fragment: piece number index of all
 * of size octets (a multiple of 8); false when there is none.
 */
void build_piece(const struct segment *s, uint16_t id, size_t off, size_t n, bool more, struct built *out);
bool build_fragment(const struct segment *s, uint16_t id, size_t size, unsigned index, struct built *out);

/* A classic capture file. */
struct pcap_writer {
	FILE *f;
	bool nano; /* timestamps in nanoseconds, else microseconds */
	bool big;  /* byte order of the headers */
};
/* Sets w->f, which the caller closes, and writes the file header. False: errno. */
bool pcap_writer_open(struct pcap_writer *w, const char *path, int dlt);
void pcap_writer_frame(struct pcap_writer *w, int64_t ts_ns, struct span frame, uint32_t wire_len);

#endif
