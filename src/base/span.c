/*
 * span.c - borrowed bytes, the RFC 5321 character classes and the bounds-checked cursor.
 *
 * Invariants: no byte at or past p + n is ever read, and libc's memory functions are never handed a NULL pointer.
 * Left out on purpose: locales, and case folding outside ASCII.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "smtpscope/span.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool span_ieq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] != b.p[i] && char_upper(a.p[i]) != char_upper(b.p[i]))
			return false;
	}
	return true;
}

bool span_istarts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_ieq(span_first(s, prefix.n), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
	return s.n >= suffix.n && span_eq(span_from(s, s.n - suffix.n), suffix);
}

size_t span_rchr(struct span s, uint8_t c)
{
	for (size_t i = s.n; i > 0; i--) {
		if (s.p[i - 1] == c)
			return i - 1;
	}
	return SPAN_NPOS;
}

size_t span_find(struct span s, struct span needle)
{
	const uint8_t *hit;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SPAN_NPOS;
	hit = memmem(s.p, s.n, needle.p, needle.n);
	return hit ? (size_t)(hit - s.p) : SPAN_NPOS;
}

/* Sixteen octets as the compiler's own vector. */
typedef uint8_t octets16 __attribute__((vector_size(16)));

/* Whether one of the sixteen octets at p may be a, with b behind it; both with the bit that tells lower case from upper. */
static inline bool may_hold(const uint8_t *p, uint8_t a, uint8_t b)
{
	octets16 first, second, hit;
	uint64_t half[2];

	memcpy(&first, p, sizeof first);
	memcpy(&second, p + 1, sizeof second);
	hit = (octets16)(((first | 0x20) == a) & ((second | 0x20) == b));
	memcpy(half, &hit, sizeof half);
	return (half[0] | half[1]) != 0;
}

size_t span_ifind(struct span s, struct span needle)
{
	uint8_t first, second;
	size_t i = 0, last;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SPAN_NPOS;
	first = needle.p[0] | 0x20;
	second = needle.n > 1 ? needle.p[1] | 0x20 : 0;
	for (last = s.n - needle.n; i <= last; i++) {
		while (needle.n > 1 && s.n - i > 16 && !may_hold(s.p + i, first, second))
			i += 16;
		if (i <= last && (s.p[i] | 0x20) == first && span_ieq((struct span){s.p + i, needle.n}, needle))
			return i;
	}
	return SPAN_NPOS;
}

struct span span_rtrim(struct span s, unsigned class_mask)
{
	while (s.n > 0 && char_is(s.p[s.n - 1], class_mask))
		s.n--;
	return s;
}

struct span span_trim(struct span s, unsigned class_mask)
{
	size_t start = span_find_not_class(s, class_mask);

	return span_rtrim(span_from(s, start), class_mask);
}

struct span span_split(struct span *rest, uint8_t sep)
{
	struct span token = *rest;
	size_t at = span_chr(token, sep);

	if (at == SPAN_NPOS) {
		*rest = SPAN_ABSENT;
		return token;
	}
	*rest = span_from(token, at + 1);
	return span_first(token, at);
}

int span_u64(struct span s, uint64_t *value)
{
	uint64_t v = 0;

	if (s.n == 0 || !span_all(s, CHAR_DIGIT))
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = s.p[i] - (unsigned)'0';

		if (v > (UINT64_MAX - digit) / 10) {
			*value = UINT64_MAX;
			return -1;
		}
		v = v * 10 + digit;
	}
	*value = v;
	return 1;
}

bool span_all(struct span s, unsigned class_mask)
{
	return span_find_not_class(s, class_mask) == SPAN_NPOS;
}

size_t span_find_class(struct span s, unsigned class_mask)
{
	for (size_t i = 0; i < s.n; i++) {
		if (char_is(s.p[i], class_mask))
			return i;
	}
	return SPAN_NPOS;
}

size_t span_find_not_class(struct span s, unsigned class_mask)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is(s.p[i], class_mask))
			return i;
	}
	return SPAN_NPOS;
}

size_t span_append(void *dst, size_t at, size_t cap, struct span s)
{
	s = span_first(s, cap - at);
	if (s.n)
		memcpy((uint8_t *)dst + at, s.p, s.n);
	return at + s.n;
}

