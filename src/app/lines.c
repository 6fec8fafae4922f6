/*
 * lines.c - an event as a line of JSON. See lines.h.
 *
 * --only failed keeps what did not succeed: commands and messages with outcome failure, AUTH that was not accepted, findings of
 * warning and above, sessions with one of these. The text view gets whole sessions or none, so there the choice is made per
 * session by the writer's own means; here it is made per event.
 */
#include "lines.h"

#include "smtpscope/json.h"
#include "version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROWS = 3 * 20 /* numbers that may be written anew, and their digits */ };

struct lines {
	const struct options *o;
	const char *observer;
	uint8_t json; /* bits of the outputs that take it */
	struct json_writer *writer;
	char *anew; /* max_event_bytes */
};

struct lines *lines_new(const struct options *o, uint8_t text, const char *observer)
{
	struct lines *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->o = o;
	l->observer = observer;
	l->json = (uint8_t)(((1u << o->outputs) - 1) & ~(unsigned)text);
	l->writer = json_writer_new(o->max_event_bytes);
	l->anew = malloc(o->max_event_bytes);
	if (!l->writer || !l->anew)
		lines_free(&l);
	return l;
}

void lines_free(struct lines **lines)
{
	struct lines *l = *lines;

	*lines = NULL;
	if (!l)
		return;
	json_writer_free(&l->writer);
	free(l->anew);
	free(l);
}

void lines_precision(struct lines *l, bool nanoseconds)
{
	json_writer_precision(l->writer, nanoseconds);
}

static bool is_failure(const struct event *ev)
{
	switch (ev->set) {
	case DS_COMMAND:
	case DS_AUTH:
	case DS_MESSAGE:
	case DS_SESSION:
		return span_eq(ev->outcome, SPAN("failure"));
	case DS_FINDING:
		return !span_eq(ev->finding_severity, SPAN("note"));
	case DS_STATS:
	case DATASETS:
		break;
	}
	return true;
}

static bool is_wanted(const struct output *o, const struct event *ev)
{
	if (!(o->datasets >> ev->set & 1))
		return false;
	switch (o->only) {
	case ONLY_FAILED:
		return is_failure(ev);
	case ONLY_AUTH:
		return ev->set == DS_AUTH;
	case ONLY_FINDING:
		return ev->set == DS_FINDING;
	case ONLY_ALL:
		break;
	}
	return true;
}

static void add_observer(const struct lines *l, struct event *ev)
{
	ev->ecs_version = SPAN(SMTPSCOPE_ECS_VERSION);
	if (!l->observer)
		return;
	ev->observer_type = SPAN("sensor");
	ev->observer_product = SPAN("smtpscope");
	ev->observer_version = SPAN(SMTPSCOPE_VERSION);
	ev->observer_name = span_str(l->observer);
	ev->observer_interface = span_str(l->o->interface);
}

void lines_event(struct lines *l, struct event *ev, struct line *out)
{
	*out = (struct line){.sequence = ev->sequence, .findings = ev->session_findings};
	add_observer(l, ev);
	for (unsigned i = 0; i < l->o->outputs; i++)
		out->wanted |= (uint8_t)(is_wanted(&l->o->output[i], ev) << i);
	if (out->wanted & l->json)
		out->json = json_event(l->writer, ev);
}

bool lines_may_grow(const struct lines *l, const struct line *line)
{
	return !line->json.p || (line->json.n + GROWS <= l->o->max_event_bytes && !json_was_cut(l->writer));
}

/* ---- other numbers ---- */

/* Appends the line up to key, with it. */
static size_t put_up_to(char *dst, size_t n, size_t cap, struct span *line, struct span key)
{
	size_t at = span_find(*line, key);

	if (at == SPAN_NPOS) /* no such line is composed */
		return n;
	n = span_append(dst, n, cap, span_first(*line, at + key.n));
	*line = span_from(*line, at + key.n);
	return n;
}

/* Appends the number in the place of the one that the line begins with. */
static size_t put_number(char *dst, size_t n, size_t cap, struct span *line, uint64_t number)
{
	char digits[24];
	size_t old = 0;

	while (old < line->n && (uint8_t)(line->p[old] - '0') < 10)
		old++;
	*line = span_from(*line, old);
	return span_append(dst, n, cap, span_of(digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number)));
}

/* The keys are no text of a string: a quote would be escaped there. Those of the event stand in front of all others of these names. */
struct span lines_renumber(struct lines *l, const struct line *line, const struct event *ev)
{
	struct span rest = line->json, id = ev->session_id;
	size_t cap = l->o->max_event_bytes, n = 0;

	n = put_up_to(l->anew, n, cap, &rest, SPAN(",\"id\":\""));
	n = span_append(l->anew, n, cap, span_first(rest, id.n + 1));
	rest = span_from(rest, id.n + 1);
	n = put_number(l->anew, n, cap, &rest, ev->sequence);
	n = put_up_to(l->anew, n, cap, &rest, SPAN("\",\"sequence\":"));
	n = put_number(l->anew, n, cap, &rest, ev->sequence);
	if (line->findings != ev->session_findings) {
		n = put_up_to(l->anew, n, cap, &rest, SPAN(",\"findings\":"));
		n = put_number(l->anew, n, cap, &rest, ev->session_findings);
	}
	n = span_append(l->anew, n, cap, rest);
	return span_of(l->anew, n);
}
