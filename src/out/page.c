/*
 * page.c - the sections of a page. How it looks is in page_text.c and page_json.c; see page.h.
 */
#include "smtpscope/page.h"

#include <stdlib.h>
#include <string.h>

static char *copy_or_fail(struct page *p, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	p->failed |= text && !copy;
	return copy;
}

void page_start(struct page *p, const char *kind, const char *title)
{
	*p = (struct page){.kind = kind};
	p->title = copy_or_fail(p, title);
}

static struct page_section *next_section(struct page *p, enum section_kind kind, const char *key, const char *heading)
{
	struct page_section *s;

	if (p->count == PAGE_SECTIONS) {
		p->failed = true;
		return NULL;
	}
	s = &p->section[p->count++];
	*s = (struct page_section){.kind = kind, .key = key, .heading = heading};
	return s;
}

void page_add(struct page *p, enum section_kind kind, const char *key, const char *heading, const char *text)
{
	struct page_section *s = text && text[0] ? next_section(p, kind, key, heading) : NULL;

	if (s)
		s->text = copy_or_fail(p, text);
}

void page_add_class(struct page *p, const char *key, const char *heading, const char *id, const char *name, const char *text)
{
	struct page_section *s = next_section(p, SECTION_CLASS, key, heading);

	if (!s)
		return;
	s->id = copy_or_fail(p, id);
	s->name = copy_or_fail(p, name);
	s->text = copy_or_fail(p, text);
}

void page_add_number(struct page *p, const char *key, long number)
{
	struct page_section *s = next_section(p, SECTION_NUMBER, key, NULL);

	if (s)
		s->number = number;
}

const struct page_section *page_section(const struct page *p, const char *key)
{
	for (unsigned i = 0; i < p->count; i++)
		if (strcmp(p->section[i].key, key) == 0)
			return &p->section[i];
	return NULL;
}

void page_free(struct page *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		free(p->section[i].id);
		free(p->section[i].name);
		free(p->section[i].text);
	}
	free(p->title);
	*p = (struct page){0};
}

void document_free(struct document *d)
{
	page_free(&d->page[0]);
	page_free(&d->page[1]);
	page_free(&d->about);
	*d = (struct document){0};
}
