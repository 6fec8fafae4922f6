/*
 * fuzz_stream.c - one direction of a connection, driven by operations: segments in any order that overlap with equal and other octets,
 * are cut by the snaplen or empty, acknowledgements, holes that are given up, FIN. Beside it runs a naive reassembler with the same
 * rules: an array that holds of each octet the first copy. Each offset is delivered once, in order (L5), the first copy (R4), and
 * conflicts are told where there are some.
 *
 * Input: base of the sequence numbers (2), the allocation that fails (0 none); then operations: an octet each, and what it needs.
 */
#include "fuzz.h"
#include "smtpscope/stream.h"

#include <stdlib.h>
#include <string.h>

enum { SPAN_MAX = 1024 };
/* CUT: known to have been sent, not captured. Where a later segment brings a part of these, the rest is forgotten: it is a hole as any. */
enum known { NOTHING, OCTET, CUT };

struct model {
	struct stream s;
	struct stream_budget budget;
	uint8_t octet[SPAN_MAX];
	uint8_t known[SPAN_MAX];
	uint64_t octets_end, cut_end; /* behind the last of each */
	uint64_t done;                /* delivered */
	bool failing;                 /* an allocation may have failed: what does not fit is as if it had not been captured */
	bool fin, ended;
	uint64_t fin_off;
};

