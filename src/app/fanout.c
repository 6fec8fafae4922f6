/*
 * fanout.c - live, several workers. See fanout.h, and rounds.h for how the threads keep step.
 *
 * A worker's clock is the time of its packets, and where there are none the wall clock less what the kernel may still hold back.
 * Packets that come while the sockets join their group reach several of them: none from before the last one joined is read.
 */
#include "fanout.h"

#include "pipeline.h"
#include "segments.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS (INT64_C(100) * 1000000)
#define HELD_BACK_NS (INT64_C(250) * 1000000) /* the kernel hands over its buffer after at most 100 ms; and some for a busy machine */
enum { FINISH_AT_ONCE = 4096 /* sessions ended in a round: their events wait in memory */ };

struct watcher {
	struct fanout *fanout;
	unsigned index;
	pthread_t thread;
	struct capture *capture;
	struct pool *pool;
	struct segments *segments;
	struct pipeline *pipeline;
	int64_t now;
	struct totals published;    /* under fanout.lock */
	struct capture_drops drops; /* under fanout.lock */
	bool ended; /* under fanout.lock */
};

struct fanout {
	struct rounds *rounds;
	unsigned workers, running;
	struct watcher *watcher;
	int64_t start;
	rounds_emit *write;
	void *ctx;
	void (*complain)(const char *text);
	pthread_t writer;
	bool writing;
	pthread_mutex_t lock;
};

static int64_t wall_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- workers ---- */

static void on_event(void *ctx, struct event *ev)
{
	struct watcher *w = ctx;

	pack_append(rounds_list(w->fanout->rounds, w->index), ev, w->now > 0 ? (uint64_t)w->now : 0);
}

static void publish(struct watcher *w)
{
	struct pack_list *l = rounds_list(w->fanout->rounds, w->index);
	struct capture_drops drops;

	capture_drops(w->capture, &drops);
	pthread_mutex_lock(&w->fanout->lock);
	w->drops = drops;
	w->published.segments = *segments_stats(w->segments);
	w->published.sessions = *pipeline_stats(w->pipeline);
	w->published.tcp = *pipeline_tcp_stats(w->pipeline);
	w->published.memory_used = pool_used(w->pool);
	w->published.memory_refused = pool_failures(w->pool);
	w->published.events_lost += l->lost;
	pthread_mutex_unlock(&w->fanout->lock);
	l->lost = 0;
}

/* Number of the slice that now lies in. A clock that is set back stays where it was. */
static uint64_t slice_of(const struct fanout *f, int64_t now)
{
	return now > f->start ? (uint64_t)(now - f->start) / (uint64_t)SLICE_NS : 0;
}

static void reach(struct watcher *w, int64_t now)
{
	uint64_t slice = slice_of(w->fanout, now);

	if (rounds_now(w->fanout->rounds, w->index) >= slice)
		return;
	publish(w);
	while (rounds_now(w->fanout->rounds, w->index) < slice)
		rounds_next(w->fanout->rounds, w->index);
}

static void take_frame(struct watcher *w, const struct frame *f)
{
	struct packet packet;

	reach(w, f->ts);
	w->now = f->ts;
	if (segments_frame(w->segments, f, &packet))
		pipeline_segment(w->pipeline, &packet, f->ts, f->number);
}

static void *watch(void *ctx)
{
	struct watcher *w = ctx;
	struct rounds *r = w->fanout->rounds;
	enum capture_status status;
	struct frame frame;

	while ((status = capture_next(w->capture, &frame, w->fanout->complain)) != CAPTURE_END) {
		if (status == CAPTURE_FRAME) {
			take_frame(w, &frame);
			continue;
		}
		w->now = wall_clock() - HELD_BACK_NS;
		reach(w, w->now);
		pipeline_tick(w->pipeline, w->now);
	}
	pthread_mutex_lock(&w->fanout->lock);
	w->ended = true;
	pthread_mutex_unlock(&w->fanout->lock);
	while (!pipeline_finish(w->pipeline, FINISH_AT_ONCE))
		rounds_next(r, w->index);
	publish(w);
	rounds_end(r, w->index);
	return NULL;
}

