/* The parts under the patterns: windows moment by moment, what is known of a server and of a client, and words for
 * evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag/watch_internal.h"

#define SECOND INT64_C(1000000000)

static const uint8_t seed[16] = "0123456789abcdef";

struct stage {
	struct pool *pool;
	struct watch_settings settings;
	struct watch_limits limits;
	struct watch *w;
};

static void ignore(void *ctx, struct event *ev)
{
	(void)ctx;
	(void)ev;
}

static void open_stage(struct stage *s)
{
	s->pool = pool_new(0);
	s->limits = watch_limits_default;
	watch_settings_default(&s->settings);
	s->w = watch_new(s->pool, seed, &s->settings, &s->limits, ignore, NULL);
	assert_non_null(s->w);
}

static void close_stage(struct stage *s)
{
	watch_free(&s->w);
	assert_null(s->w);
	watch_free(&s->w); /* a second time is nothing */
	assert_int_equal(pool_used(s->pool), 0);
	pool_free(&s->pool);
}

static void add(struct stage *s, struct window *win, int64_t ts, uint32_t value, uint32_t peer, uint32_t room,
		bool distinct)
{
	struct moment m = {.ts = ts * SECOND, .value = value, .peer = peer, .session = (uint64_t)ts};

	window_add(s->w, win, &m, room, distinct);
}

/* As many as there is room for, the newest of them, oldest first; all are counted; the room doubles as they come. */
static void test_moments(void **state)
{
	static const uint32_t rooms[] = {2, 2, 4, 4, 5, 5, 5};
	struct window win = {.fired = EV_NO_TIME};
	struct stage s;

	(void)state;
	open_stage(&s);
	for (uint32_t i = 0; i < 7; i++) {
		add(&s, &win, i, i, 1, 5, false);
		assert_int_equal(win.room, rooms[i]);
		assert_int_equal(win.count, i < 5 ? i + 1 : 5);
		assert_int_equal(win.total, i + 1);
		assert_int_equal(s.w->moment_bytes, rooms[i] * sizeof(struct moment));
	}
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(win.moment[i].ts, (int64_t)(i + 2) * SECOND);
	assert_int_equal(window_span(&win), 4 * SECOND);
	assert_int_equal(window_near(&win, 4 * SECOND, 1), 3);
	assert_int_equal(window_near(&win, 4 * SECOND, 0), 1);
	assert_int_equal(window_values(&win), 5);
	assert_int_equal(window_peers(&win), 1);
	window_clear(s.w, &win);
	assert_true(!win.moment && !win.count && !win.room && !win.total && win.fired == EV_NO_TIME);
	assert_int_equal(s.w->moment_bytes, 0);
	assert_int_equal(window_span(&win), 0);
	close_stage(&s);
}

/* The same value again takes the place of the one before, wherever that stands, with its tries. */
static void test_distinct(void **state)
{
	struct window win = {.fired = EV_NO_TIME};
	struct stage s;

	(void)state;
	open_stage(&s);
	for (uint32_t i = 0; i < 4; i++)
		add(&s, &win, i, i, i / 2, 8, true);
	add(&s, &win, 4, 1, 7, 8, true);
	add(&s, &win, 5, 1, 7, 8, true);
	assert_int_equal(win.count, 4);
	assert_int_equal(win.total, 6);
	assert_int_equal(win.moment[0].value, 0);
	assert_int_equal(win.moment[1].value, 2);
	assert_int_equal(win.moment[2].value, 3);
	assert_int_equal(win.moment[3].value, 1);
	assert_int_equal(win.moment[3].tries, 3);
	assert_int_equal(win.moment[3].ts, 5 * SECOND);
	assert_int_equal(win.moment[0].tries, 1);
	assert_int_equal(window_peers(&win), 3);
	assert_int_equal(window_values(&win), 4);
	add(&s, &win, 6, 2, 7, 8, false);
	assert_int_equal(win.count, 5);
	assert_int_equal(window_values(&win), 4);
	window_clear(s.w, &win);
	close_stage(&s);
}

