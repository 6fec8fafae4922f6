/*
 * packet.c - from a frame to a TCP segment: IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200), AH (RFC 4302),
 * tunnels (RFC 2003, 2473, 2784 with 2890, 7348), TCP (RFC 9293 3.1). What is below IP is in link.c.
 *
 * A loop of steps, no recursion. Every step takes a header or hands over to one that does; steps and tunnels are
 * counted. rest never reaches past what the innermost IP header allows, so padding is never data. Left out: what is
 * inside of ICMP, ESP, PPTP and ERSPAN; putting fragments together (defrag.c).
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

	return names[v];
}

enum protocol {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_IPV4 = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
	PROTO_MOBILITY = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

static enum packet_verdict walk_protocol(struct walk *w, uint8_t protocol);

/* ---- checksums (RFC 1071) ---- */

/* 64 bits hold the sum of 2^32 words. n is even but in the last call. */
static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t n)
{
	for (; n >= 4; p += 4, n -= 4)
		sum += be32(p);
	for (; n >= 2; p += 2, n -= 2)
		sum += be16(p);
	return n ? sum + (uint64_t)(p[0] << 8) : sum;
}

static bool sum_is_right(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static bool tcp_sum_is_right(const struct packet *p, const uint8_t *segment, size_t n)
{
	size_t addr = p->src.family == 6 ? 16 : 4;
	uint64_t sum = PROTO_TCP + (uint64_t)n;

	sum = sum_add(sum, p->src.addr, addr);
	sum = sum_add(sum, p->dst.addr, addr);
	return sum_is_right(sum_add(sum, segment, n));
}

/* ---- IP ---- */

static void endpoint_set(struct endpoint *e, const uint8_t *addr, uint8_t family)
{
	*e = (struct endpoint){.family = family};
	memcpy(e->addr, addr, family == 6 ? 16 : 4);
}

/*
 * Limits rest to what the IP header says is there. False when it says more than the wire had, but only for those who
 * verify: there are tools that cut frames and do not say so.
 */
static bool limit(struct walk *w, size_t length)
{
	uint32_t missing = length > w->rest.n ? (uint32_t)(length - w->rest.n) : 0;

	if (w->verify && missing > w->missing)
		return false;
	w->missing = missing;
	w->rest.n = length - missing;
	return true;
}

static enum packet_verdict fragment(struct walk *w, uint32_t id, uint16_t offset, bool more, uint8_t protocol)
{
	w->p->frag = (struct ip_fragment){
		.src = w->p->src,
		.dst = w->p->dst,
		.id = id,
		.protocol = protocol,
		.offset = offset,
		.more = more,
		.payload = w->rest,
		.length = (uint32_t)w->rest.n + w->missing,
		.vlan = w->p->vlan,
	};
	return PACKET_FRAGMENT;
}

/*
 * RFC 791 3.1. Total length 0: the network card will split this segment and fill in lengths and checksums, so the
 * captured length counts and there is nothing to verify.
 */
enum packet_verdict walk_ipv4(struct walk *w)
{
	enum { MORE = 0x2000, OFFSET = 0x1fff };
	const uint8_t *h = w->rest.p;
	enum packet_verdict next;
	size_t header, total;
	uint16_t bits;

	if (w->rest.n < 20)
		return walk_short(w);
	header = (h[0] & 15u) * 4;
	total = be16(h + 2);
	bits = be16(h + 6);
	if (h[0] >> 4 != 4 || header < 20 || (total != 0 && total < header) || (total == 0 && bits & (MORE | OFFSET)))
		return PACKET_MALFORMED;
	if (!walk_take(w, header))
		return walk_short(w);
	w->verify = w->verify && total != 0;
	if (w->verify && !sum_is_right(sum_add(0, h, header)))
		return PACKET_BAD_CHECKSUM;
	if (total != 0 && !limit(w, total - header))
		return PACKET_MALFORMED;
	endpoint_set(&w->p->src, h + 12, 4);
	endpoint_set(&w->p->dst, h + 16, 4);
	next = walk_protocol(w, h[9]);
	if (next != WALK_ON || !(bits & (MORE | OFFSET)))
		return next;
	return fragment(w, be16(h + 4), (uint16_t)((bits & OFFSET) * 8), bits & MORE, h[9]);
}

/* RFC 8200 3. Payload length 0: a jumbogram (RFC 2675) or segmentation offload, the captured length counts. */
enum packet_verdict walk_ipv6(struct walk *w)
{
	const uint8_t *h = walk_take(w, 40);
	uint16_t length;

	if (!h)
		return walk_short(w);
	length = be16(h + 4);
	w->verify = w->verify && length != 0;
	if (h[0] >> 4 != 6 || (length != 0 && !limit(w, length)))
		return PACKET_MALFORMED;
	endpoint_set(&w->p->src, h + 8, 6);
	endpoint_set(&w->p->dst, h + 24, 6);
	return walk_protocol(w, h[6]);
}

/* RFC 8200 4.3, 4.6 and others of that form: next header, length in units of 8 octets beyond the first. */
static enum packet_verdict walk_extension(struct walk *w)
{
	const uint8_t *h = w->rest.p;

	if (w->rest.n < 8 || !walk_take(w, (h[1] + 1u) * 8))
		return walk_short(w);
	return walk_protocol(w, h[0]);
}

/* RFC 8200 4.4: while segments are left, the checksum is over another destination than the header shows (8.1). */
static enum packet_verdict walk_routing(struct walk *w)
{
	if (w->rest.n >= 8 && w->rest.p[3] != 0)
		w->verify = false;
	return walk_extension(w);
}

/* RFC 4302 2.2: length in units of 4 octets, minus 2. */
static enum packet_verdict walk_ah(struct walk *w)
{
	const uint8_t *h = w->rest.p;

	if (w->rest.n < 8 || !walk_take(w, (h[1] + 2u) * 4))
		return walk_short(w);
	return walk_protocol(w, h[0]);
}

/* RFC 8200 4.5. One that is its only fragment is whole (RFC 6946). */
static enum packet_verdict walk_fragment(struct walk *w)
{
	const uint8_t *h = walk_take(w, 8);
	uint16_t bits;

	if (!h)
		return walk_short(w);
	bits = be16(h + 2);
	if ((bits & 0xfff9) == 0)
		return walk_protocol(w, h[0]);
	return fragment(w, be32(h + 4), bits & 0xfff8, bits & 1, h[0]);
}

/* ---- tunnels ---- */

static enum packet_verdict enter_tunnel(struct walk *w, walk_step *inside)
{
	return ++w->tunnels > PACKET_MAX_TUNNELS ? PACKET_TOO_DEEP : walk_to(w, inside);
}

static enum packet_verdict walk_ipv4_inside(struct walk *w)
{
	return enter_tunnel(w, walk_ipv4);
}

static enum packet_verdict walk_ipv6_inside(struct walk *w)
{
	return enter_tunnel(w, walk_ipv6);
}

/* RFC 2784 2 with key and sequence number of RFC 2890. Version 1 is PPTP; routing (RFC 1701) was taken out again. */
static enum packet_verdict walk_gre(struct walk *w)
{
	enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, VERSION = 0x0007 };
	const uint8_t *h = walk_take(w, 4);
	enum packet_verdict next;
	uint16_t flags;

	if (!h)
		return walk_short(w);
	flags = be16(h);
	if (flags & (ROUTING | VERSION))
		return PACKET_UNSUPPORTED;
	if (!walk_take(w, (flags & CHECKSUM ? 4u : 0u) + (flags & KEY ? 4u : 0u) + (flags & SEQUENCE ? 4u : 0u)))
		return walk_short(w);
	next = walk_ethertype(w, be16(h + 2));
	return next == WALK_ON ? enter_tunnel(w, w->next) : next;
}

