/*
 * fuzz_capture.c - a whole capture through the pipeline: each line valid JSON that fits the schema, the same lines twice, memory under
 * its cap, all of it given back.
 *
 * Input: flags (bit 0: every port is SMTP's; bit 1 verify checksums; the rest: the allocation that fails), then a classic capture
 * file. longest input: 2000
 */
#include "app/options.h"
#include "app/pipeline.h"
#include "app/segments.h"
#include "fuzz.h"
#include "jsonlines.h"
#include "smtpscope/watch.h"

#include <stdlib.h>
#include <string.h>

enum { MEMORY_CAP = 8 * 1024 * 1024 };

static void on_event(void *ctx, struct event *ev)
{
	watch_emit(ctx, ev);
}

static void feed(struct segments *segments, struct pipeline *pipeline, struct span file, const struct pool *pool)
{
	struct cursor in = cursor_of(file.p, file.n);
	struct frame f = {0};
	struct packet packet;

	cursor_skip(&in, 20);
	f.dlt = (int)(cursor_le32(&in) & 0xffff);
	while (in.left >= 16) {
		uint32_t seconds = cursor_le32(&in), micro = cursor_le32(&in), captured = cursor_le32(&in);
		uint8_t *copy;

		f.wire_len = cursor_le32(&in);
		f.ts = (int64_t)seconds * 1000000000 + (int64_t)micro * 1000;
		f.number++;
		f.bytes = cursor_bytes(&in, captured < in.left ? captured : in.left);
		copy = fuzz_copy(f.bytes);
		f.bytes.p = copy;
		if (segments_frame(segments, &f, &packet))
			pipeline_segment(pipeline, &packet, f.ts, f.number);
		free(copy);
		FUZZ_CHECK(pool_used(pool) <= MEMORY_CAP);
	}
	pipeline_finish(pipeline, SIZE_MAX);
}

static void run(const struct options *o, struct span file, uint8_t flags, struct jsonlines *out)
{
	static const uint8_t seed[16] = {5};
	struct pool *pool = pool_new(MEMORY_CAP), *watch_pool = pool_new(0);
	struct segments *segments;
	struct pipeline *pipeline;
	struct watch *watch = watch_new(watch_pool, seed, &o->watch, &watch_limits_default, jsonlines_event, out);

	jsonlines_begin(out);
	pool_fail_at(pool, flags / 4);
	segments = segments_new(pool, seed, flags & 2);
	pipeline = segments ? pipeline_new(o, pool, seed, on_event, watch) : NULL;
	if (pipeline)
		feed(segments, pipeline, file, pool);
	pipeline_free(&pipeline);
	segments_free(&segments);
	watch_free(&watch);
	fuzz_pool_done(&pool);
	fuzz_pool_done(&watch_pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct options all, usual;
	static struct jsonlines first = {.same_wire = true}, second = {.same_wire = true};
	static char program[] = "smtpscope", *argv[] = {program, NULL};
	struct cursor in = cursor_of(data, n);
	uint8_t flags = cursor_u8(&in);
	struct err err = {0};

	if (!usual.program) {
		options_parse(&usual, 1, argv, &err);
		options_parse(&all, 1, argv, &err);
		memset(all.ports, 0xff, sizeof all.ports);
	}
	run(flags & 1 ? &all : &usual, cursor_rest(&in), flags, &first);
	FUZZ_CHECK(jsonlines_valid(span_of(first.p, first.n)));
	run(flags & 1 ? &all : &usual, cursor_rest(&in), flags, &second);
	FUZZ_CHECK(jsonlines_same(&first, &second));
	return 0;
}
