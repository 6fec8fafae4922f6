/*
 * command_argument.c - the arguments of every verb but MAIL and its kin (RFC 5321 4.1.1; 3030, 4954, 1985, 2645, 4468).
 *
 * What a verb does not define is not judged: NOOP and HELP take anything, private verbs are opaque.
 */
#include "command_internal.h"
#include "smtpscope/codec.h"

void argument_bad(struct command *out, uint64_t defects, struct span part)
{
	out->defects |= defects;
	if (defects != 0 && !out->bad.p)
		out->bad = part;
}

/* EHLO and LHLO: SP ( Domain / address-literal ). HELO has no literal in the grammar, but everybody takes one. */
static void hello_argument(struct span rest, struct command *out)
{
	uint64_t defects = domain_check(rest);

	out->domain = rest;
	if (defects & DEFECT(BAD_DOMAIN))
		defects = (defects & ~DEFECT(BAD_DOMAIN)) | DEFECT(BAD_HELO);
	argument_bad(out, defects, rest);
}

/* VRFY, EXPN: SP String [SP "SMTPUTF8"] (RFC 5321 4.1.1.6, RFC 6531 3.7.4.2). A user name alone is fine. */
static void string_argument(struct span rest, struct command *out)
{
	size_t space = span_rchr(rest, ' ');
	struct span inside;

	if (space != SPAN_NPOS && span_ieq(span_from(rest, space + 1), SPAN("SMTPUTF8"))) {
		out->params_raw = span_from(rest, space + 1);
		out->params[out->param_count++] = (struct param){out->params_raw, SPAN_ABSENT};
		rest = span_trim(span_first(rest, space), CHAR_WSP);
	}
	inside = rest;
	if (rest.n >= 2 && rest.p[0] == '<' && rest.p[rest.n - 1] == '>')
		inside = span_from(span_first(rest, rest.n - 1), 1);
	path_split(inside, &out->path);
	out->path.raw = rest;
}

static bool octets_read(struct span word, uint64_t *octets)
{
	return span_u64(word, octets) == 1;
}

/* BDAT: SP 1*DIGIT [SP "LAST"] (RFC 3030 2). */
static void bdat_argument(struct span rest, struct command *out)
{
	struct span size = word_cut(&rest), last = word_cut(&rest);

	out->bdat_last = span_ieq(last, SPAN("LAST"));
	if (!octets_read(size, &out->bdat_size))
		argument_bad(out, DEFECT(BAD_BDAT), size);
	else if ((last.n > 0 && !out->bdat_last) || rest.n > 0)
		argument_bad(out, DEFECT(BAD_BDAT), last);
}

/* XEXCH50: SP size SP version. */
static void xexch50_argument(struct span rest, struct command *out)
{
	struct span size = word_cut(&rest);
	uint64_t version;

	if (!octets_read(size, &out->bdat_size))
		argument_bad(out, DEFECT(BAD_BDAT), size);
	else if (span_u64(rest, &version) != 1)
		argument_bad(out, DEFECT(BAD_BDAT), rest);
}

/* BURL: SP absolute-URI [SP "LAST"] (RFC 4468 3). */
static void burl_argument(struct span rest, struct command *out)
{
	(void)word_cut(&rest);
	out->bdat_last = span_ieq(rest, SPAN("LAST"));
}

bool mechanism_valid(struct span word)
{
	if (word.n == 0 || word.n > 20)
		return false;
	for (size_t i = 0; i < word.n; i++) {
		if (!char_is(word.p[i], CHAR_LDH) && word.p[i] != '_')
			return false;
	}
	return true;
}

/* Names are in capitals, in small letters, or have one capital at the start of a part: Cram-Md5. Base64 mixes them. */
bool mechanism_doubtful(struct span word)
{
	bool small = false;

	for (size_t i = 0; i < word.n; i++) {
		if (!char_is(word.p[i], CHAR_ALPHA))
			small = small && char_is(word.p[i], CHAR_DIGIT);
		else if (char_upper(word.p[i]) != word.p[i])
			small = true;
		else if (small)
			return true;
	}
	return false;
}

/*
 * AUTH: SP mech [SP initial-response], initial-response = base64 / "=" (RFC 4954 4).
 * A first word that may be a secret itself is not taken for the mechanism, and no part of the line is quoted as bad.
 */
static void auth_argument(struct span rest, struct command *out)
{
	struct span mechanism = word_cut(&rest);

	if (!mechanism_valid(mechanism))
		out->defects |= DEFECT(BAD_MECHANISM);
	else if (rest.n > 0 || !mechanism_doubtful(mechanism))
		out->mechanism = mechanism;
	if (rest.n == 0)
		return;
	out->initial_response = rest;
	if (!span_eq(rest, SPAN("=")) && !base64_valid(rest))
		out->defects |= DEFECT(BAD_BASE64);
}

/* ETRN: SP [ "@" / "#" ] node (RFC 1985 5); what follows "#" is the name of a queue. */
static void etrn_argument(struct span rest, struct command *out)
{
	out->domain = rest;
	if (rest.p[0] == '#')
		return;
	argument_bad(out, domain_check(span_from(rest, rest.p[0] == '@')), rest);
}

/* ATRN: [SP domain *("," domain)] (RFC 2645 5.2.1). */
static void atrn_argument(struct span rest, struct command *out)
{
	while (rest.p) {
		struct span domain = span_trim(span_split(&rest, ','), CHAR_WSP);

		argument_bad(out, domain_check(domain), domain);
	}
}

static const struct {
	enum verb verb;
	void (*parse)(struct span rest, struct command *out);
} arguments[] = {
	{VERB_RCPT, mail_argument_parse}, {VERB_MAIL, mail_argument_parse}, {VERB_EHLO, hello_argument},
	{VERB_HELO, hello_argument},     {VERB_LHLO, hello_argument},      {VERB_BDAT, bdat_argument},
	{VERB_AUTH, auth_argument},      {VERB_X_EXPS, auth_argument},     {VERB_XAUTH, auth_argument},
	{VERB_VRFY, string_argument},    {VERB_EXPN, string_argument},     {VERB_ETRN, etrn_argument},
	{VERB_ATRN, atrn_argument},      {VERB_BURL, burl_argument},       {VERB_XEXCH50, xexch50_argument},
	{VERB_SEND, mail_argument_parse}, {VERB_SOML, mail_argument_parse}, {VERB_SAML, mail_argument_parse},
};

void argument_parse(struct span rest, struct command *out)
{
	const struct verb_info *info = verb_info(out->verb);

	if (rest.n == 0) {
		out->defects |= info->flags & VERB_NEEDS_ARGUMENT ? DEFECT(MISSING_ARGUMENT) : 0;
		return;
	}
	if (info->flags & VERB_NO_ARGUMENT)
		argument_bad(out, DEFECT(UNEXPECTED_ARGUMENT), rest);
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		if (arguments[i].verb == out->verb)
			arguments[i].parse(rest, out);
	}
}
