/*
 * dealt.h - segments dealt to several pipelines by connection, each in a thread of its own; what they say comes out in the order of the
 * frames.
 *
 * The reader's thread calls these functions. Both directions of a connection, and all fragments of a datagram, go to the same
 * pipeline: the hash is symmetric and is taken of what the tunnels and fragments carry.
 */
#ifndef SMTPSCOPE_APP_DEALT_H
#define SMTPSCOPE_APP_DEALT_H

#include "options.h"
#include "report.h"
#include "rounds.h"
#include "scribe.h"

struct dealt;
/*
 * Events go to write(ctx, event, place), with the places of pipeline_place(), in a thread of their own, the writer's. NULL without
 * memory or threads.
 */
struct dealt *dealt_new(const struct options *o, const uint8_t seed[16], struct scribing *scribing, rounds_emit *write, void *ctx);
void dealt_segment(struct dealt *d, const struct packet *p, int64_t ts, uint64_t frame);
/* An event of the reader's own, behind those of all frames so far. */
void dealt_event(struct dealt *d, const struct event *ev, uint64_t place);
/* Every open session is reported; returns when the pipelines have ended. The reader's last event may follow. */
void dealt_finish(struct dealt *d);
/* What the workers have counted: as of their last round, or all of it after dealt_finish(). */
void dealt_totals(struct dealt *d, struct totals *out);
/* Waits until the writer is done, and frees. */
void dealt_free(struct dealt **d);

#endif
