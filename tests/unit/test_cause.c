/* Rules over one exchange (protocol facts 5): what raises a finding, with which severity, and the near-miss that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "diag/cause_rules.h"
#include "smtpscope/cause.h"

struct row {
	const char *name;
	enum verb verb;
	uint64_t defects, situation;
	int code;
	const char *enhanced, *text;
	const char *expected; /* "id:severity id:severity" in order; "" none */
};

#define D(x) DEFECT(x)
#define S(x) SIT(x)
#define FINE (SIT(EHLO) | SIT(PIPELINING) | SIT(ADVERTISED))

static const struct row rows[] = {
    {"accepted", VERB_NOOP, 0, FINE, 250, "", "", ""},
    {"typo refused", VERB_UNKNOWN, D(TYPO), FINE, 500, "", "", "unknown_verb_typo:error"},
    {"typo that the server knows", VERB_UNKNOWN, D(TYPO), FINE, 250, "", "", ""},
    {"unknown", VERB_UNKNOWN, D(UNKNOWN_VERB), FINE, 502, "", "", "unknown_verb:error"},
    {"form tolerated", VERB_MAIL, D(SPACE_AROUND_COLON), FINE, 250, "", "", "space_around_colon:note"},
    {"form refused as syntax", VERB_MAIL, D(SPACE_AROUND_COLON), FINE, 501, "", "", "space_around_colon:error"},
    {"form is not why a policy refuses", VERB_MAIL, D(SPACE_AROUND_COLON), FINE, 553, "5.7.1", "",
     "policy_rejection:warning space_around_colon:note"},
    {"first of two is the cause", VERB_MAIL, D(MISSING_COLON) | D(MISSING_BRACKETS), FINE, 501, "", "",
     "missing_colon:error missing_angle_brackets:note"},
    {"503 talks of order", VERB_MAIL, D(MISSING_ARGUMENT), FINE | S(MAIL_OPEN), 503, "", "", "nested_mail:error missing_argument:note"},
    {"mail before helo", VERB_MAIL, 0, S(NO_HELLO) | S(NO_HELLO_REAL) | S(ADVERTISED) | S(PIPELINING), 503, "", "",
     "mail_before_helo:error"},
    {"not when the start is missing", VERB_MAIL, 0, S(NO_HELLO) | S(NO_HELLO_REAL) | S(MIDSTREAM) | S(ADVERTISED) | S(PIPELINING), 250, "",
     "", ""},
    {"rcpt before mail", VERB_RCPT, 0, FINE, 503, "5.5.1", "need MAIL command", "rcpt_before_mail:error"},
    {"rcpt in order", VERB_RCPT, 0, FINE | S(MAIL_OPEN) | S(MAIL_OPEN_REAL), 250, "", "", ""},
    {"rcpt behind a MAIL that failed in the same flight", VERB_RCPT, 0, FINE | S(MAIL_OPEN) | S(IN_FLIGHT), 503, "", "", ""},
    {"unknown user", VERB_RCPT, 0, FINE | S(MAIL_OPEN), 550, "5.1.1", "no such user", "policy_rejection:warning"},
    {"greylisting", VERB_RCPT, 0, FINE | S(MAIL_OPEN), 450, "4.2.0", "greylisted", ""},
    {"valid, required, refused", VERB_NOOP, 0, FINE, 502, "", "", "server_rejects_valid_command:error"},
    {"old server", VERB_EHLO, 0, S(NO_HELLO) | S(ADVERTISED) | S(PIPELINING), 502, "", "", ""},
    {"ehlo to lmtp", VERB_EHLO, 0, S(LMTP) | S(NO_HELLO) | S(ADVERTISED) | S(PIPELINING), 500, "", "", "lmtp_smtp_mixup:warning"},
    {"vrfy switched off", VERB_VRFY, 0, FINE, 502, "", "VRFY command is disabled", "verb_disabled:note"},
    {"vrfy answered as it should", VERB_VRFY, 0, FINE, 252, "", "", ""},
    {"not advertised", VERB_AUTH, 0, S(EHLO) | S(PIPELINING), 503, "", "", "verb_not_advertised:error"},
    {"nothing known of the list", VERB_STARTTLS, 0, S(NO_EHLO_SEEN) | S(PIPELINING), 502, "", "", ""},
    {"wrong password", VERB_AUTH, 0, FINE, 535, "5.7.8", "", "auth_failed:warning"},
    {"tls first", VERB_AUTH, 0, FINE, 538, "5.7.11", "", "auth_needs_tls:error"},
    {"try later", VERB_AUTH, 0, FINE, 454, "4.7.0", "Temporary authentication failure", "auth_temporary_failure:warning"},
    {"batch without permission, coped", VERB_RCPT, 0, S(EHLO) | S(ADVERTISED) | S(IN_FLIGHT) | S(MAIL_OPEN), 250, "", "",
     "pipelining_not_advertised:note"},
    {"batch without permission, refused", VERB_RCPT, 0, S(EHLO) | S(ADVERTISED) | S(IN_FLIGHT) | S(MAIL_OPEN), 554, "5.5.0",
     "Error: SMTP protocol synchronization", "pipelining_not_advertised:error"},
    {"starttls required", VERB_MAIL, 0, FINE, 530, "5.7.0", "Must issue a STARTTLS command first", "starttls_required:warning"},
    {"auth required", VERB_MAIL, 0, FINE, 530, "5.7.0", "Authentication required", "auth_required:warning"},
    {"quit without an answer", VERB_QUIT, 0, FINE | S(CLOSED_UNANSWERED) | S(SERVER_CLOSED), 0, "", "", ""},
    {"command without an answer", VERB_NOOP, 0, FINE | S(CLOSED_UNANSWERED) | S(SERVER_CLOSED), 0, "", "",
     "server_closed_without_reply:warning"},
    {"bdat behind last", VERB_BDAT, 0, FINE | S(BDAT_LAST), 503, "", "", "bdat_after_last:error"},
    {"bad bdat size", VERB_BDAT, D(BAD_BDAT), FINE | S(RCPT) | S(RCPT_REAL), 501, "", "", "bad_bdat_argument:error"},
    {"a blank at the end, tolerated", VERB_NOOP, D(TRAILING_SPACE), FINE, 250, "", "", "trailing_whitespace:note"},
    {"a blank at the end, refused", VERB_NOOP, D(TRAILING_SPACE), FINE, 501, "", "", "trailing_whitespace:note"},
    {"a blank at the end is not why a user is unknown", VERB_RCPT, D(TRAILING_SPACE), FINE | S(MAIL_OPEN), 550, "5.1.1", "",
     "policy_rejection:warning"},
    {"a bad address and an unknown user", VERB_RCPT, D(BAD_LOCAL_PART), FINE | S(MAIL_OPEN), 550, "5.1.1", "",
     "policy_rejection:warning bad_local_part:note"},
    {"a vague code", VERB_MAIL, D(BAD_LOCAL_PART), FINE, 500, "", "", "bad_local_part:error server_code_unspecific:note"},
    {"the right code", VERB_MAIL, D(BAD_LOCAL_PART), FINE, 553, "", "", "bad_local_part:error"},
    {"a server that cannot take a short line", VERB_NOOP, 0, FINE, 500, "", "line too long", "server_says_too_long:error"},
    {"turn for anybody", VERB_TURN, 0, FINE, 250, "", "", "role_reversal:warning"},
    {"turn for somebody", VERB_TURN, 0, FINE | S(AUTHENTICATED), 250, "", "", ""},
    {"xclient that was not offered", VERB_XCLIENT, 0, S(EHLO) | S(PIPELINING), 250, "", "", "xclient_spoof:alert"},
    {"xclient that was", VERB_XCLIENT, 0, FINE, 250, "", "", ""},
    {"the same again", VERB_MAIL, 0, FINE | S(REPEATED), 550, "", "", "policy_rejection:warning client_ignored_error:note"},
    {"the next step all the same", VERB_RCPT, 0, FINE | S(IGNORES_REFUSAL), 503, "", "",
     "rcpt_before_mail:error client_ignored_error:note"},
    {"helo is required", VERB_HELO, 0, S(NO_HELLO) | S(ADVERTISED) | S(PIPELINING), 502, "", "", "server_rejects_valid_command:error"},
    {"a firewall's echo", VERB_NOOP, 0, FINE, 500, "", "Command unknown: 'XXXX'", "middlebox_masked_command:warning"},
    {"utf-16 is not bare lf", VERB_UNKNOWN, D(UTF16) | D(BARE_LF), FINE, 500, "", "", "utf16_command:error"},
};

