/*
 * sink_file.c - files and standard output: rotation by size and time, names made by strftime(3), reopening on demand.
 *
 * A file is changed between records only, so no line is torn between two. What a full disk cut is taken off again: the last octets of
 * the file are ours. Offline an error ends the sink; live it is tried again every second, and what comes meanwhile waits.
 * A file that cannot be opened anew leaves the old one in use: late events in the wrong file are better than none.
 * Names and periods go by the local zone, as those who look for a file by its name do.
 */
#include "sink_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	FILE_MODE = 0640, /* events name users: no business of others */
	RETRY_S = 1,
	MOST_OF_A_NAME = 100000, /* files of one name, told apart by a number: beyond something is wrong */
};

struct file {
	const char *pattern;    /* the target */
	bool named_by_time;     /* it holds conversions of strftime(3) */
	bool regular;
	char path[PATH_MAX];    /* of the file that is open */
	char folder[PATH_MAX];
	uint64_t size;
	int64_t period;         /* number of the one that the file belongs to */
	unsigned reopened;      /* wishes that were fulfilled */
	int64_t retry_at;       /* live: after an error */
	int64_t rotate_at;      /* after one that failed, not before */
	bool troubled;          /* an error was told */
};

/* ---- names and time ---- */

static struct tm local_time(time_t now)
{
	struct tm tm = {0};

	localtime_r(&now, &tm);
	return tm;
}

/* Periods begin at midnight of the local zone. */
static int64_t period_of(const struct sink *s, time_t now)
{
	struct tm tm = local_time(now);

	return s->o.rotate_seconds ? ((int64_t)now + tm.tm_gmtoff) / s->o.rotate_seconds : 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* strftime(3) reads no arguments: any format is safe */

static int name_file(const struct file *f, time_t now, char path[PATH_MAX])
{
	struct tm tm = local_time(now);

	if (!f->named_by_time)
		return snprintf(path, PATH_MAX, "%s", f->pattern) < PATH_MAX ? 0 : -ENAMETOOLONG;
	return strftime(path, PATH_MAX, f->pattern, &tm) ? 0 : -ENAMETOOLONG;
}

#pragma GCC diagnostic pop

/* path, or path with the first number behind it that no file has. */
static int free_name(char path[PATH_MAX])
{
	size_t n = strlen(path);

	for (int i = 1; exists(path); i++) {
		if (i == MOST_OF_A_NAME)
			return -EEXIST;
		if (snprintf(path + n, PATH_MAX - n, ".%d", i) >= (int)(PATH_MAX - n))
			return -ENAMETOOLONG;
	}
	return 0;
}

/* ---- opening ---- */

static int adopt(struct sink *s, struct file *f, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	f->regular = S_ISREG(st.st_mode);
	if (s->o.give && f->regular && st.st_size == 0 && fchown(fd, s->o.owner, s->o.group) != 0)
		sink_complain(s, "cannot be given to the user: %s", strerror(errno));
	f->size = f->regular ? (uint64_t)st.st_size : 0;
	f->period = period_of(s, time(NULL));
	if (path != f->path)
		memcpy(f->path, path, strlen(path) + 1);
	return 0;
}

static int open_path(struct sink *s, struct file *f, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, FILE_MODE);

	return fd < 0 ? -errno : adopt(s, f, fd, path);
}

static int file_open(struct sink *s, const char *where, struct err *err)
{
	struct file *f = calloc(1, sizeof *f);
	const char *slash = strrchr(where, '/');
	char path[PATH_MAX];
	int status;

	if (!f)
		return err_set(err, 1, "%s: out of memory", where);
	f->pattern = s->name;
	f->named_by_time = strchr(where, '%') != NULL;
	snprintf(f->folder, sizeof f->folder, "%.*s", slash ? (int)(slash - where) + (slash == where) : 1, slash ? where : ".");
	if (s->o.signals)
		f->reopened = atomic_load(&s->o.signals->reopen);
	status = name_file(f, time(NULL), path);
	if (status == 0)
		status = open_path(s, f, path);
	if (status == 0 && (s->o.rotate_bytes || s->o.rotate_seconds) && !f->regular)
		status = err_set(err, 2, "%s: only regular files can be rotated", where);
	if (status != 0) {
		if (s->fd >= 0)
			close(s->fd);
		free(f);
		return err_set(err, 1, "%s: %s", where, strerror(-status));
	}
	s->o.give = false; /* from now on they are made by that user */
	s->own = f;
	return 0;
}

