/* po/ja.po: no heading and no text is missing or fuzzy (a fuzzy one is not in the catalog, so it comes out in English). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/explain_internal.h"
#include "app/translate.h"
#include "smtpscope/catalog.h"
#include "smtpscope/command.h"

static bool is_japanese(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return true;
	return false;
}

static void demand(const struct page *p, const char *what, const char *text)
{
	if (text && !is_japanese(text))
		fail_msg("%s: %s is not translated: %s", p->title, what, text);
}

static void check_page(struct page *p)
{
	demand(p, "the title", strstr(p->title, "  "));
	for (unsigned i = 0; i < p->count; i++) {
		const struct page_section *s = &p->section[i];

		demand(p, "a heading", s->heading && strcmp(s->heading, "EHLO") != 0 ? s->heading : NULL);
		if (s->kind != SECTION_TEXT && s->kind != SECTION_LIST && s->kind != SECTION_CLASS)
			continue;
		demand(p, s->key, s->text);
		demand(p, s->key, s->name);
	}
	assert_false(p->failed);
	page_free(p);
}

static void test_codes(void **state)
{
	struct page p;

	(void)state;
	for (unsigned code = 100; code < 700; code++) {
		char word[8];

		snprintf(word, sizeof word, "%u", code);
		assert_true(explain_code(&p, span_str(word)));
		check_page(&p);
	}
	for (unsigned i = 0; enhanced_info(i); i++) {
		const struct enhanced_info *e = enhanced_info(i);
		char word[16];

		snprintf(word, sizeof word, "%u.%u.%u", e->class_digit ? e->class_digit : 5, e->subject, e->detail);
		assert_true(explain_enhanced(&p, span_str(word)));
		check_page(&p);
	}
	for (unsigned subject = 0; subject < 10; subject++) {
		char word[16];

		snprintf(word, sizeof word, "x.%u.999", subject);
		assert_true(explain_enhanced(&p, span_str(word)));
		check_page(&p);
	}
}

static void test_names(void **state)
{
	struct page p;

	(void)state;
	for (unsigned v = VERB_UNKNOWN + 1; v < VERB_COUNT; v++) {
		assert_true(explain_name(&p, span_str(verb_info((enum verb)v)->name)));
		check_page(&p);
	}
	for (unsigned i = 0; mechanism_info(i); i++) {
		assert_true(explain_name(&p, span_str(mechanism_info(i)->name)));
		check_page(&p);
	}
	for (unsigned i = 0; keyword_info(i); i++) {
		assert_true(explain_name(&p, span_str(keyword_info(i)->name)));
		check_page(&p);
	}
	for (unsigned f = 0; f < FINDINGS; f++) {
		assert_true(explain_name(&p, span_str(finding_info((enum finding)f)->id)));
		check_page(&p);
	}
}

static void check_about(struct document *d)
{
	for (unsigned i = 0; i < d->about.count; i++) {
		const struct page_section *s = &d->about.section[i];

		if ((s->heading && !is_japanese(s->heading)) || (s->kind != SECTION_WORD && !is_japanese(s->text)))
			fail_msg("%s: %s", s->key, s->text);
	}
	document_free(d);
}

static void test_pairs(void **state)
{
	static const char *const replies[] = {"550 4.1.1", "501 5.7.8", "550 5.1.1"};

	(void)state;
	for (unsigned i = 0; code_pair(i); i++) {
		struct document d = {.count = 2};
		char a[8], b[8];

		snprintf(a, sizeof a, "%u", code_pair(i)->a);
		snprintf(b, sizeof b, "%u", code_pair(i)->b);
		assert_true(explain_code(&d.page[0], span_str(a)) && explain_code(&d.page[1], span_str(b)));
		explain_difference(&d, span_str(a), span_str(b));
		check_about(&d);
	}
	for (unsigned i = 0; i < sizeof replies / sizeof *replies; i++) {
		struct document d = {0};

		assert_true(explain_reply(&d, span_str(replies[i])));
		check_about(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes), cmocka_unit_test(test_names), cmocka_unit_test(test_pairs)};
	const char *build = getenv("BUILD");
	char dir[512];

	snprintf(dir, sizeof dir, "%s/locale", build ? build : "build");
	if (!translate_start_in(LANGUAGE_JA, dir)) {
		fprintf(stderr, "no Japanese catalog in %s, or no locale but C\n", dir);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
