/*
 * metrics.h - counters as a file in the Prometheus text format (version 0.0.4), for the collector that reads such files.
 */
#ifndef SMTPSCOPE_APP_METRICS_H
#define SMTPSCOPE_APP_METRICS_H

#include "smtpscope/err.h"
#include "smtpscope/event.h"
#include "smtpscope/sink.h"

/*
 * Writes what a stats event says, and the counters of the sinks, to path: aside first, then renamed, so that nobody reads half of it.
 * 0, or -1 and *err.
 */
int metrics_write(const char *path, const struct event *stats, struct sink *const *sinks, unsigned sink_count, struct err *err);

#endif
