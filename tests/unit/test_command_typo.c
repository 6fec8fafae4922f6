/* The typo rule of protocol facts 5: which verb was meant, and how each tie is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtp/command_internal.h"

static const struct {
	const char *token, *argument;
	enum phase phase;
	enum verb meant;
	unsigned distance;
} rows[] = {
    /* one edit is enough */
    {"QUI", "", PHASE_HELO, VERB_QUIT, 1},
    {"QUITS", "", PHASE_HELO, VERB_QUIT, 1},
    {"QVIT", "", PHASE_HELO, VERB_QUIT, 1},
    {"UQIT", "", PHASE_HELO, VERB_QUIT, 1},
    {"quti", "", PHASE_HELO, VERB_QUIT, 1},
    /* two are with five letters, or with the verb's own argument */
    {"NXOXP", "", PHASE_HELO, VERB_NOOP, 2},
    {"NXXP", "", PHASE_HELO, VERB_UNKNOWN, 0},
    {"NP", "", PHASE_HELO, VERB_UNKNOWN, 0},
    {"MI", "FROM:<a@b.example>", PHASE_HELO, VERB_MAIL, 2},
    {"MI", "TO:<a@b.example>", PHASE_HELO, VERB_UNKNOWN, 0},
    {"SL", "from:<a@b.example>", PHASE_HELO, VERB_SOML, 2},
    {"RC", "TO:<a@b.example>", PHASE_MAIL, VERB_RCPT, 2},
    {"RC", "FROM:<a@b.example>", PHASE_MAIL, VERB_UNKNOWN, 0},
    {"BD", "100", PHASE_RCPT, VERB_BDAT, 2},
    {"BD", "1x", PHASE_RCPT, VERB_UNKNOWN, 0},
    {"UT", "PLAIN", PHASE_HELO, VERB_AUTH, 2},
    {"UT", "PL.AIN", PHASE_HELO, VERB_UNKNOWN, 0},
    {"UT", "c3VzYW4h", PHASE_HELO, VERB_UNKNOWN, 0},
    {"HO", "c.example", PHASE_GREET, VERB_EHLO, 2},
    {"HO", "c.example x", PHASE_GREET, VERB_UNKNOWN, 0},
    {"HO", "c_example", PHASE_GREET, VERB_UNKNOWN, 0},
    {"HO", "192.0.2.1", PHASE_GREET, VERB_EHLO, 2},
    /* three never are */
    {"STAR", "", PHASE_HELO, VERB_UNKNOWN, 0},
    {"XMAILFX", "FROM:<a@b.example>", PHASE_HELO, VERB_UNKNOWN, 0},
    {"M", "FROM:<a@b.example>", PHASE_HELO, VERB_UNKNOWN, 0},
    {"", "", PHASE_HELO, VERB_UNKNOWN, 0},
    /* nobody means a back door */
    {"DEBUGG", "", PHASE_HELO, VERB_UNKNOWN, 0},
    {"WIZZ", "", PHASE_HELO, VERB_UNKNOWN, 0},
    /* fewer edits win, whatever the argument says */
    {"DATB", "100", PHASE_RCPT, VERB_DATA, 1},
    /* ties: 1. look-alikes */
    {"HEL0", "", PHASE_HELO, VERB_HELO, 1},
    {"HELO0", "c.example", PHASE_HELO, VERB_HELO, 1},
    {"5AML", "", PHASE_HELO, VERB_SAML, 1},
    {"SAM1", "", PHASE_HELO, VERB_SAML, 1},
    {"S0ML", "", PHASE_HELO, VERB_SOML, 1},
    {"SXML", "", PHASE_HELO, VERB_SOML, 1},
    {"ONE", "x", PHASE_HELO, VERB_XONE, 1}, /* 2. the argument: ONEX takes none */
    {"ONE", "", PHASE_HELO, VERB_ONEX, 1},
    {"DAT", "100", PHASE_RCPT, VERB_BDAT, 1},
    {"DAT", "", PHASE_RCPT, VERB_DATA, 1},
    {"HELX", "c.example", PHASE_HELO, VERB_HELO, 1},
    {"HELX", "a b c", PHASE_HELO, VERB_HELP, 1},
    {"XUTH", "PLAIN", PHASE_GREET, VERB_XAUTH, 1}, /* 3. what is legal now */
    {"XUTH", "PLAIN", PHASE_HELO, VERB_AUTH, 1},   /* 4. equal length */
    {"XUTHA", "PLAIN", PHASE_HELO, VERB_XAUTH, 2},
    {"EHELO", "c.example", PHASE_GREET, VERB_EHLO, 1}, /* 5. the order of the table */
    /* a capital letter and then small ones is a word of a text, unless the argument fits */
    {"Hello", "there Bob", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Hello", "wor_ld", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Hello", "there", PHASE_HELO, VERB_HELO, 1},
    {"HELLO", "there Bob", PHASE_HELO, VERB_HELO, 1},
    {"hello", "there Bob", PHASE_HELO, VERB_HELO, 1},
    {"Mails", "for you", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Rcpts", "for you", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Bdats", "for you", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Auths", "per.son", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Quits", "now", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Quits", "", PHASE_HELO, VERB_QUIT, 1},
    {"Vrfys", "", PHASE_HELO, VERB_UNKNOWN, 0},
    {"Vrfys", "bob", PHASE_HELO, VERB_VRFY, 1},
};

static void test_rows(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t distance = 9;
		struct span argument = rows[i].argument[0] ? guard_str(rows[i].argument) : SPAN_ABSENT;
		enum verb meant = typo_find(guard_str(rows[i].token), argument, rows[i].phase, &distance);

		if (meant == rows[i].meant && distance == rows[i].distance)
			continue;
		print_error("%s %s: %s, distance %u\n", rows[i].token, rows[i].argument, verb_info(meant)->name, distance);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* A verb of the table is never taken for another, and one with a letter too many still is meant. */
static void test_each_verb(void **state)
{
	(void)state;
	for (unsigned v = 1; v < VERB_COUNT; v++) {
		const struct verb_info *info = verb_info((enum verb)v);
		uint8_t distance;

		if (info->flags & VERB_BACK_DOOR)
			continue;
		assert_int_equal(typo_find(span_str(info->name), SPAN_ABSENT, PHASE_HELO, &distance), v);
		assert_int_equal(distance, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_each_verb)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
