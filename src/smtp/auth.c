/*
 * auth.c - one AUTH exchange step by step (RFC 4954 4, 8). See auth.h.
 *
 * The position in the dialogue decides what a line is, never its text: the second response of LOGIN is the password
 * whatever the prompt says. What a mechanism's messages hold is in auth_mechanism.c and its neighbours, how it ended in auth_result.c.
 */
#include "smtpscope/auth.h"

#include "auth_mechanism.h"
#include "smtpscope/codec.h"

#include <string.h>

enum {
	AUTH_MEMORY = 64 * 1024,     /* identity and challenges of one exchange */
	DECODE_CHARS = 8192,         /* of a response: identities stand at the front; tokens may go on for 40 KB */
	DECODE_BYTES = DECODE_CHARS / 4 * 3,
};

void auth_clear(struct auth *a)
{
	if (a->sent)
		pool_put_wiped(a->arena.pool, a->sent, sizeof *a->sent);
	arena_clear(&a->arena);
	*a = (struct auth){0};
}

static bool is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (char_is(s.p[i], CHAR_CONTROL) && s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\t' && s.p[i] != 1)
			return false;
	return utf8_valid(s);
}

/* ---- secrets ---- */

static void remember(struct auth *a, struct span s)
{
	struct auth_sent *sent = a->sent;

	if (!sent && s.n) {
		sent = a->sent = pool_get_raw(a->arena.pool, sizeof *sent);
		if (sent)
			sent->count = 0;
	}
	if (!sent || !s.n)
		return;
	s = span_first(s, AUTH_SENT_OCTETS);
	memcpy(sent->part[sent->count % AUTH_SENT_PARTS], s.p, s.n); /* the oldest makes room */
	sent->length[sent->count++ % AUTH_SENT_PARTS] = (uint8_t)s.n;
}

bool auth_echoes(const struct auth *a, struct span text)
{
	enum { SHORTEST = 4 }; /* shorter ones stand in ordinary words */
	uint32_t n = a->sent ? a->sent->count : 0;

	for (uint32_t i = 0; i < n && i < AUTH_SENT_PARTS; i++) {
		struct span part = base64_unpadded(span_of(a->sent->part[i], a->sent->length[i]));

		if (part.n >= SHORTEST && span_find(text, part) != SPAN_NPOS)
			return true;
	}
	return false;
}

static void secret_hash(struct auth *a, struct span secret)
{
	uint8_t digest[DIGEST_SHA256];
	char hex[2 * DIGEST_SHA256];

	if (!a->config->digests)
		return;
	a->config->digests->hmac_sha256(a->config->secret_key, secret, digest);
	hex_encode(span_of(digest, sizeof digest), hex, sizeof hex);
	auth_set(a, AUTH_SECRET_HASH, span_of(hex, sizeof hex));
}

/* Text as it is, other octets in hex. */
static void secret_shown(struct auth *a, struct span secret)
{
	char hex[1024];
	struct span part = span_first(secret, sizeof hex / 2);

	if (is_text(secret))
		auth_set(a, AUTH_SECRET, secret);
	else
		auth_set(a, AUTH_SECRET, span_of(hex, (size_t)hex_encode(part, hex, sizeof hex)));
}

void auth_secret(struct auth *a, struct span secret)
{
	remember(a, secret);
	if (a->partial || !secret.p)
		return;
	switch (a->config->secrets) {
	case SECRETS_HIDE:
		break;
	case SECRETS_HASH:
		secret_hash(a, secret);
		break;
	case SECRETS_SHOW:
		secret_shown(a, secret);
		break;
	}
}

/* ---- responses ---- */

/* What is decoded stands in dst only while the mechanism reads it. */
static void decode_into(struct auth *a, struct span base64, uint8_t *dst, size_t cap)
{
	long n = base64_decode(base64, dst, cap);
	struct span message = span_of(dst, n > 0 ? (size_t)n : 0);

	if (n >= 0 && a->mech)
		a->mech->response(a, message, a->responses);
	else if (n >= 0)
		auth_secret(a, message); /* of an unknown mechanism everything is secret; the last response counts */
	wipe(dst, (size_t)message.n);
}

