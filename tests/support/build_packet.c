/*
 * build_packet.c - see build_packet.h. From the inside out: each layer goes in front of what is there and so knows its
 * length.
 */
#include "build_packet.h"

#include <string.h>

/* ---- octets ---- */

struct head {
	uint8_t b[80];
	size_t n;
};

static void put8(struct head *h, unsigned v)
{
	h->b[h->n++] = (uint8_t)v;
}

static void put16(struct head *h, size_t v)
{
	put8(h, v >> 8 & 255);
	put8(h, v & 255);
}

static void put32(struct head *h, uint32_t v)
{
	put16(h, v >> 16);
	put16(h, v & 0xffff);
}

static void put(struct head *h, const void *p, size_t n)
{
	memcpy(h->b + h->n, p, n);
	h->n += n;
}

static void fill(struct head *h, unsigned v, size_t n)
{
	memset(h->b + h->n, (int)v, n);
	h->n += n;
}

static void prepend(struct built *b, const struct head *h)
{
	memmove(b->bytes + h->n, b->bytes, b->n);
	memcpy(b->bytes, h->b, h->n);
	b->n += h->n;
}

static void append(struct built *b, const void *p, size_t n)
{
	if (n > 0)
		memcpy(b->bytes + b->n, p, n);
	b->n += n;
}

/* ---- checksums, two octets at a time as RFC 1071 1 has it ---- */

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	return (s & 0xffff) + (s >> 16);
}

static void set_checksum(uint8_t *at, uint32_t s, bool bad)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	s = ~s & 0xffff;
	if (bad)
		s ^= 0x0100;
	at[0] = (uint8_t)(s >> 8);
	at[1] = (uint8_t)s;
}

/* ---- layers ---- */

/* What the next layer outside has to say of the one inside of it. */
struct inside {
	uint16_t ethertype;
	uint8_t protocol;
	bool labels; /* an MPLS stack: not the bottom */
};

enum { BRIDGED = 0x6558, IPV4 = 0x0800, IPV6 = 0x86dd };

static struct inside put_tcp(struct built *b, const struct segment *s)
{
	struct head h = {.n = 0};
	size_t n, a = s->src.family == 6 ? 16 : 4;
	uint32_t pseudo;

	put16(&h, s->src.port);
	put16(&h, s->dst.port);
	put32(&h, s->seq);
	put32(&h, s->ack);
	put8(&h, (20u + s->tcp_options) / 4 << 4);
	put8(&h, s->flags);
	put16(&h, 65535);
	put16(&h, 0);
	put16(&h, s->flags & TCP_URG ? 1 : 0);
	fill(&h, 1, s->tcp_options); /* no operation */
	prepend(b, &h);
	append(b, s->payload.p, s->payload.n);
	n = b->n;
	pseudo = sum(sum((uint32_t)(6 + n), s->src.addr, a), s->dst.addr, a);
	if (!s->offload)
		set_checksum(b->bytes + 16, sum(pseudo, b->bytes, n), s->bad_tcp_checksum);
	return (struct inside){.protocol = 6};
}

struct ip4 {
	const uint8_t *src, *dst;
	unsigned protocol, id, bits /* flags and fragment offset */;
	size_t options;
	uint8_t ttl; /* 0: 64 */
	bool bad, offload;
};

static struct inside put_ipv4(struct built *b, const struct ip4 *ip)
{
	struct head h = {.n = 0};

	put8(&h, 0x40 | (unsigned)(20 + ip->options) / 4);
	put8(&h, 0);
	put16(&h, ip->offload ? 0 : 20 + ip->options + b->n);
	put16(&h, ip->id);
	put16(&h, ip->bits);
	put8(&h, ip->ttl ? ip->ttl : 64);
	put8(&h, ip->protocol);
	put16(&h, 0);
	put(&h, ip->src, 4);
	put(&h, ip->dst, 4);
	fill(&h, 1, ip->options); /* no operation */
	if (!ip->offload)
		set_checksum(h.b + 10, sum(0, h.b, h.n), ip->bad);
	prepend(b, &h);
	return (struct inside){.ethertype = IPV4, .protocol = 4};
}

static struct inside put_ipv6(struct built *b, const uint8_t *src, const uint8_t *dst, unsigned next, bool offload)
{
	struct head h = {.n = 0};

	put32(&h, 0x60000000);
	put16(&h, offload ? 0 : b->n);
	put8(&h, next);
	put8(&h, 64);
	put(&h, src, 16);
	put(&h, dst, 16);
	prepend(b, &h);
	return (struct inside){.ethertype = IPV6, .protocol = 41};
}

