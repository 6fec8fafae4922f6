/*
 * input.c - capture files, compressed or not. See input.h.
 *
 * One stack of readers under a stdio FILE: file descriptor, then zlib or libzstd when the first octets say so (RFC 1952 2.3.1,
 * RFC 8878 3.1.1). Nothing is read twice, so pipes work. A file that can be wound back and is not compressed is given to stdio as it
 * is: one copy less of every octet.
 */
#define _GNU_SOURCE /* fopencookie */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
	IN_BUFFER = 256 * 1024,
	STDIO_BUFFER = 128 * 1024, /* stays in the cache between read(2) and libpcap */
};

struct reader {
	int fd;
	uint8_t in[IN_BUFFER]; /* compressed, or the octets read ahead to know the format */
	size_t at, have;
	bool end;
	z_stream *gzip;
	ZSTD_DStream *zstd;
	bool member_open; /* inside a gzip member or a zstd frame */
};

static const char *damage; /* of the file that is being read: there is one at a time */
static char stdio_buffer[STDIO_BUFFER]; /* of the same; glibc allocates none of another size than its own */

const char *input_damage(void)
{
	return damage;
}

/* Fills in[] when it is empty. False at the end or on an error. */
static bool refill(struct reader *r)
{
	ssize_t n;

	if (r->at < r->have)
		return true;
	if (r->end)
		return false;
	do
		n = read(r->fd, r->in, sizeof r->in);
	while (n < 0 && errno == EINTR);
	r->at = 0;
	r->have = n > 0 ? (size_t)n : 0;
	r->end = n <= 0;
	if (n < 0)
		damage = strerror(errno);
	return n > 0;
}

static ssize_t read_plain(struct reader *r, char *dst, size_t cap)
{
	size_t n;

	if (!refill(r))
		return 0;
	n = r->have - r->at < cap ? r->have - r->at : cap;
	memcpy(dst, r->in + r->at, n);
	r->at += n;
	return (ssize_t)n;
}

static ssize_t read_gzip(struct reader *r, char *dst, size_t cap)
{
	z_stream *z = r->gzip;
	int status = Z_OK;

	z->next_out = (Bytef *)dst;
	z->avail_out = (uInt)cap;
	while (z->avail_out == cap && status == Z_OK) {
		if (!refill(r)) {
			damage = r->member_open ? "the compressed data is cut short" : damage;
			return 0;
		}
		r->member_open = true;
		z->next_in = r->in + r->at;
		z->avail_in = (uInt)(r->have - r->at);
		status = inflate(z, Z_NO_FLUSH);
		r->at = r->have - z->avail_in;
		if (status == Z_STREAM_END) { /* the next member, if there is one */
			r->member_open = false;
			status = inflateReset(z);
		}
	}
	if (status != Z_OK && status != Z_BUF_ERROR)
		damage = "the compressed data is damaged";
	return (ssize_t)(cap - z->avail_out);
}

static ssize_t read_zstd(struct reader *r, char *dst, size_t cap)
{
	ZSTD_outBuffer out = {dst, cap, 0};

	while (out.pos == 0) {
		ZSTD_inBuffer in;
		size_t status;

		if (!refill(r)) {
			damage = r->member_open ? "the compressed data is cut short" : damage;
			return 0;
		}
		in = (ZSTD_inBuffer){r->in + r->at, r->have - r->at, 0};
		status = ZSTD_decompressStream(r->zstd, &out, &in);
		r->at += in.pos;
		if (ZSTD_isError(status)) {
			damage = "the compressed data is damaged";
			return 0;
		}
		r->member_open = status != 0;
	}
	return (ssize_t)out.pos;
}

static ssize_t reader_read(void *cookie, char *dst, size_t cap)
{
	struct reader *r = cookie;

	if (r->gzip)
		return read_gzip(r, dst, cap);
	return r->zstd ? read_zstd(r, dst, cap) : read_plain(r, dst, cap);
}

static int reader_close(void *cookie)
{
	struct reader *r = cookie;

	if (r->gzip)
		inflateEnd(r->gzip);
	free(r->gzip);
	ZSTD_freeDStream(r->zstd);
	if (r->fd != STDIN_FILENO)
		close(r->fd);
	free(r);
	return 0;
}

static bool start_gzip(struct reader *r)
{
	enum { GZIP_ONLY = 16 + MAX_WBITS };

	r->gzip = calloc(1, sizeof *r->gzip);
	return r->gzip && inflateInit2(r->gzip, GZIP_ONLY) == Z_OK;
}

static bool start_zstd(struct reader *r)
{
	enum { WINDOW_LOG = 27 }; /* 128 MiB: what zstd itself accepts unasked; a bomb gets no more */

	r->zstd = ZSTD_createDStream();
	return r->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, WINDOW_LOG));
}

/* Reads the first octets: at least four, if the file has them. */
static void read_ahead(struct reader *r)
{
	ssize_t n = 1;

	while (r->have < 4 && n > 0) {
		do
			n = read(r->fd, r->in + r->have, sizeof r->in - r->have);
		while (n < 0 && errno == EINTR);
		r->have += n > 0 ? (size_t)n : 0;
	}
	r->end = n <= 0;
}

static bool choose_format(struct reader *r)
{
	static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};

	if (r->have >= 2 && memcmp(r->in, gzip, 2) == 0)
		return start_gzip(r);
	if (r->have >= 4 && memcmp(r->in, zstd, 4) == 0)
		return start_zstd(r);
	return true;
}

static int open_path(const char *path, struct err *err)
{
	struct stat st;
	int fd;

	if (strcmp(path, "-") == 0)
		return STDIN_FILENO;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, 1, "%s: cannot open: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(err, 1, "%s: is a directory; name the capture files in it, each with -r", path);
	}
	return fd;
}

/* What was read ahead can be read again: stdio may have the file itself. */
static bool rewinds(const struct reader *r)
{
	return !r->gzip && !r->zstd && r->fd != STDIN_FILENO && lseek(r->fd, 0, SEEK_SET) == 0;
}

static FILE *open_stdio(struct reader *r)
{
	const cookie_io_functions_t io = {.read = reader_read, .close = reader_close};
	FILE *file;

	if (!choose_format(r))
		return NULL;
	if (!rewinds(r))
		return fopencookie(r, "r", io);
	file = fdopen(r->fd, "r");
	if (file)
		free(r);
	return file;
}

FILE *input_open(const char *path, struct err *err)
{
	struct reader *r = calloc(1, sizeof *r);
	FILE *file;

	damage = NULL;
	if (!r) {
		err_set(err, 1, "%s: out of memory", path);
		return NULL;
	}
	r->fd = open_path(path, err);
	if (r->fd < 0) {
		free(r);
		return NULL;
	}
	read_ahead(r);
	if (r->have == 0) {
		err_set(err, 1, "%s: the file is empty", strcmp(path, "-") == 0 ? "standard input" : path);
		reader_close(r);
		return NULL;
	}
	file = open_stdio(r);
	if (!file) {
		err_set(err, 1, "%s: out of memory", path);
		reader_close(r);
		return NULL;
	}
	setvbuf(file, stdio_buffer, _IOFBF, sizeof stdio_buffer);
	return file;
}
