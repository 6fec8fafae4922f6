/*
 * catalog.h - const tables of what can be explained: findings, reply codes, enhanced codes, mechanisms, EHLO keywords.
 *
 * The only truth about codes and findings: the findings' texts, `explain`, the documents and tests read it.
 */
#ifndef SMTPSCOPE_CATALOG_H
#define SMTPSCOPE_CATALOG_H

#include "smtpscope/span.h"

enum finding_group { /* the order in which causes are tried (protocol.md 5) */
	GROUP_BYTES, GROUP_LINE, GROUP_VERB, GROUP_ARGUMENT, GROUP_SEQUENCE, GROUP_PIPELINING, GROUP_BODY,
	GROUP_REPLY /* the server's own reply */, GROUP_AUTH, GROUP_TRANSPORT, GROUP_SECURITY, GROUP_CAPTURE, GROUPS
};
const char *finding_group_name(enum finding_group g); /* event.action of finding events: "syntax-error" for bytes, line, verb and
	argument; "sequence-error", "pipelining-error", "framing-error", "reply-error", "auth-failure", "transport",
	"security", "capture" */

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR, SEVERITY_ALERT };
const char *severity_name(enum severity s);
enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };
const char *confidence_name(enum confidence c);
enum fault { FAULT_UNKNOWN, FAULT_CLIENT, FAULT_SERVER, FAULT_MIDDLEBOX, FAULT_CAPTURE };
const char *fault_name(enum fault f);

/*
 * explanation and remedy may hold placeholders: %V the verb as sent, %S the suggestion, %A the bad part of the argument,
 * %L the length, %M the limit, %N the number of follow-on errors, %C the reply code, %D what happened, %R what to do about
 * that. Each is expanded only when known.
 */
struct finding_info {
	const char *id;
	enum finding_group group;
	enum severity severity;     /* when a 4yz/5yz reply or the absence of a reply shows that it mattered */
	enum severity tolerated;    /* when the server coped */
	enum confidence confidence;
	enum fault fault;
	const char *explanation, *remedy;
	const char *reference;      /* "RFC 5321 4.2.4", "" none */
};

/* One row for each id of protocol.md 5 (all of 5.1-5.7), 2 and 6. */
enum finding {
#define FINDING_ID(id) FINDING_##id,
#include "smtpscope/finding_ids.h"
#undef FINDING_ID
	FINDINGS
};
const struct finding_info *finding_info(enum finding f); /* f < FINDINGS */
const struct finding_info *finding_find(struct span id); /* NULL when unknown */

/* ---- reply codes and enhanced codes (RFC 5321 4.2, RFC 3463, and the reference in each row) ---- */

/* Something with a stable name for programs, a short name for people, and a sentence. */
struct class_info {
	const char *id, *name, *text;
};

enum code_label { CODE_STD, CODE_EXP, CODE_REG, CODE_VND, CODE_FOLK /* no specification */, CODE_UNKNOWN };
const struct class_info *code_label_info(enum code_label label);

/* Will the sender try again? */
enum code_retry {
	RETRY_NOT_NEEDED, RETRY_CONTINUE /* 3yz */, RETRY_YES, RETRY_CHANGED /* not the same line */, RETRY_NO,
	RETRY_OFF_WIRE /* no server sends it */
};
const struct class_info *code_retry_info(enum code_retry retry);

/* Who must act? */
enum code_actor {
	ACTOR_NOBODY, ACTOR_CLIENT, ACTOR_USER, ACTOR_RECIPIENT, ACTOR_SENDING_ADMIN, ACTOR_RECEIVING_ADMIN, ACTOR_DEPENDS
};
const struct class_info *code_actor_info(enum code_actor actor);

/* By the first and the second digit of any code; class_info: NULL when the digit means nothing. */
const struct class_info *class_info(unsigned digit);
const struct class_info *category_info(unsigned digit);
const struct class_info *subject_info(unsigned subject); /* of an enhanced code, NULL when not defined */
enum code_retry class_retry(unsigned digit);

/* Texts are whole sentences; causes are short phrases separated by '\n'. */
struct code_info {
	uint16_t code;
	enum code_label label;
	enum code_retry retry;
	enum code_actor actor;
	const char *name;
	const char *gist;      /* in one sentence: what it says, and so when it and no other applies */
	const char *meaning;   /* what more there is to know, NULL nothing */
	const char *when, *resolve, *causes;
	const char *elsewhere; /* what it means in another command or source, NULL nothing */
	const char *reference; /* "" none */
};
const struct code_info *code_info(unsigned i);       /* NULL past the end: for loops; ascending codes */
const struct code_info *code_find(unsigned code);    /* NULL when unknown */

struct enhanced_info {
	uint8_t class_digit; /* 2, 4 or 5 when it is in use with that class only, 0 any */
	uint8_t subject;
	uint16_t detail;
	enum code_label label;
	enum code_actor actor;
	const char *name, *meaning, *resolve, *causes;
	const char *basic; /* "535 554": reply codes it is registered with, "" none */
	const char *reference;
};
const struct enhanced_info *enhanced_info(unsigned i); /* NULL past the end */
/* digit: 2, 4, 5, or 0 for any. NULL when unknown. */
const struct enhanced_info *enhanced_lookup(unsigned digit, unsigned subject, unsigned detail);

/* Two codes that are easily mistaken for each other. */
struct code_pair {
	uint16_t a, b; /* a < b */
	const char *difference, *choice;
};
const struct code_pair *code_pair_find(unsigned a, unsigned b); /* in either order; NULL none */
const struct code_pair *code_pair(unsigned i);                  /* NULL past the end */

/* ---- names that a dialogue is full of ---- */

struct mechanism_info {
	const char *name;
	const char *sent, *identity, *secrecy;
	const char *reference;
};
const struct mechanism_info *mechanism_info(unsigned i);          /* NULL past the end */
const struct mechanism_info *mechanism_find(struct span name);    /* case-insensitive */

struct keyword_info {
	const char *name;
	const char *meaning;
	const char *reference;
};
const struct keyword_info *keyword_info(unsigned i);
const struct keyword_info *keyword_find(struct span name);

#endif
