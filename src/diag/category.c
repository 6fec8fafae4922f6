/*
 * category.c - one word for why a server refuses. See category.h; the tables are in category_table.c.
 *
 * First enhanced codes that leave no doubt, then the text, then enhanced codes that are used loosely. Addresses and links are taken out
 * of the text before it is looked at: they may hold any word. Left out: replies about the form and order of commands; diag/cause
 * explains those from the commands themselves.
 */
#include "category_table.h"

enum {
	TEXT_KEPT = 1024, /* of all lines together; the reason stands at the start */
	GAP = 40          /* octets that '*' may stand for */
};

static const struct category_info categories[CATEGORIES] = {
	[CATEGORY_NONE] = {"", "", ""},
	[CATEGORY_GREYLISTING] = {"greylisting",
		"The server does not know this combination of client, sender and recipient yet and puts it off "
		"(greylisting).",
		"Nothing to fix: retry the same client, sender and recipient after some minutes; every proper "
		"mail server does so by itself."},
	[CATEGORY_BLOCK_LIST] = {"block_list",
		"The sending address or domain is on a block list (%D) that the server asks.",
		"Look the address up at that list, stop what got it listed (a hacked account or host, a list with"
		" stale addresses), then ask for removal there; retrying does not help before."},
	[CATEGORY_QUOTA] = {"quota",
		"The recipient's mailbox is full.",
		"The recipient must delete or archive mail, or get more room; tell them another way. Retry later."},
	[CATEGORY_RATE_LIMIT] = {"rate_limit",
		"The server takes no more from this client for now: too many messages, connections or errors in a"
		" short time.",
		"Send slower, with fewer connections, and wait before the next try; look whether an account or a "
		"script floods."},
	[CATEGORY_DMARC] = {"dmarc",
		"The message does not pass DMARC: neither SPF nor DKIM vouches for the domain in its From field, "
		"and that domain's policy, or the server's own, is to refuse it.",
		"Send through the domain's own servers, or sign with its DKIM key and list the sending server in "
		"its SPF record; forwarders and lists must rewrite From."},
	[CATEGORY_SPF] = {"spf",
		"The SPF record of the sender's domain does not allow this client to send for it.",
		"Add the client's address to the domain's SPF record, or send through a server that is in it; "
		"forwarders need SRS."},
	[CATEGORY_DKIM] = {"dkim",
		"The message has no DKIM signature that the server accepts.",
		"Check the signing key against the record in DNS, and that nothing changes the message behind the"
		" signer."},
	[CATEGORY_UNKNOWN_USER] = {"unknown_user",
		"The server has no mailbox with this address.",
		"Correct the address, or take it off the list; if it should exist, create the mailbox or mend the"
		" server's recipient table."},
	[CATEGORY_MAILBOX_DISABLED] = {"mailbox_disabled",
		"The mailbox exists but is switched off.",
		"The recipient's administrator can enable it; otherwise take the address off the list."},
	[CATEGORY_RELAY_DENIED] = {"relay_denied",
		"The server is not responsible for the recipient's domain and does not pass mail on for this "
		"client.",
		"A user's program must authenticate first (port 587 or 465); otherwise deliver to the host that "
		"the domain's MX record names, or add the domain or client to the server's relay settings."},
	[CATEGORY_TLS_REQUIRED] = {"tls_required",
		"The server demands TLS first.",
		"Let the client use STARTTLS, or port 465."},
	[CATEGORY_AUTH_REQUIRED] = {"auth_required",
		"The server demands authentication for this sender or recipient.",
		"Let the client authenticate, with an account that may use this sender address."},
	[CATEGORY_SIZE] = {"size",
		"The message is larger than the server or the mailbox accepts.",
		"Send a smaller message, or share the file another way; Base64 makes an attachment a third "
		"larger."},
	[CATEGORY_TOO_MANY_RECIPIENTS] = {"too_many_recipients",
		"The server takes fewer recipients in one transaction than were named.",
		"Send to the rest in a further transaction; mail servers do so by themselves (RFC 5321 "
		"4.5.3.1.10)."},
	[CATEGORY_CONTENT] = {"content",
		"A filter objects to the content of the message: spam, malware or a forbidden attachment.",
		"Look at the message and at the account that sent it; a false positive is for the recipient's "
		"administrator."},
	[CATEGORY_DNS] = {"dns",
		"DNS does not confirm the names involved: no reverse name for the client's address, or a sender "
		"or HELO domain that does not resolve.",
		"Give the sending address a PTR record whose name resolves back to it, and use domains that have "
		"MX or address records."},
	[CATEGORY_LOCAL_ERROR] = {"local_error",
		"The server has a problem of its own: a failed lookup, a full disk, a filter that does not "
		"answer.",
		"Nothing for the sender but to retry; the server's administrator finds the cause in its log."},
	[CATEGORY_POLICY] = {"policy",
		"The command was understood but a rule of the server does not allow it, and its reply does not "
		"say which.",
		"The text of the reply and the server's log name the rule; only its administrator can change it."},
};

