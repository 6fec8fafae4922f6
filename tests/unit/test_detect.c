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
    {"socks5, host name",
     {SAY('C', "\x05\x02\x00\x02"), SAY('S', "\x05\x00"), SAY('C', "\x05\x01\x00\x03\x02mx\x00\x19"),
      SAY('S', "\x05\x00\x00\x03\x01x\x00\x19"), SAY('S', "220 x ESMTP\r\n"), SAY('C', "EHLO c\r\n")},
     DETECT_SMTP, false, "EHLO c\r\n", "220 x ESMTP\r\n"},
    {"socks5, ipv6",
     {SAY('C', "\x05\x01\x00"), SAY('S', "\x05\x00"), SAY('C', "\x05\x01\x00\x04" "0123456789abcdef" "\x00\x19"),
      SAY('S', "\x05\x00\x00\x04" "0123456789abcdef" "\x00\x19"), SAY('S', "220 x ESMTP\r\n")},
     DETECT_SMTP, false, "", "220 x ESMTP\r\n"},
    {"socks5, no such type of address",
     {SAY('C', "\x05\x01\x00\x05\x01\x00\x05\x0a\x00\x00\x01\x00\x19"), SAY('S', "\x05\x00\x05\x00\x00\x05\x0a\x00\x00\x01\x00\x19"),
      SAY('S', "220 x ESMTP\r\n")},
     DETECT_OTHER, false, "", ""},
    {"socks5, not connect",
     {SAY('C', "\x05\x01\x00\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x19"), SAY('S', "\x05\x00\x05\x00\x00\x01\x0a\x00\x00\x01\xd1\xcd"),
      SAY('S', "220 x ESMTP\r\n")},
     DETECT_OTHER, false, "", ""},
    {"socks5, refused",
     {SAY('C', "\x05\x01\x00\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x19"), SAY('S', "\x05\x00\x05\x05\x00\x01\x0a\x00\x00\x01\xd1\xcd"),
      SAY('S', "220 x ESMTP\r\n")},
     DETECT_OTHER, false, "", ""},
    {"socks5, with a password",
     {SAY('C', "\x05\x01\x02\x05\x01\x00\x01\x0a\x00\x00\x01\x00\x19"), SAY('S', "\x05\x02\x05\x00\x00\x01\x0a\x00\x00\x01\xd1\xcd"),
      SAY('S', "220 x ESMTP\r\n")},
     DETECT_OTHER, false, "", ""},
    {"socks4",
     {SAY('C', "\x04\x01\x00\x19\x0a\x00\x00\x01user\x00"), SAY('S', "\x00\x5a\x00\x00\x00\x00\x00\x00"), SAY('S', "220 x ESMTP\r\n"),
      SAY('C', "EHLO c\r\n")},
     DETECT_SMTP, false, "EHLO c\r\n", "220 x ESMTP\r\n"},
    {"socks4, nobody",
     {SAY('C', "\x04\x01\x00\x19\x0a\x00\x00\x01\x00"), SAY('S', "\x00\x5a\x00\x00\x00\x00\x00\x00"), SAY('S', "220 x ESMTP\r\n")},
     DETECT_SMTP, false, "", "220 x ESMTP\r\n"},
    {"socks4, refused",
     {SAY('C', "\x04\x01\x00\x19\x0a\x00\x00\x01\x00"), SAY('S', "\x00\x5b\x00\x00\x00\x00\x00\x00"), SAY('S', "220 x ESMTP\r\n")},
     DETECT_OTHER, false, "", ""},
    {"socks4, bind",
     {SAY('C', "\x04\x02\x00\x19\x0a\x00\x00\x01\x00"), SAY('S', "\x00\x5a\x00\x00\x00\x00\x00\x00"), SAY('S', "220 x ESMTP\r\n")},
     DETECT_OTHER, false, "", ""},
    {"connect, small letters, more fields",
     {SAY('C', "connect mx:25 http/1.1\r\nHost: mx\r\n\r\n"), SAY('S', "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"), SAY('C', "HELO c\r\n")},
     DETECT_SMTP, false, "HELO c\r\n", ""},
    {"connect, other answer", {SAY('C', "CONNECT mx:25 HTTP/1.1\r\n\r\n"), SAY('S', "SIP/1.1 200 OK\r\n\r\n"), SAY('S', "220 x ESMTP\r\n")},
     DETECT_OTHER, false, "", ""},
    {"lhlo", {SAY('C', "LHLO c\r\n")}, DETECT_SMTP, false, "LHLO c\r\n", ""},
    {"rcpt", {SAY('C', "RCPT TO:<a@b>\n")}, DETECT_SMTP, false, "RCPT TO:<a@b>\n", ""},
    {"mail without a path", {SAY('C', "MAIL FROM:\r\n")}, DETECT_OTHER, false, "", ""},
    {"line that has not ended", {SAY('C', "EHLO c.exam")}, DETECT_OTHER, false, "", ""},
    {"greeting in the second line", {SAY('S', "220-mx\r\n220 mx SMTP\r\n")}, DETECT_SMTP, false, "", "220-mx\r\n220 mx SMTP\r\n"},
    {"greeting that has not ended", {SAY('S', "220 mx ESMTP")}, DETECT_OTHER, false, "", ""},
    {"refused greeting", {SAY('S', "554 mx ESMTP\r\n")}, DETECT_OTHER, false, "", ""},
    {"keyword without 250", {SAY('S', "214 PIPELINING\r\n")}, DETECT_OTHER, false, "", ""},
    {"unknown keyword", {SAY('S', "250-mx\r\n250 FOO\r\n")}, DETECT_OTHER, false, "", ""},
    {"a keyword of three letters", {SAY('S', "250-mx\r\n250 DSN\r\n")}, DETECT_OTHER, false, "", ""},
    {"ehlo from the server's side", {SAY('S', "EHLO c\r\n")}, DETECT_SMTP, true, "", "EHLO c\r\n"},
    {"first digit 1", {SAY('S', "120 wait\r\n"), SAY('S', "220 mx ESMTP\r\n")}, DETECT_OTHER, false, "", ""},
    {"first digit 6", {SAY('S', "620 wait\r\n"), SAY('S', "220 mx ESMTP\r\n")}, DETECT_OTHER, false, "", ""},
    {"first digit 5", {SAY('S', "520 wait\r\n"), SAY('S', "220 mx ESMTP\r\n")}, DETECT_SMTP, false, "", "520 wait\r\n220 mx ESMTP\r\n"},
    {"two digits", {SAY('S', "22x mx ESMTP\r\n")}, DETECT_OTHER, false, "", ""},
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

