/*
 * auth_mechanism.h - what the messages of each SASL mechanism hold. Private to smtp/auth*.c.
 */
#ifndef AUTH_MECHANISM_H
#define AUTH_MECHANISM_H

#include "smtpscope/auth.h"

struct auth_mechanism {
	const char *name;
	bool server_first;
	bool one_round;
	/* decoded message number index of the client (0 = first); takes the facts out of it, into a->arena. NULL: nothing is read */
	void (*response)(struct auth *a, struct span message, uint32_t index);
	/* decoded challenge; NULL: nothing to learn from it */
	void (*challenge)(struct auth *a, struct span message);
	/*
	 * The challenge as it may be shown, into dst, where it could be turned against the password (protocol facts 4.5); 0: nothing of
	 * it. NULL: all of it is harmless.
	 */
	size_t (*shown)(struct span message, uint8_t *dst, size_t cap);
};

/* Case-insensitive; NULL when unknown. */
const struct auth_mechanism *auth_mechanism_find(struct span name);
/* The rows in turn; NULL behind the last. */
const struct auth_mechanism *auth_mechanism_at(unsigned i);

/* Copies; an absent or empty value leaves the fact as it is. */
void auth_set(struct auth *a, enum auth_fact f, struct span value);
/* The message is not what the mechanism's grammar says; the first complaint stays. */
void auth_malformed(struct auth *a, struct span why);
/* The part that proves who it is: hashed, kept or forgotten as the configuration says. Nothing is done for a part of a message. */
void auth_secret(struct auth *a, struct span secret);

/* auth_digest.c */
void digest_response(struct auth *a, struct span m, uint32_t index);
size_t digest_shown(struct span m, uint8_t *dst, size_t cap);

/* auth_scram.c */
void scram_response(struct auth *a, struct span m, uint32_t index);
void scram_plus_response(struct auth *a, struct span m, uint32_t index);
void scram_challenge(struct auth *a, struct span m);
size_t scram_shown(struct span m, uint8_t *dst, size_t cap);
/* gs2-header (RFC 5801 4) off the front of *m: sets the channel binding and returns the name behind "a=", still escaped. */
struct span gs2_header(struct auth *a, struct span *m);
/* saslname (RFC 5802 5.1) without its escapes; a wrong one makes the message malformed. */
struct span saslname(struct auth *a, struct span s);

/* auth_oauth.c */
void xoauth2_response(struct auth *a, struct span m, uint32_t index);
void oauthbearer_response(struct auth *a, struct span m, uint32_t index);
void oauth_challenge(struct auth *a, struct span m);

/* auth_ntlm.c */
void ntlm_response(struct auth *a, struct span m, uint32_t index);
void ntlm_challenge(struct auth *a, struct span m);
size_t ntlm_shown(struct span m, uint8_t *dst, size_t cap);
bool ntlm_message(struct span m);

/* auth_gssapi.c */
void gssapi_response(struct auth *a, struct span m, uint32_t index);
void gssapi_challenge(struct auth *a, struct span m);
size_t gssapi_shown(struct span m, uint8_t *dst, size_t cap);

#endif
