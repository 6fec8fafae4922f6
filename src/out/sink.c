/*
 * sink.c - whole records on their way out: gathered in blocks, one write per full block, kept where a sink does not take them.
 *
 * Invariants: a block holds whole records only; every record that was given is written, waiting or lost, and counted so; after
 * an error that is for good nothing is written any more. Offline there is one block, and a full one is waited for. Live, blocks
 * are added up to SINK_KEPT, then records are dropped, the newest first: what waits stays in order and without holes inside.
 * How octets go is the business of the kinds: sink_file.c, sink_socket.c; Kafka has a queue of its own, sink_kafka.c.
 */
#include "sink_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- for the kinds ---- */

void sink_complain(const struct sink *s, const char *format, ...)
{
	char text[640];
	va_list args;
	int n = snprintf(text, sizeof text, "%.256s: ", s->name);

	va_start(args, format);
	vsnprintf(text + n, sizeof text - (size_t)n, format, args);
	va_end(args);
	if (s->o.complain)
		s->o.complain(text);
}

static bool stop_wanted(const struct sink *s)
{
	return s->o.signals && atomic_load_explicit(&s->o.signals->stop, memory_order_relaxed);
}

bool sink_may_wait(const struct sink *s)
{
	if (s->patience == INT64_MAX)
		return !stop_wanted(s);
	return s->patience && clock_monotonic() < s->patience;
}

void sink_pause(const struct sink *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLOUT};

	poll(&p, s->fd >= 0, PAUSE_MS);
}

static size_t record_start(const struct block *b)
{
	return b->done ? b->end[b->done - 1] : 0;
}

size_t sink_torn(const struct sink *s)
{
	return s->head->at - record_start(s->head);
}

void sink_rewind(struct sink *s)
{
	s->head->at = record_start(s->head);
}

void sink_lose(struct sink *s, enum sink_loss why, uint64_t records)
{
	s->stats.lost[why] += records;
	if (why != SINK_LOST_QUEUE || s->dropping)
		return;
	s->dropping = true;
	sink_complain(s, "%d MiB of events wait for it: what comes now is dropped, and counted", SINK_KEPT >> 20);
}

static enum sink_loss loss_of(int error)
{
	return error == EPIPE ? SINK_LOST_CLOSED : SINK_LOST_ERROR;
}

/* ---- blocks ---- */

/* Mapped, so that what an outage took goes back to the system when it is over. */
static struct block *block_new(size_t room)
{
	size_t cap = room > BLOCK_BYTES ? room : BLOCK_BYTES;
	struct block *b = mmap(NULL, sizeof *b + cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (b == MAP_FAILED)
		return NULL;
	b->cap = cap; /* all else is zero */
	return b;
}

static void block_free(struct block *b)
{
	munmap(b, sizeof *b + b->cap);
}

static void block_clear(struct block *b)
{
	b->n = b->at = 0;
	b->records = b->done = 0;
}

static void block_done(struct sink *s, struct block *b)
{
	s->kept -= b->cap;
	if (s->spare || b->cap != BLOCK_BYTES) {
		block_free(b);
		return;
	}
	block_clear(b);
	b->next = NULL;
	s->spare = b;
}

/* A block with room for so many octets behind the last one. NULL at the limit, or without memory. */
static struct block *block_add(struct sink *s, size_t room)
{
	struct block *b = s->spare;

	if (s->kept + (room > BLOCK_BYTES ? room : BLOCK_BYTES) > SINK_KEPT)
		return NULL;
	if (b && room <= BLOCK_BYTES)
		s->spare = NULL;
	else
		b = block_new(room);
	if (!b)
		return NULL;
	s->kept += b->cap;
	s->tail->next = b;
	s->tail = b;
	return b;
}

static uint64_t waiting(const struct sink *s, uint64_t *octets)
{
	uint64_t records = 0;

	*octets = 0;
	for (const struct block *b = s->head; b; b = b->next) {
		records += b->records - b->done;
		*octets += b->n - record_start(b);
	}
	return records;
}

/* ---- streams ---- */

static void fail(struct sink *s, int error)
{
	uint64_t octets;

	s->error = error;
	sink_lose(s, loss_of(error), waiting(s, &octets));
	while (s->head->next) {
		struct block *b = s->head;

		s->head = b->next;
		block_done(s, b);
	}
	block_clear(s->head);
}

/* What may go in one piece: the rest of a record and whole ones behind it, as many as there is room for. */
static struct span piece_of(const struct sink *s, const struct block *b)
{
	size_t end = b->n;

