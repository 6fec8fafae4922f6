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
    {"other fields", "Cc: x@y\r\nReply-To: r@s\r\nX-Mailer: m\r\nContent-Type: text/plain\r\nTo: a@b\r\n\r\n", NULL, "a@b", NULL, NULL},
    {"comments", "To: a@b (c (d, x@y) e), e@f\r\n\r\n", NULL, "a@b e@f", NULL, NULL},
    {"comments in front", "To: (x) a@b, (y (z@z)) (w)c@d (e), (only) , (f g@h\r\n\r\n", NULL, "a@b c@d", NULL, NULL},
    {"escaped in a comment", "To: a@b (\\), x@y), c@d\r\n\r\n", NULL, "a@b c@d", NULL, NULL},
    {"escaped in a comment in front", "To: (x\\) y) a@b, (z\\\\) c@d\r\n\r\n", NULL, "a@b c@d", NULL, NULL},
    {"escaped in quotes", "To: \"x\\\", y\" <a@b>, c@d\r\n\r\n", NULL, "a@b c@d", NULL, NULL},
    {"brackets in quotes", "To: \"<x@y>\" <a@b>\r\n\r\n", NULL, "a@b", NULL, NULL},
    {"quote in a comment", "To: a@b (it\"s), c@d\r\n\r\n", NULL, "a@b c@d", NULL, NULL},
    {"parentheses in quotes", "To: \"(\" <a@b>, c@d\r\n\r\n", NULL, "a@b c@d", NULL, NULL},
    {"route in brackets", "To: <@x,@y:a@b>, c@d\r\n\r\n", NULL, "@x,@y:a@b c@d", NULL, NULL},
    {"bracket not closed", "To: <a@b\r\n\r\n", NULL, "a@b", NULL, NULL},
    {"names without address", "To: Ann, bob; c@d\r\n\r\n", NULL, "c@d", NULL, NULL},
    {"nothing between commas", "To: , ,a@b,\r\n\r\n", NULL, "a@b", NULL, NULL},
    {"many addresses", "To: a@b, c@d, e@f, g@h, i@j, k@l, m@n, o@p, q@r, s@t, u@v, w@x, y@z, 1@2, 3@4, 5@6, 7@8\r\n\r\n", NULL,
     "a@b c@d e@f g@h i@j k@l m@n o@p q@r s@t u@v w@x y@z 1@2 3@4 5@6 7@8", NULL, NULL},
    {"two fields of addresses", "To: a@b\r\nTo: c@d\r\n\r\n", NULL, "a@b c@d", NULL, NULL},
    {"id without brackets", "Message-ID: 1@b\r\n\r\n", NULL, NULL, NULL, "1@b"},
    {"id with brackets the wrong way", "Message-ID: >1@b<\r\n\r\n", NULL, NULL, NULL, ">1@b<"},
    {"id not closed", "Message-ID: <1@b\r\n\r\n", NULL, NULL, NULL, "<1@b"},
    {"id not opened", "Message-ID: 1@b>\r\n\r\n", NULL, NULL, NULL, "1@b>"},
    {"empty id", "Message-ID: <>\r\nMessage-ID: <2@b>\r\n\r\n", NULL, NULL, NULL, ""},
    {"first id counts", "Message-ID: <1@b>\r\nMessage-ID: <2@b>\r\n\r\n", NULL, NULL, NULL, "1@b"},
    {"language of a word", "Subject: =?utf-8*en?Q?a=20b?=\r\n\r\n", NULL, NULL, "a b", NULL},
    {"word between text", "Subject: x =?utf-8?q?y?= z\r\n\r\n", NULL, NULL, "x y z", NULL},
    {"text between words", "Subject: =?utf-8?q?x?= y =?utf-8?q?z?=\r\n\r\n", NULL, NULL, "x y z", NULL},
    {"three words", "Subject: =?utf-8?q?x?=  =?utf-8?q?y?= \r\n =?utf-8?q?z?=\r\n\r\n", NULL, NULL, "xyz", NULL},
    {"broken word behind a word", "Subject: =?utf-8?q?x?= =?utf-8?z?y?=\r\n\r\n", NULL, NULL, "x =?utf-8?z?y?=", NULL},
    {"encoding of two letters", "Subject: =?utf-8?qq?y?=\r\n\r\n", NULL, NULL, "=?utf-8?qq?y?=", NULL},
    {"word not closed", "Subject: =?utf-8?q?y\r\n\r\n", NULL, NULL, "=?utf-8?q?y", NULL},
    {"word cut short", "Subject: =?utf-8?q\r\n\r\n", NULL, NULL, "=?utf-8?q", NULL},
    {"empty word", "Subject: a =?utf-8?q?\?= b\r\n\r\n", NULL, NULL, "a  b", NULL},
    {"cr in a line", "Subject: a\rb\r\n\r\n", NULL, NULL, "a\rb", NULL},
    {"not a field", "hello\r\nSubject: s\r\n\r\n", NULL, NULL, "s", NULL},
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

