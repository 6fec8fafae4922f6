/*
 * crew.h - the threads that keep step in rounds (rounds.h): one for each worker, and the writer.
 */
#ifndef SMTPSCOPE_APP_CREW_H
#define SMTPSCOPE_APP_CREW_H

#include "pipeline.h"
#include "report.h"
#include "rounds.h"

struct crew;
/*
 * Workers are the producers 0 to workers - 1, the thread that leads them is the producer after the last. Events go to
 * write(ctx, event, ...) in the writer's thread. NULL without memory.
 */
struct crew *crew_new(unsigned workers, rounds_emit *write, void *ctx);
struct rounds *crew_rounds(struct crew *c);
/*
 * Starts the writer and a thread for each of the workers: work(first), work(first + size), ... Signals stay with the caller.
 * False when not all could be had; those that are there go on until crew_join().
 */
bool crew_start(struct crew *c, void *(*work)(void *worker), void *first, size_t size);
/* A worker's last words: the sessions of its pipeline that are still open. */
void crew_finish(struct crew *c, unsigned index, struct pipeline *p);
bool crew_works(const struct crew *c); /* threads were started and not joined yet */
/* The leader has nothing more to say: waits until all threads have ended. Nothing without threads. */
void crew_join(struct crew *c);
void crew_free(struct crew **c); /* after crew_join() */

/* What worker index has counted so far; others read it under crew_lock(). */
void crew_publish(struct crew *c, struct totals *published, const struct pipeline *p, const struct pool *pool, unsigned index);
void crew_lock(struct crew *c);
void crew_unlock(struct crew *c);

#endif
