/*
 * limit_rows.h - what run_limits drives past its limits: one row for each.
 */
#ifndef TESTS_LIMIT_ROWS_H
#define TESTS_LIMIT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a run showed. */
struct outcome {
	uint64_t over; /* how much was beyond the limit, as counted or said */
	uint64_t peak; /* octets of memory */
};

struct limit {
	const char *name; /* "struct.member", or of a constant */
	uint64_t limit;   /* 0: of octets with what it takes to keep order; the largest n at which nothing is said, below far */
	void (*drive)(uint64_t limit, uint64_t n, struct outcome *o);
	bool exact;       /* over is how much n is above the limit; else only whether */
	uint64_t room;    /* octets that another limit beyond this one may take */
	uint64_t far;
};

struct limit_rows {
	const struct limit *row;
	size_t count;
};
extern const struct limit_rows limits_net, limits_smtp, limits_edge;

#endif
