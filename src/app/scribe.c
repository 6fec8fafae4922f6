/*
 * scribe.c - what a worker makes of its events. See scribe.h.
 */
#include "scribe.h"

#include "smtpscope/watch.h"

#include <stddef.h>
#include <stdlib.h>

struct scribe {
	struct scribing *shared;
	struct lines *lines;
};

/* By diag/watch, or by the writer itself: sessions that were split between workers. */
static bool is_read(const struct event_field *f)
{
	return watch_reads(f) || f->offset == offsetof(struct event, session_one_sided);
}

bool scribing_init(struct scribing *s, const struct options *o, uint8_t text, const char *observer)
{
	s->o = o;
	s->text = text;
	s->observer = observer;
	atomic_init(&s->nanoseconds_from, UINT64_MAX);
	return o->workers == 1 || (packing_init(&s->whole, NULL) && packing_init(&s->brief, is_read));
}

void scribing_fini(struct scribing *s)
{
	packing_fini(&s->whole);
	packing_fini(&s->brief);
}

struct scribe *scribe_new(struct scribing *shared)
{
	struct scribe *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->shared = shared;
	s->lines = lines_new(shared->o, shared->text, shared->observer);
	if (!s->lines)
		scribe_free(&s);
	return s;
}

void scribe_free(struct scribe **scribe)
{
	struct scribe *s = *scribe;

	*scribe = NULL;
	if (!s)
		return;
	lines_free(&s->lines);
	free(s);
}

void scribe_event(struct scribe *s, struct pack_list *l, struct event *ev, uint64_t place)
{
	struct scribing *shared = s->shared;
	struct line line;
	bool whole;

	if (place >= atomic_load_explicit(&shared->nanoseconds_from, memory_order_relaxed))
		lines_precision(s->lines, true);
	lines_event(s->lines, ev, &line);
	whole = !lines_may_grow(s->lines, &line);
	if (whole) /* the writer composes it, when it knows the numbers */
		line.json = SPAN_ABSENT;
	pack_append(l, whole || line.wanted & shared->text ? &shared->whole : &shared->brief, ev, &line, place);
}

void scribing_pass(const struct scribing *s, struct pack_list *l, const struct event *ev, uint64_t place)
{
	pack_append(l, &s->whole, ev, &(struct line){0}, place);
}
