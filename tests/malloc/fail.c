/*
 * fail.c - preloaded into the program: counts calls for memory, and refuses the one whose number stands in the shared page.
 *
 * FAIL_PAGE names the descriptor of a page that the test shares: what it holds is struct fail_page. glibc only: it goes on to the
 * names under which glibc has its own allocator.
 */
#include "fail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static struct fail_page *page;

__attribute__((constructor)) static void begin(void)
{
	const char *number = getenv("FAIL_PAGE");
	void *p = number ? mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(number), 0) : MAP_FAILED;

	page = p == MAP_FAILED ? NULL : p;
}

static int refused(void)
{
	if (!page || atomic_fetch_add(&page->calls, 1) + 1 != page->refuse)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return refused() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return refused() ? NULL : __libc_realloc(p, n);
}
