/*
 * category.h - why a server refuses, in one word: its reply code, enhanced code and text against a table.
 *
 * Pure. No category is better than a false one: what is not clearly one of these has none.
 */
#ifndef SMTPSCOPE_CATEGORY_H
#define SMTPSCOPE_CATEGORY_H

#include "smtpscope/span.h"

enum category {
	CATEGORY_NONE,
	CATEGORY_GREYLISTING,
	CATEGORY_BLOCK_LIST,
	CATEGORY_QUOTA,
	CATEGORY_RATE_LIMIT,
	CATEGORY_DMARC,
	CATEGORY_SPF,
	CATEGORY_DKIM,
	CATEGORY_UNKNOWN_USER,
	CATEGORY_MAILBOX_DISABLED,
	CATEGORY_RELAY_DENIED,
	CATEGORY_TLS_REQUIRED,
	CATEGORY_AUTH_REQUIRED,
	CATEGORY_SIZE,
	CATEGORY_TOO_MANY_RECIPIENTS,
	CATEGORY_CONTENT,
	CATEGORY_DNS,
	CATEGORY_LOCAL_ERROR,
	CATEGORY_POLICY, /* refused on purpose, and nothing more is said */
	CATEGORIES
};

/* %D in the texts stands for the name of the block list. */
struct category_info {
	const char *name; /* "greylisting": smtp.reply.category */
	const char *explanation, *remedy;
};
const struct category_info *category_texts(enum category c); /* c < CATEGORIES; the row of CATEGORY_NONE has the name "" */

/* The final reply; CATEGORY_NONE for all but 4yz and 5yz, and for replies that talk of the form or order of commands. */
enum category category_of(int code, struct span enhanced, const struct span *text, uint32_t lines);
/* The block list that a reply of CATEGORY_BLOCK_LIST names: "zen.spamhaus.org", "S3150" (Microsoft); absent when none. */
struct span category_blocklist(const struct span *text, uint32_t lines);

#endif
