/*
 * test_span.c - borrowed bytes. Inputs end at a guard page: comparing and searching may not look past the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "guard.h"
#include "smtpscope/span.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void absent_is_not_empty(void **state)
{
	struct span absent = span_of(NULL, 5), empty = span_of("", 0);

	(void)state;
	assert_null(absent.p);
	assert_int_equal(absent.n, 0);
	assert_non_null(empty.p);
	assert_null(span_str(NULL).p);
	assert_true(span_eq(absent, empty));
	assert_true(span_eq(SPAN("a\0b"), span_of("a\0b", 3)));
}

static void absent_everywhere(void **state)
{
	struct span a = SPAN_ABSENT;
	uint64_t v = 7;
	char text[4] = "xyz";

	(void)state;
	assert_true(span_ieq(a, a));
	assert_true(span_starts(a, a) && span_ends(a, a) && span_istarts(a, a));
	assert_false(span_starts(a, SPAN("x")));
	assert_true(span_starts(SPAN("x"), a) && span_ends(SPAN("x"), a));
	assert_true(span_chr(a, 'x') == SPAN_NPOS && span_rchr(a, 'x') == SPAN_NPOS);
	assert_int_equal(span_find(a, a), 0);
	assert_true(span_find(a, SPAN("x")) == SPAN_NPOS && span_ifind(a, SPAN("x")) == SPAN_NPOS);
	assert_null(span_first(a, 3).p);
	assert_null(span_from(a, 3).p);
	assert_null(span_trim(a, CHAR_WSP).p);
	assert_null(span_split(&a, ',').p);
	assert_int_equal(span_u64(a, &v), 0);
	assert_true(span_all(a, CHAR_ALPHA));
	assert_string_equal(span_cstr(a, text, sizeof(text)), "");
}

static void comparing(void **state)
{
	static const struct {
		const char *a, *b;
		bool eq, ieq, starts, istarts, ends;
	} rows[] = {
		{"", "", true, true, true, true, true},
		{"MAIL", "MAIL", true, true, true, true, true},
		{"MAIL", "mail", false, true, false, true, false},
		{"MAIL FROM", "MAIL", false, false, true, true, false},
		{"MAIL FROM", "mail", false, false, false, true, false},
		{"MAIL FROM", "FROM", false, false, false, false, true},
		{"MAI", "MAIL", false, false, false, false, false},
		{"[", "{", false, false, false, false, false},      /* 5B and 7B are 20h apart, but no letters */
		{"@", "`", false, false, false, false, false},
		{"\xC4", "\xE4", false, false, false, false, false}, /* no folding beyond ASCII */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span a = guard_str(rows[i].a), b = guard_str(rows[i].b);

		assert_int_equal(span_eq(a, b), rows[i].eq);
		assert_int_equal(span_ieq(a, b), rows[i].ieq);
		assert_int_equal(span_starts(a, b), rows[i].starts);
		assert_int_equal(span_istarts(a, b), rows[i].istarts);
		assert_int_equal(span_ends(a, b), rows[i].ends);
	}
}

static void searching(void **state)
{
	static const struct {
		const char *s, *needle;
		size_t find, ifind;
	} rows[] = {
		{"abc", "", 0, 0},
		{"", "a", SPAN_NPOS, SPAN_NPOS},
		{"abc", "abcd", SPAN_NPOS, SPAN_NPOS},
		{"abc", "c", 2, 2},
		{"aabaab", "aab", 0, 0},
		{"AaBaab", "aab", 3, 0},
		{"x\r\n.\r\n", "\r\n.\r\n", 1, 1},
		{"x\r\n.\r", "\r\n.\r\n", SPAN_NPOS, SPAN_NPOS},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span s = guard_str(rows[i].s), needle = guard_str(rows[i].needle);

		assert_true(span_find(s, needle) == rows[i].find);
		assert_true(span_ifind(s, needle) == rows[i].ifind);
	}
	assert_int_equal(span_chr(guard_str("a@b@c"), '@'), 1);
	assert_int_equal(span_rchr(guard_str("a@b@c"), '@'), 3);
	assert_true(span_rchr(guard_str("abc"), '@') == SPAN_NPOS);
}

