/*
 * tcp.c - which connections there are: admission, roles, eviction, expiry, and what remains of those that are over.
 *
 * An entry is a connection or the remnant of one (ignored, or closed a moment ago), found by both endpoints; VLAN ids are no
 * part of the key, they may differ by direction. Entries live in one table per idle class, so the oldest entry of a table
 * expires first and a packet looks at three entries at most.
 *
 * Time is the time of packets and may do anything. An entry expires when this packet and the one before agree that it was
 * idle too long, so one wrong timestamp costs nothing; entries from the future become the newest of their table and wait.
 * The connection that a packet belongs to is never idle.
 */
#include "tcp_conn.h"

#include <stdlib.h>
#include <string.h>

const struct tcp_limits tcp_limits_default = {
	.connections = 0,
	.held_per_stream = UINT64_C(256) << 10, /* four windows without scaling */
	.held_total = UINT64_C(64) << 20,
	.idle_handshake_ns = INT64_C(60) * 1000000000,
	.idle_open_ns = INT64_C(3600) * 1000000000,
	.idle_closing_ns = INT64_C(30) * 1000000000,
};

enum {
	EXPIRE_PER_PACKET = 64,  /* of each class: more than a packet can add, and few at once after a silence */
	EXPIRE_PER_TICK = 65536, /* keeps a tick after a long silence short */
	REQUEUE_MOST = 64,       /* entries put where they belong before one is evicted; good enough a guess then */
};

struct key {
	const struct endpoint *src, *dst;
};

/* ---- lookup ---- */

static bool endpoint_eq(const struct endpoint *a, const struct endpoint *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a->addr, sizeof(x));
	memcpy(y, b->addr, sizeof(y));
	return a->port == b->port && x[0] == y[0] && x[1] == y[1] && a->family == b->family;
}

static const struct endpoint *entry_side(const struct entry *e)
{
	return ((const struct remnant *)e)->side; /* same place in both kinds, see tcp_conn.h */
}

static bool entry_eq(const void *wanted, const struct table_node *node)
{
	const struct key *k = wanted;
	const struct endpoint *side = entry_side((const struct entry *)node);

	return (endpoint_eq(k->src, &side[0]) && endpoint_eq(k->dst, &side[1])) ||
	       (endpoint_eq(k->src, &side[1]) && endpoint_eq(k->dst, &side[0]));
}

/* Packets come in runs of one connection, both ways: the hash is the dearest part of the look-up. */
static uint32_t key_hash(struct tcp *t, const struct packet *p)
{
	uint8_t key[PACKET_FLOW_KEY];

	if ((endpoint_eq(&t->last[0], &p->src) && endpoint_eq(&t->last[1], &p->dst)) ||
	    (endpoint_eq(&t->last[0], &p->dst) && endpoint_eq(&t->last[1], &p->src)))
		return t->last_hash;
	t->last[0] = p->src;
	t->last[1] = p->dst;
	t->last_entry = NULL;
	t->last_hash = table_hash(t->table[0], key, packet_flow_key(p, key));
	return t->last_hash;
}

/* After key_hash(). */
static struct entry *find(struct tcp *t, const struct packet *p, uint32_t hash)
{
	struct key key = {&p->src, &p->dst};
	struct table_node *node = t->last_entry ? &t->last_entry->node : NULL;

	for (int i = 0; i < CONN_CLASSES && !node; i++)
		node = table_find(t->table[i], hash, &key);
	t->last_entry = (struct entry *)node;
	return t->last_entry;
}

static enum dir entry_dir(const struct entry *e, const struct packet *p)
{
	return endpoint_eq(&entry_side(e)[DIR_CLIENT], &p->src) ? DIR_CLIENT : DIR_SERVER;
}

/* ---- entries ---- */

static uint32_t rough_time(int64_t ts)
{
	return (uint32_t)((uint64_t)ts >> 30);
}

static int64_t entry_seen(const struct entry *e)
{
	return e->kind == ENTRY_CONN ? ((const struct conn *)e)->flow.last_ts : ((const struct remnant *)e)->last_ts;
}

static size_t entry_size(const struct entry *e)
{
	return e->kind == ENTRY_CONN ? sizeof(struct conn) : sizeof(struct remnant);
}

