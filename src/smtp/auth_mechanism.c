/*
 * auth_mechanism.c - identities in SASL messages, one small decoder a mechanism.
 *
 *   PLAIN       message = [authzid] NUL authcid NUL passwd                         (RFC 4616 2)
 *   LOGIN       user, then password                                                ([MS-XLOGIN])
 *   CRAM-MD5    user SP digest                                                     (RFC 2195 2)
 *   DIGEST-MD5  username="..." , realm="..." , ...                                 (RFC 2831 2.1.2)
 *   SCRAM-*     gs2-cbind-flag "," [authzid] "," "n=" user ",r=" ...               (RFC 5802 7)
 *   XOAUTH2     "user=" user ^A "auth=Bearer " token ^A ^A
 *   OAUTHBEARER gs2-header ^A key "=" value ^A ... ^A                              (RFC 7628 3.1)
 *   EXTERNAL    [authzid]                                                          (RFC 4422 A.1)
 *   ANONYMOUS   [trace]                                                            (RFC 4505 2)
 *   NTLM        AUTHENTICATE_MESSAGE                                               ([MS-NLMP] 2.2.1.3)
 *
 * Only identities are taken out. Malformed messages give what is certain, or nothing.
 */
#include "auth_mechanism.h"

static void set_user(struct auth *a, struct span user)
{
	a->user = arena_copy(&a->arena, user);
}

static void plain_response(struct auth *a, struct span m, uint32_t index)
{
	size_t first = span_chr(m, 0);
	struct span rest = span_from(m, first == SPAN_NPOS ? m.n : first + 1);
	size_t second = span_chr(rest, 0);

	(void)index;
	if (first == SPAN_NPOS || second == SPAN_NPOS)
		return;
	if (first)
		a->authzid = arena_copy(&a->arena, span_first(m, first));
	set_user(a, span_first(rest, second));
}

static void login_response(struct auth *a, struct span m, uint32_t index)
{
	if (index == 0 && span_find_class(m, CHAR_CONTROL) == SPAN_NPOS) /* some words are Base64 by accident */
		set_user(a, m);
}

static void cram_response(struct auth *a, struct span m, uint32_t index)
{
	size_t space = span_rchr(m, ' ');

	if (index == 0 && space != SPAN_NPOS && m.n - space - 1 == 32 && span_all(span_from(m, space + 1), CHAR_HEX))
		set_user(a, span_first(m, space));
}

/* The value of key="value" or key=value in a comma-separated list; quotes may hold commas and \x. */
static struct span digest_value(struct span m, struct span key)
{
	while (m.n) {
		size_t eq = span_chr(m, '=');
		struct span name = span_trim(span_first(m, eq == SPAN_NPOS ? m.n : eq), CHAR_WSP);
		struct span value = eq == SPAN_NPOS ? SPAN_ABSENT : span_from(m, eq + 1);
		size_t end;

		if (!value.p)
			return SPAN_ABSENT;
		if (value.n && value.p[0] == '"') {
			value = span_from(value, 1);
			for (end = 0; end < value.n && value.p[end] != '"'; end++)
				end += value.p[end] == '\\' && end + 1 < value.n;
		} else {
			end = span_chr(value, ',');
			end = end == SPAN_NPOS ? value.n : end;
		}
		if (span_ieq(name, key))
			return span_first(value, end);
		m = span_from(value, end);
		end = span_chr(m, ',');
		m = end == SPAN_NPOS ? SPAN_ABSENT : span_from(m, end + 1);
	}
	return SPAN_ABSENT;
}

static void digest_response(struct auth *a, struct span m, uint32_t index)
{
	struct span user = digest_value(m, SPAN("username"));
	struct span realm = digest_value(m, SPAN("realm"));
	struct span authzid = digest_value(m, SPAN("authzid"));
	struct span qop = digest_value(m, SPAN("qop"));

	(void)index;
	if (!user.p)
		return;
	set_user(a, user);
	if (realm.n)
		a->domain = arena_copy(&a->arena, realm);
	if (authzid.n)
		a->authzid = arena_copy(&a->arena, authzid);
	a->security_layer = span_ieq(qop, SPAN("auth-int")) || span_ieq(qop, SPAN("auth-conf"));
}

