/* Command lines (RFC 5321 4.1, protocol facts 5.1-5.4): what each line is and what is wrong with it, and what of it may be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/command.h"

struct row {
	const char *line;
	enum verb verb, meant;
	uint64_t defects;
};

#define D(x) DEFECT(x)
static const struct row rows[] = {
    {"EHLO c.example", VERB_EHLO, VERB_UNKNOWN, 0},
    {"ehlo [192.0.2.1]", VERB_EHLO, VERB_UNKNOWN, 0},
    {"EHLO [IPv6:2001:db8::1]", VERB_EHLO, VERB_UNKNOWN, 0},
    {"EHLO 192.0.2.1", VERB_EHLO, VERB_UNKNOWN, D(NUMERIC_DOMAIN)},
    {"EHLO c_example", VERB_EHLO, VERB_UNKNOWN, D(BAD_HELO)},
    {"HELO", VERB_HELO, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"MAIL FROM:<>", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM: <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(SPACE_AROUND_COLON)},
    {"MAIL FROM :<a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(SPACE_AROUND_COLON)},
    {"MAIL FROM <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_COLON)},
    {"MAIL <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_FROM_TO)},
    {"MAIL FROM:a@b.example", VERB_MAIL, VERB_UNKNOWN, D(MISSING_BRACKETS)},
    {"MAIL FROM:<a@b.example", VERB_MAIL, VERB_UNKNOWN, D(UNBALANCED_BRACKETS)},
    {"MAIL FROM:Ann <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(DISPLAY_NAME)},
    {"MAIL FROM:<a..b@c.example>", VERB_MAIL, VERB_UNKNOWN, D(BAD_LOCAL_PART)},
    {"MAIL FROM:<\"a b\"@c.example>", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<a@-c.example>", VERB_MAIL, VERB_UNKNOWN, D(BAD_DOMAIN)},
    {"MAIL FROM:<a>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_DOMAIN)},
    {"MAIL FROM:<a@[300.1.1.1]>", VERB_MAIL, VERB_UNKNOWN, D(BAD_LITERAL)},
    {"MAIL FROM:<a@192.0.2.1>", VERB_MAIL, VERB_UNKNOWN, D(NUMERIC_DOMAIN)},
    {"MAIL FROM:<@x,@y:a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(SOURCE_ROUTE)},
    {"MAIL FROM:<a@b.example>SIZE=10", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> SIZE=1 SIZE=2", VERB_MAIL, VERB_UNKNOWN, D(DUPLICATE_PARAMETER)},
    {"MAIL FROM:<a@b.example> BODY=9BIT", VERB_MAIL, VERB_UNKNOWN, D(BAD_PARAMETER_VALUE)},
    {"MAIL FROM:<a@b.example> FOO=1", VERB_MAIL, VERB_UNKNOWN, D(UNKNOWN_PARAMETER)},
    {"RCPT TO:<postmaster>", VERB_RCPT, VERB_UNKNOWN, 0},
    {"RCPT TO:<>", VERB_RCPT, VERB_UNKNOWN, D(NULL_RECIPIENT)},
    {"DATA", VERB_DATA, VERB_UNKNOWN, 0},
    {"DATA now", VERB_DATA, VERB_UNKNOWN, D(UNEXPECTED_ARGUMENT)},
    {"BDAT 10 LAST", VERB_BDAT, VERB_UNKNOWN, 0},
    {"BDAT -1 LAST", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"BDAT 5 X", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"BDAT 18446744073709551615", VERB_BDAT, VERB_UNKNOWN, 0},
    {"BDAT 18446744073709551616", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"NOOP whatever", VERB_NOOP, VERB_UNKNOWN, 0},
    {"AUTH PLAIN AGFsaWNlAHMzY3IzdA==", VERB_AUTH, VERB_UNKNOWN, 0},
    {"AUTH EXTERNAL =", VERB_AUTH, VERB_UNKNOWN, 0},
    {"AUTH PLAIN =AAA", VERB_AUTH, VERB_UNKNOWN, D(BAD_BASE64)},
    {"AUTH", VERB_AUTH, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"HEL0 c.example", VERB_UNKNOWN, VERB_HELO, D(TYPO)},
    {"EHLOO c.example", VERB_UNKNOWN, VERB_EHLO, D(TYPO)},
    {"HELLO there", VERB_UNKNOWN, VERB_HELO, D(TYPO)},
    {"MIAL FROM:<a@b.example>", VERB_UNKNOWN, VERB_MAIL, D(TYPO)},
    {"RCTP TO:<a@b.example>", VERB_UNKNOWN, VERB_RCPT, D(TYPO)},
    {"STARTLS", VERB_UNKNOWN, VERB_STARTTLS, D(TYPO)},
    {"REST", VERB_UNKNOWN, VERB_RSET, D(TYPO)},
    {"BYE", VERB_UNKNOWN, VERB_QUIT, D(ALIAS)},
    {"STLS", VERB_UNKNOWN, VERB_STARTTLS, D(ALIAS)},
    {"GET / HTTP/1.1", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"SSH-2.0-OpenSSH_9.2", VERB_UNKNOWN, VERB_UNKNOWN, D(SSH)},
    {"", VERB_UNKNOWN, VERB_UNKNOWN, D(EMPTY)},
    {" NOOP", VERB_NOOP, VERB_UNKNOWN, D(LEADING_SPACE)},
    {"NOOQ\bP", VERB_UNKNOWN, VERB_UNKNOWN, D(EDITING)},
};

static void parse(const char *line, struct command *c)
{
	struct span s = guard_str(line);

	command_parse(s, s.n + 2, LINE_END_CRLF, 512, false, PHASE_HELO, c);
}

/* The defects that a row names are there; a row without any has none. */
static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct command c;

		parse(rows[i].line, &c);
		if (c.verb != rows[i].verb || (rows[i].meant && c.meant != rows[i].meant))
			fail_msg("%s: verb %s, meant %s", rows[i].line, verb_info(c.verb)->name, verb_info(c.meant)->name);
		if (rows[i].defects ? (c.defects & rows[i].defects) != rows[i].defects : c.defects != 0)
			fail_msg("%s: defects %llx, expected %llx", rows[i].line, (unsigned long long)c.defects,
				 (unsigned long long)rows[i].defects);
	}
}

