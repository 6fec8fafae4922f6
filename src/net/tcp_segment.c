/*
 * tcp_segment.c - what one segment does to its connection (RFC 9293 3.10.7, seen from outside).
 *
 * Start of a stream: after its SYN, or as the SYN/ACK of the other side says. Without a handshake the first sequence number
 * seen places a stream and the first acknowledgement number its opposite; both may still move down to an earlier segment
 * while the connection is not firm (see tcp_wait.c).
 *
 * Numbers out of every window are ignored and counted; eight such packets in a row are a new connection of which no SYN was
 * captured. Not looked at: timestamps (RFC 7323), urgent pointers, window sizes, checksums.
 */
#include "tcp_conn.h"

enum {
	MAX_STRAYS = 8, /* out of every window in a row: another connection, or the capture paused */
	NEAR = 65535,   /* window without scaling: for RST and SYN, where believing too much does harm */
};

enum syn_verdict { SYN_TAKEN, SYN_IGNORED, SYN_OTHER };

/* ---- handshake and placing ---- */

static void swap_roles(struct conn *c)
{
	struct flow *f = &c->flow;
	struct endpoint side = f->side[0];
	struct stream s = c->stream[0];
	uint64_t bytes = f->bytes[0], packets = f->packets[0];

	f->side[0] = f->side[1];
	f->side[1] = side;
	c->stream[0] = c->stream[1];
	c->stream[1] = s;
	f->bytes[0] = f->bytes[1];
	f->bytes[1] = bytes;
	f->packets[0] = f->packets[1];
	f->packets[1] = packets;
}

/* A SYN says that stream d starts at seq. */
static enum syn_verdict start_at(struct tcp *t, struct conn *c, enum dir d, uint32_t seq, uint32_t data_len)
{
	struct stream *s = &c->stream[d];
	bool known = s->flags & STREAM_SYN, firm = c->entry.flags & CONN_FIRM;
	int64_t off = stream_offset(s, seq);

	if (known && seq == s->base)
		return SYN_TAKEN;
	if (!(s->flags & STREAM_PLACED) || (known && !firm && !(c->entry.flags & CONN_TALKED))) {
		stream_start(s, &t->budget, seq); /* perhaps the SYN once more with another number */
	} else if (!known && !firm && off <= 0 && off >= -TCP_WINDOW) {
		conn_rebase(c, d, -off);
	} else if (s->next == 0 && off < 0 && off == -(int64_t)data_len) {
		conn_rebase(c, d, -off); /* data in a SYN (RFC 7413) that is captured after its SYN/ACK */
	} else {
		int64_t from = known ? (int64_t)(s->acked < s->next ? s->acked : s->next) : -NEAR;

		return off >= from && off <= (int64_t)s->next + NEAR ? SYN_IGNORED : SYN_OTHER;
	}
	s->flags |= STREAM_SYN;
	return SYN_TAKEN;
}

/* A SYN/ACK says where the stream of its receiver starts, but for data in the SYN, which it may cover. */
static void start_acked(struct tcp *t, struct conn *c, enum dir d, uint32_t ack)
{
	struct stream *s = &c->stream[d];
	int64_t off = stream_offset(s, ack);

	if (c->entry.flags & CONN_FIRM)
		return;
	if (!(s->flags & STREAM_PLACED) || ((s->flags & STREAM_SYN) && (off < 0 || off > NEAR)))
		stream_start(s, &t->budget, ack);
	else if (off < 0 && off >= -TCP_WINDOW)
		conn_rebase(c, d, -off);
	s->flags |= STREAM_SYN;
}

static enum syn_verdict take_syn(struct tcp *t, struct conn *c, enum dir *d, const struct packet *p)
{
	bool reply = p->flags & TCP_ACK;
	enum syn_verdict verdict = start_at(t, c, *d, p->seq + 1, p->payload_len);

	if (verdict != SYN_TAKEN)
		return verdict;
	if (reply)
		start_acked(t, c, dir_other(*d), p->ack);
	if ((reply ? dir_other(*d) : *d) != DIR_CLIENT && !(c->entry.flags & CONN_OPENED)) {
		swap_roles(c);
		*d = dir_other(*d);
	}
	c->flow.syn_seen = true;
	if (c->stream[0].flags & c->stream[1].flags & STREAM_SYN) {
		c->flow.established = true;
		c->entry.flags |= CONN_FIRM;
	}
	return SYN_TAKEN;
}

/* One NUL is how keep-alives with garbage look (RFC 9293 3.8.4); in the midst of a stream their number says the rest. */
static bool is_keep_alive(const struct packet *p)
{
	return p->payload_len == 1 && p->payload.n == 1 && p->payload.p[0] == 0;
}

