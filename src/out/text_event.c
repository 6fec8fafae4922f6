/*
 * text_event.c - one event as lines of its session's transcript, with the marks that swaks made known: " -> " the client, "<-  " the
 * server, "**" what was wrong.
 *
 * The lead of a line is the time since the line before. What an AUTH exchange or a message event adds belongs inside the command
 * that was written before it, so it is inserted there.
 */
#include <stdio.h>
#include <string.h>

#include "text_internal.h"

enum { LEAD = 24 };

static const char mark_client[] = " -> ", mark_server[] = "<-  ", mark_wrong[] = " ** ", mark_note[] = "    ", mark_tls[] = " ~> ";

/* Time since the line before, right-aligned. */
static struct span lead_of(struct text_session *s, int64_t ts, char lead[LEAD])
{
	int64_t delta = s->last_ts == EV_NO_TIME || ts == EV_NO_TIME ? 0 : ts - s->last_ts;
	struct text_buf b = {0};
	int n;

	text_put_seconds(&b, delta);
	n = snprintf(lead, LEAD, "%c%-9.*s", delta < 0 ? ' ' : '+', (int)b.n, b.n ? b.p : "");
	s->body.failed |= b.failed;
	text_buf_free(&b);
	if (ts != EV_NO_TIME)
		s->last_ts = ts;
	return span_of(lead, n > 0 && n < LEAD ? (size_t)n : 0);
}

static struct span no_lead(void)
{
	return SPAN("          ");
}

static enum tint tint_of(uint64_t code)
{
	if (code == EV_NONE || code < 200 || code > 599)
		return TINT_BAD;
	return code < 400 ? TINT_OK : code < 500 ? TINT_WARN : TINT_BAD;
}

/* The scratch line as a paragraph at the end of out. */
static void lay(struct text_writer *w, struct text_buf *out, struct span lead, const char *mark, enum tint mark_tint, size_t tinted,
		enum tint tint)
{
	struct text_para para = {.lead = lead, .mark = span_str(mark), .mark_tint = mark_tint, .body = text_buf_span(&w->line),
				 .tinted = tinted, .tint = tint};

	text_lay(out, &w->layout, &para);
	w->line.n = 0;
}

/* ---- commands ---- */

static void client_line(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	char lead[LEAD];

	if (span_eq(ev->action, SPAN("lost-command")))
		text_puts(&w->line, "(not in the capture)");
	else if (!ev->verb.p)
		return;
	text_put_safe(&w->line, ev->verb, text_limit(w));
	if (ev->argument.n) {
		text_puts(&w->line, " ");
		text_put_safe(&w->line, ev->argument, text_limit(w));
	}
	if (!w->line.n)
		text_puts(&w->line, "(empty line)");
	lay(w, &s->body, lead_of(s, ev->ts, lead), mark_client, TINT_NONE, 0, TINT_NONE);
}

static void reply_head(struct text_writer *w, const struct event *ev, bool more)
{
	if (ev->reply_code != EV_NONE)
		text_putf(&w->line, "%03u%s", (unsigned)ev->reply_code, more ? "-" : " ");
	if (ev->reply_enhanced.n) {
		text_put_safe(&w->line, ev->reply_enhanced, 0);
		text_puts(&w->line, " ");
	}
}

/* The list of an EHLO reply in one paragraph: nobody reads twelve lines of it. */
static void extensions_line(struct text_writer *w, struct text_session *s, const struct event *ev, struct span lead)
{
	reply_head(w, ev, false);
	for (uint32_t i = 0; i < ev->reply_text.n; i++) {
		text_puts(&w->line, i == 0 ? "" : i == 1 ? ": " : ", ");
		text_put_safe(&w->line, ev->reply_text.v[i], text_limit(w));
	}
	lay(w, &s->body, lead, mark_server, TINT_NONE, 3, tint_of(ev->reply_code));
}

static void reply_lines(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	char lead[LEAD];
	struct span first = lead_of(s, ev->reply_ts ? ev->reply_ts : ev->ts, lead);
	uint32_t n = ev->reply_text.n;

	if (ev->extensions.n) {
		extensions_line(w, s, ev, first);
		return;
	}
	for (uint32_t i = 0; i < (n ? n : 1); i++) {
		reply_head(w, ev, i + 1 < n);
		if (i < n)
			text_put_safe(&w->line, ev->reply_text.v[i], text_limit(w));
		lay(w, &s->body, i ? no_lead() : first, mark_server, TINT_NONE, 3, tint_of(ev->reply_code));
	}
}