/* Takes the entry out of everything and gives its memory back. */
static void entry_drop(struct tcp *t, struct entry *e)
{
	if (e->kind == ENTRY_CONN) {
		struct conn *c = (struct conn *)e;

		stream_clear(&c->stream[0], &t->budget);
		stream_clear(&c->stream[1], &t->budget);
		t->stats.open--;
	}
	if (t->last_entry == e)
		t->last_entry = NULL;
	table_remove(t->table[e->class], &e->node);
	pool_put(t->budget.pool, e, entry_size(e));
}

/* Replaces a connection by what must be known of it later; without memory it is forgotten. */
static void conn_shrink(struct tcp *t, struct conn *c, enum entry_kind kind)
{
	struct remnant *r = pool_get(t->budget.pool, sizeof(*r));
	uint32_t hash = c->entry.node.hash;

	if (!r) {
		t->budget.no_memory++;
		entry_drop(t, &c->entry);
		return;
	}
	r->entry.kind = (uint8_t)kind;
	r->entry.class = kind == ENTRY_CLOSED ? CLASS_CLOSING : CLASS_OPEN;
	r->entry.queued = rough_time(c->flow.last_ts);
	r->last_ts = c->flow.last_ts;
	for (int d = 0; d < 2; d++) {
		const struct stream *s = &c->stream[d];

		r->side[d] = c->flow.side[d];
		r->base[d] = s->base;
		r->next[d] = s->base + (uint32_t)s->next;
		if (s->flags & STREAM_PLACED)
			r->entry.flags |= (uint8_t)(1 << d);
	}
	entry_drop(t, &c->entry);
	if (!table_insert(t->table[r->entry.class], &r->entry.node, hash))
		pool_put(t->budget.pool, r, sizeof(*r));
}

/* What net/ saw of the end outranks the occasion at which the connection is taken down. */
static enum tcp_close close_reason(const struct conn *c, enum tcp_close why)
{
	bool fin0 = stream_has_fin(&c->stream[0]), fin1 = stream_has_fin(&c->stream[1]);

	if (fin0 && fin1)
		return TCP_CLOSE_FIN;
	if (c->entry.flags & CONN_RST)
		return fin0 || fin1 ? TCP_CLOSE_FIN : TCP_CLOSE_RST;
	if ((fin0 || fin1) && (why == TCP_CLOSE_TIMEOUT || why == TCP_CLOSE_EOF))
		return TCP_CLOSE_FIN;
	return why;
}

static void conn_close(struct tcp *t, struct conn *c, enum tcp_close why, bool remember)
{
	struct entry *busy = t->busy;
	uint8_t flags;

	t->busy = &c->entry;
	why = close_reason(c, why);
	conn_flush(t, c);
	flags = c->entry.flags;
	if ((flags & CONN_OPENED) && !(flags & CONN_IGNORE)) {
		t->stats.closed[why]++;
		t->stats.one_direction += c->flow.packets[0] == 0 || c->flow.packets[1] == 0;
		t->handlers.close(t->ctx, c->user, &c->flow, why);
	}
	t->busy = busy;
	if (remember && (flags & CONN_OPENED))
		conn_shrink(t, c, ENTRY_CLOSED);
	else
		entry_drop(t, &c->entry);
}

static void entry_close(struct tcp *t, struct entry *e, enum tcp_close why)
{
	if (e->kind == ENTRY_CONN)
		conn_close(t, (struct conn *)e, why, false);
	else
		entry_drop(t, e);
}

/* ---- admission ---- */

static size_t entry_count(const struct tcp *t)
{
	size_t n = 0;

	for (int i = 0; i < CONN_CLASSES; i++)
		n += table_count(t->table[i]);
	return n;
}

/* The oldest entry of a class; those that were active where they stood take their due place first. */
static struct entry *class_oldest(struct tcp *t, int class)
{
	struct entry *e = (struct entry *)table_oldest(t->table[class]);

	for (int i = 0; e && e->queued != rough_time(entry_seen(e)) && i < REQUEUE_MOST; i++) {
		e->queued = rough_time(entry_seen(e));
		table_touch(t->table[class], &e->node);
		e = (struct entry *)table_oldest(t->table[class]);
	}
	return e;
}

