/*
 * pipeline.h - where net meets smtp, and events meet the sinks. One pipeline is one thread with its own state.
 */
#ifndef SMTPSCOPE_APP_PIPELINE_H
#define SMTPSCOPE_APP_PIPELINE_H

#include "capture.h"
#include "options.h"
#include "smtpscope/packet.h"
#include "smtpscope/sink.h"
#include "smtpscope/tcp.h"

struct pipeline_stats {
	uint64_t frames, bytes, fragments;
	uint64_t verdicts[PACKET_VERDICTS];
	uint64_t sessions, closed[TCP_CLOSE_EOF + 1], closed_quit, one_sided, failed;
	uint64_t events;
};

struct pipeline;

/* observer: name of the sensor for live runs, NULL for files. The sink must outlive the pipeline. NULL without memory. */
struct pipeline *pipeline_new(const struct options *o, struct sink *sink, bool text, const char *observer);
void pipeline_frame(struct pipeline *p, const struct frame *f);
/* Live runs: time passes without frames. */
void pipeline_tick(struct pipeline *p, int64_t now);
/* A stats event with what capture says about drops. */
void pipeline_stats_event(struct pipeline *p, int64_t ts, const struct capture_drops *drops, bool truncated);
/* The input ended: every open session is reported. */
void pipeline_finish(struct pipeline *p);
const struct pipeline_stats *pipeline_stats(const struct pipeline *p);
const struct tcp_stats *pipeline_tcp_stats(const struct pipeline *p);
void pipeline_precision(struct pipeline *p, bool nanoseconds);
int64_t pipeline_last_ts(const struct pipeline *p);
void pipeline_free(struct pipeline **p);

#endif
