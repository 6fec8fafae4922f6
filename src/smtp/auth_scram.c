/*
 * auth_scram.c - SCRAM-SHA-1, -256, -512 and their -PLUS forms (RFC 5802 7, RFC 7677), and the gs2-header that OAUTHBEARER shares.
 *
 *   client-first = gs2-header [ "m=" ext "," ] "n=" saslname "," "r=" nonce *( "," ext )
 *   gs2-header   = ( "n" / "y" / "p=" cb-name ) "," [ "a=" saslname ] ","
 *   server-first = [ "m=" ext "," ] "r=" nonce "," "s=" salt "," "i=" count *( "," ext )
 *   client-final = "c=" base64 "," "r=" nonce *( "," ext ) "," "p=" proof
 *   server-final = ( "e=" error / "v=" verifier ) *( "," ext )
 *
 * Attributes stand in this order and once; a name behind a second "n=" is not certain and is not taken.
 */
#include "auth_mechanism.h"

struct span saslname(struct auth *a, struct span s)
{
	struct span copy = arena_copy(&a->arena, s);
	uint8_t *out = (uint8_t *)(uintptr_t)copy.p;
	size_t n = 0;

	for (size_t i = 0; copy.p && i < s.n; i++) {
		struct span escape = span_first(span_from(s, i), 3);
		bool comma = span_ieq(escape, SPAN("=2C")), equals = span_ieq(escape, SPAN("=3D"));

		if (s.p[i] == '=' && !comma && !equals)
			auth_malformed(a, SPAN("name with a wrong escape"));
		out[n++] = comma ? ',' : equals ? '=' : s.p[i];
		i += comma || equals ? 2 : 0;
	}
	copy.n = copy.p ? n : 0;
	return copy;
}

/* cb-name = 1*( ALPHA / DIGIT / "." / "-" )  (RFC 5056 7) */
static bool is_binding(struct span flag)
{
	for (size_t i = 2; i < flag.n; i++)
		if (!char_is(flag.p[i], CHAR_LDH) && flag.p[i] != '.')
			return false;
	return span_starts(flag, SPAN("p=")) && flag.n > 2;
}

/* With a comma behind it, where the next attribute starts; without one something else may be in it. */
static bool is_certain(struct span name, struct span behind)
{
	return name.n && behind.p && span_find_class(name, CHAR_CONTROL) == SPAN_NPOS;
}

struct span gs2_header(struct auth *a, struct span *m)
{
	struct span flag = span_split(m, ','), authzid = span_split(m, ',');
	bool known = span_eq(flag, SPAN("n")) || span_eq(flag, SPAN("y")) || is_binding(flag);

	if (!known || !m->p) {
		auth_malformed(a, SPAN("message without its GS2 header"));
		*m = SPAN_ABSENT;
		return SPAN_ABSENT;
	}
	auth_set(a, AUTH_CHANNEL_BINDING, flag);
	return authzid;
}

static void client_first(struct auth *a, struct span m)
{
	struct span authzid = gs2_header(a, &m), user;

	if (!m.p)
		return;
	if (span_eq(authzid, SPAN("a="))) /* saslname = 1*( ... ): gsasl with an empty authorization identity, and Dovecot refuses it */
		auth_malformed(a, SPAN("SCRAM GS2 header with an empty a="));
	else if (span_starts(authzid, SPAN("a=")))
		auth_set(a, AUTH_AUTHZID, saslname(a, span_from(authzid, 2)));
	else if (authzid.n)
		auth_malformed(a, SPAN("SCRAM GS2 header with something else than a="));
	user = span_split(&m, ',');
	if (span_starts(user, SPAN("m=")))
		user = span_split(&m, ',');
	if (!span_starts(user, SPAN("n="))) {
		auth_malformed(a, SPAN("SCRAM client-first message without n="));
		return;
	}
	if (is_certain(span_from(user, 2), m))
		a->user = saslname(a, span_from(user, 2));
	if (!span_starts(m, SPAN("r=")))
		auth_malformed(a, SPAN("SCRAM client-first message without r= behind n="));
}

static void client_final(struct auth *a, struct span m)
{
	struct span binding = span_split(&m, ','), nonce = span_split(&m, ','), attribute = SPAN_ABSENT;

	while (m.p)
		attribute = span_split(&m, ',');
	if (!span_starts(binding, SPAN("c=")) || !span_starts(nonce, SPAN("r=")) || !span_starts(attribute, SPAN("p=")))
		auth_malformed(a, SPAN("SCRAM client-final message without c=, r= and p="));
	else
		auth_secret(a, span_from(attribute, 2));
}

void scram_response(struct auth *a, struct span m, uint32_t index)
{
	bool first = span_starts(m, SPAN("n,")) || span_starts(m, SPAN("y,")) || span_starts(m, SPAN("p="));

	if (index > 1 || (index == 1 && !m.n)) /* the answer to server-final */
		return;
	if (index == 1 || (a->lost && !first)) {
		client_final(a, m);
		return;
	}
	client_first(a, m);
	if (span_starts(auth_fact(a, AUTH_CHANNEL_BINDING), SPAN("p=")))
		auth_malformed(a, SPAN("channel binding without a -PLUS mechanism"));
}

void scram_plus_response(struct auth *a, struct span m, uint32_t index)
{
	if (index != 0) {
		scram_response(a, m, index);
		return;
	}
	client_first(a, m);
	if (auth_fact(a, AUTH_CHANNEL_BINDING).n == 1)
		auth_malformed(a, SPAN("-PLUS mechanism without channel binding"));
}

/* server-error: the reason in the server's own words. */
void scram_challenge(struct auth *a, struct span m)
{
	struct span error = span_split(&m, ',');
	uint8_t text[128];
	size_t n;

	if (!span_starts(error, SPAN("e=")))
		return;
	n = span_append(text, 0, sizeof text, SPAN("server error "));
	n = span_append(text, n, sizeof text, span_from(error, 2));
	a->cause = arena_copy(&a->arena, span_of(text, n));
}

size_t scram_shown(struct span m, uint8_t *dst, size_t cap)
{
	size_t n = 0;

	while (m.p) {
		struct span attribute = span_split(&m, ',');
		bool named = attribute.n >= 2 && char_is(attribute.p[0], CHAR_ALPHA) && attribute.p[1] == '=';
		bool harmless = named && (attribute.p[0] == 'i' || attribute.p[0] == 'e');

		if (!named)
			return 0;
		n = span_append(dst, n, cap, n ? SPAN(",") : SPAN(""));
		n = span_append(dst, n, cap, harmless ? attribute : span_first(attribute, 2));
		n = span_append(dst, n, cap, harmless ? SPAN("") : SPAN("********"));
	}
	return n;
}
