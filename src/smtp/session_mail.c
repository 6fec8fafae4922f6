/*
 * session_mail.c - one mail transaction: envelope, fate of each recipient, message facts; and its message event.
 *
 * Opened by an accepted MAIL, ended by the final reply to its data, RSET, a new greeting, a new MAIL, QUIT or the end.
 * All its strings live in one arena that is cleared with it.
 */
#include "session_internal.h"

#include <inttypes.h>
#include <stdio.h>

enum { BLOCK = 16 }; /* recipients a block; most transactions have one */

struct recipient_block {
	struct recipient_block *next;
	struct recipient r[BLOCK];
};

static struct recipient *recipient_at(const struct transaction *t, uint32_t index)
{
	struct recipient_block *b = t->first_block;

	for (uint32_t i = 0; b && i < index / BLOCK; i++)
		b = b->next;
	return b ? &b->r[index % BLOCK] : NULL;
}

void mail_open(struct session *s, const struct pending *p, bool lost)
{
	struct transaction *t = &s->mail;
	struct arena arena;

	body_put(s, &t->body); /* of chunks that no transaction wanted */
	arena = t->arena;
	*t = (struct transaction){.arena = arena, .number = t->number + 1, .open = true, .low = lost};
	s->transactions++;
	t->from = arena_copy(&t->arena, p->address.p ? p->address : SPAN(""));
	t->params = arena_copy(&t->arena, p->params);
	t->declared = p->x.declared_size;
	t->start = p->first.ts;
	t->first_frame = p->first.frame;
}

static struct recipient *recipient_add(struct session *s)
{
	struct transaction *t = &s->mail;

	if (t->listed >= s->limits->recipients)
		return NULL;
	if (t->listed % BLOCK == 0) {
		struct recipient_block *b = arena_get(&t->arena, sizeof *b);

		if (!b)
			return NULL;
		if (t->last_block)
			t->last_block->next = b;
		else
			t->first_block = b;
		t->last_block = b;
	}
	return &t->last_block->r[t->listed++ % BLOCK];
}

void mail_recipient(struct session *s, const struct pending *p, int code)
{
	struct transaction *t = &s->mail;
	struct recipient *r;

	if (!t->open)
		return;
	t->count++;
	t->accepted += code >= 200 && code < 300;
	t->refused += code >= 400;
	t->low |= code == 0;
	r = recipient_add(s);
	if (!r) {
		t->cut = true;
		return;
	}
	r->address = arena_copy(&t->arena, p->address.p ? p->address : SPAN(""));
	r->params = arena_copy(&t->arena, p->params);
	r->code = (uint16_t)(code > 0 ? code : 0);
	t->cut |= !r->address.p;
}

/* LMTP and PRDR: the index-th accepted recipient's own reply after the end of data (RFC 2033 4.2). */
void mail_final(struct session *s, const struct pending *p, uint32_t index, int code)
{
	struct recipient_block *b = s->mail.first_block;

	(void)p;
	for (uint32_t i = 0; b && i < s->mail.listed; i++) {
		struct recipient *r = &b->r[i % BLOCK];

		if (r->code / 100 == 2 && index-- == 0) {
			r->final = (uint16_t)(code > 0 ? code : 0);
			return;
		}
		if (i % BLOCK == BLOCK - 1)
			b = b->next;
	}
}

/* ---- the message event ---- */

/* What the fate of a recipient is in the end: 2, 4, 5, or 0 unknown. */
static int fate(const struct recipient *r)
{
	return (r->final ? r->final : r->code) / 100;
}

struct recipient_lists {
	struct span *all, *accepted, *rejected, *params;
	uint32_t all_n, accepted_n, rejected_n, params_n;
};

static void list_recipients(struct session *s, struct recipient_lists *l)
{
	struct transaction *t = &s->mail;
	struct span *room = arena_get(&t->arena, 4 * (size_t)(t->listed ? t->listed : 1) * sizeof *room);

	*l = (struct recipient_lists){0};
	if (!room) {
		t->cut |= t->listed > 0;
		return;
	}
	l->all = room;
	l->accepted = room + t->listed;
	l->rejected = room + 2 * (size_t)t->listed;
	l->params = room + 3 * (size_t)t->listed;
	for (uint32_t i = 0; i < t->listed; i++) {
		const struct recipient *r = recipient_at(t, i);

		l->all[l->all_n++] = r->address;
		if (fate(r) == 2)
			l->accepted[l->accepted_n++] = r->address;
		else if (fate(r) >= 4)
			l->rejected[l->rejected_n++] = r->address;
		if (r->params.n)
			l->params[l->params_n++] = r->params;
	}
}

