/*
 * limits_edge.c - limits of the pool (--memory-limit), of what watches over sessions, of recognition, and of outputs. See limit_rows.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "limit_rows.h"
#include "smtpscope/detect.h"
#include "smtpscope/sink.h"
#include "smtpscope/text.h"
#include "watch_stage.h"

/* ---- the pool ---- */

static void memory(uint64_t limit, uint64_t n, struct outcome *o)
{
	enum { BLOCK = 64 };
	struct pool *pool = pool_new(limit * BLOCK);
	void **block = calloc(n, sizeof *block);

	assert_true(pool && block);
	for (uint64_t i = 0; i < n; i++)
		block[i] = pool_get(pool, BLOCK);
	o->over = pool_failures(pool);
	o->peak = pool_used(pool);
	for (uint64_t i = 0; i < n; i++)
		pool_put(pool, block[i], BLOCK);
	free(block);
	pool_free(&pool);
}

/* ---- diag/watch ---- */

static void end_stage(struct stage *s, struct outcome *o)
{
	read_stats(s);
	o->peak = pool_used(s->pool);
	assert_true(close_stage(s));
}

static void watch_sessions(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct stage s;

	open_stage(&s, 0);
	s.limits.sessions = (uint32_t)limit;
	assert_non_null(begin(&s));
	for (uint32_t i = 0; i < n; i++) {
		struct talk t = talk_of(i + 1, 0x0a000001, NOON + i * SECOND);

		say_command(&s, &t, VERB_EHLO, "c.example", 250); /* none of them ends */
	}
	end_stage(&s, o);
	o->over = s.out.evicted_sessions;
}

/* Sessions with a client, a server and an identity each, as far as they are to differ. */
static void guesses(struct stage *s, uint64_t n, bool clients, bool servers)
{
	char user[48];

	for (uint32_t i = 0; i < n; i++) {
		struct talk t = talk_of(i + 1, 0x0a000001 + (clients ? i : 0), NOON + i * SECOND);

		t.record.server.addr[2] = servers ? (uint8_t)(i >> 8) : 0;
		t.record.server.addr[3] = servers ? (uint8_t)i : 0;
		snprintf(user, sizeof user, "user%u@corp.example", (unsigned)i);
		say_command(s, &t, VERB_EHLO, "c.example", 250);
		say_auth(s, &t, user, false);
		say_end(s, &t, t.ts);
	}
}

static void watch_clients(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct stage s;

	open_stage(&s, 0);
	s.limits.clients = (uint32_t)limit;
	s.limits.windows = 1;
	assert_non_null(begin(&s));
	guesses(&s, n, true, false);
	end_stage(&s, o);
	o->over = s.out.evicted_clients;
}

static void watch_servers(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct stage s;

	open_stage(&s, 0);
	s.limits.servers = (uint32_t)limit;
	s.limits.windows = 1;
	assert_non_null(begin(&s));
	guesses(&s, n, false, true);
	end_stage(&s, o);
	o->over = s.out.evicted_servers;
}

/* One rule alone: a window for each identity. */
static void one_rule(struct stage *s)
{
	for (unsigned r = 0; r < WATCH_RULES; r++)
		if (r != WATCH_auth_bruteforce)
			s->settings.rule[r].threshold = 0;
}

static void watch_windows(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct stage s;

	open_stage(&s, 0);
	one_rule(&s);
	s.limits.windows = (uint32_t)limit;
	assert_non_null(begin(&s));
	guesses(&s, n, false, false);
	end_stage(&s, o);
	o->over = s.out.evicted_windows;
}

static void watch_moments(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct stage s;

	(void)limit;
	open_stage(&s, 0);
	one_rule(&s);
	s.limits.moments = 1600;
	assert_non_null(begin(&s));
	guesses(&s, n, false, false);
	end_stage(&s, o);
	o->over = s.out.evicted_windows;
}

/* ---- recognition ---- */

