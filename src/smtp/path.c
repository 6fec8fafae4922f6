/*
 * path.c - addresses of the envelope (RFC 5321 4.1.2, 4.1.3; UTF-8 in them: RFC 6531 3.3).
 *
 *   Path         = "<" [ A-d-l ":" ] Mailbox ">"          A-d-l = "@" Domain *( "," "@" Domain )
 *   Mailbox      = Local-part "@" ( Domain / address-literal )
 *   Local-part   = Dot-string / Quoted-string             Dot-string = Atom *("." Atom)
 *   Quoted-string = DQUOTE *( qtextSMTP / "\" %d32-126 ) DQUOTE
 *   Domain       = sub-domain *("." sub-domain)           sub-domain = Let-dig [Ldh-str]
 *   address-literal = "[" ( IPv4-address-literal / "IPv6:" IPv6-addr / General-address-literal ) "]"
 *
 * Octets above 7Fh count as letters: whether they are allowed depends on the command (DEFECT_EIGHT_BIT). No general literal
 * but IPv6 was ever registered, so any other tag is wrong.
 */
#include "smtpscope/path.h"

#include <arpa/inet.h>

#include "smtpscope/command.h"

/* RFC 5321 4.5.3.1.1-3, octets. */
enum { MAX_LOCAL_PART = 64, MAX_DOMAIN = 255, MAX_PATH = 256 };
enum { MAX_LABEL = 63 }; /* RFC 1035 2.3.4 */

/* The '@' between local-part and domain: the last one outside quotes. A quote that never ends is no quote. */
static size_t find_at(struct span s)
{
	size_t at = SPAN_NPOS;
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == '@' && !quoted)
			at = i;
	}
	return quoted && at == SPAN_NPOS ? span_rchr(s, '@') : at;
}

void path_split(struct span inside, struct path *out)
{
	size_t colon, at;

	*out = (struct path){.raw = inside, .address = inside, .null = inside.n == 0};
	colon = span_chr(inside, ':');
	if (inside.n > 0 && inside.p[0] == '@' && colon != SPAN_NPOS) {
		out->route = span_first(inside, colon);
		out->address = span_from(inside, colon + 1);
	}
	at = find_at(out->address);
	out->local_part = span_first(out->address, at);
	if (at != SPAN_NPOS)
		out->domain = span_from(out->address, at + 1);
}

static bool quoted_string_valid(struct span s)
{
	if (s.n < 2 || s.p[s.n - 1] != '"')
		return false;
	for (size_t i = 1; i < s.n - 1; i++) {
		if (s.p[i] == '\\' && i + 2 < s.n && char_is(s.p[i + 1], CHAR_PRINT))
			i++;
		else if (!char_is(s.p[i], CHAR_QTEXT | CHAR_EIGHT_BIT))
			return false;
	}
	return true;
}

static bool dot_string_valid(struct span s)
{
	while (s.p) {
		struct span atom = span_split(&s, '.');

		if (atom.n == 0 || !span_all(atom, CHAR_ATEXT | CHAR_EIGHT_BIT))
			return false;
	}
	return true;
}

static bool local_part_valid(struct span s)
{
	return s.n > 0 && (s.p[0] == '"' ? quoted_string_valid(s) : dot_string_valid(s));
}

static bool label_valid(struct span label)
{
	if (label.n == 0 || label.n > MAX_LABEL || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	return span_all(label, CHAR_LDH | CHAR_EIGHT_BIT);
}

/* Snum 3("." Snum), Snum = 1*3DIGIT in 0-255 */
static bool ipv4_valid(struct span s)
{
	unsigned parts = 0;

	while (s.p) {
		struct span part = span_split(&s, '.');
		uint64_t value;

		if (part.n > 3 || span_u64(part, &value) != 1 || value > 255)
			return false;
		parts++;
	}
	return parts == 4;
}

static bool ipv6_valid(struct span s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (s.n >= sizeof(text) || span_chr(s, ':') == SPAN_NPOS || span_chr(s, '\0') != SPAN_NPOS)
		return false;
	return inet_pton(AF_INET6, span_cstr(s, text, sizeof(text)), &addr) == 1;
}

/* s begins with "[". */
static bool literal_valid(struct span s)
{
	struct span inside;

	if (s.p[s.n - 1] != ']')
		return false;
	inside = span_from(span_first(s, s.n - 1), 1);
	if (span_istarts(inside, SPAN("IPv6:")))
		return ipv6_valid(span_from(inside, 5));
	return ipv4_valid(inside);
}

uint64_t domain_check(struct span domain)
{
	uint64_t defects = domain.n > MAX_DOMAIN ? DEFECT(PATH_TOO_LONG) : 0;
	struct span rest = domain;

	if (domain.n == 0)
		return DEFECT(BAD_DOMAIN);
	if (domain.p[0] == '[')
		return defects | (literal_valid(domain) ? 0 : DEFECT(BAD_LITERAL));
	if (ipv4_valid(domain) || ipv6_valid(domain))
		return DEFECT(NUMERIC_DOMAIN);
	while (rest.p) {
		if (!label_valid(span_split(&rest, '.')))
			return defects | DEFECT(BAD_DOMAIN);
	}
	return defects;
}

static uint64_t route_check(struct span route)
{
	while (route.p) {
		struct span hop = span_split(&route, ',');

		if (hop.n < 2 || hop.p[0] != '@' || (domain_check(span_from(hop, 1)) & DEFECT(BAD_DOMAIN)))
			return DEFECT(SOURCE_ROUTE) | DEFECT(BAD_DOMAIN);
	}
	return DEFECT(SOURCE_ROUTE);
}

uint64_t path_check(const struct path *p, bool postmaster_ok)
{
	size_t route = p->route.p ? p->route.n + 1 : 0; /* with its colon */
	uint64_t defects = 0;

	if (p->null)
		return 0;
	if (p->route.p)
		defects |= route_check(p->route);
	/* Without domain the local-part is judged all the same, as far as the missing '@' leaves sense in it. */
	if (p->domain.p)
		defects |= domain_check(p->domain);
	else if (!postmaster_ok || !span_ieq(p->local_part, SPAN("postmaster")))
		defects |= DEFECT(MISSING_DOMAIN);
	if (!local_part_valid(p->local_part))
		defects |= DEFECT(BAD_LOCAL_PART);
	if (p->local_part.n > MAX_LOCAL_PART || p->address.n + route > MAX_PATH - 2) /* the brackets count */
		defects |= DEFECT(PATH_TOO_LONG);
	return defects;
}
