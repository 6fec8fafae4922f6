/*
 * exchange.h - what smtp/ knows about one command and its reply beyond the event fields, for diag/ to judge. Types, but for one function.
 *
 * smtp states facts (bits), diag says what they mean (findings). Nothing here holds a secret.
 */
#ifndef SMTPSCOPE_EXCHANGE_H
#define SMTPSCOPE_EXCHANGE_H

#include "smtpscope/command.h"
#include "smtpscope/event.h"
#include "smtpscope/reply.h"

enum exchange_kind {
	EXCHANGE_GREETING,
	EXCHANGE_COMMAND,
	EXCHANGE_UNSOLICITED, /* a reply that no command asked for */
	EXCHANGE_LOST,        /* a reply to a command that is not in the capture */
};

/*
 * The situation a command was sent in: client's view (if all it had sent before succeeds; what it had seen), and the real
 * one (replies matched). Bits of exchange.situation.
 */
enum situation {
	SIT_BEFORE_GREETING,   /* sent without having seen the greeting (by ACK numbers), no PIPECONNECT, no PROXY */
	SIT_GREETING_REFUSED,  /* after a 4yz/5yz greeting */
	SIT_IN_FLIGHT,         /* sent before the client had seen the reply to an earlier command */
	SIT_PAST_SYNC,         /* the same, and that earlier command was one that must end a group */
	SIT_PIPELINING,        /* PIPELINING is in the latest EHLO reply (or no EHLO reply was captured) */
	SIT_EHLO,              /* greeted with EHLO or LHLO */
	SIT_HELO,              /* greeted with HELO only */
	SIT_NO_HELLO,          /* client's view: nobody greeted yet */
	SIT_NO_HELLO_REAL,     /* no greeting command was accepted */
	SIT_ADVERTISED,        /* the verb's keyword is in the latest EHLO reply (or no EHLO reply was captured) */
	SIT_MAIL_OPEN,         /* client's view: MAIL under way */
	SIT_MAIL_OPEN_REAL,    /* MAIL was accepted */
	SIT_RCPT,              /* client's view: at least one RCPT under way or accepted */
	SIT_RCPT_REAL,         /* at least one RCPT was accepted */
	SIT_RCPT_ALL_REFUSED,  /* every RCPT of the transaction was refused */
	SIT_AUTHENTICATED,
	SIT_TLS,
	SIT_LMTP,              /* LHLO was accepted, or the greeting says LMTP */
	SIT_SUBMISSION,        /* port 587 or 465 */
	SIT_BDAT_OPEN,         /* between two chunks */
	SIT_BDAT_LAST,         /* BDAT LAST was sent in this transaction */
	SIT_BDAT_FAILED,       /* a chunk was refused, no RSET since */
	SIT_BINARYMIME,        /* MAIL BODY=BINARYMIME */
	SIT_AFTER_QUIT,
	SIT_AUTH_REFUSED,      /* the last AUTH was refused, nothing but lone tokens since */
	SIT_AUTH_NOT_OFFERED,  /* AUTH: mechanism is not in the latest list (and a list was captured) */
	SIT_AUTH_SERVER_FIRST, /* AUTH: mechanism lets the server speak first (CRAM-MD5, DIGEST-MD5) */
	SIT_DATA_REFUSED,      /* DATA was refused, and since then only lines that were no valid command */
	SIT_AFTER_BDAT,        /* follows a BDAT chunk directly */
	SIT_AFTER_MESSAGE,     /* follows an end of data directly, with only failed lines in between */
	SIT_AFTER_STARTTLS,    /* STARTTLS: octets in clear were sent in the same flight; another command: sent in the place of a ClientHello */
	SIT_AFTER_GAP,         /* octets are missing at or right before it: lower the confidence */
	SIT_NO_EHLO_SEEN,      /* no EHLO reply was captured: nothing is known of extensions */
	SIT_REPLY_LOST,        /* its reply fell into a hole */
	SIT_CLOSED_UNANSWERED, /* the connection ended first: nobody answered */
	SIT_SERVER_CLOSED,     /* with CLOSED_UNANSWERED: the server closed or reset, without 421; of the first such command */
	SIT_SERVER_TLS_ALERT,  /* the server answered with a TLS alert in clear */
	SIT_PORT_TLS,          /* port 465 */
	SIT_REPEATED,          /* the same line as the command before, which got 5yz */
	SIT_SMTPUTF8,          /* SMTPUTF8 parameter is on this line or on MAIL of this transaction */
	SIT_MIDSTREAM,         /* the start of the session is not in the capture */
	SIT_SIZE_ADVERTISED,   /* size_limit is valid */
	SIT_PROXY,             /* a PROXY header came first */
	SIT_IGNORES_REFUSAL,   /* needs a command whose 5yz the client had seen: RCPT or DATA after MAIL, MAIL after EHLO */
	SIT_COUNT
};
#define SIT(s) (UINT64_C(1) << (SIT_##s))

