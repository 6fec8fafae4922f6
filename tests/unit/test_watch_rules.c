/* Each pattern across commands and sessions (protocol facts 6): what raises it and with which evidence, and what comes
 * near and must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "watch_stage.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define CLIENT 0x0a000001   /* inside: known by its address */
#define STRANGER 0xc0000209 /* 192.0.2.9 */

static void refuse(struct stage *s, struct talk *t, enum verb verb, const char *argument, int code,
		   const char *enhanced, const char *text)
{
	struct exchange x = {.kind = EXCHANGE_COMMAND,
			     .verb = verb,
			     .code = code,
			     .argument = span_str(argument),
			     .situation = SIT(EHLO)};

	x.enhanced = enhanced[0] ? span_str(enhanced) : SPAN_ABSENT;
	say_exchange(s, t, &x, text);
}

static struct talk hello(struct stage *s, uint64_t number, uint32_t client, int64_t ts)
{
	struct talk t = talk_of(number, client, ts);

	say_command(s, &t, VERB_UNKNOWN, "", 220);
	say_command(s, &t, VERB_EHLO, "c.example", 250);
	return t;
}

/* ---- relay ---- */

static const struct {
	const char *from, *to;
	int code;
	const char *enhanced, *text;
	const char *evidence; /* NULL: no probe */
} probes[] = {
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "Relay access denied",
	 "plain address to elsewhere.test, sender foreign too, at mx.corp.example, refused"},
	{"FROM:<>", "TO:<u@elsewhere.test>", 550, "", "relay not permitted",
	 "plain address to elsewhere.test, sender <>, at mx.corp.example, refused"},
	{"FROM:<a@corp.example>", "TO:<u%elsewhere.test@corp.example>", 554, "5.7.1", "no",
	 "percent hack to elsewhere.test, sender of the server, at mx.corp.example, refused"},
	{"FROM:<a@corp.example>", "TO:<elsewhere.test!u>", 501, "", "no",
	 "bang path to elsewhere.test, sender of the server, at mx.corp.example, refused"},
	{"FROM:<a@corp.example>", "TO:<@corp.example:u@elsewhere.test>", 550, "", "no",
	 "source route to elsewhere.test, sender of the server, at mx.corp.example, refused"},
	{"FROM:<a@corp.example>", "TO:<\"u@elsewhere.test\"@corp.example>", 550, "", "no",
	 "quoted address to elsewhere.test, sender of the server, at mx.corp.example, refused"},
	{"FROM:<a@stranger.test>", "TO: u@elsewhere.test", 551, "",
	 "sorry, that domain isn't in my list of allowed rcpthosts",
	 "plain address to elsewhere.test, sender foreign too, at mx.corp.example, refused"},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 553, "5.7.1", "no",
	 "plain address to elsewhere.test, sender foreign too, at mx.corp.example, refused"},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 454, "4.7.1", "Relay access denied",
	 "plain address to elsewhere.test, sender foreign too, at mx.corp.example, refused"},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 550, "", "we do not relay: user not local",
	 "plain address to elsewhere.test, sender foreign too, at mx.corp.example, refused"},
	/* not because of where it should go */
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 454, "4.7.1", "try later", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 450, "4.7.1", "Relay access denied", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 552, "5.7.1", "Relay access denied", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 500, "5.7.1", "Relay access denied", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "blocked using zen.spamhaus.org", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "listed", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "looks like spam", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "bad reputation", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "local policy", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "see http://mx.corp.example", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "Client host rejected", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "Helo command rejected", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "Sender address rejected", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 554, "5.7.1", "Authentication needed", NULL},
	{"FROM:<a@stranger.test>", "TO:<u@elsewhere.test>", 550, "5.1.1", "unknown", NULL},
	{"FROM:<a@corp.example>", "TO:<u@elsewhere.test>", 554, "5.7.1", "Relay access denied",
	 NULL}, /* its own user, elsewhere */
	{"FROM:<a@stranger.test>", "TO:<u@corp.example>", 554, "5.7.1", "Relay access denied", NULL},
	{"FROM:<a@stranger.test>", "TO:<u>", 554, "5.7.1", "Relay access denied", NULL},
	{"FROM:<a@corp.example>", "TO:<u%local@corp.example>", 554, "5.7.1", "no",
	 NULL}, /* no domain behind the percent sign */
	{"FROM:<a@corp.example>", "TO:<u%.test@corp.example>", 554, "5.7.1", "no", NULL},
	{"FROM:<a@corp.example>", "TO:<u%test.@corp.example>", 554, "5.7.1", "no", NULL},
	{"FROM:<a@corp.example>", "TO:<host!u@corp.example>", 554, "5.7.1", "no", NULL},
	{"FROM:<a@corp.example>", "TO:<\"u\"@corp.example>", 554, "5.7.1", "no", NULL},
};

