/*
 * session_internal.h - the state of one dialogue and the faces of the files that share it. Private to smtp/session*.c.
 *
 * Two machines and one queue. mode says how client bytes are read, phase is protocol progress, the queue holds what the
 * client sent and the server has not answered. Who writes what:
 *   mode            set_mode() only                                    (session.c)
 *   phase, real     apply_*() when a reply is matched only             (session_reply.c)
 *   queue, stage    queue_*(), pending_set_stage()                     (session_queue.c)
 *   transaction     mail_*()                                           (session_mail.c)
 *   exchange        session_auth_*()                                   (session_auth.c)
 */
#ifndef SESSION_INTERNAL_H
#define SESSION_INTERNAL_H

#include "smtpscope/auth.h"
#include "smtpscope/eod.h"
#include "smtpscope/header.h"
#include "smtpscope/line.h"
#include "smtpscope/session.h"

#include "said.h"
#include "sent.h"
#include "tls_record.h"

enum mode {
	MODE_PROXY,   /* the first client bytes: a PROXY header may stand there */
	MODE_COMMAND,
	MODE_AUTH,    /* SASL responses */
	MODE_DATA,    /* after 354, until CRLF.CRLF */
	MODE_BDAT,    /* counted octets */
	MODE_TLS,     /* opaque: TLS, a SASL security layer, or a protocol that is not SMTP */
	MODE_LOST,    /* octets were lost: nothing is believed until the server replies */
	MODES
};

/* What the client may believe, or what is really so (design: client's view and the real state). */
struct view {
	bool hello, ehlo, mail, rcpt, authenticated;
	bool bdat_open, bdat_last, bdat_failed, binarymime, smtputf8;
};

/* Message data of one message, shared by the commands that carry it and by the transaction. */
struct body {
	uint32_t refs;
	uint64_t size, lines, longest, unstuffed, chunks, lost;
	bool complete; /* DATA: the end was seen */
	struct arena arena;
	struct header header;
};

enum pending_kind {
	PENDING_GREETING,
	PENDING_COMMAND,
	PENDING_LOST, /* commands that fell into a hole or were sent before the capture began: any number of replies */
	PENDING_DOT,  /* the end of a message whose DATA was not captured */
};

enum pending_stage {
	STAGE_REPLY, /* waits for a reply */
	STAGE_BODY,  /* DATA: 354 came, the text is being sent */
	STAGE_FINAL, /* DATA: the end was sent */
};

/* One command in the queue. The line's own copy stands behind the struct; spans point into it. */
struct pending {
	struct pending *next;
	size_t allocated;
	enum pending_kind kind;
	enum pending_stage stage;
	struct exchange x;
	unsigned flags;            /* enum verb_flag */
	struct origin first, last; /* of its line, then of what followed it */
	int64_t line_ts;           /* last octet of the command line */
	enum line_end line_end;
	bool tentative;            /* MODE_LOST: discarded when message text follows */
	bool emitted;
	struct span secret;        /* what of the line must not be shown: replies may echo it */
	struct span address, params, domain; /* MAIL, RCPT; EHLO */
	uint64_t bdat_size;
	bool bdat_last, one_round, misspelt_auth;
	struct body *body;         /* DATA, BDAT */
	uint32_t finals;           /* replies still to come to the end of data: 1, LMTP one a recipient */
	uint32_t final_index;      /* those that came */
	uint16_t *codes;
	uint32_t code_count, code_cap;
	uint16_t few_codes[4];
	int64_t reply_ts;          /* first octet of the first reply; EV_NO_TIME without one */
	int64_t last_ts;           /* last octet of the last reply */
	uint64_t last_frame;
};

/* The reply being put together. */
struct reply {
	bool active;
	int code;
	uint32_t lines, kept;
	uint32_t defects;
	uint64_t start, end;   /* server stream offsets */
	uint64_t peer_seen;    /* of its first line */
	int64_t first_ts, last_ts;
	uint64_t frame;
	struct arena arena;    /* text and enhanced */
	struct span *text;
	struct span enhanced;
	bool suspect;          /* the client went on as if it were complete */
	bool holed;            /* a hole is inside it */
	bool text_cut;
};

struct recipient {
	struct span address, params;
	uint16_t code;  /* reply to RCPT, 0 unknown */
	uint16_t final; /* LMTP, PRDR: reply after the end of data */
};