struct collected {
	char text[512];
	struct session_record record;
	unsigned events;
};

static void collect(void *ctx, struct event *ev)
{
	struct collected *c = ctx;
	size_t n = strlen(c->text);

	c->events++;
	assert_int_equal(ev->sequence, c->events); /* numbered without a hole */
	if (ev->set == DS_FINDING)
		snprintf(c->text + n, sizeof c->text - n, "%s%.*s:%.*s", n ? " " : "", (int)ev->finding_id.n, (const char *)ev->finding_id.p,
			 (int)ev->finding_severity.n, (const char *)ev->finding_severity.p);
}

static void feed(struct cause *c, struct collected *got, const struct row *row)
{
	struct exchange x = {.kind = EXCHANGE_COMMAND, .verb = row->verb, .meant = VERB_UNKNOWN, .defects = row->defects,
			     .situation = row->situation, .code = row->code, .typo_distance = 1, .verb_text = SPAN("VERB"),
			     .declared_size = EV_NONE, .size_limit = EV_NONE, .announced = EV_NONE};
	struct span text[1];
	struct event ev;

	event_init(&ev, DS_COMMAND);
	x.enhanced = row->enhanced[0] ? span_str(row->enhanced) : SPAN_ABSENT;
	text[0] = span_str(row->text);
	x.text = text;
	x.text_count = 1;
	ev.exchange = &x;
	if (row->code > 0)
		ev.reply_code = (uint64_t)row->code;
	ev.reply_enhanced = x.enhanced;
	ev.reply_text = (struct event_list){text, 1};
	ev.record = &got->record;
	cause_emit(c, &ev);
}

