/*
 * cause_rules.c - the rules, group by group: bytes, line form, verb, arguments, sequence, pipelining, AUTH, replies.
 *
 * A rule is a row: facts that must be there, facts that must not, verbs, and the outcome. What cannot be said in a row is
 * one small predicate. Left out: anything that takes more than one exchange.
 */
#include "cause_rules.h"

#define V(verb) (UINT64_C(1) << (VERB_##verb))
#define MAIL_VERBS (V(MAIL) | V(SEND) | V(SOML) | V(SAML))
#define HELLO_VERBS (V(EHLO) | V(HELO) | V(LHLO))
#define ENVELOPE_VERBS (MAIL_VERBS | V(RCPT))
#define IDLE_VERBS (V(NOOP) | V(RSET) | V(HELP) | V(QUIT))
#define AUTH_VERBS (V(AUTH) | V(X_EXPS) | V(XAUTH))
#define OPTIONAL_VERBS (V(VRFY) | V(EXPN) | V(HELP) | V(ETRN))

#define D(bit) DEFECT(bit)
#define S(bit) SIT(bit)

/* ---- predicates ---- */

static bool not_misplaced(const struct exchange *x)
{
	return !x->defects && x->code != 501 && x->code != 503;
}

static bool is_ascii(const struct exchange *x)
{
	return !(x->defects & DEFECT(UTF16));
}

/* Tolerated, or refused as syntax; any other refusal is about something else. */
static bool not_refused_otherwise(const struct exchange *x)
{
	return x->code < 400 || (x->code >= 500 && x->code <= 504) || x->code == 555;
}

static bool is_extension(const struct exchange *x)
{
	return verb_info(x->verb)->flags & VERB_EXTENSION;
}

static bool has_initial_response(const struct exchange *x)
{
	return span_chr(x->argument, ' ') != SPAN_NPOS;
}

static bool size_over(const struct exchange *x)
{
	return x->declared_size != EV_NONE && x->size_limit != EV_NONE && x->size_limit && x->declared_size > x->size_limit;
}

static bool says_bdat_syntax(const struct exchange *x)
{
	return text_has(x, "Syntax: BDAT");
}

static bool is_foreign_to_bdat(const struct exchange *x)
{
	uint64_t fine = V(BDAT) | V(BURL) | V(RSET) | V(NOOP) | V(QUIT) | V(DATA);

	return x->verb != VERB_UNKNOWN && !(fine >> x->verb & 1);
}

static bool not_quit(const struct exchange *x)
{
	return x->verb != VERB_QUIT;
}

static bool says_tls(const struct exchange *x)
{
	return text_has(x, "TLS") || text_has(x, "use SSL") || text_has(x, "SSL required") || text_has(x, "encryption required") ||
	       text_has(x, "encryption needed");
}

/* 505: Exchange 5.5. */
static bool is_530(const struct exchange *x)
{
	return (x->code == 530 && !says_tls(x)) || x->code == 505;
}

static bool is_530_tls(const struct exchange *x)
{
	return x->code == 530 && says_tls(x);
}

static bool says_synchronization(const struct exchange *x)
{
	return text_has(x, "synchronization");
}

static bool too_many_errors(const struct exchange *x)
{
	return text_has(x, "too many errors") || text_has(x, "too many unknown") || text_has(x, "too many syntax") ||
	       text_has(x, "too many nonmail") || text_has(x, "too many unrecognized") || text_has(x, "too many bad");
}

static bool auth_says_disabled(const struct exchange *x)
{
	return x->code == 525 || (x->code >= 500 && span_eq(x->enhanced, SPAN("5.7.13"))) ||
	       (x->code == 550 && span_starts(x->enhanced, SPAN("5.7.")) && !says_tls(x));
}

static bool auth_says_rate(const struct exchange *x)
{
	return x->code == 450 || (x->code == 421 && span_starts(x->enhanced, SPAN("4.7."))) ||
	       text_has(x, "too many");
}

static bool auth_code_535(const struct exchange *x)
{
	return x->code == 535 && !auth_says_disabled(x) && !auth_says_rate(x);
}

