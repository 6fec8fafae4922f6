/*
 * header.c - header fields on the way past (RFC 5322 2.2, 3.4, 3.6; RFC 2047). See header.h.
 *
 *   field = name ":" body CRLF *(WSP body CRLF)
 *   mailbox = [display-name] "<" addr-spec ">" / addr-spec;  group = display-name ":" [mailbox-list] ";"
 *
 * Fields that are not wanted are skipped without being kept. Left out: comments inside addr-specs, bodies, MIME parts.
 */
#include "smtpscope/header.h"

#include "smtpscope/codec.h"

#include <stddef.h>
#include <string.h>

void header_init(struct header *h, struct arena *arena)
{
	*h = (struct header){.arena = arena, .at_line_start = true};
}

/* ---- encoded-words ---- */

/* "=?charset?encoding?text?=" at the start of s: its length, or 0 (RFC 2047 2). */
static size_t encoded_word(struct span s, struct span *charset, uint8_t *encoding, struct span *text)
{
	struct span rest = span_from(s, 2);
	size_t end;

	if (!span_starts(s, SPAN("=?")))
		return 0;
	*charset = span_split(&rest, '?');
	if (rest.n < 2 || rest.p[1] != '?')
		return 0;
	*encoding = char_upper(rest.p[0]);
	rest = span_from(rest, 2);
	end = span_find(rest, SPAN("?="));
	if (end == SPAN_NPOS || (*encoding != 'B' && *encoding != 'Q'))
		return 0;
	*text = span_first(rest, end);
	return (size_t)(rest.p + end + 2 - s.p);
}

/* Decodes one word; its length in dst, or -1 when it stays as it is. */
static long decode_word(struct span charset, uint8_t encoding, struct span text, uint8_t *dst, size_t cap)
{
	uint8_t raw[1024];
	long n = encoding == 'B' ? base64_decode(text, raw, sizeof raw) : quoted_printable_decode(text, true, raw, sizeof raw);
	struct span name = span_split(&charset, '*'); /* RFC 2231: a language may follow */

	return n < 0 ? -1 : charset_to_utf8(name, span_of(raw, (size_t)n), dst, cap);
}

/* What stands before the next "=?". */
static struct span before_word(struct span s)
{
	size_t at = span_find(s, SPAN("=?"));

	return at == SPAN_NPOS ? s : span_first(s, at);
}

size_t rfc2047_decode(struct span s, uint8_t *dst, size_t cap)
{
	size_t n = 0, blanks = 0;
	bool after_word = false;

	while (s.n && n < cap) {
		struct span charset, text, plain = after_word ? SPAN_ABSENT : before_word(s);
		uint8_t encoding;
		size_t used;

		if (plain.n) {
			n = span_append(dst, n, cap, plain);
			s = span_from(s, plain.n);
			continue;
		}
		used = encoded_word(s, &charset, &encoding, &text);
		size_t at = after_word && used ? n - blanks : n; /* blanks between two words are not shown */
		long got = used ? decode_word(charset, encoding, text, dst + at, cap - at) : -1;

		if (got >= 0) {
			n = at + (size_t)got;
			s = span_from(s, used);
			after_word = true;
			blanks = 0;
			continue;
		}
		if (char_is(s.p[0], CHAR_WSP)) {
			blanks++;
		} else {
			after_word = false;
			blanks = 0;
		}
		dst[n++] = s.p[0];
		s = span_from(s, 1);
	}
	return n;
}

/* ---- addresses ---- */

static void list_add(struct header *h, struct header_list *list, struct span address)
{
	struct span copy;

	address = span_trim(address, CHAR_WSP | CHAR_CONTROL);
	if (!address.n)
		return;
	if (list->n >= HEADER_MAX_ADDRESSES) {
		h->cut = true;
		return;
	}
	if (list->n == list->cap) {
		uint32_t cap = list->cap ? 4 * list->cap : 4;
		struct span *v = arena_get(h->arena, cap * sizeof *v);

		if (!v) {
			h->cut = true;
			return;
		}
		for (uint32_t i = 0; i < list->n; i++)
			v[i] = list->v[i];
		list->v = v;
		list->cap = cap;
	}
	copy = arena_copy(h->arena, address);
	if (copy.p)
		list->v[list->n++] = copy;
	else
		h->cut = true;
}

