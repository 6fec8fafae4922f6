/* leaks.c - see leaks.h. */
#include "leaks.h"

#include <stdio.h>
#include <string.h>

#include "smtpscope/codec.h"

enum { SECRET_MAX = 512, SHORTEST = 3 }; /* shorter pieces stand in any text */

static bool in_hex(struct span out, struct span secret)
{
	char hex[2 * SECRET_MAX];
	long n = hex_encode(secret, hex, sizeof hex);
	bool found = n > 4 && span_find(out, span_of(hex, (size_t)n)) != SPAN_NPOS;

	for (long i = 0; i < n; i++)
		hex[i] = (char)char_upper((uint8_t)hex[i]);
	return found || (n > 4 && span_find(out, span_of(hex, (size_t)n)) != SPAN_NPOS);
}

static bool in_base64(struct span out, struct span secret, size_t shift)
{
	char shifted[SECRET_MAX + 2], encoded[2 * SECRET_MAX];
	size_t first = (shift * 8 + 5) / 6, end = (shift + secret.n) * 8 / 6;

	memset(shifted, 'x', shift);
	memcpy(shifted + shift, secret.p, secret.n);
	return base64_encode(span_of(shifted, shift + secret.n), encoded, sizeof encoded) > 0 && end >= first + SHORTEST + 1 &&
	       span_find(out, span_of(encoded + first, end - first)) != SPAN_NPOS;
}

bool leaks(struct span out, struct span secret)
{
	secret = span_first(secret, SECRET_MAX);
	if (secret.n < SHORTEST || out.n < secret.n) /* no form of it is shorter */
		return false;
	return span_find(out, secret) != SPAN_NPOS || in_hex(out, secret) || in_base64(out, secret, 0) || in_base64(out, secret, 1) ||
	       in_base64(out, secret, 2);
}

bool leaks_part(struct span out, struct span token, size_t run)
{
	for (size_t at = 0; at + run <= token.n; at++)
		if (span_find(out, span_first(span_from(token, at), run)) != SPAN_NPOS)
			return true;
	return false;
}

bool leaks_none(const struct dialog *d, struct span out, const char *where)
{
	for (unsigned i = 0; i < d->secrets; i++)
		if (leaks(out, span_str(d->secret[i]))) {
			printf("%s: the secret %s stands in the output (%s)\n", d->name, d->secret[i], where);
			return false;
		}
	return true;
}
