/*
 * main.c - signals, messages, exit status. Everything that is printed to a person is printed here.
 *
 * Exit status: 0 done, 1 input, capture or output failed (what was readable is reported), 2 usage or filter.
 */
#include "capture.h"
#include "completion.h"
#include "engine.h"
#include "explain.h"
#include "notify.h"
#include "options.h"
#include "outputs.h"
#include "sandbox.h"
#include "smtpscope/clock.h"
#include "smtpscope/json.h"
#include "version.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>


static struct capture *running; /* for the signal handlers only, as is the next */
static struct engine *watching;
static volatile sig_atomic_t status_wanted;
static struct sink_signals output_signals;

static void on_stop(int signal)
{
	(void)signal;
	atomic_store(&output_signals.stop, true);
	if (running)
		capture_stop(running);
	if (watching)
		engine_stop(watching);
}

static void on_status(int signal)
{
	(void)signal;
	status_wanted = 1;
}

static void on_reopen(int signal)
{
	(void)signal;
	atomic_fetch_add(&output_signals.reopen, 1);
}

static void complain(const char *text)
{
	fprintf(stderr, "smtpscope: %s\n", text);
}

/* A sensor outlives its terminal; a run over files ends with it. */
static void install_signals(bool live)
{
	struct sigaction act = {.sa_handler = on_stop};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	act.sa_handler = on_status;
	act.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &act, NULL);
	act.sa_handler = on_reopen;
	if (live)
		sigaction(SIGHUP, &act, NULL);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
}

/* Half of RAM, at most 2 GiB. */
static uint64_t default_memory(void)
{
	const uint64_t most = UINT64_C(2) << 30;
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t half = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 2 : most;

	return half < most ? half : most;
}

static void print_status(struct engine *e)
{
	struct totals t;

	engine_totals(e, &t);
	fprintf(stderr, "smtpscope: %" PRIu64 " frames, %" PRIu64 " connections open, %" PRIu64 " SMTP sessions, %" PRIu64
		" with failures, %" PRIu64 " gaps\n", t.segments.frames, t.tcp.open, t.sessions.sessions, t.sessions.failed, t.tcp.gaps);
}

/* Why nothing was found, in the words a person needs. */
static void explain_nothing(struct engine *e)
{
	const char *why = "";
	struct totals all;
	const struct tcp_stats *t = &all.tcp;

	engine_totals(e, &all);
	if (all.sessions.sessions)
		return;
	if (!all.segments.frames)
		why = "; the capture holds no frames (or the filter lets none through)";
	else if (!t->packets)
		why = "; none of them is TCP over IP";
	else if (!t->payload_bytes)
		why = "; no TCP payload at all";
	else if (t->one_direction && t->one_direction >= t->connections)
		why = ", one direction only";
	else
		why = "; none speaks SMTP (--ports names ports that do)";
	fprintf(stderr, "smtpscope: 0 SMTP sessions; %" PRIu64 " frames, %" PRIu64 " TCP packets%s\n", all.segments.frames,
		t->packets, why);
}

#define TICK_NS INT64_C(100000000) /* for so long at most, what is written waits in memory */

/* The transcript has no place for it. */
static void tell_refused(struct engine *e)
{
	uint64_t refused = engine_refused(e);

	if (refused)
		fprintf(stderr, "smtpscope: memory was refused %" PRIu64 " times; what it was for is missing in the output\n", refused);
}

struct run {
	const struct options *o;
	struct capture *capture[MAX_WORKERS]; /* one, or on an interface one for each worker */
	unsigned captures;
	struct engine *engine;
	struct outputs out;
	struct notify notify;
	int64_t next_stats, next_tick;
};

/* What the kernel dropped; NULL for files, and where the workers know it. */
static const struct capture_drops *drops_of(const struct run *r, struct capture_drops *drops)
{
	if (r->captures > 1 || !capture_is_live(r->capture[0]))
		return NULL;
	capture_drops(r->capture[0], drops);
	return drops;
}

