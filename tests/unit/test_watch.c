/* Windows at their edges, tables that are full, hostile times, sessions in turn, memory that is missing (protocol facts 6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch_stage.h"

static void guess(struct stage *s, uint64_t number, uint32_t client, int64_t ts, const char *user)
{
	struct talk t = talk_of(number, client, ts);

	say_auth(s, &t, user, false);
	say_end(s, &t, ts);
}

/* ---- windows ---- */

struct times {
	const char *name;
	int64_t at[12]; /* seconds behind noon; 0 ends, but for the first */
	unsigned alerts;
};

/* auth_bruteforce: five in ten minutes. */
static const struct times windows[] = {
    {"one less", {0, 1, 2, 3}, 0},
    {"as many", {0, 1, 2, 3, 4}, 1},
    {"exactly at the end", {0, 150, 300, 450, 600}, 1},
    {"a second behind the end", {0, 150, 300, 450, 601}, 0},
    {"again within the window", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 1},
    {"still quiet at its end", {0, 1, 2, 3, 4, 600, 601, 602, 603, 604}, 1},
    {"the next window", {0, 1, 2, 3, 4, 601, 602, 603, 604, 605}, 2},
    {"backwards", {500, 400, 300, 200, 100}, 1},
    {"backwards by hours", {36000, 28800, 21600, 14400, 7200}, 0},
    {"1970 and 2200", {-1767355200, 1, 2, 3, 4, 5491000000}, 0},
};

static void test_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		const struct times *row = &windows[i];
		struct stage s;

		open_stage(&s, 0);
		assert_non_null(begin(&s));
		for (unsigned n = 0; n < 12 && (n == 0 || row->at[n]); n++)
			guess(&s, n + 1, 0x0a000001 + (n << 16), NOON + row->at[n] * SECOND, "alice@corp.example");
		if (raised(&s, FINDING_auth_bruteforce) != row->alerts)
			fail_msg("%s: %u alerts, not %u", row->name, raised(&s, FINDING_auth_bruteforce), row->alerts);
		assert_true(close_stage(&s));
	}
}

static void test_equal_times(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, 0);
	assert_non_null(begin(&s));
	for (unsigned n = 0; n < 12; n++)
		guess(&s, n + 1, 0x0a000001, NOON, "alice@corp.example");
	assert_int_equal(raised(&s, FINDING_auth_bruteforce), 1);
	assert_true(close_stage(&s));
}

static void test_extreme_times(void **state)
{
	static const int64_t times[] = {INT64_MIN + 1, INT64_MAX, 0, -1, INT64_MAX, INT64_MIN + 1};
	struct stage s;

	(void)state;
	open_stage(&s, 0);
	assert_non_null(begin(&s));
	for (unsigned n = 0; n < 60; n++) {
		struct talk t = talk_of(n + 1, 0x0a000001, times[n % 6]);

		say_command(&s, &t, VERB_UNKNOWN, "", 220);
		say_command(&s, &t, VERB_EHLO, "c.example", 250);
		say_command(&s, &t, VERB_RCPT, "TO:<u@corp.example>", 550);
		say_auth(&s, &t, "alice@corp.example", false);
		say_end(&s, &t, t.ts);
	}
	assert_true(close_stage(&s));
}

static void test_success(void **state)
{
	(void)state;
	for (unsigned failures = 4; failures <= 6; failures++) {
		struct stage s;
		struct talk t;

		open_stage(&s, 0);
		assert_non_null(begin(&s));
		for (unsigned n = 0; n < failures; n++)
			guess(&s, n + 1, 0x0a000001, NOON + n * 700 * SECOND, "alice@corp.example");
		t = talk_of(99, 0x0a000001, NOON + (3600 - (failures == 6)) * SECOND);
		say_auth(&s, &t, "alice@corp.example", true);
		assert_int_equal(raised(&s, FINDING_auth_success_after_failures), failures >= 5);
		say_auth(&s, &t, "alice@corp.example", true); /* what was counted is forgotten */
		assert_int_equal(raised(&s, FINDING_auth_success_after_failures), failures >= 5);
		assert_true(close_stage(&s));
	}
}

/* ---- whom it is about ---- */

static void spray(struct stage *s, unsigned n, uint8_t family, const uint8_t addr[16])
{
	struct talk t = talk_of(n + 1, 0, NOON + n * SECOND);
	char user[32];

	snprintf(user, sizeof user, "user%u@corp.example", n);
	t.record.client.family = family;
	memcpy(t.record.client.addr, addr, 16);
	say_auth(s, &t, user, false);
	say_end(s, &t, t.ts);
}

