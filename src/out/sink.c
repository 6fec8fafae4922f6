/*
 * sink.c - whole lines into a file, a pipe or a callback, one write(2) per full buffer.
 *
 * Invariants: the buffer holds whole lines only, so a reader and a crash see whole lines; after the first failure nothing is
 * written any more and every line is counted as lost; a line that a full disk cut in two is taken off the file again.
 * Left out on purpose: sockets and rotation, which belong to whoever opens the descriptor.
 */
#include "smtpscope/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smtpscope/err.h"

enum {
	BUFFER = 256 * 1024, /* some 500 events: one write costs less than 1 % of what making them does */
	FILE_MODE = 0640,    /* events name users: no business of others */
};

struct sink {
	int fd; /* -1: callback */
	bool owned;
	void (*write)(void *ctx, struct span lines);
	void *ctx;
	char *name;
	int error; /* errno of the first failure */
	uint64_t written, lost;
	size_t n;
	uint8_t buffer[BUFFER];
};

static struct sink *sink_new(const char *name)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->name = strdup(name);
	if (s->name)
		return s;
	free(s);
	return NULL;
}

static void sink_free(struct sink *s)
{
	free(s->name);
	free(s);
}

struct sink *sink_open(const char *path, struct err *err)
{
	bool standard = strcmp(path, "-") == 0;
	struct sink *s = sink_new(standard ? "standard output" : path);

	if (!s) {
		err_set(err, 1, "%s: out of memory", path);
		return NULL;
	}
	s->owned = !standard;
	s->fd = standard ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, FILE_MODE);
	if (s->fd < 0) {
		err_set(err, 1, "%s: %s", path, strerror(errno));
		sink_free(s);
		return NULL;
	}
	return s;
}

struct sink *sink_open_callback(void (*write)(void *ctx, struct span lines), void *ctx)
{
	struct sink *s = sink_new("callback");

	if (!s)
		return NULL;
	s->write = write;
	s->ctx = ctx;
	return s;
}

static uint64_t count_lines(struct span lines)
{
	uint64_t n = 0;

	for (size_t at; (at = span_chr(lines, '\n')) != SPAN_NPOS; n++)
		lines = span_from(lines, at + 1);
	return n;
}

/* A regular file must not end in half a line; the torn octets are the last ones we wrote. */
static void untear(const struct sink *s, struct span done)
{
	size_t end = span_rchr(done, '\n');
	off_t torn = (off_t)(end == SPAN_NPOS ? done.n : done.n - end - 1);
	struct stat st;

	if (torn == 0 || fstat(s->fd, &st) || !S_ISREG(st.st_mode) || st.st_size < torn)
		return;
	if (ftruncate(s->fd, st.st_size - torn))
		return; /* then the last line stays cut, as after a crash */
}

/* A descriptor that somebody set non-blocking (a shared terminal) is waited for like any other. */
static bool wait_writable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

/* How many octets of lines were taken; fewer than all of them only with s->error set. */
static size_t write_all(struct sink *s, struct span lines)
{
	size_t done = 0;

	while (done < lines.n) {
		ssize_t n = write(s->fd, lines.p + done, lines.n - done);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n == 0)
			errno = EIO; /* nothing taken and no reason given: never wait for that to change */
		else if (errno == EINTR || ((errno == EAGAIN || errno == EWOULDBLOCK) && wait_writable(s->fd)))
			continue;
		s->error = errno;
		break;
	}
	return done;
}

static void deliver(struct sink *s, struct span lines)
{
	size_t done;
	uint64_t lost;

	if (s->fd < 0) {
		s->write(s->ctx, lines);
		return;
	}
	done = write_all(s, lines);
	if (done == lines.n)
		return;
	untear(s, span_first(lines, done));
	lost = count_lines(lines) - count_lines(span_first(lines, done));
	s->lost += lost;
	s->written -= lost;
}

void sink_flush(struct sink *s)
{
	size_t n = s->n;

	s->n = 0;
	if (n && !s->error)
		deliver(s, span_of(s->buffer, n));
}

void sink_write(struct sink *s, struct span lines)
{
	uint64_t count = count_lines(lines);

	if (lines.n > BUFFER - s->n)
		sink_flush(s);
	if (s->error) {
		s->lost += count;
		return;
	}
	s->written += count;
	if (lines.n > BUFFER) {
		deliver(s, lines);
		return;
	}
	if (lines.n)
		memcpy(s->buffer + s->n, lines.p, lines.n);
	s->n += lines.n;
}

bool sink_failed(const struct sink *s)
{
	return s->error != 0;
}

bool sink_pipe_closed(const struct sink *s)
{
	return s->error == EPIPE;
}

uint64_t sink_lost(const struct sink *s)
{
	return s->lost;
}

uint64_t sink_written(const struct sink *s)
{
	return s->written;
}

bool sink_is_terminal(const struct sink *s)
{
	return s->fd >= 0 && isatty(s->fd);
}

int sink_close(struct sink **sink, struct err *err)
{
	struct sink *s = *sink;
	int status = 0;

	*sink = NULL;
	if (!s)
		return 0;
	sink_flush(s);
	if (s->owned && close(s->fd) && errno != EINTR && !s->error)
		s->error = errno;
	if (s->error && s->error != EPIPE)
		status = err_set(err, 1, "%s: %s; %llu lines not written", s->name, strerror(s->error), (unsigned long long)s->lost);
	sink_free(s);
	return status;
}
