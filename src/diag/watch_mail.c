/*
 * watch_mail.c - envelopes: names that are tried, mails from nobody, too many recipients, header and envelope that differ.
 */
#include "watch_internal.h"

#include <string.h>

static bool is_stranger(const struct watch_session *s, const struct event *ev)
{
	return !(s->facts & FACT_AUTHENTICATED) && !ev->record->lmtp;
}

void watch_mail(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct path p = path_of(ev->exchange->argument);
	struct watch_server *v;

	s->facts = (s->facts | FACT_MAIL | FACT_OTHER) & ~(uint32_t)(FACT_SENDER_FOREIGN | FACT_SENDER_NULL | FACT_ROUTED);
	if (p.null)
		s->facts |= FACT_SENDER_NULL;
	if (ev->exchange->code / 100 != 2)
		return;
	if (!(ev->exchange->situation & SIT(TLS)))
		watch_in_clear(w, s, ev);
	v = is_stranger(s, ev) ? server_of(w, s, ev) : NULL;
	if (v && server_foreign(w, v, p.domain, s->from))
		s->facts |= FACT_SENDER_FOREIGN;
}

/* ---- RCPT: a dictionary of names ---- */

/* 550 5.1.1; without an enhanced code by the words of Postfix, Exim, qmail, sendmail, OpenSMTPD. */
static bool unknown_user(const struct exchange *x)
{
	static const char *const words[] = {"unknown", "no such", "not exist", "not found", "unrouteable", "invalid recipient",
					    "no mailbox", "mailbox unavailable", NULL};

	if (x->code != 550 || x->enhanced.n)
		return x->code == 550 && (span_eq(x->enhanced, SPAN("5.1.1")) || span_eq(x->enhanced, SPAN("5.1.10")));
	for (uint32_t i = 0; i < x->text_count; i++)
		for (size_t k = 0; words[k]; k++)
			if (span_ifind(x->text[i], span_str(words[k])) != SPAN_NPOS)
				return true;
	return false;
}

static void count_unknown(struct watch *w, const struct watch_client *c, const struct event *ev, const struct path *p)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_directory_harvest];
	uint64_t refused = (uint64_t)c->refused[0] + c->refused[1], all = refused + c->taken[0] + c->taken[1];
	struct watch_key k = key_client(WATCH_directory_harvest, ev);
	struct moment m = {.ts = ev->ts, .session = w->last->number, .value = hash_text(w, p->local_part), .peer = w->last->from};
	struct window *win = window_of(w, &k);
	struct alarm a = alarm_of(WATCH_directory_harvest);
	char text[EVIDENCE];

	if (!win)
		return;
	window_add(w, win, &m, set->threshold, false);
	if (window_near(win, ev->ts, set->seconds) < set->threshold)
		return;
	if (refused * 100 < w->settings->rule[WATCH_directory_harvest_percent].threshold * all || !window_fires(win, ev->ts, set->seconds))
		return;
	a.window = win;
	a.count = refused;
	a.evidence = evidence(text, "%llu of %llu recipients unknown; the last %u in %llu s, %u names; the last of them: %.*s",
			      (unsigned long long)refused, (unsigned long long)all, (unsigned)win->count,
			      SECONDS_OF(window_span(win)), (unsigned)window_values(win), TEXT_OF(p->address, 64));
	watch_raise(w, ev, &a);
}

static void count_recipient(struct watch *w, struct watch_session *s, const struct event *ev, const struct path *p, bool taken)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_directory_harvest];
	struct watch_client *c = set->threshold ? client_of(w, s, ev) : NULL;

	if (!c)
		return;
	client_turn(c, ev->ts, set->seconds);
	if (taken) {
		c->taken[0]++;
	} else {
		c->refused[0]++;
		count_unknown(w, c, ev, p);
	}
}