static void file_close(struct sink *s)
{
	if (close(s->fd) && errno != EINTR && !s->error)
		s->error = errno;
	free(s->own);
}

/* ---- another file ---- */

/* A file whose name holds no time is put aside under one that does. */
static int put_aside(const struct file *f, time_t now)
{
	char aside[PATH_MAX];
	struct tm tm = local_time(now);
	int n = snprintf(aside, sizeof aside, "%s.", f->path);
	int status;

	if (n + 16 > (int)sizeof aside)
		return -ENAMETOOLONG;
	strftime(aside + n, sizeof aside - (size_t)n, "%Y%m%d-%H%M%S", &tm);
	status = free_name(aside);
	if (status == 0 && rename(f->path, aside) != 0 && errno != ENOENT) /* ENOENT: somebody else did */
		status = -errno;
	return status;
}

static int rotate(struct sink *s, struct file *f)
{
	time_t now = time(NULL);
	char path[PATH_MAX];
	int status = f->named_by_time ? 0 : put_aside(f, now);

	if (status == 0)
		status = name_file(f, now, path);
	if (status == 0 && f->named_by_time && (strcmp(path, f->path) == 0 || f->period == period_of(s, now)))
		status = free_name(path);
	return status == 0 ? open_path(s, f, path) : status;
}

static void rotate_or_say(struct sink *s, struct file *f)
{
	int status = rotate(s, f);

	if (status == 0) {
		s->stats.reconnects++;
		f->rotate_at = 0;
		return;
	}
	if (!f->rotate_at)
		sink_complain(s, "cannot begin another file: %s; going on with this one", strerror(-status));
	f->rotate_at = clock_monotonic() + 10 * SECOND_NS;
}

/* next: octets of the record that is to follow. */
static bool rotation_is_due(const struct sink *s, const struct file *f, size_t next)
{
	if (!s->o.rotate_bytes && !s->o.rotate_seconds)
		return false;
	if (f->rotate_at && clock_monotonic() < f->rotate_at)
		return false;
	if (s->o.rotate_bytes && f->size && next > s->o.rotate_bytes - (f->size < s->o.rotate_bytes ? f->size : s->o.rotate_bytes))
		return true;
	return s->o.rotate_seconds && period_of(s, time(NULL)) != f->period && (f->size || f->named_by_time);
}

static void reopen_when_wanted(struct sink *s, struct file *f)
{
	unsigned wanted = s->o.signals ? atomic_load_explicit(&s->o.signals->reopen, memory_order_relaxed) : f->reopened;
	char path[PATH_MAX];
	int status;

	if (wanted == f->reopened || sink_torn(s))
		return;
	f->reopened = wanted;
	status = name_file(f, time(NULL), path);
	if (status == 0)
		status = open_path(s, f, path);
	if (status == 0)
		s->stats.reconnects++;
	else
		sink_complain(s, "cannot open it anew: %s%s; going on with the old file", strerror(-status),
			      status == -EACCES ? ", the user of -Z must be able to make it" : "");
}

/* ---- octets ---- */

static int file_ready(struct sink *s, size_t next)
{
	struct file *f = s->own;

	if (f->retry_at && clock_monotonic() < f->retry_at)
		return -EAGAIN;
	reopen_when_wanted(s, f);
	if (!next || !f->regular)
		return 0;
	if (rotation_is_due(s, f, next))
		rotate_or_say(s, f);
	if (s->o.rotate_bytes)
		s->room = f->size < s->o.rotate_bytes ? (size_t)(s->o.rotate_bytes - f->size) : next;
	return 0;
}

