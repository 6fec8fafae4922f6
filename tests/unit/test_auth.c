/* AUTH exchanges (RFC 4954; vectors of RFC 2195, 5802, 7677, 2831 and [MS-NLMP] shapes): identity and result, and no secret kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtp/auth_mechanism.h"
#include "smtpscope/auth.h"
#include "smtpscope/codec.h"

struct step {
	char who; /* 'S' text of a 334, 'C' a response line, 0 the end */
	const char *text;
};

struct row {
	const char *name, *mechanism, *initial;
	struct step steps[8];
	int code;
	const char *user, *authzid, *domain;
	enum auth_result result;
	const char *secret; /* must not be in anything that is kept */
};

#define NTLM_3                                                                                                              \
	"TlRMTVNTUAADAAAAGAAYAF4AAAAYABgAdgAAAA4ADgBAAAAACgAKAE4AAAAGAAYAWAAAAAAAAACOAAAABYIAAEUAWABBAE0AUABMAEUAYQBsAGkAYwBl" \
	"AFcAUwAxAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAgMEBQYHCAkKCwwNDg8QERITFBUWFw=="
#define DIGEST_RESPONSE                                                                                                     \
	"Y2hhcnNldD11dGYtOCx1c2VybmFtZT0iY2hyaXMiLHJlYWxtPSJlbHdvb2QuaW5ub3NvZnQuY29tIixub25jZT0iT0E2TUc5dEVRR20yaGgiLG5jPT" \
	"AwMDAwMDAxLGNub25jZT0iT0E2TUhYaDZWcVRyUmsiLGRpZ2VzdC11cmk9InNtdHAvZWx3b29kLmlubm9zb2Z0LmNvbSIscmVzcG9uc2U9NTJmZjQ0" \
	"OTA3ZjcyMzE0NDgxYjVjMDk4YzcwOGViZjMscW9wPWF1dGg="

#define GSS_TICKET \
	"YIH1BgkqhkiG9xIBAgIBAG6B5TCB4qADAgEFoQMCAQ6iBwMFAAAAAACjgbJhga8wgaygAwIBBaENGwtFWEFNUExFLk9SR6IhMB+gAwIBAaEYMB" \
	"YbBHNtdHAbDm14LmV4YW1wbGUub3Jno3MwcQRvVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRU" \
	"VFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUVFRUZW5jcnlwdGVkLXRpY2tldC1wYXJ0pBgwFgQUYXV0aGVudGljYXRvci1vY3RldH" \
	"M="

static const struct row rows[] = {
    {"plain", "PLAIN", "AGFsaWNlAHMzY3IzdA==", {{0}}, 235, "alice", "", "", AUTH_SUCCESS, "s3cr3t"},
    {"plain, authzid", "plain", "YWRtaW4AYWxpY2UAczNjcjN0", {{0}}, 235, "alice", "admin", "", AUTH_SUCCESS, "s3cr3t"},
    {"plain, two steps", "PLAIN", NULL, {{'S', ""}, {'C', "AGFsaWNlAHMzY3IzdA=="}}, 535, "alice", "", "", AUTH_FAILURE, "s3cr3t"},
    {"login", "LOGIN", NULL, {{'S', "VXNlcm5hbWU6"}, {'C', "YWxpY2U="}, {'S', "UGFzc3dvcmQ6"}, {'C', "czNjcjN0"}}, 235, "alice", "",
     "", AUTH_SUCCESS, "s3cr3t"},
    {"login, name on the line", "LOGIN", "YWxpY2U=", {{'S', "UGFzc3dvcmQA"}, {'C', "czNjcjN0"}}, 535, "alice", "", "", AUTH_FAILURE,
     "s3cr3t"},
    {"cram", "CRAM-MD5", NULL,
     {{'S', "PDQxOTI5NDIzNDEuMTI4Mjg0NzJAc291cmNlZm91ci5hbmRyZXcuY211LmVkdT4="},
      {'C', "cmpzMyBlYzNhNTlmZWQzOTVhYmExZWM2MzY3YzRmNGI0MWFjMA=="}},
     235, "rjs3", "", "", AUTH_SUCCESS, "ec3a59fed395aba1ec6367c4f4b41ac0"},
    {"digest", "DIGEST-MD5", NULL, {{'S', "cmVhbG09ImUi"}, {'C', DIGEST_RESPONSE}, {'S', ""}, {'C', ""}}, 235, "chris", "",
     "elwood.innosoft.com", AUTH_SUCCESS, "52ff44907f72314481b5c098c708ebf3"},
    {"scram", "SCRAM-SHA-256", "biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=", {{'S', "cj1yT3By"}, {'C', "Yz1iaXdz"}}, 235, "user", "", "",
     AUTH_SUCCESS, "rOprNGfwEbeRWgbNEkqO"},
    {"ntlm", "NTLM", NULL,
     {{'S', "ntlm supported"}, {'C', "TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA="}, {'S', "TlRMTVNTUAACAAAA"}, {'C', NTLM_3}},
     535, "alice", "", "EXAMPLE", AUTH_FAILURE, "\x10\x11\x12\x13\x14"},
    {"xoauth2", "XOAUTH2", "dXNlcj1hQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIFQwSwEB",
     {{'S', "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K"}, {'C', ""}}, 535,
     "a@example.com", "", "", AUTH_FAILURE, "T0K"},
    {"oauthbearer", "OAUTHBEARER", "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmAQE=",
     {{0}}, 235, "user@example.com", "", "", AUTH_SUCCESS, "vF9df"},
    {"external, empty", "EXTERNAL", "=", {{0}}, 235, "", "", "", AUTH_SUCCESS, NULL},
    {"anonymous", "ANONYMOUS", "c2lyaGM=", {{0}}, 235, "sirhc", "", "", AUTH_SUCCESS, NULL},
    {"cancelled", "CRAM-MD5", NULL, {{'S', "PGE+"}, {'C', "*"}}, 501, "", "", "", AUTH_CANCELLED, NULL},
    {"bad base64", "PLAIN", "=AAA", {{0}}, 501, "", "", "", AUTH_REJECTED, "=AAA"},
    {"unknown mechanism", "X-SECRET", "czNjcjN0", {{0}}, 504, "", "", "", AUTH_REJECTED, "s3cr3t"},
    {"not offered", "PLAIN", NULL, {{0}}, 503, "", "", "", AUTH_REJECTED, NULL},
};

