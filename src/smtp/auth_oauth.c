/*
 * auth_oauth.c - bearer tokens: XOAUTH2 (Google, Microsoft) and OAUTHBEARER (RFC 7628), and the JSON in which both are refused.
 *
 *   XOAUTH2      = "user=" user ^A "auth=Bearer " token ^A ^A
 *   OAUTHBEARER  = gs2-header ^A *( key "=" value ^A ) ^A             keys: auth, host, port, ...
 *   refusal      = { "status": "...", "schemes": "...", "scope": "..." }       (RFC 7628 3.2.2)
 *
 * The second message of the client only acknowledges the refusal. RFC 7628 4.4 writes "user=" where its grammar says "a=": both are taken.
 */
#include "auth_mechanism.h"

/*
 * A name that holds the start of the next pair lacks the ^A in front of it (written "\x01", "^A" or as a blank): the token is in it.
 */
static bool is_name(struct span s)
{
	return s.n && span_find_class(s, CHAR_CONTROL) == SPAN_NPOS && span_ifind(s, SPAN("auth=")) == SPAN_NPOS &&
	       span_ifind(s, SPAN("Bearer ")) == SPAN_NPOS;
}

/* A domain name or an address, for the same reason nothing else. */
static bool is_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is(s.p[i], CHAR_LDH) && span_chr(SPAN(".:[]"), s.p[i]) == SPAN_NPOS)
			return false;
	return true;
}

/* "Bearer" SP token; the scheme's name is case-insensitive (RFC 9110 11.1). */
static void take_token(struct auth *a, struct span value)
{
	if (!span_istarts(value, SPAN("Bearer ")) || value.n == 7)
		auth_malformed(a, SPAN("no bearer token in the message"));
	else
		auth_secret(a, span_trim(span_from(value, 7), CHAR_WSP));
}

/* The key=value pairs up to the empty one that ends them. */
static void take_pairs(struct auth *a, struct span m)
{
	bool ended = false, token = false;

	while (m.p && !ended) {
		struct span pair = span_split(&m, 1);

		ended = !pair.n && m.p;
		if (span_starts(pair, SPAN("auth="))) {
			take_token(a, span_from(pair, 5));
			token = true;
		} else if (span_starts(pair, SPAN("host=")) && is_host(span_from(pair, 5))) {
			auth_set(a, AUTH_OAUTH_HOST, span_from(pair, 5));
		} else if (span_starts(pair, SPAN("port=")) && span_all(span_from(pair, 5), CHAR_DIGIT)) {
			auth_set(a, AUTH_OAUTH_PORT, span_from(pair, 5));
		}
	}
	if (!token)
		auth_malformed(a, SPAN("no bearer token in the message"));
	else if (!ended)
		auth_malformed(a, SPAN("message without the ^A at its end"));
}

void xoauth2_response(struct auth *a, struct span m, uint32_t index)
{
	struct span user;

	if (index != 0)
		return;
	user = span_split(&m, 1);
	if (!span_istarts(user, SPAN("user=")) || user.n == 5)
		auth_malformed(a, SPAN("XOAUTH2 message without user="));
	else if (m.p && is_name(span_from(user, 5)))
		a->user = arena_copy(&a->arena, span_from(user, 5));
	take_pairs(a, m);
}

void oauthbearer_response(struct auth *a, struct span m, uint32_t index)
{
	struct span user;

	if (index != 0)
		return;
	user = gs2_header(a, &m);
	if (!m.p)
		return;
	if (span_starts(user, SPAN("a=")) && is_name(span_from(user, 2)))
		a->user = saslname(a, span_from(user, 2));
	else if (span_starts(user, SPAN("user=")) && is_name(span_from(user, 5)))
		a->user = arena_copy(&a->arena, span_from(user, 5));
	if (m.n && m.p[0] != 1)
		auth_malformed(a, SPAN("OAUTHBEARER message without ^A behind its header"));
	else
		take_pairs(a, span_from(m, 1));
}

/* ---- the refusal ---- */

/* A JSON string (RFC 8259 7) at the cursor, without its quotes; false when it is none or does not end. */
static bool json_string(struct cursor *c, struct span *out)
{
	const uint8_t *start;
	uint8_t u = cursor_u8(c);

	if (u != '"')
		return false;
	start = c->p;
	while ((u = cursor_u8(c)) != '"' && !c->bad)
		if (u == '\\')
			cursor_u8(c);
	*out = span_of(start, c->bad ? 0 : (size_t)(c->p - start) - 1);
	return !c->bad;
}

static void json_blank(struct cursor *c)
{
	while (c->left && (c->p[0] == ' ' || c->p[0] == '\t' || c->p[0] == '\r' || c->p[0] == '\n'))
		cursor_skip(c, 1);
}

static bool json_char(struct cursor *c, uint8_t want)
{
	json_blank(c);
	return cursor_u8(c) == want && !c->bad;
}

/* A value that is a string or a number; objects and lists are passed over and give an absent span. */
static bool json_value(struct cursor *c, struct span *out)
{
	const uint8_t *start;
	unsigned depth = 0;
	struct span inner;

	json_blank(c);
	*out = SPAN_ABSENT;
	if (c->left && c->p[0] == '"')
		return json_string(c, out);
	start = c->p;
	while (c->left && (depth || (c->p[0] != ',' && c->p[0] != '}'))) {
		if (c->p[0] == '"') {
			if (!json_string(c, &inner))
				return false;
			continue;
		}
		depth += c->p[0] == '{' || c->p[0] == '[';
		depth -= depth && (c->p[0] == '}' || c->p[0] == ']');
		cursor_skip(c, 1);
	}
	if (c->p != start && char_is(start[0], CHAR_DIGIT))
		*out = span_trim(span_of(start, (size_t)(c->p - start)), CHAR_WSP | CHAR_CONTROL);
	return c->left > 0;
}

/* The string without its escapes; \u is left as it stands, for these values are ASCII. */
static struct span json_text(struct span s, uint8_t *dst, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < cap; i++) {
		i += s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] != 'u';
		dst[n++] = s.p[i];
	}
	return span_of(dst, n);
}

static void take_member(struct auth *a, struct span key, struct span value)
{
	static const struct {
		const char *key;
		enum auth_fact fact;
	} members[] = {{"status", AUTH_OAUTH_STATUS}, {"scope", AUTH_OAUTH_SCOPE}, {"schemes", AUTH_OAUTH_SCHEMES}};
	uint8_t text[256];

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (span_eq(key, span_str(members[i].key)))
			auth_set(a, members[i].fact, json_text(value, text, sizeof text));
}

void oauth_challenge(struct auth *a, struct span m)
{
	struct cursor c = cursor_of(m.p, m.n);
	struct span key, value, status, scope;
	uint8_t text[256];
	size_t n;

	if (!json_char(&c, '{'))
		return;
	do {
		json_blank(&c);
		if (!json_string(&c, &key) || !json_char(&c, ':') || !json_value(&c, &value))
			break;
		take_member(a, key, value);
	} while (json_char(&c, ','));
	status = auth_fact(a, AUTH_OAUTH_STATUS);
	scope = auth_fact(a, AUTH_OAUTH_SCOPE);
	if (!status.n)
		return;
	n = span_append(text, 0, sizeof text, SPAN("OAuth status "));
	n = span_append(text, n, sizeof text, status);
	n = span_append(text, n, sizeof text, scope.n ? SPAN(", scope ") : SPAN(""));
	n = span_append(text, n, sizeof text, scope);
	a->cause = arena_copy(&a->arena, span_of(text, n));
}
