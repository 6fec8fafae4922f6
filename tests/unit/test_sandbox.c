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
#include <netinet/in.h>
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
static char folder[64]; /* where an output is */
static uint16_t allowed_port, other_port; /* somebody listens on both */

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

static const char *in_folder(const char *name)
{
	static char path[2][96];
	static int which;

	which ^= 1;
	snprintf(path[which], sizeof path[which], "%s/%s", folder, name);
	return path[which];
}

/* As a sink opens its next file. */
static bool make_output(void)
{
	return open(in_folder("output"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640) >= 0;
}

static bool rename_output(void)
{
	return rename(in_folder("there"), in_folder("aside")) == 0 && rename(in_folder("aside"), in_folder("there")) == 0;
}

static bool chmod_output(mode_t mode)
{
	int fd = open(in_folder("output"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

	return fd >= 0 && fchmod(fd, mode) == 0;
}

static bool let_others_read(void)
{
	return chmod_output(0644);
}

static bool let_others_write(void)
{
	return chmod_output(0666);
}

static bool read_output(void)
{
	return open(in_folder("there"), O_RDONLY) >= 0;
}

static bool make_elsewhere(void)
{
	return open("/tmp/test_sandbox.new", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640) >= 0;
}

static bool open_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool connect_to(uint16_t port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)&name, sizeof name) == 0;
}

static bool connect_to_named(void)
{
	return connect_to(allowed_port);
}

static bool connect_to_other(void)
{
	return connect_to(other_port);
}

static bool listen_itself(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, (const struct sockaddr *)&name, sizeof name) == 0 && listen(fd, 1) == 0;
}

static bool open_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
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

/* What a run needs: nothing but reading; a file that is opened anew; one that is rotated; a connection made anew. */
enum { READS, REOPENS, ROTATES, METRICS, UNIX_SINK, TCP_SINK, KAFKA_SINK, CASES };
#define ALWAYS ((1u << CASES) - 1)

struct attempt {
	const char *what;
	bool (*try)(void);
	unsigned possible; /* bits of cases */
};

static const struct attempt attempts[] = {
    {"to open a file for writing", open_to_write, 0},
    {"to open a file that was not named", open_another, 0},
    {"to open a named file for writing", open_named_to_write, 0},
    {"to delete a file", delete_a_file, 0},
    {"to make a file where the output is", make_output, 1u << REOPENS | 1u << ROTATES | 1u << METRICS},
    {"to rename a file there", rename_output, 1u << ROTATES | 1u << METRICS},
    {"to let others read a file there", let_others_read, 1u << METRICS},
    {"to let others write a file there", let_others_write, 0},
    {"to read a file there", read_output, 0},
    {"to make a file elsewhere", make_elsewhere, 0},
    {"to open a unix socket", open_unix, 1u << UNIX_SINK | 1u << KAFKA_SINK},
    {"to connect to the port of the sink", connect_to_named, 1u << TCP_SINK | 1u << KAFKA_SINK},
    {"to connect to another port", connect_to_other, 1u << KAFKA_SINK},
    {"to listen", listen_itself, 0},
    {"to open a packet socket", open_packet_socket, 0},
    {"to start another program", execute, 0},
    {"to fork", new_process, 0},
    {"to trace", trace, 0},
    {"to map memory that runs", run_memory, 0},
    {"to become root again", become_root, 0},
    {"to signal others", signal_others, 0},
    {"to read a named file", open_named, ALWAYS},
    {"to start a thread", new_thread, ALWAYS},
    {"to get memory", get_memory, ALWAYS},
};
enum { ATTEMPTS = sizeof attempts / sizeof *attempts };

static void needs_of(int which, struct sandbox *s)
{
	*s = (struct sandbox){.user = geteuid() == 0 ? "nobody" : NULL};
	sandbox_read(s, allowed);
	if (which == REOPENS || which == ROTATES || which == METRICS)
		s->folder[s->folders++] = (struct sandbox_folder){folder, which != REOPENS, which == METRICS};
	s->unix_sockets = which == UNIX_SINK;
	s->tcp_sockets = which == TCP_SINK;
	s->any_sockets = which == KAFKA_SINK;
	if (which == TCP_SINK)
		s->port[s->ports++] = allowed_port;
}

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

static void check_case(int which)
{
	static struct sandbox s;
	char possible[ATTEMPTS];
	int up[2], down[2], status;
	pid_t pid;

	needs_of(which, &s);
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
	close(up[0]);
	close(down[0]);
	close(down[1]);
	for (size_t i = 0; i < ATTEMPTS; i++)
		if (possible[i] != (char)(attempts[i].possible >> which & 1))
			fail_msg("case %d: it was %spossible %s", which, possible[i] ? "" : "not ", attempts[i].what);
}

static void test_nothing_is_left(void **state)
{
	(void)state;
	for (int which = 0; which < CASES; which++)
		check_case(which);
}

static void test_unknown_user(void **state)
{
	static struct sandbox s = {.user = "no-such-user-here"};
	struct err err = {0};

	(void)state;
	if (geteuid() != 0)
		return;
	assert_int_equal(sandbox_enter(&s, &err), -1);
	assert_int_equal(err.code, 2);
	assert_non_null(strstr(err.text, "no such user"));
}

static int listen_on(uint16_t *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&name, n) != 0 || listen(fd, CASES) != 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &n) != 0)
		return -1;
	*port = ntohs(name.sin_port);
	return fd;
}

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(allowed, "/tmp/test_sandbox.XXXXXX");
	fd = mkstemp(allowed);
	if (fd < 0 || write(fd, "x", 1) != 1 || fchmod(fd, 0644) != 0 || close(fd) != 0)
		return -1;
	strcpy(folder, "/tmp/test_sandbox_out.XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0777) != 0) /* nobody's as well */
		return -1;
	fd = open(in_folder("there"), O_WRONLY | O_CREAT, 0644);
	return fd < 0 || close(fd) != 0 || listen_on(&allowed_port) < 0 || listen_on(&other_port) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(in_folder("there"));
	unlink(in_folder("output"));
	return unlink(allowed) | rmdir(folder);
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
