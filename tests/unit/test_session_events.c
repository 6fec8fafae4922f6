/* Events in full, field by field (events.md): one ordinary dialogue, one LMTP dialogue over IPv6, and every way to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/session_internal.h"
#include "smtpscope/cause.h"
#include "smtpscope/json.h"

static const int64_t second = 1000000000;

/* One piece of the dialogue a second and a frame, from frame 4 on; each side has seen all that came before. */
struct play {
	struct pool *pool;
	struct cause cause;
	struct flow flow;
	struct session *s;
	struct json_writer *json;
	uint64_t off[2], frame;
	char out[32768];
	size_t n;
};

static void on_event(void *ctx, struct event *ev)
{
	struct play *p = ctx;
	struct span line = json_event(p->json, ev);

	assert_true(line.n < sizeof p->out - p->n);
	memcpy(p->out + p->n, line.p, line.n);
	p->n += line.n;
	p->out[p->n] = '\0';
}

static void begin(struct play *p, const struct session_setup *setup, uint8_t family)
{
	memset(p, 0, sizeof *p);
	p->pool = pool_new(0);
	p->json = json_writer_new(65536);
	p->frame = 3;
	p->flow = (struct flow){.side = {{.addr = {192, 0, 2, 10}, .port = 51234, .family = family},
					 {.addr = {192, 0, 2, 25}, .port = setup->server_port, .family = family}},
				.syn_seen = setup->syn_seen, .established = true, .first_ts = second, .last_ts = 2 * second, .first_frame = 1,
				.last_frame = 3, .packets = {7, 6}, .bytes = {300, 200}};
	cause_init(&p->cause, p->pool, on_event, p);
	p->s = session_new(p->pool, &session_config_default, setup, &p->flow, cause_emit, &p->cause);
}

static void say(struct play *p, enum dir dir, const char *text)
{
	struct chunk c = {.kind = CHUNK_DATA, .dir = dir, .off = p->off[dir], .len = strlen(text), .data = (const uint8_t *)text,
			  .peer_seen = p->off[dir_other(dir)]};

	c.frame = ++p->frame;
	c.ts = (int64_t)p->frame * second;
	session_feed(p->s, &c);
	p->off[dir] += c.len;
}

static void forget(struct play *p)
{
	p->n = 0;
	p->out[0] = '\0';
}

static void end(struct play *p, enum tcp_close why)
{
	session_close(&p->s, why, 100 * second);
	assert_int_equal(pool_used(p->pool), 0);
	json_writer_free(&p->json);
	pool_free(&p->pool);
}

/* The events of a dialogue are in tests/unit/NAME, a line each; every octet counts. */
static void compare(const struct play *p, const char *name)
{
	char path[64], expected[sizeof p->out];
	const char *got = p->out;
	FILE *f;

	snprintf(path, sizeof path, "tests/unit/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(expected, sizeof expected, f)) {
		size_t n = strcspn(got, "\n") + 1;

		if (strncmp(got, expected, n) != 0)
			fail_msg("%s\n  came     %.*s  expected %s", name, (int)n, got, expected);
		got += n;
	}
	fclose(f);
	assert_string_equal(got, "");
}

static void test_mail(void **state)
{
	struct session_setup setup = {.id = 0x7f3a9c21d05e44b1, .community_id = "1:abc=", .syn_seen = true, .server_port = 587};
	struct play p;

	(void)state;
	begin(&p, &setup, 4);
	say(&p, DIR_SERVER, "220 mx.example ESMTP\r\n");
	say(&p, DIR_CLIENT, "EHLO c.example\r\n");
	say(&p, DIR_SERVER, "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 DSN\r\n");
	say(&p, DIR_CLIENT, "MAIL FROM:<a@b.example> SIZE=500\r\nRCPT TO:<u@t.example> NOTIFY=NEVER\r\nRCPT TO:<v@t.example>\r\nDATA\r\n");
	say(&p, DIR_SERVER, "250 2.1.0 ok\r\n250 2.1.5 ok\r\n550 5.1.1 no\r\n");
	say(&p, DIR_SERVER, "354 go\r\n");
	say(&p, DIR_CLIENT, "From: Ann <a@b.example>\r\nTo: u@t.example\r\nCc: v@t.example\r\nReply-To: r@b.example\r\nSubject: x\r\n"
			    "Message-ID: <1@b.example>\r\nX-Mailer: m\r\nContent-Type: text/plain\r\n\r\nhi\r\n.\r\n");
	say(&p, DIR_SERVER, "250-2.0.0 ok\r\n250 2.0.0 queued as 4ABC\r\n");
	say(&p, DIR_CLIENT, "NOOQ x\n");
	say(&p, DIR_SERVER, "500 5.5.2 what\r\n");
	say(&p, DIR_CLIENT, "QUIT\r\n");
	say(&p, DIR_SERVER, "221 2.0.0 bye\r\n");
	end(&p, TCP_CLOSE_FIN);
	compare(&p, "events-mail.json");
}

