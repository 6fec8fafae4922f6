/* Reply texts as evidence (protocol facts 5.8), and what each notice means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag/cause_rules.h"

static const struct {
	const char *text; /* as the server sends it */
	const char *ids;  /* exactly what it speaks for */
} rows[] = {
    /* Postfix */
    {"Error: command not recognized", "unknown_verb_typo unknown_verb"},
    {"Error: bad syntax", "eight_bit_command"},
    {"Error: bad UTF-8 syntax", "invalid_utf8"},
    {"Error: command too long", "command_line_too_long"},
    {"Error: bare <LF> received", "bare_lf_line"},
    {"Error: SMTP protocol synchronization", "pipelining_not_advertised pipelining_past_sync_point command_before_greeting"},
    {"Syntax: MAIL FROM:<address>", "missing_colon missing_angle_brackets"},
    {"Unsupported option: FOO=1", "extension_after_helo unknown_parameter"},
    {"Error: nested MAIL command", "nested_mail"},
    {"Error: need MAIL command", "rcpt_before_mail"},
    {"Error: need RCPT command", "data_before_rcpt"},
    {"Error: send HELO/EHLO first", "mail_before_helo"},
    {"Error: authentication not enabled", "verb_not_advertised"},
    {"Error: already authenticated", "auth_repeated"},
    {"VRFY command is disabled", "verb_disabled"},
    {"Error: I can break rules, too. Goodbye.", "http_on_smtp other_protocol_on_smtp"},
    /* Exim */
    {"unrecognized command", "unknown_verb_typo unknown_verb"},
    {"NUL characters are not allowed in SMTP commands", "nul_in_command"},
    {"Syntactically invalid EHLO argument(s)", "bad_helo_argument"},
    {"SMTP synchronization error", "pipelining_not_advertised pipelining_past_sync_point command_before_greeting"},
    {"sender not yet given", "rcpt_before_mail"},
    {"sender already given", "nested_mail"},
    {"HELO or EHLO required", "mail_before_helo"},
    {"AUTH command used when not advertised", "verb_not_advertised"},
    {"Invalid base64 data", "bad_base64"},
    /* qmail */
    {"unimplemented (#5.5.1)", "unknown_verb"},
    {"MAIL first (#5.5.1)", "rcpt_before_mail"},
    {"RCPT first (#5.5.1)", "data_before_rcpt"},
    {"See http://pobox.com/~djb/docs/smtplf.html.", "bare_lf_line"},
    /* sendmail, Cisco ASA, others */
    {"Command unrecognized: \"XYZZY\"", "unknown_verb_typo"},
    {"Polite people say HELO first", "mail_before_helo"},
    {"Need MAIL before RCPT", "rcpt_before_mail"},
    {"Command unknown: 'XXX'", "middlebox_masked_command"},
    {"Invalid command", "unknown_verb_typo"},
    {"Line too long", "command_line_too_long"},
    {"Cannot decode response", "bad_base64"},
    {"ok", ""},
};

static bool is_named(const char *ids, const char *id)
{
	struct span rest = span_str(ids);

	while (rest.p)
		if (span_eq(span_split(&rest, ' '), span_str(id)))
			return true;
	return false;
}

static void test_texts(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct span lines[] = {SPAN_INIT("one"), span_str(rows[i].text)};
		struct exchange x = {.text = lines, .text_count = 2};

		for (unsigned f = 0; f < FINDINGS; f++) {
			const char *id = finding_info((enum finding)f)->id;

			if (text_supports(&x, (enum finding)f) == is_named(rows[i].ids, id))
				continue;
			print_error("%s: %s\n", rows[i].text, id);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_notices(void **state)
{
	static const struct {
		enum notice_id notice;
		const char *id;
	} notices[] = {
	    {NOTICE_TRUNCATED_COMMAND, "truncated_command"},
	    {NOTICE_MISSING_FINAL_DOT, "missing_final_dot"},
	    {NOTICE_BDAT_SHORT, "bdat_oversize"},
	    {NOTICE_DATA_BEFORE_354, "data_before_354"},
	    {NOTICE_DATA_LINE_TOO_LONG, "data_line_too_long"},
	    {NOTICE_NONSTANDARD_END, "nonstandard_eod_accepted"},
	    {NOTICE_SMUGGLING_ATTEMPT, "smtp_smuggling"},
	    {NOTICE_SMUGGLING_CONFIRMED, "smtp_smuggling"},
	    {NOTICE_COMMAND_INJECTION, "starttls_command_injection"},
	    {NOTICE_RESPONSE_INJECTION, "starttls_response_injection"},
	    {NOTICE_NO_HANDSHAKE, "starttls_no_handshake"},
	    {NOTICE_TLS_ON_CLEARTEXT, "tls_on_cleartext_port"},
	    {NOTICE_CLEARTEXT_ON_TLS, "cleartext_on_tls_port"},
	    {NOTICE_TLS_ALERT_IN_CLEAR, "tls_alert_in_clear"},
	    {NOTICE_STREAM_GAP, "stream_gap"},
	    {NOTICE_CONFLICT, "conflicting_overlap"},
	    {NOTICE_AUTH_PIPELINED, "auth_response_pipelined"},
	    {NOTICE_AUTH_LINE_TOO_LONG, "auth_line_too_long"},
	    {NOTICE_BAD_BASE64, "bad_base64"},
	    {NOTICE_CLEARTEXT_AUTH, "cleartext_auth"},
	    {NOTICE_QUEUE_OVERFLOW, "outstanding_overflow"},
	    {NOTICE_HELD_OVERFLOW, "outstanding_overflow"},
	    {NOTICE_EARLY_DOT, "early_dot"},
	    {NOTICE_UNSTUFFED_DOT, "unstuffed_dot"},
	    {NOTICE_SIZE_EXCEEDED, "size_cheating"},
	    {NOTICE_OTHER_PROTOCOL, "other_protocol_on_smtp"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
		assert_string_equal(finding_info(notice_finding(notices[i].notice))->id, notices[i].id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_notices)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
