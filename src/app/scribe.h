/*
 * scribe.h - what a worker makes of its events: it composes the line, and packs what the writer will read of the event beside it.
 *
 * So that a second worker gains something: composing takes a third of a run, and the writer has diag/watch to run for all.
 */
#ifndef SMTPSCOPE_APP_SCRIBE_H
#define SMTPSCOPE_APP_SCRIBE_H

#include "event_pack.h"
#include "lines.h"

#include <stdatomic.h>

/* What all scribes of a run share. */
struct scribing {
	const struct options *o;
	uint8_t text;         /* bits of the outputs that are transcripts */
	const char *observer; /* NULL for files */
	struct packing whole, brief;
	atomic_ullong nanoseconds_from; /* place of the first event whose times have them */
};
/* False without memory. *s is to be zero-initialised. With one worker there are no scribes. */
bool scribing_init(struct scribing *s, const struct options *o, uint8_t text, const char *observer);
void scribing_fini(struct scribing *s);

/* One thread uses it. */
struct scribe;
struct scribe *scribe_new(struct scribing *shared);
void scribe_free(struct scribe **s);
void scribe_event(struct scribe *s, struct pack_list *l, struct event *ev, uint64_t place);
/* An event that nobody but the writer can compose: stats. */
void scribing_pass(const struct scribing *s, struct pack_list *l, const struct event *ev, uint64_t place);

#endif