/* Ten identities from ten addresses: of one /24 or /64, and with one octet of the network that differs. */
static void test_networks(void **state)
{
	static const struct {
		uint8_t family, octet; /* that is counted up */
		unsigned alerts;
	} rows[] = {{4, 3, 1}, {4, 2, 0}, {6, 15, 1}, {6, 8, 1}, {6, 7, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t addr[16] = {0x20, 1, 0xd, 0xb8};
		struct stage s;

		open_stage(&s, 0);
		assert_non_null(begin(&s));
		for (unsigned n = 0; n < 10; n++) {
			addr[rows[i].octet] = (uint8_t)n;
			if (rows[i].family == 4)
				memset(addr + 4, 0, 12);
			spray(&s, n, rows[i].family, addr);
			assert_int_equal(raised(&s, FINDING_password_spray), n == 9 ? rows[i].alerts : 0);
		}
		if (rows[i].alerts) {
			assert_int_equal(s.out.clients, 10);
			assert_int_equal(s.out.identities, 10);
		}
		assert_true(close_stage(&s));
	}
}

/* Two sessions in turn: each has its own count, and findings carry the session's numbers. */
static void test_interleaved(void **state)
{
	struct talk a = talk_of(1, 0x0a000001, NOON), b = talk_of(2, 0x0b000001, NOON);
	struct stage s;

	(void)state;
	open_stage(&s, 0);
	assert_non_null(begin(&s));
	for (unsigned n = 1; n <= 20; n++) {
		a.ts = b.ts = NOON + n * 10 * SECOND;
		say_command(&s, &a, VERB_NOOP, "", 250);
		if (n < 20)
			say_command(&s, &b, VERB_NOOP, "", 250);
		assert_int_equal(raised(&s, FINDING_command_flood), n == 20);
	}
	say_command(&s, &b, VERB_NOOP, "", 250);
	assert_int_equal(raised(&s, FINDING_command_flood), 2);
	assert_true(close_stage(&s));
}

static void test_own_address(void **state)
{
	static const struct {
		uint8_t family;
		const char *name;
		unsigned notes;
	} rows[] = {{4, "[192.0.2.25]", 1}, {4, "192.0.2.25", 1}, {4, "[192.0.2.26]", 0}, {6, "[IPv6:C000:219::]", 1},
		    {6, "[IPv6:c000:218::]", 0}, {4, "[IPv6:", 0}, {4, "[]", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct talk t = talk_of(1, 0x0a000001, NOON);
		struct stage s;

		open_stage(&s, 0);
		assert_non_null(begin(&s));
		t.record.client.family = t.record.server.family = rows[i].family;
		if (rows[i].family == 6)
			memcpy(t.record.server.addr, "\xc0\x00\x02\x19", 4);
		say_command(&s, &t, VERB_EHLO, rows[i].name, 250);
		if (raised(&s, FINDING_helo_spoof) != rows[i].notes)
			fail_msg("%s: %u notes", rows[i].name, raised(&s, FINDING_helo_spoof));
		assert_true(close_stage(&s));
	}
}

/* The greeting after ten seconds, and after more. */
static void test_greeting_delay(void **state)
{
	(void)state;
	for (int seconds = 10; seconds <= 11; seconds++) {
		struct talk t = talk_of(1, 0x0a000001, NOON + seconds * SECOND);
		struct stage s;

		open_stage(&s, 0);
		assert_non_null(begin(&s));
		say_command(&s, &t, VERB_UNKNOWN, "", 220);
		say_end(&s, &t, NOON);
		assert_int_equal(raised(&s, FINDING_tarpit), seconds > 10);
		assert_true(close_stage(&s));
	}
}

/* A client with good recipients first is no harvester; one with few is. */
static void test_harvest_ratio(void **state)
{
	(void)state;
	for (unsigned good = 4; good <= 5; good++) {
		struct talk t = talk_of(1, 0x0a000001, NOON);
		struct stage s;

		open_stage(&s, 0);
		assert_non_null(begin(&s));
		for (unsigned n = 0; n < good; n++)
			say_command(&s, &t, VERB_RCPT, "TO:<u@corp.example>", 250);
		for (unsigned n = 0; n < 10; n++)
			say_command(&s, &t, VERB_RCPT, "TO:<x@corp.example>", 550);
		assert_int_equal(raised(&s, FINDING_directory_harvest), good == 4); /* 10 of 14 are 71 %, 10 of 15 are 67 % */
		assert_true(close_stage(&s));
	}
}

/* ---- limits ---- */

static void test_eviction(void **state)
{
	struct stage s;
	char user[48];

	(void)state;
	open_stage(&s, 0);
	s.limits = (struct watch_limits){.sessions = 8, .clients = 8, .servers = 2, .windows = 8, .moments = 1024};
	assert_non_null(begin(&s));
	for (unsigned n = 0; n < 100; n++) {
		struct talk t = talk_of(n + 1, 0x0a000000 + n, NOON + n * SECOND);

		snprintf(user, sizeof user, "user%u@corp.example", n);
		t.record.server.addr[3] = (uint8_t)n;
		say_command(&s, &t, VERB_EHLO, "c.example", 250);
		say_auth(&s, &t, user, false); /* none of them ends */
	}
	read_stats(&s);
	assert_int_equal(s.out.evicted_sessions, 92);
	assert_int_equal(s.out.evicted_clients, 92);
	assert_int_equal(s.out.evicted_servers, 98);
	assert_true(s.out.evicted_windows >= 92);
	assert_true(close_stage(&s));
}

enum { FLOOD = 1000000 };

/* A million clients with an identity each: memory does not grow beyond what the limits say. */
static void test_flood(void **state)
{
	uint64_t early = 0;
	struct stage s;
	char user[48];

	(void)state;
	open_stage(&s, 0);
	s.limits.sessions = s.limits.clients = s.limits.windows = 4096;
	assert_non_null(begin(&s));
	for (uint32_t n = 0; n < FLOOD; n++) {
		snprintf(user, sizeof user, "user%u@corp.example", (unsigned)n);
		guess(&s, n + 1, n * 2654435761u, NOON + n * (SECOND / 1000), user);
		if (n == 20000)
			early = pool_used(s.pool);
	}
	assert_true(pool_used(s.pool) <= early + early / 4);
	assert_true(pool_used(s.pool) < 4096 * 1024);
	assert_true(close_stage(&s));
}

/* What a stats event gets: each refusal once, and the octets among all others. */
static void expect_stats(struct stage *s)
{
	struct event ev;

	event_init(&ev, DS_STATS);
	ev.stats_memory = 1000;
	ev.stats_memory_failures = 10;
	watch_emit(s->watch, &ev);
	assert_int_equal(ev.stats_memory_failures, 10 + pool_failures(s->pool));
	assert_int_equal(ev.stats_memory_watch, pool_used(s->pool));
	assert_int_equal(ev.stats_memory, 1000 + pool_used(s->pool));
}

/* Each allocation fails once: fewer findings, nothing worse, and it is counted. */
static void test_no_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (unsigned at = 1; failed; at++) {
		struct stage s;

		open_stage(&s, 0);
		pool_fail_at(s.pool, at);
		if (!begin(&s)) {
			pool_free(&s.pool);
			continue;
		}
		for (unsigned n = 0; n < 6; n++) {
			struct talk t = talk_of(n + 1, 0x0a000001, NOON + n * SECOND);

			say_command(&s, &t, VERB_UNKNOWN, "", 220);
			say_command(&s, &t, VERB_EHLO, "localhost", 250);
			say_command(&s, &t, VERB_MAIL, "FROM:<a@stranger.test>", 250);
			say_command(&s, &t, VERB_RCPT, "TO:<u@elsewhere.test>", 550);
			say_command(&s, &t, VERB_VRFY, "root", 250);
			say_auth(&s, &t, "alice@corp.example", n == 5);
			say_end(&s, &t, NOON);
		}
		failed = pool_failures(s.pool) > 0;
		expect_stats(&s);
		assert_true(close_stage(&s));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_windows), cmocka_unit_test(test_equal_times), cmocka_unit_test(test_extreme_times),
	    cmocka_unit_test(test_success), cmocka_unit_test(test_networks), cmocka_unit_test(test_interleaved),
	    cmocka_unit_test(test_own_address), cmocka_unit_test(test_greeting_delay), cmocka_unit_test(test_harvest_ratio),
	    cmocka_unit_test(test_eviction), cmocka_unit_test(test_flood), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