static struct entry *entry_oldest(struct tcp *t)
{
	struct entry *oldest = NULL;

	for (int i = 0; i < CONN_CLASSES; i++) {
		struct entry *e = class_oldest(t, i);

		if (e && e != t->busy && (!oldest || entry_seen(e) < entry_seen(oldest)))
			oldest = e;
	}
	return oldest;
}

bool tcp_evict(struct tcp *t)
{
	size_t half_open = table_count(t->table[CLASS_HANDSHAKE]);
	struct entry *e = entry_oldest(t);

	/* A flood of SYNs displaces itself, not the connections that work. */
	if (half_open > entry_count(t) / 2)
		e = (struct entry *)table_oldest(t->table[CLASS_HANDSHAKE]);
	if (!e || e == t->busy)
		return false;
	t->stats.evicted += e->kind == ENTRY_CONN;
	entry_close(t, e, TCP_CLOSE_EVICTED);
	return true;
}

/* The sender of a SYN is the client; without a handshake the server has the server's port, or the lower one. */
static bool sender_is_client(const struct tcp *t, const struct packet *p)
{
	bool src, dst;

	if (p->flags & TCP_SYN)
		return !(p->flags & TCP_ACK);
	src = t->handlers.server_port && t->handlers.server_port(t->ctx, p->src.port);
	dst = t->handlers.server_port && t->handlers.server_port(t->ctx, p->dst.port);
	return src == dst ? p->dst.port <= p->src.port : dst;
}

static struct conn *conn_alloc(struct tcp *t)
{
	struct conn *c;

	while (t->limits.connections != 0 && entry_count(t) >= t->limits.connections && tcp_evict(t))
		;
	do
		c = pool_get(t->budget.pool, sizeof(*c));
	while (!c && tcp_evict(t));
	if (!c)
		t->budget.no_memory++;
	return c;
}

static struct conn *conn_admit(struct tcp *t, const struct packet *p, uint32_t hash, int64_t ts, uint64_t frame)
{
	enum dir d = sender_is_client(t, p) ? DIR_CLIENT : DIR_SERVER;
	struct conn *c = p->flags & TCP_RST ? NULL : conn_alloc(t);

	if (!c)
		return NULL;
	c->entry.class = p->flags & TCP_SYN ? CLASS_HANDSHAKE : CLASS_OPEN;
	c->flow.side[d] = p->src;
	c->flow.side[dir_other(d)] = p->dst;
	c->entry.queued = rough_time(ts);
	c->flow.first_ts = c->flow.last_ts = ts;
	c->flow.first_frame = c->flow.last_frame = frame;
	c->flow.vlan = p->vlan;
	if (!table_insert(t->table[c->entry.class], &c->entry.node, hash)) {
		t->budget.no_memory++;
		pool_put(t->budget.pool, c, sizeof(*c));
		return NULL;
	}
	t->stats.connections++;
	if (++t->stats.open > t->stats.open_peak)
		t->stats.open_peak = t->stats.open;
	return c;
}

/* ---- expiry ---- */

/* What the streams count in their budget is part of the statistics. */
static void publish(struct tcp *t)
{
	t->stats.held_bytes = t->budget.held;
	t->stats.held_peak = t->budget.held_peak;
	t->stats.no_memory = t->budget.no_memory;
}

static void expire_class(struct tcp *t, enum conn_class class, int64_t now, unsigned most)
{
	while (most-- > 0) {
		struct entry *e = (struct entry *)table_oldest(t->table[class]);

		if (!e || e == t->busy)
			return;
		if (entry_seen(e) > now) {
			table_touch(t->table[class], &e->node);
			return;
		}
		if ((uint64_t)now - (uint64_t)entry_seen(e) < (uint64_t)t->idle[class])
			return;
		entry_close(t, e, TCP_CLOSE_TIMEOUT);
	}
}

static void expire(struct tcp *t, int64_t now, unsigned most)
{
	for (int i = 0; i < CONN_CLASSES; i++)
		expire_class(t, (enum conn_class)i, now, most);
}

