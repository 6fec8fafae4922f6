/*
 * test_pool.c - the pool and the arenas on top of it: limits at, below and above; every block usable, aligned and zeroed;
 * nothing lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "guard.h"
#include "smtpscope/pool.h"

static bool all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

/* What a type of n octets may ask for: its size is a multiple of that. */
static size_t alignment_of(size_t n)
{
	size_t most = n ? alignof(max_align_t) : 1;

	while (n % most != 0)
		most /= 2;
	return most;
}

/* Around every size where a class or the kind of block may change. */
static void every_size(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t around = 1; around <= 1u << 18; around *= 2) {
		for (size_t n = around > 20 ? around - 20 : 0; n <= around + 20; n++) {
			uint8_t *a = pool_get(pool, n), *b = pool_get(pool, n);

			assert_non_null(a);
			assert_non_null(b);
			assert_ptr_not_equal(a, b);
			assert_int_equal((uintptr_t)a % alignment_of(n), 0);
			assert_int_equal((uintptr_t)b % alignment_of(n), 0);
			assert_true(all_zero(a, n) && all_zero(b, n));
			memset(a, 0xff, n);
			assert_true(all_zero(b, n));
			assert_true(pool_used(pool) >= 2 * n);
			pool_put(pool, b, n);
			pool_put(pool, a, n);
			assert_int_equal(pool_used(pool), 0);
		}
	}
	assert_int_equal(pool_failures(pool), 0);
	pool_free(&pool);
	assert_null(pool);
}

/* What one size costs never exceeds it by more than a quarter or 8 bytes, and never shrinks with the size. */
static void cost_is_bounded(void **state)
{
	struct pool *pool = pool_new(0);
	uint64_t before = 0;

	(void)state;
	for (size_t n = 1; n < 40000; n += n < 1000 ? 1 : 37) {
		void *block = pool_get(pool, n);
		uint64_t cost = pool_used(pool);

		assert_true(cost >= n && cost <= n + 8 + n / 4);
		assert_true(cost >= before);
		before = cost;
		pool_put(pool, block, n);
	}
	pool_free(&pool);
}

static void reuse_is_zeroed(void **state)
{
	static const size_t sizes[] = {1, 16, 200, 4096, 100000};
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int round = 0; round < 3; round++) {
			uint8_t *block = pool_get(pool, sizes[i]);

			assert_true(all_zero(block, sizes[i]));
			memset(block, 0x5a, sizes[i]);
			if (round == 1)
				pool_put_wiped(pool, block, sizes[i]);
			else
				pool_put(pool, block, sizes[i]);
		}
	}
	pool_free(&pool);
}

/* 203 bytes cost 208: a hundred thousand of them reserve 20.8 MB and a little. */
static void lean(void **state)
{
	enum { N = 100000, SIZE = 203 };
	struct pool *pool = pool_new(0);
	void **first = NULL;
	uint64_t reserved;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			void **block = pool_get(pool, SIZE);

			*block = first;
			first = block;
		}
		assert_int_equal(pool_used(pool), (uint64_t)N * 208);
		reserved = pool_reserved(pool);
		assert_true(UNDER_ASAN || reserved < (uint64_t)N * 209);
		while (first) {
			void **block = first;

			first = *block;
			pool_put(pool, block, SIZE);
		}
		assert_int_equal(pool_used(pool), 0);
	}
	assert_true(pool_reserved(pool) <= reserved); /* the second round reused the first */
	pool_free(&pool);
}

static void large_blocks_go_back(void **state)
{
	struct pool *pool = pool_new(0);
	uint64_t before = pool_reserved(pool);
	void *a = pool_get(pool, 1 << 20), *b = pool_get(pool, 1 << 20), *c = pool_get(pool, 1 << 20);

	(void)state;
	assert_true(pool_reserved(pool) >= before + (3u << 20));
	pool_put(pool, b, 1 << 20);
	pool_put(pool, a, 1 << 20);
	pool_put(pool, c, 1 << 20);
	assert_int_equal(pool_reserved(pool), before);
	pool_free(&pool);
}

/* Limit minus one refuses, the limit itself is had, one more byte is not; a put makes room again. */
static void limits(void **state)
{
	static const size_t sizes[] = {16, 208, 1024, 1 << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i];
		struct pool *below = pool_new(2 * n - 1), *at = pool_new(2 * n);
		void *a = pool_get(below, n), *b = pool_get(at, n), *c = pool_get(at, n);

		assert_int_equal(pool_limit(at), 2 * n);
		assert_non_null(a);
		assert_null(pool_get(below, n));
		assert_int_equal(pool_failures(below), 1);
		assert_non_null(b);
		assert_non_null(c);
		assert_int_equal(pool_used(at), 2 * n);
		assert_null(pool_get(at, 1));
		assert_int_equal(pool_failures(at), 1);
		pool_put(at, b, n);
		b = pool_get(at, n);
		assert_non_null(b);
		pool_put(below, a, n);
		pool_put(at, b, n);
		pool_put(at, c, n);
		pool_free(&below);
		pool_free(&at);
	}
}