/* Times that run backwards are as far apart as those that run forwards. */
static void test_near(void **state)
{
	(void)state;
	assert_true(is_near(0, 10 * SECOND, 10) && is_near(10 * SECOND, 0, 10));
	assert_false(is_near(0, 10 * SECOND + 1, 10) || is_near(10 * SECOND + 1, 0, 10));
	assert_false(is_near(INT64_MIN, INT64_MAX, UINT32_MAX));
}

static void test_fires(void **state)
{
	struct window win = {.fired = EV_NO_TIME};

	(void)state;
	assert_false(window_quiet(NULL, 0, 10) || window_quiet(&win, 0, 10));
	assert_true(window_fires(&win, 100 * SECOND, 10));
	assert_int_equal(win.fired, 100 * SECOND);
	assert_true(window_quiet(&win, 110 * SECOND, 10) && !window_fires(&win, 110 * SECOND, 10));
	assert_int_equal(win.fired, 100 * SECOND);
	assert_true(!window_quiet(&win, 111 * SECOND, 10) && window_fires(&win, 111 * SECOND, 10));
}

/* Even intervals of one client, twenty seconds or more, at least four: a program that retries. */
static void test_period(void **state)
{
	static const struct {
		int64_t at[6];
		uint32_t n, peers, period;
	} rows[] = {
		{{0, 60, 120, 180}, 4, 1, 60},
		{{0, 60, 120}, 3, 1, 0},
		{{0, 60, 120, 180}, 4, 2, 0},
		{{0, 19, 38, 57}, 4, 1, 0},
		{{0, 20, 40, 60}, 4, 1, 20},
		{{0, 60, 120, 200}, 4, 1, 66},
		{{0, 60, 120, 201}, 4, 1, 0},
		{{180, 120, 60, 0}, 4, 1, 60},
		{{0, 60, 110, 170}, 4, 1, 56},
		{{0, 60, 120, 160, 220}, 5, 1, 0},
		{{0, 100, 200, 300, 400, 500}, 6, 1, 100},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct window win = {.fired = EV_NO_TIME};
		struct stage s;

		open_stage(&s);
		for (uint32_t n = 0; n < rows[i].n; n++)
			add(&s, &win, rows[i].at[n], n, n % rows[i].peers, 8, false);
		if (window_period(&win) != rows[i].period)
			fail_msg("row %zu: %u s", i, (unsigned)window_period(&win));
		window_clear(s.w, &win);
		close_stage(&s);
	}
}

/* What is too much the least recently used windows give, never the one at hand. */
static void test_most_moments(void **state)
{
	struct window *win[3];
	struct stage s;

	(void)state;
	open_stage(&s);
	s.limits.moments = 8 * sizeof(struct moment);
	for (uint64_t i = 0; i < 3; i++) {
		struct watch_key k = key_name(WATCH_null_sender_flood, i);

		win[i] = window_of(s.w, &k);
		assert_non_null(win[i]);
		assert_ptr_equal(window_find(s.w, &k), win[i]);
		assert_ptr_equal(window_of(s.w, &k), win[i]);
	}
	for (int i = 0; i < 8; i++)
		add(&s, win[0], i, 0, 0, 8, false);
	assert_int_equal(s.w->evicted_windows, 0); /* as much as may be */
	add(&s, win[2], 0, 0, 0, 8, false);
	assert_int_equal(s.w->evicted_windows, 1);
	assert_int_equal(s.w->moment_bytes, 2 * sizeof(struct moment));
	for (int i = 1; i < 20; i++) /* the others go first; alone it may be larger than the limit */
		add(&s, win[2], i, 0, 0, 16, false);
	assert_int_equal(s.w->evicted_windows, 2);
	assert_int_equal(win[2]->count, 16);
	assert_int_equal(table_count(s.w->windows), 1);
	assert_true(window_evict(s.w));
	assert_false(window_evict(s.w));
	assert_int_equal(s.w->moment_bytes, 0);
	close_stage(&s);
}

