/*
 * tcp_wait.c - the order between the two streams, and how long a hole is waited for.
 *
 * Firm: delivery begins after SYN and SYN/ACK; without them after STREAM_PATIENCE packets of the connection, since until
 * then an earlier segment, or the SYN, may still come and move the start of a stream.
 *
 * Order: an octet whose sender had acknowledged more of the opposite stream than was delivered waits (peer_seen). A knot is
 * two heads that wait for each other: retransmissions that came before the first copies, or forgery. It is waited for like
 * a hole; then the head captured first goes.
 *
 * A hole is late once its octets were acknowledged - or when acknowledgements of this stream are not captured at all, or the
 * connection has ended - and something waits for it: later octets, a FIN, or an octet of the opposite stream. From then on
 * it may be filled by the next `patience` packets of the connection, whichever they are; then it is lost and becomes a
 * gap. Patience begins with 64 (the reordering that must not matter), halves with each loss and is restored when a late
 * hole is filled after all, so that a capture with losses soon holds little. A direction of which nothing was ever captured
 * is waited for once. The limits for held octets and the end of a connection cut all waiting short.
 */
#include "tcp_conn.h"

enum {
	ACKED_FAR = 1 << 20, /* acknowledged of a direction never captured: lost even if nothing waits for it */
};

void conn_open(struct tcp *t, struct conn *c)
{
	if (c->entry.flags & CONN_OPENED)
		return;
	c->entry.flags |= CONN_OPENED;
	c->user = t->handlers.open(t->ctx, &c->flow);
	if (c->flow.established)
		t->stats.opened_by_handshake++;
}

void conn_emit(struct tcp *t, struct conn *c, enum dir d, struct chunk *k)
{
	k->dir = d;
	if (k->peer_seen > conn_other(c, d)->next)
		k->peer_seen = conn_other(c, d)->next; /* a FIN has a number but is no octet */
	if (k->kind == CHUNK_GAP) {
		t->stats.gaps++;
		t->stats.gap_bytes += k->len;
	}
	conn_open(t, c);
	if (t->handlers.chunk(t->ctx, c->user, &c->flow, k) == TCP_IGNORE)
		c->entry.flags |= CONN_IGNORE;
}

static void deliver_head(struct tcp *t, struct conn *c, enum dir d, struct chunk *head)
{
	conn_emit(t, c, d, head);
	if (!conn_ignored(c))
		stream_take(&c->stream[d], &t->budget);
}

/* Nothing of stream s has to come before what a sender says who had seen so much of it; behind its end nothing comes at all. */
static bool is_reached(const struct stream *s, uint64_t peer_seen)
{
	return peer_seen <= stream_reach(s) || s->flags & STREAM_ENDED;
}

/* Delivers one held chunk if the order between the streams allows. */
static bool deliver_one(struct tcp *t, struct conn *c)
{
	struct chunk head[2];
	bool ready[2];
	enum dir d;

	for (int i = 0; i < 2; i++)
		ready[i] = stream_peek(&c->stream[i], &head[i]) && is_reached(&c->stream[!i], head[i].peer_seen);
	if (!ready[0] && !ready[1])
		return false;
	d = ready[0] && (!ready[1] || head[0].frame <= head[1].frame) ? DIR_CLIENT : DIR_SERVER;
	deliver_head(t, c, d, &head[d]);
	return !conn_ignored(c);
}

static void settle(struct tcp *t, struct conn *c)
{
	while (deliver_one(t, c))
		;
}

/* Two heads, after settle(): each waits for the other. Returns whether that of d goes first if that does not change. */
static bool is_knot(const struct conn *c, enum dir d)
{
	struct chunk own, opposite;

	if (!stream_peek(&c->stream[d], &own) || !stream_peek(&c->stream[dir_other(d)], &opposite))
		return false;
	return own.frame < opposite.frame || (own.frame == opposite.frame && d == DIR_CLIENT);
}

/* How much of stream d the next octet of the opposite stream waits for; 0 when it does not. */
static uint64_t needed(const struct conn *c, enum dir d)
{
	struct chunk head;

	if (!stream_peek(&c->stream[dir_other(d)], &head) || is_reached(&c->stream[d], head.peer_seen))
		return 0;
	return head.peer_seen;
}

static bool has_head(const struct stream *s)
{
	struct chunk head;

	return stream_peek(s, &head);
}

static bool ending(const struct conn *c)
{
	return (c->entry.flags & CONN_RST) || (stream_has_fin(&c->stream[0]) && stream_has_fin(&c->stream[1]));
}

/* The hole at the frontier of stream d is late, or a knot has to be cut there. */
static bool is_late(const struct conn *c, enum dir d)
{
	const struct stream *s = &c->stream[d];

	if (has_head(s))
		return is_knot(c, d); /* otherwise no hole, it waits for the other stream */
	if (s->acked <= s->next && (s->flags & STREAM_HEARD) && !ending(c))
		return false;
	return stream_hole_end(s) != UINT64_MAX || needed(c, d) != 0 ||
	       (c->flow.packets[d] == 0 && s->acked > s->next + ACKED_FAR);
}

void conn_rebase(struct conn *c, enum dir d, int64_t delta)
{
	stream_rebase(&c->stream[d], delta);
	stream_rebase_peer(conn_other(c, d), delta);
}

