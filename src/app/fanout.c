/*
 * fanout.c - live, several workers. See fanout.h, and rounds.h for how the threads keep step.
 *
 * A worker's clock is the time of its packets, and where there are none the wall clock less what the kernel may still hold back.
 * Packets that come while the sockets join their group reach several of them: none from before the last one joined is read.
 */
#include "fanout.h"

#include "crew.h"
#include "pipeline.h"
#include "segments.h"
#include "smtpscope/clock.h"

#include <stdlib.h>

#define SLICE_NS (INT64_C(100) * 1000000)
#define HELD_BACK_NS (INT64_C(250) * 1000000) /* the kernel hands over its buffer after at most 100 ms; and some for a busy machine */

struct watcher {
	struct fanout *fanout;
	unsigned index;
	struct capture *capture;
	struct pool *pool;
	struct segments *segments;
	struct pipeline *pipeline;
	struct scribe *scribe;
	int64_t now;
	struct totals published;    /* under the lock of the crew */
	struct capture_drops drops; /* under the lock of the crew */
	bool ended; /* under the lock of the crew */
};

struct fanout {
	struct crew *crew;
	struct rounds *rounds; /* of the crew */
	struct scribing *scribing;
	unsigned workers;
	struct watcher *watcher;
	int64_t start;
	void (*complain)(const char *text);
};

/* ---- workers ---- */

static void on_event(void *ctx, struct event *ev)
{
	struct watcher *w = ctx;

	scribe_event(w->scribe, rounds_list(w->fanout->rounds, w->index), ev, w->now > 0 ? (uint64_t)w->now : 0);
}

static void publish(struct watcher *w)
{
	struct capture_drops drops;

	capture_drops(w->capture, &drops);
	crew_lock(w->fanout->crew);
	w->drops = drops;
	w->published.segments = *segments_stats(w->segments);
	crew_unlock(w->fanout->crew);
	crew_publish(w->fanout->crew, &w->published, w->pipeline, w->pool, w->index);
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
	enum capture_status status;
	struct frame frame;

	while ((status = capture_next(w->capture, &frame, w->fanout->complain)) != CAPTURE_END) {
		if (status == CAPTURE_FRAME) {
			take_frame(w, &frame);
			continue;
		}
		w->now = clock_now() - HELD_BACK_NS;
		reach(w, w->now);
		pipeline_tick(w->pipeline, w->now);
	}
	crew_lock(w->fanout->crew);
	w->ended = true;
	crew_unlock(w->fanout->crew);
	crew_finish(w->fanout->crew, w->index, w->pipeline);
	publish(w);
	rounds_end(w->fanout->rounds, w->index);
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
	w->scribe = scribe_new(f->scribing);
	if (w->pool) {
		w->segments = segments_new(w->pool, seed, o->verify_checksums);
		w->pipeline = pipeline_new(o, w->pool, seed, on_event, w);
	}
	return w->segments && w->pipeline && w->scribe;
}

static void watcher_fini(struct watcher *w)
{
	pipeline_free(&w->pipeline);
	scribe_free(&w->scribe);
	segments_free(&w->segments);
	pool_free(&w->pool);
}

struct fanout *fanout_new(const struct options *o, struct capture **captures, const uint8_t seed[16],
			  struct scribing *scribing, rounds_emit *write, void *ctx, void (*complain)(const char *text))
{
	struct fanout *f = calloc(1, sizeof *f);
	bool fine;

	if (!f)
		return NULL;
	f->complain = complain;
	f->scribing = scribing;
	f->workers = o->workers;
	f->start = clock_now();
	f->watcher = calloc(f->workers, sizeof *f->watcher);
	f->crew = crew_new(f->workers, write, ctx);
	fine = f->watcher && f->crew;
	if (fine)
		f->rounds = crew_rounds(f->crew);
	for (unsigned i = 0; fine && i < f->workers; i++) {
		fine = watcher_init(f, i, o, captures[i], seed);
		capture_skip(captures[i], f->start);
	}
	if (!fine || !crew_start(f->crew, watch, f->watcher, sizeof *f->watcher))
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
	crew_lock(f->crew);
	for (unsigned i = 0; i < f->workers; i++)
		running |= !f->watcher[i].ended;
	crew_unlock(f->crew);
	return running;
}

void fanout_event(struct fanout *f, const struct event *ev, int64_t now)
{
	scribing_pass(f->scribing, rounds_list(f->rounds, f->workers), ev, now > 0 ? (uint64_t)now : 0);
}

void fanout_finish(struct fanout *f)
{
	fanout_stop(f);
	crew_join(f->crew);
}

void fanout_totals(struct fanout *f, struct totals *out, struct capture_drops *drops)
{
	*drops = (struct capture_drops){0};
	crew_lock(f->crew);
	for (unsigned i = 0; i < f->workers; i++) {
		totals_add(out, &f->watcher[i].published);
		drops->kernel += f->watcher[i].drops.kernel;
		drops->interface += f->watcher[i].drops.interface;
	}
	crew_unlock(f->crew);
}

void fanout_free(struct fanout **fanout)
{
	struct fanout *f = *fanout;

	*fanout = NULL;
	if (!f)
		return;
	if (f->crew && crew_works(f->crew))
		fanout_finish(f);
	for (unsigned i = 0; f->watcher && i < f->workers; i++)
		watcher_fini(&f->watcher[i]);
	crew_free(&f->crew);
	free(f->watcher);
	free(f);
}
