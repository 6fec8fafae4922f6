/* The end of message data and everything that looks like it: whole, byte by byte, and at every split (RFC 5321 4.1.1.4, 4.5.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/eod.h"

struct row {
	const char *in;
	size_t n;
	const char *body;  /* unstuffed, with ~ for NUL */
	const char *forms; /* candidates in order, separated by blanks */
	int end;           /* offset behind the end, -1 none */
	uint64_t size, lines, unstuffed, bare_lf, longest;
	uint64_t size_at_dot, lines_at_dot; /* behind the last candidate or the end */
};

#define IN(s) s, sizeof(s) - 1
static const struct row rows[] = {
    {IN("hi\r\n.\r\n"), "hi\r\n", "", 7, 4, 1, 0, 0, 4, 4, 1},
    {IN(".\r\n"), "", "", 3, 0, 0, 0, 0, 0, 0, 0},
    {IN("..a\r\n.b\r\n..\r\n.\r\n"), ".a\r\nb\r\n.\r\n", "", 16, 10, 3, 1, 0, 4, 10, 3},
    {IN("a\r\n.\r\nQUIT\r\n"), "a\r\n", "", 6, 3, 1, 0, 0, 3, 3, 1},
    {IN("hi\n.\nx\r\n.\r\n"), "hi\n.\nx\r\n", "LF.LF", 11, 8, 3, 0, 2, 3, 8, 3},
    {IN("hi\n.\r\nx\r\n.\r\n"), "hi\n.\r\nx\r\n", "LF.CRLF", 12, 9, 3, 0, 1, 3, 9, 3},
    {IN("hi\r\n.\nx\r\n.\r\n"), "hi\r\n\nx\r\n", "CRLF.LF", 12, 8, 3, 0, 1, 4, 8, 3},
    {IN("hi\r.\rx\r\n.\r\n"), "hi\r.\rx\r\n", "CR.CR", 11, 8, 1, 0, 0, 8, 8, 1},
    {IN("hi\r.\r\nx\r\n.\r\n"), "hi\r.\r\nx\r\n", "CR.CRLF", 12, 9, 2, 0, 0, 6, 9, 2},
    {IN("hi\r.\nx\r\n.\r\n"), "hi\r.\nx\r\n", "CR.LF", 11, 8, 2, 0, 1, 5, 8, 2},
    {IN("hi\r\n.\rx\r\n.\r\n"), "hi\r\n\rx\r\n", "CRLF.CR", 12, 8, 2, 0, 0, 4, 8, 2},
    {IN("hi\r\n..\r\nx\r\n.\r\n"), "hi\r\n.\r\nx\r\n", "", 14, 10, 3, 0, 0, 4, 10, 3},
    {IN("no end"), "no end", "", -1, 0, 0, 0, 0, 0, 0, 0},
    {IN("a.\r\n.b.\r\n . \r\n.\r\n"), "a.\r\nb.\r\n . \r\n", "", 17, 13, 3, 1, 0, 5, 13, 3},
    /* a dot that is the last thing seen: what stood before it */
    {IN("hi\n.\n"), "hi\n.\n", "LF.LF", -1, 5, 2, 0, 2, 3, 3, 1},
    {IN("hi\r\n.\n"), "hi\r\n\n", "CRLF.LF", -1, 5, 2, 0, 1, 4, 4, 1},
    {IN("hi\r.\n"), "hi\r.\n", "CR.LF", -1, 5, 1, 0, 1, 5, 3, 0},
    {IN("hi\r.\r\n"), "hi\r.\r\n", "CR.CRLF", -1, 6, 1, 0, 0, 6, 3, 0},
    {IN("hi\n.\r\n"), "hi\n.\r\n", "LF.CRLF", -1, 6, 2, 0, 1, 3, 3, 1},
    {IN("hi\n.\rx"), "hi\n.\rx", "LF.CR", -1, 3, 1, 0, 1, 3, 3, 1},
    {IN("hi\r.x\r\n.\r\n"), "hi\r.x\r\n", "", 10, 7, 1, 0, 0, 7, 7, 1},
    {IN("hi\n.x\n"), "hi\n.x\n", "", -1, 6, 2, 0, 2, 3, 3, 1},
    {IN("a\rb\r\r\nc\r"), "a\rb\r\r\nc\r", "", -1, 6, 1, 0, 0, 6, 0, 0},
    {IN("a\n\n\nbb\n"), "a\n\n\nbb\n", "", -1, 7, 4, 0, 4, 3, 0, 0},
    /* a NUL or a blank beside the dot, and line ends that were converted twice */
    {IN("hi\r\n\0.\r\nx\r\n.\r\n"), "hi\r\n~.\r\nx\r\n", "CRLF NUL.CRLF", 14, 11, 3, 0, 0, 4, 11, 3},
    {IN("hi\r\n.\0\r\nx\r\n.\r\n"), "hi\r\n~\r\nx\r\n", "CRLF.NUL CRLF", 14, 10, 3, 1, 0, 4, 10, 3},
    {IN("hi\r\n. \r\nx\r\n.\r\n"), "hi\r\n \r\nx\r\n", "CRLF.SP CRLF", 14, 10, 3, 1, 0, 4, 10, 3},
    {IN("hi\r\r\n.\r\r\nx\r\n.\r\n"), "hi\r\r\n\r\r\nx\r\n", "CRCRLF.CRCRLF", 15, 11, 3, 0, 0, 5, 11, 3},
    {IN("hi\r\r\n.\r\rx\r\n.\r\n"), "hi\r\r\n\r\rx\r\n", "CRLF.CR", 14, 10, 2, 0, 0, 5, 10, 2},
    {IN("hi\r\r\n.\r\n"), "hi\r\r\n", "", 8, 5, 1, 0, 0, 5, 5, 1},
    {IN("hi\r\n\0\0.\r\nx\r\n.\r\n"), "hi\r\n~~.\r\nx\r\n", "", 15, 12, 3, 0, 0, 5, 12, 3},
    {IN("hi\r\n.  \r\nx\r\n.\r\n"), "hi\r\n  \r\nx\r\n", "", 15, 11, 3, 1, 0, 4, 11, 3},
    {IN("hi\r\n. \rx\r\n.\r\n"), "hi\r\n \rx\r\n", "", 13, 9, 2, 1, 0, 5, 9, 2},
    {IN("hi\r\n\0.\r\n"), "hi\r\n~.\r\n", "CRLF NUL.CRLF", -1, 8, 2, 0, 0, 4, 4, 1},
    {IN("hi\r\n.\0\r\n"), "hi\r\n~\r\n", "CRLF.NUL CRLF", -1, 7, 2, 1, 0, 4, 4, 1},
    {IN("hi\r\n\0..\r\nx\r\n.\r\n"), "hi\r\n~..\r\nx\r\n", "", 15, 12, 3, 0, 0, 5, 12, 3},
    {IN("hi\r\n\0\nx\r\n.\r\n"), "hi\r\n~\nx\r\n", "", 12, 9, 3, 0, 1, 4, 9, 3},
};

