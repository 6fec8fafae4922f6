/*
 * nettle_digests.c - MD5, SHA-256 and HMAC-SHA-256 of nettle behind the face the core knows.
 */
#include "nettle_digests.h"

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>

static void md5(struct span data, uint8_t out[DIGEST_MD5])
{
	struct md5_ctx c;

	md5_init(&c);
	md5_update(&c, data.n, data.p);
	md5_digest(&c, DIGEST_MD5, out);
}

static void sha256(struct span data, uint8_t out[DIGEST_SHA256])
{
	struct sha256_ctx c;

	sha256_init(&c);
	sha256_update(&c, data.n, data.p);
	sha256_digest(&c, DIGEST_SHA256, out);
}

static void hmac_sha256(struct span key, struct span data, uint8_t out[DIGEST_SHA256])
{
	struct hmac_sha256_ctx c;

	hmac_sha256_set_key(&c, key.n, key.p);
	hmac_sha256_update(&c, data.n, data.p);
	hmac_sha256_digest(&c, DIGEST_SHA256, out);
}

const struct digests nettle_digests = {md5, sha256, hmac_sha256};