static void check_span(const struct row *row, struct span got, const char *want, const char *what)
{
	if (!span_eq(got, span_str(want)))
		fail_msg("%s: %s is \"%.*s\", expected \"%s\"", row->name, what, (int)got.n, (const char *)got.p, want);
	if (row->secret && got.n)
		assert_int_equal(span_find(got, span_str(row->secret)), SPAN_NPOS);
}

static void run(struct auth *a, struct pool *pool, const struct row *row)
{
	auth_start(a, pool, &session_config_default, guard_str(row->mechanism), row->initial ? guard_str(row->initial) : SPAN_ABSENT, true);
	for (const struct step *s = row->steps; s->who; s++) {
		struct span text = guard_str(s->text);

		if (s->who == 'S')
			auth_challenge(a, text);
		else
			auth_response(a, text, text.n + 2, true);
	}
}

static void test_exchanges(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		struct auth a = {0};

		run(&a, pool, row);
		check_span(row, a.user, row->user, "user");
		check_span(row, auth_fact(&a, AUTH_AUTHZID), row->authzid, "authzid");
		check_span(row, a.domain, row->domain, "domain");
		for (uint32_t c = 0; row->secret && c < a.challenge_count; c++)
			assert_int_equal(span_find(a.challenges[c], span_str(row->secret)), SPAN_NPOS);
		if (auth_end(&a, &(struct auth_ending){.code = row->code}) != row->result)
			fail_msg("%s: result %s", row->name, auth_result_name(auth_end(&a, &(struct auth_ending){.code = row->code})));
		auth_clear(&a);
	}
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

static void test_challenges(void **state)
{
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	auth_start(&a, pool, &session_config_default, SPAN("LOGIN"), SPAN_ABSENT, true);
	auth_challenge(&a, SPAN("VXNlcm5hbWU6"));
	auth_challenge(&a, SPAN("UGFzc3dvcmQA"));
	auth_challenge(&a, SPAN(""));
	auth_challenge(&a, SPAN("no base64!"));
	assert_int_equal(a.steps, 4);
	assert_true(span_eq(a.challenges[0], SPAN("Username:")));
	assert_true(span_eq(a.challenges[2], SPAN("")));
	assert_true(span_eq(a.challenges[3], SPAN("no base64!")));
	auth_start(&a, pool, &session_config_default, SPAN("SCRAM-SHA-1"), SPAN_ABSENT, true);
	auth_challenge(&a, SPAN("cj1meWtvK2QybGJiRg=="));
	auth_challenge(&a, SPAN("ZT1pbnZhbGlkLXByb29m"));
	assert_true(span_eq(a.challenges[0], SPAN("r=********")));
	assert_true(span_eq(a.challenges[1], SPAN("e=invalid-proof")));
	auth_clear(&a);
	pool_free(&pool);
}

