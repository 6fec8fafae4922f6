/*
 * fuzz_tcp.c - connections, driven by operations: handshake, data in any order with equal and other octets, acknowledgements, FIN, RST,
 * the same addresses once more, eviction, time. Whatever comes, of each connection every offset is told once, in order, as octets or
 * as a hole (L5), octets are such as were sent there, what a sender had seen is delivered before what it says (R23), and each opened
 * connection is closed once.
 *
 * Input: initial sequence numbers (2 each), the allocation that fails (0 none); then operations: an octet each, and what it needs.
 */
#include "fuzz.h"
#include "smtpscope/tcp.h"

#include <stdlib.h>

/* One connection as the handlers see it. */
struct seen {
	uint64_t done[2];
	bool ended[2], ignored;
};

struct world {
	struct tcp *tcp;
	unsigned open;
	uint32_t isn[2];
	uint64_t frame;
	int64_t ts;
	bool pure; /* no octets but those of octet_at(), and one connection after a handshake */
};

static uint8_t octet_at(enum dir d, uint64_t off, uint8_t version)
{
	return (uint8_t)(off * 37 + (d ? 11 : 5) + version);
}

static void *on_open(void *ctx, const struct flow *flow)
{
	struct world *w = ctx;
	struct seen *s = calloc(1, sizeof *s);

	FUZZ_CHECK(flow->side[0].family == 4);
	w->open++;
	return s;
}

static enum tcp_want on_chunk(void *ctx, void *user, const struct flow *flow, const struct chunk *c)
{
	struct world *w = ctx;
	struct seen *s = user;

	(void)flow;
	FUZZ_CHECK(!s->ignored && c->dir <= DIR_SERVER);
	if (c->kind == CHUNK_CONFLICT) {
		FUZZ_CHECK(c->len > 0 && c->data && c->kept && c->data[0] != c->kept[0]);
		return TCP_WANT;
	}
	FUZZ_CHECK(c->off == s->done[c->dir] && !s->ended[c->dir]);
	FUZZ_CHECK(c->peer_seen <= s->done[dir_other(c->dir)]);
	s->ended[c->dir] = c->kind == CHUNK_END;
	FUZZ_CHECK(c->kind == CHUNK_END ? c->len == 0 : c->len > 0);
	s->done[c->dir] += c->len;
	for (uint64_t i = 0; w->pure && c->kind == CHUNK_DATA && i < c->len; i++)
		FUZZ_CHECK(c->data[i] == octet_at(c->dir, c->off + i, 0));
	if (c->len == 77 && !w->pure) { /* some are not wanted any more */
		s->ignored = true;
		w->open--;
		free(s);
		return TCP_IGNORE;
	}
	return TCP_WANT;
}

static void on_close(void *ctx, void *user, const struct flow *flow, enum tcp_close why)
{
	struct world *w = ctx;

	(void)flow;
	FUZZ_CHECK(why <= TCP_CLOSE_EOF && w->open > 0);
	w->open--;
	free(user);
}

static void send_segment(struct world *w, uint8_t op, enum dir d, uint8_t flags, uint16_t off, uint8_t len, uint16_t ack,
			 uint8_t version)
{
	struct endpoint side[2] = {{.addr = {192, 0, 2, 1}, .port = (uint16_t)(40000 + (w->pure ? 0 : op >> 7)), .family = 4},
				   {.addr = {192, 0, 2, 25}, .port = 25, .family = 4}};
	uint8_t bytes[256], *copy;
	struct packet p = {.src = side[d], .dst = side[!d], .flags = flags, .payload_len = len, .window = 1000};

	p.seq = w->isn[d] + off + (flags & TCP_SYN ? 0 : 1);
	p.ack = w->isn[!d] + 1 + ack;
	for (unsigned i = 0; i < len; i++)
		bytes[i] = octet_at(d, (uint64_t)off + i, w->pure ? 0 : version);
	copy = fuzz_copy(span_of(bytes, len));
	p.payload = span_of(copy, version == 7 ? len / 2u : len); /* cut by the snaplen */
	tcp_packet(w->tcp, &p, w->ts += 1000, ++w->frame);
	free(copy);
}

static void operate(struct world *w, struct cursor *in)
{
	static const uint8_t flags[] = {TCP_ACK, TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN,
					TCP_RST, TCP_SYN, TCP_SYN | TCP_ACK, TCP_RST | TCP_ACK};
	uint8_t op = cursor_u8(in), what = op & 15;
	enum dir d = op & 16 ? DIR_SERVER : DIR_CLIENT;
	uint16_t off, ack;
	uint8_t len;

	if (what == 15 && !w->pure) {
		tcp_tick(w->tcp, w->ts += (int64_t)cursor_u8(in) * 30000000000);
	} else if (what == 14 && !w->pure) {
		tcp_evict(w->tcp);
	} else if (!w->pure || what < 3 || what == 8) {
		off = cursor_u8(in);
		len = cursor_u8(in);
		ack = cursor_u8(in);
		send_segment(w, op, d, flags[what % 8], (uint16_t)(off * (op & 32 ? 16 : 1)), len, (uint16_t)(ack * (op & 32 ? 16 : 1)),
			     op & 64 ? cursor_u8(in) % 8 : 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct tcp_handlers handlers = {on_open, on_chunk, on_close, NULL};
	static const uint8_t seed[16] = {7};
	static const struct tcp_limits limits = {.connections = 3, .held_per_stream = 2048, .held_total = 4096,
						 .idle_handshake_ns = 60000000000, .idle_open_ns = 3600000000000, .idle_closing_ns = 30000000000};
	struct cursor in = cursor_of(data, n);
	struct world w = {.isn = {cursor_be16(&in) | 0xffff0000u, cursor_be16(&in) | 0xfffff000u}};
	struct pool *pool = pool_new(0);
	uint8_t fail = cursor_u8(&in);

	w.pure = fail & 1;
	w.tcp = tcp_new(pool, &limits, seed, &handlers, &w);
	if (w.pure) {
		send_segment(&w, 0, DIR_CLIENT, TCP_SYN, 0, 0, 0, 0);
		send_segment(&w, 0, DIR_SERVER, TCP_SYN | TCP_ACK, 0, 0, 0, 0);
	} else {
		pool_fail_at(pool, fail / 2);
	}
	while (in.left)
		operate(&w, &in);
	tcp_finish(w.tcp, SIZE_MAX);
	FUZZ_CHECK(w.open == 0 && tcp_stats(w.tcp)->held_bytes == 0);
	tcp_free(&w.tcp);
	fuzz_pool_done(&pool);
	return 0;
}
