/*
 * capture.h - frames from files and interfaces, pulled one at a time. The only module that knows libpcap.
 */
#ifndef SMTPSCOPE_APP_CAPTURE_H
#define SMTPSCOPE_APP_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "smtpscope/err.h"
#include "smtpscope/span.h"

struct capture_options {
	const char *const *files; /* -r, in order; NULL: live */
	unsigned file_count;
	const char *interface;    /* -i */
	const char *filter;       /* BPF, NULL none */
	int snaplen;              /* octets */
	int buffer_kib;           /* kernel buffer */
	bool no_promiscuous, immediate;
	bool once;                /* an interface that was removed will not be opened anew: the rights for it will be gone */
	uint64_t max_frames;      /* -c, 0 no limit */
	bool fanout;              /* share the traffic of the interface with the other sockets of the group */
	uint16_t fanout_group;
};

struct frame {
	struct span bytes;   /* captured; valid until the next call */
	uint32_t wire_len;
	int64_t ts;          /* ns since 1970 UTC */
	uint64_t number;     /* from 1, over all files */
	int dlt;
};

enum capture_status {
	CAPTURE_FRAME,
	CAPTURE_IDLE, /* live: nothing came for a while */
	CAPTURE_END,
};

struct capture_drops {
	uint64_t kernel, interface;
};

struct capture;

/* Opens the first file or the interface and compiles the filter. NULL and *err: code 1 input, 2 filter. */
struct capture *capture_open(const struct capture_options *options, struct err *err);
/* Opens the first file, so that one file takes no rights later. Files that are still to be opened: number, and where they start. */
unsigned capture_prepare(struct capture *c, void (*complain)(const char *text), const char *const **rest);
/*
 * Problems in a file do not stop the capture: each is handed to complain() (one line, without line end), the rest of that
 * file is given up and the next one begun; capture_exit() tells the exit status it leads to.
 */
enum capture_status capture_next(struct capture *c, struct frame *out, void (*complain)(const char *text));
/* Live: frames from before ts (ns) are passed over. */
void capture_skip(struct capture *c, int64_t ts);
int capture_exit(const struct capture *c); /* 0 fine, 1 input failed, 2 bad filter */
bool capture_truncated(const struct capture *c); /* a file was cut short */
bool capture_is_live(const struct capture *c);
bool capture_nanoseconds(const struct capture *c);
void capture_drops(struct capture *c, struct capture_drops *out);
/* Async-signal-safe: capture_next() returns CAPTURE_END soon. */
void capture_stop(struct capture *c);
void capture_close(struct capture **c);

#endif