static struct inside put_ip(struct built *b, const struct segment *s, unsigned protocol, unsigned id)
{
	struct ip4 ip = {.src = s->src.addr, .dst = s->dst.addr, .protocol = protocol, .id = id, .bits = 0x4000,
			 .options = s->ip_options, .ttl = s->ttl, .bad = s->bad_ip_checksum, .offload = s->offload};

	if (s->src.family == 6)
		return put_ipv6(b, s->src.addr, s->dst.addr, protocol, s->offload);
	return put_ipv4(b, &ip);
}

static struct inside put_routers(struct built *b, enum layer layer, unsigned protocol)
{
	static const uint8_t src[16] = {0x20, 1, 0xd, 0xb8, 0xff, [15] = 1}, dst[16] = {0x20, 1, 0xd, 0xb8, 0xff, [15] = 2};
	static const uint8_t src4[4] = {203, 0, 113, 1}, dst4[4] = {203, 0, 113, 2};
	struct ip4 ip = {.src = src4, .dst = dst4, .protocol = protocol, .id = 1};

	return layer == LAYER_ROUTERS_6 ? put_ipv6(b, src, dst, protocol, false) : put_ipv4(b, &ip);
}

static struct inside put_extension(struct built *b, unsigned own, unsigned next, size_t n)
{
	struct head h = {.n = 0};

	put8(&h, next);
	put8(&h, (unsigned)(own == 51 ? n / 4 - 2 : n / 8 - 1));
	put8(&h, own == 43 ? 4 : 1); /* type of routing, or the option PadN ... */
	put8(&h, own == 43 ? 0 : (unsigned)(n - 4)); /* ... and its length */
	fill(&h, 0, n - 4);
	prepend(b, &h);
	return (struct inside){.protocol = (uint8_t)own};
}

static struct inside put_atomic(struct built *b, unsigned next)
{
	struct head h = {.n = 0};

	put16(&h, next << 8);
	put16(&h, 0);
	put32(&h, 77);
	prepend(b, &h);
	return (struct inside){.protocol = 44};
}

static struct inside put_ethernet(struct built *b, unsigned type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	struct head h = {.n = 0};

	put(&h, macs, 12);
	put16(&h, type);
	prepend(b, &h);
	return (struct inside){.ethertype = BRIDGED};
}

static struct inside put_tag(struct built *b, unsigned own, unsigned tag, unsigned type)
{
	struct head h = {.n = 0};

	put16(&h, 0x6000 | tag); /* with a priority */
	put16(&h, type);
	prepend(b, &h);
	return (struct inside){.ethertype = (uint16_t)own};
}

static struct inside put_mpls(struct built *b, bool bottom)
{
	struct head h = {.n = 0};

	put32(&h, 0x00010040u | (bottom ? 0x100u : 0));
	prepend(b, &h);
	return (struct inside){.ethertype = 0x8847, .labels = true};
}

static struct inside put_pppoe(struct built *b)
{
	struct head h = {.n = 0};

	put16(&h, 0x1100);
	put16(&h, 1);
	put16(&h, b->n);
	prepend(b, &h);
	return (struct inside){.ethertype = 0x8864};
}

static struct inside put_ppp(struct built *b, unsigned type, bool whole)
{
	struct head h = {.n = 0};

	if (whole)
		put16(&h, 0xff03);
	put16(&h, type == IPV4 ? 0x21 : type == IPV6 ? 0x57 : 0x281);
	prepend(b, &h);
	return (struct inside){.ethertype = 0};
}

static struct inside put_cooked(struct built *b, enum layer layer, unsigned type)
{
	struct head h = {.n = 0};

	if (layer == LAYER_SLL2)
		put16(&h, type);
	fill(&h, 0, layer == LAYER_SLL2 ? 18 : 14);
	if (layer == LAYER_SLL)
		put16(&h, type);
	prepend(b, &h);
	return (struct inside){.ethertype = 0};
}

static struct inside put_null(struct built *b, bool big, unsigned type)
{
	unsigned family = type == IPV6 ? 30 : 2;
	struct head h = {.n = 0};

	put32(&h, big ? family : family << 24);
	prepend(b, &h);
	return (struct inside){.ethertype = 0};
}

static struct inside put_gre(struct built *b, unsigned type, bool full)
{
	struct head h = {.n = 0};

