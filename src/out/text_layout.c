/*
 * text_layout.c - from bytes that anybody may have sent to lines that fit a terminal.
 *
 * Invariants: text_put_safe() is the only way for bytes of the wire into a transcript, and lets no control byte, no invisible
 * and no malformed character through; colour is added around safe text, never inside a character. Line breaks are taken at
 * spaces and between characters of scripts that have none, and inside a word only when it is wider than the line.
 */
#include "text_layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtpscope/codec.h"
#include "unicode.h"

enum {
	BODY_LEAST = 16, /* columns for the body, however narrow the terminal */
	FIRST_CAP = 1024,
};

static const char *const tint_codes[] = {
	[TINT_NONE] = "",       [TINT_OK] = "\033[32m",  [TINT_WARN] = "\033[33m",
	[TINT_BAD] = "\033[31m", [TINT_BOLD] = "\033[1m", [TINT_DIM] = "\033[2m",
};

void text_buf_free(struct text_buf *b)
{
	free(b->p);
	*b = (struct text_buf){0};
}

struct span text_buf_span(const struct text_buf *b)
{
	return b->p ? span_of(b->p, b->n) : SPAN("");
}

static bool reserve(struct text_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *p;

	while (cap - b->n < n)
		cap *= 2;
	if (cap == b->cap)
		return true;
	p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void text_put(struct text_buf *b, struct span s)
{
	if (s.n == 0 || !reserve(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void text_puts(struct text_buf *b, const char *s)
{
	text_put(b, span_str(s));
}

void text_putf(struct text_buf *b, const char *format, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0)
		text_put(b, span_of(text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1));
}

void text_insert(struct text_buf *b, size_t at, struct span s)
{
	if (s.n == 0 || at > b->n || !reserve(b, s.n))
		return;
	memmove(b->p + at + s.n, b->p + at, b->n - at);
	memcpy(b->p + at, s.p, s.n);
	b->n += s.n;
}

static bool is_print(uint8_t c)
{
	return c >= 0x20 && c < 0x7f;
}

/* Appends the character s starts with; returns its length in bytes. */
static size_t put_safe_one(struct text_buf *b, struct span s)
{
	uint32_t v = 0;
	size_t n = utf8_next(s, &v);

	if (n && unicode_columns(v) >= 0) {
		text_put(b, span_first(s, n));
		return n;
	}
	n = n ? n : 1;
	for (size_t i = 0; i < n; i++)
		text_putf(b, "\\x%02x", s.p[i]);
	return n;
}

void text_put_safe(struct text_buf *b, struct span s, size_t limit)
{
	struct span shown = limit && s.n > limit ? utf8_cut(s, limit) : s;

	for (size_t i = 0, run; i < shown.n; i += run) {
		for (run = 0; i + run < shown.n && is_print(shown.p[i + run]);)
			run++;
		if (run)
			text_put(b, span_of(shown.p + i, run));
		else
			run = put_safe_one(b, span_from(shown, i));
	}
	if (shown.n < s.n)
		text_putf(b, "... [%zu octets]", s.n);
}

static unsigned columns_at(struct span safe, size_t *bytes)
{
	uint32_t v = 0;
	int columns;

	*bytes = utf8_next(safe, &v);
	if (*bytes == 0) {
		*bytes = 1;
		return 1;
	}
	columns = unicode_columns(v);
	return columns < 0 ? 1 : (unsigned)columns;
}

size_t text_columns(struct span safe)
{
	size_t columns = 0;

	for (size_t i = 0, bytes; i < safe.n; i += bytes)
		columns += columns_at(span_from(safe, i), &bytes);
	return columns;
}

/* The longest prefix of s that takes at most room columns; at least one character. */
static size_t prefix_of_columns(struct span s, size_t room)
{
	size_t i = 0, columns = 0;

	while (i < s.n) {
		size_t bytes;
		unsigned wide = columns_at(span_from(s, i), &bytes);

		if (columns + wide > room && i)
			break;
		columns += wide;
		i += bytes;
	}
	return i;
}

/* Characters of Japanese and Chinese that may not begin, and that may not end a line (JIS X 4051, the usual ones). */
static const char never_first[] = "、。，．・：；？！）］｝」』】〕〉》ーぁぃぅぇぉっゃゅょ"
				  "ァィゥェォッャュョ々〜…,.):;!?]}%";
static const char never_last[] = "（［｛「『【〔〈《([{";

static bool one_of(const char *set, uint32_t v)
{
	struct span s = span_str(set);
	uint32_t member;

	for (size_t n; (n = utf8_next(s, &member)) > 0; s = span_from(s, n))
		if (member == v)
			return true;
	return false;
}

/* Between two characters: before a space, or beside a wide one, which needs none. */
static bool may_break(uint32_t before, uint32_t v)
{
	if (v == ' ' || before == ' ')
		return v == ' ' && before != ' ';
	if (unicode_columns(before) != 2 && unicode_columns(v) != 2)
		return false;
	return !one_of(never_first, v) && !one_of(never_last, before);
}

size_t text_line_break(struct span s, size_t room)
{
	size_t n = prefix_of_columns(s, room), best = 0, bytes;
	uint32_t before = ' ', v = 0;

	if (n == s.n || s.p[n] == ' ')
		return n;
	for (size_t i = 0; i <= n; i += bytes, before = v) {
		bytes = utf8_next(span_from(s, i), &v);
		v = bytes ? v : 0;
		bytes = bytes ? bytes : 1;
		if (i && may_break(before, v))
			best = i;
	}
	return best ? best : n;
}

void text_put_tinted(struct text_buf *out, const struct text_layout *l, struct span s, enum tint tint)
{
	bool tinted = l->colour && tint != TINT_NONE && s.n;

	if (tinted)
		text_puts(out, tint_codes[tint]);
	text_put(out, s);
	if (tinted)
		text_puts(out, "\033[0m");
}

void text_put_spaces(struct text_buf *out, size_t n)
{
	for (; n > 0; n--)
		text_puts(out, " ");
}

static void put_lead(struct text_buf *out, const struct text_layout *l, const struct text_para *para)
{
	text_put_tinted(out, l, para->lead, TINT_DIM);
	text_put_tinted(out, l, para->mark, para->mark_tint);
}

/* body[at, at + n), of which the part below para->tinted is tinted. */
static void put_body(struct text_buf *out, const struct text_layout *l, const struct text_para *para, size_t at, size_t n)
{
	size_t tinted = para->tinted > at ? para->tinted - at : 0;
	struct span part = span_first(span_from(para->body, at), n);

	if (tinted > n)
		tinted = n;
	text_put_tinted(out, l, span_first(part, tinted), para->tint);
	text_put(out, span_from(part, tinted));
}

static size_t room_beside(const struct text_layout *l, size_t columns)
{
	if (l->width == 0)
		return SIZE_MAX;
	return l->width > columns + BODY_LEAST ? l->width - columns : BODY_LEAST;
}

void text_lay(struct text_buf *out, const struct text_layout *layout, const struct text_para *para)
{
	size_t lead = para->lead.n + para->mark.n, indent = para->hang + (para->flush_left ? 0 : lead);
	size_t at = 0, room = room_beside(layout, lead);

	put_lead(out, layout, para);
	for (;;) {
		size_t n = text_line_break(span_from(para->body, at), room);

		put_body(out, layout, para, at, n);
		text_puts(out, "\n");
		for (at += n; at < para->body.n && para->body.p[at] == ' ';)
			at++;
		if (at >= para->body.n)
			return;
		text_put_spaces(out, indent);
		room = room_beside(layout, indent);
	}
}

void text_lay_cut(struct text_buf *out, const struct text_layout *layout, const struct text_para *para)
{
	size_t room = room_beside(layout, para->lead.n + para->mark.n);
	size_t n = prefix_of_columns(para->body, room);

	put_lead(out, layout, para);
	if (n < para->body.n) {
		n = prefix_of_columns(para->body, room - 3);
		put_body(out, layout, para, 0, n);
		text_puts(out, "...");
	} else {
		put_body(out, layout, para, 0, n);
	}
	text_puts(out, "\n");
}