static void lose(struct tcp *t, struct conn *c, enum dir d, uint64_t to)
{
	struct stream *s = &c->stream[d];
	struct chunk gap = {.kind = CHUNK_GAP, .off = s->next, .len = to - s->next};

	if (!stream_hole_stamp(s, &gap.ts, &gap.frame)) {
		gap.ts = c->flow.last_ts;
		gap.frame = c->flow.last_frame;
	}
	conn_emit(t, c, d, &gap);
	if (!conn_ignored(c))
		stream_skip(s, &t->budget, to);
}

/*
 * Cuts the knot, or gives up the hole of stream d as far as it stops anything, and no further than `most`. A single acknowledged octet with
 * nothing behind it is the FIN that was not captured; and a stream that was taken up in its midst starts with its first octet
 * captured, whatever older acknowledgements or an empty keep-alive made of it.
 */
static void give_up(struct tcp *t, struct conn *c, enum dir d, uint64_t most)
{
	struct stream *s = &c->stream[d];
	uint64_t need = needed(c, d), end = stream_hole_end(s);
	struct chunk head;

	s->stuck = 0;
	if (stream_peek(s, &head)) {
		deliver_head(t, c, d, &head);
		return;
	}
	if (end == UINT64_MAX && need <= s->next + 1 && s->acked <= s->next + 1) {
		s->flags |= STREAM_FIN_ACKED;
		return;
	}
	if (end == UINT64_MAX && need == 0)
		end = s->acked;
	if (need != 0 && need < end)
		end = need;
	if (s->next == 0 && !(s->flags & STREAM_SYN) && (end == 1 || (need == 0 && stream_held(s) > 0))) {
		conn_rebase(c, d, -(int64_t)end);
		return;
	}
	lose(t, c, d, end < most ? end : most);
}

static void give_up_late(struct tcp *t, struct conn *c, enum dir d)
{
	struct stream *s = &c->stream[d];

	while (!conn_ignored(c) && is_late(c, d)) {
		bool never_seen = c->flow.packets[d] == 0 && s->next > 0;

		if (++s->stuck <= (never_seen ? 0 : s->patience))
			return;
		give_up(t, c, d, s->acked > s->next && !ending(c) ? s->acked : UINT64_MAX);
		settle(t, c);
	}
	s->stuck = 0;
}

/* Too much is held: the oldest hole goes. What waits at the head of d waits for the opposite stream. */
static void relieve(struct tcp *t, struct conn *c, enum dir d)
{
	const struct stream *s = &c->stream[d];

	while (!conn_ignored(c) && stream_held(s) > 0 &&
	       (stream_held(s) > t->limits.held_per_stream || t->budget.held > t->limits.held_total)) {
		if (!(c->entry.flags & CONN_FIRM))
			c->entry.flags |= CONN_FIRM;
		else
			give_up(t, c, has_head(s) ? dir_other(d) : d, UINT64_MAX);
		settle(t, c);
	}
}

/* Nothing is held and nothing is missing: the usual case. */
static bool is_quiet(const struct stream *s)
{
	return stream_hole_end(s) == UINT64_MAX && s->acked <= s->next + ACKED_FAR;
}

void conn_resume(struct tcp *t, struct conn *c)
{
	if ((c->entry.flags & CONN_FIRM) && is_quiet(&c->stream[0]) && is_quiet(&c->stream[1]))
		return;
	if (c->flow.packets[0] + c->flow.packets[1] > STREAM_PATIENCE)
		c->entry.flags |= CONN_FIRM;
	if (c->entry.flags & CONN_FIRM) {
		settle(t, c);
		give_up_late(t, c, DIR_CLIENT);
		give_up_late(t, c, DIR_SERVER);
	}
	relieve(t, c, DIR_CLIENT);
	relieve(t, c, DIR_SERVER);
}

/* The stream whose hole or knot comes next when all are given up, or -1. */
static int next_hole(const struct conn *c)
{
	int64_t ts;
	uint64_t frame, first = UINT64_MAX;
	int found = -1;

	for (int d = 0; d < 2; d++) {
		const struct stream *s = &c->stream[d];

		if (is_knot(c, (enum dir)d))
			return d;
		if (has_head(s))
			continue;
		if (needed(c, (enum dir)d) != 0)
			return d;
		if (stream_hole_stamp(s, &ts, &frame) && frame <= first) {
			first = frame;
			found = d;
		}
	}
	return found;
}

void conn_flush(struct tcp *t, struct conn *c)
{
	int d;

	c->entry.flags |= CONN_FIRM;
	settle(t, c);
	while (!conn_ignored(c) && (d = next_hole(c)) >= 0) {
		give_up(t, c, (enum dir)d, UINT64_MAX);
		settle(t, c);
	}
	/* What was acknowledged at the end and not captured; one octet is a FIN's. */
	for (d = 0; d < 2 && (c->entry.flags & CONN_OPENED) && !conn_ignored(c); d++) {
		const struct stream *s = &c->stream[d];

		if (!(s->flags & (STREAM_ENDED | STREAM_CUT)) && s->acked > s->next + 1)
			lose(t, c, (enum dir)d, s->acked);
	}
}

static bool is_missing(const struct stream *s)
{
	return !(s->flags & STREAM_ENDED) && (stream_hole_end(s) != UINT64_MAX || s->acked > s->next + 1);
}

bool conn_finished(const struct conn *c)
{
	const struct stream *s = c->stream;

	if (s[0].flags & s[1].flags & STREAM_ENDED)
		return true;
	return (c->entry.flags & CONN_RST) && !is_missing(&s[0]) && !is_missing(&s[1]);
}

