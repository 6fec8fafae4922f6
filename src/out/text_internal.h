/*
 * text_internal.h - what the files of the transcript view share. Private to out/text*.c.
 *
 *   text.c          sessions that are being watched, their limits, and when a block is written
 *   text_event.c    one event as lines of its session's transcript
 *   text_head.c     the heading of a block, its why: lines, and the line of -q
 *   text_summary.c  the last line of a run
 *   text_layout.c   safe text, columns, line breaks
 */
#ifndef SMTPSCOPE_OUT_TEXT_INTERNAL_H
#define SMTPSCOPE_OUT_TEXT_INTERNAL_H

#include "smtpscope/table.h"
#include "smtpscope/text.h"
#include "text_layout.h"

enum {
	WHYS = 4,         /* reasons kept for the top of a block: more than a reader takes in at once */
	WHY_TEXT = 600,   /* octets of one: an explanation and a remedy */
	TOLD = 16,        /* findings of a session told in full; told again they are named only */
	REFUSAL = 200,    /* octets of a reply that say enough in a heading */
	SESSION_ID = 16,  /* octets of smtp.session.id */
	ALERTS = 32,      /* kinds of alerts that are counted: more than the catalog has */
	ALERT_ID = 48,    /* octets of an id and its end */
};

/* How bad a reason is; the worst come first. */
enum rank { RANK_NONE, RANK_NOTE, RANK_WARNING, RANK_ERROR, RANK_FAILED /* a mail or a login */, RANK_ALERT };

struct why {
	enum rank rank;
	uint32_t key;    /* equal reasons are counted, not repeated */
	uint32_t count;
	uint32_t length; /* of text */
	char text[WHY_TEXT]; /* safe */
};

struct text_session {
	struct table_node node;
	uint8_t id[SESSION_ID];
	struct endpoint client, server;
	int64_t first_ts;    /* of the first event of this part */
	int64_t last_ts;     /* of the last line written */
	int64_t client_ts;   /* of the last command */
	unsigned part;       /* parts written before */
	struct text_buf body;
	size_t steps_at;     /* offsets in body: where what happened inside the last command goes, */
	size_t result_at;    /* and what came of it */
	struct why why[WHYS]; /* worst first */
	unsigned why_count;
	unsigned why_more;   /* reasons beyond them */
	uint32_t told[TOLD]; /* by what was said */
	unsigned told_count;
	char refusal[REFUSAL]; /* of this mail's first refused recipient: code and text, safe */
	unsigned refusal_n;
	enum rank worst;
};

struct text_writer {
	struct text_options options;
	struct text_layout layout;
	struct sink *sink;
	struct table *sessions; /* oldest event first */
	size_t buffered;        /* bytes of all bodies */
	struct text_buf line;   /* scratch: the body of a paragraph */
	struct text_buf block;  /* scratch: what goes to the sink */
	uint64_t sessions_seen, sessions_failed, commands;
	uint64_t refused;       /* times memory was, and words are missing */
	bool lost;              /* since the last block that was written */
	struct text_alerts {
		char id[ALERT_ID];
		uint64_t count;
	} alerts[ALERTS]; /* in the order in which they came up */
	unsigned alert_kinds;
};

/* text_event.c: appends to s->body. */
void text_render(struct text_writer *w, struct text_session *s, const struct event *ev);

/* text_head.c */
/* Takes the reasons for failure, if any, out of the event; before text_render(), which refers to them. */
void text_why(struct text_writer *w, struct text_session *s, const struct event *ev);
/* Heading and reasons of a block; ev is the session event, or NULL when the session goes on. */
void text_heading(struct text_writer *w, const struct text_session *s, const struct event *ev, struct text_buf *out);
void text_one_line(struct text_writer *w, const struct text_session *s, const struct event *ev, struct text_buf *out);
/* text_summary.c */
/* Counts a finding of severity alert. */
void text_count_alert(struct text_writer *w, struct span id);
void text_summary(struct text_writer *w, const struct event *ev, struct text_buf *out);
/* "192.0.2.1:25", "[2001:db8::1]:25" */
void text_put_endpoint(struct text_buf *b, const struct endpoint *e, uint64_t port);
void text_put_seconds(struct text_buf *b, int64_t ns);
/* "535 5.7.8 text" of the final reply, if there is one, led in by before. */
void text_put_reply(struct text_buf *b, const struct event *ev, const char *before, size_t limit);
enum rank text_rank(const struct event *ev);
/* Tells texts apart (FNV-1a): a collision costs a reader one line. */
uint32_t text_key(struct span text);
size_t text_limit(const struct text_writer *w);

#endif