struct collected {
	char body[64], forms[64];
	size_t n;
};

static void body(void *ctx, struct span piece)
{
	struct collected *c = ctx;

	assert_true(c->n + piece.n < sizeof c->body);
	for (size_t i = 0; i < piece.n; i++)
		c->body[c->n++] = (char)(piece.p[i] ? piece.p[i] : '~');
}

/* Feeds from..to; the offset behind the end, or -1. */
static int feed(struct eod *e, const struct row *row, size_t from, size_t to, struct collected *got)
{
	const uint8_t *bytes = guard_copy(row->in + from, to - from);

	for (size_t at = 0; at < to - from;) {
		const char *form = NULL;
		size_t used;
		enum eod_status status = eod_feed(e, span_of(bytes + at, to - from - at), &used, &form, body, got);

		at += used;
		if (status == EOD_END)
			return (int)(from + at);
		if (status == EOD_CANDIDATE)
			sprintf(got->forms + strlen(got->forms), "%s%s", got->forms[0] ? " " : "", form);
		else
			assert_int_equal(at, to - from);
	}
	return -1;
}

static void check(const struct row *row, size_t step, size_t first)
{
	struct collected got = {.n = 0};
	struct eod e;
	int end = -1;

	eod_init(&e);
	for (size_t at = 0; at < row->n && end < 0;) {
		size_t to = at + (at == 0 && first ? first : step);

		to = to > row->n ? row->n : to;
		end = feed(&e, row, at, to, &got);
		at = to;
	}
	got.body[got.n] = '\0';
	assert_int_equal(end, row->end);
	assert_string_equal(got.forms, row->forms);
	assert_string_equal(got.body, row->body);
	assert_int_equal(e.size, row->size);
	assert_int_equal(e.lines, row->lines);
	assert_int_equal(e.unstuffed, row->unstuffed);
	assert_int_equal(e.bare_lf, row->bare_lf);
	assert_int_equal(e.longest, row->longest);
	assert_int_equal(e.size_at_dot, row->size_at_dot);
	assert_int_equal(e.lines_at_dot, row->lines_at_dot);
}

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t step = 1; step <= rows[i].n; step++)
			check(&rows[i], step, 0);
		for (size_t split = 1; split < rows[i].n; split++)
			check(&rows[i], rows[i].n, split);
	}
}

static void test_longest_line(void **state)
{
	char text[1100];
	struct eod e;
	const char *form;
	size_t used;

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text + 1001, "\r\n.\r\n", 5);
	eod_init(&e);
	assert_int_equal(eod_feed(&e, span_of(text, 1006), &used, &form, NULL, NULL), EOD_END);
	assert_int_equal(e.longest, 1003);
	assert_int_equal(e.bare_lf, 0);
}

/* A hole may have swallowed line ends: what is around it is no long line, but the next line is measured again. */
static void test_torn_line(void **state)
{
	char text[2100];
	struct eod e;
	const char *form;
	size_t used;

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text + 600, "\r\n", 2);
	eod_init(&e);
	assert_int_equal(eod_feed(&e, span_of(text, 300), &used, &form, NULL, NULL), EOD_MORE);
	eod_lost(&e, 1024);
	assert_int_equal(eod_feed(&e, span_of(text + 300, 302), &used, &form, NULL, NULL), EOD_MORE);
	assert_int_equal(e.longest, 0);
	assert_int_equal(e.size, 300 + 1024 + 302);
	memcpy(text + 602 + 1200, "\r\n.\r\n", 5);
	assert_int_equal(eod_feed(&e, span_of(text + 602, 1205), &used, &form, NULL, NULL), EOD_END);
	assert_int_equal(e.longest, 1202);
}

/* The LF behind a hole is not called bare, and the dot behind it is the end. */
static void test_line_end_behind_a_hole(void **state)
{
	struct eod e;
	const char *form;
	size_t used;

	(void)state;
	eod_init(&e);
	assert_int_equal(eod_feed(&e, SPAN("text"), &used, &form, NULL, NULL), EOD_MORE);
	eod_lost(&e, 5);
	assert_int_equal(eod_feed(&e, SPAN("\n.\r\n"), &used, &form, NULL, NULL), EOD_END);
	assert_int_equal(e.bare_lf, 0);
	assert_int_equal(e.size, 10);
	assert_int_equal(e.lines, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_longest_line),
					   cmocka_unit_test(test_torn_line),
					   cmocka_unit_test(test_line_end_behind_a_hole)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