/* A thousand challenges: counted, kept up to the limit, memory bounded. */
static void test_many_challenges(void **state)
{
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	auth_start(&a, pool, &session_config_default, SPAN("LOGIN"), SPAN_ABSENT, true);
	for (int i = 0; i < 1000; i++)
		auth_challenge(&a, SPAN("VXNlcm5hbWU6"));
	assert_int_equal(a.steps, 1000);
	assert_int_equal(a.challenge_count, AUTH_MAX_CHALLENGES);
	assert_true(pool_used(pool) < 128 * 1024);
	auth_clear(&a);
	pool_free(&pool);
}

/* The i-th allocation fails, for every i: no crash, nothing lost from the pool, the result still right. */
static void test_no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (uint64_t n = 1; n < 12; n++) {
			struct pool *pool = pool_new(0);
			struct auth a = {0};

			pool_fail_at(pool, n);
			run(&a, pool, &rows[i]);
			assert_int_equal(auth_end(&a, &(struct auth_ending){.code = rows[i].code}), rows[i].result);
			auth_clear(&a);
			assert_int_equal(pool_used(pool), 0);
			pool_free(&pool);
		}
}

/* NTLM fields that point outside, and every prefix of every response: nothing is read past its end. */
static void test_prefixes(void **state)
{
	static const char wild[] = "TlRMTVNTUAADAAAA//////////////////////////////////////////////////////////8=";
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t n = 0; n <= sizeof wild - 1; n += 4) {
		auth_start(&a, pool, &session_config_default, SPAN("NTLM"), span_of(guard_copy(wild, n), n), true);
		auth_start(&a, pool, &session_config_default, SPAN("NTLM"), span_of(guard_copy(NTLM_3, n), n), true);
		auth_start(&a, pool, &session_config_default, SPAN("DIGEST-MD5"), span_of(guard_copy(DIGEST_RESPONSE, n), n), true);
	}
	auth_clear(&a);
	pool_free(&pool);
}

/* ---- foreign bytes: each message cut at each octet, and each of its octets made to lie, in front of a guard page ---- */

static const struct {
	const char *mechanism;
	const char *client, *server; /* Base64 */
} messages[] = {
    {"NTLM", NTLM_3,
     "TlRMTVNTUAACAAAADgAOADgAAAAFgomiASNFZ4mrze8AAAAAAAAAAFwAXABGAAAACgBhSgAAAA9FAFgAQQBNAFAATABFAAIADgBFAFgAQQBNAFAATABFAAEABgBNAFgA"
     "MQAEABYAZQB4AGEAbQBwAGwAZQAuAGMAbwBtAAMAHgBtAHgAMQAuAGUAeABhAG0AcABsAGUALgBjAG8AbQAAAAAA"},
    {"GSSAPI", GSS_TICKET, "BQQF/wAMAAwAAAAAAAAABwcAEABjaGVja3N1bTEyY2g="},
    {"GSSAPI", "BQQA/wAMAAwAAAAAAAAAB2NoZWNrc3VtMTJjaAEAAABhbGljZQ==", ""},
    {"DIGEST-MD5", DIGEST_RESPONSE, "cmVhbG09IngiLG5vbmNlPSJuIixxb3A9ImF1dGgi"},
    {"SCRAM-SHA-1", "eSxhPWFkPTJDbWluLG49dXM9M0RlcixyPWZ5a28=", "cj1meWtvLHM9UVNYQyxpPTQwOTY="},
    {"OAUTHBEARER", "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmAQE=",
     "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIG1hYyIsInNjb3BlIjoiaHR0cHM6Ly9tYWlsLmdvb2dsZS5jb20vIn0K"},
};

static size_t decoded(const char *base64, uint8_t *dst, size_t cap)
{
	long n = base64_decode(span_str(base64), dst, cap);

	assert_true(n >= 0);
	return (size_t)n;
}

static void read_message(const char *mechanism, struct pool *pool, const uint8_t *p, size_t n, bool client)
{
	const struct auth_mechanism *m = auth_mechanism_find(span_str(mechanism));
	struct span message = span_of(guard_copy(p, n), n);
	struct auth a = {0};
	uint8_t shown[64];

	auth_start(&a, pool, &session_config_default, span_str(mechanism), SPAN_ABSENT, true);
	if (client)
		m->response(&a, message, 0);
	if (!client && m->challenge)
		m->challenge(&a, message);
	if (!client && m->shown)
		assert_true(m->shown(message, shown, sizeof shown) <= sizeof shown);
	auth_clear(&a);
}

static void every_octet(const char *mechanism, struct pool *pool, const char *base64, bool client)
{
	static const uint8_t lies[] = {0, 1, 0x7f, 0x80, 0x84, 0xfe, 0xff};
	uint8_t bytes[1024];
	size_t n = decoded(base64, bytes, sizeof bytes);

	for (size_t i = 0; i <= n; i++)
		read_message(mechanism, pool, bytes, i, client);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof lies; k++) {
			uint8_t was = bytes[i];

			bytes[i] = lies[k];
			read_message(mechanism, pool, bytes, n, client);
			bytes[i] = was;
		}
}

