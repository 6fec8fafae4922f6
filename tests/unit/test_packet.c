/*
 * test_packet.c - IP, its extension headers, tunnels and TCP: right ones, each cut at every octet, each octet changed,
 * and those that contradict themselves. Inputs end at a guard page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "build_packet.h"
#include "guard.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct built frame;

static struct segment segment_of(uint8_t family)
{
	return (struct segment){
		.src = {.addr = {192, 0, 2, 10}, .port = 51234, .family = family},
		.dst = {.addr = {192, 0, 2, 25}, .port = 25, .family = family},
		.seq = 0x80000001,
		.ack = 77,
		.flags = TCP_ACK | TCP_PSH,
		.payload = SPAN("EHLO c.example\r\n"),
	};
}

/* The first n octets of the frame, captured from one that was as long as it is. */
static enum packet_verdict parse_cut(int dlt, size_t n, bool verify, struct packet *p)
{
	return packet_parse(dlt, span_of(guard_copy(frame.bytes, n), n), (uint32_t)frame.n, verify, p);
}

static enum packet_verdict parse(int dlt, bool verify, struct packet *p)
{
	return parse_cut(dlt, frame.n, verify, p);
}

static void check_segment(const struct packet *p, const struct segment *s)
{
	assert_memory_equal(p->src.addr, s->src.addr, 16);
	assert_memory_equal(p->dst.addr, s->dst.addr, 16);
	assert_int_equal(p->src.family, s->src.family);
	assert_int_equal(p->src.port, 51234);
	assert_int_equal(p->dst.port, 25);
	assert_int_equal(p->seq, 0x80000001);
	assert_int_equal(p->ack, 77);
	assert_int_equal(p->flags, s->flags);
	assert_true(span_eq(p->payload, s->payload));
	assert_int_equal(p->payload_len, s->payload.n);
}

/* ---- headers ---- */

struct stack {
	const char *name;
	enum layer layers[12];
	bool both; /* with IPv4 too */
};

static const struct stack stacks[] = {
	{"plain", {LAYER_IP}, true},
	{"authentication header", {LAYER_IP, LAYER_AH}, true},
	{"hop-by-hop", {LAYER_IP, LAYER_HOP_BY_HOP}, false},
	{"routing", {LAYER_IP, LAYER_ROUTING}, false},
	{"destination", {LAYER_IP, LAYER_DESTINATION}, false},
	{"atomic fragment", {LAYER_IP, LAYER_ATOMIC}, false},
	{"all extension headers", {LAYER_IP, LAYER_HOP_BY_HOP, LAYER_DESTINATION, LAYER_ROUTING, LAYER_ATOMIC, LAYER_AH,
				   LAYER_DESTINATION}, false},
	{"IP in IPv4", {LAYER_ROUTERS_4, LAYER_IP}, true},
	{"IP in IPv6", {LAYER_ROUTERS_6, LAYER_IP}, true},
	{"IP in IPv6 with options", {LAYER_ROUTERS_6, LAYER_DESTINATION, LAYER_IP}, true},
	{"tunnel with authentication", {LAYER_ROUTERS_4, LAYER_AH, LAYER_IP}, true},
	{"GRE", {LAYER_ROUTERS_4, LAYER_GRE, LAYER_IP}, true},
	{"GRE with all fields", {LAYER_ROUTERS_6, LAYER_GRE_FULL, LAYER_IP}, true},
	{"GRE with MPLS", {LAYER_ROUTERS_4, LAYER_GRE, LAYER_MPLS, LAYER_IP}, true},
	{"GRE with Ethernet", {LAYER_ROUTERS_4, LAYER_GRE_FULL, LAYER_ETHERNET, LAYER_VLAN, LAYER_IP}, true},
	{"VXLAN", {LAYER_ROUTERS_4, LAYER_VXLAN, LAYER_ETHERNET, LAYER_IP}, true},
	{"VXLAN over IPv6", {LAYER_ROUTERS_6, LAYER_VXLAN, LAYER_ETHERNET, LAYER_VLAN, LAYER_IP}, true},
	{"GRE in VXLAN in IP in IP", {LAYER_ROUTERS_6, LAYER_ROUTERS_4, LAYER_VXLAN, LAYER_ETHERNET, LAYER_ROUTERS_4,
				      LAYER_GRE, LAYER_IP}, true},
};

