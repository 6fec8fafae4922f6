/* clock.h - the clocks, for the edge: the core has packet time alone. */
#ifndef SMTPSCOPE_CLOCK_H
#define SMTPSCOPE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ns since 1970 (UTC) */
static inline int64_t clock_now(void)
{
	return clock_read(CLOCK_REALTIME);
}

/* ns since some moment; nobody sets it */
static inline int64_t clock_monotonic(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

#endif
