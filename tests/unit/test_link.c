/*
 * test_link.c - every link type and every header below IP, with the frames written out octet by octet where it matters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build_packet.h"
#include "guard.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct built frame;

static struct segment segment_of(uint8_t family)
{
	return (struct segment){
		.src = {.addr = {192, 0, 2, 10}, .port = 51234, .family = family},
		.dst = {.addr = {192, 0, 2, 25}, .port = 25, .family = family},
		.seq = 0xfffffff0,
		.ack = 0x01020304,
		.flags = TCP_ACK | TCP_PSH,
		.payload = SPAN("EHLO c.example\r\n"),
	};
}

static enum packet_verdict parse(int dlt, const void *bytes, size_t n, struct packet *p)
{
	return packet_parse(dlt, span_of(guard_copy(bytes, n), n), (uint32_t)n, true, p);
}

static void check_segment(const struct packet *p, const struct segment *s)
{
	assert_memory_equal(p->src.addr, s->src.addr, 16);
	assert_memory_equal(p->dst.addr, s->dst.addr, 16);
	assert_int_equal(p->src.family, s->src.family);
	assert_int_equal(p->dst.family, s->src.family);
	assert_int_equal(p->src.port, 51234);
	assert_int_equal(p->dst.port, 25);
	assert_int_equal(p->seq, 0xfffffff0);
	assert_int_equal(p->ack, 0x01020304);
	assert_int_equal(p->window, 65535);
	assert_int_equal(p->flags, TCP_ACK | TCP_PSH);
	assert_true(span_eq(p->payload, s->payload));
	assert_int_equal(p->payload_len, s->payload.n);
}

static void types(void **state)
{
	static const int supported[] = {0, 1, 9, 12, 14, 50, 101, 108, 113, 228, 229, 276};
	static const int others[] = {-1, 2, 105, 127, 147, 239, 65536 + 1};
	uint8_t byte = 0x45;
	struct packet p;

	(void)state;
	for (size_t i = 0; i < COUNT(supported); i++)
		assert_true(link_supported(supported[i]));
	for (size_t i = 0; i < COUNT(others); i++) {
		assert_false(link_supported(others[i]));
		assert_int_equal(parse(others[i], &byte, 1, &p), PACKET_UNSUPPORTED);
	}
}

/* R20. */
static void each_link(void **state)
{
	(void)state;
	for (unsigned l = 0; l < WIRE_LINKS; l++)
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct segment s = segment_of(family);
			bool tagged = l == WIRE_VLAN || l == WIRE_QINQ || l == WIRE_GRE_ETHERNET;
			struct packet p;

			build_frame((enum wire_link)l, &s, 1, &frame);
			print_message("%s, IPv%u\n", wire_link_name((enum wire_link)l), family);
			assert_int_equal(parse(wire_link_dlt((enum wire_link)l), frame.bytes, frame.n, &p), PACKET_DONE);
			check_segment(&p, &s);
			assert_int_equal(p.vlan, tagged ? 42 : 0);
		}
}