static void absurd_sizes(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	assert_null(pool_get(pool, SIZE_MAX));
	assert_null(pool_get(pool, SIZE_MAX - 15));
	assert_null(pool_get(pool, SIZE_MAX / 2 + 1));
	assert_int_equal(pool_failures(pool), 3);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

static void fails_at(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (uint64_t n = 1; n <= 5; n++) {
		pool_fail_at(pool, n);
		for (uint64_t i = 1; i <= 7; i++) {
			void *block = pool_get(pool, 100);

			assert_int_equal(block == NULL, i == n);
			pool_put(pool, block, 100);
		}
	}
	assert_int_equal(pool_failures(pool), 5);
	pool_fail_at(pool, 1);
	pool_fail_at(pool, 0);
	assert_null(pool_copy(pool, SPAN_ABSENT).p);
	pool_put(pool, NULL, 10);
	pool_put_wiped(pool, NULL, 10);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
	pool_free(&pool);
}

static void copies(void **state)
{
	struct pool *pool = pool_new(48);
	struct span word = pool_copy(pool, SPAN("word")), empty = pool_copy(pool, SPAN(""));

	(void)state;
	assert_true(span_eq(word, SPAN("word")));
	assert_non_null(empty.p);
	assert_int_equal(empty.n, 0);
	assert_null(pool_copy(pool, SPAN("this one is longer than what the limit leaves")).p);
	pool_drop(pool, &word);
	pool_drop(pool, &empty);
	assert_null(word.p);
	pool_drop(pool, &word);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

static void wiping(void **state)
{
	uint8_t secret[33];

	(void)state;
	memset(secret, 0x77, sizeof(secret));
	wipe(secret, sizeof(secret) - 1);
	assert_true(all_zero(secret, sizeof(secret) - 1));
	assert_int_equal(secret[32], 0x77);
	wipe(NULL, 0);
}

static void arena_pieces(void **state)
{
	struct pool *pool = pool_new(0);
	struct arena a = {0};
	uint8_t *pieces[300];

	(void)state;
	arena_init(&a, pool, 0);
	arena_clear(&a);
	for (size_t n = 0; n < 300; n++) {
		pieces[n] = arena_get(&a, n);
		assert_non_null(pieces[n]);
		assert_int_equal((uintptr_t)pieces[n] % alignof(max_align_t), 0);
		assert_true(all_zero(pieces[n], n));
		memset(pieces[n], (int)n, n);
	}
	for (size_t n = 0; n < 300; n++) {
		for (size_t i = 0; i < n; i++)
			assert_int_equal(pieces[n][i], (uint8_t)n);
	}
	assert_true(span_eq(arena_copy(&a, SPAN("abc")), SPAN("abc")));
	assert_non_null(arena_copy(&a, SPAN("")).p);
	assert_null(arena_copy(&a, SPAN_ABSENT).p);
	assert_non_null(arena_get(&a, 100000));
	assert_null(arena_get(&a, SIZE_MAX));
	assert_true(a.total <= pool_used(pool));
	arena_clear(&a);
	assert_int_equal(a.total, 0);
	assert_int_equal(pool_used(pool), 0);
	assert_non_null(arena_get(&a, 1));
	arena_clear(&a);
	pool_free(&pool);
}

/* Whatever is asked for, total stays within the limit, and a small arena uses all of it. */
static void arena_limits(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t limit = 16; limit < 3000; limit += 61) {
		struct arena a;
		size_t got = 0;

		arena_init(&a, pool, limit);
		while (arena_get(&a, 16))
			got += 16;
		assert_true(a.total <= limit);
		assert_true(got <= limit);
		assert_true(got + 160 >= limit); /* headers and the last, unusable bit of each block */
		assert_null(arena_get(&a, limit));
		arena_clear(&a);
	}
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

static void arena_survives_each_failure(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (uint64_t n = 1; n <= 4; n++) {
		struct arena a;
		size_t failed = 0;

		arena_init(&a, pool, 0);
		pool_fail_at(pool, n);
		for (int i = 0; i < 100; i++)
			failed += arena_get(&a, 64) == NULL;
		assert_int_equal(failed, 1);
		arena_clear(&a);
		assert_int_equal(pool_used(pool), 0);
	}
	pool_fail_at(pool, 0);
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size),   cmocka_unit_test(cost_is_bounded),
		cmocka_unit_test(reuse_is_zeroed), cmocka_unit_test(lean),
		cmocka_unit_test(large_blocks_go_back), cmocka_unit_test(limits),
		cmocka_unit_test(absurd_sizes), cmocka_unit_test(fails_at),
		cmocka_unit_test(copies),       cmocka_unit_test(wiping),
		cmocka_unit_test(arena_pieces), cmocka_unit_test(arena_limits),
		cmocka_unit_test(arena_survives_each_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
