/*
 * run_allocations.c - every allocation of the core fails once, over dialogues and captures.
 *
 *   run_allocations [--all]      one failure in SAMPLE of the first ones of each is tried, with --all every one
 *
 * The i-th allocation from the pool fails, for every i there is: no crash, all memory given back, each line valid JSON that fits the
 * schema, no secret in it, a session event unless the session itself was refused, and the failure counted (the stats event tells it).
 */
#include "app/nettle_digests.h"
#include "app/options.h"
#include "app/pipeline.h"
#include "app/segments.h"
#include "jsonlines.h"
#include "leaks.h"
#include "smtpscope/watch.h"
#include "wires.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 9, FILE_MAX = 256 * 1024, SAMPLES_MAX = 24 * 1024 /* octets of a capture, which costs their square */ };

struct sweep {
	struct jsonlines now, before; /* what comes out once more need not be looked at once more */
	uint64_t runs, tick;
	bool all;
	const char *name;
	unsigned failed;
};

static void complain(struct sweep *w, uint64_t at, const char *what)
{
	printf("%s: allocation %llu fails: %s\n", w->name, (unsigned long long)at, what);
	w->failed++;
}

static struct span text_of(const struct jsonlines *l)
{
	return span_of(l->p, l->n);
}

/* The lines of a run in which allocation number at failed. */
static void judge(struct sweep *w, const struct dialog *d, uint64_t at)
{
	struct jsonlines now = w->now;

	w->runs++;
	if (span_eq(text_of(&w->now), text_of(&w->before)))
		return;
	if (!jsonlines_valid(text_of(&w->now)))
		complain(w, at, "a line is not valid");
	if (d && !leaks_none(d, text_of(&w->now), "an allocation failed"))
		complain(w, at, "a secret leaks");
	w->now = w->before;
	w->before = now;
}

/* 1 on every one, or so far apart that in the end each place had its turn. */
static uint64_t step(struct sweep *w)
{
	return w->all ? 1 : 1 + w->tick++ % SAMPLE + SAMPLE / 2;
}

/* ---- dialogues ---- */

static void sweep_dialogue(struct sweep *w, const struct dialog *d)
{
	uint64_t failures = 1;
	bool begun = d->next != NULL; /* of several sessions */

	for (uint64_t at = step(w); failures; at += step(w)) {
		struct feeding f = {.chunk = 7, .naps = at % 2, .fail_at = at, .failures = &failures};

		jsonlines_begin(&w->now);
		feed_session(d, &f, jsonlines_event, &w->now);
		judge(w, d, at);
		if (!begun && at > 1 && span_find(text_of(&w->before), SPAN("smtpscope.session\"")) == SPAN_NPOS)
			complain(w, at, "no session event");
	}
}

/* ---- captures, through all of the pipeline ---- */

struct joined {
	struct watch *watch;
	struct jsonlines *out;
};

static void on_event(void *ctx, struct event *ev)
{
	struct joined *j = ctx;

	watch_emit(j->watch, ev);
}

static uint32_t field(const uint8_t *p, bool big)
{
	struct cursor c = cursor_of(p, 4);

	return big ? cursor_be32(&c) : cursor_le32(&c);
}

static void feed_frames(struct segments *segments, struct pipeline *pipeline, struct span file)
{
	bool big = file.p[0] == 0xa1;
	struct frame f = {.dlt = (int)field(file.p + 20, big)};
	struct packet packet;

	file = span_from(file, 24);
	while (file.n > 16 && field(file.p + 8, big) <= file.n - 16) {
		f.bytes = span_of(file.p + 16, field(file.p + 8, big));
		f.wire_len = field(file.p + 12, big);
		f.ts = (int64_t)field(file.p, big) * 1000000000 + (int64_t)field(file.p + 4, big) * 1000;
		f.number++;
		if (segments_frame(segments, &f, &packet))
			pipeline_segment(pipeline, &packet, f.ts, f.number);
		file = span_from(file, 16 + f.bytes.n);
	}
	pipeline_finish(pipeline, SIZE_MAX);
}

/* False when no allocation was left to fail. */
static bool run_capture(struct sweep *w, const struct options *o, struct span file, uint64_t at)
{
	static const uint8_t seed[16] = {5};
	struct pool *pool = pool_new(0), *watch_pool = pool_new(0);
	struct joined j = {.out = &w->now};
	struct segments *segments;
	struct pipeline *pipeline;
	bool failed;

	jsonlines_begin(&w->now);
	j.watch = watch_new(watch_pool, seed, &o->watch, &watch_limits_default, jsonlines_event, &w->now);
	pool_fail_at(pool, at);
	segments = segments_new(pool, seed, false);
	pipeline = segments ? pipeline_new(o, pool, seed, on_event, &j) : NULL; /* NULL: "out of memory", and the run ends */
	if (pipeline)
		feed_frames(segments, pipeline, file);
	pipeline_free(&pipeline);
	segments_free(&segments);
	watch_free(&j.watch);
	failed = pool_failures(pool) > 0;
	if (pool_used(pool) || pool_used(watch_pool))
		complain(w, at, "memory was not given back");
	pool_free(&pool);
	pool_free(&watch_pool);
	return failed;
}

static void sweep_capture(struct sweep *w, struct options *o, const char *path)
{
	static uint8_t data[FILE_MAX];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(data, 1, sizeof data, f) : 0;

	if (f)
		fclose(f);
	w->name = path;
	if (n < 24 || n > SAMPLES_MAX || (data[0] != 0xd4 && data[0] != 0xa1))
		return;
	for (uint64_t at = step(w); run_capture(w, o, span_of(data, n), at); at += step(w))
		judge(w, NULL, at);
}

/* ---- all of them ---- */

static void dialogues(struct sweep *w)
{
	static struct dialog d;
	glob_t g;

	if (glob("tests/dialogs/*.dlg", 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		dialog_read(g.gl_pathv[i], &d);
		w->name = d.name;
		if (!d.next || d.next->next == NULL)
			sweep_dialogue(w, &d);
		dialog_free(&d);
	}
	globfree(&g);
}

static void captures(struct sweep *w)
{
	static struct options o;
	static char program[] = "smtpscope", *argv[] = {program, NULL};
	struct err err = {0};
	glob_t g;

	options_parse(&o, 1, argv, &err);
	watch_settings_default(&o.watch);
	if (glob("samples/*.pcap", 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		sweep_capture(w, &o, g.gl_pathv[i]);
	globfree(&g);
}

int main(int argc, char **argv)
{
	struct sweep w = {.all = argc > 1 && strcmp(argv[1], "--all") == 0};

	w.now.same_wire = w.before.same_wire = true;
	dialogues(&w);
	captures(&w);
	jsonlines_free(&w.now);
	jsonlines_free(&w.before);
	printf("%llu runs in which an allocation failed\n%d passed, %u failed, 0 skipped\n", (unsigned long long)w.runs, w.failed == 0, w.failed);
	return w.failed || !w.runs;
}
