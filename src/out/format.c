/*
 * format.c - numbers, times (RFC 3339) and addresses (RFC 5952) as text.
 *
 * Own code instead of libc's: these run several times for every event, and the result may depend neither on the locale nor
 * on TZ. Left out on purpose: leap seconds (captures carry POSIX time) and years outside 1677-2262 (64 bits of nanoseconds).
 */
#include "format.h"

#include <string.h>

enum { NS = 1000000000 };

size_t format_u64(char *dst, uint64_t v)
{
	static const uint64_t powers[20] = {
		0 /* one digit */, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, UINT64_C(10000000000),
		UINT64_C(100000000000), UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000),
		UINT64_C(1000000000000000), UINT64_C(10000000000000000), UINT64_C(100000000000000000),
		UINT64_C(1000000000000000000), UINT64_C(10000000000000000000),
	};
	unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1), tens = bits * 1233 >> 12; /* log10(2), and never one too many */

	return format_digits(dst, v, tens + (v >= powers[tens]));
}

/* Two digits a division. */
size_t format_digits(char *dst, uint64_t v, unsigned digits)
{
	static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
				    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
	unsigned i = digits;

	for (; i >= 2; i -= 2, v /= 100)
		memcpy(dst + i - 2, pairs + v % 100 * 2, 2);
	if (i)
		dst[0] = (char)('0' + v % 10);
	return digits;
}

int64_t time_seconds(int64_t ns, uint32_t *rest)
{
	int64_t s = ns / NS, r = ns % NS;

	if (r < 0) {
		r += NS;
		s--;
	}
	*rest = (uint32_t)r;
	return s;
}

struct civil {
	unsigned year, month, day;
};

/* Proleptic Gregorian calendar, counted in years that begin on 1 March, so that the leap day is the last of its year. */
static struct civil civil_of_days(int64_t days)
{
	uint32_t z = (uint32_t)(days + 719468); /* since 0000-03-01; days >= -107,000 by the range of int64_t nanoseconds */
	uint32_t era = z / 146097, of_era = z % 146097;
	uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint32_t m = (5 * of_year + 2) / 153;
	struct civil c = {.day = of_year - (153 * m + 2) / 5 + 1, .month = m < 10 ? m + 3 : m - 9};

	c.year = year + era * 400 + (c.month <= 2);
	return c;
}

size_t format_second(char *dst, int64_t seconds, char sep)
{
	int64_t of_day = seconds % 86400, days = seconds / 86400;
	struct civil c;

	if (of_day < 0) {
		of_day += 86400;
		days--;
	}
	c = civil_of_days(days);
	memcpy(dst, "0000-00-00T00:00:00", FORMAT_SECOND_MAX);
	format_digits(dst, c.year, 4);
	format_digits(dst + 5, c.month, 2);
	format_digits(dst + 8, c.day, 2);
	dst[10] = sep;
	format_digits(dst + 11, (uint64_t)of_day / 3600, 2);
	format_digits(dst + 14, (uint64_t)of_day / 60 % 60, 2);
	format_digits(dst + 17, (uint64_t)of_day % 60, 2);
	return FORMAT_SECOND_MAX;
}

size_t format_time(char *dst, int64_t ns, bool nanoseconds)
{
	uint32_t rest;
	size_t n = format_second(dst, time_seconds(ns, &rest), 'T');

	dst[n++] = '.';
	n += nanoseconds ? format_digits(dst + n, rest, 9) : format_digits(dst + n, rest / 1000, 6);
	dst[n++] = 'Z';
	return n;
}

static size_t format_octet(char *dst, uint8_t v)
{
	size_t n = 0;

	if (v >= 100)
		dst[n++] = (char)('0' + v / 100);
	if (v >= 10)
		dst[n++] = (char)('0' + v / 10 % 10);
	dst[n++] = (char)('0' + v % 10);
	return n;
}

static size_t format_ip4(char *dst, const uint8_t *a)
{
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			dst[n++] = '.';
		n += format_octet(dst + n, a[i]);
	}
	return n;
}

static size_t format_hex16(char *dst, unsigned v)
{
	size_t n = 0;

	for (unsigned shift = 16; shift > 0; shift -= 4) {
		unsigned nibble = v >> (shift - 4) & 15;

		if (nibble || n || shift == 4)
			dst[n++] = "0123456789abcdef"[nibble];
	}
	return n;
}

/* RFC 5952 4.2: the longest run of at least two zero groups, the first one of equals. */
static void longest_zeros(const unsigned group[8], unsigned *at, unsigned *len)
{
	unsigned run = 0;

	*at = 8;
	*len = 1;
	for (unsigned i = 0; i < 8; i++) {
		run = group[i] ? 0 : run + 1;
		if (run > *len) {
			*len = run;
			*at = i + 1 - run;
		}
	}
}

static size_t format_ip6(char *dst, const uint8_t *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	unsigned group[8], at, len;
	size_t n = 0;

	if (memcmp(a, mapped, sizeof(mapped)) == 0) { /* RFC 5952 5 */
		memcpy(dst, "::ffff:", 7);
		return 7 + format_ip4(dst + 7, a + 12);
	}
	for (unsigned i = 0; i < 8; i++)
		group[i] = (unsigned)a[2 * i] << 8 | a[2 * i + 1];
	longest_zeros(group, &at, &len);
	for (unsigned i = 0; i < 8; i++) {
		if (i == at) {
			dst[n++] = ':';
			if (i + len == 8)
				dst[n++] = ':';
			i += len - 1;
			continue;
		}
		if (i)
			dst[n++] = ':';
		n += format_hex16(dst + n, group[i]);
	}
	return n;
}

size_t format_ip(char *dst, const struct endpoint *e)
{
	return e->family == 6 ? format_ip6(dst, e->addr) : format_ip4(dst, e->addr);
}
