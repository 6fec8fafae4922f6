/* category_table.h - what replies of well-known servers mean. Private to diag/category. */
#ifndef CATEGORY_TABLE_H
#define CATEGORY_TABLE_H

#include "smtpscope/category.h"

/*
 * A fragment of the text in small letters. It starts at the start of a word; '*' stands for up to 40 octets; a '|' at its end demands
 * the end of a word. In order: the first that fits wins.
 */
struct fragment_row {
	enum category category;
	const char *fragment;
};
extern const struct fragment_row category_fragments[];
extern const unsigned category_fragment_count;

/* Enhanced code, class left out; low - high is the range of its last number. */
struct enhanced_row {
	enum category category;
	uint8_t subject;
	uint16_t low, high;
	uint8_t class; /* 4, 5, or 0: both */
};
extern const struct enhanced_row category_certain[]; /* say it whatever the text says */
extern const struct enhanced_row category_likely[];  /* when the text says nothing */
extern const unsigned category_certain_count, category_likely_count;

/* Those who run block lists, by the end of the name. */
extern const char *const category_operators[];
extern const unsigned category_operator_count;

#endif