/* R20: the same segment under headers of any depth. */
static void each_stack(void **state)
{
	static const struct {
		int dlt;
		uint16_t vlan;
		enum layer layers[16];
	} rows[] = {
		{1, 42, {LAYER_ETHERNET, LAYER_QINQ, LAYER_QINQ, LAYER_VLAN_7, LAYER_VLAN_7, LAYER_IP}},
		{1, 7, {LAYER_ETHERNET, LAYER_VLAN_7, LAYER_VLAN, LAYER_IP}},
		{1, 0, {LAYER_ETHERNET, LAYER_MPLS, LAYER_MPLS, LAYER_MPLS, LAYER_MPLS, LAYER_MPLS, LAYER_MPLS, LAYER_MPLS,
			LAYER_MPLS, LAYER_IP}},
		{1, 42, {LAYER_ETHERNET, LAYER_VLAN, LAYER_MPLS, LAYER_IP}},
		{1, 42, {LAYER_ETHERNET, LAYER_VLAN, LAYER_PPPOE, LAYER_PPP_SHORT, LAYER_IP}},
		{1, 0, {LAYER_ETHERNET, LAYER_PPPOE, LAYER_PPP, LAYER_IP}},
		{113, 42, {LAYER_SLL, LAYER_VLAN, LAYER_IP}},
		{276, 0, {LAYER_SLL2, LAYER_MPLS, LAYER_IP}},
		{108, 0, {LAYER_NULL_BE, LAYER_IP}},
		{9, 0, {LAYER_PPP_SHORT, LAYER_IP}},
		{50, 0, {LAYER_PPP, LAYER_IP}},
		{9, 0, {LAYER_PPP, LAYER_MPLS, LAYER_MPLS, LAYER_IP}},
		{14, 0, {LAYER_IP}},
		{101, 0, {LAYER_IP}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct segment s = segment_of(family);
			struct packet p;

			build_layers(rows[i].layers, &s, 1, &frame);
			print_message("row %zu, IPv%u\n", i, family);
			assert_int_equal(parse(rows[i].dlt, frame.bytes, frame.n, &p), PACKET_DONE);
			check_segment(&p, &s);
			assert_int_equal(p.vlan, rows[i].vlan);
		}
}

/* A link of one version of IP does not carry the other. */
static void one_version(void **state)
{
	static const enum layer ip[] = {LAYER_IP, LAYER_END};
	static const struct {
		int dlt;
		uint8_t family;
		enum packet_verdict verdict;
	} rows[] = {
		{228, 4, PACKET_DONE}, {228, 6, PACKET_MALFORMED}, {229, 6, PACKET_DONE}, {229, 4, PACKET_MALFORMED},
	};
	struct packet p;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct segment s = segment_of(rows[i].family);

		build_layers(ip, &s, 1, &frame);
		assert_int_equal(parse(rows[i].dlt, frame.bytes, frame.n, &p), rows[i].verdict);
	}
}

/* One octet is enough for a compressed PPP protocol (RFC 1661 6.5). */
static void ppp_compressed(void **state)
{
	static const enum layer ip[] = {LAYER_IP, LAYER_END};
	uint8_t bytes[200] = {0x21};
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_layers(ip, &s, 1, &frame);
	memcpy(bytes + 1, frame.bytes, frame.n);
	assert_int_equal(parse(9, bytes, frame.n + 1, &p), PACKET_DONE);
	check_segment(&p, &s);
}

/* What carries no IP, and headers that stop: whatever follows, they are no segment. */
static void not_ip(void **state)
{
	static const struct {
		const char *name;
		int dlt;
		struct span bytes;
		enum packet_verdict verdict;
	} rows[] = {
#define MACS "\2\0\0\0\0\1\2\0\0\0\0\2"
		{"ARP", 1, SPAN_INIT(MACS "\x08\x06\0\1\x08\0\6\4\0\1"), PACKET_UNSUPPORTED},
		{"IEEE 802.2", 1, SPAN_INIT(MACS "\0\x26\x42\x42\3"), PACKET_UNSUPPORTED},
		{"PPPoE discovery", 1, SPAN_INIT(MACS "\x88\x63\x11\x09\0\0\0\0"), PACKET_UNSUPPORTED},
		{"PPPoE with the code of discovery", 1, SPAN_INIT(MACS "\x88\x64\x11\x09\0\0\0\0\0\x21"), PACKET_UNSUPPORTED},
		{"PPP LCP", 9, SPAN_INIT("\xff\3\xc0\x21\1\1\0\4"), PACKET_UNSUPPORTED},
		{"MPLS with a control word", 1, SPAN_INIT(MACS "\x88\x47\0\1\1\x40\0\0\0\0"), PACKET_UNSUPPORTED},
		{"raw, version 0", 12, SPAN_INIT("\0\0\0\0"), PACKET_UNSUPPORTED},
		{"nothing", 1, SPAN_INIT(""), PACKET_MALFORMED},
		{"nothing, raw", 12, SPAN_INIT(""), PACKET_MALFORMED},
		{"Ethernet cut", 1, SPAN_INIT(MACS "\x08"), PACKET_MALFORMED},
		{"VLAN cut", 1, SPAN_INIT(MACS "\x81\0\0\1\x08"), PACKET_MALFORMED},
		{"MPLS cut", 1, SPAN_INIT(MACS "\x88\x47\0\1\1"), PACKET_MALFORMED},
		{"MPLS without bottom", 1, SPAN_INIT(MACS "\x88\x47\0\1\0\x40\0\1\0\x40"), PACKET_MALFORMED},
		{"PPPoE cut", 1, SPAN_INIT(MACS "\x88\x64\x11\0\0\1\0"), PACKET_MALFORMED},
		{"PPP cut", 9, SPAN_INIT("\xff\3"), PACKET_MALFORMED},
		{"PPP protocol cut", 9, SPAN_INIT("\xff\3\0"), PACKET_MALFORMED},
		{"loopback cut", 0, SPAN_INIT("\2\0\0"), PACKET_MALFORMED},
		{"SLL cut", 113, SPAN_INIT("\0\0\0\1\0\6\0\0\0\0\0\0\0\0\x08"), PACKET_MALFORMED},
		{"SLL2 cut", 276, SPAN_INIT("\x08\0\0\0\0\0\0\1\0\1\0\6\0\0\0\0\0\0\0"), PACKET_MALFORMED},
	};
	struct packet p;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span b = guard_span(rows[i].bytes);

		print_message("%s\n", rows[i].name);
		assert_int_equal(parse(rows[i].dlt, b.p, b.n, &p), rows[i].verdict);
		if (rows[i].verdict == PACKET_MALFORMED) /* had there been more on the wire, the capture is to blame */
			assert_int_equal(packet_parse(rows[i].dlt, b, 1500, false, &p), PACKET_TRUNCATED);
	}
}