void watch_rcpt(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct exchange *x = ev->exchange;
	struct path p;

	s->facts |= FACT_OTHER;
	if (x->code / 100 == 2) {
		count_recipient(w, s, ev, NULL, true);
		s->facts |= span_find(x->argument, SPAN("<@")) != SPAN_NPOS ? FACT_ROUTED : 0;
	}
	if (x->code < 500 && x->code != 454) /* as Postfix refuses to relay */
		return;
	p = path_of(x->argument);
	if (unknown_user(x))
		count_recipient(w, s, ev, &p, false);
	if (is_stranger(s, ev))
		relay_refused(w, s, ev, &p);
}

/* ---- VRFY, EXPN ---- */

void watch_verify(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_user_enumeration];
	const struct exchange *x = ev->exchange;
	struct watch_key k = key_client(WATCH_user_enumeration, ev);
	bool hit = x->code == 250 || x->code == 251, miss = x->code == 550 || x->code == 551 || x->code == 553;
	struct window *win = set->threshold ? window_of(w, &k) : NULL;
	struct moment m = {.ts = ev->ts, .session = s->number, .value = hash_text(w, x->argument), .peer = hit ? 2 : miss ? 3 : 1};
	struct alarm a = alarm_of(WATCH_user_enumeration);
	uint32_t hits = 0, misses = 0, n;
	char text[EVIDENCE];

	s->facts |= FACT_OTHER;
	if (!win)
		return;
	window_forget(win, ev->ts, set->seconds);
	window_add(w, win, &m, set->threshold, false);
	n = win->count;
	for (uint32_t i = 0; i < n; i++) {
		hits += win->moment[i].peer == 2;
		misses += win->moment[i].peer == 3;
	}
	if (n < set->threshold && !(hits && misses))
		return;
	if (!window_fires(win, ev->ts, set->seconds))
		return;
	a.count = n;
	a.evidence = evidence(text, "%u names in %llu s, %u exist, %u do not", (unsigned)window_values(win),
			      SECONDS_OF(window_span(win)), (unsigned)hits, (unsigned)misses);
	watch_raise(w, ev, &a);
}

/* ---- messages ---- */

static struct span domain_of(struct span address)
{
	size_t at = span_rchr(address, '@');

	return at == SPAN_NPOS ? SPAN_ABSENT : span_from(address, at + 1);
}

/* One is the other, or below it: bounces.example.org writes for example.org. */
static bool related(struct span a, struct span b)
{
	struct span longer = a.n > b.n ? a : b, shorter = a.n > b.n ? b : a;

	if (a.n == b.n)
		return span_ieq(a, b);
	return longer.p[longer.n - shorter.n - 1] == '.' && span_ieq(span_from(longer, longer.n - shorter.n), shorter);
}

static bool lists_address(const struct event_list *list, struct span address)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (span_ieq(list->v[i], address))
			return true;
	return false;
}

static bool from_differs(const struct event *ev)
{
	struct span envelope = domain_of(ev->mail_from);

	for (uint32_t i = 0; envelope.n && i < ev->email_from.n; i++) {
		struct span header = domain_of(ev->email_from.v[i]);

		if (header.n && related(envelope, header))
			return false;
	}
	return envelope.n && ev->email_from.n;
}

static struct span unnamed_recipient(const struct event *ev)
{
	for (uint32_t i = 0; (ev->email_to.n || ev->email_cc.n) && i < ev->rcpt_accepted.n; i++)
		if (!lists_address(&ev->email_to, ev->rcpt_accepted.v[i]) && !lists_address(&ev->email_cc, ev->rcpt_accepted.v[i]))
			return ev->rcpt_accepted.v[i];
	return SPAN_ABSENT;
}

static bool user_differs(const struct watch_session *s, const struct event *ev)
{
	size_t at = span_rchr(ev->mail_from, '@');

	if (!s->user.n || at == SPAN_NPOS)
		return false;
	return span_chr(s->user, '@') == SPAN_NPOS ? !span_ieq(s->user, span_first(ev->mail_from, at)) : !span_ieq(s->user, ev->mail_from);
}

