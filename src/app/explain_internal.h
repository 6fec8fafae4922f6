/*
 * explain_internal.h - what the files of `explain` share. Private to src/app/explain*.c.
 *
 *   explain.c        the arguments, what to print, and how
 *   explain_code.c   pages of reply codes and enhanced codes, and what two of them have to do with each other
 *   explain_name.c   pages of findings, verbs, mechanisms and keywords, and what a wrong word was meant to be
 */
#ifndef SMTPSCOPE_APP_EXPLAIN_INTERNAL_H
#define SMTPSCOPE_APP_EXPLAIN_INTERNAL_H

#include "smtpscope/page.h"
#include "smtpscope/span.h"

/* A class of the catalog, translated. prefix: "5xx", NULL none. */
struct class_info;
void explain_add_class(struct page *p, const char *key, const char *heading, const struct class_info *c, const char *prefix);
/* Translated sentences one behind the other; either may be NULL. */
void explain_add_sentences(struct page *p, const char *key, const char *heading, const char *first, const char *second);

/* Each fills the page and says true when the word is one of its kind. */
bool explain_code(struct page *p, struct span word);
bool explain_enhanced(struct page *p, struct span word);
bool explain_name(struct page *p, struct span word);
/* "550 5.1.1 text": false when it does not begin with a code. One page, or two and what they have to do with each other. */
bool explain_reply(struct document *d, struct span line);

/* About two pages that were asked for as these words: what tells two codes apart. */
void explain_difference(struct document *d, struct span left, struct span right);

/* The name that is most like the word, NULL when none is. */
const char *explain_nearest(struct span word);

#endif