static enum detect_verdict say(struct detect *d, enum dir dir, enum chunk_kind kind, uint64_t off, const char *text, uint64_t len)
{
	struct chunk c = {.kind = kind, .dir = dir, .off = off, .len = len, .data = (const uint8_t *)text, .peer_seen = 40};

	return detect_feed(d, &c);
}

/* What stands behind a hole is kept and not judged; two readings of the same octets say nothing. */
static void test_holes(void **state)
{
	struct pool *pool = pool_new(0);
	struct detect *d = detect_new(pool);
	struct chunk c;

	(void)state;
	assert_int_equal(say(d, DIR_SERVER, CHUNK_CONFLICT, 0, "+OK x\r\n", 7), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_SERVER, CHUNK_DATA, 0, "220 mx\r\n", 8), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_SERVER, CHUNK_GAP, 8, NULL, 10), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_SERVER, CHUNK_DATA, 18, "220 mx ESMTP\r\n", 14), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_CLIENT, CHUNK_DATA, 0, "EHLO c\r\n", 8), DETECT_SMTP);
	assert_int_equal(detect_next(d, &c), 1);
	assert_int_equal(c.len, 8);
	assert_int_equal(c.peer_seen, 40);
	assert_int_equal(detect_next(d, &c), 1);
	assert_int_equal(c.kind, CHUNK_GAP);
	assert_int_equal(c.len, 10);
	assert_int_equal(detect_next(d, &c), 1);
	assert_int_equal(c.off, 18);
	assert_int_equal(detect_next(d, &c), 1);
	assert_int_equal(c.dir, DIR_CLIENT);
	assert_int_equal(detect_next(d, &c), 0);
	detect_free(&d);
	assert_int_equal(pool_used(pool), 0);
	/* a capture that begins with a hole: what comes first is judged */
	d = detect_new(pool);
	assert_int_equal(say(d, DIR_CLIENT, CHUNK_GAP, 0, NULL, 10), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_CLIENT, CHUNK_DATA, 10, "EHLO c\r\n", 8), DETECT_SMTP);
	detect_free(&d);
	detect_free(&d);
	pool_free(&pool);
}

