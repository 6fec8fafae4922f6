/*
 * test_defrag.c - fragments in every order, twice, overlapping, contradicting, never complete, ten thousand datagrams
 * of them; at random against a model that has one mark for each octet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "build_packet.h"
#include "guard.h"
#include "smtpscope/defrag.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND INT64_C(1000000000)

static const uint8_t seed[16] = {1};
static const char text[] = "0123456789abcdefABCDEFGHIJKLMNOPqrst";

enum { TEXT = sizeof(text) - 1 };

struct fixture {
	struct pool *pool;
	struct defrag *d;
	struct ip_fragment whole;
};

static struct fixture fixture_new(const struct defrag_limits *limits)
{
	struct fixture f = {.pool = pool_new(0)};

	f.d = defrag_new(f.pool, limits, seed);
	assert_non_null(f.d);
	return f;
}

/* Everything that was taken has been given back. */
static void fixture_free(struct fixture *f)
{
	defrag_free(&f->d);
	assert_null(f->d);
	assert_int_equal(pool_used(f->pool), 0);
	pool_free(&f->pool);
}

static struct ip_fragment fragment(uint32_t id, uint32_t from, const void *bytes, uint32_t n, bool more)
{
	return (struct ip_fragment){
		.src = {.addr = {192, 0, 2, 1}, .family = 4},
		.dst = {.addr = {192, 0, 2, 2}, .family = 4},
		.id = id,
		.protocol = 6,
		.offset = from,
		.more = more,
		.payload = span_of(guard_copy(bytes, n), n),
		.length = n,
		.vlan = 42,
	};
}

/* Octets from..to of the text. */
static struct ip_fragment piece(uint32_t id, uint32_t from, uint32_t to)
{
	return fragment(id, from, text + from, to - from, to < TEXT);
}

static int push(struct fixture *f, struct ip_fragment frag)
{
	return defrag_push(f->d, &frag, 0, &f->whole);
}

static void check_text(const struct fixture *f)
{
	assert_int_equal(f->whole.payload.n, TEXT);
	assert_int_equal(f->whole.length, TEXT);
	assert_int_equal(f->whole.offset, 0);
	assert_false(f->whole.more);
	assert_int_equal(f->whole.protocol, 6);
	assert_int_equal(f->whole.vlan, 42);
	assert_int_equal(f->whole.src.addr[3], 1);
	assert_int_equal(f->whole.dst.addr[3], 2);
	assert_memory_equal(f->whole.payload.p, text, TEXT);
}

/* ---- order ---- */

static const uint32_t cuts[] = {0, 8, 16, 32, TEXT};

/* R18: the order-th of 24, each fragment once or twice. */
static void push_in_order(struct fixture *f, int order, bool twice)
{
	int left[4] = {0, 1, 2, 3};

	for (int n = 4; n > 0;) {
		int at = order % n, k = left[at];

		order /= n;
		left[at] = left[--n];
		if (twice)
			assert_int_equal(push(f, piece(5, cuts[k], cuts[k + 1])), n == 0);
		if (!twice || n > 0)
			assert_int_equal(push(f, piece(5, cuts[k], cuts[k + 1])), n == 0);
	}
}

static void every_order(void **state)
{
	(void)state;
	for (int order = 0; order < 24; order++)
		for (int twice = 0; twice < 2; twice++) {
			struct fixture f = fixture_new(&defrag_limits_default);

			push_in_order(&f, order, twice);
			check_text(&f);
			assert_int_equal(defrag_stats(f.d)->reassembled, 1);
			assert_int_equal(defrag_stats(f.d)->conflicts, 0);
			fixture_free(&f);
		}
}

/* Fragments of several datagrams, one of each in turn: nothing is mixed. */
static void interleaved(void **state)
{
	struct fixture f = fixture_new(&defrag_limits_default);

	(void)state;
	for (unsigned k = 0; k < 4; k++)
		for (uint32_t id = 0; id < 50; id++) {
			assert_int_equal(push(&f, piece(id, cuts[k], cuts[k + 1])), k == 3);
			if (k == 3)
				check_text(&f);
		}
	assert_int_equal(defrag_stats(f.d)->reassembled, 50);
	fixture_free(&f);
}

