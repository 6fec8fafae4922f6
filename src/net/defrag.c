/*
 * defrag.c - IP fragments to datagrams. See defrag.h.
 *
 * A set holds pieces sorted by offset that never overlap; a new fragment adds only what is missing, so the first copy wins. The
 * datagram is complete when its end is known and no hole is left. Sets wait in order of last use; packet time expires them.
 */
#include "smtpscope/defrag.h"

#include "smtpscope/table.h"

#include <string.h>

const struct defrag_limits defrag_limits_default = {
    .sets = 4096,
    .bytes = UINT64_C(16) << 20,
    .timeout_ns = INT64_C(30) * 1000000000,
};

struct piece {
	struct piece *next;
	uint32_t offset, length;
	uint8_t data[];
};

struct key {
	struct endpoint src, dst;
	uint32_t id;
	uint8_t protocol;
};

struct set {
	struct table_node node;
	struct key key;
	struct piece *pieces;
	uint32_t held;  /* octets in pieces */
	uint32_t total; /* octets of the datagram, 0 while its end is not known */
	int64_t first_ts;
};

struct defrag {
	struct pool *pool;
	struct defrag_limits limits;
	struct table *table;
	struct defrag_stats stats;
	uint64_t bytes;
	uint8_t *whole; /* handed out last time */
	size_t whole_size;
};

static bool key_eq(const void *key, const struct table_node *node)
{
	const struct key *a = key, *b = &((const struct set *)(const void *)node)->key;

	return a->id == b->id && a->protocol == b->protocol && memcmp(a->src.addr, b->src.addr, 16) == 0 &&
	       memcmp(a->dst.addr, b->dst.addr, 16) == 0 && a->src.family == b->src.family;
}

static uint32_t key_hash(const struct defrag *d, const struct key *k)
{
	uint8_t bytes[37];

	memcpy(bytes, k->src.addr, 16);
	memcpy(bytes + 16, k->dst.addr, 16);
	memcpy(bytes + 32, &k->id, 4);
	bytes[36] = k->protocol;
	return table_hash(d->table, bytes, sizeof bytes);
}

struct defrag *defrag_new(struct pool *pool, const struct defrag_limits *limits, const uint8_t seed[16])
{
	struct defrag *d = pool_get(pool, sizeof *d);

	if (!d)
		return NULL;
	d->pool = pool;
	d->limits = limits ? *limits : defrag_limits_default;
	d->table = table_new(key_eq, seed, d->limits.sets);
	if (!d->table)
		pool_put(pool, d, sizeof *d);
	return d->table ? d : NULL;
}

static void set_free(struct defrag *d, struct set *s)
{
	table_remove(d->table, &s->node);
	while (s->pieces) {
		struct piece *p = s->pieces;

		s->pieces = p->next;
		d->bytes -= p->length;
		pool_put(d->pool, p, sizeof *p + p->length);
	}
	pool_put(d->pool, s, sizeof *s);
}

static void whole_free(struct defrag *d)
{
	pool_put(d->pool, d->whole, d->whole_size);
	d->whole = NULL;
	d->whole_size = 0;
}

static struct set *oldest(const struct defrag *d)
{
	return (struct set *)(void *)table_oldest(d->table);
}

void defrag_free(struct defrag **defrag)
{
	struct defrag *d = *defrag;

	*defrag = NULL;
	if (!d)
		return;
	while (oldest(d))
		set_free(d, oldest(d));
	whole_free(d);
	table_free(&d->table);
	pool_put(d->pool, d, sizeof *d);
}

static void expire(struct defrag *d, int64_t now)
{
	struct set *s;

	while ((s = oldest(d)) != NULL && now - s->first_ts > d->limits.timeout_ns) {
		d->stats.expired++;
		set_free(d, s);
	}
}

static struct set *set_find(struct defrag *d, const struct ip_fragment *f, int64_t ts)
{
	struct key key = {.src = f->src, .dst = f->dst, .id = f->id, .protocol = f->protocol};
	uint32_t hash = key_hash(d, &key);
	struct set *s = (struct set *)(void *)table_find(d->table, hash, &key);