const struct category_info *category_texts(enum category c)
{
	return &categories[c];
}

/* ---- the text, made fit for comparing ---- */

static bool is_name(struct span word)
{
	return span_chr(word, '@') != SPAN_NPOS || span_find(word, SPAN("://")) != SPAN_NPOS || span_starts(word, SPAN("www."));
}

/* Small letters, one blank between words, without addresses and links. */
static struct span flatten(const struct span *text, uint32_t lines, uint8_t dst[TEXT_KEPT])
{
	size_t n = 0;

	for (uint32_t i = 0; i < lines; i++) {
		struct span rest = text[i];

		while (rest.p && n < TEXT_KEPT - 1) {
			struct span word = span_split(&rest, ' ');

			if (!word.n || is_name(word))
				continue;
			for (size_t k = 0; k < word.n && n < TEXT_KEPT - 1; k++)
				dst[n++] = (uint8_t)(word.p[k] >= 'A' && word.p[k] <= 'Z' ? word.p[k] + 32 : word.p[k]);
			dst[n++] = ' ';
		}
	}
	return span_of(dst, n);
}

/* A part of a word: letters, digits, and what joins them in names of users and hosts. */
static bool joins(struct span s, size_t at)
{
	return at < s.n && (char_is(s.p[at], CHAR_LDH) || s.p[at] == '_' || (s.p[at] == '.' && at + 1 < s.n && s.p[at + 1] != ' '));
}

/* One fragment without '*' from offset at on; the offset behind it, or SPAN_NPOS. near: only within GAP octets. */
static size_t piece_find(struct span s, size_t at, struct span piece, bool near)
{
	size_t last = near ? at + GAP : s.n;
	bool whole = span_ends(piece, SPAN("|"));

	piece = span_first(piece, piece.n - whole);
	while (at <= last) {
		size_t found = span_find(span_from(s, at), piece);

		if (found == SPAN_NPOS || at + found > last)
			return SPAN_NPOS;
		at += found;
		if ((near || at == 0 || !joins(s, at - 1)) && !(whole && joins(s, at + piece.n)))
			return at + piece.n;
		at++;
	}
	return SPAN_NPOS;
}

static bool fragment_fits(struct span s, const char *fragment)
{
	struct span rest = span_str(fragment), first = span_split(&rest, '*');
	size_t end = piece_find(s, 0, first, false);

	while (end != SPAN_NPOS && rest.n) { /* the gap may be short behind a later occurrence of the first piece only */
		if (piece_find(s, end, rest, true) != SPAN_NPOS)
			return true;
		end = piece_find(s, end, first, false);
	}
	return end != SPAN_NPOS;
}

static enum category by_text(struct span s)
{
	for (unsigned i = 0; i < category_fragment_count; i++)
		if (fragment_fits(s, category_fragments[i].fragment))
			return category_fragments[i].category;
	return CATEGORY_NONE;
}

/* ---- codes ---- */

static enum category by_enhanced(struct span enhanced, const struct enhanced_row *rows, unsigned count)
{
	struct span rest = enhanced;
	uint64_t class, subject, detail;

	if (span_u64(span_split(&rest, '.'), &class) != 1 || span_u64(span_split(&rest, '.'), &subject) != 1 || span_u64(rest, &detail) != 1)
		return CATEGORY_NONE;
	for (unsigned i = 0; i < count; i++)
		if (subject == rows[i].subject && detail >= rows[i].low && detail <= rows[i].high &&
		    (!rows[i].class || rows[i].class == class))
			return rows[i].category;
	return CATEGORY_NONE;
}

/* ---- the name of a block list ---- */

