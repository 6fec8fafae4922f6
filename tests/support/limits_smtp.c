/*
 * limits_smtp.c - limits of a dialogue. See limit_rows.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "limit_rows.h"
#include "app/nettle_digests.h"
#include "smtpscope/auth.h"
#include "smtpscope/cause.h"
#include "smtpscope/line.h"
#include "smtpscope/session.h"

struct talk {
	struct pool *pool;
	struct cause cause;
	struct session *s;
	struct flow flow;
	struct session_config config;
	struct session_limits limits;
	enum secrets secrets;
	uint64_t off[2], peak, overflows, cut, listed, recipients, lines, challenges, long_lines;
	bool hashed, hidden, auth_cut;
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
	if (ev->set == DS_AUTH) {
		t->challenges = ev->challenges.n;
		t->auth_cut = ev->truncated == EV_TRUE;
		t->hashed = ev->secret_hash.n > 0;
		t->hidden = ev->reply_text.n && span_eq(ev->reply_text.v[0], SPAN("********"));
	}
	t->long_lines += ev->set == DS_FINDING && span_eq(ev->finding_id, SPAN("auth_line_too_long"));
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
	t->config.secrets = t->secrets;
	t->config.secret_key = SPAN("a key of a test");
	t->config.digests = &nettle_digests;
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

static void transaction(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};

	(void)limit;
	t.limits.transaction_bytes = 20 * 512;
	t.limits.recipients = UINT32_MAX;
	begin(&t);
	client(&t, "MAIL FROM:<a@b.example>\r\n");
	server(&t, "250 ok\r\n");
	for (uint64_t i = 0; i < n; i++) {
		client(&t, "RCPT TO:<an-address-that-is-not-a-short-one-but-of-some-length-so-that-it-counts@mail.department.example.org>\r\n");
		server(&t, "250 ok\r\n");
	}
	end(&t, o);
	assert_int_equal(t.recipients, n);
	o->over = t.cut;
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
static void line_kept(uint64_t limit, uint64_t n, struct outcome *o)
{
	static uint8_t text[1024];
	struct talk t = {.limits = session_limits_default};

	(void)limit;
	memset(text, 'A', sizeof text);
	begin(&t);
	client(&t, "NOOP ");
	for (uint64_t left = n - 7; left;) {
		size_t some = left < sizeof text ? (size_t)left : sizeof text;

		say(&t, DIR_CLIENT, text, some);
		left -= some;
	}
	client(&t, "\r\n");
	server(&t, "500 no\r\n");
	end(&t, o);
	o->over = t.cut;
}

/* A token of n quanta of Base64, which is decoded whole only for its hash; what is not kept whole has none. */
static void token_kept(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default, .secrets = SECRETS_HASH};

	(void)limit;
	begin(&t);
	client(&t, "AUTH X-TOKEN\r\n");
	server(&t, "334 \r\n");
	for (uint64_t i = 0; i < n; i++)
		client(&t, "QUJD");
	client(&t, "\r\n");
	server(&t, "535 no\r\n");
	end(&t, o);
	assert_true(n < 4096 || t.long_lines == 1);
	o->over = !t.hashed;
}

/* Mechanisms in the list of EHLO. */
static void offered_kept(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct talk t = {.limits = session_limits_default};
	char name[32];

	(void)limit;
	begin(&t);
	client(&t, "EHLO c.example\r\n");
	server(&t, "250-mx.example\r\n250-AUTH");
	for (uint64_t i = 0; i < n; i++) {
		snprintf(name, sizeof name, "%s M%u", i % 100 == 99 ? "\r\n250-AUTH" : "", (unsigned)i);
		server(&t, name);
	}
	server(&t, "\r\n250 HELP\r\n");
	client(&t, "AUTH M0\r\n");
	server(&t, "504 no\r\n");
	end(&t, o);
	o->over = t.auth_cut;
}

/* Words behind AUTH, each of which its reply might repeat. */
static void words_compared(uint64_t limit, uint64_t n, struct outcome *o)
{
	enum { WORDS = 250 }; /* a segment */
	static uint8_t text[5 * WORDS];
	struct talk t = {.limits = session_limits_default};

	(void)limit;
	begin(&t);
	client(&t, "AUTH PLAIN AGFsaWNlAHplYnJhbW9vbg==\r\n");
	for (uint64_t i = 0; i < n; i++)
		memcpy(text + 5 * (i % WORDS), "word ", 5);
	for (uint64_t left = n; left; left -= left < WORDS ? left : WORDS)
		say(&t, DIR_CLIENT, text, 5 * (left < WORDS ? left : WORDS));
	server(&t, "535 5.7.8 not so\r\n");
	end(&t, o);
	o->over = t.hidden;
}

static const struct limit rows[] = {
    {"session_limits.outstanding", 16, outstanding, false, 0, 0},
    {"session_limits.recipients", 10, recipients, true, 0, 0},
    {"session_limits.reply_lines", 8, reply_lines, false, 0, 0},
    {"session_limits.held_bytes", 4096, held_octets, false, 0, 0},
    {"session_limits.transaction_bytes", 0, transaction, false, 0, 1000},
    {"AUTH_MAX_CHALLENGES", AUTH_MAX_CHALLENGES, challenges, false, 2 * 4096 /* codes of one command */, 0},
    {"LINE_KEPT", LINE_KEPT, line_kept, false, 0, 0},
    {"LINE_KEPT_AUTH", LINE_KEPT_AUTH / 4 - 1, token_kept, false, 0, 0},
    {"OFFERED_KEPT", 32, offered_kept, false, 128 * 1024 /* lines of the reply, up to reply_lines */, 0},
    {"WORDS_COMPARED", 256, words_compared, false, 300 * 1024 /* what waits, up to held_bytes */, 0},
};
const struct limit_rows limits_smtp = {rows, sizeof rows / sizeof *rows};