static void test_every_octet(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
		every_octet(messages[i].mechanism, pool, messages[i].client, true);
		every_octet(messages[i].mechanism, pool, messages[i].server, false);
	}
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* ---- secrets ---- */

static void fake_hmac(struct span key, struct span data, uint8_t out[DIGEST_SHA256])
{
	memset(out, 0, DIGEST_SHA256);
	out[0] = key.p[0];
	out[1] = (uint8_t)data.n;
	memcpy(out + 2, data.p, data.n < 30 ? data.n : 30);
}

/* Equal passwords have equal hashes, whatever carried them; a token longer than every buffer is hashed whole, a cut one not at all. */
static void test_secret_hash(void **state)
{
	static const struct digests digests = {.hmac_sha256 = fake_hmac};
	const struct session_config hash = {.limits = &session_limits_default, .digests = &digests, .secrets = SECRETS_HASH,
					    .secret_key = SPAN("k")};
	struct pool *pool = pool_new(0);
	struct auth plain = {0}, login = {0}, token = {0};
	static char line[40000];
	size_t n = strlen("dXNlcj1hAWF1dGg9QmVhcmVyIAAA");

	(void)state;
	auth_start(&plain, pool, &hash, SPAN("PLAIN"), SPAN("AGFsaWNlAHMzY3IzdA=="), true);
	auth_start(&login, pool, &hash, SPAN("LOGIN"), SPAN("YWxpY2U="), true);
	auth_challenge(&login, SPAN("UGFzc3dvcmQ6"));
	auth_response(&login, SPAN("czNjcjN0"), 10, true);
	assert_int_equal(auth_fact(&plain, AUTH_SECRET_HASH).n, 64);
	assert_true(span_eq(auth_fact(&plain, AUTH_SECRET_HASH), auth_fact(&login, AUTH_SECRET_HASH)));
	assert_false(auth_fact(&plain, AUTH_SECRET).p);
	memset(line, 'A', sizeof line);
	memcpy(line, "dXNlcj1hAWF1dGg9QmVhcmVyIAAA", n);
	for (size_t i = n; i < sizeof line; i++)
		line[i] = 'V';
	auth_start(&token, pool, &hash, SPAN("XOAUTH2"), SPAN_ABSENT, true);
	auth_challenge(&token, SPAN(""));
	auth_response(&token, span_of(line, sizeof line), sizeof line, true);
	assert_true(auth_fact(&token, AUTH_SECRET_HASH).n == 64);
	auth_start(&token, pool, &hash, SPAN("XOAUTH2"), span_of(line, 4079), false);
	assert_false(auth_fact(&token, AUTH_SECRET_HASH).p);
	assert_true(span_eq(token.user, SPAN("a")));
	auth_clear(&plain);
	auth_clear(&login);
	auth_clear(&token);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* A server that repeats a response, or the secret in it, in a challenge or in a reply. */
static void test_echo(void **state)
{
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	auth_start(&a, pool, &session_config_default, SPAN("LOGIN"), SPAN_ABSENT, true);
	assert_false(auth_echoes(&a, SPAN("anything")));
	auth_challenge(&a, SPAN("VXNlcm5hbWU6"));
	auth_response(&a, SPAN("YWxpY2U="), 10, true);
	auth_challenge(&a, SPAN("UGFzc3dvcmQ6"));
	auth_response(&a, SPAN("WmVicmE3TW9vbg=="), 18, true);
	assert_true(auth_echoes(&a, SPAN("alice:Zebra7Moon")));
	assert_true(auth_echoes(&a, SPAN("\"WmVicmE3TW9vbg\"")));
	assert_true(auth_echoes(&a, SPAN("YWxpY2U=?")));
	assert_false(auth_echoes(&a, SPAN("alice: wrong password")));
	assert_false(auth_echoes(&a, SPAN_ABSENT));
	auth_challenge(&a, SPAN("bm90IFplYnJhN01vb24=")); /* not Zebra7Moon */
	assert_true(span_eq(a.challenges[1], SPAN("Password:")));
	assert_true(span_eq(a.challenges[2], SPAN("********")));
	for (int i = 0; i < 40; i++)
		auth_response(&a, SPAN("YWJjZA=="), 10, true);
	assert_true(auth_echoes(&a, SPAN("YWJjZA==")));
	auth_start(&a, pool, &session_config_default, SPAN("XOAUTH2"), SPAN("dXNlcj1hQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIFQwSzEBAQ=="), true);
	auth_challenge(&a, SPAN("eyJzdGF0dXMiOiI0MDEiLCJzY29wZSI6InRva2VuIFQwSzEifQ==")); /* "scope":"token T0K1" */
	assert_true(span_eq(a.challenges[0], SPAN("********")));
	assert_false(auth_fact(&a, AUTH_OAUTH_SCOPE).p);
	auth_clear(&a);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* ---- OAuth (Google XOAUTH2, RFC 7628; RFC 8259 for the refusal) ---- */

static const struct {
	const char *message, *user, *malformed, *host, *port;
} oauth_messages[] = {
    {"dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciBUMEsBAQ==", "a@b.example", NULL, NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQFhdXRoPWJlYXJlciBUMEsBAQ==", "a@b.example", NULL, NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciABAQ==", "a@b.example", "no bearer token in the message", NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJhc2ljIFQwSwEB", "a@b.example", "no bearer token in the message", NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQF4PXkBAQ==", "a@b.example", "no bearer token in the message", NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciBUMEsB", "a@b.example", "message without the ^A at its end", NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciBUMEs=", "a@b.example", "message without the ^A at its end", NULL, NULL},
    {"dXNlcj0BYXV0aD1CZWFyZXIgVDBLAQE=", "", "XOAUTH2 message without user=", NULL, NULL},
    {"YXV0aD1CZWFyZXIgVDBLAQE=", "", "XOAUTH2 message without user=", NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQFob3N0PW14LmV4YW1wbGUBcG9ydD01ODcBYXV0aD1CZWFyZXIgVDBLAQE=", "a@b.example", NULL, "mx.example", "587"},
    {"dXNlcj1hQGIuZXhhbXBsZQFwb3J0PTU4eAFtb3JlPTU4NwFhdXRoPUJlYXJlciBUMEsBAQ==", "a@b.example", NULL, NULL, NULL},
    {"dXNlcj1hQGIuZXhhbXBsZQFhdXRoPUJlYXJlciBUMEsBAXBvcnQ9NTg3AQ==", "a@b.example", NULL, NULL, NULL},
};

static bool is_text(struct span got, const char *want)
{
	return want ? span_eq(got, span_str(want)) : !got.n;
}

static void test_oauth_messages(void **state)
{
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof oauth_messages / sizeof *oauth_messages; i++) {
		auth_start(&a, pool, &session_config_default, SPAN("XOAUTH2"), guard_str(oauth_messages[i].message), true);
		if (!is_text(a.user, oauth_messages[i].user[0] ? oauth_messages[i].user : NULL) || !is_text(a.malformed, oauth_messages[i].malformed) ||
		    !is_text(auth_fact(&a, AUTH_OAUTH_HOST), oauth_messages[i].host) ||
		    !is_text(auth_fact(&a, AUTH_OAUTH_PORT), oauth_messages[i].port))
			fail_msg("row %zu: %.*s", i, (int)a.malformed.n, (const char *)a.malformed.p);
	}
	auth_clear(&a);
	pool_free(&pool);
}

static const struct {
	const char *challenge, *status, *scope;
} oauth_refusals[] = {
    {"eyJzdGF0dXMiOiI0MDEiLCJzY29wZSI6Im1haWwifQ==", "401", "mail"},
    {"eyAic3RhdHVzIiA6IDQwMSAsICJzY29wZSIgOiAibWFpbCIgfQ==", "401", "mail"},
    {"eyJ4Ijp7InN0YXR1cyI6IjUwMCJ9LCJzdGF0dXMiOiI0MDEifQ==", "401", NULL},
    {"eyJ4IjpbMSwiXSIseyJhIjoifSJ9XSwic3RhdHVzIjoiNDAxIn0=", "401", NULL},
    {"eyJzY29wZSI6ImFcImJcXGMiLCJzdGF0dXMiOiI0MDAifQ==", "400", "a\"b\\c"},
    {"eyJzY29wZSI6Ilx1MDA0MSIsInN0YXR1cyI6IjQwMCJ9", "400", "\\u0041"},
    {"ewkic3RhdHVzIjoNCiI0MDEifQ==", "401", NULL},
    {"WyJzdGF0dXMiLCI0MDEiXQ==", NULL, NULL},
    {"eyJzdGF0dXMiICI0MDEifQ==", NULL, NULL},
    {"e3N0YXR1czoiNDAxIn0=", NULL, NULL},
    {"eyJzdGF0dXMiOiI0MDE=", NULL, NULL},
    {"eyJzdGF0dXMiOiI0MDEiLCJzY29wZSI6Im1h", "401", NULL},
    {"eyJzdGF0dXMiOjQgMDEgLCJhIjoxfQ==", "4 01", NULL},
    {"eyJzdGF0dXMiOnRydWUsInNjb3BlIjoieCJ9", NULL, "x"},
    {"eyJhIjoiXFwiLCJzdGF0dXMiOiI0MDEifQ==", "401", NULL},
    {"eyJhIjoiYjsic3RhdHVzIjoiNDAxIn0=", NULL, NULL},
};

static void test_oauth_refusals(void **state)
{
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof oauth_refusals / sizeof *oauth_refusals; i++) {
		char want[64];

		auth_start(&a, pool, &session_config_default, SPAN("XOAUTH2"), SPAN_ABSENT, true);
		auth_challenge(&a, guard_str(oauth_refusals[i].challenge));
		if (!is_text(auth_fact(&a, AUTH_OAUTH_STATUS), oauth_refusals[i].status) ||
		    !is_text(auth_fact(&a, AUTH_OAUTH_SCOPE), oauth_refusals[i].scope))
			fail_msg("row %zu", i);
		span_printf(want, 0, sizeof want, "OAuth status %s%s%s", oauth_refusals[i].status ? oauth_refusals[i].status : "",
			    oauth_refusals[i].scope ? ", scope " : "", oauth_refusals[i].scope ? oauth_refusals[i].scope : "");
		assert_true(is_text(a.cause, oauth_refusals[i].status ? want : NULL));
	}
	auth_clear(&a);
	pool_free(&pool);
}

/* ---- the table, and forms at their borders ---- */

/* RFC 4616, 4422, 4505, 7628: one message and the reply; RFC 2195, 2831: the server begins. */
static void test_mechanisms(void **state)
{
	static const struct {
		const char *name;
		bool server_first, one_round;
	} forms[] = {
	    {"PLAIN", false, true}, {"LOGIN", false, false}, {"CRAM-MD5", true, false}, {"DIGEST-MD5", true, false},
	    {"SCRAM-SHA-1", false, false}, {"SCRAM-SHA-256", false, false}, {"SCRAM-SHA-512", false, false}, {"SCRAM-SHA-1-PLUS", false, false},
	    {"SCRAM-SHA-256-PLUS", false, false}, {"SCRAM-SHA-512-PLUS", false, false}, {"NTLM", false, false},    {"GSSAPI", false, false},
	    {"GSS-SPNEGO", false, false},    {"XOAUTH2", false, true},        {"OAUTHBEARER", false, true},        {"EXTERNAL", false, true},
	    {"ANONYMOUS", false, true},
	};
	unsigned n = sizeof forms / sizeof *forms;

	(void)state;
	for (unsigned i = 0; i < n; i++) {
		assert_non_null(auth_mechanism_find(span_str(forms[i].name)));
		assert_ptr_equal(auth_mechanism_find(span_str(auth_mechanism_at(i)->name)), auth_mechanism_at(i));
		assert_int_equal(auth_server_first(span_str(forms[i].name)), forms[i].server_first);
		assert_int_equal(auth_one_round(span_str(forms[i].name)), forms[i].one_round);
	}
	assert_null(auth_mechanism_at(n));
	assert_null(auth_mechanism_find(SPAN("PLAI")));
	assert_false(auth_server_first(SPAN("X-NEW")) || auth_one_round(SPAN("X-NEW")));
}

static void respond(struct auth *a, struct pool *pool, const struct session_config *config, const char *mechanism, const void *p, size_t n)
{
	char line[1024];
	long length = base64_encode(span_of(p, n), line, sizeof line);

	auth_start(a, pool, config, span_str(mechanism), SPAN_ABSENT, true);
	auth_response(a, span_of(line, (size_t)length), (uint64_t)length + 2, true);
}

/* A wrap token of RFC 4121 4.2.6.2 with what RFC 4752 3.1 puts into it: layer, size, identity. */
static void test_layers(void **state)
{
	static const struct {
		const char *token;
		size_t n;
		const char *layer, *authzid, *malformed;
	} forms[] = {
#define HEAD(flags, filler, ec, rrc) "\x05\x04" flags filler "\0" ec "\0" rrc "\0\0\0\0\0\0\0\x07"
#define TOKEN(text) text, sizeof(text) - 1
	    {TOKEN(HEAD("\0", "\xff", "\0", "\0") "\x01\0\0\0" "alice"), "none", "alice", NULL},
	    {TOKEN(HEAD("\0", "\xff", "\0", "\0") "\x01\x02\x04\0" "alice"), "none", "alice", NULL}, /* what it may take is no layer */
	    {TOKEN(HEAD("\0", "\xff", "\0", "\0") "\x02\0\x10\0" "alice"), "integrity", "alice", NULL},
	    {TOKEN(HEAD("\0", "\xff", "\0", "\0") "\x04\0\x10\0"), "confidentiality", NULL, NULL},
	    {TOKEN(HEAD("\x04", "\xff", "\x03", "\0") "\x01\0\0\0" "bob" "sum"), "none", "bob", NULL},     /* the checksum behind it */
	    {TOKEN(HEAD("\x04", "\xff", "\x03", "\x03") "sum" "\x01\0\0\0" "bob"), "none", "bob", NULL},   /* turned in front of it */
	    {TOKEN(HEAD("\0", "\xff", "\0", "\0") "\x01\0\0"), NULL, NULL, "GSSAPI message without its four octets of security layer"},
	    {TOKEN(HEAD("\x04", "\xff", "\x04", "\0") "\x01\0\0"), NULL, NULL, NULL}, /* more checksum than message */
	    {TOKEN(HEAD("\x02", "\xff", "\0", "\0") "\x01\0\0\0" "alice"), NULL, NULL, NULL}, /* sealed */
	    {TOKEN(HEAD("\0", "\xfe", "\0", "\0") "\x01\0\0\0" "alice"), NULL, NULL, NULL},
	    {TOKEN(HEAD("\0", "\xff", "\0", "\0")), NULL, NULL, NULL},
	};
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		respond(&a, pool, &session_config_default, "GSSAPI", forms[i].token, forms[i].n);
		if (!is_text(auth_fact(&a, AUTH_SECURITY_LAYER), forms[i].layer) || !is_text(auth_fact(&a, AUTH_AUTHZID), forms[i].authzid) ||
		    !is_text(a.malformed, forms[i].malformed))
			fail_msg("row %zu", i);
		assert_int_equal(a.security_layer, forms[i].layer && forms[i].layer[0] != 'n');
	}
	auth_clear(&a);
	pool_free(&pool);
}

