/*
 * command.h - one SMTP command line: verb, argument, parameters, and everything that is wrong with it by itself.
 *
 * Parsing always succeeds (law L3): what is wrong is a bit in .defects. The verb table is the only truth about verbs:
 * lookup, legality, redaction, typo distance, documentation and tests iterate it (RFC 5321 4.1, and the RFC in each row).
 */
#ifndef SMTPSCOPE_COMMAND_H
#define SMTPSCOPE_COMMAND_H

#include "smtpscope/path.h"
#include "smtpscope/span.h"

enum verb {
	VERB_UNKNOWN,
	VERB_EHLO, VERB_HELO, VERB_LHLO, VERB_MAIL, VERB_RCPT, VERB_DATA, VERB_BDAT, VERB_RSET, VERB_NOOP, VERB_QUIT,
	VERB_VRFY, VERB_EXPN, VERB_HELP, VERB_STARTTLS, VERB_AUTH, VERB_ETRN, VERB_ATRN, VERB_BURL, VERB_TURN,
	VERB_SEND, VERB_SOML, VERB_SAML, VERB_VERB, VERB_ONEX, VERB_XCLIENT, VERB_XFORWARD, VERB_XEXCH50, VERB_X_EXPS,
	VERB_X_LINK2STATE, VERB_X_ANONYMOUSTLS, VERB_XPROXY, VERB_XPROXYFROM, VERB_XPROXYTO, VERB_XSHADOW,
	VERB_XSHADOWREQUEST, VERB_XQDISCARD, VERB_XRDST, VERB_XSESSIONPARAMS, VERB_X_EXCHANGEAUTH, VERB_XAUTH,
	VERB_XVRB, VERB_XONE, VERB_XUSR, VERB_XADR, VERB_XSTA, VERB_XCIR, VERB_XGEN, VERB_WELLKNOWN,
	VERB_DEBUG, VERB_WIZ, VERB_KILL, VERB_SHOWQ,
	VERB_COUNT
};

/* Session phases of protocol.md 1.1 as bits, for the "legal in" column. */
enum phase {
	PHASE_CONN = 1 << 0,   /* no greeting yet */
	PHASE_GREET = 1 << 1,  /* greeted */
	PHASE_HELO = 1 << 2,   /* EHLO/HELO/LHLO accepted, no transaction */
	PHASE_MAIL = 1 << 3,   /* MAIL accepted */
	PHASE_RCPT = 1 << 4,   /* at least one RCPT accepted */
	PHASE_CLOSED = 1 << 5, /* QUIT answered, or 421 */
};
const char *phase_name(enum phase p); /* "conn" "greet" "helo" "mail" "rcpt" "closed" */

enum verb_flag {
	VERB_LAST = 1 << 0,        /* must end a pipelined group (RFC 2920 3.1) */
	VERB_REDACT = 1 << 1,      /* its argument may hold a secret */
	VERB_EXTENSION = 1 << 2,   /* must be advertised in EHLO under .keyword */
	VERB_NO_ARGUMENT = 1 << 3, /* with text after it: unexpected_argument */
	VERB_NEEDS_ARGUMENT = 1 << 4,
	VERB_PRIVATE = 1 << 5,     /* X..., by agreement only */
	VERB_SWITCHES_MODE = 1 << 6, /* the reply decides how the client's next bytes read: DATA STARTTLS AUTH ... */
	VERB_OPENS_MAIL = 1 << 7,  /* MAIL SEND SOML SAML */
	VERB_IS_AUTH = 1 << 8,     /* AUTH X-EXPS XAUTH */
	VERB_IS_HELLO = 1 << 9,    /* EHLO HELO LHLO */
	VERB_BACK_DOOR = 1 << 10,  /* DEBUG WIZ KILL SHOWQ */
	VERB_OBSOLETE = 1 << 11,
};