struct recipient_block; /* session_mail.c */

struct transaction {
	uint32_t number;      /* 1, 2, ... */
	bool open;
	bool cut, low;        /* a limit was reached; octets are missing nearby */
	struct arena arena;
	struct span from, params;
	struct recipient_block *first_block, *last_block;
	uint32_t listed, count, accepted, refused;
	uint64_t declared;
	struct body *body;
	int64_t start;
	uint64_t first_frame;
	bool prdr;
};

/* Client bytes that wait for a reply that decides how to read them. */
struct held {
	struct held *next;
	struct chunk chunk; /* data points behind the struct */
	size_t allocated;
};

/* What is known of STARTTLS once it was sent and answered; made then. */
struct starttls {
	uint64_t end;        /* client offset behind its line */
	struct span reply;   /* "454 4.7.0 TLS not available" */
	struct span instead; /* what came in the place of TLS: "HTTP", "RSET" */
};

/* A client that goes on with credentials that nobody asked for sends no more of them (protocol facts 4.5, rule 3). */
enum { SECRET_LINES = 3 };

struct session {
	struct pool *pool;
	const struct session_config *config;
	const struct session_limits *limits; /* of config */
	const struct flow *flow;
	emit_fn *emit;
	void *ctx;
	struct session_record record;
	uint16_t server_port;
	char vlan[6];          /* outermost VLAN id as text, empty without one */
	bool flipped;          /* the client is dir 1 (content, or TURN) */
	bool named_flipped;    /* the same, as it stands in the events */
	bool reversed;         /* by TURN or ATRN */
	bool syn_seen, guessed_roles, roles_known;

	enum mode mode;
	enum mode mode_before; /* TLS began, or the connection ended: what it was then */
	bool closing;
	enum phase phase;
	struct view real, seen; /* seen: the client's view */
	bool view_stale;        /* replies were matched since .seen was made */

	struct line_reader reader[2]; /* by dir */
	uint64_t offset[2];           /* delivered so far, gaps included, by dir */
	bool had_data[2], ended[2], server_ended_first;
	bool connection_over;         /* closing, and not because the capture or the memory ended */

	struct pending *queue, **queue_end;
	uint32_t outstanding;
	uint32_t commands_waiting, ends_waiting; /* in the queue: commands, and those of them that must end a group and got no reply */
	struct pending *blocker; /* its reply decides how the next client bytes read */
	struct held *held, **held_end;
	uint64_t held_bytes;
	bool releasing;

	struct reply reply;
	uint64_t reply_end;      /* server offset behind the last matched reply */
	uint64_t sync_end;       /* the same, of the last command that must end a group */
	uint64_t greeting_end;   /* 0 until the greeting came */
	uint64_t bare_lf_end;    /* the same, of a last reply that ended in a bare LF; 0 when it did not */
	uint64_t lost_replies;   /* server offset behind the last hole or junk; 0 none */
	uint64_t refusals;       /* of memory, by the pool, until this chunk came */
	bool short_of_memory;    /* one was of this session: what would hide a secret may be missing */
	bool junk_line;          /* the next line of the server may be the rest of one that is lost */
	bool doubt;              /* a command that is lost succeeded: the real state may be further than known */

	/* facts of EHLO */
	bool list_known, helo_only;
	uint64_t keywords;       /* 1 << enum ehlo_keyword */
	uint64_t size_limit;     /* EV_NONE */
	struct said *list;        /* the latest EHLO reply */
	struct said *list_before; /* the one before, where it offered mechanisms */
	struct said *banner;      /* the greeting, one line */
	struct span helo;

	struct auth auth;
	struct pending *auth_pending;
	struct sent_marks sent;   /* in the exchanges that are over */
	struct span user;         /* last that succeeded */
	uint32_t lone_tokens;     /* lines to hide after a refused AUTH */
	uint32_t lost_tokens;     /* the same behind lines that are lost: one of them may have been AUTH */
	uint64_t auth_reply_end;  /* server offset behind the final reply to AUTH */
	uint64_t secret_lo[2], secret_hi[2]; /* by dir: offsets that held secrets or challenges, from - to */