/* What tells datagrams apart: addresses, identification, in IPv4 the protocol. */
static void what_belongs_together(void **state)
{
	struct {
		struct ip_fragment other;
		int want;
	} rows[6];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		rows[i].other = piece(7, 16, TEXT);
	rows[0].want = 1;
	rows[1].other.id = 7 + 65536;
	rows[2].other.src.addr[15] = 1;
	rows[3].other.dst.addr[0] = 1;
	rows[4].other.protocol = 17;
	rows[5].other.id = 0;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture f = fixture_new(&defrag_limits_default);

		assert_int_equal(push(&f, piece(7, 0, 16)), 0);
		assert_int_equal(push(&f, rows[i].other), i == 0);
		fixture_free(&f);
	}
}

/* IPv4 addresses with zeros behind them are IPv6 addresses too. */
static void versions_apart(void **state)
{
	struct fixture f = fixture_new(&defrag_limits_default);
	struct ip_fragment a = piece(7, 0, 16), b = piece(7, 16, TEXT);

	(void)state;
	a.protocol = 0;
	b.src.family = b.dst.family = 6;
	assert_int_equal(push(&f, a), 0);
	assert_int_equal(push(&f, b), 0);
	fixture_free(&f);
}

/* RFC 8200 4.5: the protocol that the fragment at offset 0 names is that of the datagram, whatever the others say. */
static void protocol_of_ipv6(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct fixture f = fixture_new(&defrag_limits_default);
		struct ip_fragment parts[2] = {piece(7, 0, 16), piece(7, 16, TEXT)};

		for (int i = 0; i < 2; i++)
			parts[i].src.family = parts[i].dst.family = 6;
		parts[1].protocol = 60;
		assert_int_equal(push(&f, parts[first]), 0);
		assert_int_equal(push(&f, parts[!first]), 1);
		check_text(&f);
		fixture_free(&f);
	}
}

static void only_fragment(void **state)
{
	struct fixture f = fixture_new(&defrag_limits_default);

	(void)state;
	assert_int_equal(push(&f, piece(1, 0, 16)), 0);
	assert_int_equal(push(&f, piece(1, 0, TEXT)), 1);
	check_text(&f);
	assert_int_equal(push(&f, piece(1, 16, TEXT)), 1); /* it left the others alone */
	check_text(&f);
	fixture_free(&f);
}

/* ---- overlaps ---- */

