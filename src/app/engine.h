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
 * observer: name of the sensor for live runs, NULL for files. With o->workers above 1 the frames are dealt to that many workers
 * by connection. The sink must outlive the engine and is not to be used until engine_finish(). NULL without memory.
 */
struct engine *engine_new(const struct options *o, struct sink *sink, bool text, const char *observer);
/* nanoseconds: the input's times have them, from this frame on. */
void engine_frame(struct engine *e, const struct frame *f, bool nanoseconds);
/* Live runs: time passes without frames. */
void engine_tick(struct engine *e, int64_t now);
/* A stats event with what capture says about drops. */
void engine_stats(struct engine *e, int64_t ts, const struct capture_drops *drops, bool truncated);
/* The input ended: every open session is reported, then a last stats event, and all is handed to the sink. */
void engine_finish(struct engine *e, const struct capture_drops *drops, bool truncated);
/* So far; with several workers as of a moment ago, until engine_finish(). */
void engine_totals(struct engine *e, struct totals *out);
int64_t engine_last_ts(const struct engine *e);
/* The sink takes no more: reading on is of no use. */
bool engine_failed(struct engine *e);
void engine_free(struct engine **e);

#endif
