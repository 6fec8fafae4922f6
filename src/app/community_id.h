/* community_id.h - Community ID flow hashing, version 1, seed 0: one id for a flow in every tool that knows it. */
#ifndef SMTPSCOPE_APP_COMMUNITY_ID_H
#define SMTPSCOPE_APP_COMMUNITY_ID_H

#include "smtpscope/chunk.h"

enum { COMMUNITY_ID_SIZE = 32 }; /* "1:" and 28 characters of Base64, with NUL */

void community_id(const struct endpoint *a, const struct endpoint *b, char out[COMMUNITY_ID_SIZE]);

#endif
