/*
 * auth.c - one AUTH exchange step by step (RFC 4954 4, 8). See auth.h.
 *
 * The position in the dialogue decides what a line is, never its text: the second response of LOGIN is the password
 * whatever the prompt says. What a mechanism's messages hold is in auth_mechanism.c.
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

const char *auth_result_name(enum auth_result r)
{
	static const char *const names[] = {
	    [AUTH_UNKNOWN] = "unknown",     [AUTH_SUCCESS] = "success",   [AUTH_FAILURE] = "failure",
	    [AUTH_CANCELLED] = "cancelled", [AUTH_REJECTED] = "rejected", [AUTH_ABANDONED] = "abandoned",
	};

	return names[r];
}

void auth_clear(struct auth *a)
{
	arena_clear(&a->arena);
	*a = (struct auth){0};
}

/* A response decoded into scratch that is wiped before anything else happens. */
static void decode_response(struct auth *a, struct span base64)
{
	uint8_t scratch[DECODE_BYTES];
	struct span part = span_first(base64, DECODE_CHARS);
	long n = base64_decode(part, scratch, sizeof scratch);

	if (n >= 0 && a->mech)
		a->mech->response(a, span_of(scratch, (size_t)n), a->responses);
	wipe(scratch, sizeof scratch);
}

void auth_response(struct auth *a, struct span line, uint64_t length, bool complete)
{
	if (length > a->longest)
		a->longest = length;
	if (span_eq(line, SPAN("*"))) {
		a->cancelled = true;
		return;
	}
	if (complete && !base64_valid(line))
		a->bad_base64 = true;
	else
		decode_response(a, line);
	a->responses++;
}

void auth_start(struct auth *a, struct pool *pool, struct span mechanism, struct span initial)
{
	char upper[24];

	auth_clear(a);
	arena_init(&a->arena, pool, AUTH_MEMORY);
	span_cstr(mechanism, upper, sizeof upper);
	for (char *p = upper; *p; p++)
		*p = (char)char_upper((uint8_t)*p);
	a->mechanism = arena_copy(&a->arena, span_str(upper));
	a->mech = auth_mechanism_find(a->mechanism);
	if (!initial.p)
		return;
	a->initial_response = true;
	if (span_eq(initial, SPAN("=")))
		a->responses++;
	else
		auth_response(a, initial, 0, true);
	a->cancelled = false;
}

static bool is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (char_is(s.p[i], CHAR_CONTROL) && s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != '\t' && s.p[i] != 1)
			return false;
	return utf8_valid(s);
}

static struct span trim_end(struct span s)
{
	while (s.n && (s.p[s.n - 1] <= ' '))
		s.n--;
	return s;
}

/* What a challenge may look like outside: decoded text; stars where it helps to guess the password; its size when binary. */
static struct span shown_challenge(struct auth *a, struct span text, struct span decoded)
{
	bool sensitive = a->mech && a->mech->sensitive_challenge;

	if (!decoded.p)
		return arena_copy(&a->arena, span_first(text, AUTH_CHALLENGE_KEPT));
	if (span_starts(decoded, SPAN("e=")) || span_starts(decoded, SPAN("{")))
		sensitive = false; /* SCRAM server-error, OAuth status */
	if (sensitive || !is_text(decoded))
		return decoded.n ? arena_copy(&a->arena, SPAN("********")) : arena_copy(&a->arena, SPAN(""));
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
	if (decoded.p && a->mech && a->mech->challenge)
		a->mech->challenge(a, decoded);
	wipe(scratch, sizeof scratch);
}

/* Refusals that judge no credentials: RFC 4954 4, 6 and protocol order. */
static bool is_rejection(const struct auth *a, int code)
{
	static const int codes[] = {500, 501, 502, 503, 504, 521, 523, 524, 530, 534, 538, 550, 553, 554};

	if (a->responses > 0 && code != 503 && code != 504 && code != 538 && code != 530 && code != 534 &&
	    !(a->bad_base64 && code == 501) && !(a->initial_response && a->steps == 0))
		return false;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (code == codes[i])
			return true;
	return false;
}

enum auth_result auth_end(const struct auth *a, int code, struct span enhanced, bool closed)
{
	(void)enhanced;
	if (code >= 200 && code < 300)
		return AUTH_SUCCESS;
	if (a->cancelled)
		return AUTH_CANCELLED;
	if (code < 400)
		return closed && !a->lost ? AUTH_ABANDONED : AUTH_UNKNOWN;
	if (a->responses == 0 && a->steps == 0 && code >= 500) /* nothing was there to be judged */
		return AUTH_REJECTED;
	return is_rejection(a, code) ? AUTH_REJECTED : AUTH_FAILURE;
}

struct cause_row {
	int code;
	const char *enhanced; /* "" any */
	const char *cause;
};

/* RFC 4954 6, RFC 5248; the first row that fits. */
static const struct cause_row causes[] = {
    {535, "5.7.139", "this kind of login is disabled"},
    {535, "", "credentials invalid"},
    {534, "", "mechanism too weak"},
    {538, "", "encryption required"},
    {523, "", "encryption required"},
    {524, "", "encryption required"},
    {530, "", "encryption required"},
    {504, "", "mechanism not supported"},
    {503, "", "bad sequence"},
    {432, "", "password transition needed"},
    {454, "", "temporary failure"},
    {435, "", "temporary failure"},
    {451, "", "temporary failure"},
    {421, "", "connection closed by the server"},
    {525, "", "account disabled"},
    {500, "5.5.6", "line too long"},
    {500, "", "AUTH not known to the server"},
    {502, "", "AUTH not known to the server"},
    {501, "5.7.0", "initial response not allowed"},
    {501, "", "malformed"},
};

struct span auth_cause(const struct auth *a, enum auth_result result, int code, struct span enhanced)
{
	switch (result) {
	case AUTH_SUCCESS:
		return SPAN_ABSENT;
	case AUTH_CANCELLED:
		return SPAN("cancelled by the client");
	case AUTH_ABANDONED:
		return SPAN("connection ended before the reply");
	case AUTH_UNKNOWN:
		return SPAN("bytes are missing from the capture");
	case AUTH_FAILURE:
	case AUTH_REJECTED:
		break;
	}
	if (a->cause.p)
		return a->cause;
	if (a->bad_base64)
		return SPAN("response is not Base64");
	if (code == 535 && a->responses == 0 && a->steps == 0)
		return SPAN("mechanism not supported");
	for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
		if (causes[i].code == code && (!causes[i].enhanced[0] || span_eq(enhanced, span_str(causes[i].enhanced))))
			return span_str(causes[i].cause);
	return code >= 500 ? SPAN("refused") : SPAN("temporary failure");
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
