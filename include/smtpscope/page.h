/*
 * page.h - a page of explanation: titled sections that are laid out for a person or written as JSON for a program.
 *
 * Who fills a page decides on words and language; this knows of neither. Texts are UTF-8 without control characters but '\n'.
 */
#ifndef SMTPSCOPE_PAGE_H
#define SMTPSCOPE_PAGE_H

#include "smtpscope/span.h"

enum section_kind {
	SECTION_NUMBER, /* JSON only: a number */
	SECTION_WORD,   /* JSON only: a string for programs */
	SECTION_FACT,   /* short text beside its heading; a string in JSON */
	SECTION_CLASS,  /* the same with an id for programs and a sentence; an object in JSON */
	SECTION_TEXT,   /* paragraph below its heading */
	SECTION_LIST,   /* items separated by '\n'; an array in JSON */
};
struct page_section {
	enum section_kind kind;
	const char *key;     /* in JSON */
	const char *heading;
	char *id;            /* SECTION_CLASS */
	char *name;          /* SECTION_CLASS, else NULL */
	char *text;
	long number;         /* SECTION_NUMBER */
};

enum { PAGE_SECTIONS = 24 }; /* the longest page, of a reply code, has 14 */
struct page {
	const char *kind; /* "reply_code", in JSON */
	char *title;
	struct page_section section[PAGE_SECTIONS];
	unsigned count;
	bool failed;      /* no memory, or too many sections: the page is not whole */
};

void page_start(struct page *p, const char *kind, const char *title);
/* Copies text; a NULL or empty one adds nothing. */
void page_add(struct page *p, enum section_kind kind, const char *key, const char *heading, const char *text);
void page_add_class(struct page *p, const char *key, const char *heading, const char *id, const char *name, const char *text);
void page_add_number(struct page *p, const char *key, long number);
const struct page_section *page_section(const struct page *p, const char *key); /* NULL when it has none */
void page_free(struct page *p);

/* What is printed: one page, or two that belong together and a page about both. */
enum document_kind { DOCUMENT_PAGE, DOCUMENT_REPLY /* basic and enhanced code of one reply */, DOCUMENT_COMPARISON };
struct document {
	enum document_kind kind;
	struct page page[2];
	unsigned count;
	struct page about; /* title NULL: nothing to say */
};
void document_free(struct document *d);

enum { PAGE_LEAST_WIDTH = 20 };
struct page_look {
	bool colour;
	unsigned width; /* columns, at least PAGE_LEAST_WIDTH */
};
/* malloc'ed, whole lines; NULL without memory. */
char *document_text(const struct document *d, const struct page_look *look);
char *document_json(const struct document *d);

#endif
