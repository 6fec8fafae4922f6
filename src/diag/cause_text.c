/*
 * cause_text.c - reply texts of well-known servers as evidence (protocol facts 5.8), and what notices mean.
 */
#include "cause_rules.h"

struct evidence_row {
	const char *fragment;
	enum finding finding;
};

static const struct evidence_row evidence[] = {
    {"command not recognized", FINDING_unknown_verb_typo},
    {"command not recognized", FINDING_unknown_verb},
    {"unrecognized command", FINDING_unknown_verb_typo},
    {"unrecognized command", FINDING_unknown_verb},
    {"command unrecognized", FINDING_unknown_verb_typo},
    {"unimplemented", FINDING_unknown_verb},
    {"invalid command", FINDING_unknown_verb_typo},
    {"command unknown", FINDING_middlebox_masked_command},
    {"bad syntax", FINDING_eight_bit_command},
    {"bad utf-8", FINDING_invalid_utf8},
    {"nul characters", FINDING_nul_in_command},
    {"command too long", FINDING_command_line_too_long},
    {"line too long", FINDING_command_line_too_long},
    {"bare <lf>", FINDING_bare_lf_line},
    {"smtplf", FINDING_bare_lf_line},
    {"synchronization", FINDING_pipelining_not_advertised},
    {"synchronization", FINDING_pipelining_past_sync_point},
    {"synchronization", FINDING_command_before_greeting},
    {"<address>", FINDING_missing_colon},
    {"<address>", FINDING_missing_angle_brackets},
    {"syntactically invalid", FINDING_bad_helo_argument},
    {"unsupported option", FINDING_extension_after_helo},
    {"unsupported option", FINDING_unknown_parameter},
    {"nested mail", FINDING_nested_mail},
    {"sender already", FINDING_nested_mail},
    {"need mail", FINDING_rcpt_before_mail},
    {"sender not yet given", FINDING_rcpt_before_mail},
    {"mail first", FINDING_rcpt_before_mail},
    {"need rcpt", FINDING_data_before_rcpt},
    {"rcpt first", FINDING_data_before_rcpt},
    {"send helo/ehlo first", FINDING_mail_before_helo},
    {"helo or ehlo required", FINDING_mail_before_helo},
    {"say helo first", FINDING_mail_before_helo},
    {"already authenticated", FINDING_auth_repeated},
    {"when not advertised", FINDING_verb_not_advertised},
    {"authentication not enabled", FINDING_verb_not_advertised},
    {"invalid base64", FINDING_bad_base64},
    {"cannot decode", FINDING_bad_base64},
    {"disabled", FINDING_verb_disabled},
    {"break rules", FINDING_http_on_smtp},
    {"break rules", FINDING_other_protocol_on_smtp},
};

bool text_has(const struct exchange *x, const char *fragment)
{
	for (uint32_t i = 0; i < x->text_count; i++)
		if (span_ifind(x->text[i], span_str(fragment)) != SPAN_NPOS)
			return true;
	return false;
}

bool text_supports(const struct exchange *x, enum finding f)
{
	for (size_t i = 0; i < sizeof evidence / sizeof *evidence; i++)
		if (evidence[i].finding == f && text_has(x, evidence[i].fragment))
			return true;
	return false;
}

enum finding notice_finding(enum notice_id id)
{
	static const enum finding meaning[NOTICES] = {
	    [NOTICE_TRUNCATED_COMMAND] = FINDING_truncated_command,
	    [NOTICE_MISSING_FINAL_DOT] = FINDING_missing_final_dot,
	    [NOTICE_BDAT_SHORT] = FINDING_bdat_oversize,
	    [NOTICE_DATA_BEFORE_354] = FINDING_data_before_354,
	    [NOTICE_DATA_LINE_TOO_LONG] = FINDING_data_line_too_long,
	    [NOTICE_NONSTANDARD_END] = FINDING_nonstandard_eod_accepted,
	    [NOTICE_SMUGGLING_ATTEMPT] = FINDING_smtp_smuggling,
	    [NOTICE_SMUGGLING_CONFIRMED] = FINDING_smtp_smuggling,
	    [NOTICE_COMMAND_INJECTION] = FINDING_starttls_command_injection,
	    [NOTICE_RESPONSE_INJECTION] = FINDING_starttls_response_injection,
	    [NOTICE_NO_HANDSHAKE] = FINDING_starttls_no_handshake,
	    [NOTICE_TLS_ON_CLEARTEXT] = FINDING_tls_on_cleartext_port,
	    [NOTICE_CLEARTEXT_ON_TLS] = FINDING_cleartext_on_tls_port,
	    [NOTICE_TLS_ALERT_IN_CLEAR] = FINDING_tls_alert_in_clear,
	    [NOTICE_STREAM_GAP] = FINDING_stream_gap,
	    [NOTICE_CONFLICT] = FINDING_conflicting_overlap,
	    [NOTICE_AUTH_PIPELINED] = FINDING_auth_response_pipelined,
	    [NOTICE_AUTH_LINE_TOO_LONG] = FINDING_auth_line_too_long,
	    [NOTICE_BAD_BASE64] = FINDING_bad_base64,
	    [NOTICE_CLEARTEXT_AUTH] = FINDING_cleartext_auth,
	    [NOTICE_QUEUE_OVERFLOW] = FINDING_outstanding_overflow,
	    [NOTICE_HELD_OVERFLOW] = FINDING_outstanding_overflow,
	    [NOTICE_EARLY_DOT] = FINDING_early_dot,
	    [NOTICE_UNSTUFFED_DOT] = FINDING_unstuffed_dot,
	    [NOTICE_SIZE_EXCEEDED] = FINDING_size_cheating,
	    [NOTICE_HANDSHAKE_FAILED] = FINDING_tls_handshake_failed,
	    [NOTICE_SIZE_UNDECLARED] = FINDING_size_cheating,
	    [NOTICE_BDAT_NO_LAST] = FINDING_bdat_mismatch,
	    [NOTICE_ALL_REFUSED] = FINDING_client_ignored_error,
	    [NOTICE_OTHER_PROTOCOL] = FINDING_other_protocol_on_smtp,
	    [NOTICE_ADDRESS_CLAIMED] = FINDING_xclient_spoof,
	};

	return meaning[id];
}