/*
 * Live, only so much is given to a pipe or a terminal as it takes without waiting: when it can be written at all it has room for PIPE_BUF
 * octets. Others may share it, so it is not switched to non-blocking.
 */
static ssize_t put_without_waiting(const struct sink *s, struct span octets)
{
	struct pollfd p = {.fd = s->fd, .events = POLLOUT};
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return -EAGAIN;
	n = write(s->fd, octets.p, octets.n < PIPE_BUF ? octets.n : PIPE_BUF);
	return n < 0 ? -errno : n;
}

static void all_is_well(const struct sink *s, struct file *f)
{
	if (f->troubled)
		sink_complain(s, "it can be written again");
	f->troubled = false;
	f->retry_at = 0;
}

static ssize_t file_put(struct sink *s, struct span octets)
{
	struct file *f = s->own;
	ssize_t n;

	if (!f->regular && s->o.live)
		return put_without_waiting(s, octets);
	n = write(s->fd, octets.p, octets.n);
	if (n < 0)
		return -errno;
	f->size += (uint64_t)n;
	if ((f->troubled || f->retry_at) && (size_t)n == octets.n) /* a disk that is nearly full takes a part again and again */
		all_is_well(s, f);
	return n;
}

/* A regular file must not end in half a line. */
static void untear(struct sink *s, struct file *f)
{
	size_t torn = sink_torn(s);
	struct stat st;

	if (!torn || fstat(s->fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < torn)
		return;
	if (ftruncate(s->fd, st.st_size - (off_t)torn))
		return; /* then the line goes on where it was cut when there is room again */
	f->size -= torn < f->size ? torn : f->size;
	sink_rewind(s);
}

static bool file_mend(struct sink *s, int error)
{
	struct file *f = s->own;

	untear(s, f);
	if (!s->o.live || !f->regular || s->closing)
		return false;
	if (!f->troubled)
		sink_complain(s, "%s; events wait, and are dropped when they are more than %d MiB", strerror(error), SINK_KEPT >> 20);
	f->troubled = true;
	f->retry_at = clock_monotonic() + RETRY_S * SECOND_NS;
	return true;
}

static void file_tick(struct sink *s)
{
	struct file *f = s->own;

	if (s->head->at < s->head->n)
		return; /* what is to be written asks for itself */
	reopen_when_wanted(s, f);
	if (f->regular && s->o.rotate_seconds && rotation_is_due(s, f, 0))
		rotate_or_say(s, f);
}

static void file_rights(const struct sink *s, struct sink_rights *out)
{
	const struct file *f = s->own;

	out->rename = f->regular && (s->o.rotate_bytes || s->o.rotate_seconds);
	if (f->regular && (out->rename || s->o.live))
		out->folder = f->folder;
}

const struct sink_kind sink_kind_file = {
    .prefix = "",
    .open = file_open,
    .close = file_close,
    .tick = file_tick,
    .rights = file_rights,
    .ready = file_ready,
    .put = file_put,
    .mend = file_mend,
};

/* ---- standard output: as it is ---- */

static int stdout_open(struct sink *s, const char *where, struct err *err)
{
	struct file *f = calloc(1, sizeof *f);
	struct stat st;

	if (!f)
		return err_set(err, 1, "%s: out of memory", where);
	s->fd = STDOUT_FILENO;
	f->regular = fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode);
	s->own = f;
	if (!s->o.rotate_bytes && !s->o.rotate_seconds)
		return 0;
	free(f);
	return err_set(err, 2, "standard output cannot be rotated; name a file with -O");
}

static int stdout_ready(struct sink *s, size_t next)
{
	const struct file *f = s->own;

	(void)next;
	return f->retry_at && clock_monotonic() < f->retry_at ? -EAGAIN : 0;
}

static void stdout_close(struct sink *s)
{
	free(s->own);
}

const struct sink_kind sink_kind_stdout = {
    .prefix = "",
    .open = stdout_open,
    .close = stdout_close,
    .ready = stdout_ready,
    .put = file_put,
    .mend = file_mend,
};
