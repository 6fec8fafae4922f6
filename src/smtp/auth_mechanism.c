/*
 * auth_mechanism.c - the table of SASL mechanisms, and those whose messages are a line or two to read.
 *
 *   PLAIN       message = [authzid] NUL authcid NUL passwd                         (RFC 4616 2)
 *   LOGIN       user, then password                                                ([MS-XLOGIN])
 *   CRAM-MD5    user SP digest                                                     (RFC 2195 2)
 *   EXTERNAL    [authzid]                                                          (RFC 4422 A.1)
 *   ANONYMOUS   [trace]                                                            (RFC 4505 2)
 *
 * The others are in auth_digest.c, auth_scram.c, auth_oauth.c, auth_ntlm.c and auth_gssapi.c. Malformed messages give what is
 * certain, or nothing. A mechanism without a row is followed without decoding.
 */
#include "auth_mechanism.h"

static void set_user(struct auth *a, struct span user)
{
	if (user.n)
		a->user = arena_copy(&a->arena, user);
}

static void plain_response(struct auth *a, struct span m, uint32_t index)
{
	struct span rest = m, authzid = span_split(&rest, 0), user = rest.p ? span_split(&rest, 0) : SPAN_ABSENT;

	if (index != 0)
		return;
	if (!rest.p) {
		auth_malformed(a, SPAN("PLAIN message without its two NUL"));
		return;
	}
	auth_set(a, AUTH_AUTHZID, authzid);
	set_user(a, user);
	auth_secret(a, rest);
	if (!user.n)
		auth_malformed(a, SPAN("PLAIN message without a user name"));
	else if (span_chr(rest, 0) != SPAN_NPOS)
		auth_malformed(a, SPAN("PLAIN message with more than two NUL"));
}

/* Position decides, not the prompt; behind a hole no position is certain, and the password must not pass for the name. */
static void login_response(struct auth *a, struct span m, uint32_t index)
{
	if (a->lost)
		return;
	if (index == 1)
		auth_secret(a, m);
	if (index != 0)
		return;
	if (span_find_class(m, CHAR_CONTROL) == SPAN_NPOS) /* some words are Base64 by accident */
		set_user(a, m);
	else
		auth_malformed(a, SPAN("LOGIN user name with control octets"));
}

static void cram_response(struct auth *a, struct span m, uint32_t index)
{
	size_t space = span_rchr(m, ' ');
	struct span digest = space == SPAN_NPOS ? SPAN_ABSENT : span_from(m, space + 1);

	if (index != 0)
		return;
	if (digest.n != 32 || !span_all(digest, CHAR_HEX)) {
		auth_malformed(a, SPAN("CRAM-MD5 response without its digest"));
		return;
	}
	set_user(a, span_first(m, space));
	auth_secret(a, digest);
}

/*
 * Neither an authorization identity nor a trace has a NUL (RFC 4422 3.4.1, RFC 4505 2). A PLAIN message sent by mistake has, and behind
 * it the password.
 */
static bool has_nul(struct auth *a, struct span m)
{
	bool nul = span_chr(m, 0) != SPAN_NPOS;

	if (nul)
		auth_malformed(a, SPAN("message with a NUL in it"));
	return nul;
}

static void external_response(struct auth *a, struct span m, uint32_t index)
{
	if (index == 0 && !has_nul(a, m))
		auth_set(a, AUTH_AUTHZID, m);
}

static void anonymous_response(struct auth *a, struct span m, uint32_t index)
{
	if (index == 0 && !has_nul(a, m))
		set_user(a, m);
}

static const struct auth_mechanism mechanisms[] = {
    /* name             server 1st  1 round */
    {"PLAIN", false, true, plain_response, NULL, NULL},
    {"LOGIN", false, false, login_response, NULL, NULL},
    {"CRAM-MD5", true, false, cram_response, NULL, NULL},
    {"DIGEST-MD5", true, false, digest_response, NULL, digest_shown},
    {"SCRAM-SHA-1", false, false, scram_response, scram_challenge, scram_shown},
    {"SCRAM-SHA-1-PLUS", false, false, scram_plus_response, scram_challenge, scram_shown},
    {"SCRAM-SHA-256", false, false, scram_response, scram_challenge, scram_shown},
    {"SCRAM-SHA-256-PLUS", false, false, scram_plus_response, scram_challenge, scram_shown},
    {"SCRAM-SHA-512", false, false, scram_response, scram_challenge, scram_shown},
    {"SCRAM-SHA-512-PLUS", false, false, scram_plus_response, scram_challenge, scram_shown},
    {"NTLM", false, false, ntlm_response, ntlm_challenge, ntlm_shown},
    {"GSSAPI", false, false, gssapi_response, gssapi_challenge, gssapi_shown},
    {"GSS-SPNEGO", false, false, gssapi_response, gssapi_challenge, gssapi_shown},
    {"XOAUTH2", false, true, xoauth2_response, oauth_challenge, NULL},
    {"OAUTHBEARER", false, true, oauthbearer_response, oauth_challenge, NULL},
    {"EXTERNAL", false, true, external_response, NULL, NULL},
    {"ANONYMOUS", false, true, anonymous_response, NULL, NULL},
};

const struct auth_mechanism *auth_mechanism_find(struct span name)
{
	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
		if (span_ieq(name, span_str(mechanisms[i].name)))
			return &mechanisms[i];
	return NULL;
}

const struct auth_mechanism *auth_mechanism_at(unsigned i)
{
	return i < sizeof mechanisms / sizeof *mechanisms ? &mechanisms[i] : NULL;
}

void auth_set(struct auth *a, enum auth_fact f, struct span value)
{
	if (!value.n)
		return;
	if (!a->facts)
		a->facts = arena_get(&a->arena, AUTH_FACTS * sizeof *a->facts);
	if (a->facts)
		a->facts[f] = arena_copy(&a->arena, value);
}

struct span auth_fact(const struct auth *a, enum auth_fact f)
{
	return a->facts ? a->facts[f] : SPAN_ABSENT;
}

void auth_malformed(struct auth *a, struct span why)
{
	if (!a->malformed.p && !a->partial)
		a->malformed = why;
}
