/*
 * text.h - events as a transcript that a mail administrator pastes into a ticket. One block per session, written when the
 * session ends (bounded: a long session is written in parts, each with a heading).
 */
#ifndef SMTPSCOPE_TEXT_H
#define SMTPSCOPE_TEXT_H

#include "smtpscope/event.h"
#include "smtpscope/sink.h"

struct text_options {
	bool colour;
	bool local_time;   /* else UTC */
	unsigned width;    /* columns; 0: do not cut or wrap */
	int verbosity;     /* -1 -q: one line a session; 0: transcript; 1 -v: adds notes, parameters, header facts; 2 -vv: all */
};
enum { TEXT_SESSION_KEPT = 256 * 1024, TEXT_SESSIONS = 4096 }; /* bytes buffered per session; sessions buffered at once */

struct text_writer;
struct text_writer *text_writer_new(const struct text_options *options, struct sink *sink);
void text_writer_free(struct text_writer **w); /* writes what is still buffered */
/* Where memory is refused words are missing; a line in the transcript says so. */
void text_event(struct text_writer *w, const struct event *ev);
uint64_t text_refused(const struct text_writer *w); /* times that happened */

#endif
