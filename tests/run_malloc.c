#define _GNU_SOURCE
/*
 * run_malloc.c - every call for memory of the whole program fails once: those of libpcap, json-c, libseccomp and libc as well.
 *
 *   run_malloc [-v] [--all]      -v prints what each run says that ends of it; of many calls RUNS are refused, with --all each
 *
 * $SMTPSCOPE runs under tests/malloc/fail.c, over and over. Each run ends by itself: with what it says when nothing fails; with whole
 * lines of which some may lack, and a message that says so; or with status 1 and a message. Never with a signal, never with a torn line.
 * A document (explain, schema) is there as it is when nothing fails, or not at all. Left out are three functions of other libraries
 * that do not survive it, all before the first packet: fail.c names them.
 */
#include "jsonlines.h"
#include "malloc/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20, ARGUMENTS = 10, WAIT = 5 /* seconds until a run hangs */, MANY = 200, RUNS = 40 /* of many calls */ };

enum kind { LINES, TRANSCRIPT, DOCUMENT };

static const struct way {
	const char *name;
	enum kind kind;
	const char *argument[ARGUMENTS];
} ways[] = {
    {"json", LINES, {"-r", "samples/first-look.pcap", "-o", "json", "--no-sandbox"}},
    {"text", TRANSCRIPT, {"-r", "samples/first-look.pcap", "-o", "text", "--no-sandbox"}},
    {"workers", LINES, {"-r", "samples/first-look.pcap", "-o", "json", "--no-sandbox", "--workers", "2"}},
    {"filter", LINES, {"-r", "samples/first-look.pcap", "-o", "json", "--no-sandbox", "tcp", "port", "25"}},
    {"sandbox", LINES, {"-r", "samples/first-look.pcap", "-o", "json"}},
    {"explain", DOCUMENT, {"explain", "535", "-o", "text"}},
    {"reply", DOCUMENT, {"explain", "550 5.1.1", "-o", "json"}},
    {"comparison", DOCUMENT, {"explain", "535", "550", "-o", "json"}},
    {"schema", DOCUMENT, {"schema"}},
};

struct output {
	char p[OUTPUT_MAX];
	size_t n;
};

struct result {
	struct output out, err;
	int status;
};

static struct fail_page *page;
static int page_fd, file[2]; /* where standard output and error go */
static const char *program, *preload;

static void become(const struct way *w)
{
	char number[16], *argv[ARGUMENTS + 2] = {(char *)(uintptr_t)program}; /* execv() does not write to it */

	for (int i = 0; i < ARGUMENTS && w->argument[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)w->argument[i];
	snprintf(number, sizeof number, "%d", page_fd);
	setenv("FAIL_PAGE", number, 1);
	setenv("LD_PRELOAD", preload, 1);
	dup2(file[0], 1);
	dup2(file[1], 2);
	alarm(WAIT);
	execv(program, argv);
	_exit(127);
}

static void read_back(int fd, struct output *o)
{
	ssize_t n = pread(fd, o->p, sizeof o->p, 0);

	o->n = n > 0 ? (size_t)n : 0;
}

static void run(const struct way *w, unsigned long refuse, struct result *r)
{
	pid_t child;

	for (int i = 0; i < 2; i++) {
		if (ftruncate(file[i], 0) != 0)
			exit(2);
		lseek(file[i], 0, SEEK_SET);
	}
	atomic_store(&page->calls, 0);
	page->refuse = refuse;
	child = fork();
	if (child == 0)
		become(w);
	while (waitpid(child, &r->status, 0) < 0 && errno == EINTR)
		;
	read_back(file[0], &r->out);
	read_back(file[1], &r->err);
}

/* All but the last line: the stats tell how much memory was in use. */
static struct span events(const struct way *w, const struct output *o)
{
	struct span all = span_of(o->p, o->n);
	size_t end = w->kind == LINES && o->n ? span_rchr(span_first(all, o->n - 1), '\n') : o->n;

	return span_first(all, end == SPAN_NPOS ? 0 : end);
}

/* NULL, or what is wrong. */
static const char *judge(const struct way *w, const struct result *r, const struct result *normal)
{
	struct span out = span_of(r->out.p, r->out.n);
	int status = WEXITSTATUS(r->status);

	if (WIFSIGNALED(r->status))
		return strsignal(WTERMSIG(r->status));
	if (w->kind == LINES && !jsonlines_valid(out))
		return "a line is not valid";
	if (status == 1)
		return r->err.n ? NULL : "the run ended, and nothing is said";
	if (status != 0)
		return "another status than 0 and 1";
	if (w->kind == TRANSCRIPT && (!out.n || out.p[out.n - 1] != '\n'))
		return "a torn line";
	if (span_eq(events(w, &r->out), events(w, &normal->out)))
		return NULL;
	if (w->kind == DOCUMENT)
		return "another document";
	return span_find(span_of(r->err.p, r->err.n), SPAN("smtpscope: ")) != SPAN_NPOS ? NULL : "other output, and nothing says why";
}

static unsigned sweep(const struct way *w, bool verbose, bool all)
{
	static struct result normal, r;
	unsigned failed = 0, ended = 0;
	unsigned long total, step;

	run(w, 0, &normal);
	total = atomic_load(&page->calls);
	step = all || total <= MANY ? 1 : total / RUNS + 1;
	for (unsigned long at = 1; at <= total; at += step) {
		const char *wrong;

		run(w, at, &r);
		wrong = judge(w, &r, &normal);
		ended += WIFEXITED(r.status) && WEXITSTATUS(r.status) == 1;
		if (verbose && WIFEXITED(r.status) && WEXITSTATUS(r.status) == 1)
			printf("%s %lu: %.*s", w->name, at, (int)r.err.n, r.err.p);
		if (wrong && ++failed <= 20)
			printf("%s: call %lu for memory fails: %s: %.*s\n", w->name, at, wrong, r.err.n > 200 ? 200 : (int)r.err.n, r.err.p);
	}
	printf("%s: %lu of %lu calls refused, which ended %u runs\n", w->name, (total + step - 1) / step, total, ended);
	return failed;
}

static bool runs(void)
{
	static struct result r;

	run(&ways[0], 0, &r);
	return WIFEXITED(r.status) && WEXITSTATUS(r.status) == 0 && atomic_load(&page->calls) > 0;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0, all = argc > 1 && strcmp(argv[argc - 1], "--all") == 0;
	unsigned failed = 0, count = sizeof ways / sizeof *ways;

	program = getenv("SMTPSCOPE") ? getenv("SMTPSCOPE") : "./smtpscope";
	preload = getenv("FAIL_SO");
	if (!preload || access(preload, R_OK) != 0) {
		printf("no allocator to preload (glibc only, and not under a sanitizer or for coverage, whose own memory fails)\n");
		return 77;
	}
	page_fd = memfd_create("page", 0);
	file[0] = memfd_create("out", 0);
	file[1] = memfd_create("err", 0);
	if (page_fd < 0 || ftruncate(page_fd, sizeof *page) != 0)
		return 2;
	page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
	if (page == MAP_FAILED)
		return 2;
	if (!runs()) {
		printf("the program does not run with another allocator in front of libc's\n");
		return 77;
	}
	for (unsigned i = 0; i < count; i++)
		failed += sweep(&ways[i], verbose, all);
	printf("%u passed, %u failed, 0 skipped\n", failed ? 0 : count, failed);
	return failed != 0;
}
