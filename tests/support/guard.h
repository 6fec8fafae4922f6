/*
 * guard.h - test inputs that end where memory ends, so that one byte read too far is a crash.
 */
#ifndef SMTPSCOPE_TESTS_GUARD_H
#define SMTPSCOPE_TESTS_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "smtpscope/span.h"

/* What a test may not ask of a program whose allocator and address space are not its own. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

/*
 * A copy of n bytes whose last one is followed by a PROT_NONE page. Never NULL, also for n == 0. Copies live until
 * guard_reset(); the oldest of more than 64 is reused.
 */
const uint8_t *guard_copy(const void *p, size_t n);
struct span guard_span(struct span s);
struct span guard_str(const char *s);
/* A writable area of exactly n bytes in front of such a page, filled with AAh. */
uint8_t *guard_room(size_t n);
void guard_reset(void);

#endif
