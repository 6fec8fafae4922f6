/*
 * watch.c - is it an attack? The stage itself: which event is whose business, the sessions that are open, how an alarm becomes
 * a finding. See watch.h; what is watched for is in watch_auth.c, watch_tls.c, watch_mail.c, watch_relay.c, watch_session.c.
 *
 * Left out: whatever one exchange shows alone (diag/cause), and what happens under TLS.
 */
#include "watch_internal.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const struct watch_limits watch_limits_default = {
    .sessions = 65536,           /* with a state of some 300 octets: 20 MiB; a longer idle one is begun anew */
    .clients = 65536,            /* of some 200 octets: 13 MiB; more of them in a window than this need more than one sensor */
    .servers = 4096,             /* of under 1 KiB: 4 MiB; a site has dozens */
    .windows = 65536,            /* of some 150 octets: 10 MiB; few clients do what counts */
    .moments = 32 * 1024 * 1024, /* 32 octets each: 16 for every window */
};

/* ---- rules ---- */

static const struct watch_rule_info rules[WATCH_RULES] = {
#define WATCH_ROW(name, finding, threshold, seconds, counts) {#name, FINDING_##finding, {threshold, seconds}, counts},
    WATCH_RULES_LIST(WATCH_ROW)
#undef WATCH_ROW
};

const struct watch_rule_info *watch_rule_info(enum watch_rule r)
{
	return &rules[r];
}

enum watch_rule watch_rule_find(struct span name)
{
	unsigned r = 0;

	while (r < WATCH_RULES && !span_eq(name, span_str(rules[r].name)))
		r++;
	return (enum watch_rule)r;
}

void watch_settings_default(struct watch_settings *s)
{
	for (unsigned r = 0; r < WATCH_RULES; r++)
		s->rule[r] = rules[r].standard;
}

bool watch_on(const struct watch *w, enum watch_rule r)
{
	return w->settings->rule[r].threshold != 0;
}

bool session_first(const struct watch *w, struct watch_session *s, enum watch_rule r)
{
	bool before = s->said >> r & 1;

	s->said |= UINT32_C(1) << r;
	return !before && watch_on(w, r);
}

/* ---- words ---- */

uint64_t hash_name(const struct watch *w, struct span s)
{
	uint8_t lower[128]; /* longer ones differ in their first octets too, or are one for this */
	size_t n = s.n < sizeof lower ? s.n : sizeof lower;

	for (size_t i = 0; i < n; i++)
		lower[i] = (uint8_t)(s.p[i] + ((uint8_t)(s.p[i] - 'A') < 26) * 32);
	return siphash(w->seed, lower, n);
}

uint32_t hash_text(const struct watch *w, struct span s)
{
	uint32_t h = (uint32_t)hash_name(w, s);

	return h ? h : 1;
}

/* ---- alarms ---- */

struct alarm alarm_of(enum watch_rule r)
{
	const struct finding_info *info = finding_info(rules[r].finding);

	return (struct alarm){.rule = r, .severity = info->severity, .confidence = info->confidence, .count = 1};
}

enum { SESSIONS_NAMED = 4 };

/* Some of the sessions in the window, the newest last. */
static uint32_t name_sessions(const struct window *win, char text[SESSIONS_NAMED][17], struct span list[SESSIONS_NAMED])
{
	uint64_t seen[SESSIONS_NAMED];
	uint32_t n = 0;

	for (uint32_t i = win->count; i-- > 0 && n < SESSIONS_NAMED;) {
		uint32_t k = 0;

		while (k < n && seen[k] != win->moment[i].session)
			k++;
		if (k == n)
			seen[n++] = win->moment[i].session;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint64_t id = seen[n - 1 - i];

		list[i] = span_of(text[i], (size_t)snprintf(text[i], 17, "%016" PRIx64, id));
	}
	return n;
}

void watch_raise(struct watch *w, const struct event *about, const struct alarm *a)
{
	const struct watch_setting *set = &w->settings->rule[a->rule];
	struct finding_facts facts = {.verb = about->verb, .count = a->count};
	char text[SESSIONS_NAMED][17];
	struct span list[SESSIONS_NAMED];
	struct session_record record = *about->record;
	struct event ev = *about;

	record.sequence = (uint32_t)about->sequence + w->last->added++ - (about->set == DS_SESSION);
	ev.record = &record;
	ev.notice = NULL;
	ev.finding_count = a->count;
	ev.finding_evidence = a->evidence;
	ev.user_name = a->user;
	ev.watch_threshold = set->threshold;
	ev.watch_window = set->seconds ? set->seconds : EV_NONE;
	if (a->identities)
		ev.watch_identities = a->identities;
	if (a->window && a->window->count) {
		ev.watch_clients = window_peers(a->window);
		ev.watch_sessions = (struct event_list){list, name_sessions(a->window, text, list)};
	}
	finding_emit(&w->next, &ev, finding_info(rules[a->rule].finding), a->severity, a->confidence, &facts);
}