/* [MS-NLMP] 2.2.1.3: an NT response of 24 octets is NTLMv1, a longer one NTLMv2, none and no user anonymous. */
static void test_ntlm_versions(void **state)
{
	static const struct {
		uint8_t nt;
		bool user;
		const char *version;
	} forms[] = {{24, true, "NTLMv1"}, {25, true, "NTLMv2"}, {23, true, NULL},
		     {0, true, NULL},      {0, false, "anonymous"}, {24, false, "NTLMv1"}};
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		uint8_t m[64 + 32 + 4] = "NTLMSSP\0\3";

		m[20] = m[22] = forms[i].nt;
		m[24] = 64;
		m[36] = m[38] = forms[i].user ? 4 : 0;
		m[40] = 96;
		m[60] = 1; /* Unicode */
		memcpy(m + 96, "a\0b\0", 4);
		respond(&a, pool, &session_config_default, "NTLM", m, sizeof m);
		if (!is_text(auth_fact(&a, AUTH_NTLM_VERSION), forms[i].version) || !is_text(a.user, forms[i].user ? "ab" : NULL))
			fail_msg("row %zu: %.*s", i, (int)a.user.n, (const char *)a.user.p);
		assert_int_equal(a.user.p != NULL, forms[i].user);
		assert_false(a.malformed.p);
	}
	auth_clear(&a);
	pool_free(&pool);
}

