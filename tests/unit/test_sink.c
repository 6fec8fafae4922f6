/*
 * Sinks: every record that is given is written whole, waiting, or counted as lost, whatever becomes of the file or the listener
 * (reliability R60, R62, R63; issue: sinks).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpscope/err.h"
#include "smtpscope/sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[64];
static char said[4096]; /* what sinks complained of */

static void complain(const char *text)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof said - n, "%s\n", text);
}

static const char *in_dir(const char *name)
{
	static char path[2][512];
	static int which;

	which ^= 1;
	snprintf(path[which], sizeof path[which], "%s/%s", dir, name);
	return path[which];
}

/* ---- records: "N padding\n", so that the reader can tell which came, and whether whole ---- */

enum { RECORD = 100 };

static void write_records(struct sink *s, unsigned from, unsigned to, size_t size)
{
	char *record = malloc(size);

	memset(record, 'x', size);
	record[size - 1] = '\n';
	for (unsigned i = from; i < to; i++) {
		char number[16];
		int n = snprintf(number, sizeof number, "%08u ", i);

		memcpy(record, number, (size_t)n);
		sink_write(s, span_of(record, size), SPAN("key"));
	}
	free(record);
}

/* Whole records of that size in ascending order from *next on; how many. Holes are counted. */
static unsigned check_records(const char *octets, size_t n, size_t size, unsigned *next, unsigned *holes)
{
	unsigned count = 0;

	assert_int_equal(n % size, 0);
	for (size_t at = 0; at < n; at += size, count++) {
		unsigned number = (unsigned)strtoul(octets + at, NULL, 10);

		assert_int_equal(octets[at + size - 1], '\n');
		assert_int_equal(octets[at + 8], ' ');
		assert_true(number >= *next);
		*holes += number - *next;
		*next = number + 1;
	}
	return count;
}

static size_t slurp(const char *path, char *dst, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(dst, 1, cap, f) : 0;

	if (f)
		fclose(f);
	return n;
}

static unsigned check_file(const char *path, unsigned *next)
{
	static char octets[4 << 20];
	unsigned holes = 0, n = check_records(octets, slurp(path, octets, sizeof octets), RECORD, next, &holes);

	assert_int_equal(holes, 0);
	return n;
}

static struct sink *open_sink(const char *target, const struct sink_options *o)
{
	struct err err = {0};
	struct sink *s = sink_open(target, o, &err);

	if (!s)
		fail_msg("%s", err.text);
	assert_int_equal(sink_start(s, &err), 0);
	return s;
}

static void expect_balance(struct sink *s, uint64_t given)
{
	struct sink_stats st;

	sink_stats(s, &st);
	assert_int_equal(st.records, given);
	assert_int_equal(st.written + st.queued + sink_lost(s), given);
}

static void wait_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* ---- files ---- */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_log(const struct dirent *d)
{
	return strncmp(d->d_name, "log", 3) == 0;
}

