/*
 * watch_auth.c - passwords that are guessed: many for one identity, many identities from one place, and the guess that was right.
 *
 * Only 535 counts: the server has judged credentials (RFC 4954 6). An identity with a domain is one wherever it is tried;
 * "admin" alone is one only at one server.
 */
#include "watch_internal.h"

#include <string.h>

enum { MOST_TRIES = 3 /* an identity with more of them is guessed at, not sprayed over */, WHO = 160 };

static bool has_exchange(const struct event *ev)
{
	return ev->auth_steps != EV_NONE && (ev->auth_steps > 0 || ev->initial_response == EV_TRUE);
}

/* "user", "user@domain"; absent when it could not be read. */
static struct span identity_of(const struct event *ev, char buf[WHO])
{
	size_t n;

	if (!ev->user_name.n)
		return SPAN_ABSENT;
	n = span_append(buf, 0, WHO, ev->user_name);
	if (ev->user_domain.n && span_chr(ev->user_name, '@') == SPAN_NPOS) {
		n = span_append(buf, n, WHO, SPAN("@"));
		n = span_append(buf, n, WHO, ev->user_domain);
	}
	return span_of(buf, n);
}

/* name: hash of who. */
static struct watch_key key_identity(const struct event *ev, struct span who, uint64_t name)
{
	const enum watch_rule r = WATCH_auth_bruteforce;
	struct watch_key k = span_chr(who, '@') == SPAN_NPOS ? key_server(r, ev) : key_name(r, 0);

	k.name = name;
	k.port = 0; /* 25, 465 and 587 ask the same passwords */
	return k;
}

/* ---- one identity, one session ---- */

static void raise_bruteforce(struct watch *w, const struct event *ev, struct alarm *a, struct span who)
{
	uint32_t period = a->window ? window_period(a->window) : 0;
	char text[EVIDENCE];
	size_t n;

	if (a->window)
		n = span_printf(text, 0, sizeof text, "%llu refused for %.*s in %llu s, %.*s", (unsigned long long)a->count, TEXT_OF(who, 64),
			     SECONDS_OF(window_span(a->window)), TEXT_OF(ev->mechanism, 32));
	else
		n = span_printf(text, 0, sizeof text, "%llu refused in one session, the last by %.*s", (unsigned long long)a->count,
			     TEXT_OF(ev->mechanism, 32));
	if (a->window && a->window->total > a->count)
		n = span_printf(text, n, sizeof text, ", %u in all", (unsigned)a->window->total);
	if (period) {
		a->confidence = CONFIDENCE_LOW;
		n = span_printf(text, n, sizeof text, ", one every %u s: perhaps a mail client with an old password", (unsigned)period);
	}
	a->evidence = span_of(text, n);
	a->user = ev->user_name;
	watch_raise(w, ev, a);
	a->evidence = SPAN_ABSENT; /* it ends here */
}

/* One window for all that is asked about an identity. NULL: nobody asks, or without memory. */
static struct window *note_failure(struct watch *w, const struct event *ev, struct span who, uint64_t name)
{
	const struct watch_setting *rule = w->settings->rule;
	uint32_t guess = rule[WATCH_auth_bruteforce].threshold, before = rule[WATCH_auth_success_after_failures].threshold;
	struct watch_key k = key_identity(ev, who, name);
	struct window *win = guess || before ? window_of(w, &k) : NULL;
	struct moment m = {.ts = ev->ts, .session = w->last->number, .peer = w->last->from};

	if (win)
		window_add(w, win, &m, guess > before ? guess : before, false);
	return win;
}

/* One alert for one attack: by the identity or by the session, whichever comes first; and one client in many sessions is one attack. */
static void count_refused(struct watch *w, struct watch_session *s, const struct event *ev, struct span who, uint64_t name)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_auth_bruteforce];
	struct window *win = who.n ? note_failure(w, ev, who, name) : NULL;
	bool identity = win && set->threshold && window_near(win, ev->ts, set->seconds) >= set->threshold &&
			window_fires(win, ev->ts, set->seconds);
	struct watch_client *client;
	struct alarm a;

	if (!identity && s->refused != w->settings->rule[WATCH_auth_bruteforce_session].threshold)
		return;
	client = client_of(w, s, ev);
	if (!identity && (window_quiet(win, ev->ts, set->seconds) || (client && client->guessed != EV_NO_TIME &&
								      is_near(client->guessed, ev->ts, set->seconds))))
		return;
	if (client)
		client->guessed = ev->ts;
	a = alarm_of(identity ? WATCH_auth_bruteforce : WATCH_auth_bruteforce_session);
	if (identity || (win && window_near(win, ev->ts, set->seconds) >= s->refused)) {
		win->fired = ev->ts;
		a.window = win;
		a.identities = 1;
	}
	a.count = identity ? set->threshold : s->refused;
	raise_bruteforce(w, ev, &a, a.window ? who : SPAN_ABSENT);
}

