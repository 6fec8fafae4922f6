/*
 * community_id.c - Community ID version 1 of a TCP flow: Base64 of SHA-1 over seed, the smaller endpoint's address first, protocol,
 * padding and ports, all in network order.
 */
#include "community_id.h"

#include "smtpscope/codec.h"

#include <nettle/sha1.h>

#include <string.h>

static int endpoint_order(const struct endpoint *a, const struct endpoint *b, size_t n)
{
	int order = memcmp(a->addr, b->addr, n);

	return order ? order : (a->port > b->port) - (a->port < b->port);
}

void community_id(const struct endpoint *a, const struct endpoint *b, char out[COMMUNITY_ID_SIZE])
{
	size_t n = a->family == 6 ? 16 : 4;
	const struct endpoint *low = endpoint_order(a, b, n) <= 0 ? a : b, *high = low == a ? b : a;
	uint8_t tail[6] = {6 /* TCP */, 0, (uint8_t)(low->port >> 8), (uint8_t)low->port, (uint8_t)(high->port >> 8),
			   (uint8_t)high->port};
	uint8_t seed[2] = {0, 0}, digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha;
	long length;

	sha1_init(&sha);
	sha1_update(&sha, sizeof seed, seed);
	sha1_update(&sha, n, low->addr);
	sha1_update(&sha, n, high->addr);
	sha1_update(&sha, sizeof tail, tail);
	sha1_digest(&sha, sizeof digest, digest);
	memcpy(out, "1:", 2);
	length = base64_encode(span_of(digest, sizeof digest), out + 2, COMMUNITY_ID_SIZE - 3);
	out[2 + (length > 0 ? length : 0)] = '\0';
}
