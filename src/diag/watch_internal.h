/*
 * watch_internal.h - what the parts of diag/watch share. Private to src/diag/watch*.c.
 *
 * Four tables, each with a limit: sessions that are open, clients, servers, and windows. A window is the last moments at which
 * something happened to one subject; it fires when enough of them lie near the newest. So nothing expires by a clock, and times that
 * run backwards or far ahead cost nothing: what is old leaves when new comes, or as the least recently used.
 *
 * Most sessions do nothing of note, so they must cost next to nothing: client and server are looked up once a session and kept there,
 * and a window is looked up only for what counts.
 */
#ifndef WATCH_INTERNAL_H
#define WATCH_INTERNAL_H

#include "finding.h"
#include "smtpscope/path.h"
#include "smtpscope/table.h"
#include "smtpscope/watch.h"

enum { EVIDENCE = 480, LIST_TEXT = 160, NAME_TEXT = 80 };

/* ---- windows (watch_window.c) ---- */

/* Something that counts. */
struct moment {
	int64_t ts;
	uint64_t session;
	uint32_t value; /* hash of what must differ: identity, local part, name */
	uint32_t peer;  /* hash of the client */
	uint32_t tries; /* how often that value */
};

/* Whom a window is about. Compared octet by octet: made by the key_*() functions only. */
struct watch_key {
	uint64_t name; /* hash of an identity or a domain; id of a session */
	uint8_t addr[16];
	uint16_t port;
	uint8_t rule, kind;
	uint32_t peer;
};

struct window {
	struct moment *moment; /* oldest first */
	uint32_t count, room;
	uint32_t total;        /* moments since the beginning */
	int64_t fired;         /* EV_NO_TIME: never */
};

struct watch_key key_client(enum watch_rule r, const struct event *ev);
struct watch_key key_network(enum watch_rule r, const struct event *ev); /* /24 or /64 of the client */
struct watch_key key_server(enum watch_rule r, const struct event *ev);  /* with its port */
struct watch_key key_pair(enum watch_rule r, const struct event *ev, uint32_t client); /* client and server */
struct watch_key key_name(enum watch_rule r, uint64_t name);

bool window_eq(const void *key, const struct table_node *node);
struct window *window_find(struct watch *w, const struct watch_key *k); /* NULL: none */
struct window *window_of(struct watch *w, const struct watch_key *k);   /* made when there is none; NULL without memory */
/* Keeps the moment, at most room of them. distinct: an earlier one with the same value gives way, and its tries are added. */
void window_add(struct watch *w, struct window *win, const struct moment *m, uint32_t room, bool distinct);
/* Drops the moments further than so many seconds from ts. */
void window_forget(struct window *win, int64_t ts, uint32_t seconds);
/* Moments at most so many seconds from ts. */
uint32_t window_near(const struct window *win, int64_t ts, uint32_t seconds);
/* It fired at most so many seconds from ts. NULL: never. */
bool window_quiet(const struct window *win, int64_t ts, uint32_t seconds);
/* True once per so many seconds: the caller raises its finding. */
bool window_fires(struct window *win, int64_t ts, uint32_t seconds);
/* Forgets its moments and that it fired. */
void window_clear(struct watch *w, struct window *win);
/* The least recently used goes. False: there is none. */
bool window_evict(struct watch *w);
/* Adds the moment of ev to the window of the key: it, when the rule's threshold is reached for the first time in it; else NULL. */
struct window *window_counts(struct watch *w, const struct watch_key *k, const struct event *ev);
/* The same for moments with a value, of which each is kept once. */
struct window *window_counts_distinct(struct watch *w, const struct watch_key *k, const struct event *ev, uint32_t value);
/* Once per window of the rule, for what is not counted. */
bool window_once(struct watch *w, const struct watch_key *k, int64_t ts);
bool is_near(int64_t a, int64_t b, uint32_t seconds);
uint32_t window_peers(const struct window *win);
uint32_t window_values(const struct window *win);
/* From the oldest to the newest moment, in ns. */
uint64_t window_span(const struct window *win);
/* One client at even intervals, as a program does that retries: its period in seconds, 0 when it is not so. */
uint32_t window_period(const struct window *win);

/* ---- sessions ---- */

