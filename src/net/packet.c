/*
 * packet.c - from a frame to a TCP segment, one small function a header. See packet.h.
 *
 *   Ethernet (IEEE 802.3), 802.1Q, MPLS (RFC 3032), PPPoE (RFC 2516), IPv4 (RFC 791), IPv6 (RFC 8200), GRE (RFC 2784),
 *   VXLAN (RFC 7348), TCP (RFC 9293 3.1)
 *
 * Each header names the next one; the loop in walk() follows. No recursion; every step takes at least one octet of the frame
 * or ends, and steps and tunnels are counted. Link headers are in link.c. Left out: reassembly of fragments (defrag.c).
 */
#include "packet_walk.h"

#include <string.h>

const char *packet_verdict_name(enum packet_verdict v)
{
	static const char *const names[PACKET_VERDICTS] = {
	    [PACKET_DONE] = "done",
	    [PACKET_FRAGMENT] = "fragment",
	    [PACKET_TRUNCATED] = "truncated",
	    [PACKET_MALFORMED] = "malformed",
	    [PACKET_UNSUPPORTED] = "unsupported",
	    [PACKET_ICMP] = "icmp",
	    [PACKET_TOO_DEEP] = "too deep",
	    [PACKET_BAD_CHECKSUM] = "bad checksum",
	};

	return v < PACKET_VERDICTS ? names[v] : "";
}

enum {
	PROTO_HOPOPTS = 0, PROTO_ICMP = 1, PROTO_IPIP = 4, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_IPV6 = 41, PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44, PROTO_GRE = 47, PROTO_AH = 51, PROTO_ICMPV6 = 58, PROTO_DSTOPTS = 60, PROTO_MOBILITY = 135,
	PROTO_HIP = 139, PROTO_SHIM6 = 140,
};

/* ---- checksums (RFC 1071) ---- */

static uint32_t sum16(struct span s, uint32_t sum)
{
	for (; s.n > 1; s = span_from(s, 2))
		sum += (uint32_t)(s.p[0] << 8 | s.p[1]);
	if (s.n)
		sum += (uint32_t)s.p[0] << 8;
	return sum;
}

