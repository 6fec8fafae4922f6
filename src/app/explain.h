/*
 * explain.h - `smtpscope explain`: what a reply code, an enhanced code, a whole reply, a finding, a verb, a mechanism or an EHLO
 * keyword means, or two of them side by side. All facts are the catalog's and the verb table's.
 */
#ifndef SMTPSCOPE_APP_EXPLAIN_H
#define SMTPSCOPE_APP_EXPLAIN_H

#include "options.h"

/* 0, or -1 and *err. */
int explain(const struct options *o, void (*complain)(const char *text), struct err *err);

#endif
