/* Frames of every link layer and tunnel, each cut at every octet, with padding, offload, wrong checksums (RFC 791, 8200, 9293). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "build_packet.h"
#include "guard.h"

static struct built frame;

static struct segment segment_of(uint8_t family)
{
	struct segment s = {.src = {.addr = {192, 0, 2, 10}, .port = 51234, .family = family},
			    .dst = {.addr = {192, 0, 2, 25}, .port = 25, .family = family},
			    .seq = 0xfffffff0,
			    .ack = 77,
			    .flags = TCP_ACK | TCP_PSH,
			    .payload = SPAN("EHLO c.example\r\n")};

	return s;
}

static enum packet_verdict parse(enum wire_link link, size_t n, bool verify, struct packet *p)
{
	return packet_parse(wire_link_dlt(link), span_of(guard_copy(frame.bytes, n), n), (uint32_t)frame.n, verify, p);
}

static void test_links(void **state)
{
	(void)state;
	for (unsigned l = 0; l < WIRE_LINKS; l++)
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct segment s = segment_of(family);
			struct packet p;

			build_frame((enum wire_link)l, &s, 1, &frame);
			if (parse((enum wire_link)l, frame.n, true, &p) != PACKET_DONE)
				fail_msg("%s, IPv%u", wire_link_name((enum wire_link)l), family);
			assert_memory_equal(p.src.addr, s.src.addr, 16);
			assert_int_equal(p.dst.port, 25);
			assert_int_equal(p.seq, s.seq);
			assert_int_equal(p.ack, 77);
			assert_int_equal(p.flags, s.flags);
			assert_true(span_eq(p.payload, s.payload)); /* and no Ethernet padding behind it */
			assert_int_equal(p.payload_len, s.payload.n);
			if (l == WIRE_VLAN || l == WIRE_QINQ)
				assert_int_not_equal(p.vlan, 0);
		}
}

/* What the snaplen left: a cut header is "truncated", a cut payload is told by payload_len; never more than there is. */
static void test_every_cut(void **state)
{
	(void)state;
	for (unsigned l = 0; l < WIRE_LINKS; l++)
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct segment s = segment_of(family);
			struct packet p;

			build_frame((enum wire_link)l, &s, 1, &frame);
			for (size_t n = 0; n < frame.n; n++) {
				enum packet_verdict v = parse((enum wire_link)l, n, false, &p);

				if (v == PACKET_DONE) {
					assert_int_equal(p.payload_len, s.payload.n);
					assert_true(p.payload.n <= s.payload.n);
					assert_memory_equal(p.payload.p, s.payload.p, p.payload.n);
				} else if (v != PACKET_TRUNCATED && n > 4) { /* too short to say what it is */
					fail_msg("%s cut at %zu: %s", wire_link_name((enum wire_link)l), n, packet_verdict_name(v));
				}
			}
		}
}

/* Every octet of the headers with every bit flipped: some verdict, nothing read outside, never more payload than there is. */
static void test_every_flip(void **state)
{
	(void)state;
	for (unsigned l = 0; l < WIRE_LINKS; l++) {
		struct segment s = segment_of(l % 2 ? 4 : 6);
		struct packet p;

		build_frame((enum wire_link)l, &s, 1, &frame);
		for (size_t bit = 0; bit < frame.n * 8; bit++) {
			frame.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (parse((enum wire_link)l, frame.n, false, &p) == PACKET_DONE)
				assert_true(p.payload.n <= frame.n);
			frame.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static void test_checksums(void **state)
{
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_frame(WIRE_RAW, &s, 1, &frame);
	frame.bytes[frame.n - 1] ^= 1;
	assert_int_equal(parse(WIRE_RAW, frame.n, true, &p), PACKET_BAD_CHECKSUM);
	assert_int_equal(parse(WIRE_RAW, frame.n, false, &p), PACKET_DONE);
	frame.bytes[frame.n - 1] ^= 1;
	frame.bytes[8] ^= 1; /* TTL: the IP header's sum */
	assert_int_equal(parse(WIRE_RAW, frame.n, true, &p), PACKET_BAD_CHECKSUM);
	frame.bytes[8] ^= 1;
	assert_int_equal(parse(WIRE_RAW, frame.n - 1, true, &p), PACKET_DONE); /* cut by the snaplen: cannot be checked */
}

/* Segmentation offload leaves the IP length 0: what was captured counts. */
static void test_length_zero(void **state)
{
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	build_frame(WIRE_RAW, &s, 1, &frame);
	frame.bytes[2] = frame.bytes[3] = 0;
	assert_int_equal(parse(WIRE_RAW, frame.n, false, &p), PACKET_DONE);
	assert_true(span_eq(p.payload, s.payload));
}

static void test_not_for_us(void **state)
{
	static const uint8_t arp[60] = {[12] = 0x08, [13] = 0x06};
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	assert_int_equal(packet_parse(1, span_of(arp, sizeof arp), sizeof arp, false, &p), PACKET_UNSUPPORTED);
	assert_int_equal(packet_parse(147, span_of(arp, sizeof arp), sizeof arp, false, &p), PACKET_UNSUPPORTED);
	build_frame(WIRE_RAW, &s, 1, &frame);
	frame.bytes[9] = 1; /* ICMP: what it quotes is never read as TCP */
	assert_int_equal(parse(WIRE_RAW, frame.n, false, &p), PACKET_ICMP);
	frame.bytes[9] = 6;
	frame.bytes[20 + 12] = 4 << 4; /* a TCP header of 16 octets */
	assert_int_equal(parse(WIRE_RAW, frame.n, false, &p), PACKET_MALFORMED);
}

/* IP in IP, twenty deep: counted, no recursion without end. */
static void test_too_deep(void **state)
{
	static uint8_t bytes[20 * 20];
	struct packet p;

	(void)state;
	for (int i = 0; i < 20; i++) {
		uint8_t *h = bytes + 20 * i;
		size_t left = sizeof bytes - 20 * (size_t)i;

		h[0] = 0x45;
		h[2] = (uint8_t)(left >> 8);
		h[3] = (uint8_t)left;
		h[9] = 4;
	}
	assert_int_equal(packet_parse(101, span_of(guard_copy(bytes, sizeof bytes), sizeof bytes), sizeof bytes, false, &p), PACKET_TOO_DEEP);
}

static void test_fragment(void **state)
{
	struct segment s = segment_of(4);
	struct packet p;

	(void)state;
	assert_true(build_fragment(&s, 9, 16, 1, &frame));
	assert_int_equal(packet_parse(1, span_of(frame.bytes, frame.n), (uint32_t)frame.n, false, &p), PACKET_FRAGMENT);
	assert_int_equal(p.frag.offset, 16);
	assert_int_equal(p.frag.id, 9);
	assert_true(p.frag.more);
	assert_int_equal(p.frag.payload.n, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_links),       cmocka_unit_test(test_every_cut),   cmocka_unit_test(test_every_flip),
	    cmocka_unit_test(test_checksums),   cmocka_unit_test(test_length_zero), cmocka_unit_test(test_not_for_us),
	    cmocka_unit_test(test_too_deep),    cmocka_unit_test(test_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
