/* Texts of servers that are kept once: who finds which, who holds it, and what is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/said.h"

static struct said *made(struct heard *h, struct pool *pool, const struct span *lines, uint32_t count)
{
	uint8_t *more;
	uint32_t hash;
	struct said *x;

	assert_null(said_find(h, lines, count, &hash));
	x = said_new(pool, lines, count, hash, 16, &more);
	assert_non_null(x);
	memset(more, 0xff, 16); /* room that is the caller's */
	said_share(h, x);
	return x;
}

/* Every text that differs, be it in one octet or in where its lines end, is one of its own. */
static void test_found(void **state)
{
	static const struct span texts[][2] = {
		{SPAN_INIT("mx.example ESMTP"), SPAN_INIT("SIZE 1000")},
		{SPAN_INIT("mx.example ESMTP"), SPAN_INIT("SIZE 1001")},
		{SPAN_INIT("mx.example ESMTPS"), SPAN_INIT("IZE 1000")},
		{SPAN_INIT("nx.example ESMTP"), SPAN_INIT("SIZE 1000")},
		{SPAN_INIT("mx.example"), SPAN_INIT("12345678")},
		{SPAN_INIT("mx.example"), SPAN_INIT("1234567")},
		{SPAN_INIT("mx.example"), SPAN_INIT("123456789")},
		{SPAN_INIT(""), SPAN_INIT("")},
	};
	enum { TEXTS = sizeof texts / sizeof *texts };
	struct pool *pool = pool_new(0);
	struct heard *h = heard_new(pool);
	struct said *held[2 * TEXTS];
	uint32_t hash;

	(void)state;
	for (size_t i = 0; i < 2 * TEXTS; i++) { /* of two lines and of the first alone */
		const struct span *lines = texts[i / 2];
		uint32_t count = 2 - i % 2;
		struct said *again = said_find(h, lines, count, &hash);

		if (again) { /* the first line is that of an earlier text */
			held[i] = again;
			continue;
		}
		held[i] = made(h, pool, lines, count);
		again = said_find(h, lines, count, &hash);
		assert_ptr_equal(again, held[i]);
		assert_int_equal(again->refs, 3); /* here, in the table, and once more */
		assert_int_equal(again->line_count, count);
		said_drop(pool, &again);
		assert_null(again);
		for (uint32_t k = 0; k < count; k++)
			assert_true(span_eq(held[i]->lines[k], lines[k]) && held[i]->lines[k].p != lines[k].p);
	}
	heard_free(&h);
	assert_null(h);
	for (size_t i = 0; i < 2 * TEXTS; i++) { /* who holds a text keeps it */
		assert_true(span_eq(held[i]->lines[0], texts[i / 2][0]));
		said_drop(pool, &held[i]);
	}
	assert_int_equal(pool_used(pool), 0);
	heard_free(&h);
	pool_free(&pool);
}

/* How many of 200 texts are found when they come a second time. It is not the first line that tells them apart. */
static unsigned found_again(const char *before, const char *behind)
{
	struct pool *pool = pool_new(0);
	struct heard *h = heard_new(pool);
	struct span lines[] = {SPAN_INIT("mx.example"), SPAN_ABSENT};
	unsigned found = 0;
	char text[48];
	uint32_t hash;

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 200; i++) {
			struct said *x;

			lines[1] = span_of(text, span_printf(text, 0, sizeof text, "%s%u%s", before, 100 + i, behind));
			x = said_find(h, lines, 2, &hash);
			found += round && x;
			if (!x)
				x = made(h, pool, lines, 2);
			said_drop(pool, &x);
		}
	heard_free(&h);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
	return found;
}

/*
 * The newest of one place is found; those before it live as long as somebody holds them. Of 200 texts in 256 places nearly
 * half are alone in theirs, wherever in the line they differ.
 */
static void test_places(void **state)
{
	(void)state;
	for (const char *before = "0123456789 ESMTP"; *before; before++) {
		assert_true(found_again(before, "") > 40);
		assert_true(found_again(before, " at your service") > 40);
	}
}

/* Two texts of one hash are told apart all the same: by how many lines they have, and by each of them. */
static void test_collision(void **state)
{
	static const struct span lines[] = {SPAN_INIT("mx.example"), SPAN_INIT("SIZE 1000")};
	static const struct span other[] = {SPAN_INIT("mx.example"), SPAN_INIT("SIZE 1001")};
	struct pool *pool = pool_new(0);
	struct heard *h = heard_new(pool);

	(void)state;
	for (uint32_t count = 1; count <= 2; count++) {
		struct said *x;
		uint8_t *more;
		uint32_t hash;

		assert_null(said_find(h, lines, count, &hash));
		x = said_new(pool, other, 2, hash, 0, &more);
		said_share(h, x);
		said_drop(pool, &x);
		assert_null(said_find(h, lines, count, &hash));
	}
	heard_free(&h);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* Without a table each keeps its own; without memory there is none. */
static void test_without(void **state)
{
	static const struct span line = SPAN_INIT("mx.example");
	struct pool *pool = pool_new(0);
	struct said *x = made(NULL, pool, &line, 1);
	struct heard *h;
	uint8_t *more;
	uint32_t hash;

	(void)state;
	assert_int_equal(x->refs, 1);
	assert_null(said_find(NULL, &line, 1, &hash));
	assert_null(said_ref(NULL));
	said_drop(pool, &x);
	said_drop(pool, &x);
	pool_fail_at(pool, 1);
	assert_null(said_new(pool, &line, 1, hash, 0, &more));
	pool_fail_at(pool, 1);
	h = heard_new(pool);
	assert_null(h);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_found), cmocka_unit_test(test_places), cmocka_unit_test(test_collision),
					   cmocka_unit_test(test_without)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
