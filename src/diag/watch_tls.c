/*
 * watch_tls.c - TLS that could have been: lists that lost STARTTLS, passwords offered in clear, and clients that come back in clear.
 *
 * What a decrypting tap shows behind a 220 to STARTTLS is not in clear, and no list after it is compared with one before.
 */
#include "watch_internal.h"

#include <stdio.h>
#include <string.h>

static size_t list_text(const struct event_list *list, char *dst, size_t cap)
{
	size_t n = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		if (i)
			n = span_append(dst, n, cap, SPAN(", "));
		n = span_append(dst, n, cap, list->v[i]);
	}
	return n;
}

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

static void note_offer(struct watch *w, struct watch_session *s, const struct event *ev, enum watch_rule r, struct span what)
{
	struct watch_key k = key_server(r, ev);
	struct window *win = watch_on(w, r) && what.n && !(s->said >> r & 1) ? window_of(w, &k) : NULL;
	struct alarm a = alarm_of(r);
	char text[EVIDENCE];

	if (!win || !window_count(w, win, r, ev, 0, false) || !session_first(w, s, r))
		return;
	a.count = win->count;
	a.evidence = evidence(text, sizeof text, "offered: %.*s; STARTTLS %s", TEXT_OF(what, 128),
			      s->facts & FACT_STARTTLS_OFFERED ? "is offered too" : "is not offered");
	watch_raise(w, ev, &a);
}

static void judge_offers(struct watch *w, struct watch_session *s, const struct event *ev)
{
	char text[128];

	for (uint32_t i = 0; i < ev->extensions.n; i++) {
		struct span line = ev->extensions.v[i];

		if (!span_istarts(line, SPAN("AUTH=")))
			continue;
		note_offer(w, s, ev, WATCH_weak_auth_mechanism, mechanisms(line, weak_mechanism, text, sizeof text));
		note_offer(w, s, ev, WATCH_auth_offered_without_tls, mechanisms(line, sends_password, text, sizeof text));
	}
}

/* ---- STARTTLS that vanished ---- */

static void raise_stripped(struct watch *w, const struct event *ev, const struct watch_server *v, const char *now)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_starttls_stripped];
	struct watch_key k = key_pair(WATCH_starttls_stripped, ev);
	uint64_t age = (uint64_t)(ev->ts - v->offered_ts);
	struct window *win;
	struct alarm a = alarm_of(WATCH_starttls_stripped);
	char text[EVIDENCE];

	if (!set->threshold || v->offered_ts == EV_NO_TIME || strncmp(v->offered_by, ev->record->id, 16) == 0)
		return;
	if (v->offered_ts > ev->ts)
		age = (uint64_t)(v->offered_ts - ev->ts);
	if (SECONDS_OF(age) > set->seconds)
		return;
	win = window_of(w, &k);
	if (!win || !window_count(w, win, WATCH_starttls_stripped, ev, 0, false))
		return;
	a.window = win;
	a.evidence = evidence(text, sizeof text, "session %s, %llu s earlier, was offered: %s; now: %s", v->offered_by, SECONDS_OF(age),
			      v->offered, now);
	watch_raise(w, ev, &a);
}

static void compare_lists(struct watch *w, const struct event *ev, struct watch_server *v)
{
	char now[LIST_TEXT] = "";
	size_t n = list_text(&ev->extensions, now, sizeof now - 1);

	now[n] = '\0';
	if (lists(&ev->extensions, SPAN("STARTTLS"))) {
		v->offered_ts = ev->ts;
		snprintf(v->offered_by, sizeof v->offered_by, "%s", ev->record->id);
		memcpy(v->offered, now, n + 1);
	} else if (!(ev->exchange->reply_defects & REPLY_DEFECT(KEYWORD_MASKED))) { /* a masked list is told by diag/cause */
		raise_stripped(w, ev, v, now[0] ? now : "nothing");
	}
}

void watch_hello_reply(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const uint64_t not_in_clear = SIT(TLS) | SIT(PORT_TLS) | SIT(AFTER_GAP) | SIT(AUTHENTICATED);
	struct watch_server *v;

	if (ev->exchange->code / 100 != 2 || ev->exchange->situation & not_in_clear || s->facts & FACT_STARTTLS_AGREED)
		return;
	if (lists(&ev->extensions, SPAN("STARTTLS")))
		s->facts |= FACT_STARTTLS_OFFERED;
	v = server_of(w, ev);
	if (v)
		compare_lists(w, ev, v);
	judge_offers(w, s, ev);
}

/* ---- STARTTLS that was tried ---- */

static void note_failed(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct watch_key k = key_pair(WATCH_starttls_refused, ev);
	struct window *win = watch_on(w, WATCH_starttls_refused) ? window_of(w, &k) : NULL;
	struct moment m = {.ts = ev->ts, .session = s->number, .peer = hash_client(w, ev)};

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
	v = x->code >= 500 ? server_of(w, ev) : NULL;
	if (v)
		raise_stripped(w, ev, v, "STARTTLS sent all the same, and refused");
}

/* The same client is back without TLS, soon after TLS failed. */
static void judge_retry(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_starttls_refused];
	struct watch_key k = key_pair(WATCH_starttls_refused, ev);
	struct window *win = set->threshold ? window_find(w, &k) : NULL;
	const struct moment *m = win && win->count ? &win->moment[win->count - 1] : NULL;
	struct alarm a = alarm_of(WATCH_starttls_refused);
	char text[EVIDENCE];

	if (!m || m->session == s->number || window_near(win, ev->ts, set->seconds) < set->threshold)
		return;
	if (!window_fires(win, ev->ts, set->seconds))
		return;
	a.count = win->count;
	a.window = win;
	a.evidence = evidence(text, sizeof text, "TLS failed in session %016llx; %llu s later the same client sends %s in clear",
			      (unsigned long long)m->session, SECONDS_OF(ev->ts > m->ts ? ev->ts - m->ts : 0),
			      ev->set == DS_AUTH ? "credentials" : "mail");
	watch_raise(w, ev, &a);
}

void watch_in_clear(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct alarm a = alarm_of(WATCH_starttls_not_used);

	if (s->facts & FACT_STARTTLS_AGREED)
		return;
	judge_retry(w, s, ev);
	if (!(s->facts & FACT_STARTTLS_OFFERED) || s->facts & FACT_STARTTLS_FAILED || !session_first(w, s, WATCH_starttls_not_used))
		return;
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