void tcp_settle(struct tcp *t, const struct flow *flow)
{
	struct conn *c = (struct conn *)(void *)((uint8_t *)(uintptr_t)flow - offsetof(struct conn, flow));

	stream_settle(&c->stream[0], &t->budget);
	stream_settle(&c->stream[1], &t->budget);
}

void tcp_tick(struct tcp *t, int64_t now)
{
	expire(t, now, EXPIRE_PER_TICK);
	publish(t);
}

/* ---- packets ---- */

/*
 * Moves an entry to the newest place of its class. To relink it for every packet would cost as much as all the rest where
 * many connections take turns, so one that got there within a sixteenth of the idle time stays where it is.
 */
static void entry_move(struct tcp *t, struct entry *e, enum conn_class class, int64_t ts)
{
	uint32_t hash = e->node.hash;

	if (e->class == class && rough_time(ts) - e->queued < (uint64_t)t->idle[class] >> 34)
		return;
	e->queued = rough_time(ts);
	if (e->class == class) {
		table_touch(t->table[class], &e->node);
		return;
	}
	table_remove(t->table[e->class], &e->node);
	if (table_insert(t->table[class], &e->node, hash))
		e->class = (uint8_t)class;
	else /* no memory to grow: where it was there is room */
		table_insert(t->table[e->class], &e->node, hash);
}

static enum conn_class class_of(const struct conn *c)
{
	if ((c->entry.flags & CONN_RST) || stream_has_fin(&c->stream[0]) || stream_has_fin(&c->stream[1]))
		return CLASS_CLOSING;
	return c->flow.established || (c->entry.flags & CONN_TALKED) ? CLASS_OPEN : CLASS_HANDSHAKE;
}

static void conn_after(struct tcp *t, struct conn *c)
{
	if (c->entry.flags & CONN_IGNORE)
		conn_shrink(t, c, ENTRY_IGNORED);
	else if (conn_finished(c))
		conn_close(t, c, TCP_CLOSE_RST, true); /* or FIN, as it was */
	else
		entry_move(t, &c->entry, class_of(c), c->flow.last_ts);
}

static bool is_far(int32_t distance)
{
	return distance > TCP_WINDOW || distance < -TCP_WINDOW;
}

/*
 * The packet cannot be a late one of the connection that was here: a SYN with another number, numbers far away, or numbers
 * beyond the end of both streams - what was never sent cannot be acknowledged.
 */
static bool begins_anew(const struct remnant *r, enum dir d, const struct packet *p)
{
	enum dir o = dir_other(d);
	int32_t seq = (int32_t)(p->seq - r->next[d]), ack = (int32_t)(p->ack - r->next[o]);

	if (p->flags & TCP_RST)
		return false;
	if (p->flags & TCP_SYN)
		return !(r->entry.flags & 1 << d) || p->seq + 1 != r->base[d];
	if (r->entry.kind == ENTRY_IGNORED || p->payload_len == 0 || !(p->flags & TCP_ACK) || r->entry.flags != 3)
		return false;
	return is_far(seq) || is_far(ack) || (seq > 1 && ack > 1);
}

/* Late packets do not keep a closed connection: should it be taken up again unnoticed, it is found soon. */
static void remnant_feed(struct tcp *t, struct remnant *r, const struct packet *p, int64_t ts)
{
	if (r->entry.kind == ENTRY_CLOSED) {
		t->stats.duplicates += p->payload_len > 0;
		return;
	}
	t->stats.ignored_packets++;
	r->last_ts = ts;
	entry_move(t, &r->entry, p->flags & (TCP_FIN | TCP_RST) ? CLASS_CLOSING : (enum conn_class)r->entry.class, ts);
}

static void conn_packet(struct tcp *t, struct conn *c, const struct packet *p, int64_t ts, uint64_t frame)
{
	uint32_t hash = c->entry.node.hash;

	t->busy = &c->entry;
	if (!conn_feed(t, c, entry_dir(&c->entry, p), p, ts, frame)) {
		conn_close(t, c, TCP_CLOSE_REUSED, false);
		t->busy = NULL;
		c = conn_admit(t, p, hash, ts, frame);
		if (!c)
			return;
		t->busy = &c->entry;
		conn_feed(t, c, entry_dir(&c->entry, p), p, ts, frame);
	}
	t->busy = NULL;
	conn_after(t, c);
}

