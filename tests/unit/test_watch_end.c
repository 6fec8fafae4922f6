/* What a session shows when it is over (protocol facts 6): silence, the style of programs, a look at the banner, a late
 * greeting. */
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

static void expect_row(const struct stage *s, enum finding f, unsigned times, const char *evidence, size_t row)
{
	char name[32];

	snprintf(name, sizeof name, "row %zu", row);
	expect(s, f, times, evidence, name);
}

static void command(struct stage *s, struct talk *t, enum verb verb, int code, uint64_t situation, uint64_t duration)
{
	struct exchange x = {.kind = EXCHANGE_COMMAND,
			     .verb = verb,
			     .code = code,
			     .argument = SPAN_INIT("c.example"),
			     .situation = situation};
	struct event ev;

	event_init(&ev, DS_COMMAND);
	ev.exchange = &x;
	ev.duration = duration;
	say(s, t, &ev);
}

/* ---- silence ---- */

static const struct silence {
	int64_t seconds;
	uint64_t commands, octets, waited;
	bool tls, one_sided, gaps, refused, cut_off, agreed;
	const char *evidence;
} silences[] = {
	{300, 4, 100, 0, false, false, false, false, false, false, "4 commands in 300 s"},
	{299, 4, 100, 0, false, false, false, false, false, false, NULL}, /* not yet five minutes */
	{300, 5, 100, 0, false, false, false, false, false, false, NULL}, /* one in each */
	{360, 5, 100, 0, false, false, false, false, false, false, "5 commands in 360 s"},
	{300, 4, 2999, 0, false, false, false, false, false, false, "4 commands in 300 s"},
	{300, 4, 3000, 0, false, false, false, false, false, false, NULL}, /* a mail on a slow line */
	{300, 4, 100, 150, false, false, false, false, false, false, "4 commands in 300 s"},
	{300, 4, 100, 151, false, false, false, false, false, false, NULL}, /* it was the server */
	{300, 4, 100, 0, true, false, false, false, false, false, NULL},
	{300, 4, 100, 0, false, true, false, false, false, false, NULL},
	{300, 4, 100, 0, false, false, true, false, false, false, NULL},
	{300, 4, 100, 0, false, false, false, true, false, false, NULL},
	{300, 4, 100, 0, false, false, false, false, true, false, NULL},
	{300, 4, 100, 0, false, false, false, false, false, true, NULL},
};

static void test_silence(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(silences); i++) {
		const struct silence *row = &silences[i];
		struct talk t = talk_of(1, STRANGER, NOON);
		struct stage s;
		struct event ev;

		start(&s);
		say_command(&s, &t, VERB_UNKNOWN, "", row->refused ? 554 : 220);
		command(&s, &t, VERB_EHLO, 250, 0, row->waited * UINT64_C(1000000000));
		if (row->cut_off)
			command(&s, &t, VERB_NOOP, 421, 0, 0);
		if (row->agreed)
			command(&s, &t, VERB_STARTTLS, 220, 0, 0);
		t.ts += row->seconds * SECOND;
		session_event(&ev, &t, NOON);
		ev.session_close = SPAN("timeout");
		ev.session_commands = row->commands;
		ev.source_bytes = row->octets;
		ev.tls_established = row->tls ? EV_TRUE : ev.tls_established;
		ev.session_one_sided = row->one_sided ? EV_TRUE : ev.session_one_sided;
		ev.session_gaps = row->gaps;
		say(&s, &t, &ev);
		expect_row(&s, FINDING_slow_session, row->evidence != NULL, row->evidence, i);
		done(&s);
	}
}

/* ---- style ---- */

static const struct style {
	uint64_t situation; /* of the MAIL */
	enum verb verb;     /* instead of MAIL */
	const char *close;
	bool early, renamed, cut_off;
	const char *evidence;
} styles[] = {
	{SIT(REPEATED), VERB_MAIL, "fin", true, false, false,
	 "leaves without QUIT, talks before the greeting, ignores 5yz"},
	{SIT(GREETING_REFUSED), VERB_MAIL, "rst", false, true, false,
	 "leaves without QUIT, ignores 5yz, greets with another name each time"},
	{SIT(DATA_REFUSED), VERB_MAIL, "quit-fin", true, true, false,
	 "talks before the greeting, ignores 5yz, greets with another name each time"},
	{SIT(IN_FLIGHT), VERB_MAIL, "fin", true, false, false,
	 "leaves without QUIT, talks before the greeting, pipelines unasked"},
	{SIT(IN_FLIGHT) | SIT(PIPELINING), VERB_MAIL, "fin", true, false, false, NULL},
	{SIT(IN_FLIGHT) | SIT(AFTER_QUIT), VERB_MAIL, "fin", true, false, false, NULL},
	{SIT(IN_FLIGHT) | SIT(PROXY), VERB_MAIL, "fin", true, false, false, NULL},
	{SIT(IN_FLIGHT) | SIT(PORT_TLS), VERB_MAIL, "fin", true, false, false, NULL},
	{SIT(IN_FLIGHT) | SIT(REPEATED) | SIT(PIPELINING), VERB_MAIL, "fin", true, false, false,
	 NULL}, /* it could not know yet */
	{SIT(REPEATED), VERB_MAIL, "timeout", true, false, false, NULL},
	{SIT(REPEATED), VERB_MAIL, "fin", true, false, true, NULL}, /* the server ended it */
	{SIT(REPEATED), VERB_QUIT, "fin", true, true, false, NULL},
	{SIT(REPEATED), VERB_RSET, "fin", true, true, false, NULL},
	{SIT(RCPT_ALL_REFUSED), VERB_MAIL, "fin", true, false, false, NULL},
	{0, VERB_MAIL, "fin", false, false, false, NULL},
};