/* A full table makes room for what is new. */
static void test_full(void **state)
{
	struct stage s;

	(void)state;
	s.pool = pool_new(0);
	s.limits = watch_limits_default;
	s.limits.windows = 2;
	watch_settings_default(&s.settings);
	s.w = watch_new(s.pool, seed, &s.settings, &s.limits, ignore, NULL);
	for (uint64_t i = 0; i < 5; i++) {
		struct watch_key k = key_name(WATCH_null_sender_flood, i);
		struct window *win = window_of(s.w, &k);

		assert_non_null(win);
		assert_ptr_equal(window_find(s.w, &k), win);
		assert_true(win->fired == EV_NO_TIME && win->count == 0);
		assert_int_equal(s.w->evicted_windows, i < 2 ? 0 : i - 1);
	}
	close_stage(&s);
}

static void test_keys(void **state)
{
	struct event ev;
	struct watch_key a, b;

	(void)state;
	event_init(&ev, DS_COMMAND);
	ev.source_ip = (struct endpoint){.family = 4, .port = 4000, .addr = {192, 0, 2, 9}};
	ev.destination_ip = (struct endpoint){.family = 4, .port = 25, .addr = {192, 0, 2, 25}};
	ev.destination_port = 25;
	a = key_server(WATCH_tarpit, &ev);
	ev.destination_port = 587;
	b = key_server(WATCH_tarpit, &ev);
	assert_memory_not_equal(&a, &b, sizeof a);
	a = key_pair(WATCH_throttled, &ev, 1);
	b = key_pair(WATCH_throttled, &ev, 2);
	assert_memory_not_equal(&a, &b, sizeof a);
	a = key_client(WATCH_banner_grab, &ev);
	b = key_client(WATCH_spam_bot_style, &ev);
	assert_memory_not_equal(&a, &b, sizeof a);
	b = key_network(WATCH_banner_grab, &ev);
	assert_memory_not_equal(&a, &b, sizeof a);
	ev.source_ip.port = 4001; /* the port of a client says nothing */
	b = key_client(WATCH_banner_grab, &ev);
	assert_memory_equal(&a, &b, sizeof a);
	a = key_network(WATCH_password_spray, &ev);
	ev.source_ip.addr[3] = 77;
	b = key_network(WATCH_password_spray, &ev);
	assert_memory_equal(&a, &b, sizeof a);
	a = key_pair(WATCH_throttled, &ev, 1);
	ev.source_ip.addr[0] = 10;
	b = key_pair(WATCH_throttled, &ev, 1);
	assert_memory_not_equal(&a, &b, sizeof a);
}

/* ---- servers ---- */

static void named(struct watch_server *v, const char *greeting)
{
	struct span text = span_str(greeting);
	struct event ev;

	event_init(&ev, DS_COMMAND);
	if (greeting[0])
		ev.reply_text = (struct event_list){&text, 1};
	server_named(v, &ev);
}

static void test_server_name(void **state)
{
	struct watch_server v = {.domains = 0};
	char longest[NAME_TEXT + 1];

	(void)state;
	named(&v, "");
	assert_string_equal(v.name, "");
	named(&v, "mx.corp.example. ESMTP ready");
	assert_string_equal(v.name, "mx.corp.example");
	named(&v, "..");
	assert_string_equal(v.name, "mx.corp.example");
	named(&v, "m\x01x ESMTP");
	assert_string_equal(v.name, "mx.corp.example");
	memset(longest, 'a', sizeof longest);
	longest[NAME_TEXT] = '\0';
	named(&v, longest);
	assert_string_equal(v.name, "mx.corp.example");
	longest[NAME_TEXT - 1] = '\0';
	named(&v, longest);
	assert_string_equal(v.name, longest);
	named(&v, "x");
	assert_string_equal(v.name, "x");
}

