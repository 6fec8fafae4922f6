/*
 * pool.c - size-class slabs with a limit on what is handed out.
 *
 * Blocks up to LARGE bytes come from 64 KiB slabs, one class per slab, and go back to the free list of their class: a
 * get or a put is a few instructions and a block has no header. Larger ones have a header, come from calloc and go
 * straight back, so that one long line does not keep its memory for ever.
 *
 * Invariants: used is the sum of class_size(n) over the blocks out, whatever way they were got; used <= limit.
 * Under AddressSanitizer every block is one of the large kind with its exact size, so that over-reads, uses after put
 * and blocks never given back are found. Left out on purpose: threads, and giving slabs back before pool_free().
 */
#include "smtpscope/pool.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "asan.h"

#define ALIGN alignof(max_align_t)
#define FINE_STEP 8u      /* classes are 8 bytes apart up to FINE_MAX: 20 bytes cost 24 */
#define FINE_MAX 512u     /* from there on four classes to each doubling: at most a fifth is lost */
#define FINE_CLASSES (FINE_MAX / FINE_STEP)
#define LARGE 16384u      /* a slab holds at least four blocks, else carving saves nothing over calloc */
#define CLASSES (FINE_CLASSES + 4 * 5) /* 512 .. 16384 are five doublings */
#define SLAB_BYTES (65536u - 64u)      /* 64 KiB with room for malloc's own header */

struct slab {
	alignas(max_align_t) struct slab *next;
};

/* In front of a large block. */
struct large {
	alignas(max_align_t) struct large *next;
	struct large *prev;
	size_t n; /* as asked for */
};

struct free_block {
	struct free_block *next;
};

struct size_class {
	struct free_block *free;
	uint8_t *fresh; /* rest of the newest slab, never handed out yet */
	size_t fresh_left;
};

struct pool {
	uint64_t limit;
	uint64_t used;
	uint64_t reserved;
	uint64_t failures;
	uint64_t fail_in; /* 0 off, 1 the next one */
	struct slab *slabs;
	struct large *large;
	struct size_class classes[CLASSES];
};

/* Index of the smallest class that holds n bytes; n <= LARGE. */
static size_t class_of(size_t n)
{
	size_t top = FINE_MAX, index = FINE_CLASSES;

	if (n <= FINE_STEP)
		return 0;
	if (n <= FINE_MAX)
		return (n - 1) / FINE_STEP;
	while (n > 2 * top) {
		top *= 2;
		index += 4;
	}
	return index + (n - top - 1) / (top / 4);
}

/* Bytes of a block of this class. */
static size_t class_bytes(size_t index)
{
	size_t top, quarter;

	if (index < FINE_CLASSES)
		return (index + 1) * FINE_STEP;
	top = (size_t)FINE_MAX << (index - FINE_CLASSES) / 4;
	quarter = (index - FINE_CLASSES) % 4 + 1;
	return top + top / 4 * quarter;
}

/* What n bytes count against the limit; n is small enough not to wrap. */
static size_t block_cost(size_t n)
{
	return n <= LARGE ? class_bytes(class_of(n)) : (n + ALIGN - 1) / ALIGN * ALIGN;
}

struct pool *pool_new(uint64_t limit)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->limit = limit;
	pool->reserved = sizeof(*pool);
	return pool;
}

void pool_free(struct pool **pool)
{
	struct pool *dead = *pool;

	*pool = NULL;
	if (!dead)
		return;
	while (dead->slabs) {
		struct slab *slab = dead->slabs;

		dead->slabs = slab->next;
		free(slab);
	}
	/* Under AddressSanitizer they stay, so that its leak check names who got them. */
	while (dead->large && !WITH_ASAN) {
		struct large *large = dead->large;

		dead->large = large->next;
		free(large);
	}
	free(dead);
}

static void *large_get(struct pool *pool, size_t n)
{
	struct large *large = calloc(1, sizeof(*large) + n);

	if (!large)
		return NULL;
	large->n = n;
	large->next = pool->large;
	if (large->next)
		large->next->prev = large;
	pool->large = large;
	pool->reserved += sizeof(*large) + n;
	return large + 1;
}

