/*
 * format.h - numbers, times and addresses as text. Private to out/.
 *
 * Every function writes to dst without a NUL and returns the number of characters.
 */
#ifndef SMTPSCOPE_OUT_FORMAT_H
#define SMTPSCOPE_OUT_FORMAT_H

#include "smtpscope/chunk.h"
#include "smtpscope/span.h"

enum {
	FORMAT_U64_MAX = 20,
	FORMAT_SECOND_MAX = 19, /* "2026-01-02T03:04:05" */
	FORMAT_TIME_MAX = 30,   /* "2026-01-02T03:04:05.678901234Z" */
	FORMAT_IP_MAX = 39,
};

size_t format_u64(char *dst, uint64_t v);
/* The low `digits` decimal digits of v, with leading zeros. */
size_t format_digits(char *dst, uint64_t v, unsigned digits);

/* Seconds since 1970, rounded down also before it, and the nanoseconds that remain. */
int64_t time_seconds(int64_t ns, uint32_t *rest);
/* RFC 3339, UTC, without fraction and zone; sep stands between date and time. Any int64_t of nanoseconds gives a four-digit year. */
size_t format_second(char *dst, int64_t seconds, char sep);
/* RFC 3339 with 6 or 9 digits of fraction and "Z". */
size_t format_time(char *dst, int64_t ns, bool nanoseconds);

/* Dotted quad, or RFC 5952. */
size_t format_ip(char *dst, const struct endpoint *e);

#endif