static void end(struct cause *c, struct collected *got)
{
	struct event ev;

	event_init(&ev, DS_SESSION);
	ev.record = &got->record;
	cause_emit(c, &ev);
	assert_int_equal(ev.session_findings, got->record.findings);
}

static void test_rules(void **state)
{
	struct pool *pool = pool_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct collected got = {.text = ""};
		struct cause c;

		cause_init(&c, pool, collect, &got);
		feed(&c, &got, &rows[i]);
		end(&c, &got);
		if (strcmp(got.text, rows[i].expected) != 0)
			fail_msg("%s: %s, expected %s", rows[i].name, got.text, rows[i].expected);
		assert_int_equal(pool_used(pool), 0);
	}
	pool_free(&pool);
}

/* The short way past the table is taken only where the table is silent. */
static void test_silent(void **state)
{
	static const int codes[] = {200, 220, 221, 235, 250, 251, 252, 334, 354, 421, 500, 0};
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		struct exchange x = {.kind = i % 8 ? EXCHANGE_COMMAND : EXCHANGE_GREETING,
				     .declared_size = EV_NONE,
				     .size_limit = EV_NONE,
				     .announced = EV_NONE};

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		x.verb = (enum verb)((seed >> 33) % VERB_COUNT);
		x.code = codes[(seed >> 40) % (sizeof codes / sizeof *codes)];
		x.situation = FINE ^ UINT64_C(1) << (seed >> 50) % SIT_COUNT ^ UINT64_C(1) << (seed >> 56) % SIT_COUNT;
		if (!rules_are_silent(&x))
			continue;
		for (unsigned r = 0; r < cause_rule_count; r++)
			if (rule_matches(&cause_rules[r], &x))
				fail_msg("%s %d %llx: %s", verb_info(x.verb)->name, x.code, (unsigned long long)x.situation,
					 finding_info(cause_rules[r].finding)->id);
	}
}

/* Without memory everything still passes, numbered. */
static void test_no_memory(void **state)
{
	struct pool *pool = pool_new(1);
	struct collected got = {.text = ""};
	struct cause c;

	(void)state;
	cause_init(&c, pool, collect, &got);
	feed(&c, &got, &rows[1]);
	end(&c, &got);
	assert_string_equal(got.text, "unknown_verb_typo:error");
	assert_int_equal(got.events, 3);
	pool_free(&pool);
}

/* A tolerated habit is told once a session; an error each time. */
static void test_said_once(void **state)
{
	static const struct row lf = {"", VERB_NOOP, D(BARE_LF), FINE, 250, "", "", ""};
	struct pool *pool = pool_new(0);
	struct collected got = {.text = ""};
	struct cause c;

	(void)state;
	cause_init(&c, pool, collect, &got);
	for (int i = 0; i < 5; i++)
		feed(&c, &got, &lf);
	feed(&c, &got, &rows[1]);
	feed(&c, &got, &rows[1]);
	end(&c, &got);
	assert_string_equal(got.text, "bare_lf_line:note unknown_verb_typo:error unknown_verb_typo:error");
	pool_free(&pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_no_memory),
					   cmocka_unit_test(test_silent), cmocka_unit_test(test_said_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
