/*
 * crew.c - the threads that keep step in rounds. See crew.h.
 */
#include "crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { FINISH_AT_ONCE = 4096 /* sessions ended in a round: their events wait in memory */ };

struct crew {
	struct rounds *rounds;
	unsigned workers, running; /* running: threads that were started */
	pthread_t *thread;
	pthread_t writer;
	bool writing; /* the writer's thread was started */
	rounds_emit *write;
	void *ctx;
	pthread_mutex_t lock;
};

struct crew *crew_new(unsigned workers, rounds_emit *write, void *ctx)
{
	struct crew *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->workers = workers;
	c->write = write;
	c->ctx = ctx;
	pthread_mutex_init(&c->lock, NULL);
	c->thread = calloc(workers, sizeof *c->thread);
	c->rounds = rounds_new(workers + 1);
	if (!c->thread || !c->rounds)
		crew_free(&c);
	return c;
}

struct rounds *crew_rounds(struct crew *c)
{
	return c->rounds;
}

static void *write_all(void *ctx)
{
	struct crew *c = ctx;

	while (rounds_write(c->rounds, c->write, c->ctx))
		;
	return NULL;
}

bool crew_start(struct crew *c, void *(*work)(void *worker), void *first, size_t size)
{
	char *worker = first;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	c->writing = pthread_create(&c->writer, NULL, write_all, c) == 0;
	while (c->writing && c->running < c->workers &&
	       pthread_create(&c->thread[c->running], NULL, work, worker + c->running * size) == 0)
		c->running++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (unsigned i = c->running; i < c->workers; i++) /* those that are not there have nothing to say */
		rounds_end(c->rounds, i);
	return c->running == c->workers;
}

void crew_finish(struct crew *c, unsigned index, struct pipeline *p)
{
	while (!pipeline_finish(p, FINISH_AT_ONCE))
		rounds_next(c->rounds, index);
}

bool crew_works(const struct crew *c)
{
	return c->writing;
}

void crew_join(struct crew *c)
{
	if (!c->writing)
		return;
	rounds_end(c->rounds, c->workers);
	for (unsigned i = 0; i < c->running; i++)
		pthread_join(c->thread[i], NULL);
	pthread_join(c->writer, NULL);
	c->running = 0;
	c->writing = false;
}

void crew_free(struct crew **crew)
{
	struct crew *c = *crew;

	*crew = NULL;
	if (!c)
		return;
	rounds_free(&c->rounds);
	free(c->thread);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void crew_publish(struct crew *c, struct totals *published, const struct pipeline *p, const struct pool *pool, unsigned index)
{
	struct pack_list *l = rounds_list(c->rounds, index);

	crew_lock(c);
	published->sessions = *pipeline_stats(p);
	published->tcp = *pipeline_tcp_stats(p);
	published->memory_used = pool_used(pool);
	published->memory_refused = pool_failures(pool);
	published->events_lost += l->lost;
	crew_unlock(c);
	l->lost = 0;
}

void crew_lock(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
}

void crew_unlock(struct crew *c)
{
	pthread_mutex_unlock(&c->lock);
}
