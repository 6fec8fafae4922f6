/*
 * session.h - one SMTP dialogue: two coupled machines and one queue (design section 3 in README ARCHITECTURE).
 *
 * Chunks of both directions go in, events come out. Nothing can fail: junk, holes, one side only, a start in the middle - there
 * is always a record with its doubt stated. Commands and replies are paired by order (RFC 2920 3.1) and by TCP numbers (peer_seen),
 * never by content.
 */
#ifndef SMTPSCOPE_SESSION_H
#define SMTPSCOPE_SESSION_H

#include "smtpscope/chunk.h"
#include "smtpscope/digests.h"
#include "smtpscope/event.h"
#include "smtpscope/exchange.h"
#include "smtpscope/heard.h"
#include "smtpscope/pool.h"

struct session_limits {
	uint32_t outstanding;  /* commands without a reply: 1024 */
	uint32_t recipients;   /* listed per transaction: 1000 (RFC 5321 4.5.3.1.8 wants 100) */
	uint32_t reply_lines;  /* kept per reply: 64 */
	uint64_t held_bytes;   /* client bytes that wait for a reply that decides how to read them: 256 KiB, and some 100 for each piece */
	uint64_t transaction_bytes; /* envelope and header facts of one transaction: 256 KiB */
};
extern const struct session_limits session_limits_default;

/* What becomes of passwords, tokens and responses of AUTH exchanges. */
enum secrets {
	SECRETS_HIDE, /* the default: nothing of them leaves smtp/ */
	SECRETS_HASH, /* smtp.auth.secret_hash: keyed, so that equal ones can be told without being known */
	SECRETS_SHOW, /* smtp.auth.secret */
};

/* What is the same for all sessions of a run, and outlives them. */
struct session_config {
	const struct session_limits *limits;
	const struct digests *digests; /* NULL: no TLS fingerprints, and SECRETS_HASH hides */
	enum secrets secrets;
	struct span secret_key;        /* SECRETS_HASH: the HMAC key */
	struct heard *heard;           /* of the pool that the sessions are of; NULL: nothing is shared */
};
extern const struct session_config session_config_default; /* the default limits, no digests, SECRETS_HIDE */

/* Facts about the connection that the session cannot see itself. */
struct session_setup {
	uint64_t id;               /* hash of addresses, ports and first packet's time */
	const char *community_id;  /* NULL: none */
	bool syn_seen;             /* roles are certain and the stream starts at its start */
	uint16_t server_port;      /* host order: 465 expects TLS at once */
	bool guessed_roles;        /* no handshake: content may turn the roles round */
};

struct session;

/* NULL when memory is refused. *flow must live as long as the session; *config and *pool too. */
struct session *session_new(struct pool *pool, const struct session_config *config, const struct session_setup *setup,
			    const struct flow *flow, emit_fn *emit, void *ctx);
void session_feed(struct session *s, const struct chunk *c);
/* Gives it back without a word: it was not wanted after all. */
void session_free(struct session **s);
/* Emits what is left and the session event, and frees. */
void session_close(struct session **s, enum tcp_close why, int64_t ts);

#endif