/* saslname: "=2C" is a comma, "=3D" an equals sign (RFC 5802 5.1). */
static struct span saslname(struct auth *a, struct span s)
{
	struct span copy = arena_copy(&a->arena, s);
	uint8_t *out = (uint8_t *)(uintptr_t)copy.p;
	size_t n = 0;

	for (size_t i = 0; copy.p && i < s.n; i++) {
		struct span escape = span_first(span_from(s, i), 3);
		bool comma = span_ieq(escape, SPAN("=2C")), equals = span_ieq(escape, SPAN("=3D"));

		out[n++] = comma ? ',' : equals ? '=' : s.p[i];
		i += comma || equals ? 2 : 0;
	}
	copy.n = copy.p ? n : 0;
	return copy;
}

/* gs2-header: flag "," [ "a=" authzid ] ","; what follows it, or absent. */
static struct span take_gs2_header(struct auth *a, struct span m)
{
	struct span authzid;

	span_split(&m, ',');
	authzid = span_split(&m, ',');
	if (span_starts(authzid, SPAN("a=")))
		a->authzid = saslname(a, span_from(authzid, 2));
	return m;
}

static void scram_response(struct auth *a, struct span m, uint32_t index)
{
	struct span user;

	if (index != 0)
		return;
	m = take_gs2_header(a, m);
	user = span_split(&m, ',');
	if (span_starts(user, SPAN("n=")))
		a->user = saslname(a, span_from(user, 2));
}

static void xoauth2_response(struct auth *a, struct span m, uint32_t index)
{
	struct span first = span_split(&m, 1);

	if (index == 0 && span_istarts(first, SPAN("user=")))
		set_user(a, span_from(first, 5));
}

static void oauthbearer_response(struct auth *a, struct span m, uint32_t index)
{
	struct span header = span_split(&m, 1);

	if (index != 0)
		return;
	span_split(&header, ',');
	header = span_split(&header, ',');
	if (span_starts(header, SPAN("a=")))
		a->user = saslname(a, span_from(header, 2));
	else if (span_starts(header, SPAN("user=")))
		set_user(a, span_from(header, 5));
}

/* A string member of a flat JSON object: enough for {"status":"401","scope":"..."}; escapes end the value. */
static struct span json_member(struct span m, struct span quoted_key)
{
	size_t at = span_find(m, quoted_key);
	struct span rest;
	size_t end;

	if (at == SPAN_NPOS)
		return SPAN_ABSENT;
	rest = span_trim(span_from(m, at + quoted_key.n), CHAR_WSP);
	if (!rest.n || rest.p[0] != ':')
		return SPAN_ABSENT;
	rest = span_trim(span_from(rest, 1), CHAR_WSP);
	if (!rest.n || rest.p[0] != '"')
		return SPAN_ABSENT;
	rest = span_from(rest, 1);
	end = span_chr(rest, '"');
	return end == SPAN_NPOS ? SPAN_ABSENT : span_first(rest, end);
}

/* RFC 7628 3.2.2, and the same from Google and Microsoft: why the token was refused. */
static void oauth_challenge(struct auth *a, struct span m)
{
	struct span status = json_member(m, SPAN("\"status\""));
	struct span scope = json_member(m, SPAN("\"scope\""));
	uint8_t text[256];
	size_t n;

	if (!status.p)
		return;
	n = span_append(text, 0, sizeof text, SPAN("OAuth status "));
	n = span_append(text, n, sizeof text, status);
	if (scope.n) {
		n = span_append(text, n, sizeof text, SPAN(", scope "));
		n = span_append(text, n, sizeof text, scope);
	}
	a->cause = arena_copy(&a->arena, span_of(text, n));
}

static void external_response(struct auth *a, struct span m, uint32_t index)
{
	if (index == 0 && m.n)
		a->authzid = arena_copy(&a->arena, m);
}

static void anonymous_response(struct auth *a, struct span m, uint32_t index)
{
	if (index == 0)
		set_user(a, m);
}

