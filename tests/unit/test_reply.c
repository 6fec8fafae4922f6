/* Reply lines, enhanced codes, EHLO keywords (RFC 5321 4.2, RFC 3463 2): every row at a guard page, every prefix harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/reply.h"

struct row {
	const char *in;
	int code;
	bool last;
	const char *enhanced, *text;
	uint32_t defects;
};

#define D(x) REPLY_DEFECT(x)
static const struct row rows[] = {
    {"250 ok", 250, true, "", "ok", 0},
    {"250-mx.example", 250, false, "", "mx.example", 0},
    {"250", 250, true, "", "", D(NO_TEXT)},
    {"250 ", 250, true, "", "", D(NO_TEXT)},
    {"250-", 250, false, "", "", 0},
    {"334 ", 334, true, "", "", D(NO_TEXT)},
    {"250ok", 250, true, "", "ok", D(BAD_SEPARATOR)},
    {"250\tok", 250, true, "", "ok", 0},
    {"535 5.7.8 no", 535, true, "5.7.8", "no", 0},
    {"550-5.1.1 no", 550, false, "5.1.1", "no", 0},
    {"550 4.1.1 no", 550, true, "4.1.1", "no", D(CLASS_MISMATCH)},
    {"502 unimplemented (#5.5.1)", 502, true, "5.5.1", "unimplemented (#5.5.1)", 0},
    {"250 2.10 x", 250, true, "", "2.10 x", 0},
    {"250 2.01.1 x", 250, true, "", "2.01.1 x", 0},
    {"250 2.1.1x", 250, true, "", "2.1.1x", 0},
    {"554 5.7.1: Access denied", 554, true, "5.7.1", ": Access denied", 0},
    {"000 odd", 0, true, "", "odd", D(OUT_OF_RANGE)},
    {"999 odd", 999, true, "", "odd", D(OUT_OF_RANGE)},
    {"150 odd", 150, true, "", "odd", D(OUT_OF_RANGE)},
    {"4.7.0 try later", -1, true, "", "4.7.0 try later", D(NOT_NUMERIC)},
    {"25", -1, true, "", "25", D(SHORT)},
    {"", -1, true, "", "", D(SHORT)},
    {"220 ****************************0*****2**", 220, true, "", "****************************0*****2**", D(GREETING_MASKED)},
    {"220 **** starred", 220, true, "", "**** starred", 0},
    {"250-XXXXXXXA", 250, false, "", "XXXXXXXA", D(KEYWORD_MASKED)},
    {"250-XCLIENT", 250, false, "", "XCLIENT", 0},
    {"250 \xc3\xa4", 250, true, "", "\xc3\xa4", D(EIGHT_BIT)},
    {"250 a\x07", 250, true, "", "a\x07", D(CONTROL_CHAR)},
    {"250 \xc3\x07", 250, true, "", "\xc3\x07", D(EIGHT_BIT) | D(CONTROL_CHAR)},
    {"250 a\tb", 250, true, "", "a\tb", 0},
    /* behind a bare CR stands a reply, or none */
    {"250 a\r250 b", 250, true, "", "a\r250 b", D(CONTROL_CHAR) | D(SPLIT)},
    {"250 a\r250-b", 250, true, "", "a\r250-b", D(CONTROL_CHAR) | D(SPLIT)},
    {"250 a\r550", 250, true, "", "a\r550", D(CONTROL_CHAR) | D(SPLIT)},
    {"250 a\r250b", 250, true, "", "a\r250b", D(CONTROL_CHAR)},
    {"250 a\r150 b", 250, true, "", "a\r150 b", D(CONTROL_CHAR)},
    {"250 a\r650 b", 250, true, "", "a\r650 b", D(CONTROL_CHAR)},
    {"250 a\r25 b", 250, true, "", "a\r25 b", D(CONTROL_CHAR)},
    {"250 a\n250 b", 250, true, "", "a\n250 b", D(CONTROL_CHAR)},
    {"2503", 250, true, "", "3", D(NO_TEXT) | D(BAD_SEPARATOR)},
    {"250 a", 250, true, "", "a", 0},
    {"123 odd", 123, true, "", "odd", D(OUT_OF_RANGE)},
    {"199 odd", 199, true, "", "odd", D(OUT_OF_RANGE)},
    {"200 ok", 200, true, "", "ok", 0},
    {"599 no", 599, true, "", "no", 0},
    {"600 odd", 600, true, "", "odd", D(OUT_OF_RANGE)},
    {"25x ok", -1, true, "", "25x ok", D(NOT_NUMERIC)},
    {"abc", -1, true, "", "abc", D(NOT_NUMERIC)},
    /* RFC 3463 2: class 2, 4 or 5; numbers of 1 to 3 digits without leading zeros */
    {"250 2.0.0", 250, true, "2.0.0", "", 0},
    {"250 2.0.0 ", 250, true, "2.0.0", "", 0},
    {"250 2.123.456 x", 250, true, "2.123.456", "x", 0},
    {"250 2.1234.1 x", 250, true, "", "2.1234.1 x", 0},
    {"250 2.1.1234 x", 250, true, "", "2.1.1234 x", 0},
    {"250 2.1.01 x", 250, true, "", "2.1.01 x", 0},
    {"250 2.1. x", 250, true, "", "2.1. x", 0},
    {"250 2..1 x", 250, true, "", "2..1 x", 0},
    {"250 2.1 x y", 250, true, "", "2.1 x y", 0},
    {"250 2-1.1 x", 250, true, "", "2-1.1 x", 0},
    {"250 3.1.1 x", 250, true, "", "3.1.1 x", 0},
    {"250 2.1", 250, true, "", "2.1", 0},
    {"451 4.7.1 x", 451, true, "4.7.1", "x", 0},
    {"250 5.0.0 x", 250, true, "5.0.0", "x", D(CLASS_MISMATCH)},
    {"554 5.7.1) x", 554, true, "5.7.1", ") x", 0},
    {"554 no (#4.7.1)", 554, true, "4.7.1", "no (#4.7.1)", D(CLASS_MISMATCH)},
    {"554 no (#x)", 554, true, "", "no (#x)", 0},
    {"354 2.0.0 go", 354, true, "", "2.0.0 go", 0}, /* 3yz have none: RFC 2034 4 */
    {"334 5.7.8 x", 334, true, "", "5.7.8 x", 0},
    /* masked by a firewall */
    {"220 ********", 220, true, "", "********", D(GREETING_MASKED)},
    {"220 *******", 220, true, "", "*******", 0},
    {"220 ********ab", 220, true, "", "********ab", D(GREETING_MASKED)},
    {"220 ********abc", 220, true, "", "********abc", 0},
    {"220 ** 2* 0* ** **2", 220, true, "", "** 2* 0* ** **2", D(GREETING_MASKED)},
    {"250 ********", 250, true, "", "********", 0},
    {"250-XXXX", 250, false, "", "XXXX", D(KEYWORD_MASKED)},
    {"250 XXXXB", 250, true, "", "XXXXB", D(KEYWORD_MASKED)},
    {"250-XXX", 250, false, "", "XXX", 0},
    {"250-XXXXAB", 250, false, "", "XXXXAB", 0},
    {"250-XXXX1", 250, false, "", "XXXX1", 0},
    {"220-XXXX", 220, false, "", "XXXX", 0},
};

