/*
 * auth_digest.c - DIGEST-MD5 (RFC 2831 2.1.1, 2.1.2): a comma-separated list of directives in both directions.
 *
 *   directive = name "=" ( token / <"> *( qdtext / "\" CHAR ) <"> )
 *
 * Who: username, realm, authzid; for whom: digest-uri; qop says whether a security layer follows the 235. response is the secret,
 * nonce and cnonce are what it can be guessed with. Behind an unbalanced quote nothing is certain, so nothing is taken from there.
 */
#include "auth_mechanism.h"
#include "smtpscope/codec.h"

struct directive {
	struct span name, value; /* value: without its quotes, escapes still in it */
};

/* token (RFC 2831 7.1); "=" at the end is tolerated: Base64 without its quotes. Anything else may be two directives in one. */
static bool is_token(struct span s)
{
	s = base64_unpadded(s);
	for (size_t i = 0; i < s.n; i++)
		if (char_is(s.p[i], CHAR_WSP | CHAR_CONTROL) || span_chr(SPAN("=;\"'"), s.p[i]) != SPAN_NPOS)
			return false;
	return true;
}

/* 1: the next directive of *rest; 0: none is left; -1: what follows is none. */
static int next_directive(struct span *rest, struct directive *d)
{
	size_t eq, end = 0;
	struct span value;

	while (rest->n && (char_is(rest->p[0], CHAR_WSP) || rest->p[0] == ','))
		*rest = span_from(*rest, 1);
	if (!rest->n)
		return 0;
	eq = span_chr(*rest, '=');
	if (eq == SPAN_NPOS || eq == 0)
		return -1;
	d->name = span_trim(span_first(*rest, eq), CHAR_WSP);
	value = span_trim(span_from(*rest, eq + 1), CHAR_WSP);
	if (value.n && value.p[0] == '"') {
		value = span_from(value, 1);
		for (; end < value.n && value.p[end] != '"'; end++)
			end += value.p[end] == '\\';
		*rest = span_trim(span_from(value, end < value.n ? end + 1 : value.n), CHAR_WSP);
		d->value = span_first(value, end);
		return end < value.n && (!rest->n || rest->p[0] == ',') ? 1 : -1;
	}
	end = span_chr(value, ',');
	d->value = span_trim(span_first(value, end == SPAN_NPOS ? value.n : end), CHAR_WSP);
	*rest = span_from(value, end == SPAN_NPOS ? value.n : end);
	return is_token(d->value) ? 1 : -1;
}

/* The value without the backslashes of its quoted pairs. */
static struct span unquoted(struct auth *a, struct span value)
{
	struct span copy = arena_copy(&a->arena, value);
	uint8_t *out = (uint8_t *)(uintptr_t)copy.p;
	size_t n = 0;

	for (size_t i = 0; copy.p && i < value.n; i++) {
		i += value.p[i] == '\\' && i + 1 < value.n;
		out[n++] = value.p[i];
	}
	copy.n = copy.p ? n : 0;
	return copy;
}

enum directive_name { USERNAME, REALM, AUTHZID, DIGEST_URI, QOP, RESPONSE, DIRECTIVES };

static enum directive_name directive_of(struct span name)
{
	static const char *const names[DIRECTIVES] = {"username", "realm", "authzid", "digest-uri", "qop", "response"};
	unsigned i = 0;

	while (i < DIRECTIVES && !span_ieq(name, span_str(names[i])))
		i++;
	return (enum directive_name)i;
}

static void take_qop(struct auth *a, struct span qop)
{
	bool integrity = span_ieq(qop, SPAN("auth-int")), confidentiality = span_ieq(qop, SPAN("auth-conf"));

	a->security_layer = integrity || confidentiality;
	auth_set(a, AUTH_SECURITY_LAYER, integrity ? SPAN("integrity") : confidentiality ? SPAN("confidentiality") : SPAN("none"));
}

void digest_response(struct auth *a, struct span m, uint32_t index)
{
	struct span value[DIRECTIVES] = {{0}};
	struct directive d;
	int got;

	if (index > 0 && !m.n) /* the answer to rspauth */
		return;
	while ((got = next_directive(&m, &d)) == 1) {
		enum directive_name name = directive_of(d.name);

		if (name != DIRECTIVES && value[name].p)
			auth_malformed(a, SPAN("DIGEST-MD5 directive given twice"));
		else if (name != DIRECTIVES)
			value[name] = d.value;
	}
	if (got < 0)
		auth_malformed(a, SPAN("DIGEST-MD5 message is no list of directives"));
	if (!value[USERNAME].p)
		auth_malformed(a, SPAN("DIGEST-MD5 response without a user name"));
	else if (!value[RESPONSE].p)
		auth_malformed(a, SPAN("DIGEST-MD5 response without its digest"));
	if (value[USERNAME].n)
		a->user = unquoted(a, value[USERNAME]);
	if (value[REALM].n)
		a->domain = unquoted(a, value[REALM]);
	auth_set(a, AUTH_AUTHZID, unquoted(a, value[AUTHZID]));
	auth_set(a, AUTH_DIGEST_URI, value[DIGEST_URI]);
	take_qop(a, value[QOP]);
	if (value[RESPONSE].n)
		auth_secret(a, value[RESPONSE]);
}

/* Directives that help nobody to guess. */
static bool is_harmless(struct span name)
{
	static const char *const names[] = {"realm", "qop", "algorithm", "charset", "stale", "maxbuf", "cipher"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (span_ieq(name, span_str(names[i])))
			return true;
	return false;
}

size_t digest_shown(struct span m, uint8_t *dst, size_t cap)
{
	struct directive d;
	size_t n = 0;

	while (next_directive(&m, &d) == 1) {
		bool harmless = is_harmless(d.name);

		if (d.name.n > 16) /* longer than any there is */
			return 0;
		n = span_append(dst, n, cap, n ? SPAN(",") : SPAN(""));
		n = span_append(dst, n, cap, d.name);
		n = span_append(dst, n, cap, SPAN("="));
		n = span_append(dst, n, cap, harmless ? d.value : SPAN("********"));
	}
	return n;
}
