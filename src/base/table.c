/*
 * table.c - chained hash table of intrusive nodes, kept in least-recently-used order.
 *
 * Growth: a second array of twice the size is made and every insert moves MOVE_PER_INSERT chains over, so the old array
 * is empty long before the new one is full. Chains below `moved` live in the new array, the others still in the old.
 *
 * Invariants: a node is in exactly one chain and in the LRU list; count <= half the number of buckets, so that most looks for what is
 * not there end at an empty one: a node is a cache miss more than its bucket.
 * Left out on purpose: shrinking. A table that was full once will be full again under the same attack.
 */
#include "smtpscope/table.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64u
#define MAX_BUCKETS ((size_t)1 << 31) /* the hash has 32 bits */
#define MOVE_PER_INSERT 4u            /* >= 1 is enough; 4 ends the time with two arrays early */

struct buckets {
	struct table_node **chain;
	size_t n; /* a power of two; 0 when there are none */
};

struct table {
	table_eq *eq;
	uint8_t seed[16];
	size_t max;
	size_t count;
	struct buckets now;
	struct buckets old; /* n is 0 unless growing */
	size_t moved;       /* chains of old that are in now already */
	struct table_node *newest, *oldest;
};

static bool buckets_alloc(struct buckets *b, size_t n)
{
	b->chain = calloc(n, sizeof(struct table_node *));
	b->n = b->chain ? n : 0;
	return b->chain != NULL;
}

struct table *table_new(table_eq *eq, const uint8_t seed[16], size_t max)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (!buckets_alloc(&t->now, FIRST_BUCKETS)) {
		free(t);
		return NULL;
	}
	t->eq = eq;
	t->max = max;
	memcpy(t->seed, seed, sizeof(t->seed));
	return t;
}

void table_free(struct table **t)
{
	struct table *dead = *t;

	*t = NULL;
	if (!dead)
		return;
	free(dead->old.chain);
	free(dead->now.chain);
	free(dead);
}

uint32_t table_hash(const struct table *t, const void *key, size_t n)
{
	uint64_t h = siphash(t->seed, key, n);

	return (uint32_t)(h ^ h >> 32);
}

static struct table_node **chain_of(const struct table *t, uint32_t hash)
{
	size_t at = hash & (t->old.n - 1);

	if (t->old.n != 0 && at >= t->moved)
		return &t->old.chain[at];
	return &t->now.chain[hash & (t->now.n - 1)];
}

struct table_node *table_find(const struct table *t, uint32_t hash, const void *key)
{
	struct table_node *node = *chain_of(t, hash);

	while (node && !(node->hash == hash && t->eq(key, node)))
		node = node->next;
	return node;
}

static void move_chain(struct table *t)
{
	struct table_node *node = t->old.chain[t->moved++];

	while (node) {
		struct table_node *next = node->next;
		struct table_node **head = &t->now.chain[node->hash & (t->now.n - 1)];

		node->next = *head;
		*head = node;
		node = next;
	}
}

static void move_some(struct table *t)
{
	for (unsigned i = 0; i < MOVE_PER_INSERT && t->moved < t->old.n; i++)
		move_chain(t);
	if (t->old.n != 0 && t->moved == t->old.n) {
		free(t->old.chain);
		t->old = (struct buckets){NULL, 0};
	}
}

/* Room for one more at load factor 1/2. The last growth is over by now: n/4 inserts moved the n/2 chains. */
static bool make_room(struct table *t)
{
	struct buckets bigger;

	if (2 * t->count < t->now.n)
		return true;
	if (t->now.n >= MAX_BUCKETS || !buckets_alloc(&bigger, t->now.n * 2))
		return false;
	t->old = t->now;
	t->now = bigger;
	t->moved = 0;
	return true;
}

static void list_push(struct table *t, struct table_node *node)
{
	node->newer = NULL;
	node->older = t->newest;
	if (t->newest)
		t->newest->newer = node;
	else
		t->oldest = node;
	t->newest = node;
}

static void list_take(struct table *t, struct table_node *node)
{
	if (node->newer)
		node->newer->older = node->older;
	else
		t->newest = node->older;
	if (node->older)
		node->older->newer = node->newer;
	else
		t->oldest = node->newer;
	node->newer = NULL;
	node->older = NULL;
}

bool table_insert(struct table *t, struct table_node *node, uint32_t hash)
{
	struct table_node **head;

	if ((t->max != 0 && t->count >= t->max) || !make_room(t))
		return false;
	move_some(t);
	head = chain_of(t, hash);
	node->hash = hash;
	node->next = *head;
	*head = node;
	list_push(t, node);
	t->count++;
	return true;
}

void table_remove(struct table *t, struct table_node *node)
{
	struct table_node **link = chain_of(t, node->hash);

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	node->next = NULL;
	list_take(t, node);
	t->count--;
}

void table_touch(struct table *t, struct table_node *node)
{
	if (t->newest == node)
		return;
	list_take(t, node);
	list_push(t, node);
}

struct table_node *table_oldest(const struct table *t)
{
	return t->oldest;
}

struct table_node *table_newer(const struct table_node *node)
{
	return node->newer;
}

/* ---- order ---- */

/* Two lists in order, linked by newer, become one; a stays in front of b where they are equal. */
static struct table_node *merge(struct table_node *a, struct table_node *b, uint64_t (*rank)(const struct table_node *node))
{
	struct table_node *first = NULL, **end = &first;

	while (a && b) {
		struct table_node **least = rank(b) < rank(a) ? &b : &a;

		*end = *least;
		end = &(*least)->newer;
		*least = *end;
	}
	*end = a ? a : b;
	return first;
}

void table_sort(struct table *t, uint64_t (*rank)(const struct table_node *node))
{
	enum { RUNS = 64 };
	struct table_node *run[RUNS] = {NULL}, *rest = t->oldest, *all = NULL, *before = NULL; /* run[i]: none, or 2^i nodes in order */

	while (rest) {
		struct table_node *one = rest;
		unsigned i = 0;

		rest = rest->newer;
		one->newer = NULL;
		for (; i < RUNS - 1 && run[i]; i++) {
			one = merge(run[i], one, rank);
			run[i] = NULL;
		}
		run[i] = one;
	}
	for (unsigned i = 0; i < RUNS; i++)
		all = merge(run[i], all, rank);
	t->oldest = all;
	for (struct table_node *n = all; n; n = n->newer) {
		n->older = before;
		before = n;
	}
	t->newest = before;
}

size_t table_count(const struct table *t)
{
	return t->count;
}
