/* What an attacker writes into a command line (protocol facts 6), and the odd but legal that looks like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/command.h"

static void parse(struct span line, struct command *c)
{
	command_parse(guard_span(line), line.n + 2, LINE_END_CRLF, 512, true, PHASE_RCPT, c);
}

static const struct {
	const char *line, *construct; /* NULL: none */
} codes[] = {
	{"RCPT TO:<${jndi:ldap://x}@b.example>", "${"},
	{"RCPT TO:<$(id)@b.example>", "$("},
	{"RCPT TO:<$id@b.example>", NULL},
	{"RCPT TO:<`id`@b.example>", "`"},
	{"RCPT TO:<o`neil@b.example>", NULL},
	{"RCPT TO:<a;id@b.example>", ";"},
	{"RCPT TO:<\"a;b\"@b.example>", NULL},
	{"RCPT TO:<|/bin/sh@b.example>", "|"},
	{"RCPT TO:<a|/bin/sh@b.example>", "|"},
	{"RCPT TO:<\"|id\"@b.example>", "|"},
	{"RCPT TO:<\"a |id\"@b.example>", "|"},
	{"RCPT TO:<\"a;|id\"@b.example>", "|"},
	{"RCPT TO:<\"a| id\"@b.example>", "|"},
	{"RCPT TO:<a|b@b.example>", NULL},
	{"RCPT TO:<() { :; }@b.example>", "() {"},
	{"RCPT TO:<(){ :; }@b.example>", "(){"},
	{"RCPT TO:<()@b.example>", NULL},
	{"RCPT TO:<a\\nb@b.example>", "\\n"},
	{"RCPT TO:<a\\rb@b.example>", "\\r"},
	{"RCPT TO:<a\\x41@b.example>", "\\x"},
	{"RCPT TO:<a\\0@b.example>", "\\0"},
	{"RCPT TO:<a\\z@b.example>", NULL},
	{"RCPT TO:<\"a\\nb\"@b.example>", NULL},
	{"RCPT TO:<\"a\\\"b\"@b.example>", NULL},
	{"RCPT TO:<\"a\\\";b\"@b.example>", NULL},
	{"EHLO $(id).example", "$("},
	{"EHLO a;b", ";"},
	{"EHLO a|", NULL},
	{"NOOP $(id)", NULL}, /* its argument names nobody */
	{"MAIL FROM:<a@b.example> ENVID=a;b", NULL},
};

static void test_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		struct command c;

		parse(span_str(codes[i].line), &c);
		if (((c.defects & DEFECT(CODE)) != 0) != (codes[i].construct != NULL))
			fail_msg("%s", codes[i].line);
		if (codes[i].construct && !span_eq(c.construct, span_str(codes[i].construct)))
			fail_msg("%s: %.*s", codes[i].line, (int)c.construct.n, (const char *)c.construct.p);
	}
}

static const struct {
	const char *argument;
	bool overflow;
} conversions[] = {
	{"%n%n", true},
	{"%s.%s", true},
	{"%x %x", true},
	{"%p%p", true},
	{"%1$n%2$n", true},
	{"%08x.%hn", true},
	{"%lln%.5s", true},
	{"%n", false},
	{"%n%d", false},
	{"%u%q", false},
	{"%nx%sx", false},
	{"%n%sa", false},
	{"u%site.example", false},
	{"100%% %s", false},
	{"%%n%s", true},
	{"%", false},
	{"%n%", false},
	{"%hl%ll", false},
	{"%n-%s-", false},
	{"%l", false},
};

static void test_conversions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
		char line[64] = "NOOP ";
		struct command c;

		parse(span_str(strcat(line, conversions[i].argument)), &c);
		if (((c.defects & DEFECT(OVERFLOW)) != 0) != conversions[i].overflow)
			fail_msg("%s", line);
	}
}

/* n times one octet behind NOOP, and then the rest. */
static bool overflows(uint8_t octet, size_t n, const char *rest)
{
	static uint8_t line[4000];
	struct command c;

	memcpy(line, "NOOP ", 5);
	memset(line + 5, octet, n);
	memcpy(line + 5 + n, rest, strlen(rest));
	parse(span_of(line, 5 + n + strlen(rest)), &c);
	return c.defects & DEFECT(OVERFLOW);
}

static void test_runs(void **state)
{
	char line[1000];
	struct command c;

	(void)state;
	assert_false(overflows('A', 999, ""));
	assert_true(overflows('A', 1000, ""));
	assert_true(overflows('A', 1000, "BC"));
	memset(line, 'A', sizeof line);
	parse(span_of(line, sizeof line), &c); /* from the first octet on */
	assert_true(c.defects & DEFECT(OVERFLOW));
	assert_false(overflows('A', 999, "BA"));
	assert_false(overflows(0x90, 15, " some words that make the line long enough for them to be few"));
	assert_true(overflows(0x90, 16, " some words that make the line long enough for them to be few"));
	assert_false(overflows(0x91, 16, " some words that make the line long enough for them to be few"));
	assert_false(overflows(0xe9, 15, "")); /* fifteen octets that are no text */
	assert_true(overflows(0xe9, 16, ""));
	assert_true(overflows(0xe9, 20, "aaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaa"));   /* 20 of 79 */
	assert_true(overflows(0xe9, 20, "aaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaab")); /* of 81 */
	assert_false(overflows(0xe9, 20, "aaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabbbbbaaaaabaaaa"));
	assert_false(overflows('\t', 30, ""));
	assert_false(overflows(
		'x', 0,
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9")); /* a text */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_code), cmocka_unit_test(test_conversions),
					   cmocka_unit_test(test_runs)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
