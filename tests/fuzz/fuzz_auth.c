/*
 * fuzz_auth.c - one AUTH exchange of each mechanism: secrets stay inside, whatever the messages hold and whichever allocation
 * fails; nothing is lost from the pool.
 *
 * Input: mechanism, flags, how it ends (2), the allocation that fails (0 none); then messages, each behind an octet that says what it is
 * and its length (2): a challenge, a response, decoded or as they stand; or, without a length, the mechanism's own response with the
 * made-up secret in it. longest input: 1024
 */
#include "app/nettle_digests.h"
#include "fuzz.h"
#include "leaks.h"
#include "smtp/auth_mechanism.h"
#include "smtpscope/codec.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, FLAG_COMPLETE = 1, FLAG_SHOW = 2, FLAG_HASH = 4, FLAG_INITIAL = 8 /* the first message stands in the command */ };

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
	const char *mechanism;
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
static const char *own_message(const struct auth_run *x, uint8_t which)
{
	for (int i = 0; i < TEMPLATES; i++)
		if (strcmp(templates[i][0], x->mechanism) == 0)
			return strcmp(x->mechanism, "LOGIN") == 0 && x->a.responses != 1 ? NULL : templates[i][1 + which % 2];
	return NULL;
}

/* The next message as its line, in memory of its own; absent where the mechanism's own is not due. */
static struct span next_line(struct auth_run *x, struct cursor *in, uint8_t what)
{
	uint8_t message[ROOM];
	char encoded[ROOM * 4 / 3 + 8];
	const char *own = what % 8 == 7 ? own_message(x, what / 8) : NULL;
	struct span s;
	long n = -1;

	if (own) {
		x->planted = !x->known;
		s = span_of(message, template_message(own, message));
	} else if (what % 8 == 7) {
		return SPAN_ABSENT;
	} else {
		size_t length = cursor_be16(in);

		s = cursor_bytes(in, in->left < length ? in->left : length);
	}
	if (own || what % 8 < 4)
		n = base64_encode(s, encoded, sizeof encoded);
	if (n >= 0)
		s = span_of(encoded, (size_t)n);
	return span_of(fuzz_copy(s), s.n);
}

static void start(struct auth_run *x, struct cursor *in, struct pool *pool, const struct session_config *config, uint8_t flags)
{
	struct span initial = flags & FLAG_INITIAL ? next_line(x, in, cursor_u8(in) | 1) : SPAN_ABSENT;

	auth_start(&x->a, pool, config, span_str(x->mechanism), initial, flags & FLAG_COMPLETE);
	free((void *)(uintptr_t)initial.p);
}

static void step(struct auth_run *x, struct cursor *in, bool complete)
{
	uint8_t what = cursor_u8(in);
	struct span line = next_line(x, in, what);

	if (line.p && what % 2)
		auth_response(&x->a, line, line.n + 2, complete);
	else if (line.p)
		auth_challenge(&x->a, line);
	free((void *)(uintptr_t)line.p);
}

static void end(const struct auth_run *x, uint8_t code, uint8_t how)
{
	static const short codes[] = {235, 535, 0, 334, 421, 432, 454, 500, 501, 503, 504, 530, 534, 538, 550};
	struct auth_ending e = {.code = codes[code % (sizeof codes / sizeof *codes)], .text = SPAN("5.7.8 no"), .closed = how & 1,
				.list_known = how & 2, .auth_offered = how & 4, .offered = how & 8, .offered_before = how & 16,
				.starttls_open = how & 32, .authenticated = how & 64, .in_transaction = how & 64, .greeted = how & 128};
	enum auth_result r = auth_end(&x->a, &e);

	FUZZ_CHECK(auth_result_name(r) != NULL);
	FUZZ_CHECK(!x->planted || x->a.config->secrets != SECRETS_HIDE || !leaks(auth_cause(&x->a, r, &e), FUZZ_SECRET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor in = cursor_of(data, n);
	unsigned rows = 0;
	uint8_t row, flags, code, how;
	struct pool *pool = pool_new(0);
	struct session_config config = session_config_default;
	struct auth_run x = {.known = leaks(span_of(data, n), FUZZ_SECRET)};

	while (auth_mechanism_at(rows))
		rows++;
	row = cursor_u8(&in) % (uint8_t)(rows + 1);
	x.mechanism = row < rows ? auth_mechanism_at(row)->name : "EXTRA";
	flags = cursor_u8(&in);
	code = cursor_u8(&in);
	how = cursor_u8(&in);
	pool_fail_at(pool, cursor_u8(&in) % 32);
	config.digests = &nettle_digests;
	config.secrets = flags & FLAG_SHOW ? SECRETS_SHOW : flags & FLAG_HASH ? SECRETS_HASH : SECRETS_HIDE;
	start(&x, &in, pool, &config, flags);
	check_hidden(&x);
	while (in.left) {
		step(&x, &in, flags & FLAG_COMPLETE);
		check_hidden(&x);
	}
	end(&x, code, how);
	auth_clear(&x.a);
	fuzz_pool_done(&pool);
	return 0;
}
