/* cause_state.h - what diag/cause remembers of a session. Private to diag/cause. */
#ifndef CAUSE_STATE_H
#define CAUSE_STATE_H

#include "cause_rules.h"
#include "finding.h"

/* What a run of follow-on errors comes from. */
enum run {
	RUN_NONE, RUN_REJECTED_DATA, RUN_EARLY_DATA, RUN_BDAT, RUN_EARLY_DOT, RUN_AUTH, RUN_FOREIGN,
	RUN_CONSEQUENCE, /* sequence errors behind a refusal in the same pipelined group */
};

/* What later commands of a group may fail from. */
struct refusal {
	uint16_t code; /* 0: it was accepted */
	enum finding finding;
};

struct diag_state {
	enum run run;
	uint32_t count;
	int64_t ts;
	uint64_t frame, offset;
	uint16_t code;
	enum finding consequence; /* RUN_CONSEQUENCE: what the reply was about that it follows from */
	char root[32];            /* and that reply: "MAIL answered 550" */
	char verb[64];
	uint32_t verb_length;
	uint64_t announced;      /* octets of the latest BDAT */
	struct refusal mail, rcpt; /* of the latest MAIL and RCPT */
	bool foreign; /* another protocol was named: its further lines are no news */
	enum finding protocol; /* as what */
	bool refused;      /* something was: what explains that is the session's first error */
	bool run_is_first; /* and the run under way began with it */
	bool greeting_refused; /* that was it, for no reason that the reply gives: the client may have talked too early */
	bool worn_out; /* the server spoke of too many errors */
	bool http;    /* it was HTTP, and none of its lines was an SMTP command so far */
	uint8_t said[(FINDINGS + 7) / 8]; /* told, as something that the server puts up with */
};

/* cause_run.c */
/* True when the exchange is one more of a run and needs no finding of its own. */
bool run_takes(const struct outlet *next, const struct event *ev, struct diag_state *d);
/* Tells of the run that is over: its root with the count, and for message text what the lines were. */
void run_end(const struct outlet *next, const struct event *about, struct diag_state *d);
/* Remembers the fate of MAIL and RCPT; cause: what it was found to be about. */
void run_note_refusal(struct diag_state *d, const struct exchange *x, enum finding cause);

/* cause_evidence.c: what shows it, written into buf where it has to be put together. category: of the reply. */
struct span evidence_of(const struct exchange *x, enum finding f, enum category category, char *buf, size_t cap);
struct span notice_evidence(const struct notice *n, struct span given, char *buf, size_t cap);

#endif
