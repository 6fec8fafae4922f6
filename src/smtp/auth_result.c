/*
 * auth_result.c - how an AUTH exchange ended, and why (RFC 4954 4, 6; RFC 5248 2.4; what servers write beside the code).
 *
 * What the exchange itself shows (an OAuth status, a response that is no Base64, a message that lacks a field) explains more than the
 * reply, which is often a bare 535; what the dialogue shows (not offered, already authenticated) comes next; then the reply's text and
 * enhanced code, which are more exact than the basic code.
 */
#include "smtpscope/auth.h"

const char *auth_result_name(enum auth_result r)
{
	static const char *const names[] = {
	    [AUTH_UNKNOWN] = "unknown",     [AUTH_SUCCESS] = "success",   [AUTH_FAILURE] = "failure",
	    [AUTH_CANCELLED] = "cancelled", [AUTH_REJECTED] = "rejected", [AUTH_ABANDONED] = "abandoned",
	};

	return names[r];
}

static bool is_one_of(int code, const int *codes)
{
	for (; *codes; codes++)
		if (code == *codes)
			return true;
	return false;
}

/* Refusals that judge no credentials: RFC 4954 4, 6 and protocol order. */
static bool is_rejection(const struct auth *a, int code)
{
	static const int before[] = {500, 501, 502, 503, 504, 521, 523, 524, 530, 534, 538, 550, 553, 554, 0};
	static const int any_time[] = {503, 504, 523, 524, 530, 534, 538, 0};

	if (a->responses > 0 && !is_one_of(code, any_time) && !(a->bad_base64 && code == 501) && !(a->malformed.p && code == 501) &&
	    !(a->initial_response && a->steps == 0))
		return false;
	return is_one_of(code, before);
}

enum auth_result auth_end(const struct auth *a, const struct auth_ending *end)
{
	int code = end->code;

	if (code >= 200 && code < 300)
		return AUTH_SUCCESS;
	if (a->cancelled)
		return AUTH_CANCELLED;
	if (code < 400)
		return end->closed && !a->lost ? AUTH_ABANDONED : AUTH_UNKNOWN;
	if (a->responses == 0 && a->steps == 0 && code >= 500) /* nothing was there to be judged */
		return AUTH_REJECTED;
	return is_rejection(a, code) ? AUTH_REJECTED : AUTH_FAILURE;
}

/* ---- what the reply says ---- */

struct cause_row {
	int code;             /* 0 any */
	const char *enhanced; /* without its class; "" any */
	const char *text;     /* a part of the first line; "" any */
	const char *cause;
};

/* The first row that fits. */
static const struct cause_row causes[] = {
    {0, "", "too many", "too many attempts"},
    {0, "", "rate limit", "too many attempts"},
    {0, "", "line too long", "line too long"},
    {0, "5.6", "", "line too long"}, /* RFC 4954 6 */
    {535, "7.139", "", "this kind of login is disabled"}, /* Exchange Online */
    {0, "", "basic authentication is disabled", "this kind of login is disabled"},
    {0, "", "SmtpClientAuthentication is disabled", "this kind of login is disabled"},
    {0, "", "application-specific password", "application-specific password required"}, /* Gmail */
    {0, "", "web browser", "login by web browser required"},
    {0, "", "initial response not", "initial response not allowed"},
    {0, "", "not expecting", "initial response not allowed"}, /* Exim: not expecting initial data */
    {0, "7.13", "", "account disabled"}, /* RFC 5248 2.4 */
    {0, "", "account disabled", "account disabled"},
    {0, "", "account is disabled", "account disabled"},
    {0, "", "account has been disabled", "account disabled"},
    {0, "", "account locked", "account disabled"},
    {0, "", "account is locked", "account disabled"},
    {0, "", "user disabled", "account disabled"},
    {525, "", "", "account disabled"},
    {550, "7.1", "", "account disabled"},
    {0, "", "expired", "password expired"},
    {0, "7.12", "", "password transition needed"},
    {432, "", "", "password transition needed"},
    {0, "", "encryption required", "encryption required"},
    {0, "", "STARTTLS", "encryption required"},
    {538, "", "", "encryption required"},
    {523, "", "", "encryption required"},
    {524, "", "", "encryption required"},
    {530, "", "", "encryption required"},
    {0, "7.10", "", "encryption required"},
    {0, "7.11", "", "encryption required"},
    {534, "", "", "mechanism too weak"},
    {0, "7.9", "", "mechanism too weak"},
    {0, "", "invalid authentication mechanism", "mechanism not supported"}, /* Postfix */
    {0, "", "no mechanism available", "mechanism not supported"},           /* Cyrus SASL */
    {0, "", "unrecognized authentication type", "mechanism not supported"}, /* Exchange */
    {504, "", "", "mechanism not supported"},
    {0, "", "temporary", "temporary failure"},
    {0, "", "authentication server", "temporary failure"}, /* Postfix: Connection lost to authentication server */
    {0, "", "already authenticated", "already authenticated"},
    {503, "", "", "bad sequence"},
    {535, "", "", "credentials invalid"},
    {0, "7.8", "", "credentials invalid"},
    {421, "7.0", "", "too many attempts"},
    {450, "", "", "too many attempts"},
    {421, "", "", "connection closed by the server"},
    {500, "", "", "AUTH not known to the server"},
    {502, "", "", "AUTH not known to the server"},
    {501, "7.0", "", "malformed"},
    {501, "", "", "malformed"},
};