static const struct {
	const char *server, *domain;
	bool foreign;
} domains[] = {
	{"mx.corp.example", "elsewhere.test", true},
	{"mx.corp.example", "corp.example", false}, /* mx of it */
	{"mx.corp.example", "CORP.example", false},
	{"mx.corp.example", "sub.corp.example", false},
	{"mx.corp.example", "mx.corp.example", false},
	{"mx.corp.example", "host.mx.corp.example", false},
	{"mx.corp.example", "xcorp.example", true},
	{"mx.corp.example", "example", false},         /* no domain with a dot: nobody's */
	{"mx.eu.corp.example", "corp.example", false}, /* above its name */
	{"mx.corp.example", "other.example", true},
	{"mx.corp.example", "dorp.example", true}, /* as long */
	{"mx.corp.example", "[192.0.2.1]", false},
	{"mx.corp.example", "", false},
	{"mx.corp.example", "localhost.localdomain", false},
	{"mx.corp.example", "a.localhost.localdomain", false},
	{"mx", "elsewhere.test", false}, /* a name that says nothing */
	{"host.localdomain", "elsewhere.test", false},
	{"build.local", "elsewhere.test", false},
	{"a.localhost", "elsewhere.test", false},
	{"a.xlocal", "elsewhere.test", true},
};

static void test_foreign(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s);
	for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
		struct watch_server v = {.domains = 0};

		span_cstr(span_str(domains[i].server), v.name, sizeof v.name);
		if (server_foreign(s.w, &v, span_str(domains[i].domain), 1) != domains[i].foreign)
			fail_msg("%s at %s", domains[i].domain, domains[i].server);
	}
	close_stage(&s);
}

/* What it took from others than this client is the server's; the newest are kept, and one that two clients use is
 * everybody's. */
static void test_accepted(void **state)
{
	struct watch_server v = {.name = "mx.corp.example"};
	struct stage s;
	char domain[32];

	(void)state;
	open_stage(&s);
	server_accepts(s.w, &v, SPAN("corp.example"), 1);
	assert_int_equal(v.domains, 0); /* its own */
	server_accepts(s.w, &v, SPAN("hosted.test"), 1);
	assert_int_equal(v.domains, 1);
	assert_true(server_foreign(s.w, &v, SPAN("hosted.test"), 1)); /* only this client ever sent there */
	assert_false(server_foreign(s.w, &v, SPAN("HOSTED.test"), 2));
	assert_true(server_foreign(s.w, &v, SPAN("other.test"), 2));
	server_accepts(s.w, &v, SPAN("hosted.test"), 1);
	assert_true(server_foreign(s.w, &v, SPAN("hosted.test"), 1));
	server_accepts(s.w, &v, SPAN("hosted.test"), 2);
	assert_int_equal(v.domains, 1);
	assert_false(server_foreign(s.w, &v, SPAN("hosted.test"), 1));
	for (unsigned i = 0; i < DOMAINS - 1; i++) {
		span_printf(domain, 0, sizeof domain, "d%u.test", i);
		server_accepts(s.w, &v, span_str(domain), 1);
	}
	assert_int_equal(v.domains, DOMAINS);
	assert_false(server_foreign(s.w, &v, SPAN("hosted.test"), 3)); /* the oldest, still there */
	server_accepts(s.w, &v, SPAN("d0.test"), 1);
	server_accepts(s.w, &v, SPAN("one-more.test"), 1);
	assert_int_equal(v.domains, DOMAINS);
	assert_true(server_foreign(s.w, &v, SPAN("hosted.test"), 3));
	assert_false(server_foreign(s.w, &v, SPAN("d0.test"), 3)); /* was used again */
	assert_false(server_foreign(s.w, &v, SPAN("d1.test"), 3));
	assert_false(server_foreign(s.w, &v, SPAN("one-more.test"), 3));
	close_stage(&s);
}