/* --secrets show: text as it is, octets in hexadecimal; of an unknown mechanism all of it. */
static void test_shown_secrets(void **state)
{
	static const struct session_config show = {.limits = &session_limits_default, .secrets = SECRETS_SHOW};
	static const struct {
		const char *mechanism, *message;
		size_t n;
		const char *secret;
	} forms[] = {
	    {"PLAIN", TOKEN("\0alice\0s3cr3t"), "s3cr3t"},     {"PLAIN", TOKEN("\0alice\0a\tb\r\n\1"), "a\tb\r\n\1"},
	    {"PLAIN", TOKEN("\0alice\0a\2b"), "610262"},       {"PLAIN", TOKEN("\0alice\0a\vb"), "610b62"},
	    {"PLAIN", TOKEN("\0alice\0\xff\xfe"), "fffe"},     {"PLAIN", TOKEN("\0alice\0\xc3\xa9"), "\xc3\xa9"},
	    {"X-NEW", TOKEN("all of it"), "all of it"},
	};
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		respond(&a, pool, &show, forms[i].mechanism, forms[i].message, forms[i].n);
		if (!is_text(auth_fact(&a, AUTH_SECRET), forms[i].secret))
			fail_msg("row %zu", i);
	}
	auth_clear(&a);
	pool_free(&pool);
}