size_t span_printf(char *dst, size_t at, size_t cap, const char *format, ...)
{
	size_t room = cap - at;
	va_list list;
	int n;

	va_start(list, format);
	n = vsnprintf(dst + at, room, format, list);
	va_end(list);
	if (n < 0)
		return at;
	return at + ((size_t)n < room ? (size_t)n : room - 1);
}

char *span_cstr(struct span s, char *dst, size_t cap)
{
	if (cap == 0)
		return dst;
	s = span_first(s, cap - 1);
	if (s.n > 0)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return dst;
}

struct cursor cursor_of(const void *p, size_t n)
{
	return (struct cursor){p, p ? n : 0, false};
}

/* The next n bytes, or NULL and bad for ever. */
static const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *at = c->p;

	if (c->bad || n > c->left) {
		c->bad = true;
		c->left = 0;
		return NULL;
	}
	if (n == 0)
		return at;
	c->p += n;
	c->left -= n;
	return at;
}

uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 1);

	return b ? b[0] : 0;
}

uint16_t cursor_be16(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 2);

	return (uint16_t)(b ? b[0] << 8 | b[1] : 0);
}

uint32_t cursor_be24(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 3);

	return b ? (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2] : 0;
}

uint32_t cursor_be32(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 4);

	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

uint16_t cursor_le16(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 2);

	return (uint16_t)(b ? b[1] << 8 | b[0] : 0);
}

uint32_t cursor_le32(struct cursor *c)
{
	const uint8_t *b = cursor_take(c, 4);

	return b ? (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0] : 0;
}

struct span cursor_bytes(struct cursor *c, size_t n)
{
	const uint8_t *b = cursor_take(c, n);

	return b ? (struct span){b, n} : SPAN_ABSENT;
}

void cursor_skip(struct cursor *c, size_t n)
{
	(void)cursor_take(c, n);
}

struct span cursor_rest(const struct cursor *c)
{
	return c->bad ? SPAN_ABSENT : span_of(c->p, c->left);
}

/* The kinds of octet that differ in at least one class. */
enum {
	CTL = CHAR_CONTROL,
	TAB = CHAR_CONTROL | CHAR_WSP,
	SPC = CHAR_WSP | CHAR_PRINT | CHAR_QTEXT,
	QUO = CHAR_PRINT | CHAR_ESMTP_VALUE, /* the two that qtextSMTP leaves out */
	SPE = QUO | CHAR_QTEXT,              /* RFC 5322 specials and the like: no atext */
	SYM = SPE | CHAR_ATEXT,
	EQU = CHAR_PRINT | CHAR_QTEXT | CHAR_ATEXT, /* '=' parts an ESMTP keyword from its value */
	B64 = SYM | CHAR_BASE64,
	HYP = SYM | CHAR_LDH,
	LET = SYM | CHAR_BASE64 | CHAR_LDH | CHAR_ALPHA,
	HEX = LET | CHAR_HEX,
	DIG = SYM | CHAR_BASE64 | CHAR_LDH | CHAR_HEX | CHAR_DIGIT,
	EIG = CHAR_EIGHT_BIT,
	SHA = SYM | CHAR_SHELL, SHP = SPE | CHAR_SHELL, SHQ = QUO | CHAR_SHELL,
};

const uint16_t char_classes[256] = {
	CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, TAB, CTL, CTL, CTL, CTL, CTL, CTL, /* 00 */
	CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, CTL, /* 10 */
	SPC, SYM, QUO, SYM, SHA, SHA, SYM, SYM, SHP, SPE, SYM, B64, SPE, HYP, SPE, B64, /* 20 */
	DIG, DIG, DIG, DIG, DIG, DIG, DIG, DIG, DIG, DIG, SPE, SHP, SPE, EQU, SPE, SYM, /* 30 */
	SPE, HEX, HEX, HEX, HEX, HEX, HEX, LET, LET, LET, LET, LET, LET, LET, LET, LET, /* 40 */
	LET, LET, LET, LET, LET, LET, LET, LET, LET, LET, LET, SPE, SHQ, SPE, SYM, SYM, /* 50 */
	SHA, HEX, HEX, HEX, HEX, HEX, HEX, LET, LET, LET, LET, LET, LET, LET, LET, LET, /* 60 */
	LET, LET, LET, LET, LET, LET, LET, LET, LET, LET, LET, SYM, SHA, SYM, SYM, CTL, /* 70 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* 80 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* 90 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* A0 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* B0 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* C0 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* D0 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* E0 */
	EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, EIG, /* F0 */
};
