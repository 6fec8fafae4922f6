/*
 * auth_gssapi.c - GSSAPI (RFC 4752) and GSS-SPNEGO (RFC 4178): what is readable of their tokens.
 *
 *   InitialContextToken = [APPLICATION 0] { thisMech OID, inner }                               (RFC 2743 3.1)
 *   Kerberos inner      = 01 00 AP-REQ | 02 00 AP-REP | 03 00 KRB-ERROR                         (RFC 4121 4.1)
 *   AP-REQ              = [APPLICATION 14] SEQUENCE { ... [3] Ticket ... }                      (RFC 4120 5.5.1)
 *   Ticket              = [APPLICATION 1] SEQUENCE { [0] vno, [1] realm, [2] sname, [3] enc-part }  (RFC 4120 5.3)
 *   NegTokenInit        = [0] SEQUENCE { [0] mechTypes, [1] flags, [2] mechToken, [3] MIC }     (RFC 4178 4.2.1)
 *   NegTokenResp        = [1] SEQUENCE { [0] state, [1] supportedMech, [2] responseToken, [3] MIC }
 *   last message        = wrap( layer octet, 3 octets of size, authzid ), not encrypted         (RFC 4752 3.1)
 *   wrap                = 05 04 flags FF EC16 RRC16 seq64, then data | checksum, rotated right by RRC  (RFC 4121 4.2.6.2)
 *
 * The client's own principal is encrypted. DER lengths are believed as far as there are octets: the realm stands in front, and a long
 * token is not decoded to its end. Left out: wrap tokens of RFC 1964 (DES, RC4).
 */
#include "auth_mechanism.h"

/* Tag and length of an element. False when it is none. */
static bool der_head(struct cursor *c, uint8_t *tag, size_t *length)
{
	size_t n, octets;

	*tag = cursor_u8(c);
	n = cursor_u8(c);
	octets = n & 0x80 ? n & 0x7f : 0;
	if ((*tag & 0x1f) == 0x1f || octets > 4 || n == 0x80) /* long tags, indefinite lengths: not in these tokens */
		return false;
	for (n = octets ? 0 : n; octets; octets--)
		n = n << 8 | cursor_u8(c);
	*length = n;
	return !c->bad;
}

/* One element off the front of *rest: its tag, its content, cut to what is there. False when it is none. */
static bool der_next(struct span *rest, uint8_t *tag, struct span *content)
{
	struct cursor c = cursor_of(rest->p, rest->n);
	size_t n;

	if (!der_head(&c, tag, &n))
		return false;
	*content = span_first(cursor_rest(&c), n);
	*rest = span_from(cursor_rest(&c), content->n);
	return true;
}

/* Content of the element with this tag in a list of elements; absent without one. */
static struct span der_find(struct span list, uint8_t wanted)
{
	struct span content;
	uint8_t tag;

	while (list.n && der_next(&list, &tag, &content))
		if (tag == wanted)
			return content;
	return SPAN_ABSENT;
}

/* Content of an element that the whole of s should be. */
static struct span der_enter(struct span s, uint8_t wanted)
{
	struct span content;
	uint8_t tag;

	return s.n && der_next(&s, &tag, &content) && tag == wanted ? content : SPAN_ABSENT;
}

/* The same when its length is true: a part of a name is none. */
static struct span der_whole(struct span s, uint8_t wanted)
{
	struct cursor c = cursor_of(s.p, s.n);
	uint8_t tag;
	size_t n;

	return s.n && der_head(&c, &tag, &n) && tag == wanted && n == cursor_rest(&c).n ? cursor_rest(&c) : SPAN_ABSENT;
}

enum {
	SEQUENCE = 0x30, OID = 0x06, OCTETS = 0x04, GENERAL_STRING = 0x1b,
	GSS_TOKEN = 0x60, TICKET = 0x61, AP_REQ = 0x6e, FIELD_0 = 0xa0, FIELD_1 = 0xa1, FIELD_2 = 0xa2, FIELD_3 = 0xa3,
};

static bool is_kerberos(struct span oid)
{
	return span_eq(oid, SPAN("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")) ||
	       span_eq(oid, SPAN("\x2a\x86\x48\x82\xf7\x12\x01\x02\x02")); /* as Windows 2000 wrote it */
}

static bool is_spnego(struct span oid)
{
	return span_eq(oid, SPAN("\x2b\x06\x01\x05\x05\x02"));
}

/* ---- Kerberos ---- */

/* The components of a PrincipalName, with slashes between them. */
static size_t principal(struct span name, uint8_t *dst, size_t cap)
{
	struct span list = der_enter(der_find(der_enter(name, SEQUENCE), FIELD_1), SEQUENCE), part;
	size_t n = 0;
	uint8_t tag;

	while (list.n && der_next(&list, &tag, &part)) {
		n = span_append(dst, n, cap, n ? SPAN("/") : SPAN(""));
		n = span_append(dst, n, cap, tag == GENERAL_STRING ? part : SPAN_ABSENT);
	}
	return n;
}

static void ap_req(struct auth *a, struct span s)
{
	struct span fields = der_enter(der_enter(s, AP_REQ), SEQUENCE);
	struct span ticket = der_enter(der_enter(der_find(fields, FIELD_3), TICKET), SEQUENCE);
	struct span realm = der_whole(der_find(ticket, FIELD_1), GENERAL_STRING);
	uint8_t name[256];

	if (!realm.n) {
		auth_malformed(a, SPAN("Kerberos token without a ticket"));
		return;
	}
	a->domain = arena_copy(&a->arena, realm);
	auth_set(a, AUTH_SERVICE, span_of(name, principal(der_find(ticket, FIELD_2), name, sizeof name)));
}