/* RFC 7348 5: the flag that the network identifier is there, 3 octets, the identifier, 1 octet, an Ethernet frame. */
static enum packet_verdict walk_vxlan(struct walk *w)
{
	enum { IDENTIFIER_IS_THERE = 0x08 };
	const uint8_t *h = walk_take(w, 8);

	if (!h)
		return walk_short(w);
	return h[0] & IDENTIFIER_IS_THERE ? enter_tunnel(w, walk_ethernet) : PACKET_UNSUPPORTED;
}

/* RFC 768: of interest only for what it carries to one port. */
static enum packet_verdict walk_udp(struct walk *w)
{
	enum { VXLAN_PORT = 4789 };
	const uint8_t *h = walk_take(w, 8);

	if (!h)
		return walk_short(w);
	return walk_to(w, be16(h + 2) == VXLAN_PORT ? walk_vxlan : NULL);
}

/* ---- TCP ---- */

/* RFC 9293 3.1. */
static enum packet_verdict walk_tcp(struct walk *w)
{
	struct packet *p = w->p;
	const uint8_t *h = w->rest.p;
	size_t n = w->rest.n, header;

	if (n < 20)
		return walk_short(w);
	header = (size_t)(h[12] >> 4) * 4;
	if (header < 20)
		return PACKET_MALFORMED;
	if (n < header)
		return walk_short(w);
	if (w->verify && w->missing == 0 && !tcp_sum_is_right(p, h, n))
		return PACKET_BAD_CHECKSUM;
	p->src.port = be16(h);
	p->dst.port = be16(h + 2);
	p->seq = be32(h + 4);
	p->ack = be32(h + 8);
	p->flags = h[13] & 0x3f;
	p->window = be16(h + 14);
	p->payload = (struct span){h + header, n - header};
	p->payload_len = (uint32_t)(n - header) + w->missing;
	return PACKET_DONE;
}

