/*
 * sink.h - where whole records go: a line of JSON, a block of the transcript. Files, pipes, sockets, Kafka.
 *
 * A sink belongs to one thread. A record is handed on whole or not at all: what was cut by a full disk is taken off the file
 * again, what was cut by a broken connection is sent again from its start. Offline a sink that takes nothing is waited for;
 * live, records are kept up to SINK_KEPT octets, and dropped and counted beyond.
 */
#ifndef SMTPSCOPE_SINK_H
#define SMTPSCOPE_SINK_H

#include <stdatomic.h>
#include <sys/types.h>

#include "smtpscope/span.h"

struct sink;
struct err; /* err.h */

/* Set by signal handlers, looked at by the thread that owns the sinks. */
struct sink_signals {
	atomic_uint reopen; /* grows with each wish that files be opened anew */
	atomic_bool stop;   /* nothing is waited for any more */
};

struct sink_options {
	bool live;
	uint64_t rotate_bytes;   /* files: a new one before it grows beyond this; 0 never */
	uint32_t rotate_seconds; /* files: a new one at each multiple of this; 0 never */
	const char *const *settings; /* Kafka: "name=value" */
	unsigned setting_count;
	uint32_t linger_ms;      /* what waits when a live run ends has so long to go; 0: 5 s */
	bool give;                           /* files that are made belong to: */
	uid_t owner;
	gid_t group;
	struct sink_signals *signals;        /* NULL: none */
	void (*complain)(const char *text);  /* one line, without its end; NULL: nobody listens */
};

enum { SINK_KEPT = 64 * 1024 * 1024 }; /* octets waiting live (reliability 5): minutes of a busy server's events */

enum sink_loss {
	SINK_LOST_QUEUE,  /* SINK_KEPT was reached */
	SINK_LOST_ERROR,  /* refused for good: the sink failed, or this record did */
	SINK_LOST_CLOSED, /* the reader of a pipe went away */
	SINK_LOST_END,    /* still waiting when the run ended */
	SINK_LOSSES,
};

struct sink_stats {
	uint64_t records; /* given to it: written + queued + lost */
	uint64_t written, bytes; /* handed on, whole; to Kafka: acknowledged */
	uint64_t queued, queued_bytes;
	uint64_t lost[SINK_LOSSES];
	uint64_t unacknowledged_bytes; /* tcp, Linux: handed on, and not acknowledged when the connection broke: they may be lost */
	uint64_t reconnects; /* connections made anew; files opened anew, by rotation too */
};

/* What a sink will still need once rights were given up; strings live as long as the sink. */
struct sink_rights {
	const char *folder; /* files are made there; NULL none */
	bool rename;        /* and renamed */
	enum sink_network { SINK_LOCAL, SINK_UNIX, SINK_TCP, SINK_ANY } network; /* SINK_ANY: names are looked up too */
	uint16_t port;      /* of SINK_TCP */
	const char *const *reads; /* files that settings name */
	unsigned read_count;
};

/*
 * target: "-" for standard output, unix:PATH, tcp:HOST:PORT, kafka:TOPIC@BROKERS, else a file that is created or appended to (0640),
 * whose name may hold conversions of strftime(3). options: NULL for a plain one. NULL and *err when it cannot be opened.
 */
struct sink *sink_open(const char *target, const struct sink_options *options, struct err *err);
/* Tests: whole records go to write(ctx, records). */
struct sink *sink_open_callback(void (*write)(void *ctx, struct span records), void *ctx);
/* Before the first record, when rights were given up: what starts threads does so here. 0, or -1 and *err. */
int sink_start(struct sink *s, struct err *err);
/* One record with its '\n'. key: records of one key stay in order where there are several ways (Kafka); may be absent. */
void sink_write(struct sink *s, struct span record, struct span key);
/* Hands on what waits, as far as it is taken. */
void sink_flush(struct sink *s);
/* Live, some times a second: hands on, connects, rotates, reopens. */
void sink_tick(struct sink *s);
bool sink_failed(const struct sink *s);      /* takes nothing any more; also a closed pipe */
bool sink_pipe_closed(const struct sink *s); /* the reader went away (EPIPE): quiet end, exit 0 */
bool sink_is_stuck(const struct sink *s);    /* live: records are being dropped */
void sink_stats(struct sink *s, struct sink_stats *out);
uint64_t sink_lost(const struct sink *s);    /* records, for whatever reason */
uint64_t sink_written(const struct sink *s); /* records written or waiting to be */
const char *sink_name(const struct sink *s);
bool sink_is_terminal(const struct sink *s);
bool sink_is_plain(const struct sink *s);    /* a file or standard output */
void sink_rights(const struct sink *s, struct sink_rights *out);
/*
 * Flushes and closes; -1 and *err when records could not be written offline, or were still waiting. A closed pipe is no error: 0.
 * NULL is allowed.
 */
int sink_close(struct sink **s, struct err *err);
const char *sink_kafka_version(void); /* of librdkafka, or "not installed"; "none": built without */

#endif
