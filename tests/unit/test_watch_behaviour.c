/* TLS that could have been, floods, names, servers that take their time, the style of programs (protocol facts 6):
 * edges of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch_stage.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define STRANGER 0xc0000209 /* 192.0.2.9 */

/* ---- lists ---- */

/* EHLO with what the server offers; situation: what stands against comparing it. */
static void offer(struct stage *s, struct talk *t, const char *extensions, uint64_t situation, int code)
{
	struct exchange x = {.kind = EXCHANGE_COMMAND,
			     .verb = VERB_EHLO,
			     .code = code,
			     .argument = SPAN_INIT("c.example"),
			     .situation = situation};
	struct span rest = span_str(extensions), list[8], line = SPAN("mx.corp.example");
	struct event ev;
	uint32_t n = 0;

	while (rest.p && rest.n)
		list[n++] = span_split(&rest, ',');
	event_init(&ev, DS_COMMAND);
	x.text = &line;
	x.text_count = 1;
	ev.exchange = &x;
	ev.reply_code = (uint64_t)code;
	ev.reply_text = (struct event_list){&line, 1};
	ev.extensions = (struct event_list){list, n};
	say(s, t, &ev);
}

static const struct {
	const char *extensions;
	uint64_t situation;
	int code;
	const char *weak, *clear;
} offers[] = {
	{"SIZE,AUTH=PLAIN", 0, 250, NULL, "offered: PLAIN; STARTTLS is not offered"},
	{"AUTH=plain CRAM-MD5 LOGIN,STARTTLS", 0, 250, "offered: CRAM-MD5; STARTTLS is offered too",
	 "offered: plain LOGIN; STARTTLS is offered too"},
	{"AUTH=CRAM-MD5 DIGEST-MD5 NTLM ANONYMOUS", 0, 250,
	 "offered: CRAM-MD5 DIGEST-MD5 NTLM ANONYMOUS; STARTTLS is not offered", NULL},
	{"AUTH=SCRAM-SHA-256 GSSAPI XOAUTH2", 0, 250, NULL, NULL},
	{"AUTH=PLAIN", SIT(TLS), 250, NULL, NULL},
	{"AUTH=PLAIN", SIT(PORT_TLS), 250, NULL, NULL},
	{"AUTH=PLAIN", SIT(AFTER_GAP), 250, NULL, NULL},
	{"AUTH=PLAIN", SIT(AUTHENTICATED), 250, NULL, NULL},
	{"AUTH=PLAIN", 0, 550, NULL, NULL},
	{"XAUTH=PLAIN", 0, 250, NULL, NULL},
};

static void test_offers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(offers); i++) {
		struct talk t = talk_of(1, STRANGER, NOON), later = talk_of(2, STRANGER, NOON + 86400 * SECOND);
		struct stage s;

		start(&s);
		s.settings.rule[WATCH_auth_offered_without_tls].threshold = 0;
		offer(&s, &t, offers[i].extensions, offers[i].situation, offers[i].code);
		expect(&s, FINDING_weak_auth_mechanism, offers[i].weak != NULL, offers[i].weak, offers[i].extensions);
		done(&s);
		start(&s);
		s.settings.rule[WATCH_weak_auth_mechanism].threshold = 0;
		t = talk_of(1, STRANGER, NOON);
		offer(&s, &t, offers[i].extensions, offers[i].situation, offers[i].code);
		expect(&s, FINDING_auth_offered_without_tls, offers[i].clear != NULL, offers[i].clear,
		       offers[i].extensions);
		offer(&s, &later, offers[i].extensions, offers[i].situation, offers[i].code); /* once a day */
		expect(&s, FINDING_auth_offered_without_tls, offers[i].clear != NULL, NULL, "within the day");
		later = talk_of(3, STRANGER, NOON + 86401 * SECOND);
		offer(&s, &later, offers[i].extensions, offers[i].situation, offers[i].code);
		expect(&s, FINDING_auth_offered_without_tls, offers[i].clear ? 2 : 0, NULL, "the next day");
		done(&s);
	}
}