static void no_reply(struct text_writer *w, struct text_session *s, bool doubtful)
{
	text_puts(&w->line, doubtful ? "(no reply in the capture)" : "(no reply)");
	lay(w, &s->body, no_lead(), mark_server, TINT_NONE, w->line.n, TINT_WARN);
}

static void render_command(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	bool answered = ev->reply_code != EV_NONE || ev->reply_text.n;

	client_line(w, s, ev);
	s->steps_at = s->body.n;
	if (answered)
		reply_lines(w, s, ev);
	else
		no_reply(w, s, ev->confidence.n > 0);
	s->result_at = s->body.n;
}

/* ---- what happened inside a command ---- */

/* Inserts what is in block where the last command's inside is. */
static void insert_inside(struct text_writer *w, struct text_session *s, struct text_buf *block)
{
	(void)w;
	if (s->steps_at > s->body.n)
		s->steps_at = s->body.n;
	text_insert(&s->body, s->steps_at, text_buf_span(block));
	s->result_at += block->n;
	s->body.failed |= block->failed;
	text_buf_free(block);
}

static void put_fact(struct text_writer *w, const char *name, struct span value)
{
	if (!value.n)
		return;
	text_puts(&w->line, name);
	text_put_safe(&w->line, value, text_limit(w));
}

/* Who, how, what became of it and why. */
static void auth_line(struct text_writer *w, const struct event *ev)
{
	text_puts(&w->line, "<auth ");
	text_put_safe(&w->line, ev->auth_result, 0);
	put_fact(w, ": user ", ev->user_name);
	put_fact(w, ev->user_name.n ? ", domain " : ": domain ", ev->user_domain);
	put_fact(w, ", as ", ev->authzid);
	put_fact(w, ", ", ev->mechanism);
	put_fact(w, ", for ", ev->auth_service.n ? ev->auth_service : ev->digest_uri);
	text_puts(&w->line, ev->auth_encrypted == EV_TRUE ? ", under TLS" : ", in clear");
	put_fact(w, "; ", ev->auth_cause);
	put_fact(w, "; secret ", ev->secret);
	put_fact(w, "; secret hash ", ev->secret_hash);
	text_puts(&w->line, ">");
}

static void render_auth(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	struct text_buf block = {0};

	for (uint32_t i = 0; i < ev->challenges.n; i++) {
		text_puts(&w->line, "334 ");
		text_put_safe(&w->line, ev->challenges.v[i], text_limit(w));
		lay(w, &block, no_lead(), mark_server, TINT_NONE, 3, TINT_OK);
		text_puts(&w->line, span_eq(ev->auth_result, SPAN("cancelled")) && i + 1 == ev->challenges.n ? "*" : "********");
		lay(w, &block, no_lead(), mark_client, TINT_NONE, 0, TINT_NONE);
	}
	insert_inside(w, s, &block);
	auth_line(w, ev);
	lay(w, &s->body, no_lead(), mark_note, TINT_NONE, w->line.n, TINT_DIM);
}

static void put_number(struct text_buf *b, const char *before, uint64_t n, const char *after)
{
	if (n != EV_NONE)
		text_putf(b, "%s%llu%s", before, (unsigned long long)n, after);
}

static void render_message(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	struct text_buf block = {0};

	if (ev->reply_codes.n > 1 && ev->reply_codes.v[0] == 354) {
		text_puts(&w->line, "354");
		lay(w, &block, no_lead(), mark_server, TINT_NONE, 3, TINT_OK);
	}
	if (ev->message_size != EV_NONE) {
		text_puts(&w->line, "<message:");
		put_number(&w->line, " ", ev->message_size, " octets");
		put_number(&w->line, ", ", ev->message_lines, " lines");
		put_number(&w->line, ", ", ev->message_chunks, " chunks");
		put_fact(w, ", Subject: ", ev->email_subject);
		if (w->options.verbosity > 0) {
			put_fact(w, ", Message-ID: ", ev->email_message_id);
			put_fact(w, ", X-Mailer: ", ev->email_x_mailer);
		}
		text_puts(&w->line, ">");
		lay(w, &block, no_lead(), mark_client, TINT_NONE, 0, TINT_NONE);
	}
	insert_inside(w, s, &block);
	text_puts(&w->line, "<mail ");
	text_put_safe(&w->line, ev->message_result, 0);
	put_number(&w->line, ", ", ev->rcpt_accepted.n, " of ");
	put_number(&w->line, "", ev->rcpt_count == EV_NONE ? 0 : ev->rcpt_count, " recipients");
	put_fact(w, ", queue id ", ev->queue_id);
	text_puts(&w->line, ">");
	lay(w, &s->body, no_lead(), mark_note, TINT_NONE, w->line.n, span_eq(ev->outcome, SPAN("failure")) ? TINT_WARN : TINT_DIM);
}

