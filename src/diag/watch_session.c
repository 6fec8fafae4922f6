/*
 * watch_session.c - how a client behaves: floods, silence, names it greets with, the style of spam programs; and servers that
 * answer slowly or ask to come back.
 */
#include "watch_internal.h"

#include <arpa/inet.h>
#include <string.h>

#define V(verb) (UINT64_C(1) << (VERB_##verb))

/* ---- connections ---- */

void watch_begin(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_connection_flood];
	struct moment m = {.ts = ev->ts, .session = s->number, .peer = s->from};
	struct watch_client *c = set->threshold ? client_of(w, s, ev) : NULL;
	struct window *win = c ? &c->connections : NULL;
	struct alarm a;
	char text[EVIDENCE];

	if (!c)
		return;
	if (ev->set == DS_SESSION && ev->start != EV_NO_TIME)
		m.ts = ev->start;
	window_add(w, win, &m, set->threshold, false);
	if (win->count < set->threshold || window_near(win, m.ts, set->seconds) < set->threshold || !window_fires(win, m.ts, set->seconds))
		return;
	a = alarm_of(WATCH_connection_flood);
	a.window = win;
	a.count = win->count;
	a.evidence = evidence(text, "%u connections in %llu s", (unsigned)win->count, SECONDS_OF(window_span(win)));
	watch_raise(w, ev, &a);
}

/* ---- floods within a session ---- */

static void count_idle_command(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct watch_setting *set = &w->settings->rule[WATCH_command_flood], *rate = &w->settings->rule[WATCH_command_flood_rate];
	uint32_t room = set->threshold > rate->threshold ? set->threshold : rate->threshold;
	struct moment m = {.ts = ev->ts, .session = s->number, .peer = s->from};
	struct window *win = &s->idle;
	struct alarm a;
	char text[EVIDENCE];
	bool many, fast;

	if (room)
		window_add(w, win, &m, room, false);
	many = set->threshold && window_near(win, ev->ts, set->seconds) >= set->threshold;
	fast = rate->threshold && window_near(win, ev->ts, rate->seconds) >= rate->threshold;
	if ((!many && !fast) || !window_fires(win, ev->ts, set->seconds))
		return;
	a = alarm_of(WATCH_command_flood);
	a.rule = many ? WATCH_command_flood : WATCH_command_flood_rate;
	a.count = win->total;
	a.evidence = evidence(text, "%u of NOOP, RSET, VRFY, HELP, EHLO; %u in %llu s; the last %.*s", (unsigned)win->total,
			      (unsigned)win->count, SECONDS_OF(window_span(win)), TEXT_OF(ev->verb, 16));
	watch_raise(w, ev, &a);
}

static void count_empty_chunk(struct watch *w, struct watch_session *s, const struct event *ev)
{
	uint32_t most = w->settings->rule[WATCH_bdat_mismatch].threshold;
	struct alarm a = alarm_of(WATCH_bdat_mismatch);
	char text[EVIDENCE];

	if (!span_eq(ev->exchange->argument, SPAN("0")) || ++s->empty_chunks != most)
		return;
	a.count = most;
	a.evidence = evidence(text, "%u chunks of 0 octets", (unsigned)most);
	watch_raise(w, ev, &a);
}

void watch_error(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct finding_info *info;
	struct alarm a;
	char text[EVIDENCE];
	size_t n = 0;

	if (ev->reply_code < 500 || ev->reply_code > 599 || !span_eq(ev->finding_severity, SPAN("error")))
		return;
	if (!span_eq(ev->action, SPAN("syntax-error")) && !span_eq(ev->action, SPAN("sequence-error")))
		return;
	info = finding_find(ev->finding_id);
	for (unsigned i = 0; i < s->cause_count; i++)
		if (s->cause[i] == info)
			info = NULL;
	if (info && s->cause_count < CAUSES)
		s->cause[s->cause_count++] = info;
	if (++s->errors != w->settings->rule[WATCH_error_flood].threshold)
		return;
	for (unsigned i = 0; i < s->cause_count; i++)
		n = span_printf(text, n, sizeof text, "%s%s", i ? ", " : "", s->cause[i]->id);
	a = alarm_of(WATCH_error_flood);
	a.count = s->errors;
	a.evidence = span_of(text, n);
	watch_raise(w, ev, &a);
}

