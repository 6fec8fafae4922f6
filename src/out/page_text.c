/*
 * page_text.c - pages for a person: one below the other, or two side by side where there is room. See page.h.
 */
#include "smtpscope/page.h"

#include "columns.h"

#include <string.h>

enum {
	READABLE = 100,       /* longer lines are hard to read */
	SIDE_BY_SIDE = 100,   /* columns two pages need beside each other */
	WIDEST = 160,
	STACKED = 50,         /* below this a heading stands above its text, not beside it */
	LABEL = 18,           /* at most so many columns for headings */
	GAP = 2,
};

struct view {
	struct text_buf out, scratch;
	struct text_layout layout;
};

/* ---- texts ---- */

static bool is_shown(const struct page_section *s)
{
	return s->kind != SECTION_NUMBER && s->kind != SECTION_WORD;
}

static bool is_fact(const struct page_section *s)
{
	return s->kind == SECTION_FACT || s->kind == SECTION_CLASS;
}

/* What stands below or beside the heading; valid until the next call with the same buffer. */
static struct span body_of(struct text_buf *b, const struct page_section *s)
{
	struct span rest = span_str(s->text);

	b->n = 0;
	if (s->kind == SECTION_CLASS) {
		text_puts(b, s->name);
		text_puts(b, s->text ? "\n" : "");
	}
	while (rest.p && rest.n) {
		text_puts(b, s->kind == SECTION_LIST ? "- " : "");
		text_put(b, span_split(&rest, '\n'));
		text_puts(b, rest.n ? "\n" : "");
	}
	return text_buf_span(b);
}

static unsigned widest_heading(const struct page *p, bool facts_only)
{
	unsigned most = 0;

	for (unsigned i = 0; i < p->count; i++) {
		const struct page_section *s = &p->section[i];
		unsigned n = s->heading && is_shown(s) && (is_fact(s) || !facts_only) ? (unsigned)text_columns(span_str(s->heading)) : 0;

		most = n > most ? n : most;
	}
	return most < LABEL ? most : LABEL;
}

static void put_heading(struct view *v, const char *text)
{
	struct column c = {0, v->layout.width, span_str(text), TINT_BOLD};

	columns_lay(&v->out, &v->layout, &c, 1);
}

static void put_indented(struct view *v, struct span text)
{
	struct column c = {GAP, v->layout.width - GAP, text, TINT_NONE};

	columns_lay(&v->out, &v->layout, &c, 1);
}

/* ---- one page ---- */

static void put_fact(struct view *v, const struct page_section *s, unsigned label)
{
	struct column c[2] = {
	    {0, label, span_str(s->heading), TINT_DIM},
	    {label + GAP, v->layout.width - label - GAP, body_of(&v->scratch, s), TINT_NONE},
	};

	columns_lay(&v->out, &v->layout, c, 2);
}

static void put_page(struct view *v, const struct page *p)
{
	unsigned label = widest_heading(p, true);
	bool stacked = v->layout.width < STACKED, after_facts = false;

	if (p->title) {
		put_heading(v, p->title);
		text_puts(&v->out, "\n");
	}
	for (unsigned i = 0; i < p->count; i++) {
		const struct page_section *s = &p->section[i];

		if (!is_shown(s))
			continue;
		if (is_fact(s) && !stacked) {
			put_fact(v, s, label);
			after_facts = true;
			continue;
		}
		text_puts(&v->out, after_facts ? "\n" : "");
		after_facts = true;
		put_heading(v, s->heading);
		put_indented(v, body_of(&v->scratch, s));
	}
}

/* ---- two pages ---- */

struct table_shape {
	unsigned label, cell;
};

static void put_row(struct view *v, const struct table_shape *t, const char *heading, struct span left, struct span right)
{
	struct column c[3] = {
	    {0, t->label, span_str(heading), TINT_BOLD},
	    {t->label + GAP, t->cell, left, TINT_NONE},
	    {t->label + GAP + t->cell + GAP, t->cell, right, TINT_NONE},
	};

	text_puts(&v->out, "\n");
	columns_lay(&v->out, &v->layout, c, 3);
}

/* A section of either page, and of the other one the section with the same key. */
static void put_pair(struct view *v, const struct table_shape *t, const struct page_section *a, const struct page_section *b)
{
	struct text_buf other = {0};
	struct span left = a ? body_of(&v->scratch, a) : SPAN("-"), right = b ? body_of(&other, b) : SPAN("-");

	put_row(v, t, a ? a->heading : b->heading, left, right);
	v->out.failed |= other.failed;
	text_buf_free(&other);
}

static void put_titles(struct view *v, const struct table_shape *t, const struct document *d)
{
	struct column c[2] = {
	    {t->label + GAP, t->cell, span_str(d->page[0].title), TINT_BOLD},
	    {t->label + GAP + t->cell + GAP, t->cell, span_str(d->page[1].title), TINT_BOLD},
	};

	columns_lay(&v->out, &v->layout, c, 2);
}

/* What is about both goes across both columns. */
static void put_about(struct view *v, const struct table_shape *t, const struct page *about)
{
	for (unsigned i = 0; i < about->count; i++) {
		const struct page_section *s = &about->section[i];
		struct column c[2] = {
		    {0, t->label, span_str(s->heading), TINT_BOLD},
		    {t->label + GAP, 2 * t->cell + GAP, body_of(&v->scratch, s), TINT_NONE},
		};

		text_puts(&v->out, "\n");
		columns_lay(&v->out, &v->layout, c, 2);
	}
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static void put_side_by_side(struct view *v, const struct document *d)
{
	const struct page *a = &d->page[0], *b = &d->page[1];
	struct table_shape t;

	t.label = larger(larger(widest_heading(a, false), widest_heading(b, false)), widest_heading(&d->about, false));
	t.cell = (v->layout.width - t.label - 2 * GAP) / 2;
	put_titles(v, &t, d);
	for (unsigned i = 0; i < a->count; i++)
		if (is_shown(&a->section[i]))
			put_pair(v, &t, &a->section[i], page_section(b, a->section[i].key));
	for (unsigned i = 0; i < b->count; i++)
		if (is_shown(&b->section[i]) && !page_section(a, b->section[i].key))
			put_pair(v, &t, NULL, &b->section[i]);
	put_about(v, &t, &d->about);
}

static void put_rule(struct view *v)
{
	text_puts(&v->out, "\n");
	for (unsigned i = 0; i < v->layout.width; i++)
		text_puts(&v->out, "-");
	text_puts(&v->out, "\n");
}

static void put_stacked(struct view *v, const struct document *d)
{
	for (unsigned i = 0; i < d->count; i++) {
		if (i)
			put_rule(v);
		put_page(v, &d->page[i]);
	}
	if (!d->about.count)
		return;
	put_rule(v);
	put_page(v, &d->about);
}

char *document_text(const struct document *d, const struct page_look *look)
{
	struct view v = {.layout = {.colour = look->colour, .width = larger(look->width, PAGE_LEAST_WIDTH)}};
	bool beside = d->kind == DOCUMENT_COMPARISON && v.layout.width >= SIDE_BY_SIDE;
	unsigned most = beside ? WIDEST : READABLE;

	v.layout.width = v.layout.width < most ? v.layout.width : most;
	if (beside)
		put_side_by_side(&v, d);
	else
		put_stacked(&v, d);
	text_put(&v.out, span_of("", 1));
	if (v.out.failed || v.scratch.failed)
		text_buf_free(&v.out);
	text_buf_free(&v.scratch);
	return v.out.p;
}