static const char *result_of(const struct session *s, const struct recipient_lists *l, const struct reply *r, bool had_data)
{
	bool own_fates = s->record.lmtp || s->mail.prdr;

	if (!r && s->closing && !s->connection_over) /* the input ended, not the session */
		return "unknown";
	if (!r)
		return had_data && s->mail.low ? "unknown" : "aborted";
	if (own_fates && had_data && l->accepted_n)
		return l->accepted_n == l->all_n ? "accepted" : "partial";
	if (r->code < 200 || r->code >= 600)
		return "unknown";
	if (r->code < 300)
		return l->rejected_n ? "partial" : "accepted";
	return r->code < 400 ? "unknown" : r->code < 500 ? "deferred" : "rejected";
}

static void put_header(struct event *ev, struct header *h)
{
	header_finish(h);
	ev->email_from = (struct event_list){h->from.v, h->from.n};
	ev->email_to = (struct event_list){h->to.v, h->to.n};
	ev->email_cc = (struct event_list){h->cc.v, h->cc.n};
	ev->email_reply_to = (struct event_list){h->reply_to.v, h->reply_to.n};
	ev->email_subject = h->subject;
	ev->email_message_id = h->message_id;
	ev->email_x_mailer = h->x_mailer;
	ev->email_content_type = h->content_type;
	if (h->cut)
		ev->truncated = EV_TRUE;
}

static void put_body(struct event *ev, struct body *b)
{
	if (b->complete || b->chunks) {
		ev->message_size = b->size;
		ev->message_lines = b->lines;
	}
	ev->message_chunks = b->chunks ? b->chunks : EV_NONE;
	put_header(ev, &b->header);
}

static void put_envelope(struct session *s, struct event *ev, const struct recipient_lists *l)
{
	struct transaction *t = &s->mail;

	ev->mail_from = t->from;
	ev->rcpt_to = (struct event_list){l->all, l->all_n};
	ev->rcpt_accepted = (struct event_list){l->accepted, l->accepted_n};
	ev->rcpt_rejected = (struct event_list){l->rejected, l->rejected_n};
	ev->rcpt_parameters = (struct event_list){l->params, l->params_n};
	ev->rcpt_count = t->count;
	ev->mail_parameters = t->params;
	ev->message_declared = t->declared;
	if (t->cut)
		ev->truncated = EV_TRUE;
	if (t->low)
		ev->confidence = SPAN("low");
}

/* Things about the data that are worth a word: after the message event, so that it stands in their context. */
static void body_notices(struct session *s, const struct body *b, const struct pending *p)
{
	enum { TEXT_LINE = 1000, SLACK = 4096 }; /* RFC 5321 4.5.3.1.6; RFC 1870 6.3 allows a rough SIZE */
	uint64_t declared = s->mail.declared;
	const struct origin *at = p ? &p->first : NULL;

	if (b->longest > TEXT_LINE)
		emit_notice(s, &(struct notice){.id = NOTICE_DATA_LINE_TOO_LONG, .a = b->longest, .b = TEXT_LINE}, at, SPAN_ABSENT);
	if (b->unstuffed)
		emit_notice(s, &(struct notice){.id = NOTICE_UNSTUFFED_DOT, .a = b->unstuffed}, at, SPAN_ABSENT);
	if (declared != EV_NONE && b->size > declared && b->size - declared > declared / 10 && b->size - declared > SLACK)
		emit_notice(s, &(struct notice){.id = NOTICE_SIZE_EXCEEDED, .a = b->size, .b = declared}, at, SPAN_ABSENT);
	if (declared == EV_NONE && s->size_limit != EV_NONE && s->size_limit && b->size > s->size_limit)
		emit_notice(s, &(struct notice){.id = NOTICE_SIZE_UNDECLARED, .a = b->size, .b = s->size_limit}, at, SPAN_ABSENT);
	if (b->complete && b->size && s->mail.count && s->mail.refused == s->mail.count)
		emit_notice(s, &(struct notice){.id = NOTICE_ALL_REFUSED, .a = b->size, .b = s->mail.count}, at, SPAN_ABSENT);
}