/* R18: the first copy wins; other octets are counted, once for each fragment that has some (teardrop and its kin). */
static void overlaps(void **state)
{
	static const struct {
		const char *name;
		struct {
			uint32_t from;
			const char *bytes;
		} parts[5]; /* one that ends with a full stop is the last of the datagram */
		const char *want;
		uint64_t conflicts;
	} rows[] = {
		{"the same again", {{0, "AAAAAAAA"}, {0, "AAAAAAAA"}, {8, "b."}}, "AAAAAAAAb.", 0},
		{"other content", {{0, "AAAAAAAA"}, {0, "BBBBBBBB"}, {8, "b."}}, "AAAAAAAAb.", 1},
		{"into the next", {{8, "BBBBBBBB"}, {0, "AAAAAAAAAAAAAAAA"}, {16, "."}}, "AAAAAAAABBBBBBBB.", 1},
		{"into the one before", {{0, "AAAAAAAAAAAAAAAA"}, {8, "BBBBBBBBBBBBBBBB"}, {24, "."}},
		 "AAAAAAAAAAAAAAAABBBBBBBB.", 1},
		{"over two holes and a piece", {{8, "BBBBBBBB"}, {24, "."}, {0, "AAAAAAAAAAAAAAAAAAAAAAAA"}},
		 "AAAAAAAABBBBBBBBAAAAAAAA.", 1},
		{"over two pieces", {{0, "AAAAAAAA"}, {16, "CCCCCCCC"}, {0, "BBBBBBBBBBBBBBBBBBBBBBBB"}, {24, "."}},
		 "AAAAAAAABBBBBBBBCCCCCCCC.", 1},
		{"inside of another", {{0, "AAAAAAAAAAAAAAAAAAAAAAAA"}, {8, "BBBBBBBB"}, {24, "."}},
		 "AAAAAAAAAAAAAAAAAAAAAAAA.", 1},
		{"two with other content", {{0, "AAAAAAAA"}, {0, "BBBBBBBB"}, {0, "BBBBBBBB"}, {8, "."}}, "AAAAAAAA.", 2},
		{"the last first", {{8, "BBBBBBB."}, {8, "CCCCCCCC"}, {0, "AAAAAAAA"}}, "AAAAAAAABBBBBBB.", 1},
		{"one octet differs", {{0, "AAAAAAAA"}, {0, "AAAAAAAB"}, {8, "."}}, "AAAAAAAA.", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture f = fixture_new(&defrag_limits_default);
		int got = 0;

		print_message("%s\n", rows[i].name);
		for (size_t k = 0; k < COUNT(rows[i].parts) && rows[i].parts[k].bytes; k++) {
			const char *bytes = rows[i].parts[k].bytes;
			uint32_t n = (uint32_t)strlen(bytes);

			assert_int_equal(got, 0);
			got = push(&f, fragment(1, rows[i].parts[k].from, bytes, n, bytes[n - 1] != '.'));
		}
		assert_int_equal(got, 1);
		assert_int_equal(f.whole.payload.n, strlen(rows[i].want));
		assert_memory_equal(f.whole.payload.p, rows[i].want, f.whole.payload.n);
		assert_int_equal(defrag_stats(f.d)->conflicts, rows[i].conflicts);
		fixture_free(&f);
	}
}

/* A fragment that cannot be, or cannot be with what came before: counted, and the datagram goes on without it. */
static void malformed(void **state)
{
	static const struct {
		const char *name;
		uint32_t first, first_end;
		bool first_more;
		uint32_t from, end;
		bool more;
	} rows[] = {
		{"empty", 0, 16, true, 16, 16, true},
		{"empty and last", 0, 16, true, 16, 16, false},
		{"not the last and no multiple of 8", 0, 16, true, 16, 29, true},
		{"beyond the longest datagram", 0, 16, true, 65528, 65536, true},
		{"its last octet too", 0, 16, true, 65528, 65536, false},
		{"far beyond", 0, 16, true, 0xfffffff8, 16, true},
		{"beyond the end", 16, TEXT, false, 32, 40, true},
		{"a later end", 16, TEXT, false, 32, 40, false},
		{"an earlier end", 16, TEXT, false, 16, 24, false},
		{"an end before what is there", 24, 32, true, 8, 16, false},
		{"an end inside of what is there", 24, 32, true, 16, 28, false},
	};
	static const uint8_t zeros[64];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture f = fixture_new(&defrag_limits_default);

		print_message("%s\n", rows[i].name);
		assert_int_equal(push(&f, fragment(1, rows[i].first, text + rows[i].first,
						   rows[i].first_end - rows[i].first, rows[i].first_more)), 0);
		assert_int_equal(push(&f, fragment(1, rows[i].from, zeros, rows[i].end - rows[i].from, rows[i].more)), 0);
		assert_int_equal(defrag_stats(f.d)->malformed, 1);
		if (rows[i].first_end == TEXT) {
			assert_int_equal(push(&f, piece(1, 0, 16)), 1);
		} else {
			assert_int_equal(push(&f, piece(1, 0, 24)), 0);
			assert_int_equal(push(&f, piece(1, 24, TEXT)), 1);
		}
		check_text(&f);
		fixture_free(&f);
	}
}

