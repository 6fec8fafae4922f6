/* How an event becomes a finding: the fields that depend on its severity, and the words of the catalog with their
 * blanks filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "diag/finding.h"

static const struct finding_info all_blanks = {.id = "an_id",
					       .group = GROUP_VERB,
					       .fault = FAULT_SERVER,
					       .explanation = "%V|%S|%A|%D|%R.",
					       .remedy = "%C|%L|%M|%N.",
					       .reference = ""};

struct heard {
	struct event ev;
	char explanation[600], remedy[600], id[64];
};

static void copy(char *dst, struct span s)
{
	assert_true(s.n < 600);
	memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
}

static void on_event(void *ctx, struct event *ev)
{
	struct heard *h = ctx;

	h->ev = *ev;
	copy(h->explanation, ev->finding_explanation);
	copy(h->remedy, ev->finding_remedy);
	copy(h->id, ev->id.p ? ev->id : SPAN(""));
}

static void emit(struct heard *h, const struct finding_info *info, enum severity severity,
		 const struct finding_facts *facts, struct session_record *record)
{
	const struct outlet next = {on_event, h};
	struct event ev;

	event_init(&ev, DS_COMMAND);
	ev.duration = 5;
	ev.record = record;
	finding_emit(&next, &ev, info, severity, CONFIDENCE_MEDIUM, facts);
}

static void test_blanks(void **state)
{
	const struct exchange x = {.code = 552, .bad = SPAN_INIT("a b")};
	const struct exchange unanswered = {.code = -1};
	const struct finding_facts known = {.x = &x,
					    .verb = SPAN_INIT("MIAL"),
					    .suggestion = SPAN_INIT("MAIL"),
					    .detail = SPAN_INIT("it ended"),
					    .advice = SPAN_INIT("Try again"),
					    .length = 600,
					    .limit = UINT64_MAX,
					    .count = 9};
	const struct finding_facts unknown = {.count = 0, .length = 10, .limit = 100};
	const struct finding_facts nobody = {.x = &unanswered};
	struct heard h;

	(void)state;
	emit(&h, &all_blanks, SEVERITY_NOTE, &known, NULL);
	assert_string_equal(h.explanation, "MIAL|MAIL|a b|it ended|Try again.");
	assert_string_equal(h.remedy, "552|600|18446744073709551615|9.");
	emit(&h, &all_blanks, SEVERITY_NOTE, &unknown, NULL);
	assert_string_equal(
		h.explanation,
		"it|the right one|used here|one of the two sides gave up|Compare the TLS settings of both sides.");
	assert_string_equal(h.remedy, "0|10|100|0.");
	emit(&h, &all_blanks, SEVERITY_NOTE, &nobody, NULL);
	assert_string_equal(
		h.explanation,
		"it|the right one|used here|one of the two sides gave up|Compare the TLS settings of both sides.");
	assert_string_equal(h.remedy, "0|0|0|0.");
}

/* A text that grows too long ends where there is no more room. */
static void test_long(void **state)
{
	static char verb[400];
	const struct finding_info twice = {.id = "an_id", .explanation = "%V%V tail", .remedy = "%N", .reference = ""};
	const struct finding_facts facts = {.verb = span_of(verb, sizeof verb)};
	struct heard h;

	(void)state;
	memset(verb, 'x', sizeof verb);
	emit(&h, &twice, SEVERITY_NOTE, &facts, NULL);
	assert_int_equal(strlen(h.explanation), 512);
	assert_int_equal(strspn(h.explanation, "x"), 512);
}

static bool is(struct span got, const char *want)
{
	return span_eq(got, span_str(want));
}

static void test_fields(void **state)
{
	static const struct {
		const char *severity, *kind, *outcome;
		unsigned categories;
		bool error;
	} rows[] = {{"note", "event", "unknown", 1, false},
		    {"warning", "event", "unknown", 1, false},
		    {"error", "event", "failure", 1, true},
		    {"alert", "alert", "failure", 2, true}};
	static const struct finding_info told = {.id = "an_id",
						 .group = GROUP_SECURITY,
						 .fault = FAULT_MIDDLEBOX,
						 .explanation = "e.",
						 .remedy = "r.",
						 .reference = "RFC 5321 4.2"};
	const struct finding_facts facts = {.suggestion = SPAN_INIT("MAIL")};
	struct heard h;

	(void)state;
	for (unsigned s = SEVERITY_NOTE; s <= SEVERITY_ALERT; s++) {
		emit(&h, &told, (enum severity)s, &facts, NULL);
		assert_int_equal(h.ev.set, DS_FINDING);
		assert_true(is(h.ev.dataset, "smtpscope.finding") && is(h.ev.action, "security") &&
			    is(h.ev.finding_id, "an_id"));
		assert_true(is(h.ev.finding_severity, rows[s].severity) && is(h.ev.kind, rows[s].kind) &&
			    is(h.ev.outcome, rows[s].outcome));
		assert_int_equal(h.ev.category.n, rows[s].categories);
		assert_true(is(h.ev.category.v[0], "network") &&
			    is(h.ev.category.v[h.ev.category.n - 1], s == 3 ? "intrusion_detection" : "network"));
		assert_int_equal(h.ev.type.n, 2);
		assert_true(is(h.ev.type.v[0], "protocol") && is(h.ev.type.v[1], "info"));
		assert_true(is(h.ev.finding_confidence, "medium") && is(h.ev.finding_fault, "middlebox"));
		assert_true(is(h.ev.finding_reference, "RFC 5321 4.2") && is(h.ev.finding_suggestion, "MAIL"));
		assert_int_equal(h.ev.error_type.p != NULL, rows[s].error);
		assert_true(h.ev.duration == EV_NONE && !h.ev.id.p);
	}
	emit(&h, &all_blanks, SEVERITY_ERROR, &facts, NULL);
	assert_true(is(h.ev.error_type, "an_id") && !h.ev.finding_reference.p);
}

/* Events of a session are numbered, and findings counted. */
static void test_numbers(void **state)
{
	struct session_record record = {.id = "0123456789abcdef", .sequence = 8};
	const struct finding_facts facts = {.count = 1};
	struct heard h;

	(void)state;
	emit(&h, &all_blanks, SEVERITY_NOTE, &facts, &record);
	assert_string_equal(h.id, "0123456789abcdef-9");
	emit(&h, &all_blanks, SEVERITY_NOTE, &facts, &record);
	assert_string_equal(h.id, "0123456789abcdef-10");
	assert_int_equal(h.ev.sequence, 10);
	assert_int_equal(record.findings, 2);
	record.sequence = UINT32_MAX - 1;
	emit(&h, &all_blanks, SEVERITY_NOTE, &facts, &record);
	assert_string_equal(h.id, "0123456789abcdef-4294967295");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_blanks), cmocka_unit_test(test_long),
					   cmocka_unit_test(test_fields), cmocka_unit_test(test_numbers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
