/*
 * cause_code.c - what the reply code says about the cause (protocol facts 5, column "codes"; RFC 5321 4.2.4).
 *
 * A code can confirm a cause, rule it out, or be vaguer than it need be.
 */
#include "cause_rules.h"

enum { CODES = 6 };

struct code_row {
	enum finding finding;
	uint16_t codes[CODES];
};

/* What nearly every server puts up with, and the codes of those that do not: another fault of the argument is the likelier cause. */
static const struct code_row lenient[] = {
    {FINDING_bare_lf_line, {500, 550, 521, 451}},
    {FINDING_trailing_whitespace, {500, 501, 555}},
    {FINDING_space_around_colon, {500, 501, 555}},
    {FINDING_missing_angle_brackets, {500, 501, 553, 555}},
    {FINDING_source_route, {500, 501, 550, 553, 555}},
    {FINDING_numeric_domain, {501, 550, 553}},
    {FINDING_pipelining_not_advertised, {503, 521, 554, 550}},
    {FINDING_pipelining_past_sync_point, {503, 521, 554, 550}},
};

/* Refused with these codes only; what is refused with another one has another reason. */
static const struct code_row strict[] = {
    {FINDING_bare_cr_in_line, {500, 501, 550, 521}},
    {FINDING_extra_cr, {500, 501, 550}},
    {FINDING_leading_whitespace, {500, 502}},
    {FINDING_command_line_too_long, {500, 501, 421}},
    {FINDING_client_ignored_error, {0}},
};

/* The codes that say what is wrong; where 500, 502 or 555 comes instead, the server is vague. */
static const struct code_row proper[] = {
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

static const struct code_row *row_of(const struct code_row *rows, size_t count, enum finding f)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].finding == f)
			return &rows[i];
	return NULL;
}
#define ROW_OF(rows, f) row_of(rows, sizeof(rows) / sizeof *(rows), f)

static bool holds(const struct code_row *row, int code)
{
	for (size_t i = 0; i < CODES; i++)
		if (row->codes[i] && row->codes[i] == code)
			return true;
	return false;
}

/* The reply gives a reason that has nothing to do with how the line is written. */
static bool has_other_reason(enum finding f, enum category category)
{
	switch (category) {
	case CATEGORY_NONE:
	case CATEGORY_POLICY:
	case CATEGORY_DNS: /* a bad domain does not resolve */
	case CATEGORIES:
		return false;
	case CATEGORY_SIZE:
		return f != FINDING_size_exceeds_limit;
	case CATEGORY_GREYLISTING:
	case CATEGORY_BLOCK_LIST:
	case CATEGORY_QUOTA:
	case CATEGORY_RATE_LIMIT:
	case CATEGORY_DMARC:
	case CATEGORY_SPF:
	case CATEGORY_DKIM:
	case CATEGORY_UNKNOWN_USER:
	case CATEGORY_MAILBOX_DISABLED:
	case CATEGORY_RELAY_DENIED:
	case CATEGORY_TLS_REQUIRED:
	case CATEGORY_AUTH_REQUIRED:
	case CATEGORY_TOO_MANY_RECIPIENTS:
	case CATEGORY_CONTENT:
	case CATEGORY_LOCAL_ERROR:
		return true;
	}
	return false;
}

/* "Command not recognized" comes whatever is wrong with the line. */
static bool is_said_of_any_line(enum finding f)
{
	return f == FINDING_unknown_verb || f == FINDING_unknown_verb_typo || f == FINDING_middlebox_masked_command;
}

enum explains code_explains(enum finding f, const struct exchange *x, enum category category)
{
	enum finding_group group = finding_info(f)->group;
	const struct code_row *mostly = ROW_OF(lenient, f), *only = ROW_OF(strict, f);
	bool form = group == GROUP_LINE || group == GROUP_ARGUMENT;

	if (x->code >= 400 && group == GROUP_REPLY)
		return EXPLAINS_NOT; /* how a refusal is written is not why it came */
	if ((mostly && !holds(mostly, x->code)) || (only && !holds(only, x->code)))
		return EXPLAINS_NOT;
	if (form && has_other_reason(f, category))
		return EXPLAINS_NOT;
	if (x->code == 421 && (form || (group == GROUP_SEQUENCE && f != FINDING_too_many_errors)) && !only)
		return EXPLAINS_NOT; /* the service ends, for whatever reason */
	if (x->code == 503 && group == GROUP_SEQUENCE && finding_info(f)->confidence == CONFIDENCE_HIGH)
		return EXPLAINS_AS_SAID;
	if (text_supports(x, f) && !is_said_of_any_line(f))
		return EXPLAINS_AS_SAID;
	return mostly && group != GROUP_LINE ? EXPLAINS_MAYBE : EXPLAINS_WELL; /* the form of the line comes first */
}

const uint16_t *code_expected(enum finding f, const struct exchange *x)
{
	const struct code_row *row = ROW_OF(proper, f);

	if (f == FINDING_missing_argument && x->verb == VERB_ETRN)
		return NULL; /* RFC 1985 5.2 says 500 */
	if (!row || (x->code != 500 && x->code != 502 && x->code != 555) || holds(row, x->code))
		return NULL;
	return row->codes;
}
