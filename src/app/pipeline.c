/*
 * pipeline.c - TCP segments in, events out. See pipeline.h.
 *
 * A connection on an SMTP port gets a session with its first chunk; any other is watched by smtp/detect until its first lines
 * have told, and ignored (one table entry) when it is not SMTP. Sessions that are idle where many are open sleep in a few hundred
 * octets. When memory is short the least recently used connection goes.
 */
#include "pipeline.h"

#include "community_id.h"
#include "nettle_digests.h"
#include "smtpscope/cause.h"
#include "smtpscope/detect.h"
#include "smtpscope/session_sleep.h"
#include "smtpscope/table.h"

#include <stdlib.h>
#include <string.h>

struct awake;

struct pipeline {
	const struct options *o;
	struct pool *pool;
	struct tcp *tcp;
	struct session_config config;
	struct cause cause;
	emit_fn *emit;
	void *ctx;
	struct pipeline_stats stats;
	uint64_t place;
	bool finishing;
	struct awake *newest, *oldest;
	size_t awake;
};

enum { AWAKE_MOST = 256 /* 2.5 KB each: what they need stays in the second cache, and to wake one costs less than to fetch as much */ };

/* A session that is at work, in the order in which they woke. */
struct awake {
	struct awake *newer, *older;
	struct connection *connection;
	const struct flow *flow;
	struct session *session;
	bool used; /* since it was looked at */
};

enum connection_kind { IS_NEW, IS_WATCHED, IS_AWAKE, IS_ASLEEP };

/* One connection that may be SMTP. */
struct connection {
	union {
		struct detect *detect;
		struct awake *awake;
		struct sleeping *asleep;
	};
	uint32_t skipped[2]; /* octets of a tunnel preface, by dir */
	uint8_t kind;        /* enum connection_kind */
	bool on_port;
};

/* ---- sessions ---- */

static uint64_t session_id(const struct flow *f)
{
	static const uint8_t key[16] = "smtpscope id 1.0"; /* public: the same id on every run and machine */
	uint8_t bytes[2 * 18 + 8];
	size_t n = 0;

	for (int d = 0; d < 2; d++) {
		memcpy(bytes + n, f->side[d].addr, 16);
		bytes[n + 16] = (uint8_t)(f->side[d].port >> 8);
		bytes[n + 17] = (uint8_t)f->side[d].port;
		n += 18;
	}
	for (int i = 0; i < 8; i++)
		bytes[n++] = (uint8_t)((uint64_t)f->first_ts >> 8 * i);
	return siphash(key, bytes, n);
}

/* What a session is told of its connection. community: COMMUNITY_ID_SIZE octets that it borrows. */
static struct session_setup setup_of(const struct flow *f, char *community)
{
	community_id(&f->side[0], &f->side[1], community);
	return (struct session_setup){
	    .id = session_id(f),
	    .community_id = community,
	    .syn_seen = f->syn_seen,
	    .server_port = f->side[DIR_SERVER].port,
	    .guessed_roles = !f->syn_seen,
	};
}

/* ---- sessions at work, and asleep ---- */

static void awake_link(struct pipeline *p, struct awake *a)
{
	a->newer = NULL;
	a->older = p->newest;
	if (p->newest)
		p->newest->newer = a;
	else
		p->oldest = a;
	p->newest = a;
}

static void awake_unlink(struct pipeline *p, struct awake *a)
{
	if (a->newer)
		a->newer->older = a->older;
	else
		p->newest = a->older;
	if (a->older)
		a->older->newer = a->newer;
	else
		p->oldest = a->newer;
}

static void awake_drop(struct pipeline *p, struct awake *a)
{
	awake_unlink(p, a);
	p->awake--;
	pool_put(p->pool, a, sizeof *a);
}

/* One of the oldest sleeps, unless it was used since it was last looked at or something is under way in it. */
static void let_one_sleep(struct pipeline *p)
{
	enum { TRIES = 4 };

	for (int i = 0; i < TRIES && p->awake > AWAKE_MOST && p->oldest != p->newest; i++) {
		struct awake *a = p->oldest;
		struct sleeping *z = a->used ? NULL : session_sleep(&a->session);

		if (z) {
			a->connection->kind = IS_ASLEEP;
			a->connection->asleep = z;
			tcp_settle(p->tcp, a->flow);
			awake_drop(p, a);
			continue;
		}
		a->used = false;
		awake_unlink(p, a);
		awake_link(p, a);
	}
}

