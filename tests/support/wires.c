/* wires.c - see wires.h. */
#include "wires.h"

#include "smtpscope/cause.h"
#include "smtpscope/defrag.h"
#include "smtpscope/session.h"
#include "smtpscope/tcp.h"
#include "smtpscope/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* a.b.c.d is 2001:db8:ab:c00::d, so that a /24 of one is a /64 of the other; 127.0.0.1 is ::1. */
static struct endpoint endpoint_of(const struct dialog *d, enum dir side, uint8_t family)
{
	const uint8_t *a = side == DIR_CLIENT ? d->client : d->server;
	struct endpoint e = {.port = side == DIR_CLIENT ? (uint16_t)(51234 + d->number) : d->port, .family = family};

	if (family == 4) {
		memcpy(e.addr, a, 4);
		return e;
	}
	if (a[0] != 127) {
		memcpy(e.addr, "\x20\x01\x0d\xb8", 4);
		memcpy(e.addr + 4, a, 3);
	}
	e.addr[15] = a[3];
	return e;
}

/* What stands behind the sessions, joined as app does it. */
struct stages {
	struct cause cause;
	struct watch *watch;
	struct watch_settings settings;
};

static void stages_init(struct stages *s, struct pool *pool, emit_fn *emit, void *ctx)
{
	static const uint8_t seed[16] = {3};

	watch_settings_default(&s->settings);
	s->watch = watch_new(pool, seed, &s->settings, &watch_limits_default, emit, ctx);
	cause_init(&s->cause, pool, watch_emit, s->watch);
}

/* ---- straight into the session ---- */

#define FIRST_ID UINT64_C(0x7f3a9c21d05e44b1)

static void feed_piece(struct session *s, const struct piece *p, size_t from, size_t to, uint64_t frame)
{
	struct chunk c = {.kind = p->lost ? CHUNK_GAP : CHUNK_DATA, .dir = p->dir, .off = p->off + from, .len = to - from,
			  .ts = p->ts, .frame = frame, .peer_seen = p->peer_seen};
	uint8_t *copy = NULL;

	if (!p->lost) {
		copy = malloc(to - from + 1); /* so that ASan sees what is kept too long */
		memcpy(copy, p->data + from, to - from);
		c.data = copy;
	}
	session_feed(s, &c);
	free(copy);
}

/* A second copy of the piece, whole and in parts; that it is equal makes it the worst case for what is shown of both. */
static void feed_conflicts(struct session *s, const struct piece *p)
{
	enum { PART = 7 };

	for (size_t at = 0; !p->lost && at < p->n; at += PART) {
		struct chunk c = {.kind = CHUNK_CONFLICT, .dir = p->dir, .off = p->off + at, .len = p->n - at, .ts = p->ts, .frame = 3,
				  .peer_seen = p->peer_seen, .data = p->data + at, .kept = p->data + at};

		session_feed(s, &c);
	}
}

/* Tells of the second copy as net/stream does: from the first octet that differs to the last. */
static void feed_other(struct session *s, const struct piece *p, uint64_t frame)
{
	size_t from = 0, to = p->n;

	while (from < to && p->data[from] == p->other[from])
		from++;
	while (to > from && p->data[to - 1] == p->other[to - 1])
		to--;
	if (from < to)
		session_feed(s, &(struct chunk){.kind = CHUNK_CONFLICT, .dir = p->dir, .off = p->off + from, .len = to - from,
						.ts = p->ts, .frame = frame, .peer_seen = p->peer_seen,
						.data = p->other + from, .kept = p->data + from});
}

static void feed_end(struct session *s, const struct dialog *d, uint64_t frame)
{
	for (int i = 0; i < 2 && d->close == TCP_CLOSE_FIN; i++) {
		enum dir dir = i == 0 ? d->closer : dir_other(d->closer);

		session_feed(s, &(struct chunk){.kind = CHUNK_END, .dir = dir, .ts = d->end_ts, .frame = frame});
	}
}