static void test_file(void **state)
{
	const char *path = in_dir("plain");
	unsigned next = 0;
	struct stat st;

	(void)state;
	for (unsigned run = 0; run < 2; run++) { /* the second appends */
		struct sink *s = open_sink(path, NULL);

		write_records(s, run * 5000, run * 5000 + 5000, RECORD);
		expect_balance(s, 5000);
		assert_int_equal(sink_close(&s, NULL), 0);
	}
	assert_int_equal(check_file(path, &next), 10000);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* All files together hold all records in order, none is larger than asked for, no line is torn. */
static void rotate_by_size(const char *pattern, size_t limit, unsigned records)
{
	const struct sink_options o = {.rotate_bytes = limit};
	struct sink *s = open_sink(in_dir(pattern), &o);
	struct dirent **list;
	unsigned next = 0, seen = 0;
	int files;

	write_records(s, 0, records, RECORD);
	expect_balance(s, records);
	assert_int_equal(sink_close(&s, NULL), 0);
	files = scandir(dir, &list, is_log, by_name);
	assert_int_equal(files, records ? (int)((records + limit / RECORD - 1) / (limit / RECORD)) : 1);
	for (unsigned found = 1; found && seen < records;) { /* names do not sort as numbers do: look for the file that goes on */
		found = 0;
		for (int i = 0; i < files; i++) {
			char octets[16];
			const char *path = in_dir(list[i]->d_name);
			struct stat st;

			if (slurp(path, octets, 9) != 9 || strtoul(octets, NULL, 10) != next)
				continue;
			assert_int_equal(stat(path, &st), 0);
			assert_true((size_t)st.st_size <= limit);
			seen += found = check_file(path, &next);
			break;
		}
	}
	assert_int_equal(seen, records);
	for (int i = 0; i < files; i++) {
		unlink(in_dir(list[i]->d_name));
		free(list[i]);
	}
	free(list);
}

static void test_rotation_by_size(void **state)
{
	(void)state;
	rotate_by_size("log", 1000, 95);
	rotate_by_size("log-%Y.json", 1050, 42);
	rotate_by_size("log", 64 * RECORD, 4000); /* beyond a block, and several files in one */
	rotate_by_size("log", 1000, 0);
}

/* A record that is larger than a file may be has one for itself. */
static void test_record_larger_than_a_file(void **state)
{
	const struct sink_options o = {.rotate_bytes = 50};
	struct sink *s = open_sink(in_dir("log"), &o);
	struct dirent **list;
	int files;

	(void)state;
	write_records(s, 0, 3, RECORD);
	assert_int_equal(sink_close(&s, NULL), 0);
	files = scandir(dir, &list, is_log, by_name);
	assert_int_equal(files, 3);
	for (int i = 0; i < files; i++) {
		unlink(in_dir(list[i]->d_name));
		free(list[i]);
	}
	free(list);
}

static void test_rotation_by_time(void **state)
{
	const struct sink_options o = {.rotate_seconds = 1, .live = true};
	struct sink *s = open_sink(in_dir("log-%H%M%S"), &o);
	struct dirent **list;
	unsigned next = 0;
	int files;

	(void)state;
	write_records(s, 0, 10, RECORD);
	sink_flush(s);
	wait_ms(1050);
	sink_tick(s); /* without anything to write, too */
	write_records(s, 10, 20, RECORD);
	assert_int_equal(sink_close(&s, NULL), 0);
	files = scandir(dir, &list, is_log, by_name);
	assert_true(files == 2 || files == 3); /* 3: a second began between opening and writing */
	for (int i = 0; i < files; i++) {
		check_file(in_dir(list[i]->d_name), &next);
		unlink(in_dir(list[i]->d_name));
		free(list[i]);
	}
	free(list);
	assert_int_equal(next, 20);
}

static void test_reopening(void **state)
{
	struct sink_signals signals = {0};
	const struct sink_options o = {.live = true, .signals = &signals, .complain = complain};
	char path[512], moved[512];
	unsigned next = 0;
	struct sink *s;

	(void)state;
	said[0] = '\0';
	snprintf(path, sizeof path, "%s/reopened", dir);
	snprintf(moved, sizeof moved, "%s/moved", dir);
	s = open_sink(path, &o);
	write_records(s, 0, 10, RECORD);
	sink_flush(s);
	assert_int_equal(rename(path, moved), 0);
	write_records(s, 10, 20, RECORD);
	sink_flush(s); /* nobody has said anything: the moved file goes on */
	atomic_fetch_add(&signals.reopen, 1);
	write_records(s, 20, 30, RECORD);
	sink_tick(s);
	assert_int_equal(check_file(moved, &next), 20);
	assert_int_equal(check_file(path, &next), 10);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* cannot be opened */
	atomic_fetch_add(&signals.reopen, 1);
	write_records(s, 30, 40, RECORD);
	sink_tick(s);
	assert_non_null(strstr(said, "cannot open it anew"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(sink_close(&s, NULL), 0);
	next = 20;
	assert_int_equal(check_file(moved, &next), 20);
}

static void limit_files(rlim_t octets)
{
	struct rlimit limit = {octets, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit of the size stands for a full disk. Live: the file ends in a whole line, what comes waits, and goes when there is room. */
static void test_full_disk_live(void **state)
{
	const struct sink_options o = {.live = true, .complain = complain};
	const char *path = in_dir("full");
	struct sink *s = open_sink(path, &o);
	struct sink_stats st;
	unsigned next = 0;

	(void)state;
	said[0] = '\0';
	limit_files(1050);
	write_records(s, 0, 30, RECORD);
	sink_tick(s);
	sink_tick(s);
	assert_int_equal(check_file(path, &next), 10);
	assert_non_null(strstr(said, "File too large"));
	sink_stats(s, &st);
	assert_int_equal(st.written, 10);
	assert_int_equal(st.queued, 20);
	assert_false(sink_failed(s));
	limit_files(RLIM_INFINITY);
	wait_ms(1100);
	sink_tick(s);
	assert_non_null(strstr(said, "it can be written again"));
	expect_balance(s, 30);
	assert_int_equal(sink_lost(s), 0);
	assert_int_equal(sink_close(&s, NULL), 0);
	next = 0;
	assert_int_equal(check_file(path, &next), 30);
}

/* Offline: it stops, says so, and the file ends in a whole line. */
static void test_full_disk_offline(void **state)
{
	const char *path = in_dir("full-offline");
	struct sink *s = open_sink(path, NULL);
	struct err err = {0};
	unsigned next = 0;

	(void)state;
	limit_files(1050);
	write_records(s, 0, 30, RECORD);
	sink_flush(s);
	assert_true(sink_failed(s));
	write_records(s, 30, 40, RECORD);
	expect_balance(s, 40);
	limit_files(RLIM_INFINITY);
	assert_int_equal(sink_close(&s, &err), -1);
	assert_int_equal(err.code, 1);
	assert_non_null(strstr(err.text, "30 records not written"));
	assert_int_equal(check_file(path, &next), 10);
}

/* A pipe that nobody reads live: nothing waits, whole records go when somebody does. */
static void test_slow_pipe(void **state)
{
	const struct sink_options o = {.live = true, .complain = complain};
	const char *path = in_dir("fifo");
	static char octets[4 << 20];
	unsigned next = 0, holes = 0;
	size_t n = 0;
	struct sink *s;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	s = open_sink(path, &o);
	write_records(s, 0, 20000, RECORD); /* a pipe holds 64 KiB */
	sink_tick(s);
	expect_balance(s, 20000);
	for (ssize_t got; n < 20000 * RECORD; sink_tick(s))
		while ((got = read(fd, octets + n, sizeof octets - n)) > 0)
			n += (size_t)got;
	assert_int_equal(check_records(octets, n, RECORD, &next, &holes), 20000);
	assert_int_equal(holes, 0);
	close(fd);
	write_records(s, 20000, 20001, RECORD);
	sink_flush(s);
	assert_true(sink_pipe_closed(s));
	assert_int_equal(sink_close(&s, NULL), 0);
}

/* ---- sockets ---- */

static int listen_unix(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static int listen_tcp(uint16_t *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(*port)};
	socklen_t n = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &n), 0);
	*port = ntohs(name.sin_port);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* Reads until nothing has come for a while; ticks meanwhile, as the program does. */
static size_t take(struct sink *s, int fd, char *dst, size_t cap)
{
	size_t n = 0;

	for (int idle = 0; idle < 3 && n < cap;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t got;

		sink_tick(s);
		if (poll(&p, 1, 10) <= 0) {
			idle++;
			continue;
		}
		got = read(fd, dst + n, cap - n);
		if (got <= 0)
			break;
		n += (size_t)got;
		idle = 0;
	}
	return n;
}

static char big[80 << 20];

/* The listener goes away in the midst of a record: on the next connection that record comes whole, and nothing is torn or missing. */
static void test_reconnect_in_a_record(void **state)
{
	const struct sink_options o = {.live = true, .complain = complain};
	enum { SIZE = 5000, RECORDS = 2000 };
	char target[600];
	unsigned next = 0, holes = 0, first;
	int listener = listen_unix(in_dir("socket")), fd;
	struct sink_stats st;
	struct sink *s;
	size_t n;

	(void)state;
	said[0] = '\0';
	snprintf(target, sizeof target, "unix:%s", in_dir("socket"));
	s = open_sink(target, &o);
	fd = accept(listener, NULL, NULL);
	write_records(s, 0, RECORDS, SIZE);
	sink_flush(s); /* as much as the kernel takes, which ends in a record */
	sink_stats(s, &st);
	assert_true(st.written > 0 && st.queued > 0);
	n = take(s, fd, big, 3 * SIZE + 17);
	assert_int_equal(n, 3 * SIZE + 17);
	sink_stats(s, &st);
	close(fd);
	sink_tick(s);
	assert_non_null(strstr(said, "trying again"));
	for (int i = 0; i < 30 && !strstr(said, "connected"); i++, sink_tick(s))
		wait_ms(50);
	fd = accept(listener, NULL, NULL);
	n = take(s, fd, big, sizeof big);
	first = (unsigned)strtoul(big, NULL, 10);
	assert_true(first <= st.written); /* the one that was cut, or one before: never one behind */
	next = first;
	check_records(big, n, SIZE, &next, &holes);
	assert_int_equal(holes, 0);
	assert_int_equal(next, RECORDS);
	sink_stats(s, &st);
	assert_int_equal(st.reconnects, 1);
	expect_balance(s, RECORDS);
	assert_int_equal(sink_lost(s), 0);
	assert_int_equal(sink_close(&s, NULL), 0);
	close(fd);
	close(listener);
}

static int unread(int fd)
{
	int n = 0;

	assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

/* A listener that talks instead of listening: what it says is read, but never without end. */
static void test_talkative_listener(void **state)
{
	const struct sink_options o = {.live = true, .complain = complain};
	enum { SAID = 100 * 1024, AT_ONCE = 64 * 1024 };
	char target[600];
	int listener = listen_unix(in_dir("socket")), fd;
	struct sink *s;

	(void)state;
	said[0] = '\0';
	snprintf(target, sizeof target, "unix:%s", in_dir("socket"));
	s = open_sink(target, &o);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(send(fd, big, SAID, 0), SAID);
	assert_int_equal(unread(fd - 1), SAID); /* the sink's socket is the one that was opened before */
	sink_tick(s);
	assert_int_equal(unread(fd - 1), SAID - AT_ONCE);
	sink_tick(s);
	assert_int_equal(unread(fd - 1), 0);
	close(fd);
	sink_tick(s);
	assert_non_null(strstr(said, "trying again"));
	assert_int_equal(sink_close(&s, NULL), 0);
	close(listener);
}

#ifdef __linux__
/* A listener that goes away without having taken all: how much of what is written it never acknowledged is told. */
static void test_unacknowledged(void **state)
{
	const struct sink_options o = {.live = true, .complain = complain, .linger_ms = 1};
	enum { SIZE = 8000, RECORDS = 4000 };
	uint16_t port = 0;
	char target[64];
	int listener = listen_tcp(&port), fd;
	struct sink_stats st;
	struct sink *s;

	(void)state;
	said[0] = '\0';
	snprintf(target, sizeof target, "tcp:127.0.0.1:%u", port);
	s = open_sink(target, &o);
	fd = accept(listener, NULL, NULL);
	write_records(s, 0, RECORDS, SIZE);
	for (int i = 0; i < 20; i++, sink_tick(s)) /* until nothing is taken any more */
		wait_ms(10);
	sink_stats(s, &st);
	assert_true(st.queued > 0);
	assert_int_equal(st.unacknowledged_bytes, 0);
	close(fd);
	close(listener);
	wait_ms(50);
	sink_tick(s);
	sink_stats(s, &st);
	assert_true(st.unacknowledged_bytes > 0 && st.unacknowledged_bytes < st.bytes + SIZE);
	assert_non_null(strstr(said, "octets were not acknowledged"));
	expect_balance(s, RECORDS);
	sink_close(&s, NULL);
}
#endif

/* A listener that stops reading (R62): what does not fit is dropped by whole records and counted; it goes on when it reads again. */
static void test_stuck_listener(void **state)
{
	const struct sink_options o = {.live = true, .complain = complain};
	enum { SIZE = 8000, RECORDS = 9500 }; /* 76 MB */
	char target[600];
	unsigned next = 0, holes = 0, count;
	int listener = listen_unix(in_dir("socket")), fd;
	struct sink_stats st;
	struct sink *s;

	(void)state;
	said[0] = '\0';
	snprintf(target, sizeof target, "unix:%s", in_dir("socket"));
	s = open_sink(target, &o);
	fd = accept(listener, NULL, NULL);
	write_records(s, 0, RECORDS, SIZE);
	assert_true(sink_is_stuck(s));
	assert_non_null(strstr(said, "dropped"));
	expect_balance(s, RECORDS);
	sink_stats(s, &st);
	assert_true(st.lost[SINK_LOST_QUEUE] > 0);
	assert_true(st.queued_bytes <= SINK_KEPT && st.queued_bytes > SINK_KEPT - (2 << 20));
	count = check_records(big, take(s, fd, big, sizeof big), SIZE, &next, &holes);
	assert_false(sink_is_stuck(s));
	assert_int_equal(count + sink_lost(s), RECORDS);
	assert_int_equal(holes, 0); /* the newest were dropped: the hole comes behind */
	write_records(s, RECORDS, RECORDS + 10, SIZE);
	assert_int_equal(check_records(big, take(s, fd, big, sizeof big), SIZE, &next, &holes), 10);
	assert_int_equal(holes, sink_lost(s));
	assert_int_equal(sink_close(&s, NULL), 0);
	close(fd);
	close(listener);
}

/* Offline a stuck listener is waited for, and gets all. */
static void test_offline_waits(void **state)
{
	enum { SIZE = 1000, RECORDS = 3000 };
	char target[600];
	int listener = listen_unix(in_dir("socket")), status;
	struct sink *s;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) { /* the listener */
		int fd = accept(listener, NULL, NULL);
		ssize_t got;
		size_t n = 0;
		char octets[4096];

		wait_ms(300);
		while ((got = read(fd, octets, sizeof octets)) > 0)
			n += (size_t)got;
		_exit(n == (size_t)SIZE * RECORDS ? 0 : 1);
	}
	snprintf(target, sizeof target, "unix:%s", in_dir("socket"));
	s = open_sink(target, NULL);
	write_records(s, 0, RECORDS, SIZE);
	expect_balance(s, RECORDS);
	assert_int_equal(sink_lost(s), 0);
	assert_int_equal(sink_close(&s, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(listener);
}

/* The wish to end comes while a listener is waited for that takes nothing: what waits is counted as lost, and said. */
static void test_stop_while_waiting(void **state)
{
	struct sink_signals signals = {0};
	const struct sink_options o = {.signals = &signals, .linger_ms = 300};
	char target[600];
	int listener = listen_unix(in_dir("socket"));
	struct err err = {0};
	struct sink *s;

	(void)state;
	snprintf(target, sizeof target, "unix:%s", in_dir("socket"));
	s = open_sink(target, &o);
	atomic_store(&signals.stop, true);
	write_records(s, 0, 3000, 1000);
	expect_balance(s, 3000);
	assert_true(sink_lost(s) > 0);
	close(listener); /* and with it the connection that was not accepted */
	assert_int_equal(sink_close(&s, &err), -1);
	assert_non_null(strstr(err.text, "still waiting at the end"));
}

static void test_tcp(void **state)
{
	const struct sink_options live = {.live = true, .complain = complain};
	uint16_t port = 0;
	int listener = listen_tcp(&port), fd;
	char target[64];
	struct err err = {0};
	struct sink *s;
	unsigned next = 0, holes = 0;

	(void)state;
	close(listener);
	snprintf(target, sizeof target, "tcp:127.0.0.1:%u", (unsigned)port);
	assert_null(sink_open(target, NULL, &err)); /* offline: a wrong name is seen at once */
	assert_int_equal(err.code, 1);
	assert_non_null(strstr(err.text, "Connection refused"));
	said[0] = '\0';
	s = open_sink(target, &live); /* live: the listener may come later */
	write_records(s, 0, 10, RECORD);
	sink_tick(s);
	listener = listen_tcp(&port);
	for (int i = 0; i < 60 && !strstr(said, "connected"); i++, sink_tick(s))
		wait_ms(50);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(check_records(big, take(s, fd, big, sizeof big), RECORD, &next, &holes), 10);
	assert_int_equal(sink_close(&s, NULL), 0);
	close(fd);
	close(listener);
}

static void test_bad_targets(void **state)
{
	static const struct {
		const char *target;
		int code;
	} bad[] = {
	    {"tcp:host", 2}, {"tcp::25", 2}, {"tcp:2001:db8::1:25", 2}, {"tcp:host:", 2}, {"unix:", 2}, {"kafka:topic", 2}, {"kafka:@broker", 2},
	    {"/no/such/folder/file", 1}, {"unix:/no/such/socket", 1}, {"tcp:127.0.0.1:no-such-service", 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};

		assert_null(sink_open(bad[i].target, NULL, &err));
		if (err.code != bad[i].code)
			fail_msg("%s: code %d, expected %d: %s", bad[i].target, err.code, bad[i].code, err.text);
	}
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	snprintf(dir, sizeof dir, "/tmp/test_sink.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_rotation_by_size),
	    cmocka_unit_test(test_record_larger_than_a_file),
	    cmocka_unit_test(test_rotation_by_time),
	    cmocka_unit_test(test_reopening),
	    cmocka_unit_test(test_full_disk_live),
	    cmocka_unit_test(test_full_disk_offline),
	    cmocka_unit_test(test_slow_pipe),
	    cmocka_unit_test(test_reconnect_in_a_record),
	    cmocka_unit_test(test_talkative_listener),
#ifdef __linux__
	    cmocka_unit_test(test_unacknowledged),
#endif
	    cmocka_unit_test(test_stuck_listener),
	    cmocka_unit_test(test_offline_waits),
	    cmocka_unit_test(test_stop_while_waiting),
	    cmocka_unit_test(test_tcp),
	    cmocka_unit_test(test_bad_targets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
