/* Marks of credentials: known again at every place of a text, and nothing else is taken for them (law L8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/smtp/sent.h"

static void send_part(struct auth_sent *sent, struct span part)
{
	uint32_t at = sent->count++ % AUTH_SENT_PARTS;

	memcpy(sent->part[at], part.p, part.n);
	sent->length[at] = (uint8_t)part.n;
}

/* The marks after one exchange in which just this was sent. */
static struct sent_marks marks_of(struct span part)
{
	struct auth_sent sent = {0};
	struct sent_marks m = {0};

	send_part(&sent, part);
	sent_keep(&m, &sent);
	return m;
}

static void test_found_at_every_place(void **state)
{
	struct sent_marks m = marks_of(SPAN("zebramoon"));
	char text[64];

	(void)state;
	for (size_t at = 0; at + 9 <= sizeof text; at++) {
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = (char)('a' + i % 26);
		memcpy(text + at, "zebramoon", 9);
		assert_true(sent_stands_in(&m, span_of(text, sizeof text)));
		assert_true(sent_stands_in(&m, span_of(text + at, 9)));
		assert_false(sent_stands_in(&m, span_of(text + at, 8)));
		assert_false(sent_stands_in(&m, span_of(text, at + 8)));
		assert_false(sent_stands_in(&m, span_of(text + at + 1, sizeof text - at - 1)));
	}
}

static void test_other_texts(void **state)
{
	struct sent_marks m = marks_of(SPAN("zebramoon")), none = {0};

	(void)state;
	assert_false(sent_stands_in(&m, SPAN("")));
	assert_false(sent_stands_in(&m, SPAN_ABSENT));
	assert_false(sent_stands_in(&m, SPAN("zebramoo")));
	assert_false(sent_stands_in(&m, SPAN("zebra moon, zebramoom, ZEBRAMOON, noomarbez")));
	assert_false(sent_stands_in(&none, SPAN("zebramoon")));
	sent_keep(&none, NULL);
	assert_int_equal(none.count, 0);
}

/* Words of so few octets stand in replies that repeat nothing. */
static void test_short_parts(void **state)
{
	struct sent_marks five = marks_of(SPAN("queue")), six = marks_of(SPAN("queued"));

	(void)state;
	assert_false(sent_stands_in(&five, SPAN("2.0.0 ok: queued")));
	assert_true(sent_stands_in(&six, SPAN("2.0.0 ok: queued")));
}

/* Padding is left off by some who repeat Base64, and is no secret. */
static void test_padding(void **state)
{
	struct sent_marks m = marks_of(SPAN("emVicmFtb29uIQ=="));

	(void)state;
	assert_true(sent_stands_in(&m, SPAN("bad: emVicmFtb29uIQ==")));
	assert_true(sent_stands_in(&m, SPAN("bad: emVicmFtb29uIQ")));
	assert_false(sent_stands_in(&m, SPAN("bad: emVicmFtb29uI")));
}

static void test_octets_above_ascii(void **state)
{
	static const uint8_t secret[] = {0xff, 0x00, 0xfe, 0x80, 0xff, 0xff, 0x01};
	static const uint8_t text[] = {'a', 0xff, 0xff, 0x00, 0xfe, 0x80, 0xff, 0xff, 0x01, 'b'};
	struct sent_marks m = marks_of(span_of(secret, sizeof secret));

	(void)state;
	assert_true(sent_stands_in(&m, span_of(text, sizeof text)));
	assert_false(sent_stands_in(&m, span_of(text, sizeof text - 2)));
}

/* Of more exchanges than there is room for the last ones count. */
static void test_oldest_makes_room(void **state)
{
	struct sent_marks m = {0};
	char part[] = "secret00";

	(void)state;
	for (int i = 0; i < 3 * SENT_MARKS; i++) {
		struct auth_sent sent = {0};

		part[6] = (char)('0' + i / 10);
		part[7] = (char)('0' + i % 10);
		send_part(&sent, span_str(part));
		sent_keep(&m, &sent);
		assert_true(sent_stands_in(&m, span_str(part)));
	}
	for (int i = 0; i < 3 * SENT_MARKS; i++) {
		part[6] = (char)('0' + i / 10);
		part[7] = (char)('0' + i % 10);
		assert_int_equal(sent_stands_in(&m, span_str(part)), i >= 2 * SENT_MARKS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_found_at_every_place), cmocka_unit_test(test_other_texts),        cmocka_unit_test(test_short_parts),
	    cmocka_unit_test(test_padding),              cmocka_unit_test(test_octets_above_ascii), cmocka_unit_test(test_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
