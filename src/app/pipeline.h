/*
 * pipeline.h - where net meets smtp: TCP segments in, events out. One pipeline belongs to one thread and shares nothing.
 */
#ifndef SMTPSCOPE_APP_PIPELINE_H
#define SMTPSCOPE_APP_PIPELINE_H

#include "options.h"
#include "smtpscope/event.h"
#include "smtpscope/packet.h"
#include "smtpscope/pool.h"
#include "smtpscope/tcp.h"

struct pipeline_stats {
	uint64_t sessions, closed[TCP_CLOSE_EOF + 1], closed_quit, one_sided, failed;
};

struct pipeline;

/* Events go to emit(ctx, event), numbered and judged. *pool must outlive the pipeline; seed: of its hash tables. NULL without memory. */
struct pipeline *pipeline_new(const struct options *o, struct pool *pool, const uint8_t seed[16], emit_fn *emit, void *ctx);
/* One segment, at packet time ts (ns), from frame number frame. */
void pipeline_segment(struct pipeline *p, const struct packet *packet, int64_t ts, uint64_t frame);
/* A segment of a connection that another pipeline has: time passes here too. */
void pipeline_pass(struct pipeline *p, int64_t ts, uint64_t frame);
/* Live runs: time passes without segments. */
void pipeline_tick(struct pipeline *p, int64_t now);
/* The input ended: reports at most this many of the open sessions; true when none is left. */
bool pipeline_finish(struct pipeline *p, size_t most);
/*
 * Where in the input it is, to order the events of several: twice the frame number, and one more for what only the passing of time
 * brings about; behind the last frame PIPELINE_FINISHING and more.
 */
uint64_t pipeline_place(const struct pipeline *p);
#define PIPELINE_FINISHING (UINT64_C(1) << 62)
const struct pipeline_stats *pipeline_stats(const struct pipeline *p);
const struct tcp_stats *pipeline_tcp_stats(const struct pipeline *p);
void pipeline_free(struct pipeline **p);

#endif
