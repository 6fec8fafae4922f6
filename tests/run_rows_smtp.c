/*
 * run_rows_smtp.c - what peers may say (reliability R30 to R41) in amounts that no dialogue file holds: megabytes, millions, every octet.
 * Each test is named after its row; what comes out is told from the RFC and the row. Rows that a dialogue shows are in tests/RELIABILITY.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "leaks.h"
#include "smtpscope/cause.h"
#include "smtpscope/codec.h"
#include "smtpscope/json.h"
#include "wires.h"

enum { KB = 1024, MB = 1024 * KB, MOST = 1 << 17 };

/* What was said of commands, in order. */
struct record {
	char verb[16];
	uint16_t code; /* the last; 0 none */
	uint64_t length, lines;
};

struct talk {
	struct pool *pool;
	struct cause cause;
	struct flow flow;
	struct session *s;
	uint64_t off[2], peak, frame;
	size_t records;
	unsigned events[DATASETS];
	char findings[8192]; /* " id id " */
	char auth_result[32], user[64], message_result[16];
	uint64_t listed, recipients;
	bool truncated;      /* an event said so */
	const char *secret;  /* must not be in any line */
	uint64_t sum;        /* of all lines so far */
	bool many;           /* events come by the million: their lines are not looked at */
};

static struct talk t;
static struct record record[MOST];
static struct json_writer *writer;

static void keep_command(const struct event *ev)
{
	struct record *r = &record[t.records];

	if (t.records == MOST || !ev->verb.p)
		return;
	t.records++;
	span_cstr(ev->verb, r->verb, sizeof r->verb);
	r->code = (uint16_t)(ev->reply_code == EV_NONE ? 0 : ev->reply_code);
	r->length = ev->command_length;
	r->lines = ev->reply_lines;
}

static void keep_finding(const struct event *ev)
{
	size_t n = strlen(t.findings);

	snprintf(t.findings + n, sizeof t.findings - n, "%.*s ", (int)ev->finding_id.n, (const char *)ev->finding_id.p);
}

static void check_line(struct span line)
{
	assert_true(line.n > 2 && line.n <= 8192 && line.p[line.n - 1] == '\n');
	for (size_t i = 0; i + 1 < line.n; i++) /* one line, no control octets; run_dialogs parses lines as JSON */
		assert_true(line.p[i] >= ' ' && line.p[i] != 0x7f);
	if (t.secret && leaks(line, span_str(t.secret)))
		fail_msg("the secret is in %.*s", (int)line.n, (const char *)line.p);
	for (size_t i = 0; i < line.n; i++)
		t.sum = t.sum * 1099511628211u + line.p[i];
}

static void on_event(void *ctx, struct event *ev)
{
	(void)ctx;
	if (!t.many)
		check_line(json_event(writer, ev));
	t.events[ev->set]++;
	t.truncated |= ev->truncated == EV_TRUE;
	if (ev->set == DS_COMMAND)
		keep_command(ev);
	else if (ev->set == DS_FINDING)
		keep_finding(ev);
	if (ev->set == DS_AUTH) {
		span_cstr(ev->auth_result, t.auth_result, sizeof t.auth_result);
		span_cstr(ev->user_name, t.user, sizeof t.user);
	}
	if (ev->set == DS_MESSAGE) {
		span_cstr(ev->message_result, t.message_result, sizeof t.message_result);
		t.listed = ev->rcpt_to.n;
		t.recipients = ev->rcpt_count;
	}
}

static void begin(void)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};

	memset(&t, 0, sizeof t);
	strcpy(t.findings, " ");
	t.pool = pool_new(0);
	t.flow = (struct flow){.syn_seen = true, .established = true, .packets = {9, 9}};
	cause_init(&t.cause, t.pool, on_event, NULL);
	t.s = session_new(t.pool, &session_config_default, &setup, &t.flow, cause_emit, &t.cause);
}

static void say_octets(enum dir dir, const void *octets, size_t n)
{
	struct chunk c = {.kind = CHUNK_DATA, .dir = dir, .off = t.off[dir], .len = n, .data = octets, .peer_seen = t.off[dir_other(dir)],
			  .frame = ++t.frame};

	session_feed(t.s, &c);
	t.off[dir] += n;
	if (pool_used(t.pool) > t.peak)
		t.peak = pool_used(t.pool);
}

static void client(const char *text)
{
	say_octets(DIR_CLIENT, text, strlen(text));
}

