/*
 * options.h - the command line, from one table that parsing, --help and the test of the man page read.
 */
#ifndef SMTPSCOPE_APP_OPTIONS_H
#define SMTPSCOPE_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "smtpscope/err.h"
#include "smtpscope/session.h"
#include "smtpscope/watch.h"
#include "translate.h"

enum task { TASK_ANALYSE, TASK_EXPLAIN, TASK_SCHEMA, TASK_COMPLETION, TASK_HELP, TASK_VERSION };
enum output_format { OUTPUT_AUTO, OUTPUT_TEXT, OUTPUT_JSON };
enum only { ONLY_ALL, ONLY_FAILED, ONLY_AUTH, ONLY_FINDING };
enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

enum { MAX_FILES = 4096, MAX_FILTER = 16384, MAX_WORKERS = 64, MAX_WORDS = 2 };
enum { MAX_OUTPUTS = 8, MAX_SETTINGS = 64 };
enum { MAX_SECRET_KEY = 4096 }; /* HMAC-SHA-256 gains nothing from more than 64 octets (RFC 2104 3) */

/* One -O, and what stands before it. */
struct output {
	const char *target;
	enum output_format format;
	unsigned datasets;               /* IN_* bits of --events */
	enum only only;
	uint64_t rotate_bytes;           /* 0 never */
	uint32_t rotate_seconds;
	const char *setting[MAX_SETTINGS]; /* --kafka-conf */
	unsigned settings;
	unsigned given;                  /* bits of what was said */
};

struct options {
	enum task task;
	const char *interface;           /* -i */
	const char *files[MAX_FILES];    /* -r */
	unsigned file_count;
	char filter[MAX_FILTER];         /* trailing words, or the file of -F */
	int snaplen, buffer_kib;
	uint64_t max_frames;
	bool no_promiscuous, immediate, verify_checksums, line_flush, utc, local_time;
	uint8_t ports[65536 / 8];        /* bit per port: SMTP whatever it carries */
	bool no_watch;                   /* --watch none */
	struct watch_settings watch;
	struct output output[MAX_OUTPUTS + 1]; /* while they are read, the last is the one whose -O has not come yet */
	unsigned outputs;                /* 1 at least */
	int verbosity;                   /* -1 -q, 1 -v, 2 -vv */
	enum when colour;
	enum language language;          /* --lang */
	const char *program;             /* as it was called */
	const char *words[MAX_WORDS];    /* what to explain; the shell of completion */
	unsigned word_count;
	uint32_t max_event_bytes;
	uint32_t stats_seconds;
	const char *metrics;             /* --metrics */
	const char *user;                /* -Z */
	bool no_sandbox;
	uint64_t memory_limit;           /* octets, of all workers together */
	unsigned workers;                /* threads that share the connections */
	bool fanout;                     /* live: several processes share the traffic, those of one group */
	uint16_t fanout_group;
	enum secrets secrets;
	const char *secrets_key;         /* the file's name */
	uint8_t secret_key[MAX_SECRET_KEY]; /* its content */
	size_t secret_key_len;
};

struct option_row {
	char letter;          /* 0 none */
	const char *name;     /* long name, NULL none */
	const char *argument; /* "IF", NULL none */
	const char *help;
	int (*set)(struct options *o, const char *value, struct err *err); /* NULL: sets the flag */
	size_t flag; /* offset of a bool in struct options */
};
extern const struct option_row option_rows[];
extern const unsigned option_row_count;

/* 0, or -1 and *err (code 2). */
int options_parse(struct options *o, int argc, char **argv, struct err *err);
void options_help(FILE *out);

/* One of the words; the list ends with a NULL name. */
struct option_word {
	const char *name;
	int value;
};
int option_choice(const char *value, const char *name, const struct option_word *words, int *out, struct err *err);

/* --watch, in watch_option.c. */
int set_watch(struct options *o, const char *value, struct err *err);
/* "90", "90s", "10m", "1h", "1d": at least a second, at most 30 days. */
bool option_duration(struct span text, uint32_t *seconds);

/* What is written and where, in output_option.c. */
int set_format(struct options *o, const char *value, struct err *err);
int set_output(struct options *o, const char *value, struct err *err);
int set_events(struct options *o, const char *value, struct err *err);
int set_only(struct options *o, const char *value, struct err *err);
int set_rotate_size(struct options *o, const char *value, struct err *err);
int set_rotate_interval(struct options *o, const char *value, struct err *err);
int set_kafka_conf(struct options *o, const char *value, struct err *err);
void outputs_default(struct options *o);
int outputs_finish(struct options *o, struct err *err);
bool options_port(const struct options *o, uint16_t port);

#endif
