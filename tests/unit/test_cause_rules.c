/* Each rule at its borders (protocol facts 5): the outcomes it is about, each fact it needs, each that forbids it, and its verbs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag/cause_rules.h"

/* ANY also when accepted; FAILED refused or left unanswered; REFUSED 4yz, 5yz; FIVE 5yz; SYNTAX 500-504, 555; UNKNOWN 500, 502, 504. */
enum outcomes { ANY, FAILED, REFUSED, FIVE, SYNTAX, UNKNOWN };

static const struct {
	int code; /* 0: nobody answered */
	bool in[6];
} replies[] = {
    {250, {true}},
    {0, {true, true}},
    {450, {true, true, true}},
    {553, {true, true, true, true}},
    {501, {true, true, true, true, true}},
    {555, {true, true, true, true, true}},
    {500, {true, true, true, true, true, true}},
    {502, {true, true, true, true, true, true}},
    {504, {true, true, true, true, true, true}},
};

struct row {
	enum finding finding;
	enum outcomes when;
	enum verb verb, other; /* other: a verb it is not about; VERB_COUNT: it is about any */
	uint64_t defects, need, bar;
};

#define EVERY VERB_NOOP, VERB_COUNT
#define D(x) DEFECT(x)
#define S(x) SIT(x)

static const struct row rows[] = {
    {FINDING_http_on_smtp, ANY, EVERY, D(HTTP), 0, 0},
    {FINDING_tls_on_cleartext_port, ANY, EVERY, D(TLS_BYTES), 0, 0},
    {FINDING_ssh_on_smtp, ANY, EVERY, D(SSH), 0, 0},
    {FINDING_other_protocol_on_smtp, FAILED, EVERY, D(OTHER_PROTOCOL), 0, 0},
    {FINDING_telnet_negotiation, ANY, EVERY, D(TELNET), 0, 0},
    {FINDING_interactive_editing, ANY, EVERY, D(EDITING), 0, 0},
    {FINDING_utf16_command, ANY, EVERY, D(UTF16), 0, 0},
    {FINDING_utf8_bom, ANY, EVERY, D(UTF8_BOM), 0, 0},
    {FINDING_nul_in_command, ANY, EVERY, D(NUL), 0, 0},
    {FINDING_eight_bit_command, ANY, EVERY, D(EIGHT_BIT), 0, S(SMTPUTF8)},
    {FINDING_invalid_utf8, ANY, EVERY, D(INVALID_UTF8), S(SMTPUTF8), 0},
    {FINDING_control_char_in_command, ANY, EVERY, D(CONTROL_CHAR), 0, 0},
    {FINDING_bare_lf_line, ANY, EVERY, D(BARE_LF), 0, 0},
    {FINDING_bare_cr_in_line, ANY, EVERY, D(BARE_CR), 0, 0},
    {FINDING_extra_cr, ANY, EVERY, D(EXTRA_CR), 0, 0},
    {FINDING_auth_line_too_long, ANY, VERB_AUTH, VERB_MAIL, D(TOO_LONG), 0, 0},
    {FINDING_auth_line_too_long, ANY, VERB_X_EXPS, VERB_NOOP, D(TOO_LONG), 0, 0},
    {FINDING_command_line_too_long, ANY, VERB_MAIL, VERB_AUTH, D(TOO_LONG), 0, 0},
    {FINDING_empty_command, ANY, EVERY, D(EMPTY), 0, 0},
    {FINDING_leading_whitespace, ANY, EVERY, D(LEADING_SPACE), 0, 0},
    {FINDING_middlebox_masked_command, FAILED, EVERY, D(MASKED), 0, 0},
    {FINDING_unknown_verb_typo, FAILED, EVERY, D(TYPO), 0, 0},
    {FINDING_verb_alias, FAILED, EVERY, D(ALIAS), 0, 0},
    {FINDING_verb_glued, ANY, EVERY, D(GLUED), 0, 0},
    {FINDING_private_verb_unsupported, FIVE, EVERY, D(PRIVATE_VERB), 0, 0},
    {FINDING_message_text_as_command, FAILED, EVERY, D(MESSAGE_TEXT), 0, 0},
    {FINDING_unknown_verb, REFUSED, EVERY, D(UNKNOWN_VERB), 0, 0},
    {FINDING_extension_after_helo, SYNTAX, VERB_STARTTLS, VERB_NOOP, 0, S(HELO), S(ADVERTISED)},
    {FINDING_verb_not_advertised, FIVE, VERB_STARTTLS, VERB_NOOP, 0, 0, S(ADVERTISED) | S(HELO) | S(NO_EHLO_SEEN)},
    {FINDING_verb_disabled, UNKNOWN, VERB_VRFY, VERB_MAIL, 0, 0, 0},
    {FINDING_verb_disabled, UNKNOWN, VERB_EXPN, VERB_RCPT, 0, 0, 0},
    {FINDING_lmtp_smtp_mixup, FIVE, VERB_EHLO, VERB_NOOP, 0, S(LMTP), 0},
    {FINDING_lmtp_smtp_mixup, FIVE, VERB_HELO, VERB_LHLO, 0, S(LMTP), 0},
    {FINDING_lmtp_smtp_mixup, FIVE, VERB_LHLO, VERB_EHLO, 0, 0, S(LMTP)},
    {FINDING_missing_argument, ANY, EVERY, D(MISSING_ARGUMENT), 0, 0},
    {FINDING_missing_argument, ANY, EVERY, D(BAD_MECHANISM), 0, 0},
    {FINDING_unexpected_argument, ANY, EVERY, D(UNEXPECTED_ARGUMENT), 0, 0},
    {FINDING_missing_from_to_keyword, ANY, EVERY, D(MISSING_FROM_TO), 0, 0},
    {FINDING_missing_colon, ANY, EVERY, D(MISSING_COLON), 0, 0},
    {FINDING_space_around_colon, ANY, EVERY, D(SPACE_AROUND_COLON), 0, 0},
    {FINDING_missing_angle_brackets, ANY, EVERY, D(MISSING_BRACKETS), 0, 0},
    {FINDING_unbalanced_angle_brackets, ANY, EVERY, D(UNBALANCED_BRACKETS), 0, 0},
    {FINDING_display_name_in_path, ANY, EVERY, D(DISPLAY_NAME), 0, 0},
    {FINDING_bad_local_part, ANY, EVERY, D(BAD_LOCAL_PART), 0, 0},
    {FINDING_bad_helo_argument, ANY, EVERY, D(BAD_HELO), 0, 0},
    {FINDING_bad_domain, ANY, VERB_MAIL, VERB_EHLO, D(BAD_DOMAIN), 0, 0},
    {FINDING_missing_domain, ANY, EVERY, D(MISSING_DOMAIN), 0, 0},
    {FINDING_bad_address_literal, ANY, EVERY, D(BAD_LITERAL), 0, 0},
    {FINDING_numeric_domain, ANY, EVERY, D(NUMERIC_DOMAIN), 0, 0},
    {FINDING_path_too_long, ANY, EVERY, D(PATH_TOO_LONG), 0, 0},
    {FINDING_source_route, ANY, EVERY, D(SOURCE_ROUTE), 0, 0},
    {FINDING_null_recipient, ANY, EVERY, D(NULL_RECIPIENT), 0, 0},
    {FINDING_params_malformed, ANY, EVERY, D(PARAMS_MALFORMED), 0, 0},
    {FINDING_unknown_parameter, ANY, EVERY, D(UNKNOWN_PARAMETER), 0, 0},
    {FINDING_duplicate_parameter, ANY, EVERY, D(DUPLICATE_PARAMETER), 0, 0},
    {FINDING_bad_parameter_value, ANY, EVERY, D(BAD_PARAMETER_VALUE), 0, 0},
    {FINDING_bad_bdat_argument, ANY, EVERY, D(BAD_BDAT), 0, 0},
    {FINDING_auth_mechanism_unsupported, FIVE, VERB_AUTH, VERB_MAIL, 0, S(AUTH_NOT_OFFERED), 0},
    {FINDING_command_after_quit, ANY, EVERY, 0, S(AFTER_QUIT), 0},
    {FINDING_mail_before_helo, ANY, VERB_MAIL, VERB_RCPT, 0, S(NO_HELLO) | S(NO_HELLO_REAL), S(MIDSTREAM)},
    {FINDING_mail_before_helo, ANY, VERB_SAML, VERB_NOOP, 0, S(NO_HELLO) | S(NO_HELLO_REAL), S(MIDSTREAM)},
    {FINDING_rcpt_before_mail, ANY, VERB_RCPT, VERB_MAIL, 0, 0, S(MAIL_OPEN) | S(MIDSTREAM) | S(AFTER_GAP) | S(MAIL_OPEN_REAL)},
    {FINDING_bdat_after_last, ANY, VERB_BDAT, VERB_DATA, 0, S(BDAT_LAST), 0},
    {FINDING_bdat_after_failure, ANY, VERB_BDAT, VERB_DATA, 0, S(BDAT_FAILED), S(BDAT_LAST)},
    {FINDING_data_bdat_mixed, ANY, VERB_DATA, VERB_BDAT, 0, S(BDAT_OPEN), 0},
    {FINDING_data_bdat_mixed, ANY, VERB_DATA, VERB_BDAT, 0, S(BINARYMIME), 0},
    {FINDING_nested_mail, ANY, VERB_MAIL, VERB_RCPT, 0, S(MAIL_OPEN), 0},
    {FINDING_nested_mail, ANY, VERB_SOML, VERB_NOOP, 0, S(MAIL_OPEN), 0},
    {FINDING_auth_repeated, ANY, VERB_AUTH, VERB_MAIL, 0, S(AUTHENTICATED), 0},
    {FINDING_auth_in_transaction, ANY, VERB_AUTH, VERB_RCPT, 0, S(MAIL_OPEN), 0},
    {FINDING_starttls_repeated, FIVE, VERB_STARTTLS, VERB_NOOP, 0, S(TLS), 0},
    {FINDING_starttls_in_transaction, ANY, VERB_STARTTLS, VERB_RCPT, 0, S(MAIL_OPEN), 0},
    {FINDING_command_before_greeting, ANY, EVERY, 0, S(BEFORE_GREETING), S(PROXY) | S(PORT_TLS)},
    {FINDING_pipelining_not_advertised, ANY, EVERY, 0, S(IN_FLIGHT), S(PIPELINING) | S(AFTER_QUIT) | S(BEFORE_GREETING)},
    {FINDING_pipelining_past_sync_point, ANY, EVERY, 0, S(PAST_SYNC), S(AFTER_QUIT) | S(BEFORE_GREETING)},
    {FINDING_client_ignored_error, FIVE, VERB_MAIL, VERB_NOOP, 0, S(REPEATED), S(IN_FLIGHT)},
    {FINDING_backdoor_verb, ANY, VERB_DEBUG, VERB_NOOP, 0, 0, 0},
    {FINDING_backdoor_verb, ANY, VERB_WIZ, VERB_HELP, 0, 0, 0},
    {FINDING_backdoor_verb, ANY, VERB_KILL, VERB_QUIT, 0, 0, 0},
};