	struct transaction mail;
	struct body *bdat_body;
	uint64_t bdat_left;
	struct eod eod;
	bool body_gap;            /* octets of the body in progress are lost */
	struct held *candidate;   /* client bytes behind a non-standard end of data */
	struct held **candidate_end;
	uint64_t candidate_bytes, candidate_size, candidate_lines;
	uint64_t smuggled_end;    /* client offset behind what was smuggled: nobody could wait in the middle of it */
	uint64_t suspect_from;    /* server offset behind the last matched reply when the strict end came */
	char candidate_form[16];
	struct span candidate_verb;
	bool candidate_seen, candidate_full, suspect; /* suspect: the strict end came, the server may have seen more */
	bool data_refused, after_message, after_bdat;
	bool after_354;          /* the next octet is the first of the text */
	bool tls, tls_expected; /* tls: agreed by STARTTLS */
	bool opaque[2];         /* by dir: bytes are TLS, or no SMTP, and only counted */
	bool starttls_offered, starttls_refused, starttls_accepted, starttls_injected, response_injected, starttls_stripped;
	bool back_in_clear;      /* TLS was agreed, and commands followed in clear */
	struct starttls *starttls;
	struct tls *handshake;   /* NULL: no TLS octets yet, or no memory for them */
	bool tls_unread;         /* no memory for them */
	struct span client_address;

	/* counters for the session event */
	uint32_t commands, transactions, accepted, auth_attempts, gaps;
	uint64_t gap_bytes;
	uint32_t by_class[4];     /* 2xx .. 5xx */
	bool quit, greeting_refused, overflow_said, held_said, proxy;
	uint64_t last_line_hash;  /* of the last command when it got 5yz, for "repeated"; 0 when it did not */
	enum verb refused_step;   /* the last greeting command or MAIL, when it got 5yz */
	uint64_t refused_step_end; /* server offset behind that reply */
	int64_t last_ts;
	uint64_t last_frame;
};

/* session_life.c */
bool session_is_short(const struct session *s); /* memory was refused: what may be a secret is hidden */
void session_name_ends(struct session *s);
void session_fini(struct session *s); /* gives back all that it holds, but not itself */
void session_bind(struct session *s, struct pool *pool, const struct session_config *config, const struct session_setup *setup,
		  const struct flow *flow);

/* session.c */
void set_mode(struct session *s, enum mode mode);
enum dir client_dir(const struct session *s);
void session_release(struct session *s);             /* feeds held client bytes as far as they can be read */
void session_client_bytes(struct session *s, struct chunk *c);
void held_drop(struct session *s, struct held **list, struct held ***end, uint64_t *bytes);
/* The first bytes that wait, then those of c (NULL: none), as far as the first hole. */
size_t held_peek(const struct session *s, const struct chunk *c, uint8_t *dst, size_t cap);
bool held_append(struct session *s, struct held ***end, uint64_t *bytes, const struct chunk *c);

/* session_queue.c */
struct pending *pending_new(struct session *s, enum pending_kind kind, struct span line);
void pending_free(struct session *s, struct pending **p);
void queue_push(struct session *s, struct pending *p);
struct pending *queue_pop(struct session *s);
struct pending *queue_last(const struct session *s);
void queue_drop_tentative(struct session *s);
void queue_confirm_tentative(struct session *s);
/* p stands in the queue. */
void pending_set_stage(struct session *s, struct pending *p, enum pending_stage stage);
void pending_add_code(struct session *s, struct pending *p, int code);

/* session_client.c */
void client_line(struct session *s, const struct line *l);
void client_partial_line(struct session *s, const struct line *l);
bool looks_like_command(struct span text);
uint64_t hash_line(struct span text);                 /* never 0 */

/* session_body.c */
void body_bytes(struct session *s, struct chunk *c);  /* MODE_DATA */
void bdat_bytes(struct session *s, struct chunk *c);  /* MODE_BDAT */
void body_start(struct session *s, struct pending *p);
void body_begin_chunk(struct session *s, struct pending *p);
void body_put(struct session *s, struct body **b);
struct body *body_ref(struct body *b);
void body_resync(struct session *s, int code);        /* a reply came while the text is being sent */
bool body_prove_smuggling(struct session *s, int code); /* one reply too many after a suspect message */
void body_lost(struct session *s, uint64_t n);         /* octets of the text fell into a hole */
void body_cut_chunk(struct session *s);                /* the connection ended inside a chunk */
void body_settle(struct session *s);                  /* no extra reply came: the strict reading stands */
void candidate_clear(struct session *s);

