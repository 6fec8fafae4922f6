/*
 * auth.h - one AUTH exchange (RFC 4954 4): mechanism, challenges, who, how it ended. The only place where responses are decoded.
 *
 * Law L8: responses are decoded in scratch memory that is wiped; only the identity leaves. Zero-initialised = no exchange.
 */
#ifndef SMTPSCOPE_AUTH_H
#define SMTPSCOPE_AUTH_H

#include "smtpscope/pool.h"
#include "smtpscope/span.h"

enum auth_result {
	AUTH_UNKNOWN,   /* bytes are missing */
	AUTH_SUCCESS,
	AUTH_FAILURE,   /* refused after an exchange */
	AUTH_CANCELLED, /* the client sent "*" */
	AUTH_REJECTED,  /* refused before any credentials were judged: mechanism, sequence, encryption */
	AUTH_ABANDONED, /* the connection ended first */
};
const char *auth_result_name(enum auth_result r);

struct auth_mechanism; /* a row of the mechanism table */

enum { AUTH_MAX_CHALLENGES = 64, AUTH_CHALLENGE_KEPT = 512 };

struct auth {
	const struct auth_mechanism *mech; /* NULL: unknown, followed without decoding */
	struct arena arena;                /* everything below that is borrowed lives here */
	struct span mechanism;             /* upper case */
	struct span user, domain, workstation, authzid;
	struct span *challenges;           /* decoded and fit to be shown */
	uint32_t challenge_count;          /* kept */
	uint32_t steps;                    /* 334 replies */
	uint32_t responses;                /* client lines, the initial response included */
	bool initial_response;
	bool cancelled;                    /* the client sent "*" */
	bool bad_base64;                   /* a response was not Base64 */
	bool lost;                         /* a response or challenge fell into a hole */
	bool pipelined;                    /* a response was sent before the client had seen the 334 it answers */
	bool security_layer;               /* a 235 starts a SASL security layer */
	uint64_t longest;                  /* octets of the longest continuation line */
	struct span cause;                 /* from the exchange itself: "status 401, scope ..." */
};

/* Starts over. initial: absent when there was none. mechanism and initial may point anywhere; nothing is kept but copies. */
void auth_start(struct auth *a, struct pool *pool, struct span mechanism, struct span initial);
void auth_challenge(struct auth *a, struct span text); /* text of a 334 */
/* complete: the line was kept in full. The caller wipes the line. */
void auth_response(struct auth *a, struct span line, uint64_t length, bool complete);
/* What a final reply (0: none came) means. closed: the connection ended. */
enum auth_result auth_end(const struct auth *a, int code, struct span enhanced, bool closed);
/* Why it did not succeed, as a short constant text; absent on success. */
struct span auth_cause(const struct auth *a, enum auth_result result, int code, struct span enhanced);
/* The server speaks first in this mechanism (an initial response is an error). LOGIN is tolerated. */
bool auth_server_first(struct span mechanism);
/* One round trip, so AUTH with initial response may be followed in a pipelined group (PLAIN, EXTERNAL, ...). */
bool auth_one_round(struct span mechanism);
/* Wipes and gives everything back. */
void auth_clear(struct auth *a);

#endif
