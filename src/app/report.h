/*
 * report.h - events to lines: which are wanted (--events, --only), what is added to all, and which writer takes them.
 */
#ifndef SMTPSCOPE_APP_REPORT_H
#define SMTPSCOPE_APP_REPORT_H

#include "options.h"
#include "pipeline.h"
#include "smtpscope/defrag.h"
#include "smtpscope/event.h"
#include "smtpscope/pool.h"
#include "smtpscope/sink.h"

struct report;
struct report *report_new(const struct options *o, struct sink *sink, bool text, const char *observer);
void report_event(struct report *r, struct event *ev);
void report_stats(struct report *r, int64_t ts, const struct pipeline_stats *s, const struct tcp_stats *t, const struct pool *pool,
		  const struct defrag_stats *d, const struct capture_drops *drops, bool truncated);
void report_precision(struct report *r, bool nanoseconds);
void report_flush(struct report *r);
void report_free(struct report **r);

#endif
