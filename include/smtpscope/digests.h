/*
 * digests.h - hash functions that the edge hands to the core, which links with libc only. Types only.
 */
#ifndef SMTPSCOPE_DIGESTS_H
#define SMTPSCOPE_DIGESTS_H

#include "smtpscope/span.h"

enum { DIGEST_MD5 = 16, DIGEST_SHA256 = 32 }; /* octets */

/* All of them are set. None fails. */
struct digests {
	void (*md5)(struct span data, uint8_t out[DIGEST_MD5]);       /* RFC 1321: JA3 and JA3S */
	void (*sha256)(struct span data, uint8_t out[DIGEST_SHA256]); /* FIPS 180-4: JA4 */
	void (*hmac_sha256)(struct span key, struct span data, uint8_t out[DIGEST_SHA256]); /* RFC 2104: --secrets hash */
};

#endif
