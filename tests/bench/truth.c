/* truth.c - see truth.h. */
#include "truth.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct count *find(const struct truth *t, const char *name)
{
	for (unsigned i = 0; i < t->used; i++) {
		if (strcmp(t->counts[i].name, name) == 0)
			return (struct count *)&t->counts[i];
	}
	return NULL;
}

void truth_add(struct truth *t, uint64_t n, const char *format, ...)
{
	char name[TRUTH_NAME_MAX];
	struct count *c;
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	c = find(t, name);
	if (!c && t->used == TRUTH_NAMES) {
		fprintf(stderr, "more than %d kinds of events; one more is %s\n", TRUTH_NAMES, name);
		exit(1);
	}
	if (!c) {
		c = &t->counts[t->used++];
		memcpy(c->name, name, sizeof(name));
	}
	c->n += n;
}

uint64_t truth_of(const struct truth *t, const char *name)
{
	const struct count *c = find(t, name);

	return c ? c->n : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct count *)a)->name, ((const struct count *)b)->name);
}

bool truth_write(const struct truth *t, const char *path)
{
	struct truth sorted = *t;
	FILE *f = fopen(path, "w");

	if (!f)
		return false;
	qsort(sorted.counts, sorted.used, sizeof(sorted.counts[0]), by_name);
	for (unsigned i = 0; i < sorted.used; i++)
		fprintf(f, "%s %" PRIu64 "\n", sorted.counts[i].name, sorted.counts[i].n);
	return fclose(f) == 0;
}

bool truth_read(struct truth *t, const char *path)
{
	FILE *f = fopen(path, "r");
	char name[TRUTH_NAME_MAX];
	uint64_t n;

	if (!f)
		return false;
	t->used = 0;
	while (fscanf(f, "%63s %" SCNu64, name, &n) == 2)
		truth_add(t, n, "%s", name);
	fclose(f);
	return true;
}
