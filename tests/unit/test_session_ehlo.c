/* What an EHLO list does to the length of command lines (RFC 5321 4.1.1.1, 4.5.3.1.4; the figures: protocol facts 1.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/session_internal.h"

static void ignore(void *ctx, struct event *ev)
{
	(void)ctx;
	(void)ev;
}

static void say(struct session *s, enum dir dir, uint64_t off[2], const char *text)
{
	struct chunk c = {.kind = CHUNK_DATA, .dir = dir, .off = off[dir], .len = strlen(text), .data = (const uint8_t *)text,
			  .peer_seen = off[dir_other(dir)]};

	session_feed(s, &c);
	off[dir] += strlen(text);
}

/* The limit of a line with the verb after the reply to EHLO. */
static uint64_t limit_of(const char *hello, const char *reply, enum verb verb)
{
	const struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};
	struct pool *pool = pool_new(0);
	struct flow flow = {.syn_seen = true, .packets = {1, 1}};
	struct session *s = session_new(pool, &session_config_default, &setup, &flow, ignore, NULL);
	uint64_t off[2] = {0}, limit;

	say(s, DIR_SERVER, off, "220 mx\r\n");
	say(s, DIR_CLIENT, off, hello);
	say(s, DIR_SERVER, off, reply);
	limit = ehlo_line_limit(s, verb);
	session_free(&s);
	assert_null(s);
	pool_free(&pool);
	return limit;
}

static void test_limits(void **state)
{
	static const struct {
		const char *hello, *reply;
		enum verb verb;
		uint64_t limit;
	} rows[] = {
	    {"HELO c\r\n", "250 mx\r\n", VERB_MAIL, 512},
	    {"EHLO c\r\n", "250 mx\r\n", VERB_MAIL, 512},
	    {"EHLO c\r\n", "250-mx\r\n250 SIZE\r\n", VERB_MAIL, 512 + 26},
	    {"EHLO c\r\n", "250-mx\r\n250 SIZE\r\n", VERB_RCPT, 512},
	    {"EHLO c\r\n", "250-mx\r\n250 SIZE\r\n", VERB_NOOP, 512},
	    {"EHLO c\r\n", "250-mx\r\n250-SMTPUTF8\r\n250 8BITMIME\r\n", VERB_MAIL, 512 + 10 + 16},
	    {"EHLO c\r\n", "250-mx\r\n250 DSN\r\n", VERB_MAIL, 512 + 9 + 107},
	    {"EHLO c\r\n", "250-mx\r\n250 DSN\r\n", VERB_RCPT, 512 + 530},
	    {"EHLO c\r\n", "250-mx\r\n250 DSN\r\n", VERB_DATA, 512},
	    {"EHLO c\r\n", "250-mx\r\n250 XPROXY\r\n", VERB_XPROXY, UINT64_MAX}, /* nobody says how long */
	    {"EHLO c\r\n", "250-mx\r\n250 XFORWARD NAME\r\n", VERB_XFORWARD, 512},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (limit_of(rows[i].hello, rows[i].reply, rows[i].verb) != rows[i].limit)
			fail_msg("row %zu: %llu", i, (unsigned long long)limit_of(rows[i].hello, rows[i].reply, rows[i].verb));
	/* before EHLO any extension may be on offer */
	assert_true(limit_of("NOOP\r\n", "250 ok\r\n", VERB_MAIL) > 512 + 500);
	assert_int_equal(limit_of("NOOP\r\n", "250 ok\r\n", VERB_RCPT), 512 + 530 + 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
