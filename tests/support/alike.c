/* alike.c - see alike.h. */
#include "alike.h"

#include "expect.h"
#include "jsonlines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lines_add(struct lines *l, struct span s)
{
	if (s.n > LINES_MAX - l->n) {
		fprintf(stderr, "more output than a dialogue can have\n");
		exit(1);
	}
	memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
}

static bool loosely(const struct event *ev, struct event *out)
{
	if (ev->set != DS_COMMAND && ev->set != DS_AUTH)
		return false;
	event_init(out, ev->set);
	out->ts = 0;
	out->dataset = ev->dataset;
	out->verb = ev->verb;
	out->argument = ev->argument;
	out->reply_codes = ev->reply_codes;
	out->reply_text = ev->reply_text;
	out->mechanism = ev->mechanism;
	out->user_name = ev->user_name;
	return true;
}

struct run run_new(bool loose)
{
	return (struct run){.writer = json_writer_new(65536), .out = {malloc(LINES_MAX + 1), 0}, .loose = loose};
}

void run_clear(struct run *r)
{
	r->out.n = 0;
	r->tagged = false;
	r->apart_seen = 0;
	r->gaps = r->gap_bytes = 0;
}

void run_free(struct run *r)
{
	json_writer_free(&r->writer);
	free(r->out.p);
}

/* Counts what is told of once only; false when the event is to be left out. */
static bool keeps(struct run *r, const struct event *ev)
{
	r->tagged |= ev->vlan_id.n > 0;
	if (ev->set == DS_SESSION) {
		r->gaps += ev->session_gaps;
		r->gap_bytes += ev->session_gap_bytes;
	}
	if (ev->set != DS_FINDING || !r->apart || !span_eq(ev->finding_id, span_str(r->apart)))
		return true;
	r->apart_seen++;
	return false;
}

void run_event(void *ctx, struct event *ev)
{
	struct run *r = ctx;
	struct event copy = *ev;

	copy.ecs_version = SPAN("8.11.0");
	if (!keeps(r, ev))
		return;
	if (r->loose) {
		if (!loosely(ev, &copy))
			return;
	} else {
		wire_mask(&copy);
	}
	if (r->apart) { /* numbers that they take part in */
		copy.sequence = copy.session_findings = EV_NONE;
		copy.id = SPAN_ABSENT;
	}
	lines_add(&r->out, json_event(r->writer, &copy));
}

/* The event at off in the notation, and the octets at off where the notation does not show the difference. */
static void show_event(const struct lines *l, size_t off, char mark)
{
	static struct got one;
	size_t start = off, near = off > 24 ? off - 24 : 0, shown;

	if (off >= l->n) {
		printf("  %c (no event)\n", mark);
		return;
	}
	while (start && l->p[start - 1] != '\n')
		start--;
	got_add(&one, l->p + start, strcspn(l->p + start, "\n"));
	printf("  %c ", mark);
	expect_print(one.event[0]);
	shown = strcspn(l->p + near, "\n");
	printf("  %c     ...%.*s...\n", mark, (int)(shown < 72 ? shown : 72), l->p + near);
	got_clear(&one);
}

bool lines_same(const char *who, const struct lines *a, struct lines *b, const char *what)
{
	size_t at = 0;

	a->p[a->n] = b->p[b->n] = '\0';
	if (a->n == b->n && memcmp(a->p, b->p, a->n) == 0)
		return true;
	while (at < a->n && at < b->n && a->p[at] == b->p[at])
		at++;
	printf("%s: other events over %s (- whole pieces, + there)\n", who, what);
	show_event(a, at, '-');
	show_event(b, at, '+');
	return false;
}
