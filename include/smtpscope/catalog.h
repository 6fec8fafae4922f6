/*
 * catalog.h - const tables of what can be explained: findings now, reply codes and enhanced codes beside them.
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
 * %L the length, %M the limit, %N the number of follow-on errors, %C the reply code. Each is expanded only when known.
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

#endif