/* A segment without SYN places what is not placed. */
static void place(struct tcp *t, struct conn *c, enum dir d, const struct packet *p)
{
	struct stream *s = &c->stream[d], *o = conn_other(c, d);
	int64_t off;

	if (!(s->flags & STREAM_PLACED))
		stream_start(s, &t->budget, p->seq + (is_keep_alive(p) ? 1 : 0));
	if ((p->flags & TCP_ACK) && !(o->flags & STREAM_PLACED))
		stream_start(o, &t->budget, p->ack);
	if ((c->entry.flags & CONN_FIRM) || (s->flags & STREAM_SYN) || is_keep_alive(p) ||
	    (p->payload_len == 0 && !(p->flags & TCP_FIN)))
		return;
	off = stream_offset(s, p->seq);
	if (off < 0 && off >= -TCP_WINDOW)
		conn_rebase(c, d, -off);
}

/* ---- one segment ---- */

static bool in_window(const struct stream *s, uint32_t seq)
{
	int64_t ahead = stream_offset(s, seq) - (int64_t)s->next;

	return ahead <= TCP_WINDOW && ahead >= -TCP_WINDOW;
}

static bool belongs(struct conn *c, enum dir d, const struct packet *p)
{
	const struct stream *o = conn_other(c, d);

	if (!in_window(&c->stream[d], p->seq) || p->payload_len > TCP_WINDOW)
		return false;
	if (!(p->flags & TCP_ACK) || !(o->flags & STREAM_PLACED))
		return true;
	return c->flow.packets[dir_other(d)] == 0 || in_window(o, p->ack); /* one-sided: it lags behind without limit */
}

static void count_packet(struct conn *c, enum dir d, const struct packet *p, int64_t ts, uint64_t frame)
{
	c->entry.strays = 0;
	c->flow.last_ts = ts;
	c->flow.last_frame = frame;
	c->flow.packets[d]++;
	c->flow.bytes[d] += p->payload.n;
}

/* Returns what the segment of d acknowledges of the opposite stream, or 0. */
static int64_t take_ack(struct tcp *t, struct conn *c, enum dir d, const struct packet *p)
{
	struct stream *o = conn_other(c, d);
	int64_t ack, end;

	if (!(p->flags & TCP_ACK) || !(o->flags & STREAM_PLACED))
		return 0;
	ack = stream_offset(o, p->ack);
	if (stream_has_fin(o)) {
		end = (int64_t)stream_edge(o) + 1;
		ack = ack < end ? ack : end;
	}
	stream_ack(o, &t->budget, ack > 0 ? (uint64_t)ack : 0);
	return ack;
}

/* After a RST only what it overtook is taken. */
static void limit_after_rst(const struct conn *c, enum dir d, struct segment *g, struct stream_report *r)
{
	const struct stream *s = &c->stream[d];
	int64_t edge = (int64_t)stream_edge(s);

	if (!(c->entry.flags & CONN_RST))
		return;
	if (edge < (int64_t)s->acked)
		edge = (int64_t)s->acked;
	if (g->off + (int64_t)g->len <= edge)
		return;
	r->beyond_end = true;
	g->fin = false;
	g->len = g->off < edge ? (uint64_t)(edge - g->off) : 0;
	g->bytes = span_first(g->bytes, (size_t)(g->len < g->bytes.n ? g->len : g->bytes.n));
}

/* In order: straight from the packet. g keeps only a FIN that cannot be delivered yet. */
static void deliver_segment(struct tcp *t, struct conn *c, enum dir d, struct segment *g)
{
	struct stream *s = &c->stream[d];
	struct chunk k = {.kind = CHUNK_DATA, .off = (uint64_t)g->off, .len = g->bytes.n, .data = g->bytes.p};
	uint64_t cut = g->len - g->bytes.n;

	k.peer_seen = g->peer_seen < 0 ? 0 : (uint64_t)g->peer_seen;
	k.ts = g->ts;
	k.frame = g->frame;
	if (k.len > 0)
		conn_emit(t, c, d, &k);
	if (cut > 0 && !conn_ignored(c)) {
		k.kind = CHUNK_GAP;
		k.off += k.len;
		k.len = cut;
		k.data = NULL;
		conn_emit(t, c, d, &k);
	}
	stream_pass(s, &t->budget, g->bytes, g->len);
	g->off += (int64_t)g->len;
	g->len = 0;
	g->bytes = SPAN_ABSENT;
	if (!g->fin || stream_hole_end(s) != UINT64_MAX || conn_ignored(c))
		return;
	k = (struct chunk){.kind = CHUNK_END, .off = s->next, .peer_seen = k.peer_seen, .ts = g->ts, .frame = g->frame};
	conn_emit(t, c, d, &k);
	stream_pass_fin(s);
	g->fin = false;
}

static void tell_report(struct tcp *t, struct conn *c, enum dir d, struct stream_report *r)
{
	t->stats.duplicates += r->duplicate;
	t->stats.out_of_window += r->beyond_end;
	t->stats.out_of_order += r->fresh;
	t->stats.conflicts += r->conflicts;
	for (unsigned i = 0; i < r->conflicts && !conn_ignored(c); i++)
		conn_emit(t, c, d, &r->conflict[i]);
}

