/*
 * packet.h - from a frame to a TCP segment: link headers, tunnels, IP, TCP. Pure functions over borrowed bytes.
 *
 * Every verdict is counted apart by the caller. DONE goes to tcp, FRAGMENT to defrag and then to packet_parse_ip().
 */
#ifndef SMTPSCOPE_PACKET_H
#define SMTPSCOPE_PACKET_H

#include "smtpscope/chunk.h"
#include "smtpscope/span.h"

enum packet_verdict {
	PACKET_DONE,
	PACKET_FRAGMENT,    /* an IP fragment: .frag is filled */
	PACKET_TRUNCATED,   /* the capture cut a header */
	PACKET_MALFORMED,   /* the bytes contradict themselves, or stop in a header though nothing was cut */
	PACKET_UNSUPPORTED, /* not for us: ARP, UDP that is no tunnel, ... */
	PACKET_ICMP,        /* ICMP errors that quote TCP are counted here and never read as TCP */
	PACKET_TOO_DEEP,    /* more headers or tunnels than PACKET_MAX_HEADERS / PACKET_MAX_TUNNELS */
	PACKET_BAD_CHECKSUM, /* only when asked to verify */
	PACKET_VERDICTS
};
const char *packet_verdict_name(enum packet_verdict v); /* "truncated" ... for stats */

enum {
	PACKET_MAX_HEADERS = 64, /* link, extension and tunnel headers in one frame; real traffic has under 12 */
	PACKET_MAX_TUNNELS = 8,
};

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16, TCP_URG = 32 };

struct ip_fragment {
	struct endpoint src, dst; /* ports are zero */
	uint32_t id;
	uint8_t protocol;         /* of the reassembled payload */
	uint32_t offset;          /* octets */
	bool more;
	struct span payload;      /* captured part of this fragment */
	uint32_t length;          /* payload octets by the IP header; > payload.n when the snaplen cut it */
	uint16_t vlan;
};

struct packet {
	struct endpoint src, dst;
	uint32_t seq, ack;
	uint16_t window;
	uint8_t flags;            /* enum tcp_flag */
	uint16_t vlan;            /* outermost id, 0 none */
	struct span payload;      /* captured TCP payload; never Ethernet padding */
	uint32_t payload_len;     /* by the IP header; > payload.n when the snaplen cut it (the rest is lost). Where the IP
	                             total length is 0 (segmentation offload) the captured length counts */
	struct ip_fragment frag;  /* PACKET_FRAGMENT only */
};

/* Whether frames of this link type (a DLT_ value of libpcap) can be read. */
bool link_supported(int dlt);

/*
 * Parses one frame of link type dlt: captured bytes and the length it had on the wire. *out is meant for DONE and
 * FRAGMENT only; its spans point into the frame.
 *
 * Ethernet, 802.1Q/802.1ad (any depth), MPLS, PPPoE session, PPP, Linux cooked v1 and v2, BSD null/loop (either byte
 * order), raw IP, and inside of IP: IPv4 in IP, IPv6 in IP, GRE (also transparent Ethernet bridging, ERSPAN not), VXLAN
 * (UDP 4789).
 *
 * verify: check the IPv4 header and TCP checksums (a wrong one gives PACKET_BAD_CHECKSUM), and that the wire had room
 * for what IP says is there (PACKET_MALFORMED). A segment that the snaplen cut, that segmentation offload left without
 * lengths, or that has a routing header with segments left cannot be checked and passes.
 */
enum packet_verdict packet_parse(int dlt, struct span frame, uint32_t wire_len, bool verify, struct packet *out);

/* The same from the payload of a reassembled IP datagram. PACKET_FRAGMENT: it is a tunnel with fragments inside. */
enum packet_verdict packet_parse_ip(const struct ip_fragment *whole, bool verify, struct packet *out);

/*
 * What both directions of a connection have in common, for hashing: the smaller endpoint's address first, then the ports.
 * Returns its length.
 */
enum { PACKET_FLOW_KEY = 36 }; /* two IPv6 addresses, two ports */
size_t packet_flow_key(const struct packet *p, uint8_t key[PACKET_FLOW_KEY]);

#endif