/* RFC 2831 2.1.2: a list of directives, quoted or not, with blanks and empty places. */
static void test_directives(void **state)
{
	static const struct {
		const char *message, *user, *realm, *malformed;
	} forms[] = {
	    {"username=\"a\\\"b\",realm=\"r\",response=0f", "a\"b", "r", NULL},
	    {"username=\"a\\\\\",realm=r,response=0f", "a\\", "r", NULL},
	    {" , username = \"a\" ,, response=0f,", "a", NULL, NULL},
	    {"realm=\"r\",response=0f", NULL, "r", "DIGEST-MD5 response without a user name"},
	    {"username=\"a\"", "a", NULL, "DIGEST-MD5 response without its digest"},
	    {"username=\"a\",username=\"b\",response=0f", "a", NULL, "DIGEST-MD5 directive given twice"},
	    {"=x,username=\"a\",response=0f", NULL, NULL, "DIGEST-MD5 message is no list of directives"},
	    {"username", NULL, NULL, "DIGEST-MD5 message is no list of directives"},
	    {"username=\"a\",response=0f x", "a", NULL, "DIGEST-MD5 message is no list of directives"},
	    {"username=\"a\"x,response=0f", NULL, NULL, "DIGEST-MD5 message is no list of directives"},
	    {"username=\"a", NULL, NULL, "DIGEST-MD5 message is no list of directives"},
	};
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		respond(&a, pool, &session_config_default, "DIGEST-MD5", forms[i].message, strlen(forms[i].message));
		if (!is_text(a.user, forms[i].user) || !is_text(a.domain, forms[i].realm) || !is_text(a.malformed, forms[i].malformed))
			fail_msg("%s: %.*s", forms[i].message, (int)a.malformed.n, (const char *)a.malformed.p);
	}
	auth_clear(&a);
	pool_free(&pool);
}

