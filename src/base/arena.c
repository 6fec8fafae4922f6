/*
 * arena.c - small pieces that die together, in chained blocks from the pool.
 *
 * Blocks double from FIRST_BLOCK to LAST_BLOCK: a session with one short transaction costs a quarter of a kilobyte,
 * one with a thousand recipients asks the pool a few dozen times. A larger piece gets a block of its own size.
 *
 * Invariant: total is the sum of block->n over the chain and total <= limit unless limit is 0.
 */
#include "smtpscope/pool.h"

#include <stdalign.h>
#include <string.h>

#include "asan.h"

#define ALIGN alignof(max_align_t)
#define FIRST_BLOCK 256u
#define LAST_BLOCK 8192u

struct arena_block {
	alignas(max_align_t) struct arena_block *older;
	size_t n; /* as asked of the pool, this header included */
};

void arena_init(struct arena *a, struct pool *pool, size_t limit)
{
	*a = (struct arena){.pool = pool, .limit = limit};
}

/* Size of the next block: the usual growth, held down by the limit, never less than need. 0 when need is too much. */
static size_t next_size(const struct arena *a, size_t need)
{
	size_t size = a->block ? a->block->n * 2 : FIRST_BLOCK;

	if (size > LAST_BLOCK)
		size = LAST_BLOCK;
	if (a->limit != 0) {
		size_t room = a->limit - a->total;

		if (need > room)
			return 0;
		if (size > room)
			size = room;
	}
	return size < need ? need : size;
}

static bool grow(struct arena *a, size_t need)
{
	size_t size = next_size(a, need);
	struct arena_block *block = size ? pool_get_raw(a->pool, size) : NULL;

	if (!block)
		return false;
	asan_forbid(block + 1, size - sizeof(*block));
	block->older = a->block;
	block->n = size;
	a->block = block;
	a->used = sizeof(*block);
	a->total += size;
	return true;
}

void *arena_get_raw(struct arena *a, size_t n)
{
	size_t room = a->block ? a->block->n - a->used : 0;
	uint8_t *piece;
	size_t step;

	if (n > SIZE_MAX / 4)
		return NULL;
	step = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (step == 0)
		step = ALIGN; /* so that every piece has an address of its own */
	if (step > room && !grow(a, sizeof(struct arena_block) + step))
		return NULL;
	piece = (uint8_t *)a->block + a->used;
	a->used += step;
	asan_allow(piece, n);
	return piece;
}

void *arena_get(struct arena *a, size_t n)
{
	void *piece = arena_get_raw(a, n);

	return piece ? memset(piece, 0, n) : NULL;
}

struct span arena_copy(struct arena *a, struct span s)
{
	uint8_t *copy = s.p ? arena_get_raw(a, s.n) : NULL;

	if (!copy)
		return SPAN_ABSENT;
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return (struct span){copy, s.n};
}

void arena_clear(struct arena *a)
{
	while (a->block) {
		struct arena_block *block = a->block;

		a->block = block->older;
		asan_allow(block, block->n);
		pool_put(a->pool, block, block->n);
	}
	a->used = 0;
	a->total = 0;
}
