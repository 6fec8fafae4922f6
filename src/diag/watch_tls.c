/*
 * watch_tls.c - TLS that could have been: lists that lost STARTTLS, passwords offered in clear, and clients that come back in clear.
 *
 * What a decrypting tap shows behind a 220 to STARTTLS is not in clear, and no list after it is compared with one before.
 */
#include "watch_internal.h"

#include <stdio.h>
#include <string.h>

static bool lists(const struct event_list *list, struct span keyword)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (span_ieq(list->v[i], keyword))
			return true;
	return false;
}

/* Those of the mechanisms in "AUTH=PLAIN LOGIN", into dst. */
static struct span mechanisms(struct span line, bool (*fits)(struct span mechanism), char *dst, size_t cap)
{
	struct span rest = span_from(line, 5);
	size_t n = 0;

	while (rest.p) {
		struct span word = span_split(&rest, ' ');

		if (!fits(word))
			continue;
		n = span_append(dst, n, cap, n ? SPAN(" ") : SPAN(""));
		n = span_append(dst, n, cap, word);
	}
	return span_of(dst, n);
}

/* ---- what is offered ---- */

static bool sends_password(struct span mechanism)
{
	return span_ieq(mechanism, SPAN("PLAIN")) || span_ieq(mechanism, SPAN("LOGIN"));
}

static bool is_weak(struct span mechanism)
{
	static const struct span weak[] = {SPAN_INIT("CRAM-MD5"), SPAN_INIT("DIGEST-MD5"), SPAN_INIT("NTLM"), SPAN_INIT("ANONYMOUS")};

	for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
		if (span_ieq(mechanism, weak[i]))
			return true;
	return false;
}

/* A fact about the server. told: when it was said of it last; while that is near, nothing is counted. */
static void count_offer(struct watch *w, const struct event *ev, enum watch_rule r, int64_t *told, struct span text)
{
	struct watch_key k = key_server(r, ev);
	struct window *win = window_counts(w, &k, ev);
	struct alarm a = alarm_of(r);

	if (!win)
		return;
	*told = ev->ts;
	a.count = win->count;
	a.evidence = text;
	watch_raise(w, ev, &a);
}

static bool is_told(const struct watch *w, enum watch_rule r, int64_t told, int64_t ts)
{
	return !watch_on(w, r) || (told != EV_NO_TIME && is_near(told, ts, w->settings->rule[r].seconds));
}

static void judge_offer(struct watch *w, struct watch_session *s, const struct event *ev, struct span line, enum watch_rule r,
			int64_t *told)
{
	bool weak = r == WATCH_weak_auth_mechanism;
	char names[128], text[EVIDENCE];
	struct span what;

	if (is_told(w, r, *told, ev->ts))
		return;
	what = mechanisms(line, weak ? is_weak : sends_password, names, sizeof names);
	if (what.n && session_first(w, s, r))
		count_offer(w, ev, r, told, evidence(text, "offered: %.*s; STARTTLS %s", TEXT_OF(what, 128),
						     s->facts & FACT_STARTTLS_OFFERED ? "is offered too" : "is not offered"));
}

static void judge_offers(struct watch *w, struct watch_session *s, const struct event *ev, struct watch_server *v)
{
	for (uint32_t i = 0; i < ev->extensions.n; i++) {
		struct span line = ev->extensions.v[i];

		if (!span_istarts(line, SPAN("AUTH=")))
			continue;
		judge_offer(w, s, ev, line, WATCH_weak_auth_mechanism, &v->told_weak);
		judge_offer(w, s, ev, line, WATCH_auth_offered_without_tls, &v->told_clear);
	}
}

void watch_mechanism(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct watch_server *v = is_weak(ev->mechanism) ? server_of(w, s, ev) : NULL;
	char text[EVIDENCE];

	if (v && !is_told(w, WATCH_weak_auth_mechanism, v->told_weak, ev->ts) && session_first(w, s, WATCH_weak_auth_mechanism))
		count_offer(w, ev, WATCH_weak_auth_mechanism, &v->told_weak,
			    evidence(text, "used: %.*s", TEXT_OF(ev->mechanism, 32)));
}

/* ---- STARTTLS that vanished ---- */

static void raise_stripped(struct watch *w, const struct event *ev, const struct watch_server *v, const char *now)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_starttls_stripped];
	struct watch_key k;
	struct window *win;
	struct alarm a;
	char text[EVIDENCE];

	if (!set->threshold || v->offered_ts == EV_NO_TIME || strncmp(v->offered_by, ev->record->id, 16) == 0)
		return;
	if (!is_near(v->offered_ts, ev->ts, set->seconds))
		return;
	k = key_pair(WATCH_starttls_stripped, ev, w->last->from);
	win = window_counts(w, &k, ev);
	if (!win)
		return;
	a = alarm_of(WATCH_starttls_stripped);
	a.window = win;
	a.evidence = evidence(text, "session %s, %llu s earlier, was offered: %s; now: %s", v->offered_by,
			      SECONDS_OF(ev->ts > v->offered_ts ? (uint64_t)(ev->ts - v->offered_ts) : 0), v->offered, now);
	watch_raise(w, ev, &a);
}

static void list_text(const struct event_list *list, char dst[LIST_TEXT])
{
	size_t n = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		if (i)
			n = span_append(dst, n, LIST_TEXT - 1, SPAN(", "));
		n = span_append(dst, n, LIST_TEXT - 1, list->v[i]);
	}
	dst[n] = '\0';
}

