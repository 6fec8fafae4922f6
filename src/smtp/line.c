/*
 * line.c - lines out of chunks. See line.h.
 *
 * Invariant: buf holds the first min(length, keep) octets of the unfinished line, without its LF.
 * Left out: any idea of what the lines mean, and CR as a line end (no server takes it for one; it is a defect of the line).
 */
#include "smtpscope/line.h"

#include <string.h>

static struct origin origin_of(const struct chunk *c)
{
	return (struct origin){.off = c->off, .peer_seen = c->peer_seen, .ts = c->ts, .frame = c->frame};
}

static void chunk_advance(struct chunk *c, size_t n)
{
	c->data += n;
	c->off += n;
	c->len -= n;
}

/* Doubles towards want; what cannot be had is not kept, only counted. */
static void reader_grow(struct line_reader *r, size_t want)
{
	uint32_t cap = r->cap ? r->cap : 128;
	uint8_t *bigger;

	while (cap < want)
		cap *= 2;
	bigger = pool_get(r->pool, cap);
	if (!bigger)
		return;
	if (r->len)
		memcpy(bigger, r->buf, r->len);
	pool_put_wiped(r->pool, r->buf, r->cap);
	r->buf = bigger;
	r->cap = cap;
}

static void reader_gather(struct line_reader *r, struct span piece, uint32_t keep)
{
	size_t room = keep > r->len ? keep - r->len : 0;

	if (r->len < r->length) /* what is kept is the start of the line: "PLAIN AGFs..." must not pass for a command */
		return;
	piece = span_first(piece, room);
	if (piece.n > r->cap - r->len)
		reader_grow(r, r->len + piece.n);
	piece = span_first(piece, r->cap - r->len);
	if (piece.n)
		memcpy(r->buf + r->len, piece.p, piece.n);
	r->len += (uint32_t)piece.n;
}

/* CRs at the end of s, of which two count; `before` is how many there were in front of s. */
static uint8_t trailing_crs(struct span s, uint8_t before)
{
	uint8_t n = 0;

	while (n < 2 && n < s.n && s.p[s.n - 1 - n] == '\r')
		n++;
	if (n == s.n)
		n = (uint8_t)(n + before);
	return n < 2 ? n : 2;
}

int line_next(struct line_reader *r, struct chunk *c, uint32_t keep, struct line *out)
{
	static const enum line_end ends[] = {LINE_END_LF, LINE_END_CRLF, LINE_END_CRCRLF};
	struct span text;
	const uint8_t *lf;
	uint8_t crs;
	bool whole;

	if (r->length == 0 && r->len)
		r->len = 0; /* the line handed out last time is dead now */
	if (c->len == 0)
		return 0;
	lf = memchr(c->data, '\n', (size_t)c->len);
	text = span_of(c->data, lf ? (size_t)(lf - c->data) : (size_t)c->len);
	whole = lf && r->length == 0;
	if (r->length == 0)
		r->first = origin_of(c);
	crs = trailing_crs(text, r->length ? r->crs : 0);
	if (!whole)
		reader_gather(r, text, keep);
	r->length += text.n + (lf ? 1 : 0);
	r->crs = crs;
	chunk_advance(c, text.n + (lf ? 1 : 0));
	*out = (struct line){.first = r->first, .last = origin_of(c), .length = r->length};
	if (!lf)
		return 0;
	/* What the line ends in is known also where its last octets were not kept. */
	out->end = ends[crs];
	out->text = whole ? text : span_of(r->buf ? r->buf : (const uint8_t *)"", r->len);
	out->text.n = span_first(out->text, (size_t)(r->length - 1 - crs)).n;
	if (out->text.n > keep)
		out->text.n = keep;
	r->length = 0;
	return 1;
}

int line_finish(struct line_reader *r, struct line *out)
{
	if (!r->length)
		return 0;
	*out = (struct line){
	    .text = span_of(r->buf ? r->buf : (const uint8_t *)"", r->len),
	    .length = r->length,
	    .end = LINE_END_NONE,
	    .first = r->first,
	    .last = r->first,
	};
	out->last.off += out->length;
	r->length = 0;
	return 1;
}

bool line_pending(const struct line_reader *r)
{
	return r->length > 0;
}

void line_reset(struct line_reader *r)
{
	pool_put_wiped(r->pool, r->buf, r->cap);
	r->buf = NULL;
	r->len = r->cap = 0;
	r->length = 0;
}