static void use(struct stage *s, struct talk *t, const char *mechanism, bool encrypted, uint64_t steps)
{
	struct event ev;

	event_init(&ev, DS_AUTH);
	ev.mechanism = span_str(mechanism);
	ev.auth_steps = steps;
	ev.auth_encrypted = encrypted ? EV_TRUE : ev.auth_encrypted;
	ev.auth_result = SPAN("rejected");
	ev.reply_code = 504;
	say(s, t, &ev);
}

static void test_used(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON), u = talk_of(2, STRANGER, NOON + SECOND);
	struct stage s;

	(void)state;
	start(&s);
	use(&s, &t, "CRAM-MD5", false, 0); /* nothing was exchanged */
	expect(&s, FINDING_weak_auth_mechanism, 0, NULL, "no steps");
	use(&s, &t, "PLAIN", true, 1);
	expect(&s, FINDING_weak_auth_mechanism, 0, NULL, "PLAIN");
	use(&s, &t, "ntlm", true, 1);
	expect(&s, FINDING_weak_auth_mechanism, 1, "used: ntlm", "NTLM");
	use(&s, &u, "CRAM-MD5", true, 1);
	expect(&s, FINDING_weak_auth_mechanism, 1, NULL, "of the same server");
	done(&s);
}

/* ---- STARTTLS that vanished ---- */

static const struct {
	const char *first, *then;
	int64_t apart; /* s */
	uint64_t situation;
	bool other_client;
	const char *evidence; /* NULL: nothing */
} stripped[] = {
	{"SIZE,STARTTLS", "SIZE", 60, 0, false,
	 "session 0000000000000001, 60 s earlier, was offered: SIZE, STARTTLS; now: SIZE"},
	{"STARTTLS", "", 60, 0, true, "session 0000000000000001, 60 s earlier, was offered: STARTTLS; now: nothing"},
	{"STARTTLS", "SIZE", 86400, 0, false,
	 "session 0000000000000001, 86400 s earlier, was offered: STARTTLS; now: SIZE"},
	{"STARTTLS", "SIZE", -60, 0, false, "session 0000000000000001, 0 s earlier, was offered: STARTTLS; now: SIZE"},
	{"STARTTLS", "SIZE", 86401, 0, false, NULL},
	{"SIZE", "SIZE", 60, 0, false, NULL},
	{"STARTTLS", "starttls", 60, 0, false, NULL},
	{"STARTTLS", "SIZE", 60, SIT(TLS), false, NULL},
	{"STARTTLS", "SIZE", 60, SIT(PORT_TLS), false, NULL},
	{"STARTTLS", "SIZE", 60, SIT(AFTER_GAP), false, NULL},
	{"STARTTLS", "SIZE", 60, SIT(AUTHENTICATED), false, NULL},
};

static void test_stripped(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(stripped); i++) {
		struct talk t = talk_of(1, STRANGER, NOON),
			    u = talk_of(2, STRANGER + stripped[i].other_client, NOON + stripped[i].apart * SECOND);
		struct stage s;

		start(&s);
		offer(&s, &t, stripped[i].first, 0, 250);
		offer(&s, &t, "SIZE", 0, 250); /* in one session it is no news: after STARTTLS it is gone */
		expect(&s, FINDING_starttls_stripped, 0, NULL, "the same session");
		offer(&s, &u, stripped[i].then, stripped[i].situation, 250);
		expect(&s, FINDING_starttls_stripped, stripped[i].evidence != NULL, stripped[i].evidence,
		       stripped[i].first);
		u = talk_of(3, STRANGER + stripped[i].other_client, u.ts + SECOND);
		offer(&s, &u, stripped[i].then, stripped[i].situation, 250);
		if (stripped[i].apart < 86400)
			expect(&s, FINDING_starttls_stripped, stripped[i].evidence != NULL, NULL,
			       "once a day to each client");
		done(&s);
	}
}

