/* What a reply code says about each cause (protocol facts 5.1-5.7, column "codes"): every finding with every code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag/cause_rules.h"

struct row {
	enum finding finding;
	int codes[7]; /* 0 the end */
};

/* Mostly put up with, or refused for a reason of its own: no other code comes of it. */
static const struct row only_with[] = {
	{FINDING_bare_lf_line, {500, 550, 451, 521}},
	{FINDING_bare_cr_in_line, {500, 501, 550, 521}},
	{FINDING_extra_cr, {500, 501, 550}},
	{FINDING_leading_whitespace, {500, 502}},
	{FINDING_trailing_whitespace, {500, 501, 555}},
	{FINDING_command_line_too_long, {500, 501, 421}},
	{FINDING_space_around_colon, {500, 501, 555}},
	{FINDING_missing_angle_brackets, {500, 501, 553, 555}},
	{FINDING_source_route, {500, 501, 550, 553, 555}},
	{FINDING_numeric_domain, {501, 550, 553}},
	{FINDING_pipelining_not_advertised, {503, 521, 550, 554}},
	{FINDING_pipelining_past_sync_point, {503, 521, 550, 554}},
	{FINDING_client_ignored_error, {0}}, /* the earlier refusal is why */
};

/* Of these, what explains a refusal only when nothing else does. */
static const enum finding seldom[] = {
	FINDING_space_around_colon, FINDING_missing_angle_brackets,    FINDING_source_route,
	FINDING_numeric_domain,     FINDING_pipelining_not_advertised, FINDING_pipelining_past_sync_point};

/* The codes that say what is wrong. */
static const struct row proper[] = {
	{FINDING_missing_argument, {501}},
	{FINDING_unexpected_argument, {501}},
	{FINDING_missing_from_to_keyword, {501, 500}},
	{FINDING_missing_colon, {501, 500}},
	{FINDING_missing_angle_brackets, {501, 555}},
	{FINDING_unbalanced_angle_brackets, {501, 553}},
	{FINDING_display_name_in_path, {501, 553}},
	{FINDING_bad_local_part, {501, 553}},
	{FINDING_bad_domain, {501}},
	{FINDING_missing_domain, {501, 553}},
	{FINDING_bad_address_literal, {501}},
	{FINDING_numeric_domain, {501, 550}},
	{FINDING_bad_helo_argument, {501, 550}},
	{FINDING_path_too_long, {501, 553}},
	{FINDING_null_recipient, {501, 553}},
	{FINDING_params_malformed, {501, 555}},
	{FINDING_unknown_parameter, {555, 501, 504}},
	{FINDING_duplicate_parameter, {501}},
	{FINDING_bad_parameter_value, {501, 555}},
	{FINDING_bad_bdat_argument, {501, 503, 521, 504}},
	{FINDING_bad_base64, {501}},
	{FINDING_auth_mechanism_unsupported, {504}},
	{FINDING_mail_before_helo, {503}},
	{FINDING_rcpt_before_mail, {503}},
	{FINDING_data_before_rcpt, {503, 554}},
	{FINDING_nested_mail, {503}},
	{FINDING_auth_in_transaction, {503}},
	{FINDING_auth_repeated, {503}},
	{FINDING_starttls_in_transaction, {503}},
	{FINDING_data_bdat_mixed, {503}},
	{FINDING_bdat_after_last, {503}},
	{FINDING_bdat_after_failure, {503}},
	{FINDING_command_during_bdat, {503}},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static const struct row *row_of(const struct row *rows, size_t count, enum finding f)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].finding == f)
			return &rows[i];
	return NULL;
}

static bool has(const struct row *row, int code)
{
	for (size_t i = 0; i < COUNT(row->codes); i++)
		if (row->codes[i] == code)
			return true;
	return false;
}

static enum explains expected(enum finding f, int code)
{
	enum finding_group group = finding_info(f)->group;
	const struct row *row = row_of(only_with, COUNT(only_with), f);