static void check(const struct row *row)
{
	struct span line = guard_str(row->in);
	struct reply_line r;

	reply_line_parse(line, line.n + 2, LINE_END_CRLF, &r);
	if (r.code != row->code || r.last != row->last || r.defects != row->defects)
		fail_msg("%s: code %d last %d defects %x", row->in, r.code, r.last, (unsigned)r.defects);
	assert_true(span_eq(r.enhanced, span_str(row->enhanced)));
	assert_true(span_eq(r.text, span_str(row->text)));
}

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(&rows[i]);
}

/* No prefix is read past its end, and each gives a record. */
static void test_prefixes(void **state)
{
	struct reply_line r;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t n = 0; n <= strlen(rows[i].in); n++) {
			reply_line_parse(span_of(guard_copy(rows[i].in, n), n), n, LINE_END_NONE, &r);
			assert_true(r.code >= -1 && r.code <= 999);
		}
}

static void test_length_and_end(void **state)
{
	struct reply_line r;

	(void)state;
	reply_line_parse(SPAN("250 ok"), 512, LINE_END_CRLF, &r);
	assert_int_equal(r.defects, 0);
	reply_line_parse(SPAN("250 ok"), 513, LINE_END_CRLF, &r);
	assert_int_equal(r.defects, D(TOO_LONG));
	reply_line_parse(SPAN("334 ok"), 9000, LINE_END_CRLF, &r);
	assert_int_equal(r.defects, 0);
	reply_line_parse(SPAN("250 ok"), 7, LINE_END_LF, &r);
	assert_int_equal(r.defects, D(BARE_LF));
}

/* The names of protocol facts 1.4, in the order of enum ehlo_keyword. */
static void test_keyword_names(void **state)
{
	static const char *const names[EHLO_KEYWORDS] = {
	    "PIPELINING", "STARTTLS", "AUTH", "SIZE", "CHUNKING", "BINARYMIME", "8BITMIME", "SMTPUTF8", "DSN", "ETRN",
	    "ENHANCEDSTATUSCODES", "PRDR", "PIPECONNECT", "EXPN", "HELP", "XCLIENT", "XFORWARD", "DELIVERBY", "FUTURERELEASE",
	    "MT-PRIORITY", "REQUIRETLS", "RRVS", "MTRK", "NO-SOLICITING", "CHECKPOINT", "SUBMITTER", "CONPERM", "CONNEG", "BURL",
	    "ATRN", "TURN", "SEND", "SOML", "SAML", "VERB", "ONEX", "X-EXPS", "XEXCH50", "X-LINK2STATE", "X-ANONYMOUSTLS", "XVERP",
	    "LIMITS"};

	(void)state;
	for (unsigned k = 0; k < EHLO_KEYWORDS; k++)
		assert_string_equal(ehlo_keyword_name((enum ehlo_keyword)k), names[k]);
	assert_string_equal(ehlo_keyword_name(EHLO_KEYWORDS), "");
}

static void test_keywords(void **state)
{
	(void)state;
	for (unsigned k = 0; k < EHLO_KEYWORDS; k++)
		assert_int_equal(ehlo_keyword_find(span_str(ehlo_keyword_name((enum ehlo_keyword)k))), k);
	assert_int_equal(ehlo_keyword_find(SPAN("auth=LOGIN")), EHLO_AUTH);
	assert_int_equal(ehlo_keyword_find(SPAN("SIZE 1000")), EHLO_SIZE);
	assert_int_equal(ehlo_keyword_find(SPAN("SIZES")), EHLO_KEYWORDS);
	assert_int_equal(ehlo_keyword_find(SPAN("")), EHLO_KEYWORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_length_and_end),
	    cmocka_unit_test(test_keyword_names),
	    cmocka_unit_test(test_keywords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