static void feed_one(const struct dialog *d, const struct feeding *f, struct pool *pool, struct stages *stages)
{
	struct flow flow = {.side = {endpoint_of(d, DIR_CLIENT, 4), endpoint_of(d, DIR_SERVER, 4)}, .syn_seen = !d->midstream,
			    .established = !d->midstream, .first_ts = d->piece[0].ts, .last_ts = d->end_ts, .first_frame = 1};
	struct session_setup setup = {.id = FIRST_ID + d->number, .syn_seen = !d->midstream, .server_port = d->port};
	const struct session_config *config = f->config ? f->config : &d->config;
	struct session *s;
	struct sleeping *z;
	uint64_t frame = 3;

	if (d->close == TCP_CLOSE_RST)
		flow.reset_by = (uint8_t)(1 << d->closer);
	for (int i = 0; i < 2; i++)
		flow.packets[i] = d->one_sided[i] ? 0 : 9;
	s = session_new(pool, config, &setup, &flow, cause_emit, &stages->cause);
	if (!s) /* an allocation was made to fail */
		return;
	for (size_t i = 0; i < d->count; i++) {
		const struct piece *p = &d->piece[i];
		size_t step = f->chunk && !p->lost ? f->chunk : p->n; /* a hole is one hole */

		for (size_t at = 0; at < p->n; at += step) {
			size_t to = p->n - at < step ? p->n : at + step;

			if (f->split_at && !p->lost && i == f->split_piece && at < f->split_at && f->split_at < to) {
				feed_piece(s, p, at, f->split_at, ++frame);
				feed_piece(s, p, f->split_at, to, ++frame);
			} else {
				feed_piece(s, p, at, to, ++frame);
			}
			z = f->naps ? session_sleep(&s) : NULL;
			while (z) /* the allocation that was made to fail fails once */
				s = session_wake(&z, pool, config, &setup, &flow, cause_emit, &stages->cause);
		}
		if (p->other)
			feed_other(s, p, ++frame);
		if (f->conflicts)
			feed_conflicts(s, p);
	}
	feed_end(s, d, ++frame);
	session_close(&s, d->close, d->end_ts);
}

void feed_session(const struct dialog *d, const struct feeding *f, emit_fn *emit, void *ctx)
{
	struct pool *pool = pool_new(0);
	struct stages stages;

	stages_init(&stages, pool, emit, ctx);
	pool_fail_at(pool, f->fail_at);
	for (const struct dialog *one = d; one; one = one->next)
		feed_one(one, f, pool, &stages);
	if (f->failures)
		*f->failures = pool_failures(pool);
	watch_free(&stages.watch);
	if (pool_used(pool) != 0) {
		fprintf(stderr, "%s: %llu octets of memory not given back\n", d->name, (unsigned long long)pool_used(pool));
		exit(1);
	}
	pool_free(&pool);
}

/* ---- through net/ ---- */

static void plan_add(struct plan *p, enum dir dir, uint64_t off, uint64_t seen, uint8_t flags, struct span payload, int64_t ts,
		     bool fixed)
{
	struct segment s = {.src = p->side[dir], .dst = p->side[dir_other(dir)], .flags = flags, .payload = payload,
			    .offload = p->w->offload};

	s.seq = p->w->isn[dir] + 1 + (uint32_t)off - (flags & TCP_SYN ? 1 : 0);
	s.ack = flags & TCP_ACK ? p->w->isn[dir_other(dir)] + 1 + (uint32_t)seen : 0;
	if (p->d->one_sided[dir] || p->n == MAX_SEGMENTS)
		return;
	p->list[p->n++] = (struct planned){s, ts, fixed, p->w->link, 0};
}

void plan_insert(struct plan *p, size_t at, const struct planned *q)
{
	struct planned copy = *q; /* it may be one of the list */

	if (p->n == MAX_SEGMENTS) {
		fprintf(stderr, "more segments than a plan has room for\n");
		exit(2);
	}
	memmove(p->list + at + 1, p->list + at, (p->n++ - at) * sizeof *p->list);
	p->list[at] = copy;
}