static uint8_t octet_at(uint64_t off, uint8_t version)
{
	return (uint8_t)(off * 37 + 11 + version);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What the segment is about to bring, where nothing was before. */
static void model_push(struct model *m, const struct segment *g)
{
	uint64_t end = m->fin ? m->fin_off : SPAN_MAX;

	for (uint64_t i = 0; i < g->len; i++) {
		int64_t off = g->off + (int64_t)i;

		if (off < (int64_t)m->done || (uint64_t)off >= end)
			continue;
		if (i < g->bytes.n && m->known[off] != OCTET) {
			m->known[off] = OCTET;
			m->octet[off] = g->bytes.p[i];
			m->octets_end = later(m->octets_end, (uint64_t)off + 1);
		} else if (i >= g->bytes.n && m->known[off] == NOTHING) {
			m->known[off] = CUT;
			m->cut_end = later(m->cut_end, (uint64_t)off + 1);
		}
	}
}

/* End of the last octet that is known, or with cut of those known to have been sent as well. */
static uint64_t model_edge(const struct model *m, bool cut)
{
	return later(m->done, later(m->octets_end, cut ? m->cut_end : 0));
}

/* A FIN that contradicts octets is none; one that contradicts cut ones is where these were forgotten. */
static void model_fin(struct model *m, const struct segment *g, bool beyond)
{
	int64_t end = g->off + (int64_t)g->len;

	if (!g->fin || m->fin || m->ended || beyond || end < (int64_t)model_edge(m, false))
		return;
	if (end < (int64_t)model_edge(m, true) && !stream_has_fin(&m->s))
		return;
	m->fin = true;
	m->fin_off = (uint64_t)end;
}

/* A conflict is told of octets that do differ, and keeps the copy that counts. */
static void check_report(const struct stream_report *r, const struct segment *g)
{
	FUZZ_CHECK(r->conflicts <= STREAM_CONFLICTS);
	for (unsigned i = 0; i < r->conflicts; i++) {
		const struct chunk *c = &r->conflict[i];

		FUZZ_CHECK(c->kind == CHUNK_CONFLICT && c->len > 0 && c->off + c->len <= (uint64_t)(g->off + (int64_t)g->len));
		FUZZ_CHECK(c->data[0] != c->kept[0] && c->data[c->len - 1] != c->kept[c->len - 1]);
	}
}

static void delivered(struct model *m, const struct chunk *c)
{
	FUZZ_CHECK(c->off == m->done && !m->ended);
	if (c->kind == CHUNK_END) {
		FUZZ_CHECK(c->len == 0 && (m->failing || (m->fin && m->fin_off == m->done)));
		m->ended = true;
		return;
	}
	FUZZ_CHECK(c->len > 0 && c->len <= SPAN_MAX - m->done);
	for (uint64_t i = 0; i < c->len && !m->failing; i++) {
		FUZZ_CHECK(m->known[m->done + i] == (c->kind == CHUNK_DATA ? OCTET : CUT));
		FUZZ_CHECK(c->kind != CHUNK_DATA || c->data[i] == m->octet[m->done + i]);
	}
	m->done += c->len;
}

static void drain(struct model *m)
{
	struct chunk c;

	while (stream_peek(&m->s, &c)) {
		delivered(m, &c);
		stream_take(&m->s, &m->budget);
		FUZZ_CHECK(m->s.next == m->done);
	}
	if (!m->failing)
		FUZZ_CHECK(m->done == SPAN_MAX || m->known[m->done] != OCTET || (m->fin && m->fin_off <= m->done));
}

/* As net/tcp does it: cut to what is new, handed on from the packet or held. */
static void push(struct model *m, struct segment *g)
{
	struct stream_report r = {.conflicts = 0};
	struct segment whole = *g;

	stream_trim(&m->s, g, &r);
	check_report(&r, &whole); /* what it borrows may go with the next call */
	r.conflicts = 0;
	if (stream_in_order(&m->s, g) && g->len > 0 && g->bytes.n == g->len && g->off == (int64_t)m->done) {
		struct segment in_order = *g;

		model_push(m, g);
		delivered(m, &(struct chunk){.kind = CHUNK_DATA, .off = (uint64_t)g->off, .len = g->len, .data = g->bytes.p});
		stream_pass(&m->s, &m->budget, in_order.bytes, in_order.len);
		g->off += (int64_t)g->len;
		g->bytes = span_from(g->bytes, (size_t)g->len);
		g->len = 0;
	}
	model_push(m, g);
	stream_push(&m->s, &m->budget, g, &r);
	model_fin(m, g, r.beyond_end);
	check_report(&r, &whole);
	drain(m);
}

static void segment(struct model *m, struct cursor *in, uint8_t op)
{
	int64_t off = (int64_t)m->done + (int8_t)cursor_u8(in) * (op & 0x80 ? 4 : 1);
	uint64_t len = cursor_u8(in);
	uint8_t version = op & 0x40 ? cursor_u8(in) % 4 : 0, cut = op & 0x20 ? cursor_u8(in) : 0;
	struct segment g = {.off = off, .len = len, .fin = op & 0x10, .peer_seen = op & 8 ? cursor_u8(in) : 5, .ts = off, .frame = len};
	uint8_t bytes[256], *copy;

	if (off + (int64_t)len > SPAN_MAX)
		return;
	for (uint64_t i = 0; i < len; i++)
		bytes[i] = octet_at((uint64_t)off + i, version);
	copy = fuzz_copy(span_of(bytes, len > cut ? (size_t)(len - cut) : 0));
	g.bytes = span_of(copy, len > cut ? (size_t)(len - cut) : 0);
	push(m, &g);
	free(copy);
}

/* The hole at the frontier is given up, as far as the first thing held. */
static void skip(struct model *m)
{
	uint64_t to = stream_hole_end(&m->s);

	if (to == UINT64_MAX || to <= m->done || (m->fin && to > m->fin_off))
		return;
	for (uint64_t i = m->done; i < to && !m->failing; i++)
		FUZZ_CHECK(m->known[i] != OCTET);
	stream_skip(&m->s, &m->budget, to);
	m->done = to;
	drain(m);
}

static void operate(struct model *m, struct cursor *in)
{
	uint8_t op = cursor_u8(in);

	switch (op & 7) {
	case 5:
		stream_ack(&m->s, &m->budget, m->done + cursor_u8(in));
		break;
	case 6:
		skip(m);
		break;
	case 7:
		stream_settle(&m->s, &m->budget);
		break;
	default:
		segment(m, in, op);
		break;
	}
	FUZZ_CHECK(stream_edge(&m->s) >= m->s.next && stream_held(&m->s) == m->budget.held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct model m;
	struct cursor in = cursor_of(data, n);
	uint32_t base = UINT32_MAX - cursor_be16(&in) + 64;
	struct pool *pool = pool_new(0);
	uint8_t fail = cursor_u8(&in);

	memset(&m, 0, sizeof m);
	m.budget.pool = pool;
	m.failing = fail > 0;
	pool_fail_at(pool, fail);
	stream_start(&m.s, &m.budget, base);
	while (in.left)
		operate(&m, &in);
	while (!m.failing && stream_hole_end(&m.s) != UINT64_MAX && stream_hole_end(&m.s) > m.done)
		skip(&m);
	for (uint64_t i = m.done; i < m.octets_end && !m.failing; i++)
		FUZZ_CHECK(m.known[i] != OCTET || (m.fin && i >= m.fin_off));
	stream_clear(&m.s, &m.budget);
	FUZZ_CHECK(m.budget.held == 0);
	fuzz_pool_done(&pool);
	return 0;
}
