/*
 * fuzz_auth.c - one AUTH exchange of each mechanism: secrets stay inside, whatever the messages hold and whichever allocation
 * fails; nothing is lost from the pool.
 *
 * Input: mechanism, flags, the allocation that fails (0 none); then messages, each behind an octet that says what it is and its length:
 * a challenge, a response, decoded or as they stand; or the mechanism's own response with the made-up secret in it.
 */
#include "app/nettle_digests.h"
#include "fuzz.h"
#include "leaks.h"
#include "smtp/auth_mechanism.h"
#include "smtpscope/codec.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, FLAG_COMPLETE = 1, FLAG_SHOW = 2, FLAG_HASH = 4, FLAG_INITIAL = 8 };

/* Responses in which the secret is where the mechanism has it. %: the secret. */
static const char *const templates[][3] = {
    {"PLAIN", "_u_%", "z_user@example.org_%"},
    {"LOGIN", "%", "%"}, /* as second response only: the first is the name */
    {"XOAUTH2", "user=u@example.org\1auth=Bearer %\1\1", "user=u\1auth=Bearer %\1\1"},
    {"OAUTHBEARER", "n,a=u@example.org,\1host=h\1port=587\1auth=Bearer %\1\1", "n,,\1auth=Bearer %\1\1"},
    {"EXTRA", "%", "x%"},
};
enum { TEMPLATES = sizeof templates / sizeof *templates };

struct auth_run {
	struct auth a;
	bool planted;
	bool known; /* the input itself holds the secret: it may stand anywhere */
};

static void check_hidden(const struct auth_run *x)
{
	if (!x->planted || x->a.config->secrets != SECRETS_HIDE)
		return;
	for (int f = 0; f < AUTH_FACTS; f++)
		FUZZ_CHECK(!leaks(auth_fact(&x->a, (enum auth_fact)f), FUZZ_SECRET));
	for (uint32_t i = 0; i < x->a.challenge_count; i++)
		FUZZ_CHECK(!leaks(x->a.challenges[i], FUZZ_SECRET));
	FUZZ_CHECK(!leaks(x->a.user, FUZZ_SECRET) && !leaks(x->a.domain, FUZZ_SECRET) && !leaks(x->a.cause, FUZZ_SECRET));
	FUZZ_CHECK(!leaks(x->a.malformed, FUZZ_SECRET));
}

static size_t template_message(const char *form, uint8_t *out)
{
	size_t n = 0;

	for (; *form; form++) {
		if (*form == '%')
			n = span_append(out, n, ROOM, FUZZ_SECRET);
		else
			out[n++] = *form == '_' ? 0 : (uint8_t)*form;
	}
	return n;
}

/* What the mechanism itself would say; NULL when the secret is not due here. */
static const char *own_message(const struct auth_run *x, const char *mechanism, uint8_t which)
{
	for (int i = 0; i < TEMPLATES; i++)
		if (strcmp(templates[i][0], mechanism) == 0)
			return strcmp(mechanism, "LOGIN") == 0 && x->a.responses != 1 ? NULL : templates[i][1 + which % 2];
	return NULL;
}

static void respond(struct auth_run *x, struct span message, bool encode, bool complete)
{
	char encoded[ROOM * 4 / 3 + 8];
	long n = encode ? base64_encode(message, encoded, sizeof encoded) : -1;
	struct span line = n >= 0 ? span_of(encoded, (size_t)n) : message;
	uint8_t *copy = fuzz_copy(line);

	auth_response(&x->a, span_of(copy, line.n), line.n + 2, complete);
	free(copy);
}

static void challenge(struct auth_run *x, struct span message, bool encode)
{
	char encoded[ROOM * 4 / 3 + 8];
	long n = encode ? base64_encode(message, encoded, sizeof encoded) : -1;
	struct span line = n >= 0 ? span_of(encoded, (size_t)n) : message;
	uint8_t *copy = fuzz_copy(line);

	auth_challenge(&x->a, span_of(copy, line.n));
	free(copy);
}

static void step(struct auth_run *x, struct cursor *in, const char *mechanism, bool complete)
{
	uint8_t what = cursor_u8(in), message[ROOM];
	const char *own;
	struct span s;

	if (what % 8 == 7) {
		own = own_message(x, mechanism, what / 8);
		if (own) {
			x->planted = !x->known;
			respond(x, span_of(message, template_message(own, message)), true, complete);
		}
		return;
	}
	s = cursor_bytes(in, in->left < what / 8u * 8u ? in->left : what / 8u * 8u);
	if (what % 2)
		respond(x, s, what % 8 < 4, complete);
	else
		challenge(x, s, what % 8 < 4);
}

static void end(const struct auth_run *x, uint8_t flags)
{
	struct auth_ending e = {.code = flags % 2 ? 535 : 235, .text = SPAN("5.7.8 no"), .list_known = flags % 3, .auth_offered = flags % 5};
	enum auth_result r = auth_end(&x->a, &e);

	FUZZ_CHECK(auth_result_name(r) != NULL);
	FUZZ_CHECK(!x->planted || x->a.config->secrets != SECRETS_HIDE || !leaks(auth_cause(&x->a, r, &e), FUZZ_SECRET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor in = cursor_of(data, n);
	unsigned rows = 0;
	uint8_t row, flags;
	struct pool *pool = pool_new(0);
	struct session_config config = session_config_default;
	struct auth_run x = {.known = leaks(span_of(data, n), FUZZ_SECRET)};
	const char *mechanism;

	while (auth_mechanism_at(rows))
		rows++;
	row = cursor_u8(&in) % (uint8_t)(rows + 1);
	mechanism = row < rows ? auth_mechanism_at(row)->name : "EXTRA";
	flags = cursor_u8(&in);
	pool_fail_at(pool, cursor_u8(&in) % 32);
	config.digests = &nettle_digests;
	config.secrets = flags & FLAG_SHOW ? SECRETS_SHOW : flags & FLAG_HASH ? SECRETS_HASH : SECRETS_HIDE;
	auth_start(&x.a, pool, &config, span_str(mechanism), SPAN_ABSENT, true);
	while (in.left) {
		step(&x, &in, mechanism, flags & FLAG_COMPLETE);
		check_hidden(&x);
	}
	end(&x, flags);
	auth_clear(&x.a);
	fuzz_pool_done(&pool);
	return 0;
}
