/*
 * defrag.c - IP fragments to datagrams: RFC 791 3.2 with the bookkeeping of RFC 815 turned round (what is there, not
 * what is missing), RFC 8200 4.5.
 *
 * Invariants of a set: its pieces are in order of offset, disjoint and not empty; held is the sum of their lengths;
 * none ends beyond total once that is known. So held == total means that no hole is left.
 *
 * A set is as old as its first fragment, so the table is in order of age and the oldest expires first. RFC 5722 has an
 * IPv6 datagram with overlaps thrown away by its receiver; here what came first is shown, as for all that overlaps.
 * Left out: memory of what was complete. A duplicate that comes later waits in a set of its own until it expires.
 */
#include "smtpscope/defrag.h"

#include "smtpscope/table.h"

#include <string.h>

const struct defrag_limits defrag_limits_default = {
	.sets = 4096,
	.bytes = UINT64_C(16) << 20,
	.timeout_ns = INT64_C(30) * 1000000000,
};

enum {
	DATAGRAM_MAX = 65535, /* RFC 791 3.1; jumbograms may not be fragmented (RFC 2675 4) */
	FIRST_PIECES = 4,     /* a datagram of 6000 octets over Ethernet */
	KEY_SIZE = 38,        /* two addresses, identification, protocol, IP version */
};

struct piece {
	uint32_t offset, length;
	uint8_t data[];
};

struct set {
	struct table_node node; /* first: a node is its set */
	uint8_t key[KEY_SIZE];
	uint8_t protocol; /* that of the first fragment of the datagram counts (RFC 8200 4.5) */
	int64_t first_ts;
	struct piece **pieces;
	uint32_t count, room; /* pieces, and places for them; at most one for each 8 octets */
	uint32_t held;
	uint32_t total; /* octets of the datagram; 0 while its end is not known */
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

/* ---- memory ---- */

static void *take(struct defrag *d, size_t n)
{
	void *block = pool_get(d->pool, n);

	if (block)
		d->bytes += n;
	return block;
}

static void give_back(struct defrag *d, void *block, size_t n)
{
	if (block)
		d->bytes -= n;
	pool_put(d->pool, block, n);
}

static size_t piece_size(uint32_t length)
{
	return sizeof(struct piece) + length;
}

static void set_free(struct defrag *d, struct set *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		give_back(d, s->pieces[i], piece_size(s->pieces[i]->length));
	give_back(d, s->pieces, s->room * sizeof(struct piece *));
	give_back(d, s, sizeof(*s));
}

static struct set *oldest(const struct defrag *d)
{
	return (struct set *)table_oldest(d->table);
}

static void set_drop(struct defrag *d, struct set *s, uint64_t *counter)
{
	table_remove(d->table, &s->node);
	set_free(d, s);
	*counter += 1;
}

static void whole_free(struct defrag *d)
{
	pool_put(d->pool, d->whole, d->whole_size);
	d->whole = NULL;
}

/* ---- which datagram ---- */

static bool key_eq(const void *key, const struct table_node *node)
{
	return memcmp(key, ((const struct set *)node)->key, KEY_SIZE) == 0;
}

/* IPv4 tells datagrams apart by protocol too (RFC 791 3.2); in IPv6 it may differ between fragments (RFC 8200 4.5). */
static void key_make(uint8_t key[KEY_SIZE], const struct ip_fragment *f)
{
	memcpy(key, f->src.addr, 16);
	memcpy(key + 16, f->dst.addr, 16);
	memcpy(key + 32, &f->id, 4);
	key[36] = f->src.family == 4 ? f->protocol : 0;
	key[37] = f->src.family;
}

/* The set that the fragment belongs to, made where there is none. NULL: no memory. */
static struct set *set_of(struct defrag *d, const struct ip_fragment *f, int64_t ts)
{
	uint8_t key[KEY_SIZE];
	uint32_t hash;
	struct set *s;