static void take_octets(struct tcp *t, struct conn *c, enum dir d, struct segment *g)
{
	struct stream *s = &c->stream[d];
	struct stream_report r;

	stream_report_init(&r);
	limit_after_rst(c, d, g, &r);
	stream_trim(s, g, &r);
	tell_report(t, c, d, &r);
	if (conn_ignored(c))
		return;
	if ((c->entry.flags & CONN_FIRM) && stream_in_order(s, g) &&
	    g->peer_seen <= (int64_t)stream_reach(conn_other(c, d)) && (g->len > 0 || g->fin))
		deliver_segment(t, c, d, g);
	if (conn_ignored(c) || (g->len == 0 && !g->fin))
		return;
	stream_report_init(&r);
	stream_push(s, &t->budget, g, &r);
	tell_report(t, c, d, &r);
}

static void take_segment(struct tcp *t, struct conn *c, enum dir d, const struct packet *p)
{
	bool syn = p->flags & TCP_SYN;
	struct segment g = {
		.off = stream_offset(&c->stream[d], p->seq + (syn ? 1 : 0)),
		.len = p->payload_len,
		.bytes = p->payload,
		.fin = (p->flags & TCP_FIN) && !syn,
		.peer_seen = take_ack(t, c, d, p),
		.ts = c->flow.last_ts,
		.frame = c->flow.last_frame,
	};

	if (g.bytes.n < g.len)
		t->stats.snap_bytes += g.len - g.bytes.n;
	if (g.len > 0 || g.fin)
		take_octets(t, c, d, &g);
}

/*
 * RFC 5961 wants the exact number; from outside the receiver's window is known to lie between what it acknowledged and
 * somewhat beyond what was seen. Before the sender of the RST was placed its acknowledgement has to fit (RFC 9293 3.10.7.3).
 */
static bool rst_fits(struct conn *c, enum dir d, const struct packet *p)
{
	const struct stream *s = &c->stream[d], *o = conn_other(c, d);
	uint32_t number = p->seq;
	uint64_t from, to;
	int64_t off;

	if (!(s->flags & STREAM_PLACED)) {
		if (!(p->flags & TCP_ACK) || !(o->flags & STREAM_PLACED))
			return false;
		s = o;
		number = p->ack;
	}
	from = s->acked < s->next ? s->acked : s->next;
	to = stream_edge(s) > s->acked ? stream_edge(s) : s->acked;
	off = stream_offset(s, number);
	return off >= (int64_t)from - (s->flags & STREAM_HEARD ? 0 : NEAR) && off <= (int64_t)to + NEAR;
}

/* What the RST stands behind was sent: it may have overtaken it. */
static void take_rst(struct tcp *t, struct conn *c, enum dir d, const struct packet *p)
{
	struct stream *s = &c->stream[d];
	int64_t off = stream_offset(s, p->seq);

	c->entry.flags |= CONN_RST;
	if (!c->flow.reset_by)
		c->flow.reset_by = (uint8_t)(1 << d);
	if (belongs(c, d, p))
		take_ack(t, c, d, p);
	if ((s->flags & STREAM_PLACED) && off > (int64_t)s->next && off > (int64_t)s->acked) {
		s->acked = (uint64_t)off;
		s->flags |= STREAM_CUT;
	}
}

/* False once so many came in a row that it is another connection. */
static bool take_stray(struct tcp *t, struct conn *c)
{
	if (++c->entry.strays >= MAX_STRAYS)
		return false;
	t->stats.out_of_window++;
	return true;
}

static bool feed_rst(struct tcp *t, struct conn *c, enum dir d, const struct packet *p, int64_t ts, uint64_t frame)
{
	if (!rst_fits(c, d, p)) {
		t->stats.out_of_window++;
		return true;
	}
	count_packet(c, d, p, ts, frame);
	take_rst(t, c, d, p);
	conn_resume(t, c);
	return true;
}

bool conn_feed(struct tcp *t, struct conn *c, enum dir d, const struct packet *p, int64_t ts, uint64_t frame)
{
	enum syn_verdict verdict = SYN_TAKEN;

	if (p->flags & TCP_RST)
		return feed_rst(t, c, d, p, ts, frame);
	if (p->flags & TCP_SYN) {
		verdict = take_syn(t, c, &d, p);
	} else {
		place(t, c, d, p);
		if (!belongs(c, d, p))
			return take_stray(t, c);
		c->entry.flags |= CONN_TALKED;
	}
	if (verdict != SYN_TAKEN) {
		t->stats.out_of_window += verdict == SYN_IGNORED;
		return verdict == SYN_IGNORED;
	}
	count_packet(c, d, p, ts, frame);
	if (c->flow.established)
		conn_open(t, c);
	take_segment(t, c, d, p);
	if (!conn_ignored(c))
		conn_resume(t, c);
	return true;
}
