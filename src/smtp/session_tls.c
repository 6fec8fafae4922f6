/*
 * session_tls.c - what follows STARTTLS or stands in its place (RFC 3207), and what comes on port 465 (RFC 8314 3.3): TLS goes to
 * tls_record.c, anything else is named. Streams that a tap decrypted are read on as SMTP.
 *
 * "Sent in the same flight as STARTTLS" is decided by acknowledgement numbers: the client had not seen the 220, or the server
 * had received nothing behind STARTTLS.
 */
#include "session_internal.h"

#include <string.h>

static enum tls_role role_of(const struct session *s, enum dir d)
{
	return d == client_dir(s) ? TLS_CLIENT : TLS_SERVER;
}

static struct tls *handshake_of(struct session *s)
{
	if (!s->handshake)
		s->handshake = tls_new(s->pool, s->config->digests);
	s->tls_unread |= !s->handshake;
	return s->handshake;
}

static struct starttls *starttls_of(struct session *s)
{
	if (!s->starttls)
		s->starttls = pool_get(s->pool, sizeof *s->starttls);
	return s->starttls;
}

/* TLS was agreed on, and nothing but a ClientHello may come. */
static bool awaits_tls(const struct session *s)
{
	return s->starttls_accepted && !s->back_in_clear;
}

static struct origin here(const struct chunk *c)
{
	return (struct origin){c->off, c->peer_seen, c->ts, c->frame};
}

static void swallow(struct chunk *c)
{
	c->data += c->len;
	c->off += c->len;
	c->len = 0;
}

/* The first thing that came in the place of TLS. */
static void note_instead(struct session *s, struct span what)
{
	struct starttls *st = starttls_of(s);

	if (st && !st->instead.p)
		st->instead = pool_copy(s->pool, what);
}

void tls_answered(struct session *s, struct pending *p, const struct reply *r)
{
	struct starttls *st = r ? starttls_of(s) : NULL;
	struct span said = r && r->kept ? r->text[0] : SPAN_ABSENT;
	char text[120];
	size_t n;

	if (!st)
		return;
	n = span_printf(text, 0, sizeof text, "%03d%s%.*s%s%.*s", r->code > 0 ? r->code : 0, r->enhanced.n ? " " : "", (int)r->enhanced.n,
		     r->enhanced.n ? (const char *)r->enhanced.p : "", said.n ? " " : "", (int)said.n,
		     said.n ? (const char *)said.p : "");
	pool_drop(s->pool, &st->reply);
	st->reply = pool_copy(s->pool, span_of(text, n));
	st->end = p->first.off + p->x.length;
	if (r->code >= 400 && s->held && s->held->chunk.peer_seen < r->end)
		p->x.situation |= SIT(AFTER_STARTTLS);
}

void tls_begin(struct session *s)
{
	bool agreed = s->starttls_accepted;

	s->mode_before = s->mode;
	s->tls = agreed || s->tls_expected;
	s->opaque[client_dir(s)] = true;
	s->opaque[dir_other(client_dir(s))] |= agreed;
	s->blocker = NULL;
	set_mode(s, MODE_TLS);
	if (agreed || s->tls_expected || s->mode_before == MODE_LOST) /* in the middle: STARTTLS may have come before */
		return;
	emit_notice(s, &(struct notice){.id = NOTICE_TLS_ON_CLEARTEXT}, NULL, SPAN_ABSENT);
	if (!s->queue || queue_last(s)->kind != PENDING_LOST) /* whatever the server says to it */
		queue_push(s, pending_new(s, PENDING_LOST, SPAN_ABSENT));
}

/* ---- what is no TLS ---- */

static struct span protocol_of(struct span line)
{
	struct command c;

	command_parse(line, line.n, LINE_END_CRLF, 0, false, PHASE_GREET, &c);
	if (c.defects & DEFECT(HTTP) || span_starts(line, SPAN("HTTP/")))
		return SPAN("HTTP");
	if (c.defects & DEFECT(SSH))
		return SPAN("SSH");
	return c.defects & DEFECT(OTHER_PROTOCOL) ? SPAN("another protocol") : SPAN("octets that are neither TLS nor SMTP");
}

