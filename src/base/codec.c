/*
 * codec.c - Base64 (RFC 4648 4), quoted-printable and Q (RFC 2045 6.7, RFC 2047 4.2), xtext (RFC 3461 4), hex, UTF-8
 * (RFC 3629) and the few character sets that mail headers really use.
 *
 * Invariants: no allocation; the return value is the number of bytes written; -1 leaves dst with unspecified content,
 * but nothing is written past cap. Left out on purpose: lenient Base64 (RFC 4954 4 wants the strict kind, and a server
 * that is lenient is worth a finding), and multi-byte character sets other than UTF-8.
 */
#include "smtpscope/codec.h"

#include <limits.h>
#include <string.h>

/* An output that fills up: full sticks, so that encoders check once, at the end. */
struct out {
	uint8_t *p;
	size_t n;
	size_t cap;
	bool full;
};

static void out_byte(struct out *o, unsigned byte)
{
	if (o->n == o->cap) {
		o->full = true;
		return;
	}
	o->p[o->n++] = (uint8_t)byte;
}

static long out_done(const struct out *o)
{
	return o->full || o->n > LONG_MAX ? -1 : (long)o->n;
}

/* The six bits of a character of the Base64 alphabet. */
static unsigned base64_bits(uint8_t c)
{
	if (char_is(c, CHAR_DIGIT))
		return c - (unsigned)'0' + 52;
	if (c == '+' || c == '/')
		return c == '+' ? 62 : 63;
	return c >= 'a' ? c - (unsigned)'a' + 26 : c - (unsigned)'A';
}

/* The input without its padding; false when it is not Base64. */
static bool base64_body(struct span in, struct span *body)
{
	size_t pad = 0;

	if (in.n % 4 != 0)
		return false;
	while (pad < 2 && pad < in.n && in.p[in.n - 1 - pad] == '=')
		pad++;
	*body = span_first(in, in.n - pad);
	return span_all(*body, CHAR_BASE64);
}

struct span base64_unpadded(struct span in)
{
	while (in.n > 0 && in.p[in.n - 1] == '=')
		in.n--;
	return in;
}

bool base64_valid(struct span in)
{
	struct span body;

	return base64_body(in, &body);
}

long base64_decode(struct span in, uint8_t *dst, size_t cap)
{
	struct span body;
	uint32_t bits = 0;
	size_t n = 0;

	if (!base64_body(in, &body) || body.n / 4 * 3 + body.n % 4 * 3 / 4 > cap || body.n > LONG_MAX)
		return -1;
	for (size_t i = 0; i < body.n; i++) {
		bits = bits << 6 | base64_bits(body.p[i]);
		if (i % 4 != 0)
			dst[n++] = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	return (long)n;
}

long base64_encode(struct span in, char *dst, size_t cap)
{
	static const char alphabet[64] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};
	size_t n = 0;

	if (in.n > (size_t)LONG_MAX / 2 || (in.n + 2) / 3 * 4 > cap)
		return -1;
	for (size_t i = 0; i < in.n; i += 3) {
		uint32_t left = (uint32_t)(in.n - i < 3 ? in.n - i : 3);
		uint32_t bits = (uint32_t)in.p[i] << 16;

		bits |= left > 1 ? (uint32_t)in.p[i + 1] << 8 : 0;
		bits |= left > 2 ? in.p[i + 2] : 0;
		dst[n++] = alphabet[bits >> 18];
		dst[n++] = alphabet[bits >> 12 & 63];
		dst[n++] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
		dst[n++] = left > 2 ? alphabet[bits & 63] : '=';
	}
	return (long)n;
}

static unsigned hex_value(uint8_t c)
{
	return char_is(c, CHAR_DIGIT) ? c - (unsigned)'0' : char_upper(c) - (unsigned)'A' + 10;
}

/* s starts with two hex digits. */
static bool hex_pair(struct span s)
{
	return s.n >= 2 && span_all(span_first(s, 2), CHAR_HEX);
}

/* Length of the soft line break ("=" is already read) that s starts with: transport padding and the end of the line. */
static size_t soft_break(struct span s)
{
	size_t at = span_find_not_class(s, CHAR_WSP);

	if (at == SPAN_NPOS)
		return 0;
	if (s.p[at] == '\n')
		return at + 1;
	return s.p[at] == '\r' && s.n - at >= 2 && s.p[at + 1] == '\n' ? at + 2 : 0;
}

