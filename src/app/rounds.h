/*
 * rounds.h - several producers of events and one writer, in step.
 *
 * A round is a stretch of the input. Each producer fills its list of the round and says that it is done; when all are, the writer
 * reads the lists of that round in the order of their tags. So what is written depends on the input alone and not on which thread
 * was faster, and memory is bounded: a producer that is ROUNDS_RING rounds ahead waits.
 */
#ifndef SMTPSCOPE_APP_ROUNDS_H
#define SMTPSCOPE_APP_ROUNDS_H

#include "event_pack.h"

struct rounds;

/* NULL without memory. */
struct rounds *rounds_new(unsigned producers);
void rounds_free(struct rounds **r);

/* ---- producers: each is one thread ---- */

/* The list of producer p in its present round. */
struct pack_list *rounds_list(struct rounds *r, unsigned p);
/* Number of its present round, from 0. */
uint64_t rounds_now(const struct rounds *r, unsigned p);
/* Done with the present round; returns when the next one may be filled. */
void rounds_next(struct rounds *r, unsigned p);
/* Done with the present round, and none follows. */
void rounds_end(struct rounds *r, unsigned p);
/* Waits until producer p is done with round n. False when p has ended before. */
bool rounds_wait(struct rounds *r, unsigned p, uint64_t n);
/* Slot of round n in a ring that a producer keeps beside the lists: no two rounds under way share one. */
unsigned rounds_slot(uint64_t n);
enum { ROUNDS_RING = 8 };

/* ---- the writer ---- */

/* u: valid for the call; NULL at the end of each round. producer: whose event it is. */
typedef void rounds_emit(void *ctx, struct unpacked *u, uint64_t tag, unsigned producer);
/* Waits for the next complete round and hands its events to emit in the order of their tags. False when there is none any more. */
bool rounds_write(struct rounds *r, rounds_emit *emit, void *ctx);

#endif
