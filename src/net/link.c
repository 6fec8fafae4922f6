/*
 * link.c - what is below IP: Ethernet and its VLAN tags (IEEE 802.1Q, 802.1ad), MPLS labels (RFC 3032), PPPoE sessions
 * (RFC 2516), PPP (RFC 1661), Linux cooked captures, BSD loopback, and links that carry IP without a header.
 *
 * Left out: IEEE 802.2 inside of Ethernet, and Ethernet inside of MPLS, which no label announces.
 */
#include "packet_walk.h"

/* The numbers of libpcap; capture files have the same but for raw IP. */
enum link_type {
	DLT_NULL = 0,
	DLT_EN10MB = 1,
	DLT_PPP = 9,
	DLT_RAW = 12,
	DLT_RAW_OPENBSD = 14,
	DLT_PPP_SERIAL = 50,
	LINKTYPE_RAW = 101,
	DLT_LOOP = 108,
	DLT_LINUX_SLL = 113,
	DLT_IPV4 = 228,
	DLT_IPV6 = 229,
	DLT_LINUX_SLL2 = 276,
};

enum ethertype {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_BRIDGED = 0x6558, /* GRE: an Ethernet frame follows (RFC 1701, NVGRE RFC 7637) */
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_MULTICAST = 0x8848,
	ETHERTYPE_PPPOE = 0x8864, /* the session; discovery (8863h) carries no IP */
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_QINQ_OLD = 0x9100, /* before 802.1ad each maker had its own */
	ETHERTYPE_QINQ_OLDER = 0x9200,
};

/* RFC 1661 2 and the numbers assigned since. */
enum ppp_protocol { PPP_IPV4 = 0x21, PPP_IPV6 = 0x57, PPP_MPLS = 0x281 };

/* ---- between the link and IP ---- */

/* Links that carry nothing but IP: its version tells which. */
static enum packet_verdict walk_raw(struct walk *w)
{
	if (w->rest.n == 0)
		return walk_short(w);
	switch (w->rest.p[0] >> 4) {
	case 4:
		return walk_to(w, walk_ipv4);
	case 6:
		return walk_to(w, walk_ipv6);
	default:
		return PACKET_UNSUPPORTED;
	}
}

static enum packet_verdict walk_vlan(struct walk *w)
{
	const uint8_t *tag = walk_take(w, 4);

	if (!tag)
		return walk_short(w);
	if (w->p->vlan == 0)
		w->p->vlan = be16(tag) & 0xfff;
	return walk_ethertype(w, be16(tag + 2));
}

/* RFC 3032 2.1: label 20 bits, class 3, bottom of stack 1, time to live 8. */
static enum packet_verdict walk_mpls(struct walk *w)
{
	const uint8_t *entry = walk_take(w, 4);

	if (!entry)
		return walk_short(w);
	return walk_to(w, entry[2] & 1 ? walk_raw : walk_mpls);
}

/*
 * [FF 03] protocol. The two octets may be left out (RFC 1661 6.6), and so may the first of the protocol when it is zero
 * (6.5): the last octet of a protocol is odd, the first is even.
 */
static enum packet_verdict walk_ppp(struct walk *w)
{
	const uint8_t *p;
	uint16_t protocol;

	if (w->rest.n >= 2 && be16(w->rest.p) == 0xff03)
		(void)walk_take(w, 2);
	if (w->rest.n == 0 || (p = walk_take(w, w->rest.p[0] & 1 ? 1 : 2)) == NULL)
		return walk_short(w);
	protocol = p[0] & 1 ? p[0] : be16(p);
	if (protocol == PPP_IPV4)
		return walk_to(w, walk_ipv4);
	if (protocol == PPP_IPV6)
		return walk_to(w, walk_ipv6);
	return walk_to(w, protocol == PPP_MPLS ? walk_mpls : NULL);
}

/* RFC 2516 4: version 1 and type 1, code 0 in a session, session id, length. */
static enum packet_verdict walk_pppoe(struct walk *w)
{
	const uint8_t *p = walk_take(w, 6);

	if (!p)
		return walk_short(w);
	return walk_to(w, be16(p) == 0x1100 ? walk_ppp : NULL);
}

enum packet_verdict walk_ethertype(struct walk *w, uint16_t type)
{
	static const struct {
		uint16_t type;
		walk_step *step;
	} steps[] = { /* most frequent first */
		{ETHERTYPE_IPV4, walk_ipv4},
		{ETHERTYPE_IPV6, walk_ipv6},
		{ETHERTYPE_VLAN, walk_vlan},
		{ETHERTYPE_QINQ, walk_vlan},
		{ETHERTYPE_MPLS, walk_mpls},
		{ETHERTYPE_PPPOE, walk_pppoe},
		{ETHERTYPE_MPLS_MULTICAST, walk_mpls},
		{ETHERTYPE_QINQ_OLD, walk_vlan},
		{ETHERTYPE_QINQ_OLDER, walk_vlan},
		{ETHERTYPE_BRIDGED, walk_ethernet},
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].type == type)
			return walk_to(w, steps[i].step);
	return PACKET_UNSUPPORTED;
}

/* ---- links ---- */

/* Takes a header of n octets with the EtherType at octet at of it. */
static enum packet_verdict walk_typed(struct walk *w, size_t n, size_t at)
{
	const uint8_t *p = walk_take(w, n);

	return p ? walk_ethertype(w, be16(p + at)) : walk_short(w);
}

enum packet_verdict walk_ethernet(struct walk *w)
{
	return walk_typed(w, 14, 12);
}

static enum packet_verdict walk_sll(struct walk *w)
{
	return walk_typed(w, 16, 14);
}

static enum packet_verdict walk_sll2(struct walk *w)
{
	return walk_typed(w, 20, 0);
}

/* An address family in the byte order and numbering of the system that captured: the version of IP says it better. */
static enum packet_verdict walk_loopback(struct walk *w)
{
	return walk_take(w, 4) ? walk_to(w, walk_raw) : walk_short(w);
}

walk_step *link_step(int dlt)
{
	static const struct {
		enum link_type dlt;
		walk_step *step;
	} links[] = {
		{DLT_EN10MB, walk_ethernet},
		{DLT_LINUX_SLL, walk_sll},
		{DLT_LINUX_SLL2, walk_sll2},
		{DLT_NULL, walk_loopback},
		{DLT_LOOP, walk_loopback},
		{DLT_RAW, walk_raw},
		{DLT_RAW_OPENBSD, walk_raw},
		{LINKTYPE_RAW, walk_raw},
		{DLT_IPV4, walk_ipv4},
		{DLT_IPV6, walk_ipv6},
		{DLT_PPP, walk_ppp},
		{DLT_PPP_SERIAL, walk_ppp},
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if ((int)links[i].dlt == dlt)
			return links[i].step;
	return NULL;
}

bool link_supported(int dlt)
{
	return link_step(dlt) != NULL;
}
