/*
 * run_limits.c - every row of struct tcp_limits, defrag_limits and session_limits, and the limits that are constants: one below, at it, one
 * above, and a hundred times as much (reliability 5). Beyond a limit something is counted or said, below it nothing is; and memory at a
 * hundred times is what it is a little above. The tables of diag/watch are in tests/unit/test_watch.c, sinks in test_sink.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtpscope/auth.h"
#include "smtpscope/cause.h"
#include "smtpscope/defrag.h"
#include "smtpscope/line.h"
#include "smtpscope/session.h"
#include "smtpscope/tcp.h"

static const uint8_t seed[16] = "limits";
static const int64_t second = 1000000000;

/* What a run showed. */
struct outcome {
	uint64_t over; /* how much was beyond the limit, as counted or said */
	uint64_t peak; /* octets of memory */
};

struct limit {
	const char *name;
	uint64_t limit;
	void (*drive)(uint64_t limit, uint64_t n, struct outcome *o);
	bool exact; /* over is how much n is above the limit; else only whether */
	uint64_t room; /* what another limit beyond this one may take */
};

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

static void held_per_stream(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct tcp_limits limits = tcp_limits_default;
	struct wire w;
	uint64_t one;

	wire_up(&w, &limits); /* what one such octet counts */
	open_connection(&w, 0, second);
	segment(&w, 0, DIR_CLIENT, TCP_ACK, 100, SPAN("x"), second);
	one = tcp_stats(w.tcp)->held_bytes;
	wire_down(&w, o);
	limits.held_per_stream = limit * one;
	held(&limits, 1, limit * one, n, o);
}

static void held_total(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct tcp_limits limits = tcp_limits_default;
	struct wire w;
	uint64_t one;

	wire_up(&w, &limits);
	open_connection(&w, 0, second);
	segment(&w, 0, DIR_CLIENT, TCP_ACK, 100, SPAN("x"), second);
	one = tcp_stats(w.tcp)->held_bytes;
	wire_down(&w, o);
	limits.held_total = limit * one;
	held(&limits, 5, limit * one, n, o);
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

	limits.bytes = limit * 1600; /* datagrams of a piece of 1024 octets, and what it takes to keep order */
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

/* ---- smtp/session ---- */

struct talk {
	struct pool *pool;
	struct cause cause;
	struct session *s;
	struct flow flow;
	struct session_config config;
	struct session_limits limits;
	uint64_t off[2], peak, overflows, cut, listed, recipients, lines, challenges;
};

static void on_event(void *ctx, struct event *ev)
{
	struct talk *t = ctx;

	t->cut += ev->truncated == EV_TRUE;
	t->overflows += ev->set == DS_FINDING && span_eq(ev->finding_id, SPAN("outstanding_overflow"));
	if (ev->set == DS_MESSAGE) {
		t->listed = ev->rcpt_to.n;
		t->recipients = ev->rcpt_count;
	}
	if (ev->set == DS_COMMAND && span_eq(ev->verb, SPAN("HELP")))
		t->lines = ev->reply_text.n;
	if (ev->set == DS_AUTH)
		t->challenges = ev->challenges.n;
}

static void say(struct talk *t, enum dir d, const void *octets, size_t n)
{
	struct chunk c = {.kind = CHUNK_DATA, .dir = d, .off = t->off[d], .len = n, .data = octets, .peer_seen = t->off[dir_other(d)]};

	session_feed(t->s, &c);
	t->off[d] += n;
	t->peak = pool_used(t->pool) > t->peak ? pool_used(t->pool) : t->peak;
}

static void client(struct talk *t, const char *text)
{
	say(t, DIR_CLIENT, text, strlen(text));
}

static void server(struct talk *t, const char *text)
{
	say(t, DIR_SERVER, text, strlen(text));
}

static void begin(struct talk *t)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};

	t->config = session_config_default;
	t->config.limits = &t->limits;
	t->pool = pool_new(0);
	t->flow = (struct flow){.syn_seen = true, .packets = {1, 1}};
	cause_init(&t->cause, t->pool, on_event, t);
	t->s = session_new(t->pool, &t->config, &setup, &t->flow, cause_emit, &t->cause);
	server(t, "220 mx.example ESMTP\r\n");
	client(t, "EHLO c.example\r\n");
	server(t, "250-mx.example\r\n250-PIPELINING\r\n250 AUTH LOGIN\r\n");
	t->cut = 0;
}

