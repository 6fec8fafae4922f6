/*
 * metrics.c - counters as a file in the Prometheus text format. See metrics.h.
 *
 * One table says what of a stats event becomes which metric; a second what of a sink. Labels have few values: reasons, ways to close, and
 * the outputs of the command line. No address, name or domain of the traffic becomes one.
 */
#include "metrics.h"

#include "options.h"
#include "sandbox.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct metric {
	const char *name;
	const char *label; /* "reason=\"x\"", NULL none */
	const char *help;  /* NULL: the metric of the row before, with another label */
	bool gauge;        /* else a counter */
	size_t offset;     /* of a uint64_t */
};

#define OF(member) offsetof(struct event, member)

static const struct metric of_run[] = {
    {"smtpscope_frames_total", NULL, "Frames read.", false, OF(stats_received)},
    {"smtpscope_captured_bytes_total", NULL, "Octets read, as captured.", false, OF(stats_bytes)},
    {"smtpscope_segments_total", NULL, "TCP segments among the frames.", false, OF(stats_tcp)},
    {"smtpscope_frames_ignored_total", "reason=\"truncated\"", "Frames that say nothing.", false, OF(stats_truncated_packets)},
    {"smtpscope_frames_ignored_total", "reason=\"malformed\"", NULL, false, OF(stats_malformed)},
    {"smtpscope_frames_ignored_total", "reason=\"unsupported\"", NULL, false, OF(stats_unsupported)},
    {"smtpscope_frames_ignored_total", "reason=\"icmp\"", NULL, false, OF(stats_icmp)},
    {"smtpscope_frames_ignored_total", "reason=\"too_deep\"", NULL, false, OF(stats_too_deep)},
    {"smtpscope_frames_ignored_total", "reason=\"bad_checksum\"", NULL, false, OF(stats_bad_checksum)},
    {"smtpscope_frames_dropped_total", "by=\"kernel\"", "Frames lost before they were read.", false, OF(stats_dropped_kernel)},
    {"smtpscope_frames_dropped_total", "by=\"interface\"", NULL, false, OF(stats_dropped_interface)},
    {"smtpscope_gaps_total", NULL, "Holes in TCP streams: acknowledged but never captured, a loss that the kernel does not count.",
     false, OF(stats_gaps)},
    {"smtpscope_gap_bytes_total", NULL, "Octets lost in holes of TCP streams.", false, OF(stats_gap_bytes)},
    {"smtpscope_fragments_total", NULL, "IP fragments.", false, OF(stats_fragments)},
    {"smtpscope_datagrams_reassembled_total", NULL, "Datagrams put together from fragments.", false, OF(stats_reassembled)},
    {"smtpscope_datagrams_lost_total", NULL, "Datagrams of which fragments were missing.", false, OF(stats_fragments_lost)},
    {"smtpscope_fragments_malformed_total", NULL, "Fragments that contradict their datagram.", false, OF(stats_fragments_malformed)},
    {"smtpscope_fragment_conflicts_total", NULL, "Overlapping fragments with other content.", false, OF(stats_fragments_conflicts)},
    {"smtpscope_connections_total", NULL, "TCP connections.", false, OF(stats_connections)},
    {"smtpscope_connections_open", NULL, "TCP connections that are open now.", true, OF(stats_connections_open)},
    {"smtpscope_connections_open_peak", NULL, "Most TCP connections that were open at once.", true, OF(stats_connections_peak)},
    {"smtpscope_connections_evicted_total", NULL, "TCP connections given up for memory.", false, OF(stats_evicted)},
    {"smtpscope_sessions_total", NULL, "SMTP sessions that began.", false, OF(stats_sessions)},
    {"smtpscope_sessions_closed_total", "how=\"fin\"", "SMTP sessions by their end.", false, OF(stats_close_fin)},
    {"smtpscope_sessions_closed_total", "how=\"rst\"", NULL, false, OF(stats_close_rst)},
    {"smtpscope_sessions_closed_total", "how=\"timeout\"", NULL, false, OF(stats_close_timeout)},
    {"smtpscope_sessions_closed_total", "how=\"evicted\"", NULL, false, OF(stats_close_evicted)},
    {"smtpscope_sessions_closed_total", "how=\"eof\"", NULL, false, OF(stats_close_eof)},
    {"smtpscope_sessions_quit_total", NULL, "SMTP sessions that ended with QUIT and FIN.", false, OF(stats_close_quit)},
    {"smtpscope_sessions_one_sided_total", NULL, "SMTP sessions of which one direction was seen.", false, OF(stats_one_sided)},
    {"smtpscope_sessions_split_total", NULL, "SMTP sessions whose directions reached different workers.", false, OF(stats_split)},
    {"smtpscope_events_total", NULL, "Events written, of all outputs together.", false, OF(stats_events)},
    {"smtpscope_events_dropped_total", NULL, "Events dropped, of all outputs together.", false, OF(stats_events_dropped)},
    {"smtpscope_memory_bytes", NULL, "Memory in use by all state.", true, OF(stats_memory)},
    {"smtpscope_watch_memory_bytes", NULL, "Memory of it that is used to watch for attacks.", true, OF(stats_memory_watch)},
    {"smtpscope_memory_refused_total", NULL, "Allocations refused at a limit.", false, OF(stats_memory_failures)},
    {"smtpscope_watch_windows", NULL, "Windows kept to watch for attacks.", true, OF(stats_watch_windows)},
    {"smtpscope_watch_evicted_total", "what=\"sessions\"", "What was watched and given up at a limit.", false,
     OF(stats_watch_evicted_sessions)},
    {"smtpscope_watch_evicted_total", "what=\"clients\"", NULL, false, OF(stats_watch_evicted_clients)},
    {"smtpscope_watch_evicted_total", "what=\"windows\"", NULL, false, OF(stats_watch_evicted_windows)},
    {"smtpscope_watch_evicted_total", "what=\"servers\"", NULL, false, OF(stats_watch_evicted_servers)},
};

