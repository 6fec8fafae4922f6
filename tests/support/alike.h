/*
 * alike.h - event lists of one dialogue over different wires, as lines of JSON that must be the same octets.
 */
#ifndef TESTS_ALIKE_H
#define TESTS_ALIKE_H

#include <stdbool.h>
#include <stddef.h>

#include "smtpscope/event.h"
#include "smtpscope/json.h"
#include "smtpscope/span.h"

enum { LINES_MAX = 8 * 1024 * 1024 };

struct lines {
	char *p; /* LINES_MAX + 1 octets */
	size_t n;
};
void lines_add(struct lines *l, struct span s);

/* Where the events of one run go. */
struct run {
	struct json_writer *writer;
	struct lines out;
	bool loose;         /* commands and AUTH only, and of them only what does not depend on the handshake */
	const char *apart;  /* findings of this id are counted and not kept; NULL none */
	unsigned apart_seen;
	bool tagged;        /* an event named a VLAN */
	uint64_t gaps, gap_bytes; /* of all sessions */
};
struct run run_new(bool loose);
void run_clear(struct run *r);
void run_free(struct run *r);
/* An emit_fn: ctx is the struct run. What a wire may change (times, frame numbers, addresses) is left out. */
void run_event(void *ctx, struct event *ev);

/* Prints where b first differs from a, unless it does not. who: the dialogue; what: how it was disturbed. */
bool lines_same(const char *who, const struct lines *a, struct lines *b, const char *what);

#endif