static void kerberos(struct auth *a, struct span inner)
{
	auth_set(a, AUTH_INNER_MECHANISM, SPAN("krb5"));
	if (span_starts(inner, SPAN("\x01\0")))
		ap_req(a, span_from(inner, 2));
}

/* ---- the last message ---- */

enum { WRAP_HEADER = 16, WRAP_PLAIN_MAX = 512 };

/* The plain text of a wrap token that is not encrypted, at most cap octets of it; 0: it is none. */
static size_t unwrap(struct span m, uint8_t *dst, size_t cap)
{
	enum { SEALED = 2 };
	struct cursor c = cursor_of(m.p, m.n);
	struct span data;
	uint16_t id = cursor_be16(&c);
	uint8_t flags = cursor_u8(&c), filler = cursor_u8(&c);
	size_t ec = cursor_be16(&c), rrc = cursor_be16(&c), n = 0;

	cursor_skip(&c, 8);
	data = cursor_rest(&c);
	if (c.bad || id != 0x0504 || filler != 0xff || flags & SEALED || ec > data.n)
		return 0;
	for (; n < data.n - ec && n < cap; n++)
		dst[n] = data.p[(n + rrc) % data.n];
	return n;
}

static void last_message(struct auth *a, struct span m)
{
	uint8_t plain[WRAP_PLAIN_MAX];
	size_t n = unwrap(m, plain, sizeof plain);

	if (n < 4) {
		if (n)
			auth_malformed(a, SPAN("GSSAPI message without its four octets of security layer"));
		return;
	}
	a->security_layer = plain[0] == 2 || plain[0] == 4;
	auth_set(a, AUTH_SECURITY_LAYER, plain[0] == 2 ? SPAN("integrity") : plain[0] == 4 ? SPAN("confidentiality") : SPAN("none"));
	auth_set(a, AUTH_AUTHZID, span_of(plain + 4, n - 4));
	wipe(plain, sizeof plain);
}

/* ---- tokens ---- */

/* What stands behind the OID of a GSS token, and the OID; absent when it is no such token. */
static struct span gss_inner(struct span m, struct span *oid)
{
	struct span rest = der_enter(m, GSS_TOKEN);
	uint8_t tag;

	if (!rest.n || !der_next(&rest, &tag, oid) || tag != OID)
		return SPAN_ABSENT;
	return rest;
}

/* The token inside of SPNEGO: of a NegTokenInit (behind its OID) or a NegTokenResp. */
static struct span spnego_inner(struct span m)
{
	struct span init = der_enter(m, FIELD_0), answer = der_enter(m, FIELD_1);
	struct span fields = der_enter(init.p ? init : answer, SEQUENCE);

	return der_enter(der_find(fields, FIELD_2), OCTETS);
}

static bool is_wrap(struct span m)
{
	return m.n >= WRAP_HEADER && span_starts(m, SPAN("\x05\x04"));
}

/* m without its SPNEGO, where it has one. */
static struct span without_spnego(struct span m)
{
	struct span oid = SPAN_ABSENT, inner = gss_inner(m, &oid);

	if (inner.p && is_spnego(oid))
		return spnego_inner(inner);
	return m.n && m.p[0] == FIELD_1 ? spnego_inner(m) : m;
}

void gssapi_response(struct auth *a, struct span m, uint32_t index)
{
	struct span token = without_spnego(m), oid = SPAN_ABSENT, inner = gss_inner(token, &oid);

	if (m.n && !is_wrap(m) && !auth_fact(a, AUTH_SECRET).p && !auth_fact(a, AUTH_SECRET_HASH).p && !ntlm_message(token))
		auth_secret(a, m);
	if (is_wrap(token)) {
		last_message(a, token);
	} else if (inner.p && is_kerberos(oid)) {
		kerberos(a, inner);
	} else if (ntlm_message(token)) {
		auth_set(a, AUTH_INNER_MECHANISM, SPAN("ntlm"));
		ntlm_response(a, token, index);
	} else if (m.n && index == 0 && !a->lost && !inner.p && !token.p) {
		auth_malformed(a, SPAN("no GSS token"));
	}
}

void gssapi_challenge(struct auth *a, struct span m)
{
	struct span token = without_spnego(m);

	if (ntlm_message(token))
		ntlm_challenge(a, token);
}

/* The layers that the server can do, or what kind of token it is. */
size_t gssapi_shown(struct span m, uint8_t *dst, size_t cap)
{
	struct span token = without_spnego(m), oid = SPAN_ABSENT, inner = gss_inner(token, &oid);
	uint8_t plain[4];
	size_t n = 0;

	if (ntlm_message(token))
		return ntlm_shown(token, dst, cap);
	if (is_wrap(token) && unwrap(token, plain, sizeof plain) == sizeof plain) {
		n = span_append(dst, n, cap, SPAN("layers="));
		n = span_append(dst, n, cap, plain[0] & 1 ? SPAN("none ") : SPAN(""));
		n = span_append(dst, n, cap, plain[0] & 2 ? SPAN("integrity ") : SPAN(""));
		n = span_append(dst, n, cap, plain[0] & 4 ? SPAN("confidentiality ") : SPAN(""));
		return n - (n > 7);
	}
	if (inner.p && is_kerberos(oid)) {
		n = span_append(dst, n, cap, span_starts(inner, SPAN("\x02\0")) ? SPAN("AP-REP ") : SPAN("KRB-ERROR "));
		return span_append(dst, n, cap, SPAN("********"));
	}
	return 0;
}