/* What comes while others are handed out stands behind them. */
static void test_order(void **state)
{
	struct pool *pool = pool_new(0);
	struct detect *d = detect_new(pool);
	struct chunk c;

	(void)state;
	say(d, DIR_SERVER, CHUNK_DATA, 0, "220 ", 4);
	say(d, DIR_SERVER, CHUNK_DATA, 4, "mx ESMTP\r\n", 10);
	for (uint64_t off = 0; off < 14; off += c.len) {
		assert_int_equal(detect_next(d, &c), 1);
		assert_int_equal(c.off, off);
		say(d, DIR_CLIENT, CHUNK_DATA, 0, "EHLO c\r\n", off ? 0 : 8);
	}
	assert_int_equal(detect_next(d, &c), 1);
	assert_int_equal(c.dir, DIR_CLIENT);
	detect_free(&d);
	assert_int_equal(pool_used(pool), 0);
	pool_free(&pool);
}

/* Behind a tunnel the offsets are those of the tunnelled stream, also what the peer had seen. */
static void test_tunnel_offsets(void **state)
{
	struct pool *pool = pool_new(0);
	struct detect *d = detect_new(pool);
	struct chunk c;

	(void)state;
	assert_int_equal(say(d, DIR_CLIENT, CHUNK_DATA, 0, "CONNECT x HTTP/1.1\r\n\r\n", 22), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_SERVER, CHUNK_DATA, 0, "HTTP/1.1 200\r\n\r\n220 ", 20), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_SERVER, CHUNK_DATA, 20, "mx ESMTP\r\n", 10), DETECT_SMTP);
	assert_int_equal(detect_skipped(d, DIR_CLIENT), 22);
	assert_int_equal(detect_skipped(d, DIR_SERVER), 16);
	assert_int_equal(detect_next(d, &c), 1);
	assert_int_equal(c.off, 0);
	assert_int_equal(c.len, 4);
	assert_memory_equal(c.data, "220 ", 4);
	assert_int_equal(c.peer_seen, 40 - 22);
	assert_int_equal(detect_next(d, &c), 1);
	assert_int_equal(c.off, 4);
	assert_int_equal(c.len, 10);
	assert_int_equal(detect_next(d, &c), 0);
	detect_free(&d);
	pool_free(&pool);
}

/* Half a kilobyte of replies that do not say SMTP is enough to know better. */
static void test_long_undecided(void **state)
{
	struct pool *pool = pool_new(0);
	struct detect *d = detect_new(pool);
	char text[512];

	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text, "220 ", 4);
	assert_int_equal(say(d, DIR_SERVER, CHUNK_DATA, 0, text, 511), DETECT_UNDECIDED);
	assert_int_equal(say(d, DIR_SERVER, CHUNK_DATA, 511, text, 1), DETECT_OTHER);
	detect_free(&d);
	pool_free(&pool);
}

/* Memory refused at any point: not followed, and nothing is left behind. */
static void test_no_memory(void **state)
{
	(void)state;
	for (uint64_t n = 1; n < 4; n++) {
		struct pool *pool = pool_new(0);
		struct detect *d;

		pool_fail_at(pool, n);
		d = detect_new(pool);
		assert_int_equal(!d, n == 1);
		if (d) {
			enum detect_verdict first = say(d, DIR_SERVER, CHUNK_DATA, 0, "220 mx\r\n", 8);

			assert_int_equal(first, n == 2 ? DETECT_OTHER : DETECT_UNDECIDED);
			if (n > 2)
				assert_int_equal(say(d, DIR_CLIENT, CHUNK_DATA, 0, "EHLO c\r\n", 8), DETECT_OTHER);
		}
		detect_free(&d);
		assert_int_equal(pool_used(pool), 0);
		pool_free(&pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),       cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_holes),          cmocka_unit_test(test_tunnel_offsets),
		cmocka_unit_test(test_long_undecided), cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