static void test_relay_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(probes); i++) {
		struct stage s;
		struct talk t;

		start(&s);
		t = hello(&s, 1, STRANGER, NOON);
		say_command(&s, &t, VERB_MAIL, probes[i].from, 250);
		refuse(&s, &t, VERB_RCPT, probes[i].to, probes[i].code, probes[i].enhanced, probes[i].text);
		expect(&s, FINDING_open_relay_probe, probes[i].evidence != NULL, probes[i].evidence, probes[i].to);
		if (probes[i].evidence) {
			assert_true(s.out.clients == 1 && s.out.sessions == 1 && s.out.count == 1);
			assert_true(s.out.identities == EV_NONE);
		}
		refuse(&s, &t, VERB_RCPT, probes[i].to, probes[i].code, probes[i].enhanced, probes[i].text);
		expect(&s, FINDING_open_relay_probe, probes[i].evidence != NULL, NULL, "again within the hour");
		done(&s);
	}
}

static void test_relay_of_users(void **state)
{
	struct stage s;
	struct talk t;

	(void)state;
	start(&s); /* who has logged in is no stranger */
	t = hello(&s, 1, STRANGER, NOON);
	say_auth(&s, &t, "alice@corp.example", true);
	say_command(&s, &t, VERB_MAIL, "FROM:<a@stranger.test>", 250);
	refuse(&s, &t, VERB_RCPT, "TO:<u@elsewhere.test>", 554, "5.7.1", "Relay access denied");
	expect(&s, FINDING_open_relay_probe, 0, NULL, "authenticated");
	done(&s);
	start(&s); /* LMTP takes mail of a server */
	t = hello(&s, 1, STRANGER, NOON);
	t.record.lmtp = true;
	say_command(&s, &t, VERB_MAIL, "FROM:<a@stranger.test>", 250);
	refuse(&s, &t, VERB_RCPT, "TO:<u@elsewhere.test>", 554, "5.7.1", "Relay access denied");
	expect(&s, FINDING_open_relay_probe, 0, NULL, "lmtp");
	done(&s);
	start(&s); /* a MAIL that was refused names no sender */
	t = hello(&s, 1, STRANGER, NOON);
	say_command(&s, &t, VERB_MAIL, "FROM:<a@stranger.test>", 550);
	refuse(&s, &t, VERB_RCPT, "TO:<u@elsewhere.test>", 554, "5.7.1", "Relay access denied");
	expect(&s, FINDING_open_relay_probe, 0, NULL, "MAIL refused");
	say_command(&s, &t, VERB_MAIL, "FROM:<>", 250);
	say_command(&s, &t, VERB_MAIL, "FROM:<a@corp.example>", 250);
	refuse(&s, &t, VERB_RCPT, "TO:<u@elsewhere.test>", 554, "5.7.1", "Relay access denied");
	expect(&s, FINDING_open_relay_probe, 0, NULL, "another MAIL since");
	done(&s);
}

static void deliver(struct stage *s, struct talk *t, const char *from, const char *to, const char *result)
{
	struct span rcpt = span_str(to);
	struct event ev;

	event_init(&ev, DS_MESSAGE);
	ev.mail_from = span_str(from);
	ev.rcpt_to = ev.rcpt_accepted = (struct event_list){&rcpt, 1};
	ev.rcpt_count = 1;
	ev.message_result = span_str(result);
	say(s, t, &ev);
}