/* ---- findings ---- */

/* A finding is said once; the same id with other words says something else. */
static bool told_before(struct text_session *s, struct span explanation)
{
	uint32_t key = text_key(explanation);

	for (unsigned i = 0; i < s->told_count; i++)
		if (s->told[i] == key)
			return true;
	if (s->told_count < TOLD)
		s->told[s->told_count++] = key;
	return false;
}

static enum tint finding_tint(enum rank rank)
{
	return rank >= RANK_ERROR ? TINT_BAD : rank == RANK_WARNING ? TINT_WARN : TINT_DIM;
}

static void render_finding(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	enum rank rank = text_rank(ev);
	bool hole = span_eq(ev->finding_id, SPAN("stream_gap")); /* a note, but without it the transcript would look whole */
	size_t head;

	if (rank <= RANK_NOTE && w->options.verbosity < 1 && !hole)
		return;
	text_put_safe(&w->line, ev->finding_id, 0);
	head = w->line.n;
	if (ev->finding_count != EV_NONE && ev->finding_count > 1)
		put_number(&w->line, " x", ev->finding_count, "");
	if (!told_before(s, ev->finding_explanation)) {
		text_puts(&w->line, ": ");
		text_put_safe(&w->line, ev->finding_explanation, 0);
	}
	put_fact(w, " [", ev->finding_evidence);
	text_puts(&w->line, ev->finding_evidence.n ? "]" : "");
	lay(w, &s->body, no_lead(), mark_wrong, finding_tint(rank), head, finding_tint(rank));
}

/* ", alert client: unknown_ca (fatal)" for each. */
static void put_alerts(struct text_writer *w, const struct event *ev)
{
	for (uint32_t i = 0; i < ev->tls_alerts.n; i++)
		put_fact(w, ", alert of the ", ev->tls_alerts.v[i]);
}

/* What went on under TLS cannot be told, but that it went on can, and what the handshake showed. */
static void render_session(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	bool established = ev->tls_established == EV_TRUE;

	if (!established && !ev->tls_client_versions.n && !ev->tls_alerts.n)
		return;
	text_puts(&w->line, established ? "(TLS" : "(TLS handshake");
	put_fact(w, " ", ev->tls_version);
	text_puts(&w->line, established ? " from here on" : ", not complete");
	put_fact(w, ", ", ev->tls_cipher);
	put_fact(w, ", for ", ev->tls_server_name);
	put_fact(w, ", ALPN ", ev->tls_next_protocol);
	if (ev->tls_resumed == EV_TRUE)
		text_puts(&w->line, ", resumed");
	if (w->options.verbosity > 0) {
		put_fact(w, ", JA3 ", ev->tls_ja3);
		put_fact(w, ", JA4 ", ev->tls_ja4);
		put_fact(w, ", JA3S ", ev->tls_ja3s);
	}
	put_alerts(w, ev);
	text_puts(&w->line, ")");
	lay(w, &s->body, no_lead(), mark_tls, TINT_NONE, w->line.n, established ? TINT_DIM : TINT_WARN);
}

void text_render(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	w->line.n = 0; /* scratch: others leave theirs in it */
	switch (ev->set) {
	case DS_COMMAND:
		render_command(w, s, ev);
		break;
	case DS_AUTH:
		render_auth(w, s, ev);
		break;
	case DS_MESSAGE:
		render_message(w, s, ev);
		break;
	case DS_FINDING:
		render_finding(w, s, ev);
		break;
	case DS_SESSION:
		render_session(w, s, ev);
		break;
	case DS_STATS:
	case DATASETS:
		break;
	}
}
