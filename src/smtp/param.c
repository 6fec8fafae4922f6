/*
 * param.c - the parameters of MAIL and RCPT (RFC 5321 4.1.1.11 and the RFC in each row): the only truth about them.
 *
 * adds is what the RFC says a parameter lengthens the line by; where one figure covers several (ENVID and RET have two, NOTIFY
 * and ORCPT one, HOLDFOR and HOLDUNTIL one) the rows share it out so that the sum is right. BODY's 16 are those of BINARYMIME.
 */
#include "smtpscope/codec.h"
#include "smtpscope/command.h"

static bool valid_any(struct span v)
{
	(void)v;
	return true;
}

static bool valid_none(struct span v)
{
	return !v.p;
}

static bool digits(struct span v, size_t least, size_t most)
{
	return v.n >= least && v.n <= most && span_all(v, CHAR_DIGIT);
}

/* RFC 1870 3: 1*20DIGIT */
static bool valid_size(struct span v)
{
	return digits(v, 1, 20);
}

static bool valid_body(struct span v)
{
	return span_ieq(v, SPAN("7BIT")) || span_ieq(v, SPAN("8BITMIME")) || span_ieq(v, SPAN("BINARYMIME"));
}

/* 500 octets are the longest any row allows (RFC 3461 4.2, RFC 4954 5). */
static bool xtext(struct span v, size_t most)
{
	uint8_t decoded[500];

	return v.n > 0 && v.n <= most && xtext_decode(v, decoded, sizeof(decoded)) >= 0;
}

/* RFC 4954 5: xtext of a mailbox, or "<>" */
static bool valid_auth(struct span v)
{
	return xtext(v, 500);
}

static bool valid_ret(struct span v)
{
	return span_ieq(v, SPAN("FULL")) || span_ieq(v, SPAN("HDRS"));
}

static bool valid_envid(struct span v)
{
	return xtext(v, 100);
}

/* RFC 3461 4.1: "NEVER" / 1#( "SUCCESS" / "FAILURE" / "DELAY" ) */
static bool valid_notify(struct span v)
{
	if (span_ieq(v, SPAN("NEVER")))
		return true;
	if (v.n == 0)
		return false;
	while (v.p) {
		struct span word = span_split(&v, ',');

		if (!span_ieq(word, SPAN("SUCCESS")) && !span_ieq(word, SPAN("FAILURE")) && !span_ieq(word, SPAN("DELAY")))
			return false;
	}
	return true;
}

/* RFC 3461 4.2: addr-type ";" xtext */
static bool valid_orcpt(struct span v)
{
	struct span rest = v, type = span_split(&rest, ';');

	return v.n <= 500 && type.n > 0 && rest.p && span_all(type, CHAR_ATEXT) && (span_all(rest, CHAR_EIGHT_BIT) || xtext(rest, 500));
}

/* RFC 2852 4: ["+" / "-"] 1*9DIGIT ";" ("N" / "R") ["T"] */
static bool valid_by(struct span v)
{
	struct span mode = v, time = span_split(&mode, ';');

	if (time.n > 0 && (time.p[0] == '+' || time.p[0] == '-'))
		time = span_from(time, 1);
	if (!digits(time, 1, 9) || mode.n < 1 || mode.n > 2)
		return false;
	return (char_upper(mode.p[0]) == 'N' || char_upper(mode.p[0]) == 'R') && (mode.n == 1 || char_upper(mode.p[1]) == 'T');
}

/* RFC 4865 3: future-release-interval = 1*9DIGIT */
static bool valid_seconds(struct span v)
{
	return digits(v, 1, 9);
}

/* RFC 3339 5.6: "2026-01-02T03:04:05[.678](Z / +hh:mm)"; each d stands for a digit. */
static bool valid_date_time(struct span v)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd", zone[] = "?dd:dd";
	struct span rest;

	if (v.n < sizeof(form))
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == 'd' ? !char_is(v.p[i], CHAR_DIGIT) : char_upper(v.p[i]) != form[i])
			return false;
	}
	rest = span_from(v, sizeof(form) - 1);
	if (rest.p[0] == '.') {
		size_t end = span_find_not_class(span_from(rest, 1), CHAR_DIGIT);

		if (end == 0 || end == SPAN_NPOS)
			return false;
		rest = span_from(rest, end + 1);
	}
	if (rest.n == 1)
		return char_upper(rest.p[0]) == 'Z';
	if (rest.n != sizeof(zone) - 1 || (rest.p[0] != '+' && rest.p[0] != '-'))
		return false;
	return digits(span_from(span_first(rest, 3), 1), 2, 2) && rest.p[3] == ':' && digits(span_from(rest, 4), 2, 2);
}

