/* Layout of pages: line breaks in both scripts, columns side by side, and pages at every width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "out/columns.h"
#include "smtpscope/page.h"

static void test_breaks(void **state)
{
	static const struct {
		const char *text;
		unsigned room;
		const char *first;
	} rows[] = {
	    {"one two", 7, "one two"},
	    {"one two", 6, "one"},
	    {"one two", 3, "one"},
	    {"one  two", 6, "one"},
	    {"endless", 4, "endl"},       /* wider than the line: cut */
	    {"漢字かな", 4, "漢字"},      /* two columns each */
	    {"漢字かな", 5, "漢字"},
	    {"漢字、かな", 4, "漢"},      /* no comma at the start of a line */
	    {"漢（字", 4, "漢"},          /* no bracket at its end */
	    {"各サーバ", 4, "各"},        /* no long vowel at its start */
	    {"漢字ABC", 5, "漢字"},       /* a word of letters stays whole */
	    {"ABC漢字", 4, "ABC"},
	    {"は EHLO に", 5, "は"},
	    {"は EHLO に", 7, "は EHLO"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct span s = span_str(rows[i].text), first = span_first(s, text_line_break(s, rows[i].room));

		if (!span_eq(first, span_str(rows[i].first)))
			fail_msg("\"%s\" in %u: \"%.*s\"", rows[i].text, rows[i].room, (int)first.n, (const char *)first.p);
	}
}

static void expect_columns(const struct column *columns, unsigned count, const char *expected)
{
	struct text_layout layout = {false, 80};
	struct text_buf out = {0};

	columns_lay(&out, &layout, columns, count);
	text_put(&out, span_of("", 1));
	assert_string_equal(out.p, expected);
	text_buf_free(&out);
}

static void test_side_by_side(void **state)
{
	const struct column two[] = {{0, 5, SPAN_INIT("one two"), TINT_NONE}, {8, 9, SPAN_INIT("three four five"), TINT_NONE}};
	const struct column wide[] = {{0, 4, SPAN_INIT("漢字かな"), TINT_NONE}, {6, 4, SPAN_INIT("abc"), TINT_NONE}};
	const struct column list[] = {{2, 9, SPAN_INIT("- one two three go\n- four"), TINT_NONE}};
	const struct column hard[] = {{0, 9, SPAN_INIT("a\n\nb"), TINT_NONE}, {10, 9, SPAN_INIT("c"), TINT_NONE}};
	const struct column empty[] = {{0, 9, SPAN_INIT(""), TINT_NONE}, {10, 9, {NULL, 0}, TINT_NONE}};

	(void)state;
	expect_columns(two, 2, "one     three\ntwo     four five\n");
	expect_columns(wide, 2, "漢字  abc\nかな\n");
	expect_columns(list, 1, "  - one two\n    three\n    go\n  - four\n");
	expect_columns(hard, 2, "a         c\n\nb\n");
	expect_columns(empty, 2, "\n");
}

/* The widest line, in columns. */
static size_t widest(const char *text)
{
	struct span rest = span_str(text);
	size_t most = 0;

	while (rest.p) {
		struct span line = span_split(&rest, '\n');
		size_t n = text_columns(line);

		if (line.n && line.p[line.n - 1] == ' ')
			fail_msg("space at the end: %.*s", (int)line.n, (const char *)line.p);
		most = n > most ? n : most;
	}
	return most;
}

static void fill_page(struct page *p, const char *title, const char *text)
{
	page_start(p, "test", title);
	page_add_number(p, "number", 7);
	page_add(p, SECTION_WORD, "word", NULL, "hidden-word");
	page_add_class(p, "class", "クラス", "id", "name", text);
	page_add(p, SECTION_FACT, "fact", "Fact", "short");
	page_add(p, SECTION_TEXT, "text", "Heading", text);
	page_add(p, SECTION_LIST, "list", "List", "first item\nsecond item of the list");
	page_add(p, SECTION_TEXT, "nothing", "Nothing", NULL);
	page_add(p, SECTION_TEXT, "nothing", "Nothing", "");
}

static void test_every_width(void **state)
{
	static const enum document_kind kinds[] = {DOCUMENT_PAGE, DOCUMENT_REPLY, DOCUMENT_COMPARISON};
	struct document d = {.count = 2};

	(void)state;
	fill_page(&d.page[0], "first", "A text with several words in it, and then some more of them to fill lines.");
	fill_page(&d.page[1], "second", "この文には漢字とかなと（括弧）と、words in English が入っています。");
	page_start(&d.about, "about", NULL);
	page_add(&d.about, SECTION_LIST, "differences", "Differences", "one\ntwo");
	assert_int_equal(d.page[0].count, 6);
	for (unsigned k = 0; k < 3; k++) {
		d.kind = kinds[k];
		for (unsigned w = PAGE_LEAST_WIDTH; w <= 200; w++) {
			struct page_look look = {false, w};
			char *text = document_text(&d, &look);

			assert_non_null(text);
			if (widest(text) > w)
				fail_msg("%zu columns instead of %u:\n%s", widest(text), w, text);
			assert_null(strstr(text, "hidden-word"));
			assert_null(strstr(text, "Nothing"));
			assert_int_equal(strstr(text, "first  ") != NULL, d.kind == DOCUMENT_COMPARISON && w >= 100);
			free(text);
		}
	}
	document_free(&d);
	assert_int_equal(d.page[0].count, 0);
}

static void test_full_page(void **state)
{
	struct page p;

	(void)state;
	page_start(&p, "test", "title");
	for (unsigned i = 0; i < PAGE_SECTIONS; i++)
		page_add_number(&p, "n", i);
	assert_false(p.failed);
	page_add(&p, SECTION_TEXT, "k", "H", "one too many");
	assert_true(p.failed);
	page_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_breaks),
	    cmocka_unit_test(test_side_by_side),
	    cmocka_unit_test(test_every_width),
	    cmocka_unit_test(test_full_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
