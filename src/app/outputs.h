/*
 * outputs.h - the sinks of a run: one for each -O, opened before rights are given up, started after.
 */
#ifndef SMTPSCOPE_APP_OUTPUTS_H
#define SMTPSCOPE_APP_OUTPUTS_H

#include "options.h"
#include "sandbox.h"
#include "smtpscope/sink.h"

struct outputs {
	struct sink *sink[MAX_OUTPUTS];
	unsigned count;
	char metrics_folder[4096]; /* of --metrics */
};

/* Opens all. 0, or -1 and *err; what is open then is closed by outputs_close(). */
int outputs_open(struct outputs *out, const struct options *o, struct sink_signals *signals, void (*complain)(const char *text),
		 struct err *err);
/* Adds to *s what they, and --metrics, will still need. */
void outputs_rights(struct outputs *out, const struct options *o, struct sandbox *s);
/* When rights were given up. 0, or -1 and *err. */
int outputs_start(struct outputs *out, const struct options *o, struct err *err);
/* Hands on what waits, and closes all: 0, or -1 and *err. *quiet: the reader of one of them went away, which is no error. */
int outputs_close(struct outputs *out, bool *quiet, struct err *err);

#endif
