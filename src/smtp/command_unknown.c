/*
 * command_unknown.c - what a line is whose first word is no SMTP verb (protocol facts 5.1 and 5.3).
 *
 * The rules are asked in order and the first that knows the line says so; the last one always does. Words of other protocols
 * and well-known aliases come before the typo rule, which must not explain them away (CLOSE is not a misspelt anything).
 */
#include "command_internal.h"

struct unknown {
	struct span text;     /* the whole line, from the first word on */
	struct span token;    /* its first word */
	struct span argument; /* the rest, trimmed; absent without one */
	enum phase phase;
	struct command *out;
	struct span rest;     /* glued verbs: what to parse as the argument */
};

typedef bool rule_fn(struct unknown *u);

static bool one_of(struct span word, const char *const *list)
{
	for (; *list; list++) {
		if (span_ieq(word, span_str(*list)))
			return true;
	}
	return false;
}

/* Capital first letter, small ones behind it: a word in a text or the name of a header field, not a typed command. */
static bool title_case(struct span s)
{
	return s.n >= 2 && s.p[0] >= 'A' && s.p[0] <= 'Z' && s.p[1] >= 'a' && s.p[1] <= 'z';
}

/* What remains of the word after the erase keys in it did their work. */
static bool rule_edited(struct unknown *u)
{
	uint8_t kept[32];
	size_t n = 0;

	if (!(u->out->defects & DEFECT(EDITING)))
		return false;
	for (size_t i = 0; i < u->token.n && n < sizeof(kept); i++) {
		uint8_t c = u->token.p[i];

		if (c != '\b' && c != 0x7F)
			kept[n++] = c;
		else if (n > 0)
			n--;
	}
	u->out->meant = verb_find(span_of(kept, n));
	return true;
}

/* Parts the line at end: the word as it is shown, and its argument without the white space before it. */
static void part_at(struct unknown *u, size_t end)
{
	struct span after = span_from(u->text, end);
	size_t start = span_find_not_class(after, CHAR_WSP);

	u->out->verb_text = span_first(u->text, end);
	u->out->argument = start == SPAN_NPOS ? SPAN_ABSENT : span_from(after, start);
}

static bool glue(struct unknown *u, enum verb verb, size_t verb_length)
{
	struct span tail = span_from(u->text, verb_length);
	size_t colon = span_chr(u->token, ':'), bracket = span_chr(u->token, '<');

	u->out->verb = verb;
	u->out->meant = verb;
	u->out->defects |= DEFECT(GLUED);
	if (tail.p[0] == ':' || tail.p[0] == '=')
		tail = span_from(tail, 1);
	u->rest = span_trim(tail, CHAR_WSP);
	/* The address is no part of the verb: "MAILFROM:" and "<a@b>". */
	if (colon < bracket)
		part_at(u, colon + 1);
	else if (bracket != SPAN_NPOS)
		part_at(u, bracket);
	return true;
}

/* Is what follows the verb, without a space, its argument? */
static bool glued_tail(const struct verb_info *v, struct span tail)
{
	static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5", "NTLM", "XOAUTH2", "GSSAPI", NULL};

	if (v->flags & VERB_OPENS_MAIL)
		return span_istarts(tail, SPAN("FROM")) || tail.p[0] == ':' || tail.p[0] == '<';
	if (v->verb == VERB_RCPT)
		return span_istarts(tail, SPAN("TO")) || tail.p[0] == ':' || tail.p[0] == '<';
	if (v->flags & VERB_IS_HELLO)
		return tail.n > 2 && domain_check(span_from(tail, tail.p[0] == ':')) == 0;
	if (v->flags & VERB_IS_AUTH)
		return one_of(span_from(tail, tail.p[0] == '=' || tail.p[0] == ':'), mechanisms);
	return false;
}

/* "Mail:" and "Send:" in a letter's header are not commands; MAIL: and mailfrom: are. */
static bool rule_glued(struct unknown *u)
{
	size_t colon = span_chr(u->token, ':');

	if (title_case(u->token) && colon != SPAN_NPOS && u->argument.n > 0 && u->argument.p[0] != '<')
		return false;
	for (unsigned i = VERB_UNKNOWN + 1; i < VERB_COUNT; i++) {
		const struct verb_info *v = verb_info((enum verb)i);
		struct span name = span_str(v->name);

		if (u->token.n > name.n && span_istarts(u->token, name) && glued_tail(v, span_from(u->token, name.n)))
			return glue(u, v->verb, name.n);
	}
	return false;
}