/* ---- sessions ---- */

static bool session_eq(const void *key, const struct table_node *node)
{
	return memcmp(key, ((const struct watch_session *)node)->id, 16) == 0;
}

static void session_drop(struct watch *w, struct watch_session *s)
{
	window_clear(w, &s->idle);
	if (w->last == s)
		w->last = NULL;
	table_remove(w->sessions, &s->node);
	pool_drop(w->pool, &s->user);
	pool_put(w->pool, s, sizeof *s);
}

static uint64_t number_of(const char id[16])
{
	uint64_t n = 0;

	for (int i = 0; i < 16; i++)
		n = n << 4 | (uint64_t)((id[i] & 15) + (id[i] >> 6) * 9);
	return n;
}

/* An id is a hash already; what is added is what nobody outside knows. Less than SipHash: every change of session comes here. */
static uint32_t session_hash(const struct watch *w, const char id[16])
{
	uint64_t a, b, secret[2];

	memcpy(&a, id, 8);
	memcpy(&b, id + 8, 8);
	memcpy(secret, w->seed, 16);
	a = (a ^ secret[0]) * (secret[1] | 1);
	a = (a ^ a >> 32 ^ b) * (secret[0] | 1);
	return (uint32_t)(a >> 32);
}

static struct watch_session *session_add(struct watch *w, const struct event *ev, uint32_t hash)
{
	const char *id = ev->record->id;
	struct watch_session *s = pool_get(w->pool, sizeof *s);

	if (!s)
		return NULL;
	memcpy(s->id, id, sizeof s->id);
	s->number = number_of(id);
	s->greeting_ts = EV_NO_TIME;
	s->idle.fired = EV_NO_TIME;
	s->from = client_hash(w, ev);
	s->facts = ev->sequence == 1 ? FACT_WHOLE : 0;
	while (!table_insert(w->sessions, &s->node, hash)) {
		struct table_node *oldest = table_oldest(w->sessions);

		if (!oldest) {
			pool_put(w->pool, s, sizeof *s);
			return NULL;
		}
		session_drop(w, (struct watch_session *)oldest);
		w->evicted_sessions++;
	}
	return s;
}

/* The state of the session the event is of: mostly that of the event before. NULL without memory. */
static struct watch_session *session_of(struct watch *w, const struct event *ev)
{
	const char *id = ev->record->id;
	struct table_node *node;
	uint32_t hash;

	if (w->last && memcmp(w->last->id, id, 16) == 0)
		return w->last;
	hash = session_hash(w, id);
	node = table_find(w->sessions, hash, id);
	if (node) {
		table_touch(w->sessions, node);
		w->last = (struct watch_session *)node;
		return w->last;
	}
	w->last = session_add(w, ev, hash);
	return w->last;
}

/* ---- the stage ---- */

static void on_command(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct exchange *x = ev->exchange;

	if (x->kind == EXCHANGE_GREETING)
		watch_greeting(w, s, ev);
	switch ((int)x->verb) { /* by far not all of enum verb */
	case VERB_EHLO:
	case VERB_LHLO:
		watch_hello_reply(w, s, ev);
		break;
	case VERB_STARTTLS:
		watch_starttls(w, s, ev);
		break;
	case VERB_MAIL:
		watch_mail(w, s, ev);
		break;
	case VERB_RCPT:
		watch_rcpt(w, s, ev);
		break;
	case VERB_VRFY:
	case VERB_EXPN:
		watch_verify(w, s, ev);
		break;
	default:
		break;
	}
	watch_behaviour(w, s, ev);
}

/* Its number is the one that diag/cause gave it, behind what this stage added. A session that was evicted begins anew with that. */
static void pass(struct watch *w, struct event *ev, uint32_t added)
{
	struct session_record *own = ev->record, record;
	uint64_t sequence = ev->sequence;

	if (!added) {
		w->next.emit(w->next.ctx, ev);
		return;
	}
	record = *own;
	record.sequence = (uint32_t)sequence - 1 + added;
	ev->record = &record;
	event_pass(&w->next, ev);
	ev->record = own;
	ev->sequence = sequence;
}

static void on_session(struct watch *w, struct watch_session *s, struct event *ev)
{
	if (ev->sequence == 1)
		watch_begin(w, s, ev);
	watch_tls_end(w, s, ev);
	watch_end(w, s, ev);
	ev->session_findings += s->added;
	pass(w, ev, s->added);
	session_drop(w, s);
}

static void judge(struct watch *w, struct watch_session *s, const struct event *ev)
{
	if (ev->sequence == 1)
		watch_begin(w, s, ev);
	if (ev->set == DS_COMMAND && ev->exchange)
		on_command(w, s, ev);
	else if (ev->set == DS_AUTH)
		watch_auth(w, s, ev);
	else if (ev->set == DS_MESSAGE)
		watch_message(w, s, ev);
	else if (ev->set == DS_FINDING)
		watch_error(w, s, ev);
}