	put16(&h, full ? 0xb000 : 0);
	put16(&h, type);
	fill(&h, 0, full ? 12 : 0);
	prepend(b, &h);
	return (struct inside){.protocol = 47};
}

static struct inside put_vxlan(struct built *b)
{
	struct head h = {.n = 0};

	put16(&h, 50000);
	put16(&h, 4789);
	put16(&h, 16 + b->n);
	put16(&h, 0);
	put32(&h, 0x08000000);
	put32(&h, 0x00000100);
	prepend(b, &h);
	return (struct inside){.protocol = 17};
}

static struct inside put_layer(struct built *b, enum layer layer, const struct segment *s, uint16_t id,
			       struct inside in)
{
	switch (layer) {
	case LAYER_ETHERNET:
		return put_ethernet(b, in.ethertype);
	case LAYER_VLAN:
		return put_tag(b, 0x8100, 42, in.ethertype);
	case LAYER_VLAN_7:
		return put_tag(b, 0x8100, 7, in.ethertype);
	case LAYER_QINQ:
		return put_tag(b, 0x88a8, 42, in.ethertype);
	case LAYER_MPLS:
		return put_mpls(b, !in.labels);
	case LAYER_PPPOE:
		return put_pppoe(b);
	case LAYER_PPP:
	case LAYER_PPP_SHORT:
		return put_ppp(b, in.ethertype, layer == LAYER_PPP);
	case LAYER_SLL:
	case LAYER_SLL2:
		return put_cooked(b, layer, in.ethertype);
	case LAYER_NULL_LE:
	case LAYER_NULL_BE:
		return put_null(b, layer == LAYER_NULL_BE, in.ethertype);
	case LAYER_ROUTERS_4:
	case LAYER_ROUTERS_6:
		return put_routers(b, layer, in.protocol);
	case LAYER_GRE:
	case LAYER_GRE_FULL:
		return put_gre(b, in.ethertype, layer == LAYER_GRE_FULL);
	case LAYER_VXLAN:
		return put_vxlan(b);
	case LAYER_IP:
		return put_ip(b, s, in.protocol, id);
	case LAYER_HOP_BY_HOP:
		return put_extension(b, 0, in.protocol, 8);
	case LAYER_ROUTING:
		return put_extension(b, 43, in.protocol, 24);
	case LAYER_DESTINATION:
		return put_extension(b, 60, in.protocol, 16);
	case LAYER_AH:
		return put_extension(b, 51, in.protocol, 24);
	case LAYER_ATOMIC:
		return put_atomic(b, in.protocol);
	case LAYER_END:
	case LAYERS:
		break;
	}
	return in;
}

void build_layers(const enum layer *layers, const struct segment *s, uint16_t id, struct built *out)
{
	struct inside in;
	size_t n = 0;

	while (layers[n] != LAYER_END)
		n++;
	out->n = 0;
	in = put_tcp(out, s);
	while (n-- > 0)
		in = put_layer(out, layers[n], s, id, in);
}

/* ---- frames ---- */

static const struct {
	const char *name;
	int dlt;
	enum layer layers[8];
} links[WIRE_LINKS] = {
	[WIRE_ETHERNET] = {"ethernet", 1, {LAYER_ETHERNET, LAYER_IP}},
	[WIRE_VLAN] = {"vlan", 1, {LAYER_ETHERNET, LAYER_VLAN, LAYER_IP}},
	[WIRE_QINQ] = {"qinq", 1, {LAYER_ETHERNET, LAYER_QINQ, LAYER_VLAN_7, LAYER_IP}},
	[WIRE_MPLS] = {"mpls", 1, {LAYER_ETHERNET, LAYER_MPLS, LAYER_MPLS, LAYER_IP}},
	[WIRE_PPPOE] = {"pppoe", 1, {LAYER_ETHERNET, LAYER_PPPOE, LAYER_PPP_SHORT, LAYER_IP}},
	[WIRE_PPP] = {"ppp", 9, {LAYER_PPP, LAYER_IP}},
	[WIRE_SLL] = {"sll", 113, {LAYER_SLL, LAYER_IP}},
	[WIRE_SLL2] = {"sll2", 276, {LAYER_SLL2, LAYER_IP}},
	[WIRE_NULL_LE] = {"null", 0, {LAYER_NULL_LE, LAYER_IP}},
	[WIRE_NULL_BE] = {"null-be", 0, {LAYER_NULL_BE, LAYER_IP}},
	[WIRE_RAW] = {"raw", 12, {LAYER_IP}},
	[WIRE_GRE] = {"gre", 1, {LAYER_ETHERNET, LAYER_ROUTERS_4, LAYER_GRE, LAYER_IP}},
	[WIRE_GRE_ETHERNET] = {"gre-ethernet", 1,
			       {LAYER_ETHERNET, LAYER_ROUTERS_4, LAYER_GRE_FULL, LAYER_ETHERNET, LAYER_VLAN, LAYER_IP}},
	[WIRE_VXLAN] = {"vxlan", 1, {LAYER_ETHERNET, LAYER_ROUTERS_4, LAYER_VXLAN, LAYER_ETHERNET, LAYER_IP}},
	[WIRE_IPIP] = {"ipip", 1, {LAYER_ETHERNET, LAYER_ROUTERS_4, LAYER_IP}},
	[WIRE_IP6IP] = {"ip6ip", 1, {LAYER_ETHERNET, LAYER_ROUTERS_6, LAYER_IP}},
};

