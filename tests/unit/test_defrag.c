/* Fragments in every order, twice, overlapping, never complete, ten thousand of them (RFC 791, 815, 5722). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/defrag.h"

static const uint8_t seed[16] = {1};
static const char text[] = "0123456789abcdefABCDEFGHIJKLMNOPqrst";

static struct ip_fragment piece(uint32_t id, uint32_t from, uint32_t to)
{
	struct ip_fragment f = {.src = {.addr = {1}, .family = 4}, .dst = {.addr = {2}, .family = 4}, .id = id, .protocol = 6, .offset = from};

	f.more = to < sizeof text - 1;
	f.payload = span_of(guard_copy(text + from, to - from), to - from);
	f.length = to - from;
	return f;
}

static int push(struct defrag *d, struct ip_fragment f, struct ip_fragment *whole)
{
	return defrag_push(d, &f, 0, whole);
}

static const uint32_t cuts[] = {0, 8, 16, 32, sizeof text - 1};

/* All orders of four fragments; each fragment also twice. */
static void test_orders(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (int order = 0; order < 24; order++)
		for (int twice = 0; twice < 2; twice++) {
			struct defrag *d = defrag_new(pool, &defrag_limits_default, seed);
			struct ip_fragment whole = {0};
			int left[4] = {0, 1, 2, 3}, n = 4, o = order, got = 0;

			while (n) {
				int at = o % n, k = left[at];

				o /= n;
				left[at] = left[--n];
				got = push(d, piece(5, cuts[k], cuts[k + 1]), &whole);
				if (twice && n)
					assert_int_equal(push(d, piece(5, cuts[k], cuts[k + 1]), &whole), 0);
				assert_int_equal(got, n == 0);
			}
			assert_int_equal(whole.payload.n, sizeof text - 1);
			assert_memory_equal(whole.payload.p, text, sizeof text - 1);
			defrag_free(&d);
			assert_int_equal(pool_used(pool), 0);
		}
	pool_free(&pool);
}

/* Overlaps: equal octets are harmless; other octets lose against the first copy and are counted (teardrop). */
static void test_overlaps(void **state)
{
	struct pool *pool = pool_new(0);
	struct defrag *d = defrag_new(pool, &defrag_limits_default, seed);
	struct ip_fragment whole, evil = piece(1, 8, 24);

	(void)state;
	assert_int_equal(push(d, piece(1, 0, 16), &whole), 0);
	evil.payload = span_of(guard_copy("!!!!!!!!ABCDEFGH", 16), 16);
	assert_int_equal(push(d, evil, &whole), 0);
	assert_int_equal(push(d, piece(1, 16, sizeof text - 1), &whole), 1);
	assert_memory_equal(whole.payload.p, text, sizeof text - 1);
	assert_int_equal(defrag_stats(d)->conflicts, 1);
	defrag_free(&d);
	pool_free(&pool);
}

/* Ten thousand datagrams that never end: memory stays below its cap, the oldest go, a whole one still gets through. */
static void test_flood(void **state)
{
	struct defrag_limits limits = defrag_limits_default;
	struct pool *pool = pool_new(0);
	struct defrag *d;
	struct ip_fragment whole;

	(void)state;
	limits.sets = 100;
	d = defrag_new(pool, &limits, seed);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(push(d, piece(i, 0, 8), &whole), 0);
	assert_true(pool_used(pool) < 200 * 1024);
	assert_true(defrag_stats(d)->evicted >= 9900);
	assert_int_equal(push(d, piece(9999, 8, sizeof text - 1), &whole), 1);
	defrag_free(&d);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

static void test_expiry(void **state)
{
	struct pool *pool = pool_new(0);
	struct defrag *d = defrag_new(pool, &defrag_limits_default, seed);
	struct ip_fragment whole, a = piece(1, 0, 16), other = piece(2, 0, 8), b = piece(1, 16, sizeof text - 1);

	(void)state;
	assert_int_equal(defrag_push(d, &a, 0, &whole), 0);
	assert_int_equal(defrag_push(d, &other, INT64_C(31) * 1000000000, &whole), 0); /* one packet from the future expires nothing */
	assert_int_equal(defrag_push(d, &b, INT64_C(31) * 1000000000, &whole), 0);
	assert_int_equal(defrag_stats(d)->expired, 1);
	defrag_free(&d);
	pool_free(&pool);
}

/* The i-th allocation fails: no crash, nothing kept. */
static void test_no_memory(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 10; n++) {
		struct pool *pool = pool_new(0);
		struct defrag *d;
		struct ip_fragment whole;

		pool_fail_at(pool, n);
		d = defrag_new(pool, &defrag_limits_default, seed);
		for (int k = 0; d && k < 4; k++)
			push(d, piece(1, cuts[k], cuts[k + 1]), &whole);
		defrag_free(&d);
		assert_int_equal(pool_used(pool), 0);
		pool_free(&pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_orders), cmocka_unit_test(test_overlaps),  cmocka_unit_test(test_flood),
	    cmocka_unit_test(test_expiry), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