/* Another server says nothing of this one; a list that was masked is told elsewhere. */
static void test_not_stripped(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON), u = talk_of(2, STRANGER, NOON + 2 * SECOND);
	struct exchange x = {.kind = EXCHANGE_COMMAND,
			     .verb = VERB_EHLO,
			     .code = 250,
			     .reply_defects = REPLY_DEFECT(KEYWORD_MASKED)};
	struct stage s;

	(void)state;
	start(&s);
	offer(&s, &t, "STARTTLS", 0, 250);
	u.record.server.port = 587;
	offer(&s, &u, "SIZE", 0, 250);
	expect(&s, FINDING_starttls_stripped, 0, NULL, "another port");
	u = talk_of(3, STRANGER, NOON + 3 * SECOND);
	say_exchange(&s, &u, &x, "mx.corp.example");
	expect(&s, FINDING_starttls_stripped, 0, NULL, "masked");
	u = talk_of(4, STRANGER,
		    NOON + 4 * SECOND); /* the newest list is the one to compare with, but one a second is enough */
	offer(&s, &u, "STARTTLS,SIZE", 0, 250);
	u = talk_of(5, STRANGER, NOON + 5 * SECOND);
	offer(&s, &u, "STARTTLS,DSN", 0, 250);
	u = talk_of(6, STRANGER, NOON + 6 * SECOND);
	offer(&s, &u, "DSN", 0, 250);
	expect(&s, FINDING_starttls_stripped, 1,
	       "session 0000000000000004, 2 s earlier, was offered: STARTTLS, SIZE; now: DSN", "newest");
	done(&s);
}

static void starttls(struct stage *s, struct talk *t, int code, uint64_t situation, uint64_t defects)
{
	struct exchange x = {.kind = EXCHANGE_COMMAND,
			     .verb = VERB_STARTTLS,
			     .code = code,
			     .situation = situation,
			     .defects = defects};

	say_exchange(s, t, &x, "no");
}

static const struct {
	int code;
	uint64_t situation, defects;
	unsigned stripped; /* sent although not offered, when another session was */
	unsigned refused;  /* offered, and the client comes back in clear */
} answers[] = {
	{454, 0, 0, 0, 1},
	{502, 0, 0, 1, 1},
	{500, 0, 0, 1, 1},
	{501, 0, 0, 0, 0},
	{503, 0, 0, 0, 0},
	{220, 0, 0, 0, 0},
	{554, SIT(TLS), 0, 0, 0},
	{554, SIT(AFTER_GAP), 0, 0, 0},
	{554, 0, DEFECT(UNEXPECTED_ARGUMENT), 0, 0},
	{399, 0, 0, 0, 0},
	{400, 0, 0, 0, 1},
	{499, 0, 0, 0, 1},
};

static void test_starttls(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct talk t = talk_of(1, STRANGER, NOON), u = talk_of(2, STRANGER, NOON + 60 * SECOND),
			    v = talk_of(3, STRANGER, NOON + 61 * SECOND);
		char row[32];
		struct stage s;

		snprintf(row, sizeof row, "%d, row %zu", answers[i].code, i);
		start(&s);
		offer(&s, &t, "STARTTLS", 0, 250);
		starttls(&s, &u, answers[i].code, answers[i].situation, answers[i].defects);
		expect(&s, FINDING_starttls_stripped, answers[i].stripped,
		       "session 0000000000000001, 60 s earlier, was offered: STARTTLS; now: STARTTLS sent all the "
		       "same, and refused",
		       row);
		starttls(&s, &t, answers[i].code, answers[i].situation, answers[i].defects);
		say_command(&s, &t, VERB_MAIL, "FROM:<a@b.example>",
			    250); /* in the session itself that is no second try */
		expect(&s, FINDING_starttls_refused, 0, NULL, row);
		u = talk_of(4, STRANGER, NOON + 60 * SECOND);
		say_command(&s, &u, VERB_MAIL, "FROM:<a@b.example>", 250);
		expect(&s, FINDING_starttls_refused, answers[i].refused,
		       "TLS failed in session 0000000000000001; 60 s later the same client sends mail in clear", row);
		say_command(&s, &v, VERB_MAIL, "FROM:<a@b.example>", 250);
		expect(&s, FINDING_starttls_refused, answers[i].refused, NULL, "told");
		done(&s);
	}
}