static bool auth_code_tls(const struct exchange *x)
{
	return x->code == 538 || x->code == 523 || x->code == 524 || x->code == 530 ||
	       ((x->code == 504 || x->code == 503 || x->code == 454 || x->code == 550 || x->code == 554) && says_tls(x));
}

static bool auth_code_534(const struct exchange *x)
{
	return x->code == 534;
}

static bool auth_code_432(const struct exchange *x)
{
	return x->code == 432;
}

static bool auth_code_temporary(const struct exchange *x)
{
	return ((x->code == 454 && !says_tls(x)) || x->code == 435 || x->code == 451 || x->code == 421) && !auth_says_rate(x);
}

static bool says_authenticated(const struct exchange *x)
{
	return x->code == 503 && text_has(x, "already auth");
}

static bool is_504(const struct exchange *x)
{
	return x->code == 504 && !says_tls(x);
}

static bool is_454(const struct exchange *x)
{
	return x->code == 454;
}

static bool is_334(const struct exchange *x)
{
	return x->code == 334 && x->kind != EXCHANGE_LOST && !(AUTH_VERBS >> x->verb & 1);
}

static bool is_354(const struct exchange *x)
{
	return x->code == 354 && x->verb != VERB_DATA && x->verb != VERB_XEXCH50 && x->kind == EXCHANGE_COMMAND;
}

static bool is_unsolicited(const struct exchange *x)
{
	return x->kind == EXCHANGE_UNSOLICITED && x->code >= 0 && !(x->situation & SIT(PROXY) && x->code != 421);
}

static bool is_cancelled(const struct exchange *x)
{
	return x->auth_result_cancelled;
}

/* A parameter that is registered, so that EHLO could have offered it. */
static bool is_known_parameter(const struct exchange *x)
{
	return param_find(span_first(x->bad, span_chr(x->bad, '='))) != NULL;
}

/* Cisco's inspection turns a command into X, and the server repeats what it got: 500 Command unknown: 'XXXX'. */
static bool echoes_mask(const struct exchange *x)
{
	return (x->code == 500 || x->code == 502) && (text_has(x, "'XXX") || text_has(x, "\"XXX") || text_has(x, " XXXX"));
}

static bool says_disabled(const struct exchange *x)
{
	bool codes = x->code == 550 || x->code == 252 || x->code == 551 || x->code == 554;

	return codes && (text_has(x, "disabled") || text_has(x, "not available") || text_has(x, "not allowed") ||
			 text_has(x, "prohibition") || text_has(x, "not permitted"));
}

static bool has_all_arguments(const struct exchange *x)
{
	return !(x->defects & D(MISSING_ARGUMENT));
}

/* A name that the grammar allows and the server does not: mostly one without a domain. */
static bool says_bad_host_name(const struct exchange *x)
{
	return text_has(x, "fully-qualified") || text_has(x, "fully qualified") || text_has(x, "invalid name") ||
	       text_has(x, "invalid domain name") || text_has(x, "invalid host") || text_has(x, "must contain a domain");
}

static bool says_unqualified(const struct exchange *x)
{
	return text_has(x, "fully-qualified") || text_has(x, "fully qualified") || text_has(x, "must contain a domain") ||
	       text_has(x, "domain name required");
}

/* The server misses a domain, and there is none, or one of a single label (RFC 5321 2.3.5). */
static bool lacks_domain(const struct exchange *x)
{
	size_t at = span_rchr(x->argument, '@');

	return says_unqualified(x) && (at == SPAN_NPOS || span_chr(span_from(x->argument, at), '.') == SPAN_NPOS);
}

/* VRFY and EXPN take a mere name (RFC 5321 3.5.1); a server that wants an address says so. */
static bool says_without_domain(const struct exchange *x)
{
	return span_chr(x->argument, '@') == SPAN_NPOS && (says_unqualified(x) || text_has(x, "domain"));
}

static bool says_too_long(const struct exchange *x)
{
	enum { LEAST = 512 }; /* RFC 5321 4.5.3.1.4: the octets that every server must take */

	return x->code == 500 && x->length <= LEAST && (text_has(x, "too long") || text_has(x, "too large"));
}

