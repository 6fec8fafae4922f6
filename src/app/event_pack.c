/*
 * event_pack.c - events that outlive emit(). See event_pack.h.
 *
 * Of the two kilobytes of a struct event some twenty fields have a value: those are kept, each with its row in the field table,
 * then what only diag reads. Everything stands at multiples of eight octets, so it can be used where it is.
 */
#include "event_pack.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 * 1024 };

struct pack_block {
	struct pack_block *next;
	size_t n, cap;
	uint8_t bytes[];
};

/* Starts a packed event. */
struct packed {
	uint64_t tag;
	int64_t reply_ts;
	uint32_t size; /* with this */
	uint16_t fields;
	uint8_t set;
	bool has_exchange, has_notice, has_record;
};

/* Starts a field: the row, and how much follows. */
struct packed_field {
	uint32_t row, size;
};

/* ---- sizes ---- */

static size_t span_size(struct span s)
{
	return pack_padded(s.n);
}

static size_t list_size(const struct span *v, uint32_t count)
{
	size_t n = (size_t)count * sizeof *v;

	for (uint32_t i = 0; i < count; i++)
		n += span_size(v[i]);
	return n;
}

static size_t value_size(const struct event *ev, const struct event_field *f)
{
	const void *value = (const uint8_t *)ev + f->offset;

	switch (f->type) {
	case EV_STR:
		return sizeof(ev_STR_t) + span_size(*(const ev_STR_t *)value);
	case EV_STRS:
		return sizeof(ev_STRS_t) + list_size(((const ev_STRS_t *)value)->v, ((const ev_STRS_t *)value)->n);
	case EV_UINT:
		return sizeof(ev_UINT_t);
	case EV_BOOL:
		return pack_padded(sizeof(ev_BOOL_t));
	case EV_TIME:
		return sizeof(ev_TIME_t);
	case EV_IP:
		return pack_padded(sizeof(ev_IP_t));
	case EV_CODES:
		return sizeof(ev_CODES_t) + pack_padded(((const ev_CODES_t *)value)->n * sizeof(uint16_t));
	}
	return 0;
}

static size_t exchange_size(const struct exchange *x)
{
	return sizeof *x + span_size(x->verb_text) + span_size(x->argument) + span_size(x->enhanced) + span_size(x->bad) +
	       span_size(x->mechanism) + list_size(x->text, x->text_count);
}

static size_t packed_size(const struct event *ev)
{
	size_t n = sizeof(struct packed);

	for (unsigned i = 0; i < event_field_count; i++)
		if (event_present(ev, &event_fields[i]))
			n += sizeof(struct packed_field) + value_size(ev, &event_fields[i]);
	if (ev->exchange)
		n += exchange_size(ev->exchange);
	if (ev->notice)
		n += sizeof *ev->notice + span_size(ev->notice->text);
	if (ev->record)
		n += sizeof *ev->record;
	return n;
}

/* ---- writing ---- */

/* Where the next octets go. */
struct writer {
	uint8_t *p;
};

static void *put(struct writer *w, const void *bytes, size_t n)
{
	uint8_t *at = w->p;

	if (n)
		memcpy(at, bytes, n);
	w->p += pack_padded(n);
	return at;
}

static struct span put_span(struct writer *w, struct span s)
{
	return s.p ? span_of(put(w, s.p, s.n), s.n) : SPAN_ABSENT;
}

static const struct span *put_list(struct writer *w, const struct span *v, uint32_t count)
{
	struct span *copy = put(w, v, (size_t)count * sizeof *v);

	for (uint32_t i = 0; i < count; i++)
		copy[i] = put_span(w, v[i]);
	return copy;
}

static void put_value(struct writer *w, const struct event *ev, const struct event_field *f)
{
	const void *value = (const uint8_t *)ev + f->offset;
	void *copy;

	switch (f->type) {
	case EV_STR:
		copy = put(w, value, sizeof(ev_STR_t));
		*(ev_STR_t *)copy = put_span(w, *(const ev_STR_t *)value);
		break;
	case EV_STRS:
		copy = put(w, value, sizeof(ev_STRS_t));
		((ev_STRS_t *)copy)->v = put_list(w, ((const ev_STRS_t *)value)->v, ((const ev_STRS_t *)value)->n);
		break;
	case EV_CODES:
		copy = put(w, value, sizeof(ev_CODES_t));
		((ev_CODES_t *)copy)->v = put(w, ((const ev_CODES_t *)value)->v, ((const ev_CODES_t *)value)->n * sizeof(uint16_t));
		break;
	case EV_UINT:
	case EV_TIME:
		put(w, value, sizeof(uint64_t));
		break;
	case EV_BOOL:
		put(w, value, sizeof(ev_BOOL_t));
		break;
	case EV_IP:
		put(w, value, sizeof(ev_IP_t));
		break;
	}
}

static void put_exchange(struct writer *w, const struct exchange *x)
{
	struct exchange *copy = put(w, x, sizeof *x);

	copy->verb_text = put_span(w, x->verb_text);
	copy->argument = put_span(w, x->argument);
	copy->enhanced = put_span(w, x->enhanced);
	copy->bad = put_span(w, x->bad);
	copy->mechanism = put_span(w, x->mechanism);
	copy->text = put_list(w, x->text, x->text_count);
}

