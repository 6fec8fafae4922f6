/*
 * watch_relay.c - does the server carry mail for strangers? Attempts that were refused, and what was delivered all the same.
 *
 * No session shows whose mail a server may take: hosted domains, back-up MX and clients that are known by address look like
 * an open relay. So plain addresses are an alert only where the same client was refused before; addresses that name a second
 * domain (RFC 5321 3.6.1, F.2: percent hack, bang path, source route, quoted) are one by themselves.
 */
#include "watch_internal.h"

#include <string.h>

struct path path_of(struct span argument)
{
	size_t open = span_chr(argument, '<'), close = span_rchr(argument, '>');
	struct span inside = argument;
	struct path p;

	if (open != SPAN_NPOS && close != SPAN_NPOS && close > open)
		inside = span_first(span_from(argument, open + 1), close - open - 1);
	else if (span_chr(argument, ':') != SPAN_NPOS)
		inside = span_trim(span_from(argument, span_chr(argument, ':') + 1), CHAR_WSP);
	path_split(inside, &p);
	return p;
}

/* ---- addresses that name a second domain ---- */

static bool is_domain(struct span s)
{
	size_t dot = span_chr(s, '.');

	return dot != SPAN_NPOS && dot > 0 && dot + 1 < s.n && span_find_not_class(s, CHAR_LDH | CHAR_PRINT) == SPAN_NPOS;
}

/* The form, and the domain it wants to go to; NULL for an ordinary address. */
static const char *form_of(const struct path *p, struct span *to)
{
	struct span local = span_trim(p->local_part, 0);
	size_t percent = span_rchr(local, '%'), bang = span_chr(p->address, '!'), at;

	if (local.n > 2 && local.p[0] == '"') {
		local = span_first(span_from(local, 1), local.n - 2);
		at = span_rchr(local, '@');
		*to = at == SPAN_NPOS ? SPAN_ABSENT : span_from(local, at + 1);
		return is_domain(*to) ? "quoted address" : NULL;
	}
	if (percent != SPAN_NPOS && is_domain(*to = span_from(local, percent + 1)))
		return "percent hack";
	if (bang != SPAN_NPOS && is_domain(*to = span_first(p->address, bang)))
		return "bang path";
	*to = p->domain;
	return p->route.n && is_domain(p->domain) ? "source route" : NULL;
}

/* ---- refused ---- */

static bool speaks_of(const struct exchange *x, const char *const *words)
{
	for (uint32_t i = 0; i < x->text_count; i++)
		for (size_t k = 0; words[k]; k++)
			if (span_ifind(x->text[i], span_str(words[k])) != SPAN_NPOS)
				return true;
	return false;
}

/* Not because of who the client is, which looks alike: block lists answer 554 5.7.1 too. */
static bool refuses_relay(const struct exchange *x)
{
	static const char *const relay[] = {"relay", "rcpthosts", "not local", NULL};
	static const char *const other[] = {"block", "listed", "spam", "reputation", "policy", "blacklist", "greylist", "http", "client host",
					    "helo", "sender", "authenticat", NULL};

	if (x->code == 454) /* Postfix, when nothing but its safety net forbids it */
		return speaks_of(x, relay);
	if (x->code != 550 && x->code != 551 && x->code != 553 && x->code != 554)
		return false;
	return speaks_of(x, relay) || (span_eq(x->enhanced, SPAN("5.7.1")) && !speaks_of(x, other));
}

void relay_refused(struct watch *w, struct watch_session *s, const struct event *ev, const struct path *p)
{
	struct watch_key k = key_client(WATCH_open_relay_probe, ev);
	struct watch_server *v = server_of(w, s, ev);
	struct alarm a = alarm_of(WATCH_open_relay_probe);
	struct span to = SPAN_ABSENT;
	const char *form = form_of(p, &to);
	struct window *win;
	char text[EVIDENCE];

	if (!v || !server_foreign(w, v, to.n ? to : p->domain, s->from))
		return;
	if (!form && (!refuses_relay(ev->exchange) || !(s->facts & (FACT_SENDER_FOREIGN | FACT_SENDER_NULL))))
		return;
	win = window_counts_distinct(w, &k, ev, hash_text(w, to));
	if (!win)
		return;
	a.count = win->total;
	a.window = win;
	a.evidence = evidence(text, "%s to %.*s, sender %s, at %s, refused", form ? form : "plain address", TEXT_OF(to, 64),
			      s->facts & FACT_SENDER_NULL ? "<>" : s->facts & FACT_SENDER_FOREIGN ? "foreign too" : "of the server", v->name);
	watch_raise(w, ev, &a);
}

/* ---- delivered ---- */

/* This client was refused the same domain before, or was refused twice: what came through is what it looked for. */
static bool was_refused(struct watch *w, const struct event *ev, uint32_t domain)
{
	struct watch_key k = key_client(WATCH_open_relay_probe, ev);
	const struct window *win = window_find(w, &k);

	for (uint32_t i = 0; win && i < win->count; i++)
		if (win->moment[i].value == domain || win->total > 1)
			return true;
	return false;
}

static void raise_delivered(struct watch *w, const struct event *ev, const struct watch_server *v, const char *form, struct span to,
			    bool certain)
{
	struct watch_key k = certain ? key_pair(WATCH_open_relay_success, ev, w->last->from) : key_server(WATCH_open_relay_success, ev);
	struct window *win = window_counts(w, &k, ev);
	struct alarm a = alarm_of(WATCH_open_relay_success);
	char text[EVIDENCE];

	if (!win)
		return;
	a.window = win;
	a.count = win->count;
	if (!certain) {
		a.severity = SEVERITY_NOTE;
		a.confidence = CONFIDENCE_LOW;
	}
	a.evidence = evidence(text, "%s to %.*s, taken by %s%s", form ? form : "plain address", TEXT_OF(to, 64), v->name,
			      certain ? "" : "; neither domain is known to be its own: hosted there, or the client is known by its address?");
	watch_raise(w, ev, &a);
}

/* RFC 1918, RFC 4193, link-local, loopback: most likely of the server's own network, and known by its address. */
static bool is_inside(const struct endpoint *e)
{
	const uint8_t *a = e->addr;

	if (e->family == 6)
		return (a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || a[0] == 0;
	return a[0] == 10 || a[0] == 127 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) || (a[0] == 169 && a[1] == 254);
}

void relay_delivered(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const uint32_t stranger = FACT_WHOLE | FACT_SENDER_FOREIGN;
	struct watch_server *v = server_of(w, s, ev);

	for (uint32_t i = 0; v && i < ev->rcpt_accepted.n && i < DOMAINS; i++) {
		struct span to;
		struct path p;
		const char *form;
		bool foreign, certain;

		path_split(ev->rcpt_accepted.v[i], &p);
		form = form_of(&p, &to);
		if (!form && s->facts & FACT_ROUTED)
			form = "source route"; /* the event names where it ends */
		foreign = server_foreign(w, v, to, s->from);
		certain = foreign && (form || was_refused(w, ev, hash_text(w, to)));
		if (certain || (foreign && (s->facts & (stranger | FACT_SENDER_NULL)) == stranger && !is_inside(&ev->source_ip)))
			raise_delivered(w, ev, v, form, to, certain);
		if (!certain && p.domain.n)
			server_accepts(w, v, p.domain, s->from);
	}
}