static void stats_when_due(struct run *r, int64_t now)
{
	struct capture_drops drops;

	if (!r->next_stats)
		r->next_stats = now + (int64_t)r->o->stats_seconds * 1000000000;
	if (!r->o->stats_seconds || now < r->next_stats)
		return;
	engine_stats(r->engine, now, drops_of(r, &drops), false);
	r->next_stats = now + (int64_t)r->o->stats_seconds * 1000000000;
}

/* Between frames of a live run: time passes, and it may be time for a stats event. */
static void live_chores(struct run *r, bool idle)
{
	int64_t now;

	if (!capture_is_live(r->capture[0]))
		return;
	now = idle ? clock_now() : engine_last_ts(r->engine);
	if (idle || now >= r->next_tick) {
		engine_tick(r->engine, now);
		notify_tick(&r->notify, atomic_load(&output_signals.reopen));
		r->next_tick = now + TICK_NS;
	}
	stats_when_due(r, now);
}

static void status_when_wanted(struct run *r)
{
	if (status_wanted)
		print_status(r->engine);
	status_wanted = 0;
}

static void loop(struct run *r)
{
	enum capture_status status;
	struct capture_drops drops;
	struct frame f;

	while ((status = capture_next(r->capture[0], &f, complain)) != CAPTURE_END && !engine_failed(r->engine)) {
		if (status == CAPTURE_FRAME)
			engine_frame(r->engine, &f, capture_nanoseconds(r->capture[0]));
		live_chores(r, status == CAPTURE_IDLE);
		status_when_wanted(r);
	}
	notify_stopping(&r->notify);
	engine_finish(r->engine, engine_last_ts(r->engine), drops_of(r, &drops), capture_truncated(r->capture[0]));
	tell_refused(r->engine);
	if (capture_exit(r->capture[0]) == 0)
		explain_nothing(r->engine);
}

/* Workers that read for themselves: here only time passes. */
static void watch(struct run *r)
{
	const struct timespec pause = {.tv_nsec = 100 * 1000000L};

	while (engine_tick(r->engine, clock_now()) && !engine_failed(r->engine)) {
		stats_when_due(r, clock_now());
		status_when_wanted(r);
		notify_tick(&r->notify, atomic_load(&output_signals.reopen));
		nanosleep(&pause, NULL);
	}
	notify_stopping(&r->notify);
	engine_finish(r->engine, clock_now(), NULL, false);
	tell_refused(r->engine);
	explain_nothing(r->engine);
	if (engine_split(r->engine))
		fprintf(stderr, "smtpscope: %" PRIu64 " connections were split: their directions reached different workers, which sees them as "
			"two; watch with one worker where the kernel does not hash both alike (some tunnels)\n", engine_split(r->engine));
}

static int run(struct run *r, struct err *err)
{
	static char host[256];

	gethostname(host, sizeof host - 1);
	r->engine = engine_new(r->o, r->out.sink, r->o->interface ? host : NULL, complain);
	if (!r->engine || (r->captures > 1 && !engine_watch(r->engine, r->capture, complain))) {
		engine_free(&r->engine);
		return err_set(err, 1, "out of memory, or of threads");
	}
	running = r->captures > 1 ? NULL : r->capture[0];
	watching = r->captures > 1 ? r->engine : NULL;
	install_signals(r->o->interface != NULL);
	notify_ready(&r->notify, r->o->interface ? r->o->interface : "reading files");
	if (running)
		loop(r);
	else
		watch(r);
	running = NULL;
	watching = NULL;
	engine_free(&r->engine);
	return capture_exit(r->capture[0]);
}