static const struct {
	uint32_t client;
	const char *from, *to, *rcpt, *result;
	const char *severity; /* NULL: nothing is raised */
	const char *evidence;
} deliveries[] = {
	{STRANGER, "a@stranger.test", "u%elsewhere.test@corp.example", "250", "accepted", "alert",
	 "percent hack to elsewhere.test, taken by mx.corp.example"},
	{CLIENT, "a@corp.example", "elsewhere.test!u", "250", "accepted", "alert",
	 "bang path to elsewhere.test, taken by mx.corp.example"},
	{STRANGER, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note",
	 "plain address to elsewhere.test, taken by mx.corp.example; neither domain is known to be its own: hosted "
	 "there, or the client is known by its "
	 "address?"},
	{STRANGER, "a@stranger.test", "u@elsewhere.test", "250", "partial", "note", NULL},
	{STRANGER, "a@stranger.test", "u@elsewhere.test", "554", "accepted", "alert",
	 "plain address to elsewhere.test, taken by mx.corp.example"},
	{STRANGER, "a@stranger.test", "u@elsewhere.test", "250", "rejected", NULL, NULL},
	{STRANGER, "a@stranger.test", "u@corp.example", "250", "accepted", NULL, NULL},
	{STRANGER, "a@corp.example", "u@elsewhere.test", "250", "accepted", NULL, NULL},
	{STRANGER, "", "u@elsewhere.test", "250", "accepted", NULL, NULL}, /* a bounce */
	{CLIENT, "a@stranger.test", "u@elsewhere.test", "250", "accepted", NULL,
	 NULL}, /* RFC 1918 and its like are inside */
	{0x7f000001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", NULL, NULL},
	{0xac100001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", NULL, NULL},
	{0xac1f0001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", NULL, NULL},
	{0xac200001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
	{0xac0f0001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
	{0xc0a80001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", NULL, NULL},
	{0xc0a90001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
	{0xc1a80001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
	{0xa9fe0001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", NULL, NULL},
	{0xa9ff0001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
	{0xaafe0001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
	{0x0b000001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
	{0x80000001, "a@stranger.test", "u@elsewhere.test", "250", "accepted", "note", NULL},
};

static void mail(struct stage *s, struct talk *t, const char *from, const char *to, int code)
{
	char argument[128];

	span_cstr(SPAN("FROM:<"), argument, sizeof argument);
	strcat(strcat(argument, from), ">");
	say_command(s, t, VERB_MAIL, argument, 250);
	span_cstr(SPAN("TO:<"), argument, sizeof argument);
	strcat(strcat(argument, to), ">");
	refuse(s, t, VERB_RCPT, argument, code, "", code == 250 ? "ok" : "Relay access denied");
}

static void test_relay_delivered(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(deliveries); i++) {
		struct stage s;
		struct talk t;

		start(&s);
		t = hello(&s, 1, deliveries[i].client, NOON);
		mail(&s, &t, deliveries[i].from, deliveries[i].to, deliveries[i].rcpt[0] == '2' ? 250 : 554);
		memset(s.out.evidence, 0, sizeof s.out.evidence);
		deliver(&s, &t, deliveries[i].from, deliveries[i].to, deliveries[i].result);
		expect(&s, FINDING_open_relay_success, deliveries[i].severity != NULL, deliveries[i].evidence,
		       deliveries[i].to);
		if (deliveries[i].severity) {
			assert_string_equal(s.out.severity, deliveries[i].severity);
			assert_string_equal(s.out.confidence, deliveries[i].severity[0] == 'a' ? "high" : "low");
			assert_int_equal(s.out.count, 1);
		}
		done(&s);
	}
}

/* IPv6: RFC 4193, link-local and loopback are inside; what others were taken for is the server's own. */
static void test_relay_inside(void **state)
{
	static const struct {
		uint8_t addr[3];
		unsigned notes;
	} rows[] = {{{0x20, 1}, 1},    {{0xfc, 1}, 0},    {{0xfd, 1}, 0},    {{0xfb, 1}, 1},
		    {{0xfe, 0x80}, 0}, {{0xfe, 0xbf}, 0}, {{0xfe, 0xc0}, 1}, {{0xfe, 0x40}, 1},
		    {{0, 0}, 0},       {{0xff, 0x80}, 1}, {{10, 0}, 1},      {{127, 0}, 1}};
	struct stage s;
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		start(&s);
		t = talk_of(1, STRANGER, NOON);
		t.record.client.family = t.record.server.family = 6;
		memcpy(t.record.client.addr, rows[i].addr, 3);
		say_command(&s, &t, VERB_UNKNOWN, "", 220);
		mail(&s, &t, "a@stranger.test", "u@elsewhere.test", 250);
		deliver(&s, &t, "a@stranger.test", "u@elsewhere.test", "accepted");
		if (raised(&s, FINDING_open_relay_success) != rows[i].notes)
			fail_msg("%02x%02x", rows[i].addr[0], rows[i].addr[1]);
		done(&s);
	}
	start(&s);
	for (uint32_t n = 0; n < 3; n++) {
		t = hello(&s, n + 1, STRANGER + n, NOON);
		mail(&s, &t, "a@stranger.test", "u@elsewhere.test", 250);
		deliver(&s, &t, "a@stranger.test", "u@elsewhere.test", "accepted");
		expect(&s, FINDING_open_relay_success, 1, NULL, "later clients");
	}
	done(&s);
}

/* Only the start of a session tells that nobody authenticated. */
static void test_relay_from_the_middle(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON);
	struct stage s;

	(void)state;
	start(&s);
	t.record.sequence = 5;
	say_command(&s, &t, VERB_UNKNOWN, "", 220);
	mail(&s, &t, "a@stranger.test", "u@elsewhere.test", 250);
	deliver(&s, &t, "a@stranger.test", "u@elsewhere.test", "accepted");
	expect(&s, FINDING_open_relay_success, 0, NULL, "midstream");
	done(&s);
}

/* Two refusals, of whatever, and then one gets through. */
static void test_relay_found(void **state)
{
	(void)state;
	for (unsigned refusals = 1; refusals <= 2; refusals++) {
		struct stage s;
		struct talk t;

		start(&s);
		t = hello(&s, 1, CLIENT, NOON);
		for (unsigned n = 0; n < refusals; n++)
			mail(&s, &t, "a@stranger.test", "u@elsewhere.test", 554);
		mail(&s, &t, "a@stranger.test", "u@third.test", 250);
		deliver(&s, &t, "a@stranger.test", "u@third.test", "accepted");
		expect(&s, FINDING_open_relay_success, refusals > 1, NULL, "another domain");
		done(&s);
	}
}

/* ---- recipients and names that are tried ---- */

static const struct {
	int code;
	const char *enhanced, *text;
	bool unknown;
} recipients[] = {
	{550, "5.1.1", "x", true},
	{550, "5.1.10", "x", true},
	{550, "5.7.1", "user unknown", false},
	{550, "", "User unknown", true},
	{550, "", "No such user", true},
	{550, "", "does not exist", true},
	{550, "", "not found", true},
	{550, "", "Unrouteable address", true},
	{550, "", "Invalid recipient", true},
	{550, "", "no mailbox here", true},
	{550, "", "mailbox unavailable", true},
	{550, "", "rejected", false},
	{551, "5.1.1", "User unknown", false},
	{553, "", "User unknown", false},
	{450, "5.1.1", "User unknown", false},
};

static void test_harvest(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(recipients); i++) {
		struct stage s;
		struct talk t;

		start(&s);
		t = hello(&s, 1, STRANGER, NOON);
		for (unsigned n = 0; n < 10; n++) {
			char to[] = "TO:<name0@corp.example>";

			to[8] = (char)('0' + n / 2);
			t.ts += SECOND;
			refuse(&s, &t, VERB_RCPT, to, recipients[i].code, recipients[i].enhanced, recipients[i].text);
			expect(&s, FINDING_directory_harvest, n == 9 && recipients[i].unknown,
			       "10 of 10 recipients unknown; the last 10 in 9 s, 5 names; the last of them: "
			       "name4@corp.example",
			       recipients[i].text);
		}
		done(&s);
	}
}

static const struct {
	int codes[6];
	const char *evidence; /* NULL: nothing */
} verified[] = {
	{{250, 550}, "2 names in 1 s, 1 exist, 1 do not"},
	{{550, 251}, "2 names in 1 s, 1 exist, 1 do not"},
	{{551, 250}, "2 names in 1 s, 1 exist, 1 do not"},
	{{553, 250}, "2 names in 1 s, 1 exist, 1 do not"},
	{{250, 250, 250, 250}, NULL},
	{{252, 252, 252, 252}, NULL},
	{{252, 550, 550, 502}, NULL},
	{{252, 252, 252, 252, 252}, "5 names in 4 s, 0 exist, 0 do not"},
	{{550, 550, 550, 550, 250}, "5 names in 4 s, 1 exist, 4 do not"},
	{{502, 250, 252, 550}, "4 names in 3 s, 1 exist, 1 do not"},
};

static void test_enumeration(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(verified); i++) {
		struct stage s;
		struct talk t;

		start(&s);
		t = hello(&s, 1, STRANGER, NOON);
		for (unsigned n = 0; verified[i].codes[n]; n++, t.ts += SECOND) {
			char name[] = "name0";

			name[4] = (char)('0' + n);
			say_command(&s, &t, n & 1 ? VERB_EXPN : VERB_VRFY, name, verified[i].codes[n]);
		}
		expect(&s, FINDING_user_enumeration, verified[i].evidence != NULL, verified[i].evidence, "VRFY");
		done(&s);
	}
}

/* ---- messages ---- */

struct message {
	const char *from, *header_from[2], *to, *header_to, *header_cc, *user, *result;
	bool truncated;
	const char *evidence; /* NULL: nothing */
};

static const struct message messages[] = {
	{"a@corp.example", {"a@corp.example"}, "u@t.example", "u@t.example", NULL, NULL, "accepted", false, NULL},
	{"a@bulk.example",
	 {"b@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 NULL,
	 "accepted",
	 false,
	 "sender of bulk.example, From of corp.example"},
	{"a@bulk.example",
	 {"b@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 NULL,
	 "partial",
	 false,
	 "sender of bulk.example, From of corp.example"},
	{"a@bulk.example", {"b@corp.example"}, "u@t.example", "u@t.example", NULL, NULL, "rejected", false, NULL},
	{"a@bulk.example", {"b@corp.example"}, "u@t.example", "u@t.example", NULL, NULL, "accepted", true, NULL},
	{"a@bulk.example",
	 {"b@corp.example", "c@bulk.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 NULL,
	 "accepted",
	 false,
	 NULL},
	{"a@bulk.example",
	 {"b@corp.example", "c@more.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 NULL,
	 "accepted",
	 false,
	 "sender of bulk.example, From of corp.example"},
	{"a@bounces.corp.example",
	 {"b@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 NULL,
	 "accepted",
	 false,
	 NULL},
	{"a@corp.example", {"b@MAIL.corp.EXAMPLE"}, "u@t.example", "u@t.example", NULL, NULL, "accepted", false, NULL},
	{"a@xcorp.example",
	 {"b@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 NULL,
	 "accepted",
	 false,
	 "sender of xcorp.example, From of corp.example"},
	{"", {"b@corp.example"}, "u@t.example", "u@t.example", NULL, NULL, "accepted", false, NULL}, /* a bounce */
	{"a@corp.example", {NULL}, "u@t.example", NULL, NULL, NULL, "accepted", false, NULL}, /* no header to compare */
	{"a@corp.example",
	 {"a@corp.example"},
	 "u@t.example",
	 "v@t.example",
	 NULL,
	 NULL,
	 "accepted",
	 false,
	 "a recipient of t.example is not in To or Cc"},
	{"a@corp.example",
	 {"a@corp.example"},
	 "u@t.example",
	 "v@t.example",
	 "U@t.example",
	 NULL,
	 "accepted",
	 false,
	 NULL},
	{"a@corp.example",
	 {"a@corp.example"},
	 "u@t.example",
	 NULL,
	 "v@t.example",
	 NULL,
	 "accepted",
	 false,
	 "a recipient of t.example is not in To or Cc"},
	{"a@corp.example", {"a@corp.example"}, "u@t.example", NULL, NULL, NULL, "accepted", false, NULL},
	{"alice@corp.example",
	 {"alice@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 "alice",
	 "accepted",
	 false,
	 NULL},
	{"bob@corp.example",
	 {"bob@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 "alice",
	 "accepted",
	 false,
	 "authenticated as alice, sender of corp.example"},
	{"alice@corp.example",
	 {"alice@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 "Alice@corp.example",
	 "accepted",
	 false,
	 NULL},
	{"alice@corp.example",
	 {"alice@corp.example"},
	 "u@t.example",
	 "u@t.example",
	 NULL,
	 "alice@t.example",
	 "accepted",
	 false,
	 "authenticated as alice@t.example, sender of corp.example"},
	{"bob@bulk.example",
	 {"bob@corp.example"},
	 "u@t.example",
	 "v@t.example",
	 NULL,
	 "alice",
	 "accepted",
	 false,
	 "sender of bulk.example, From of corp.example; a recipient of t.example is not in To or Cc; authenticated as "
	 "alice, sender of bulk.example"},
};

static void test_envelope(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		const struct message *m = &messages[i];
		struct span from[2], to, header_to, header_cc;
		struct stage s;
		struct talk t;
		struct event ev;

		start(&s);
		t = hello(&s, 1, CLIENT, NOON);
		if (m->user)
			say_auth(&s, &t, m->user, true);
		event_init(&ev, DS_MESSAGE);
		ev.mail_from = span_str(m->from);
		to = span_str(m->to);
		ev.rcpt_to = ev.rcpt_accepted = (struct event_list){&to, 1};
		ev.message_result = span_str(m->result);
		for (uint32_t k = 0; k < 2 && m->header_from[k]; k++) {
			from[k] = span_str(m->header_from[k]);
			ev.email_from = (struct event_list){from, k + 1};
		}
		header_to = m->header_to ? span_str(m->header_to) : SPAN_ABSENT;
		header_cc = m->header_cc ? span_str(m->header_cc) : SPAN_ABSENT;
		ev.email_to = (struct event_list){&header_to, m->header_to != NULL};
		ev.email_cc = (struct event_list){&header_cc, m->header_cc != NULL};
		ev.truncated = m->truncated ? EV_TRUE : ev.truncated;
		say(&s, &t, &ev);
		expect(&s, FINDING_envelope_header_mismatch, m->evidence != NULL, m->evidence, m->from);
		done(&s);
	}
}

static void bounce(struct stage *s, unsigned n, const char *from, const char *to, bool sure)
{
	struct talk t = talk_of(n + 1, STRANGER + n % 2, NOON + n * SECOND);
	struct span rcpt = span_str(to);
	struct event ev;

	event_init(&ev, DS_MESSAGE);
	ev.mail_from = from ? span_str(from) : SPAN_ABSENT;
	ev.rcpt_to = (struct event_list){&rcpt, 1};
	ev.message_result = SPAN("accepted");
	ev.confidence = sure ? SPAN_ABSENT : SPAN("low");
	say(s, &t, &ev);
}

static void test_null_senders(void **state)
{
	static const struct {
		const char *from, *to;
		bool sure;
		unsigned notes;
	} rows[] = {{"", "u@corp.example", true, 1},
		    {"a@b.example", "u@corp.example", true, 0},
		    {NULL, "u@corp.example", true, 0},
		    {"", "postmaster", true, 0},
		    {"", "u@corp.example", false, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stage s;

		start(&s);
		for (unsigned n = 0; n < 25; n++)
			bounce(&s, n, rows[i].from, rows[i].to, rows[i].sure);
		expect(&s, FINDING_null_sender_flood, rows[i].notes,
		       "20 mails from <> to corp.example in 19 s, from 2 clients", rows[i].to);
		if (rows[i].notes) {
			assert_int_equal(s.out.count, 20);
			assert_int_equal(s.out.clients, 2);
			assert_int_equal(s.out.sessions, 4);
		}
		done(&s);
	}
}

/* ---- passwords ---- */

static void auth(struct stage *s, struct talk *t, const char *mechanism, const char *user, const char *domain,
		 const char *result, uint64_t code)
{
	struct event ev;

	event_init(&ev, DS_AUTH);
	ev.mechanism = span_str(mechanism);
	ev.auth_steps = 2;
	ev.auth_encrypted = EV_TRUE;
	ev.user_name = user[0] ? span_str(user) : SPAN_ABSENT;
	ev.user_domain = domain[0] ? span_str(domain) : SPAN_ABSENT;
	ev.auth_result = span_str(result);
	ev.reply_code = code;
	say(s, t, &ev);
}

/* Without names it is the session that guesses: four in one. */
static void test_session_guesses(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON);
	struct stage s;

	(void)state;
	start(&s);
	auth(&s, &t, "GSSAPI", "", "", "cancelled", 535);
	auth(&s, &t, "GSSAPI", "", "", "rejected", 534);
	for (unsigned n = 0; n < 6; n++) {
		expect(&s, FINDING_auth_bruteforce, n >= 4, "4 refused in one session, the last by GSSAPI",
		       "in one session");
		auth(&s, &t, "GSSAPI", "", "", "failure", 535);
	}
	assert_int_equal(s.out.count, 4);
	done(&s);
	start(&s); /* four names of four sessions' worth in one */
	t = talk_of(1, STRANGER, NOON);
	for (unsigned n = 0; n < 4; n++) {
		char user[] = "user0";

		user[4] = (char)('0' + n);
		auth(&s, &t, "PLAIN", user, "", "failure", 535);
	}
	expect(&s, FINDING_auth_bruteforce, 1, "4 refused in one session, the last by PLAIN", "four names");
	done(&s);
	start(&s); /* the same name: it is named */
	t = talk_of(1, STRANGER, NOON);
	for (unsigned n = 0; n < 4; n++)
		auth(&s, &t, "PLAIN", "alice", "corp.example", "failure", 535);
	expect(&s, FINDING_auth_bruteforce, 1, "4 refused for alice@corp.example in 0 s, PLAIN", "one name");
	assert_int_equal(s.out.identities, 1);
	auth(&s, &t, "PLAIN", "alice", "corp.example", "failure", 535); /* a fifth is the same attack */
	expect(&s, FINDING_auth_bruteforce, 1, NULL, "the fifth");
	done(&s);
}

/* One client in many sessions is one attack, told once in ten minutes; another client's is another. */
static void test_one_attack(void **state)
{
	static const struct {
		uint32_t client;
		int64_t at;
		unsigned alerts;
	} rows[] = {{STRANGER, 0, 1}, {STRANGER, 600, 1}, {STRANGER + 1, 600, 2}, {STRANGER, 601, 3}};
	struct stage s;

	(void)state;
	start(&s);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(i + 1, rows[i].client, rows[i].at * SECOND); /* in 1970 */

		for (unsigned n = 0; n < 4; n++)
			auth(&s, &t, "GSSAPI", "", "", "failure", 535);
		expect(&s, FINDING_auth_bruteforce, rows[i].alerts, "4 refused in one session, the last by GSSAPI",
		       "one attack");
	}
	done(&s);
}

/* "alice" alone is somebody else on another server; with her domain she is the same. */
static void test_identities(void **state)
{
	static const struct {
		const char *user, *domain;
		unsigned alerts;
	} rows[] = {{"alice", "", 0},
		    {"alice", "corp.example", 1},
		    {"alice@corp.example", "", 1},
		    {"alice@corp.example", "x.example", 1}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stage s;

		start(&s);
		for (unsigned n = 0; n < 5; n++) {
			struct talk t = talk_of(n + 1, STRANGER + n, NOON + n * SECOND);

			t.record.server.addr[3] = (uint8_t)(n & 1);
			auth(&s, &t, "LOGIN", rows[i].user, rows[i].domain, "failure", 535);
		}
		expect(&s, FINDING_auth_bruteforce, rows[i].alerts, "5 refused for alice@corp.example in 4 s, LOGIN",
		       rows[i].user);
		if (rows[i].alerts)
			assert_string_equal(s.out.user, rows[i].user);
		done(&s);
	}
	for (uint16_t port = 25; port <= 26; port++) { /* the ports of one server ask the same passwords */
		struct stage s;

		start(&s);
		for (unsigned n = 0; n < 5; n++) {
			struct talk t = talk_of(n + 1, STRANGER + n, NOON + n * SECOND);

			t.record.server.port = n & 1 ? port : 587;
			auth(&s, &t, "LOGIN", "alice", "", "failure", 535);
		}
		expect(&s, FINDING_auth_bruteforce, 1, "5 refused for alice in 4 s, LOGIN", "ports");
		done(&s);
	}
}

/* Every minute from one client: a program with an old password, most likely. */
static void test_even_intervals(void **state)
{
	struct stage s;
	struct talk t;

	(void)state;
	start(&s);
	for (unsigned n = 0; n < 12; n++) {
		t = talk_of(n + 1, STRANGER, NOON + n * 60 * SECOND);
		auth(&s, &t, "PLAIN", "alice@corp.example", "", "failure", 535);
		expect(&s, FINDING_auth_bruteforce, n >= 4,
		       n < 11 ? "5 refused for alice@corp.example in 240 s, PLAIN, one every 60 s: perhaps a mail "
				"client with an old password"
			      : NULL,
		       "even");
	}
	assert_string_equal(s.out.confidence, "low");
	t = talk_of(99, STRANGER, NOON + 12 * 60 * SECOND);
	auth(&s, &t, "PLAIN", "alice@corp.example", "", "success", 235);
	expect(&s, FINDING_auth_success_after_failures, 1,
	       "12 refused for alice@corp.example, then accepted; refused at even intervals: perhaps a mail client "
	       "with an old password",
	       "then right");
	assert_string_equal(s.out.confidence, "low");
	assert_int_equal(s.out.count, 12);
	done(&s);
}

/* The guess that was right: by one of those who guessed, or by somebody else. */
static void test_right_at_last(void **state)
{
	(void)state;
	for (uint32_t who = 0; who < 2; who++) {
		struct stage s;
		struct talk t;

		start(&s);
		for (unsigned n = 0; n < 7; n++) {
			t = talk_of(n + 1, STRANGER, NOON + n * n * SECOND);
			auth(&s, &t, "PLAIN", "alice@corp.example", "", "failure", 535);
		}
		t = talk_of(99, STRANGER + who, NOON + 50 * SECOND);
		auth(&s, &t, "PLAIN", "alice@corp.example", "", "success", 235);
		expect(&s, FINDING_auth_success_after_failures, 1,
		       who ? "7 refused for alice@corp.example, then accepted; the refused were other clients"
			   : "7 refused for alice@corp.example, then accepted; this client was among those refused",
		       "right");
		assert_string_equal(s.out.confidence, "high");
		assert_string_equal(s.out.user, "alice@corp.example");
		assert_int_equal(s.out.clients, 1);
		done(&s);
	}
}

/* More than five by the time the window is quiet again: all are told. */
static void test_in_all(void **state)
{
	static const unsigned at[] = {0, 1, 3, 7, 12, 700, 701, 703, 707, 712};
	struct stage s;

	(void)state;
	start(&s);
	for (unsigned n = 0; n < COUNT(at); n++) {
		struct talk t = talk_of(n + 1, STRANGER + n, NOON + at[n] * SECOND);

		auth(&s, &t, "PLAIN", "alice@corp.example", "", "failure", 535);
	}
	expect(&s, FINDING_auth_bruteforce, 2, "5 refused for alice@corp.example in 12 s, PLAIN, 10 in all", "again");
	assert_int_equal(s.out.clients, 5);
	done(&s);
}

/* Ten names with few tries each; those with more are guessed at, and do not count. PLAIN and LOGIN only. */
static void test_spray(void **state)
{
	static const struct {
		const char *mechanism;
		unsigned names, tries;
		const char *evidence;
	} rows[] = {
		{"PLAIN", 10, 1,
		 "10 identities in 9 s, 10 tries, at most 1 each, from one client; the last: user9@corp.example"},
		{"login", 10, 3,
		 "10 identities in 9 s, 28 tries, at most 3 each, from one client; the last: user9@corp.example"},
		{"LOGIN", 9, 3, NULL},
		{"LOGIN", 10, 4, NULL},
		{"CRAM-MD5", 10, 1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct stage s;

		start(&s);
		s.settings.rule[WATCH_connection_flood].threshold = 0;
		for (unsigned n = 0; n < rows[i].names * rows[i].tries; n++) {
			struct talk t = talk_of(n + 1, STRANGER, NOON + n / rows[i].tries * SECOND);
			char user[] = "user0@corp.example";

			user[4] = (char)('0' + n / rows[i].tries);
			auth(&s, &t, rows[i].mechanism, user, "", "failure", 535);
		}
		expect(&s, FINDING_password_spray, rows[i].evidence != NULL, rows[i].evidence, rows[i].mechanism);
		if (rows[i].evidence) {
			assert_int_equal(s.out.identities, 10);
			assert_string_equal(s.out.severity, "alert");
		}
		done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relay_refused),
		cmocka_unit_test(test_relay_of_users),
		cmocka_unit_test(test_relay_delivered),
		cmocka_unit_test(test_relay_inside),
		cmocka_unit_test(test_relay_from_the_middle),
		cmocka_unit_test(test_relay_found),
		cmocka_unit_test(test_harvest),
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_null_senders),
		cmocka_unit_test(test_session_guesses),
		cmocka_unit_test(test_one_attack),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_even_intervals),
		cmocka_unit_test(test_right_at_last),
		cmocka_unit_test(test_in_all),
		cmocka_unit_test(test_spray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
