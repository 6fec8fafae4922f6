/* One dialogue at its limits: too many commands, too much that waits, conflicting copies, no memory at any point (laws L3, L7, L8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtpscope/cause.h"
#include "smtpscope/session.h"

struct fixture {
	struct pool *pool;
	struct cause cause;
	struct flow flow;
	struct session *s;
	uint64_t off[2];
	unsigned events[DATASETS];
	char findings[2048]; /* "id id ..." */
	char evidence[256];  /* of the last finding */
	uint64_t codes;      /* replies that found a command */
	int64_t now;         /* time of what is said next */
	int64_t ts, reply_ts; /* of the last command event */
	uint64_t duration;
};

static void on_event(void *ctx, struct event *ev)
{
	struct fixture *f = ctx;
	size_t n = strlen(f->findings);

	f->events[ev->set]++;
	if (ev->set == DS_COMMAND && ev->verb.p)
		f->codes += ev->reply_codes.n;
	if (ev->set == DS_COMMAND) {
		f->ts = ev->ts;
		f->reply_ts = ev->reply_ts;
		f->duration = ev->duration;
	}
	if (ev->set == DS_FINDING) {
		snprintf(f->findings + n, sizeof f->findings - n, "%.*s ", (int)ev->finding_id.n, (const char *)ev->finding_id.p);
		span_cstr(ev->finding_evidence, f->evidence, sizeof f->evidence);
	}
}

static void start(struct fixture *f, uint64_t fail_at)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};

	memset(f, 0, sizeof *f);
	f->pool = pool_new(0);
	pool_fail_at(f->pool, fail_at);
	f->flow.syn_seen = true;
	f->flow.packets[0] = f->flow.packets[1] = 1;
	cause_init(&f->cause, f->pool, on_event, f);
	f->s = session_new(f->pool, &session_config_default, &setup, &f->flow, cause_emit, &f->cause);
}

static void say(struct fixture *f, enum dir dir, const char *text, size_t n)
{
	struct chunk c = {.kind = CHUNK_DATA, .dir = dir, .off = f->off[dir], .len = n, .data = (const uint8_t *)text,
			  .peer_seen = f->off[dir_other(dir)], .ts = f->now};

	if (f->s)
		session_feed(f->s, &c);
	f->off[dir] += n;
}

static void client(struct fixture *f, const char *text)
{
	say(f, DIR_CLIENT, text, strlen(text));
}

static void server(struct fixture *f, const char *text)
{
	say(f, DIR_SERVER, text, strlen(text));
}

static void finish(struct fixture *f)
{
	session_close(&f->s, TCP_CLOSE_FIN, 0);
	assert_int_equal(pool_used(f->pool), 0); /* nothing is kept behind a session */
	pool_free(&f->pool);
}

static void greet(struct fixture *f)
{
	server(f, "220 mx.example ESMTP\r\n");
	client(f, "EHLO c.example\r\n");
	server(f, "250-mx.example\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n");
}

static void whole_dialogue(struct fixture *f)
{
	greet(f);
	client(f, "AUTH LOGIN\r\n");
	server(f, "334 VXNlcm5hbWU6\r\n");
	client(f, "YWxpY2U=\r\n");
	server(f, "334 UGFzc3dvcmQ6\r\n");
	client(f, "czNjcjN0\r\n");
	server(f, "235 ok\r\n");
	client(f, "MAIL FROM:<a@b.example> SIZE=10\r\nRCPT TO:<u@t.ex");
	client(f, "ample>\r\nDATA\r\n");
	server(f, "250 ok\r\n550 no\r\n354 go\r\n");
	client(f, "Subject: x\r\nFrom: a@b\r\n\r\nhi\n.\r\nMAIL FROM:<x@y>\r\n.\r\n");
	server(f, "250 queued as 1\r\n");
	client(f, "MIAL\r\n");
	server(f, "500 what\r\n");
	client(f, "DATA\r\nthis is text\r\n");
	server(f, "503 no\r\n500 no\r\n");
	client(f, "QUIT\r\n");
	server(f, "221 bye\r\n");
}

/* The i-th allocation fails, for every i: no crash, nothing lost from the pool, and a session event whenever there is a session. */
static void test_no_memory(void **state)
{
	struct fixture f;
	unsigned had_session = 0;

	(void)state;
	for (uint64_t i = 1; i < 300; i++) {
		bool session;

		start(&f, i);
		session = f.s != NULL;
		whole_dialogue(&f);
		finish(&f);
		assert_int_equal(f.events[DS_SESSION], session);
		had_session += session;
	}
	assert_int_equal(had_session, 298); /* only the first allocation is the session itself */
}

