/* fuzz.c - see fuzz.h. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *promise)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
	abort();
}

uint8_t *fuzz_copy(struct span s)
{
	uint8_t *copy = malloc(s.n ? s.n : 1);

	if (!copy)
		abort();
	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

struct fuzz_random fuzz_random(uint64_t seed)
{
	return (struct fuzz_random){seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
}

uint32_t fuzz_pick(struct fuzz_random *r, uint32_t below)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)(r->state >> 32) % below;
}

size_t fuzz_piece(struct fuzz_random *r, size_t n)
{
	static const uint8_t most[] = {1, 2, 4, 16, 64, 255};
	uint32_t way = fuzz_pick(r, sizeof most + 1);
	size_t piece = way == sizeof most ? n : fuzz_pick(r, most[way]) + 1u;

	return piece < n ? piece : n;
}

bool fuzz_inside(struct span inner, struct span outer)
{
	return !inner.p || (inner.p >= outer.p && inner.p <= outer.p + outer.n && inner.n <= (size_t)(outer.p + outer.n - inner.p));
}

void fuzz_pool_done(struct pool **pool)
{
	FUZZ_CHECK(pool_used(*pool) == 0);
	pool_free(pool);
}