const char *wire_link_name(enum wire_link l)
{
	return links[l].name;
}

int wire_link_dlt(enum wire_link l)
{
	return links[l].dlt;
}

void build_frame(enum wire_link link, const struct segment *s, uint16_t id, struct built *out)
{
	build_layers(links[link].layers, s, id, out);
	while (links[link].dlt == 1 && out->n < 60 && !s->offload)
		append(out, "P", 1);
}

/* ---- fragments ---- */

static struct inside put_fragment_header(struct built *b, unsigned next, unsigned bits, uint32_t id)
{
	struct head h = {.n = 0};

	put16(&h, next << 8);
	put16(&h, bits);
	put32(&h, id);
	prepend(b, &h);
	return (struct inside){.protocol = 44};
}

static void put_fragment(struct built *b, const struct segment *s, uint16_t id, size_t off, bool more)
{
	struct ip4 ip = {.src = s->src.addr, .dst = s->dst.addr, .protocol = 6, .id = id,
			 .bits = (unsigned)(off / 8) | (more ? 0x2000u : 0)};
	struct inside in;

	if (s->src.family == 6) {
		in = put_fragment_header(b, 6, (unsigned)off | more, id);
		in = put_ipv6(b, s->src.addr, s->dst.addr, in.protocol, false);
	} else {
		in = put_ipv4(b, &ip);
	}
	put_ethernet(b, in.ethertype);
}

void build_piece(const struct segment *s, uint16_t id, size_t off, size_t n, bool more, struct built *out)
{
	size_t there;

	out->n = 0;
	put_tcp(out, s);
	there = off < out->n ? out->n - off : 0;
	there = there < n ? there : n;
	memmove(out->bytes, out->bytes + off, there);
	memset(out->bytes + there, 'X', n - there);
	out->n = n;
	put_fragment(out, s, id, off, more);
}

bool build_fragment(const struct segment *s, uint16_t id, size_t size, unsigned index, struct built *out)
{
	size_t all = 20u + s->tcp_options + s->payload.n, off = size * index;

	if (off >= all)
		return false;
	build_piece(s, id, off, all - off < size ? all - off : size, all - off > size, out);
	return true;
}

/* ---- capture files ---- */

static void write_number(const struct pcap_writer *w, uint32_t v, int octets)
{
	for (int i = 0; i < octets; i++)
		(void)fputc((int)(v >> 8 * (w->big ? octets - 1 - i : i) & 255), w->f);
}

bool pcap_writer_open(struct pcap_writer *w, const char *path, int dlt)
{
	w->f = fopen(path, "wb");
	if (!w->f)
		return false;
	write_number(w, w->nano ? 0xa1b23c4d : 0xa1b2c3d4, 4);
	write_number(w, 2, 2);
	write_number(w, 4, 2);
	write_number(w, 0, 4);
	write_number(w, 0, 4);
	write_number(w, 262144, 4);
	write_number(w, dlt == 12 ? 101 : (uint32_t)dlt, 4); /* raw IP has another number in files */
	return true;
}

void pcap_writer_frame(struct pcap_writer *w, int64_t ts_ns, struct span frame, uint32_t wire_len)
{
	write_number(w, (uint32_t)(ts_ns / 1000000000), 4);
	write_number(w, (uint32_t)(ts_ns % 1000000000 / (w->nano ? 1 : 1000)), 4);
	write_number(w, (uint32_t)frame.n, 4);
	write_number(w, wire_len, 4);
	(void)fwrite(frame.p, 1, frame.n, w->f);
}
