/*
 * engine.c - a run: frames in, lines out. See engine.h.
 *
 * One worker: everything is a call in this thread. Several: this thread reads, takes frames apart and deals the segments
 * (dealt.h); what the workers say is written by another thread, and the report belongs to that one until they have ended.
 */
#include "engine.h"

#include "dealt.h"
#include "pipeline.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct engine {
	const struct options *o;
	uint8_t seed[16];
	struct pool *pool;
	struct segments *segments;
	struct pipeline *pipeline; /* one worker */
	struct dealt *dealt;       /* several */
	struct sink *sink;
	struct report *report;
	int64_t last_ts;
	uint64_t last_frame;
	atomic_ullong nanoseconds_from; /* first frame whose time has them */
	atomic_bool failed;
};

/* ---- what comes out ---- */

/* One worker: the frame is the one that is read; several: the one at which the event came up. */
static void write_event(void *ctx, struct event *ev, uint64_t frame)
{
	struct engine *e = ctx;

	if (frame >= atomic_load_explicit(&e->nanoseconds_from, memory_order_relaxed))
		report_precision(e->report, true);
	report_event(e->report, ev);
	if (sink_failed(e->sink))
		atomic_store_explicit(&e->failed, true, memory_order_relaxed);
}

static void on_event(void *ctx, struct event *ev)
{
	struct engine *e = ctx;

	write_event(e, ev, e->last_frame);
}

/* ---- life ---- */

static void random_seed(uint8_t seed[16])
{
	if (getrandom(seed, 16, 0) != 16)
		memset(seed, 0x5a, 16); /* no entropy at boot: hashing still works, only not secretly */
}

struct engine *engine_new(const struct options *o, struct sink *sink, bool text, const char *observer)
{
	struct engine *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->o = o;
	e->sink = sink;
	atomic_init(&e->nanoseconds_from, UINT64_MAX);
	atomic_init(&e->failed, false);
	random_seed(e->seed);
	e->report = report_new(o, sink, text, observer);
	e->pool = pool_new(o->memory_limit);
	if (e->pool)
		e->segments = segments_new(e->pool, e->seed, o->verify_checksums);
	if (e->segments && e->report && o->workers > 1)
		e->dealt = dealt_new(o, e->seed, write_event, e);
	else if (e->segments && e->report)
		e->pipeline = pipeline_new(o, e->pool, e->seed, on_event, e);
	if (!e->pipeline && !e->dealt)
		engine_free(&e);
	return e;
}

void engine_free(struct engine **engine)
{
	struct engine *e = *engine;

	*engine = NULL;
	if (!e)
		return;
	dealt_free(&e->dealt);
	pipeline_free(&e->pipeline);
	segments_free(&e->segments);
	report_free(&e->report);
	pool_free(&e->pool);
	free(e);
}

/* ---- what goes in ---- */

void engine_frame(struct engine *e, const struct frame *f, bool nanoseconds)
{
	struct packet packet;

	e->last_ts = f->ts;
	e->last_frame = f->number;
	if (nanoseconds && atomic_load_explicit(&e->nanoseconds_from, memory_order_relaxed) == UINT64_MAX)
		atomic_store_explicit(&e->nanoseconds_from, f->number, memory_order_relaxed);
	if (!segments_frame(e->segments, f, &packet))
		return;
	if (e->dealt)
		dealt_segment(e->dealt, &packet, f->ts, f->number);
	else
		pipeline_segment(e->pipeline, &packet, f->ts, f->number);
}

void engine_tick(struct engine *e, int64_t now)
{
	if (e->dealt)
		return;
	pipeline_tick(e->pipeline, now);
	report_flush(e->report);
}

void engine_totals(struct engine *e, struct totals *out)
{
	*out = (struct totals){.segments = *segments_stats(e->segments), .memory_used = pool_used(e->pool),
			       .memory_refused = pool_failures(e->pool)};
	if (e->dealt) {
		dealt_totals(e->dealt, out);
		return;
	}
	out->sessions = *pipeline_stats(e->pipeline);
	out->tcp = *pipeline_tcp_stats(e->pipeline);
}

void engine_stats(struct engine *e, int64_t ts, const struct capture_drops *drops, bool truncated)
{
	struct totals totals;
	struct event ev;

	engine_totals(e, &totals);
	report_stats(&totals, ts, drops, truncated, &ev);
	if (e->dealt)
		dealt_event(e->dealt, &ev, e->last_frame);
	else
		write_event(e, &ev, e->last_frame);
}

void engine_finish(struct engine *e, const struct capture_drops *drops, bool truncated)
{
	struct totals totals;
	struct event ev;

	if (e->dealt)
		dealt_finish(e->dealt);
	else
		pipeline_finish(e->pipeline, SIZE_MAX);
	engine_totals(e, &totals);
	report_stats(&totals, e->last_ts, drops, truncated, &ev);
	write_event(e, &ev, e->last_frame);
}

int64_t engine_last_ts(const struct engine *e)
{
	return e->last_ts;
}

bool engine_failed(struct engine *e)
{
	return atomic_load_explicit(&e->failed, memory_order_relaxed);
}
