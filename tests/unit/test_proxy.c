/* The PROXY protocol header (HAProxy text 2.1, 2.2): forms, sizes, and every prefix of a valid one needs more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtp/session_internal.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(lit) lit, sizeof lit - 1

struct row {
	const char *p;
	size_t n;
	int result;
	size_t used;      /* with result 1 */
	const char *text; /* source address and port */
};

static const struct row rows[] = {
    {BYTES("PROXY TCP4 192.0.2.10 198.51.100.5 51000 25\r\nEHLO"), 1, 45, "192.0.2.10:51000"},
    {BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 51000 25\r\n"), 1, 45, "[2001:db8::1]:51000"},
    {BYTES("PROXY UNKNOWN\r\n"), 1, 15, ""},
    {BYTES("PROXY UNKNOWN ff::1 ff::2 1 2\r\n"), 1, 31, ""},
    {BYTES("PROXY TCP4 192.0.2.10\r\n"), 1, 23, ""},
    {BYTES("PROXY TCP6 2001:db8::1\r\n"), 1, 24, ""},
    {BYTES("PROXY TCP4 192.0.2.10 198.51.100.5 51000 25\n"), -1, 0, NULL}, /* CRLF is required */
    {BYTES("PROXY \n"), -1, 0, NULL},
    {BYTES("PROXY"), 0, 0, NULL},
    {BYTES("PROXYX"), -1, 0, NULL},
    {BYTES("EHLO c.example\r\n"), -1, 0, NULL},
    {BYTES("P"), 0, 0, NULL},
    {BYTES("\r\n\r\n"), 0, 0, NULL},
    {BYTES("\r\nEHLO"), -1, 0, NULL},
    {BYTES(""), -1, 0, NULL},
    {BYTES(SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x0a\xc6\x33\x64\x05\xc7\x38\0\x19" "EHLO"), 1, 28, "192.0.2.10:51000"},
    {BYTES(SIGNATURE "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
			     "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\xc7\x38\0\x19"), 1, 52,
     "[2001:db8:0:0:0:0:0:1]:51000"},
    {BYTES(SIGNATURE "\x20\0\0\0"), 1, 16, ""},             /* LOCAL */
    {BYTES(SIGNATURE "\x21\x31\0\x02xx"), 1, 18, ""},       /* unix */
    {BYTES(SIGNATURE "\x21\x11\0\x04\xc0\0\x02\x0a"), 1, 20, "192.0.2.10:0"}, /* cut short: what there is */
    {BYTES(SIGNATURE "\x21\x11\0\x02\xc0\0"), 1, 18, ""},
    {BYTES(SIGNATURE "\x21\x21\0\x02\xc0\0"), 1, 18, ""},
    {BYTES(SIGNATURE "\x31\x11\0\0"), -1, 0, NULL},          /* version 3 */
    {BYTES(SIGNATURE "\x11\x11\0\0"), -1, 0, NULL},
    {BYTES(SIGNATURE "\x21\x11\x01\0"), -1, 0, NULL},        /* longer than is kept */
};

static void test_headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[64] = "unset";
		size_t used = 0;
		int got = proxy_parse(span_of(guard_copy(rows[i].p, rows[i].n), rows[i].n), &used, text, sizeof text);

		if (got != rows[i].result)
			fail_msg("row %zu: %d", i, got);
		if (got != 1)
			continue;
		assert_int_equal(used, rows[i].used);
		assert_string_equal(text, rows[i].text);
	}
}

static void test_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t n = 1; rows[i].result == 1 && n < rows[i].used; n++) {
			char text[64];
			size_t used;

			assert_int_equal(proxy_parse(span_of(guard_copy(rows[i].p, n), n), &used, text, sizeof text), 0);
		}
}

/* Version 1: at most 107 octets with CRLF. Version 2: at most PROXY_MAX with its addresses and what follows them. */
static void test_sizes(void **state)
{
	char line[300], text[64];
	size_t used;

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	assert_int_equal(proxy_parse(span_of(line, 106), &used, text, sizeof text), 0);
	assert_int_equal(proxy_parse(span_of(line, 107), &used, text, sizeof text), -1);
	memcpy(line + 105, "\r\n", 2);
	assert_int_equal(proxy_parse(span_of(line, 107), &used, text, sizeof text), 1);
	assert_int_equal(used, 107);
	memcpy(line + 105, "x\r\n", 3);
	assert_int_equal(proxy_parse(span_of(line, 108), &used, text, sizeof text), -1);
	memcpy(line, SIGNATURE "\x21\x11\0\xf0", 16);
	assert_int_equal(proxy_parse(span_of(line, 255), &used, text, sizeof text), 0);
	assert_int_equal(proxy_parse(span_of(line, 256), &used, text, sizeof text), 1);
	assert_int_equal(used, PROXY_MAX);
	line[15] = '\xf1';
	assert_int_equal(proxy_parse(span_of(line, 257), &used, text, sizeof text), -1);
}

/* The address is cut at the room there is. */
static void test_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cap = 1; rows[i].result == 1 && cap < 32; cap++) {
			char *text = (char *)guard_room(cap);
			size_t used, n = strlen(rows[i].text);

			assert_int_equal(proxy_parse(span_of(rows[i].p, rows[i].n), &used, text, cap), 1);
			assert_int_equal(strlen(text), n < cap ? n : cap - 1);
			assert_memory_equal(text, rows[i].text, strlen(text));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_headers), cmocka_unit_test(test_prefixes), cmocka_unit_test(test_sizes), cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