static void test_style(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(styles); i++) {
		const struct style *row = &styles[i];
		struct talk t = talk_of(1, STRANGER, NOON), u = talk_of(2, STRANGER, NOON + SECOND);
		struct stage s;
		struct event ev;

		start(&s);
		say_command(&s, &t, VERB_EHLO, "first.example", 250);
		say_command(&s, &u, VERB_EHLO, row->renamed ? "second.example" : "FIRST.example", 250);
		say_command(&s, &u, VERB_EHLO, "third.example", 250); /* in one session it says nothing */
		if (row->early)
			command(&s, &u, VERB_NOOP, 250, SIT(BEFORE_GREETING), 0);
		command(&s, &u, row->verb, row->cut_off ? 421 : 250, row->situation, 0);
		session_event(&ev, &u, NOON);
		ev.session_close = span_str(row->close);
		say(&s, &u, &ev);
		expect_row(&s, FINDING_spam_bot_style, row->evidence != NULL, row->evidence, i);
		if (row->evidence)
			assert_int_equal(s.out.count, 3);
		done(&s);
	}
}

/* Behind a PROXY header or under TLS nobody waits for a greeting; DATA although every recipient was refused is deaf. */
static void test_style_of_data(void **state)
{
	static const struct {
		uint64_t early;
		enum verb verb;
		unsigned notes;
	} rows[] = {{SIT(BEFORE_GREETING), VERB_DATA, 1},
		    {SIT(BEFORE_GREETING) | SIT(PROXY), VERB_DATA, 0},
		    {SIT(BEFORE_GREETING) | SIT(PORT_TLS), VERB_DATA, 0},
		    {SIT(BEFORE_GREETING), VERB_BDAT, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(1, STRANGER, NOON), again = talk_of(2, STRANGER, NOON + 3600 * SECOND);
		struct stage s;
		struct event ev;

		start(&s);
		for (struct talk *talk = &t; talk; talk = talk == &t ? &again : NULL) {
			command(&s, talk, VERB_MAIL, 250, rows[i].early, 0);
			command(&s, talk, rows[i].verb, 554, SIT(RCPT_ALL_REFUSED), 0);
			session_event(&ev, talk, NOON);
			ev.session_close = SPAN("fin");
			say(&s, talk, &ev);
		}
		expect_row(&s, FINDING_spam_bot_style, rows[i].notes,
		       "leaves without QUIT, talks before the greeting, ignores 5yz", i);
		done(&s);
	}
}

/* ---- a look at the banner ---- */

static const struct look {
	const char *close;
	enum verb verb; /* VERB_UNKNOWN: none */
	int greeting;
	bool gaps, tls, midstream, unsolicited;
	unsigned notes;
} looks[] = {
	{"quit-fin", VERB_QUIT, 220, false, false, false, false, 1},
	{"fin", VERB_UNKNOWN, 220, false, false, false, false, 1},
	{"rst", VERB_EHLO, 220, false, false, false, false, 1},
	{"fin", VERB_HELP, 220, false, false, false, false, 1},
	{"fin", VERB_HELO, 220, false, false, false, false, 1},
	{"fin", VERB_LHLO, 220, false, false, false, false, 1},
	{"fin", VERB_NOOP, 220, false, false, false, false, 0},
	{"fin", VERB_STARTTLS, 220, false, false, false, false, 0},
	{"fin", VERB_MAIL, 220, false, false, false, false, 0},
	{"fin", VERB_VRFY, 220, false, false, false, false, 0},
	{"fin", VERB_RCPT, 220, false, false, false, false, 0},
	{"timeout", VERB_QUIT, 220, false, false, false, false, 0},
	{"eof", VERB_QUIT, 220, false, false, false, false, 0},
	{"fin", VERB_QUIT, 554, false, false, false, false, 0},
	{"fin", VERB_QUIT, 220, true, false, false, false, 0},
	{"fin", VERB_QUIT, 220, false, true, false, false, 0},
	{"fin", VERB_QUIT, 220, false, false, true, false, 0},
	{"fin", VERB_QUIT, 220, false, false, false, true, 0},
};

static void test_looks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(looks); i++) {
		const struct look *row = &looks[i];
		struct talk t = talk_of(1, STRANGER, NOON);
		struct exchange x = {.kind = EXCHANGE_UNSOLICITED, .code = 250};
		struct stage s;
		struct event ev;

		start(&s);
		say_command(&s, &t, VERB_UNKNOWN, "", row->greeting);
		if (row->verb != VERB_UNKNOWN)
			command(&s, &t, row->verb, 250, 0, 0);
		if (row->unsolicited)
			say_exchange(&s, &t, &x, "hm");
		session_event(&ev, &t, NOON);
		ev.session_close = span_str(row->close);
		ev.session_gaps = row->gaps;
		ev.tls_established = row->tls ? EV_TRUE : ev.tls_established;
		ev.session_midstream = row->midstream ? EV_TRUE : ev.session_midstream;
		say(&s, &t, &ev);
		expect_row(&s, FINDING_banner_grab, row->notes, "3 commands; session number 1 of that kind", i);
		assert_int_equal(s.out.session_findings, row->notes);
		assert_int_equal(s.out.session_sequence, t.record.sequence + row->notes); /* behind what was added */
		done(&s);
	}
}

