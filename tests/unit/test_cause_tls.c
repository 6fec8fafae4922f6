/* What ended a TLS handshake, in words: each alert by its number (RFC 5246 7.2, RFC 8446 6), and the ends without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "diag/cause_rules.h"

/* Those that end a handshake of today; others are told by their number. */
static const struct {
	unsigned alert;
	const char *name;
} alerts[] = {
	{10, "unexpected_message"},
	{20, "bad_record_mac"},
	{22, "record_overflow"},
	{40, "handshake_failure"},
	{42, "bad_certificate"},
	{43, "unsupported_certificate"},
	{44, "certificate_revoked"},
	{45, "certificate_expired"},
	{46, "certificate_unknown"},
	{47, "illegal_parameter"},
	{48, "unknown_ca"},
	{49, "access_denied"},
	{50, "decode_error"},
	{51, "decrypt_error"},
	{70, "protocol_version"},
	{71, "insufficient_security"},
	{80, "internal_error"},
	{86, "inappropriate_fallback"},
	{90, "user_canceled"},
	{109, "missing_extension"},
	{110, "unsupported_extension"},
	{112, "unrecognized_name"},
	{116, "certificate_required"},
	{120, "no_application_protocol"},
};

static struct finding_facts explain(uint64_t how, char detail[HANDSHAKE_TEXT])
{
	struct finding_facts facts = {.count = 0};

	memset(detail, 0, HANDSHAKE_TEXT);
	handshake_explain(how, SPAN("client"), &facts, detail);
	assert_true(facts.detail.n > 0 && facts.detail.n < HANDSHAKE_TEXT);
	return facts;
}

static void test_alerts(void **state)
{
	size_t next = 0;

	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		char detail[HANDSHAKE_TEXT], want[64];
		struct finding_facts facts = explain(n, detail);

		if (next < sizeof alerts / sizeof *alerts && alerts[next].alert == n) {
			snprintf(want, sizeof want, "the client sent %s: ", alerts[next++].name);
			assert_true(span_starts(facts.detail, span_str(want)) && facts.advice.n > 10);
			assert_int_equal(facts.detail.n, strlen(detail));
		} else {
			snprintf(want, sizeof want, "the client sent alert %u", n);
			assert_true(span_eq(facts.detail, span_str(want)) && !facts.advice.n);
		}
	}
	assert_int_equal(next, sizeof alerts / sizeof *alerts);
}

static void test_ends(void **state)
{
	char detail[HANDSHAKE_TEXT];
	struct finding_facts facts = explain(HANDSHAKE_CUT, detail);

	(void)state;
	assert_true(span_find(facts.detail, SPAN("without an alert")) != SPAN_NPOS);
	assert_false(facts.advice.n);
	facts = explain(HANDSHAKE_HIDDEN_ALERT, detail);
	assert_true(span_find(facts.detail, SPAN("size of an alert")) != SPAN_NPOS);
	assert_true(span_find(facts.advice, SPAN("certificate")) != SPAN_NPOS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_alerts), cmocka_unit_test(test_ends)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
