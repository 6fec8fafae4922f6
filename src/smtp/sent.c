/*
 * sent.c - marks of credentials. See sent.h.
 *
 * A mark is the sum of octets by powers of a factor, so that one step moves it on by an octet: each text is gone through once for each.
 */
#include "sent.h"

#include "smtpscope/codec.h"

static const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15); /* odd; nothing else is asked of it */

static uint64_t sum_of(struct span s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s.n; i++)
		sum = sum * factor + s.p[i];
	return sum;
}

static uint64_t power(uint32_t n)
{
	uint64_t p = 1;

	while (n-- > 0)
		p *= factor;
	return p;
}

static void keep(struct sent_marks *m, struct span part)
{
	uint32_t at = m->count % SENT_MARKS;

	part = base64_unpadded(part);
	if (part.n < SENT_SHORTEST)
		return;
	m->length[at] = (uint8_t)part.n;
	m->sum[at] = sum_of(part);
	m->count++;
}

void sent_keep(struct sent_marks *m, const struct auth_sent *sent)
{
	uint32_t n = sent ? sent->count : 0;

	for (uint32_t i = 0; i < n && i < AUTH_SENT_PARTS; i++)
		keep(m, span_of(sent->part[i], sent->length[i]));
}

static bool stands(struct span text, uint32_t n, uint64_t wanted)
{
	uint64_t highest = power(n - 1), sum;

	if (text.n < n)
		return false;
	sum = sum_of(span_first(text, n));
	for (size_t next = n; sum != wanted && next < text.n; next++)
		sum = (sum - text.p[next - n] * highest) * factor + text.p[next];
	return sum == wanted;
}

bool sent_stands_in(const struct sent_marks *m, struct span text)
{
	for (uint32_t i = 0; i < m->count && i < SENT_MARKS; i++)
		if (stands(text, m->length[i], m->sum[i]))
			return true;
	return false;
}
