/*
 * session_body.c - message data: after 354 until CRLF.CRLF (RFC 5321 4.1.1.4), or counted octets of BDAT (RFC 3030 2).
 *
 * Non-standard ends of data are remembered with the bytes behind them. When the server's replies show that it took such an
 * end, those bytes are read again, as the commands they were for the server; when the server stays silent they were text.
 */
#include "session_internal.h"

#include <string.h>

enum { CANDIDATE_KEPT = 64 * 1024 }; /* bytes behind a non-standard end that may be read again */
enum { BODY_MEMORY = 64 * 1024 };    /* header facts of one message */

struct body *body_ref(struct body *b)
{
	if (b)
		b->refs++;
	return b;
}

void body_put(struct session *s, struct body **body)
{
	struct body *b = *body;

	*body = NULL;
	if (!b || --b->refs)
		return;
	arena_clear(&b->arena);
	pool_put(s->pool, b, sizeof *b);
}

static struct body *body_new(struct session *s)
{
	struct body *b = pool_get(s->pool, sizeof *b);

	if (!b)
		return NULL;
	b->refs = 1;
	arena_init(&b->arena, s->pool, BODY_MEMORY);
	header_init(&b->header, &b->arena);
	return b;
}

void candidate_clear(struct session *s)
{
	held_drop(s, &s->candidate, &s->candidate_end, &s->candidate_bytes);
	s->candidate_seen = s->candidate_full = false;
}

/* ---- DATA ---- */

/* p: the DATA command whose 354 came. */
void body_start(struct session *s, struct pending *p)
{
	eod_init(&s->eod);
	candidate_clear(s);
	s->body_gap = false;
	s->after_354 = true;
	body_put(s, &p->body);
	p->body = body_new(s);
	set_mode(s, MODE_DATA);
}

static struct pending *data_pending(const struct session *s)
{
	for (struct pending *p = s->queue; p; p = p->next)
		if (p->stage == STAGE_BODY)
			return p;
	return NULL;
}

static void to_header(void *ctx, struct span piece)
{
	struct body *b = ctx;

	if (!b->header.done)
		header_push(&b->header, piece);
}

void body_lost(struct session *s, uint64_t n)
{
	struct pending *p = data_pending(s);

	if (p && p->body)
		p->body->lost += n;
}

static bool early(const struct session *s, const struct chunk *c)
{
	return s->after_354 && s->reply_end && c->peer_seen < s->reply_end && !s->lost_replies && c->off >= s->smuggled_end;
}

/* The client's verb behind a non-standard end, within two lines: what makes it smuggling and not just bad line ends. */
static bool candidate_verb(const struct session *s, char verb[24])
{
	uint8_t bytes[1024];
	struct span rest;
	size_t n = 0;

	for (const struct held *h = s->candidate; h; h = h->next)
		for (size_t i = 0; i < h->chunk.len && n < sizeof bytes; i++)
			bytes[n++] = h->chunk.data[i];
	rest = span_of(bytes, n);
	for (int i = 0; i < 2 && rest.p; i++) {
		struct span line = span_rtrim(span_split(&rest, '\n'), CHAR_CONTROL);

		if (looks_like_command(line) && rest.p) {
			span_cstr(span_split(&line, ' '), verb, 24);
			return true;
		}
	}
	return false;
}

static void smuggling_notice(struct session *s, enum notice_id id)
{
	char verb[24] = "";
	struct notice n = {.id = id, .a = s->eod.size, .b = s->candidate_size}; /* the strict reading, and the lenient one */
	const struct chunk *c = s->candidate ? &s->candidate->chunk : NULL;

	candidate_verb(s, verb);
	n.text = span_str(verb);
	emit_notice(s, &n, c ? &(struct origin){c->off, c->peer_seen, c->ts, c->frame} : NULL, span_str(s->candidate_form));
}

static void remember_candidate(struct session *s, const char *form)
{
	char verb[24];

	if (s->candidate_seen && candidate_verb(s, verb))
		return; /* the first one with a verb behind it is the one that matters */
	candidate_clear(s);
	s->candidate_seen = true;
	s->candidate_size = s->eod.size_at_dot;
	s->candidate_lines = s->eod.lines_at_dot;
	span_cstr(span_str(form), s->candidate_form, sizeof s->candidate_form);
}

static void record_candidate(struct session *s, const struct chunk *c, size_t used)
{
	struct chunk part = *c;

	if (!s->candidate_seen || s->candidate_full || !used)
		return;
	part.len = used;
	if (s->candidate_bytes + used > CANDIDATE_KEPT || !held_append(s, &s->candidate_end, &s->candidate_bytes, &part)) {
		candidate_clear(s);
		s->candidate_full = true;
	}
}

static void body_done(struct session *s, struct pending *p)
{
	char verb[24];
	struct body *b = p ? p->body : NULL;

	set_mode(s, MODE_COMMAND);
	s->after_message = true;
	if (b) {
		b->complete = true;
		b->size += s->eod.size;
		b->lines = s->eod.lines;
		b->longest = s->eod.longest;
		b->unstuffed = s->eod.unstuffed;
		header_finish(&b->header);
	}
	if (p)
		pending_set_stage(s, p, STAGE_FINAL);
	s->suspect = s->candidate_seen && p && candidate_verb(s, verb);
	s->suspect_from = s->suspect ? s->reply_end : 0;
	if (!s->suspect)
		candidate_clear(s);
}

