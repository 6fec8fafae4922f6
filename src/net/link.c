/*
 * link.c - link layer headers: Ethernet with VLAN tags, MPLS, PPPoE, PPP, Linux cooked, BSD loopback, raw IP.
 *
 * The DLT numbers are those of the link-layer header types that capture files carry; libpcap itself is not needed for them.
 */
#include "packet_walk.h"

struct link_row {
	int dlt;
	enum link_kind kind;
	const char *name;
};

static const struct link_row links[] = {
    {1, LINK_ETHERNET, "EN10MB"}, {0, LINK_NULL, "NULL"},   {108, LINK_LOOP, "LOOP"}, {113, LINK_SLL, "LINUX_SLL"},
    {276, LINK_SLL2, "LINUX_SLL2"}, {12, LINK_RAW, "RAW"},  {14, LINK_RAW, "RAW"},    {101, LINK_RAW, "RAW"},
    {228, LINK_IPV4, "IPV4"},     {229, LINK_IPV6, "IPV6"}, {9, LINK_PPP, "PPP"},     {50, LINK_PPP, "PPP_SERIAL"},
};

static const struct link_row *link_find(int dlt)
{
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (links[i].dlt == dlt)
			return &links[i];
	return NULL;
}

bool link_supported(int dlt)
{
	return link_find(dlt) != NULL;
}

const char *link_name(int dlt)
{
	const struct link_row *row = link_find(dlt);

	return row ? row->name : NULL;
}

uint32_t link_of_dlt(int dlt)
{
	const struct link_row *row = link_find(dlt);

	return row ? row->kind : LINK_NONE;
}

static enum packet_verdict walk_ethernet(struct walk *w)
{
	uint16_t type;

	cursor_skip(&w->c, 12);
	type = cursor_be16(&w->c);
	return w->c.bad ? PACKET_TRUNCATED : walk_next(w, WALK_ETHERTYPE, type);
}

static enum packet_verdict walk_sll(struct walk *w)
{
	uint16_t type;

	cursor_skip(&w->c, 14);
	type = cursor_be16(&w->c);
	return w->c.bad ? PACKET_TRUNCATED : walk_next(w, WALK_ETHERTYPE, type);
}

static enum packet_verdict walk_sll2(struct walk *w)
{
	uint16_t type = cursor_be16(&w->c);

	cursor_skip(&w->c, 18);
	return w->c.bad ? PACKET_TRUNCATED : walk_next(w, WALK_ETHERTYPE, type);
}

/* By the IP version nibble: links that carry nothing but IP. */
static enum packet_verdict walk_raw(struct walk *w)
{
	uint8_t version;

	if (!w->c.left)
		return PACKET_TRUNCATED;
	version = w->c.p[0] >> 4;
	if (version != 4 && version != 6)
		return PACKET_UNSUPPORTED;
	return walk_next(w, WALK_ETHERTYPE, version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

/* A four-octet address family in the byte order of the machine that captured; its values differ between systems, IP's version does not. */
static enum packet_verdict walk_null(struct walk *w)
{
	cursor_skip(&w->c, 4);
	return w->c.bad ? PACKET_TRUNCATED : walk_raw(w);
}

/* RFC 1661 2, with or without address and control octets (RFC 1662 3.1) and protocol field compression. */
static enum packet_verdict walk_ppp(struct walk *w)
{
	struct cursor c = w->c;
	uint32_t protocol;

	if (c.left >= 2 && c.p[0] == 0xff && c.p[1] == 0x03)
		cursor_skip(&c, 2);
	protocol = cursor_u8(&c);
	if (!(protocol & 1))
		protocol = protocol << 8 | cursor_u8(&c);
	if (c.bad)
		return PACKET_TRUNCATED;
	w->c = c;
	if (protocol == 0x21)
		return walk_next(w, WALK_ETHERTYPE, ETHERTYPE_IPV4);
	if (protocol == 0x57)
		return walk_next(w, WALK_ETHERTYPE, ETHERTYPE_IPV6);
	return PACKET_UNSUPPORTED;
}

enum packet_verdict link_step(struct walk *w, uint32_t kind)
{
	switch ((enum link_kind)kind) {
	case LINK_ETHERNET:
		return walk_ethernet(w);
	case LINK_NULL:
	case LINK_LOOP:
		return walk_null(w);
	case LINK_RAW:
		return walk_raw(w);
	case LINK_SLL:
		return walk_sll(w);
	case LINK_SLL2:
		return walk_sll2(w);
	case LINK_PPP:
		return walk_ppp(w);
	case LINK_IPV4:
		return walk_next(w, WALK_ETHERTYPE, ETHERTYPE_IPV4);
	case LINK_IPV6:
		return walk_next(w, WALK_ETHERTYPE, ETHERTYPE_IPV6);
	case LINK_NONE:
		break;
	}
	return PACKET_UNSUPPORTED;
}

/* ---- between link and IP ---- */

static enum packet_verdict walk_vlan(struct walk *w)
{
	uint16_t tag = cursor_be16(&w->c), type = cursor_be16(&w->c);

	if (w->c.bad)
		return PACKET_TRUNCATED;
	if (!w->p->vlan)
		w->p->vlan = tag & 0xfff;
	return walk_next(w, WALK_ETHERTYPE, type);
}

/* A label stack up to the bottom bit; what follows is told by its first nibble. */
static enum packet_verdict walk_mpls(struct walk *w)
{
	uint32_t label = cursor_be32(&w->c);

	if (w->c.bad)
		return PACKET_TRUNCATED;
	return label & 0x100 ? walk_next(w, WALK_LINK, LINK_RAW) : walk_next(w, WALK_ETHERTYPE, 0x8847);
}

static enum packet_verdict walk_pppoe(struct walk *w)
{
	cursor_skip(&w->c, 6);
	return w->c.bad ? PACKET_TRUNCATED : walk_next(w, WALK_LINK, LINK_PPP);
}

static enum packet_verdict walk_bridged(struct walk *w)
{
	return walk_next(w, WALK_LINK, LINK_ETHERNET);
}

enum packet_verdict ethertype_step(struct walk *w, uint32_t type)
{
	static const struct {
		uint16_t type;
		enum packet_verdict (*step)(struct walk *w);
	} steps[] = {
	    {ETHERTYPE_IPV4, walk_ipv4}, {ETHERTYPE_IPV6, walk_ipv6}, {0x8100, walk_vlan}, {0x88a8, walk_vlan},
	    {0x9100, walk_vlan},         {0x9200, walk_vlan},         {0x8847, walk_mpls}, {0x8848, walk_mpls},
	    {0x8864, walk_pppoe},        {ETHERTYPE_BRIDGED, walk_bridged},
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (steps[i].type == type)
			return steps[i].step(w);
	return PACKET_UNSUPPORTED;
}
