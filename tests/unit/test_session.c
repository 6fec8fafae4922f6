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
#include "smtpscope/session_sleep.h"

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
	uint64_t announced;   /* by the last command */
	char text[256];       /* of its reply, the last line */
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
		f->announced = ev->exchange->announced;
		span_cstr(ev->reply_text.n ? ev->reply_text.v[ev->reply_text.n - 1] : SPAN(""), f->text, sizeof f->text);
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

/* As much as may wait behind DATA waits; one octet more is told. */
static void test_held_exactly(void **state)
{
	static char text[256 * 1024];
	struct fixture f;

	(void)state;
	memset(text, 'x', sizeof text);
	start(&f, 0);
	greet(&f);
	client(&f, "DATA\r\n");
	say(&f, DIR_CLIENT, text, sizeof text);
	assert_null(strstr(f.findings, "outstanding_overflow"));
	say(&f, DIR_CLIENT, text, 1);
	assert_non_null(strstr(f.findings, "outstanding_overflow"));
	finish(&f);
}

/* A response to AUTH may have 12288 octets with its line end (RFC 4954 4); one more is too many. */
static void test_long_response(void **state)
{
	static char text[12288 + 1];
	struct fixture f;

	(void)state;
	for (size_t length = 12288; length <= 12289; length++) {
		memset(text, 'A', sizeof text);
		memcpy(text + length - 2, "\r\n", 2);
		start(&f, 0);
		greet(&f);
		client(&f, "AUTH LOGIN\r\n");
		server(&f, "334 \r\n");
		say(&f, DIR_CLIENT, text, length);
		server(&f, "535 no\r\n");
		finish(&f);
		assert_int_equal(strstr(f.findings, "auth_line_too_long") != NULL, length > 12288);
	}
}

/* A session sleeps when nothing is under way and goes on as if it had not; it stays awake in the middle of anything. */
static void nap(struct fixture *f, bool sleeps, size_t step, const char *where)
{
	const struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};
	struct sleeping *z = session_sleep(&f->s);

	if ((z != NULL) != sleeps)
		fail_msg("step %zu, %s: %s", step, where, sleeps ? "awake" : "asleep");
	if (z) {
		for (uint64_t i = 1; i <= 2; i++) { /* itself, and the name the client greeted with */
			uint64_t used = pool_used(f->pool);

			pool_fail_at(f->pool, i);
			assert_null(session_wake(&z, f->pool, &session_config_default, &setup, &f->flow, cause_emit, &f->cause));
			assert_non_null(z); /* without memory it sleeps on */
			assert_int_equal(pool_used(f->pool), used);
		}
		f->s = session_wake(&z, f->pool, &session_config_default, &setup, &f->flow, cause_emit, &f->cause);
		assert_null(z);
	}
	assert_non_null(f->s);
}

static void test_sleep(void **state)
{
	static const struct {
		enum dir by;
		const char *text;
		bool sleeps;
	} said[] = {
	    {DIR_CLIENT, "NOOP\r\n", false},		      {DIR_SERVER, "250 ok\r\n", true},
	    {DIR_CLIENT, "NO", false},			      {DIR_CLIENT, "OP\r\n", false},
	    {DIR_SERVER, "250-o", false},		      {DIR_SERVER, "k\r\n", false},
	    {DIR_SERVER, "250 ok\r\n", true},		      {DIR_CLIENT, "AUTH LOGIN\r\n", false},
	    {DIR_SERVER, "334 VXNlcm5hbWU6\r\n", false},     {DIR_CLIENT, "YWxpY2U=\r\n", false},
	    {DIR_SERVER, "535 no\r\n", true},		      {DIR_CLIENT, "MAIL FROM:<a@b.example>\r\n", false},
	    {DIR_SERVER, "250 ok\r\n", false},		      {DIR_CLIENT, "RCPT TO:<u@t.example>\r\n", false},
	    {DIR_SERVER, "250 ok\r\n", false},		      {DIR_CLIENT, "BDAT 2\r\n", false},
	    {DIR_CLIENT, "x", false},			      {DIR_SERVER, "250 ok\r\n", false},
	    {DIR_CLIENT, "y", false},			      {DIR_CLIENT, "BDAT 0 LAST\r\n", false},
	    {DIR_SERVER, "250 ok\r\n", true},		      {DIR_CLIENT, "BDAT 3\r\nab", false},
	    {DIR_SERVER, "503 no\r\n", false},		      {DIR_CLIENT, "c", true},
	    {DIR_CLIENT, "RSET\r\n", false},		      {DIR_SERVER, "250 ok\r\n", true},
	};
	struct fixture f;

	(void)state;
	start(&f, 0);
	nap(&f, false, 0, "at the start");
	greet(&f);
	nap(&f, true, 0, "greeted");
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		say(&f, said[i].by, said[i].text, strlen(said[i].text));
		nap(&f, said[i].sleeps, i, said[i].text);
	}
	finish(&f);
	assert_int_equal(f.events[DS_COMMAND], 11);
	assert_int_equal(f.events[DS_MESSAGE], 1);
}

