/* Header fields in any pieces (RFC 5322, RFC 2047): every message whole and cut at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/header.h"

struct row {
	const char *name, *in;
	const char *from, *to, *subject, *id; /* address lists joined by blanks; NULL absent */
};

static const struct row rows[] = {
    {"plain", "From: a@b.example\r\nTo: c@d.example\r\nSubject: hello\r\nMessage-ID: <1@b>\r\n\r\nbody\r\n", "a@b.example", "c@d.example",
     "hello", "1@b"},
    {"names and lists", "From: \"Ann, B\" <a@b.example>\r\nTo: c@d.example, Eve <e@f.example> (x, y)\r\n\r\n", "a@b.example",
     "c@d.example e@f.example", NULL, NULL},
    {"group", "To: list: a@b.example, c@d.example;, e@f.example\r\n\r\n", NULL, "a@b.example c@d.example e@f.example", NULL, NULL},
    {"empty group", "To: undisclosed-recipients:;\r\n\r\n", NULL, NULL, NULL, NULL},
    {"folded", "Subject: one\r\n two\r\n\tthree\r\n\r\n", NULL, NULL, "one two\tthree", NULL},
    {"bare lf", "Subject: one\nFrom: a@b\n\nSubject: body\n", "a@b", NULL, "one", NULL},
    {"no empty line", "Subject: one", NULL, NULL, "one", NULL},
    {"q encoding", "Subject: =?iso-8859-1?Q?caf=E9_au_lait?=\r\n\r\n", NULL, NULL, "caf\xc3\xa9 au lait", NULL},
    {"b encoding, two words", "Subject: =?utf-8?B?Z3LDvMOf?= =?UTF-8?B?ZQ==?= !\r\n\r\n", NULL, NULL, "gr\xc3\xbc\xc3\x9f" "e !", NULL},
    {"unknown charset stays", "Subject: =?x-none?Q?a?=\r\n\r\n", NULL, NULL, "=?x-none?Q?a?=", NULL},
    {"broken word stays", "Subject: =?utf-8?B?!!!?=\r\n\r\n", NULL, NULL, "=?utf-8?B?!!!?=", NULL},
    {"case and blanks", "SUBJECT : x\r\nfrom:a@b\r\n\r\n", "a@b", NULL, "x", NULL},
    {"first counts", "Subject: one\r\nSubject: two\r\n\r\n", NULL, NULL, "one", NULL},
    {"unwanted", "Received: from x\r\n by y\r\nX-A: 1\r\nSubject: s\r\n\r\n", NULL, NULL, "s", NULL},
    {"body only", "\r\nSubject: no\r\n", NULL, NULL, NULL, NULL},
    {"quoted at", "From: \"a@x\" <b@y.example>\r\n\r\n", "b@y.example", NULL, NULL, NULL},
};

static void check_text(const struct row *row, struct span got, const char *want)
{
	if (want ? !span_eq(got, span_str(want)) : got.p != NULL)
		fail_msg("%s: \"%.*s\", expected \"%s\"", row->name, (int)got.n, (const char *)got.p, want ? want : "(none)");
}

static void check_list(const struct row *row, const struct header_list *l, const char *want)
{
	char all[256] = "";

	for (uint32_t i = 0; i < l->n; i++) {
		strcat(all, i ? " " : "");
		strncat(all, (const char *)l->v[i].p, l->v[i].n);
	}
	if (strcmp(all, want ? want : "") != 0)
		fail_msg("%s: addresses %s, expected %s", row->name, all, want ? want : "(none)");
}

static void run(struct pool *pool, const struct row *row, size_t split)
{
	struct arena arena;
	struct header h;
	size_t n = strlen(row->in);

	arena_init(&arena, pool, 0);
	header_init(&h, &arena);
	header_push(&h, span_of(guard_copy(row->in, split), split));
	header_push(&h, span_of(guard_copy(row->in + split, n - split), n - split));
	header_finish(&h);
	check_list(row, &h.from, row->from);
	check_list(row, &h.to, row->to);
	check_text(row, h.subject, row->subject);
	check_text(row, h.message_id, row->id);
	arena_clear(&arena);
}

static void test_messages(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t split = 0; split <= strlen(rows[i].in); split++)
			run(pool, &rows[i], split);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* A header that never ends, and a field that never ends: bounded, and the field before them is there. */
static void test_limits(void **state)
{
	struct pool *pool = pool_new(0);
	struct arena arena;
	struct header h;
	char line[1000];

	(void)state;
	memset(line, 'x', sizeof line);
	arena_init(&arena, pool, 0);
	header_init(&h, &arena);
	header_push(&h, SPAN("Subject: s\r\nTo: "));
	for (int i = 0; i < 1000; i++)
		header_push(&h, span_of(line, sizeof line));
	assert_true(h.done && h.cut);
	assert_true(span_eq(h.subject, SPAN("s")));
	assert_true(pool_used(pool) < 128 * 1024);
	arena_clear(&arena);
	header_init(&h, &arena);
	header_push(&h, SPAN("To: "));
	for (int i = 0; i < 200; i++)
		header_push(&h, SPAN("a@b,"));
	header_finish(&h);
	assert_int_equal(h.to.n, HEADER_MAX_ADDRESSES);
	assert_true(h.cut);
	arena_clear(&arena);
	pool_free(&pool);
}

static void test_no_memory(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 8; n++) {
		struct pool *pool = pool_new(0);
		struct arena arena;
		struct header h;

		pool_fail_at(pool, n);
		arena_init(&arena, pool, 0);
		header_init(&h, &arena);
		header_push(&h, span_str(rows[0].in));
		header_finish(&h);
		arena_clear(&arena);
		assert_int_equal(pool_used(pool), 0);
		pool_free(&pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages), cmocka_unit_test(test_limits), cmocka_unit_test(test_no_memory)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
