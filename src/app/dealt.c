/*
 * dealt.c - segments dealt to several pipelines. See dealt.h, and rounds.h for how the threads keep step.
 *
 * A round is a batch of segments for each worker. The reader fills the batches of the next round while the workers are at
 * earlier ones; a worker's events of a round are read by the writer when all workers are done with it. The reader takes part as a
 * producer of events, so that its rounds tell the workers which batches are ready.
 */
#include "dealt.h"

#include "crew.h"
#include "pipeline.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH = 128 * 1024,       /* octets for one worker that end a round: some 80 full segments, or 500 short ones, and all that is
				     said of them, stay in the cache on their way */
	ROUND_SEGMENTS = 8192,    /* so that a slow input is not kept back for long */
	SEGMENT = offsetof(struct packet, frag),
};

/* Starts what a batch holds of one segment: all of it, or that it went to another worker. */
struct item {
	int64_t ts;
	uint64_t frame;
	uint32_t payload; /* octets behind the packet */
	bool foreign;     /* nothing follows */
};

struct batch {
	uint8_t *bytes;
	size_t n, cap;
};

struct worker {
	struct dealt *dealt;
	unsigned index;
	struct pool *pool;
	struct pipeline *pipeline;
	struct scribe *scribe;
	struct batch in[ROUNDS_RING];
	struct totals published; /* under the lock of the crew */
};

struct dealt {
	const uint8_t *seed;
	struct crew *crew;
	struct rounds *rounds; /* of the crew */
	struct scribing *scribing;
	unsigned workers;
	struct worker *worker;
	unsigned segments; /* in the present round */
	uint64_t lost;     /* segments there was no memory for */
};

/* ---- workers ---- */

static void on_event(void *ctx, struct event *ev)
{
	struct worker *w = ctx;

	scribe_event(w->scribe, rounds_list(w->dealt->rounds, w->index), ev, pipeline_place(w->pipeline));
}

static void take_batch(struct worker *w, struct batch *b)
{
	struct packet packet = {0};

	for (size_t at = 0; at < b->n;) {
		struct item item;

		memcpy(&item, b->bytes + at, sizeof item);
		at += sizeof item;
		if (item.foreign) {
			pipeline_pass(w->pipeline, item.ts, item.frame);
			continue;
		}
		memcpy(&packet, b->bytes + at, SEGMENT);
		at += pack_padded(SEGMENT);
		packet.payload = span_of(b->bytes + at, item.payload);
		at += pack_padded(item.payload);
		pipeline_segment(w->pipeline, &packet, item.ts, item.frame);
	}
	b->n = 0;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	struct rounds *r = w->dealt->rounds;

	while (rounds_wait(r, w->dealt->workers, rounds_now(r, w->index))) {
		take_batch(w, &w->in[rounds_slot(rounds_now(r, w->index))]);
		crew_publish(w->dealt->crew, &w->published, w->pipeline, w->pool, w->index);
		rounds_next(r, w->index);
	}
	crew_finish(w->dealt->crew, w->index, w->pipeline);
	crew_publish(w->dealt->crew, &w->published, w->pipeline, w->pool, w->index);
	rounds_end(r, w->index);
	return NULL;
}

/* ---- the reader's side ---- */

/* Less than SipHash, which took as long as taking the frame apart: nobody outside sees who gets what, or knows the seed. */
static uint64_t hash_end(const uint64_t seed[2], const struct endpoint *e)
{
	uint64_t a, b;

	memcpy(&a, e->addr, sizeof a);
	memcpy(&b, e->addr + sizeof a, sizeof b);
	a = (a ^ seed[0]) * (seed[1] | 1);
	a = (a ^ a >> 32 ^ b ^ (uint64_t)e->port << 40) * (seed[0] | 1);
	return a ^ a >> 32;
}

/* The same for both directions. */
static unsigned deal(const struct dealt *d, const struct packet *p)
{
	uint64_t seed[2], sum;

	memcpy(seed, d->seed, sizeof seed);
	sum = hash_end(seed, &p->src) + hash_end(seed, &p->dst);
	return (unsigned)((sum * (seed[1] | 1) >> 32) % d->workers);
}

