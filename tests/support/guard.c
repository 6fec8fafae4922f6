/*
 * guard.c - see guard.h. A ring of mappings, each some pages that can be written and one that cannot be touched.
 */
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 64 /* a test compares a handful of inputs at a time */

static struct {
	uint8_t *map;
	size_t room;  /* bytes before the guard page */
	size_t total; /* with it */
} slots[SLOTS];
static unsigned next_slot;

static void slot_unmap(unsigned i)
{
	if (slots[i].map)
		(void)munmap(slots[i].map, slots[i].total);
	slots[i].map = NULL;
}

static void slot_map(unsigned i, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	slots[i].room = (n / page + 1) * page;
	slots[i].total = slots[i].room + page;
	slots[i].map = mmap(NULL, slots[i].total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slots[i].map == MAP_FAILED || mprotect(slots[i].map + slots[i].room, page, PROT_NONE) != 0) {
		perror("guard");
		abort();
	}
}

uint8_t *guard_room(size_t n)
{
	unsigned i = next_slot++ % SLOTS;
	uint8_t *at;

	if (slots[i].map && slots[i].room < n)
		slot_unmap(i);
	if (!slots[i].map)
		slot_map(i, n);
	at = slots[i].map + slots[i].room - n;
	memset(at, 0xAA, n);
	return at;
}

const uint8_t *guard_copy(const void *p, size_t n)
{
	uint8_t *at = guard_room(n);

	if (n > 0)
		memcpy(at, p, n);
	return at;
}

struct span guard_span(struct span s)
{
	return (struct span){guard_copy(s.p, s.n), s.n};
}

struct span guard_str(const char *s)
{
	return guard_span(span_str(s));
}

void guard_reset(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		slot_unmap(i);
	next_slot = 0;
}
