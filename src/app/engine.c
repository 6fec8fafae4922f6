/*
 * engine.c - a run: frames in, lines out. See engine.h.
 *
 * One worker: everything is a call in this thread. Several: this thread reads, takes frames apart and deals the segments
 * (dealt.h), or on an interface each of them reads for itself (fanout.h); what they say is written by another thread, and the
 * report belongs to that one until they have ended.
 */
#include "engine.h"

#include "dealt.h"
#include "fanout.h"
#include "pipeline.h"
#include "scribe.h"
#include "smtpscope/clock.h"
#include "smtpscope/table.h"
#include "smtpscope/watch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { HALVES = 4096 /* one-sided sessions remembered, until another with the same place in the table comes */ };

/* A session of which only one direction was seen, and by whom. */
struct half {
	uint64_t key; /* hash of both endpoints, 0 none */
	unsigned worker;
};

struct engine {
	const struct options *o;
	uint8_t seed[16];
	struct pool *pool;
	struct segments *segments;
	struct pipeline *pipeline; /* one worker */
	struct dealt *dealt;       /* several */
	struct fanout *fanout;     /* several that read for themselves */
	struct half *halves;       /* with fanout */
	atomic_ullong split;
	struct pool *watch_pool;   /* of its own: watch runs in the writer's thread */
	struct watch *watch;       /* NULL: --watch none */
	struct report *report;
	int64_t last_ts;
	uint64_t last_frame;
	struct scribing scribing;
	const struct unpacked *at; /* what is being written; NULL: composed by nobody yet */
	atomic_bool failed;
};

/* ---- what comes out ---- */

/* Two workers that have seen one direction each of the same connection. */
static void note_half(struct engine *e, const struct event *ev, unsigned worker)
{
	struct packet ends = {.src = ev->source_ip, .dst = ev->destination_ip};
	uint8_t bytes[PACKET_FLOW_KEY];
	uint64_t key = siphash(e->seed, bytes, packet_flow_key(&ends, bytes));
	struct half *h = &e->halves[key % HALVES];

	if (h->key == key && h->worker != worker)
		atomic_fetch_add_explicit(&e->split, 1, memory_order_relaxed);
	*h = (struct half){key, worker};
}

static void report(void *ctx, struct event *ev)
{
	struct engine *e = ctx;

	if (e->at && ev == &e->at->ev)
		report_line(e->report, ev, &e->at->line);
	else
		report_event(e->report, ev);
	if (report_failed(e->report))
		atomic_store_explicit(&e->failed, true, memory_order_relaxed);
}

/* place: with one worker the frame that is read; with several where the event came up, a frame or a time. */
static void write_event(struct engine *e, struct event *ev, uint64_t place)
{
	if (place >= atomic_load_explicit(&e->scribing.nanoseconds_from, memory_order_relaxed))
		report_precision(e->report, true);
	if (e->watch)
		watch_emit(e->watch, ev);
	else
		report(e, ev);
}