/* Octets of the next element: up to a comma, or the colon or semicolon of a group, outside quotes, brackets and comments. */
static size_t element_length(struct span s)
{
	bool quoted = false, angle = false;
	unsigned depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '\\' && (quoted || depth)) {
			i++;
		} else if (c == '"' && !depth) {
			quoted = !quoted;
		} else if (quoted) {
			continue;
		} else if (c == '(' || (c == ')' && depth)) {
			depth += c == '(' ? 1u : (unsigned)-1;
		} else if (c == '<' || c == '>') {
			angle = c == '<';
		} else if (!depth && !angle && (c == ',' || c == ';' || c == ':')) {
			return i;
		}
	}
	return s.n;
}

/* comment = "(" *([FWS] ctext / quoted-pair / comment) [FWS] ")" at the start of s (RFC 5322 3.2.2): its octets, or 0. */
static size_t comment_length(struct span s)
{
	unsigned depth = 0;

	for (size_t i = 0; i < s.n && (depth || i == 0); i++) {
		if (s.p[i] == '\\' && depth)
			i++;
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
		else if (!depth)
			return 0;
	}
	return 0;
}

/* The addr-spec of one element: what stands in angle brackets, else the word with an @ in it, else nothing. */
static struct span addr_spec(struct span element)
{
	size_t open = span_rchr(element, '<');
	struct span rest;
	size_t at;

	if (open != SPAN_NPOS) {
		rest = span_from(element, open + 1);
		at = span_chr(rest, '>');
		return at == SPAN_NPOS ? rest : span_first(rest, at);
	}
	rest = span_trim(element, CHAR_WSP);
	for (size_t n = comment_length(rest); n; n = comment_length(rest))
		rest = span_trim(span_from(rest, n), CHAR_WSP);
	at = span_chr(rest, '(');
	rest = span_trim(at == SPAN_NPOS ? rest : span_first(rest, at), CHAR_WSP);
	return span_chr(rest, '@') == SPAN_NPOS ? SPAN_ABSENT : rest;
}

static void parse_addresses(struct header *h, struct header_list *list, struct span value)
{
	while (value.n) {
		size_t n = element_length(value);

		if (n == value.n || value.p[n] != ':') /* "name:" only opens a group */
			list_add(h, list, addr_spec(span_first(value, n)));
		value = span_from(value, n + 1);
	}
}

/* ---- fields ---- */

enum field_kind { FIELD_ADDRESSES, FIELD_TEXT, FIELD_ID };

struct field_row {
	const char *name;
	enum field_kind kind;
	size_t offset; /* of a header_list or a span in struct header */
};

static const struct field_row fields[] = {
    {"From", FIELD_ADDRESSES, offsetof(struct header, from)},
    {"To", FIELD_ADDRESSES, offsetof(struct header, to)},
    {"Cc", FIELD_ADDRESSES, offsetof(struct header, cc)},
    {"Reply-To", FIELD_ADDRESSES, offsetof(struct header, reply_to)},
    {"Subject", FIELD_TEXT, offsetof(struct header, subject)},
    {"Message-ID", FIELD_ID, offsetof(struct header, message_id)},
    {"X-Mailer", FIELD_TEXT, offsetof(struct header, x_mailer)},
    {"User-Agent", FIELD_TEXT, offsetof(struct header, x_mailer)},
    {"Content-Type", FIELD_TEXT, offsetof(struct header, content_type)},
};

static const struct field_row *field_find(struct span name)
{
	name = span_rtrim(name, CHAR_WSP);
	for (size_t i = 0; name.n && i < sizeof fields / sizeof *fields; i++)
		if (char_upper(name.p[0]) == (uint8_t)fields[i].name[0] && span_ieq(name, span_str(fields[i].name)))
			return &fields[i];
	return NULL;
}