/* A stack with each version of IP inside that it can have: false after the last. */
static bool stack_next(size_t *i, struct segment *s)
{
	if (s->src.family == 6)
		(*i)++;
	if (*i == COUNT(stacks))
		return false;
	*s = segment_of(s->src.family == 6 && stacks[*i].both ? 4 : stacks[*i].both && s->src.family == 0 ? 4 : 6);
	return true;
}

/* R19, R20. */
static void each_stack(void **state)
{
	struct segment s = {.src.family = 0};
	struct packet p;

	(void)state;
	for (size_t i = 0; stack_next(&i, &s);) {
		print_message("%s, IPv%u\n", stacks[i].name, s.src.family);
		build_layers(stacks[i].layers, &s, 1, &frame);
		assert_int_equal(parse(12, true, &p), PACKET_DONE);
		check_segment(&p, &s);
	}
}

static void cut_everywhere(const struct stack *stack, const struct segment *s)
{
	build_layers(stack->layers, s, 1, &frame);
	for (size_t n = 0; n < frame.n; n++) {
		bool in_payload = n >= frame.n - s->payload.n;
		struct packet p;

		assert_int_equal(parse_cut(12, n, n % 2, &p), in_payload ? PACKET_DONE : PACKET_TRUNCATED);
		if (!in_payload)
			continue;
		assert_int_equal(p.payload.n, n - (frame.n - s->payload.n));
		assert_memory_equal(p.payload.p, s->payload.p, p.payload.n);
		assert_int_equal(p.payload_len, s->payload.n);
	}
}

/*
 * R16: whatever the snaplen leaves. A cut header is "truncated", a cut payload is told by payload_len. With checksums
 * wanted the same: what is cut passes.
 */
static void each_stack_cut_everywhere(void **state)
{
	struct segment s = {.src.family = 0};

	(void)state;
	for (size_t i = 0; stack_next(&i, &s);) {
		cut_everywhere(&stacks[i], &s);
		s.payload = SPAN("");
		cut_everywhere(&stacks[i], &s);
	}
}

/* The same where nothing says that it was cut: no header is read past the end; what IP announced counts as cut. */
static void each_stack_short(void **state)
{
	struct segment s = {.src.family = 0};

	(void)state;
	for (size_t i = 0; stack_next(&i, &s);) {
		size_t whole;

		build_layers(stacks[i].layers, &s, 1, &frame);
		whole = frame.n;
		for (frame.n = 0; frame.n < whole; frame.n++) {
			struct packet p;
			enum packet_verdict v = parse(12, false, &p);

			if (frame.n >= whole - s.payload.n)
				assert_int_equal(v, PACKET_DONE);
			else
				assert_true(v == PACKET_TRUNCATED || v == PACKET_MALFORMED);
			assert_int_equal(parse(12, true, &p), PACKET_MALFORMED); /* no room for what IP says */
		}
	}
}

/* R39: every octet with every bit flipped, and as 00 and FF. Any verdict; a payload lies inside of the frame. */
static void each_stack_changed(void **state)
{
	static const uint8_t how[] = {1, 2, 4, 8, 16, 32, 64, 128};
	struct segment s = {.src.family = 0};

	(void)state;
	for (size_t i = 0; stack_next(&i, &s);) {
		build_layers(stacks[i].layers, &s, 1, &frame);
		for (size_t k = 0; k < frame.n * (COUNT(how) + 2); k++) {
			uint8_t *at = &frame.bytes[k / (COUNT(how) + 2)], was = *at;
			size_t row = k % (COUNT(how) + 2);
			const uint8_t *bytes;
			struct packet p;

			*at = row < COUNT(how) ? *at ^ how[row] : row == COUNT(how) ? 0 : 255;
			bytes = guard_copy(frame.bytes, frame.n);
			if (packet_parse(12, span_of(bytes, frame.n), (uint32_t)frame.n, false, &p) == PACKET_DONE) {
				assert_true(p.payload.p >= bytes && p.payload.n <= frame.n);
				assert_true((size_t)(p.payload.p - bytes) <= frame.n - p.payload.n);
				assert_true(p.payload_len >= p.payload.n);
			}
			*at = was;
		}
	}
}