/* The host name that a word holds: brackets, punctuation, scheme and path taken off. */
static struct span host_of(struct span word)
{
	size_t scheme = span_find(word, SPAN("://")), end = 0;

	if (scheme != SPAN_NPOS)
		word = span_from(word, scheme + 3);
	while (word.n && !char_is(word.p[0], CHAR_LDH))
		word = span_from(word, 1);
	while (end < word.n && (char_is(word.p[end], CHAR_LDH) || word.p[end] == '.' || word.p[end] == '_'))
		end++;
	word = span_first(word, end);
	while (word.n && word.p[word.n - 1] == '.')
		word = span_first(word, word.n - 1);
	return span_istarts(word, SPAN("www.")) ? span_from(word, 4) : word;
}

/* "zen.spamhaus.org" for "spamhaus.org"; pages of the operator are no list, but name it. */
static bool is_operated(struct span host)
{
	for (unsigned i = 0; i < category_operator_count; i++) {
		struct span name = span_str(category_operators[i]);
		struct span tail = span_from(host, host.n > name.n ? host.n - name.n : 0);

		if (span_ieq(tail, name) && (host.n == name.n || host.p[host.n - name.n - 1] == '.'))
			return true;
	}
	return false;
}

/* A name, not an address and not a sentence: two labels, the last one of letters. */
static bool is_domain(struct span host)
{
	size_t dot = span_rchr(host, '.');

	return dot != SPAN_NPOS && dot > 0 && host.n - dot > 2 && span_all(span_from(host, dot + 1), CHAR_ALPHA);
}

/* Microsoft: "(S3150)" . */
static bool is_microsoft(struct span host)
{
	return host.n == 5 && host.p[0] == 'S' && span_all(span_from(host, 1), CHAR_DIGIT);
}

static bool announces(struct span before, struct span word)
{
	static const char *const verbs[] = {"blocked", "listed", "blacklisted", "blocklisted"};
	static const char *const links[] = {"using", "at", "by", "in", "on"};
	bool verb = false, link = false;

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		verb |= span_ieq(before, span_str(verbs[i]));
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		link |= span_ieq(word, span_str(links[i]));
	return verb && link;
}

/* any: whatever is said to list the sender; otherwise only those that are known to run lists. */
static struct span find_list(const struct span *text, uint32_t lines, bool any)
{
	struct span named = SPAN_ABSENT, before = SPAN_ABSENT;
	bool announced = false;

	for (uint32_t i = 0; i < lines; i++) {
		struct span rest = text[i];

		while (rest.p) {
			struct span word = span_split(&rest, ' '), host = host_of(word);

			if (!word.n)
				continue;
			if ((any && announced && is_domain(host)) || is_microsoft(host))
				return host;
			if (!named.p && span_chr(word, '@') == SPAN_NPOS && is_operated(host))
				named = host;
			announced = announces(before, word);
			before = word;
		}
	}
	return named;
}

struct span category_blocklist(const struct span *text, uint32_t lines)
{
	return find_list(text, lines, true);
}

/* ---- all together ---- */

/* About the line itself, or about credentials. */
static bool is_no_refusal(int code)
{
	return code < 400 || code > 599 || (code >= 500 && code <= 504) || code == 555 || code == 535 || code == 534;
}

enum category category_of(int code, struct span enhanced, const struct span *text, uint32_t lines)
{
	uint8_t buf[TEXT_KEPT];
	struct span s;
	enum category c;

	if (is_no_refusal(code))
		return CATEGORY_NONE;
	c = by_enhanced(enhanced, category_certain, category_certain_count);
	if (c != CATEGORY_NONE)
		return c;
	s = flatten(text, lines, buf);
	if (span_eq(enhanced, SPAN("5.4.1")) && fragment_fits(s, "recipient address rejected"))
		return CATEGORY_UNKNOWN_USER; /* Exchange Online, directory-based edge blocking */
	c = by_text(s);
	if ((c == CATEGORY_NONE || c == CATEGORY_POLICY) && find_list(text, lines, false).p)
		return CATEGORY_BLOCK_LIST; /* only its name or a link to it stands there */
	if (c == CATEGORY_NONE)
		c = by_enhanced(enhanced, category_likely, category_likely_count);
	if (c == CATEGORY_NONE && (code == 521 || code == 556))
		c = code == 556 ? CATEGORY_DNS : CATEGORY_POLICY; /* RFC 7505, RFC 7504 */
	return c;
}