static void server(const char *text)
{
	say_octets(DIR_SERVER, text, strlen(text));
}

static void greet(void)
{
	server("220 mx.example ESMTP\r\n");
	client("EHLO c.example\r\n");
	server("250-mx.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN NTLM\r\n");
}

static bool told(const char *id)
{
	char word[80];

	snprintf(word, sizeof word, " %s ", id);
	return strstr(t.findings, word) != NULL;
}

/* The next pair is right: a command of its own verb gets the reply that is meant for it. */
static void still_in_step(void)
{
	client("VRFY postmaster\r\n");
	server("252 2.0.0 in step\r\n");
	assert_string_equal(record[t.records - 1].verb, "VRFY");
	assert_int_equal(record[t.records - 1].code, 252);
}

static void end(void)
{
	session_close(&t.s, TCP_CLOSE_FIN, 0);
	assert_int_equal(t.events[DS_SESSION], 1);
	assert_int_equal(pool_used(t.pool), 0);
	pool_free(&t.pool);
}

/* ---- replies ---- */

static void R30_any_three_digits(void **state)
{
	(void)state;
	for (int code = 0; code < 1000; code++) {
		char reply[32];

		begin();
		greet();
		client("NOOP\r\n");
		snprintf(reply, sizeof reply, "%03d text\r\n", code);
		server(reply);
		assert_int_equal(record[1].code, code);
		assert_string_equal(record[1].verb, "NOOP");
		if (code != 221 && code != 421 && code != 521) /* the server hangs up behind these */
			still_in_step();
		end();
	}
}

static void R30_reply_of_a_megabyte(void **state)
{
	static char text[KB];

	(void)state;
	memset(text, 'x', sizeof text);
	begin();
	greet();
	client("NOOP\r\n");
	server("250 ");
	for (int i = 0; i < KB; i++)
		say_octets(DIR_SERVER, text, sizeof text);
	server("\r\n");
	still_in_step();
	assert_true(told("reply_too_long"));
	assert_true(t.peak < 64 * KB);
	end();
}

static void R30_hundred_thousand_lines(void **state)
{
	(void)state;
	begin();
	greet();
	client("HELP\r\n");
	for (int i = 0; i < 100000; i++)
		server("214-text\r\n");
	server("214 end\r\n");
	still_in_step();
	assert_int_equal(record[1].lines, 100001);
	assert_true(t.peak < 64 * KB);
	end();
}

/* Every octet instead of each octet of a reply; its last line may be missing altogether. */
static void R30_octets_of_a_reply(void **state)
{
	const char reply[] = "250-ok\r\n250 2.0.0 ok\r\n";

	(void)state;
	for (size_t at = 0; at < sizeof reply - 1; at++)
		for (int octet = 0; octet < 256; octet++) {
			char damaged[sizeof reply];

			memcpy(damaged, reply, sizeof reply);
			damaged[at] = (char)octet;
			begin();
			greet();
			client("NOOP\r\n");
			say_octets(DIR_SERVER, damaged, sizeof reply - 1);
			assert_true(t.events[DS_COMMAND] >= 2);
			end();
			assert_true(t.records >= 2);
			assert_string_equal(record[1].verb, "NOOP");
		}
}

/* ---- commands ---- */

static void R31_line_of_a_gigabyte(void **state)
{
	static char text[64 * KB];
	const uint64_t pieces = UNDER_ASAN ? KB : 16 * KB;

	(void)state;
	memset(text, 'x', sizeof text);
	begin();
	greet();
	for (uint64_t i = 0; i < pieces; i++)
		say_octets(DIR_CLIENT, text, sizeof text);
	client("\r\n");
	server("500 5.5.2 what\r\n");
	still_in_step();
	assert_int_equal(record[1].length, pieces * sizeof text + 2);
	assert_true(told("command_line_too_long"));
	assert_true(t.truncated);
	assert_true(t.peak < 64 * KB);
	end();
}

static void R31_lines_of_one_octet(void **state)
{
	(void)state;
	for (int octet = 0; octet < 256; octet++) {
		char line[] = {(char)octet, '\r', '\n'};

		begin();
		greet();
		say_octets(DIR_CLIENT, line, sizeof line);
		server("500 5.5.2 what\r\n");
		if (octet != '\n') /* that is two empty lines, each of which a server answers */
			still_in_step();
		end();
	}
}