static bool is_http(const struct unknown *u, struct span last_word)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PRI", "DELETE", NULL};

	if (span_starts(last_word, SPAN("HTTP/")) || span_starts(u->token, SPAN("HTTP/")))
		return true;
	return one_of(u->token, methods) && u->argument.n > 0 && (u->argument.p[0] == '/' || u->argument.p[0] == '*');
}

/* POP3 and FTP verbs, IMAP "tag command", SIP and RTSP requests, Redis "*n". */
static bool is_other_protocol(const struct unknown *u, struct span last_word)
{
	static const char *const verbs[] = {"USER", "PASS", "RETR", "LIST", "APOP", "AUTHENTICATE", "UIDL", "STAT", "DELE", "TOP",
					    "CWD", "PASV", "SYST", "FEAT", NULL};
	static const char *const imap[] = {"LOGIN", "CAPABILITY", "AUTHENTICATE", "SELECT", "LOGOUT", "STARTTLS", "NOOP", "ID",
					   NULL};
	struct span rest = u->argument, second = word_cut(&rest);

	if (one_of(u->token, verbs))
		return true;
	if (span_starts(last_word, SPAN("SIP/")) || span_starts(last_word, SPAN("RTSP/")))
		return true;
	if (u->token.n >= 2 && u->token.p[0] == '*' && span_all(span_from(u->token, 1), CHAR_DIGIT))
		return true;
	if (u->token.n > 12 || !one_of(second, imap))
		return false;
	return u->token.n == 1 || span_find_class(u->token, CHAR_DIGIT) != SPAN_NPOS;
}

static bool rule_other_protocol(struct unknown *u)
{
	struct span text = span_rtrim(u->text, CHAR_WSP);
	size_t space = span_rchr(text, ' ');
	struct span last_word = space == SPAN_NPOS ? SPAN_ABSENT : span_from(text, space + 1);
	uint64_t defect = 0;

	if (is_http(u, last_word))
		defect = DEFECT(HTTP);
	else if (span_starts(u->token, SPAN("SSH-1.")) || span_starts(u->token, SPAN("SSH-2.")))
		defect = DEFECT(SSH);
	else if (is_other_protocol(u, last_word))
		defect = DEFECT(OTHER_PROTOCOL);
	u->out->defects |= defect;
	return defect != 0;
}

/* A firewall overwrites a command it does not like with as many X. */
static bool rule_masked(struct unknown *u)
{
	for (size_t i = 0; i < u->token.n; i++) {
		if (u->token.p[i] != 'X')
			return false;
	}
	if (u->token.n < 3)
		return false;
	u->out->defects |= DEFECT(MASKED);
	return true;
}

static const struct {
	const char *word;
	enum verb meant;
} aliases[] = {
	{"EXIT", VERB_QUIT},       {"BYE", VERB_QUIT},      {"LOGOUT", VERB_QUIT},   {"CLOSE", VERB_QUIT},
	{"STLS", VERB_STARTTLS},   {"STARTSSL", VERB_STARTTLS}, {"CAPA", VERB_EHLO}, {"CAPABILITY", VERB_EHLO},
	{"LOGIN", VERB_AUTH},      {"VERIFY", VERB_VRFY},   {"EXPAND", VERB_EXPN},   {"?", VERB_HELP},
};

static bool alias(struct unknown *u, enum verb meant)
{
	u->out->defects |= DEFECT(ALIAS);
	u->out->meant = meant;
	return true;
}

/* "FROM:<a@b>" lacks its MAIL; "From: Ann <a@b>" is a header field. */
static bool path_alias(const struct unknown *u, struct span keyword)
{
	struct span after = span_from(u->text, keyword.n);
	struct span path = span_trim(after, CHAR_WSP);

	if (!span_istarts(u->token, keyword) || path.n == 0 || path.p[0] != '<')
		return false;
	return !title_case(u->token) || after.p[0] == '<';
}

static bool rule_alias(struct unknown *u)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (span_ieq(u->token, span_str(aliases[i].word)))
			return alias(u, aliases[i].meant);
	}
	if (path_alias(u, SPAN("FROM:")))
		return alias(u, VERB_MAIL);
	return path_alias(u, SPAN("TO:")) && alias(u, VERB_RCPT);
}

/* RFC 5322 2.2 field name: printable without colon; mail uses letters, digits and hyphens. */
static bool is_header_field(struct span token)
{
	size_t colon = span_chr(token, ':');

	return colon != SPAN_NPOS && colon >= 2 && span_all(span_first(token, colon), CHAR_LDH);
}

