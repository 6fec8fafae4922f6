/* Lines out of chunks: every input whole and in every pair of pieces, at a guard page (RFC 5321 2.3.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/line.h"

struct expected {
	const char *text;
	uint64_t length;
	enum line_end end;
};

struct row {
	const char *name;
	const char *in;
	size_t n;
	struct expected lines[4];
	size_t count;
	const char *rest; /* what line_finish() gives, NULL nothing */
};

#define IN(s) s, sizeof(s) - 1
static const struct row rows[] = {
    {"crlf", IN("NOOP\r\n"), {{"NOOP", 6, LINE_END_CRLF}}, 1, NULL},
    {"lf", IN("NOOP\n"), {{"NOOP", 5, LINE_END_LF}}, 1, NULL},
    {"crcrlf", IN("NOOP\r\r\n"), {{"NOOP", 7, LINE_END_CRCRLF}}, 1, NULL},
    {"empty lines", IN("\r\n\n"), {{"", 2, LINE_END_CRLF}, {"", 1, LINE_END_LF}}, 2, NULL},
    {"bare cr is text", IN("A\rB\r\n"), {{"A\rB", 5, LINE_END_CRLF}}, 1, NULL},
    {"two and a rest", IN("A\r\nB\r\nQUI"), {{"A", 3, LINE_END_CRLF}, {"B", 3, LINE_END_CRLF}}, 2, "QUI"},
    {"rest ends in cr", IN("A\r"), {{0}}, 0, "A\r"},
    {"nothing", IN(""), {{0}}, 0, NULL},
};

static void feed(struct line_reader *r, const struct row *row, size_t from, size_t to, size_t *got)
{
	struct chunk c = {.kind = CHUNK_DATA, .off = from, .len = to - from, .frame = from + 1};
	struct line l;

	c.data = guard_copy(row->in + from, to - from);
	while (line_next(r, &c, LINE_KEPT, &l) == 1) {
		const struct expected *e = &row->lines[*got];

		assert_true(*got < row->count);
		assert_int_equal(l.text.n, strlen(e->text));
		assert_memory_equal(l.text.p, e->text, l.text.n);
		assert_int_equal(l.length, e->length);
		assert_int_equal(l.end, e->end);
		++*got;
	}
	assert_int_equal(c.len, 0);
}

static void check(struct pool *pool, const struct row *row, size_t split)
{
	struct line_reader r = {.pool = pool};
	struct line l;
	size_t got = 0;

	feed(&r, row, 0, split, &got);
	feed(&r, row, split, row->n, &got);
	if (got != row->count)
		fail_msg("%s, cut at %zu: %zu lines, expected %zu", row->name, split, got, row->count);
	if (row->rest) {
		assert_int_equal(line_finish(&r, &l), 1);
		assert_int_equal(l.end, LINE_END_NONE);
		assert_int_equal(l.length, strlen(row->rest));
		assert_memory_equal(l.text.p, row->rest, l.text.n);
	}
	assert_int_equal(line_finish(&r, &l), 0);
	line_reset(&r);
}

static void test_every_split(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t split = 0; split <= rows[i].n; split++)
			check(pool, &rows[i], split);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* One line of 1 MB in pieces of 1000: counted in full, kept to the limit, memory bounded. */
static void test_long_line(void **state)
{
	struct pool *pool = pool_new(0);
	struct line_reader r = {.pool = pool};
	uint8_t piece[1000];
	struct chunk c;
	struct line l;

	(void)state;
	memset(piece, 'x', sizeof piece);
	for (unsigned i = 0; i < 1000; i++) {
		c = (struct chunk){.kind = CHUNK_DATA, .len = sizeof piece, .data = piece};
		assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), 0);
		assert_true(pool_used(pool) <= 2 * LINE_KEPT);
	}
	c = (struct chunk){.kind = CHUNK_DATA, .len = 2, .data = (const uint8_t *)"\r\n"};
	assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), 1);
	assert_int_equal(l.length, 1000002);
	assert_int_equal(l.text.n, LINE_KEPT);
	assert_int_equal(l.end, LINE_END_CRLF);
	line_reset(&r);
	pool_free(&pool);
}