/* The connection's session, for which there was no place in the list yet, is at work from now on. False without memory. */
static bool begin_work(struct pipeline *p, struct connection *c, const struct flow *f, struct session *s)
{
	struct awake *a = s ? pool_get(p->pool, sizeof *a) : NULL;

	if (!a)
		return false;
	*a = (struct awake){.connection = c, .flow = f, .session = s, .used = true};
	c->kind = IS_AWAKE;
	c->awake = a;
	awake_link(p, a);
	p->awake++;
	let_one_sleep(p);
	return true;
}

static void start_session(struct pipeline *p, struct connection *c, const struct flow *f)
{
	char community[COMMUNITY_ID_SIZE];
	struct session_setup setup = setup_of(f, community);
	struct session *s = session_new(p->pool, &p->config, &setup, f, cause_emit, &p->cause);

	if (begin_work(p, c, f, s))
		p->stats.sessions++;
	else
		session_free(&s);
}

/* Without memory others must go, and the session itself when there are none. */
static void wake(struct pipeline *p, struct connection *c, const struct flow *f)
{
	char community[COMMUNITY_ID_SIZE];
	struct session_setup setup = setup_of(f, community);
	struct session *s = NULL;

	do
		s = session_wake(&c->asleep, p->pool, &p->config, &setup, f, cause_emit, &p->cause);
	while (!s && tcp_evict(p->tcp));
	if (!s)
		sleeping_free(&c->asleep, p->pool);
	c->kind = IS_NEW;
	if (!begin_work(p, c, f, s))
		session_free(&s);
}

/* The session of the connection, at work; NULL when it has none. */
static struct session *session_of(struct pipeline *p, struct connection *c, const struct flow *f)
{
	if (c->kind == IS_ASLEEP)
		wake(p, c, f);
	if (c->kind != IS_AWAKE)
		return NULL;
	c->awake->used = true;
	return c->awake->session;
}

/* ---- what net/tcp says ---- */

/* At the end of the input connections come up in the order in which they fell silent. */
static void note_place(struct pipeline *p, const struct flow *f)
{
	if (p->finishing)
		p->place = PIPELINE_FINISHING + f->last_frame;
}

static bool server_port(void *ctx, uint16_t port)
{
	const struct pipeline *p = ctx;

	return options_port(p->o, port);
}

static void *on_open(void *ctx, const struct flow *f)
{
	struct pipeline *p = ctx;
	struct connection *c = pool_get(p->pool, sizeof *c);

	if (!c)
		return NULL;
	c->on_port = options_port(p->o, f->side[DIR_SERVER].port) || (!f->syn_seen && options_port(p->o, f->side[DIR_CLIENT].port));
	return c;
}

static void forget(struct pipeline *p, struct connection *c)
{
	if (c->kind == IS_WATCHED)
		detect_free(&c->detect);
	if (c->kind == IS_AWAKE)
		awake_drop(p, c->awake);
	pool_put(p->pool, c, sizeof *c);
}

/* The tunnel's own octets are not of the session's stream. */
static void feed(const struct connection *c, struct session *s, const struct chunk *chunk)
{
	struct chunk inner = *chunk;
	uint64_t peer = c->skipped[dir_other(chunk->dir)];

	inner.off -= c->skipped[chunk->dir];
	inner.peer_seen = chunk->peer_seen > peer ? chunk->peer_seen - peer : 0;
	session_feed(s, &inner);
}

static void recognised(struct pipeline *p, struct connection *c, const struct flow *f)
{
	struct detect *detect = c->detect;
	struct chunk kept;

	c->kind = IS_NEW;
	start_session(p, c, f);
	c->skipped[0] = (uint32_t)detect_skipped(detect, DIR_CLIENT);
	c->skipped[1] = (uint32_t)detect_skipped(detect, DIR_SERVER);
	while (c->kind == IS_AWAKE && detect_next(detect, &kept))
		session_feed(c->awake->session, &kept);
	detect_free(&detect);
}

static enum tcp_want watch(struct pipeline *p, struct connection *c, const struct flow *f, const struct chunk *chunk)
{
	if (c->kind == IS_NEW) {
		c->detect = detect_new(p->pool);
		c->kind = c->detect ? IS_WATCHED : IS_NEW;
	}
	switch (c->kind == IS_WATCHED ? detect_feed(c->detect, chunk) : DETECT_OTHER) {
	case DETECT_UNDECIDED:
		return TCP_WANT;
	case DETECT_SMTP:
		recognised(p, c, f);
		if (c->kind == IS_AWAKE)
			return TCP_WANT;
		break;
	case DETECT_OTHER:
		break;
	}
	forget(p, c);
	return TCP_IGNORE;
}

