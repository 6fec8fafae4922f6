/*
 * auth_mechanism.h - what the messages of each SASL mechanism hold. Private to smtp/auth.
 */
#ifndef AUTH_MECHANISM_H
#define AUTH_MECHANISM_H

#include "smtpscope/auth.h"

struct auth_mechanism {
	const char *name;
	bool server_first;
	bool one_round;
	bool sensitive_challenge; /* with the response it makes a guessable hash (protocol facts 4.5) */
	/* decoded message number index of the client (0 = first); takes the identity out of it, into a->arena */
	void (*response)(struct auth *a, struct span message, uint32_t index);
	/* decoded challenge; NULL: nothing to learn from it */
	void (*challenge)(struct auth *a, struct span message);
};

/* Case-insensitive; NULL when unknown. */
const struct auth_mechanism *auth_mechanism_find(struct span name);
/* The rows in turn; NULL behind the last. */
const struct auth_mechanism *auth_mechanism_at(unsigned i);

#endif
