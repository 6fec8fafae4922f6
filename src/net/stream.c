/*
 * stream.c - one direction of a TCP connection: a frontier and a sorted list of disjoint blocks beyond it.
 *
 * Everything is range arithmetic: a push walks the blocks it touches, copies what falls between them and compares what falls
 * on them. The list is an array of pointers, so that a place is found in O(log n) whatever order segments come in; blocks are
 * charged with their heads, so the caller's byte limit also limits n.
 *
 * Invariants: blocks are disjoint, in order, at or beyond next and below fin_off; recent octets end at next; there is an
 * extra only while it says something. Left to the caller: windows, limits, when a hole is lost, order between directions.
 */
#include "stream_blocks.h"

#include <string.h>

enum {
	FIRST_BLOCKS = 8,
	/* Most that is not acknowledged is one command or one reply: */
	RECENT_SMALL = 256 - (int)sizeof(struct stream_extra),
	RECENT_LARGE = STREAM_RECENT - (int)sizeof(struct stream_extra),
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What a block of n octets counts against the limits: itself and its share of the array at its emptiest. */
static uint64_t block_charge(size_t n)
{
	return sizeof(struct block) + 2 * sizeof(struct block *) + n;
}

/* Makes sure of an extra with room for recent_cap octets of history. False: no memory, nothing changed. */
static bool extra_need(struct stream *s, struct stream_budget *b, size_t recent_cap)
{
	struct stream_extra *old = s->extra, *x;

	if (old && old->recent_cap >= recent_cap)
		return true;
	x = pool_get_raw(b->pool, sizeof(*x) + recent_cap);
	if (!x) {
		b->no_memory++;
		return false;
	}
	*x = (struct stream_extra){.count = 0};
	if (old) {
		memcpy(x, old, sizeof(*old) + old->recent);
		pool_put_wiped(b->pool, old, sizeof(*old) + old->recent_cap);
	}
	x->recent_cap = (uint16_t)recent_cap;
	s->extra = x;
	return true;
}

/* Gives the extra back once it says nothing. */
static void extra_settle(struct stream *s, struct stream_budget *b)
{
	struct stream_extra *x = s->extra;

	if (!x || x->count > 0 || x->fin || x->recent > 0)
		return;
	pool_put(b->pool, x->v, x->cap * sizeof(struct block *));
	pool_put_wiped(b->pool, x, sizeof(*x) + x->recent_cap);
	s->extra = NULL;
}

static void forget_recent(struct stream *s, struct stream_budget *b)
{
	if (!s->extra)
		return;
	s->extra->recent = 0;
	extra_settle(s, b);
}

void stream_settle(struct stream *s, struct stream_budget *b)
{
	forget_recent(s, b);
}

void stream_start(struct stream *s, struct stream_budget *b, uint32_t seq)
{
	stream_clear(s, b);
	*s = (struct stream){.base = seq, .flags = STREAM_PLACED, .patience = STREAM_PATIENCE};
}

void stream_rebase(struct stream *s, int64_t delta)
{
	struct stream_extra *x = s->extra;

	s->base -= (uint32_t)delta;
	s->acked = delta < 0 && s->acked < (uint64_t)-delta ? 0 : s->acked + (uint64_t)delta;
	if (!x)
		return;
	x->fin_off += (uint64_t)delta;
	for (uint32_t i = 0; i < x->count; i++)
		x->v[x->first + i]->off += (uint64_t)delta;
}

void stream_rebase_peer(struct stream *s, int64_t delta)
{
	struct stream_extra *x = s->extra;

	if (!x)
		return;
	x->fin_seen += delta;
	for (uint32_t i = 0; i < x->count; i++)
		x->v[x->first + i]->peer_seen += delta;
}

/* Tells of the first and last octet in which the copies a (refused) and kept of g's octets from off on differ. */
static void compare(struct stream_report *r, const struct segment *g, uint64_t off, const uint8_t *kept, size_t n)
{
	const uint8_t *a = g->bytes.p + (off - (uint64_t)g->off);
	size_t from = 0;

	if (n == 0 || memcmp(a, kept, n) == 0 || r->conflicts == STREAM_CONFLICTS)
		return;
	while (a[from] == kept[from])
		from++;
	while (a[n - 1] == kept[n - 1])
		n--;
	r->conflict[r->conflicts++] = (struct chunk){
		.kind = CHUNK_CONFLICT,
		.off = off + from,
		.len = n - from,
		.data = a + from,
		.kept = kept + from,
		.peer_seen = g->peer_seen < 0 ? 0 : (uint64_t)g->peer_seen,
		.ts = g->ts,
		.frame = g->frame,
	};
}

/* Takes n octets off the front of g. */
static void segment_advance(struct segment *g, uint64_t n)
{
	g->off += (int64_t)n;
	g->len -= n;
	g->bytes = span_from(g->bytes, (size_t)min_u64(n, g->bytes.n));
}

static void segment_limit(struct segment *g, uint64_t len)
{
	g->len = len;
	g->bytes = span_first(g->bytes, (size_t)min_u64(len, g->bytes.n));
}

/*
 * A retransmission of what was delivered and not acknowledged must say the same again. One octet just before the frontier
 * is how a keep-alive looks (RFC 9293 3.8.4): it is garbage by right.
 */
static void compare_recent(const struct stream *s, const struct segment *g, struct stream_report *r)
{
	const struct stream_extra *x = s->extra;
	uint64_t from, to;

	if (!x || x->recent == 0 || (g->len == 1 && g->off + 1 == (int64_t)s->next))
		return;
	from = max_u64(s->next - x->recent, s->acked);
	if (g->off > (int64_t)from)
		from = (uint64_t)g->off;
	if (g->off + (int64_t)g->bytes.n <= (int64_t)from)
		return;
	to = min_u64((uint64_t)(g->off + (int64_t)g->bytes.n), s->next);
	if (from < to)
		compare(r, g, from, x->bytes + (x->recent - (s->next - from)), (size_t)(to - from));
}

/* What follows a FIN is no part of the stream. */
static void trim_end(const struct stream *s, struct segment *g, struct stream_report *r)
{
	uint64_t end;

	if (!stream_has_fin(s))
		return;
	end = s->flags & STREAM_ENDED ? s->next : s->extra->fin_off;
	g->fin = g->fin && !(s->flags & STREAM_ENDED);
	if (g->off + (int64_t)g->len <= (int64_t)end)
		return;
	r->beyond_end = true;
	g->fin = false;
	segment_limit(g, g->off < (int64_t)end ? end - (uint64_t)g->off : 0);
}

void stream_trim(struct stream *s, struct segment *g, struct stream_report *r)
{
	if (g->off < (int64_t)s->next) {
		uint64_t known = s->next - (uint64_t)g->off; /* wraps to the right difference below zero */

		r->duplicate = g->len > 0 || g->fin;
		compare_recent(s, g, r);
		if (known > g->len) {
			known = g->len;
			g->fin = false;
		}
		segment_advance(g, known);
		g->off = (int64_t)s->next;
	}
	trim_end(s, g, r);
}

bool stream_in_order(const struct stream *s, const struct segment *g)
{
	return g->off == (int64_t)s->next && g->len <= stream_hole_end(s) - s->next;
}

/* Progress. A late hole that was filled after all shows that patience pays on this connection. */
static void advance(struct stream *s, uint64_t n)
{
	s->next += n;
	s->flags &= (uint8_t)~STREAM_FIN_ACKED;
	if (s->stuck > 0)
		s->patience = STREAM_PATIENCE;
	s->stuck = 0;
}

/* bytes end at next: keeps the newest of them for comparison, until they are acknowledged. */
static void remember(struct stream *s, struct stream_budget *b, struct span bytes)
{
	size_t keep, total = bytes.n + (s->extra ? s->extra->recent : 0);
	struct stream_extra *x;

	if (s->acked >= s->next || !(s->flags & STREAM_HEARD) || bytes.n == 0 ||
	    !extra_need(s, b, total <= RECENT_SMALL ? RECENT_SMALL : RECENT_LARGE)) {
		forget_recent(s, b);
		return;
	}
	x = s->extra;
	if (bytes.n > x->recent_cap)
		bytes = span_from(bytes, bytes.n - x->recent_cap);
	keep = x->recent;
	if (keep > x->recent_cap - bytes.n) {
		keep = x->recent_cap - bytes.n;
		memmove(x->bytes, x->bytes + (x->recent - keep), keep);
	}
	memcpy(x->bytes + keep, bytes.p, bytes.n);
	x->recent = (uint16_t)(keep + bytes.n);
}

void stream_pass(struct stream *s, struct stream_budget *b, struct span bytes, uint64_t n)
{
	advance(s, n);
	remember(s, b, n > bytes.n ? SPAN_ABSENT : bytes);
}

void stream_pass_fin(struct stream *s)
{
	s->flags |= STREAM_ENDED;
}

/* Index of the first block that ends beyond off. */
static uint32_t find_block(const struct stream_extra *x, uint64_t off)
{
	uint32_t lo = 0, hi = x->count;

	/* Segments mostly come in order behind their hole. */
	if (hi > 0 && block_end(x->v[x->first + hi - 1]) <= off)
		return hi;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (block_end(x->v[x->first + mid]) > off)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Room for one more pointer behind the last. */
static bool array_room(struct stream_extra *x, struct stream_budget *b)
{
	struct block **v;
	uint32_t cap = x->cap ? x->cap * 2 : FIRST_BLOCKS;

	if (x->first + x->count < x->cap)
		return true;
	if (x->first > x->cap / 2) {
		memmove(x->v, x->v + x->first, x->count * sizeof(*v));
		x->first = 0;
		return true;
	}
	v = pool_get(b->pool, cap * sizeof(*v));
	if (!v)
		return false;
	if (x->count > 0)
		memcpy(v, x->v + x->first, x->count * sizeof(*v));
	pool_put(b->pool, x->v, x->cap * sizeof(*v));
	x->v = v;
	x->cap = cap;
	x->first = 0;
	return true;
}

static void array_remove(struct stream_extra *x, struct stream_budget *b, uint32_t at)
{
	struct block **slot = x->v + x->first + at;
	struct block *k = *slot;
	uint64_t charge = block_charge(k->size);

	x->count--;
	if (at == 0)
		x->first++;
	else
		memmove(slot, slot + 1, (x->count - at) * sizeof(*slot));
	x->held -= charge;
	b->held -= charge;
	pool_put_wiped(b->pool, k, sizeof(*k) + k->size);
}

/* A block for the octets [from, to) of g as number `at`. */
static bool insert(struct stream *s, struct stream_budget *b, const struct segment *g, uint32_t at, uint64_t from,
		   uint64_t to)
{
	struct stream_extra *x = s->extra;
	struct span bytes = span_first(span_from(g->bytes, (size_t)(from - (uint64_t)g->off)), (size_t)(to - from));
	struct block *k, **slot;

	k = array_room(x, b) ? pool_get_raw(b->pool, sizeof(*k) + bytes.n) : NULL;
	if (!k) {
		b->no_memory++;
		return false;
	}
	*k = (struct block){
		.off = from,
		.peer_seen = g->peer_seen,
		.ts = g->ts,
		.frame = g->frame,
		.len = (uint32_t)(to - from),
		.n = (uint32_t)bytes.n,
		.size = (uint32_t)bytes.n,
	};
	if (bytes.n > 0)
		memcpy(k->data, bytes.p, bytes.n);
	slot = x->v + x->first + at;
	memmove(slot + 1, slot, (x->count - at) * sizeof(*slot));
	*slot = k;
	x->count++;
	x->held += block_charge(bytes.n);
	b->held += block_charge(bytes.n);
	b->held_peak = max_u64(b->held_peak, b->held);
	return true;
}

/* Cuts block number `at` in two at off, which lies inside its octets. False: no memory, nothing changed. */
static bool split(struct stream *s, struct stream_budget *b, uint32_t at, uint64_t off)
{
	const struct block *k = s->extra->v[s->extra->first + at];
	uint32_t n = (uint32_t)(off - k->off), old_len = k->len;
	struct segment rest = {
		.off = (int64_t)off,
		.len = k->len - n,
		.bytes = {k->data + k->skip + n, k->n - n},
		.peer_seen = k->peer_seen,
		.ts = k->ts,
		.frame = k->frame,
	};

	if (!insert(s, b, &rest, at + 1, off, k->off + old_len))
		return false;
	s->extra->v[s->extra->first + at]->len = n;
	s->extra->v[s->extra->first + at]->n = n;
	return true;
}

/*
 * A copy with a lower acknowledgement was sent earlier: what its sender had seen when the octets [from, to) of block
 * number *at were sent first is what counts. *at becomes the block that holds them.
 */
static void lower_seen(struct stream *s, struct stream_budget *b, uint32_t *at, uint64_t from, uint64_t to,
		       int64_t peer_seen)
{
	struct stream_extra *x = s->extra;
	const struct block *k = x->v[x->first + *at];

	if (peer_seen >= k->peer_seen || (from > k->off && !split(s, b, *at, from)))
		return;
	if (from > k->off)
		++*at;
	k = x->v[x->first + *at];
	if (to < k->off + k->n && !split(s, b, *at, to))
		return;
	x->v[x->first + *at]->peer_seen = peer_seen;
}

/*
 * g at pos lies on block number *at. Returns the position up to which that settles g; a block whose cut octets g brings
 * after all is shortened, and g goes on from there as if nothing had been there.
 */
static uint64_t overlap(struct stream *s, struct stream_budget *b, const struct segment *g, uint32_t *at, uint64_t pos,
			struct stream_report *r)
{
	struct block *k = s->extra->v[s->extra->first + *at];
	uint64_t end = (uint64_t)g->off + g->len, captured = (uint64_t)g->off + g->bytes.n;
	uint64_t stop = min_u64(end, k->off + k->n);

	if (pos < stop) {
		r->duplicate = true;
		if (pos < captured)
			compare(r, g, pos, k->data + k->skip + (pos - k->off), (size_t)(min_u64(stop, captured) - pos));
		lower_seen(s, b, at, pos, stop, g->peer_seen);
		return stop;
	}
	if (pos < captured)
		k->len = (uint32_t)(pos - k->off);
	else
		pos = min_u64(end, block_end(k));
	if (k->len == 0)
		array_remove(s->extra, b, *at);
	else if (pos >= block_end(k))
		++*at;
	return pos;
}

static void push_octets(struct stream *s, struct stream_budget *b, const struct segment *g, struct stream_report *r)
{
	struct stream_extra *x = s->extra;
	uint64_t pos = (uint64_t)g->off, end = pos + g->len;
	uint32_t at = find_block(x, pos);

	while (pos < end) {
		const struct block *k = at < x->count ? x->v[x->first + at] : NULL;
		uint64_t stop;

		if (k && pos >= block_end(k)) {
			at++;
		} else if (k && pos >= k->off) {
			pos = overlap(s, b, g, &at, pos, r);
		} else {
			stop = k ? min_u64(end, k->off) : end;
			if (insert(s, b, g, at, pos, stop)) {
				at++;
				r->fresh = true;
			}
			pos = stop;
		}
	}
}

static void push_fin(struct stream *s, const struct segment *g, struct stream_report *r)
{
	struct stream_extra *x = s->extra;
	uint64_t end = (uint64_t)g->off + g->len;

	if (x->fin || (s->flags & STREAM_ENDED)) {
		r->duplicate = true;
		return;
	}
	if (end < stream_edge(s))
		return; /* contradicts octets that came first */
	r->fresh = true;
	x->fin = true;
	x->fin_off = end;
	x->fin_seen = g->peer_seen;
	x->fin_ts = g->ts;
	x->fin_frame = g->frame;
}

void stream_push(struct stream *s, struct stream_budget *b, struct segment *g, struct stream_report *r)
{
	if ((g->len == 0 && !g->fin) || !extra_need(s, b, 0))
		return;
	if (g->len > 0)
		push_octets(s, b, g, r);
	if (g->fin)
		push_fin(s, g, r);
	extra_settle(s, b);
}

void stream_ack(struct stream *s, struct stream_budget *b, uint64_t off)
{
	s->flags |= STREAM_HEARD;
	if (off <= s->acked)
		return;
	s->acked = off;
	if (s->extra && off >= s->next)
		forget_recent(s, b);
}

bool stream_peek(const struct stream *s, struct chunk *c)
{
	const struct stream_extra *x = s->extra;
	const struct block *k = first_block(s);
	int64_t seen;

	if (k && k->off == s->next) {
		*c = (struct chunk){
			.kind = k->n > 0 ? CHUNK_DATA : CHUNK_GAP,
			.len = k->n > 0 ? k->n : k->len,
			.data = k->n > 0 ? k->data + k->skip : NULL,
			.ts = k->ts,
			.frame = k->frame,
		};
		seen = k->peer_seen;
	} else if (!k && x && x->fin && x->fin_off == s->next) {
		*c = (struct chunk){.kind = CHUNK_END, .ts = x->fin_ts, .frame = x->fin_frame};
		seen = x->fin_seen;
	} else {
		return false;
	}
	c->off = s->next;
	c->peer_seen = seen < 0 ? 0 : (uint64_t)seen;
	return true;
}

void stream_take(struct stream *s, struct stream_budget *b)
{
	struct stream_extra *x = s->extra;
	struct block *k = first_block(s);

	if (!k) {
		x->fin = false;
		s->flags |= STREAM_ENDED;
	} else if (k->n > 0) {
		uint32_t n = k->n;

		advance(s, n);
		remember(s, b, (struct span){k->data + k->skip, n});
		k->skip += n;
		k->off += n;
		k->len -= n;
		k->n = 0;
		x = s->extra; /* remembering may have moved it */
		if (k->len == 0)
			array_remove(x, b, 0);
	} else {
		advance(s, k->len);
		x->recent = 0;
		array_remove(x, b, 0);
	}
	extra_settle(s, b);
}

void stream_skip(struct stream *s, struct stream_budget *b, uint64_t off)
{
	uint8_t patience = s->patience / 2;

	s->stuck = 0;
	advance(s, off - s->next);
	s->patience = patience < STREAM_PATIENCE_MIN ? STREAM_PATIENCE_MIN : patience;
	forget_recent(s, b);
}

void stream_clear(struct stream *s, struct stream_budget *b)
{
	struct stream_extra *x = s->extra;

	if (!x)
		return;
	while (x->count > 0)
		array_remove(x, b, x->count - 1);
	x->fin = false;
	x->recent = 0;
	extra_settle(s, b);
}