static void test_lmtp(void **state)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 24};
	struct play p;

	(void)state;
	begin(&p, &setup, 6);
	say(&p, DIR_SERVER, "220 mx LMTP\r\n");
	say(&p, DIR_CLIENT, "LHLO c\r\n");
	say(&p, DIR_SERVER, "250 mx\r\n");
	say(&p, DIR_CLIENT, "MAIL FROM:<>\r\n");
	say(&p, DIR_SERVER, "250 ok\r\n");
	say(&p, DIR_CLIENT, "RCPT TO:<u@t>\r\n");
	say(&p, DIR_SERVER, "250 ok\r\n");
	say(&p, DIR_CLIENT, "DATA\r\n");
	say(&p, DIR_SERVER, "354 go\r\n");
	say(&p, DIR_CLIENT, "x\r\n.\r\n");
	say(&p, DIR_SERVER, "452 4.2.2 full\r\n");
	say(&p, DIR_SERVER, "421 4.3.2 bye\r\n");
	end(&p, TCP_CLOSE_RST);
	compare(&p, "events-lmtp.json");
}

/* ---- how a session ends ---- */

/* The text behind "key": in the last event. */
static bool last_says(const struct play *p, const char *text)
{
	const char *last = strstr(p->out, "smtpscope.session");

	return last && strstr(last, text);
}

static void test_ends(void **state)
{
	static const struct {
		uint16_t port;
		bool syn_seen;
		const char *client; /* what the client says behind the greeting, each line answered by 250 */
		enum tcp_close why;
		const char *says[4];
	} ends[] = {
	    {25, true, "", TCP_CLOSE_TIMEOUT, {"\"close\":\"timeout\"", "\"state\":\"greet\"", "\"role\":\"relay\"", "\"midstream\":false"}},
	    {25, true, "EHLO c\r\n", TCP_CLOSE_EVICTED, {"\"close\":\"evicted\"", "\"state\":\"helo\"", "\"outcome\":\"success\""}},
	    {587, true, "EHLO c\r\nMAIL FROM:<a@b>\r\n", TCP_CLOSE_EOF, {"\"close\":\"eof\"", "\"state\":\"mail\"", "\"role\":\"submission\""}},
	    {25, true, "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u@t>\r\n", TCP_CLOSE_RST, {"\"close\":\"rst\"", "\"state\":\"rcpt\""}},
	    {25, true, "EHLO c\r\n", TCP_CLOSE_FIN, {"\"close\":\"fin\"", "\"helo\":\"c\"", "\"commands\":1"}},
	    {25, true, "QUIT\r\n", TCP_CLOSE_FIN, {"\"close\":\"quit-fin\"", "\"state\":\"closed\""}},
	    {25, true, "QUIT\r\n", TCP_CLOSE_REUSED, {"\"close\":\"fin\""}},
	    {25, true, "QUIT\r\n", TCP_CLOSE_RST, {"\"close\":\"rst\""}},
	    {25, false, "EHLO c\r\n", TCP_CLOSE_FIN, {"\"midstream\":true", "\"one_sided\":false"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct session_setup setup = {.id = 1, .syn_seen = ends[i].syn_seen, .server_port = ends[i].port};
		struct play p;

		begin(&p, &setup, 4);
		say(&p, DIR_SERVER, "220 mx\r\n");
		for (const char *line = ends[i].client; *line;) {
			char one[64];
			size_t n = strcspn(line, "\n") + 1;

			snprintf(one, sizeof one, "%.*s", (int)n, line);
			say(&p, DIR_CLIENT, one);
			say(&p, DIR_SERVER, strcmp(one, "QUIT\r\n") == 0 ? "221 bye\r\n" : "250 ok\r\n");
			line += n;
		}
		end(&p, ends[i].why);
		for (size_t k = 0; k < 4 && ends[i].says[k]; k++)
			if (!last_says(&p, ends[i].says[k]))
				fail_msg("row %zu lacks %s: %s", i, ends[i].says[k], strstr(p.out, "smtpscope.session"));
	}
}

/* The client ended its side behind QUIT before the reset: a quick close is no broken one. */
static void test_reset_behind_quit(void **state)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};
	struct play p;

	(void)state;
	begin(&p, &setup, 4);
	say(&p, DIR_SERVER, "220 mx\r\n");
	say(&p, DIR_CLIENT, "QUIT\r\n");
	say(&p, DIR_SERVER, "221 bye\r\n");
	session_feed(p.s, &(struct chunk){.kind = CHUNK_END, .dir = DIR_CLIENT, .off = p.off[DIR_CLIENT], .peer_seen = p.off[DIR_SERVER]});
	end(&p, TCP_CLOSE_RST);
	assert_true(last_says(&p, "\"close\":\"quit-fin\""));
}

