/*
 * json_run.h - the text that all events of a session share, composed once: the rows from source.ip to smtp.session.id, ten of some
 * thirty in a line. Private to out/json.
 *
 * Kept is the text of the sessions that spoke last, in RUN_SLOTS places by their id; nothing is lost when one takes the place of
 * another but the time to compose it again. A text is used only for an event that says the same in all of these rows.
 */
#ifndef SMTPSCOPE_OUT_JSON_RUN_H
#define SMTPSCOPE_OUT_JSON_RUN_H

#include "smtpscope/event.h"

enum {
	RUN_SLOTS = 256,     /* sessions at work at once; 256 of them fill a third of the second cache */
	RUN_ROWS = 20,       /* source.ip to smtp.session.id: a test counts them */
	RUN_TEXT_MAX = 512,  /* 470 with IPv6, VLAN and a host name of 60 octets; longer ones are composed each time */
	RUN_NAMES_MAX = 128, /* what the strings say that differ by session */
};

struct json_run {
	struct endpoint source, destination;
	uint64_t source_port, destination_port;
	uint16_t rows[RUN_ROWS]; /* which there were, counted from the first */
	uint16_t row_count, text_n, names_n;
	uint8_t names[RUN_NAMES_MAX];
	char text[RUN_TEXT_MAX];
};

/* The place where the text for ev is, or may be put. */
struct json_run *json_run_place(struct json_run *runs, const struct event *ev);
/* Whether the text is that of ev, which has the n rows. */
bool json_run_is(const struct json_run *run, const struct event *ev, const uint16_t *rows, unsigned n);
void json_run_keep(struct json_run *run, const struct event *ev, const uint16_t *rows, unsigned n, struct span text);

#endif