	if (end - b->at > s->room) {
		end = b->end[b->done];
		for (uint32_t i = b->done + 1; i < b->records && b->end[i] - b->at <= s->room; i++)
			end = b->end[i];
	}
	return span_of(b->bytes + b->at, end - b->at);
}

static void advance(struct sink *s, struct block *b, size_t n)
{
	b->at += n;
	while (b->done < b->records && b->end[b->done] <= b->at) {
		s->stats.bytes += b->end[b->done] - record_start(b);
		s->stats.written++;
		b->done++;
	}
}

/* 0 when something went, -EAGAIN when it must be waited for; s->error when that is of no use. */
static int put_some(struct sink *s, struct block *b)
{
	ssize_t n;

	s->room = SIZE_MAX;
	n = s->kind->ready ? s->kind->ready(s, sink_torn(s) ? 0 : b->end[b->done] - b->at) : 0;
	if (n == 0)
		n = s->kind->put(s, piece_of(s, b));
	if (n > 0) {
		advance(s, b, (size_t)n);
		return 0;
	}
	if (n == -EINTR)
		return 0;
	if (n == -EAGAIN || n == -EWOULDBLOCK)
		return -EAGAIN;
	n = n ? n : -EIO; /* nothing taken and no reason given: never wait for that to change */
	if (!s->kind->mend || !s->kind->mend(s, (int)-n))
		fail(s, (int)-n);
	return -EAGAIN;
}

/* Hands on what is taken, and waits where that is allowed. True when nothing is left. */
static bool pump(struct sink *s)
{
	while (!s->error) {
		struct block *b = s->head;

		if (b->at < b->n) {
			if (put_some(s, b) == 0 || s->error)
				continue;
			if (!sink_may_wait(s))
				return false;
			sink_pause(s);
		} else if (b->next) {
			s->head = b->next;
			block_done(s, b);
		} else {
			block_clear(b);
			return true;
		}
	}
	return false;
}

/* The last block is full. NULL: the record is lost, and counted. */
static struct block *make_room(struct sink *s, size_t n)
{
	struct block *b = NULL;

	pump(s);
	if (s->error)
		sink_lose(s, loss_of(s->error), 1);
	else if (n <= s->tail->cap - s->tail->n && s->tail->records < BLOCK_RECORDS)
		return s->tail;
	else if (s->o.live || s->head == s->tail)
		b = block_add(s, n);
	if (!b && !s->error)
		sink_lose(s, s->o.live ? SINK_LOST_QUEUE : SINK_LOST_END, 1);
	return b;
}

void sink_write(struct sink *s, struct span record, struct span key)
{
	struct block *b = s->tail;

	s->stats.records++;
	if (s->error) {
		sink_lose(s, loss_of(s->error), 1);
		return;
	}
	if (s->kind->record) {
		s->kind->record(s, record, key);
		return;
	}
	if (record.n > b->cap - b->n || b->records == BLOCK_RECORDS)
		b = make_room(s, record.n);
	if (!b)
		return;
	if (record.n)
		memcpy(b->bytes + b->n, record.p, record.n);
	b->n += record.n;
	b->end[b->records++] = (uint32_t)b->n;
}

void sink_flush(struct sink *s)
{
	if (s->kind->flush)
		s->kind->flush(s, 0);
	else
		pump(s);
}

void sink_tick(struct sink *s)
{
	if (s->error)
		return;
	if (s->kind->tick)
		s->kind->tick(s);
	if (s->kind->record)
		return;
	pump(s);
	s->dropping &= s->head != s->tail;
}

/* ---- what is known of it ---- */

bool sink_failed(const struct sink *s)
{
	return s->error != 0;
}

bool sink_pipe_closed(const struct sink *s)
{
	return s->error == EPIPE;
}

bool sink_is_stuck(const struct sink *s)
{
	return s->dropping;
}

uint64_t sink_lost(const struct sink *s)
{
	uint64_t n = 0;

	for (int why = 0; why < SINK_LOSSES; why++)
		n += s->stats.lost[why];
	return n;
}

uint64_t sink_written(const struct sink *s)
{
	return s->stats.records - sink_lost(s);
}

void sink_stats(struct sink *s, struct sink_stats *out)
{
	if (s->kind->stats)
		s->kind->stats(s);
	else
		s->stats.queued = waiting(s, &s->stats.queued_bytes);
	*out = s->stats;
}

const char *sink_name(const struct sink *s)
{
	return s->name;
}

bool sink_is_terminal(const struct sink *s)
{
	return s->fd >= 0 && isatty(s->fd);
}

bool sink_is_plain(const struct sink *s)
{
	return s->kind == &sink_kind_file || s->kind == &sink_kind_stdout;
}

void sink_rights(const struct sink *s, struct sink_rights *out)
{
	*out = (struct sink_rights){0};
	if (s->kind->rights)
		s->kind->rights(s, out);
}

/* ---- life ---- */

static void sink_free(struct sink *s)
{
	while (s->head) {
		struct block *next = s->head->next;

		block_free(s->head);
		s->head = next;
	}
	if (s->spare)
		block_free(s->spare);
	free(s->name);
	free(s);
}

static struct sink *sink_new(const char *name, const struct sink_kind *kind, const struct sink_options *options)
{
	struct sink *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	if (options)
		s->o = *options;
	s->fd = -1;
	s->kind = kind;
	s->patience = s->o.live ? 0 : INT64_MAX;
	s->name = strdup(name);
	s->head = s->tail = block_new(0);
	s->kept = BLOCK_BYTES;
	if (s->name && s->head)
		return s;
	sink_free(s);
	return NULL;
}

struct sink *sink_open(const char *target, const struct sink_options *options, struct err *err)
{
	static const struct sink_kind *const kinds[] = {&sink_kind_unix, &sink_kind_tcp, &sink_kind_kafka};
	const struct sink_kind *kind = strcmp(target, "-") == 0 ? &sink_kind_stdout : &sink_kind_file;
	const char *where = target;
	struct sink *s;

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(target, kinds[i]->prefix, strlen(kinds[i]->prefix)) == 0)
			kind = kinds[i];
	where += strlen(kind->prefix);
	s = sink_new(kind == &sink_kind_stdout ? "standard output" : target, kind, options);
	if (!s) {
		err_set(err, 1, "%s: out of memory", target);
		return NULL;
	}
	if (kind->open(s, where, err) == 0)
		return s;
	sink_free(s);
	return NULL;
}