/* The stream goes on in clear although TLS was agreed: a tap that decrypts, or a client that never started. */
static void back_to_clear(struct session *s)
{
	s->tls = false;
	s->opaque[0] = s->opaque[1] = false;
	s->back_in_clear = true;
	s->phase = PHASE_GREET;
	s->real = s->seen = (struct view){0};
	set_mode(s, MODE_COMMAND);
}

/* A line in clear that was sent together with STARTTLS: told once a session. */
static void injected_line(struct session *s, const struct line *l)
{
	struct span rest = l->text;
	char verb[24];

	if (s->starttls_injected)
		return;
	s->starttls_injected = true;
	span_cstr(looks_like_command(l->text) ? span_split(&rest, ' ') : SPAN(""), verb, sizeof verb);
	note_instead(s, verb[0] ? span_str(verb) : SPAN("a line"));
	emit_notice(s, &(struct notice){.id = NOTICE_COMMAND_INJECTION, .a = l->length, .text = span_str(verb)}, &l->first, SPAN_ABSENT);
}

/* A whole line of the client, or its last words, where a ClientHello should be. */
static void client_clear_line(struct session *s, const struct line *l)
{
	char verb[24];
	struct span rest = l->text;

	if (l->first.peer_seen < s->reply_end) {
		injected_line(s, l);
	} else if (looks_like_command(l->text) && !s->closing) {
		span_cstr(span_split(&rest, ' '), verb, sizeof verb);
		note_instead(s, span_str(verb));
		back_to_clear(s);
		client_line(s, l);
		if (queue_last(s))
			queue_last(s)->x.situation |= SIT(AFTER_STARTTLS);
	} else {
		note_instead(s, protocol_of(l->text));
		s->handshake->side[TLS_CLIENT].seen |= TLS_SEEN_JUNK;
	}
}

/* The same of the server. Behind the 220, without having received more, it speaks to nobody: somebody put that there. */
static void server_clear_line(struct session *s, const struct line *l)
{
	enum { SHOWN = 80 };
	bool blind = s->starttls && l->first.peer_seen <= s->starttls->end;

	if (!blind) {
		note_instead(s, protocol_of(l->text));
		s->handshake->side[TLS_SERVER].seen |= TLS_SEEN_JUNK;
	} else if (!s->response_injected) {
		s->response_injected = true;
		emit_notice(s, &(struct notice){.id = NOTICE_RESPONSE_INJECTION, .a = l->length, .text = span_first(l->text, SHOWN)}, &l->first,
			    SPAN_ABSENT);
	}
}

static void clear_line(struct session *s, const struct line *l, enum tls_role by)
{
	if (by == TLS_CLIENT)
		client_clear_line(s, l);
	else
		server_clear_line(s, l);
}

/* An alert in the place of the greeting: the port is one for TLS, whatever its number, and what was said in clear was wrong there. */
static void port_is_tls(struct session *s)
{
	for (struct pending *p = s->queue; p && !s->greeting_end; p = p->next)
		if (p->kind == PENDING_COMMAND)
			p->x.situation |= SIT(PORT_TLS);
}

/* The server talks TLS unasked: an alert, or a TLS-only port. */
static void server_unasked(struct session *s, const struct chunk *c)
{
	enum { ALERT = 21 };
	const struct line_reader *r = &s->reader[c->dir];
	struct origin at = line_pending(r) ? r->first : here(c);
	uint8_t type = line_pending(r) && r->len ? r->buf[0] : *c->data;

	s->opaque[c->dir] = true;
	if (type == ALERT)
		port_is_tls(s);
	if (type == ALERT && !s->tls_expected)
		emit_notice(s, &(struct notice){.id = NOTICE_TLS_ALERT_IN_CLEAR}, &at, SPAN_ABSENT);
	else if (s->mode != MODE_TLS && !s->tls_expected)
		emit_notice(s, &(struct notice){.id = NOTICE_CLEARTEXT_ON_TLS}, &at, SPAN_ABSENT);
}

/* ---- faces ---- */

