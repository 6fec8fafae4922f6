/*
 * table.h - a hash table of intrusive nodes in least-recently-used order.
 *
 * The caller embeds struct table_node in its own struct and keeps the key there; hashing is seeded (SipHash-2-4), so keys
 * chosen by an attacker do not collide on purpose. The table never frees an entry: it hands the oldest one out and the
 * caller decides. Buckets grow by doubling, a few at a time, so no single insert costs O(n).
 */
#ifndef SMTPSCOPE_TABLE_H
#define SMTPSCOPE_TABLE_H

#include "smtpscope/pool.h"

struct table_node {
	struct table_node *next;           /* bucket chain */
	struct table_node *newer, *older;  /* LRU list */
	uint32_t hash;
};

struct table; /* opaque */

/* key_eq compares a caller's key with the one in a node. */
typedef bool table_eq(const void *key, const struct table_node *node);

/* max: most entries, 0 = as many as memory allows. */
struct table *table_new(table_eq *eq, const uint8_t seed[16], size_t max);
/* The entries are not touched. */
void table_free(struct table **t);

uint32_t table_hash(const struct table *t, const void *key, size_t n);
struct table_node *table_find(const struct table *t, uint32_t hash, const void *key);
/* Inserts as the newest. False when max is reached or the buckets cannot grow: take table_oldest() out first. */
bool table_insert(struct table *t, struct table_node *node, uint32_t hash);
void table_remove(struct table *t, struct table_node *node);
void table_touch(struct table *t, struct table_node *node); /* becomes the newest */
struct table_node *table_oldest(const struct table *t);     /* NULL when empty */
/* From here on the oldest is the one with the least rank; those of one rank stay in their order. No memory is needed. */
void table_sort(struct table *t, uint64_t (*rank)(const struct table_node *node));
struct table_node *table_newer(const struct table_node *node); /* towards the newest; NULL at the end */
size_t table_count(const struct table *t);

/* SipHash-2-4 (Aumasson, Bernstein 2012) of n bytes under a 128-bit key. */
uint64_t siphash(const uint8_t key[16], const void *data, size_t n);

#endif