static bool says_auth_too_long(const struct exchange *x)
{
	return x->code == 500 && (span_eq(x->enhanced, SPAN("5.5.6")) || text_has(x, "too long"));
}

static bool has_eight_bit_reply(const struct exchange *x)
{
	return x->reply_defects & REPLY_DEFECT(EIGHT_BIT) && !(x->situation & SIT(SMTPUTF8));
}

/* ---- predicates of what an attacker does ---- */

/* Longer than any server keeps, and not for a reason: extensions allow it, it is message text, or a token behind a refused AUTH. */
static bool is_overlong(const struct exchange *x)
{
	enum { OVERLONG = 2048 };

	return x->length > OVERLONG && x->length > x->limit && !(x->defects & (D(LONE_TOKEN) | D(MESSAGE_TEXT)));
}

static bool is_huge_blob(const struct exchange *x)
{
	return x->defects & D(BAD_BDAT) || (x->announced != EV_NONE && x->announced > UINT64_C(1) << 30);
}

static bool is_huge_chunk(const struct exchange *x)
{
	bool overflow = x->defects & D(BAD_BDAT) && x->bad.n > 19 && span_all(x->bad, CHAR_DIGIT);

	return overflow || (x->announced != EV_NONE && x->announced >= HUGE_CHUNK);
}

/* The server answers a PROXY header that it does not know as if it were a command, or refuses to greet. */
static bool proxy_refused(const struct exchange *x)
{
	bool orphan = x->kind == EXCHANGE_UNSOLICITED && x->code >= 200 && x->code != 421;

	return x->situation & SIT(PROXY) && (orphan || (x->kind == EXCHANGE_GREETING && x->code >= 500));
}

static bool no_argument_problem(const struct exchange *x)
{
	return !(x->defects & (DEFECT(BAD_BDAT) | DEFECT(MISSING_ARGUMENT)));
}

/* ---- the table ---- */

#define REPLY_RULE(id, bit) {FINDING_##id, 0, 0, 0, 0, WHEN_ANY, has_reply_##bit}
#define HAS_REPLY(bit)                                                                                                     \
	static bool has_reply_##bit(const struct exchange *x)                                                               \
	{                                                                                                                   \
		return x->reply_defects & REPLY_DEFECT(bit);                                                                \
	}
HAS_REPLY(CODE_MISMATCH)
HAS_REPLY(UNTERMINATED)
HAS_REPLY(BAD_SEPARATOR)
HAS_REPLY(TOO_LONG)
HAS_REPLY(BARE_LF)
HAS_REPLY(NOT_NUMERIC)
HAS_REPLY(OUT_OF_RANGE)
HAS_REPLY(SHORT)
HAS_REPLY(GREETING_MASKED)
HAS_REPLY(KEYWORD_MASKED)
HAS_REPLY(CLASS_MISMATCH)
HAS_REPLY(SPLIT)

static bool has_no_text(const struct exchange *x)
{
	return x->reply_defects & REPLY_DEFECT(NO_TEXT) && !(AUTH_VERBS >> x->verb & 1);
}

static bool hides_starttls(const struct exchange *x)
{
	return x->reply_defects & REPLY_DEFECT(KEYWORD_MASKED) && x->verb == VERB_EHLO && !text_has(x, "STARTTLS");
}

