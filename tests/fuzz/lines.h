/*
 * lines.h - the JSON lines of a run, and what is promised of each.
 */
#ifndef TESTS_FUZZ_LINES_H
#define TESTS_FUZZ_LINES_H

#include "fuzz.h"
#include "smtpscope/json.h"

struct lines {
	struct json_writer *json;
	char *p;
	size_t n, cap;
	bool same_wire; /* what a wire may change stays: times, frames, addresses, counts of packets */
};

void lines_begin(struct lines *l); /* empties it */
/* An emit_fn: ctx is the struct lines. */
void lines_event(void *ctx, struct event *ev);
/* Each line is valid JSON, fits the schema, is not too long, and, when asked, holds nothing of the secret. */
void lines_check(const struct lines *l, bool secret);
bool lines_same(const struct lines *a, const struct lines *b);

#endif
