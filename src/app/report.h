/*
 * report.h - events to lines: which are wanted (--events, --only), what is added to all, and which writer takes them.
 */
#ifndef SMTPSCOPE_APP_REPORT_H
#define SMTPSCOPE_APP_REPORT_H

#include "lines.h"
#include "options.h"
#include "pipeline.h"
#include "segments.h"
#include "smtpscope/event.h"
#include "smtpscope/sink.h"

/* What a run has counted so far, over all its workers. */
struct totals {
	struct segments_stats segments;
	struct pipeline_stats sessions;
	struct tcp_stats tcp; /* with several workers a peak is the sum of theirs */
	uint64_t memory_used, memory_refused; /* octets; allocations */
	uint64_t events_lost; /* between a worker and the writer, for want of memory */
};
void totals_add(struct totals *sum, const struct totals *t);

struct report;
/* Bits of the outputs that are transcripts. */
uint8_t report_texts(const struct options *o, struct sink *const *sinks);
/* sinks: one for each of o->output, whose format is chosen here. observer: name of the sensor for live runs, NULL for files. */
struct report *report_new(const struct options *o, struct sink *const *sinks, const char *observer, void (*complain)(const char *text));
void report_event(struct report *r, struct event *ev);
/* An event that a worker has composed, or has said who wants it; with the numbers of ev. */
void report_line(struct report *r, struct event *ev, const struct line *line);
/* A stats event for report_event(), which adds what only it knows. drops: NULL when no kernel is involved. */
void report_stats(const struct totals *t, int64_t ts, const struct capture_drops *drops, bool truncated, struct event *out);
/* What stats events have in common. */
void report_stats_begin(struct event *ev, int64_t ts, struct span action);
void report_precision(struct report *r, bool nanoseconds);
/* Times memory was refused for what is written. Of the thread that writes, or when it has ended. */
uint64_t report_refused(const struct report *r);
/* Live, some times a second. */
void report_tick(struct report *r, int64_t now);
/* Before the last stats event. */
void report_finish(struct report *r, int64_t now);
/* Nothing more can be written, or what must be cannot: reading on is of no use. */
bool report_failed(const struct report *r);
void report_free(struct report **r);
/* Columns of the terminal that is written to, else what COLUMNS says, else 0; and whether colour is wanted there. */
unsigned report_width(const struct sink *sink);
bool report_colour(const struct options *o, const struct sink *sink);

#endif