enum fact { /* bits of watch_session.facts */
	FACT_WHOLE = 1 << 0,         /* seen from its first event on */
	FACT_AUTHENTICATED = 1 << 1,
	FACT_STARTTLS_OFFERED = 1 << 2,
	FACT_STARTTLS_AGREED = 1 << 3, /* 220: whatever is read from here on was decrypted by the tap */
	FACT_STARTTLS_FAILED = 1 << 4,
	FACT_SENDER_FOREIGN = 1 << 5,
	FACT_SENDER_NULL = 1 << 6,
	FACT_MAIL = 1 << 7,          /* MAIL was sent */
	FACT_GREETED = 1 << 8,       /* 220 */
	FACT_CUT_OFF = 1 << 9,       /* 421 */
	FACT_NAMED = 1 << 10,        /* the client has greeted with a name */
	FACT_AFTER_MESSAGE = 1 << 11, /* the last command ended a message */
	FACT_OTHER = 1 << 12,        /* a command beyond greeting, HELP and QUIT */
	/* style of spam programs */
	FACT_EARLY = 1 << 13,
	FACT_DEAF = 1 << 14,         /* goes on after a 5yz that leaves nothing to go on with */
	FACT_NEW_NAME = 1 << 15,     /* the client greeted with another name before */
	FACT_UNASKED_PIPELINE = 1 << 16,
	FACT_ROUTED = 1 << 17,       /* of the mail at hand: a recipient with a source route was accepted */
};

enum { CAUSES = 4 /* named as evidence of error_flood */, DELAYS = 3 };

struct watch_session {
	struct table_node node;
	char id[16];
	uint64_t number;      /* the id as a number */
	uint32_t from;        /* hash of the client, never 0 */
	struct watch_client *client; /* as looked up when so many had been evicted; NULL: not yet */
	struct watch_server *server;
	uint64_t client_age, server_age;
	struct window idle;   /* NOOP, RSET, VRFY, HELP, EHLO */
	uint32_t facts;
	uint32_t said;        /* 1 << enum watch_rule: at most once a session */
	int64_t greeting_ts;  /* EV_NO_TIME: none */
	uint64_t waited;      /* ns for replies */
	uint32_t added;       /* findings of this stage: later events of the session are numbered behind them */
	uint32_t refused;     /* 535 */
	uint32_t errors, empty_chunks, recipients_max;
	uint32_t delay[DELAYS]; /* ms of the last replies to errors */
	uint8_t delays, cause_count;
	const struct finding_info *cause[CAUSES];
	struct span user;     /* who authenticated; of the pool */
};
_Static_assert(WATCH_RULES <= 32, "watch_session.said has 32 bits");

/* ---- clients (watch_client.c) ---- */

struct watch_client {
	struct table_node node;
	uint8_t addr[16];
	struct window connections;
	int64_t guessed;          /* when guessing from here was told; EV_NO_TIME: never */
	uint64_t named_by;        /* the session it greeted in */
	uint32_t name;            /* hash of its name there, 0 none */
	bool failed_tls;          /* STARTTLS, some time */
	uint32_t taken[2], refused[2]; /* its recipients since rcpt_since, and those of the span before */
	int64_t rcpt_since;       /* EV_NO_TIME: none yet */
};

uint32_t client_hash(const struct watch *w, const struct event *ev); /* never 0 */
bool client_eq(const void *key, const struct table_node *node);
/* That of the session. NULL without memory. */
struct watch_client *client_of(struct watch *w, struct watch_session *s, const struct event *ev);
void client_free(struct watch *w, struct watch_client *c);
/* Brings taken and refused up to the time: what is older than one to two spans of so many seconds is forgotten. */
void client_turn(struct watch_client *c, int64_t ts, uint32_t seconds);

/* ---- servers (watch_server.c) ---- */

enum { DOMAINS = 24 /* kept of a server: enough to know those of a small one; of a large one those in use now */ };

struct watch_domain {
	uint32_t domain, client; /* hashes; the first client, or MANY */
};
enum { MANY = 0 };

struct watch_server {
	struct table_node node;
	struct endpoint at;
	char name[NAME_TEXT];   /* as it greets, lower case */
	int64_t offered_ts;     /* EV_NO_TIME: STARTTLS never */
	char offered_by[17];    /* the session */
	char offered[LIST_TEXT]; /* the list */
	int64_t told_weak, told_clear; /* when weak_auth_mechanism and auth_offered_without_tls were; EV_NO_TIME: never */
	struct watch_domain domain[DOMAINS]; /* recipients it accepted from clients that did not authenticate; newest first */
	uint32_t domains;
};