static void cutting(void **state)
{
	struct span s = guard_str("abcdef");

	(void)state;
	assert_true(span_eq(span_first(s, 0), SPAN("")));
	assert_true(span_eq(span_first(s, 6), s));
	assert_true(span_eq(span_first(s, 7), s));
	assert_true(span_eq(span_from(s, 6), SPAN("")));
	assert_non_null(span_from(s, 99).p);
	assert_int_equal(span_from(s, SIZE_MAX).n, 0);
	assert_true(span_eq(span_from(s, 2), SPAN("cdef")));
	assert_true(span_eq(span_trim(guard_str(" \t a b\t "), CHAR_WSP), SPAN("a b")));
	assert_true(span_eq(span_trim(guard_str(" \t "), CHAR_WSP), SPAN("")));
	assert_true(span_eq(span_rtrim(guard_str(" a "), CHAR_WSP), SPAN(" a")));
	assert_true(span_eq(span_trim(guard_str("a"), CHAR_WSP), SPAN("a")));
}

static void splitting(void **state)
{
	static const struct {
		const char *s;
		const char *tokens[4];
	} rows[] = {
		{"", {"", NULL}},
		{"a", {"a", NULL}},
		{"a,b", {"a", "b", NULL}},
		{",a,", {"", "a", "", NULL}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span rest = guard_str(rows[i].s);
		size_t n = 0;

		while (rest.p) {
			assert_non_null(rows[i].tokens[n]);
			assert_true(span_eq(span_split(&rest, ','), span_str(rows[i].tokens[n])));
			n++;
		}
		assert_null(rows[i].tokens[n]);
	}
}

static void numbers(void **state)
{
	static const struct {
		const char *s;
		int result;
		uint64_t value;
	} rows[] = {
		{"", 0, 99},
		{"0", 1, 0},
		{"000", 1, 0},
		{"18446744073709551615", 1, UINT64_MAX},
		{"018446744073709551615", 1, UINT64_MAX},
		{"18446744073709551616", -1, UINT64_MAX},
		{"99999999999999999999999", -1, UINT64_MAX},
		{"18446744073709551616x", 0, 99},
		{"-1", 0, 99},
		{"+1", 0, 99},
		{" 1", 0, 99},
		{"1 ", 0, 99},
		{"0x1", 0, 99},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = 99;

		assert_int_equal(span_u64(guard_str(rows[i].s), &value), rows[i].result);
		assert_true(value == rows[i].value);
	}
}

static void c_strings(void **state)
{
	char *room = (char *)guard_room(4);

	(void)state;
	assert_string_equal(span_cstr(SPAN("abcdef"), room, 4), "abc");
	assert_string_equal(span_cstr(SPAN("abc"), room, 4), "abc");
	assert_string_equal(span_cstr(SPAN(""), room, 4), "");
	assert_ptr_equal(span_cstr(SPAN("abc"), room + 4, 0), room + 4);
}

/* Each class against the set its RFC writes down. */
static void classes(void **state)
{
	static const struct {
		unsigned class;
		const char *members;
	} rows[] = {
		{CHAR_ALPHA, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
		{CHAR_DIGIT, "0123456789"},
		{CHAR_HEX, "0123456789ABCDEFabcdef"},
		{CHAR_ATEXT, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~"},
		{CHAR_WSP, " \t"},
		{CHAR_BASE64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
		{CHAR_LDH, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned c = 1; c < 256; c++)
			assert_int_equal(char_is((uint8_t)c, rows[i].class), strchr(rows[i].members, (int)c) != NULL);
		assert_false(char_is(0, rows[i].class));
	}
	for (unsigned c = 0; c < 256; c++) {
		assert_int_equal(char_is((uint8_t)c, CHAR_CONTROL), c < 32 || c == 127);
		assert_int_equal(char_is((uint8_t)c, CHAR_EIGHT_BIT), c > 127);
		assert_int_equal(char_is((uint8_t)c, CHAR_PRINT), c >= 32 && c <= 126);
		assert_int_equal(char_is((uint8_t)c, CHAR_ESMTP_VALUE), c > 32 && c < 127 && c != '=');
		assert_int_equal(char_is((uint8_t)c, CHAR_QTEXT), c >= 32 && c <= 126 && c != '"' && c != '\\');
	}
	assert_int_equal(span_find_class(guard_str("ab1"), CHAR_DIGIT), 2);
	assert_int_equal(span_find_not_class(guard_str("ab1"), CHAR_ALPHA), 2);
	assert_true(span_find_class(guard_str("abc"), CHAR_DIGIT) == SPAN_NPOS);
	assert_true(span_all(guard_str("abc"), CHAR_ALPHA));
	assert_false(span_all(guard_str("ab1"), CHAR_ALPHA));
}

static void cursor_reads(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
	struct cursor c = cursor_of(guard_copy(bytes, sizeof(bytes)), sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_be16(&c), 0x0203);
	assert_int_equal(cursor_be24(&c), 0x040506);
	assert_int_equal(cursor_be32(&c), 0x0708090a);
	assert_int_equal(cursor_le16(&c), 0x0c0b);
	assert_int_equal(cursor_le32(&c), 0x100f0e0d);
	assert_int_equal(cursor_rest(&c).n, 2);
	assert_int_equal(cursor_bytes(&c, 1).p[0], 17);
	cursor_skip(&c, 1);
	assert_false(c.bad);
	assert_int_equal(cursor_bytes(&c, 0).n, 0);
	assert_false(c.bad);
	cursor_skip(&c, 1);
	assert_true(c.bad);
}

/* Every prefix that is too short gives zero and stays bad; nothing is read from it. */
static void cursor_sticks(void **state)
{
	static const uint8_t bytes[] = {0xff, 0xff, 0xff};

	(void)state;
	for (size_t n = 0; n < 4; n++) {
		struct cursor c = cursor_of(guard_copy(bytes, n < 3 ? n : 3), n < 3 ? n : 3);

		assert_int_equal(cursor_be32(&c), 0);
		assert_true(c.bad);
		assert_int_equal(cursor_u8(&c), 0);
		assert_int_equal(cursor_be16(&c), 0);
		assert_int_equal(cursor_be24(&c), 0);
		assert_int_equal(cursor_le16(&c), 0);
		assert_int_equal(cursor_le32(&c), 0);
		assert_null(cursor_bytes(&c, 0).p);
		assert_null(cursor_rest(&c).p);
		assert_int_equal(c.left, 0);
	}
}

/* Cut to fit with its NUL, at whatever place. */
static void test_printf(void **state)
{
	char buf[8] = "abcdefg";

	(void)state;
	assert_int_equal(span_printf(buf, 0, sizeof buf, "%d", 1234567), 7);
	assert_string_equal(buf, "1234567");
	assert_int_equal(span_printf(buf, 0, sizeof buf, "%d", 87654321), 7);
	assert_string_equal(buf, "8765432");
	assert_int_equal(span_printf(buf, 2, sizeof buf, "%s", "xyz"), 5);
	assert_string_equal(buf, "87xyz");
	assert_int_equal(span_printf(buf, 5, sizeof buf, "%s", "long"), 7);
	assert_string_equal(buf, "87xyzlo");
	assert_int_equal(span_printf(buf, 7, sizeof buf, "%s", "x"), 7);
	assert_int_equal(span_printf(buf, 3, sizeof buf, "%s", ""), 3);
	assert_string_equal(buf, "87x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printf), cmocka_unit_test(absent_is_not_empty), cmocka_unit_test(absent_everywhere), cmocka_unit_test(comparing),
		cmocka_unit_test(searching),           cmocka_unit_test(cutting),           cmocka_unit_test(splitting),
		cmocka_unit_test(numbers),             cmocka_unit_test(c_strings),         cmocka_unit_test(classes),
		cmocka_unit_test(cursor_reads),        cmocka_unit_test(cursor_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
