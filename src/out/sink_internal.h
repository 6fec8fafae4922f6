/*
 * sink_internal.h - what the kinds of sinks share. Private to out/sink*.c.
 *
 * A kind is a row: how it is opened, and either how octets go (streams: records wait in blocks, sink.c hands them on) or how a
 * record goes (Kafka, which keeps its own queue).
 */
#ifndef SMTPSCOPE_OUT_SINK_INTERNAL_H
#define SMTPSCOPE_OUT_SINK_INTERNAL_H

#include "smtpscope/clock.h"
#include "smtpscope/err.h"
#include "smtpscope/sink.h"

#include <sys/types.h>

enum {
	BLOCK_BYTES = 256 * 1024, /* some 500 events: one write costs less than 1 % of what making them does */
	BLOCK_RECORDS = 8192,     /* 32 octets each fill a block: no event is that short */
	PAUSE_MS = 100,           /* longest wait before signals are looked at again */
	LINGER_MS = 5000,         /* what waits at the end has so long to go */
};
#define SECOND_NS INT64_C(1000000000)

/* Whole records that wait to be handed on. */
struct block {
	struct block *next;
	size_t n, cap;
	size_t at;              /* octets handed on */
	uint32_t records, done; /* records in it; handed on whole */
	uint32_t end[BLOCK_RECORDS];
	uint8_t bytes[];
};

struct sink_kind {
	const char *prefix; /* of the target; "" a file */
	int (*open)(struct sink *s, const char *where, struct err *err);
	void (*close)(struct sink *s);
	void (*tick)(struct sink *s); /* NULL: nothing to do */
	void (*rights)(const struct sink *s, struct sink_rights *out); /* NULL: none */

	/* Streams. ready: 0, or -EAGAIN when octets cannot be taken now; next: length of the next record, 0 in the midst of one. */
	int (*ready)(struct sink *s, size_t next);
	ssize_t (*put)(struct sink *s, struct span octets); /* how many were taken, or -errno */
	bool (*mend)(struct sink *s, int error); /* after an error: whether it may be tried again; rewinds by sink_rewind() */

	/* Others. */
	int (*start)(struct sink *s, struct err *err);
	void (*record)(struct sink *s, struct span record, struct span key);
	void (*flush)(struct sink *s, int64_t until);
	void (*stats)(struct sink *s);
};

struct sink {
	const struct sink_kind *kind;
	char *name; /* the target, for messages */
	struct sink_options o;
	struct sink_stats stats; /* queued is counted when asked for */
	int error;               /* errno of what ended it */
	bool dropping;           /* live: records were dropped, and what waits is not handed on yet */
	bool closing;
	int64_t patience;        /* waits may last until then (monotonic, ns); 0 none, INT64_MAX for ever */
	struct block *head, *tail, *spare;
	size_t kept;             /* octets of all blocks */
	size_t room;             /* streams: octets that may be put before ready() is asked again */
	int fd;
	void *own;               /* of the kind */
};

extern const struct sink_kind sink_kind_file, sink_kind_stdout, sink_kind_unix, sink_kind_tcp, sink_kind_kafka;

void sink_complain(const struct sink *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether something may be waited for until patience ends, and nobody wants to stop. */
bool sink_may_wait(const struct sink *s);
/* Waits until the descriptor takes octets, at most PAUSE_MS. */
void sink_pause(const struct sink *s);
/* The record in the midst of which the sink is starts anew. */
void sink_rewind(struct sink *s);
/* Octets of the record in the midst of which the sink is that were handed on. */
size_t sink_torn(const struct sink *s);
void sink_lose(struct sink *s, enum sink_loss why, uint64_t records);

#endif
