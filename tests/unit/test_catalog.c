/* The catalog: every id has its row, its words, and placeholders that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtpscope/catalog.h"

static const char *const ids[] = {
#define FINDING_ID(id) #id,
#include "smtpscope/finding_ids.h"
#undef FINDING_ID
};

static void check_text(const char *id, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n < 8 || n > 300 || text[n - 1] != '.')
		fail_msg("%s: not a sentence: %s", id, text ? text : "(none)");
	for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%'))
		if (!strchr("VSALMNCDR", p[1]) || !p[1])
			fail_msg("%s: unknown placeholder in: %s", id, text);
}

static void test_rows(void **state)
{
	(void)state;
	assert_int_equal(sizeof ids / sizeof *ids, FINDINGS);
	for (unsigned f = 0; f < FINDINGS; f++) {
		const struct finding_info *info = finding_info((enum finding)f);

		assert_string_equal(info->id, ids[f]);
		check_text(info->id, info->explanation);
		check_text(info->id, info->remedy);
		assert_non_null(info->reference);
		assert_true(info->group < GROUPS);
		assert_true(info->tolerated <= info->severity || info->severity == SEVERITY_ALERT);
		assert_ptr_equal(finding_find(span_str(ids[f])), info);
	}
	assert_null(finding_find(SPAN("no_such_finding")));
}

/*
 * Confidence and fault are the last two columns of protocol facts 5.1-5.7, the severity of a security finding the second of 6 (H alert,
 * M warning, L and I note). What a refused command shows is an error, but a warning where only policy or credentials stood in the way,
 * or the server is at fault; what was tolerated is a note, but a warning where the next server will not tolerate it.
 */