/* [MS-NLMP] 2.2.1.3 in its oldest form, without session key and flags: its names are Unicode. */
static void test_ntlm_short(void **state)
{
	static const char message[] = "NTLMSSP\0\x03\0\0\0" "\0\0\0\0\x34\0\0\0" "\0\0\0\0\x34\0\0\0" "\0\0\0\0\x34\0\0\0"
				      "\x06\0\x06\0\x34\0\0\0" "\0\0\0\0\x3a\0\0\0" "b\0o\0b";
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	respond(&a, pool, &session_config_default, "NTLM", message, sizeof message); /* the NUL behind it is the last octet of the name */
	assert_true(is_text(a.user, "bob"));
	assert_null(a.malformed.p);
	auth_clear(&a);
	pool_free(&pool);
}

/* gs2-header (RFC 5801 4): an authorization identity behind "a=" or nothing. */
static void test_scram_headers(void **state)
{
	static const struct {
		const char *message, *user, *authzid, *malformed;
	} forms[] = {
	    {"n,a=admin,n=alice,r=fyko", "alice", "admin", NULL},
	    {"n,,n=alice,r=fyko", "alice", NULL, NULL},
	    {"n,x=admin,n=alice,r=fyko", "alice", NULL, "SCRAM GS2 header with something else than a="},
	    {"n,a=,n=alice,r=fyko", "alice", NULL, "SCRAM GS2 header with an empty a="},
	};
	struct pool *pool = pool_new(0);
	struct auth a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		respond(&a, pool, &session_config_default, "SCRAM-SHA-256", forms[i].message, strlen(forms[i].message));
		if (!is_text(a.user, forms[i].user) || !is_text(auth_fact(&a, AUTH_AUTHZID), forms[i].authzid) ||
		    !is_text(a.malformed, forms[i].malformed))
			fail_msg("%s: %.*s", forms[i].message, (int)a.malformed.n, (const char *)a.malformed.p);
	}
	auth_clear(&a);
	pool_free(&pool);
}

/* More was sent than is kept: what is kept is searched, and nothing behind it. */
static void test_echo_of_many(void **state)
{
	struct auth_sent *sent = (struct auth_sent *)(void *)guard_room(sizeof *sent);
	struct auth a = {.sent = sent};

	(void)state;
	memset(sent, 'x', sizeof *sent);
	memset(sent->length, 8, sizeof sent->length);
	sent->count = AUTH_SENT_PARTS + 1;
	assert_false(auth_echoes(&a, SPAN("none of these")));
	assert_true(auth_echoes(&a, SPAN("one: xxxxxxxx")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchanges),       cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_many_challenges), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_prefixes),        cmocka_unit_test(test_every_octet),
		cmocka_unit_test(test_secret_hash),     cmocka_unit_test(test_echo),
		cmocka_unit_test(test_mechanisms),      cmocka_unit_test(test_layers),
		cmocka_unit_test(test_directives),      cmocka_unit_test(test_ntlm_versions),
		cmocka_unit_test(test_shown_secrets),   cmocka_unit_test(test_scram_headers),
		cmocka_unit_test(test_echo_of_many),    cmocka_unit_test(test_ntlm_short),
		cmocka_unit_test(test_oauth_messages),  cmocka_unit_test(test_oauth_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