/* ---- many identities ---- */

/* All moments in the window are of its time. */
static bool sprays(const struct watch *w, const struct window *win)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_password_spray];
	uint32_t n = 0;

	for (uint32_t i = 0; i < win->count; i++)
		n += win->moment[i].tries <= MOST_TRIES;
	return n >= set->threshold;
}

static void raise_spray(struct watch *w, const struct event *ev, struct window *win)
{
	struct alarm a = alarm_of(WATCH_password_spray);
	char text[EVIDENCE];
	uint32_t most = 0, tries = 0;

	for (uint32_t i = 0; i < win->count; i++) {
		tries += win->moment[i].tries;
		most = win->moment[i].tries > most ? win->moment[i].tries : most;
	}
	a.window = win;
	a.count = tries;
	a.identities = win->count;
	a.evidence = evidence(text, "%u identities in %llu s, %u tries, at most %u each, from %s; the last: %.*s",
			      (unsigned)win->count, SECONDS_OF(window_span(win)), (unsigned)tries, (unsigned)most,
			      window_peers(win) > 1 ? "one network" : "one client", TEXT_OF(ev->user_name, 64));
	watch_raise(w, ev, &a);
}

static void count_spray(struct watch *w, const struct event *ev, uint64_t name)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_password_spray];
	struct watch_key k = key_network(WATCH_password_spray, ev);
	struct moment m = {.ts = ev->ts, .session = w->last->number, .peer = w->last->from};
	struct window *win;

	if (!set->threshold || !(span_ieq(ev->mechanism, SPAN("PLAIN")) || span_ieq(ev->mechanism, SPAN("LOGIN"))))
		return;
	win = window_of(w, &k);
	if (!win)
		return;
	window_forget(win, ev->ts, set->seconds); /* a try a day is no second try */
	m.value = (uint32_t)name;
	window_add(w, win, &m, 2 * set->threshold, true); /* twice: identities with too many tries do not hide the others */
	if (sprays(w, win) && window_fires(win, ev->ts, set->seconds))
		raise_spray(w, ev, win);
}

/* ---- the right one ---- */

static void judge_success(struct watch *w, const struct event *ev, struct span who, uint64_t name)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_auth_success_after_failures];
	struct watch_key k = key_identity(ev, who, name);
	struct window *win = window_find(w, &k);
	struct alarm a = alarm_of(WATCH_auth_success_after_failures);
	char text[EVIDENCE];
	uint32_t mine = 0;

	if (!win)
		return;
	if (set->threshold && window_near(win, ev->ts, set->seconds) >= set->threshold) {
		for (uint32_t i = 0; i < win->count; i++)
			mine += win->moment[i].peer == w->last->from;
		a.window = win;
		a.count = win->total;
		a.user = ev->user_name;
		if (window_period(win))
			a.confidence = CONFIDENCE_LOW;
		a.evidence = evidence(text, "%u refused for %.*s, then accepted; %s", (unsigned)win->total, TEXT_OF(who, 64),
				      window_period(win) ? "refused at even intervals: perhaps a mail client with an old password"
				      : mine		 ? "this client was among those refused"
							 : "the refused were other clients");
		watch_raise(w, ev, &a);
	}
	window_clear(w, win);
}

/* ---- what every AUTH shows ---- */

void watch_auth(struct watch *w, struct watch_session *s, const struct event *ev)
{
	char buf[WHO];
	struct span who = identity_of(ev, buf);
	uint64_t name;

	if (has_exchange(ev)) {
		watch_mechanism(w, s, ev);
		if (ev->auth_encrypted != EV_TRUE)
			watch_in_clear(w, s, ev);
	}
	if (span_eq(ev->auth_result, SPAN("success"))) {
		s->facts |= FACT_AUTHENTICATED;
		pool_drop(w->pool, &s->user);
		s->user = pool_copy(w->pool, who);
		if (who.n)
			judge_success(w, ev, who, hash_name(w, who));
	} else if (ev->reply_code == 535 && !span_eq(ev->auth_result, SPAN("cancelled"))) {
		s->refused++;
		name = who.n ? hash_name(w, who) : 0;
		count_refused(w, s, ev, who, name);
		if (who.n)
			count_spray(w, ev, name);
	}
}