void plan_remove(struct plan *p, size_t at)
{
	memmove(p->list + at, p->list + at + 1, (--p->n - at) * sizeof *p->list);
}

static void plan_piece(struct plan *p, const struct piece *q)
{
	for (size_t at = 0; at < q->n && !q->lost; at += p->w->mss) {
		size_t n = q->n - at < p->w->mss ? q->n - at : p->w->mss;

		plan_add(p, q->dir, q->off + at, q->peer_seen, TCP_ACK | TCP_PSH, span_of(q->data + at, n), q->ts, false);
		if (p->w->duplicate)
			plan_add(p, q->dir, q->off + at, q->peer_seen, TCP_ACK | TCP_PSH, span_of(q->data + at, n), q->ts, false);
	}
	if (q->other)
		plan_add(p, q->dir, q->off, q->peer_seen, TCP_ACK | TCP_PSH, span_of(q->other, q->n), q->ts, false);
	if (p->w->overlap && !q->lost && q->n > 1)
		plan_add(p, q->dir, q->off + q->n / 3, q->peer_seen, TCP_ACK, span_of(q->data + q->n / 3, q->n - q->n / 3),
			 q->ts, false);
}

static void plan_open(struct plan *p)
{
	int64_t ts = p->d->piece[0].ts - 3000000;

	if (p->w->no_handshake || p->d->midstream)
		return;
	plan_add(p, DIR_CLIENT, 0, 0, TCP_SYN, SPAN_ABSENT, ts, true);
	plan_add(p, DIR_SERVER, 0, 0, TCP_SYN | TCP_ACK, SPAN_ABSENT, ts + 1000000, true);
	plan_add(p, DIR_CLIENT, 0, 0, TCP_ACK, SPAN_ABSENT, ts + 2000000, true);
}

static void plan_close(struct plan *p, const uint64_t off[2])
{
	enum dir first = p->d->closer, second = dir_other(first);
	int64_t ts = p->d->end_ts;

	if (p->d->close == TCP_CLOSE_RST)
		plan_add(p, first, off[first], off[second], TCP_RST | TCP_ACK, SPAN_ABSENT, ts, true);
	if (p->d->close != TCP_CLOSE_FIN)
		return;
	plan_add(p, first, off[first], off[second], TCP_FIN | TCP_ACK, SPAN_ABSENT, ts, true);
	plan_add(p, second, off[second], off[first] + 1, TCP_FIN | TCP_ACK, SPAN_ABSENT, ts + 1000000, true);
	plan_add(p, first, off[first] + 1, off[second] + 1, TCP_ACK, SPAN_ABSENT, ts + 2000000, true);
}

static void plan_make(struct plan *p)
{
	uint64_t off[2] = {0, 0};

	plan_open(p);
	for (size_t i = 0; i < p->d->count; i++) {
		const struct piece *q = &p->d->piece[i];

		plan_piece(p, q);
		off[q->dir] = q->off + q->n;
	}
	plan_close(p, off);
}

/* How many segments from start on may change places: nothing overtakes what was sent a pause earlier. */
static size_t window_from(const struct plan *p, size_t start, size_t last)
{
	size_t n = 1;

	while (n < p->w->shuffle && start + n < last && p->list[start + n].ts - p->list[start].ts < 1000000000)
		n++;
	return n;
}

/* Fisher-Yates inside windows, deterministic; timestamps stay in order of arrival. */
static void plan_shuffle(struct plan *p)
{
	uint32_t x = p->w->seed ? p->w->seed : 1;
	size_t first = 0, last = p->n, n;

	while (first < p->n && p->list[first].fixed)
		first++;
	while (last > first && p->list[last - 1].fixed)
		last--;
	for (size_t start = first; p->w->shuffle && start < last; start += n) {
		n = window_from(p, start, last);
		for (size_t i = n - 1; i > 0 && n; i--) {
			struct segment t = p->list[start + i].s;
			size_t j;

			x = x * 1664525 + 1013904223;
			j = (x >> 16) % (i + 1);
			p->list[start + i].s = p->list[start + j].s;
			p->list[start + j].s = t;
		}
	}
}