static void large_put(struct pool *pool, void *block, size_t n)
{
	struct large *large = (struct large *)block - 1;

	assert(large->n == n);
	if (large->next)
		large->next->prev = large->prev;
	if (large->prev)
		large->prev->next = large->next;
	else
		pool->large = large->next;
	pool->reserved -= sizeof(*large) + n;
	free(large);
}

static bool slab_add(struct pool *pool, struct size_class *class)
{
	struct slab *slab = malloc(SLAB_BYTES);

	if (!slab)
		return false;
	slab->next = pool->slabs;
	pool->slabs = slab;
	pool->reserved += SLAB_BYTES;
	class->fresh = (uint8_t *)(slab + 1);
	class->fresh_left = SLAB_BYTES - sizeof(*slab);
	return true;
}

static void *small_get(struct pool *pool, size_t index, size_t bytes)
{
	struct size_class *class = &pool->classes[index];
	void *block = class->free;

	if (block) {
		class->free = class->free->next;
		return block;
	}
	if (class->fresh_left < bytes && !slab_add(pool, class))
		return NULL;
	block = class->fresh;
	class->fresh += bytes;
	class->fresh_left -= bytes;
	return block;
}

static void *get_unlimited(struct pool *pool, size_t n, size_t cost)
{
	if (WITH_ASAN || n > LARGE)
		return large_get(pool, n);
	return small_get(pool, class_of(n), cost);
}

/* A test asked for this very call to fail. */
static bool fails_on_demand(struct pool *pool)
{
	return pool->fail_in != 0 && --pool->fail_in == 0;
}

void *pool_get_raw(struct pool *pool, size_t n)
{
	void *block = NULL;
	size_t cost = 0;

	if (n <= SIZE_MAX / 2) {
		cost = block_cost(n);
		if (!fails_on_demand(pool) && (pool->limit == 0 || cost <= pool->limit - pool->used))
			block = get_unlimited(pool, n, cost);
	}
	if (!block) {
		pool->failures++;
		return NULL;
	}
	pool->used += cost;
	return block;
}

void *pool_get(struct pool *pool, size_t n)
{
	void *block = pool_get_raw(pool, n);

	return block ? memset(block, 0, n) : NULL;
}

void pool_put(struct pool *pool, void *block, size_t n)
{
	struct size_class *class;
	struct free_block *freed = block;

	if (!block)
		return;
	pool->used -= block_cost(n);
	if (WITH_ASAN || n > LARGE) {
		large_put(pool, block, n);
		return;
	}
	class = &pool->classes[class_of(n)];
	freed->next = class->free;
	class->free = freed;
}

void pool_put_wiped(struct pool *pool, void *block, size_t n)
{
	if (block)
		wipe(block, n);
	pool_put(pool, block, n);
}

struct span pool_copy(struct pool *pool, struct span s)
{
	uint8_t *copy;

	if (!s.p)
		return SPAN_ABSENT;
	copy = pool_get_raw(pool, s.n);
	if (!copy)
		return SPAN_ABSENT;
	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return (struct span){copy, s.n};
}

void pool_drop(struct pool *pool, struct span *copy)
{
	pool_put(pool, (void *)(uintptr_t)copy->p, copy->n); /* the pool's own block: const was only for the borrower */
	*copy = SPAN_ABSENT;
}

uint64_t pool_used(const struct pool *pool)
{
	return pool->used;
}

uint64_t pool_reserved(const struct pool *pool)
{
	return pool->reserved;
}

uint64_t pool_failures(const struct pool *pool)
{
	return pool->failures;
}

uint64_t pool_limit(const struct pool *pool)
{
	return pool->limit;
}

void pool_fail_at(struct pool *pool, uint64_t n)
{
	pool->fail_in = n;
}

void wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory"); /* the compiler must believe that someone reads it */
}
