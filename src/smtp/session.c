/*
 * session.c - one dialogue: where chunks come in and which reader gets the bytes. See session.h and session_internal.h.
 *
 * Client bytes are read by mode; the mode is decided by replies (law L6). Bytes behind a command whose reply decides how to
 * read on (DATA, AUTH, STARTTLS ...) are held until that reply comes, whoever pipelined what. When the reply fell into a
 * hole - the client acknowledged it, the capture has not got it - the bytes themselves must tell.
 */
#include "session_internal.h"

#include <string.h>

void set_mode(struct session *s, enum mode mode)
{
	if (s->mode == MODE_AUTH && mode != MODE_AUTH)
		line_reset(&s->reader[client_dir(s)]); /* wiped: it held responses */
	s->mode = mode;
}

enum dir client_dir(const struct session *s)
{
	return s->flipped ? DIR_SERVER : DIR_CLIENT;
}

/* ---- client bytes that wait ---- */

bool held_append(struct session *s, struct held ***end, uint64_t *bytes, const struct chunk *c)
{
	size_t n = c->kind == CHUNK_DATA ? (size_t)c->len : 0;
	struct held *h = pool_get(s->pool, sizeof *h + n);

	if (!h)
		return false;
	h->allocated = sizeof *h + n;
	h->chunk = *c;
	if (n) {
		h->chunk.data = (uint8_t *)(h + 1);
		memcpy(h + 1, c->data, n);
	}
	**end = h;
	*end = &h->next;
	*bytes += n;
	return true;
}

static void held_pop(struct session *s, struct held **list, struct held ***end, uint64_t *bytes, uint64_t n)
{
	struct held *h = *list;

	*list = h->next;
	if (!*list)
		*end = list;
	*bytes -= n < *bytes ? n : *bytes;
	pool_put_wiped(s->pool, h, h->allocated); /* it may have held responses */
}

void held_drop(struct session *s, struct held **list, struct held ***end, uint64_t *bytes)
{
	while (*list)
		held_pop(s, list, end, bytes, 0);
	*bytes = 0;
}

static bool must_wait(const struct session *s)
{
	return s->blocker || s->suspect || s->mode == MODE_PROXY;
}

size_t held_peek(const struct session *s, const struct chunk *c, uint8_t *dst, size_t cap)
{
	const struct held *h = s->held;
	size_t n = 0;

	for (; h && n < cap && h->chunk.kind == CHUNK_DATA; h = h->next)
		for (size_t i = 0; i < h->chunk.len && n < cap; i++)
			dst[n++] = h->chunk.data[i];
	for (size_t i = 0; !h && c && c->kind == CHUNK_DATA && i < c->len && n < cap; i++)
		dst[n++] = c->data[i];
	return n;
}

static bool hole_waits(const struct session *s)
{
	const struct held *h = s->held;

	while (h && h->chunk.kind == CHUNK_DATA)
		h = h->next;
	return h != NULL;
}

/* The blocker's reply will not come: read on as the bytes themselves suggest. */
static void resolve_blocker(struct session *s, struct span first_bytes)
{
	struct pending *p = s->blocker;
	bool command = looks_like_command(first_bytes);

	while (s->queue && s->queue != p) {
		struct pending *before = queue_pop(s);

		reply_lost(s, before);
		pending_free(s, &before);
	}
	s->blocker = NULL;
	p->x.situation |= SIT(REPLY_LOST);
	if (p->x.verb == VERB_DATA && !command) {
		pending_set_stage(s, p, STAGE_BODY);
		s->mail.low = true;
		body_start(s, p);
	} else if (p->flags & VERB_IS_AUTH && !command) {
		s->auth.lost = true;
		set_mode(s, MODE_AUTH);
	} else {
		bool tls = (p->x.verb == VERB_STARTTLS || p->x.verb == VERB_X_ANONYMOUSTLS) && tls_starts_record(first_bytes);

		p = queue_pop(s);
		reply_lost(s, p);
		pending_free(s, &p);
		if (tls)
			tls_begin(s);
		else if (s->mode == MODE_AUTH)
			set_mode(s, MODE_COMMAND);
	}
}