/* ---- more than one of each ---- */

/* LMTP answers the end of data once for each of 70 recipients: all codes are listed, and each fate is its own (RFC 2033 4.2). */
static void test_many_replies(void **state)
{
	enum { MANY = 70 };
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 24};
	char codes[1024] = "\"codes\":[354", accepted[1024] = "\"rcpt_accepted\":[";
	struct play p;

	(void)state;
	begin(&p, &setup, 4);
	say(&p, DIR_SERVER, "220 mx LMTP\r\n");
	say(&p, DIR_CLIENT, "LHLO c\r\nMAIL FROM:<a@b>\r\n");
	say(&p, DIR_SERVER, "250 mx\r\n250 ok\r\n");
	forget(&p);
	for (int i = 0; i < MANY; i++) {
		char line[64];

		snprintf(line, sizeof line, "RCPT TO:<u%d@t>\r\n", i);
		say(&p, DIR_CLIENT, line);
		say(&p, DIR_SERVER, "250 ok\r\n");
		forget(&p);
		snprintf(codes + strlen(codes), sizeof codes - strlen(codes), ",%d", i % 3 ? 250 : 550);
		if (i % 3)
			snprintf(accepted + strlen(accepted), sizeof accepted - strlen(accepted), "%s\"u%d@t\"", i == 1 ? "" : ",", i);
	}
	say(&p, DIR_CLIENT, "DATA\r\n");
	say(&p, DIR_SERVER, "354 go\r\n");
	say(&p, DIR_CLIENT, "x\r\n.\r\n");
	for (int i = 0; i < MANY; i++)
		say(&p, DIR_SERVER, i % 3 ? "250 ok\r\n" : "550 no\r\n");
	end(&p, TCP_CLOSE_FIN);
	strcat(codes, "]");
	strcat(accepted, "]");
	assert_non_null(strstr(p.out, codes));
	assert_non_null(strstr(p.out, accepted));
	assert_non_null(strstr(p.out, "\"rcpt_count\":70"));
	assert_non_null(strstr(p.out, "\"result\":\"partial\""));
}

/* EHLO lines are listed once, in order, and a new list replaces the old one (RFC 3207 4.2). */
static void test_extensions(void **state)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};
	struct play p;

	(void)state;
	begin(&p, &setup, 4);
	say(&p, DIR_SERVER, "220 mx\r\n");
	say(&p, DIR_CLIENT, "EHLO c\r\n");
	say(&p, DIR_SERVER, "250-mx\r\n250-AUTH LOGIN PLAIN\r\n250-AUTH=PLAIN CRAM-MD5\r\n250-SIZE 1000\r\n250 X-FOO a b\r\n");
	assert_non_null(strstr(p.out, "\"extensions\":[\"AUTH=LOGIN PLAIN\",\"AUTH=PLAIN CRAM-MD5\",\"SIZE=1000\",\"X-FOO=a b\"]"));
	forget(&p);
	say(&p, DIR_CLIENT, "MAIL FROM:<a@b> SIZE=1001\r\n");
	say(&p, DIR_SERVER, "552 5.3.4 too big\r\n");
	assert_non_null(strstr(p.out, "\"evidence\":\"declared 1001, limit 1000\""));
	forget(&p);
	say(&p, DIR_CLIENT, "MAIL FROM:<a@b> SIZE=1000\r\n");
	say(&p, DIR_SERVER, "552 5.3.4 too big\r\n");
	assert_null(strstr(p.out, "size_exceeds_limit"));
	forget(&p);
	say(&p, DIR_CLIENT, "EHLO c_c\r\n");
	say(&p, DIR_SERVER, "501 5.5.4 no\r\n");
	assert_null(strstr(p.out, "extensions"));
	say(&p, DIR_CLIENT, "AUTH GSSAPI\r\n");
	say(&p, DIR_SERVER, "504 5.5.4 no\r\n");
	assert_non_null(strstr(p.out, "\"offered\":[\"LOGIN\",\"PLAIN\",\"CRAM-MD5\"]"));
	assert_non_null(strstr(p.out, "auth_mechanism_unsupported"));
	forget(&p);
	say(&p, DIR_CLIENT, "HELO c\r\n");
	say(&p, DIR_SERVER, "250 mx\r\n");
	assert_null(strstr(p.out, "extensions"));
	say(&p, DIR_CLIENT, "EHLO c\r\n");
	say(&p, DIR_SERVER, "250 mx\r\n");
	assert_null(strstr(p.out, "extensions"));
	end(&p, TCP_CLOSE_FIN);
	assert_false(last_says(&p, "extensions"));
}

