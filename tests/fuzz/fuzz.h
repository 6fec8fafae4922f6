/*
 * fuzz.h - what the fuzz targets share: taking choices from the input, copies that end where they end, and giving up loudly.
 *
 * A target is a function over bytes; clang's libFuzzer calls it with inputs it makes up (make fuzz), replay.c with files (make
 * fuzz-replay). An input that breaks a promise ends the process by abort(), so that both take it for a finding.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "smtpscope/event.h"
#include "smtpscope/pool.h"
#include "smtpscope/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Prints what was promised and aborts. */
void fuzz_fail(const char *file, int line, const char *promise) __attribute__((noreturn));
#define FUZZ_CHECK(promise) ((promise) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #promise))

/* A copy in memory of its own, so that AddressSanitizer sees the first octet read too far, also of an empty one. Never NULL. */
uint8_t *fuzz_copy(struct span s);

/* Numbers that an octet of the input stands for. */
struct fuzz_random {
	uint64_t state;
};
struct fuzz_random fuzz_random(uint64_t seed);
uint32_t fuzz_pick(struct fuzz_random *r, uint32_t below);
/* Length of the next piece of n octets: mostly short ones, now and then all. At least 1 where n is. */
size_t fuzz_piece(struct fuzz_random *r, size_t n);

/* Inner lies in outer, or is absent. */
bool fuzz_inside(struct span inner, struct span outer);
/* Nothing of the pool is out; frees it. */
void fuzz_pool_done(struct pool **pool);

/* The made-up secret that targets put where the grammar has one. */
#define FUZZ_SECRET SPAN("pw%Zq7-Xk4mN")
enum { FUZZ_SECRET_OCTETS = 12 };

#endif