/* A payload field of an NTLM message: len16, maxlen16, offset32 at the given place. */
static struct span ntlm_field(struct span m, size_t at)
{
	struct cursor c = cursor_of(m.p, m.n);
	uint16_t len;
	uint32_t off;

	cursor_skip(&c, at);
	len = cursor_le16(&c);
	cursor_skip(&c, 2);
	off = cursor_le32(&c);
	if (c.bad || off > m.n || len > m.n - off)
		return SPAN_ABSENT;
	return span_of(m.p + off, len);
}

/* UTF-16LE of the basic plane to UTF-8; what does not fit or is no scalar value becomes '?'. */
static struct span utf16_text(struct auth *a, struct span s)
{
	uint8_t text[512];
	size_t n = 0;

	for (size_t i = 0; i + 1 < s.n && n + 3 <= sizeof text; i += 2) {
		unsigned u = (unsigned)s.p[i] | (unsigned)s.p[i + 1] << 8;

		if (u >= 0xd800 && u < 0xe000)
			u = '?';
		if (u < 0x80) {
			text[n++] = (uint8_t)u;
		} else if (u < 0x800) {
			text[n++] = (uint8_t)(0xc0 | u >> 6);
			text[n++] = (uint8_t)(0x80 | (u & 0x3f));
		} else {
			text[n++] = (uint8_t)(0xe0 | u >> 12);
			text[n++] = (uint8_t)(0x80 | (u >> 6 & 0x3f));
			text[n++] = (uint8_t)(0x80 | (u & 0x3f));
		}
	}
	return arena_copy(&a->arena, span_of(text, n));
}

static void ntlm_response(struct auth *a, struct span m, uint32_t index)
{
	enum { TYPE = 8, DOMAIN = 28, USER = 36, WORKSTATION = 44, FLAGS = 60, SMALLEST = 52 };
	struct cursor c = cursor_of(m.p, m.n);
	bool unicode = true; /* clients without a flags field predate OEM-only servers worth reading */

	(void)index;
	if (!span_starts(m, SPAN("NTLMSSP\0")) || m.n < SMALLEST)
		return;
	cursor_skip(&c, TYPE);
	if (cursor_le32(&c) != 3)
		return;
	cursor_skip(&c, FLAGS - TYPE - 4);
	if (c.left >= 4)
		unicode = cursor_le32(&c) & 1;
	struct span user = ntlm_field(m, USER), domain = ntlm_field(m, DOMAIN), station = ntlm_field(m, WORKSTATION);

	a->user = unicode ? utf16_text(a, user) : arena_copy(&a->arena, user);
	if (domain.n)
		a->domain = unicode ? utf16_text(a, domain) : arena_copy(&a->arena, domain);
	if (station.n)
		a->workstation = unicode ? utf16_text(a, station) : arena_copy(&a->arena, station);
}

static void opaque_response(struct auth *a, struct span m, uint32_t index)
{
	(void)a;
	(void)m;
	(void)index;
}

static const struct auth_mechanism mechanisms[] = {
    /* name             server 1st  1 round  sensitive */
    {"PLAIN", false, true, false, plain_response, NULL},
    {"LOGIN", false, false, false, login_response, NULL},
    {"CRAM-MD5", true, false, false, cram_response, NULL},
    {"DIGEST-MD5", true, false, true, digest_response, NULL},
    {"SCRAM-SHA-1", false, false, true, scram_response, NULL},
    {"SCRAM-SHA-1-PLUS", false, false, true, scram_response, NULL},
    {"SCRAM-SHA-256", false, false, true, scram_response, NULL},
    {"SCRAM-SHA-256-PLUS", false, false, true, scram_response, NULL},
    {"SCRAM-SHA-512", false, false, true, scram_response, NULL},
    {"NTLM", false, false, true, ntlm_response, NULL},
    {"GSSAPI", false, false, true, opaque_response, NULL},
    {"GSS-SPNEGO", false, false, true, opaque_response, NULL},
    {"XOAUTH2", false, true, false, xoauth2_response, oauth_challenge},
    {"OAUTHBEARER", false, true, false, oauthbearer_response, oauth_challenge},
    {"EXTERNAL", false, true, false, external_response, NULL},
    {"ANONYMOUS", false, true, false, anonymous_response, NULL},
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
