/* cause_rules.h - the rules that turn facts into findings. Private to diag/cause. */
#ifndef CAUSE_RULES_H
#define CAUSE_RULES_H

#include "smtpscope/catalog.h"
#include "smtpscope/category.h"
#include "smtpscope/exchange.h"
#include "finding.h"

/* Which outcome of the command a rule is about. */
enum rule_when {
	WHEN_ANY,
	WHEN_ACCEPTED, /* 2yz */
	WHEN_FAILED,   /* 4yz, 5yz, or never answered */
	WHEN_REFUSED,  /* 4yz or 5yz */
	WHEN_5YZ,
	WHEN_SYNTAX,   /* 500-504, 555: the server talks about form or order */
	WHEN_UNKNOWN_TO_SERVER, /* 500, 502, 504 */
};

#define HUGE_CHUNK (UINT64_C(1) << 31) /* octets in one chunk that nobody sends (protocol facts 6) */

struct rule {
	enum finding finding;
	uint64_t defects;    /* any of these; 0: not about defects */
	uint64_t all, none;  /* situation */
	uint64_t verbs;      /* any of 1 << enum verb; 0: any */
	enum rule_when when;
	bool (*also)(const struct exchange *x); /* NULL: nothing more */
};

/* In the order in which causes are tried. */
extern const struct rule cause_rules[];
extern const unsigned cause_rule_count;

/* What the masks say; most of the rules are sorted out by them. Inline: it is asked a hundred times about what fails. */
static inline bool rule_is_near(const struct rule *r, const struct exchange *x)
{
	return (!r->defects || x->defects & r->defects) && (x->situation & r->all) == r->all && !(x->situation & r->none) &&
	       (!r->verbs || r->verbs >> x->verb & 1);
}

bool rule_matches(const struct rule *r, const struct exchange *x);
/* 221 to what is no command: the server does not refuse the line, it ends the session over it (Postfix: "I can break rules, too"). */
bool rule_hangs_up(const struct exchange *x);
/* True only when no rule can match: an accepted command of every day. Spares it the table. */
bool rules_are_silent(const struct exchange *x);
/* cause_code.c */
/* How well this finding explains this refusal: from not at all to what the reply itself says. */
enum explains { EXPLAINS_NOT, EXPLAINS_MAYBE /* mostly tolerated */, EXPLAINS_WELL, EXPLAINS_AS_SAID };
enum explains code_explains(enum finding f, const struct exchange *x, enum category category);
/* The codes that a server should have refused it with, when the one it used says less; NULL when the code is right. */
const uint16_t *code_expected(enum finding f, const struct exchange *x);

/* A finding that this reply text speaks for (protocol facts 5.8): raises its confidence. */
bool text_supports(const struct exchange *x, enum finding f);
/* Whether a line of the final reply holds the fragment, in any case. */
bool text_has(const struct exchange *x, const char *fragment);
/* What a notice means. */
enum finding notice_finding(enum notice_id id);

/* cause_tls.c: fills detail and advice of the facts. how: an alert number or enum handshake_end; who sent the alert. */
enum { HANDSHAKE_TEXT = 160 };
void handshake_explain(uint64_t how, struct span who, struct finding_facts *facts, char detail[HANDSHAKE_TEXT]);

#endif