/* The client went on although its last words' reply is not in the capture: that reply is lost. False: nothing was given up. */
static bool unblock_lost(struct session *s, const struct chunk *c)
{
	const struct pending *p = s->blocker;
	uint8_t bytes[16]; /* or a line, or what stands before a hole decide, whatever else has come with them; no verb is longer */
	const uint8_t *lf;
	size_t n;

	if (!p || !s->lost_replies || c->peer_seen < s->lost_replies || s->lost_replies <= p->last.peer_seen)
		return false;
	n = held_peek(s, c, bytes, sizeof bytes);
	lf = memchr(bytes, '\n', n);
	if (!lf && n < sizeof bytes && c->kind != CHUNK_GAP && !hole_waits(s))
		return false;
	resolve_blocker(s, span_of(bytes, lf ? (size_t)(lf - bytes) + 1 : n));
	return true;
}

static void overflow(struct session *s)
{
	uint8_t bytes[16];
	size_t n = held_peek(s, NULL, bytes, sizeof bytes);

	if (!s->held_said)
		emit_notice(s, &(struct notice){.id = NOTICE_HELD_OVERFLOW, .a = s->limits->held_bytes}, NULL, SPAN_ABSENT);
	s->held_said = true;
	if (s->suspect)
		body_settle(s);
	if (s->blocker)
		resolve_blocker(s, span_of(bytes, n));
}

void session_release(struct session *s)
{
	if (s->releasing)
		return;
	s->releasing = true;
	while (s->held && !must_wait(s)) {
		struct held *h = s->held;
		uint64_t before = h->chunk.len;

		session_client_bytes(s, &h->chunk);
		if (h->chunk.kind == CHUNK_DATA)
			s->held_bytes -= before - h->chunk.len;
		if (h->chunk.len == 0)
			held_pop(s, &s->held, &s->held_end, &s->held_bytes, 0);
	}
	s->releasing = false;
}

/* ---- one chunk of the client ---- */

static void gap_notice(struct session *s, const struct chunk *c)
{
	enum { TOLD = 16 }; /* holes named one by one; all are counted */
	bool client = c->dir == client_dir(s);
	struct origin at = {.off = c->off, .peer_seen = c->peer_seen, .ts = c->ts, .frame = c->frame};

	s->gaps++;
	s->gap_bytes += c->len;
	if (s->gaps > TOLD || s->flow->packets[c->dir] == 0 || s->mode == MODE_TLS)
		return;
	emit_notice(s, &(struct notice){.id = NOTICE_STREAM_GAP, .a = c->len, .text = client ? SPAN("client") : SPAN("server")},
		    &at, SPAN_ABSENT);
}

static void lose_commands(struct session *s, const struct chunk *c)
{
	line_reset(&s->reader[c->dir]);
	s->lost_tokens = SECRET_LINES;
	s->auth.lost |= s->auth_pending != NULL; /* a response may be what is lost */
	if (!s->queue || queue_last(s)->kind != PENDING_LOST)
		queue_push(s, pending_new(s, PENDING_LOST, SPAN_ABSENT));
	set_mode(s, MODE_LOST);
}

static void client_gap(struct session *s, struct chunk *c)
{
	uint64_t inside;

	switch (s->mode) {
	case MODE_PROXY:
	case MODE_COMMAND:
	case MODE_LOST:
		lose_commands(s, c);
		break;
	case MODE_AUTH:
		line_reset(&s->reader[c->dir]);
		s->auth.lost = true;
		s->blocker = s->auth_pending; /* the response was in the hole */
		break;
	case MODE_DATA:
		s->body_gap = true;
		eod_lost(&s->eod, c->len);
		body_lost(s, c->len);
		break;
	case MODE_BDAT:
		inside = c->len < s->bdat_left ? c->len : s->bdat_left;
		s->bdat_left -= inside;
		if (s->bdat_body) {
			s->bdat_body->size += inside;
			s->bdat_body->lost += inside;
		}
		if (s->bdat_left == 0)
			set_mode(s, MODE_COMMAND);
		if (inside < c->len)
			lose_commands(s, c);
		break;
	case MODE_TLS:
		tls_gap(s, c);
		break;
	case MODES:
		break;
	}
	c->len = 0;
}