static void R32_hundred_thousand_pipelined(void **state)
{
	(void)state;
	begin();
	greet();
	t.many = true;
	for (int i = 0; i < 100000; i++)
		client("RSET\r\n");
	assert_true(told("outstanding_overflow"));
	assert_true(t.peak < 2 * MB);
	for (int i = 0; i < 1024; i++)
		server("250 ok\r\n");
	still_in_step();
	end();
}

/* So many replies come that the queue never overflows: all are paired, in whatever portions both sides send. */
static void R32_pipelined_by_the_thousand(void **state)
{
	(void)state;
	begin();
	greet();
	t.many = true;
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 1000; i++)
			client("NOOP\r\n");
		for (int i = 0; i < 1000; i++)
			server(i % 2 ? "250 ok\r\n" : "451 no\r\n");
	}
	for (size_t i = 1; i < t.records; i++)
		assert_int_equal(record[i].code, i % 2 ? 451 : 250);
	assert_int_equal(t.records, 100001);
	assert_false(told("outstanding_overflow"));
	end();
}

static void R33_million_recipients(void **state)
{
	const unsigned many = UNDER_ASAN ? 100000 : 1000000;

	(void)state;
	begin();
	greet();
	t.many = true;
	client("MAIL FROM:<a@b.example>\r\n");
	server("250 ok\r\n");
	for (unsigned i = 0; i < many; i++) {
		client("RCPT TO:<someone@example.org>\r\n");
		server("250 ok\r\n");
	}
	t.many = false;
	client("DATA\r\n");
	server("354 go\r\n");
	client("x\r\n.\r\n");
	server("250 ok\r\n");
	assert_int_equal(t.recipients, many);
	assert_int_equal(t.listed, 1000);
	assert_true(t.truncated);
	assert_string_equal(t.message_result, "accepted");
	assert_true(t.peak < 512 * KB);
	end();
}

static void R33_addresses_of_64_KB(void **state)
{
	static char line[64 * KB];

	(void)state;
	memset(line, 'x', sizeof line);
	begin();
	greet();
	client("MAIL FROM:<");
	say_octets(DIR_CLIENT, line, sizeof line);
	client("@b.example>\r\n");
	server("501 5.1.7 too long\r\n");
	assert_true(told("command_line_too_long"));
	client("MAIL FROM:<a@b.example>\r\n");
	server("250 ok\r\n");
	for (int i = 0; i < 100; i++) {
		client("RCPT TO:<");
		say_octets(DIR_CLIENT, line, sizeof line);
		client("@b.example>\r\n");
		server("250 ok\r\n");
	}
	assert_true(t.peak < MB);
	still_in_step();
	end();
}

/* ---- BDAT ---- */

/* The server refuses and takes no chunk: what follows are commands, whatever the argument said (RFC 3030 2). */
static void R34_arguments_refused(void **state)
{
	static const char *const bad[] = {"18446744073709551616", "-1", "1e9", "0x10", "", "5 LAST x", "5 FIRST", "99999999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char line[64];

		begin();
		greet();
		client("MAIL FROM:<a@b.example>\r\n");
		server("250 ok\r\n");
		client("RCPT TO:<u@t.example>\r\n");
		server("250 ok\r\n");
		snprintf(line, sizeof line, "BDAT%s%s\r\n", bad[i][0] ? " " : "", bad[i]);
		client(line);
		server("501 5.5.4 no\r\n");
		if (!told("bad_bdat_argument") && !told("missing_argument") && !told("unexpected_argument"))
			fail_msg("%s", bad[i]);
		if (i < 5)
			still_in_step();
		end();
	}
}

static void R34_chunks_that_never_end(void **state)
{
	static const char *const sizes[] = {"2147483648", "4294967296", "9223372036854775808", "18446744073709551615"};
	static char text[64 * KB];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char line[64];

		begin();
		greet();
		client("MAIL FROM:<a@b.example>\r\n");
		server("250 ok\r\n");
		client("RCPT TO:<u@t.example>\r\n");
		server("250 ok\r\n");
		snprintf(line, sizeof line, "BDAT %s LAST\r\n", sizes[i]);
		client(line);
		for (int k = 0; k < 64; k++)
			say_octets(DIR_CLIENT, text, sizeof text);
		assert_true(t.peak < 512 * KB);
		end();
		assert_string_equal(t.message_result, "aborted");
		assert_string_equal(record[t.records - 1].verb, "BDAT");
	}
}

