/*
 * heard.c - greetings and EHLO replies, kept once. See heard.h and said.h.
 */
#include "said.h"

#include <string.h>

enum { PLACES = 256 /* servers beyond that share less; a site has far fewer in front of one sensor */ };

struct heard {
	struct pool *pool;
	struct said *place[PLACES];
};

struct heard *heard_new(struct pool *pool)
{
	struct heard *h = pool_get(pool, sizeof *h);

	if (h)
		h->pool = pool;
	return h;
}

void heard_free(struct heard **heard)
{
	struct heard *h = *heard;

	*heard = NULL;
	if (!h)
		return;
	for (unsigned i = 0; i < PLACES; i++)
		said_drop(h->pool, &h->place[i]);
	pool_put(h->pool, h, sizeof *h);
}

/* The product carries a difference upwards only, the shift brings it down again: two steps and it is in the lowest bits. */
static uint64_t mixed(uint64_t hash, uint64_t with)
{
	hash = (hash ^ with) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio: odd, its bits spread evenly */
	return hash ^ hash >> 32;
}

/* Eight octets at a time. Who makes texts collide gains nothing but memory of his own sessions. */
static uint32_t hash_of(const struct span *lines, uint32_t count)
{
	uint64_t hash = count;

	for (uint32_t i = 0; i < count; i++) {
		struct span s = lines[i];

		for (; s.n >= 8; s = span_from(s, 8)) {
			uint64_t word;

			memcpy(&word, s.p, sizeof word);
			hash = mixed(hash, word);
		}
		for (size_t k = 0; k < s.n; k++)
			hash = mixed(hash, s.p[k]);
		hash = mixed(hash, '\n');
	}
	return (uint32_t)hash;
}

static bool is_same(const struct said *x, const struct span *lines, uint32_t count)
{
	if (x->line_count != count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!span_eq(x->lines[i], lines[i]))
			return false;
	return true;
}

struct said *said_find(struct heard *h, const struct span *lines, uint32_t count, uint32_t *hash)
{
	struct said *x;

	*hash = hash_of(lines, count);
	x = h ? h->place[*hash % PLACES] : NULL;
	return x && x->hash == *hash && is_same(x, lines, count) ? said_ref(x) : NULL;
}

struct said *said_new(struct pool *pool, const struct span *lines, uint32_t count, uint32_t hash, size_t extra, uint8_t **more)
{
	size_t size = sizeof(struct said) + 2 * (size_t)count * sizeof *lines + extra;
	struct said *x;
	uint8_t *at;

	for (uint32_t i = 0; i < count; i++)
		size += lines[i].n;
	x = pool_get(pool, size);
	if (!x)
		return NULL;
	x->refs = 1;
	x->hash = hash;
	x->size = size;
	x->lines = (struct span *)(x + 1);
	x->extensions = x->lines + count;
	x->line_count = count;
	at = (uint8_t *)(x->extensions + count);
	for (uint32_t i = 0; i < count; i++) {
		x->lines[i] = span_of(at, lines[i].n);
		at += span_append(at, 0, lines[i].n, lines[i]);
	}
	*more = at;
	return x;
}

void said_share(struct heard *h, struct said *x)
{
	if (!h)
		return;
	said_drop(h->pool, &h->place[x->hash % PLACES]);
	h->place[x->hash % PLACES] = said_ref(x);
}

struct said *said_ref(struct said *x)
{
	if (x)
		x->refs++;
	return x;
}

void said_drop(struct pool *pool, struct said **x)
{
	if (*x && --(*x)->refs == 0)
		pool_put(pool, *x, (*x)->size);
	*x = NULL;
}