struct verb_info {
	enum verb verb;
	const char *name;      /* upper case, as on the wire */
	const char *keyword;   /* EHLO keyword that advertises it, NULL when every server has it or none announces it */
	unsigned flags;        /* enum verb_flag */
	unsigned legal;        /* enum phase bits */
	uint16_t max_line;     /* octets incl. CRLF without extensions; 0 = none stated */
	const char *reference; /* "RFC 5321 4.1.1.2" */
	const char *syntax;    /* what follows the verb as a person writes it, "" nothing; [] may be left out, | is a choice */
	const char *success;   /* "354 250": the replies it hopes for, in order */
	const char *errors;    /* beyond 421, 500 and 501, which any command may get */
	const char *purpose;   /* in words */
};
const struct verb_info *verb_info(enum verb v); /* v < VERB_COUNT; the row of VERB_UNKNOWN has the name "" */
/* Exact, case-insensitive. */
enum verb verb_find(struct span token);

/* What is wrong with a line by itself: one bit a row of protocol.md 5.1-5.4. Bits are 1 << value in command.defects. */
enum defect {
	/* 5.1 bytes */
	DEFECT_HTTP, DEFECT_TLS_BYTES, DEFECT_SSH, DEFECT_OTHER_PROTOCOL, DEFECT_TELNET, DEFECT_EDITING, DEFECT_UTF16,
	DEFECT_UTF8_BOM, DEFECT_NUL, DEFECT_EIGHT_BIT, DEFECT_INVALID_UTF8, DEFECT_CONTROL_CHAR,
	/* 5.2 line form */
	DEFECT_BARE_LF, DEFECT_BARE_CR, DEFECT_EXTRA_CR, DEFECT_TOO_LONG, DEFECT_EMPTY, DEFECT_LEADING_SPACE,
	DEFECT_TRAILING_SPACE,
	/* 5.3 verb */
	DEFECT_TYPO, DEFECT_ALIAS, DEFECT_GLUED, DEFECT_UNKNOWN_VERB, DEFECT_MESSAGE_TEXT /* header line, MIME boundary, prose */,
	DEFECT_LONE_TOKEN /* one Base64-looking token and nothing else */, DEFECT_PRIVATE_VERB, DEFECT_MASKED /* X{3,} */,
	/* 5.4 arguments */
	DEFECT_MISSING_ARGUMENT, DEFECT_UNEXPECTED_ARGUMENT, DEFECT_MISSING_FROM_TO, DEFECT_MISSING_COLON,
	DEFECT_SPACE_AROUND_COLON, DEFECT_MISSING_BRACKETS, DEFECT_UNBALANCED_BRACKETS, DEFECT_DISPLAY_NAME,
	DEFECT_BAD_LOCAL_PART, DEFECT_BAD_DOMAIN, DEFECT_MISSING_DOMAIN, DEFECT_BAD_LITERAL, DEFECT_NUMERIC_DOMAIN,
	DEFECT_BAD_HELO, DEFECT_PATH_TOO_LONG, DEFECT_SOURCE_ROUTE, DEFECT_NULL_RECIPIENT, DEFECT_PARAMS_MALFORMED,
	DEFECT_UNKNOWN_PARAMETER, DEFECT_DUPLICATE_PARAMETER, DEFECT_BAD_PARAMETER_VALUE, DEFECT_BAD_BDAT,
	DEFECT_BAD_BASE64 /* initial response */, DEFECT_BAD_MECHANISM /* not 1*20 of A-Z 0-9 - _ */,
	/* 6: what an attacker writes */
	DEFECT_OVERFLOW /* runs, sleds, printf conversions, binary */, DEFECT_CODE /* for a shell or an expansion language */,
	DEFECT_LINE_END_INSIDE /* %0d, %0a or CR in the argument */,
	DEFECT_COUNT
};
#define DEFECT(d) (UINT64_C(1) << (DEFECT_##d))

enum line_end {
	LINE_END_NONE, /* the connection ended inside the line */
	LINE_END_CRLF,
	LINE_END_LF,
	LINE_END_CRCRLF,
};
const char *line_end_name(enum line_end e); /* "none" "CRLF" "LF" "CRCRLF" */

