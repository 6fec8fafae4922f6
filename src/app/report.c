/*
 * report.c - events to lines. See report.h.
 *
 * --only failed keeps what did not succeed: commands and messages with outcome failure, AUTH that was not accepted, findings of
 * warning and above, sessions with one of these. The text view gets whole sessions or none, so there the choice is made per
 * session by the writer's own means; here it is made per event.
 */
#include "report.h"

#include "smtpscope/json.h"
#include "smtpscope/text.h"
#include "version.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct report {
	const struct options *o;
	struct sink *sink;
	struct json_writer *json;
	struct text_writer *text;
	const char *observer;
	uint64_t stats_written;
};

unsigned report_width(const struct sink *sink)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (sink_is_terminal(sink) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
		return size.ws_col;
	return span_u64(span_str(columns), &n) == 1 && n >= 20 && n <= 1000 ? (unsigned)n : 0;
}

bool report_colour(const struct options *o, const struct sink *sink)
{
	const char *no = getenv("NO_COLOR");

	if (o->colour == WHEN_AUTO)
		return sink_is_terminal(sink) && !(no && no[0]);
	return o->colour == WHEN_ALWAYS;
}

struct report *report_new(const struct options *o, struct sink *sink, bool text, const char *observer)
{
	struct report *r = calloc(1, sizeof *r);
	struct text_options look;

	if (!r)
		return NULL;
	r->o = o;
	r->sink = sink;
	r->observer = observer;
	if (text) {
		look = (struct text_options){.colour = report_colour(o, sink), .local_time = o->local_time, .verbosity = o->verbosity};
		look.width = sink_is_terminal(sink) ? report_width(sink) : 0;
		r->text = text_writer_new(&look, sink);
	} else {
		r->json = json_writer_new(o->max_event_bytes);
	}
	if (!r->text && !r->json)
		report_free(&r);
	return r;
}

static bool is_failure(const struct event *ev)
{
	switch (ev->set) {
	case DS_COMMAND:
	case DS_AUTH:
	case DS_MESSAGE:
	case DS_SESSION:
		return span_eq(ev->outcome, SPAN("failure"));
	case DS_FINDING:
		return !span_eq(ev->finding_severity, SPAN("note"));
	case DS_STATS:
	case DATASETS:
		break;
	}
	return true;
}

static bool is_wanted(const struct report *r, const struct event *ev)
{
	if (!(r->o->datasets >> ev->set & 1))
		return false;
	switch (r->o->only) {
	case ONLY_FAILED:
		return is_failure(ev);
	case ONLY_AUTH:
		return ev->set == DS_AUTH;
	case ONLY_FINDING:
		return ev->set == DS_FINDING;
	case ONLY_ALL:
		break;
	}
	return true;
}

static void add_observer(const struct report *r, struct event *ev)
{
	ev->ecs_version = SPAN(SMTPSCOPE_ECS_VERSION);
	if (!r->observer)
		return;
	ev->observer_type = SPAN("sensor");
	ev->observer_product = SPAN("smtpscope");
	ev->observer_version = SPAN(SMTPSCOPE_VERSION);
	ev->observer_name = span_str(r->observer);
	ev->observer_interface = span_str(r->o->interface);
}

/* How many lines were written before this one is known here alone. */
static void add_counts(struct report *r, struct event *ev, char id[32])
{
	ev->sequence = ++r->stats_written;
	ev->id = span_of(id, (size_t)snprintf(id, 32, "stats-%" PRIu64, r->stats_written));
	ev->stats_events = sink_written(r->sink);
	ev->stats_events_dropped += sink_lost(r->sink);
}

void report_event(struct report *r, struct event *ev)
{
	char id[32];

	if (ev->set == DS_STATS)
		add_counts(r, ev, id);
	if (!is_wanted(r, ev))
		return;
	add_observer(r, ev);
	if (r->text)
		text_event(r->text, ev);
	else
		sink_write(r->sink, json_event(r->json, ev));
	if (r->o->line_flush)
		sink_flush(r->sink);
}