/* Octets without any sense on every link type. */
static void noise(void **state)
{
	static const int dlts[] = {0, 1, 9, 12, 113, 228, 229, 276};
	uint32_t x = 20240501;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct packet p;

		for (frame.n = 0; frame.n < (size_t)(round % 150); frame.n++) {
			x = x * 1664525 + 1013904223;
			frame.bytes[frame.n] = (uint8_t)(x >> 24);
		}
		if (round % 3 == 0) /* past the first door */
			frame.bytes[0] = round % 2 ? 0x45 : 0x60;
		for (size_t i = 0; i < COUNT(dlts); i++)
			assert_true(parse(dlts[i], round & 1, &p) < PACKET_VERDICTS);
	}
}

/* ---- depth ---- */

/* R20: tunnels up to the limit are read, one more is counted. */
static void nested_tunnels(void **state)
{
	static const struct {
		enum layer header[3];
		size_t n;
	} rows[] = {
		{{LAYER_ROUTERS_4}, 1},
		{{LAYER_ROUTERS_6}, 1},
		{{LAYER_ROUTERS_4, LAYER_GRE}, 2},
		{{LAYER_ROUTERS_4, LAYER_VXLAN, LAYER_ETHERNET}, 3},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int tunnels = PACKET_MAX_TUNNELS - 1; tunnels <= PACKET_MAX_TUNNELS + 2; tunnels++) {
			enum layer layers[3 * (PACKET_MAX_TUNNELS + 2) + 2];
			struct segment s = segment_of(4);
			struct packet p;
			size_t n = 0;

			for (int k = 0; k < tunnels; k++, n += rows[i].n)
				memcpy(layers + n, rows[i].header, rows[i].n * sizeof(layers[0]));
			layers[n] = LAYER_IP;
			layers[n + 1] = LAYER_END;
			build_layers(layers, &s, 1, &frame);
			assert_int_equal(parse(12, true, &p),
					 tunnels <= PACKET_MAX_TUNNELS ? PACKET_DONE : PACKET_TOO_DEEP);
		}
}

/* R19: a hundred extension headers. */
static void many_extensions(void **state)
{
	enum layer layers[102] = {LAYER_IP};
	struct segment s = segment_of(6);
	struct packet p;

	(void)state;
	for (int i = 1; i <= 100; i++)
		layers[i] = LAYER_HOP_BY_HOP;
	build_layers(layers, &s, 1, &frame);
	assert_int_equal(parse(12, false, &p), PACKET_TOO_DEEP);
}

/* ---- lengths ---- */

/* R17: short frames are padded; what is beyond the IP length is no data, in a tunnel either. */
static void padding(void **state)
{
	static const enum layer layers[] = {LAYER_ETHERNET, LAYER_ROUTERS_4, LAYER_IP, LAYER_END};
	struct packet p;

	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct segment s = segment_of(family);

		s.payload = SPAN("");
		s.flags = TCP_ACK;
		build_frame(WIRE_ETHERNET, &s, 1, &frame);
		memset(frame.bytes + frame.n, 'P', 200);
		frame.n += 200;
		assert_int_equal(parse(1, true, &p), PACKET_DONE);
		assert_int_equal(p.payload.n, 0);
		assert_int_equal(p.payload_len, 0);
		build_layers(layers, &s, 1, &frame);
		frame.bytes[frame.n++] = 'P';
		assert_int_equal(parse(1, true, &p), PACKET_DONE);
		assert_int_equal(p.payload_len, 0);
		assert_int_equal(parse_cut(1, frame.n - 1, true, &p), PACKET_DONE); /* only padding is cut */
		assert_int_equal(p.payload_len, 0);
	}
}

/* R17: length 0 stands for "all there is", up to more than IP could say; its checksums are not there yet. */
static void offload(void **state)
{
	static uint8_t data[65536];
	struct packet p;

	(void)state;
	memset(data, 'D', sizeof(data));
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct segment s = segment_of(family);

		s.payload = span_of(data, sizeof(data));
		s.offload = true;
		build_frame(WIRE_ETHERNET, &s, 1, &frame);
		assert_int_equal(parse(1, true, &p), PACKET_DONE);
		check_segment(&p, &s);
		assert_int_equal(parse_cut(1, 1000, true, &p), PACKET_DONE);
		assert_int_equal(p.payload_len, sizeof(data));
		assert_true(p.payload.n < 1000);
	}
}