static void client_lines(struct session *s, struct chunk *c)
{
	struct line l;
	uint32_t keep = s->mode == MODE_AUTH ? LINE_KEPT_AUTH : LINE_KEPT;

	if (s->mode != MODE_AUTH && tls_begins(s, c)) {
		tls_begin(s);
		return;
	}
	if (line_next(&s->reader[c->dir], c, keep, &l) != 1)
		return;
	if (s->mode == MODE_AUTH)
		session_auth_line(s, &l);
	else
		client_line(s, &l);
}

/* Takes n octets off the front of what waits. */
static void held_skip(struct session *s, size_t n)
{
	while (s->held && n) {
		struct chunk *c = &s->held->chunk;
		size_t part = c->len < n ? (size_t)c->len : n;

		c->data += part;
		c->off += part;
		c->len -= part;
		n -= part;
		s->held_bytes -= part;
		if (!c->len)
			held_pop(s, &s->held, &s->held_end, &s->held_bytes, 0);
	}
}

/* The very first bytes, which wait until they tell: a PROXY header, a TLS hello, or a command. */
static void client_start(struct session *s, bool last)
{
	uint8_t bytes[PROXY_MAX];
	size_t n = held_peek(s, NULL, bytes, sizeof bytes), used = 0;
	char address[64];
	bool sslv2 = tls_starts_sslv2(span_of(bytes, n));
	int got = tls_starts_record(span_of(bytes, n)) ? -1 : proxy_parse(span_of(bytes, n), &used, address, sizeof address);

	if ((got == 0 && n < sizeof bytes && !last) || (sslv2 && n < TLS_HEADER && !last))
		return;
	set_mode(s, MODE_COMMAND);
	if (sslv2 && n >= TLS_HEADER)
		tls_begin(s);
	if (got == 1) {
		s->proxy = true;
		s->client_address = pool_copy(s->pool, span_str(address));
		held_skip(s, used);
	}
	session_release(s);
}

/* Reads c as far as it can be read now; what must wait stays in it. */
void session_client_bytes(struct session *s, struct chunk *c)
{
	if (c->kind == CHUNK_GAP) {
		if (!must_wait(s) || (s->mode == MODE_PROXY && !s->held))
			client_gap(s, c);
		return;
	}
	while (c->len && !must_wait(s)) {
		switch (s->mode) {
		case MODE_COMMAND:
		case MODE_AUTH:
		case MODE_LOST:
			client_lines(s, c);
			break;
		case MODE_DATA:
			body_bytes(s, c);
			break;
		case MODE_BDAT:
			bdat_bytes(s, c);
			break;
		case MODE_TLS:
			tls_bytes(s, c);
			break;
		case MODE_PROXY:
		case MODES:
			return;
		}
	}
}

static void client_chunk(struct session *s, struct chunk *c)
{
	bool unblocked;

	if (c->kind == CHUNK_GAP)
		gap_notice(s, c);
	if (s->suspect && s->reply_end > s->suspect_from && c->peer_seen >= s->reply_end && s->mode != MODE_TLS) {
		body_settle(s); /* the client saw one reply to it and went on: so did the server */
		session_release(s);
	}
	do { /* what waited may hold the next line whose reply is lost */
		unblocked = unblock_lost(s, c);
		session_release(s);
		if (!s->held)
			session_client_bytes(s, c);
	} while (unblocked && c->len);
	if (!c->len)
		return;
	if (s->mode == MODE_PROXY && held_append(s, &s->held_end, &s->held_bytes, c)) {
		client_start(s, c->kind == CHUNK_GAP);
		return;
	}
	if (s->held_bytes + (c->kind == CHUNK_DATA ? c->len : 0) > s->limits->held_bytes ||
	    !held_append(s, &s->held_end, &s->held_bytes, c)) {
		overflow(s);
		session_release(s);
		if (!s->held)
			session_client_bytes(s, c);
		else
			held_append(s, &s->held_end, &s->held_bytes, c);
	}
}