static void *write_all(void *ctx)
{
	struct fanout *f = ctx;

	while (rounds_write(f->rounds, f->write, f->ctx))
		;
	return NULL;
}

/* ---- life ---- */

static bool watcher_init(struct fanout *f, unsigned i, const struct options *o, struct capture *capture, const uint8_t seed[16])
{
	struct watcher *w = &f->watcher[i];

	w->fanout = f;
	w->index = i;
	w->capture = capture;
	w->pool = pool_new(o->memory_limit / f->workers);
	if (w->pool) {
		w->segments = segments_new(w->pool, seed, o->verify_checksums);
		w->pipeline = pipeline_new(o, w->pool, seed, on_event, w);
	}
	return w->segments && w->pipeline;
}

static void watcher_fini(struct watcher *w)
{
	pipeline_free(&w->pipeline);
	segments_free(&w->segments);
	pool_free(&w->pool);
}

/* Signals are for the main thread. */
static bool start_threads(struct fanout *f)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	f->writing = pthread_create(&f->writer, NULL, write_all, f) == 0;
	while (f->writing && f->running < f->workers &&
	       pthread_create(&f->watcher[f->running].thread, NULL, watch, &f->watcher[f->running]) == 0)
		f->running++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (unsigned i = f->running; i < f->workers; i++) /* those that are not there have nothing to say */
		rounds_end(f->rounds, i);
	return f->running == f->workers;
}

struct fanout *fanout_new(const struct options *o, struct capture **captures, const uint8_t seed[16], rounds_emit *write,
			  void *ctx, void (*complain)(const char *text))
{
	struct fanout *f = calloc(1, sizeof *f);
	bool fine;

	if (!f)
		return NULL;
	f->write = write;
	f->ctx = ctx;
	f->complain = complain;
	f->workers = o->workers;
	f->start = wall_clock();
	pthread_mutex_init(&f->lock, NULL);
	f->watcher = calloc(f->workers, sizeof *f->watcher);
	f->rounds = rounds_new(f->workers + 1);
	fine = f->watcher && f->rounds;
	for (unsigned i = 0; fine && i < f->workers; i++) {
		fine = watcher_init(f, i, o, captures[i], seed);
		capture_skip(captures[i], f->start);
	}
	if (!fine || !start_threads(f))
		fanout_free(&f);
	return f;
}

void fanout_stop(struct fanout *f)
{
	for (unsigned i = 0; i < f->workers; i++)
		capture_stop(f->watcher[i].capture);
}

bool fanout_tick(struct fanout *f, int64_t now)
{
	uint64_t slice = slice_of(f, now - HELD_BACK_NS);
	bool running = false;

	while (rounds_now(f->rounds, f->workers) < slice)
		rounds_next(f->rounds, f->workers);
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < f->workers; i++)
		running |= !f->watcher[i].ended;
	pthread_mutex_unlock(&f->lock);
	return running;
}

void fanout_event(struct fanout *f, const struct event *ev, int64_t now)
{
	pack_append(rounds_list(f->rounds, f->workers), ev, now > 0 ? (uint64_t)now : 0);
}

void fanout_finish(struct fanout *f)
{
	fanout_stop(f);
	if (f->writing)
		rounds_end(f->rounds, f->workers);
	for (unsigned i = 0; i < f->running; i++)
		pthread_join(f->watcher[i].thread, NULL);
	if (f->writing)
		pthread_join(f->writer, NULL);
	f->running = 0;
	f->writing = false;
}

void fanout_totals(struct fanout *f, struct totals *out, struct capture_drops *drops)
{
	*drops = (struct capture_drops){0};
	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < f->workers; i++) {
		totals_add(out, &f->watcher[i].published);
		drops->kernel += f->watcher[i].drops.kernel;
		drops->interface += f->watcher[i].drops.interface;
	}
	pthread_mutex_unlock(&f->lock);
}

void fanout_free(struct fanout **fanout)
{
	struct fanout *f = *fanout;

	*fanout = NULL;
	if (!f)
		return;
	if (f->running || f->writing)
		fanout_finish(f);
	for (unsigned i = 0; f->watcher && i < f->workers; i++)
		watcher_fini(&f->watcher[i]);
	rounds_free(&f->rounds);
	free(f->watcher);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
