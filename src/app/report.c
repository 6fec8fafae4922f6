/*
 * report.c - events to lines. See report.h.
 */
#include "report.h"

#include "../diag/finding.h"
#include "metrics.h"
#include "smtpscope/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TELL_NS INT64_C(60000000000) /* of a sink that refuses single records there is a finding a minute, not one a record */

/* One -O. */
struct out {
	struct sink *sink;
	struct text_writer *text; /* NULL: lines of JSON */
	uint64_t lost_told; /* records that a finding told of */
	int64_t tell_at;    /* the next one not before */
};

struct report {
	const struct options *o;
	struct sink *const *sinks;
	struct lines *lines;
	uint8_t json; /* bits of the outputs that take lines */
	void (*complain)(const char *text);
	bool metrics_failed; /* and it was told */
	struct out out[MAX_OUTPUTS];
	unsigned outs;
	uint64_t stats_written, findings_written; /* of the sensor itself */
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

uint8_t report_texts(const struct options *o, struct sink *const *sinks)
{
	unsigned texts = 0;

	for (unsigned i = 0; i < o->outputs; i++)
		if (o->output[i].format == OUTPUT_TEXT || (o->output[i].format == OUTPUT_AUTO && sink_is_terminal(sinks[i])))
			texts |= 1u << i;
	return (uint8_t)texts;
}

static bool out_init(struct out *out, const struct options *o, struct sink *sink, bool is_text)
{
	struct text_options look;

	out->sink = sink;
	if (!is_text)
		return true;
	look = (struct text_options){.colour = report_colour(o, sink), .local_time = o->local_time, .verbosity = o->verbosity};
	look.width = sink_is_terminal(sink) ? report_width(sink) : 0;
	out->text = text_writer_new(&look, sink);
	return out->text != NULL;
}

struct report *report_new(const struct options *o, struct sink *const *sinks, const char *observer, void (*complain)(const char *text))
{
	struct report *r = calloc(1, sizeof *r);
	uint8_t texts = report_texts(o, sinks);
	bool fine;

	if (!r)
		return NULL;
	r->o = o;
	r->sinks = sinks;
	r->complain = complain;
	r->json = (uint8_t)~texts;
	r->lines = lines_new(o, texts, observer);
	fine = r->lines != NULL;
	for (; fine && r->outs < o->outputs; r->outs++)
		fine = out_init(&r->out[r->outs], o, sinks[r->outs], texts >> r->outs & 1);
	if (!fine)
		report_free(&r);
	return r;
}

/* The transcript is about sessions: what is about the sensor itself is not shown there. */
static void write_out(struct report *r, const struct event *ev, const struct line *line, bool of_sensor)
{
	for (unsigned i = 0; i < r->outs; i++) {
		struct out *out = &r->out[i];

		if (!(line->wanted >> i & 1) || (of_sensor && out->text))
			continue;
		if (out->text)
			text_event(out->text, ev);
		else
			sink_write(out->sink, line->json, ev->community_id);
		if (r->o->line_flush)
			sink_flush(out->sink);
	}
}

static void write_event(struct report *r, struct event *ev, bool of_sensor)
{
	struct line line;

	lines_event(r->lines, ev, &line);
	write_out(r, ev, &line, of_sensor);
}

void report_line(struct report *r, struct event *ev, const struct line *line)
{
	struct line own = *line;

	if (line->wanted & r->json && !line->json.p)
		lines_event(r->lines, ev, &own);
	else if (line->json.p && (line->sequence != ev->sequence || line->findings != ev->session_findings))
		own.json = lines_renumber(r->lines, line, ev);
	write_out(r, ev, &own, false);
}

/* ---- what becomes of what is written ---- */

static void number_stats(struct report *r, struct event *ev, char id[32])
{
	ev->sequence = ++r->stats_written;
	ev->id = span_of(id, (size_t)snprintf(id, 32, "stats-%" PRIu64, r->stats_written));
}

uint64_t report_refused(const struct report *r)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < r->outs; i++)
		n += r->out[i].text ? text_refused(r->out[i].text) : 0;
	return n;
}

/* A sink that may fall behind is worth an event of its own; a single file is told of in the event before. */
static bool sinks_are_told_of(const struct report *r)
{
	return r->outs > 1 || !sink_is_plain(r->out[0].sink);
}