/* ---- one chunk of the server ---- */

static void server_chunk(struct session *s, struct chunk *c)
{
	struct line_reader *r = &s->reader[c->dir];
	struct line l;

	if (c->kind == CHUNK_GAP) {
		gap_notice(s, c);
		line_reset(r);
		if (s->opaque[c->dir])
			tls_gap(s, c);
		s->lost_replies = c->off + c->len;
		s->junk_line = true; /* the rest of the line that the hole cut */
		s->reply.holed |= s->reply.active;
		return;
	}
	while (c->len) {
		if (s->opaque[c->dir] || tls_begins(s, c)) {
			tls_bytes(s, c);
			continue;
		}
		if (line_next(r, c, s->mode == MODE_AUTH ? LINE_KEPT_AUTH : LINE_KEPT, &l) == 1) {
			server_line(s, &l);
			session_release(s);
		}
		if (c->len && c->dir == client_dir(s)) { /* TURN: the sides have changed */
			client_chunk(s, c);
			return;
		}
	}
}

/* ---- conflicting copies ---- */

static void conflict(struct session *s, const struct chunk *c)
{
	enum { SHOWN = 32 };
	bool client = c->dir == client_dir(s);
	bool marked = c->off < s->secret_hi[c->dir] && c->off + c->len > s->secret_lo[c->dir];
	bool ahead = c->off + c->len > s->offset[c->dir];
	bool secret = marked || (s->mode == MODE_AUTH && (client || ahead)) || (client && (s->held || ahead)) || session_is_short(s);
	struct origin at = {.off = c->off, .peer_seen = c->peer_seen, .ts = c->ts, .frame = c->frame};
	struct notice n = {.id = NOTICE_CONFLICT, .a = c->len};
	uint8_t both[2 * SHOWN + 4];
	size_t len = c->len < SHOWN ? (size_t)c->len : SHOWN;

	n.text = !client ? SPAN("reply") : s->mode == MODE_DATA || s->mode == MODE_BDAT ? SPAN("data") : SPAN("command");
	if (secret || s->mode == MODE_TLS) {
		emit_notice(s, &n, &at, SPAN_ABSENT);
		return;
	}
	memcpy(both, c->kept, len);
	memcpy(both + len, " != ", 4);
	memcpy(both + len + 4, c->data, len);
	emit_notice(s, &n, &at, span_of(both, 2 * len + 4));
}

/* ---- faces ---- */

/* Without a handshake the content says who is who, at the first bytes that tell. */
static void learn_roles(struct session *s, const struct chunk *c)
{
	struct span first = span_of(c->data, (size_t)c->len);
	bool reply = first.n >= 4 && span_all(span_first(first, 3), CHAR_DIGIT) && first.p[0] >= '2' && first.p[0] <= '5' &&
		     (first.p[3] == ' ' || first.p[3] == '-');

	s->roles_known = true;
	if (reply)
		s->flipped = c->dir == DIR_CLIENT;
	else if (looks_like_command(first))
		s->flipped = c->dir == DIR_SERVER;
	else
		s->roles_known = false;
	s->named_flipped = s->flipped;
	session_name_ends(s);
}

