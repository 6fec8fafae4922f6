/*
 * proxy.c - the PROXY protocol header, versions 1 and 2, that a load balancer puts before the client's first octet.
 *
 *   v1 = "PROXY" SP ("TCP4" / "TCP6") SP src SP dst SP sport SP dport CRLF / "PROXY UNKNOWN" ... CRLF    (at most 107 octets)
 *   v2 = 12-octet signature, version and command, family, length16, addresses
 */
#include "session_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { V1_MAX = 107, V2_FIXED = 16 };
static const uint8_t v2_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static int parse_v1(struct span bytes, size_t *used, char *text, size_t cap)
{
	size_t lf = span_chr(bytes, '\n');
	struct span line, family, source, port;

	if (lf == SPAN_NPOS)
		return bytes.n < V1_MAX ? 0 : -1;
	if (lf == 0 || bytes.p[lf - 1] != '\r' || lf >= V1_MAX)
		return -1;
	line = span_first(bytes, lf - 1);
	span_split(&line, ' ');
	family = span_split(&line, ' ');
	source = span_split(&line, ' ');
	span_split(&line, ' ');
	port = span_split(&line, ' ');
	*used = lf + 1;
	text[0] = '\0';
	if (span_eq(family, SPAN("TCP6")) && port.n)
		snprintf(text, cap, "[%.*s]:%.*s", (int)source.n, (const char *)source.p, (int)port.n, (const char *)port.p);
	else if (span_eq(family, SPAN("TCP4")) && port.n)
		snprintf(text, cap, "%.*s:%.*s", (int)source.n, (const char *)source.p, (int)port.n, (const char *)port.p);
	return 1;
}

static void v2_address(struct span body, uint8_t family, char *text, size_t cap)
{
	struct cursor c = cursor_of(body.p, body.n);
	struct span source;
	size_t n = 0;

	text[0] = '\0';
	if (family == 0x11) {
		source = cursor_bytes(&c, 4);
		cursor_skip(&c, 4);
		if (source.p)
			snprintf(text, cap, "%u.%u.%u.%u:%u", source.p[0], source.p[1], source.p[2], source.p[3], cursor_be16(&c));
	} else if (family == 0x21) {
		source = cursor_bytes(&c, 16);
		cursor_skip(&c, 16);
		for (size_t i = 0; source.p && i < 16 && n < cap; i += 2)
			n += (size_t)snprintf(text + n, cap - n, "%s%x", i ? ":" : "[", source.p[i] << 8 | source.p[i + 1]);
		if (source.p && n < cap)
			snprintf(text + n, cap - n, "]:%u", cursor_be16(&c));
	}
}

static int parse_v2(struct span bytes, size_t *used, char *text, size_t cap)
{
	size_t length;

	if (bytes.n < V2_FIXED)
		return 0;
	if (bytes.p[12] >> 4 != 2)
		return -1;
	length = (size_t)(bytes.p[14] << 8 | bytes.p[15]);
	if (V2_FIXED + length > PROXY_MAX)
		return -1;
	if (bytes.n < V2_FIXED + length)
		return 0;
	*used = V2_FIXED + length;
	v2_address(span_first(span_from(bytes, V2_FIXED), length), bytes.p[13], text, cap);
	return 1;
}

int proxy_parse(struct span bytes, size_t *used, char *text, size_t cap)
{
	struct span v1 = SPAN("PROXY "), v2 = span_of(v2_signature, sizeof v2_signature);

	if (span_starts(bytes, v1))
		return parse_v1(bytes, used, text, cap);
	if (span_starts(bytes, v2))
		return parse_v2(bytes, used, text, cap);
	return bytes.n && (span_starts(v1, bytes) || span_starts(v2, bytes)) ? 0 : -1;
}

/* ---- whom the server may believe ---- */

/* "192.0.2.1:25" "[2001:db8::1]:25" "IPV6:2001:db8::1" "192.0.2.1": family 0 when it is none of these. */
static struct endpoint address_read(struct span text)
{
	struct endpoint e = {0};
	char host[INET6_ADDRSTRLEN];
	struct span s = span_istarts(text, SPAN("IPV6:")) ? span_from(text, 5) : text;
	size_t colon = span_chr(s, ':');

	if (s.n && s.p[0] == '[')
		s = span_first(span_from(s, 1), span_chr(span_from(s, 1), ']'));
	else if (colon != SPAN_NPOS && span_rchr(s, ':') == colon)
		s = span_first(s, colon);
	if (s.n >= sizeof host)
		return e;
	span_cstr(s, host, sizeof host);
	if (inet_pton(AF_INET, host, e.addr) == 1)
		e.family = 4;
	else if (inet_pton(AF_INET6, host, e.addr) == 1)
		e.family = 6;
	return e;
}

/* Loopback, link-local and private use (RFC 1122 3.2.1.3, RFC 1918, RFC 3927, RFC 4193, RFC 4291). */
static bool is_local(const struct endpoint *e)
{
	static const uint8_t loopback6[16] = {[15] = 1};
	const uint8_t *a = e->addr;

	if (e->family == 6)
		return memcmp(a, loopback6, 16) == 0 || (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
	return a[0] == 127 || a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
	       (a[0] == 169 && a[1] == 254);
}

void address_judge(struct session *s)
{
	struct endpoint claimed = address_read(s->client_address);
	const struct endpoint *server = &s->record.server;
	bool own = claimed.family == server->family && memcmp(claimed.addr, server->addr, claimed.family == 4 ? 4 : 16) == 0;

	if (claimed.family && !is_local(&s->record.client) && (own || is_local(&claimed)))
		emit_notice(s, &(struct notice){.id = NOTICE_ADDRESS_CLAIMED, .text = s->client_address}, NULL, SPAN_ABSENT);
}