static void end(struct talk *t, struct outcome *o)
{
	session_close(&t->s, TCP_CLOSE_FIN, 0);
	assert_int_equal(pool_used(t->pool), 0);
	pool_free(&t->pool);
	o->peak = t->peak;
}

static void outstanding(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};

	t.limits.outstanding = (uint32_t)limit;
	begin(&t);
	for (uint64_t i = 0; i < n; i++)
		client(&t, "RSET\r\n");
	end(&t, o);
	o->over = t.overflows;
}

static void recipients(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};

	t.limits.recipients = (uint32_t)limit;
	begin(&t);
	client(&t, "MAIL FROM:<a@b.example>\r\n");
	server(&t, "250 ok\r\n");
	for (uint64_t i = 0; i < n; i++) {
		client(&t, "RCPT TO:<someone@example.org>\r\n");
		server(&t, "250 ok\r\n");
	}
	end(&t, o);
	assert_int_equal(t.recipients, n);
	assert_int_equal(t.listed, n < limit ? n : limit);
	assert_int_equal(t.cut > 0, n > limit);
	o->over = t.recipients - t.listed;
}

static void reply_lines(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};

	t.limits.reply_lines = (uint32_t)limit;
	begin(&t);
	client(&t, "HELP\r\n");
	for (uint64_t i = 1; i < n; i++)
		server(&t, "214-text\r\n");
	server(&t, "214 text\r\n");
	end(&t, o);
	assert_int_equal(t.lines, n < limit ? n : limit);
	o->over = t.cut;
}

/* Memory goes by the octets, so the limit is reached somewhere below as many addresses as would fill it; said it is all the same. */
static void transaction(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};

	t.limits.transaction_bytes = limit * 512;
	begin(&t);
	client(&t, "MAIL FROM:<a@b.example>\r\n");
	server(&t, "250 ok\r\n");
	for (uint64_t i = 0; i < n; i++) {
		client(&t, "RCPT TO:<an-address-that-is-not-a-short-one-but-of-some-length-so-that-it-counts@mail.department.example.org>\r\n");
		server(&t, "250 ok\r\n");
	}
	end(&t, o);
	assert_int_equal(t.recipients, n);
	o->over = n > 4 * limit ? t.cut : n > limit; /* four of them fit into 512 octets, not five */
}

static void challenges(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};

	begin(&t);
	client(&t, "AUTH LOGIN\r\n");
	for (uint64_t i = 0; i < n; i++) {
		server(&t, "334 VXNlcm5hbWU6\r\n");
		client(&t, "YWxpY2U=\r\n");
	}
	server(&t, "535 no\r\n");
	end(&t, o);
	assert_int_equal(t.challenges, n < limit ? n : limit);
	o->over = t.cut;
}

static void held_octets(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};

	t.limits.held_bytes = limit;
	begin(&t);
	client(&t, "DATA\r\n");
	for (uint64_t i = 0; i < n; i++)
		client(&t, "x");
	end(&t, o);
	o->over = t.overflows;
}