/* What the snaplen cut can never be whole. */
static void cut(void **state)
{
	struct fixture f = fixture_new(&defrag_limits_default);
	struct ip_fragment frag = piece(1, 0, 16);

	(void)state;
	frag.payload.n = 15;
	assert_int_equal(push(&f, frag), 0);
	assert_int_equal(defrag_stats(f.d)->cut, 1);
	assert_int_equal(push(&f, piece(1, 16, TEXT)), 0);
	assert_int_equal(push(&f, piece(1, 0, 16)), 1);
	check_text(&f);
	fixture_free(&f);
}

/* ---- at random ---- */

enum { MODEL_MAX = 2048 };

struct model {
	uint8_t bytes[MODEL_MAX];
	bool there[MODEL_MAX];
	uint32_t total; /* 0 not known */
	uint32_t reached;
	uint64_t conflicts, malformed;
};

/* True when the datagram is whole. */
static bool model_push(struct model *m, const struct ip_fragment *f)
{
	uint32_t end = f->offset + f->length;
	bool conflict = false;

	if (m->total != 0 ? end > m->total || (!f->more && end != m->total) : !f->more && end < m->reached) {
		m->malformed++;
		return false;
	}
	m->total = f->more ? m->total : end;
	m->reached = end > m->reached ? end : m->reached;
	for (uint32_t i = f->offset; i < end; i++) {
		uint8_t byte = f->payload.p[i - f->offset];

		conflict |= m->there[i] && m->bytes[i] != byte;
		m->bytes[i] = m->there[i] ? m->bytes[i] : byte;
		m->there[i] = true;
	}
	m->conflicts += conflict;
	for (uint32_t i = 0; i < m->total; i++)
		if (!m->there[i])
			return false;
	return m->total != 0;
}

static uint32_t random_below(uint32_t *x, uint32_t n)
{
	*x = *x * 1664525 + 1013904223;
	return (*x >> 8) % n;
}

static struct ip_fragment random_fragment(uint32_t *x, uint32_t total)
{
	static uint8_t bytes[MODEL_MAX];
	uint32_t from = random_below(x, total / 8) * 8;
	uint32_t n = (random_below(x, 16) + 1) * 8;
	bool more = random_below(x, 500) > 0; /* now and then a false end */

	if (n >= total - from) {
		n = total - from;
		more = n % 8 == 0 && random_below(x, 4) == 0;
	}
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)((from + i) * 7);
	if (random_below(x, 16) == 0) /* and another octet */
		bytes[n / 2] ^= 0x55;
	return fragment(1, from, bytes, n, more);
}

static void random_against_model(void **state)
{
	uint32_t x = 42;

	(void)state;
	for (int round = 0; round < 600; round++) {
		struct fixture f = fixture_new(&defrag_limits_default);
		struct model m = {.total = 0};
		uint32_t total = (uint32_t)(64 + round * 3);
		bool whole = false;

		for (int i = 0; i < 5000 && !whole; i++) {
			struct ip_fragment frag = random_fragment(&x, total);

			if (frag.offset == 0 && !frag.more)
				continue;
			whole = model_push(&m, &frag);
			assert_int_equal(push(&f, frag), whole);
		}
		assert_true(whole);
		assert_int_equal(f.whole.payload.n, m.total);
		assert_memory_equal(f.whole.payload.p, m.bytes, m.total);
		assert_int_equal(defrag_stats(f.d)->conflicts, m.conflicts);
		assert_int_equal(defrag_stats(f.d)->malformed, m.malformed);
		fixture_free(&f);
	}
}

/* R18: the longest datagram in the smallest fragments, from both ends to the middle. */
static void tiny_fragments(void **state)
{
	static uint8_t data[65535];
	struct fixture f = fixture_new(&defrag_limits_default);
	uint32_t n = sizeof(data) / 8 + 1;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = k % 2 == 0 ? k / 2 : n - 1 - k / 2, last = i == n - 1;

		assert_int_equal(push(&f, fragment(1, i * 8, data + i * 8, last ? 7 : 8, !last)), k == n - 1);
	}
	assert_int_equal(f.whole.payload.n, sizeof(data));
	assert_memory_equal(f.whole.payload.p, data, sizeof(data));
	fixture_free(&f);
}

