/*
 * limits_net.c - limits of net/tcp and net/defrag. See limit_rows.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "limit_rows.h"
#include "smtpscope/defrag.h"
#include "smtpscope/tcp.h"

static const uint8_t seed[16] = "limits";
static const int64_t second = 1000000000;

/* ---- net/tcp ---- */

static void *on_open(void *ctx, const struct flow *f)
{
	(void)f;
	return ctx;
}

static enum tcp_want on_chunk(void *ctx, void *user, const struct flow *f, const struct chunk *c)
{
	(void)ctx;
	(void)user;
	(void)f;
	(void)c;
	return TCP_WANT;
}

static void on_close(void *ctx, void *user, const struct flow *f, enum tcp_close why)
{
	(void)ctx;
	(void)user;
	(void)f;
	(void)why;
}

static bool on_port(void *ctx, uint16_t port)
{
	(void)ctx;
	return port == 25;
}

struct wire {
	struct pool *pool;
	struct tcp *tcp;
	uint64_t peak, frame;
};

static void wire_up(struct wire *w, const struct tcp_limits *limits)
{
	static const struct tcp_handlers handlers = {on_open, on_chunk, on_close, on_port};

	*w = (struct wire){.pool = pool_new(0)};
	w->tcp = tcp_new(w->pool, limits, seed, &handlers, w);
}

static void segment(struct wire *w, uint16_t port, enum dir d, uint8_t flags, uint32_t seq, struct span payload, int64_t ts)
{
	struct endpoint c = {.addr = {10, 0, (uint8_t)(port >> 8), (uint8_t)port}, .port = 50000, .family = 4};
	struct endpoint s = {.addr = {192, 0, 2, 25}, .port = 25, .family = 4};
	struct packet p = {.src = d == DIR_CLIENT ? c : s, .dst = d == DIR_CLIENT ? s : c, .seq = seq, .ack = 1, .flags = flags,
			   .payload = payload, .payload_len = (uint32_t)payload.n};

	tcp_packet(w->tcp, &p, ts, ++w->frame);
	if (pool_used(w->pool) > w->peak)
		w->peak = pool_used(w->pool);
}

static void open_connection(struct wire *w, uint16_t port, int64_t ts)
{
	segment(w, port, DIR_CLIENT, TCP_SYN, 0, SPAN_ABSENT, ts);
	segment(w, port, DIR_SERVER, TCP_SYN | TCP_ACK, 0, SPAN_ABSENT, ts);
	segment(w, port, DIR_CLIENT, TCP_ACK, 1, SPAN_ABSENT, ts);
}

static void wire_down(struct wire *w, struct outcome *o)
{
	o->peak = w->peak;
	tcp_free(&w->tcp);
	assert_int_equal(pool_used(w->pool), 0);
	pool_free(&w->pool);
}

static void connections(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct tcp_limits limits = tcp_limits_default;
	struct wire w;

	limits.connections = limit;
	wire_up(&w, &limits);
	for (uint64_t i = 0; i < n; i++)
		open_connection(&w, (uint16_t)i, second);
	o->over = tcp_stats(w.tcp)->evicted;
	wire_down(&w, o);
}

/* n octets beyond a hole, one a segment: each counts with its head, so what is held is what net/tcp itself counts. */
static void held(const struct tcp_limits *limits, uint64_t streams, uint64_t limit, uint64_t n, struct outcome *o)
{
	enum { HEAD = 64 }; /* of a block: 48, and its octet, to the next 16 */
	struct wire w;

	wire_up(&w, limits);
	for (uint64_t i = 0; i < streams; i++)
		open_connection(&w, (uint16_t)i, second);
	for (uint64_t i = 0; i < n; i++)
		segment(&w, (uint16_t)(i % streams), DIR_CLIENT, TCP_ACK, 100 + 2 * (uint32_t)i, SPAN("x"), second);
	o->over = tcp_stats(w.tcp)->gaps;
	assert_true(tcp_stats(w.tcp)->held_peak <= limit + 2 * HEAD);
	wire_down(&w, o);
}

/* What one octet behind a hole counts. */
static uint64_t one_held(struct outcome *o)
{
	struct tcp_limits limits = tcp_limits_default;
	struct wire w;
	uint64_t one;

	wire_up(&w, &limits);
	open_connection(&w, 0, second);
	segment(&w, 0, DIR_CLIENT, TCP_ACK, 100, SPAN("x"), second);
	one = tcp_stats(w.tcp)->held_bytes;
	wire_down(&w, o);
	return one;
}

static void held_per_stream(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct tcp_limits limits = tcp_limits_default;

	limits.held_per_stream = limit * one_held(o);
	held(&limits, 1, limits.held_per_stream, n, o);
}

static void held_total(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct tcp_limits limits = tcp_limits_default;

	limits.held_total = limit * one_held(o);
	held(&limits, 5, limits.held_total, n, o);
}

