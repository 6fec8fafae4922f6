/*
 * text.c - gathers the events of each session until its block can be written.
 *
 * Events of many sessions come interleaved, a reader wants them one after the other. So each session's transcript is
 * buffered until its session event. Three limits hold it: bytes per session and sessions at once (text.h), and bytes in all.
 * At a limit the session, or the one without news for longest, is written as a part and goes on in the next.
 *
 * Left out on purpose: anything that decides what is wrong. The view shows what the events say.
 */
#include "text_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	TOTAL_KEPT = 64 * 1024 * 1024, /* TEXT_SESSIONS times TEXT_SESSION_KEPT would be a gigabyte */
};

static bool session_eq(const void *key, const struct table_node *node)
{
	return memcmp(key, ((const struct text_session *)node)->id, SESSION_ID) == 0;
}

struct text_writer *text_writer_new(const struct text_options *options, struct sink *sink)
{
	static const uint8_t seed[16]; /* ids are hashes already, and chains are short: TEXT_SESSIONS bounds them */
	struct text_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->options = *options;
	w->layout = (struct text_layout){options->colour, options->width};
	w->sink = sink;
	w->sessions = table_new(session_eq, seed, TEXT_SESSIONS);
	if (w->sessions)
		return w;
	free(w);
	return NULL;
}

static void note_lost(struct text_writer *w, bool lost)
{
	w->refused += lost;
	w->lost |= lost;
}

/* Were words lost that go into b? */
static void note_buffer(struct text_writer *w, struct text_buf *b)
{
	note_lost(w, b->failed);
	b->failed = false;
}

static void write_block(struct text_writer *w)
{
	note_buffer(w, &w->line);
	note_buffer(w, &w->block);
	if (w->block.n)
		sink_write(w->sink, text_buf_span(&w->block), SPAN_ABSENT);
	if (w->lost)
		sink_write(w->sink, SPAN(" ** memory was refused: words are missing above\n\n"), SPAN_ABSENT);
	w->block.n = 0;
	w->lost = false;
}

/* Writes what there is of the session, and forgets it. ev: its session event, or NULL. */
static void write_session(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	if (w->options.verbosity < 0) {
		if (ev)
			text_one_line(w, s, ev, &w->block);
		write_block(w);
		return;
	}
	note_buffer(w, &s->body);
	text_heading(w, s, ev, &w->block);
	text_put(&w->block, text_buf_span(&s->body));
	text_puts(&w->block, "\n");
	write_block(w);
	w->buffered -= s->body.n;
	s->body.n = 0;
}

static void drop_session(struct text_writer *w, struct text_session *s)
{
	table_remove(w->sessions, &s->node);
	w->buffered -= s->body.n;
	text_buf_free(&s->body);
	free(s);
}

static bool drop_oldest(struct text_writer *w)
{
	struct table_node *node = table_oldest(w->sessions);

	if (!node)
		return false;
	write_session(w, (struct text_session *)node, NULL);
	drop_session(w, (struct text_session *)node);
	return true;
}

void text_writer_free(struct text_writer **writer)
{
	struct text_writer *w = *writer;

	*writer = NULL;
	if (!w)
		return;
	while (drop_oldest(w))
		continue;
	table_free(&w->sessions);
	text_buf_free(&w->line);
	text_buf_free(&w->block);
	free(w);
}

static struct text_session *session_add(struct text_writer *w, uint32_t hash, const uint8_t id[SESSION_ID])
{
	struct text_session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	memcpy(s->id, id, SESSION_ID);
	s->first_ts = EV_NO_TIME;
	while (!table_insert(w->sessions, &s->node, hash)) {
		if (drop_oldest(w))
			continue;
		free(s);
		return NULL;
	}
	return s;
}

static struct text_session *session_of(struct text_writer *w, const struct event *ev)
{
	uint8_t id[SESSION_ID] = {0};
	struct span known = span_first(ev->session_id, SESSION_ID);
	struct table_node *node;
	uint32_t hash;

	if (known.n)
		memcpy(id, known.p, known.n);
	hash = table_hash(w->sessions, id, sizeof(id));
	node = table_find(w->sessions, hash, id);
	if (!node)
		return session_add(w, hash, id);
	table_touch(w->sessions, node);
	return (struct text_session *)node;
}

static void session_note(struct text_session *s, const struct event *ev)
{
	s->client = ev->source_ip;
	s->client.port = (uint16_t)ev->source_port;
	s->server = ev->destination_ip;
	s->server.port = (uint16_t)ev->destination_port;
	if (s->first_ts == EV_NO_TIME)
		s->first_ts = s->last_ts = s->client_ts = ev->set == DS_SESSION && ev->start != EV_NO_TIME ? ev->start : ev->ts;
}

/* After a part: what comes is a block of its own. */
static void session_next_part(struct text_session *s)
{
	s->part++;
	s->first_ts = EV_NO_TIME;
	s->steps_at = s->result_at = 0;
	s->why_count = s->why_more = s->told_count = 0;
}

static void session_event(struct text_writer *w, struct text_session *s, const struct event *ev)
{
	size_t before = s->body.n;

	session_note(s, ev);
	text_why(w, s, ev);
	if (w->options.verbosity >= 0)
		text_render(w, s, ev);
	w->buffered += s->body.n - before;
	if (ev->set == DS_SESSION) {
		w->sessions_seen++;
		w->sessions_failed += s->worst >= RANK_ERROR;
		write_session(w, s, ev);
		drop_session(w, s);
	} else if (s->body.n >= TEXT_SESSION_KEPT) {
		write_session(w, s, NULL);
		session_next_part(s);
	}
}

void text_event(struct text_writer *w, const struct event *ev)
{
	struct text_session *s;

	if (ev->set == DS_STATS) {
		text_summary(w, ev, &w->block);
		write_block(w);
		return;
	}
	w->commands += ev->set == DS_COMMAND && ev->verb.p;
	if (ev->set == DS_FINDING && span_eq(ev->finding_severity, SPAN("alert")))
		text_count_alert(w, ev->finding_id);
	s = session_of(w, ev);
	note_lost(w, !s);
	if (s)
		session_event(w, s, ev);
	while (w->buffered > TOTAL_KEPT && drop_oldest(w))
		continue;
}

uint64_t text_refused(const struct text_writer *w)
{
	return w->refused;
}
