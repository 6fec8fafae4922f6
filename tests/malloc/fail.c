/*
 * fail.c - preloaded into the program: counts calls for memory, and refuses the one whose number stands in the shared page.
 *
 * FAIL_PAGE names the descriptor of a page that the test shares: what it holds is struct fail_page. glibc only: it goes on to the
 * names under which glibc has its own allocator.
 *
 * Not counted are calls from inside of the functions below, which crash or hang in their own library when memory is refused (2026-11-26,
 * Debian 12, each seen in a debugger):
 *   getpwnam()      glibc 2.36: nss_database_check_reload_and_get() reads through a null pointer, nss_database_reload() fails an assert
 *   seccomp_load()  libseccomp 2.5.4: loops for ever, or loads a filter that lacks calls, so that exit_group() is refused
 *   pcap_compile()  libpcap 1.10.3
 */
#define _GNU_SOURCE /* RTLD_NEXT */
#include "fail.h"

#include <dlfcn.h>
#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static struct fail_page *page;
static _Thread_local bool spared;

__attribute__((constructor)) static void begin(void)
{
	const char *number = getenv("FAIL_PAGE");
	void *p = number ? mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(number), 0) : MAP_FAILED;

	page = p == MAP_FAILED ? NULL : p;
}

static int refused(void)
{
	if (!page || spared || atomic_fetch_add(&page->calls, 1) + 1 != page->refuse)
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

/* ---- what does not survive it ---- */

/* The function of that name behind this library, as a pointer of its type at *to. */
static void next(const char *name, void *to, size_t size)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (!p)
		abort();
	memcpy(to, &p, size);
}

struct passwd *getpwnam(const char *name)
{
	struct passwd *(*call)(const char *), *user;

	next("getpwnam", &call, sizeof call);
	spared = true;
	user = call(name);
	spared = false;
	return user;
}

int seccomp_load(const void *filter)
{
	int (*call)(const void *), status;

	next("seccomp_load", &call, sizeof call);
	spared = true;
	status = call(filter);
	spared = false;
	return status;
}

int pcap_compile(void *pcap, void *program, const char *filter, int optimize, uint32_t netmask)
{
	int (*call)(void *, void *, const char *, int, uint32_t), status;

	next("pcap_compile", &call, sizeof call);
	spared = true;
	status = call(pcap, program, filter, optimize, netmask);
	spared = false;
	return status;
}