/* Who comes back: the same client, soon, with credentials or mail, and in clear. */
static void test_back_in_clear(void **state)
{
	static const struct {
		uint32_t client;
		int64_t after;
		bool auth, agreed, tls;
		const char *evidence;
	} rows[] = {
		{STRANGER, 5, true, false, false,
		 "TLS failed in session 0000000000000001; 5 s later the same client sends credentials in clear"},
		{STRANGER, 60, false, false, false,
		 "TLS failed in session 0000000000000001; 60 s later the same client sends mail in clear"},
		{STRANGER, -5, false, false, false,
		 "TLS failed in session 0000000000000001; 0 s later the same client sends mail in clear"},
		{STRANGER, 61, false, false, false, NULL},
		{STRANGER + 1, 5, false, false, false, NULL},
		{STRANGER, 5, false, true, false, NULL},
		{STRANGER, 5, true, false, true, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(1, STRANGER, NOON),
			    u = talk_of(2, rows[i].client, NOON + rows[i].after * SECOND);
		struct stage s;

		start(&s);
		offer(&s, &t, "STARTTLS", 0, 250);
		starttls(&s, &t, 454, 0, 0);
		if (rows[i].agreed)
			starttls(&s, &u, 220, 0, 0);
		if (rows[i].auth)
			use(&s, &u, "LOGIN", rows[i].tls, 2);
		else
			say_command(&s, &u, VERB_MAIL, "FROM:<a@b.example>", 250);
		expect(&s, FINDING_starttls_refused, rows[i].evidence != NULL, rows[i].evidence, "back");
		done(&s);
	}
}

/* A handshake that breaks off, and no mail before it, is a failure too; and then the client comes back. */
static void test_broken_handshake(void **state)
{
	static const struct {
		const char *verdict, *close;
		bool established, gaps, one_sided, midstream, agreed, mail;
		unsigned refused;
	} rows[] = {
		{"accepted", "fin", false, false, false, false, true, false, 1},
		{"no_handshake", "rst", false, false, false, false, true, false, 1},
		{"refused", "fin", false, false, false, false, true, false, 0},
		{"accepted", "quit-fin", false, false, false, false, true, false, 0},
		{"accepted", "eof", false, false, false, false, true, false, 0},
		{"accepted", "fin", true, false, false, false, true, false, 0},
		{"accepted", "fin", false, true, false, false, true, false, 0},
		{"accepted", "fin", false, false, true, false, true, false, 0},
		{"accepted", "fin", false, false, false, true, true, false, 0},
		{"accepted", "fin", false, false, false, false, false, false, 0},
		{"accepted", "fin", false, false, false, false, true, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(1, STRANGER, NOON), u = talk_of(2, STRANGER, NOON + 5 * SECOND);
		struct event ev;
		struct stage s;

		start(&s);
		offer(&s, &t, "STARTTLS", 0, 250);
		if (rows[i].agreed)
			starttls(&s, &t, 220, 0, 0);
		if (rows[i].mail)
			say_command(&s, &t, VERB_MAIL, "FROM:<a@b.example>", 250);
		session_event(&ev, &t, NOON);
		ev.starttls = span_str(rows[i].verdict);
		ev.session_close = span_str(rows[i].close);
		ev.tls_established = rows[i].established ? EV_TRUE : ev.tls_established;
		ev.session_gaps = rows[i].gaps;
		ev.session_one_sided = rows[i].one_sided ? EV_TRUE : ev.session_one_sided;
		ev.session_midstream = rows[i].midstream ? EV_TRUE : ev.session_midstream;
		say(&s, &t, &ev);
		say_command(&s, &u, VERB_MAIL, "FROM:<a@b.example>", 250);
		if (raised(&s, FINDING_starttls_refused) != rows[i].refused)
			fail_msg("row %zu", i);
		done(&s);
	}
}

/* ---- floods ---- */

static void test_rate(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON);
	struct stage s;

	(void)state;
	start(&s);
	for (unsigned n = 0; n < 12; n++, t.ts += SECOND / 10) {
		expect(&s, FINDING_command_flood, n >= 10,
		       "10 of NOOP, RSET, VRFY, HELP, EHLO; 10 in 0 s; the last VERB", "ten a second");
		say_command(&s, &t, n & 1 ? VERB_NOOP : VERB_HELP, "", 250);
	}
	assert_int_equal(s.out.count, 10);
	done(&s);
	start(&s); /* RSET behind a mail, and commands that do something */
	t = talk_of(2, STRANGER, NOON);
	for (unsigned n = 0; n < 30; n++) {
		say_command(&s, &t, n & 1 ? VERB_BDAT : VERB_DATA, "9", 250);
		say_command(&s, &t, VERB_RSET, "", 250);
		say_command(&s, &t, VERB_MAIL, "FROM:<a@b.example>", 250);
	}
	expect(&s, FINDING_command_flood, 0, NULL, "mails");
	for (unsigned n = 0; n < 10; n++)
		say_command(&s, &t, VERB_RSET, "", 250);
	expect(&s, FINDING_command_flood, 1, NULL, "RSET alone");
	done(&s);
}

static void test_empty_chunks(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON);
	struct stage s;

	(void)state;
	start(&s);
	for (unsigned n = 0; n < 25; n++) {
		expect(&s, FINDING_bdat_mismatch, n >= 20, "20 chunks of 0 octets", "BDAT 0");
		say_command(&s, &t, VERB_BDAT, "0", 250);
		say_command(&s, &t, VERB_BDAT, "10", 250);
		say_command(&s, &t, VERB_BDAT, "0 LAST", 250);
	}
	assert_int_equal(s.out.count, 20);
	done(&s);
}