bool tls_begins(const struct session *s, const struct chunk *c)
{
	const struct line_reader *r = &s->reader[c->dir];
	uint8_t start[TLS_START];
	size_t n = line_pending(r) ? r->len : 0;

	if (n != r->length || n >= TLS_START || c->len < TLS_START - n)
		return false;
	if (n)
		memcpy(start, r->buf, n);
	memcpy(start + n, c->data, TLS_START - n);
	return tls_starts_record(span_of(start, TLS_START));
}

/* The first octets of the record were taken for the start of a line. */
static void take_pending(struct session *s, enum dir dir, enum tls_role by)
{
	struct line_reader *r = &s->reader[dir];
	struct chunk c = {.kind = CHUNK_DATA, .dir = dir, .off = r->first.off, .len = r->len, .data = r->buf,
			  .peer_seen = r->first.peer_seen, .ts = r->first.ts, .frame = r->first.frame};

	if (!line_pending(r))
		return;
	if (s->handshake)
		tls_take(s->handshake, by, &c);
	line_reset(r);
}

/* Between two records, octets that begin none. */
static void clear_bytes(struct session *s, struct chunk *c, enum tls_role by)
{
	struct line l;

	if (!awaits_tls(s))
		s->handshake->side[by].seen |= TLS_SEEN_JUNK;
	else if (line_next(&s->reader[c->dir], c, LINE_KEPT, &l) == 1)
		clear_line(s, &l, by);
}

/* What looked like the header of a record until c came is the start of a line. */
static void give_back(struct session *s, const struct chunk *c, enum tls_role by)
{
	struct tls_side *e = &s->handshake->side[by];
	uint8_t octets[TLS_HEADER];
	struct chunk start = *c;

	memcpy(octets, e->header, e->have);
	start.data = octets;
	start.len = e->have;
	start.off -= e->have;
	e->have = 0;
	while (start.len && !(e->seen & TLS_SEEN_JUNK))
		clear_bytes(s, &start, by);
}

void tls_bytes(struct session *s, struct chunk *c)
{
	enum tls_role by = role_of(s, c->dir);
	struct span bytes = span_of(c->data, (size_t)c->len);
	struct tls_side *e;

	if (by == TLS_SERVER && !s->opaque[c->dir])
		server_unasked(s, c);
	if (!handshake_of(s)) {
		swallow(c);
		return;
	}
	if (tls_begins(s, c))
		take_pending(s, c->dir, by);
	e = &s->handshake->side[by];
	if (e->seen & TLS_SEEN_JUNK) {
		swallow(c);
	} else if (!tls_between(e) || (!line_pending(&s->reader[c->dir]) &&
				       (tls_starts_record(bytes) || (by == TLS_CLIENT && !e->seen && tls_starts_sslv2(bytes))))) {
		tls_take(s->handshake, by, c);
		if (c->len && e->have)
			give_back(s, c, by);
	} else {
		clear_bytes(s, c, by);
	}
}

void tls_gap(struct session *s, const struct chunk *c)
{
	line_reset(&s->reader[c->dir]);
	if (handshake_of(s))
		tls_lose(s->handshake, role_of(s, c->dir), c->len);
}

uint8_t tls_encrypted(const struct session *s)
{
	if (s->back_in_clear || (s->tls_expected && !s->tls && s->greeting_end))
		return EV_ABSENT;
	return ev_bool(s->tls);
}

/* At the end of the connection: words without a line end, and then what it all amounts to. */
void tls_finish(struct session *s, enum tcp_close why)
{
	struct line l;

	for (int d = 0; d < 2; d++)
		if (s->opaque[d] && s->handshake && awaits_tls(s) && line_finish(&s->reader[d], &l) == 1)
			clear_line(s, &l, role_of(s, (enum dir)d));
	tls_findings(s, why);
}

void tls_release(struct session *s)
{
	tls_free(&s->handshake);
	if (!s->starttls)
		return;
	pool_drop(s->pool, &s->starttls->reply);
	pool_drop(s->pool, &s->starttls->instead);
	pool_put(s->pool, s->starttls, sizeof *s->starttls);
	s->starttls = NULL;
}
