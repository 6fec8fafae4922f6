/*
 * path.h - reverse-path, forward-path, mailbox, domain (RFC 5321 4.1.2, 4.1.3). Liberal in what is read, exact in what is wrong.
 */
#ifndef SMTPSCOPE_PATH_H
#define SMTPSCOPE_PATH_H

#include "smtpscope/span.h"

/* All spans point into the argument that was parsed. */
struct path {
	struct span raw;        /* with brackets, as sent; absent: none found */
	struct span address;    /* without brackets and source route; empty for <> */
	struct span local_part; /* with its quotes */
	struct span domain;     /* absent when there is no @ */
	struct span route;      /* "@a,@b" without the colon, absent without one */
	bool null;              /* <> */
};

/* enum defect bits (command.h) of a mailbox: BAD_LOCAL_PART BAD_DOMAIN MISSING_DOMAIN BAD_LITERAL NUMERIC_DOMAIN PATH_TOO_LONG
   SOURCE_ROUTE. postmaster_ok: <postmaster> needs no domain. */
uint64_t path_check(const struct path *p, bool postmaster_ok);
/* Splits what stands between the brackets. */
void path_split(struct span inside, struct path *out);
/* As domain or address literal: BAD_DOMAIN, BAD_LITERAL, NUMERIC_DOMAIN, PATH_TOO_LONG; 0 = fine. */
uint64_t domain_check(struct span domain);

#endif
