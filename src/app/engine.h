/*
 * engine.h - a run: frames in, lines out, by one worker in this thread or by several in threads of their own.
 */
#ifndef SMTPSCOPE_APP_ENGINE_H
#define SMTPSCOPE_APP_ENGINE_H

#include "capture.h"
#include "options.h"
#include "report.h"
#include "smtpscope/sink.h"

struct engine;

/*
 * sinks: one for each of o->output. observer: name of the sensor for live runs, NULL for files. With o->workers above 1
 * the frames are dealt to that many workers by connection. The sinks must outlive the engine and are not to be used
 * until engine_finish(). NULL without memory.
 */
struct engine *engine_new(const struct options *o, struct sink *const *sinks, const char *observer, void (*complain)(const char *text));
/*
 * Live, several workers: each reads one of these captures from here on, and engine_frame() is not for use. They stay the caller's.
 * False without memory or threads.
 */
bool engine_watch(struct engine *e, struct capture **captures, void (*complain)(const char *text));
/* Asynchronous-signal-safe: those workers stop soon. */
void engine_stop(struct engine *e);
/* nanoseconds: the input's times have them, from this frame on. */
void engine_frame(struct engine *e, const struct frame *f, bool nanoseconds);
/* Live runs: time passes without frames. False when workers that read for themselves have all stopped. */
bool engine_tick(struct engine *e, int64_t now);
/* A stats event. drops: what the capture says, NULL for files; workers that read for themselves know their own. */
void engine_stats(struct engine *e, int64_t ts, const struct capture_drops *drops, bool truncated);
/* The input ended at time ts: every open session is reported, then a last stats event, and all is handed to the sink. */
void engine_finish(struct engine *e, int64_t ts, const struct capture_drops *drops, bool truncated);
/* So far; with several workers as of a moment ago, until engine_finish(). */
void engine_totals(struct engine *e, struct totals *out);
/* Behind engine_finish(): allocations that were refused, in all stages, and events lost for want of memory. */
uint64_t engine_refused(struct engine *e);
/* Connections whose two directions reached different workers, so far. */
uint64_t engine_split(const struct engine *e);
int64_t engine_last_ts(const struct engine *e);
/* The sink takes no more: reading on is of no use. */
bool engine_failed(struct engine *e);
void engine_free(struct engine **e);

#endif