static const struct {
	enum finding_group group;
	enum severity severity, tolerated;
	enum confidence confidence;
	enum fault fault;
	const char *ids;
} families[] = {
    {GROUP_BYTES, SEVERITY_ERROR, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_CLIENT,
     "cleartext_on_tls_port http_on_smtp other_protocol_on_smtp ssh_on_smtp tls_on_cleartext_port"},
    {GROUP_BYTES, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "control_char_in_command eight_bit_command interactive_editing invalid_utf8 nul_in_command "
     "telnet_negotiation utf16_command utf8_bom"},
    {GROUP_BYTES, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_MIDDLEBOX,
     "proxy_preface_unexpected"},
    {GROUP_LINE, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_line_too_long bare_cr_in_line bare_lf_line command_line_too_long data_line_too_long "
     "empty_command extra_cr leading_whitespace"},
    {GROUP_LINE, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "truncated_command"},
    {GROUP_LINE, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "trailing_whitespace"},
    {GROUP_VERB, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_response_as_command extension_after_helo message_text_as_command unknown_verb_typo verb_alias "
     "verb_glued verb_not_advertised"},
    {GROUP_VERB, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "unknown_verb"},
    {GROUP_VERB, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_MIDDLEBOX,
     "middlebox_masked_command"},
    {GROUP_VERB, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "lmtp_smtp_mixup private_verb_unsupported"},
    {GROUP_VERB, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_SERVER,
     "verb_disabled"},
    {GROUP_ARGUMENT, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_initial_response_not_allowed auth_mechanism_unsupported bad_address_literal bad_base64 "
     "bad_bdat_argument bad_domain bad_helo_argument bad_local_part bad_parameter_value "
     "display_name_in_path duplicate_parameter missing_angle_brackets missing_argument missing_colon "
     "missing_domain missing_from_to_keyword null_recipient params_malformed size_exceeds_limit "
     "source_route space_around_colon unbalanced_angle_brackets unexpected_argument unknown_parameter"},
    {GROUP_ARGUMENT, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "numeric_domain path_too_long"},
    {GROUP_ARGUMENT, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_UNKNOWN,
     "auth_cancelled"},
    {GROUP_SEQUENCE, SEVERITY_ERROR, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_CLIENT,
     "command_after_starttls"},
    {GROUP_SEQUENCE, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_in_transaction auth_repeated bdat_after_failure bdat_after_last command_after_refused_greeting "
     "data_bdat_mixed data_before_rcpt mail_before_helo nested_mail rcpt_before_mail"},
    {GROUP_SEQUENCE, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "command_during_bdat starttls_in_transaction starttls_repeated"},
    {GROUP_SEQUENCE, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "starttls_no_handshake"},
    {GROUP_SEQUENCE, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_required starttls_required too_many_errors"},
    {GROUP_SEQUENCE, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "command_after_quit"},
    {GROUP_PIPELINING, SEVERITY_ERROR, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_CLIENT,
     "command_before_greeting data_before_354"},
    {GROUP_PIPELINING, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "data_after_rejected_data pipelining_not_advertised pipelining_past_sync_point"},
    {GROUP_PIPELINING, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "client_ignored_error"},
    {GROUP_BODY, SEVERITY_ERROR, SEVERITY_WARNING, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "missing_final_dot"},
    {GROUP_BODY, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "bdat_oversize bdat_undersize early_dot"},
    {GROUP_BODY, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_SERVER,
     "server_rejects_valid_command server_says_too_long"},
    {GROUP_BODY, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_SERVER,
     "server_closed_without_reply server_code_unspecific"},
    {GROUP_BODY, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_UNKNOWN,
     "policy_rejection"},
    {GROUP_BODY, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "unstuffed_dot"},
    {GROUP_BODY, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_LOW, FAULT_CAPTURE,
     "stream_gap"},
    {GROUP_REPLY, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_MIDDLEBOX,
     "ehlo_keyword_masked greeting_masked"},
    {GROUP_REPLY, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_SERVER,
     "enhanced_code_class_mismatch reply_bad_separator reply_bare_lf reply_code_mismatch reply_eight_bit "
     "reply_code_out_of_range reply_not_numeric reply_short reply_too_long reply_unterminated "
     "unexpected_334 unexpected_354"},
    {GROUP_REPLY, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_SERVER,
     "unsolicited_reply"},
    {GROUP_REPLY, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_SERVER,
     "reply_no_text"},
    {GROUP_AUTH, SEVERITY_ERROR, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_needs_tls"},
    {GROUP_AUTH, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_response_pipelined"},
    {GROUP_AUTH, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_CLIENT,
     "auth_account_disabled auth_failed auth_mechanism_too_weak auth_transition"},
    {GROUP_AUTH, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_HIGH, FAULT_SERVER,
     "auth_temporary_failure"},
    {GROUP_AUTH, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "auth_rate_limited"},
    {GROUP_AUTH, SEVERITY_WARNING, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_SERVER,
     "auth_no_result"},
    {GROUP_TRANSPORT, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_SERVER,
     "tls_alert_in_clear"},
    {GROUP_SECURITY, SEVERITY_ALERT, SEVERITY_ALERT, CONFIDENCE_HIGH, FAULT_CLIENT,
     "cleartext_auth auth_bruteforce auth_success_after_failures backdoor_verb code_injection_address command_overflow "
     "password_spray smtp_smuggling starttls_command_injection xclient_spoof"},
    {GROUP_SECURITY, SEVERITY_ALERT, SEVERITY_ALERT, CONFIDENCE_HIGH, FAULT_MIDDLEBOX,
     "starttls_response_injection starttls_stripped"},
    {GROUP_SECURITY, SEVERITY_ALERT, SEVERITY_ALERT, CONFIDENCE_HIGH, FAULT_SERVER,
     "nonstandard_eod_accepted open_relay_success"},
    {GROUP_SECURITY, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "bdat_mismatch command_flood connection_flood cross_protocol directory_harvest error_flood "
     "header_injection open_relay_probe role_reversal slow_session user_enumeration"},
    {GROUP_SECURITY, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_MEDIUM, FAULT_SERVER,
     "response_splitting starttls_refused"},
    {GROUP_SECURITY, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_CLIENT,
     "banner_grab helo_spoof mass_recipients null_sender_flood size_cheating spam_bot_style "
     "starttls_not_used weak_auth_mechanism"},
    {GROUP_SECURITY, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_SERVER,
     "auth_offered_without_tls tarpit throttled"},
    {GROUP_SECURITY, SEVERITY_NOTE, SEVERITY_NOTE, CONFIDENCE_MEDIUM, FAULT_UNKNOWN,
     "envelope_header_mismatch"},
    {GROUP_CAPTURE, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_CLIENT,
     "outstanding_overflow"},
    {GROUP_CAPTURE, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_UNKNOWN,
     "conflicting_overlap"},
    {GROUP_CAPTURE, SEVERITY_WARNING, SEVERITY_WARNING, CONFIDENCE_HIGH, FAULT_CAPTURE, "events_dropped"},
    {GROUP_TRANSPORT, SEVERITY_ERROR, SEVERITY_ERROR, CONFIDENCE_HIGH, FAULT_UNKNOWN, "tls_handshake_failed"},
};

static void test_families(void **state)
{
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		struct span rest = span_str(families[i].ids);

		while (rest.p) {
			struct span id = span_split(&rest, ' ');
			const struct finding_info *info = finding_find(id);

			if (!info || info->group != families[i].group || info->severity != families[i].severity ||
			    info->tolerated != families[i].tolerated || info->confidence != families[i].confidence ||
			    info->fault != families[i].fault)
				fail_msg("%.*s", (int)id.n, (const char *)id.p);
			count++;
		}
	}
	assert_int_equal(count, FINDINGS);
}

/* The words of events.md. */
static void test_names(void **state)
{
	static const char *const groups[GROUPS] = {"syntax-error",   "syntax-error",     "syntax-error",  "syntax-error",
						   "sequence-error", "pipelining-error", "framing-error", "reply-error",
						   "auth-failure",   "transport",        "security",      "capture"};

	(void)state;
	for (unsigned g = 0; g < GROUPS; g++)
		assert_string_equal(finding_group_name((enum finding_group)g), groups[g]);
	assert_string_equal(finding_group_name(GROUPS), "");
	assert_string_equal(severity_name(SEVERITY_NOTE), "note");
	assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
	assert_string_equal(severity_name(SEVERITY_ERROR), "error");
	assert_string_equal(severity_name(SEVERITY_ALERT), "alert");
	assert_string_equal(confidence_name(CONFIDENCE_LOW), "low");
	assert_string_equal(confidence_name(CONFIDENCE_MEDIUM), "medium");
	assert_string_equal(confidence_name(CONFIDENCE_HIGH), "high");
	assert_string_equal(fault_name(FAULT_UNKNOWN), "unknown");
	assert_string_equal(fault_name(FAULT_CLIENT), "client");
	assert_string_equal(fault_name(FAULT_SERVER), "server");
	assert_string_equal(fault_name(FAULT_MIDDLEBOX), "middlebox");
	assert_string_equal(fault_name(FAULT_CAPTURE), "capture");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_families), cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
