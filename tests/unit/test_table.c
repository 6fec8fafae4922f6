/*
 * test_table.c - the hash table against a plain array as its model: collisions, LRU order, growth, the cap, failed growth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "guard.h"
#include "smtpscope/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct entry {
	struct table_node node; /* first: a node is its entry */
	uint32_t key;
};

static const uint8_t seed[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static bool entry_eq(const void *key, const struct table_node *node)
{
	return *(const uint32_t *)key == ((const struct entry *)node)->key;
}

static uint32_t hash_of(const struct table *t, uint32_t key)
{
	return table_hash(t, &key, sizeof(key));
}

static struct entry *find(const struct table *t, uint32_t hash, uint32_t key)
{
	return (struct entry *)table_find(t, hash, &key);
}

/* Test values of the paper (appendix A) and of its reference implementation: input 00 01 02 ..., key 00 .. 0f. */
static void siphash_vectors(void **state)
{
	static const struct {
		size_t n;
		uint64_t want;
	} rows[] = {
		{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {7, 0xab0200f58b01d137}, {8, 0x93f5f5799a932462},
		{15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572},
	};
	uint8_t in[64];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_true(siphash(seed, guard_copy(in, rows[i].n), rows[i].n) == rows[i].want);
}

static void seed_matters(void **state)
{
	static const uint8_t other[16] = {1};
	struct table *a = table_new(entry_eq, seed, 0), *b = table_new(entry_eq, other, 0);
	unsigned same = 0;

	(void)state;
	for (uint32_t key = 0; key < 1000; key++)
		same += hash_of(a, key) == hash_of(b, key);
	assert_true(same < 3);
	table_free(&a);
	table_free(&b);
	assert_null(a);
	table_free(&a);
}

/* Every key is there at every step while the buckets double over and over. */
static void grows(void **state)
{
	enum { N = 5000 };
	struct table *t = table_new(entry_eq, seed, 0);
	struct entry *e = calloc(N, sizeof(*e));

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		e[i].key = i;
		assert_null(find(t, hash_of(t, i), i));
		assert_true(table_insert(t, &e[i].node, hash_of(t, i)));
		assert_int_equal(table_count(t), i + 1);
		for (uint32_t k = i % 7; k <= i; k += 7 + i / 16)
			assert_ptr_equal(find(t, hash_of(t, k), k), &e[k]);
	}
	for (uint32_t i = 0; i < N; i += 2)
		table_remove(t, &e[i].node);
	assert_int_equal(table_count(t), N / 2);
	for (uint32_t i = 0; i < N; i++)
		assert_ptr_equal(find(t, hash_of(t, i), i), i % 2 ? &e[i] : NULL);
	table_free(&t);
	free(e);
}

/* One hash for all: still right, told apart by the key alone, whichever is taken out. */
static void collisions(void **state)
{
	struct entry e[200] = {0};
	struct table *t = table_new(entry_eq, seed, 0);

	(void)state;
	for (uint32_t i = 0; i < COUNT(e); i++) {
		e[i].key = i;
		assert_true(table_insert(t, &e[i].node, 0xdeadbeef));
	}
	for (uint32_t i = 0; i < COUNT(e); i++)
		assert_ptr_equal(find(t, 0xdeadbeef, i), &e[i]);
	assert_null(find(t, 0xdeadbeef, COUNT(e)));
	for (uint32_t i = 0; i < COUNT(e); i++) {
		uint32_t victim = (i * 77) % COUNT(e);

		table_remove(t, &e[victim].node);
		assert_null(find(t, 0xdeadbeef, victim));
		assert_int_equal(table_count(t), COUNT(e) - i - 1);
	}
	table_free(&t);
}

/* Same bucket, other hash: the comparison is not even asked for. */
static void hash_is_compared_first(void **state)
{
	struct entry e = {.key = 1};
	struct table *t = table_new(entry_eq, seed, 0);

	(void)state;
	assert_true(table_insert(t, &e.node, 0x00000001));
	assert_null(find(t, 0x80000001, 1));
	assert_ptr_equal(find(t, 0x00000001, 1), &e);
	table_free(&t);
}

static void check_order(const struct table *t, const struct entry *e, const char *order)
{
	struct table_node *node = table_oldest(t);

	for (; *order; order++, node = table_newer(node))
		assert_ptr_equal(node, &e[*order - '0'].node);
	assert_null(node);
}

static void lru_order(void **state)
{
	struct entry e[5] = {0};
	struct table *t = table_new(entry_eq, seed, 0);

	(void)state;
	check_order(t, e, "");
	for (uint32_t i = 0; i < COUNT(e); i++) {
		e[i].key = i;
		assert_true(table_insert(t, &e[i].node, hash_of(t, i)));
	}
	check_order(t, e, "01234");
	table_touch(t, &e[4].node);
	check_order(t, e, "01234");
	table_touch(t, &e[0].node);
	check_order(t, e, "12340");
	table_touch(t, &e[3].node);
	check_order(t, e, "12403");
	table_remove(t, &e[4].node);
	check_order(t, e, "1203");
	table_remove(t, &e[1].node);
	check_order(t, e, "203");
	table_remove(t, &e[3].node);
	check_order(t, e, "20");
	assert_true(table_insert(t, &e[1].node, hash_of(t, 1)));
	check_order(t, e, "201");
	(void)find(t, hash_of(t, 2), 2); /* looking is not touching */
	check_order(t, e, "201");
	table_remove(t, &e[2].node);
	table_remove(t, &e[0].node);
	table_remove(t, &e[1].node);
	check_order(t, e, "");
	table_free(&t);
}

static uint64_t rank_of(const struct table_node *node)
{
	return ((const struct entry *)node)->key / 10;
}

static void sorted(void **state)
{
	enum { MANY = 1000 };
	static const uint32_t keys[] = {30, 10, 20, 11, 0};
	struct entry e[5] = {0}, *many = calloc(MANY, sizeof *many);
	struct table *t = table_new(entry_eq, seed, 0);
	uint32_t random = 1, before = 0, n = 0;

	(void)state;
	table_sort(t, rank_of);
	check_order(t, e, "");
	for (uint32_t i = 0; i < COUNT(e); i++) {
		e[i].key = keys[i];
		assert_true(table_insert(t, &e[i].node, hash_of(t, keys[i])));
	}
	table_sort(t, rank_of);
	check_order(t, e, "41320"); /* 10 and 11 are of one rank */
	for (uint32_t i = 0; i < COUNT(e); i++)
		assert_ptr_equal(find(t, hash_of(t, keys[i]), keys[i]), &e[i]);
	for (uint32_t i = 0; i < MANY; i++) {
		random = random * 1664525u + 1013904223u;
		many[i].key = 1000 + (random >> 8) % 100000;
		assert_true(table_insert(t, &many[i].node, hash_of(t, many[i].key)));
	}
	table_sort(t, rank_of);
	for (; table_oldest(t); n++) { /* taking out goes both ways along the list */
		const struct entry *oldest = (const struct entry *)table_oldest(t);

		assert_true(oldest->key / 10 >= before);
		before = oldest->key / 10;
		table_remove(t, table_oldest(t));
	}
	assert_int_equal(n, MANY + COUNT(e));
	table_free(&t);
	free(many);
}

static void cap(void **state)
{
	struct entry e[4] = {{.key = 0}, {.key = 1}, {.key = 2}, {.key = 3}};
	struct table *t = table_new(entry_eq, seed, 3);

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_true(table_insert(t, &e[i].node, hash_of(t, i)));
	assert_false(table_insert(t, &e[3].node, hash_of(t, 3)));
	assert_int_equal(table_count(t), 3);
	assert_null(find(t, hash_of(t, 3), 3));
	table_remove(t, table_oldest(t));
	assert_true(table_insert(t, &e[3].node, hash_of(t, 3)));
	check_order(t, e, "123");
	table_free(&t);
}

/* Random inserts, touches and removals, checked against an array of what must be in. */
static void model(void **state)
{
	enum { KEYS = 700, STEPS = 60000 };
	struct entry *e = calloc(KEYS, sizeof(*e));
	bool in[KEYS] = {false};
	struct table *t = table_new(entry_eq, seed, 0);
	uint32_t random = 1;
	size_t count = 0;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		uint32_t key;

		random = random * 1664525u + 1013904223u;
		key = (random >> 8) % KEYS;
		e[key].key = key;
		assert_ptr_equal(find(t, hash_of(t, key), key), in[key] ? &e[key] : NULL);
		if (!in[key]) {
			assert_true(table_insert(t, &e[key].node, hash_of(t, key)));
			count++;
		} else if (random >> 31) {
			table_touch(t, &e[key].node);
			continue;
		} else {
			table_remove(t, &e[key].node);
			count--;
		}
		in[key] = !in[key];
		assert_int_equal(table_count(t), count);
	}
	table_free(&t);
	free(e);
}

