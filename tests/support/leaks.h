/*
 * leaks.h - whether a secret stands in an output: the one search that all tests use (protocol facts 4.5, law L8).
 */
#ifndef TESTS_LEAKS_H
#define TESTS_LEAKS_H

#include "dialog.h"
#include "smtpscope/span.h"

/* In clear, in hex of either case, and in Base64 at each of the three alignments (the characters that the secret alone decides). */
bool leaks(struct span out, struct span secret);
/* Any run of so many octets of token. */
bool leaks_part(struct span out, struct span token, size_t run);
/* Prints which and where, and returns false, when one of the dialogue's secrets leaks. */
bool leaks_none(const struct dialog *d, struct span out, const char *where);

#endif
