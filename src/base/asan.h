/*
 * asan.h - tells AddressSanitizer which bytes may not be touched. Nothing at all without it.
 */
#ifndef SMTPSCOPE_BASE_ASAN_H
#define SMTPSCOPE_BASE_ASAN_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

#if WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

static inline void asan_forbid(const void *p, size_t n)
{
#if WITH_ASAN
	__asan_poison_memory_region(p, n);
#else
	(void)p;
	(void)n;
#endif
}

static inline void asan_allow(const void *p, size_t n)
{
#if WITH_ASAN
	__asan_unpoison_memory_region(p, n);
#else
	(void)p;
	(void)n;
#endif
}

#endif
