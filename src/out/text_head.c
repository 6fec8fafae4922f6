/*
 * text_head.c - what stands above a transcript: who, when, how it went, and why it failed; and the last line of a run.
 *
 * A reason is taken out of an event when it passes by: a finding, a failed login, a mail that was not taken whole. The worst
 * WHYS are kept, worst first, equal ones counted.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "format.h"
#include "smtpscope/codec.h"
#include "text_internal.h"

static bool is(struct span s, const char *text)
{
	return span_eq(s, span_str(text));
}

size_t text_limit(const struct text_writer *w)
{
	enum { SHOWN = 400 }; /* a line of argument or reply text that a person still reads */

	return w->options.width == 0 || w->options.verbosity > 1 ? 0 : SHOWN;
}

void text_put_endpoint(struct text_buf *b, const struct endpoint *e, uint64_t port)
{
	char ip[FORMAT_IP_MAX];
	size_t n;

	if (e->family == 0) {
		text_puts(b, "?");
		return;
	}
	n = format_ip(ip, e);
	text_puts(b, e->family == 6 ? "[" : "");
	text_put(b, span_of(ip, n));
	text_puts(b, e->family == 6 ? "]" : "");
	if (port != EV_NONE)
		text_putf(b, ":%llu", (unsigned long long)port);
}

void text_put_seconds(struct text_buf *b, int64_t ns)
{
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, ms = v / 1000000, s = ms / 1000;
	const char *sign = ns < 0 ? "-" : "";

	if (s < 60)
		text_putf(b, "%s%u.%03us", sign, (unsigned)s, (unsigned)(ms % 1000));
	else if (s < 3600)
		text_putf(b, "%s%um%02us", sign, (unsigned)(s / 60), (unsigned)(s % 60));
	else
		text_putf(b, "%s%lluh%02um", sign, (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60));
}

void text_put_reply(struct text_buf *b, const struct event *ev, const char *before, size_t limit)
{
	if (ev->reply_code == EV_NONE)
		return;
	text_putf(b, "%s%03u", before, (unsigned)ev->reply_code);
	if (ev->reply_enhanced.n) {
		text_puts(b, " ");
		text_put_safe(b, ev->reply_enhanced, limit);
	}
	for (uint32_t i = 0; i < ev->reply_text.n; i++) {
		text_puts(b, " ");
		text_put_safe(b, ev->reply_text.v[i], limit);
	}
}

static enum rank severity_rank(struct span severity)
{
	static const struct {
		const char *name;
		enum rank rank;
	} ranks[] = {{"note", RANK_NOTE}, {"warning", RANK_WARNING}, {"error", RANK_ERROR}, {"alert", RANK_ALERT}};

	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
		if (is(severity, ranks[i].name))
			return ranks[i].rank;
	}
	return RANK_NONE;
}

static enum rank message_rank(const struct event *ev)
{
	if (is(ev->message_result, "rejected") || is(ev->message_result, "deferred") || is(ev->message_result, "partial"))
		return RANK_FAILED;
	return is(ev->message_result, "aborted") && ev->rcpt_rejected.n ? RANK_FAILED : RANK_NONE;
}

enum rank text_rank(const struct event *ev)
{
	if (ev->set == DS_FINDING)
		return severity_rank(ev->finding_severity);
	if (ev->set == DS_AUTH)
		return is(ev->outcome, "failure") ? RANK_FAILED : RANK_NONE;
	return ev->set == DS_MESSAGE ? message_rank(ev) : RANK_NONE;
}

static void put_finding_reason(struct text_buf *b, const struct event *ev)
{
	text_put_safe(b, ev->finding_explanation, 0);
	if (ev->finding_remedy.n) {
		text_puts(b, " ");
		text_put_safe(b, ev->finding_remedy, 0);
	}
	text_puts(b, " (");
	text_put_safe(b, ev->finding_id, 0);
	if (ev->finding_reference.n) {
		text_puts(b, ", ");
		text_put_safe(b, ev->finding_reference, 0);
	}
	text_puts(b, ")");
}