static bool rule_message_text(struct unknown *u)
{
	struct span t = u->token;
	bool field = is_header_field(t);

	if (!field && !span_eq(t, SPAN(".")) && t.p[0] != '<' && t.p[0] != '>' && !span_starts(t, SPAN("--")))
		return false;
	u->out->defects |= DEFECT(MESSAGE_TEXT);
	if (field)
		part_at(u, span_chr(t, ':') + 1);
	return true;
}

/* "START TLS", "QU IT": a verb with a blank in it. */
static bool rule_split(struct unknown *u)
{
	char joined[16];
	struct span rest = u->argument, second = word_cut(&rest);
	size_t n = span_append(joined, 0, sizeof joined, u->token);

	if (!second.n || u->token.n + second.n > sizeof joined)
		return false;
	n = span_append(joined, n, sizeof joined, second);
	u->out->meant = verb_find(span_of(joined, n));
	if (u->out->meant == VERB_UNKNOWN || (rest.n && verb_info(u->out->meant)->flags & VERB_NO_ARGUMENT))
		return false;
	u->out->defects |= DEFECT(TYPO);
	u->out->typo_distance = 1;
	return true;
}

static bool rule_typo(struct unknown *u)
{
	u->out->meant = typo_find(u->token, u->argument, u->phase, &u->out->typo_distance);
	if (u->out->meant == VERB_UNKNOWN)
		return false;
	u->out->defects |= DEFECT(TYPO);
	return true;
}

/* More than a word: padding, a digit or symbol, or a change of case behind the second letter. */
bool looks_encoded(struct span s)
{
	if (s.p[s.n - 1] == '=')
		return true;
	if (s.n < 8)
		return false;
	if (!span_all(s, CHAR_ALPHA))
		return true;
	for (size_t i = 2; i < s.n; i++) {
		if ((char_upper(s.p[i]) == s.p[i]) != (char_upper(s.p[1]) == s.p[1]))
			return true;
	}
	return false;
}

/* Base64 as RFC 4648 4 writes it: credentials that went on after a refused AUTH, or a line of an encoded body. */
static bool rule_lone_token(struct unknown *u)
{
	struct span body = u->token;

	while (body.n > 0 && u->token.n - body.n < 2 && body.p[body.n - 1] == '=')
		body.n--;
	if (u->argument.n > 0 || u->token.n % 4 != 0 || body.n == 0 || !span_all(body, CHAR_BASE64))
		return false;
	if (!looks_encoded(u->token))
		return false;
	u->out->defects |= DEFECT(LONE_TOKEN);
	if (u->token.n >= 60 && u->token.n <= 76) /* RFC 2045 6.8: lines of an encoded body */
		u->out->defects |= DEFECT(MESSAGE_TEXT);
	return true;
}

static bool rule_private(struct unknown *u)
{
	if (u->token.n < 2 || char_upper(u->token.p[0]) != 'X' || title_case(u->token) || !span_all(u->token, CHAR_LDH))
		return false;
	u->out->defects |= DEFECT(PRIVATE_VERB);
	return true;
}

/* Three words or more with small letters, or a last character that ends a sentence. */
static bool rule_prose(struct unknown *u)
{
	struct span text = span_rtrim(u->text, CHAR_WSP), rest = text;
	bool small = false;
	unsigned words = 0;

	for (size_t i = 0; i < text.n && !small; i++)
		small = text.p[i] >= 'a' && text.p[i] <= 'z';
	while (words < 3 && rest.n > 0) {
		(void)word_cut(&rest);
		words++;
	}
	if (!small || (words < 3 && span_chr(SPAN(".,!?;:"), text.p[text.n - 1]) == SPAN_NPOS))
		return false;
	u->out->defects |= DEFECT(MESSAGE_TEXT);
	return true;
}

static bool rule_unknown(struct unknown *u)
{
	u->out->defects |= DEFECT(UNKNOWN_VERB);
	return true;
}

static rule_fn *const rules[] = {
	rule_edited, rule_glued, rule_other_protocol, rule_masked,  rule_alias, rule_message_text,
	rule_split,  rule_typo,     rule_lone_token, rule_private,   rule_prose,   rule_unknown,
};

void unknown_verb(struct span text, enum phase phase, struct command *out, struct span *rest)
{
	struct unknown u = {
		.text = text,
		.token = out->verb_text,
		.argument = span_rtrim(out->argument, CHAR_WSP),
		.phase = phase,
		.out = out,
		.rest = SPAN_ABSENT,
	};

	for (size_t i = 0; !rules[i](&u); i++)
		continue;
	*rest = u.rest;
}