/* ---- limits ---- */

/* R18: ten thousand that are never complete stay below the cap; the oldest go, and the newest can still be whole. */
static void ten_thousand_unfinished(void **state)
{
	struct fixture f = fixture_new(&defrag_limits_default);

	(void)state;
	for (uint32_t id = 0; id < 10000; id++)
		assert_int_equal(push(&f, piece(id, 0, 8)), 0);
	assert_int_equal(defrag_stats(f.d)->evicted, 10000 - defrag_limits_default.sets);
	assert_true(pool_used(f.pool) < defrag_limits_default.sets * 512);
	assert_int_equal(push(&f, piece(9999, 8, TEXT)), 1);
	check_text(&f);
	assert_int_equal(push(&f, piece(0, 8, TEXT)), 0); /* long gone */
	fixture_free(&f);
}

/* The cap on octets holds whatever the fragments are like, what it takes to keep order included. */
static void memory_is_capped(void **state)
{
	static const uint8_t data[1480];
	static const uint32_t sizes[] = {8, 16, 120, 1480};
	struct defrag_limits limits = {.sets = 1000000, .bytes = 65536, .timeout_ns = SECOND};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (uint32_t datagrams = 1; datagrams <= 1000; datagrams *= 10) {
			struct fixture f = fixture_new(&limits);

			for (uint32_t k = 0; k < 4000; k++) {
				uint32_t from = k / datagrams * 2 * sizes[i] % 60000;

				assert_int_equal(push(&f, fragment(k % datagrams, from, data, sizes[i], true)), 0);
				assert_true(pool_used(f.pool) < limits.bytes * 5 / 4 + 32768); /* classes are rounded up */
			}
			fixture_free(&f);
		}
}

/* What is complete makes room: far more than the cap goes through, and nothing is given up. */
static void room_comes_back(void **state)
{
	struct defrag_limits limits = {.sets = 10, .bytes = 4096, .timeout_ns = SECOND};
	struct fixture f = fixture_new(&limits);

	(void)state;
	for (uint32_t id = 0; id < 1000; id++) {
		assert_int_equal(push(&f, piece(id, 16, TEXT)), 0);
		assert_int_equal(push(&f, piece(id, 0, 16)), 1);
	}
	assert_int_equal(defrag_stats(f.d)->evicted, 0);
	fixture_free(&f);
}