int sink_start(struct sink *s, struct err *err)
{
	return s->kind->start ? s->kind->start(s, err) : 0;
}

/* What stayed with it, in words. */
static int last_words(const struct sink *s, struct err *err)
{
	uint64_t lost = sink_lost(s), late = s->stats.lost[SINK_LOST_END];

	if (s->error == EPIPE)
		return 0;
	if (s->error)
		return err_set(err, 1, "%s: %s; %llu records not written", s->name, strerror(s->error), (unsigned long long)lost);
	if (late)
		return err_set(err, 1, "%s: %llu records were still waiting at the end, and are lost", s->name, (unsigned long long)late);
	if (lost && !s->o.live)
		return err_set(err, 1, "%s: %llu records were refused", s->name, (unsigned long long)lost);
	return 0;
}

int sink_close(struct sink **sink, struct err *err)
{
	struct sink *s = *sink;
	int64_t linger;
	int status;
	uint64_t octets;

	*sink = NULL;
	if (!s)
		return 0;
	s->closing = true;
	linger = (s->o.linger_ms ? s->o.linger_ms : LINGER_MS) * (SECOND_NS / 1000);
	s->patience = s->o.live || stop_wanted(s) ? clock_monotonic() + linger : INT64_MAX;
	if (s->kind->flush)
		s->kind->flush(s, s->patience);
	else if (!pump(s) && !s->error)
		sink_lose(s, SINK_LOST_END, waiting(s, &octets));
	if (s->kind->close)
		s->kind->close(s);
	status = last_words(s, err);
	sink_free(s);
	return status;
}

/* ---- tests ---- */

struct callback {
	void (*write)(void *ctx, struct span records);
	void *ctx;
};

static ssize_t callback_put(struct sink *s, struct span octets)
{
	const struct callback *c = s->own;

	c->write(c->ctx, octets);
	return (ssize_t)octets.n;
}

static void callback_close(struct sink *s)
{
	free(s->own);
}

struct sink *sink_open_callback(void (*write)(void *ctx, struct span records), void *ctx)
{
	static const struct sink_kind kind = {.prefix = "", .put = callback_put, .close = callback_close};
	struct sink *s = sink_new("callback", &kind, NULL);
	struct callback *c = s ? malloc(sizeof *c) : NULL;

	if (!c) {
		if (s)
			sink_free(s);
		return NULL;
	}
	*c = (struct callback){write, ctx};
	s->own = c;
	return s;
}
