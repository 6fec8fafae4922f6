/*
 * watch_stage.h - diag/watch with what it says being noted, and sessions that are told to it event by event.
 */
#ifndef SMTPSCOPE_TESTS_WATCH_STAGE_H
#define SMTPSCOPE_TESTS_WATCH_STAGE_H

#include "smtpscope/exchange.h"
#include "smtpscope/watch.h"

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define NOON (INT64_C(1767355200) * SECOND) /* 2026-01-02 */

/* What came out: how often each finding, and the last one's words; a copy of the last event. */
struct out {
	unsigned raised[FINDINGS];
	char evidence[512];
	char severity[16], confidence[16], user[64];
	uint64_t count, clients, identities, sessions, sequence;
	uint64_t evicted_clients, evicted_servers, evicted_windows, evicted_sessions, windows;
	uint64_t session_findings, session_sequence;
};

struct stage {
	struct pool *pool;
	struct watch *watch;
	struct watch_settings settings;
	struct watch_limits limits;
	struct out out;
};

/* memory: limit of the pool, 0 none. The settings may be changed between the two. */
void open_stage(struct stage *s, uint64_t memory);
struct watch *begin(struct stage *s); /* NULL without memory */
/* True when all memory was given back. */
bool close_stage(struct stage *s);
unsigned raised(const struct stage *s, enum finding f);
/* cmocka's: opens and begins; closes, and all memory came back; f came so often, the last with this evidence (NULL: any). row names it. */
void start(struct stage *s);
void done(struct stage *s);
void expect(const struct stage *s, enum finding f, unsigned times, const char *evidence, const char *row);
void read_stats(struct stage *s);

/* One session. */
struct talk {
	struct session_record record;
	int64_t ts; /* of what is said next */
};
struct talk talk_of(uint64_t number, uint32_t client, int64_t ts);

void say(struct stage *s, struct talk *t, struct event *ev);
void say_auth(struct stage *s, struct talk *t, const char *user, bool right);
/* The exchange with its code, and text as the only line of the reply. */
void say_exchange(struct stage *s, struct talk *t, struct exchange *x, const char *text);
/* VERB_UNKNOWN: the greeting. 550 comes with 5.1.1. */
void say_command(struct stage *s, struct talk *t, enum verb verb, const char *argument, int code);
void session_event(struct event *ev, const struct talk *t, int64_t start);
void say_end(struct stage *s, struct talk *t, int64_t start);

#endif
