/*
 * session_sleep.h - a session in which nothing is under way, in as few octets as it has to say: memory of idle connections.
 *
 * Sleeping and waking changes nothing that is ever said: a session may be put to sleep after any chunk.
 */
#ifndef SMTPSCOPE_SESSION_SLEEP_H
#define SMTPSCOPE_SESSION_SLEEP_H

#include "smtpscope/session.h"

struct sleeping;
/* NULL when something is under way (a command without reply, half a line, a mail, AUTH), or without memory: *s stays. */
struct sleeping *session_sleep(struct session **s);
/* The rest as for session_new(), and the same as then. NULL without memory: *z stays. */
struct session *session_wake(struct sleeping **z, struct pool *pool, const struct session_config *config,
			     const struct session_setup *setup, const struct flow *flow, emit_fn *emit, void *ctx);
/* Without a word: for want of memory to wake it. */
void sleeping_free(struct sleeping **z, struct pool *pool);

#endif