void body_bytes(struct session *s, struct chunk *c)
{
	struct pending *p = data_pending(s);
	struct body *b = p ? p->body : NULL;
	const char *form = NULL;
	enum eod_status status;
	size_t used;

	if (early(s, c))
		emit_notice(s, &(struct notice){.id = NOTICE_DATA_BEFORE_354},
			    &(struct origin){c->off, c->peer_seen, c->ts, c->frame}, SPAN_ABSENT);
	s->after_354 = false;
	status = eod_feed(&s->eod, span_of(c->data, (size_t)c->len), &used, &form, b && !b->header.done ? to_header : NULL, b);
	record_candidate(s, c, used);
	c->data += used;
	c->off += used;
	c->len -= used;
	if (p) {
		p->last.off = c->off;
		p->last.ts = c->ts;
		p->last.frame = c->frame;
		p->last.peer_seen = c->peer_seen;
	}
	if (status == EOD_CANDIDATE)
		remember_candidate(s, form);
	else if (status == EOD_END)
		body_done(s, p);
}

/* ---- what the replies prove ---- */

/* The bytes behind the candidate are what the client sends next. */
static void reread_candidate(struct session *s)
{
	if (s->candidate) {
		*s->candidate_end = s->held;
		if (!s->held)
			s->held_end = s->candidate_end;
		s->held = s->candidate;
		s->held_bytes += s->candidate_bytes;
		s->smuggled_end = s->offset[client_dir(s)];
	}
	s->candidate = NULL;
	s->candidate_end = &s->candidate;
	s->candidate_bytes = 0;
	s->candidate_seen = false;
}

/* A final reply although the strict rule says that the text goes on. */
void body_resync(struct session *s, int code)
{
	struct pending *p = data_pending(s);
	bool end = s->candidate_seen, gap = s->body_gap;
	char verb[24];
	bool smuggled = end && candidate_verb(s, verb);

	if (code == 421 && !end) {
		gap = false;
		emit_notice(s, &(struct notice){.id = NOTICE_MISSING_FINAL_DOT}, p ? &p->last : NULL, SPAN_ABSENT);
	}
	if (end)
		smuggling_notice(s, NOTICE_NONSTANDARD_END);
	if (!end && !gap)
		return; /* refused in the middle: the client's dot is still to come */
	if (smuggled)
		smuggling_notice(s, NOTICE_SMUGGLING_CONFIRMED);
	if (end) { /* the message is what stands before the end that was taken */
		s->eod.size = s->candidate_size;
		s->eod.lines = s->candidate_lines;
	}
	body_done(s, p);
	s->suspect = false;
	if (end)
		reread_candidate(s);
	else
		set_mode(s, MODE_LOST);
}

bool body_prove_smuggling(struct session *s, int code)
{
	uint8_t bytes[4];
	bool quit_waits = span_ieq(span_of(bytes, held_peek(s, NULL, bytes, sizeof bytes)), SPAN("QUIT"));

	s->suspect = false;
	if (code == 221 && quit_waits) {
		smuggling_notice(s, NOTICE_SMUGGLING_ATTEMPT);
		candidate_clear(s);
	} else {
		smuggling_notice(s, NOTICE_NONSTANDARD_END);
		smuggling_notice(s, NOTICE_SMUGGLING_CONFIRMED);
		reread_candidate(s);
	}
	session_release(s);
	return true;
}

void body_settle(struct session *s)
{
	s->suspect = false;
	smuggling_notice(s, NOTICE_SMUGGLING_ATTEMPT);
	candidate_clear(s);
}

/* ---- BDAT ---- */

void body_begin_chunk(struct session *s, struct pending *p)
{
	if (!s->bdat_body)
		s->bdat_body = body_new(s);
	p->body = body_ref(s->bdat_body);
	if (p->body)
		p->body->chunks++;
	s->bdat_left = p->bdat_size;
	if (s->bdat_left)
		set_mode(s, MODE_BDAT);
	if (p->bdat_last && !s->bdat_left)
		body_put(s, &s->bdat_body);
}

void body_cut_chunk(struct session *s)
{
	struct pending *last = queue_last(s);
	uint64_t size = last && last->x.verb == VERB_BDAT ? last->bdat_size : s->bdat_left;

	emit_notice(s, &(struct notice){.id = NOTICE_BDAT_SHORT, .a = size - s->bdat_left, .b = size}, last ? &last->first : NULL,
		    SPAN_ABSENT);
}

static void count_chunk(struct body *b, struct span piece)
{
	const uint8_t *lf = piece.p;
	const uint8_t *end = piece.p + piece.n;

	b->size += piece.n;
	while ((lf = memchr(lf, '\n', (size_t)(end - lf))) != NULL) {
		b->lines++;
		if (++lf == end)
			break;
	}
	if (!b->header.done)
		header_push(&b->header, piece);
}

void bdat_bytes(struct session *s, struct chunk *c)
{
	size_t n = c->len < s->bdat_left ? (size_t)c->len : (size_t)s->bdat_left;
	struct pending *last = queue_last(s);

	if (s->bdat_body && n)
		count_chunk(s->bdat_body, span_of(c->data, n));
	if (last && last->x.verb == VERB_BDAT) {
		last->last.ts = c->ts;
		last->last.frame = c->frame;
	}
	c->data += n;
	c->off += n;
	c->len -= n;
	s->bdat_left -= n;
	if (s->bdat_left)
		return;
	set_mode(s, MODE_COMMAND);
	s->after_bdat = true;
	if (!last || last->x.verb != VERB_BDAT || last->bdat_last)
		body_put(s, &s->bdat_body);
}
