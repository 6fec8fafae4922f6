/* clock.h - the time of day, for the edge: the core has packet time alone. */
#ifndef SMTPSCOPE_APP_CLOCK_H
#define SMTPSCOPE_APP_CLOCK_H

#include <stdint.h>
#include <time.h>

/* ns since 1970 (UTC) */
static inline int64_t clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#endif
