/*
 * page_json.c - a page as one JSON object, built with json-c. Keys are the same in every language; see page.h.
 */
#include "smtpscope/page.h"

#include <json-c/json.h>

#include <stdlib.h>
#include <string.h>

static void put_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static struct json_object *list_of(const char *text)
{
	struct json_object *list = json_object_new_array();
	struct span rest = span_str(text);

	while (rest.p) {
		struct span item = span_split(&rest, '\n');

		json_object_array_add(list, json_object_new_string_len((const char *)item.p, (int)item.n));
	}
	return list;
}

static struct json_object *class_of(const struct page_section *s)
{
	struct json_object *o = json_object_new_object();

	put_string(o, "id", s->id);
	put_string(o, "name", s->name);
	if (s->text)
		put_string(o, "text", s->text);
	return o;
}

static struct json_object *section_value(const struct page_section *s)
{
	switch (s->kind) {
	case SECTION_NUMBER:
		return json_object_new_int64(s->number);
	case SECTION_LIST:
		return list_of(s->text);
	case SECTION_CLASS:
		return class_of(s);
	case SECTION_WORD:
	case SECTION_FACT:
	case SECTION_TEXT:
		break;
	}
	return json_object_new_string(s->text);
}

static void put_sections(struct json_object *o, const struct page *p)
{
	for (unsigned i = 0; i < p->count; i++)
		json_object_object_add(o, p->section[i].key, section_value(&p->section[i]));
}

static struct json_object *page_object(const struct page *p)
{
	struct json_object *o = json_object_new_object();

	put_string(o, "kind", p->kind);
	put_sections(o, p);
	return o;
}

static struct json_object *document_object(const struct document *d)
{
	struct json_object *o, *pages;

	if (d->kind == DOCUMENT_PAGE)
		return page_object(&d->page[0]);
	o = json_object_new_object();
	if (d->kind == DOCUMENT_REPLY) {
		put_string(o, "kind", "reply");
		json_object_object_add(o, "basic", page_object(&d->page[0]));
		json_object_object_add(o, "enhanced", page_object(&d->page[1]));
	} else {
		put_string(o, "kind", "comparison");
		pages = json_object_new_array();
		json_object_array_add(pages, page_object(&d->page[0]));
		json_object_array_add(pages, page_object(&d->page[1]));
		json_object_object_add(o, "compare", pages);
	}
	put_sections(o, &d->about);
	return o;
}

char *document_json(const struct document *d)
{
	struct json_object *o = document_object(d);
	const char *json = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t n = json ? strlen(json) : 0;
	char *text = json ? malloc(n + 2) : NULL;

	if (text) {
		memcpy(text, json, n);
		memcpy(text + n, "\n", 2);
	}
	json_object_put(o);
	return text;
}
