/*
 * span.h - borrowed bytes.
 *
 * A span never owns what it points to; it lives as long as the bytes do. A span with a NULL pointer is "absent", which is
 * not the same as an empty one ({non-NULL, 0}). No function here allocates or changes the bytes. All of them accept an
 * absent span and treat it as empty unless they say otherwise.
 */
#ifndef SMTPSCOPE_SPAN_H
#define SMTPSCOPE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const uint8_t *p; /* NULL: absent */
	size_t n;
};

#define SPAN_ABSENT ((struct span){NULL, 0})
/* A string literal as a span, without its NUL. */
#define SPAN(lit) ((struct span){(const uint8_t *)("" lit), sizeof(lit) - 1})
/* The same as an initialiser of a static table. */
#define SPAN_INIT(lit) {(const uint8_t *)("" lit), sizeof(lit) - 1}

/* The small ones are inline: there are hundreds of calls for an event, and the length of a literal is known where it stands. */
static inline struct span span_of(const void *p, size_t n)
{
	return p ? (struct span){(const uint8_t *)p, n} : SPAN_ABSENT;
}

/* NULL gives an absent span. */
static inline struct span span_str(const char *s)
{
	return s ? (struct span){(const uint8_t *)s, strlen(s)} : SPAN_ABSENT;
}

/* At most n bytes from the start. */
static inline struct span span_first(struct span s, size_t n)
{
	return (struct span){s.p, n < s.n ? n : s.n};
}

/* What follows off; empty when off is past the end. */
static inline struct span span_from(struct span s, size_t off)
{
	size_t at = off < s.n ? off : s.n;

	return s.p ? (struct span){s.p + at, s.n - at} : s;
}

static inline bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq(span_first(s, prefix.n), prefix);
}

/* ASCII case folding only; bytes >= 80h compare exactly. Independent of the locale. */
bool span_ieq(struct span a, struct span b);
bool span_istarts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);

#define SPAN_NPOS SIZE_MAX
/* Offset of the first occurrence, or SPAN_NPOS. */
static inline size_t span_chr(struct span s, uint8_t c)
{
	const uint8_t *hit = s.n ? (const uint8_t *)memchr(s.p, c, s.n) : NULL;

	return hit ? (size_t)(hit - s.p) : SPAN_NPOS;
}
size_t span_rchr(struct span s, uint8_t c);
size_t span_find(struct span s, struct span needle);
size_t span_ifind(struct span s, struct span needle);

/* Takes off both ends (trim), or the end only (rtrim), what is in the class mask. */
struct span span_trim(struct span s, unsigned class_mask);
struct span span_rtrim(struct span s, unsigned class_mask);
/* Cuts the token before the first sep off *rest and returns it; *rest becomes absent once nothing is left. */
struct span span_split(struct span *rest, uint8_t sep);
/* 1 and *value when s is 1*DIGIT and fits; 0 not digits (or empty); -1 digits that overflow (*value = UINT64_MAX). */
int span_u64(struct span s, uint64_t *value);
/* Every byte of s is in the class (true for an empty span). */
bool span_all(struct span s, unsigned class_mask);
/* Offset of the first byte in / not in the class, or SPAN_NPOS. */
size_t span_find_class(struct span s, unsigned class_mask);
size_t span_find_not_class(struct span s, unsigned class_mask);
/* Copies to dst (cap bytes) as a C string, cut to fit; returns dst. */
char *span_cstr(struct span s, char *dst, size_t cap);
/* Appends s at dst + at, cut to fit cap; at + what was appended. at <= cap. */
size_t span_append(void *dst, size_t at, size_t cap, struct span s);
/* The same with the text that printf makes; it is NUL-terminated, so one octet less than cap is there for it. at < cap. */
__attribute__((format(printf, 4, 5))) size_t span_printf(char *dst, size_t at, size_t cap, const char *format, ...);

/* Character classes of RFC 5321 4.1.2, 4.2 and RFC 4648 4, one bit each. */
enum char_class {
	CHAR_ALPHA = 1 << 0,
	CHAR_DIGIT = 1 << 1,
	CHAR_HEX = 1 << 2,
	CHAR_ATEXT = 1 << 3,    /* RFC 5322 3.2.3 */
	CHAR_WSP = 1 << 4,      /* SP HT */
	CHAR_CONTROL = 1 << 5,  /* 00-1F 7F */
	CHAR_EIGHT_BIT = 1 << 6,
	CHAR_BASE64 = 1 << 7,   /* alphabet without '=' */
	CHAR_PRINT = 1 << 8,    /* 20-7E */
	CHAR_LDH = 1 << 9,      /* letter digit hyphen */
	CHAR_ESMTP_VALUE = 1 << 10, /* %d33-60 / %d62-126 */
	CHAR_QTEXT = 1 << 11,   /* qtextSMTP: %d32-33 / %d35-91 / %d93-126 */
	CHAR_SHELL = 1 << 12,   /* $ % ( ; \ ` | : what a shell or a printf would act on */
};
extern const uint16_t char_classes[256];
static inline bool char_is(uint8_t c, unsigned class_mask)
{
	return (char_classes[c] & class_mask) != 0;
}
static inline uint8_t char_upper(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

/*
 * A reader over untrusted bytes. The first read past the end sets bad, which sticks, and from there on every read gives
 * zero or an absent span: callers read a whole header and look at bad once.
 */
struct cursor {
	const uint8_t *p;
	size_t left;
	bool bad;
};
struct cursor cursor_of(const void *p, size_t n);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_be16(struct cursor *c);
uint32_t cursor_be24(struct cursor *c);
uint32_t cursor_be32(struct cursor *c);
uint16_t cursor_le16(struct cursor *c);
uint32_t cursor_le32(struct cursor *c);
struct span cursor_bytes(struct cursor *c, size_t n);
void cursor_skip(struct cursor *c, size_t n);
struct span cursor_rest(const struct cursor *c);

#endif