static void put_auth_reason(struct text_buf *b, const struct event *ev)
{
	enum { SHORT = 100 };

	text_puts(b, "AUTH ");
	text_put_safe(b, ev->mechanism, SHORT);
	if (ev->user_name.n) {
		text_puts(b, " as ");
		text_put_safe(b, ev->user_name, SHORT);
	}
	text_puts(b, is(ev->auth_result, "failure") || !ev->auth_result.p ? " failed" : " was ");
	if (!is(ev->auth_result, "failure"))
		text_put_safe(b, ev->auth_result, SHORT);
	text_put_reply(b, ev, ": ", SHORT);
	if (ev->auth_cause.n) {
		text_puts(b, "; ");
		text_put_safe(b, ev->auth_cause, 2 * SHORT);
	}
}

static void put_recipients(struct text_buf *b, const struct event_list *list, size_t limit)
{
	enum { NAMED = 3 };

	for (uint32_t i = 0; i < list->n && i < NAMED; i++) {
		text_puts(b, i ? ", <" : "<");
		text_put_safe(b, list->v[i], limit);
		text_puts(b, ">");
	}
	if (list->n > NAMED)
		text_putf(b, " and %u more", list->n - NAMED);
}

/* Mail whose recipients were refused has no reply of its own; the first refusal stands for it. */
static void put_message_reason(struct text_buf *b, const struct text_session *s, const struct event *ev)
{
	enum { SHORT = 100 };
	bool nobody = is(ev->message_result, "aborted");

	text_puts(b, "Mail from <");
	text_put_safe(b, ev->mail_from, SHORT);
	text_puts(b, "> to ");
	put_recipients(b, nobody || is(ev->message_result, "partial") ? &ev->rcpt_rejected : &ev->rcpt_to, SHORT);
	text_puts(b, nobody ? ": refused, nothing was sent" : ": ");
	if (!nobody)
		text_put_safe(b, is(ev->message_result, "partial") ? SPAN("refused; other recipients got it") : ev->message_result, SHORT);
	if (s->refusal_n && (nobody || is(ev->message_result, "partial"))) {
		text_puts(b, ": ");
		text_put(b, span_of(s->refusal, s->refusal_n));
	} else {
		text_put_reply(b, ev, ": ", SHORT);
	}
}

/* Keeps why the first recipient of a mail was refused. */
static void note_refusal(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	enum { SHORT = 160 };
	struct span reply;

	if (is(ev->verb, "MAIL"))
		s->refusal_n = 0;
	if (!is(ev->verb, "RCPT") || s->refusal_n || ev->reply_code == EV_NONE || ev->reply_code < 400)
		return;
	w->line.n = 0;
	text_put_reply(&w->line, ev, "", SHORT);
	reply = utf8_cut(text_buf_span(&w->line), REFUSAL);
	memcpy(s->refusal, reply.p, reply.n);
	s->refusal_n = (unsigned)reply.n;
}

uint32_t text_key(struct span text)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ text.p[i]) * 16777619u;
	return h;
}

/* Makes room at the place of the new reason; NULL when there are WHYS worse ones. */
static struct why *why_slot(struct text_session *s, enum rank rank)
{
	unsigned at = s->why_count, move;

	while (at > 0 && s->why[at - 1].rank < rank)
		at--;
	s->why_more += s->why_count == WHYS;
	if (at == WHYS)
		return NULL;
	move = s->why_count < WHYS ? s->why_count : WHYS - 1;
	memmove(&s->why[at + 1], &s->why[at], (move - at) * sizeof(s->why[0]));
	s->why_count += s->why_count < WHYS;
	return &s->why[at];
}

static void why_add(struct text_session *s, enum rank rank, struct span text)
{
	uint32_t key = text_key(text);
	struct why *y;

	for (unsigned i = 0; i < s->why_count; i++) {
		if (s->why[i].key == key && s->why[i].rank == rank) {
			s->why[i].count++;
			return;
		}
	}
	y = why_slot(s, rank);
	if (!y)
		return;
	text = utf8_cut(text, WHY_TEXT);
	*y = (struct why){.rank = rank, .key = key, .count = 1, .length = (uint32_t)text.n};
	if (text.n)
		memcpy(y->text, text.p, text.n);
}

