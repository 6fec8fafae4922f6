/*
 * pipeline.c - TCP segments in, events out. See pipeline.h.
 *
 * A connection on an SMTP port gets a session with its first chunk; any other is watched by smtp/detect until its first lines
 * have told, and ignored (one table entry) when it is not SMTP. When memory is short the least recently used connection goes.
 */
#include "pipeline.h"

#include "community_id.h"
#include "nettle_digests.h"
#include "smtpscope/cause.h"
#include "smtpscope/detect.h"
#include "smtpscope/session.h"
#include "smtpscope/table.h"

#include <stdlib.h>
#include <string.h>

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
};

/* One connection that may be SMTP. */
struct link_state {
	struct session *session;
	struct detect *detect;
	uint64_t skipped[2]; /* octets of a tunnel preface, by dir */
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

static void start_session(struct pipeline *p, struct link_state *l, const struct flow *f)
{
	char community[COMMUNITY_ID_SIZE];
	struct session_setup setup = {
	    .id = session_id(f),
	    .community_id = community,
	    .syn_seen = f->syn_seen,
	    .server_port = f->side[DIR_SERVER].port,
	    .guessed_roles = !f->syn_seen,
	};

	community_id(&f->side[0], &f->side[1], community);
	l->session = session_new(p->pool, &p->config, &setup, f, cause_emit, &p->cause);
	if (!l->session)
		return;
	p->stats.sessions++;
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
	struct link_state *l = pool_get(p->pool, sizeof *l);

	if (!l)
		return NULL;
	l->on_port = options_port(p->o, f->side[DIR_SERVER].port) || (!f->syn_seen && options_port(p->o, f->side[DIR_CLIENT].port));
	return l;
}

static void forget(struct pipeline *p, struct link_state *l)
{
	detect_free(&l->detect);
	pool_put(p->pool, l, sizeof *l);
}

/* The tunnel's own octets are not of the session's stream. */
static void feed(struct link_state *l, const struct chunk *c)
{
	struct chunk inner = *c;
	uint64_t peer = l->skipped[dir_other(c->dir)];

	inner.off -= l->skipped[c->dir];
	inner.peer_seen = c->peer_seen > peer ? c->peer_seen - peer : 0;
	session_feed(l->session, &inner);
}

static void recognised(struct pipeline *p, struct link_state *l, const struct flow *f)
{
	struct chunk kept;

	start_session(p, l, f);
	l->skipped[0] = detect_skipped(l->detect, DIR_CLIENT);
	l->skipped[1] = detect_skipped(l->detect, DIR_SERVER);
	while (l->session && detect_next(l->detect, &kept))
		session_feed(l->session, &kept);
	detect_free(&l->detect);
}

static enum tcp_want watch(struct pipeline *p, struct link_state *l, const struct flow *f, const struct chunk *c)
{
	if (!l->detect)
		l->detect = detect_new(p->pool);
	switch (l->detect ? detect_feed(l->detect, c) : DETECT_OTHER) {
	case DETECT_UNDECIDED:
		return TCP_WANT;
	case DETECT_SMTP:
		recognised(p, l, f);
		if (l->session)
			return TCP_WANT;
		break;
	case DETECT_OTHER:
		break;
	}
	forget(p, l);
	return TCP_IGNORE;
}

static enum tcp_want on_chunk(void *ctx, void *user, const struct flow *f, const struct chunk *c)
{
	struct pipeline *p = ctx;
	struct link_state *l = user;

	note_place(p, f);
	if (!l)
		return TCP_IGNORE;
	if (!l->session && l->on_port)
		start_session(p, l, f);
	if (l->session) {
		feed(l, c);
		return TCP_WANT;
	}
	if (!l->on_port)
		return watch(p, l, f, c);
	forget(p, l);
	return TCP_IGNORE;
}

static void on_close(void *ctx, void *user, const struct flow *f, enum tcp_close why)
{
	struct pipeline *p = ctx;
	struct link_state *l = user;

	note_place(p, f);
	if (!l)
		return;
	if (!l->session && l->on_port) /* a handshake and not one word */
		start_session(p, l, f);
	else if (!l->session && l->detect && detect_finish(l->detect) == DETECT_SMTP)
		recognised(p, l, f);
	if (l->session)
		p->stats.closed[why]++;
	session_close(&l->session, why, f->last_ts);
	forget(p, l);
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
	p->place = frame;
	tcp_packet(p->tcp, packet, ts, frame);
	make_room(p);
}

void pipeline_pass(struct pipeline *p, int64_t ts, uint64_t frame)
{
	p->place = frame;
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