/* Borrowed for the duration of emit(). */
struct exchange {
	enum exchange_kind kind;
	enum verb verb, meant;
	uint8_t typo_distance;
	uint64_t defects;       /* 1 << enum defect */
	uint64_t situation;     /* 1 << enum situation */
	uint32_t reply_defects; /* 1 << enum reply_defect of all lines of all its replies */
	int code;               /* final code, 0: no reply, -1: a reply without code */
	struct span verb_text, argument; /* as shown: upper case, redacted, cut */
	struct span enhanced;
	const struct span *text; /* of the final reply */
	uint32_t text_count;
	struct span bad;         /* what the argument defect is about; absent when it could be a secret */
	struct span mechanism;   /* AUTH */
	uint64_t offset;         /* of the line in the client's stream */
	uint64_t length, limit;  /* octets; limit 0 = not known */
	uint64_t declared_size, size_limit; /* EV_NONE when absent */
	uint64_t announced;      /* BDAT, XEXCH50: octets to follow; EV_NONE when absent or unreadable */
	struct span construct;   /* DEFECT_CODE: the characters that give it away */
	uint32_t unanswered;     /* SERVER_CLOSED: how many commands got no answer, this one included */
	int auth_result_cancelled; /* 1: the client sent "*" */
};

/* Things that are not about one reply. A finding event with .notice set and its finding fields empty but evidence and offset. */
enum notice_id {
	NOTICE_TRUNCATED_COMMAND,   /* the connection ended inside a line */
	NOTICE_MISSING_FINAL_DOT,   /* it ended, or the client gave up, inside data */
	NOTICE_BDAT_SHORT,          /* it ended inside a chunk; a = announced, b = came */
	NOTICE_DATA_BEFORE_354,     /* text sent without having seen the 354 */
	NOTICE_DATA_LINE_TOO_LONG,  /* a = octets of the longest line */
	NOTICE_NONSTANDARD_END,     /* the server took a non-standard end: evidence names the form; a, b: octets, strictly and leniently read */
	NOTICE_SMUGGLING_ATTEMPT,   /* candidate followed by a verb; server stayed silent. evidence: form; text: the verb; a, b */
	NOTICE_SMUGGLING_CONFIRMED, /* and the server answered the commands in it */
	NOTICE_COMMAND_INJECTION,   /* plain text behind STARTTLS in one flight. text: the verb */
	NOTICE_RESPONSE_INJECTION,  /* reply bytes behind the 220 of STARTTLS */
	NOTICE_NO_HANDSHAKE,        /* 220 to STARTTLS, then no TLS */
	NOTICE_TLS_ON_CLEARTEXT,    /* TLS records where a command was expected */
	NOTICE_CLEARTEXT_ON_TLS,    /* port 465: plain text */
	NOTICE_TLS_ALERT_IN_CLEAR,  /* the server answered clear text with a TLS alert */
	NOTICE_STREAM_GAP,          /* a = octets lost; text: "client" or "server" */
	NOTICE_CONFLICT,            /* two copies of the same offsets differ; a = octets; evidence: both copies, unless secret */
	NOTICE_AUTH_PIPELINED,      /* credentials were sent before the 334 */
	NOTICE_AUTH_LINE_TOO_LONG,  /* a = octets */
	NOTICE_BAD_BASE64,          /* a response that is not Base64 */
	/* situation of the next: ADVERTISED when STARTTLS was, AFTER_STARTTLS when it was agreed */
	NOTICE_CLEARTEXT_AUTH,      /* an AUTH exchange outside TLS. text: mechanism; a = 1: after TLS was refused */
	NOTICE_QUEUE_OVERFLOW,      /* more outstanding commands than the limit; a = the limit */
	NOTICE_HELD_OVERFLOW,       /* the client sent more than the limit without waiting for a reply that decides how to read it */
	NOTICE_EARLY_DOT,           /* message text went on after a lone dot that was the end */
	NOTICE_UNSTUFFED_DOT,       /* a = lines whose leading dot is lost */
	NOTICE_SIZE_EXCEEDED,       /* message larger than declared; a = received, b = declared */
	NOTICE_HANDSHAKE_FAILED,    /* a = alert number, or enum handshake_end; text: who sent the alert */
	NOTICE_SIZE_UNDECLARED,     /* nothing was declared, and it is larger than the server's limit; a = received, b = limit */
	NOTICE_BDAT_NO_LAST,        /* the transaction ended between two chunks, and not by RSET; a = octets that came */
	NOTICE_ALL_REFUSED,         /* the message was sent although every RCPT was refused; a = its octets, b = recipients */
	NOTICE_OTHER_PROTOCOL,      /* binary octets of another protocol, and no line end until the connection closed; a = how many */
	NOTICE_ADDRESS_CLAIMED,     /* PROXY or XCLIENT made a peer from outside a local one. text: the address it claimed */
	NOTICES
};
enum handshake_end { /* beyond the 256 alerts */
	HANDSHAKE_HIDDEN_ALERT = 256, /* an encrypted alert */
	HANDSHAKE_CUT,                /* no alert: evidence says how the connection ended */
};

struct notice {
	enum notice_id id;
	uint64_t a, b;
	struct span text;
	uint64_t situation;
};

/* One per session; owned by smtp/session. diag writes the numbering and verdict fields, nobody else does. */
struct session_record {
	char id[17];                 /* 16 hex digits */
	char community_id[32];       /* "1:...", empty when not set */
	struct endpoint client, server;
	bool lmtp;
	/* written by diag only: */
	uint32_t sequence;           /* of the last event */
	uint32_t findings;
	uint16_t first_error_code;   /* 0 none; written by smtp/session */
	const char *first_error_finding; /* what explains that reply; NULL nothing does */
	void *diag;                  /* state of diag/cause for this session, NULL none; given back at the session event */
};
/* The fields that follow from it: ends, kind of network, ids. ev borrows it. */
void event_of_session(struct event *ev, struct session_record *r);

#endif