struct receiver {
	struct pool *pool;
	struct stages stages;
	const struct dialog *d;
	struct tcp *tcp;
	struct defrag *defrag;
	uint64_t frame;
	bool verify;
};

static const struct dialog *dialog_of(const struct receiver *r, const struct flow *f)
{
	const struct dialog *d = r->d;

	while (d->next && f->side[0].port != 51234 + d->number && f->side[1].port != 51234 + d->number)
		d = d->next;
	return d;
}

static void *on_open(void *ctx, const struct flow *f)
{
	struct receiver *r = ctx;
	struct session_setup setup = {.id = FIRST_ID + dialog_of(r, f)->number, .syn_seen = f->syn_seen, .server_port = f->side[DIR_SERVER].port,
				      .guessed_roles = !f->syn_seen};

	return session_new(r->pool, &r->d->config, &setup, f, cause_emit, &r->stages.cause);
}

static enum tcp_want on_chunk(void *ctx, void *user, const struct flow *f, const struct chunk *c)
{
	(void)ctx;
	(void)f;
	session_feed(user, c);
	return TCP_WANT;
}

static void on_close(void *ctx, void *user, const struct flow *f, enum tcp_close why)
{
	struct session *s = user;

	(void)ctx;
	session_close(&s, why, f->last_ts);
}

static bool on_port(void *ctx, uint16_t port)
{
	const struct dialog *d = ((struct receiver *)ctx)->d;

	while (d && d->port != port)
		d = d->next;
	return d != NULL;
}

static void receive_frame(void *ctx, int dlt, const struct built *b, int64_t ts)
{
	struct receiver *r = ctx;
	struct packet packet;
	struct ip_fragment whole;
	uint8_t *copy = malloc(b->n);
	enum packet_verdict v;

	r->frame++;
	memcpy(copy, b->bytes, b->n);
	v = packet_parse(dlt, span_of(copy, b->n), (uint32_t)(b->n + b->cut), r->verify, &packet);
	if (v == PACKET_FRAGMENT && defrag_push(r->defrag, &packet.frag, ts, &whole) == 1)
		v = packet_parse_ip(&whole, r->verify, &packet);
	if (v == PACKET_DONE)
		tcp_packet(r->tcp, &packet, ts, r->frame);
	else if (v != PACKET_FRAGMENT && !b->cut && v != PACKET_BAD_CHECKSUM)
		fprintf(stderr, "a frame of the test was read as %s\n", packet_verdict_name(v));
	free(copy);
}

static void session_frames(const struct dialog *d, const struct wire *w, wire_frame_fn *each, void *ctx)
{
	static struct built b;
	static struct plan plan;

	plan.n = 0;
	plan.d = d;
	plan.w = w;
	plan.side[0] = endpoint_of(d, DIR_CLIENT, w->family);
	plan.side[1] = endpoint_of(d, DIR_SERVER, w->family);
	plan_make(&plan);
	plan_shuffle(&plan);
	if (w->disturb)
		w->disturb(&plan, w->nth);
	for (size_t i = 0; i < plan.n; i++) {
		const struct planned *q = &plan.list[i];

		if (!w->fragments) {
			build_frame(q->link, &q->s, (uint16_t)i, &b);
			b.cut = q->snap && q->snap < b.n ? b.n - q->snap : 0;
			b.n -= b.cut;
			each(ctx, wire_link_dlt(q->link), &b, q->ts);
			continue;
		}
		b.cut = 0;
		for (unsigned k = 0; build_fragment(&q->s, (uint16_t)i, 64, k, &b); k++)
			each(ctx, 1, &b, q->ts);
	}
}

void wire_frames(const struct dialog *d, const struct wire *w, wire_frame_fn *each, void *ctx)
{
	for (; d; d = d->next)
		session_frames(d, w, each, ctx);
}

