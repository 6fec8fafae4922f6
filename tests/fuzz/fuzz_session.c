/*
 * fuzz_session.c - a whole dialogue: the same lines whatever the pieces and naps (L4), each valid, no secret in them, memory bounded,
 * nothing lost from the pool.
 *
 * Input: see dialogue.h. longest input: 1500
 */
#include "app/nettle_digests.h"
#include "dialogue.h"
#include "jsonlines.h"
#include "smtpscope/cause.h"
#include "smtpscope/session_sleep.h"

#include <stdlib.h>

/* Half-read lines of both sides (64 KiB), what waits for a reply (256 KiB), the envelope (256 KiB), AUTH (64 KiB), a TLS hello of each side
   (32 KiB), 1024 commands of a kilobyte, and blocks that were doubled for their last octet. */
enum { MEMORY_CAP = 3 * 1024 * 1024 };

struct way {
	bool cut, naps;
};

struct playing {
	const struct dialog *d;
	struct pool *pool;
	struct session_config config;
	struct cause cause;
	struct flow flow;
	struct session_setup setup;
	struct session *s;
	uint64_t frame;
};

static void feed(struct playing *p, const struct piece *q, size_t from, size_t n, bool nap)
{
	struct chunk c = {.kind = q->lost ? CHUNK_GAP : CHUNK_DATA, .dir = q->dir, .off = q->off + from, .len = n, .ts = q->ts,
			  .frame = p->frame, .peer_seen = q->peer_seen};
	uint8_t *copy = q->lost ? NULL : fuzz_copy(span_of(q->data + from, n));
	struct sleeping *z;

	c.data = copy;
	session_feed(p->s, &c);
	free(copy);
	FUZZ_CHECK(pool_used(p->pool) <= MEMORY_CAP);
	z = nap ? session_sleep(&p->s) : NULL;
	if (z)
		p->s = session_wake(&z, p->pool, &p->config, &p->setup, &p->flow, cause_emit, &p->cause);
}

static void feed_pieces(struct playing *p, struct way way, uint8_t seed)
{
	struct fuzz_random cut = fuzz_random(seed);

	for (size_t i = 0; i < p->d->count; i++) {
		const struct piece *q = &p->d->piece[i];
		bool whole = !way.cut || q->lost || (p->setup.guessed_roles && i == 0); /* its first words tell who is who */

		p->frame++;
		for (size_t at = 0, step; at < q->n; at += step) {
			step = whole ? q->n : fuzz_piece(&cut, q->n - at);
			feed(p, q, at, step, way.naps && fuzz_pick(&cut, 2));
		}
	}
}

static void feed_ends(struct playing *p)
{
	for (int i = 0; i < 2 && p->d->close == TCP_CLOSE_FIN; i++) {
		enum dir dir = i == 0 ? p->d->closer : dir_other(p->d->closer);

		session_feed(p->s, &(struct chunk){.kind = CHUNK_END, .dir = dir, .ts = p->d->end_ts, .frame = ++p->frame});
	}
}

static void play(const struct dialogue *in, struct way way, struct jsonlines *out)
{
	struct playing p = {.d = &in->d, .pool = pool_new(0), .config = in->d.config};

	p.config.digests = &nettle_digests;
	p.flow = (struct flow){.side = {{.addr = {192, 0, 2, 10}, .port = 51234, .family = 4},
					{.addr = {192, 0, 2, 25}, .port = in->d.port, .family = 4}},
			       .syn_seen = !in->d.midstream, .established = !in->d.midstream, .first_ts = in->d.piece[0].ts,
			       .last_ts = in->d.end_ts, .first_frame = 1, .packets = {9, 9}};
	p.setup = (struct session_setup){.id = 1, .syn_seen = !in->d.midstream, .guessed_roles = in->d.midstream, .server_port = in->d.port};
	jsonlines_begin(out);
	cause_init(&p.cause, p.pool, jsonlines_event, out);
	p.s = session_new(p.pool, &p.config, &p.setup, &p.flow, cause_emit, &p.cause);
	feed_pieces(&p, way, in->seed);
	feed_ends(&p);
	session_close(&p.s, in->d.close, in->d.end_ts);
	fuzz_pool_done(&p.pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct dialogue in;
	static struct jsonlines whole = {.same_wire = true}, pieces = {.same_wire = true};

	if (!dialogue_read(span_of(data, n), &in))
		return 0;
	play(&in, (struct way){0}, &whole);
	FUZZ_CHECK(jsonlines_valid(span_of(whole.p, whole.n)));
	FUZZ_CHECK(!in.secret || jsonlines_hide(span_of(whole.p, whole.n), FUZZ_SECRET));
	play(&in, (struct way){.cut = true, .naps = in.flags & FLAG_OTHER}, &pieces);
	FUZZ_CHECK(jsonlines_same(&whole, &pieces));
	return 0;
}