static void compare_envelope(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct span unnamed = unnamed_recipient(ev);
	bool from = from_differs(ev), user = user_differs(s, ev);
	struct watch_key k = key_client(WATCH_envelope_header_mismatch, ev);
	struct alarm a;
	char text[EVIDENCE];
	size_t n = 0;

	if ((!from && !unnamed.n && !user) || ev->truncated == EV_TRUE || !session_first(w, s, WATCH_envelope_header_mismatch))
		return;
	k.name = hash_name(w, domain_of(ev->mail_from));
	if (!window_counts(w, &k, ev))
		return;
	a = alarm_of(WATCH_envelope_header_mismatch);
	if (from)
		n = span_printf(text, n, sizeof text, "sender of %.*s, From of %.*s; ", TEXT_OF(domain_of(ev->mail_from), 64),
			      TEXT_OF(domain_of(ev->email_from.v[0]), 64));
	if (unnamed.n)
		n = span_printf(text, n, sizeof text, "a recipient of %.*s is not in To or Cc; ", TEXT_OF(domain_of(unnamed), 64));
	if (user)
		n = span_printf(text, n, sizeof text, "authenticated as %.*s, sender of %.*s; ", TEXT_OF(s->user, 64),
			      TEXT_OF(domain_of(ev->mail_from), 64));
	a.evidence = span_of(text, n - 2);
	watch_raise(w, ev, &a);
}

static void count_recipients(struct watch *w, struct watch_session *s, const struct event *ev)
{
	uint32_t most = w->settings->rule[WATCH_mass_recipients].threshold;
	bool over_limits = s->recipients_max && ev->rcpt_count > s->recipients_max;
	struct alarm a;
	char text[EVIDENCE];

	if (ev->rcpt_count == EV_NONE || (ev->rcpt_count <= most && !over_limits) || !session_first(w, s, WATCH_mass_recipients))
		return;
	a = alarm_of(WATCH_mass_recipients);
	a.count = ev->rcpt_count;
	a.evidence = over_limits ? evidence(text, "%llu recipients, LIMITS RCPTMAX=%u", (unsigned long long)ev->rcpt_count,
					    (unsigned)s->recipients_max)
				 : evidence(text, "%llu recipients", (unsigned long long)ev->rcpt_count);
	watch_raise(w, ev, &a);
}

static void count_null_sender(struct watch *w, const struct event *ev)
{
	struct span domain = ev->rcpt_to.n ? domain_of(ev->rcpt_to.v[0]) : SPAN_ABSENT;
	struct watch_key k;
	struct window *win;
	struct alarm a;
	char text[EVIDENCE];

	if (!domain.n || !ev->mail_from.p || ev->mail_from.n || ev->confidence.n)
		return;
	k = key_name(WATCH_null_sender_flood, hash_name(w, domain));
	win = window_counts(w, &k, ev);
	if (!win)
		return;
	a = alarm_of(WATCH_null_sender_flood);
	a.count = win->count;
	a.window = win;
	a.evidence = evidence(text, "%u mails from <> to %.*s in %llu s, from %u clients", (unsigned)win->count,
			      TEXT_OF(domain, 64), SECONDS_OF(window_span(win)), (unsigned)window_peers(win));
	watch_raise(w, ev, &a);
}

void watch_message(struct watch *w, struct watch_session *s, const struct event *ev)
{
	bool taken = span_eq(ev->message_result, SPAN("accepted")) || span_eq(ev->message_result, SPAN("partial"));

	count_recipients(w, s, ev);
	count_null_sender(w, ev);
	if (taken) { /* whoever sends mail between them does not flood: a connection that is kept is reset, and asked whether it lives */
		s->idle.count = s->idle.total = 0;
		compare_envelope(w, s, ev);
	}
	if (taken && is_stranger(s, ev))
		relay_delivered(w, s, ev);
}