static void error(struct stage *s, struct talk *t, enum finding f, const char *severity, uint64_t code)
{
	struct event ev;

	event_init(&ev, DS_FINDING);
	ev.finding_id = span_str(finding_info(f)->id);
	ev.action = span_str(finding_group_name(finding_info(f)->group));
	ev.finding_severity = span_str(severity);
	ev.reply_code = code;
	say(s, t, &ev);
}

static void test_errors(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON);
	struct stage s;

	(void)state;
	start(&s);
	for (unsigned n = 0; n < 5; n++) { /* none of these counts */
		error(&s, &t, FINDING_unknown_verb, "error", 499);
		error(&s, &t, FINDING_unknown_verb, "error", 600);
		error(&s, &t, FINDING_unknown_verb, "warning", 500);
		error(&s, &t, FINDING_early_dot, "error", 500);
	}
	error(&s, &t, FINDING_unknown_verb, "error", 500);
	error(&s, &t, FINDING_nested_mail, "error", 599);
	error(&s, &t, FINDING_missing_colon, "error", 501);
	error(&s, &t, FINDING_nested_mail, "error", 503);
	expect(&s, FINDING_error_flood, 0, NULL, "four");
	error(&s, &t, FINDING_bad_domain, "error", 501);
	expect(&s, FINDING_error_flood, 1, "unknown_verb, nested_mail, missing_colon, bad_domain", "five");
	assert_int_equal(s.out.count, 5);
	error(&s, &t, FINDING_bad_domain, "error", 501);
	expect(&s, FINDING_error_flood, 1, NULL, "six");
	done(&s);
	start(&s);
	t = talk_of(2, STRANGER, NOON);
	error(&s, &t, FINDING_unknown_verb, "error", 500);
	error(&s, &t, FINDING_missing_colon, "error", 500);
	error(&s, &t, FINDING_bad_domain, "error", 500);
	error(&s, &t, FINDING_nested_mail, "error", 500);
	error(&s, &t, FINDING_empty_command, "error", 500); /* four are named */
	expect(&s, FINDING_error_flood, 1, "unknown_verb, missing_colon, bad_domain, nested_mail", "five kinds");
	done(&s);
}

