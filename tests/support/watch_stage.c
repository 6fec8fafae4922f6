/* watch_stage.c - see watch_stage.h. */
#include "watch_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t seed[16] = "0123456789abcdef";

static void keep(char *dst, size_t cap, struct span s)
{
	snprintf(dst, cap, "%.*s", (int)s.n, s.n ? (const char *)s.p : "");
}

static void on_event(void *ctx, struct event *ev)
{
	struct out *o = ctx;

	if (ev->set == DS_STATS) {
		o->evicted_clients = ev->stats_watch_evicted_clients;
		o->evicted_servers = ev->stats_watch_evicted_servers;
		o->evicted_windows = ev->stats_watch_evicted_windows;
		o->evicted_sessions = ev->stats_watch_evicted_sessions;
		o->windows = ev->stats_watch_windows;
	}
	if (ev->set == DS_SESSION) {
		o->session_findings = ev->session_findings;
		o->session_sequence = ev->sequence;
	}
	o->sequence = ev->sequence;
	if (ev->set != DS_FINDING)
		return;
	for (unsigned f = 0; f < FINDINGS; f++)
		o->raised[f] += span_eq(ev->finding_id, span_str(finding_info((enum finding)f)->id));
	keep(o->evidence, sizeof o->evidence, ev->finding_evidence);
	keep(o->severity, sizeof o->severity, ev->finding_severity);
	keep(o->confidence, sizeof o->confidence, ev->finding_confidence);
	keep(o->user, sizeof o->user, ev->user_name);
	o->count = ev->finding_count;
	o->clients = ev->watch_clients;
	o->identities = ev->watch_identities;
	o->sessions = ev->watch_sessions.n;
}

void open_stage(struct stage *s, uint64_t memory)
{
	s->limits = watch_limits_default;
	s->pool = pool_new(memory);
	if (!s->pool)
		abort();
	watch_settings_default(&s->settings);
	memset(&s->out, 0, sizeof s->out);
	s->watch = NULL;
}

struct watch *begin(struct stage *s)
{
	s->watch = watch_new(s->pool, seed, &s->settings, &s->limits, on_event, &s->out);
	return s->watch;
}

bool close_stage(struct stage *s)
{
	bool all;

	watch_free(&s->watch);
	all = pool_used(s->pool) == 0;
	pool_free(&s->pool);
	return all;
}

unsigned raised(const struct stage *s, enum finding f)
{
	return s->out.raised[f];
}

void expect(const struct stage *s, enum finding f, unsigned times, const char *evidence, const char *row)
{
	if (raised(s, f) != times)
		fail_msg("%s: %s raised %u times, not %u", row, finding_info(f)->id, raised(s, f), times);
	if (times && evidence && strcmp(s->out.evidence, evidence) != 0)
		fail_msg("%s: %s, expected %s", row, s->out.evidence, evidence);
}

void start(struct stage *s)
{
	open_stage(s, 0);
	assert_non_null(begin(s));
}

void done(struct stage *s)
{
	assert_true(close_stage(s));
}

void read_stats(struct stage *s)
{
	struct event ev;

	event_init(&ev, DS_STATS);
	watch_emit(s->watch, &ev);
}

/* ---- sessions ---- */

struct talk talk_of(uint64_t number, uint32_t client, int64_t ts)
{
	struct talk t = {.ts = ts};

	snprintf(t.record.id, sizeof t.record.id, "%016llx", (unsigned long long)number);
	t.record.client = (struct endpoint){.family = 4, .port = 40000};
	t.record.server = (struct endpoint){.family = 4, .port = 25, .addr = {192, 0, 2, 25}};
	for (int i = 0; i < 4; i++)
		t.record.client.addr[i] = (uint8_t)(client >> (24 - 8 * i));
	return t;
}

/* What watch_reads() says is enough: all else is taken from the event before the stage sees it. */
static struct event bare(const struct event *ev)
{
	static const size_t sizes[] = {
	    [EV_STR] = sizeof(ev_STR_t), [EV_STRS] = sizeof(ev_STRS_t), [EV_UINT] = sizeof(ev_UINT_t), [EV_BOOL] = sizeof(ev_BOOL_t),
	    [EV_TIME] = sizeof(ev_TIME_t), [EV_IP] = sizeof(ev_IP_t), [EV_CODES] = sizeof(ev_CODES_t)};
	struct event out;

	event_init(&out, ev->set);
	for (unsigned i = 0; i < event_field_count; i++) {
		const struct event_field *f = &event_fields[i];

		if (watch_reads(f))
			memcpy((char *)&out + f->offset, (const char *)ev + f->offset, sizes[f->type]);
	}
	out.record = ev->record;
	out.exchange = ev->exchange;
	out.reply_ts = ev->reply_ts;
	return out;
}

void say(struct stage *s, struct talk *t, struct event *ev)
{
	struct event left;

	ev->record = &t->record;
	ev->sequence = ++t->record.sequence;
	ev->ts = t->ts;
	ev->source_ip = t->record.client;
	ev->destination_ip = t->record.server;
	ev->destination_port = t->record.server.port;
	left = bare(ev);
	watch_emit(s->watch, &left);
}

void say_auth(struct stage *s, struct talk *t, const char *user, bool right)
{
	struct event ev;

	event_init(&ev, DS_AUTH);
	ev.mechanism = SPAN("PLAIN");
	ev.initial_response = EV_TRUE;
	ev.auth_steps = 0;
	ev.user_name = span_str(user);
	ev.auth_result = right ? SPAN("success") : SPAN("failure");
	ev.reply_code = right ? 235 : 535;
	say(s, t, &ev);
}

void say_exchange(struct stage *s, struct talk *t, struct exchange *x, const char *text)
{
	struct span line = span_str(text);
	struct event ev;

	event_init(&ev, DS_COMMAND);
	x->text = &line;
	x->text_count = 1;
	ev.exchange = x;
	ev.verb = SPAN("VERB");
	ev.reply_code = (uint64_t)x->code;
	ev.reply_text = (struct event_list){&line, 1};
	say(s, t, &ev);
}

void say_command(struct stage *s, struct talk *t, enum verb verb, const char *argument, int code)
{
	struct exchange x = {.kind = verb == VERB_UNKNOWN ? EXCHANGE_GREETING : EXCHANGE_COMMAND,
			     .verb = verb,
			     .code = code,
			     .argument = span_str(argument),
			     .situation = SIT(EHLO)};

	x.enhanced = code == 550 ? SPAN("5.1.1") : SPAN_ABSENT;
	say_exchange(s, t, &x, "mx.corp.example");
}

void session_event(struct event *ev, const struct talk *t, int64_t start)
{
	event_init(ev, DS_SESSION);
	ev->session_close = SPAN("quit-fin");
	ev->session_findings = 0;
	ev->session_gaps = 0;
	ev->session_commands = 3;
	ev->source_bytes = 100;
	ev->start = start;
	ev->duration = (uint64_t)(t->ts - start);
}

void say_end(struct stage *s, struct talk *t, int64_t start)
{
	struct event ev;

	session_event(&ev, t, start);
	say(s, t, &ev);
}
