/*
 * test_tcp_random.c - random dialogues through the reassembly against an oracle that knows what was said (L4, L5, R1-R3, R5,
 * R9, R23). Seeds are fixed: a failure repeats.
 */
#include "smtpscope/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t seed[16] = "0123456789abcde";

/*
 * Both sides speak in turn or at once. Each segment acknowledges what its sender had seen by then; what it does not know to
 * be acknowledged may be sent again in other pieces. The capture then gets the packets in another order.
 */
enum { TALK_MAX = 24576, TALK_PACKETS = 1024 };

struct said {
	enum dir d;
	uint8_t flags;
	uint32_t off, len, ack, order;
};

struct talk {
	uint64_t random;
	uint32_t len[2];
	uint32_t seen[2];               /* of the opposite stream, by each side */
	uint32_t known[2];              /* own octets that a side knows to be acknowledged */
	uint32_t ack_at[2][TALK_MAX];   /* what the sender of each octet had seen */
	bool captured[2][TALK_MAX + 1]; /* with losses: in any packet of the capture */
	bool losses, repeats;
	struct said packet[TALK_PACKETS];
	size_t packets;
	uint32_t isn[2];
	uint64_t done[2]; /* octets delivered */
	bool ended[2];
	unsigned opened, closed;
};

static uint32_t pick(struct talk *t, uint32_t below)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (uint32_t)(t->random >> 32) % below;
}

static uint8_t octet_at(enum dir d, uint64_t off)
{
	return (uint8_t)((off * 2654435761u >> 11) + (d == DIR_CLIENT ? 7 : 99));
}

static void *on_open(void *ctx, const struct flow *flow)
{
	struct talk *t = ctx;

	assert_int_equal(flow->side[DIR_SERVER].port, 25);
	t->opened++;
	return t;
}

/* L5 and R23: every octet once, the right one, and after all that its sender had seen. */
static enum tcp_want on_chunk(void *ctx, void *user, const struct flow *flow, const struct chunk *c)
{
	struct talk *t = user;
	uint64_t from = c->off, opposite = t->done[dir_other(c->dir)];

	(void)ctx;
	(void)flow;
	assert_int_equal(from, t->done[c->dir]);
	assert_false(t->ended[c->dir]);
	t->ended[c->dir] = c->kind == CHUNK_END;
	if (c->kind == CHUNK_END)
		return TCP_WANT;
	t->done[c->dir] += c->len;
	assert_true(t->done[c->dir] <= t->len[c->dir]);
	for (uint64_t i = 0; i < c->len; i++) {
		assert_int_equal(t->captured[c->dir][from + i], c->kind == CHUNK_DATA);
		if (c->kind == CHUNK_GAP)
			continue;
		assert_int_equal(c->data[i], octet_at(c->dir, from + i));
		assert_true(t->ack_at[c->dir][from + i] <= c->peer_seen && c->peer_seen <= opposite);
		assert_true(t->repeats || t->ack_at[c->dir][from + i] == c->peer_seen);
	}
	return TCP_WANT;
}

static void on_close(void *ctx, void *user, const struct flow *flow, enum tcp_close why)
{
	struct talk *t = user;

	(void)ctx;
	(void)flow;
	assert_int_equal(why, TCP_CLOSE_FIN);
	t->closed++;
}

static void add(struct talk *t, enum dir d, uint8_t flags, uint32_t off, uint32_t len)
{
	assert_true(t->packets < TALK_PACKETS);
	t->packet[t->packets++] = (struct said){d, flags, off, len, t->seen[d], 0};
}

static void see(struct talk *t, enum dir d)
{
	enum dir o = dir_other(d);

	if (pick(t, 4) == 0 || t->len[o] == t->seen[d])
		return;
	t->seen[d] += pick(t, 3) == 0 ? pick(t, t->len[o] - t->seen[d]) + 1 : t->len[o] - t->seen[d];
	t->known[d] = t->ack_at[o][t->seen[d] - 1];
}

static void speak(struct talk *t, enum dir d, uint32_t n)
{
	while (n > 0 && t->len[d] + 200 < TALK_MAX) {
		uint32_t len = pick(t, 120) + 1;

		len = len < n ? len : n;
		add(t, d, TCP_ACK, t->len[d], len);
		for (uint32_t i = 0; i < len; i++)
			t->ack_at[d][t->len[d] + i] = t->seen[d];
		t->len[d] += len;
		n -= len;
		if (pick(t, 4) == 0)
			see(t, d);
	}
}

static void repeat(struct talk *t, enum dir d)
{
	uint32_t from, span = t->len[d] - t->known[d];

	if (pick(t, 2) == 0 && t->packets > 0) {
		struct said again = t->packet[pick(t, (uint32_t)t->packets)];

		t->packet[t->packets++] = again;
	} else if (span > 0) {
		from = pick(t, span);
		add(t, d, TCP_ACK, t->known[d] + from, pick(t, span - from) + 1);
	}
}