static struct body *body_of(const struct session *s, const struct pending *p)
{
	return p && p->body ? p->body : s->mail.body;
}

void mail_end(struct session *s, const struct pending *p, const struct reply *r)
{
	struct transaction *t = &s->mail;
	bool ends_data = p && (p->x.verb == VERB_DATA || p->x.verb == VERB_BDAT || p->x.verb == VERB_BURL) && p->stage != STAGE_REPLY;
	struct body *b = body_of(s, p);
	struct recipient_lists l;
	struct event ev;
	char number[12];

	ends_data |= r && p && (p->x.verb == VERB_BDAT || p->x.verb == VERB_BURL);
	event_common(s, &ev, DS_MESSAGE, t->start);
	list_recipients(s, &l);
	put_envelope(s, &ev, &l);
	if (b)
		put_body(&ev, b);
	if (r && ends_data)
		event_reply(&ev, r);
	ev.reply_codes = p && ends_data ? (struct event_codes){p->codes, p->code_count} : ev.reply_codes;
	if (r && r->code / 100 == 2 && r->kept)
		ev.queue_id = queue_id_find(r->text[r->kept - 1]);
	ev.message_result = span_str(result_of(s, &l, ends_data ? r : NULL, ends_data));
	ev.outcome = span_eq(ev.message_result, SPAN("accepted")) || span_eq(ev.message_result, SPAN("partial"))
			 ? SPAN("success")
			 : span_eq(ev.message_result, SPAN("unknown")) ? SPAN("unknown") : SPAN("failure");
	s->accepted += span_eq(ev.outcome, SPAN("success"));
	ev.action = SPAN("message");
	ev.transaction_id = span_of(number, (size_t)snprintf(number, sizeof number, "%" PRIu32, t->number));
	ev.start = t->start;
	ev.end = r ? p->last_ts : s->last_ts;
	ev.duration = ev.end > t->start ? (uint64_t)(ev.end - t->start) : 0;
	ev.packet_first = t->first_frame;
	ev.packet_last = r ? p->last_frame : s->last_frame;
	if (b && b->lost)
		ev.confidence = SPAN("low");
	s->emit(s->ctx, &ev);
	if (b)
		body_notices(s, b, p);
	body_put(s, &t->body);
	arena_clear(&t->arena); /* and nothing may point into it: a reply too many looks for its recipient */
	*t = (struct transaction){.arena = t->arena, .number = t->number};
}

/* ---- queue id ---- */

struct id_pattern {
	const char *before; /* what stands in front of the id */
	const char *after;  /* what must stand behind it, "" anything */
};

/* Postfix, Exim, Exchange, qmail, and the id-first texts of sendmail, OpenSMTPD, Dovecot LMTP (after the enhanced code). */
static const struct id_pattern id_patterns[] = {
    {"queued as ", ""}, {"OK id=", ""},       {"ok id=", ""},        {" qp ", ""},         {"id=", ""},         {"Queued as ", ""},
    {"", " Message accepted for delivery"},   {"", " Queued mail for delivery"}, {"> ", " Saved"}, {"", " mail accepted for delivery"},
};

static struct span id_word(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] > ' ' && s.p[n] < 0x7f && s.p[n] != ',' && s.p[n] != ';')
		n++;
	return span_first(s, n);
}

struct span queue_id_find(struct span text)
{
	for (size_t i = 0; i < sizeof id_patterns / sizeof *id_patterns; i++) {
		struct span before = span_str(id_patterns[i].before), after = span_str(id_patterns[i].after);
		size_t at = before.n ? span_find(text, before) : 0;
		struct span word;

		if (at == SPAN_NPOS)
			continue;
		word = id_word(span_from(text, at + before.n));
		if (word.n && span_starts(span_from(text, at + before.n + word.n), after))
			return word;
	}
	return SPAN_ABSENT;
}
