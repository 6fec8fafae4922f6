/*
 * pool.h - all dynamic memory of one pipeline: size-class slabs with a limit, and arenas on top of them.
 *
 * Law L3: an allocation that fails (limit reached, or malloc refused) returns NULL and is counted; callers treat it as
 * "limit reached". Blocks are zeroed. Not thread-safe: one pool per pipeline.
 */
#ifndef SMTPSCOPE_POOL_H
#define SMTPSCOPE_POOL_H

#include "smtpscope/span.h"

struct pool;

/* limit: bytes that may be in use at once, 0 = no limit. NULL when even that cannot be had. */
struct pool *pool_new(uint64_t limit);
/* Every block must have been given back; what was not is freed too (and pool_used() told of it before). */
void pool_free(struct pool **pool);

/* n zeroed bytes, aligned for any type of that size, or NULL. n is rounded up to a size class; freed blocks are kept for reuse. */
void *pool_get(struct pool *pool, size_t n);
/* The same not zeroed, for what is written before it is read: clearing a kilobyte costs as much as all the rest of a packet. */
void *pool_get_raw(struct pool *pool, size_t n);
/* Gives back a block of pool_get() or pool_get_raw() with the same n. NULL is allowed. */
void pool_put(struct pool *pool, void *block, size_t n);
/* As pool_put, after overwriting the block: for scratch that held secrets. */
void pool_put_wiped(struct pool *pool, void *block, size_t n);
/* A copy of s; absent span on failure or for an absent s. An empty s gives a non-NULL span of length 0. */
struct span pool_copy(struct pool *pool, struct span s);
/* Gives back what pool_copy() returned and makes the span absent. */
void pool_drop(struct pool *pool, struct span *copy);

uint64_t pool_used(const struct pool *pool);     /* bytes in blocks handed out */
uint64_t pool_reserved(const struct pool *pool); /* bytes taken from the system */
uint64_t pool_failures(const struct pool *pool); /* times NULL was returned */
uint64_t pool_limit(const struct pool *pool);
/* Tests: the n-th pool_get() from now (1 = the next) returns NULL; 0 switches off. */
void pool_fail_at(struct pool *pool, uint64_t n);

/* Writes zeros in a way the compiler may not leave out. */
void wipe(void *p, size_t n);

/*
 * Arena: many small pieces that die together. Chained blocks from the pool, embedded in its owner. Zero-initialised = empty.
 */
struct arena_block;
struct arena {
	struct pool *pool;
	struct arena_block *block; /* newest first */
	size_t used;               /* bytes used in the newest block */
	size_t total;              /* bytes taken from the pool */
	size_t limit;              /* total may not exceed this; 0 = no limit of its own */
};
void arena_init(struct arena *a, struct pool *pool, size_t limit);
/* Zeroed and aligned for any type, or NULL when a limit is reached. */
void *arena_get(struct arena *a, size_t n);
void *arena_get_raw(struct arena *a, size_t n); /* the same, holding anything: for what is written before it is read */
struct span arena_copy(struct arena *a, struct span s); /* absent on failure */
/* Gives everything back to the pool; the arena is empty and usable. */
void arena_clear(struct arena *a);

#endif