/* The server says no before the chunk is through: both sides are known to go on behind it (RFC 3030 2). */
static void R34_zero_and_empty_last(void **state)
{
	(void)state;
	begin();
	greet();
	client("MAIL FROM:<a@b.example>\r\n");
	server("250 ok\r\n");
	client("RCPT TO:<u@t.example>\r\n");
	server("250 ok\r\n");
	client("BDAT 0\r\n");
	server("250 ok\r\n");
	client("BDAT 3\r\nx\r\n");
	server("250 ok\r\n");
	client("BDAT 0 LAST\r\n");
	server("250 queued\r\n");
	assert_string_equal(t.message_result, "accepted");
	still_in_step();
	end();
}

/* ---- AUTH ---- */

#define SECRET "s3cr3t-of-the-rows"
#define SECRET_64 "czNjcjN0LW9mLXRoZS1yb3dz"

static void R36_token_of_64_KB(void **state)
{
	static char token[64 * KB];

	(void)state;
	begin();
	t.secret = SECRET;
	greet();
	for (size_t i = 0; i + 24 <= sizeof token; i += 24)
		memcpy(token + i, SECRET_64, 24);
	memset(token + sizeof token - sizeof token % 24, 'A', sizeof token % 24);
	client("AUTH PLAIN ");
	say_octets(DIR_CLIENT, token, sizeof token);
	client("\r\n");
	server("500 5.5.6 too long\r\n");
	client("AUTH LOGIN\r\n");
	server("334 VXNlcm5hbWU6\r\n");
	client("YWxpY2U=\r\n");
	server("334 UGFzc3dvcmQ6\r\n");
	say_octets(DIR_CLIENT, token, sizeof token);
	client("\r\n");
	server("535 5.7.8 no\r\n");
	assert_string_equal(t.auth_result, "failure");
	assert_true(t.peak < 512 * KB);
	still_in_step();
	end();
}

static void R36_thousand_challenges(void **state)
{
	(void)state;
	begin();
	t.secret = SECRET;
	greet();
	client("AUTH LOGIN YWxpY2U=\r\n");
	for (int i = 0; i < 1000; i++) {
		server("334 \r\n");
		client(SECRET_64 "\r\n");
	}
	server("535 5.7.8 no\r\n");
	assert_string_equal(t.auth_result, "failure");
	assert_true(t.peak < 64 * KB);
	still_in_step();
	end();
}

/* Each way in which Base64 can be wrong (RFC 4648 3), where a password is due. */
static void R36_base64_of_every_kind(void **state)
{
	static const char *const bad[] = {"czNjcjN0LW9mLXRoZS1yb3d", "czNjcjN0LW9mLXRoZS1yb3dz=", "czNjcjN0 LW9mLXRoZS1yb3dz",
					  "czNjcjN0-W9mLXRoZS1yb3dz",
					  "=czNjcjN0LW9mLXRoZS1yb3dz", "czNjcjN0LW9mLXRoZS1yb3dz====", "czNj\tcjN0LW9mLXRoZS1yb3dz", "s3cr3t-of-the-rows",
					  "\377czNjcjN0LW9mLXRoZS1yb3dz", "czNjcjN0LW9mLXRoZS1yb3dz\r", "", "====", "c"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		begin();
		t.secret = SECRET;
		greet();
		client("AUTH LOGIN\r\n");
		server("334 VXNlcm5hbWU6\r\n");
		client("YWxpY2U=\r\n");
		server("334 UGFzc3dvcmQ6\r\n");
		client(bad[i]);
		client("\r\n");
		server("535 5.7.8 no\r\n");
		assert_string_equal(t.auth_result, "failure");
		assert_string_equal(t.user, "alice");
		still_in_step();
		end();
	}
}

