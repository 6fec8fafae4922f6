/*
 * reply.h - one line of an SMTP reply (RFC 5321 4.2), and the keywords of an EHLO reply. Any junk is data.
 *
 *   Reply-line = *(code "-" [text] CRLF) code [SP text] CRLF
 */
#ifndef SMTPSCOPE_REPLY_H
#define SMTPSCOPE_REPLY_H

#include "smtpscope/command.h" /* enum line_end */

enum reply_defect {
	REPLY_CODE_MISMATCH,  /* a later line has another code */
	REPLY_UNTERMINATED,   /* the last line still has '-' */
	REPLY_NO_TEXT,        /* 3 digits and nothing else: valid */
	REPLY_BAD_SEPARATOR,  /* "250ok" */
	REPLY_TOO_LONG,       /* line > 512 octets (334 excepted) */
	REPLY_BARE_LF,
	REPLY_NOT_NUMERIC,    /* inside a reply: text of it; alone: a junk line */
	REPLY_OUT_OF_RANGE,   /* first digit not 2-5 */
	REPLY_SHORT,          /* 1 or 2 characters */
	REPLY_EIGHT_BIT,      /* octets >= 80h without SMTPUTF8 */
	REPLY_CLASS_MISMATCH, /* 550 4.x.x, 250 5.x.x */
	REPLY_GREETING_MASKED, /* 220 ****** */
	REPLY_KEYWORD_MASKED, /* 250-XXXXXXXA */
	REPLY_CONTROL_CHAR,
	REPLY_SPLIT,          /* a bare CR with what looks like another reply behind it, or one behind a bare LF */
	REPLY_DEFECTS
};
#define REPLY_DEFECT(d) (UINT32_C(1) << (REPLY_##d))

struct reply_line {
	int code;             /* 0-999, -1 when the line does not start with three digits */
	bool last;            /* no '-' after the code */
	struct span text;     /* after code and separator */
	struct span enhanced; /* "5.7.8", absent without one; at the start of the text, or in brackets at its end (qmail) */
	uint32_t defects;     /* reply_defect bits of this line alone */
};
/* line without its line end; length and end as for commands. Always succeeds. */
void reply_line_parse(struct span line, uint64_t length, enum line_end end, struct reply_line *out);

/* "X.Y.Z" (RFC 3463 2) at the start of s, or absent. */
struct span enhanced_find(struct span s);

/* What the latest EHLO reply advertised, as far as reading the dialogue needs it. */
enum ehlo_keyword {
	EHLO_PIPELINING, EHLO_STARTTLS, EHLO_AUTH, EHLO_SIZE, EHLO_CHUNKING, EHLO_BINARYMIME, EHLO_8BITMIME, EHLO_SMTPUTF8,
	EHLO_DSN, EHLO_ETRN, EHLO_ENHANCEDSTATUSCODES, EHLO_PRDR, EHLO_PIPECONNECT, EHLO_EXPN, EHLO_HELP, EHLO_XCLIENT,
	EHLO_XFORWARD, EHLO_DELIVERBY, EHLO_FUTURERELEASE, EHLO_MT_PRIORITY, EHLO_REQUIRETLS, EHLO_RRVS, EHLO_MTRK,
	EHLO_NO_SOLICITING, EHLO_CHECKPOINT, EHLO_SUBMITTER, EHLO_CONPERM, EHLO_CONNEG, EHLO_BURL, EHLO_ATRN, EHLO_TURN,
	EHLO_SEND, EHLO_SOML, EHLO_SAML, EHLO_VERB, EHLO_ONEX, EHLO_X_EXPS, EHLO_XEXCH50, EHLO_X_LINK2STATE,
	EHLO_X_ANONYMOUSTLS, EHLO_XVERP, EHLO_LIMITS,
	EHLO_KEYWORDS
};
#define EHLO(k) (UINT64_C(1) << (EHLO_##k))
const char *ehlo_keyword_name(enum ehlo_keyword k);
/* The keyword a text line of an EHLO reply starts with (also "AUTH=LOGIN"), EHLO_KEYWORDS when unknown. */
enum ehlo_keyword ehlo_keyword_find(struct span line);

#endif