void feed_wire(const struct dialog *d, const struct wire *w, emit_fn *emit, void *ctx)
{
	static const struct tcp_handlers handlers = {on_open, on_chunk, on_close, on_port};
	static const uint8_t seed[16] = {7};
	struct receiver r = {.pool = pool_new(0), .d = d, .verify = !w->unverified};

	stages_init(&r.stages, r.pool, emit, ctx);
	r.tcp = tcp_new(r.pool, &tcp_limits_default, seed, &handlers, &r);
	r.defrag = defrag_new(r.pool, &defrag_limits_default, seed);
	wire_frames(d, w, receive_frame, &r);
	tcp_free(&r.tcp);
	watch_free(&r.stages.watch);
	defrag_free(&r.defrag);
	pool_free(&r.pool);
}

const struct wire wires[] = {
    {.name = "ethernet", .link = WIRE_ETHERNET, .family = 4, .mss = 1460},
    {.name = "ipv6", .link = WIRE_ETHERNET, .family = 6, .mss = 1440},
    {.name = "vlan", .link = WIRE_VLAN, .family = 4, .mss = 512},
    {.name = "qinq, ipv6", .link = WIRE_QINQ, .family = 6, .mss = 512},
    {.name = "mpls", .link = WIRE_MPLS, .family = 4, .mss = 100},
    {.name = "pppoe", .link = WIRE_PPPOE, .family = 4, .mss = 100},
    {.name = "sll", .link = WIRE_SLL, .family = 4, .mss = 100},
    {.name = "sll2", .link = WIRE_SLL2, .family = 6, .mss = 100},
    {.name = "null", .link = WIRE_NULL_LE, .family = 4, .mss = 60000},
    {.name = "null, other byte order", .link = WIRE_NULL_BE, .family = 6, .mss = 60000},
    {.name = "raw ip", .link = WIRE_RAW, .family = 4, .mss = 33},
    {.name = "gre", .link = WIRE_GRE, .family = 4, .mss = 100},
    {.name = "vxlan", .link = WIRE_VXLAN, .family = 4, .mss = 100},
    {.name = "ppp", .link = WIRE_PPP, .family = 4, .mss = 100},
    {.name = "ipv6 in ip", .link = WIRE_IP6IP, .family = 4, .mss = 100},
    {.name = "ip in ip", .link = WIRE_IPIP, .family = 6, .mss = 100},
    {.name = "one octet a segment", .link = WIRE_ETHERNET, .family = 4, .mss = 1},
    {.name = "every segment twice", .link = WIRE_ETHERNET, .family = 4, .mss = 16, .duplicate = true},
    {.name = "overlaps", .link = WIRE_ETHERNET, .family = 4, .mss = 16, .overlap = true},
    {.name = "ip fragments", .link = WIRE_ETHERNET, .family = 4, .mss = 1460, .fragments = true},
    {.name = "ipv6 fragments", .link = WIRE_ETHERNET, .family = 6, .mss = 1460, .fragments = true},
    {.name = "sequence wrap", .link = WIRE_ETHERNET, .family = 4, .mss = 7, .isn = {0xfffffff0, 0xffffffc0}},
    {.name = "isn ffffffff", .link = WIRE_ETHERNET, .family = 4, .mss = 100, .isn = {0xffffffff, 0xffffffff}},
    {.name = "reordered by 2", .link = WIRE_ETHERNET, .family = 4, .mss = 40, .shuffle = 2, .seed = 5},
    {.name = "reordered by 8", .link = WIRE_ETHERNET, .family = 4, .mss = 20, .shuffle = 8, .seed = 1},
    {.name = "reordered by 16, twice", .link = WIRE_ETHERNET, .family = 4, .mss = 20, .shuffle = 16, .seed = 9, .duplicate = true},
    {.name = "reordered by 32, overlaps", .link = WIRE_ETHERNET, .family = 4, .mss = 11, .shuffle = 32, .seed = 3, .overlap = true},
    {.name = "without its handshake", .link = WIRE_ETHERNET, .family = 4, .mss = 1460, .no_handshake = true},
};
const size_t wire_count = sizeof wires / sizeof *wires;