/* A type 3 message (MS-NLMP 2.2.1.3) whose lengths and offsets lie, one at a time, in memory that ends with it. */
static void R37_ntlm_offsets(void **state)
{
	static const uint32_t lies[] = {0, 1, 7, 63, 64, 87, 88, 89, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
	static const char names[] = "D\0O\0M\0a\0l\0i\0c\0e\0W\0S\0";

	(void)state;
	for (size_t field = 0; field < 6; field++)
		for (size_t part = 0; part < 3; part++)
			for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
				static const uint8_t at[6][2] = {{0, 64}, {0, 64}, {6, 64}, {10, 70}, {4, 80}, {0, 84}};
				uint8_t m[84 + 4] = "NTLMSSP\0\3";
				char line[256] = "";
				struct span out;

				for (size_t k = 0; k < 6; k++) {
					m[12 + 8 * k] = m[14 + 8 * k] = at[k][0];
					m[16 + 8 * k] = at[k][1];
				}
				m[60] = 1; /* unicode */
				memcpy(m + 64, names, 20);
				m[12 + 8 * field + 2 * part] = (uint8_t)lies[i];
				m[13 + 8 * field + 2 * part] = (uint8_t)(lies[i] >> 8);
				if (part == 2) {
					m[18 + 8 * field] = (uint8_t)(lies[i] >> 16);
					m[19 + 8 * field] = (uint8_t)(lies[i] >> 24);
				}
				begin();
				greet();
				client("AUTH NTLM TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA=\r\n");
				server("334 TlRMTVNTUAACAAAAAAAAADgAAAAFgooCESIzRFVmd4gAAAAAAAAAAAAAAAA4AAAA\r\n");
				out = guard_span(span_of(line, (size_t)base64_encode(span_of(m, sizeof m), line, sizeof line)));
				say_octets(DIR_CLIENT, out.p, out.n);
				client("\r\n");
				server("535 5.7.8 no\r\n");
				assert_string_equal(t.auth_result, "failure");
				if (field != 3 && t.user[0]) /* not certain where another field claims its octets */
					assert_string_equal(t.user, "alice");
				still_in_step();
				end();
				guard_reset();
			}
}

/* ---- TLS ---- */

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A ClientHello of that many empty extensions in records of 16 KB (RFC 8446 4.1.2, 5.1). */
static size_t client_hello(uint8_t *out, unsigned extensions)
{
	static uint8_t hello[64 * KB];
	size_t n = 4, at = 0;

	memset(hello, 0, sizeof hello);
	hello[0] = 1;
	put16(hello + n, 0x0303);
	n += 2 + 32 + 1; /* random, no session id */
	put16(hello + n, 2);
	put16(hello + n + 2, 0x1301);
	n += 4;
	hello[n++] = 1;
	n++;
	put16(hello + n, 4 * extensions);
	n += 2;
	for (unsigned i = 0; i < extensions; i++, n += 4)
		put16(hello + n, 1000 + i);
	hello[1] = (uint8_t)((n - 4) >> 16);
	put16(hello + 2, n - 4);
	for (size_t from = 0; from < n; from += 16 * KB) {
		size_t some = n - from < 16 * KB ? n - from : 16 * KB;

		memcpy(out + at, "\x16\x03\x01", 3);
		put16(out + at + 3, some);
		memcpy(out + at + 5, hello + from, some);
		at += 5 + some;
	}
	return at;
}

static void starttls(void)
{
	greet();
	client("STARTTLS\r\n");
	server("220 go\r\n");
}

static void R38_hello_of_many_extensions(void **state)
{
	static const unsigned many[] = {0, 1, 1000, 4000, 10000};
	static uint8_t octets[64 * KB];

	(void)state;
	for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
		size_t n = client_hello(octets, many[i]);

		for (size_t step = n; step > 0; step = step == 1 ? 0 : step > 100 ? 100 : 1) { /* whole, in pieces, split at every octet */
			begin();
			starttls();
			for (size_t at = 0; at < n; at += step)
				say_octets(DIR_CLIENT, octets + at, n - at < step ? n - at : step);
			assert_true(t.peak < 128 * KB);
			end();
		}
	}
}

static void R38_what_comes_instead(void **state)
{
	static const char *const instead[] = {"EHLO c.example\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", "\x15\x03\x01\x00\x02\x02\x28",
					      "\x16\x03\x01\xff\xff", "\x16\x03\x01\x40\x00\x01\xff\xff\xff", "\x80\x2e\x01\x00\x02"};

	(void)state;
	for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
		size_t n = i == 3 ? 7 : i == 4 ? 5 : i == 5 ? 9 : i == 6 ? 5 : strlen(instead[i]);

		begin();
		starttls();
		if (n)
			say_octets(DIR_CLIENT, instead[i], n);
		end();
		assert_true(t.records >= 2);
		assert_string_equal(record[1].verb, "STARTTLS");
	}
}

/* ---- every octet ---- */

enum damage { FLIPPED, DROPPED, DOUBLED };