/* ---- limits and lists ---- */

/* More recipients than are listed: all are counted, and it is said that the list is cut. */
static void test_recipient_limit(void **state)
{
	struct session_limits limits = session_limits_default;
	struct session_config config = session_config_default;
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};
	struct play p;

	(void)state;
	begin(&p, &setup, 4);
	session_close(&p.s, TCP_CLOSE_EOF, 0);
	limits.recipients = 3;
	config.limits = &limits;
	p.s = session_new(p.pool, &config, &setup, &p.flow, cause_emit, &p.cause);
	say(&p, DIR_SERVER, "220 mx\r\n");
	say(&p, DIR_CLIENT, "HELO c\r\n");
	say(&p, DIR_SERVER, "250 mx\r\n");
	say(&p, DIR_CLIENT, "MAIL FROM:<a@b>\r\n");
	say(&p, DIR_SERVER, "250 ok\r\n");
	for (int i = 0; i < 5; i++) {
		say(&p, DIR_CLIENT, "RCPT TO:<u@t>\r\n");
		say(&p, DIR_SERVER, "250 ok\r\n");
	}
	forget(&p);
	say(&p, DIR_CLIENT, "DATA\r\n");
	say(&p, DIR_SERVER, "354 go\r\n");
	say(&p, DIR_CLIENT, ".\r\n");
	say(&p, DIR_SERVER, "250 ok\r\n");
	assert_non_null(strstr(p.out, "\"rcpt_to\":[\"u@t\",\"u@t\",\"u@t\"]"));
	assert_non_null(strstr(p.out, "\"rcpt_count\":5"));
	assert_non_null(strstr(p.out, "\"truncated\":true"));
	end(&p, TCP_CLOSE_FIN);
}

/* A line is kept to LINE_KEPT octets, its length is that of all of it. */
static void test_long_line(void **state)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};
	char line[6008];
	struct play p;
	const char *argument;

	(void)state;
	memset(line, 'x', sizeof line);
	memcpy(line, "NOOP ", 5);
	memcpy(line + 6005, "\r\n", 3);
	begin(&p, &setup, 4);
	say(&p, DIR_SERVER, "220 mx\r\n");
	forget(&p);
	say(&p, DIR_CLIENT, line);
	say(&p, DIR_SERVER, "500 5.5.2 line too long\r\n");
	argument = strstr(p.out, "\"argument\":\"");
	assert_non_null(argument);
	assert_int_equal(strspn(argument + 12, "x"), 4096 - 5);
	assert_non_null(strstr(p.out, "\"length\":6007"));
	assert_non_null(strstr(p.out, "\"truncated\":true"));
	assert_non_null(strstr(p.out, "\"evidence\":\"length 6007, limit 512\""));
	end(&p, TCP_CLOSE_FIN);
}