void text_why(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	enum rank rank = text_rank(ev);

	if (rank > s->worst)
		s->worst = rank;
	if (ev->set == DS_COMMAND)
		note_refusal(w, s, ev);
	if (rank < RANK_WARNING)
		return;
	w->line.n = 0;
	if (ev->set == DS_FINDING)
		put_finding_reason(&w->line, ev);
	else if (ev->set == DS_AUTH)
		put_auth_reason(&w->line, ev);
	else
		put_message_reason(&w->line, s, ev);
	why_add(s, rank, text_buf_span(&w->line));
}

static void put_clock(const struct text_writer *w, struct text_buf *b, int64_t ns)
{
	char text[FORMAT_SECOND_MAX], zone[8];
	uint32_t rest;
	time_t second = (time_t)time_seconds(ns, &rest);
	struct tm tm;

	if (w->options.local_time && localtime_r(&second, &tm) && strftime(zone, sizeof(zone), "%z", &tm)) {
		text_putf(b, "%04d-%02d-%02d %02d:%02d:%02d.%03u %s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
			  tm.tm_min, tm.tm_sec, (unsigned)(rest / 1000000), zone);
		return;
	}
	text_put(b, span_of(text, format_second(text, (int64_t)second, ' ')));
	text_putf(b, ".%03u UTC", (unsigned)(rest / 1000000));
}

struct state {
	const char *name;
	enum tint tint;
};

static struct state state_of(enum rank worst)
{
	if (worst >= RANK_ERROR)
		return (struct state){"FAILED", TINT_BAD};
	return worst == RANK_WARNING ? (struct state){"warning", TINT_WARN} : (struct state){"ok", TINT_OK};
}

static void put_who(const struct text_writer *w, struct text_buf *b, const struct text_session *s)
{
	put_clock(w, b, s->first_ts == EV_NO_TIME ? 0 : s->first_ts);
	text_puts(b, "  ");
	text_put_endpoint(b, &s->client, s->client.port);
	text_puts(b, " -> ");
	text_put_endpoint(b, &s->server, s->server.port);
}

/* ", 3 commands"; nothing for an absent number, and for 0 when a zero says nothing. */
static void put_count(struct text_buf *b, uint64_t n, const char *one, const char *many)
{
	if (n != EV_NONE && n)
		text_putf(b, ", %llu %s", (unsigned long long)n, n == 1 ? one : many);
}

static void put_named(struct text_buf *b, const char *name, struct span value)
{
	enum { SHORT = 120 };

	if (!value.n)
		return;
	text_puts(b, name);
	text_put_safe(b, value, SHORT);
}

static void put_tls(struct text_buf *b, const struct event *ev)
{
	if (ev->tls_established == EV_TRUE) {
		put_named(b, ", TLS ", ev->tls_version);
		if (!ev->tls_version.n)
			text_puts(b, ", TLS");
	}
	if (ev->starttls.n && !is(ev->starttls, "not_offered") && !is(ev->starttls, "accepted"))
		put_named(b, ", STARTTLS ", ev->starttls);
}

static void put_doubts(struct text_buf *b, const struct event *ev)
{
	if (ev->session_midstream == EV_TRUE)
		text_puts(b, ", its start is not in the capture");
	if (ev->session_one_sided == EV_TRUE)
		text_puts(b, ", only one direction is in the capture");
	if (ev->session_reversed == EV_TRUE)
		text_puts(b, ", the peers swapped roles");
	put_count(b, ev->session_gaps, "hole in the capture", "holes in the capture");
}