/* Thirty connections of one client in a minute, by when they began. */
static void test_connections(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 3; late++) {
		int64_t first = late == 2 ? 0 : NOON; /* 1970: as a clock that was never set */
		struct stage s;

		start(&s);
		for (unsigned n = 0; n < 31; n++) {
			int64_t begin_ts = first + n * 2 * SECOND + (late & 1) * n * SECOND / 10;
			struct talk t = talk_of(n + 1, STRANGER, NOON + 500 * SECOND);

			say_end(&s, &t, begin_ts); /* nothing but an end: its start counts */
			expect(&s, FINDING_connection_flood, n >= 29 && !(late & 1),
			       n == 29 ? "30 connections in 58 s" : NULL, late ? "slower" : "fast");
		}
		done(&s);
	}
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const struct {
		const char *name;
		uint32_t client;
		const char *evidence;
	} rows[] = {
		{"MX.corp.example", STRANGER, "client greets as MX.corp.example, the server is mx.corp.example"},
		{"localhost", STRANGER, "client greets as localhost, the server is mx.corp.example"},
		{"LOCALHOST.localdomain", STRANGER,
		 "client greets as LOCALHOST.localdomain, the server is mx.corp.example"},
		{"127.0.0.1", STRANGER, "client greets as 127.0.0.1, the server is mx.corp.example"},
		{"[127.1.2.3]", STRANGER, "client greets as [127.1.2.3], the server is mx.corp.example"},
		{"[IPv6:::1]", STRANGER, "client greets as [IPv6:::1], the server is mx.corp.example"},
		{"[192.0.2.25]", STRANGER, "client greets as [192.0.2.25], the server is mx.corp.example"},
		{"[192.0.2.9]", STRANGER, NULL},
		{"corp.example", STRANGER, NULL},
		{"mx.corp.example", 0x7f000001, NULL}, /* on the same machine it is right */
		{"localhost", 0x7f010203, NULL},
		{"localhost", 0xc0000219, NULL},
		{"localhosts", STRANGER, NULL},
		{"", STRANGER, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(1, rows[i].client, NOON), u = talk_of(2, rows[i].client, NOON + 3600 * SECOND);
		struct stage s;

		start(&s);
		say_command(&s, &t, VERB_UNKNOWN, "", 220);
		say_command(&s, &t, i & 1 ? VERB_EHLO : VERB_HELO, rows[i].name, 250);
		expect(&s, FINDING_helo_spoof, rows[i].evidence != NULL, rows[i].evidence, rows[i].name);
		say_command(&s, &t, VERB_EHLO, rows[i].name, 250);
		say_command(&s, &u, VERB_EHLO, rows[i].name, 250);
		expect(&s, FINDING_helo_spoof, rows[i].evidence != NULL, NULL, "once an hour");
		done(&s);
	}
}

/* ---- servers that take their time ---- */

static const struct {
	int code;
	const char *enhanced, *text, *evidence;
} throttles[] = {
	{450, "4.2.0", "Greylisted, try later", "450: greylisting"},
	{451, "", "graylisting in action", "451: greylisting"},
	{421, "", "please try again", "421: try again"},
	{452, "", "connection rate exceeded", "452: rate"},
	{450, "", "too many mails", "450: rate"},
	{421, "", "Throttled", "421: rate"},
	{450, "", "too fast", "450: rate"},
	{450, "4.7.1", "no", "450: policy"},
	{450, "4.2.2", "mailbox full", NULL},
	{454, "4.7.0", "try again", NULL},
	{453, "", "try again", NULL},
	{449, "", "try again", NULL},
	{420, "", "try again", NULL},
	{422, "", "try again", NULL},
	{550, "5.7.1", "rate", NULL},
	{450, "4.7", "no", NULL},
	{450, "", "accurate", NULL},
};

static void test_throttle(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(throttles); i++) {
		struct exchange x = {.kind = EXCHANGE_COMMAND, .verb = VERB_RCPT, .code = throttles[i].code};
		struct talk t = talk_of(1, STRANGER, NOON);
		struct stage s;

		start(&s);
		x.enhanced = throttles[i].enhanced[0] ? span_str(throttles[i].enhanced) : SPAN_ABSENT;
		say_exchange(&s, &t, &x, throttles[i].text);
		say_exchange(&s, &t, &x, throttles[i].text);
		expect(&s, FINDING_throttled, throttles[i].evidence != NULL, throttles[i].evidence, throttles[i].text);
		done(&s);
	}
}