static enum tcp_want on_chunk(void *ctx, void *user, const struct flow *f, const struct chunk *chunk)
{
	struct pipeline *p = ctx;
	struct connection *c = user;
	struct session *s;

	note_place(p, f);
	if (!c)
		return TCP_IGNORE;
	if (c->kind == IS_NEW && c->on_port)
		start_session(p, c, f);
	s = session_of(p, c, f);
	if (s) {
		feed(c, s, chunk);
		let_one_sleep(p);
		return TCP_WANT;
	}
	if (!c->on_port && c->kind != IS_ASLEEP)
		return watch(p, c, f, chunk);
	forget(p, c);
	return TCP_IGNORE;
}

static void on_close(void *ctx, void *user, const struct flow *f, enum tcp_close why)
{
	struct pipeline *p = ctx;
	struct connection *c = user;

	note_place(p, f);
	if (!c)
		return;
	if (c->kind == IS_NEW && c->on_port) /* a handshake and not one word */
		start_session(p, c, f);
	else if (c->kind == IS_WATCHED && detect_finish(c->detect) == DETECT_SMTP)
		recognised(p, c, f);
	if (session_of(p, c, f)) {
		p->stats.closed[why]++;
		session_close(&c->awake->session, why, f->last_ts);
	}
	forget(p, c);
}

/* ---- faces ---- */

static void count_session(struct pipeline *p, const struct event *ev)
{
	p->stats.one_sided += ev->session_one_sided == EV_TRUE;
	p->stats.closed_quit += span_eq(ev->session_close, SPAN("quit-fin"));
	p->stats.failed += span_eq(ev->outcome, SPAN("failure"));
}

static void on_event(void *ctx, struct event *ev)
{
	struct pipeline *p = ctx;

	if (ev->set == DS_SESSION)
		count_session(p, ev);
	p->emit(p->ctx, ev);
}

struct pipeline *pipeline_new(const struct options *o, struct pool *pool, const uint8_t seed[16], emit_fn *emit, void *ctx)
{
	static const struct tcp_handlers handlers = {on_open, on_chunk, on_close, server_port};
	struct pipeline *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->o = o;
	p->pool = pool;
	p->emit = emit;
	p->ctx = ctx;
	p->config = (struct session_config){.limits = &session_limits_default, .digests = &nettle_digests, .secrets = o->secrets,
					    .secret_key = span_of(o->secret_key, o->secret_key_len)};
	p->config.heard = heard_new(pool);
	cause_init(&p->cause, pool, on_event, p);
	p->tcp = tcp_new(pool, &tcp_limits_default, seed, &handlers, p);
	if (!p->tcp)
		pipeline_free(&p);
	return p;
}

/* Below the limit there is room for what the sessions at work need. */
static void make_room(struct pipeline *p)
{
	uint64_t limit = pool_limit(p->pool);

	while (limit && pool_used(p->pool) > limit - limit / 16)
		if (!tcp_evict(p->tcp))
			return;
}

void pipeline_segment(struct pipeline *p, const struct packet *packet, int64_t ts, uint64_t frame)
{
	p->place = 2 * frame;
	tcp_packet(p->tcp, packet, ts, frame);
	make_room(p);
}

void pipeline_pass(struct pipeline *p, int64_t ts, uint64_t frame)
{
	p->place = 2 * frame + 1;
	tcp_pass(p->tcp, ts);
}

void pipeline_tick(struct pipeline *p, int64_t now)
{
	tcp_tick(p->tcp, now);
}

bool pipeline_finish(struct pipeline *p, size_t most)
{
	p->finishing = true;
	return tcp_finish(p->tcp, most);
}

uint64_t pipeline_place(const struct pipeline *p)
{
	return p->place;
}

const struct pipeline_stats *pipeline_stats(const struct pipeline *p)
{
	return &p->stats;
}

const struct tcp_stats *pipeline_tcp_stats(const struct pipeline *p)
{
	return tcp_stats(p->tcp);
}

void pipeline_free(struct pipeline **pipeline)
{
	struct pipeline *p = *pipeline;

	*pipeline = NULL;
	if (!p)
		return;
	tcp_free(&p->tcp);
	heard_free(&p->config.heard);
	free(p);
}
