/*
 * heard.h - what servers say to one client after the other, kept once for all sessions of a pipeline: greetings and EHLO replies.
 *
 * The same server says the same to each, and an idle session holds little else. A table of one place per hash: what two texts
 * of one place cost each other is memory, nothing more.
 */
#ifndef SMTPSCOPE_HEARD_H
#define SMTPSCOPE_HEARD_H

#include "smtpscope/pool.h"

struct heard;
/* NULL without memory: then each session keeps its own. */
struct heard *heard_new(struct pool *pool);
/* Sessions that hold a text keep it. */
void heard_free(struct heard **h);

#endif