/* ---- names in greetings ---- */

static bool is_own_address(struct span name, const struct endpoint *server)
{
	char text[64];
	uint8_t addr[16];
	struct span literal = name;

	if (name.p[0] != '[' && span_chr(name, ':') == SPAN_NPOS && !char_is(name.p[name.n - 1], CHAR_DIGIT))
		return false; /* most names */
	if (literal.n > 2 && literal.p[0] == '[' && literal.p[literal.n - 1] == ']')
		literal = span_first(span_from(literal, 1), literal.n - 2);
	if (span_istarts(literal, SPAN("IPv6:")))
		literal = span_from(literal, 5);
	if (!literal.n || literal.n >= sizeof text)
		return false;
	span_cstr(literal, text, sizeof text);
	if (inet_pton(server->family == 6 ? AF_INET6 : AF_INET, text, addr) != 1)
		return false;
	return memcmp(addr, server->addr, server->family == 6 ? 16 : 4) == 0;
}

static bool is_loopback(const struct endpoint *e)
{
	static const uint8_t one[16] = {[15] = 1};

	return e->family == 6 ? memcmp(e->addr, one, 16) == 0 : e->addr[0] == 127;
}

static bool says_localhost(struct span name)
{
	return span_ieq(name, SPAN("localhost")) || span_ieq(name, SPAN("localhost.localdomain")) ||
	       span_istarts(name, SPAN("127.")) || span_istarts(name, SPAN("[127.")) || span_ieq(name, SPAN("[IPv6:::1]"));
}

static void judge_name(struct watch *w, struct watch_session *s, const struct event *ev, struct span name)
{
	bool outside = !is_loopback(&ev->source_ip) && memcmp(ev->source_ip.addr, ev->destination_ip.addr, 16) != 0;
	struct watch_server *v = outside ? server_of(w, s, ev) : NULL;
	size_t dot = name.n > 1 && name.p[name.n - 1] == '.'; /* the same name, written as absolute */
	bool own = v && ((v->name[0] && span_ieq(span_first(name, name.n - dot), span_str(v->name))) || is_own_address(name, &ev->destination_ip));
	struct watch_key k;
	struct alarm a;
	char text[EVIDENCE];

	if (!v || (!own && !says_localhost(name)) || !session_first(w, s, WATCH_helo_spoof))
		return;
	k = key_pair(WATCH_helo_spoof, ev, s->from);
	if (!window_counts(w, &k, ev))
		return;
	a = alarm_of(WATCH_helo_spoof);
	a.evidence = evidence(text, "client greets as %.*s, the server is %s", TEXT_OF(name, 64), v->name[0] ? v->name : "unnamed");
	watch_raise(w, ev, &a);
}

/* FNV-1a without regard to case: nobody gains by two of his names being taken for one. Never 0. */
static uint32_t mark_of(struct span name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (name.p[i] | 32u)) * 16777619u;
	return h | 1;
}

/* Another name than the client had in an earlier session. */
static void remember_name(struct watch *w, struct watch_session *s, const struct event *ev, struct span name)
{
	struct watch_client *c = s->facts & FACT_NAMED ? NULL : client_of(w, s, ev);
	uint32_t hash;

	if (!c)
		return;
	hash = mark_of(name);
	if (c->name && c->name != hash && c->named_by != s->number)
		s->facts |= FACT_NEW_NAME;
	s->facts |= FACT_NAMED;
	c->name = hash;
	c->named_by = s->number;
}

static void on_hello(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct span rest = ev->exchange->argument, name = span_split(&rest, ' ');

	if (name.n) {
		judge_name(w, s, ev, name);
		remember_name(w, s, ev, name);
	}
	for (uint32_t i = 0; i < ev->extensions.n; i++) {
		size_t at = span_istarts(ev->extensions.v[i], SPAN("LIMITS")) ? span_ifind(ev->extensions.v[i], SPAN("RCPTMAX=")) : SPAN_NPOS;
		struct span value = at == SPAN_NPOS ? SPAN_ABSENT : span_from(ev->extensions.v[i], at + 8);
		uint64_t n;

		if (value.n && span_u64(span_split(&value, ' '), &n) == 1 && n < UINT32_MAX)
			s->recipients_max = (uint32_t)n; /* RFC 9422 2.2 */
	}
}

