/*
 * json_value.c - strings, lists, numbers and addresses as JSON (RFC 8259), into a bounded buffer.
 *
 * Strings are arbitrary bytes. Well-formed UTF-8 stays as it is, but for what could act on a terminal or log viewer, which
 * becomes a \uXXXX escape; every other byte becomes the text \xNN, so that the line is valid UTF-8 and the byte can still be read.
 */
#include "json_value.h"

#include <string.h>

#include "format.h"
#include "smtpscope/codec.h"
#include "unicode.h"

void json_put_u64(struct json_out *o, uint64_t v)
{
	json_take(o, format_u64(o->p + o->n, v));
}

static bool plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t zero_bytes(uint64_t v)
{
	return (v - EACH(1)) & ~v & EACH(0x80);
}

/* Whether all eight bytes are plain(): most of what mail says is, and eight at a time is what makes writing it cheap. */
static inline bool plain8(uint64_t v)
{
	return !(((v - EACH(0x20)) & EACH(0x80)) | (v & EACH(0x80)) | zero_bytes(v ^ EACH(0x7f)) | zero_bytes(v ^ EACH('"')) |
		 zero_bytes(v ^ EACH('\\')));
}

static inline uint64_t load8(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The 1 to 7 bytes at p, and spaces behind them. */
static inline uint64_t load_short(const uint8_t *p, size_t n)
{
	uint64_t v = EACH(' ');

	if (n >= 4) {
		memcpy(&v, p, 4);
		memcpy((char *)&v + n - 4, p + n - 4, 4);
	} else {
		((uint8_t *)&v)[0] = p[0];
		((uint8_t *)&v)[n / 2] = p[n / 2];
		((uint8_t *)&v)[n - 1] = p[n - 1];
	}
	return v;
}

/* Sixteen octets as the compiler's own vector: one instruction for all of them on every machine that has one. */
typedef int8_t octets16 __attribute__((vector_size(16)));

/* The same for sixteen. As signed numbers those above 7F are below 20h too. */
static inline bool plain16(const void *p)
{
	octets16 v, odd;
	uint64_t half[2];

	memcpy(&v, p, sizeof(v));
	odd = (v < 0x20) | (v == 0x7f) | (v == '"') | (v == '\\');
	memcpy(half, &odd, sizeof(half));
	return (half[0] | half[1]) == 0;
}

/* Copies s as long as it is plain, in pieces; returns how many bytes. to has room for s and JSON_SLACK. */
static inline size_t put_plain(char *to, struct span s)
{
	size_t i = 0;
	uint64_t v[2];

	for (; s.n - i >= 16; i += 16) {
		if (!plain16(s.p + i))
			return i;
		memcpy(to + i, s.p + i, 16);
	}
	if (i == s.n)
		return i;
	if (i > 0) { /* the last sixteen, of which some are written a second time */
		if (!plain16(s.p + s.n - 16))
			return i;
		memcpy(to + s.n - 16, s.p + s.n - 16, 16);
		return s.n;
	}
	if (s.n >= 8) { /* the same with two halves */
		v[0] = load8(s.p);
		v[1] = load8(s.p + s.n - 8);
		if (!plain16(v))
			return 0;
		memcpy(to, &v[0], 8);
		memcpy(to + s.n - 8, &v[1], 8);
		return s.n;
	}
	v[0] = load_short(s.p, s.n);
	if (!plain8(v[0]))
		return 0;
	memcpy(to, v, 8);
	return s.n;
}

enum { ESCAPED_MAX = 6 };

static size_t escape_u(char *dst, uint32_t v)
{
	memcpy(dst, "\\u", 2);
	for (unsigned i = 0; i < 4; i++)
		dst[2 + i] = "0123456789abcdef"[v >> (12 - 4 * i) & 15];
	return 6;
}

static size_t escape_ascii(char *dst, uint8_t c)
{
	static const char letters[128] = {
		['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
	};

	if (!letters[c])
		return escape_u(dst, c);
	dst[0] = '\\';
	dst[1] = letters[c];
	return 2;
}

static size_t escape_raw_byte(char *dst, uint8_t c)
{
	memcpy(dst, "\\\\x", 3);
	dst[3] = "0123456789abcdef"[c >> 4];
	dst[4] = "0123456789abcdef"[c & 15];
	return 5;
}

/* Escapes the character that s (not empty) starts with; *taken is its length in bytes. */
static size_t escape_one(char dst[ESCAPED_MAX], struct span s, size_t *taken)
{
	uint32_t v;

	*taken = 1;
	if (s.p[0] < 0x80)
		return escape_ascii(dst, s.p[0]);
	*taken = utf8_next(s, &v);
	if (*taken == 0) {
		*taken = 1;
		return escape_raw_byte(dst, s.p[0]);
	}
	if (unicode_is_control(v))
		return escape_u(dst, v);
	memcpy(dst, s.p, *taken);
	return *taken;
}

/* put_string()'s slow half: s from its first character on that may not be plain. */
static bool put_escaped(struct json_out *o, struct span s, size_t share)
{
	size_t room = o->cap - o->n, left = share < room ? share : room, i = 0;
	char *to = o->p + o->n;

	while (i < s.n) {
		char escaped[ESCAPED_MAX];
		size_t n, taken;

		if (s.n - i >= 8 && left >= 8 && plain8(load8(s.p + i))) {
			memcpy(to, s.p + i, 8);
			n = taken = 8;
		} else if (plain(s.p[i]) && left) {
			*to = (char)s.p[i];
			n = taken = 1;
		} else {
			n = escape_one(escaped, span_from(s, i), &taken);
			if (n > left)
				break;
			memcpy(to, escaped, n);
		}
		to += n;
		left -= n;
		i += taken;
	}
	o->n = (size_t)(to - o->p);
	o->full |= i < s.n && room < share;
	return i == s.n;
}

/* Writes s without quotes, as far as share and the buffer allow; false when that was not all. */
static bool put_text(struct json_out *o, struct span s, size_t share)
{
	size_t done;

	if (s.n > share || s.n > o->cap - o->n)
		return put_escaped(o, s, share);
	done = put_plain(o->p + o->n, s);
	o->n += done;
	return done == s.n || put_escaped(o, span_from(s, done), share - done);
}

void json_put_string(struct json_out *o, struct span s, size_t share)
{
	char *to = o->p + o->n;

	if (s.n <= share && s.n + 2 <= o->cap - o->n && put_plain(to + 1, s) == s.n) { /* what nearly all are */
		to[0] = to[s.n + 1] = '"';
		o->n += s.n + 2;
		return;
	}
	json_put_char(o, '"');
	put_text(o, s, share);
	json_put_char(o, '"');
}

/* One element with the comma in front of it; false, and nothing written, when share does not allow all of it. */
static bool put_element(struct json_out *o, struct span s, bool first, size_t share)
{
	size_t start = o->n, around = first ? 2 : 3;
	bool whole;

	if (share < around)
		return false;
	if (!first)
		json_put_char(o, ',');
	json_put_char(o, '"');
	whole = put_text(o, s, share == JSON_UNCUT ? share : share - around) || first;
	json_put_char(o, '"');
	if (!whole)
		o->n = start;
	return whole;
}

/* All of list, as long as its elements are plain and short enough; returns how many. */
static uint32_t put_plain_elements(struct json_out *o, const struct event_list *list)
{
	uint32_t i = 0;

	for (; i < list->n; i++) {
		struct span s = list->v[i];
		char *to = o->p + o->n;

		if (s.n + 3 > o->cap - o->n || put_plain(to + 2, s) != s.n)
			break;
		to[0] = ',';
		to[1] = to[2 + s.n] = '"';
		o->n += s.n + 3;
	}
	return i;
}

void json_put_strings(struct json_out *o, const struct event_list *list, size_t share)
{
	uint32_t done = 0;
	size_t start;

	json_put_char(o, '[');
	start = o->n;
	if (share == JSON_UNCUT && (done = put_plain_elements(o, list)) > 0)
		memmove(o->p + start, o->p + start + 1, --o->n - start); /* the first has no comma */
	for (uint32_t i = done; i < list->n && !o->full; i++) {
		if (!put_element(o, list->v[i], i == 0, share == JSON_UNCUT ? share : share - (o->n - start)))
			break;
	}
	json_put_char(o, ']');
}

void json_put_codes(struct json_out *o, const struct event_codes *codes, size_t share)
{
	enum { ELEMENT_MAX = 6 }; /* ",65535" */
	size_t start;

	json_put_char(o, '[');
	start = o->n;
	for (uint32_t i = 0; i < codes->n && !o->full && share - (o->n - start) >= ELEMENT_MAX; i++) {
		if (i)
			json_put_char(o, ',');
		json_put_u64(o, codes->v[i]);
	}
	json_put_char(o, ']');
}

void json_put_ip(struct json_out *o, const struct endpoint *e)
{
	char *text = o->p + o->n;
	size_t n = 1;

	text[0] = '"';
	n += format_ip(text + n, e);
	text[n++] = '"';
	json_take(o, n);
}
