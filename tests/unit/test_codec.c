/*
 * test_codec.c - encodings. Inputs and outputs end at guard pages; every output is tried with every smaller room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "guard.h"
#include "smtpscope/codec.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *in, *out; /* out NULL: refused */
};

typedef long decode_fn(struct span in, uint8_t *dst, size_t cap);

static long q_decode(struct span in, uint8_t *dst, size_t cap)
{
	return quoted_printable_decode(in, true, dst, cap);
}

static long qp_decode(struct span in, uint8_t *dst, size_t cap)
{
	return quoted_printable_decode(in, false, dst, cap);
}

/* The result fits exactly, and any smaller room is refused. */
static void check_decoder(decode_fn *decode, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span in = guard_str(rows[i].in);
		size_t want = rows[i].out ? strlen(rows[i].out) : 64;
		uint8_t *room = guard_room(want);
		long got = decode(in, room, want);

		if (!rows[i].out) {
			assert_int_equal(got, -1);
			continue;
		}
		assert_int_equal(got, want);
		assert_memory_equal(room, rows[i].out, want);
		for (size_t cap = 0; cap < want; cap++)
			assert_int_equal(decode(in, guard_room(cap), cap), -1);
	}
}

static void base64_decodes(void **state)
{
	static const struct row rows[] = {
		/* RFC 4648 10 */
		{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"},
		{"Zm9vYg==", "foob"}, {"Zm9vYmE=", "fooba"}, {"Zm9vYmFy", "foobar"},
		{"+/+/", "\xfb\xff\xbf"},
		{"VXNlcm5hbWU6", "Username:"}, {"UGFzc3dvcmQ6", "Password:"},
		/* RFC 4954 4: no leniency */
		{"Z", NULL}, {"Zg", NULL}, {"Zg=", NULL}, {"Zm9vYg=", NULL}, {"Zm9vYg", NULL},
		{"=", NULL}, {"==", NULL}, {"====", NULL}, {"Z===", NULL}, {"Zg==Zg==", NULL}, {"Z=g=", NULL},
		{"Zm9v ", NULL}, {" Zm9v", NULL}, {"Zm9\n", NULL}, {"Zm-_", NULL}, {"Zm9\x80", NULL}, {"*", NULL},
	};

	(void)state;
	check_decoder(base64_decode, rows, COUNT(rows));
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(base64_valid(guard_str(rows[i].in)), rows[i].out != NULL);
	assert_int_equal(base64_decode(SPAN_ABSENT, NULL, 0), 0);
}

static void base64_padding(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"", ""}, {"=", ""}, {"====", ""}, {"YQ==", "YQ"}, {"YWI=", "YWI"}, {"YWJj", "YWJj"}, {"a=b===", "a=b"}, {"=a", "=a"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(span_eq(base64_unpadded(guard_str(rows[i].in)), span_str(rows[i].out)));
	assert_null(base64_unpadded(SPAN_ABSENT).p);
}

/* Every prefix of a valid text is valid exactly when its length is a multiple of four. */
static void base64_prefixes(void **state)
{
	static const char text[] = "AHVzZXJAZXhhbXBsZS5vcmcAbWFkZS11cA==";

	(void)state;
	for (size_t n = 0; n <= sizeof(text) - 1; n++) {
		struct span in = guard_span(span_of(text, n));

		assert_int_equal(base64_valid(in), n % 4 == 0);
	}
}

static void base64_round_trip(void **state)
{
	uint8_t bytes[70];
	char text[96];
	uint8_t back[70];

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		size_t want = (n + 2) / 3 * 4;
		long len;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)(i * 37 + n * 11);
		len = base64_encode(guard_span(span_of(bytes, n)), (char *)guard_room(want), want);
		assert_int_equal(len, want);
		assert_int_equal(base64_encode(span_of(bytes, n), text, sizeof(text)), want);
		if (want > 0)
			assert_int_equal(base64_encode(span_of(bytes, n), text, want - 1), -1);
		assert_int_equal(base64_decode(span_of(text, want), back, sizeof(back)), n);
		assert_memory_equal(back, bytes, n);
	}
}

static void base64_encodes(void **state)
{
	static const struct row rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
	char text[16];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		long n = base64_encode(guard_str(rows[i].in), text, sizeof(text));

		assert_int_equal(n, strlen(rows[i].out));
		assert_memory_equal(text, rows[i].out, (size_t)n);
	}
}

static void q_and_quoted_printable(void **state)
{
	static const struct row q[] = {
		{"", ""}, {"a_b", "a b"}, {"=E4=f6", "\xe4\xf6"}, {"=5F", "_"}, {"a=", "a="}, {"a=4", "a=4"}, {"=4g", "=4g"},
		{"=\r\n", "=\r\n"},
	};
	static const struct row qp[] = {
		{"a_b", "a_b"}, {"=3D", "="}, {"a=\r\nb", "ab"}, {"a=\nb", "ab"}, {"a= \t\r\nb", "ab"}, {"a=\r", "a=\r"},
		{"a= ", "a= "}, {"==41", "=A"},
	};

	(void)state;
	check_decoder(q_decode, q, COUNT(q));
	check_decoder(qp_decode, qp, COUNT(qp));
}