/* One list a second is enough to show. */
static void keep_list(struct watch_server *v, const struct event *ev)
{
	if (v->offered_ts != EV_NO_TIME && is_near(v->offered_ts, ev->ts, 1))
		return;
	v->offered_ts = ev->ts;
	memcpy(v->offered_by, ev->record->id, sizeof v->offered_by);
	list_text(&ev->extensions, v->offered);
}

static void compare_lists(struct watch *w, const struct event *ev, struct watch_server *v)
{
	char now[LIST_TEXT];

	if (v->offered_ts == EV_NO_TIME || ev->exchange->reply_defects & REPLY_DEFECT(KEYWORD_MASKED)) /* masked: told by diag/cause */
		return;
	list_text(&ev->extensions, now);
	raise_stripped(w, ev, v, now[0] ? now : "nothing");
}

void watch_hello_reply(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const uint64_t not_in_clear = SIT(TLS) | SIT(PORT_TLS) | SIT(AFTER_GAP) | SIT(AUTHENTICATED);
	bool offered = lists(&ev->extensions, SPAN("STARTTLS"));
	struct watch_server *v;

	if (ev->exchange->code / 100 != 2 || ev->exchange->situation & not_in_clear || s->facts & FACT_STARTTLS_AGREED)
		return;
	v = server_of(w, s, ev);
	if (v && offered)
		keep_list(v, ev);
	else if (v && !(s->facts & FACT_STARTTLS_OFFERED))
		compare_lists(w, ev, v);
	s->facts |= offered ? FACT_STARTTLS_OFFERED : 0;
	if (!v)
		return;
	judge_offers(w, s, ev, v);
}

/* ---- STARTTLS that was tried ---- */

static void note_failed(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct watch_key k = key_pair(WATCH_starttls_refused, ev, s->from);
	struct window *win = watch_on(w, WATCH_starttls_refused) ? window_of(w, &k) : NULL;
	struct watch_client *c = client_of(w, s, ev);
	struct moment m = {.ts = ev->ts, .session = s->number, .peer = s->from};

	if (c)
		c->failed_tls = true;
	if (win)
		window_add(w, win, &m, w->settings->rule[WATCH_starttls_refused].threshold, false);
}

void watch_starttls(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct exchange *x = ev->exchange;
	bool misplaced = x->code == 501 || x->code == 503 || x->defects || x->situation & (SIT(TLS) | SIT(AFTER_GAP));
	struct watch_server *v;

	s->facts |= FACT_OTHER | (x->code == 220 ? FACT_STARTTLS_AGREED : 0);
	if (x->code < 400 || misplaced)
		return;
	s->facts |= FACT_STARTTLS_FAILED;
	if (s->facts & FACT_STARTTLS_OFFERED) {
		note_failed(w, s, ev);
		return;
	}
	v = x->code >= 500 ? server_of(w, s, ev) : NULL;
	if (v)
		raise_stripped(w, ev, v, "STARTTLS sent all the same, and refused");
}

/* The same client is back without TLS, soon after TLS failed. */
static void judge_retry(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_starttls_refused];
	struct watch_client *c = client_of(w, s, ev);
	struct watch_key k;
	struct window *win;
	const struct moment *m;
	struct alarm a;
	char text[EVIDENCE];

	if (!c || !c->failed_tls || !set->threshold)
		return;
	k = key_pair(WATCH_starttls_refused, ev, s->from);
	win = window_find(w, &k);
	m = win && win->count ? &win->moment[win->count - 1] : NULL;
	if (!m || m->session == s->number || window_near(win, ev->ts, set->seconds) < set->threshold)
		return;
	if (!window_fires(win, ev->ts, set->seconds))
		return;
	a = alarm_of(WATCH_starttls_refused);
	a.count = win->count;
	a.window = win;
	a.evidence = evidence(text, "TLS failed in session %016llx; %llu s later the same client sends %s in clear",
			      (unsigned long long)m->session, SECONDS_OF(ev->ts > m->ts ? ev->ts - m->ts : 0),
			      ev->set == DS_AUTH ? "credentials" : "mail");
	watch_raise(w, ev, &a);
}

void watch_in_clear(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct watch_key k;
	struct alarm a;

	if (s->facts & FACT_STARTTLS_AGREED)
		return;
	judge_retry(w, s, ev);
	if (!(s->facts & FACT_STARTTLS_OFFERED) || s->facts & FACT_STARTTLS_FAILED || !session_first(w, s, WATCH_starttls_not_used))
		return;
	k = key_pair(WATCH_starttls_not_used, ev, s->from);
	if (!window_counts(w, &k, ev))
		return;
	a = alarm_of(WATCH_starttls_not_used);
	a.evidence = ev->set == DS_AUTH ? SPAN("AUTH in clear") : SPAN("mail in clear");
	watch_raise(w, ev, &a);
}

void watch_tls_end(struct watch *w, struct watch_session *s, const struct event *ev)
{
	bool agreed = span_eq(ev->starttls, SPAN("accepted")) || span_eq(ev->starttls, SPAN("no_handshake"));
	bool seen = ev->session_gaps == 0 && ev->session_one_sided != EV_TRUE && ev->session_midstream != EV_TRUE;
	bool over = span_eq(ev->session_close, SPAN("fin")) || span_eq(ev->session_close, SPAN("rst"));

	if (agreed && seen && over && ev->tls_established != EV_TRUE && s->facts & FACT_STARTTLS_AGREED && !(s->facts & FACT_MAIL))
		note_failed(w, s, ev);
}
