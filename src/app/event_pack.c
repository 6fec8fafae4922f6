/*
 * event_pack.c - events that outlive emit(). See event_pack.h.
 *
 * Of the two kilobytes of a struct event some twenty fields have a value: those are kept, each with its place in there, beside
 * what only diag reads, then the line. Everything stands at multiples of eight octets, so it can be used where it is.
 */
#include "event_pack.h"

#include "smtpscope/exchange.h"

#include <stdlib.h>
#include <string.h>

enum {
	BLOCK = 128 * 1024,
	BLOCKS_KEPT = 8, /* a mebibyte: what a usual round takes is not asked for again */
};

enum {
#define PACK_ROW(type, member, path, sets, doc) ROW_##member,
	EVENT_FIELDS(PACK_ROW)
#undef PACK_ROW
	ROWS
};

struct pack_block {
	struct pack_block *next;
	size_t n, cap;
	uint8_t bytes[];
};

/* Spans of the exchange that are mostly those of the event. */
enum { SAME_VERB = 1, SAME_ARGUMENT = 2, SAME_ENHANCED = 4, SAME_TEXT = 8 };

/* Starts a packed event. */
struct packed {
	uint64_t tag;
	int64_t reply_ts;
	uint32_t size; /* with this */
	uint32_t line; /* octets */
	uint16_t fields;
	uint8_t set, wanted, same;
	bool has_exchange, has_record;
};

/* ---- which fields ---- */

static bool plan_init(struct pack_plan *plan, unsigned set, const struct event *known, bool (*keeps)(const struct event_field *f))
{
	plan->probe = calloc(event_field_count, sizeof *plan->probe);
	plan->field = calloc(event_field_count, sizeof *plan->field);
	if (!plan->probe || !plan->field)
		return false;
	for (unsigned i = 0; i < event_field_count; i++) {
		const struct event_field *f = &event_fields[i];

		if (!(f->sets >> set & 1) || event_present(known, f) || (keeps && !keeps(f)))
			continue;
		plan->probe[plan->n] = event_probe_of(f);
		plan->field[plan->n++] = (struct pack_field){.offset = f->offset, .type = (uint16_t)f->type};
	}
	return true;
}

bool packing_init(struct packing *p, bool (*keeps)(const struct event_field *f))
{
	struct session_record any = {.id = "id", .community_id = "id", .client.family = 4, .server.family = 4};
	struct event known;
	bool fine = true;

	*p = (struct packing){0};
	event_init(&known, DS_COMMAND);
	event_of_session(&known, &any);
	for (unsigned set = 0; fine && set < DATASETS; set++)
		fine = plan_init(&p->plan[set], set, &known, keeps);
	return fine;
}

void packing_fini(struct packing *p)
{
	for (unsigned set = 0; set < DATASETS; set++) {
		free(p->plan[set].probe);
		free(p->plan[set].field);
	}
	*p = (struct packing){0};
}

/* Numbers of the fields that have a value. Without a branch: which those are cannot be guessed. */
static unsigned choose_fields(const struct pack_plan *plan, const struct event *ev, uint16_t chosen[ROWS])
{
	uint16_t *next = chosen;

	for (unsigned i = 0; i < plan->n; i++) {
		*next = (uint16_t)i;
		next += event_probed(ev, &plan->probe[i]);
	}
	return (unsigned)(next - chosen);
}

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

