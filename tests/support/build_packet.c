/* build_packet.c - see build_packet.h. Built from the inside out: TCP, IP, what is around it. */
#include "build_packet.h"

#include <string.h>

static const struct {
	const char *name;
	int dlt;
} links[WIRE_LINKS] = {
    [WIRE_ETHERNET] = {"ethernet", 1}, [WIRE_VLAN] = {"vlan", 1},       [WIRE_QINQ] = {"qinq", 1},   [WIRE_MPLS] = {"mpls", 1},
    [WIRE_PPPOE] = {"pppoe", 1},       [WIRE_SLL] = {"sll", 113},       [WIRE_SLL2] = {"sll2", 276}, [WIRE_NULL_LE] = {"null", 0},
    [WIRE_NULL_BE] = {"null-be", 0},   [WIRE_RAW] = {"raw", 101},       [WIRE_GRE] = {"gre", 1},     [WIRE_VXLAN] = {"vxlan", 1},
    [WIRE_IPIP] = {"ipip", 1},
};

const char *wire_link_name(enum wire_link l)
{
	return links[l].name;
}

int wire_link_dlt(enum wire_link l)
{
	return links[l].dlt;
}

static void put(struct built *b, const void *p, size_t n)
{
	if (n)
		memcpy(b->bytes + b->n, p, n);
	b->n += n;
}

static void put8(struct built *b, unsigned v)
{
	b->bytes[b->n++] = (uint8_t)v;
}

static void put16(struct built *b, unsigned v)
{
	put8(b, v >> 8);
	put8(b, v & 255);
}

static void put32(struct built *b, uint32_t v)
{
	put16(b, v >> 16);
	put16(b, v & 0xffff);
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(p[i] << 8 | p[i + 1]);
	return n & 1 ? s + (uint32_t)(p[n - 1] << 8) : s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static size_t address_size(const struct segment *s)
{
	return s->src.family == 6 ? 16 : 4;
}

static void put_tcp(struct built *b, const struct segment *s)
{
	size_t at = b->n, n = 20 + s->payload.n, a = address_size(s);
	uint16_t check;

	put16(b, s->src.port);
	put16(b, s->dst.port);
	put32(b, s->seq);
	put32(b, s->ack);
	put8(b, 5 << 4);
	put8(b, s->flags);
	put16(b, 65535);
	put16(b, 0);
	put16(b, 0);
	put(b, s->payload.p, s->payload.n);
	check = fold(sum(sum(sum(6 + (uint32_t)n, s->src.addr, a), s->dst.addr, a), b->bytes + at, n));
	b->bytes[at + 16] = (uint8_t)(check >> 8);
	b->bytes[at + 17] = (uint8_t)check;
}

/* bits: the fragment field. */
static void put_ipv4(struct built *b, const struct segment *s, unsigned protocol, size_t payload, unsigned id, unsigned bits)
{
	size_t at = b->n;
	uint16_t check;

	put8(b, 0x45);
	put8(b, 0);
	put16(b, (unsigned)(20 + payload));
	put16(b, id);
	put16(b, bits);
	put8(b, 64);
	put8(b, protocol);
	put16(b, 0);
	put(b, s->src.addr, 4);
	put(b, s->dst.addr, 4);
	check = fold(sum(0, b->bytes + at, 20));
	b->bytes[at + 10] = (uint8_t)(check >> 8);
	b->bytes[at + 11] = (uint8_t)check;
}

static void put_ipv6(struct built *b, const struct segment *s, unsigned next, size_t payload)
{
	put32(b, 0x60000000);
	put16(b, (unsigned)payload);
	put8(b, next);
	put8(b, 64);
	put(b, s->src.addr, 16);
	put(b, s->dst.addr, 16);
}

static void put_ip(struct built *b, const struct segment *s, uint16_t id)
{
	if (s->src.family == 6)
		put_ipv6(b, s, 6, 20 + s->payload.n);
	else
		put_ipv4(b, s, 6, 20 + s->payload.n, id, 0x4000);
	put_tcp(b, s);
}

static unsigned ethertype(const struct segment *s)
{
	return s->src.family == 6 ? 0x86dd : 0x0800;
}

static void put_ethernet(struct built *b, unsigned type)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	put(b, macs, 12);
	put16(b, type);
}

