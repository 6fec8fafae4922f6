/*
 * rounds.c - several producers of events and one writer, in step. See rounds.h.
 */
#include "rounds.h"

#include <pthread.h>
#include <stdlib.h>

#define ENDED UINT64_MAX

struct rounds {
	pthread_mutex_t lock;
	pthread_cond_t complete;   /* the writer may go on */
	pthread_cond_t room;       /* producers that were too far ahead may */
	pthread_cond_t *finished;  /* by producer: it is done with one more round */
	unsigned producers;
	uint64_t written;  /* rounds the writer is done with */
	uint64_t started;  /* rounds that somebody has begun */
	uint64_t *now;     /* by producer: its present round; written by itself only */
	uint64_t *done;    /* by producer: rounds it is done with, ENDED when no more come */
	struct pack_list *lists; /* ROUNDS_RING rows of one list a producer */
	struct pack_reader *readers; /* by producer: the writer's place */
};

struct rounds *rounds_new(unsigned producers)
{
	struct rounds *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->complete, NULL);
	pthread_cond_init(&r->room, NULL);
	r->started = 1;
	r->finished = calloc(producers, sizeof *r->finished);
	for (; r->finished && r->producers < producers; r->producers++)
		pthread_cond_init(&r->finished[r->producers], NULL);
	r->now = calloc(producers, sizeof *r->now);
	r->done = calloc(producers, sizeof *r->done);
	r->lists = calloc((size_t)producers * ROUNDS_RING, sizeof *r->lists);
	r->readers = calloc(producers, sizeof *r->readers);
	if (!r->finished || !r->now || !r->done || !r->lists || !r->readers)
		rounds_free(&r);
	return r;
}

void rounds_free(struct rounds **rounds)
{
	struct rounds *r = *rounds;

	*rounds = NULL;
	if (!r)
		return;
	for (size_t i = 0; r->lists && i < (size_t)r->producers * ROUNDS_RING; i++)
		pack_free(&r->lists[i]);
	free(r->lists);
	free(r->readers);
	free(r->done);
	free(r->now);
	for (unsigned p = 0; p < r->producers; p++)
		pthread_cond_destroy(&r->finished[p]);
	free(r->finished);
	pthread_cond_destroy(&r->room);
	pthread_cond_destroy(&r->complete);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

unsigned rounds_slot(uint64_t n)
{
	return (unsigned)(n % ROUNDS_RING);
}

static struct pack_list *list_of(struct rounds *r, uint64_t n, unsigned p)
{
	return &r->lists[(size_t)rounds_slot(n) * r->producers + p];
}

struct pack_list *rounds_list(struct rounds *r, unsigned p)
{
	return list_of(r, r->now[p], p);
}

uint64_t rounds_now(const struct rounds *r, unsigned p)
{
	return r->now[p];
}

static bool is_complete(const struct rounds *r)
{
	for (unsigned p = 0; p < r->producers; p++)
		if (r->done[p] <= r->written)
			return false;
	return true;
}

/* Under the lock. Each thread is woken for what it waits for alone: to wake one costs as much as some packets. */
static void tell(struct rounds *r, unsigned p)
{
	pthread_cond_broadcast(&r->finished[p]);
	if (is_complete(r))
		pthread_cond_signal(&r->complete);
}

void rounds_next(struct rounds *r, unsigned p)
{
	pthread_mutex_lock(&r->lock);
	r->done[p] = ++r->now[p];
	if (r->started <= r->now[p])
		r->started = r->now[p] + 1;
	tell(r, p);
	while (r->now[p] >= r->written + ROUNDS_RING)
		pthread_cond_wait(&r->room, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

void rounds_end(struct rounds *r, unsigned p)
{
	pthread_mutex_lock(&r->lock);
	r->done[p] = ENDED;
	tell(r, p);
	pthread_mutex_unlock(&r->lock);
}

bool rounds_wait(struct rounds *r, unsigned p, uint64_t n)
{
	bool there;

	pthread_mutex_lock(&r->lock);
	while (r->done[p] <= n)
		pthread_cond_wait(&r->finished[p], &r->lock);
	there = r->done[p] != ENDED || n <= r->now[p];
	pthread_mutex_unlock(&r->lock);
	return there;
}

/* ---- the writer ---- */

/* Hands on what all lists of the round hold, smallest tag first, lowest producer first among equals. */
static void merge(struct rounds *r, rounds_emit *emit, void *ctx)
{
	struct unpacked e;
	unsigned next = 0;
	uint64_t tag;

	for (unsigned p = 0; p < r->producers; p++)
		r->readers[p] = pack_read(list_of(r, r->written, p));
	do {
		next = 0;
		for (unsigned p = 1; p < r->producers; p++)
			if (pack_tag(&r->readers[p]) < pack_tag(&r->readers[next]))
				next = p;
		tag = pack_tag(&r->readers[next]);
		if (pack_next(&r->readers[next], &e))
			emit(ctx, &e, tag, next);
	} while (tag != PACK_END);
	emit(ctx, NULL, PACK_END, 0);
	for (unsigned p = 0; p < r->producers; p++)
		pack_clear(list_of(r, r->written, p));
}

bool rounds_write(struct rounds *r, rounds_emit *emit, void *ctx)
{
	bool more;

	pthread_mutex_lock(&r->lock);
	while (!is_complete(r))
		pthread_cond_wait(&r->complete, &r->lock);
	more = r->written < r->started;
	pthread_mutex_unlock(&r->lock);
	if (!more)
		return false;
	merge(r, emit, ctx);
	pthread_mutex_lock(&r->lock);
	r->written++;
	pthread_cond_broadcast(&r->room);
	pthread_mutex_unlock(&r->lock);
	return true;
}