static size_t value_size(const void *value, unsigned type)
{
	switch ((enum event_type)type) {
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

static bool is_span(struct span a, struct span b)
{
	return a.p == b.p && a.n == b.n;
}

static uint8_t same_spans(const struct event *ev)
{
	const struct exchange *x = ev->exchange;

	return (uint8_t)((is_span(x->verb_text, ev->verb) ? SAME_VERB : 0) | (is_span(x->argument, ev->argument) ? SAME_ARGUMENT : 0) |
			 (is_span(x->enhanced, ev->reply_enhanced) ? SAME_ENHANCED : 0) |
			 (x->text == ev->reply_text.v && x->text_count == ev->reply_text.n ? SAME_TEXT : 0));
}

static size_t exchange_size(const struct exchange *x, uint8_t same)
{
	return sizeof *x + (same & SAME_VERB ? 0 : span_size(x->verb_text)) + (same & SAME_ARGUMENT ? 0 : span_size(x->argument)) +
	       (same & SAME_ENHANCED ? 0 : span_size(x->enhanced)) + (same & SAME_TEXT ? 0 : list_size(x->text, x->text_count));
}

static const void *value_of(const struct event *ev, const struct pack_field *f)
{
	return (const uint8_t *)ev + f->offset;
}

static size_t packed_size(const struct packed *head, const struct event *ev, const struct pack_field *fields, const uint16_t *chosen)
{
	size_t n = sizeof *head + head->fields * sizeof *fields + pack_padded(head->line);

	for (unsigned i = 0; i < head->fields; i++)
		n += value_size(value_of(ev, &fields[chosen[i]]), fields[chosen[i]].type);
	if (head->has_exchange)
		n += exchange_size(ev->exchange, head->same);
	if (head->has_record)
		n += pack_padded(sizeof *ev->record);
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

static void put_value(struct writer *w, const void *value, unsigned type)
{
	void *copy;

	switch ((enum event_type)type) {
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

static void put_exchange(struct writer *w, const struct exchange *x, uint8_t same)
{
	struct exchange *copy = put(w, x, sizeof *x);

	copy->bad = copy->mechanism = copy->construct = SPAN_ABSENT;
	if (!(same & SAME_VERB))
		copy->verb_text = put_span(w, x->verb_text);
	if (!(same & SAME_ARGUMENT))
		copy->argument = put_span(w, x->argument);
	if (!(same & SAME_ENHANCED))
		copy->enhanced = put_span(w, x->enhanced);
	if (!(same & SAME_TEXT))
		copy->text = put_list(w, x->text, x->text_count);
}

static void put_event(struct writer *w, const struct packed *head, const struct event *ev, const struct pack_field *fields,
		      const uint16_t *chosen, struct span line)
{
	put(w, head, sizeof *head);
	if (head->has_record)
		((struct session_record *)put(w, ev->record, sizeof *ev->record))->diag = NULL;
	for (unsigned i = 0; i < head->fields; i++) {
		const struct pack_field *f = &fields[chosen[i]];
		struct pack_field *copy = put(w, f, sizeof *f);

		put_value(w, value_of(ev, f), f->type);
		copy->size = (uint32_t)(w->p - (uint8_t *)(copy + 1));
	}
	if (head->has_exchange)
		put_exchange(w, ev->exchange, head->same);
	put(w, line.p, line.n);
}

static struct pack_block *block_new(size_t cap)
{
	struct pack_block *b = malloc(sizeof *b + cap);

	if (b)
		*b = (struct pack_block){.cap = cap};
	return b;
}

/* One with room for n octets, in front of what is behind the last. */
static struct pack_block *block_for(struct pack_list *l, size_t n)
{
	struct pack_block *b = l->last, *next = b ? b->next : NULL;

	if (b && n <= b->cap - b->n)
		return b;
	if (!next || n > next->cap) {
		next = block_new(n > BLOCK ? n : BLOCK);
		if (!next)
			return NULL;
		next->next = b ? b->next : NULL;
		if (b)
			b->next = next;
		else
			l->first = next;
	}
	l->last = next;
	return next;
}

void pack_append(struct pack_list *l, const struct packing *p, const struct event *ev, const struct line *line, uint64_t tag)
{
	struct packed head = {.tag = tag, .reply_ts = ev->reply_ts, .set = (uint8_t)ev->set, .wanted = line->wanted,
			      .line = (uint32_t)line->json.n, .has_exchange = ev->exchange != NULL, .has_record = ev->record != NULL};
	const struct pack_plan *plan = &p->plan[ev->set];
	uint16_t chosen[ROWS];
	struct pack_block *b;
	struct writer w;

	head.fields = (uint16_t)choose_fields(plan, ev, chosen);
	head.same = ev->exchange ? same_spans(ev) : 0;
	head.size = (uint32_t)packed_size(&head, ev, plan->field, chosen);
	b = block_for(l, head.size);
	if (!b) {
		l->lost++;
		return;
	}
	w.p = b->bytes + b->n;
	put_event(&w, &head, ev, plan->field, chosen, line->json);
	b->n += head.size;
	pack_fetch(w.p, b->cap - b->n, true);
}

void pack_clear(struct pack_list *l)
{
	struct pack_block **at = &l->first;
	unsigned kept = 0;

	while (*at) {
		struct pack_block *b = *at;

		if (b->cap == BLOCK && kept++ < BLOCKS_KEPT) {
			b->n = 0;
			at = &b->next;
		} else {
			*at = b->next;
			free(b);
		}
	}
	l->last = l->first;
}

void pack_free(struct pack_list *l)
{
	while (l->first) {
		struct pack_block *b = l->first;

		l->first = b->next;
		free(b);
	}
	*l = (struct pack_list){0};
}

/* ---- reading ---- */

/* A block may be empty: the first event was too large for it, or it waits for the next ones. */
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

static struct packed *head_of(const struct pack_reader *r)
{
	return r->block ? (struct packed *)(void *)(r->block->bytes + r->at) : NULL;
}

uint64_t pack_tag(const struct pack_reader *r)
{
	const struct packed *head = head_of(r);

	return head ? head->tag : PACK_END;
}

static void *take(uint8_t **p, size_t n)
{
	uint8_t *at = *p;

	*p += pack_padded(n);
	return at;
}

static void take_value(void *to, const uint8_t *from, unsigned type)
{
	switch ((enum event_type)type) {
	case EV_STR:
		memcpy(to, from, sizeof(ev_STR_t));
		break;
	case EV_STRS:
		memcpy(to, from, sizeof(ev_STRS_t));
		break;
	case EV_UINT:
	case EV_TIME:
		memcpy(to, from, sizeof(uint64_t));
		break;
	case EV_BOOL:
		memcpy(to, from, sizeof(ev_BOOL_t));
		break;
	case EV_IP:
		memcpy(to, from, sizeof(ev_IP_t));
		break;
	case EV_CODES:
		memcpy(to, from, sizeof(ev_CODES_t));
		break;
	}
}

static void take_exchange(uint8_t **p, uint8_t same, struct event *ev)
{
	struct exchange *x = take(p, sizeof *x);

	take(p, exchange_size(x, same) - sizeof *x);
	if (same & SAME_VERB)
		x->verb_text = ev->verb;
	if (same & SAME_ARGUMENT)
		x->argument = ev->argument;
	if (same & SAME_ENHANCED)
		x->enhanced = ev->reply_enhanced;
	if (same & SAME_TEXT)
		x->text = ev->reply_text.v;
	ev->exchange = x;
}

static void take_event(struct packed *head, struct unpacked *out)
{
	uint8_t *p = (uint8_t *)(head + 1);

	event_init(&out->ev, (enum dataset)head->set);
	out->ev.reply_ts = head->reply_ts;
	if (head->has_record)
		event_of_session(&out->ev, take(&p, sizeof(struct session_record)));
	for (unsigned i = 0; i < head->fields; i++) {
		const struct pack_field *f = take(&p, sizeof *f);

		take_value((uint8_t *)&out->ev + f->offset, p, f->type);
		take(&p, f->size);
	}
	out->line = (struct line){.wanted = head->wanted, .sequence = out->ev.sequence, .findings = out->ev.session_findings};
	if (head->has_exchange)
		take_exchange(&p, head->same, &out->ev);
	if (head->line)
		out->line.json = span_of(take(&p, head->line), head->line);
}

bool pack_next(struct pack_reader *r, struct unpacked *out)
{
	struct packed *head = head_of(r);

	if (!head)
		return false;
	take_event(head, out);
	r->at += head->size;
	skip_done(r);
	if (r->block)
		pack_fetch(r->block->bytes + r->at, r->block->n - r->at, false);
	return true;
}