/* The octets of a session asleep; its last ones are given back without a word. */
static uint64_t asleep(const char *community_id, uint16_t vlan)
{
	const struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25, .community_id = community_id};
	struct fixture f;
	struct sleeping *z;
	uint64_t used;

	start(&f, 0);
	session_free(&f.s);
	f.flow.vlan = vlan;
	f.s = session_new(f.pool, &session_config_default, &setup, &f.flow, cause_emit, &f.cause);
	greet(&f);
	z = session_sleep(&f.s);
	assert_non_null(z);
	assert_null(f.s);
	used = pool_used(f.pool);
	sleeping_free(&z, f.pool);
	assert_null(z);
	sleeping_free(&z, f.pool); /* nobody */
	assert_int_equal(pool_used(f.pool), 0);
	assert_int_equal(f.events[DS_SESSION], 0);
	pool_free(&f.pool);
	return used;
}

/* Whose session it is is known when it wakes, so nothing of that is kept. */
static void test_asleep(void **state)
{
	(void)state;
	assert_int_equal(asleep("1:LQU9qZlK+B5F3KDmev6m5PMibrg=", 0), asleep(NULL, 0));
	assert_int_equal(asleep(NULL, 100), asleep(NULL, 0));
}

/*
 * A server that repeats what AUTH sent in the reply to another command. No dialogue: where the response is not in the capture nobody could
 * know it again, and tests/run_secrets takes it away.
 */
static void test_later_echo(void **state)
{
	static const struct {
		const char *command, *reply, *shown;
	} said[] = {
	    {"MAIL FROM:<alice@c.example>\r\n", "250 2.1.0 alice, password zebramoon: ok\r\n", "********"},
	    {"RSET\r\n", "250-flushed\r\n250 AGFsaWNlAHplYnJhbW9vbg is forgotten\r\n", "********"},
	    {"NOOP\r\n", "250 zebra and moon\r\n", "zebra and moon"},
	    {"HELP\r\n", "214 alice\r\n", "alice"},
	    {"AUTH LOGIN eA==\r\n", "503 you are alice (zebramoon)\r\n", "********"},
	    {"QUIT\r\n", "221 zebramoon\r\n", "********"},
	};

	(void)state;
	for (int naps = 0; naps < 2; naps++) {
		struct fixture f;

		start(&f, 0);
		greet(&f);
		client(&f, "AUTH PLAIN AGFsaWNlAHplYnJhbW9vbg==\r\n");
		server(&f, "235 2.7.0 ok\r\n");
		for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
			if (naps && i != 1) /* no sleep inside a transaction */
				nap(&f, true, i, said[i].command);
			client(&f, said[i].command);
			server(&f, said[i].reply);
			assert_string_equal(f.text, said[i].shown);
		}
		finish(&f);
	}
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

/* Octets are announced by BDAT and XEXCH50, when they say how many, and by nothing else. */
static void test_announced(void **state)
{
	static const struct {
		const char *line;
		uint64_t announced;
	} lines[] = {
	    {"BDAT 0", 0}, {"BDAT x", EV_NONE}, {"BDAT", EV_NONE}, {"NOOP", EV_NONE}, {"DATA", EV_NONE}, {"XEXCH50 7 2", 7}, {"FROB 7", EV_NONE},
	};
	struct fixture f;

	(void)state;
	start(&f, 0);
	greet(&f);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		client(&f, lines[i].line);
		client(&f, "\r\n");
		server(&f, "503 no\r\n");
		if (f.announced != lines[i].announced)
			fail_msg("%s: %llu", lines[i].line, (unsigned long long)f.announced);
	}
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_memory), cmocka_unit_test(test_outstanding), cmocka_unit_test(test_held),
	    cmocka_unit_test(test_conflict),        cmocka_unit_test(test_many_challenges), cmocka_unit_test(test_long_reply),
	    cmocka_unit_test(test_recipients),      cmocka_unit_test(test_times),           cmocka_unit_test(test_held_exactly),
	    cmocka_unit_test(test_long_response),   cmocka_unit_test(test_sleep),       cmocka_unit_test(test_announced),
	    cmocka_unit_test(test_asleep),          cmocka_unit_test(test_later_echo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
