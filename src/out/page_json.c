/*
 * page_json.c - a page as one JSON object, built with json-c. Keys are the same in every language; see page.h.
 */
#include "smtpscope/page.h"

#include "json_tree.h"

static struct json_object *list_of(struct json_tree *t, const char *text)
{
	struct json_object *list = tree_array(t);
	struct span rest = span_str(text);

	while (rest.p) {
		struct span item = span_split(&rest, '\n');

		tree_append(t, list, tree_string(t, (const char *)item.p, item.n));
	}
	return list;
}

static struct json_object *class_of(struct json_tree *t, const struct page_section *s)
{
	struct json_object *o = tree_object(t);

	tree_add_string(t, o, "id", s->id);
	tree_add_string(t, o, "name", s->name);
	if (s->text)
		tree_add_string(t, o, "text", s->text);
	return o;
}

static void put_section(struct json_tree *t, struct json_object *o, const struct page_section *s)
{
	switch (s->kind) {
	case SECTION_NUMBER:
		tree_add(t, o, s->key, tree_number(t, s->number));
		return;
	case SECTION_LIST:
		tree_add(t, o, s->key, list_of(t, s->text));
		return;
	case SECTION_CLASS:
		tree_add(t, o, s->key, class_of(t, s));
		return;
	case SECTION_WORD:
	case SECTION_FACT:
	case SECTION_TEXT:
		tree_add_string(t, o, s->key, s->text);
		return;
	}
}

static void put_sections(struct json_tree *t, struct json_object *o, const struct page *p)
{
	for (unsigned i = 0; i < p->count; i++)
		put_section(t, o, &p->section[i]);
}

static struct json_object *page_object(struct json_tree *t, const struct page *p)
{
	struct json_object *o = tree_object(t);

	tree_add_string(t, o, "kind", p->kind);
	put_sections(t, o, p);
	return o;
}

static struct json_object *document_object(struct json_tree *t, const struct document *d)
{
	struct json_object *o, *pages;

	if (d->kind == DOCUMENT_PAGE)
		return page_object(t, &d->page[0]);
	o = tree_object(t);
	if (d->kind == DOCUMENT_REPLY) {
		tree_add_string(t, o, "kind", "reply");
		tree_add(t, o, "basic", page_object(t, &d->page[0]));
		tree_add(t, o, "enhanced", page_object(t, &d->page[1]));
	} else {
		tree_add_string(t, o, "kind", "comparison");
		pages = tree_array(t);
		tree_append(t, pages, page_object(t, &d->page[0]));
		tree_append(t, pages, page_object(t, &d->page[1]));
		tree_add(t, o, "compare", pages);
	}
	put_sections(t, o, &d->about);
	return o;
}

char *document_json(const struct document *d)
{
	struct json_tree t = {false};
	struct json_object *o = document_object(&t, d);

	return tree_text(&t, o);
}