long quoted_printable_decode(struct span in, bool q_encoding, uint8_t *dst, size_t cap)
{
	struct out o = {dst, 0, cap, false};

	for (size_t i = 0; i < in.n; i++) {
		struct span after = span_from(in, i + 1);
		size_t skip = 0;

		if (in.p[i] == '=' && hex_pair(after)) {
			out_byte(&o, hex_value(after.p[0]) << 4 | hex_value(after.p[1]));
			i += 2;
			continue;
		}
		if (in.p[i] == '=' && !q_encoding)
			skip = soft_break(after);
		if (skip == 0)
			out_byte(&o, q_encoding && in.p[i] == '_' ? ' ' : in.p[i]);
		i += skip;
	}
	return out_done(&o);
}

/*
 *   xtext    = *( xchar / hexchar )
 *   xchar    = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except for "+" and "="
 *   hexchar  = ASCII "+" immediately followed by two upper case hexadecimal digits
 */
long xtext_decode(struct span in, uint8_t *dst, size_t cap)
{
	struct out o = {dst, 0, cap, false};

	for (size_t i = 0; i < in.n; i++) {
		struct span after = span_from(in, i + 1);

		if (in.p[i] != '+') {
			if (!char_is(in.p[i], CHAR_ESMTP_VALUE))
				return -1;
			out_byte(&o, in.p[i]);
			continue;
		}
		if (!hex_pair(after) || after.p[0] >= 'a' || after.p[1] >= 'a')
			return -1;
		out_byte(&o, hex_value(after.p[0]) << 4 | hex_value(after.p[1]));
		i += 2;
	}
	return out_done(&o);
}

long hex_encode(struct span in, char *dst, size_t cap)
{
	static const char digits[16] = {"0123456789abcdef"};

	if (in.n > cap / 2 || in.n > (size_t)LONG_MAX / 2)
		return -1;
	for (size_t i = 0; i < in.n; i++) {
		dst[2 * i] = digits[in.p[i] >> 4];
		dst[2 * i + 1] = digits[in.p[i] & 15];
	}
	return (long)(2 * in.n);
}

/* The length that a lead byte announces; 0 for a byte that cannot lead (80-C1 and F5-FF). */
static size_t utf8_length(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead < 0xC2 || lead > 0xF4)
		return 0;
	return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/*
 *   UTF8-2 = %xC2-DF UTF8-tail
 *   UTF8-3 = %xE0 %xA0-BF UTF8-tail / %xE1-EC 2( UTF8-tail ) / %xED %x80-9F UTF8-tail / %xEE-EF 2( UTF8-tail )
 *   UTF8-4 = %xF0 %x90-BF 2( UTF8-tail ) / %xF1-F3 3( UTF8-tail ) / %xF4 %x80-8F 2( UTF8-tail )
 */
size_t utf8_next(struct span s, uint32_t *code_point)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s.n ? utf8_length(s.p[0]) : 0;
	uint32_t v;

	if (n == 0 || n > s.n)
		return 0;
	v = n == 1 ? s.p[0] : s.p[0] & (0x7Fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xC0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i] & 0x3Fu);
	}
	if (v < least[n] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
		return 0;
	*code_point = v;
	return n;
}

bool utf8_valid(struct span s)
{
	uint32_t v;

	while (s.n > 0) {
		size_t n = utf8_next(s, &v);

		if (n == 0)
			return false;
		s = span_from(s, n);
	}
	return true;
}

struct span utf8_cut(struct span s, size_t n)
{
	struct span cut = span_first(s, n);
	size_t back = 0;
	uint32_t v;

	if (cut.n == s.n)
		return s;
	while (back < 3 && back < cut.n && (s.p[cut.n - back] & 0xC0) == 0x80)
		back++;
	/* Only a whole, well-formed sequence that the cut goes through is left out; stray bytes are not. */
	if (back > 0 && utf8_next(span_from(s, cut.n - back), &v) > back)
		cut.n -= back;
	return cut;
}