/* R19: a jumbogram (RFC 2675): payload length 0 and a hop-by-hop option with the length. */
static void jumbogram(void **state)
{
	static const enum layer layers[] = {LAYER_IP, LAYER_HOP_BY_HOP, LAYER_END};
	static uint8_t data[66000];
	struct segment s = segment_of(6);
	struct packet p;

	(void)state;
	s.payload = span_of(data, sizeof(data));
	s.offload = true;
	build_layers(layers, &s, 1, &frame);
	memcpy(frame.bytes + 40 + 2, "\xc2\4\0\1\2\xf4", 6);
	assert_int_equal(parse(12, false, &p), PACKET_DONE);
	check_segment(&p, &s);
}

/* ---- contradictions ---- */

/* One octet of a right packet is another: what it must come to. The octet at of raw IP of that family. */
static void one_octet(void **state)
{
	static const struct {
		const char *name;
		uint8_t family;
		size_t at;
		uint8_t value;
		enum packet_verdict want;
	} rows[] = {
		{"IPv4: version 5", 4, 0, 0x55, PACKET_UNSUPPORTED},
		{"IPv4: header of 16 octets", 4, 0, 0x44, PACKET_MALFORMED},
		{"IPv4: header of 0 octets", 4, 0, 0x40, PACKET_MALFORMED},
		{"IPv4: total length below the header", 4, 3, 19, PACKET_MALFORMED},
		{"IPv4: total length inside of the TCP header", 4, 3, 39, PACKET_MALFORMED},
		{"IPv4: reserved flag", 4, 6, 0x80, PACKET_DONE},
		{"IPv4: more fragments", 4, 6, 0x20, PACKET_FRAGMENT},
		{"IPv4: fragment offset", 4, 7, 0x01, PACKET_FRAGMENT},
		{"IPv4: ICMP", 4, 9, 1, PACKET_ICMP},
		{"IPv4: ICMPv6 is none", 4, 9, 58, PACKET_UNSUPPORTED},
		{"IPv4: UDP to another port", 4, 9, 17, PACKET_UNSUPPORTED},
		{"IPv4: ESP", 4, 9, 50, PACKET_UNSUPPORTED},
		{"IPv4: extension headers are those of IPv6", 4, 9, 60, PACKET_UNSUPPORTED},
		{"IPv4: protocol 0 is no option header either", 4, 9, 0, PACKET_UNSUPPORTED},
		{"TCP: header of 16 octets", 4, 20 + 12, 4 << 4, PACKET_MALFORMED},
		{"TCP: header of 0 octets", 4, 20 + 12, 0, PACKET_MALFORMED},
		{"TCP: header longer than the segment", 4, 20 + 12, 15 << 4, PACKET_MALFORMED},
		{"TCP: header of all of the segment", 4, 20 + 12, 9 << 4, PACKET_DONE},
		{"IPv6: payload length inside of the TCP header", 6, 5, 19, PACKET_MALFORMED},
		{"IPv6: ICMPv6", 6, 6, 58, PACKET_ICMP},
		{"IPv6: ICMP is none", 6, 6, 1, PACKET_UNSUPPORTED},
		{"IPv6: no next header", 6, 6, 59, PACKET_UNSUPPORTED},
		{"IPv6: extension longer than the packet", 6, 6, 60, PACKET_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct segment s = segment_of(rows[i].family);
		struct packet p;

		print_message("%s\n", rows[i].name);
		build_frame(WIRE_RAW, &s, 1, &frame);
		frame.bytes[41] = 255; /* the length where TCP is read as an extension header; else it does not matter */
		frame.bytes[rows[i].at] = rows[i].value;
		assert_int_equal(parse(12, false, &p), rows[i].want);
	}
}

/* An IPv4 header that leaves its destination out, though all lengths fit. */
static void header_too_small(void **state)
{
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_frame(WIRE_RAW, &s, 1, &frame);
	memmove(frame.bytes + 16, frame.bytes + 20, frame.n - 20);
	frame.n -= 4;
	frame.bytes[0] = 0x44;
	frame.bytes[3] = (uint8_t)frame.n;
	assert_int_equal(parse(12, false, &p), PACKET_MALFORMED);
}

/* RFC 8200 4.5: reserved bits are ignored; a fragment with nothing else in that field is whole. */
static void atomic_with_reserved_bits(void **state)
{
	static const enum layer layers[] = {LAYER_IP, LAYER_ATOMIC, LAYER_END};
	struct segment s = segment_of(6);
	struct packet p;

	(void)state;
	build_layers(layers, &s, 1, &frame);
	frame.bytes[40 + 1] = 0xff;
	frame.bytes[40 + 3] = 0x06;
	assert_int_equal(parse(12, true, &p), PACKET_DONE);
	check_segment(&p, &s);
}

/* GRE of other versions, VXLAN without its flag or on another port, ERSPAN: not for us. */
static void other_tunnels(void **state)
{
	static const enum layer gre[] = {LAYER_ROUTERS_4, LAYER_GRE, LAYER_IP, LAYER_END};
	static const enum layer vxlan[] = {LAYER_ROUTERS_4, LAYER_VXLAN, LAYER_ETHERNET, LAYER_IP, LAYER_END};
	static const struct {
		const enum layer *layers;
		size_t at;
		uint8_t value;
	} rows[] = {
		{gre, 21, 1},      /* PPTP */
		{gre, 20, 0x40},   /* routing */
		{gre, 22, 0x88},   /* 8800h: none we know */
		{vxlan, 23, 0xb4}, /* port 4788 */
		{vxlan, 28, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct segment s = segment_of(4);
		struct packet p;

		build_layers(rows[i].layers, &s, 1, &frame);
		frame.bytes[rows[i].at] = rows[i].value;
		assert_int_equal(parse(12, false, &p), PACKET_UNSUPPORTED);
	}
}

/* An ICMP error that quotes a segment is no segment. */
static void icmp_quotes(void **state)
{
	static const enum layer layers[] = {LAYER_ROUTERS_4, LAYER_IP, LAYER_END};
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_layers(layers, &s, 1, &frame);
	frame.bytes[9] = 1;
	assert_int_equal(parse(12, false, &p), PACKET_ICMP);
}

static void options(void **state)
{
	struct packet p;

	(void)state;
	for (uint8_t ip = 0; ip <= 40; ip += 4)
		for (uint8_t tcp = 0; tcp <= 40; tcp += 4) {
			struct segment s = segment_of(4);

			s.ip_options = ip;
			s.tcp_options = tcp;
			build_frame(WIRE_ETHERNET, &s, 1, &frame);
			assert_int_equal(parse(1, true, &p), PACKET_DONE);
			check_segment(&p, &s);
		}
}

static void all_flags(void **state)
{
	struct packet p;

	(void)state;
	for (uint8_t flags = 0; flags < 64; flags++) {
		struct segment s = segment_of(4);

		s.flags = flags | 0xc0; /* ECE and CWR are nobody's business */
		build_frame(WIRE_RAW, &s, 1, &frame);
		assert_int_equal(parse(12, true, &p), PACKET_DONE);
		assert_int_equal(p.flags, flags);
	}
}

/* ---- checksums ---- */

/* R21: wrong ones pass unless they are to be verified, for payloads of even and odd length. */
static void checksums(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2)
		for (size_t n = 0; n <= 16; n++) {
			struct segment s = segment_of(family);
			struct packet p;

			s.payload.n = n;
			build_frame(WIRE_RAW, &s, 1, &frame);
			assert_int_equal(parse(12, true, &p), PACKET_DONE);
			s.bad_tcp_checksum = true;
			build_frame(WIRE_RAW, &s, 1, &frame);
			assert_int_equal(parse(12, true, &p), PACKET_BAD_CHECKSUM);
			assert_int_equal(parse(12, false, &p), PACKET_DONE);
			if (n > 0)
				assert_int_equal(parse_cut(12, frame.n - 1, true, &p), PACKET_DONE);
			s.bad_tcp_checksum = false;
			s.bad_ip_checksum = true;
			build_frame(WIRE_RAW, &s, 1, &frame);
			assert_int_equal(parse(12, true, &p), family == 4 ? PACKET_BAD_CHECKSUM : PACKET_DONE);
			assert_int_equal(parse(12, false, &p), PACKET_DONE);
		}
}

/* Each octet of IPv4 and TCP is under a checksum: none can change unseen. */
static void checksum_covers(void **state)
{
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_frame(WIRE_RAW, &s, 1, &frame);
	for (size_t i = 0; i < frame.n; i++) {
		frame.bytes[i] ^= 0x10;
		assert_int_not_equal(parse(12, true, &p), PACKET_DONE);
		frame.bytes[i] ^= 0x10;
	}
}

/* A segment whose checksums do not come from the builder. */
static void checksums_by_hand(void **state)
{
	/*
	 * 192.0.2.1 port 25 to 192.0.2.2 port 1025, sequence 1, SYN, window 1024. Words of the IP header:
	 * 4500+0028+4006+c000+0201+c000+0202 = 20931, folded 0933, complement f6cc. Pseudo header and segment:
	 * c000+0201+c000+0202+0006+0014 + 0019+0401+0001+5002+0400 = 1dc3a, folded dc3b, complement 23c4.
	 */
	static const uint8_t bytes[40] = {
		0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0xf6, 0xcc, 192, 0, 2, 1, 192, 0, 2, 2,
		0, 25, 4, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 4, 0, 0x23, 0xc4, 0, 0,
	};
	struct packet p;

	(void)state;
	memcpy(frame.bytes, bytes, sizeof(bytes));
	frame.n = sizeof(bytes);
	assert_int_equal(parse(12, true, &p), PACKET_DONE);
}

/* RFC 8200 8.1: with segments left the header does not show the destination that the checksum is over. */
static void checksum_of_routed(void **state)
{
	static const enum layer layers[] = {LAYER_IP, LAYER_ROUTING, LAYER_END};
	struct segment s = segment_of(6);
	struct packet p;

	(void)state;
	s.bad_tcp_checksum = true;
	build_layers(layers, &s, 1, &frame);
	assert_int_equal(parse(12, true, &p), PACKET_BAD_CHECKSUM);
	frame.bytes[40 + 3] = 1;
	assert_int_equal(parse(12, true, &p), PACKET_DONE);
}

/* ---- fragments ---- */

static void fragments(void **state)
{
	(void)state;
	for (uint8_t family = 4; family <= 6; family += 2)
		for (unsigned i = 0; i < 3; i++) {
			struct segment s = segment_of(family);
			struct packet p;

			assert_true(build_fragment(&s, 0xbeef, 16, i, &frame)); /* of 36: 16, 16, 4 */
			assert_int_equal(parse(1, true, &p), PACKET_FRAGMENT);
			assert_memory_equal(p.frag.src.addr, s.src.addr, 16);
			assert_memory_equal(p.frag.dst.addr, s.dst.addr, 16);
			assert_int_equal(p.frag.src.family, family);
			assert_int_equal(p.frag.src.port, 0);
			assert_int_equal(p.frag.id, 0xbeef);
			assert_int_equal(p.frag.protocol, 6);
			assert_int_equal(p.frag.offset, 16 * i);
			assert_int_equal(p.frag.more, i < 2);
			assert_int_equal(p.frag.length, i < 2 ? 16 : 4);
			assert_int_equal(p.frag.payload.n, p.frag.length);
			if (i == 2)
				assert_memory_equal(p.frag.payload.p, s.payload.p + 12, 4);
			assert_int_equal(parse_cut(1, 14 + (family == 6 ? 48u : 20u) + 3, true, &p), PACKET_FRAGMENT);
			assert_int_equal(p.frag.length, i < 2 ? 16 : 4);
			assert_int_equal(p.frag.payload.n, 3);
		}
}

static void fragment_in_vlan(void **state)
{
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	assert_true(build_fragment(&s, 1, 16, 1, &frame));
	memmove(frame.bytes + 16, frame.bytes + 12, frame.n - 12);
	memcpy(frame.bytes + 12, "\x81\0\0\x2a", 4);
	frame.n += 4;
	assert_int_equal(parse(1, true, &p), PACKET_FRAGMENT);
	assert_int_equal(p.frag.vlan, 42);
}

/* Fragments of what would not be read anyway take no room. */
static void fragments_not_for_us(void **state)
{
	static const struct {
		uint8_t protocol;
		enum packet_verdict want;
	} rows[] = {{1, PACKET_ICMP}, {50, PACKET_UNSUPPORTED}, {17, PACKET_FRAGMENT}, {47, PACKET_FRAGMENT}};
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(build_fragment(&s, 1, 16, 1, &frame));
		frame.bytes[14 + 9] = rows[i].protocol;
		assert_int_equal(parse(1, false, &p), rows[i].want);
	}
	assert_true(build_fragment(&s, 1, 16, 1, &frame));
	frame.bytes[14 + 2] = frame.bytes[14 + 3] = 0; /* offload does not fragment: how long would it be? */
	assert_int_equal(parse(1, false, &p), PACKET_MALFORMED);
}