#undef OF
#define OF(member) offsetof(struct sink_stats, member)
#define LOST(why) (offsetof(struct sink_stats, lost) + (why) * sizeof(uint64_t))

static const struct metric of_sink[] = {
    {"smtpscope_sink_events_total", NULL, "Events handed on; to Kafka: acknowledged.", false, OF(written)},
    {"smtpscope_sink_bytes_total", NULL, "Octets of the events handed on.", false, OF(bytes)},
    {"smtpscope_sink_queued_events", NULL, "Events that wait.", true, OF(queued)},
    {"smtpscope_sink_queued_bytes", NULL, "Octets of the events that wait.", true, OF(queued_bytes)},
    {"smtpscope_sink_reconnects_total", NULL, "Connections made anew, files opened anew.", false, OF(reconnects)},
    {"smtpscope_sink_unacknowledged_bytes_total", NULL, "Octets that broken connections had not acknowledged.", false,
     OF(unacknowledged_bytes)},
    {"smtpscope_sink_dropped_total", "reason=\"queue\"", "Events dropped.", false, LOST(SINK_LOST_QUEUE)},
    {"smtpscope_sink_dropped_total", "reason=\"error\"", NULL, false, LOST(SINK_LOST_ERROR)},
    {"smtpscope_sink_dropped_total", "reason=\"closed\"", NULL, false, LOST(SINK_LOST_CLOSED)},
};
enum { OF_SINK = sizeof of_sink / sizeof *of_sink };

static uint64_t value_of(const void *counters, const struct metric *m)
{
	uint64_t value;

	memcpy(&value, (const char *)counters + m->offset, sizeof value);
	return value;
}

static void put_head(FILE *f, const struct metric *m)
{
	if (m->help)
		fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->gauge ? "gauge" : "counter");
}

static void put_run(FILE *f, const struct event *stats)
{
	for (size_t i = 0; i < sizeof of_run / sizeof *of_run; i++) {
		const struct metric *m = &of_run[i];
		uint64_t value = value_of(stats, m);

		if (value == EV_NONE)
			continue;
		put_head(f, m);
		fprintf(f, m->label ? "%s{%s} %" PRIu64 "\n" : "%s%s %" PRIu64 "\n", m->name, m->label ? m->label : "", value);
	}
}

/* A label's value: what is not printable ASCII is shown as a question mark. */
static void put_name(FILE *f, const char *name)
{
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			fputc('\\', f);
		fputc(*name >= ' ' && *name <= '~' ? *name : '?', f);
	}
}

/* A metric's lines stand together; all are of one moment. */
static void put_sinks(FILE *f, struct sink *const *sinks, unsigned count)
{
	struct sink_stats stats[MAX_OUTPUTS];

	for (unsigned k = 0; k < count; k++)
		sink_stats(sinks[k], &stats[k]);
	for (size_t i = 0; i < OF_SINK; i++) {
		const struct metric *m = &of_sink[i];

		put_head(f, m);
		for (unsigned k = 0; k < count; k++) {
			fprintf(f, "%s{sink=\"", m->name);
			put_name(f, sink_name(sinks[k]));
			fprintf(f, "\"%s%s} %" PRIu64 "\n", m->label ? "," : "", m->label ? m->label : "", value_of(&stats[k], m));
		}
	}
}

int metrics_write(const char *path, const struct event *stats, struct sink *const *sinks, unsigned sink_count, struct err *err)
{
	char aside[PATH_MAX];
	int fd, error;
	FILE *f;

	if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
		return err_set(err, 1, "--metrics %s: %s", path, strerror(ENAMETOOLONG));
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, PUBLISHED_MODE);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return err_set(err, 1, "--metrics %s: %s", aside, strerror(errno));
	fputs("# HELP smtpscope_build_info The version that wrote this.\n# TYPE smtpscope_build_info gauge\n"
	      "smtpscope_build_info{version=\"" SMTPSCOPE_VERSION "\"} 1\n", f);
	put_run(f, stats);
	put_sinks(f, sinks, sink_count);
	error = ferror(f) ? EIO : 0;
	if (error == 0 && fchmod(fd, PUBLISHED_MODE) != 0) /* numbers only, and the collector is another user; the umask is about events */
		error = errno;
	if (fclose(f) != 0)
		error = errno;
	if (error == 0 && rename(aside, path) != 0)
		error = errno;
	return error ? err_set(err, 1, "--metrics %s: %s", path, strerror(error)) : 0;
}