static void out_utf8(struct out *o, uint32_t v)
{
	uint8_t bytes[4];
	size_t n = 0;

	if (v < 0x80) {
		bytes[n++] = (uint8_t)v;
	} else if (v < 0x800) {
		bytes[n++] = (uint8_t)(0xC0 | v >> 6);
		bytes[n++] = (uint8_t)(0x80 | (v & 0x3F));
	} else if (v < 0x10000) {
		bytes[n++] = (uint8_t)(0xE0 | v >> 12);
		bytes[n++] = (uint8_t)(0x80 | (v >> 6 & 0x3F));
		bytes[n++] = (uint8_t)(0x80 | (v & 0x3F));
	} else {
		bytes[n++] = (uint8_t)(0xF0 | v >> 18);
		bytes[n++] = (uint8_t)(0x80 | (v >> 12 & 0x3F));
		bytes[n++] = (uint8_t)(0x80 | (v >> 6 & 0x3F));
		bytes[n++] = (uint8_t)(0x80 | (v & 0x3F));
	}
	for (size_t i = 0; i < n; i++)
		out_byte(o, bytes[i]);
}

#define REPLACEMENT 0xFFFDu /* U+FFFD: stands for what the character set does not define */

static uint32_t from_ascii(uint8_t c)
{
	return c < 0x80 ? c : REPLACEMENT;
}

static uint32_t from_latin1(uint8_t c)
{
	return c;
}

/* ISO 8859-15 is Latin-1 but for eight places. */
static uint32_t from_latin9(uint8_t c)
{
	static const struct {
		uint8_t c;
		uint16_t v;
	} differ[] = {{0xA4, 0x20AC}, {0xA6, 0x0160}, {0xA8, 0x0161}, {0xB4, 0x017D},
		      {0xB8, 0x017E}, {0xBC, 0x0152}, {0xBD, 0x0153}, {0xBE, 0x0178}};

	for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++) {
		if (differ[i].c == c)
			return differ[i].v;
	}
	return c;
}

static uint32_t from_windows1252(uint8_t c)
{
	static const uint16_t high[32] = {
		0x20AC, REPLACEMENT, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,           /* 80 */
		0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, REPLACEMENT, 0x017D, REPLACEMENT,      /* 88 */
		REPLACEMENT, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,           /* 90 */
		0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, REPLACEMENT, 0x017E, 0x0178,           /* 98 */
	};

	return c >= 0x80 && c < 0xA0 ? high[c - 0x80] : c;
}

static void out_repaired_utf8(struct out *o, struct span in)
{
	uint32_t v;

	while (in.n > 0) {
		size_t n = utf8_next(in, &v);

		out_utf8(o, n ? v : REPLACEMENT);
		in = span_from(in, n ? n : 1);
	}
}

/* One-byte sets by their preferred MIME names and the aliases that mail carries; a NULL map is UTF-8 itself. */
static const struct charset {
	const char *name;
	uint32_t (*map)(uint8_t c);
} charsets[] = {
	{"utf-8", NULL},
	{"utf8", NULL},
	{"us-ascii", from_ascii},
	{"ascii", from_ascii},
	{"iso-8859-1", from_latin1},
	{"latin1", from_latin1},
	{"iso-8859-15", from_latin9},
	{"windows-1252", from_windows1252},
	{"cp1252", from_windows1252},
};

static const struct charset *charset_find(struct span name)
{
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++) {
		if (span_ieq(span_str(charsets[i].name), name))
			return &charsets[i];
	}
	return NULL;
}

long charset_to_utf8(struct span charset, struct span in, uint8_t *dst, size_t cap)
{
	const struct charset *set = charset_find(charset);
	struct out o = {dst, 0, cap, false};

	if (!set)
		return -1;
	if (!set->map)
		out_repaired_utf8(&o, in);
	for (size_t i = 0; set->map && i < in.n; i++)
		out_utf8(&o, set->map(in.p[i]));
	return out_done(&o);
}

/* RFC 2781 2.2. */
long utf16le_to_utf8(struct span in, uint8_t *dst, size_t cap)
{
	struct out o = {dst, 0, cap, false};
	struct cursor c = cursor_of(in.p, in.n);

	while (c.left >= 2) {
		uint32_t v = cursor_le16(&c), low = c.left >= 2 ? c.p[0] | (uint32_t)c.p[1] << 8 : 0;

		if (v >= 0xD800 && v < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
			cursor_skip(&c, 2);
			v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
		} else if (v >= 0xD800 && v < 0xE000) {
			v = REPLACEMENT;
		}
		out_utf8(&o, v);
	}
	if (c.left)
		out_utf8(&o, REPLACEMENT);
	return out_done(&o);
}
