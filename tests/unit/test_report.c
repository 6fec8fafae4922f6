/* Reports: what several outputs get, and what is said when one of them took nothing for a while (finding events_dropped). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/report.h"
#include "smtpscope/err.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64], stuck_target[100], file_path[128], text_path[128];
static int listener;

static void complain(const char *text)
{
	(void)text;
}

/* ---- a run with a file, a listener and a transcript ---- */

static struct options options;
static struct sink *sinks[3];

static struct report *start(void)
{
	static char words[][64] = {"smtpscope", "-i", "lo", "--events", "finding,stats", "-O", "-O", "-o", "text", "-O"};
	char *argv[] = {words[0], words[1],     words[2], words[3], words[4], words[5], file_path,
			words[6], stuck_target, words[7], words[8], words[9], text_path};
	const struct sink_options so = {.live = true, .linger_ms = 1};
	struct err err = {0};
	struct report *r;

	if (options_parse(&options, (int)(sizeof argv / sizeof *argv), argv, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(options.outputs, 3);
	for (unsigned i = 0; i < options.outputs; i++) {
		sinks[i] = sink_open(options.output[i].target, &so, &err);
		assert_non_null(sinks[i]);
	}
	r = report_new(&options, sinks, "sensor", complain);
	assert_non_null(r);
	return r;
}

static void stop(struct report *r)
{
	report_free(&r);
	for (unsigned i = 0; i < options.outputs; i++)
		sink_close(&sinks[i], NULL);
}

static void write_commands(struct report *r, unsigned n)
{
	static char argument[4000];
	struct event ev;

	memset(argument, 'a', sizeof argument);
	for (unsigned i = 0; i < n; i++) {
		event_init(&ev, DS_COMMAND);
		ev.ts = i;
		ev.dataset = SPAN("smtpscope.command");
		ev.session_id = SPAN("0123456789abcdef");
		ev.argument = span_of(argument, sizeof argument);
		report_event(r, &ev);
		if (i % 64 == 0)
			sink_tick(sinks[0]);
	}
}

static unsigned count_in(const char *octets, size_t n, const char *what)
{
	struct span rest = span_of(octets, n);
	unsigned count = 0;

	for (size_t at; (at = span_find(rest, span_str(what))) != SPAN_NPOS; count++)
		rest = span_from(rest, at + 1);
	return count;
}

static char octets[100 << 20];

static size_t slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(octets, 1, sizeof octets, f) : 0;

	if (f)
		fclose(f);
	return n;
}

/* Reads until nothing has come for a while. */
static size_t take(struct report *r, int fd, int64_t now)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t got = 1;
	size_t n = 0;

	for (int idle = 0; idle < 3 && got > 0;) {
		report_tick(r, now);
		if (poll(&p, 1, 10) <= 0) {
			idle++;
			continue;
		}
		got = read(fd, octets + n, sizeof octets - n);
		n += got > 0 ? (size_t)got : 0;
		idle = 0;
	}
	return n;
}

#define MINUTE INT64_C(60000000000)
#define FINDING "\"id\":\"events_dropped\""

static void test_dropped_events_are_told_of(void **state)
{
	struct report *r = start();
	int fd = accept(listener, NULL, NULL);
	uint64_t lost;
	char said[128];
	size_t n;

	(void)state;
	write_commands(r, 17500); /* 70 MB */
	assert_true(sink_is_stuck(sinks[1]));
	report_tick(r, MINUTE);
	n = slurp(file_path);
	assert_int_equal(count_in(octets, n, FINDING), 0); /* not while it lasts: how many is not known yet */
	lost = sink_lost(sinks[1]);
	assert_true(lost > 0);
	n = take(r, fd, MINUTE);
	assert_int_equal(count_in(octets, n, FINDING), 1);
	snprintf(said, sizeof said, "%u events that were meant for it were dropped", (unsigned)lost);
	assert_int_equal(count_in(octets, n, said), 1);
	assert_int_equal(count_in(octets, n, stuck_target), 1); /* the evidence */
	report_tick(r, 2 * MINUTE + 1);
	n = slurp(file_path);
	assert_int_equal(count_in(octets, n, FINDING), 1); /* once */
	write_commands(r, 17500);
	report_finish(r, 3 * MINUTE); /* the end comes before it is over */
	report_tick(r, 3 * MINUTE);
	n = slurp(file_path);
	assert_int_equal(count_in(octets, n, FINDING), 2);
	close(fd);
	stop(r);
	n = slurp(text_path);
	assert_int_equal(count_in(octets, n, "dropped"), 0); /* the transcript is about sessions */
}

/* Near: much waits, and all of it goes. */
static void test_nothing_dropped(void **state)
{
	struct report *r = start();
	int fd = accept(listener, NULL, NULL);
	size_t n;

	(void)state;
	write_commands(r, 15000);
	assert_false(sink_is_stuck(sinks[1]));
	n = take(r, fd, MINUTE);
	assert_int_equal(count_in(octets, n, "\"smtpscope.command\""), 15000);
	report_finish(r, MINUTE);
	n = slurp(file_path);
	assert_int_equal(count_in(octets, n, FINDING), 0);
	close(fd);
	stop(r);
}

/* Each stats event is followed by one for each sink, which says what became of what. */
static void test_sinks_are_counted(void **state)
{
	struct report *r = start();
	int fd = accept(listener, NULL, NULL);
	struct event ev;
	size_t n;

	(void)state;
	write_commands(r, 10);
	report_tick(r, 1);
	report_stats_begin(&ev, 7, SPAN("stats"));
	ev.stats_events_dropped = 0;
	report_event(r, &ev);
	n = take(r, fd, 2);
	assert_int_equal(count_in(octets, n, "\"action\":\"sink\""), 3);
	assert_int_equal(count_in(octets, n, "\"written\":10,\"bytes\":"), 1); /* that one */
	assert_int_equal(count_in(octets, n, "\"written\":0,\"bytes\":0"), 2); /* its line is on its way; the session has not ended */
	assert_int_equal(count_in(octets, n, "\"id\":\"stats-4\""), 1);
	close(fd);
	stop(r);
}

static int prepare(void **state)
{
	(void)state;
	unlink(file_path);
	unlink(text_path);
	return 0;
}

static int setup(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	(void)state;
	snprintf(dir, sizeof dir, "/tmp/test_report.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(stuck_target, sizeof stuck_target, "unix:%s/socket", dir);
	snprintf(file_path, sizeof file_path, "%s/events", dir);
	snprintf(text_path, sizeof text_path, "%s/text", dir);
	memcpy(name.sun_path, stuck_target + 5, strlen(stuck_target + 5));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return bind(listener, (const struct sockaddr *)&name, sizeof name) == 0 ? listen(listener, 3) : -1;
}

static int teardown(void **state)
{
	(void)state;
	prepare(NULL);
	unlink(stuck_target + 5);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_dropped_events_are_told_of, prepare),
	    cmocka_unit_test_setup(test_nothing_dropped, prepare),
	    cmocka_unit_test_setup(test_sinks_are_counted, prepare),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