/* ---- servers ---- */

void watch_greeting(struct watch *w, struct watch_session *s, const struct event *ev)
{
	struct watch_server *v;

	s->greeting_ts = ev->ts;
	if (ev->exchange->code != 220)
		return;
	s->facts |= FACT_GREETED;
	v = server_of(w, s, ev);
	if (v)
		server_named(v, ev);
}

static void raise_tarpit(struct watch *w, struct watch_session *s, const struct event *ev, enum watch_rule r, struct span text)
{
	struct watch_key k = key_server(WATCH_tarpit, ev);
	struct alarm a = alarm_of(r);

	if (!watch_on(w, r) || !session_first(w, s, WATCH_tarpit) || !window_once(w, &k, ev->ts))
		return;
	a.evidence = text;
	watch_raise(w, ev, &a);
}

/* Octet by octet, or line by line with pauses. */
static void judge_dribble(struct watch *w, struct watch_session *s, const struct event *ev)
{
	enum { SHORTEST = 5 }; /* seconds: below that it may be the network */
	int64_t first = ev->ts + (ev->duration == EV_NONE ? 0 : (int64_t)ev->duration);
	uint64_t octets = 0, seconds;
	char text[EVIDENCE];

	if (ev->reply_ts <= first || ev->reply_codes.n > 1 || ev->confidence.n)
		return;
	seconds = SECONDS_OF(ev->reply_ts - first);
	for (uint32_t i = 0; i < ev->reply_text.n; i++)
		octets += 6 + ev->reply_text.v[i].n; /* code, separator, line end */
	if (seconds < SHORTEST || octets >= seconds * w->settings->rule[WATCH_tarpit_rate].threshold)
		return;
	raise_tarpit(w, s, ev, WATCH_tarpit_rate, evidence(text, "a reply of %llu octets took %llu s", (unsigned long long)octets,
							   (unsigned long long)seconds));
}

/* Each error costs more than the one before. */
static void judge_delay(struct watch *w, struct watch_session *s, const struct event *ev)
{
	enum { GROWN = 2000 }; /* ms from the first to the third: above what load does */
	uint32_t ms = ev->duration < UINT32_MAX * UINT64_C(1000000) ? (uint32_t)(ev->duration / 1000000) : UINT32_MAX;
	char text[EVIDENCE];

	memmove(s->delay, s->delay + 1, (DELAYS - 1) * sizeof *s->delay);
	s->delay[DELAYS - 1] = ms;
	if (s->delays < DELAYS)
		s->delays++;
	if (s->delays < DELAYS || s->delay[0] >= s->delay[1] || s->delay[1] >= s->delay[2] || s->delay[2] - s->delay[0] < GROWN)
		return;
	raise_tarpit(w, s, ev, WATCH_tarpit, evidence(text, "errors are answered after %u, %u, %u s", (unsigned)s->delay[0] / 1000,
						      (unsigned)s->delay[1] / 1000, (unsigned)s->delay[2] / 1000));
}

/* What a temporary refusal is about when it is about how often; NULL: something else. */
static const char *throttle_of(const struct exchange *x)
{
	static const char *const words[][2] = {
	    {"greylist", "greylisting"}, {"graylist", "greylisting"}, {"try again", "try again"}, {" rate", "rate"}, {"too many", "rate"},
	    {"throttl", "rate"}, {"too fast", "rate"},
	};

	if (x->code != 421 && x->code != 450 && x->code != 451 && x->code != 452)
		return NULL;
	for (uint32_t i = 0; i < x->text_count; i++)
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			if (span_ifind(x->text[i], span_str(words[k][0])) != SPAN_NPOS)
				return words[k][1];
	return span_starts(x->enhanced, SPAN("4.7.")) ? "policy" : NULL;
}

