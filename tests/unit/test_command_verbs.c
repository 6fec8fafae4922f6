/* The verb table against the command table of protocol facts 1.2: one row a verb, in the order of enum verb. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/command.h"

/* Letters of the column "is", one a flag, in the order of enum verb_flag. */
static const char letters[] = "LREN+XMOAHB-";

/*
 * is: L last of a group, R holds secrets, E to be advertised, N no argument, + an argument, X private, M the reply decides how to read
 * on, O opens a transaction, A like AUTH, H a greeting, B a back door, - obsolete. legal: g greeted, h HELO done, m MAIL, r RCPT.
 */
static const struct {
	const char *name, *keyword, *is, *legal;
	unsigned max_line;
} facts[VERB_COUNT] = {
    {"", NULL, "L", "", 512},
    {"EHLO", NULL, "L+H", "ghmr", 512},
    {"HELO", NULL, "L+H", "ghmr", 512},
    {"LHLO", NULL, "L+H", "ghmr", 512},
    {"MAIL", NULL, "+O", "h", 512},
    {"RCPT", NULL, "+", "mr", 512},
    {"DATA", NULL, "LNM", "r", 512},
    {"BDAT", "CHUNKING", "E+M", "r", 512}, /* chunks may follow one another, RFC 3030 4.2 */
    {"RSET", NULL, "N", "ghmr", 512},
    {"NOOP", NULL, "L", "ghmr", 512},
    {"QUIT", NULL, "LN", "ghmr", 512},
    {"VRFY", NULL, "L+", "ghmr", 512},
    {"EXPN", "EXPN", "LE+", "ghmr", 512},
    {"HELP", NULL, "L", "ghmr", 512},
    {"STARTTLS", "STARTTLS", "LENM", "h", 512},
    {"AUTH", "AUTH", "LRE+MA", "h", 512},
    {"ETRN", "ETRN", "LE+", "h", 512},
    {"ATRN", "ATRN", "LEM", "h", 512},
    {"BURL", "BURL", "RE+", "r", 512}, /* may stand in the middle of a group, RFC 4468 3.2 */
    {"TURN", "TURN", "LENM-", "h", 512},
    {"SEND", "SEND", "E+O-", "h", 512},
    {"SOML", "SOML", "E+O-", "h", 512},
    {"SAML", "SAML", "E+O-", "h", 512},
    {"VERB", "VERB", "LE", "ghmr", 512},
    {"ONEX", "ONEX", "LEN", "ghmr", 512},
    {"XCLIENT", "XCLIENT", "LE+XM", "gh", 512},
    {"XFORWARD", "XFORWARD", "E+X", "h", 512},
    {"XEXCH50", "XEXCH50", "LE+XM", "r", 50},
    {"X-EXPS", "X-EXPS", "LRE+XMA", "h", 0},
    {"X-LINK2STATE", "X-LINK2STATE", "LE+X", "h", 1024},
    {"X-ANONYMOUSTLS", "X-ANONYMOUSTLS", "LENXM", "h", 512},
    {"XPROXY", NULL, "LRX", "h", 0},
    {"XPROXYFROM", NULL, "LRX", "h", 0},
    {"XPROXYTO", NULL, "LRX", "h", 0},
    {"XSHADOW", NULL, "LRX", "h", 0},
    {"XSHADOWREQUEST", NULL, "LRX", "h", 0},
    {"XQDISCARD", NULL, "LRX", "h", 0},
    {"XRDST", NULL, "LRX", "h", 0},
    {"XSESSIONPARAMS", NULL, "LRX", "h", 0},
    {"X-EXCHANGEAUTH", NULL, "LRX", "h", 0},
    {"XAUTH", NULL, "LRXMA-", "ghmr", 512},
    {"XVRB", NULL, "LRX-", "ghmr", 512},
    {"XONE", NULL, "LRX-", "ghmr", 512},
    {"XUSR", NULL, "LRX-", "ghmr", 512},
    {"XADR", NULL, "LRX-", "ghmr", 512},
    {"XSTA", NULL, "LRX-", "ghmr", 512},
    {"XCIR", NULL, "LRX-", "ghmr", 512},
    {"XGEN", NULL, "LRX-", "ghmr", 512},
    {"WELLKNOWN", NULL, "L+", "ghmr", 512},
    {"DEBUG", NULL, "LB-", "ghmr", 0},
    {"WIZ", NULL, "LB-", "ghmr", 0},
    {"KILL", NULL, "LB-", "ghmr", 0},
    {"SHOWQ", NULL, "LB-", "ghmr", 0},
};

static unsigned bits(const char *text, const char *alphabet, unsigned first)
{
	unsigned result = 0;

	for (; *text; text++)
		result |= first << (strchr(alphabet, *text) - alphabet);
	return result;
}

static void test_facts(void **state)
{
	(void)state;
	for (unsigned v = 0; v < VERB_COUNT; v++) {
		const struct verb_info *info = verb_info((enum verb)v);

		assert_string_equal(info->name, facts[v].name);
		assert_int_equal(info->verb, v);
		if (info->flags != bits(facts[v].is, letters, VERB_LAST))
			fail_msg("%s: flags %x", info->name, info->flags);
		if (info->legal != bits(facts[v].legal, "ghmr", PHASE_GREET))
			fail_msg("%s: legal in %x", info->name, info->legal);
		if (info->max_line != facts[v].max_line)
			fail_msg("%s: %u octets", info->name, info->max_line);
		if (!info->keyword != !facts[v].keyword || (info->keyword && strcmp(info->keyword, facts[v].keyword) != 0))
			fail_msg("%s: keyword %s", info->name, info->keyword ? info->keyword : "none");
	}
}

/* A verb is found whole and in any case, and no part of it, nothing longer, is it. */
static void test_find(void **state)
{
	(void)state;
	assert_int_equal(verb_find(SPAN("")), VERB_UNKNOWN);
	assert_int_equal(verb_find(SPAN_ABSENT), VERB_UNKNOWN);
	for (unsigned v = 1; v < VERB_COUNT; v++) {
		char text[32];
		size_t n = strlen(facts[v].name);

		memcpy(text, facts[v].name, n);
		assert_int_equal(verb_find(span_of(guard_copy(text, n), n)), v);
		text[1] |= 0x20; /* a small letter; a hyphen stays */
		assert_int_equal(verb_find(span_of(guard_copy(text, n), n)), v);
		text[n] = 'Q';
		assert_int_equal(verb_find(span_of(guard_copy(text, n + 1), n + 1)), VERB_UNKNOWN);
		text[n] = '\0';
		assert_int_equal(verb_find(span_of(guard_copy(text, n + 1), n + 1)), VERB_UNKNOWN);
		assert_int_not_equal(verb_find(span_of(guard_copy(text, n - 1), n - 1)), v);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(phase_name(PHASE_CONN), "conn");
	assert_string_equal(phase_name(PHASE_GREET), "greet");
	assert_string_equal(phase_name(PHASE_HELO), "helo");
	assert_string_equal(phase_name(PHASE_MAIL), "mail");
	assert_string_equal(phase_name(PHASE_RCPT), "rcpt");
	assert_string_equal(phase_name(PHASE_CLOSED), "closed");
	assert_string_equal(line_end_name(LINE_END_NONE), "none");
	assert_string_equal(line_end_name(LINE_END_CRLF), "CRLF");
	assert_string_equal(line_end_name(LINE_END_LF), "LF");
	assert_string_equal(line_end_name(LINE_END_CRCRLF), "CRCRLF");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_facts), cmocka_unit_test(test_find), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