/* What FTP says too, and then no word of a client that would tell: after so many octets it is not SMTP. */
static void detect_kept(uint64_t limit, uint64_t n, struct outcome *o)
{
	static const uint8_t greeting[] = "220 x\r\n", text[] = "x";
	struct pool *pool = pool_new(0);
	struct detect *d = detect_new(pool);
	enum detect_verdict v = DETECT_UNDECIDED;

	(void)limit;
	for (uint64_t i = 0; i < n && v == DETECT_UNDECIDED; i++) {
		struct chunk c = {.kind = CHUNK_DATA, .dir = DIR_SERVER, .off = i, .len = 1, .data = i < sizeof greeting - 1 ? &greeting[i] : text};

		v = detect_feed(d, &c);
		o->peak = pool_used(pool) > o->peak ? pool_used(pool) : o->peak;
	}
	o->over = v == DETECT_OTHER;
	detect_free(&d);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* ---- outputs ---- */

enum { SINK_RECORD = 256 * 1024 /* octets; as much as a block takes */ };

/* Records for a listener that does not read. */
static void sink_kept(uint64_t limit, uint64_t n, struct outcome *o)
{
	static uint8_t record[SINK_RECORD];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const struct sink_options so = {.live = true, .linger_ms = 1};
	char folder[] = "/tmp/limits-XXXXXX", target[200];
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sink_stats st;
	struct sink *s;

	(void)limit;
	assert_non_null(mkdtemp(folder));
	snprintf(a.sun_path, sizeof a.sun_path, "%s/s", folder);
	snprintf(target, sizeof target, "unix:%s", a.sun_path);
	assert_true(listener >= 0 && bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 1) == 0);
	s = sink_open(target, &so, NULL);
	assert_non_null(s);
	memset(record, 'x', sizeof record);
	record[SINK_RECORD - 1] = '\n';
	for (uint64_t i = 0; i < n; i++)
		sink_write(s, span_of(record, SINK_RECORD), SPAN_ABSENT);
	sink_stats(s, &st);
	assert_int_equal(st.written + st.queued + sink_lost(s), n);
	o->over = st.lost[SINK_LOST_QUEUE];
	o->peak = st.queued_bytes;
	sink_close(&s, NULL);
	close(listener);
	unlink(a.sun_path);
	rmdir(folder);
}

struct transcript {
	uint64_t parts; /* of sessions that go on */
};

static void on_text(void *ctx, struct span text)
{
	struct transcript *t = ctx;

	for (size_t at; (at = span_find(text, SPAN(", goes on"))) != SPAN_NPOS; text = span_from(text, at + 1))
		t->parts++;
}

static void tell(struct text_writer *w, unsigned session, struct span argument)
{
	char id[17];
	struct event ev;

	snprintf(id, sizeof id, "%016x", session + 1);
	event_init(&ev, DS_COMMAND);
	ev.ts = NOON;
	ev.session_id = span_str(id);
	ev.source_ip = ev.destination_ip = (struct endpoint){.addr = {10, 0, 0, 1}, .family = 4};
	ev.verb = SPAN("NOOP");
	ev.argument = argument;
	ev.reply_code = 250;
	text_event(w, &ev);
}

/* A session of n commands, written in parts when it is long. */
static void text_kept(uint64_t limit, uint64_t n, struct outcome *o)
{
	static char words[400];
	struct transcript t = {0};
	struct text_options look = {.verbosity = 0};
	struct sink *sink = sink_open_callback(on_text, &t);
	struct text_writer *w = text_writer_new(&look, sink);

	(void)limit;
	memset(words, 'x', sizeof words);
	for (uint64_t i = 0; i < n; i++)
		tell(w, 0, span_of(words, sizeof words));
	sink_flush(sink);
	o->over = t.parts;
	text_writer_free(&w);
	sink_close(&sink, NULL);
}

static void text_sessions(uint64_t limit, uint64_t n, struct outcome *o)
{
	struct transcript t = {0};
	struct text_options look = {.verbosity = 0};
	struct sink *sink = sink_open_callback(on_text, &t);
	struct text_writer *w = text_writer_new(&look, sink);

	(void)limit;
	for (uint64_t i = 0; i < n; i++)
		tell(w, (unsigned)i, SPAN("x"));
	sink_flush(sink);
	o->over = t.parts;
	text_writer_free(&w);
	sink_close(&sink, NULL);
}

static const struct limit rows[] = {
    {"--memory-limit", 16, memory, true, 0, 0},
    {"watch_limits.sessions", 16, watch_sessions, true, 0, 0},
    {"watch_limits.clients", 16, watch_clients, true, 0, 0},
    {"watch_limits.servers", 16, watch_servers, true, 0, 0},
    {"watch_limits.windows", 16, watch_windows, true, 0, 0},
    {"watch_limits.moments", 0, watch_moments, false, 0, 200},
    {"DETECT_KEPT", 0, detect_kept, false, 0, 511 /* as many would tell, in pieces of any size */},
    {"SINK_KEPT", SINK_KEPT / SINK_RECORD, sink_kept, true, 0, 0},
    {"TEXT_SESSION_KEPT", 0, text_kept, false, 0, TEXT_SESSION_KEPT / 256},
    {"TEXT_SESSIONS", TEXT_SESSIONS, text_sessions, true, 0, 0},
};
const struct limit_rows limits_edge = {rows, sizeof rows / sizeof *rows};