/* n octets of a line that comes in pieces; a command counts with its verb and its line end. */
static void line_octets(uint64_t n, bool auth, struct outcome *o)
{
	static uint8_t text[1024];
	struct talk t = {.limits = session_limits_default};

	memset(text, 'A', sizeof text);
	begin(&t);
	if (auth) {
		client(&t, "AUTH LOGIN\r\n");
		server(&t, "334 VXNlcm5hbWU6\r\n");
	} else {
		client(&t, "NOOP ");
	}
	for (uint64_t left = auth ? n : n - 7; left;) {
		size_t some = left < sizeof text ? (size_t)left : sizeof text;

		say(&t, DIR_CLIENT, text, some);
		left -= some;
	}
	client(&t, "\r\n");
	server(&t, "500 no\r\n");
	end(&t, o);
	o->over = t.cut;
}

static void line_kept(uint64_t limit, uint64_t n, struct outcome *o)
{
	(void)limit;
	line_octets(n, false, o);
}

/* ---- all of them ---- */

static const struct limit limits[] = {
    {"tcp connections", 16, connections, true, 0},
    {"tcp held_per_stream", 16, held_per_stream, false, 0},
    {"tcp held_total", 20, held_total, false, 0},
    {"tcp idle_handshake", UINT64_C(60) * 1000000000, idle_handshake, false, 0},
    {"tcp idle_open", UINT64_C(3600) * 1000000000, idle_open, false, 0},
    {"tcp idle_closing", UINT64_C(30) * 1000000000, idle_closing, false, 0},
    {"defrag sets", 16, datagrams, true, 0},
    {"defrag timeout", UINT64_C(30) * 1000000000, fragment_age, false, 0},
    {"session outstanding", 16, outstanding, false, 0},
    {"session recipients", 10, recipients, true, 0},
    {"session reply_lines", 8, reply_lines, false, 0},
    {"session challenges of an AUTH", AUTH_MAX_CHALLENGES, challenges, false, 2 * 4096 /* codes of one command */},
    {"session held_bytes", 4096, held_octets, false, 0},
    {"session line kept", LINE_KEPT, line_kept, false, 0},
};

static void limit_by_limit(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		const struct limit *l = &limits[i];
		const uint64_t amount[] = {l->limit - 1, l->limit, l->limit + 1, 2 * l->limit, 100 * l->limit};
		struct outcome o[5] = {{0, 0}};

		for (int k = 0; k < 5; k++) {
			uint64_t want = amount[k] > l->limit ? amount[k] - l->limit : 0;

			l->drive(l->limit, amount[k], &o[k]);
			if (l->exact ? o[k].over != want : (o[k].over > 0) != (want > 0)) {
				print_error("%s: %llu: %llu beyond the limit\n", l->name, (unsigned long long)amount[k], (unsigned long long)o[k].over);
				bad++;
			}
		}
		if (o[4].peak > o[3].peak + o[3].peak / 4 + 1024 + l->room) {
			print_error("%s: %llu octets at twice the limit, %llu at a hundred times\n", l->name, (unsigned long long)o[3].peak,
				    (unsigned long long)o[4].peak);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

/* Limits of octets with what it takes to keep order: not to the octet, but never much above, and said. */
static void limits_of_octets(void **state)
{
	struct outcome little = {0, 0}, much = {0, 0}, far = {0, 0};

	(void)state;
	fragment_octets(20, 10, &little);
	fragment_octets(20, 40, &much);
	fragment_octets(20, 2000, &far);
	assert_int_equal(little.over, 0);
	assert_true(much.over > 0 && far.over > much.over && far.peak <= much.peak + 4096);
	little = much = far = (struct outcome){0, 0};
	transaction(20, 20, &little);
	transaction(20, 100, &much);
	transaction(20, 2000, &far);
	assert_int_equal(little.over, 0);
	assert_true(much.over > 0 && far.over > 0 && far.peak <= much.peak + 4096);
	line_octets(LINE_KEPT_AUTH / 2, true, &little);
	line_octets(2 * LINE_KEPT_AUTH, true, &much);
	line_octets(100 * LINE_KEPT_AUTH, true, &far);
	assert_true(far.peak <= much.peak + 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(limit_by_limit), cmocka_unit_test(limits_of_octets)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
