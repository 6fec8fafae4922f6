/*
 * auth.h - one AUTH exchange (RFC 4954 4): mechanism, challenges, who, how it ended. The only place where responses are decoded.
 *
 * Law L8: responses are decoded in scratch memory that is wiped; only the identity leaves. Zero-initialised = no exchange.
 */
#ifndef SMTPSCOPE_AUTH_H
#define SMTPSCOPE_AUTH_H

#include "smtpscope/pool.h"
#include "smtpscope/session.h"
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

/* What messages tell beyond user and domain; one field of the auth event each. */
enum auth_fact {
	AUTH_AUTHZID,
	AUTH_WORKSTATION,      /* NTLM */
	AUTH_CHANNEL_BINDING,  /* SCRAM, OAUTHBEARER: "n", "y", "p=tls-unique" */
	AUTH_DIGEST_URI,       /* DIGEST-MD5: "smtp/mx.example.org" */
	AUTH_SERVICE,          /* Kerberos: service principal of the ticket */
	AUTH_INNER_MECHANISM,  /* GSSAPI, GSS-SPNEGO: "krb5", "ntlm" */
	AUTH_SECURITY_LAYER,   /* DIGEST-MD5, GSSAPI: what the client chose: "none", "integrity", "confidentiality" */
	AUTH_NTLM_VERSION,     /* "NTLMv1", "NTLMv2", "anonymous" */
	AUTH_NTLM_TARGET,      /* of the challenge: TargetName, and the names of TargetInfo */
	AUTH_NTLM_NB_COMPUTER,
	AUTH_NTLM_NB_DOMAIN,
	AUTH_NTLM_DNS_COMPUTER,
	AUTH_NTLM_DNS_DOMAIN,
	AUTH_OAUTH_STATUS,     /* of the error in the 334 */
	AUTH_OAUTH_SCOPE,
	AUTH_OAUTH_SCHEMES,
	AUTH_OAUTH_HOST,       /* OAUTHBEARER: as the client sent them */
	AUTH_OAUTH_PORT,
	AUTH_SECRET,           /* SECRETS_SHOW */
	AUTH_SECRET_HASH,      /* SECRETS_HASH */
	AUTH_FACTS
};

struct auth_mechanism; /* a row of the mechanism table */

enum { AUTH_MAX_CHALLENGES = 64, AUTH_CHALLENGE_KEPT = 512 };

/* What a server might repeat: responses as sent and the secrets in them, the start of each, until the exchange ends. Wiped. */
enum { AUTH_SENT_PARTS = 8, AUTH_SENT_OCTETS = 96 /* of each: an echo of fewer octets than these is found as well */ };
struct auth_sent {
	uint32_t count;
	uint8_t length[AUTH_SENT_PARTS];
	uint8_t part[AUTH_SENT_PARTS][AUTH_SENT_OCTETS];
};

struct auth {
	const struct auth_mechanism *mech;   /* NULL: unknown, followed without decoding */
	const struct session_config *config; /* what becomes of secrets */
	struct arena arena;                  /* everything below that is borrowed lives here */
	struct span mechanism;               /* upper case */
	struct span user, domain;
	struct span *facts;                  /* AUTH_FACTS of them; NULL: none yet */
	struct span *challenges;             /* decoded and fit to be shown */
	struct auth_sent *sent;              /* NULL: nothing yet */
	uint32_t challenge_count;            /* kept */
	uint32_t steps;                      /* 334 replies */
	uint32_t responses;                  /* client lines, the initial response included */
	bool initial_response;
	bool cancelled;                      /* the client sent "*" */
	bool bad_base64;                     /* a response was not Base64 */
	bool partial;                        /* of the response at hand only the start was kept */
	bool lost;                           /* a response or challenge fell into a hole: positions are not certain any more */
	bool pipelined;                      /* a response was sent before the client had seen the 334 it answers */
	bool security_layer;                 /* a 235 starts a SASL security layer */
	uint64_t longest;                    /* octets of the longest continuation line */
	struct span cause;                   /* the server's own words in the exchange: "OAuth status 401, scope ..." */
	struct span malformed;               /* what is wrong with a message of the client; constant text */
};

/*
 * Starts over. initial: absent when there was none; complete: all of it is there. mechanism and initial may point anywhere; nothing is
 * kept but copies.
 */
void auth_start(struct auth *a, struct pool *pool, const struct session_config *config, struct span mechanism, struct span initial,
		bool complete);
void auth_challenge(struct auth *a, struct span text); /* text of a 334 */
/* complete: the line was kept in full. The caller wipes the line. */
void auth_response(struct auth *a, struct span line, uint64_t length, bool complete);
bool auth_echoes(const struct auth *a, struct span text); /* something that the client sent stands in it */
struct span auth_fact(const struct auth *a, enum auth_fact f); /* absent when it is not known */

/* What the session knows about an exchange that ended. */
struct auth_ending {
	int code;             /* of the final reply; 0: none came */
	struct span enhanced;
	struct span text;     /* first line of it */
	bool closed;          /* no reply, and the connection is over */
	bool list_known;      /* an EHLO list was captured; without it nothing is said about offers */
	bool auth_offered;    /* the list has an AUTH line */
	bool offered;         /* and this mechanism is on it */
	bool offered_before;  /* it was on an earlier list of the session */
	bool starttls_open;   /* STARTTLS is offered and not done */
	bool authenticated, in_transaction, greeted; /* when AUTH was sent */
};
enum auth_result auth_end(const struct auth *a, const struct auth_ending *end);
/* Why it did not succeed, as a short text; absent on success. */
struct span auth_cause(const struct auth *a, enum auth_result result, const struct auth_ending *end);

/* The server speaks first in this mechanism (an initial response is an error). LOGIN is tolerated. */
bool auth_server_first(struct span mechanism);
/* One round trip, so AUTH with initial response may be followed in a pipelined group (PLAIN, EXTERNAL, ...). */
bool auth_one_round(struct span mechanism);
/* Wipes and gives everything back. */
void auth_clear(struct auth *a);

#endif