static void write_sink_stats(struct report *r, struct out *out, int64_t ts)
{
	struct sink_stats s;
	struct event ev;
	char id[32];

	sink_stats(out->sink, &s);
	report_stats_begin(&ev, ts, SPAN("sink"));
	number_stats(r, &ev, id);
	ev.stats_sink_name = span_str(sink_name(out->sink));
	ev.stats_sink_written = s.written;
	ev.stats_sink_bytes = s.bytes;
	ev.stats_sink_queued = s.queued;
	ev.stats_sink_queued_bytes = s.queued_bytes;
	ev.stats_sink_reconnects = s.reconnects;
	ev.stats_sink_unacknowledged = s.unacknowledged_bytes;
	ev.stats_sink_lost_queue = s.lost[SINK_LOST_QUEUE];
	ev.stats_sink_lost_error = s.lost[SINK_LOST_ERROR];
	ev.stats_sink_lost_closed = s.lost[SINK_LOST_CLOSED];
	write_event(r, &ev, true);
}

static void write_metrics(struct report *r, const struct event *ev)
{
	struct err err = {0};
	bool failed;

	if (!r->o->metrics)
		return;
	failed = metrics_write(r->o->metrics, ev, r->sinks, r->outs, &err) != 0;
	if (failed && !r->metrics_failed)
		r->complain(err.text);
	r->metrics_failed = failed;
}

/* How many lines were written before this one is known here alone. */
static void write_stats(struct report *r, struct event *ev)
{
	char id[32];

	number_stats(r, ev, id);
	ev->stats_events = 0;
	ev->stats_memory_failures += report_refused(r);
	for (unsigned i = 0; i < r->outs; i++) {
		ev->stats_events += sink_written(r->out[i].sink);
		ev->stats_events_dropped += sink_lost(r->out[i].sink);
	}
	write_event(r, ev, false);
	for (unsigned i = 0; sinks_are_told_of(r) && i < r->outs; i++)
		write_sink_stats(r, &r->out[i], ev->ts);
	write_metrics(r, ev);
}

void report_event(struct report *r, struct event *ev)
{
	if (ev->set == DS_STATS)
		write_stats(r, ev);
	else
		write_event(r, ev, false);
}

static void on_finding(void *ctx, struct event *ev)
{
	write_event(ctx, ev, true);
}

/* One finding for each time in which a sink took nothing, when that is over: then it is known what it cost, and can be written there. */
static void tell_of_drops(struct report *r, struct out *out, int64_t now, bool at_last)
{
	const struct finding_info *info = finding_info(FINDING_events_dropped);
	const struct outlet next = {on_finding, r};
	struct finding_facts facts = {0};
	struct event ev;
	char id[32];

	if (sink_lost(out->sink) == out->lost_told || (!at_last && (sink_is_stuck(out->sink) || now < out->tell_at)))
		return;
	out->tell_at = now + TELL_NS;
	facts.count = sink_lost(out->sink) - out->lost_told;
	out->lost_told += facts.count;
	event_init(&ev, DS_FINDING);
	ev.ts = now;
	ev.sequence = ++r->findings_written;
	ev.id = span_of(id, (size_t)snprintf(id, sizeof id, "sensor-%" PRIu64, r->findings_written));
	ev.finding_count = facts.count;
	ev.finding_evidence = span_str(sink_name(out->sink));
	finding_emit(&next, &ev, info, info->severity, info->confidence, &facts);
}

bool report_failed(const struct report *r)
{
	unsigned closed = 0;

	for (unsigned i = 0; i < r->outs; i++) {
		if (!sink_failed(r->out[i].sink))
			continue;
		if (!sink_pipe_closed(r->out[i].sink))
			return true;
		closed++;
	}
	return closed == r->outs;
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

void report_stats_begin(struct event *ev, int64_t ts, struct span action)
{
	static const struct span network[] = {SPAN_INIT("network")}, info[] = {SPAN_INIT("info")};

	event_init(ev, DS_STATS);
	ev->ts = ts;
	ev->kind = SPAN("metric");
	ev->category = (struct event_list){network, 1};
	ev->type = (struct event_list){info, 1};
	ev->dataset = SPAN("smtpscope.stats");
	ev->action = action;
}

void report_stats(const struct totals *t, int64_t ts, const struct capture_drops *drops, bool truncated, struct event *out)
{
	const struct defrag_stats *d = &t->segments.defrag;

	report_stats_begin(out, ts, SPAN("stats"));
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
	lines_precision(r->lines, nanoseconds);
}

void report_tick(struct report *r, int64_t now)
{
	for (unsigned i = 0; i < r->outs; i++) {
		sink_tick(r->out[i].sink);
		tell_of_drops(r, &r->out[i], now, false);
	}
}

void report_finish(struct report *r, int64_t now)
{
	for (unsigned i = 0; i < r->outs; i++)
		tell_of_drops(r, &r->out[i], now, true);
}

void report_free(struct report **report)
{
	struct report *r = *report;

	*report = NULL;
	if (!r)
		return;
	for (unsigned i = 0; i < MAX_OUTPUTS; i++)
		text_writer_free(&r->out[i].text);
	lines_free(&r->lines);
	free(r);
}