const struct rule cause_rules[] = {
    /* bytes */
    {FINDING_http_on_smtp, D(HTTP), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_cleartext_on_tls_port, 0, S(PORT_TLS), S(TLS), 0, WHEN_FAILED, NULL},
    {FINDING_tls_on_cleartext_port, D(TLS_BYTES), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_ssh_on_smtp, D(SSH), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_other_protocol_on_smtp, D(OTHER_PROTOCOL), 0, 0, 0, WHEN_FAILED, NULL},
    {FINDING_proxy_preface_unexpected, 0, 0, 0, 0, WHEN_ANY, proxy_refused},
    {FINDING_telnet_negotiation, D(TELNET), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_interactive_editing, D(EDITING), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_utf16_command, D(UTF16), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_utf8_bom, D(UTF8_BOM), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_nul_in_command, D(NUL), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_eight_bit_command, D(EIGHT_BIT), 0, S(SMTPUTF8), 0, WHEN_ANY, NULL},
    {FINDING_invalid_utf8, D(INVALID_UTF8), S(SMTPUTF8), 0, 0, WHEN_ANY, NULL},
    {FINDING_control_char_in_command, D(CONTROL_CHAR), 0, 0, 0, WHEN_ANY, NULL},
    /* line form */
    {FINDING_bare_lf_line, D(BARE_LF), 0, 0, 0, WHEN_ANY, is_ascii},
    {FINDING_bare_cr_in_line, D(BARE_CR), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_extra_cr, D(EXTRA_CR), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_auth_line_too_long, D(TOO_LONG), 0, 0, AUTH_VERBS, WHEN_ANY, NULL},
    {FINDING_auth_line_too_long, 0, 0, 0, AUTH_VERBS, WHEN_5YZ, says_auth_too_long},
    {FINDING_command_line_too_long, D(TOO_LONG), 0, 0, ~AUTH_VERBS, WHEN_ANY, NULL},
    {FINDING_empty_command, D(EMPTY), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_leading_whitespace, D(LEADING_SPACE), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_trailing_whitespace, D(TRAILING_SPACE), 0, 0, 0, WHEN_ANY, not_refused_otherwise},
    /* verb */
    {FINDING_middlebox_masked_command, D(MASKED), 0, 0, 0, WHEN_FAILED, NULL},
    {FINDING_middlebox_masked_command, 0, 0, 0, ~V(UNKNOWN), WHEN_5YZ, echoes_mask},
    {FINDING_unknown_verb_typo, D(TYPO), 0, 0, 0, WHEN_FAILED, NULL},
    {FINDING_verb_alias, D(ALIAS), 0, 0, 0, WHEN_FAILED, NULL},
    {FINDING_verb_glued, D(GLUED), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_private_verb_unsupported, D(PRIVATE_VERB), 0, 0, 0, WHEN_5YZ, NULL},
    {FINDING_message_text_as_command, D(MESSAGE_TEXT), 0, 0, 0, WHEN_FAILED, NULL},
    {FINDING_unknown_verb, D(UNKNOWN_VERB), 0, 0, 0, WHEN_REFUSED, NULL},
    {FINDING_unknown_verb, D(LONE_TOKEN), 0, S(AUTH_REFUSED), 0, WHEN_REFUSED, NULL},
    {FINDING_extension_after_helo, 0, S(HELO), S(ADVERTISED), ~(HELLO_VERBS | OPTIONAL_VERBS), WHEN_SYNTAX, is_extension},
    {FINDING_extension_after_helo, D(UNKNOWN_PARAMETER), S(HELO), 0, ENVELOPE_VERBS, WHEN_SYNTAX, is_known_parameter},
    {FINDING_verb_not_advertised, 0, 0, S(ADVERTISED) | S(HELO) | S(NO_EHLO_SEEN), ~(OPTIONAL_VERBS | V(STARTTLS)), WHEN_5YZ, is_extension},
    {FINDING_verb_not_advertised, 0, 0, S(ADVERTISED) | S(HELO) | S(NO_EHLO_SEEN) | S(TLS), V(STARTTLS), WHEN_5YZ, NULL},
    {FINDING_verb_disabled, 0, 0, 0, OPTIONAL_VERBS, WHEN_UNKNOWN_TO_SERVER, has_all_arguments},
    {FINDING_verb_disabled, 0, 0, 0, OPTIONAL_VERBS, WHEN_ANY, says_disabled},
    {FINDING_lmtp_smtp_mixup, 0, S(LMTP), 0, V(EHLO) | V(HELO), WHEN_5YZ, NULL},
    {FINDING_lmtp_smtp_mixup, 0, 0, S(LMTP), V(LHLO), WHEN_5YZ, NULL},
    /* arguments */
    {FINDING_missing_argument, D(MISSING_ARGUMENT) | D(BAD_MECHANISM), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_unexpected_argument, D(UNEXPECTED_ARGUMENT), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_missing_from_to_keyword, D(MISSING_FROM_TO), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_missing_colon, D(MISSING_COLON), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_space_around_colon, D(SPACE_AROUND_COLON), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_missing_angle_brackets, D(MISSING_BRACKETS), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_unbalanced_angle_brackets, D(UNBALANCED_BRACKETS), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_display_name_in_path, D(DISPLAY_NAME), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_bad_local_part, D(BAD_LOCAL_PART), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_bad_helo_argument, D(BAD_HELO), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_bad_helo_argument, 0, 0, 0, HELLO_VERBS, WHEN_5YZ, says_bad_host_name},
    {FINDING_bad_domain, D(BAD_DOMAIN), 0, 0, ~HELLO_VERBS, WHEN_ANY, NULL},
    {FINDING_missing_domain, D(MISSING_DOMAIN), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_missing_domain, 0, 0, 0, V(VRFY) | V(EXPN), WHEN_5YZ, says_without_domain},
    {FINDING_missing_domain, 0, 0, 0, ENVELOPE_VERBS, WHEN_5YZ, lacks_domain},
    {FINDING_bad_address_literal, D(BAD_LITERAL), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_numeric_domain, D(NUMERIC_DOMAIN), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_path_too_long, D(PATH_TOO_LONG), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_source_route, D(SOURCE_ROUTE), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_null_recipient, D(NULL_RECIPIENT), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_params_malformed, D(PARAMS_MALFORMED), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_unknown_parameter, D(UNKNOWN_PARAMETER), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_duplicate_parameter, D(DUPLICATE_PARAMETER), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_bad_parameter_value, D(BAD_PARAMETER_VALUE), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_size_exceeds_limit, 0, 0, 0, MAIL_VERBS, WHEN_ANY, size_over},
    {FINDING_bad_bdat_argument, D(BAD_BDAT), 0, 0, 0, WHEN_ANY, NULL},
    {FINDING_bad_bdat_argument, 0, 0, 0, V(BDAT), WHEN_5YZ, says_bdat_syntax},
    {FINDING_auth_cancelled, 0, 0, 0, AUTH_VERBS, WHEN_ANY, is_cancelled},
    {FINDING_bad_base64, D(BAD_BASE64), 0, 0, 0, WHEN_FAILED, NULL},
    {FINDING_auth_initial_response_not_allowed, 0, S(AUTH_SERVER_FIRST), 0, AUTH_VERBS, WHEN_5YZ, has_initial_response},
    {FINDING_auth_mechanism_unsupported, 0, S(AUTH_NOT_OFFERED), 0, AUTH_VERBS, WHEN_5YZ, NULL},
    {FINDING_auth_mechanism_unsupported, 0, 0, S(AUTH_NOT_OFFERED), AUTH_VERBS, WHEN_5YZ, is_504},
    /* sequence */
    {FINDING_command_after_refused_greeting, 0, S(GREETING_REFUSED), S(BEFORE_GREETING), 0, WHEN_FAILED, not_quit},
    {FINDING_command_after_quit, 0, S(AFTER_QUIT), 0, 0, WHEN_ANY, NULL},
    {FINDING_command_after_starttls, 0, S(AFTER_STARTTLS), 0, 0, WHEN_FAILED, NULL},
    {FINDING_mail_before_helo, 0, S(NO_HELLO) | S(NO_HELLO_REAL), S(MIDSTREAM), MAIL_VERBS, WHEN_ANY, NULL},
    {FINDING_rcpt_before_mail, 0, 0, S(MAIL_OPEN) | S(MIDSTREAM) | S(AFTER_GAP) | S(MAIL_OPEN_REAL), V(RCPT), WHEN_ANY, NULL},
    {FINDING_bdat_after_last, 0, S(BDAT_LAST), 0, V(BDAT), WHEN_ANY, no_argument_problem},
    {FINDING_bdat_after_failure, 0, S(BDAT_FAILED), S(BDAT_LAST), V(BDAT), WHEN_ANY, NULL},
    {FINDING_data_bdat_mixed, 0, S(BDAT_OPEN), 0, V(DATA), WHEN_ANY, NULL},
    {FINDING_data_bdat_mixed, 0, S(BINARYMIME), S(BDAT_OPEN), V(DATA), WHEN_ANY, NULL},
    {FINDING_data_bdat_mixed, 0, S(BDAT_FAILED), S(BDAT_OPEN), V(DATA), WHEN_ANY, NULL},
    {FINDING_data_before_rcpt, 0, 0,
     S(RCPT) | S(RCPT_REAL) | S(MIDSTREAM) | S(AFTER_GAP) | S(BDAT_LAST) | S(BDAT_FAILED) | S(BDAT_OPEN), V(DATA) | V(BDAT) | V(BURL),
     WHEN_FAILED, NULL},
    {FINDING_nested_mail, 0, S(MAIL_OPEN), 0, MAIL_VERBS, WHEN_ANY, NULL},
    {FINDING_auth_repeated, 0, S(AUTHENTICATED), 0, AUTH_VERBS, WHEN_ANY, NULL},
    {FINDING_auth_repeated, 0, 0, 0, AUTH_VERBS, WHEN_5YZ, says_authenticated},
    {FINDING_auth_in_transaction, 0, S(MAIL_OPEN), 0, AUTH_VERBS, WHEN_ANY, NULL},
    {FINDING_starttls_required, 0, 0, 0, ~AUTH_VERBS, WHEN_5YZ, is_530_tls},
    {FINDING_auth_required, 0, 0, 0, ~AUTH_VERBS, WHEN_5YZ, is_530},
    {FINDING_starttls_repeated, 0, S(TLS), 0, V(STARTTLS), WHEN_5YZ, NULL},
    {FINDING_starttls_repeated, 0, S(EHLO), S(ADVERTISED) | S(NO_EHLO_SEEN) | S(TLS), V(STARTTLS), WHEN_5YZ, NULL},
    {FINDING_starttls_in_transaction, 0, S(MAIL_OPEN), 0, V(STARTTLS), WHEN_ANY, NULL},
    {FINDING_command_during_bdat, 0, S(BDAT_OPEN), 0, 0, WHEN_ANY, is_foreign_to_bdat},
    {FINDING_too_many_errors, 0, 0, 0, 0, WHEN_REFUSED, too_many_errors},
    /* pipelining */
    {FINDING_command_before_greeting, 0, S(BEFORE_GREETING), S(PROXY) | S(PORT_TLS), 0, WHEN_ANY, NULL},
    {FINDING_pipelining_not_advertised, 0, S(IN_FLIGHT), S(PIPELINING) | S(AFTER_QUIT) | S(BEFORE_GREETING), 0, WHEN_ANY, NULL},
    {FINDING_pipelining_past_sync_point, 0, S(PAST_SYNC), S(AFTER_QUIT) | S(BEFORE_GREETING), 0, WHEN_ANY, NULL},
    {FINDING_pipelining_not_advertised, 0, 0, S(PIPELINING) | S(BEFORE_GREETING), 0, WHEN_REFUSED, says_synchronization},
    {FINDING_pipelining_past_sync_point, 0, S(PIPELINING), S(BEFORE_GREETING), 0, WHEN_REFUSED, says_synchronization},
    {FINDING_client_ignored_error, 0, S(REPEATED), S(IN_FLIGHT), ~(AUTH_VERBS | IDLE_VERBS), WHEN_5YZ, NULL},
    {FINDING_client_ignored_error, 0, S(IGNORES_REFUSAL), 0, 0, WHEN_ANY, NULL},
    /* AUTH */
    {FINDING_auth_failed, 0, 0, 0, AUTH_VERBS, WHEN_5YZ, auth_code_535},
    {FINDING_auth_needs_tls, 0, 0, S(TLS), AUTH_VERBS, WHEN_REFUSED, auth_code_tls},
    {FINDING_auth_mechanism_too_weak, 0, 0, 0, AUTH_VERBS, WHEN_5YZ, auth_code_534},
    {FINDING_auth_transition, 0, 0, 0, AUTH_VERBS, WHEN_REFUSED, auth_code_432},
    {FINDING_auth_temporary_failure, 0, 0, 0, AUTH_VERBS, WHEN_REFUSED, auth_code_temporary},
    {FINDING_auth_account_disabled, 0, 0, 0, AUTH_VERBS, WHEN_5YZ, auth_says_disabled},
    {FINDING_auth_rate_limited, 0, 0, 0, AUTH_VERBS, WHEN_REFUSED, auth_says_rate},
    {FINDING_auth_no_result, 0, S(CLOSED_UNANSWERED), 0, AUTH_VERBS, WHEN_ANY, NULL},
    /* the server's side */
    {FINDING_server_says_too_long, 0, 0, 0, ~AUTH_VERBS, WHEN_5YZ, says_too_long},
    {FINDING_server_closed_without_reply, 0, S(CLOSED_UNANSWERED) | S(SERVER_CLOSED), S(BEFORE_GREETING) | S(GREETING_REFUSED),
     ~AUTH_VERBS, WHEN_ANY, not_quit},
    {FINDING_starttls_refused, 0, S(ADVERTISED), S(TLS) | S(MAIL_OPEN) | S(NO_EHLO_SEEN) | S(AFTER_STARTTLS), V(STARTTLS),
     WHEN_REFUSED, not_misplaced},
    {FINDING_starttls_refused, 0, 0, S(TLS) | S(AFTER_STARTTLS), V(STARTTLS), WHEN_REFUSED, is_454},
    {FINDING_greeting_masked, 0, 0, 0, 0, WHEN_ANY, has_reply_GREETING_MASKED},
    {FINDING_ehlo_keyword_masked, 0, 0, 0, 0, WHEN_ANY, has_reply_KEYWORD_MASKED},
    {FINDING_starttls_stripped, 0, 0, 0, V(EHLO), WHEN_ANY, hides_starttls},
    REPLY_RULE(reply_code_mismatch, CODE_MISMATCH),
    REPLY_RULE(reply_unterminated, UNTERMINATED),
    REPLY_RULE(reply_bad_separator, BAD_SEPARATOR),
    REPLY_RULE(reply_too_long, TOO_LONG),
    REPLY_RULE(reply_bare_lf, BARE_LF),
    REPLY_RULE(reply_not_numeric, NOT_NUMERIC),
    REPLY_RULE(reply_code_out_of_range, OUT_OF_RANGE),
    REPLY_RULE(reply_short, SHORT),
    {FINDING_reply_eight_bit, 0, 0, 0, 0, WHEN_ANY, has_eight_bit_reply},
    REPLY_RULE(enhanced_code_class_mismatch, CLASS_MISMATCH),
    {FINDING_reply_no_text, 0, 0, 0, 0, WHEN_ANY, has_no_text},
    {FINDING_unexpected_334, 0, 0, 0, 0, WHEN_ANY, is_334},
    {FINDING_unexpected_354, 0, 0, 0, 0, WHEN_ANY, is_354},
    {FINDING_unsolicited_reply, 0, 0, 0, 0, WHEN_ANY, is_unsolicited},
    /* security */
    {FINDING_backdoor_verb, 0, 0, 0, V(DEBUG) | V(WIZ) | V(KILL) | V(SHOWQ), WHEN_ANY, NULL},
    REPLY_RULE(response_splitting, SPLIT),
    {FINDING_bdat_mismatch, 0, 0, 0, V(BDAT), WHEN_ANY, is_huge_chunk},
    {FINDING_command_overflow, D(OVERFLOW), 0, S(AFTER_BDAT) | S(DATA_REFUSED) | S(AUTH_REFUSED), ~AUTH_VERBS, WHEN_ANY, NULL},
    {FINDING_command_overflow, D(TOO_LONG), 0, S(AFTER_BDAT) | S(DATA_REFUSED) | S(AUTH_REFUSED), ~AUTH_VERBS, WHEN_ANY, is_overlong},
    {FINDING_command_overflow, D(TOO_LONG), 0, 0, V(X_LINK2STATE), WHEN_ANY, NULL},
    {FINDING_command_overflow, 0, 0, 0, V(XEXCH50), WHEN_ANY, is_huge_blob},
    {FINDING_code_injection_address, D(CODE), 0, 0, ENVELOPE_VERBS | HELLO_VERBS, WHEN_ANY, NULL},
    {FINDING_header_injection, D(LINE_END_INSIDE), 0, 0, ~AUTH_VERBS, WHEN_ANY, NULL},
    {FINDING_xclient_spoof, 0, S(EHLO), S(ADVERTISED) | S(NO_EHLO_SEEN), V(XCLIENT) | V(XFORWARD), WHEN_ACCEPTED, NULL},
    {FINDING_role_reversal, 0, 0, S(AUTHENTICATED), V(TURN) | V(ATRN), WHEN_ACCEPTED, NULL},
    {FINDING_cross_protocol, D(HTTP), 0, 0, 0, WHEN_ANY, NULL},
};
const unsigned cause_rule_count = sizeof cause_rules / sizeof *cause_rules;

