/* The catalog: every id has its row, its words, and placeholders that exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtpscope/catalog.h"

static const char *const ids[] = {
#define FINDING_ID(id) #id,
#include "smtpscope/finding_ids.h"
#undef FINDING_ID
};

static void check_text(const char *id, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n < 8 || n > 300 || text[n - 1] != '.')
		fail_msg("%s: not a sentence: %s", id, text ? text : "(none)");
	for (const char *p = strchr(text, '%'); p; p = strchr(p + 1, '%'))
		if (!strchr("VSALMNC", p[1]) || !p[1])
			fail_msg("%s: unknown placeholder in: %s", id, text);
}

static void test_rows(void **state)
{
	(void)state;
	assert_int_equal(sizeof ids / sizeof *ids, FINDINGS);
	for (unsigned f = 0; f < FINDINGS; f++) {
		const struct finding_info *info = finding_info((enum finding)f);

		assert_string_equal(info->id, ids[f]);
		check_text(info->id, info->explanation);
		check_text(info->id, info->remedy);
		assert_non_null(info->reference);
		assert_true(info->group < GROUPS);
		assert_true(info->tolerated <= info->severity || info->severity == SEVERITY_ALERT);
		assert_ptr_equal(finding_find(span_str(ids[f])), info);
	}
	assert_null(finding_find(SPAN("no_such_finding")));
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned g = 0; g < GROUPS; g++)
		assert_true(strlen(finding_group_name((enum finding_group)g)) > 3);
	assert_string_equal(severity_name(SEVERITY_ALERT), "alert");
	assert_string_equal(confidence_name(CONFIDENCE_LOW), "low");
	assert_string_equal(fault_name(FAULT_MIDDLEBOX), "middlebox");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