static void converse(struct talk *t, unsigned turns)
{
	enum dir d = DIR_SERVER;

	while (turns-- > 0) {
		if (pick(t, 4) != 0)
			d = dir_other(d);
		see(t, d);
		speak(t, d, pick(t, 5) == 0 ? pick(t, 1500) + 1 : pick(t, 60) + 1);
		if (pick(t, 2) == 0) {
			see(t, dir_other(d));
			add(t, dir_other(d), TCP_ACK, t->len[dir_other(d)], 0);
		}
		if (t->repeats && pick(t, 3) == 0)
			repeat(t, pick(t, 2) == 0 ? DIR_CLIENT : DIR_SERVER);
	}
	t->seen[0] = t->len[1];
	add(t, DIR_CLIENT, TCP_ACK | TCP_FIN, t->len[0], 0);
	t->seen[1] = t->len[0] + 1;
	add(t, DIR_SERVER, TCP_ACK | TCP_FIN, t->len[1], 0);
	t->seen[0]++;
	add(t, DIR_CLIENT, TCP_ACK, t->len[0] + 1, 0);
}

static int by_order(const void *a, const void *b)
{
	const struct said *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* Of two packets only those less than `window` apart can change places. */
static void shuffle(struct talk *t, uint32_t window)
{
	for (size_t i = 0; i < t->packets; i++)
		t->packet[i].order = ((uint32_t)i + pick(t, window)) * TALK_PACKETS + (uint32_t)i;
	qsort(t->packet, t->packets, sizeof(t->packet[0]), by_order);
}

/* Data packets only; what is left keeps its order. */
static void lose_some(struct talk *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->packets; i++) {
		const struct said p = t->packet[i];

		if (t->losses && p.len > 0 && pick(t, 12) == 0)
			continue;
		t->packet[kept++] = p;
		memset(t->captured[p.d] + p.off, 1, p.len);
	}
	t->packets = kept;
}

static void transmit(const struct talk *t, struct tcp *tcp, const struct said *s, uint64_t frame)
{
	struct endpoint side[2] = {{.addr = {192, 0, 2, 1}, .port = 40000, .family = 4},
				   {.addr = {192, 0, 2, 25}, .port = 25, .family = 4}};
	uint8_t bytes[TALK_MAX];
	struct packet p = {
		.src = side[s->d],
		.dst = side[!s->d],
		.seq = t->isn[s->d] + s->off + (s->flags & TCP_SYN ? 0 : 1),
		.ack = t->isn[!s->d] + 1 + s->ack,
		.flags = s->flags,
		.payload = {bytes, s->len},
		.payload_len = s->len,
	};

	for (uint32_t i = 0; i < s->len; i++)
		bytes[i] = octet_at(s->d, (uint64_t)s->off + i);
	tcp_packet(tcp, &p, (int64_t)frame, frame);
}

static void capture(struct talk *t)
{
	static const struct tcp_handlers handlers = {on_open, on_chunk, on_close, NULL};
	struct pool *pool = pool_new(0);
	struct tcp *tcp = tcp_new(pool, &tcp_limits_default, seed, &handlers, t);

	for (size_t i = 0; i < t->packets; i++)
		transmit(t, tcp, &t->packet[i], i + 1);
	tcp_finish(tcp, SIZE_MAX);
	assert_int_equal(t->opened, 1);
	assert_int_equal(t->closed, 1);
	assert_true(t->ended[0] && t->ended[1]);
	assert_int_equal(t->done[0], t->len[0]);
	assert_int_equal(t->done[1], t->len[1]);
	assert_int_equal(tcp_stats(tcp)->conflicts, 0);
	assert_int_equal(tcp_stats(tcp)->held_bytes, 0);
	tcp_free(&tcp);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* Of packets sent again with losses one could come in time or too late: the oracle could not say. */
static void run_talk(uint64_t number, uint32_t window, bool handshake, bool losses)
{
	static struct talk t;

	memset(&t, 0, sizeof(t));
	t.random = number * 0x9e3779b97f4a7c15u + 1;
	t.losses = losses;
	t.repeats = !losses && number % 4 != 0;
	for (int d = 0; d < 2; d++)
		t.isn[d] = pick(&t, 2) ? UINT32_MAX - pick(&t, 3000) : pick(&t, UINT32_MAX);
	if (handshake) {
		add(&t, DIR_CLIENT, TCP_SYN, 0, 0);
		add(&t, DIR_SERVER, TCP_SYN | TCP_ACK, 0, 0);
		add(&t, DIR_CLIENT, TCP_ACK, 0, 0);
	}
	converse(&t, pick(&t, 60) + 2);
	lose_some(&t);
	shuffle(&t, window);
	capture(&t);
}

static void test_random_in_order(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 300; i++)
		run_talk(i, 1, i % 4 != 0, false);
}

static void test_random_reordered(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 1500; i++)
		run_talk(i, i % 3 ? 64 : 8, true, false);
}

static void test_random_midstream(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 500; i++)
		run_talk(i, 32, false, false);
}

static void test_random_losses(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		run_talk(i, i % 2 ? 1 : 4, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_in_order),
		cmocka_unit_test(test_random_reordered),
		cmocka_unit_test(test_random_midstream),
		cmocka_unit_test(test_random_losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