	if (group == GROUP_REPLY || (row && !has(row, code)))
		return EXPLAINS_NOT;
	for (size_t i = 0; i < COUNT(seldom); i++)
		if (seldom[i] == f)
			return EXPLAINS_MAYBE;
	if (code == 421) /* the service ends: not for a slip in one line */
		return !row && (group == GROUP_LINE || group == GROUP_ARGUMENT || group == GROUP_SEQUENCE) &&
				       f != FINDING_too_many_errors
			       ? EXPLAINS_NOT
			       : EXPLAINS_WELL;
	/* 503 is the order of commands, where the order is certainly wrong */
	return code == 503 && group == GROUP_SEQUENCE && finding_info(f)->confidence == CONFIDENCE_HIGH
		       ? EXPLAINS_AS_SAID
		       : EXPLAINS_WELL;
}

static void test_codes(void **state)
{
	(void)state;
	for (unsigned f = 0; f < FINDINGS; f++)
		for (int code = 400; code < 600; code++) {
			struct exchange x = {.code = code};

			if (code_explains((enum finding)f, &x, CATEGORY_NONE) != expected((enum finding)f, code))
				fail_msg("%s, %d", finding_info((enum finding)f)->id, code);
		}
}

/*
 * A user who does not exist is not refused for the form of the line; a domain that does not resolve may be a malformed
 * one. Too large is what the announced size is refused for, and nothing else of the line.
 */
static void test_categories(void **state)
{
	static const enum category may_be_form[] = {CATEGORY_NONE, CATEGORY_POLICY, CATEGORY_DNS};
	static const struct exchange x = {.code = 501};

	(void)state;
	for (unsigned c = 0; c < CATEGORIES; c++) {
		bool form = false;

		for (size_t i = 0; i < COUNT(may_be_form); i++)
			form |= may_be_form[i] == (enum category)c;
		assert_int_equal(code_explains(FINDING_bad_local_part, &x, (enum category)c),
				 form ? EXPLAINS_WELL : EXPLAINS_NOT);
		assert_int_equal(code_explains(FINDING_empty_command, &x, (enum category)c),
				 form ? EXPLAINS_WELL : EXPLAINS_NOT);
		assert_int_equal(code_explains(FINDING_size_exceeds_limit, &x, (enum category)c),
				 form || c == CATEGORY_SIZE ? EXPLAINS_WELL : EXPLAINS_NOT);
		assert_int_equal(code_explains(FINDING_nested_mail, &x, (enum category)c), EXPLAINS_WELL);
	}
}

static enum explains with_text(enum finding f, const char *text)
{
	struct span line = span_str(text);
	struct exchange x = {.code = 501, .text = &line, .text_count = 1};

	return code_explains(f, &x, CATEGORY_NONE);
}

/* "Command not recognized" is said of any line; what else the text names is the cause. */
static void test_texts(void **state)
{
	(void)state;
	assert_int_equal(with_text(FINDING_missing_colon, "Syntax: MAIL FROM:<address>"), EXPLAINS_AS_SAID);
	assert_int_equal(with_text(FINDING_missing_angle_brackets, "Syntax: MAIL FROM:<address>"), EXPLAINS_AS_SAID);
	assert_int_equal(with_text(FINDING_missing_colon, "no"), EXPLAINS_WELL);
	assert_int_equal(with_text(FINDING_unknown_verb, "Error: command not recognized"), EXPLAINS_WELL);
	assert_int_equal(with_text(FINDING_unknown_verb_typo, "Error: command not recognized"), EXPLAINS_WELL);
	assert_int_equal(with_text(FINDING_middlebox_masked_command, "Command unknown: 'XXX'"), EXPLAINS_WELL);
}

/* 500, 502 and 555 say less than they could, unless they are the code that fits. */
static void test_expected(void **state)
{
	(void)state;
	for (unsigned f = 0; f < FINDINGS; f++)
		for (int code = 400; code < 600; code++) {
			struct exchange x = {.code = code, .verb = VERB_MAIL};
			const struct row *row = row_of(proper, COUNT(proper), (enum finding)f);
			bool vague = row && (code == 500 || code == 502 || code == 555) && !has(row, code);
			const uint16_t *got = code_expected((enum finding)f, &x);

			if ((got != NULL) != vague)
				fail_msg("%s, %d", finding_info((enum finding)f)->id, code);
			for (size_t i = 0; got && i < 6; i++)
				assert_int_equal(got[i], row->codes[i]);
		}
	assert_null(code_expected(FINDING_missing_argument,
				  &(struct exchange){.code = 500, .verb = VERB_ETRN})); /* RFC 1985 5.2 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes), cmocka_unit_test(test_categories),
					   cmocka_unit_test(test_texts), cmocka_unit_test(test_expected)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