static void xtext(void **state)
{
	static const struct row rows[] = {
		{"", ""}, {"abc", "abc"}, {"a+40b", "a@b"}, {"a+2Bb", "a+b"}, {"+3D", "="}, {"+41+42", "AB"},
		{"+", NULL}, {"+4", NULL}, {"+4g", NULL}, {"+2b", NULL}, {"+b2", NULL}, {"a=b", NULL}, {"a b", NULL},
		{"\x7f", NULL}, {"\xe4", NULL},
	};

	(void)state;
	check_decoder(xtext_decode, rows, COUNT(rows));
}

static void hex(void **state)
{
	char *room = (char *)guard_room(6);

	(void)state;
	assert_int_equal(hex_encode(guard_span(span_of("\x00\x9f\xf0", 3)), room, 6), 6);
	assert_memory_equal(room, "009ff0", 6);
	assert_int_equal(hex_encode(SPAN("abc"), room, 5), -1);
	assert_int_equal(hex_encode(SPAN_ABSENT, room, 0), 0);
}

/* RFC 3629 4 and 10: boundaries of each length, and the sequences that must be refused. */
static void utf8(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		uint32_t code_point;
	} rows[] = {
		{"A", 1, 'A'}, {"\x7f", 1, 0x7f}, {"\xc2\x80", 2, 0x80}, {"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800}, {"\xed\x9f\xbf", 3, 0xd7ff}, {"\xee\x80\x80", 3, 0xe000},
		{"\xef\xbf\xbf", 3, 0xffff}, {"\xf0\x90\x80\x80", 4, 0x10000}, {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"", 0, 0}, {"\x80", 0, 0}, {"\xbf", 0, 0}, {"\xc0\x80", 0, 0}, {"\xc1\xbf", 0, 0},
		{"\xe0\x9f\xbf", 0, 0}, {"\xed\xa0\x80", 0, 0}, {"\xed\xbf\xbf", 0, 0}, {"\xf0\x8f\xbf\xbf", 0, 0},
		{"\xf4\x90\x80\x80", 0, 0}, {"\xf5\x80\x80\x80", 0, 0}, {"\xff", 0, 0}, {"\xc2\x41", 0, 0},
		{"\xe2\x82\x41", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span s = guard_str(rows[i].s);
		uint32_t v = 0;

		assert_int_equal(utf8_next(s, &v), rows[i].n);
		assert_int_equal(v, rows[i].code_point);
		assert_int_equal(utf8_valid(s), rows[i].n == s.n);
		for (size_t cut = 1; cut < rows[i].n; cut++)
			assert_int_equal(utf8_next(guard_span(span_first(s, cut)), &v), 0);
	}
	assert_true(utf8_valid(guard_str("Gr\xc3\xbc\xc3\x9f" "e")));
	assert_false(utf8_valid(guard_str("Gr\xfc\xdf" "e")));
}

static void utf8_cuts(void **state)
{
	static const struct {
		const char *s;
		size_t n, want;
	} rows[] = {
		{"abc", 9, 3}, {"abc", 2, 2}, {"abc", 0, 0},
		{"a\xc3\xbc" "b", 2, 1}, {"a\xc3\xbc" "b", 3, 3}, {"\xc3\xbc", 1, 0},
		{"\xe2\x82\xac" "b", 1, 0}, {"\xe2\x82\xac" "b", 2, 0}, {"\xe2\x82\xac" "b", 3, 3},
		{"x\xf0\x9f\x98\x80", 4, 1},
		{"a\x80\x80\x80\x80", 3, 3}, /* stray bytes are no sequence */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(utf8_cut(guard_str(rows[i].s), rows[i].n).n, rows[i].want);
}

static void charsets(void **state)
{
	static const struct {
		const char *set, *in, *out;
	} rows[] = {
		{"UTF-8", "Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"},
		{"utf-8", "a\xff" "b", "a\xef\xbf\xbd" "b"},
		{"US-ASCII", "abc", "abc"},
		{"us-ascii", "\xe4", "\xef\xbf\xbd"},
		{"ISO-8859-1", "Gr\xfc\xdf\xa4", "Gr\xc3\xbc\xc3\x9f\xc2\xa4"},
		{"iso-8859-15", "\xa4\xa6\xe4", "\xe2\x82\xac\xc5\xa0\xc3\xa4"},
		{"windows-1252", "\x80\x93\x99\xe4", "\xe2\x82\xac\xe2\x80\x9c\xe2\x84\xa2\xc3\xa4"},
		{"windows-1252", "\x81", "\xef\xbf\xbd"},
		{"koi8-r", "abc", NULL},
		{"", "abc", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t want = rows[i].out ? strlen(rows[i].out) : 8;
		uint8_t *room = guard_room(want);
		long n = charset_to_utf8(guard_str(rows[i].set), guard_str(rows[i].in), room, want);

		assert_int_equal(n, rows[i].out ? (long)want : -1);
		if (n > 0) {
			assert_memory_equal(room, rows[i].out, want);
			assert_int_equal(charset_to_utf8(span_str(rows[i].set), span_str(rows[i].in), room, want - 1), -1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_decodes), cmocka_unit_test(base64_padding), cmocka_unit_test(base64_prefixes),
		cmocka_unit_test(base64_round_trip),
		cmocka_unit_test(base64_encodes), cmocka_unit_test(q_and_quoted_printable), cmocka_unit_test(xtext),
		cmocka_unit_test(hex), cmocka_unit_test(utf8), cmocka_unit_test(utf8_cuts), cmocka_unit_test(charsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
