/*
 * truth.h - counts by name: what the generator wrote, and what came out. Both sides make the same names, so that one more or one
 * less of anything shows.
 *
 *   session.CLOSE  command.VERB.CODE  auth.MECHANISM.RESULT  message.RESULT  finding.ID  octets  gaps  gap_octets  frames
 */
#ifndef BENCH_TRUTH_H
#define BENCH_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

enum { TRUTH_NAMES = 128, TRUTH_NAME_MAX = 64 };

struct truth {
	struct count {
		char name[TRUTH_NAME_MAX];
		uint64_t n;
	} counts[TRUTH_NAMES];
	unsigned used;
};

/* Adds n to a count; the name is a printf format. Ends the program when there are too many names. */
void truth_add(struct truth *t, uint64_t n, const char *format, ...) __attribute__((format(printf, 3, 4)));
uint64_t truth_of(const struct truth *t, const char *name);
/* One name and number a line. False: errno. */
bool truth_write(const struct truth *t, const char *path);
bool truth_read(struct truth *t, const char *path);

#endif