static void feed(struct session *s, struct chunk c)
{
	if (c.kind == CHUNK_CONFLICT) {
		conflict(s, &c);
		return;
	}
	s->last_ts = c.ts;
	s->last_frame = c.frame;
	if (c.kind == CHUNK_END) {
		if (!s->ended[0] && !s->ended[1])
			s->server_ended_first = c.dir != client_dir(s);
		s->ended[c.dir] = true;
		return;
	}
	if (c.kind == CHUNK_DATA) {
		if (s->guessed_roles && !s->roles_known && !s->had_data[0] && !s->had_data[1])
			learn_roles(s, &c);
		s->had_data[c.dir] = true;
	}
	s->offset[c.dir] = c.off + c.len;
	if (c.dir == client_dir(s))
		client_chunk(s, &c);
	else
		server_chunk(s, &c);
}

void session_feed(struct session *s, const struct chunk *chunk)
{
	s->refusals = pool_failures(s->pool);
	feed(s, *chunk);
	s->short_of_memory |= pool_failures(s->pool) != s->refusals;
}

/* What is still open when the connection ends. */
static void finish_streams(struct session *s)
{
	struct line l;
	uint8_t bytes[16];

	if (line_finish(&s->reader[dir_other(client_dir(s))], &l))
		server_line(s, &l);
	reply_flush(s);
	if (s->mode == MODE_PROXY)
		client_start(s, true);
	for (int rounds = 0; rounds < 4096 && (s->suspect || (s->blocker && s->held)); rounds++) {
		if (s->suspect)
			body_settle(s);
		else
			resolve_blocker(s, span_of(bytes, held_peek(s, NULL, bytes, sizeof bytes)));
		session_release(s);
	}
	held_drop(s, &s->held, &s->held_end, &s->held_bytes);
	if (line_finish(&s->reader[client_dir(s)], &l))
		client_partial_line(s, &l);
}

/* A command that a server must not hang up over; QUIT asks for it, and AUTH has its own end. */
static bool wants_answer(const struct pending *p)
{
	return p->kind == PENDING_COMMAND && !p->tentative && p->x.verb != VERB_QUIT && !(p->flags & VERB_IS_AUTH);
}

/* Told of the first, with their number: one hang-up, however many commands were under way. */
static void mark_hung_up(struct session *s)
{
	struct pending *first = NULL;
	uint32_t n = 0;

	for (struct pending *p = s->queue; p; p = p->next) {
		if (!wants_answer(p))
			continue;
		first = first ? first : p;
		n++;
	}
	if (!first)
		return;
	first->x.situation |= SIT(SERVER_CLOSED);
	first->x.unanswered = n;
}

static void finish_queue(struct session *s)
{
	if (s->connection_over && s->server_ended_first && s->phase != PHASE_CLOSED) /* no 421, no 221 */
		mark_hung_up(s);
	while (s->queue) {
		struct pending *p = queue_pop(s);

		if (p->kind == PENDING_COMMAND && !p->tentative) {
			p->x.situation |= s->connection_over ? SIT(CLOSED_UNANSWERED) : 0;
			apply_reply(s, p, NULL);
		}
		pending_free(s, &p);
	}
}

void session_close(struct session **session, enum tcp_close why, int64_t ts)
{
	struct session *s = *session;

	*session = NULL;
	if (!s)
		return;
	s->connection_over = why == TCP_CLOSE_FIN || why == TCP_CLOSE_RST;
	if (!s->ended[0] && !s->ended[1])
		s->server_ended_first = s->flow->reset_by == 1 << dir_other(client_dir(s));
	s->closing = true;
	s->refusals = pool_failures(s->pool);
	finish_streams(s);
	s->mode_before = s->auth_pending && !s->auth_pending->tentative ? MODE_AUTH : s->mode;
	if (s->mode == MODE_BDAT && s->connection_over)
		body_cut_chunk(s);
	finish_queue(s);
	if (s->connection_over)
		bdat_abandoned(s, NULL);
	if (s->mail.open)
		mail_end(s, NULL, NULL);
	tls_finish(s, why);
	emit_session(s, why, ts);
	session_free(&s);
}
