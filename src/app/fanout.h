/*
 * fanout.h - live, several workers: each has a socket of its own, among which the kernel shares the connections (PACKET_FANOUT).
 *
 * Rounds are slices of packet time. The main thread is a producer too: its stats events, and the passing of time.
 */
#ifndef SMTPSCOPE_APP_FANOUT_H
#define SMTPSCOPE_APP_FANOUT_H

#include "capture.h"
#include "options.h"
#include "report.h"
#include "rounds.h"
#include "scribe.h"

struct fanout;

/*
 * captures: o->workers of them, of one interface and one fan-out group; they stay the caller's. Starts the threads; complain as for
 * capture_next(). NULL without memory or threads.
 */
struct fanout *fanout_new(const struct options *o, struct capture **captures, const uint8_t seed[16],
			  struct scribing *scribing, rounds_emit *write, void *ctx, void (*complain)(const char *text));
/* Asynchronous-signal-safe: the workers stop reading soon. */
void fanout_stop(struct fanout *f);
/* Every 100 ms or so, at time now (ns); false when all workers have stopped. */
bool fanout_tick(struct fanout *f, int64_t now);
void fanout_event(struct fanout *f, const struct event *ev, int64_t now);
/* Waits until all has been reported. */
void fanout_finish(struct fanout *f);
/* What the workers have counted, and what the kernel dropped: as of a moment ago, or all of it after fanout_finish(). */
void fanout_totals(struct fanout *f, struct totals *out, struct capture_drops *drops);
void fanout_free(struct fanout **f);

#endif