/* A struct of nothing but counters. */
static void add_counters(void *sum, const void *more, size_t size)
{
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t a, b;

		memcpy(&a, (uint8_t *)sum + at, sizeof a);
		memcpy(&b, (const uint8_t *)more + at, sizeof b);
		a += b;
		memcpy((uint8_t *)sum + at, &a, sizeof a);
	}
}

void totals_add(struct totals *sum, const struct totals *t)
{
	add_counters(sum, t, sizeof *t);
}

static void stats_packets(struct event *ev, const struct segments_stats *s, const struct tcp_stats *t)
{
	ev->stats_received = s->frames;
	ev->stats_bytes = s->bytes;
	ev->stats_tcp = t->packets;
	ev->stats_fragments = s->fragments;
	ev->stats_truncated_packets = s->verdicts[PACKET_TRUNCATED];
	ev->stats_malformed = s->verdicts[PACKET_MALFORMED];
	ev->stats_unsupported = s->verdicts[PACKET_UNSUPPORTED];
	ev->stats_icmp = s->verdicts[PACKET_ICMP];
	ev->stats_too_deep = s->verdicts[PACKET_TOO_DEEP];
	ev->stats_bad_checksum = s->verdicts[PACKET_BAD_CHECKSUM];
	ev->stats_connections = t->connections;
	ev->stats_connections_open = t->open;
	ev->stats_connections_peak = t->open_peak;
	ev->stats_evicted = t->evicted;
	ev->stats_gaps = t->gaps;
	ev->stats_gap_bytes = t->gap_bytes;
}

static void stats_sessions(struct event *ev, const struct pipeline_stats *s)
{
	ev->stats_sessions = s->sessions;
	ev->stats_close_quit = s->closed_quit;
	ev->stats_close_fin = s->closed[TCP_CLOSE_FIN] + s->closed[TCP_CLOSE_REUSED];
	ev->stats_close_rst = s->closed[TCP_CLOSE_RST];
	ev->stats_close_timeout = s->closed[TCP_CLOSE_TIMEOUT];
	ev->stats_close_evicted = s->closed[TCP_CLOSE_EVICTED];
	ev->stats_close_eof = s->closed[TCP_CLOSE_EOF];
	ev->stats_one_sided = s->one_sided;
}

void report_stats(const struct totals *t, int64_t ts, const struct capture_drops *drops, bool truncated, struct event *out)
{
	static const struct span network[] = {SPAN_INIT("network")}, info[] = {SPAN_INIT("info")};
	const struct defrag_stats *d = &t->segments.defrag;

	event_init(out, DS_STATS);
	out->ts = ts;
	out->kind = SPAN("metric");
	out->category = (struct event_list){network, 1};
	out->type = (struct event_list){info, 1};
	out->dataset = SPAN("smtpscope.stats");
	out->action = SPAN("stats");
	stats_packets(out, &t->segments, &t->tcp);
	out->stats_reassembled = d->reassembled;
	out->stats_fragments_lost = d->expired + d->evicted + d->cut + d->failed;
	out->stats_fragments_malformed = d->malformed;
	out->stats_fragments_conflicts = d->conflicts;
	stats_sessions(out, &t->sessions);
	out->stats_dropped_kernel = drops ? drops->kernel : EV_NONE;
	out->stats_dropped_interface = drops ? drops->interface : EV_NONE;
	out->stats_events_dropped = t->events_lost;
	out->stats_memory = t->memory_used;
	out->stats_memory_failures = t->memory_refused;
	out->stats_input_truncated = ev_bool(truncated);
}

void report_precision(struct report *r, bool nanoseconds)
{
	if (r->json)
		json_writer_precision(r->json, nanoseconds);
}

void report_flush(struct report *r)
{
	sink_flush(r->sink);
}

void report_free(struct report **report)
{
	struct report *r = *report;

	*report = NULL;
	if (!r)
		return;
	text_writer_free(&r->text);
	json_writer_free(&r->json);
	free(r);
}
