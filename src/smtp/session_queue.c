/*
 * session_queue.c - what the client sent and the server has not answered, in order (RFC 2920 3.1).
 *
 * Each entry is one block: the struct, and behind it a copy of its line, which it may outlive. Blocks are wiped when freed, because
 * AUTH lines stand in them until they are read.
 */
#include "session_internal.h"

#include <stddef.h>
#include <string.h>

struct pending *pending_new(struct session *s, enum pending_kind kind, struct span line)
{
	size_t n = sizeof(struct pending) + line.n;
	struct pending *p = pool_get(s->pool, n);

	if (!p)
		return NULL;
	p->allocated = n;
	p->kind = kind;
	p->codes = p->few_codes;
	p->code_cap = sizeof p->few_codes / sizeof *p->few_codes;
	p->reply_ts = p->last_ts = EV_NO_TIME;
	p->x.kind = kind == PENDING_GREETING ? EXCHANGE_GREETING : kind == PENDING_COMMAND ? EXCHANGE_COMMAND : EXCHANGE_LOST;
	p->x.declared_size = p->x.size_limit = p->x.announced = EV_NONE;
	if (line.n)
		memcpy(p + 1, line.p, line.n);
	return p;
}

void pending_free(struct session *s, struct pending **pending)
{
	struct pending *p = *pending;

	*pending = NULL;
	if (!p)
		return;
	if (s->blocker == p)
		s->blocker = NULL;
	if (s->auth_pending == p)
		s->auth_pending = NULL;
	body_put(s, &p->body);
	pool_drop(s->pool, &p->x.verb_text);
	pool_drop(s->pool, &p->x.argument);
	if (p->codes != p->few_codes)
		pool_put(s->pool, p->codes, p->code_cap * sizeof *p->codes);
	pool_put_wiped(s->pool, p, p->allocated);
}

/* RFC 2920 3.1: what follows such a command in a group is sent too early. */
static bool ends_group(const struct pending *p)
{
	return p->flags & VERB_LAST && p->x.verb != VERB_UNKNOWN && p->stage == STAGE_REPLY && !p->one_round && p->x.verb != VERB_BDAT;
}

/* Counted when it comes and when it goes, so that no line has to walk over all that wait. */
static void count_in(struct session *s, const struct pending *p)
{
	s->outstanding++;
	s->commands_waiting += p->kind == PENDING_COMMAND;
	s->ends_waiting += p->kind == PENDING_COMMAND && ends_group(p);
}

static void count_out(struct session *s, const struct pending *p)
{
	s->outstanding--;
	s->commands_waiting -= p->kind == PENDING_COMMAND;
	s->ends_waiting -= p->kind == PENDING_COMMAND && ends_group(p);
}

void pending_set_stage(struct session *s, struct pending *p, enum pending_stage stage)
{
	count_out(s, p);
	p->stage = stage;
	count_in(s, p);
}

/* The oldest command is given up as unanswered, so that an endless pipeline stays bounded. */
static void give_up_oldest(struct session *s)
{
	struct pending *p = queue_pop(s);

	if (!s->overflow_said)
		emit_notice(s, &(struct notice){.id = NOTICE_QUEUE_OVERFLOW, .a = s->limits->outstanding}, &p->first, SPAN_ABSENT);
	s->overflow_said = true;
	reply_lost(s, p);
	pending_free(s, &p);
}

/* NULL is allowed: memory was refused, the reply will come as one that nobody asked for. */
void queue_push(struct session *s, struct pending *p)
{
	if (!p)
		return;
	if (s->outstanding >= s->limits->outstanding && s->queue != s->blocker)
		give_up_oldest(s);
	*s->queue_end = p;
	s->queue_end = &p->next;
	count_in(s, p);
}

struct pending *queue_pop(struct session *s)
{
	struct pending *p = s->queue;

	if (!p)
		return NULL;
	s->queue = p->next;
	if (!s->queue)
		s->queue_end = &s->queue;
	p->next = NULL;
	count_out(s, p);
	return p;
}

struct pending *queue_last(const struct session *s)
{
	return s->queue ? (struct pending *)(void *)((uint8_t *)s->queue_end - offsetof(struct pending, next)) : NULL;
}

void queue_drop_tentative(struct session *s)
{
	struct pending **at = &s->queue;

	while (*at) {
		struct pending *p = *at;

		if (!p->tentative) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		count_out(s, p);
		pending_free(s, &p);
	}
	s->queue_end = at;
}

void queue_confirm_tentative(struct session *s)
{
	for (struct pending *p = s->queue; p; p = p->next) {
		if (p->tentative && p->kind == PENDING_COMMAND) {
			s->commands++;
			s->quit |= p->x.verb == VERB_QUIT;
		}
		p->tentative = false;
	}
}

void pending_add_code(struct session *s, struct pending *p, int code)
{
	if (code < 0)
		return;
	if (p->code_count == p->code_cap) {
		uint32_t cap = p->code_cap * 2;
		uint16_t *more = cap <= 4096 ? pool_get(s->pool, cap * sizeof *more) : NULL;

		if (!more)
			return;
		memcpy(more, p->codes, p->code_count * sizeof *more);
		if (p->codes != p->few_codes)
			pool_put(s->pool, p->codes, p->code_cap * sizeof *p->codes);
		p->codes = more;
		p->code_cap = cap;
	}
	p->codes[p->code_count++] = (uint16_t)code;
}