	key_make(key, f);
	hash = table_hash(d->table, key, KEY_SIZE);
	s = (struct set *)table_find(d->table, hash, key);
	if (s || (s = take(d, sizeof(*s))) == NULL)
		return s;
	memcpy(s->key, key, KEY_SIZE);
	s->first_ts = ts;
	while (!table_insert(d->table, &s->node, hash)) {
		if (!oldest(d)) {
			set_free(d, s);
			return NULL;
		}
		set_drop(d, oldest(d), &d->stats.evicted);
	}
	return s;
}

/* ---- limits ---- */

/* A set from the future, which a clock that was set back leaves behind, becomes one of now. */
static void expire(struct defrag *d, int64_t now)
{
	struct set *s;

	while ((s = oldest(d)) != NULL) {
		if (s->first_ts > now)
			s->first_ts = now;
		if ((uint64_t)now - (uint64_t)s->first_ts <= (uint64_t)d->limits.timeout_ns)
			return;
		set_drop(d, s, &d->stats.expired);
	}
}

static void make_room(struct defrag *d, uint32_t length)
{
	while (d->bytes + length > d->limits.bytes && oldest(d))
		set_drop(d, oldest(d), &d->stats.evicted);
}

/* ---- pieces ---- */

/* RFC 791 3.2: not empty, not beyond the longest datagram, and all but the last in units of 8 octets. */
static bool well_formed(const struct ip_fragment *f)
{
	return f->length > 0 && f->offset < DATAGRAM_MAX && f->length <= DATAGRAM_MAX - f->offset &&
	       (!f->more || f->length % 8 == 0);
}

static uint32_t piece_end(const struct piece *p)
{
	return p->offset + p->length;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Takes note of the end. False: the fragment contradicts what came before it. */
static bool end_fits(struct set *s, const struct ip_fragment *f)
{
	uint32_t end = f->offset + f->length;
	uint32_t reached = s->count > 0 ? piece_end(s->pieces[s->count - 1]) : 0;

	if (s->total != 0)
		return f->more ? end <= s->total : end == s->total;
	if (!f->more && end < reached)
		return false;
	s->total = f->more ? 0 : end;
	return true;
}

/* Index of the first piece that ends beyond offset. */
static uint32_t piece_find(const struct set *s, uint32_t offset)
{
	uint32_t low = 0, high = s->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (piece_end(s->pieces[middle]) > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool pieces_grow(struct defrag *d, struct set *s)
{
	uint32_t room = s->room ? 2 * s->room : FIRST_PIECES;
	struct piece **more;

	if (s->count < s->room)
		return true;
	more = take(d, room * sizeof(*more));
	if (!more)
		return false;
	if (s->count > 0)
		memcpy(more, s->pieces, s->count * sizeof(*more));
	give_back(d, s->pieces, s->room * sizeof(*more));
	s->pieces = more;
	s->room = room;
	return true;
}

/* Octets from..to of the datagram, which the fragment has, become piece at. */
static bool piece_insert(struct defrag *d, struct set *s, uint32_t at, const struct ip_fragment *f, uint32_t from,
			 uint32_t to)
{
	struct piece *p;

	if (!pieces_grow(d, s) || (p = take(d, piece_size(to - from))) == NULL)
		return false;
	p->offset = from;
	p->length = to - from;
	memcpy(p->data, f->payload.p + (from - f->offset), p->length);
	memmove(s->pieces + at + 1, s->pieces + at, (s->count - at) * sizeof(p));
	s->pieces[at] = p;
	s->count++;
	s->held += p->length;
	if (from == 0)
		s->protocol = f->protocol;
	return true;
}

/* Adds what is not there yet and compares what is. False: no memory. */
static bool set_fill(struct defrag *d, struct set *s, const struct ip_fragment *f)
{
	uint32_t from = f->offset, end = f->offset + f->length, to;
	bool conflict = false;

	for (uint32_t i = piece_find(s, from); from < end; i++, from = to) {
		const struct piece *p = i < s->count ? s->pieces[i] : NULL;

		if (p && p->offset <= from) {
			to = min_u32(end, piece_end(p));
			conflict |= memcmp(p->data + (from - p->offset), f->payload.p + (from - f->offset), to - from) != 0;
		} else {
			to = p ? min_u32(end, p->offset) : end;
			if (!piece_insert(d, s, i, f, from, to))
				return false;
		}
	}
	d->stats.conflicts += conflict;
	return true;
}

static int set_complete(struct defrag *d, struct set *s, const struct ip_fragment *last, struct ip_fragment *whole)
{
	d->whole = pool_get(d->pool, s->total);
	if (!d->whole) {
		set_drop(d, s, &d->stats.failed);
		return 0;
	}
	d->whole_size = s->total;
	for (uint32_t i = 0; i < s->count; i++)
		memcpy(d->whole + s->pieces[i]->offset, s->pieces[i]->data, s->pieces[i]->length);
	*whole = *last;
	whole->protocol = s->protocol;
	whole->offset = 0;
	whole->more = false;
	whole->payload = span_of(d->whole, s->total);
	whole->length = s->total;
	set_drop(d, s, &d->stats.reassembled);
	return 1;
}

static int set_push(struct defrag *d, const struct ip_fragment *f, int64_t ts, struct ip_fragment *whole)
{
	struct set *s = set_of(d, f, ts);

	if (!s) {
		d->stats.failed++;
		return 0;
	}
	if (!end_fits(s, f)) {
		d->stats.malformed++;
		return 0;
	}
	if (!set_fill(d, s, f)) {
		set_drop(d, s, &d->stats.failed);
		return 0;
	}
	return s->held == s->total ? set_complete(d, s, f, whole) : 0;
}

/* ---- face ---- */

struct defrag *defrag_new(struct pool *pool, const struct defrag_limits *limits, const uint8_t seed[16])
{
	struct defrag *d = pool_get(pool, sizeof(*d));

	if (!d)
		return NULL;
	d->pool = pool;
	d->limits = *limits;
	d->table = table_new(key_eq, seed, d->limits.sets);
	if (d->table)
		return d;
	pool_put(pool, d, sizeof(*d));
	return NULL;
}

void defrag_free(struct defrag **defrag)
{
	struct defrag *d = *defrag;
	struct set *s;

	*defrag = NULL;
	if (!d)
		return;
	while ((s = oldest(d)) != NULL) {
		table_remove(d->table, &s->node);
		set_free(d, s);
	}
	whole_free(d);
	table_free(&d->table);
	pool_put(d->pool, d, sizeof(*d));
}

int defrag_push(struct defrag *d, const struct ip_fragment *f, int64_t ts, struct ip_fragment *whole)
{
	whole_free(d);
	d->stats.fragments++;
	expire(d, ts);
	if (f->length > f->payload.n) { /* with octets missing the datagram can never be whole */
		d->stats.cut++;
		return 0;
	}
	if (!well_formed(f)) {
		d->stats.malformed++;
		return 0;
	}
	if (f->offset == 0 && !f->more) {
		*whole = *f;
		return 1;
	}
	make_room(d, f->length);
	return set_push(d, f, ts, whole);
}

const struct defrag_stats *defrag_stats(const struct defrag *d)
{
	return &d->stats;
}