/* A line that is longer than what is kept, in one piece and in two: its end is told from the octets at hand. */
static void test_cut(void **state)
{
	static const struct {
		const char *in;
		size_t n;
		enum line_end end;
	} cuts[] = {{IN("abcdef\r\n"), LINE_END_CRLF}, {IN("abcdef\n"), LINE_END_LF}, {IN("abcdefgh\n"), LINE_END_LF}};
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
		for (size_t split = 0; split < cuts[i].n - 2; split++) {
			struct line_reader r = {.pool = pool};
			struct chunk c = {.kind = CHUNK_DATA, .len = split, .data = guard_copy(cuts[i].in, split)};
			struct line l;

			assert_int_equal(line_next(&r, &c, 4, &l), 0);
			assert_int_equal(line_pending(&r), split > 0);
			c = (struct chunk){.len = cuts[i].n - split, .data = guard_copy(cuts[i].in + split, cuts[i].n - split)};
			assert_int_equal(line_next(&r, &c, 4, &l), 1);
			assert_int_equal(l.length, cuts[i].n);
			assert_int_equal(l.end, cuts[i].end);
			assert_int_equal(l.text.n, 4);
			assert_memory_equal(l.text.p, "abcd", 4);
			assert_false(line_pending(&r));
			line_reset(&r);
		}
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* A line in three pieces with another behind it in the last: neither holds anything of the other. */
static void test_pieces(void **state)
{
	static const char *const pieces[] = {"NO", "O", "P\r\nQUIT\r\n"};
	struct pool *pool = pool_new(0);
	struct line_reader r = {.pool = pool};
	struct line l;
	struct chunk c;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 3; i++) {
			c = (struct chunk){.len = strlen(pieces[i]), .data = guard_copy(pieces[i], strlen(pieces[i]))};
			assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), i == 2);
		}
		assert_int_equal(l.text.n, 4);
		assert_memory_equal(l.text.p, "NOOP", 4);
		assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), 1);
		assert_int_equal(l.length, 6);
		assert_memory_equal(l.text.p, "QUIT", 4);
	}
	line_reset(&r);
	assert_int_equal(r.length, 0);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* The rest of a stream knows where it began. */
static void test_rest(void **state)
{
	struct pool *pool = pool_new(0);
	struct line_reader r = {.pool = pool};
	struct chunk c = {.off = 5, .len = 3, .data = (const uint8_t *)"QUI", .ts = 9};
	struct line l;

	(void)state;
	assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), 0);
	assert_int_equal(line_finish(&r, &l), 1);
	assert_int_equal(l.first.off, 5);
	assert_int_equal(l.last.off, 8);
	assert_int_equal(l.first.ts, 9);
	assert_int_equal(l.length, 3);
	line_reset(&r);
	pool_free(&pool);
}

/* No memory: lines that span pieces lose their text, not their length. */
static void test_no_memory(void **state)
{
	struct pool *pool = pool_new(1);
	struct line_reader r = {.pool = pool};
	struct chunk c = {.kind = CHUNK_DATA, .len = 2, .data = (const uint8_t *)"NO"};
	struct line l;

	(void)state;
	assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), 0);
	c = (struct chunk){.kind = CHUNK_DATA, .len = 4, .data = (const uint8_t *)"OP\r\n"};
	assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), 1);
	assert_int_equal(l.length, 6);
	assert_int_equal(l.text.n, 0);
	pool_free(&pool);
}

/* The first and the last piece of a line are told apart: when and where it began and ended. */
static void test_origin(void **state)
{
	struct pool *pool = pool_new(0);
	struct line_reader r = {.pool = pool};
	struct chunk c = {.kind = CHUNK_DATA, .off = 7, .len = 2, .data = (const uint8_t *)"NO", .ts = 1, .peer_seen = 3, .frame = 4};
	struct line l;

	(void)state;
	line_next(&r, &c, LINE_KEPT, &l);
	c = (struct chunk){.off = 9, .len = 4, .data = (const uint8_t *)"OP\r\n", .ts = 2, .peer_seen = 5, .frame = 6};
	assert_int_equal(line_next(&r, &c, LINE_KEPT, &l), 1);
	assert_int_equal(l.first.off, 7);
	assert_int_equal(l.first.peer_seen, 3);
	assert_int_equal(l.first.frame, 4);
	assert_int_equal(l.last.ts, 2);
	assert_int_equal(l.last.frame, 6);
	line_reset(&r);
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_split),
	    cmocka_unit_test(test_long_line),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_origin),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