/* session_reply.c */
void server_line(struct session *s, const struct line *l);
void reply_flush(struct session *s);                  /* ends an unterminated reply */
void reply_suspect(struct session *s, const struct line *client);
void reply_hide_echo(struct session *s, const struct pending *p); /* takes what p must not show out of the reply's text */
void reply_lost(struct session *s, struct pending *p); /* p was answered in a hole: assume success */

/* session_apply.c */
void apply_reply(struct session *s, struct pending *p, const struct reply *r);
void view_expect(struct view *v, const struct pending *p);
void bdat_abandoned(struct session *s, const struct pending *p); /* p: the command that ends the transaction, NULL: the connection ends */

/* session_ehlo.c */
void ehlo_learn(struct session *s, const struct reply *r);
void ehlo_forget(struct session *s);
struct event_list ehlo_extensions(const struct session *s);
struct span ehlo_mechanisms(const struct session *s); /* "PLAIN LOGIN" */
bool ehlo_mechanisms_cut(const struct session *s);    /* there are more */
uint64_t ehlo_line_limit(const struct session *s, enum verb v);
bool ehlo_offers(const struct session *s, struct span mechanism);
bool ehlo_offered_before(const struct session *s, struct span mechanism);
bool ehlo_advertises(const struct session *s, const char *keyword);

/* session_mail.c */
void mail_open(struct session *s, const struct pending *p, bool lost);
void mail_recipient(struct session *s, const struct pending *p, int code);
void mail_final(struct session *s, const struct pending *p, uint32_t index, int code);
/* Ends the transaction with its message event; r: the final reply or NULL. */
void mail_end(struct session *s, const struct pending *p, const struct reply *r);
struct span queue_id_find(struct span text);

/* session_auth.c */
void mark_secret(struct session *s, enum dir dir, uint64_t off, uint64_t length); /* conflicting copies of it are not shown */
void session_auth_begin(struct session *s, struct pending *p, const struct command *c);
void session_auth_line(struct session *s, const struct line *l);
void session_auth_end(struct session *s, struct pending *p, const struct reply *r);

/* session_emit.c */
void emit_command(struct session *s, struct pending *p, const struct reply *r);
void emit_orphan(struct session *s, enum exchange_kind kind, const struct reply *r);
void emit_notice(struct session *s, struct notice *n, const struct origin *at, struct span evidence);
void emit_session(struct session *s, enum tcp_close why, int64_t ts);
void event_common(struct session *s, struct event *ev, enum dataset set, int64_t ts);
void event_reply(struct event *ev, const struct reply *r);
bool near_gap(const struct pending *p);

/* session_tls.c */
void tls_bytes(struct session *s, struct chunk *c);
/* c goes on with what stands at the start of a line (or is it), and both begin a TLS record. */
bool tls_begins(const struct session *s, const struct chunk *c);
void tls_gap(struct session *s, const struct chunk *c);
void tls_begin(struct session *s);
void tls_answered(struct session *s, struct pending *p, const struct reply *r); /* STARTTLS was, whatever the code */
uint8_t tls_encrypted(const struct session *s); /* enum ev_bool: EV_ABSENT where a tap may have decrypted */
void tls_finish(struct session *s, enum tcp_close why);
void tls_release(struct session *s);

/* session_tls_event.c */
void tls_findings(struct session *s, enum tcp_close why);
/* What the session event says of TLS; the texts are in shown. */
struct tls_shown {
	char evidence[400], alert[TLS_ALERTS][64], cipher[8];
	struct span alerts[TLS_ALERTS], versions[8], protocols[16];
};
void tls_show(const struct session *s, enum tcp_close why, struct event *ev, struct tls_shown *shown);

/* proxy.c */
enum { PROXY_MAX = 256 }; /* octets of a header: version 1 has 107, version 2 with TLVs rarely over 200 */
/* 1: header of *used bytes, its source address in text; 0: need more; -1: no PROXY header. (HAProxy "PROXY protocol" 2.1, 2.2) */
int proxy_parse(struct span bytes, size_t *used, char *text, size_t cap);
/* A client from outside took, with PROXY or XCLIENT, an address that servers trust: a loopback or private one, or the server's own. */
void address_judge(struct session *s);

#endif
