/*
 * sink.h - where whole lines go. Output is gathered in a large buffer, one write per buffer, whole lines only.
 */
#ifndef SMTPSCOPE_SINK_H
#define SMTPSCOPE_SINK_H

#include "smtpscope/span.h"

struct sink;
struct err; /* err.h */

/* path: "-" for standard output, else a file that is created or appended to (0640). NULL and *err when it cannot be opened. */
struct sink *sink_open(const char *path, struct err *err);
/* Tests: whole lines go to write(ctx, lines). */
struct sink *sink_open_callback(void (*write)(void *ctx, struct span lines), void *ctx);
/* One or more whole lines, each with its '\n'. After an error nothing is written any more (sink_failed). */
void sink_write(struct sink *s, struct span lines);
void sink_flush(struct sink *s);
bool sink_failed(const struct sink *s);      /* write error, also a closed pipe */
bool sink_pipe_closed(const struct sink *s); /* the reader went away (EPIPE): quiet end, exit 0 */
uint64_t sink_lost(const struct sink *s);    /* events (lines) not written */
uint64_t sink_written(const struct sink *s); /* lines written or buffered */
/* Flushes and closes; -1 and *err when something could not be written. A closed pipe is no error: 0. NULL is allowed. */
int sink_close(struct sink **s, struct err *err);
bool sink_is_terminal(const struct sink *s);

#endif