static void on_stats(struct watch *w, struct event *ev)
{
	ev->stats_memory_watch = pool_used(w->pool);
	ev->stats_memory += ev->stats_memory_watch;
	ev->stats_memory_failures += pool_failures(w->pool);
	ev->stats_watch_windows = table_count(w->windows);
	ev->stats_watch_evicted_clients = w->evicted_clients;
	ev->stats_watch_evicted_sessions = w->evicted_sessions;
	ev->stats_watch_evicted_windows = w->evicted_windows;
	ev->stats_watch_evicted_servers = w->evicted_servers;
	w->next.emit(w->next.ctx, ev);
}

void watch_emit(void *ctx, struct event *ev)
{
	struct watch *w = ctx;
	struct watch_session *s = ev->record ? session_of(w, ev) : NULL;

	if (ev->set == DS_STATS) {
		on_stats(w, ev);
	} else if (!s) {
		w->next.emit(w->next.ctx, ev);
	} else if (ev->set == DS_SESSION) {
		on_session(w, s, ev);
	} else {
		pass(w, ev, s->added);
		judge(w, s, ev);
	}
}

/* Made anew by finding_emit(), or by watch_raise(). */
static const uint16_t made_anew[] = {
    offsetof(struct event, kind),
    offsetof(struct event, category),
    offsetof(struct event, type),
    offsetof(struct event, dataset),
    offsetof(struct event, id),
    offsetof(struct event, outcome),
    offsetof(struct event, finding_confidence),
    offsetof(struct event, finding_fault),
    offsetof(struct event, finding_explanation),
    offsetof(struct event, finding_remedy),
    offsetof(struct event, finding_reference),
    offsetof(struct event, finding_evidence),
    offsetof(struct event, finding_suggestion),
    offsetof(struct event, finding_count),
    offsetof(struct event, error_type),
};

/* Looked at here, and no field of findings. */
static const uint16_t looked_at[] = {
    offsetof(struct event, start),
    offsetof(struct event, source_bytes),
    offsetof(struct event, session_close),
    offsetof(struct event, session_midstream),
    offsetof(struct event, session_one_sided),
    offsetof(struct event, session_gaps),
    offsetof(struct event, session_commands),
    offsetof(struct event, session_findings),
    offsetof(struct event, extensions),
    offsetof(struct event, starttls),
    offsetof(struct event, tls_established),
    offsetof(struct event, mechanism),
    offsetof(struct event, initial_response),
    offsetof(struct event, auth_steps),
    offsetof(struct event, auth_encrypted),
    offsetof(struct event, auth_result),
    offsetof(struct event, user_domain),
    offsetof(struct event, mail_from),
    offsetof(struct event, rcpt_to),
    offsetof(struct event, rcpt_accepted),
    offsetof(struct event, rcpt_count),
    offsetof(struct event, message_result),
    offsetof(struct event, email_from),
    offsetof(struct event, email_to),
    offsetof(struct event, email_cc),
};

static bool is_among(uint16_t offset, const uint16_t *list, size_t n)
{
	while (n > 0 && list[n - 1] != offset)
		n--;
	return n > 0;
}

bool watch_reads(const struct event_field *f)
{
	return f->sets >> DS_FINDING & 1 ? !is_among(f->offset, made_anew, sizeof made_anew / sizeof *made_anew)
					  : is_among(f->offset, looked_at, sizeof looked_at / sizeof *looked_at);
}

struct watch *watch_new(struct pool *pool, const uint8_t seed[16], const struct watch_settings *settings,
			const struct watch_limits *limits, emit_fn *next, void *next_ctx)
{
	struct watch *w = pool_get(pool, sizeof *w);

	if (!w)
		return NULL;
	*w = (struct watch){.pool = pool, .next = {next, next_ctx}, .settings = settings, .limits = limits};
	memcpy(w->seed, seed, sizeof w->seed);
	w->sessions = table_new(session_eq, seed, limits->sessions);
	w->clients = table_new(client_eq, seed, limits->clients);
	w->servers = table_new(server_eq, seed, limits->servers);
	w->windows = table_new(window_eq, seed, limits->windows);
	if (!w->sessions || !w->clients || !w->servers || !w->windows)
		watch_free(&w);
	return w;
}

void watch_free(struct watch **watch)
{
	struct watch *w = *watch;

	*watch = NULL;
	if (!w)
		return;
	while (w->sessions && table_oldest(w->sessions))
		session_drop(w, (struct watch_session *)table_oldest(w->sessions));
	while (w->clients && table_oldest(w->clients))
		client_free(w, (struct watch_client *)table_oldest(w->clients));
	while (w->windows && window_evict(w))
		continue;
	while (w->servers && table_oldest(w->servers))
		server_free(w, (struct watch_server *)table_oldest(w->servers));
	table_free(&w->sessions);
	table_free(&w->clients);
	table_free(&w->servers);
	table_free(&w->windows);
	pool_put(w->pool, w, sizeof *w);
}