bool server_eq(const void *key, const struct table_node *node);
/* That of the session. NULL without memory. */
struct watch_server *server_of(struct watch *w, struct watch_session *s, const struct event *ev);
void server_named(struct watch_server *v, const struct event *ev);
void server_accepts(struct watch *w, struct watch_server *v, struct span domain, uint32_t client);
/* Neither the server's own, nor one that it took mail for from others than this client. */
bool server_foreign(struct watch *w, const struct watch_server *v, struct span domain, uint32_t client);
void server_free(struct watch *w, struct watch_server *v);

/* ---- the stage (watch.c) ---- */

struct watch {
	struct pool *pool;
	struct outlet next;
	const struct watch_settings *settings;
	const struct watch_limits *limits;
	uint8_t seed[16];
	struct table *sessions, *clients, *servers, *windows;
	struct watch_session *last; /* the one the last event was of */
	uint64_t moment_bytes;
	uint64_t evicted_sessions, evicted_clients, evicted_servers, evicted_windows;
};

/* What is raised. */
struct alarm {
	enum watch_rule rule;
	enum severity severity;     /* RAISE_STANDARD: the catalog's */
	enum confidence confidence;
	uint64_t count;
	struct span evidence, user;
	const struct window *window; /* whose sessions and clients are named; NULL: none */
	uint32_t identities;        /* 0: not about identities */
};
/* An alarm with the catalog's severity and confidence. */
struct alarm alarm_of(enum watch_rule r);
/* Of the session at hand. */
void watch_raise(struct watch *w, const struct event *about, const struct alarm *a);
bool watch_on(const struct watch *w, enum watch_rule r);
/* True the first time in this session, when the rule is on. */
bool session_first(const struct watch *w, struct watch_session *s, enum watch_rule r);
uint32_t hash_text(const struct watch *w, struct span s);   /* without regard to case; never 0 */
uint64_t hash_name(const struct watch *w, struct span s);
/* Text for evidence: printf into char text[EVIDENCE], cut to fit. More may follow by span_printf(). */
#define evidence(text, ...) span_of(text, span_printf(text, 0, EVIDENCE, __VA_ARGS__))
/* For "%.*s". */
#define TEXT_OF(s, most) (int)((s).n < (most) ? (s).n : (most)), (s).n ? (const char *)(s).p : ""
#define SECONDS_OF(ns) ((unsigned long long)(ns) / 1000000000)

/* watch_auth.c */
void watch_auth(struct watch *w, struct watch_session *s, const struct event *ev);
/* watch_tls.c */
void watch_mechanism(struct watch *w, struct watch_session *s, const struct event *ev); /* one that is used */
void watch_hello_reply(struct watch *w, struct watch_session *s, const struct event *ev);
void watch_starttls(struct watch *w, struct watch_session *s, const struct event *ev);
void watch_in_clear(struct watch *w, struct watch_session *s, const struct event *ev); /* AUTH or MAIL outside TLS */
void watch_tls_end(struct watch *w, struct watch_session *s, const struct event *ev);
/* watch_mail.c */
void watch_mail(struct watch *w, struct watch_session *s, const struct event *ev);    /* MAIL */
void watch_rcpt(struct watch *w, struct watch_session *s, const struct event *ev);    /* RCPT */
void watch_verify(struct watch *w, struct watch_session *s, const struct event *ev);  /* VRFY, EXPN */
void watch_message(struct watch *w, struct watch_session *s, const struct event *ev); /* a message event */
/* watch_relay.c */
void relay_refused(struct watch *w, struct watch_session *s, const struct event *ev, const struct path *p);
/* Tells of relayed mail; the domains of the other recipients are the server's from now on, for other clients. */
void relay_delivered(struct watch *w, struct watch_session *s, const struct event *ev);
struct path path_of(struct span argument);
/* watch_session.c */
void watch_behaviour(struct watch *w, struct watch_session *s, const struct event *ev); /* every command */
void watch_greeting(struct watch *w, struct watch_session *s, const struct event *ev);
void watch_error(struct watch *w, struct watch_session *s, const struct event *ev);     /* a finding of severity error */
void watch_begin(struct watch *w, struct watch_session *s, const struct event *ev);
void watch_end(struct watch *w, struct watch_session *s, const struct event *ev);

#endif