/* More commands under way than the limit: the oldest are given up, it is said once, memory stays flat, later ones are paired. */
static void test_outstanding(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	greet(&f);
	for (int i = 0; i < 100000; i++) {
		client(&f, "RSET\r\n");
		assert_true(pool_used(f.pool) < 2 * 1024 * 1024);
	}
	assert_int_equal(f.events[DS_COMMAND], 2 + 100000 - 1024);
	for (int i = 0; i < 1024; i++)
		server(&f, "250 ok\r\n");
	assert_int_equal(f.codes, 1 + 1024);
	finish(&f);
	assert_non_null(strstr(f.findings, "outstanding_overflow"));
	assert_null(strstr(strstr(f.findings, "outstanding_overflow") + 1, "outstanding_overflow"));
}

/* More behind DATA than may wait for its reply: told, read on, not kept. */
static void test_held(void **state)
{
	static char text[10000];
	struct fixture f;

	(void)state;
	memset(text, 'x', sizeof text);
	start(&f, 0);
	greet(&f);
	client(&f, "DATA\r\n");
	for (int i = 0; i < 200; i++) {
		say(&f, DIR_CLIENT, text, sizeof text);
		assert_true(pool_used(f.pool) < 1024 * 1024);
	}
	finish(&f);
	assert_non_null(strstr(f.findings, "outstanding_overflow"));
}

static void conflict(struct fixture *f, uint64_t off, const char *kept, const char *other)
{
	struct chunk c = {.kind = CHUNK_CONFLICT, .dir = DIR_CLIENT, .off = off, .len = strlen(kept), .data = (const uint8_t *)other,
			  .kept = (const uint8_t *)kept};

	session_feed(f->s, &c);
}

/* Two copies of the same octets: both are shown for a command, none where one of them may be a secret. */
static void test_conflict(void **state)
{
	struct fixture f;
	uint64_t at;

	(void)state;
	start(&f, 0);
	greet(&f);
	at = f.off[DIR_CLIENT];
	client(&f, "NOOP\r\n");
	conflict(&f, at, "NOOP", "RSET");
	assert_string_equal(f.evidence, "NOOP != RSET");
	server(&f, "250 ok\r\n");
	at = f.off[DIR_CLIENT];
	client(&f, "AUTH PLAIN AGFsaWNlAHMzY3IzdA==\r\n");
	server(&f, "235 ok\r\n");
	conflict(&f, at + 11, "AGFsaWNl", "c2VjcmV0");
	assert_null(strstr(f.evidence, "AGFs"));
	assert_null(strstr(f.evidence, "c2Vj"));
	conflict(&f, f.off[DIR_CLIENT] + 10, "unread", "UNREAD"); /* not read yet: nobody knows what it is */
	assert_null(strstr(f.evidence, "unread"));
	finish(&f);
}

/* Challenges without end: the list of codes stays bounded, the dialogue goes on. */
static void test_many_challenges(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	greet(&f);
	f.codes = 0;
	client(&f, "AUTH LOGIN\r\n");
	for (int i = 0; i < 5000; i++) {
		server(&f, "334 \r\n");
		client(&f, "YQ==\r\n");
	}
	server(&f, "535 no\r\n");
	assert_int_equal(f.codes, 4096);
	client(&f, "NOOP\r\n");
	server(&f, "250 ok\r\n");
	assert_int_equal(f.codes, 4097);
	finish(&f);
}

/* A reply of 100,000 lines: one reply, kept to the limit, counted in full. */
static void test_long_reply(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	greet(&f);
	client(&f, "HELP\r\n");
	for (int i = 0; i < 100000; i++) {
		server(&f, "214-text\r\n");
		assert_true(pool_used(f.pool) < 64 * 1024);
	}
	server(&f, "214 end\r\n");
	assert_int_equal(f.events[DS_COMMAND], 3);
	finish(&f);
}

/* A million recipients: the list ends at its limit, the count goes on, memory is flat. */
static void test_recipients(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	greet(&f);
	client(&f, "MAIL FROM:<a@b.example>\r\n");
	server(&f, "250 ok\r\n");
	for (int i = 0; i < 100000; i++) {
		client(&f, "RCPT TO:<someone@example.org>\r\n");
		server(&f, "250 ok\r\n");
	}
	assert_true(pool_used(f.pool) < 512 * 1024);
	finish(&f);
	assert_int_equal(f.events[DS_MESSAGE], 1);
}

/* A command's time is its own; it lasts until its first reply, whatever comes after (AUTH, DATA). */
static void test_times(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, 0);
	greet(&f);
	f.now = 100;
	client(&f, "AUTH LO");
	f.now = 110;
	client(&f, "GIN\r\n");
	f.now = 150;
	server(&f, "334 VXNlcm5hbWU6\r\n");
	f.now = 200;
	client(&f, "YWxpY2U=\r\n");
	f.now = 300;
	server(&f, "535 no\r\n");
	assert_int_equal(f.ts, 110);
	assert_int_equal(f.duration, 40);
	assert_int_equal(f.reply_ts, 300);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_memory), cmocka_unit_test(test_outstanding), cmocka_unit_test(test_held),
	    cmocka_unit_test(test_conflict),        cmocka_unit_test(test_many_challenges), cmocka_unit_test(test_long_reply),
	    cmocka_unit_test(test_recipients),      cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