/* An address in UTF-8 is allowed when its MAIL said so, and only then (RFC 6531 3.3). */
static void test_utf8(void **state)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};

	(void)state;
	for (unsigned asked = 0; asked < 2; asked++) {
		struct play p;

		begin(&p, &setup, 4);
		say(&p, DIR_SERVER, "220 mx\r\n");
		say(&p, DIR_CLIENT, "EHLO c\r\n");
		say(&p, DIR_SERVER, "250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
		say(&p, DIR_CLIENT, asked ? "MAIL FROM:<a@b> SMTPUTF8\r\n" : "MAIL FROM:<a@b>\r\n");
		say(&p, DIR_SERVER, "250 ok\r\n");
		say(&p, DIR_CLIENT, "RCPT TO:<\xc3\xbc@t>\r\n");
		say(&p, DIR_SERVER, "553 5.6.7 no\r\n");
		assert_int_equal(strstr(p.out, "eight_bit_command") != NULL, !asked);
		forget(&p);
		say(&p, DIR_CLIENT, "RCPT TO:<\xfc@t>\r\n");
		say(&p, DIR_SERVER, "553 5.6.7 no\r\n");
		assert_int_equal(strstr(p.out, "invalid_utf8") != NULL, asked);
		end(&p, TCP_CLOSE_FIN);
	}
}

/* The same of a RCPT that no MAIL came before: then it is the list that allows it. */
static void test_utf8_offered(void **state)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};

	(void)state;
	for (unsigned offered = 0; offered < 2; offered++) {
		struct play p;

		begin(&p, &setup, 4);
		say(&p, DIR_SERVER, "220 mx\r\n");
		say(&p, DIR_CLIENT, "EHLO c\r\n");
		say(&p, DIR_SERVER, offered ? "250-mx\r\n250 SMTPUTF8\r\n" : "250 mx\r\n");
		say(&p, DIR_CLIENT, "RCPT TO:<\xc3\xbc@t>\r\n");
		say(&p, DIR_SERVER, "553 5.6.7 no\r\n");
		assert_int_equal(strstr(p.out, "eight_bit_command") != NULL, !offered);
		end(&p, TCP_CLOSE_FIN);
	}
}

/* A hole anywhere lowers the confidence of the session, and a 421 that nobody asked for is its first error. */
static void test_hole_and_421(void **state)
{
	struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};
	struct play p;

	(void)state;
	begin(&p, &setup, 4);
	say(&p, DIR_SERVER, "220 mx\r\n");
	say(&p, DIR_CLIENT, "NOOP\r\n");
	say(&p, DIR_SERVER, "250 ok\r\n");
	say(&p, DIR_SERVER, "421 4.4.2 timeout\r\n");
	end(&p, TCP_CLOSE_FIN);
	assert_true(last_says(&p, "\"first_error\":{\"code\":421"));
	assert_false(last_says(&p, "confidence"));

	begin(&p, &setup, 4);
	say(&p, DIR_SERVER, "220 mx\r\n");
	session_feed(p.s, &(struct chunk){.kind = CHUNK_GAP, .dir = DIR_CLIENT, .off = 0, .len = 10, .peer_seen = p.off[DIR_SERVER]});
	p.off[DIR_CLIENT] = 10;
	say(&p, DIR_SERVER, "250 ok\r\n");
	end(&p, TCP_CLOSE_FIN);
	assert_true(last_says(&p, "\"confidence\":\"low\""));
	assert_true(last_says(&p, "\"gaps\":1,\"gap_bytes\":10"));
}