/* The fields that no row above looks at. */
static void test_other_fields(void **state)
{
	struct pool *pool = pool_new(0);
	struct arena arena;
	struct header h;

	(void)state;
	arena_init(&arena, pool, 0);
	header_init(&h, &arena);
	header_push(&h, SPAN("Cc: c@d\r\nReply-To: r@s\r\nUser-Agent: =?utf-8?q?m?=\r\nContent-Type: text/plain;\r\n charset=x\r\n\r\nX"));
	assert_true(h.done);
	assert_false(h.cut);
	assert_int_equal(h.cc.n, 1);
	assert_true(span_eq(h.cc.v[0], SPAN("c@d")));
	assert_int_equal(h.reply_to.n, 1);
	assert_true(span_eq(h.reply_to.v[0], SPAN("r@s")));
	assert_true(span_eq(h.x_mailer, SPAN("m")));
	assert_true(span_eq(h.content_type, SPAN("text/plain; charset=x")));
	arena_clear(&arena);
	arena_init(&arena, pool, 0);
	header_init(&h, &arena);
	header_push(&h, SPAN("X-Mailer: one\r\nUser-Agent: two\r\n"));
	header_finish(&h);
	assert_true(span_eq(h.x_mailer, SPAN("one")));
	arena_clear(&arena);
	pool_free(&pool);
}

/* One field as long as is kept, and one octet longer; a header as long as is read, and one octet longer. */
static void test_borders(void **state)
{
	static char text[HEADER_MAX_BYTES + 10];
	struct pool *pool = pool_new(0);
	struct arena arena;
	struct header h;

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t over = 0; over < 2; over++) {
		arena_init(&arena, pool, 0);
		header_init(&h, &arena);
		header_push(&h, SPAN("Subject:"));
		header_push(&h, span_of(text, HEADER_MAX_FIELD - 8 + over));
		header_push(&h, SPAN("\r\nTo: a@b\r\n\r\n"));
		assert_int_equal(h.cut, over);
		assert_int_equal(h.subject.n, HEADER_MAX_FIELD - 8);
		assert_int_equal(h.to.n, 1);
		arena_clear(&arena);
		arena_init(&arena, pool, 0);
		header_init(&h, &arena);
		header_push(&h, SPAN("X:"));
		header_push(&h, span_of(text, HEADER_MAX_BYTES - 2 + over));
		assert_int_equal(h.cut, over);
		assert_int_equal(h.done, over);
		arena_clear(&arena);
	}
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* Never more than there is room for. */
static void test_decode_room(void **state)
{
	struct span in = SPAN("ab =?utf-8?q?cd?= ef");

	(void)state;
	for (size_t cap = 0; cap < 12; cap++) {
		uint8_t *room = guard_room(cap);
		size_t n = rfc2047_decode(in, room, cap);

		assert_true(n <= cap);
		if (cap >= 8)
			assert_memory_equal(room, "ab cd ef", 8);
	}
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages), cmocka_unit_test(test_other_fields),
	    cmocka_unit_test(test_borders), cmocka_unit_test(test_decode_room), cmocka_unit_test(test_limits), cmocka_unit_test(test_no_memory)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