static void test_looks_again(void **state)
{
	struct stage s;

	(void)state;
	start(&s);
	for (unsigned n = 0; n < 3; n++) {
		struct talk t = talk_of(n + 1, STRANGER, NOON + n * 3000 * SECOND);

		say_command(&s, &t, VERB_UNKNOWN, "", 220);
		say_end(&s, &t, t.ts);
	}
	expect_row(&s, FINDING_banner_grab, 2, "3 commands; session number 3 of that kind", 0);
	assert_int_equal(s.out.count, 3);
	done(&s);
}

/* ---- a late greeting ---- */

static void test_late_greeting(void **state)
{
	static const struct {
		int64_t seconds;
		bool midstream, start;
		unsigned notes;
	} rows[] = {{11, false, true, 1},
		    {10, false, true, 0},
		    {11, true, true, 0},
		    {11, false, false, 0},
		    {-11, false, true, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t = talk_of(1, STRANGER, NOON);
		struct stage s;
		struct event ev;

		start(&s);
		t.ts += rows[i].seconds * SECOND;
		say_command(&s, &t, VERB_UNKNOWN, "", 220);
		session_event(&ev, &t, NOON);
		ev.start = rows[i].start ? NOON : EV_NO_TIME;
		ev.session_close = SPAN("timeout");
		ev.session_midstream = rows[i].midstream ? EV_TRUE : ev.session_midstream;
		say(&s, &t, &ev);
		expect_row(&s, FINDING_tarpit, rows[i].notes, "the greeting came after 11 s", i);
		done(&s);
	}
}

/* ---- numbers ---- */

/* What is added moves the numbers of all that comes behind it, and of that session only. */
static void test_numbers(void **state)
{
	struct talk t = talk_of(1, STRANGER, NOON), u = talk_of(2, STRANGER + 1, NOON);
	struct stage s;

	(void)state;
	start(&s);
	say_command(&s, &t, VERB_UNKNOWN, "", 220);
	assert_int_equal(s.out.sequence, 1);
	say_command(&s, &t, VERB_EHLO, "localhost", 250);
	assert_int_equal(s.out.sequence, 3); /* the finding behind its event */
	say_command(&s, &t, VERB_NOOP, "", 250);
	assert_int_equal(s.out.sequence, 4);
	assert_int_equal(t.record.sequence, 3); /* what diag/cause counts stays its own */
	say_command(&s, &u, VERB_UNKNOWN, "", 220);
	assert_int_equal(s.out.sequence, 1);
	say_command(&s, &t, VERB_RCPT, "TO:<u@corp.example>", 450);
	assert_int_equal(s.out.sequence, 5);
	say_end(&s, &t, NOON);
	assert_int_equal(s.out.session_sequence, 6);
	assert_int_equal(s.out.session_findings, 1);
	read_stats(&s);
	assert_int_equal(s.out.windows, 1);
	done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silence),       cmocka_unit_test(test_style),
		cmocka_unit_test(test_style_of_data), cmocka_unit_test(test_looks),
		cmocka_unit_test(test_looks_again),   cmocka_unit_test(test_late_greeting),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