static void write_packed(void *ctx, struct unpacked *u, uint64_t place, unsigned worker)
{
	struct engine *e = ctx;

	if (!u) {
		if (e->halves) /* live: what was said of this slice of time is not held back */
			report_tick(e->report, clock_now());
		return;
	}
	if (e->halves && u->ev.set == DS_SESSION && u->ev.session_one_sided == EV_TRUE)
		note_half(e, &u->ev, worker);
	e->at = u->ev.set == DS_STATS ? NULL : u;
	write_event(e, &u->ev, place);
	e->at = NULL;
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

static bool start_watch(struct engine *e)
{
	if (e->o->no_watch)
		return true;
	e->watch_pool = pool_new(e->o->memory_limit / 16);
	if (e->watch_pool)
		e->watch = watch_new(e->watch_pool, e->seed, &e->o->watch, &watch_limits_default, report, e);
	return e->watch != NULL;
}

struct engine *engine_new(const struct options *o, struct sink *const *sinks, const char *observer, void (*complain)(const char *text))
{
	struct engine *e = calloc(1, sizeof *e);
	bool ready;

	if (!e)
		return NULL;
	e->o = o;
	atomic_init(&e->failed, false);
	atomic_init(&e->split, 0);
	random_seed(e->seed);
	e->report = report_new(o, sinks, observer, complain);
	e->pool = pool_new(o->memory_limit);
	if (e->pool)
		e->segments = segments_new(e->pool, e->seed, o->verify_checksums);
	ready = scribing_init(&e->scribing, o, report_texts(o, sinks), observer) && e->segments && e->report && start_watch(e);
	if (ready && o->workers > 1 && !o->interface)
		e->dealt = dealt_new(o, e->seed, &e->scribing, write_packed, e);
	else if (ready)
		e->pipeline = pipeline_new(o, e->pool, e->seed, on_event, e);
	if (!e->pipeline && !e->dealt)
		engine_free(&e);
	return e;
}

bool engine_watch(struct engine *e, struct capture **captures, void (*complain)(const char *text))
{
	if (capture_nanoseconds(captures[0]))
		atomic_store_explicit(&e->scribing.nanoseconds_from, 0, memory_order_relaxed);
	e->halves = calloc(HALVES, sizeof *e->halves);
	if (e->halves)
		e->fanout = fanout_new(e->o, captures, e->seed, &e->scribing, write_packed, e, complain);
	return e->fanout != NULL;
}

void engine_stop(struct engine *e)
{
	if (e->fanout)
		fanout_stop(e->fanout);
}

void engine_free(struct engine **engine)
{
	struct engine *e = *engine;

	*engine = NULL;
	if (!e)
		return;
	dealt_free(&e->dealt);
	fanout_free(&e->fanout);
	free(e->halves);
	pipeline_free(&e->pipeline);
	watch_free(&e->watch);
	pool_free(&e->watch_pool);
	segments_free(&e->segments);
	report_free(&e->report);
	pool_free(&e->pool);
	scribing_fini(&e->scribing);
	free(e);
}

/* ---- what goes in ---- */

void engine_frame(struct engine *e, const struct frame *f, bool nanoseconds)
{
	struct packet packet;

	e->last_ts = f->ts;
	e->last_frame = f->number;
	if (nanoseconds && atomic_load_explicit(&e->scribing.nanoseconds_from, memory_order_relaxed) == UINT64_MAX)
		atomic_store_explicit(&e->scribing.nanoseconds_from, e->dealt ? 2 * f->number : f->number, memory_order_relaxed);
	if (!segments_frame(e->segments, f, &packet))
		return;
	if (e->dealt)
		dealt_segment(e->dealt, &packet, f->ts, f->number);
	else
		pipeline_segment(e->pipeline, &packet, f->ts, f->number);
}

bool engine_tick(struct engine *e, int64_t now)
{
	if (e->fanout)
		return fanout_tick(e->fanout, now);
	if (e->dealt)
		return true;
	pipeline_tick(e->pipeline, now);
	report_tick(e->report, now);
	return true;
}

/* own: what the kernel dropped, where the workers know it. */
static void count(struct engine *e, struct totals *out, struct capture_drops *own)
{
	*out = (struct totals){.segments = *segments_stats(e->segments), .memory_used = pool_used(e->pool),
			       .memory_refused = pool_failures(e->pool)};
	if (e->dealt) {
		dealt_totals(e->dealt, out);
		return;
	}
	if (e->fanout) {
		fanout_totals(e->fanout, out, own);
		return;
	}
	out->sessions = *pipeline_stats(e->pipeline);
	out->tcp = *pipeline_tcp_stats(e->pipeline);
}

void engine_totals(struct engine *e, struct totals *out)
{
	struct capture_drops own;

	count(e, out, &own);
}

uint64_t engine_refused(struct engine *e)
{
	struct totals t;

	engine_totals(e, &t);
	return t.memory_refused + t.events_lost + (e->watch_pool ? pool_failures(e->watch_pool) : 0) + report_refused(e->report);
}

static void make_stats(struct engine *e, int64_t ts, const struct capture_drops *drops, bool truncated, struct event *out)
{
	struct totals totals;
	struct capture_drops own;

	count(e, &totals, &own);
	report_stats(&totals, ts, e->fanout ? &own : drops, truncated, out);
	if (e->fanout)
		out->stats_split = engine_split(e);
}

void engine_stats(struct engine *e, int64_t ts, const struct capture_drops *drops, bool truncated)
{
	struct event ev;

	make_stats(e, ts, drops, truncated, &ev);
	if (e->fanout)
		fanout_event(e->fanout, &ev, ts);
	else if (e->dealt)
		dealt_event(e->dealt, &ev, 2 * e->last_frame + 1);
	else
		write_event(e, &ev, e->last_frame);
}

void engine_finish(struct engine *e, int64_t ts, const struct capture_drops *drops, bool truncated)
{
	struct event ev;

	if (e->fanout)
		fanout_finish(e->fanout);
	else if (e->dealt)
		dealt_finish(e->dealt);
	else
		pipeline_finish(e->pipeline, SIZE_MAX);
	if (e->o->interface)
		report_finish(e->report, ts);
	make_stats(e, ts, drops, truncated, &ev);
	write_event(e, &ev, e->last_frame);
}

int64_t engine_last_ts(const struct engine *e)
{
	return e->last_ts;
}

uint64_t engine_split(const struct engine *e)
{
	return atomic_load_explicit(&e->split, memory_order_relaxed);
}

bool engine_failed(struct engine *e)
{
	return atomic_load_explicit(&e->failed, memory_order_relaxed);
}