/* The last line of the reply names the message in the words of each server. */
static void test_queue_ids(void **state)
{
	static const struct {
		const char *text, *id; /* NULL: none */
	} texts[] = {
	    {"Ok: queued as 4ABCDE", "4ABCDE"},
	    {"OK id=1rX2Yz-0001Ab-CD", "1rX2Yz-0001Ab-CD"},
	    {"ok 1700000000 qp 1234", "1234"},
	    {"4ABC123456 Message accepted for delivery", "4ABC123456"},
	    {"<1@b.example> [InternalId=42, Hostname=x] Queued mail for delivery", NULL},
	    {"<u@t.example> 8xyz Saved", "8xyz"},
	    {"Queued as 77;x", "77"},
	    {"queued as 4AB\x7f" "C", "4AB"},
	    {"queued as ", NULL},
	    {"ok", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct span id = queue_id_find(span_str(texts[i].text));

		if (texts[i].id ? !span_eq(id, span_str(texts[i].id)) : id.n != 0)
			fail_msg("%s: %.*s", texts[i].text, (int)id.n, (const char *)id.p);
	}
}

/* The first event of a dataset has the text. */
static bool first_says(const struct play *p, const char *dataset, const char *text)
{
	const char *event = strstr(p->out, dataset), *found = event ? strstr(event, text) : NULL;

	return found && found < strchr(event, '\n');
}

static void envelope(struct play *p)
{
	static const struct session_setup setup = {.id = 1, .syn_seen = true, .server_port = 25};

	begin(p, &setup, 4);
	say(p, DIR_SERVER, "220 mx\r\n");
	say(p, DIR_CLIENT, "EHLO c\r\n");
	say(p, DIR_SERVER, "250-mx\r\n250 AUTH PLAIN\r\n");
	say(p, DIR_CLIENT, "MAIL FROM:<a@b>\r\n");
	say(p, DIR_SERVER, "250 ok\r\n");
	say(p, DIR_CLIENT, "RCPT TO:<u@t>\r\n");
	say(p, DIR_SERVER, "250 ok\r\n"); /* frame 10 */
	forget(p);
}

/* A message that no reply ended goes to its last octets, and so does what is told of it; one with a reply to that
 * reply, whenever it is read. */
static void test_where_a_message_ends(void **state)
{
	struct play p;

	(void)state;
	envelope(&p);
	say(&p, DIR_CLIENT, "DATA\r\n");
	say(&p, DIR_SERVER, "354 go\r\n");
	say(&p, DIR_CLIENT, "abc\r\n");
	say(&p, DIR_CLIENT, "def\r\n"); /* frame 14 */
	end(&p, TCP_CLOSE_RST);
	assert_true(first_says(&p, "smtpscope.finding", "\"id\":\"missing_final_dot\""));
	assert_true(first_says(&p, "{\"@timestamp\":\"1970-01-01T00:00:14", "\"id\":\"missing_final_dot\""));
	assert_true(first_says(&p, "smtpscope.finding", "\"packet\":{\"first\":14,\"last\":14}"));
	assert_true(first_says(&p, "smtpscope.finding", "\"offset\":56}"));
	assert_true(first_says(&p, "smtpscope.message", "\"end\":\"1970-01-01T00:00:14"));
	assert_true(first_says(&p, "smtpscope.message", "\"packet\":{\"first\":7,\"last\":14}"));

	envelope(&p);
	say(&p, DIR_CLIENT, "DATA\r\n");
	say(&p, DIR_SERVER, "354 go\r\n");
	say(&p, DIR_CLIENT, ".\r\n");
	say(&p, DIR_SERVER, "250-queued\r\n"); /* frame 14, and its last line never comes */
	say(&p, DIR_CLIENT, "QUIT\r\n");
	end(&p, TCP_CLOSE_FIN);
	assert_true(first_says(&p, "smtpscope.message", "\"result\":\"accepted\""));
	assert_true(first_says(&p, "smtpscope.message", "\"end\":\"1970-01-01T00:00:14"));
	assert_true(first_says(&p, "smtpscope.message", "\"packet\":{\"first\":7,\"last\":14}"));
}

/* AUTH without any reply ends where it was sent, and what is told later of a command stands where that is. */
static void test_where_auth_ends(void **state)
{
	struct play p;

	(void)state;
	envelope(&p);
	say(&p, DIR_CLIENT, "AUTH PLAIN AGEAYg==\r\n"); /* frame 11, octet 40 */
	end(&p, TCP_CLOSE_RST);
	assert_true(first_says(&p, "smtpscope.auth", "\"packet\":{\"first\":11,\"last\":11}"));
	assert_true(first_says(&p, "smtpscope.auth\"", "\"result\":\"abandoned\""));
	assert_true(first_says(&p, "\"action\":\"security\"", "\"packet\":{\"first\":11,\"last\":11}"));
	assert_true(first_says(&p, "\"action\":\"security\"", "\"offset\":40}"));
	assert_true(first_says(&p, "{\"@timestamp\":\"1970-01-01T00:00:11.000000Z\",\"event\":{\"kind\":\"alert\"", "\"id\":\"cleartext_auth\""));

	envelope(&p);
	say(&p, DIR_CLIENT, "AUTH PLAIN AGEAYg==\r\n");
	say(&p, DIR_SERVER, "535 no\r\n"); /* what tells of it is a second later */
	end(&p, TCP_CLOSE_RST);
	assert_true(first_says(&p, "{\"@timestamp\":\"1970-01-01T00:00:11.000000Z\",\"event\":{\"kind\":\"alert\"", "\"id\":\"cleartext_auth\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_reset_behind_quit),
		cmocka_unit_test(test_many_replies),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_recipient_limit),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_offered),
		cmocka_unit_test(test_hole_and_421),
		cmocka_unit_test(test_queue_ids),
		cmocka_unit_test(test_where_a_message_ends),
		cmocka_unit_test(test_where_auth_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