static struct span cause_of_reply(const struct auth_ending *end)
{
	struct span subject = span_from(end->enhanced, 2); /* behind "5." */

	for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
		const struct cause_row *row = &causes[i];

		if ((!row->code || row->code == end->code) && (!row->enhanced[0] || span_eq(subject, span_str(row->enhanced))) &&
		    (!row->text[0] || span_ifind(end->text, span_str(row->text)) != SPAN_NPOS))
			return span_str(row->cause);
	}
	return end->code >= 500 ? SPAN("refused") : SPAN("temporary failure");
}

/* ---- what the dialogue says ---- */

/* Codes by which servers refuse AUTH or a mechanism as such. */
static bool refuses_mechanism(int code)
{
	static const int codes[] = {500, 501, 502, 503, 504, 530, 534, 535, 538, 550, 554, 0};

	return is_one_of(code, codes);
}

static struct span cause_of_offer(const struct auth_ending *end)
{
	if (!end->auth_offered)
		return end->starttls_open ? SPAN("AUTH not offered (perhaps after STARTTLS)") : SPAN("AUTH not offered");
	if (end->offered_before)
		return SPAN("mechanism no longer offered");
	return end->starttls_open ? SPAN("mechanism not offered (perhaps after STARTTLS)") : SPAN("mechanism not offered");
}

static struct span cause_of_dialogue(const struct auth *a, const struct auth_ending *end)
{
	if (end->code == 503 && end->authenticated)
		return SPAN("already authenticated");
	if (end->code == 503 && end->in_transaction)
		return SPAN("inside a mail transaction");
	if (end->code == 503 && !end->greeted)
		return SPAN("before EHLO");
	if (end->list_known && !end->offered && a->mechanism.n && a->steps == 0 && refuses_mechanism(end->code))
		return cause_of_offer(end);
	return SPAN_ABSENT;
}

/* A message that the server could not read; other codes name another reason themselves. */
static struct span cause_of_message(const struct auth *a, int code)
{
	static const int codes[] = {500, 501, 535, 550, 552, 553, 554, 555, 0};

	if (!is_one_of(code, codes))
		return SPAN_ABSENT;
	if (a->bad_base64)
		return SPAN("response is not Base64");
	return a->malformed;
}

static struct span cause_of_refusal(const struct auth *a, const struct auth_ending *end)
{
	enum { LINE_ENOUGH = 12288 }; /* RFC 4954 4 */
	struct span cause = a->cause.p ? a->cause : cause_of_dialogue(a, end);

	if (!cause.p && a->initial_response && a->steps == 0 && auth_server_first(a->mechanism) && end->code >= 500)
		return SPAN("initial response not allowed"); /* whatever it holds */
	if (!cause.p)
		cause = cause_of_message(a, end->code);
	if (cause.p)
		return cause;
	if (end->code == 500 && a->longest > LINE_ENOUGH)
		return SPAN("line too long");
	if (end->code == 501 && !a->mechanism.n)
		return SPAN("no mechanism named");
	if (end->code == 535 && a->responses == 0 && a->steps == 0)
		return SPAN("mechanism not supported");
	return cause_of_reply(end);
}

struct span auth_cause(const struct auth *a, enum auth_result result, const struct auth_ending *end)
{
	switch (result) {
	case AUTH_SUCCESS:
		return SPAN_ABSENT;
	case AUTH_CANCELLED:
		return a->cause.p ? a->cause : SPAN("cancelled by the client");
	case AUTH_ABANDONED:
		return SPAN("connection ended before the reply");
	case AUTH_UNKNOWN:
		return a->lost || end->closed ? SPAN("octets are missing from the capture") : SPAN("no reply in the capture");
	case AUTH_FAILURE:
	case AUTH_REJECTED:
		break;
	}
	return cause_of_refusal(a, end);
}