static void dispatch(struct tcp *t, const struct packet *p, int64_t ts, uint64_t frame)
{
	uint32_t hash = key_hash(t, p);
	struct entry *e = find(t, p, hash);

	if (e && e->kind != ENTRY_CONN) {
		struct remnant *r = (struct remnant *)e;

		if (!begins_anew(r, entry_dir(e, p), p)) {
			remnant_feed(t, r, p, ts);
			return;
		}
		entry_drop(t, e);
		e = NULL;
	}
	if (!e)
		e = (struct entry *)conn_admit(t, p, hash, ts, frame);
	if (e)
		conn_packet(t, (struct conn *)e, p, ts, frame);
}

/* An entry was idle too long when this packet and the one before say so. */
static void pass(struct tcp *t, int64_t ts)
{
	expire(t, ts < t->last_ts ? ts : t->last_ts, EXPIRE_PER_PACKET);
	t->last_ts = ts;
	publish(t);
}

void tcp_pass(struct tcp *t, int64_t ts)
{
	if (!t->timed)
		t->last_ts = ts;
	t->timed = true;
	pass(t, ts);
}

void tcp_packet(struct tcp *t, const struct packet *p, int64_t ts, uint64_t frame)
{
	if (!t->timed)
		t->last_ts = ts;
	t->timed = true;
	t->stats.packets++;
	t->stats.payload_bytes += p->payload.n;
	dispatch(t, p, ts, frame);
	pass(t, ts);
}

/* ---- life ---- */

struct tcp *tcp_new(struct pool *pool, const struct tcp_limits *limits, const uint8_t seed[16],
		    const struct tcp_handlers *handlers, void *ctx)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->budget.pool = pool;
	t->limits = *limits;
	t->idle[CLASS_OPEN] = limits->idle_open_ns;
	t->idle[CLASS_HANDSHAKE] = limits->idle_handshake_ns;
	t->idle[CLASS_CLOSING] = limits->idle_closing_ns;
	t->handlers = *handlers;
	t->ctx = ctx;
	for (int i = 0; i < CONN_CLASSES; i++) {
		t->table[i] = table_new(entry_eq, seed, 0);
		if (!t->table[i]) {
			tcp_free(&t);
			return NULL;
		}
	}
	return t;
}

/* Frame in which it fell silent; 0 of what is over and says nothing any more. */
static uint64_t last_frame(const struct table_node *node)
{
	const struct entry *e = (const struct entry *)node;

	return e->kind == ENTRY_CONN ? ((const struct conn *)e)->flow.last_frame : 0;
}

static struct entry *earliest(const struct tcp *t)
{
	struct entry *first = NULL;

	for (int i = 0; i < CONN_CLASSES; i++) {
		struct entry *e = (struct entry *)table_oldest(t->table[i]);

		if (e && (!first || last_frame(&e->node) < last_frame(&first->node)))
			first = e;
	}
	return first;
}

/* The tables are only roughly in the order of time (entry_move()), by what else was open; what is said last must not depend on that. */
bool tcp_finish(struct tcp *t, size_t most)
{
	struct entry *e;

	for (int i = 0; !t->sorted && i < CONN_CLASSES; i++)
		table_sort(t->table[i], last_frame);
	t->sorted = true;
	e = earliest(t);
	for (; e && most > 0; most--) {
		entry_close(t, e, TCP_CLOSE_EOF);
		e = earliest(t);
	}
	t->sorted = e != NULL;
	publish(t);
	return !e;
}

void tcp_free(struct tcp **t)
{
	struct tcp *dead = *t;

	*t = NULL;
	if (!dead)
		return;
	if (dead->table[CONN_CLASSES - 1])
		tcp_finish(dead, SIZE_MAX);
	for (int i = 0; i < CONN_CLASSES; i++)
		table_free(&dead->table[i]);
	free(dead);
}

const struct tcp_stats *tcp_stats(const struct tcp *t)
{
	return &t->stats;
}