static void put_event(struct writer *w, const struct event *ev, uint64_t tag, size_t size)
{
	struct packed head = {.tag = tag, .reply_ts = ev->reply_ts, .size = (uint32_t)size, .set = (uint8_t)ev->set,
			      .has_exchange = ev->exchange != NULL, .has_notice = ev->notice != NULL, .has_record = ev->record != NULL};
	struct packed *start = put(w, &head, sizeof head);

	for (unsigned i = 0; i < event_field_count; i++) {
		struct packed_field field = {i, 0};

		if (!event_present(ev, &event_fields[i]))
			continue;
		field.size = (uint32_t)value_size(ev, &event_fields[i]);
		put(w, &field, sizeof field);
		put_value(w, ev, &event_fields[i]);
		start->fields++;
	}
	if (ev->exchange)
		put_exchange(w, ev->exchange);
	if (ev->notice) {
		struct notice *copy = put(w, ev->notice, sizeof *ev->notice);

		copy->text = put_span(w, ev->notice->text);
	}
	if (ev->record)
		put(w, ev->record, sizeof *ev->record);
}

static struct pack_block *block_for(struct pack_list *l, size_t n)
{
	size_t cap = n > BLOCK ? n : BLOCK;
	struct pack_block *b;

	if (l->last && n <= l->last->cap - l->last->n)
		return l->last;
	b = malloc(sizeof *b + cap);
	if (!b)
		return NULL;
	*b = (struct pack_block){.cap = cap};
	if (l->last)
		l->last->next = b;
	else
		l->first = b;
	l->last = b;
	return b;
}

void pack_append(struct pack_list *l, const struct event *ev, uint64_t tag)
{
	size_t n = packed_size(ev);
	struct pack_block *b = block_for(l, n);
	struct writer w;

	if (!b) {
		l->lost++;
		return;
	}
	w.p = b->bytes + b->n;
	put_event(&w, ev, tag, n);
	b->n += n;
	l->bytes += n;
}

static void free_from(struct pack_block *b)
{
	while (b) {
		struct pack_block *next = b->next;

		free(b);
		b = next;
	}
}

void pack_clear(struct pack_list *l)
{
	if (l->first && l->first->cap > BLOCK) {
		free_from(l->first);
		l->first = NULL;
	} else if (l->first) {
		free_from(l->first->next);
		l->first->next = NULL;
		l->first->n = 0;
	}
	l->last = l->first;
	l->bytes = 0;
}

void pack_free(struct pack_list *l)
{
	free_from(l->first);
	*l = (struct pack_list){0};
}

/* ---- reading ---- */

/* A block may be empty: the first event was too large for it. */
static void skip_done(struct pack_reader *r)
{
	while (r->block && r->at == r->block->n) {
		r->block = r->block->next;
		r->at = 0;
	}
}

struct pack_reader pack_read(const struct pack_list *l)
{
	struct pack_reader r = {l->first, 0};

	skip_done(&r);
	return r;
}

static const struct packed *head_of(const struct pack_reader *r)
{
	return r->block ? (const struct packed *)(const void *)(r->block->bytes + r->at) : NULL;
}

uint64_t pack_tag(const struct pack_reader *r)
{
	const struct packed *head = head_of(r);

	return head ? head->tag : PACK_END;
}

static const void *take(const uint8_t **p, size_t n)
{
	const uint8_t *at = *p;

	*p += pack_padded(n);
	return at;
}

static void skip_spans(const uint8_t **p, const struct exchange *x)
{
	take(p, exchange_size(x) - sizeof *x);
}

static void take_event(const struct packed *head, struct unpacked *out)
{
	const uint8_t *p = (const uint8_t *)(head + 1);

	event_init(&out->ev, (enum dataset)head->set);
	out->ev.reply_ts = head->reply_ts;
	for (unsigned i = 0; i < head->fields; i++) {
		const struct packed_field *f = take(&p, sizeof *f);
		static const size_t sizes[] = {
		    [EV_STR] = sizeof(ev_STR_t), [EV_STRS] = sizeof(ev_STRS_t), [EV_UINT] = sizeof(ev_UINT_t), [EV_BOOL] = sizeof(ev_BOOL_t),
		    [EV_TIME] = sizeof(ev_TIME_t), [EV_IP] = sizeof(ev_IP_t), [EV_CODES] = sizeof(ev_CODES_t)};

		memcpy((uint8_t *)&out->ev + event_fields[f->row].offset, p, sizes[event_fields[f->row].type]);
		take(&p, f->size);
	}
	if (head->has_exchange) {
		out->exchange = *(const struct exchange *)take(&p, sizeof(struct exchange));
		skip_spans(&p, &out->exchange);
		out->ev.exchange = &out->exchange;
	}
	if (head->has_notice) {
		out->notice = *(const struct notice *)take(&p, sizeof(struct notice));
		take(&p, out->notice.text.n);
		out->ev.notice = &out->notice;
	}
	if (head->has_record) {
		out->record = *(const struct session_record *)take(&p, sizeof(struct session_record));
		out->record.diag = NULL;
		out->ev.record = &out->record;
	}
}

bool pack_next(struct pack_reader *r, struct unpacked *out)
{
	const struct packed *head = head_of(r);

	if (!head)
		return false;
	take_event(head, out);
	r->at += head->size;
	skip_done(r);
	return true;
}