static bool sum_fits(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static bool tcp_sum_fits(const struct walk *w, struct span segment)
{
	size_t n = w->p->src.family == 6 ? 16 : 4;
	uint32_t sum = PROTO_TCP + (uint32_t)segment.n;

	sum = sum16(span_of(w->p->src.addr, n), sum);
	sum = sum16(span_of(w->p->dst.addr, n), sum);
	return sum_fits(sum16(segment, sum));
}

/* ---- IP ---- */

static void set_address(struct endpoint *e, struct span addr, uint8_t family)
{
	memset(e, 0, sizeof *e);
	memcpy(e->addr, addr.p, addr.n);
	e->family = family;
}

/* What the IP header says is there: never Ethernet padding; missing says how much the snaplen cut. */
static void limit_payload(struct walk *w, size_t length)
{
	if (w->c.left >= length) {
		w->c.left = length;
		w->missing = 0;
	} else {
		w->missing = (uint32_t)(length - w->c.left);
	}
}

static enum packet_verdict fragment(struct walk *w, uint32_t id, uint32_t offset, bool more, uint8_t protocol)
{
	struct ip_fragment *f = &w->p->frag;
	uint64_t end = (uint64_t)offset + w->c.left + w->missing;

	if (end > 65535 || (more && (w->c.left + w->missing) % 8))
		return PACKET_MALFORMED;
	*f = (struct ip_fragment){.src = w->p->src, .dst = w->p->dst, .id = id, .protocol = protocol, .offset = offset,
				  .more = more, .vlan = w->p->vlan};
	f->payload = cursor_rest(&w->c);
	f->length = (uint32_t)w->c.left + w->missing;
	return PACKET_FRAGMENT;
}

enum packet_verdict walk_ipv4(struct walk *w)
{
	const uint8_t *p = w->c.p;
	size_t header, total;
	uint16_t bits;

	if (w->c.left < 20)
		return PACKET_TRUNCATED;
	header = (size_t)(p[0] & 15) * 4;
	total = (size_t)(p[2] << 8 | p[3]);
	if (p[0] >> 4 != 4 || header < 20 || (total && total < header))
		return PACKET_MALFORMED;
	if (w->c.left < header)
		return PACKET_TRUNCATED;
	if (w->verify && !sum_fits(sum16(span_of(p, header), 0)))
		return PACKET_BAD_CHECKSUM;
	set_address(&w->p->src, span_of(p + 12, 4), 4);
	set_address(&w->p->dst, span_of(p + 16, 4), 4);
	w->p->ip_ttl = p[8];
	bits = (uint16_t)(p[6] << 8 | p[7]);
	cursor_skip(&w->c, header);
	if (total) /* 0: left to the network card (segmentation offload), the captured length counts */
		limit_payload(w, total - header);
	if (bits & 0x3fff)
		return fragment(w, (uint32_t)(p[4] << 8 | p[5]), (uint32_t)(bits & 0x1fff) * 8, (bits & 0x2000) != 0, p[9]);
	return walk_next(w, WALK_PROTOCOL, p[9]);
}

enum packet_verdict walk_ipv6(struct walk *w)
{
	const uint8_t *p = w->c.p;
	size_t length;

	if (w->c.left < 40)
		return PACKET_TRUNCATED;
	if (p[0] >> 4 != 6)
		return PACKET_MALFORMED;
	length = (size_t)(p[4] << 8 | p[5]);
	set_address(&w->p->src, span_of(p + 8, 16), 6);
	set_address(&w->p->dst, span_of(p + 24, 16), 6);
	w->p->ip_ttl = p[7];
	cursor_skip(&w->c, 40);
	if (length) /* 0: jumbogram or offload */
		limit_payload(w, length);
	return walk_next(w, WALK_PROTOCOL, p[6]);
}

/* Hop-by-hop, destination, routing, mobility ...: next header, length in units of 8 octets beyond the first (RFC 8200 4). */
static enum packet_verdict walk_extension(struct walk *w)
{
	struct cursor c = w->c;
	uint8_t next = cursor_u8(&c);
	size_t length = ((size_t)cursor_u8(&c) + 1) * 8;

	cursor_skip(&w->c, length);
	if (c.bad || w->c.bad)
		return w->missing ? PACKET_TRUNCATED : PACKET_MALFORMED;
	return walk_next(w, WALK_PROTOCOL, next);
}

/* Authentication header: length in units of 4 octets minus 2 (RFC 4302 2.2). */
static enum packet_verdict walk_ah(struct walk *w)
{
	struct cursor c = w->c;
	uint8_t next = cursor_u8(&c);
	size_t length = ((size_t)cursor_u8(&c) + 2) * 4;

	cursor_skip(&w->c, length);
	return c.bad || w->c.bad ? PACKET_TRUNCATED : walk_next(w, WALK_PROTOCOL, next);
}

static enum packet_verdict walk_fragment6(struct walk *w)
{
	uint8_t next = cursor_u8(&w->c);
	uint16_t bits;
	uint32_t id;

	cursor_skip(&w->c, 1);
	bits = cursor_be16(&w->c);
	id = cursor_be32(&w->c);
	if (w->c.bad)
		return PACKET_TRUNCATED;
	if ((bits & 0xfff9) == 0) /* atomic (RFC 6946): whole */
		return walk_next(w, WALK_PROTOCOL, next);
	return fragment(w, id, bits & 0xfff8u, bits & 1, next);
}

/* ---- tunnels ---- */

static enum packet_verdict enter_tunnel(struct walk *w, enum walk_space space, uint32_t number)
{
	if (++w->tunnels > PACKET_MAX_TUNNELS)
		return PACKET_TOO_DEEP;
	return walk_next(w, space, number);
}

static enum packet_verdict walk_ipip(struct walk *w)
{
	return enter_tunnel(w, WALK_ETHERTYPE, ETHERTYPE_IPV4);
}

static enum packet_verdict walk_ip6ip(struct walk *w)
{
	return enter_tunnel(w, WALK_ETHERTYPE, ETHERTYPE_IPV6);
}

static enum packet_verdict walk_gre(struct walk *w)
{
	uint16_t flags = cursor_be16(&w->c), type = cursor_be16(&w->c);
	size_t options = (flags & 0x8000 ? 4u : 0u) + (flags & 0x2000 ? 4u : 0u) + (flags & 0x1000 ? 4u : 0u);

	cursor_skip(&w->c, options);
	if (w->c.bad)
		return PACKET_TRUNCATED;
	if (flags & 7) /* version 1 is PPTP */
		return PACKET_UNSUPPORTED;
	return enter_tunnel(w, WALK_ETHERTYPE, type);
}

static enum packet_verdict walk_udp(struct walk *w)
{
	enum { VXLAN_PORT = 4789, VXLAN_HEADER = 8 };
	uint16_t port;

	cursor_skip(&w->c, 2);
	port = cursor_be16(&w->c);
	cursor_skip(&w->c, 4);
	if (w->c.bad)
		return PACKET_TRUNCATED;
	if (port != VXLAN_PORT)
		return PACKET_UNSUPPORTED;
	cursor_skip(&w->c, VXLAN_HEADER);
	return w->c.bad ? PACKET_TRUNCATED : enter_tunnel(w, WALK_LINK, LINK_ETHERNET);
}

/* ---- TCP ---- */

static enum packet_verdict walk_tcp(struct walk *w)
{
	struct packet *p = w->p;
	const uint8_t *t = w->c.p;
	struct span segment = cursor_rest(&w->c);
	size_t header;

	if (w->c.left < 20)
		return w->missing ? PACKET_TRUNCATED : PACKET_MALFORMED;
	header = (size_t)(t[12] >> 4) * 4;
	if (header < 20)
		return PACKET_MALFORMED;
	if (w->c.left < header)
		return w->missing ? PACKET_TRUNCATED : PACKET_MALFORMED;
	if (w->verify && !w->missing && !tcp_sum_fits(w, segment))
		return PACKET_BAD_CHECKSUM;
	p->src.port = (uint16_t)(t[0] << 8 | t[1]);
	p->dst.port = (uint16_t)(t[2] << 8 | t[3]);
	p->seq = (uint32_t)t[4] << 24 | (uint32_t)t[5] << 16 | (uint32_t)t[6] << 8 | t[7];
	p->ack = (uint32_t)t[8] << 24 | (uint32_t)t[9] << 16 | (uint32_t)t[10] << 8 | t[11];
	p->flags = t[13] & 0x3f;
	p->window = (uint16_t)(t[14] << 8 | t[15]);
	p->payload = span_from(segment, header);
	p->payload_len = (uint32_t)p->payload.n + w->missing;
	return PACKET_DONE;
}

static enum packet_verdict walk_icmp(struct walk *w)
{
	(void)w;
	return PACKET_ICMP;
}

static enum packet_verdict protocol_step(struct walk *w, uint32_t protocol)
{
	static const struct {
		uint8_t protocol;
		enum packet_verdict (*step)(struct walk *w);
	} steps[] = {
	    {PROTO_TCP, walk_tcp},          {PROTO_UDP, walk_udp},          {PROTO_HOPOPTS, walk_extension},
	    {PROTO_ICMP, walk_icmp},        {PROTO_ICMPV6, walk_icmp},      {PROTO_DSTOPTS, walk_extension},
	    {PROTO_IPIP, walk_ipip},        {PROTO_IPV6, walk_ip6ip},       {PROTO_ROUTING, walk_extension},
	    {PROTO_GRE, walk_gre},          {PROTO_AH, walk_ah},            {PROTO_FRAGMENT, walk_fragment6},
	    {PROTO_MOBILITY, walk_extension}, {PROTO_HIP, walk_extension}, {PROTO_SHIM6, walk_extension},
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (steps[i].protocol == protocol)
			return steps[i].step(w);
	return PACKET_UNSUPPORTED;
}

/* ---- the walk ---- */

enum packet_verdict walk_next(struct walk *w, enum walk_space space, uint32_t number)
{
	w->space = space;
	w->number = number;
	return WALK_ON;
}

static enum packet_verdict walk(struct walk *w)
{
	for (int i = 0; i < PACKET_MAX_HEADERS; i++) {
		enum packet_verdict v = w->space == WALK_PROTOCOL ? protocol_step(w, w->number)
				      : w->space == WALK_ETHERTYPE ? ethertype_step(w, w->number) : link_step(w, w->number);

		if (v != WALK_ON)
			return v;
	}
	return PACKET_TOO_DEEP;
}

enum packet_verdict packet_parse(int dlt, struct span frame, uint32_t wire_len, bool verify, struct packet *out)
{
	struct walk w = {.c = cursor_of(frame.p, frame.n), .p = out, .verify = verify, .space = WALK_LINK};

	*out = (struct packet){.payload = SPAN_ABSENT};
	w.number = link_of_dlt(dlt);
	if (w.number == LINK_NONE)
		return PACKET_UNSUPPORTED;
	if (wire_len > frame.n)
		w.missing = wire_len - (uint32_t)frame.n; /* until an IP header knows better */
	return walk(&w);
}

enum packet_verdict packet_parse_ip(const struct ip_fragment *whole, bool verify, struct packet *out)
{
	struct walk w = {.c = cursor_of(whole->payload.p, whole->payload.n), .p = out, .verify = verify,
			 .space = WALK_PROTOCOL, .number = whole->protocol};

	*out = (struct packet){.src = whole->src, .dst = whole->dst, .vlan = whole->vlan};
	return walk(&w);
}
