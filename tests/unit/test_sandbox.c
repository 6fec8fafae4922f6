/* What is still possible once rights were given up (reliability 6): tried from inside, and read off /proc from outside. */
#define _GNU_SOURCE /* syscall */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SMTPSCOPE_UNCONFINED

static char allowed[64];

/* ---- inside: each returns true when it could be done ---- */

static bool open_to_write(void)
{
	return open("/tmp/test_sandbox.new", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool open_another(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool open_named_to_write(void)
{
	return open(allowed, O_RDWR) >= 0;
}

static bool open_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 || socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

static bool execute(void)
{
	char *const argv[] = {(char *)"/bin/true", NULL};

	execv("/bin/true", argv);
	return errno != EPERM;
}

static bool new_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}

static bool run_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static bool become_root(void)
{
	return geteuid() != 0 && setuid(0) == 0;
}

static bool delete_a_file(void)
{
	return unlink(allowed) == 0;
}

static bool signal_others(void)
{
	return kill(getppid(), 0) == 0;
}

static bool open_named(void)
{
	char byte;
	int fd = open(allowed, O_RDONLY);

	return fd >= 0 && read(fd, &byte, 1) == 1 && byte == 'x';
}

static void *nothing(void *arg)
{
	return arg;
}

static bool new_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) == 0 && pthread_join(t, NULL) == 0;
}

static bool get_memory(void)
{
	void *p = malloc(64 << 20);
	bool got = p != NULL;

	free(p);
	return got;
}

struct attempt {
	const char *what;
	bool (*try)(void);
	bool possible;
};

static const struct attempt attempts[] = {
    {"to open a file for writing", open_to_write, false},
    {"to open a file that was not named", open_another, false},
    {"to open a named file for writing", open_named_to_write, false},
    {"to delete a file", delete_a_file, false},
    {"to open a socket", open_socket, false},
    {"to start another program", execute, false},
    {"to fork", new_process, false},
    {"to trace", trace, false},
    {"to map memory that runs", run_memory, false},
    {"to become root again", become_root, false},
    {"to signal others", signal_others, false},
    {"to read a named file", open_named, true},
    {"to start a thread", new_thread, true},
    {"to get memory", get_memory, true},
};
enum { ATTEMPTS = sizeof attempts / sizeof *attempts };

/* The child: a byte for each attempt, then it waits to be looked at. */
static void inside(const struct sandbox *s, int out, int in)
{
	struct err err = {0};
	char possible[ATTEMPTS], byte;

	if (sandbox_enter(s, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	for (size_t i = 0; i < ATTEMPTS; i++)
		possible[i] = attempts[i].try();
	if (write(out, possible, sizeof possible) != sizeof possible)
		_exit(2);
	_exit(read(in, &byte, 1) == 1 ? 0 : 3);
}

static void expect_status(const char *status, const char *line)
{
	if (!strstr(status, line))
		fail_msg("/proc/PID/status lacks \"%s\":\n%s", line, status);
}

static void look_from_outside(pid_t pid)
{
	char path[64], status[8192];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(status, 1, sizeof status - 1, f);
	status[n] = '\0';
	fclose(f);
	expect_status(status, "\nCapInh:\t0000000000000000\n");
	expect_status(status, "\nCapPrm:\t0000000000000000\n");
	expect_status(status, "\nCapEff:\t0000000000000000\n");
	expect_status(status, "\nCapAmb:\t0000000000000000\n");
	expect_status(status, "\nNoNewPrivs:\t1\n");
	expect_status(status, "\nSeccomp:\t2\n");
	if (geteuid() != 0)
		return;
	expect_status(status, "\nCapBnd:\t0000000000000000\n");
	expect_status(status, "\nUid:\t65534\t65534\t65534\t65534\n");
	expect_status(status, "\nGid:\t65534\t65534\t65534\t65534\n");
	expect_status(status, "\nGroups:\t \n");
}

static void test_nothing_is_left(void **state)
{
	const char *read_list[] = {allowed};
	struct sandbox s = {.user = geteuid() == 0 ? "nobody" : NULL, .read = read_list, .reads = 1};
	char possible[ATTEMPTS];
	int up[2], down[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(up) + pipe(down), 0);
	pid = fork();
	if (pid == 0)
		inside(&s, up[1], down[0]);
	close(up[1]);
	assert_int_equal(read(up[0], possible, sizeof possible), sizeof possible);
	look_from_outside(pid);
	assert_int_equal(write(down[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < ATTEMPTS; i++)
		if (possible[i] != attempts[i].possible)
			fail_msg("it was %spossible %s", possible[i] ? "" : "not ", attempts[i].what);
}

static void test_unknown_user(void **state)
{
	struct sandbox s = {.user = "no-such-user-here"};
	struct err err = {0};

	(void)state;
	if (geteuid() != 0)
		return;
	assert_int_equal(sandbox_enter(&s, &err), -1);
	assert_int_equal(err.code, 2);
	assert_non_null(strstr(err.text, "no such user"));
}

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(allowed, "/tmp/test_sandbox.XXXXXX");
	fd = mkstemp(allowed);
	if (fd < 0 || write(fd, "x", 1) != 1 || fchmod(fd, 0644) != 0)
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(allowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unknown_user),
	    cmocka_unit_test(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

#else

int main(void)
{
	puts("sanitizers and coverage need what the sandbox takes away");
	return 77;
}

#endif