static void judge_throttle(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const char *class = throttle_of(ev->exchange);
	struct watch_key k = key_pair(WATCH_throttled, ev, s->from);
	struct alarm a = alarm_of(WATCH_throttled);
	char text[EVIDENCE];

	if (!class || !session_first(w, s, WATCH_throttled) || !window_counts(w, &k, ev))
		return;
	a.evidence = evidence(text, "%d: %s", ev->exchange->code, class);
	watch_raise(w, ev, &a);
}

/* ---- every command ---- */

static uint32_t style_of(const struct exchange *x)
{
	bool in_flight = x->situation & SIT(IN_FLIGHT), opening = x->situation & (SIT(BEFORE_GREETING) | SIT(PROXY) | SIT(PORT_TLS));
	bool hopeless = x->situation & (SIT(REPEATED) | SIT(GREETING_REFUSED) | SIT(DATA_REFUSED)) ||
			(x->situation & SIT(RCPT_ALL_REFUSED) && x->verb == VERB_DATA);
	uint32_t facts = 0;

	facts |= (x->situation & (SIT(BEFORE_GREETING) | SIT(PROXY) | SIT(PORT_TLS))) == SIT(BEFORE_GREETING) ? FACT_EARLY : 0;
	facts |= hopeless && !in_flight && x->verb != VERB_QUIT && x->verb != VERB_RSET ? FACT_DEAF : 0;
	facts |= in_flight && !opening && !(x->situation & (SIT(PIPELINING) | SIT(AFTER_QUIT))) ? FACT_UNASKED_PIPELINE : 0;
	return facts;
}

void watch_behaviour(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const uint64_t harmless = V(EHLO) | V(HELO) | V(LHLO) | V(HELP) | V(QUIT);
	const uint64_t idle = V(NOOP) | V(RSET) | V(VRFY) | V(HELP) | V(EHLO), ends = V(DATA) | V(BDAT);
	const struct exchange *x = ev->exchange;
	uint64_t verb = UINT64_C(1) << x->verb;

	if (x->code == 421)
		s->facts |= FACT_CUT_OFF;
	if (x->code >= 400 && x->code < 500)
		judge_throttle(w, s, ev);
	if (ev->reply_ts)
		judge_dribble(w, s, ev);
	if (x->kind != EXCHANGE_COMMAND) {
		s->facts |= x->kind == EXCHANGE_GREETING ? 0 : FACT_OTHER;
		return;
	}
	s->waited += ev->duration == EV_NONE ? 0 : ev->duration;
	s->facts |= style_of(x) | (verb & harmless ? 0 : FACT_OTHER);
	if (x->code >= 400 && ev->duration != EV_NONE && ev->pipelined != EV_TRUE)
		judge_delay(w, s, ev);
	if (verb_info(x->verb)->flags & VERB_IS_HELLO)
		on_hello(w, s, ev);
	if (verb & idle && !(x->verb == VERB_RSET && s->facts & FACT_AFTER_MESSAGE)) /* RSET behind a mail is good manners */
		count_idle_command(w, s, ev);
	if (x->verb == VERB_BDAT)
		count_empty_chunk(w, s, ev);
	s->facts = verb & ends ? s->facts | FACT_AFTER_MESSAGE : s->facts & ~(uint32_t)FACT_AFTER_MESSAGE;
}

/* ---- the end ---- */

/* Left out: octets that come one by one. The counters of a session do not tell segments with data from those that only acknowledge. */
static void judge_silence(struct watch *w, struct watch_session *s, const struct event *ev)
{
	enum { WINDOWS = 5, TRICKLE = 10 }; /* octets a second: below it nothing is being sent but to keep the session */
	const struct watch_setting *set = &w->settings->rule[WATCH_slow_session];
	uint64_t seconds = ev->duration == EV_NONE ? 0 : SECONDS_OF(ev->duration);
	bool opaque = s->facts & FACT_STARTTLS_AGREED || ev->tls_established == EV_TRUE;
	uint64_t least = set->seconds ? seconds / set->seconds * set->threshold : 0;
	struct alarm a;
	char text[EVIDENCE];

	if (!set->threshold || !seconds || seconds < (uint64_t)WINDOWS * set->seconds || opaque || ev->session_one_sided == EV_TRUE)
		return;
	if ((s->facts & (FACT_GREETED | FACT_CUT_OFF)) != FACT_GREETED || ev->session_gaps)
		return;
	if (ev->source_bytes / seconds >= TRICKLE || SECONDS_OF(s->waited) > seconds / 2)
		return;
	if (ev->session_commands >= least)
		return;
	a = alarm_of(WATCH_slow_session);
	a.evidence = evidence(text, "%llu commands in %llu s", (unsigned long long)ev->session_commands, (unsigned long long)seconds);
	watch_raise(w, ev, &a);
}