/* An outer IPv4 header for tunnels, between two routers. */
static void put_outer(struct built *b, unsigned protocol, size_t payload)
{
	struct segment outer = {.src = {.addr = {203, 0, 113, 1}, .family = 4}, .dst = {.addr = {203, 0, 113, 2}, .family = 4}};

	put_ethernet(b, 0x0800);
	put_ipv4(b, &outer, protocol, payload, 1, 0);
}

static void put_link(struct built *b, enum wire_link link, const struct segment *s, size_t ip)
{
	static const uint8_t zeros[16];
	unsigned type = ethertype(s);

	switch (link) {
	case WIRE_ETHERNET:
		put_ethernet(b, type);
		break;
	case WIRE_VLAN:
		put_ethernet(b, 0x8100);
		put16(b, 42);
		put16(b, type);
		break;
	case WIRE_QINQ:
		put_ethernet(b, 0x88a8);
		put16(b, 42);
		put16(b, 0x8100);
		put16(b, 7);
		put16(b, type);
		break;
	case WIRE_MPLS:
		put_ethernet(b, 0x8847);
		put32(b, 0x00010040);
		put32(b, 0x00011140);
		break;
	case WIRE_PPPOE:
		put_ethernet(b, 0x8864);
		put16(b, 0x1100);
		put16(b, 1);
		put16(b, (unsigned)(ip + 2));
		put16(b, s->src.family == 6 ? 0x57 : 0x21);
		break;
	case WIRE_SLL:
		put(b, zeros, 14);
		put16(b, type);
		break;
	case WIRE_SLL2:
		put16(b, type);
		put(b, zeros, 16);
		put16(b, 0);
		break;
	case WIRE_NULL_LE:
		put32(b, s->src.family == 6 ? 0x1e000000 : 0x02000000);
		break;
	case WIRE_NULL_BE:
		put32(b, s->src.family == 6 ? 30 : 2);
		break;
	case WIRE_RAW:
		break;
	case WIRE_GRE:
		put_outer(b, 47, ip + 4);
		put16(b, 0);
		put16(b, type);
		break;
	case WIRE_VXLAN:
		put_outer(b, 17, ip + 14 + 16);
		put16(b, 50000);
		put16(b, 4789);
		put16(b, (unsigned)(ip + 14 + 16));
		put16(b, 0);
		put32(b, 0x08000000);
		put32(b, 0x00000100);
		put_ethernet(b, type);
		break;
	case WIRE_IPIP:
		put_outer(b, s->src.family == 6 ? 41 : 4, ip);
		break;
	case WIRE_LINKS:
		break;
	}
}

void build_frame(enum wire_link link, const struct segment *s, uint16_t id, struct built *out)
{
	size_t ip = (s->src.family == 6 ? 40u : 20u) + 20 + s->payload.n;

	out->n = 0;
	put_link(out, link, s, ip);
	put_ip(out, s, id);
	while (link == WIRE_ETHERNET && out->n < 60) /* padding of short frames is never data */
		put8(out, 'P');
}

bool build_fragment(const struct segment *s, uint16_t id, size_t size, unsigned index, struct built *out)
{
	static struct built whole;
	size_t off = size * index, n;
	bool more;

	whole.n = 0;
	put_tcp(&whole, s);
	if (off >= whole.n)
		return false;
	n = whole.n - off < size ? whole.n - off : size;
	more = off + n < whole.n;
	out->n = 0;
	put_ethernet(out, ethertype(s));
	if (s->src.family == 6) {
		put_ipv6(out, s, 44, 8 + n);
		put8(out, 6);
		put8(out, 0);
		put16(out, (unsigned)off | more);
		put32(out, id);
	} else {
		put_ipv4(out, s, 6, n, id, (unsigned)(off / 8) | (more ? 0x2000u : 0u));
	}
	put(out, whole.bytes + off, n);
	return true;
}
