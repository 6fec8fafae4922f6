/* Is it SMTP? From the first bytes of either side, whatever pieces they come in, and nothing is lost on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/detect.h"

struct say {
	char who; /* 'C', 'S', 0 the end */
	const char *text;
	size_t n;
};

struct row {
	const char *name;
	struct say says[6];
	enum detect_verdict verdict; /* after detect_finish() */
	bool swapped;
	const char *client, *server; /* what the session reads after DETECT_SMTP */
};

#define SAY(w, s) {w, s, sizeof(s) - 1}
static const struct row rows[] = {
    {"greeting", {SAY('S', "220 mx.example ESMTP\r\n")}, DETECT_SMTP, false, "", "220 mx.example ESMTP\r\n"},
    {"lmtp greeting", {SAY('S', "220 mx LMTP ready\r\n")}, DETECT_SMTP, false, "", "220 mx LMTP ready\r\n"},
    {"plain greeting, then ehlo", {SAY('S', "220 mx\r\n"), SAY('C', "EHLO c\r\n")}, DETECT_SMTP, false, "EHLO c\r\n", "220 mx\r\n"},
    {"ftp", {SAY('S', "220 ready\r\n"), SAY('C', "USER ann\r\n")}, DETECT_OTHER, false, "", ""},
    {"client only", {SAY('C', "helo c.example\r\n")}, DETECT_SMTP, false, "helo c.example\r\n", ""},
    {"late start", {SAY('C', "MAIL FROM:<a@b>\r\n")}, DETECT_SMTP, false, "MAIL FROM:<a@b>\r\n", ""},
    {"server only, keywords", {SAY('S', "250-mx\r\n250-PIPELINING\r\n250 SIZE 10\r\n")}, DETECT_SMTP, false, "",
     "250-mx\r\n250-PIPELINING\r\n250 SIZE 10\r\n"},
    {"roles the other way round", {SAY('C', "220 mx ESMTP\r\n"), SAY('S', "EHLO c\r\n")}, DETECT_SMTP, true, "220 mx ESMTP\r\n", ""},
    {"pop3", {SAY('S', "+OK POP3\r\n")}, DETECT_OTHER, false, "", ""},
    {"imap", {SAY('S', "* OK IMAP4\r\n")}, DETECT_OTHER, false, "", ""},
    {"http", {SAY('C', "GET / HTTP/1.1\r\n")}, DETECT_OTHER, false, "", ""},
    {"tls", {SAY('C', "\x16\x03\x01\x02\x00")}, DETECT_OTHER, false, "", ""},
    {"ehlo without a name", {SAY('C', "EHLO\r\n")}, DETECT_OTHER, false, "", ""},
    {"word that starts alike", {SAY('C', "EHLOS x\r\n")}, DETECT_OTHER, false, "", ""},
    {"undecided at the end", {SAY('S', "220 mx\r\n")}, DETECT_OTHER, false, "", ""},
    {"socks5",
     {SAY('C', "\x05\x01\x00"), SAY('S', "\x05\x00"), SAY('C', "\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x19"),
      SAY('S', "\x05\x00\x00\x01\x0a\x00\x00\x01\xd1\xcd"), SAY('S', "220 x ESMTP\r\n")},
     DETECT_SMTP, false, "", "220 x ESMTP\r\n"},
    {"connect",
     {SAY('C', "CONNECT mx:25 HTTP/1.1\r\n\r\n"), SAY('S', "HTTP/1.1 200 OK\r\n\r\n"), SAY('S', "220 x ESMTP\r\n"),
      SAY('C', "EHLO c\r\n")},
     DETECT_SMTP, false, "", "220 x ESMTP\r\n"},
    {"connect refused", {SAY('C', "CONNECT mx:25 HTTP/1.1\r\n\r\n"), SAY('S', "HTTP/1.1 403 No\r\n\r\n")}, DETECT_OTHER, false, "", ""},
};

struct read {
	char text[2][256];
	size_t n[2];
};

static void collect(struct detect *d, struct read *r)
{
	struct chunk c;

	while (detect_next(d, &c)) {
		assert_int_equal(c.off, r->n[c.dir]); /* law L5 also for what was kept */
		memcpy(r->text[c.dir] + r->n[c.dir], c.data, (size_t)c.len);
		r->n[c.dir] += (size_t)c.len;
	}
}

static void check(struct pool *pool, const struct row *row, size_t step)
{
	struct detect *d = detect_new(pool);
	enum detect_verdict verdict = DETECT_UNDECIDED;
	uint64_t off[2] = {0, 0};
	struct read got = {{{0}}, {0}};

	for (const struct say *s = row->says; s->who && verdict == DETECT_UNDECIDED; s++)
		for (size_t at = 0; at < s->n && verdict == DETECT_UNDECIDED; at += step) {
			size_t n = s->n - at < step ? s->n - at : step;
			struct chunk c = {.kind = CHUNK_DATA, .dir = s->who == 'C' ? DIR_CLIENT : DIR_SERVER, .len = n};

			c.off = off[c.dir];
			c.data = guard_copy(s->text + at, n);
			verdict = detect_feed(d, &c);
			off[c.dir] += n;
		}
	if (verdict == DETECT_UNDECIDED)
		verdict = detect_finish(d);
	if (verdict != row->verdict)
		fail_msg("%s in pieces of %zu: verdict %d", row->name, step, verdict);
	if (verdict == DETECT_SMTP) {
		collect(d, &got);
		assert_int_equal(detect_swapped(d), row->swapped);
		assert_true(strncmp(got.text[0], row->client, got.n[0]) == 0);
		assert_true(strncmp(got.text[1], row->server, got.n[1]) == 0);
	}
	detect_free(&d);
	assert_int_equal(pool_used(pool), 0);
}

static void test_verdicts(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t step = 1; step < 40; step++)
			check(pool, &rows[i], step);
	pool_free(&pool);
}

/* Something that never decides does not grow. */
static void test_bounded(void **state)
{
	struct pool *pool = pool_new(0);
	struct detect *d = detect_new(pool);
	struct chunk c = {.kind = CHUNK_DATA, .dir = DIR_SERVER, .len = 1, .data = (const uint8_t *)"2"};
	enum detect_verdict verdict = DETECT_UNDECIDED;

	(void)state;
	for (int i = 0; i < 100000 && verdict == DETECT_UNDECIDED; i++, c.off++)
		verdict = detect_feed(d, &c);
	assert_int_equal(verdict, DETECT_OTHER);
	assert_true(pool_used(pool) < 256 * 1024);
	detect_free(&d);
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts), cmocka_unit_test(test_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
