/*
 * jsonlines.h - the JSON lines of a run, and what is promised of each.
 */
#ifndef TESTS_JSONLINES_H
#define TESTS_JSONLINES_H

#include "smtpscope/json.h"

struct jsonlines {
	struct json_writer *json;
	char *p;
	size_t n, cap;
	bool same_wire; /* what wire_mask() takes out stays */
};

/* Takes out what a wire may change: times, frames, addresses, counts of packets. */
void wire_mask(struct event *ev);

void jsonlines_begin(struct jsonlines *l); /* empties it */
void jsonlines_free(struct jsonlines *l);
/* An emit_fn: ctx is the struct jsonlines. */
void jsonlines_event(void *ctx, struct event *ev);
/* False, and told on stderr: a line is no valid JSON, does not fit the schema, is too long or has no end. */
bool jsonlines_valid(struct span text);
/* False, and told on stderr: the secret stands in it, in clear or in Base64. */
bool jsonlines_hide(struct span text, struct span secret);
/* False, and the first lines that differ are told on stderr. */
bool jsonlines_same(const struct jsonlines *a, const struct jsonlines *b);

#endif