static int open_captures(struct run *r, const struct options *o, struct err *err)
{
	unsigned wanted = o->interface ? o->workers : 1;
	struct capture_options co = {.files = o->files, .file_count = o->file_count, .interface = o->interface, .filter = o->filter,
				     .snaplen = o->snaplen, .buffer_kib = o->buffer_kib, .no_promiscuous = o->no_promiscuous,
				     .immediate = o->immediate, .once = !o->no_sandbox, .max_frames = o->max_frames, .fanout = o->fanout || wanted > 1,
				     .fanout_group = o->fanout ? o->fanout_group : (uint16_t)getpid()};

	for (; r->captures < wanted; r->captures++) {
		r->capture[r->captures] = capture_open(&co, err);
		if (!r->capture[r->captures])
			return -1;
	}
	return 0;
}

/* All that takes rights is open: what is not needed from here on is given up. */
static int give_up_rights(struct run *r, struct err *err)
{
	static struct sandbox s;
	static char path[128];
	const char *const *files;
	unsigned n = capture_prepare(r->capture[0], complain, &files);

	if (r->o->no_sandbox)
		return r->o->user ? sandbox_become(r->o->user, err) : 0;
	s.user = r->o->user;
	s.stay = n > 0;
	for (unsigned i = 0; i < n; i++)
		sandbox_read(&s, files[i]);
	if (r->o->interface) { /* where libpcap reads what the interface dropped */
		snprintf(path, sizeof path, "/sys/class/net/%.64s/statistics", r->o->interface);
		sandbox_read(&s, path);
		s.packets = true;
	}
	outputs_rights(&r->out, r->o, &s);
	return sandbox_enter(&s, err);
}

static int analyse(struct options *o, struct err *err)
{
	static struct run r;
	bool quiet_end = false;
	int status;

	r.o = o;
	notify_open(&r.notify);
	status = open_captures(&r, o, err);
	if (!o->memory_limit)
		o->memory_limit = default_memory();
	if (o->secrets == SECRETS_SHOW)
		complain("--secrets show: passwords and tokens will stand in the output");
	if (status == 0)
		status = outputs_open(&r.out, o, &output_signals, complain, err);
	if (status == 0)
		status = give_up_rights(&r, err);
	if (status == 0)
		status = outputs_start(&r.out, o, err);
	if (status == 0)
		status = run(&r, err);
	while (r.captures > 0)
		capture_close(&r.capture[--r.captures]);
	notify_close(&r.notify);
	if (outputs_close(&r.out, &quiet_end, err) != 0)
		return -1;
	return quiet_end ? 0 : status;
}

static int print_schema(struct err *err)
{
	char *schema = json_schema();

	if (!schema)
		return err_set(err, 1, "out of memory");
	fputs(schema, stdout);
	free(schema);
	return fflush(stdout) == 0 ? 0 : err_set(err, 1, "standard output: cannot write");
}

static int dispatch(struct options *o, struct err *err)
{
	switch (o->task) {
	case TASK_ANALYSE:
		return analyse(o, err);
	case TASK_EXPLAIN:
		return explain(o, complain, err);
	case TASK_SCHEMA:
		return print_schema(err);
	case TASK_COMPLETION:
		completion_print(stdout, strcmp(o->words[0], "zsh") == 0 ? SHELL_ZSH : SHELL_BASH);
		return fflush(stdout) == 0 ? 0 : err_set(err, 1, "standard output: cannot write");
	case TASK_HELP:
		options_help(stdout);
		return 0;
	case TASK_VERSION:
		printf("smtpscope %s\nzlib %s, libzstd %s, librdkafka %s\n", SMTPSCOPE_VERSION, zlibVersion(), ZSTD_versionString(),
		       sink_kafka_version());
		return 0;
	}
	return 0;
}

/* Numbers 0 to 2 that are closed would go to the files that are opened next, and messages into an output. What they get fails to use. */
static void occupy_standard_places(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return;
}

int main(int argc, char **argv)
{
	static struct options o;
	struct err err = {0};
	int status;

	occupy_standard_places();
	status = options_parse(&o, argc, argv, &err);
	if (status == 0)
		status = dispatch(&o, &err);
	if (err.code)
		complain(err.text);
	return err.code ? err.code : status;
}