/* A reply of so many octets that began so long after the command and took so long. */
static void dribble(struct stage *s, struct talk *t, size_t octets, int64_t first, int64_t took, unsigned codes,
		    bool sure)
{
	static char most[2000];
	struct exchange x = {.kind = EXCHANGE_COMMAND, .verb = VERB_NOOP, .code = 250};
	uint16_t all[2] = {354, 250};
	struct span line;
	struct event ev;

	memset(most, 'x', sizeof most);
	line = span_of(most, octets - 6);
	event_init(&ev, DS_COMMAND);
	ev.exchange = &x;
	ev.duration = first < 0 ? EV_NONE : (uint64_t)first;
	ev.reply_ts = t->ts + (first < 0 ? 0 : first) + took;
	ev.reply_codes = (struct event_codes){all, codes};
	ev.reply_text = (struct event_list){&line, 1};
	ev.confidence = sure ? SPAN_ABSENT : SPAN("low");
	say(s, t, &ev);
}

static void test_dribble(void **state)
{
	static const struct {
		size_t octets;
		int64_t first, took;
		unsigned codes;
		bool sure;
		const char *evidence;
	} rows[] = {
		{99, SECOND, 5 * SECOND, 1, true, "a reply of 99 octets took 5 s"},
		{100, SECOND, 5 * SECOND, 1, true, NULL},
		{10, SECOND, 5 * SECOND - 1, 1, true, NULL},
		{10, -1, 6 * SECOND, 1, true, "a reply of 10 octets took 6 s"},
		{10, SECOND, 6 * SECOND, 2, true, NULL},
		{10, SECOND, 6 * SECOND, 1, false, NULL},
		{10, 60 * SECOND, 0, 1, true, NULL},
		{119, 0, 6 * SECOND, 1, true, "a reply of 119 octets took 6 s"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(1, STRANGER, NOON), u = talk_of(2, STRANGER, NOON + SECOND);
		struct stage s;

		start(&s);
		dribble(&s, &t, rows[i].octets, rows[i].first, rows[i].took, rows[i].codes, rows[i].sure);
		expect(&s, FINDING_tarpit, rows[i].evidence != NULL, rows[i].evidence, "dribble");
		dribble(&s, &u, rows[i].octets, rows[i].first, rows[i].took, rows[i].codes, rows[i].sure);
		expect(&s, FINDING_tarpit, rows[i].evidence != NULL, NULL, "once an hour");
		done(&s);
	}
}

static void test_delays(void **state)
{
	static const struct {
		unsigned ms[4];
		int code;
		bool pipelined;
		const char *evidence;
	} rows[] = {
		{{1000, 2000, 3000}, 500, false, "errors are answered after 1, 2, 3 s"},
		{{1000, 2000, 2999}, 500, false, NULL},
		{{1000, 1000, 3000}, 500, false, NULL},
		{{1000, 3000, 3000}, 500, false, NULL},
		{{5000, 1000, 2000, 3000}, 450, false, "errors are answered after 1, 2, 3 s"},
		{{1000, 2000, 3000}, 250, false, NULL},
		{{1000, 2000, 3000}, 500, true, NULL},
		{{0, 5000}, 500, false, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(1, STRANGER, NOON);
		struct stage s;

		start(&s);
		for (unsigned n = 0; n < 4 && (n == 0 || rows[i].ms[n]); n++) {
			struct exchange x = {.kind = EXCHANGE_COMMAND, .verb = VERB_NOOP, .code = rows[i].code};
			struct event ev;

			event_init(&ev, DS_COMMAND);
			ev.exchange = &x;
			ev.duration = rows[i].ms[n] * UINT64_C(1000000);
			ev.pipelined = rows[i].pipelined ? EV_TRUE : ev.pipelined;
			say(&s, &t, &ev);
		}
		expect(&s, FINDING_tarpit, rows[i].evidence != NULL, rows[i].evidence, "delays");
		done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers),           cmocka_unit_test(test_used),
		cmocka_unit_test(test_stripped),         cmocka_unit_test(test_not_stripped),
		cmocka_unit_test(test_starttls),         cmocka_unit_test(test_back_in_clear),
		cmocka_unit_test(test_broken_handshake), cmocka_unit_test(test_rate),
		cmocka_unit_test(test_empty_chunks),     cmocka_unit_test(test_errors),
		cmocka_unit_test(test_connections),      cmocka_unit_test(test_names),
		cmocka_unit_test(test_throttle),         cmocka_unit_test(test_dribble),
		cmocka_unit_test(test_delays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