/* What defrag gives back is read like the rest of a packet: TCP, tunnels, their limits, checksums. */
static void reassembled(void **state)
{
	static const enum layer tunnel[] = {LAYER_IP, LAYER_END};
	struct segment s = segment_of(4);
	struct ip_fragment whole = {.src = s.src, .dst = s.dst, .vlan = 42};
	struct packet p;

	(void)state;
	whole.src.port = whole.dst.port = 0;
	build_frame(WIRE_RAW, &s, 1, &frame);
	whole.protocol = 6;
	whole.payload = guard_span(span_of(frame.bytes + 20, frame.n - 20));
	whole.length = (uint32_t)whole.payload.n;
	assert_int_equal(packet_parse_ip(&whole, true, &p), PACKET_DONE);
	check_segment(&p, &s);
	assert_int_equal(p.vlan, 42);
	whole.src.addr[0]++;
	assert_int_equal(packet_parse_ip(&whole, true, &p), PACKET_BAD_CHECKSUM);
	build_layers(tunnel, &s, 1, &frame);
	whole.protocol = 4;
	whole.payload = guard_span(span_of(frame.bytes, frame.n));
	assert_int_equal(packet_parse_ip(&whole, true, &p), PACKET_DONE);
	check_segment(&p, &s);
	whole.protocol = 1;
	assert_int_equal(packet_parse_ip(&whole, true, &p), PACKET_ICMP);
	whole.protocol = 6;
	whole.payload.n = 19;
	assert_int_equal(packet_parse_ip(&whole, true, &p), PACKET_MALFORMED);
}

