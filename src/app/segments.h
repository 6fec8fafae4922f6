/*
 * segments.h - from frames to TCP segments: link, tunnels, IP and its fragments, with a count of what became of each frame.
 */
#ifndef SMTPSCOPE_APP_SEGMENTS_H
#define SMTPSCOPE_APP_SEGMENTS_H

#include "capture.h"
#include "smtpscope/defrag.h"
#include "smtpscope/packet.h"
#include "smtpscope/pool.h"

struct segments_stats {
	uint64_t frames, bytes, fragments;
	uint64_t verdicts[PACKET_VERDICTS];
	struct defrag_stats defrag;
};

struct segments;
/* NULL without memory. *pool must outlive it. */
struct segments *segments_new(struct pool *pool, const uint8_t seed[16], bool verify_checksums);
/* True when *out is the next segment: of this frame, or of the datagram it completes. Valid until the next call. */
bool segments_frame(struct segments *s, const struct frame *f, struct packet *out);
const struct segments_stats *segments_stats(struct segments *s);
void segments_free(struct segments **s);

#endif
