/*
 * lines.h - an event as a line of JSON: which outputs want it (--events, --only), what is added to all, and the text, composed once for
 * all outputs. Whoever has the event composes; who writes it may have to number it anew.
 */
#ifndef SMTPSCOPE_APP_LINES_H
#define SMTPSCOPE_APP_LINES_H

#include "options.h"
#include "smtpscope/event.h"

struct line {
	uint8_t wanted;    /* 1 << number of the output */
	struct span json;  /* absent when no output wants it as JSON */
	uint64_t sequence, findings; /* of the session, as they stand there */
};
_Static_assert(MAX_OUTPUTS <= 8, "line.wanted has a bit for each");

/* One thread uses it. */
struct lines;
/* text: bits of the outputs that are transcripts. observer: name of the sensor for live runs, NULL for files. NULL without memory. */
struct lines *lines_new(const struct options *o, uint8_t text, const char *observer);
void lines_free(struct lines **l);
void lines_precision(struct lines *l, bool nanoseconds);
/* *ev gets what is added to all. *out is valid until the next call. */
void lines_event(struct lines *l, struct event *ev, struct line *out);
/* Whether that line may be given to lines_renumber(): it was not cut, and has room for larger numbers. */
bool lines_may_grow(const struct lines *l, const struct line *line);
/* The line as if the numbers had been those of ev; valid until the next call. */
struct span lines_renumber(struct lines *l, const struct line *line, const struct event *ev);

#endif