static bool batch_room(struct batch *b, size_t n)
{
	size_t cap = b->n + n > BATCH ? b->n + n : BATCH;
	uint8_t *grown;

	if (b->bytes && n <= b->cap - b->n)
		return true;
	grown = realloc(b->bytes, cap);
	if (!grown)
		return false;
	b->bytes = grown;
	b->cap = cap;
	return true;
}

static void batch_put(struct batch *b, const void *bytes, size_t n)
{
	if (n)
		memcpy(b->bytes + b->n, bytes, n);
	b->n += pack_padded(n);
}

static bool put(struct batch *b, const struct packet *p, int64_t ts, uint64_t frame, bool foreign)
{
	struct item item = {.ts = ts, .frame = frame, .payload = (uint32_t)p->payload.n, .foreign = foreign};
	size_t n = sizeof item + (foreign ? 0 : pack_padded(SEGMENT) + pack_padded(p->payload.n));

	if (!batch_room(b, n))
		return false;
	batch_put(b, &item, sizeof item);
	if (foreign)
		return true;
	batch_put(b, p, SEGMENT);
	batch_put(b, p->payload.p, p->payload.n);
	pack_fetch(b->bytes + b->n, b->cap - b->n, true);
	return true;
}

static void next_round(struct dealt *d)
{
	d->segments = 0;
	rounds_next(d->rounds, d->workers);
}

void dealt_segment(struct dealt *d, const struct packet *p, int64_t ts, uint64_t frame)
{
	unsigned own = deal(d, p), slot = rounds_slot(rounds_now(d->rounds, d->workers));
	bool full = false;

	for (unsigned i = 0; i < d->workers; i++) {
		d->lost += !put(&d->worker[i].in[slot], p, ts, frame, i != own) && i == own;
		full |= d->worker[i].in[slot].n >= BATCH - 2048; /* the next segment has room, mostly */
	}
	if (full || ++d->segments >= ROUND_SEGMENTS)
		next_round(d);
}

void dealt_event(struct dealt *d, const struct event *ev, uint64_t place)
{
	scribing_pass(d->scribing, rounds_list(d->rounds, d->workers), ev, place);
}

/* ---- life ---- */

static void worker_fini(struct worker *w)
{
	pipeline_free(&w->pipeline);
	scribe_free(&w->scribe);
	pool_free(&w->pool);
	for (unsigned i = 0; i < ROUNDS_RING; i++)
		free(w->in[i].bytes);
}

static bool worker_init(struct dealt *d, unsigned i, const struct options *o)
{
	struct worker *w = &d->worker[i];

	w->dealt = d;
	w->index = i;
	w->pool = pool_new(o->memory_limit / d->workers);
	w->scribe = scribe_new(d->scribing);
	if (w->pool)
		w->pipeline = pipeline_new(o, w->pool, d->seed, on_event, w);
	return w->scribe && w->pipeline;
}

struct dealt *dealt_new(const struct options *o, const uint8_t seed[16], struct scribing *scribing, rounds_emit *write, void *ctx)
{
	struct dealt *d = calloc(1, sizeof *d);
	bool fine;

	if (!d)
		return NULL;
	d->seed = seed;
	d->scribing = scribing;
	d->workers = o->workers;
	d->worker = calloc(d->workers, sizeof *d->worker);
	d->crew = crew_new(d->workers, write, ctx);
	fine = d->worker && d->crew;
	if (fine)
		d->rounds = crew_rounds(d->crew);
	for (unsigned i = 0; fine && i < d->workers; i++)
		fine = worker_init(d, i, o);
	if (!fine || !crew_start(d->crew, work, d->worker, sizeof *d->worker))
		dealt_free(&d);
	return d;
}

void dealt_finish(struct dealt *d)
{
	crew_join(d->crew);
}

void dealt_totals(struct dealt *d, struct totals *out)
{
	crew_lock(d->crew);
	for (unsigned i = 0; i < d->workers; i++)
		totals_add(out, &d->worker[i].published);
	out->memory_refused += d->lost;
	crew_unlock(d->crew);
}

void dealt_free(struct dealt **dealt)
{
	struct dealt *d = *dealt;

	*dealt = NULL;
	if (!d)
		return;
	if (d->crew)
		crew_join(d->crew);
	for (unsigned i = 0; d->worker && i < d->workers; i++)
		worker_fini(&d->worker[i]);
	crew_free(&d->crew);
	free(d->worker);
	free(d);
}