bool rule_hangs_up(const struct exchange *x)
{
	return x->kind == EXCHANGE_COMMAND && x->code == 221 && x->verb == VERB_UNKNOWN;
}

static bool outcome_fits(enum rule_when when, const struct exchange *x)
{
	switch (when) {
	case WHEN_ANY:
		return true;
	case WHEN_ACCEPTED:
		return x->code >= 200 && x->code < 300;
	case WHEN_FAILED:
		return x->code >= 400 || rule_hangs_up(x) || (x->code == 0 && x->situation & SIT(CLOSED_UNANSWERED));
	case WHEN_REFUSED:
		return x->code >= 400 || rule_hangs_up(x);
	case WHEN_5YZ:
		return x->code >= 500;
	case WHEN_SYNTAX:
		return (x->code >= 500 && x->code <= 504) || x->code == 555;
	case WHEN_UNKNOWN_TO_SERVER:
		return x->code == 500 || x->code == 502 || x->code == 504;
	}
	return false;
}

bool rule_matches(const struct rule *r, const struct exchange *x)
{
	if (!rule_is_near(r, x))
		return false;
	if (x->kind != EXCHANGE_COMMAND && (r->defects || r->all || r->none || r->verbs))
		return false;
	return outcome_fits(r->when, x) && (!r->also || r->also(x));
}