/* Address space held down, so that doubling fails: the insert is refused, and works again once one is taken out. */
static void growth_that_fails(void **state)
{
	enum { N = 1 << 17 };
	struct table *t;
	struct entry *e;
	struct rlimit old, none;

	(void)state;
	if (UNDER_ASAN)
		skip(); /* its shadow memory does not live under a limit */
	t = table_new(entry_eq, seed, 0);
	e = calloc(N + 1, sizeof(*e));
	for (uint32_t i = 0; i < N; i++) {
		e[i].key = i;
		assert_true(table_insert(t, &e[i].node, hash_of(t, i)));
	}
	e[N].key = N;
	assert_int_equal(getrlimit(RLIMIT_AS, &old), 0);
	none = old;
	none.rlim_cur = 1; /* nothing new can be mapped; what is there stays */
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	assert_false(table_insert(t, &e[N].node, hash_of(t, N)));
	assert_int_equal(table_count(t), N);
	assert_ptr_equal(find(t, hash_of(t, 0), 0), &e[0]);
	table_remove(t, &e[0].node);
	assert_true(table_insert(t, &e[N].node, hash_of(t, N)));
	assert_int_equal(setrlimit(RLIMIT_AS, &old), 0);
	assert_ptr_equal(find(t, hash_of(t, N), N), &e[N]);
	assert_true(table_insert(t, &e[0].node, hash_of(t, 0)));
	table_free(&t);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors), cmocka_unit_test(seed_matters), cmocka_unit_test(grows),
		cmocka_unit_test(collisions), cmocka_unit_test(hash_is_compared_first), cmocka_unit_test(lru_order),
		cmocka_unit_test(cap), cmocka_unit_test(sorted), cmocka_unit_test(model), cmocka_unit_test(growth_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