/* A long token is decoded whole only where it is wanted whole, for its hash. */
static void decode_response(struct auth *a, struct span base64)
{
	uint8_t scratch[DECODE_BYTES];
	size_t n = base64.n / 4 * 3;
	uint8_t *all = a->config->secrets != SECRETS_HIDE && n > sizeof scratch ? pool_get(a->arena.pool, n) : NULL;

	if (all) {
		decode_into(a, base64, all, n);
		pool_put_wiped(a->arena.pool, all, n);
		return;
	}
	a->partial |= base64.n > DECODE_CHARS;
	decode_into(a, span_first(base64, DECODE_CHARS), scratch, sizeof scratch);
}

void auth_response(struct auth *a, struct span line, uint64_t length, bool complete)
{
	if (length > a->longest)
		a->longest = length;
	if (span_eq(line, SPAN("*"))) {
		a->cancelled = true;
		return;
	}
	remember(a, line);
	a->partial = !complete;
	a->lost |= a->steps > a->responses + !a->initial_response; /* a challenge without its response before this one */
	if (complete && !base64_valid(line))
		a->bad_base64 = true;
	else
		decode_response(a, complete ? line : span_first(line, line.n / 4 * 4));
	a->responses++;
}

void auth_start(struct auth *a, struct pool *pool, const struct session_config *config, struct span mechanism, struct span initial,
		bool complete)
{
	char upper[24];

	auth_clear(a);
	a->config = config;
	arena_init(&a->arena, pool, AUTH_MEMORY);
	span_cstr(mechanism, upper, sizeof upper);
	for (char *p = upper; *p; p++)
		*p = (char)char_upper((uint8_t)*p);
	a->mechanism = arena_copy(&a->arena, span_str(upper));
	a->mech = auth_mechanism_find(span_str(upper));
	if (!initial.p)
		return;
	a->initial_response = true;
	if (span_eq(initial, SPAN("=")))
		a->responses++;
	else
		auth_response(a, initial, 0, complete);
	a->cancelled = false;
}

/* ---- challenges ---- */

static struct span trim_end(struct span s)
{
	while (s.n && (s.p[s.n - 1] <= ' '))
		s.n--;
	return s;
}

/*
 * What a challenge may look like outside: decoded text; its harmless parts where the rest helps to guess the password; stars for
 * other octets, which nobody could read. SECRETS_SHOW: all of it, octets in the Base64 they came in.
 */
static struct span shown_challenge(struct auth *a, struct span text, struct span decoded)
{
	uint8_t part[AUTH_CHALLENGE_KEPT];
	bool shows = a->config->secrets == SECRETS_SHOW;
	size_t n;

	if (auth_echoes(a, text) || auth_echoes(a, decoded))
		return arena_copy(&a->arena, SPAN("********"));
	if (!decoded.p || (shows && !is_text(decoded)))
		return arena_copy(&a->arena, span_first(text, AUTH_CHALLENGE_KEPT));
	if (decoded.n && a->mech && a->mech->shown && !shows && !span_starts(decoded, SPAN("{"))) {
		n = a->mech->shown(decoded, part, sizeof part);
		return arena_copy(&a->arena, n ? span_of(part, n) : SPAN("********"));
	}
	if (!is_text(decoded) || (!a->mech && !shows && decoded.n))
		return arena_copy(&a->arena, SPAN("********"));
	return arena_copy(&a->arena, span_first(trim_end(decoded), AUTH_CHALLENGE_KEPT));
}

void auth_challenge(struct auth *a, struct span text)
{
	uint8_t scratch[DECODE_BYTES];
	long n = base64_decode(text, scratch, sizeof scratch);
	struct span decoded = n >= 0 ? span_of(scratch, (size_t)n) : SPAN_ABSENT;

	a->steps++;
	if (!a->challenges)
		a->challenges = arena_get(&a->arena, AUTH_MAX_CHALLENGES * sizeof *a->challenges);
	if (a->challenges && a->challenge_count < AUTH_MAX_CHALLENGES) {
		struct span shown = shown_challenge(a, text, decoded);

		if (shown.p)
			a->challenges[a->challenge_count++] = shown;
	}
	if (decoded.p && a->mech && a->mech->challenge && !auth_echoes(a, decoded))
		a->mech->challenge(a, decoded);
	wipe(scratch, decoded.n);
}

bool auth_server_first(struct span mechanism)
{
	const struct auth_mechanism *m = auth_mechanism_find(mechanism);

	return m && m->server_first;
}

bool auth_one_round(struct span mechanism)
{
	const struct auth_mechanism *m = auth_mechanism_find(mechanism);

	return m && m->one_round;
}
