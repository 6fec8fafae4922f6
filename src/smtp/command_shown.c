/*
 * command_shown.c - the only way a verb or an argument leaves smtp/: with its secrets replaced (law L8, protocol facts 4.5).
 *
 * Redaction follows the grammar, not the server's replies: credentials can be pipelined, misspelt, sent after a refusal or
 * in another protocol's words. Where it is not clear what is secret, all of it is.
 */
#include "auth_mechanism.h"
#include "command_internal.h"

#include <string.h>

#define HIDDEN SPAN("********")

/* Bounded output; what does not fit is dropped. */
struct shown {
	char *p;
	size_t n, cap;
};

static void shown_add(struct shown *o, struct span s)
{
	s = span_first(s, o->cap - o->n);
	if (s.n > 0)
		memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

static struct span shown_done(const struct shown *o)
{
	return span_of(o->p, o->n);
}

static bool ieq_any(struct span word, const char *const *list)
{
	for (; *list; list++) {
		if (span_ieq(word, span_str(*list)))
			return true;
	}
	return false;
}

bool command_means_auth(const struct command *c)
{
	static const char *const verbs[] = {"AUTH", "X-EXPS", "XAUTH", NULL};

	if (verb_info(c->verb)->flags & VERB_IS_AUTH || verb_info(c->meant)->flags & VERB_IS_AUTH)
		return true;
	if (c->verb != VERB_UNKNOWN)
		return false;
	for (size_t i = 0; verbs[i]; i++) {
		if (verb_distance(c->verb_text, span_str(verbs[i]), 2) <= 2)
			return true;
	}
	return span_ifind(c->verb_text, SPAN("AUTH")) != SPAN_NPOS;
}

/* The words of POP3, FTP, IMAP and HTTP that credentials follow; typed here they are no verbs. */
static bool is_credential_word(struct span word)
{
	static const char *const words[] = {"USER", "PASS", "PASSWD", "PASSWORD", "LOGIN", "APOP", "AUTHENTICATE", NULL};
	static const char *const fields[] = {"Authorization:", "Proxy-Authorization:", "Cookie:", "Set-Cookie:", NULL};

	if (ieq_any(word, words) || ieq_any(word, fields))
		return true;
	for (size_t i = 0; words[i] && word.n >= 4; i++) {
		if (verb_distance(word, span_str(words[i]), 1) <= 1)
			return true;
	}
	return false;
}

/* A name in capitals: shown even where the verb is doubtful. */
static bool is_plain_mechanism(struct span word)
{
	for (size_t i = 0; i < word.n; i++) {
		if (char_upper(word.p[i]) != word.p[i])
			return false;
	}
	return mechanism_valid(word) && span_find_class(word, CHAR_ALPHA) == 0;
}

/* AUTH: the mechanism stays, the initial response goes. */
static struct span shown_auth(const struct command *c, struct shown *o)
{
	struct span rest = c->argument, word = word_cut(&rest);
	bool real = (verb_info(c->verb)->flags & VERB_IS_AUTH) != 0 && !(c->defects & DEFECT(GLUED));
	bool show = real ? c->mechanism.p != NULL : is_plain_mechanism(word);

	if (show && rest.n == 0)
		return c->argument;
	if (show) {
		shown_add(o, word);
		shown_add(o, SPAN(" "));
	}
	shown_add(o, HIDDEN);
	return shown_done(o);
}

/* BURL: the token behind urlauth= up to the end of the URL (RFC 4467 3). */
static struct span shown_url(const struct command *c, struct shown *o)
{
	struct span key = SPAN("urlauth=");
	size_t at = span_ifind(c->argument, key);
	struct span token, after;

	if (at == SPAN_NPOS)
		return c->argument;
	token = span_from(c->argument, at + key.n);
	after = span_from(token, span_find_class(token, CHAR_WSP));
	shown_add(o, span_first(c->argument, at + key.n));
	shown_add(o, HIDDEN);
	shown_add(o, after);
	return shown_done(o);
}

/* "a1 LOGIN user password" (RFC 9051 6.2.3), "a1 AUTHENTICATE PLAIN ...": the second word stays. */
static struct span shown_tagged(const struct command *c, struct shown *o)
{
	struct span rest = c->argument, word = word_cut(&rest);

	if (rest.n == 0 || !(is_credential_word(word) || span_ieq(word, SPAN("AUTH"))))
		return SPAN_ABSENT;
	shown_add(o, word);
	shown_add(o, SPAN(" "));
	shown_add(o, HIDDEN);
	return shown_done(o);
}

/* Base64 long enough to be credentials, and no word of a language. */
static bool looks_secret(struct span word)
{
	enum { SHORTEST = 8 };
	struct span body = word;

	while (body.n && word.n - body.n < 2 && body.p[body.n - 1] == '=')
		body.n--;
	return word.n >= SHORTEST && word.n % 4 == 0 && span_all(body, CHAR_BASE64) && looks_encoded(word);
}

/* The rest of a cut or torn AUTH line: a mechanism and what follows it ("TH PLAIN AGFs..."), or Base64 behind a word that is no verb. */
static struct span shown_torn(const struct command *c, struct shown *o)
{
	struct span rest = c->argument;
	bool hide = auth_mechanism_find(c->verb_text) != NULL;

	while (rest.n) {
		struct span word = word_cut(&rest);

		if (hide || looks_secret(word)) {
			shown_add(o, span_first(c->argument, (size_t)(word.p - c->argument.p)));
			shown_add(o, HIDDEN);
			return shown_done(o);
		}
		hide = auth_mechanism_find(word) != NULL;
	}
	return SPAN_ABSENT;
}

/* Where octets that end a line elsewhere stand inside this one, an AUTH command may stand behind them. */
static struct span shown_joined(const struct command *c, struct shown *o)
{
	static const uint64_t joints = DEFECT(BARE_CR) | DEFECT(NUL) | DEFECT(CONTROL_CHAR) | DEFECT(EDITING);
	size_t at;

	if (!(c->defects & joints))
		return c->argument;
	at = span_find_class(c->argument, CHAR_CONTROL);
	if (at == SPAN_NPOS || span_find_not_class(span_from(c->argument, at), CHAR_CONTROL) == SPAN_NPOS)
		return c->argument;
	shown_add(o, span_first(c->argument, at));
	shown_add(o, HIDDEN);
	return shown_done(o);
}

/* One word behind a verb that takes any, or that no verb takes: a response to a lost 334 that was read as a command. */
static bool is_response(const struct command *c)
{
	struct span word = c->argument;

	return looks_secret(word) && (c->verb == VERB_NOOP || c->verb == VERB_HELP || word.p[word.n - 1] == '=');
}

struct span command_shown_argument(const struct command *c, char *dst, size_t cap)
{
	const struct verb_info *info = verb_info(c->verb);
	struct shown o = {dst, 0, cap};
	struct span tagged;

	if (!c->argument.p)
		return SPAN_ABSENT;
	if (command_means_auth(c))
		return shown_auth(c, &o);
	if (c->verb == VERB_BURL)
		return shown_url(c, &o);
	if (info->flags & VERB_REDACT || bytes_foreign(c->defects) ||
	    (c->verb == VERB_UNKNOWN && is_credential_word(c->verb_text))) {
		shown_add(&o, HIDDEN);
		return shown_done(&o);
	}
	if (is_response(c)) {
		shown_add(&o, HIDDEN);
		return shown_done(&o);
	}
	tagged = c->verb == VERB_UNKNOWN ? shown_tagged(c, &o) : SPAN_ABSENT;
	if (!tagged.p && c->verb == VERB_UNKNOWN)
		tagged = shown_torn(c, &o);
	return tagged.p ? tagged : shown_joined(c, &o);
}

/* The end of a line of Base64 whose start is lost: no verb ends in "=", and the length tells nothing. */
static bool is_base64_end(struct span t)
{
	size_t n = t.n;

	while (n && t.n - n < 2 && t.p[n - 1] == '=')
		n--;
	return n < t.n && n >= 4 && span_all(span_first(t, n), CHAR_BASE64);
}

/* Length of the part of the verb token that is certainly no secret. */
static size_t open_part(const struct command *c)
{
	static const char *const words[] = {"USER", "PASS", "LOGIN", "APOP", NULL};
	struct span t = c->verb_text;
	size_t auth;

	if (c->defects & DEFECT(LONE_TOKEN) || (c->verb == VERB_UNKNOWN && is_base64_end(t)))
		return 0;
	if (c->verb != VERB_UNKNOWN || c->defects & (DEFECT(TYPO) | DEFECT(ALIAS) | DEFECT(MESSAGE_TEXT)))
		return t.n;
	auth = span_ifind(t, SPAN("AUTH"));
	if (auth != SPAN_NPOS && t.n > auth + 8) /* room for a secret; AUTHENTICATE is a word */
		return span_ieq(t, SPAN("AUTHENTICATE")) ? t.n : auth + 4;
	for (size_t i = 0; words[i]; i++) {
		struct span word = span_str(words[i]);

		if (span_istarts(t, word) && t.n > word.n && !char_is(t.p[word.n], CHAR_ALPHA))
			return word.n + 1; /* PASS:secret */
	}
	return t.n;
}

struct span command_shown_verb(const struct command *c, char *dst, size_t cap)
{
	size_t open = open_part(c);
	struct shown o = {dst, 0, cap};

	shown_add(&o, span_first(c->verb_text, open));
	for (size_t i = 0; i < o.n; i++)
		dst[i] = (char)char_upper((uint8_t)dst[i]);
	if (open < c->verb_text.n)
		shown_add(&o, HIDDEN);
	return shown_done(&o);
}

bool reply_echoes_secret(struct span text)
{
	bool credentials = false;

	while (text.p) {
		struct span word = span_split(&text, ' ');

		while (word.n && (word.p[0] == '"' || word.p[0] == '\'' || word.p[0] == '<' || word.p[0] == '('))
			word = span_from(word, 1);
		while (word.n && span_chr(SPAN("\"'>).,:;?!]"), word.p[word.n - 1]) != SPAN_NPOS)
			word.n--;
		if (word.n && (credentials || looks_secret(word)))
			return true;
		credentials |= span_eq(word, SPAN("PASS")) || span_eq(word, SPAN("APOP")) || span_eq(word, SPAN("AUTHENTICATE"));
		credentials |= auth_mechanism_find(word) != NULL && text.p && looks_secret(span_first(text, span_chr(text, ' ')));
	}
	return false;
}