static bool raised(enum finding f, const struct exchange *x)
{
	for (unsigned i = 0; i < cause_rule_count; i++)
		if (cause_rules[i].finding == f && rule_matches(&cause_rules[i], x))
			return true;
	return false;
}

static struct exchange exchange_of(const struct row *r, int code)
{
	struct exchange x = {.kind = EXCHANGE_COMMAND, .verb = r->verb, .defects = r->defects, .situation = r->need, .code = code,
			     .declared_size = EV_NONE, .size_limit = EV_NONE};

	x.situation |= code == 0 ? S(CLOSED_UNANSWERED) : 0;
	return x;
}

static void expect(const struct row *r, const struct exchange *x, bool expected, const char *what)
{
	if (raised(r->finding, x) != expected)
		fail_msg("row %zu, %s, code %d, %s: expected %s", (size_t)(r - rows), finding_info(r->finding)->id, x->code, what,
			 expected ? "raised" : "not raised");
}

static void test_outcomes(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + sizeof rows / sizeof *rows; r++)
		for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
			struct exchange x = exchange_of(r, replies[i].code);

			expect(r, &x, replies[i].in[r->when], "outcome");
		}
}

/* One fact less, or one too many, and it is something else. */
static void test_facts(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + sizeof rows / sizeof *rows; r++) {
		const struct exchange base = exchange_of(r, 500);
		struct exchange x;

		for (unsigned bit = 0; bit < SIT_COUNT; bit++) {
			x = base;
			x.situation ^= UINT64_C(1) << bit;
			if (r->need >> bit & 1)
				expect(r, &x, false, "without a fact it needs");
			if (r->bar >> bit & 1)
				expect(r, &x, false, "with a fact that forbids it");
		}
		x = base;
		x.situation |= S(BEFORE_GREETING) & ~r->bar;
		expect(r, &x, true, "before the greeting");
		x = base;
		x.defects = 0;
		if (r->defects)
			expect(r, &x, false, "without its defect");
		x = base;
		x.verb = r->other;
		if (r->other != VERB_COUNT)
			expect(r, &x, false, "of another verb");
		x = base;
		x.kind = EXCHANGE_UNSOLICITED;
		expect(r, &x, false, "a reply that no command asked for");
	}
}

/* A line without defects, in order, in a session where all is well, raises nothing. */
static void test_clean(void **state)
{
	(void)state;
	for (unsigned v = VERB_UNKNOWN + 1; v < VERB_COUNT; v++) {
		struct exchange x = {.kind = EXCHANGE_COMMAND, .verb = (enum verb)v, .code = 250, .declared_size = EV_NONE, .size_limit = EV_NONE,
				     .situation = S(EHLO) | S(ADVERTISED) | S(PIPELINING)};

		if (v == VERB_RCPT)
			x.situation |= S(MAIL_OPEN) | S(MAIL_OPEN_REAL);
		if (v == VERB_TURN || v == VERB_ATRN)
			x.situation |= S(AUTHENTICATED);
		for (unsigned i = 0; i < cause_rule_count; i++)
			if (rule_matches(&cause_rules[i], &x) && cause_rules[i].finding != FINDING_backdoor_verb)
				fail_msg("%s: %s", verb_info(x.verb)->name, finding_info(cause_rules[i].finding)->id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_outcomes), cmocka_unit_test(test_facts), cmocka_unit_test(test_clean)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