/* ---- clients ---- */

/* Counted in two spans: this one, and the one before when it ended not long ago. */
static void test_turn(void **state)
{
	struct watch_client c = {.rcpt_since = EV_NO_TIME};

	(void)state;
	client_turn(&c, 100 * SECOND, 10);
	assert_int_equal(c.rcpt_since, 100 * SECOND);
	c.taken[0] = 3;
	c.refused[0] = 4;
	client_turn(&c, 110 * SECOND, 10);
	assert_true(c.taken[0] == 3 && c.refused[0] == 4 && c.taken[1] == 0 && c.refused[1] == 0 &&
		    c.rcpt_since == 100 * SECOND);
	client_turn(&c, 111 * SECOND, 10);
	assert_true(c.taken[0] == 0 && c.refused[0] == 0 && c.taken[1] == 3 && c.refused[1] == 4 &&
		    c.rcpt_since == 111 * SECOND);
	c.taken[0] = 1;
	c.refused[0] = 2;
	client_turn(&c, 131 * SECOND, 10);
	assert_true(c.taken[1] == 1 && c.refused[1] == 2);
	c.taken[0] = c.refused[0] = 5;
	client_turn(&c, 152 * SECOND, 10);
	assert_true(c.taken[0] == 0 && c.refused[0] == 0 && c.taken[1] == 0 && c.refused[1] == 0);
}

/* ---- words ---- */

static void test_words(void **state)
{
	struct stage s;
	char a[200], b[200];

	(void)state;
	open_stage(&s);
	assert_true(hash_name(s.w, SPAN("Alice@Corp.Example")) == hash_name(s.w, SPAN("alice@corp.example")));
	assert_true(hash_name(s.w, SPAN("AZ")) == hash_name(s.w, SPAN("az")) &&
		    hash_name(s.w, SPAN("@[")) != hash_name(s.w, SPAN("`{")));
	assert_true(hash_name(s.w, SPAN("alice")) != hash_name(s.w, SPAN("alicf")));
	memset(a, 'x', sizeof a);
	memset(b, 'x', sizeof b);
	b[127] = 'y';
	assert_true(hash_name(s.w, span_of(a, 200)) != hash_name(s.w, span_of(b, 200)));
	assert_true(hash_name(s.w, span_of(a, 200)) == hash_name(s.w, span_of(a, 128)));
	assert_int_equal(hash_text(s.w, SPAN("alice")), (uint32_t)hash_name(s.w, SPAN("alice")));
	for (unsigned r = 0; r < WATCH_RULES; r++) {
		const struct watch_rule_info *info = watch_rule_info((enum watch_rule)r);

		assert_int_equal(watch_rule_find(span_str(info->name)), r);
		assert_int_equal(alarm_of((enum watch_rule)r).severity, finding_info(info->finding)->severity);
		assert_int_equal(alarm_of((enum watch_rule)r).confidence, finding_info(info->finding)->confidence);
		assert_int_equal(alarm_of((enum watch_rule)r).count, 1);
		assert_true(watch_on(s.w, (enum watch_rule)r));
		assert_int_equal(s.settings.rule[r].seconds, info->standard.seconds);
	}
	assert_int_equal(watch_rule_find(SPAN("no_such_rule")), WATCH_RULES);
	close_stage(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments), cmocka_unit_test(test_distinct), cmocka_unit_test(test_near),
		cmocka_unit_test(test_fires),   cmocka_unit_test(test_period),   cmocka_unit_test(test_most_moments),
		cmocka_unit_test(test_keys),    cmocka_unit_test(test_full),     cmocka_unit_test(test_server_name),
		cmocka_unit_test(test_foreign), cmocka_unit_test(test_accepted), cmocka_unit_test(test_turn),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