	if (s)
		return s;
	s = pool_get(d->pool, sizeof *s);
	if (!s)
		return NULL;
	s->key = key;
	s->first_ts = ts;
	while (!table_insert(d->table, &s->node, hash)) {
		if (!oldest(d)) {
			pool_put(d->pool, s, sizeof *s);
			return NULL;
		}
		d->stats.evicted++;
		set_free(d, oldest(d));
	}
	return s;
}

/* Puts from..to of the fragment between *at and what follows it. */
static bool piece_add(struct defrag *d, struct set *s, struct piece **at, const struct ip_fragment *f, uint32_t from, uint32_t to)
{
	struct piece *p = pool_get(d->pool, sizeof *p + (to - from));

	if (!p)
		return false;
	p->offset = from;
	p->length = to - from;
	memcpy(p->data, f->payload.p + (from - f->offset), p->length);
	p->next = *at;
	*at = p;
	s->held += p->length;
	d->bytes += p->length;
	return true;
}

static bool differs(const struct piece *p, const struct ip_fragment *f, uint32_t from, uint32_t to)
{
	return memcmp(p->data + (from - p->offset), f->payload.p + (from - f->offset), to - from) != 0;
}

/* Adds what is not there yet. False when memory is refused. */
static bool set_add(struct defrag *d, struct set *s, const struct ip_fragment *f)
{
	struct piece **at = &s->pieces;
	uint32_t from = f->offset, end = f->offset + (uint32_t)f->payload.n;
	bool conflict = false;

	while (from < end) {
		struct piece *p = *at;
		uint32_t stop = p && p->offset < end ? p->offset : end;

		if (p && from >= p->offset + p->length) {
			at = &p->next;
		} else if (p && from >= p->offset) {
			uint32_t to = end < p->offset + p->length ? end : p->offset + p->length;

			conflict |= differs(p, f, from, to);
			from = to;
		} else if (!piece_add(d, s, at, f, from, stop)) {
			return false;
		} else {
			from = stop;
		}
	}
	d->stats.conflicts += conflict;
	return true;
}

/* What the set says about itself must not contradict what came before. */
static bool end_fits(struct set *s, const struct ip_fragment *f)
{
	uint32_t end = f->offset + (uint32_t)f->payload.n;

	if (!f->more && s->total && s->total != end)
		return false;
	if (!f->more)
		s->total = end;
	return !s->total || end <= s->total;
}

static int complete(struct defrag *d, struct set *s, const struct ip_fragment *f, struct ip_fragment *whole)
{
	d->whole = pool_get(d->pool, s->total ? s->total : 1);
	if (!d->whole) {
		d->stats.failed++;
		set_free(d, s);
		return 0;
	}
	d->whole_size = s->total ? s->total : 1;
	for (const struct piece *p = s->pieces; p; p = p->next)
		memcpy(d->whole + p->offset, p->data, p->length);
	*whole = *f;
	whole->offset = 0;
	whole->more = false;
	whole->payload = span_of(d->whole, s->total);
	whole->length = s->total;
	d->stats.reassembled++;
	set_free(d, s);
	return 1;
}

static void make_room(struct defrag *d, const struct set *keep)
{
	while (d->bytes > d->limits.bytes && oldest(d) && oldest(d) != keep) {
		d->stats.evicted++;
		set_free(d, oldest(d));
	}
}

int defrag_push(struct defrag *d, const struct ip_fragment *f, int64_t ts, struct ip_fragment *whole)
{
	struct set *s;

	whole_free(d);
	d->stats.fragments++;
	expire(d, ts);
	if (f->length > f->payload.n) { /* the snaplen cut it: the datagram can never be whole */
		d->stats.cut++;
		return 0;
	}
	if (f->offset == 0 && !f->more) {
		*whole = *f;
		return 1;
	}
	s = set_find(d, f, ts);
	if (!s || !end_fits(s, f) || !set_add(d, s, f)) {
		d->stats.malformed += s != NULL && s->total != 0;
		d->stats.failed += s == NULL;
		if (s)
			set_free(d, s);
		return 0;
	}
	make_room(d, s);
	return s->total && s->held == s->total ? complete(d, s, f, whole) : 0;
}

const struct defrag_stats *defrag_stats(const struct defrag *d)
{
	return &d->stats;
}
