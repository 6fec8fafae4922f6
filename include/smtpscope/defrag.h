/*
 * defrag.h - IPv4 (RFC 791, 815) and IPv6 (RFC 8200 4.5, 5722) fragments. Range arithmetic: a datagram is complete when
 * its end is known and no hole is left. Where fragments overlap with other content the first copy wins and the conflict
 * is counted (teardrop); a fragment that contradicts what is known of the end is left out and counted as malformed.
 * Time is the packet's; nothing here reads a clock.
 */
#ifndef SMTPSCOPE_DEFRAG_H
#define SMTPSCOPE_DEFRAG_H

#include "smtpscope/packet.h"
#include "smtpscope/pool.h"

struct defrag_limits {
	size_t sets;        /* datagrams under way: 4096; the oldest is given up for a new one */
	uint64_t bytes;     /* held for them, what it takes to keep order included: 16 MiB; one fragment above at most */
	int64_t timeout_ns; /* 30 s from the first fragment (RFC 791 suggests 15 s to 2 min, RFC 8200 60 s) */
};
extern const struct defrag_limits defrag_limits_default;

struct defrag_stats {
	uint64_t fragments, reassembled, expired, evicted, conflicts, malformed, cut /* snaplen */, failed /* no memory */;
};

struct defrag;
/* NULL when there is no memory. */
struct defrag *defrag_new(struct pool *pool, const struct defrag_limits *limits, const uint8_t seed[16]);
void defrag_free(struct defrag **d);
/*
 * 1: *whole is the complete datagram (offset 0, more false), its payload valid until the next call; 0: more is needed,
 * or the fragment was dropped and counted. An atomic fragment (offset 0, more false) is complete at once; its payload
 * is that of frag.
 */
int defrag_push(struct defrag *d, const struct ip_fragment *frag, int64_t ts, struct ip_fragment *whole);
const struct defrag_stats *defrag_stats(const struct defrag *d);

#endif