/* RFC 5321 4.1.1.11 ESMTP parameter KEYWORD[=value]. */
struct param {
	struct span keyword, value; /* value absent without '=' */
};
enum { COMMAND_MAX_PARAMS = 24 }; /* all registered ones of MAIL together are 15 */

/* All spans point into the line. */
struct command {
	enum verb verb;         /* VERB_UNKNOWN when the token is no verb; a glued MAILFROM: counts as MAIL */
	enum verb meant;        /* for TYPO, ALIAS, GLUED: what was meant, else VERB_UNKNOWN */
	uint8_t typo_distance;  /* 1 or 2 with DEFECT_TYPO */
	struct span verb_text;  /* the token as sent */
	struct span argument;   /* after the verb and its SP, trailing white space kept; absent without one */
	uint64_t defects;
	struct path path;       /* MAIL RCPT SEND SOML SAML VRFY EXPN; .raw absent otherwise */
	struct span domain;     /* EHLO HELO LHLO argument, ETRN node */
	struct param params[COMMAND_MAX_PARAMS];
	uint8_t param_count;
	struct span params_raw; /* " SIZE=1 BODY=8BITMIME" without the leading space; absent without any */
	uint64_t bdat_size;     /* BDAT, XEXCH50: octets that follow; valid without BAD_BDAT */
	bool bdat_last;
	uint64_t declared_size; /* MAIL SIZE=n, UINT64_MAX when absent or unreadable */
	struct span mechanism;  /* AUTH: as sent */
	struct span initial_response; /* AUTH: absent when none; "=" means present and empty. A SECRET */
	struct span bad;        /* the part of the line that the first argument defect is about (parameter, domain ...) */
	struct span construct;  /* CODE: the characters that give it away, never a secret */
};

/*
 * line: the line without its line end (at most the part that was kept); length: its full length in octets with the line end.
 * limit: longest length allowed (512 plus what the extensions in force add), in octets incl. CRLF; 0 = do not judge.
 * smtputf8_ok: the MAIL of this RCPT asked for SMTPUTF8.
 * phase: the state the client believes in; only breaks ties of the typo rule.
 * Fills all of *out.
 */
void command_parse(struct span line, uint64_t length, enum line_end end, uint64_t limit, bool smtputf8_ok,
		   enum phase phase, struct command *out);

/*
 * The argument as it may be shown: for verbs that carry secrets (VERB_REDACT; verbs within edit distance 2 of AUTH, X-EXPS,
 * XAUTH; USER PASS LOGIN APOP AUTHENTICATE and IMAP "tag LOGIN"; Authorization: and Cookie: lines; BURL urlauth=) the secret
 * part is replaced by "********". Without a secret this is c->argument itself; else written to dst and cut at cap.
 * Law L8: nothing else may show an argument.
 */
struct span command_shown_argument(const struct command *c, char *dst, size_t cap);
/* A word that stands for AUTH, however badly typed: credentials may follow. */
bool command_means_auth(const struct command *c);
/* The verb token as it may be shown, upper-cased into dst, cut at cap. */
struct span command_shown_verb(const struct command *c, char *dst, size_t cap);

/*
 * Does a reply repeat credentials? Some servers quote the line they do not understand, and that line may not be in the capture: a word of
 * protocols with passwords and something behind it, or a word that reads like Base64.
 */
bool reply_echoes_secret(struct span text);

/* Optimal string alignment distance (insert, delete, replace, swap of neighbours), case-insensitive; more than max gives max + 1. */
unsigned verb_distance(struct span a, struct span b, unsigned max);

/* A registered or well-known parameter of MAIL or RCPT (protocol.md 1.3). */
struct param_info {
	const char *name;
	const char *keyword; /* EHLO keyword that allows it */
	bool mail, rcpt;
	uint16_t adds;       /* octets it adds to the line limit when advertised; 0 = none stated */
	bool once;
	bool (*valid)(struct span value); /* absent span = no value given */
	const char *reference;
};
const struct param_info *param_find(struct span keyword); /* NULL when unknown */
const struct param_info *param_info(unsigned i);          /* NULL past the end: for loops */

#endif