/* R24: by the time of packets, which may go anywhere. */
static void expiry(void **state)
{
	static const struct {
		const char *name;
		int64_t first, second;
		bool whole;
	} rows[] = {
		{"at once", 0, 0, true},
		{"at the last moment", 5 * SECOND, 35 * SECOND, true},
		{"too late", 5 * SECOND, 35 * SECOND + 1, false},
		{"an hour back", 7200 * SECOND, 3600 * SECOND, true},
		{"before 1970", -SECOND, 3 * SECOND, true},
		{"from one end of time to the other", INT64_MIN, INT64_MAX, false},
		{"and back", INT64_MAX, INT64_MIN, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct fixture f = fixture_new(&defrag_limits_default);
		struct ip_fragment a = piece(1, 0, 16), b = piece(1, 16, TEXT);

		print_message("%s\n", rows[i].name);
		assert_int_equal(defrag_push(f.d, &a, rows[i].first, &f.whole), 0);
		assert_int_equal(defrag_push(f.d, &b, rows[i].second, &f.whole), rows[i].whole);
		assert_int_equal(defrag_stats(f.d)->expired, !rows[i].whole);
		fixture_free(&f);
	}
}

/* A clock that was set back does not keep what it left in the future. */
static void expiry_after_clock_set_back(void **state)
{
	struct fixture f = fixture_new(&defrag_limits_default);
	struct ip_fragment a = piece(1, 0, 16), b = piece(2, 0, 16);

	(void)state;
	assert_int_equal(defrag_push(f.d, &a, 1000000 * SECOND, &f.whole), 0);
	assert_int_equal(defrag_push(f.d, &b, 10 * SECOND, &f.whole), 0);
	assert_int_equal(defrag_push(f.d, &b, 41 * SECOND, &f.whole), 0);
	assert_int_equal(defrag_stats(f.d)->expired, 2);
	fixture_free(&f);
}

/* The n-th allocation fails, for every n: what was under way is lost and counted, nothing leaks, the rest works. */
static void no_memory(void **state)
{
	bool failed = true;

	(void)state;
	for (uint64_t n = 1; failed; n++) {
		struct fixture f = fixture_new(&defrag_limits_default);

		pool_fail_at(f.pool, n);
		for (uint32_t k = 0; k < TEXT; k += 8)
			push(&f, piece(1, k, k + 8 < TEXT ? k + 8 : TEXT));
		failed = pool_failures(f.pool) > 0;
		pool_fail_at(f.pool, 0);
		assert_int_equal(defrag_stats(f.d)->failed, failed);
		assert_int_equal(defrag_stats(f.d)->reassembled, !failed);
		assert_int_equal(push(&f, piece(2, 0, 16)), 0);
		assert_int_equal(push(&f, piece(2, 16, TEXT)), 1);
		check_text(&f);
		fixture_free(&f);
	}
}

static void no_memory_at_first(void **state)
{
	struct pool *pool = pool_new(0);
	struct defrag *d = NULL;

	(void)state;
	pool_fail_at(pool, 1);
	assert_null(defrag_new(pool, &defrag_limits_default, seed));
	assert_int_equal(pool_used(pool), 0);
	defrag_free(&d);
	pool_free(&pool);
}

/* ---- with net/packet ---- */

/* A segment in fragments of every size, IPv4 and IPv6, forwards and backwards, comes out as it went in. */
static void segments(void **state)
{
	static struct built frame;

	(void)state;
	for (unsigned row = 0; row < 4; row++)
		for (size_t size = 8; size <= 96; size += 8) {
			struct fixture f = fixture_new(&defrag_limits_default);
			struct segment s = {.src = {.addr = {10, 0, 0, 1}, .port = 4000, .family = row & 1 ? 4 : 6},
					    .dst = {.addr = {10, 0, 0, 2}, .port = 25, .family = row & 1 ? 4 : 6},
					    .flags = TCP_ACK, .payload = SPAN("MAIL FROM:<alice@example.com> BODY=8BITMIME\r\n")};
			unsigned count = (unsigned)((20 + s.payload.n + size - 1) / size);
			struct packet p;

			for (unsigned i = 0; i < count; i++) {
				assert_true(build_fragment(&s, 3, size, row & 2 ? count - 1 - i : i, &frame));
				if (count > 1) {
					assert_int_equal(packet_parse(1, span_of(frame.bytes, frame.n), (uint32_t)frame.n,
								      true, &p), PACKET_FRAGMENT);
					assert_int_equal(push(&f, p.frag), i == count - 1);
				}
			}
			assert_false(build_fragment(&s, 3, size, count, &frame));
			if (count > 1) {
				assert_int_equal(packet_parse_ip(&f.whole, true, &p), PACKET_DONE);
				assert_true(span_eq(p.payload, s.payload));
				assert_int_equal(p.src.port, 4000);
			}
			fixture_free(&f);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order),
		cmocka_unit_test(interleaved),
		cmocka_unit_test(what_belongs_together),
		cmocka_unit_test(versions_apart),
		cmocka_unit_test(protocol_of_ipv6),
		cmocka_unit_test(only_fragment),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(malformed),
		cmocka_unit_test(cut),
		cmocka_unit_test(random_against_model),
		cmocka_unit_test(tiny_fragments),
		cmocka_unit_test(ten_thousand_unfinished),
		cmocka_unit_test(memory_is_capped),
		cmocka_unit_test(room_comes_back),
		cmocka_unit_test(expiry),
		cmocka_unit_test(expiry_after_clock_set_back),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(no_memory_at_first),
		cmocka_unit_test(segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
