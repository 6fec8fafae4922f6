/* fail.h - what the test and the preloaded allocator share. */
#ifndef TESTS_MALLOC_FAIL_H
#define TESTS_MALLOC_FAIL_H

#include <stdatomic.h>

struct fail_page {
	atomic_ulong calls;   /* for memory, so far */
	unsigned long refuse; /* the number of the one that fails; 0 none */
};

#endif