/* The dialogue, damaged at octet at of piece number which (or not at all); *before: the sum of what came out before that piece. */
static void feed_damaged(const struct dialog *d, size_t which, size_t at, enum damage how, uint64_t *before)
{
	begin();
	for (size_t i = 0; i < d->count; i++) {
		const struct piece *p = &d->piece[i];
		uint8_t copy[8 * KB];
		size_t n = at;

		if (i == which)
			*before = t.sum;
		if (i != which) {
			say_octets(p->dir, p->data, p->n);
			continue;
		}
		memcpy(copy, p->data, at);
		if (how == FLIPPED)
			copy[n++] = p->data[at] ^ 0x20;
		for (int k = 0; how == DOUBLED && k < 2; k++)
			copy[n++] = p->data[at];
		memcpy(copy + n, p->data + at + 1, p->n - at - 1);
		say_octets(p->dir, copy, n + p->n - at - 1);
	}
	end();
}

/* What the damage cannot have reached yet is as ever; there is a record of the session, whatever follows. Secrets: run_secrets. */
static void R39_every_octet(void **state)
{
	static const char *const names[] = {"v19-pipelined-group", "v22-dot-stuffing", "v23-bdat", "s03-login-short-names", "v36-lmtp"};

	(void)state;
	for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
		static struct dialog d;
		char path[128];

		snprintf(path, sizeof path, "tests/dialogs/%s.dlg", names[k]);
		dialog_read(path, &d);
		for (size_t i = 0; i < d.count; i++) {
			uint64_t plain, damaged;

			feed_damaged(&d, i, 0, FLIPPED, &plain);
			for (size_t at = 0; at < d.piece[i].n; at++)
				for (int how = FLIPPED; how <= DOUBLED; how++) {
					feed_damaged(&d, i, at, (enum damage)how, &damaged);
					assert_true(plain == damaged);
				}
		}
		dialog_free(&d);
	}
}

/* ---- not SMTP ---- */

/* On the port of SMTP: a server that greets, a client that speaks something else. Named or not, no cascade. */
static void R41_not_smtp(void **state)
{
	static const char sip[] = "OPTIONS sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/TCP c\r\nFrom: <sip:x@y>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\n"
				  "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
	static const uint8_t dns[] = {0, 29, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7,
				      'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1};
	uint32_t x = 1;

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint8_t noise[2000];

		begin();
		server("220 mx.example ESMTP\r\n");
		for (size_t k = 0; k < sizeof noise; k++)
			noise[k] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
		if (i == 0)
			say_octets(DIR_CLIENT, sip, sizeof sip - 1);
		else if (i == 1)
			say_octets(DIR_CLIENT, dns, sizeof dns);
		else
			say_octets(DIR_CLIENT, noise, sizeof noise);
		for (size_t k = 0; k < sizeof noise && i > 1; k++)
			if (noise[k] == '\n')
				server("500 5.5.2 what\r\n");
		for (int k = 0; k < 7 && i == 0; k++)
			server("500 5.5.2 what\r\n");
		end();
		if (t.events[DS_FINDING] > 12 || !told("other_protocol_on_smtp"))
			fail_msg("number %d: %u findings: %s", i, t.events[DS_FINDING], t.findings);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(R30_any_three_digits),
	    cmocka_unit_test(R30_reply_of_a_megabyte),
	    cmocka_unit_test(R30_hundred_thousand_lines),
	    cmocka_unit_test(R30_octets_of_a_reply),
	    cmocka_unit_test(R31_line_of_a_gigabyte),
	    cmocka_unit_test(R31_lines_of_one_octet),
	    cmocka_unit_test(R32_hundred_thousand_pipelined),
	    cmocka_unit_test(R32_pipelined_by_the_thousand),
	    cmocka_unit_test(R33_million_recipients),
	    cmocka_unit_test(R33_addresses_of_64_KB),
	    cmocka_unit_test(R34_arguments_refused),
	    cmocka_unit_test(R34_chunks_that_never_end),
	    cmocka_unit_test(R34_zero_and_empty_last),
	    cmocka_unit_test(R36_token_of_64_KB),
	    cmocka_unit_test(R36_thousand_challenges),
	    cmocka_unit_test(R36_base64_of_every_kind),
	    cmocka_unit_test(R37_ntlm_offsets),
	    cmocka_unit_test(R38_hello_of_many_extensions),
	    cmocka_unit_test(R38_what_comes_instead),
	    cmocka_unit_test(R39_every_octet),
	    cmocka_unit_test(R41_not_smtp),
	};

	int failed;

	writer = json_writer_new(JSON_MAX_EVENT);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_writer_free(&writer);
	return failed;
}