/* ---- the walk ---- */

static enum packet_verdict walk_protocol(struct walk *w, uint8_t protocol)
{
	enum { IN_4 = 1, IN_6 = 2, IN_BOTH = 3 };
	static const struct {
		uint8_t protocol, in;
		walk_step *step; /* NULL: ICMP. What it quotes is no traffic of its own */
	} steps[] = { /* most frequent first */
		{PROTO_TCP, IN_BOTH, walk_tcp},
		{PROTO_UDP, IN_BOTH, walk_udp},
		{PROTO_ICMP, IN_4, NULL},
		{PROTO_ICMPV6, IN_6, NULL},
		{PROTO_GRE, IN_BOTH, walk_gre},
		{PROTO_IPV4, IN_BOTH, walk_ipv4_inside},
		{PROTO_IPV6, IN_BOTH, walk_ipv6_inside},
		{PROTO_AH, IN_BOTH, walk_ah},
		{PROTO_HOPOPTS, IN_6, walk_extension},
		{PROTO_ROUTING, IN_6, walk_routing},
		{PROTO_FRAGMENT, IN_6, walk_fragment},
		{PROTO_DSTOPTS, IN_6, walk_extension},
		{PROTO_MOBILITY, IN_6, walk_extension},
		{PROTO_HIP, IN_6, walk_extension},
		{PROTO_SHIM6, IN_6, walk_extension},
	};
	uint8_t in = w->p->src.family == 6 ? IN_6 : IN_4;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].protocol == protocol && steps[i].in & in)
			return steps[i].step ? walk_to(w, steps[i].step) : PACKET_ICMP;
	return PACKET_UNSUPPORTED;
}

static enum packet_verdict walk(struct walk *w)
{
	enum packet_verdict v = WALK_ON;

	for (int i = 0; i < PACKET_MAX_HEADERS && v == WALK_ON; i++)
		v = w->next(w);
	return v == WALK_ON ? PACKET_TOO_DEEP : v;
}

enum packet_verdict packet_parse(int dlt, struct span frame, uint32_t wire_len, bool verify, struct packet *out)
{
	struct walk w = {.rest = frame, .next = link_step(dlt), .p = out, .verify = verify};

	memset(out, 0, offsetof(struct packet, frag)); /* the rest is for fragments only, and this is for every frame */
	if (wire_len > frame.n)
		w.missing = wire_len - (uint32_t)frame.n;
	return w.next ? walk(&w) : PACKET_UNSUPPORTED;
}

enum packet_verdict packet_parse_ip(const struct ip_fragment *whole, bool verify, struct packet *out)
{
	struct walk w = {.rest = whole->payload, .p = out, .verify = verify};
	enum packet_verdict v;

	*out = (struct packet){.src = whole->src, .dst = whole->dst, .vlan = whole->vlan};
	v = walk_protocol(&w, whole->protocol);
	return v == WALK_ON ? walk(&w) : v;
}

size_t packet_flow_key(const struct packet *p, uint8_t key[PACKET_FLOW_KEY])
{
	const struct endpoint *a = &p->src, *b = &p->dst;
	size_t n = a->family == 4 ? 4 : 16;
	int order = memcmp(a->addr, b->addr, n);

	if (order > 0 || (order == 0 && a->port > b->port)) {
		a = &p->dst;
		b = &p->src;
	}
	memcpy(key, a->addr, n);
	memcpy(key + n, b->addr, n);
	key[2 * n] = (uint8_t)(a->port >> 8);
	key[2 * n + 1] = (uint8_t)a->port;
	key[2 * n + 2] = (uint8_t)(b->port >> 8);
	key[2 * n + 3] = (uint8_t)b->port;
	return 2 * n + 4;
}