static void judge_style(struct watch *w, struct watch_session *s, const struct event *ev)
{
	static const struct {
		uint32_t fact;
		const char *name;
	} styles[] = {
	    {FACT_EARLY, "talks before the greeting"}, {FACT_DEAF, "ignores 5yz"}, {FACT_NEW_NAME, "greets with another name each time"},
	    {FACT_UNASKED_PIPELINE, "pipelines unasked"},
	};
	bool leaves = !span_eq(ev->session_close, SPAN("quit-fin")) && s->facts & FACT_MAIL && !(s->facts & FACT_CUT_OFF) &&
		      (span_eq(ev->session_close, SPAN("fin")) || span_eq(ev->session_close, SPAN("rst")));
	struct watch_key k;
	struct alarm a;
	char text[EVIDENCE];
	size_t n = 0;
	uint32_t count = leaves;

	if (!(s->facts & (FACT_EARLY | FACT_DEAF | FACT_NEW_NAME | FACT_UNASKED_PIPELINE)))
		return;
	if (leaves)
		n = span_printf(text, 0, sizeof text, "leaves without QUIT, ");
	for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
		if (!(s->facts & styles[i].fact))
			continue;
		n = span_printf(text, n, sizeof text, "%s, ", styles[i].name);
		count++;
	}
	k = key_client(WATCH_spam_bot_style, ev);
	if (count < w->settings->rule[WATCH_spam_bot_style].threshold || !window_once(w, &k, ev->ts))
		return;
	a = alarm_of(WATCH_spam_bot_style);
	a.count = count;
	a.evidence = span_of(text, n - 2);
	watch_raise(w, ev, &a);
}

static void judge_grab(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const uint32_t facts = s->facts & (FACT_WHOLE | FACT_GREETED | FACT_OTHER | FACT_CUT_OFF);
	bool left = span_eq(ev->session_close, SPAN("quit-fin")) || span_eq(ev->session_close, SPAN("fin")) ||
		    span_eq(ev->session_close, SPAN("rst"));
	struct watch_key k;
	struct window *win;
	struct alarm a;
	char text[EVIDENCE];

	if (facts != (FACT_WHOLE | FACT_GREETED) || !left || ev->session_gaps || ev->tls_established == EV_TRUE)
		return;
	if (ev->session_midstream == EV_TRUE)
		return;
	k = key_client(WATCH_banner_grab, ev);
	win = window_counts(w, &k, ev);
	if (!win)
		return;
	a = alarm_of(WATCH_banner_grab);
	a.window = win;
	a.count = win->total;
	a.evidence = evidence(text, "%llu commands; session number %u of that kind", (unsigned long long)ev->session_commands,
			      (unsigned)win->total);
	watch_raise(w, ev, &a);
}

static void judge_banner(struct watch *w, struct watch_session *s, const struct event *ev)
{
	uint64_t waited = s->greeting_ts != EV_NO_TIME && ev->start != EV_NO_TIME && s->greeting_ts > ev->start
			      ? (uint64_t)(s->greeting_ts - ev->start) : 0;
	char text[EVIDENCE];

	if (waited <= w->settings->rule[WATCH_tarpit].threshold * UINT64_C(1000000000) || ev->session_midstream == EV_TRUE)
		return;
	raise_tarpit(w, s, ev, WATCH_tarpit, evidence(text, "the greeting came after %llu s", SECONDS_OF(waited)));
}

void watch_end(struct watch *w, struct watch_session *s, const struct event *ev)
{
	judge_banner(w, s, ev);
	judge_silence(w, s, ev);
	judge_style(w, s, ev);
	judge_grab(w, s, ev);
}