/* ---- odd captures ---- */

/* R52: no octets at all; more captured than the wire had. */
static void odd_lengths(void **state)
{
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_frame(WIRE_ETHERNET, &s, 1, &frame);
	assert_int_equal(packet_parse(1, span_of(guard_copy("", 0), 0), 0, false, &p), PACKET_MALFORMED);
	assert_int_equal(packet_parse(1, span_of(guard_copy("", 0), 0), UINT32_MAX, false, &p), PACKET_TRUNCATED);
	assert_int_equal(packet_parse(1, SPAN_ABSENT, 60, false, &p), PACKET_TRUNCATED);
	assert_int_equal(packet_parse(1, span_of(frame.bytes, 13), 12, false, &p), PACKET_MALFORMED);
	assert_int_equal(packet_parse(1, span_of(frame.bytes, frame.n), 0, true, &p), PACKET_DONE);
	check_segment(&p, &s);
	assert_int_equal(packet_parse(1, span_of(frame.bytes, frame.n), UINT32_MAX, true, &p), PACKET_DONE);
	check_segment(&p, &s);
}

static void verdict_names(void **state)
{
	(void)state;
	for (unsigned v = 0; v < PACKET_VERDICTS; v++)
		assert_true(strlen(packet_verdict_name((enum packet_verdict)v)) > 3);
	assert_string_equal(packet_verdict_name(PACKET_TRUNCATED), "truncated");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stack),
		cmocka_unit_test(each_stack_cut_everywhere),
		cmocka_unit_test(each_stack_short),
		cmocka_unit_test(each_stack_changed),
		cmocka_unit_test(noise),
		cmocka_unit_test(nested_tunnels),
		cmocka_unit_test(many_extensions),
		cmocka_unit_test(padding),
		cmocka_unit_test(offload),
		cmocka_unit_test(jumbogram),
		cmocka_unit_test(one_octet),
		cmocka_unit_test(header_too_small),
		cmocka_unit_test(atomic_with_reserved_bits),
		cmocka_unit_test(other_tunnels),
		cmocka_unit_test(icmp_quotes),
		cmocka_unit_test(options),
		cmocka_unit_test(all_flags),
		cmocka_unit_test(checksums),
		cmocka_unit_test(checksum_covers),
		cmocka_unit_test(checksums_by_hand),
		cmocka_unit_test(checksum_of_routed),
		cmocka_unit_test(fragments),
		cmocka_unit_test(fragment_in_vlan),
		cmocka_unit_test(fragments_not_for_us),
		cmocka_unit_test(reassembled),
		cmocka_unit_test(odd_lengths),
		cmocka_unit_test(verdict_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