/* n: nanoseconds of silence; class 0: SYN alone, 1: established, 2: one FIN. */
static void idle(unsigned class, int64_t silence, struct outcome *o)
{
	static const enum tcp_close why[] = {TCP_CLOSE_TIMEOUT, TCP_CLOSE_TIMEOUT, TCP_CLOSE_FIN};
	struct wire w;

	wire_up(&w, &tcp_limits_default);
	if (class == 0)
		segment(&w, 1, DIR_CLIENT, TCP_SYN, 0, SPAN_ABSENT, second);
	else
		open_connection(&w, 1, second);
	if (class == 2)
		segment(&w, 1, DIR_CLIENT, TCP_FIN | TCP_ACK, 1, SPAN_ABSENT, second);
	tcp_tick(w.tcp, second + silence);
	o->over = class == 0 ? tcp_stats(w.tcp)->open == 0 : tcp_stats(w.tcp)->closed[why[class]];
	wire_down(&w, o);
}

static void idle_handshake(uint64_t limit, uint64_t n, struct outcome *o)
{
	(void)limit;
	idle(0, (int64_t)n - 1, o);
}

static void idle_open(uint64_t limit, uint64_t n, struct outcome *o)
{
	(void)limit;
	idle(1, (int64_t)n - 1, o);
}

static void idle_closing(uint64_t limit, uint64_t n, struct outcome *o)
{
	(void)limit;
	idle(2, (int64_t)n - 1, o);
}

/* ---- net/defrag ---- */

static void fragment(struct defrag *d, uint32_t id, size_t off, size_t octets, int64_t ts)
{
	static const uint8_t text[65536];
	struct ip_fragment whole, f = {.src = {.addr = {10, 0, 0, 1}, .family = 4}, .dst = {.addr = {10, 0, 0, 2}, .family = 4}, .protocol = 6,
				       .id = id, .offset = (uint32_t)off, .more = true, .payload = span_of(text, octets), .length = (uint32_t)octets};

	defrag_push(d, &f, ts, &whole);
}

static void datagrams(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct defrag_limits limits = defrag_limits_default;
	struct pool *pool = pool_new(0);
	struct defrag *d;

	limits.sets = limit;
	d = defrag_new(pool, &limits, seed);
	for (uint64_t i = 0; i < n; i++) {
		fragment(d, (uint32_t)i, 0, 8, second);
		o->peak = pool_used(pool) > o->peak ? pool_used(pool) : o->peak;
	}
	o->over = defrag_stats(d)->evicted;
	defrag_free(&d);
	pool_free(&pool);
}

static void fragment_octets(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct defrag_limits limits = defrag_limits_default;
	struct pool *pool = pool_new(0);
	struct defrag *d;

	(void)limit;
	limits.bytes = 20 * 1600; /* datagrams of a piece of 1024 octets, and what it takes to keep order */
	d = defrag_new(pool, &limits, seed);
	for (uint64_t i = 0; i < n; i++) {
		fragment(d, (uint32_t)i, 0, 1024, second);
		o->peak = pool_used(pool) > o->peak ? pool_used(pool) : o->peak;
	}
	o->over = defrag_stats(d)->evicted;
	assert_true(o->peak <= limits.bytes + 4096 + 2048 * sizeof(void *)); /* its table */
	defrag_free(&d);
	pool_free(&pool);
}

static void fragment_age(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct pool *pool = pool_new(0);
	struct defrag *d = defrag_new(pool, &defrag_limits_default, seed);

	(void)limit;
	fragment(d, 1, 0, 8, second);
	fragment(d, 2, 0, 8, second + (int64_t)n);
	o->over = defrag_stats(d)->expired;
	defrag_free(&d);
	pool_free(&pool);
}

static const struct limit rows[] = {
    {"tcp_limits.connections", 16, connections, true, 0, 0},
    {"tcp_limits.held_per_stream", 16, held_per_stream, false, 0, 0},
    {"tcp_limits.held_total", 20, held_total, false, 0, 0},
    {"tcp_limits.idle_handshake_ns", UINT64_C(60) * 1000000000, idle_handshake, false, 0, 0},
    {"tcp_limits.idle_open_ns", UINT64_C(3600) * 1000000000, idle_open, false, 0, 0},
    {"tcp_limits.idle_closing_ns", UINT64_C(30) * 1000000000, idle_closing, false, 0, 0},
    {"defrag_limits.sets", 16, datagrams, true, 0, 0},
    {"defrag_limits.bytes", 0, fragment_octets, false, 0, 100},
    {"defrag_limits.timeout_ns", UINT64_C(30) * 1000000000, fragment_age, false, 0, 0},
};
const struct limit_rows limits_net = {rows, sizeof rows / sizeof *rows};