static void put_text(struct header *h, struct span *to, struct span value)
{
	uint8_t *decoded;

	if (to->p)
		return; /* the first occurrence counts */
	decoded = arena_get_raw(h->arena, value.n * 2 + 16); /* ISO 8859-1 may double */
	if (!decoded) {
		h->cut = true;
		return;
	}
	*to = span_of(decoded, rfc2047_decode(value, decoded, value.n * 2 + 16));
}

static void put_id(struct header *h, struct span *to, struct span value)
{
	size_t open = span_chr(value, '<'), close = span_rchr(value, '>');

	if (to->p)
		return;
	if (open != SPAN_NPOS && close != SPAN_NPOS && close > open)
		value = span_first(span_from(value, open + 1), close - open - 1);
	*to = arena_copy(h->arena, value);
	h->cut |= !to->p;
}

static void take_field(struct header *h)
{
	struct span line = span_of(h->line, h->line_len), value = line;
	const struct field_row *row = field_find(span_split(&value, ':'));
	uint8_t *base = (uint8_t *)h;

	value = span_trim(value, CHAR_WSP);
	if (h->skipping || !row || !line.n)
		return;
	if (row->kind == FIELD_ADDRESSES)
		parse_addresses(h, (struct header_list *)(void *)(base + row->offset), value);
	else if (row->kind == FIELD_ID)
		put_id(h, (struct span *)(void *)(base + row->offset), value);
	else
		put_text(h, (struct span *)(void *)(base + row->offset), value);
}

/* ---- the stream ---- */

static void field_end(struct header *h)
{
	take_field(h);
	h->line_len = 0;
	h->skipping = false;
}

static void keep(struct header *h, struct span piece)
{
	if (h->skipping || !piece.n)
		return;
	if (!h->line) {
		h->line = arena_get_raw(h->arena, HEADER_MAX_FIELD);
		h->line_cap = h->line ? HEADER_MAX_FIELD : 0;
	}
	if (piece.n > h->line_cap - h->line_len) {
		h->cut = true;
		piece = span_first(piece, h->line_cap - h->line_len);
	}
	if (h->line && piece.n)
		memcpy(h->line + h->line_len, piece.p, piece.n);
	h->line_len += (uint32_t)piece.n;
}

/* A field whose name is complete and not wanted needs no memory. */
static void skip_unwanted(struct header *h)
{
	size_t colon = span_chr(span_of(h->line, h->line_len), ':');

	if (!h->skipping && colon != SPAN_NPOS && !field_find(span_of(h->line, colon))) {
		h->skipping = true;
		h->line_len = 0;
	}
}

/* At a line start: a blank continues the field, anything else ends it, an empty line ends the header. */
static void line_start(struct header *h, uint8_t c)
{
	h->at_line_start = false;
	if (char_is(c, CHAR_WSP))
		return;
	field_end(h);
	if (c == '\n')
		h->done = true;
}

/* The CR of a line end whose LF came in the next piece, or never. */
static void drop_cr(struct header *h)
{
	if (h->line_len && h->line[h->line_len - 1] == '\r')
		h->line_len--;
}

static size_t push_line(struct header *h, struct span bytes)
{
	size_t lf = span_chr(bytes, '\n');
	struct span line = span_first(bytes, lf);

	if (lf == 0)
		drop_cr(h);
	else if (lf != SPAN_NPOS && line.p[line.n - 1] == '\r')
		line.n--;
	keep(h, line);
	skip_unwanted(h);
	if (lf == SPAN_NPOS)
		return bytes.n;
	h->at_line_start = true;
	return lf + 1;
}

void header_push(struct header *h, struct span bytes)
{
	while (bytes.n && !h->done) {
		size_t used = 1;

		if (!h->at_line_start || bytes.p[0] != '\r') { /* a CR there belongs to the empty line */
			if (h->at_line_start)
				line_start(h, bytes.p[0]);
			if (h->done)
				return;
			used = push_line(h, bytes);
		}
		h->taken += (uint32_t)used;
		bytes = span_from(bytes, used);
		if (h->taken > HEADER_MAX_BYTES) {
			h->cut = true;
			header_finish(h);
		}
	}
}

void header_finish(struct header *h)
{
	if (h->done)
		return;
	drop_cr(h);
	field_end(h);
	h->done = true;
}