/* Every verb of the table is found by its name, in any case, and is no typo of another. */
static void test_table(void **state)
{
	(void)state;
	for (unsigned v = 1; v < VERB_COUNT; v++) {
		const struct verb_info *info = verb_info((enum verb)v);
		char lower[32];
		size_t n = strlen(info->name);

		assert_int_equal(info->verb, v);
		assert_true(n > 2 && n < sizeof lower);
		for (size_t i = 0; i <= n; i++)
			lower[i] = (char)(info->name[i] >= 'A' && info->name[i] <= 'Z' ? info->name[i] + 32 : info->name[i]);
		assert_int_equal(verb_find(span_str(lower)), v);
		assert_int_equal(verb_find(span_of(info->name, n - 1)) == v, false);
	}
}

struct shown_row {
	const char *line, *shown, *secret;
};

static const struct shown_row shown[] = {
    {"AUTH PLAIN AGFsaWNlAHMzY3IzdA==", "PLAIN ********", "AGFs"},
    {"auth plain AGFsaWNlAHMzY3IzdA==", "plain ********", "AGFs"},
    {"AUHT PLAIN AGFsaWNlAHMzY3IzdA==", NULL, "AGFs"},
    {"X-EXPS LOGIN c2VjcmV0", NULL, "c2Vj"},
    {"PASS hunter2hunter", "********", "hunter2"},
    {"a1 LOGIN alice hunter2hunter", NULL, "hunter2"},
    {"Authorization: Basic c2VjcmV0OnNlY3JldA==", NULL, "c2Vj"},
    {"Cookie: session=hunter2", NULL, "hunter2"},
    {"BURL imap://u@h/x;urlauth=submit+u:internal:91354a47 LAST", NULL, "91354a47"},
    {"MAIL FROM:<a@b.example>", "FROM:<a@b.example>", NULL},
};

static void test_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		struct command c;
		char buf[256];
		struct span s;

		parse(shown[i].line, &c);
		s = command_shown_argument(&c, buf, sizeof buf);
		if (shown[i].shown && !span_eq(s, span_str(shown[i].shown)))
			fail_msg("%s: shown as %.*s", shown[i].line, (int)s.n, (const char *)s.p);
		if (shown[i].secret && span_find(s, span_str(shown[i].secret)) != SPAN_NPOS)
			fail_msg("%s: shows the secret: %.*s", shown[i].line, (int)s.n, (const char *)s.p);
	}
}

/* Every prefix of every line: nothing is read past its end. */
static void test_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t n = 0; n <= strlen(rows[i].line); n++) {
			struct command c;
			char buf[256];

			command_parse(span_of(guard_copy(rows[i].line, n), n), n, LINE_END_NONE, 512, true, PHASE_GREET, &c);
			command_shown_argument(&c, buf, sizeof buf);
			command_shown_verb(&c, buf, sizeof buf);
		}
}

static void test_path(void **state)
{
	struct command c;

	(void)state;
	parse("MAIL FROM:<@x.example:a@b.example> SIZE=12", &c);
	assert_true(span_eq(c.path.address, SPAN("a@b.example")));
	assert_true(span_eq(c.path.domain, SPAN("b.example")));
	assert_true(span_eq(c.path.route, SPAN("@x.example")));
	assert_int_equal(c.declared_size, 12);
	assert_true(span_eq(c.params_raw, SPAN("SIZE=12")));
	parse("MAIL FROM:<>", &c);
	assert_true(c.path.null);
	assert_int_equal(c.declared_size, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),    cmocka_unit_test(test_table), cmocka_unit_test(test_shown),
	    cmocka_unit_test(test_prefixes), cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