/* Accepted, nothing wrong with line or reply, and in a place where it belongs; or a good greeting. A test holds this against the table. */
bool rules_are_silent(const struct exchange *x)
{
	static const uint64_t daily = HELLO_VERBS | MAIL_VERBS | V(RCPT) | V(DATA) | (IDLE_VERBS & ~V(HELP)) | V(STARTTLS) |
				      AUTH_VERBS;
	static const uint64_t unusual = S(BEFORE_GREETING) | S(PAST_SYNC) | S(AFTER_QUIT) | S(BDAT_OPEN) | S(BDAT_LAST) | S(BDAT_FAILED) |
					S(BINARYMIME) | S(IGNORES_REFUSAL) | S(CLOSED_UNANSWERED) | S(PORT_TLS);
	bool accepted = x->code >= 200 && x->code < 300;

	if (x->kind == EXCHANGE_GREETING)
		return accepted && !x->reply_defects;
	if (!accepted || x->kind != EXCHANGE_COMMAND || x->defects || x->reply_defects || x->situation & unusual || !(daily >> x->verb & 1))
		return false;
	if (x->situation & S(IN_FLIGHT) && !(x->situation & S(PIPELINING)))
		return false;
	if (MAIL_VERBS >> x->verb & 1)
		return !(x->situation & (S(NO_HELLO) | S(NO_HELLO_REAL) | S(MAIL_OPEN))) && x->declared_size == EV_NONE;
	if ((AUTH_VERBS | V(STARTTLS)) >> x->verb & 1)
		return !(x->situation & (S(AUTHENTICATED) | S(MAIL_OPEN))) && !x->auth_result_cancelled;
	return x->verb != VERB_RCPT || x->situation & (S(MAIL_OPEN) | S(MAIL_OPEN_REAL));
}