/* RFC 6710 4: "0" / ["-"] one of 1-9 */
static bool valid_priority(struct span v)
{
	if (v.n == 2 && v.p[0] == '-')
		return v.p[1] >= '1' && v.p[1] <= '9';
	return digits(v, 1, 1);
}

/* RFC 7293 3.1: date-time [";" ("C" / "R")] */
static bool valid_rrvs(struct span v)
{
	struct span rest = v, date = span_split(&rest, ';');

	return valid_date_time(date) && (!rest.p || span_ieq(rest, SPAN("C")) || span_ieq(rest, SPAN("R")));
}

/* RFC 3885 4.1: Base64 certifier [":" 1*9DIGIT] */
static bool valid_mtrk(struct span v)
{
	struct span rest = v, certifier = base64_unpadded(span_split(&rest, ':'));

	return certifier.n > 0 && span_all(certifier, CHAR_BASE64) && (!rest.p || digits(rest, 1, 9));
}

/* RFC 3865 4.1: keywords, at most 1000 octets */
static bool valid_solicit(struct span v)
{
	return v.n > 0 && v.n <= 1000;
}

/* RFC 1845 3: "<" id "@" domain ">", at most 80 octets */
static bool valid_transid(struct span v)
{
	return v.n >= 5 && v.n <= 80 && v.p[0] == '<' && v.p[v.n - 1] == '>' && span_chr(v, '@') != SPAN_NPOS;
}

static const struct param_info params[] = {
	/* name, EHLO keyword, MAIL, RCPT, adds, once, value, reference */
	{"SIZE", "SIZE", true, false, 26, true, valid_size, "RFC 1870 3"},
	{"BODY", "8BITMIME", true, false, 16, true, valid_body, "RFC 6152 2, RFC 3030 3"},
	{"SMTPUTF8", "SMTPUTF8", true, false, 10, true, valid_none, "RFC 6531 3.1"},
	{"AUTH", "AUTH", true, false, 500, true, valid_auth, "RFC 4954 5"},
	{"RET", "DSN", true, false, 9, true, valid_ret, "RFC 3461 4.3"},
	{"ENVID", "DSN", true, false, 107, true, valid_envid, "RFC 3461 4.4"},
	{"NOTIFY", "DSN", false, true, 0, true, valid_notify, "RFC 3461 4.1"},
	{"ORCPT", "DSN", false, true, 530, true, valid_orcpt, "RFC 3461 4.2"},
	{"BY", "DELIVERBY", true, false, 17, true, valid_by, "RFC 2852 4"},
	{"HOLDFOR", "FUTURERELEASE", true, false, 34, true, valid_seconds, "RFC 4865 4"},
	{"HOLDUNTIL", "FUTURERELEASE", true, false, 0, true, valid_date_time, "RFC 4865 4"},
	{"MT-PRIORITY", "MT-PRIORITY", true, false, 15, true, valid_priority, "RFC 6710 4"},
	{"REQUIRETLS", "REQUIRETLS", true, false, 11, true, valid_none, "RFC 8689 2"},
	{"RRVS", "RRVS", false, true, 33, true, valid_rrvs, "RFC 7293 3.1"},
	{"MTRK", "MTRK", true, false, 40, true, valid_mtrk, "RFC 3885 4.1"},
	{"SOLICIT", "NO-SOLICITING", true, false, 1007, true, valid_solicit, "RFC 3865 4.1"},
	{"CONPERM", "CONPERM", true, false, 0, true, valid_none, "RFC 4141 4"},
	{"CONNEG", "CONNEG", false, true, 0, true, valid_none, "RFC 4141 5"},
	{"TRANSID", "CHECKPOINT", true, false, 88, true, valid_transid, "RFC 1845 3"},
	{"SUBMITTER", "SUBMITTER", true, false, 0, true, valid_auth, "RFC 4405 4"},
	{"PRDR", "PRDR", true, false, 0, true, valid_none, "Exim PRDR"},
	{"XVERP", "XVERP", true, false, 0, true, valid_any, "Postfix VERP"},
	{"XOORG", NULL, true, false, 0, false, valid_any, "Exchange XOORG"},
};

const struct param_info *param_info(unsigned i)
{
	return i < sizeof(params) / sizeof(params[0]) ? &params[i] : NULL;
}

const struct param_info *param_find(struct span keyword)
{
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		if (span_ieq(span_str(params[i].name), keyword))
			return &params[i];
	}
	return NULL;
}