static void put_close(struct text_buf *b, const struct event *ev)
{
	static const char *const words[][2] = {
		{"quit-fin", "QUIT"},
		{"fin", "closed without QUIT"},
		{"rst", "reset"},
		{"timeout", "fell silent"},
		{"evicted", "given up for memory"},
		{"eof", "open when the input ended"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (is(ev->session_close, words[i][0]))
			text_putf(b, ", %s", words[i][1]);
	}
}

/* "EHLO name, user name, 1.234s, QUIT, 8 commands, ...": starts with ", ". */
static void put_facts(struct text_buf *b, const struct event *ev)
{
	put_named(b, ", ", is(ev->session_role, "relay") ? SPAN_ABSENT : ev->session_role);
	put_named(b, ", helo ", ev->helo);
	put_named(b, ", user ", ev->user_name);
	put_named(b, ", for ", ev->client_address);
	put_tls(b, ev);
	if (ev->duration != EV_NONE) {
		text_puts(b, ", ");
		text_put_seconds(b, (int64_t)ev->duration);
	}
	put_close(b, ev);
	put_count(b, ev->session_commands, "command", "commands");
	if (ev->session_transactions != EV_NONE && ev->session_transactions)
		text_putf(b, ", %llu of %llu mails taken",
			  ev->session_messages_accepted == EV_NONE ? 0 : (unsigned long long)ev->session_messages_accepted,
			  (unsigned long long)ev->session_transactions);
	put_count(b, ev->session_auth_attempts, "AUTH", "AUTHs");
	put_count(b, ev->session_findings, "finding", "findings");
	put_doubts(b, ev);
}

static void put_place(struct text_buf *b, const struct event *ev)
{
	if (ev->packet_first != EV_NONE && ev->packet_last != EV_NONE)
		text_putf(b, ", frames %llu-%llu", (unsigned long long)ev->packet_first, (unsigned long long)ev->packet_last);
	put_named(b, ", session ", ev->session_id);
}

static void lay_who(struct text_writer *w, const struct text_session *s, struct text_buf *out)
{
	struct state state = state_of(s->worst);
	struct text_para para = {.mark_tint = state.tint, .tint = TINT_BOLD, .hang = 2, .flush_left = true};
	char mark[16];

	para.mark = span_of(mark, (size_t)snprintf(mark, sizeof(mark), "%s  ", state.name));
	w->line.n = 0;
	put_who(w, &w->line, s);
	para.body = text_buf_span(&w->line);
	para.tinted = para.body.n;
	text_lay(out, &w->layout, &para);
}

static void lay_facts(struct text_writer *w, const struct text_session *s, const struct event *ev, struct text_buf *out)
{
	struct text_para para = {.lead = SPAN("  ")};

	w->line.n = 0;
	if (s->part || !ev)
		text_putf(&w->line, ", part %u%s", s->part + 1, ev ? "" : ", goes on");
	if (ev)
		put_facts(&w->line, ev);
	if (ev && w->options.verbosity > 0)
		put_place(&w->line, ev);
	para.body = span_from(text_buf_span(&w->line), 2);
	if (para.body.n)
		text_lay(out, &w->layout, &para);
}

static void lay_why(struct text_writer *w, const struct why *y, struct text_buf *out)
{
	struct text_para para = {.mark = SPAN("why: "), .mark_tint = y->rank == RANK_WARNING ? TINT_WARN : TINT_BAD};

	w->line.n = 0;
	text_put(&w->line, span_of(y->text, y->length));
	if (y->count > 1)
		text_putf(&w->line, " (%u times)", y->count);
	para.body = text_buf_span(&w->line);
	text_lay(out, &w->layout, &para);
}

void text_heading(struct text_writer *w, const struct text_session *s, const struct event *ev, struct text_buf *out)
{
	lay_who(w, s, out);
	lay_facts(w, s, ev, out);
	for (unsigned i = 0; i < s->why_count; i++) {
		/* Beside a real failure a warning is a distraction; it stands in the transcript. */
		if (i == 0 || s->why[i].rank > RANK_WARNING || s->worst == RANK_WARNING)
			lay_why(w, &s->why[i], out);
	}
	if (s->why_more)
		text_putf(out, "     and %u more below\n", s->why_more);
}

void text_one_line(struct text_writer *w, const struct text_session *s, const struct event *ev, struct text_buf *out)
{
	struct state state = state_of(s->worst);
	struct text_para para = {.mark_tint = state.tint};
	char mark[16];
	size_t facts;

	para.mark = span_of(mark, (size_t)snprintf(mark, sizeof(mark), "%-8s", state.name));
	w->line.n = 0;
	put_who(w, &w->line, s);
	facts = w->line.n;
	if (s->why_count) {
		text_puts(&w->line, ": ");
		text_put(&w->line, span_of(s->why[0].text, s->why[0].length));
	} else {
		put_facts(&w->line, ev);
	}
	if (facts < w->line.n && w->line.p[facts] == ',')
		w->line.p[facts] = ':';
	para.body = text_buf_span(&w->line);
	text_lay_cut(out, &w->layout, &para);
}
