/* nettle_digests.h - the hash functions of nettle, for the core. */
#ifndef SMTPSCOPE_APP_NETTLE_DIGESTS_H
#define SMTPSCOPE_APP_NETTLE_DIGESTS_H

#include "smtpscope/digests.h"

extern const struct digests nettle_digests;

#endif