/* A priority tag (id 0) is no VLAN; the next tag is. */
static void priority_tag(void **state)
{
	static const enum layer layers[] = {LAYER_ETHERNET, LAYER_VLAN, LAYER_VLAN_7, LAYER_IP, LAYER_END};
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_layers(layers, &s, 1, &frame);
	frame.bytes[14] = 0xe0;
	frame.bytes[15] = 0;
	assert_int_equal(parse(1, frame.bytes, frame.n, &p), PACKET_DONE);
	assert_int_equal(p.vlan, 7);
}

/* R20: more tags than PACKET_MAX_HEADERS end the walk; as many as it allows do not. */
static void too_many_tags(void **state)
{
	enum layer layers[PACKET_MAX_HEADERS + 4] = {LAYER_ETHERNET};
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	for (int tags = PACKET_MAX_HEADERS - 4; tags < PACKET_MAX_HEADERS; tags++) {
		enum packet_verdict want = tags + 3 <= PACKET_MAX_HEADERS ? PACKET_DONE : PACKET_TOO_DEEP;

		for (int i = 1; i <= tags; i++)
			layers[i] = LAYER_VLAN;
		layers[tags + 1] = LAYER_IP;
		layers[tags + 2] = LAYER_END;
		build_layers(layers, &s, 1, &frame);
		assert_int_equal(parse(1, frame.bytes, frame.n, &p), want);
	}
}

/* The capture files of the builder: magic, byte order and unit of time as pcap has them. */
static void capture_file(void **state)
{
	static const struct {
		bool nano, big;
		struct span want;
	} rows[] = {
		{false, false, SPAN_INIT("\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\x65\0\0\0"
					 "\2\0\0\0\x40\xe2\1\0\3\0\0\0\4\0\0\0abc")},
		{true, true, SPAN_INIT("\xa1\xb2\x3c\x4d\0\2\0\4\0\0\0\0\0\0\0\0\0\4\0\0\0\0\0\x65"
				       "\0\0\0\2\x07\x5b\xcd\x15\0\0\0\3\0\0\0\4" "abc")},
	};
	uint8_t got[64];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pcap_writer w = {.nano = rows[i].nano, .big = rows[i].big};
		char path[] = "/tmp/test_link.XXXXXX";
		int fd = mkstemp(path);
		size_t n;

		assert_true(fd >= 0 && close(fd) == 0);
		assert_true(pcap_writer_open(&w, path, 12));
		pcap_writer_frame(&w, 2123456789, SPAN("abc"), 4);
		assert_int_equal(fclose(w.f), 0);
		w.f = fopen(path, "rb");
		assert_non_null(w.f);
		n = fread(got, 1, sizeof(got), w.f);
		assert_int_equal(fclose(w.f), 0);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(n, rows[i].want.n);
		assert_memory_equal(got, rows[i].want.p, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(each_link),
		cmocka_unit_test(each_stack),
		cmocka_unit_test(one_version),
		cmocka_unit_test(ppp_compressed),
		cmocka_unit_test(not_ip),
		cmocka_unit_test(priority_tag),
		cmocka_unit_test(too_many_tags),
		cmocka_unit_test(capture_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
