/*
 * session_tls.c - what follows STARTTLS or stands in its place (RFC 3207): TLS records are counted by their headers, anything
 * else is named. Nothing under TLS can be read.
 *
 * "Sent in the same flight as STARTTLS" is decided by acknowledgement numbers: the client had not seen the 220.
 */
#include "session_internal.h"

enum { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };

/* ContentType, then major version 3, then a minor one up to 4; as much of it as is there. */
bool tls_looks(struct span b)
{
	if (b.n == 0 || b.p[0] < RECORD_CCS || b.p[0] > RECORD_DATA)
		return false;
	return (b.n < 2 || b.p[1] == 3) && (b.n < 3 || b.p[2] <= 4);
}

static struct origin here(const struct chunk *c)
{
	return (struct origin){c->off, c->peer_seen, c->ts, c->frame};
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
	emit_notice(s, &(struct notice){.id = NOTICE_TLS_ON_CLEARTEXT, .situation = s->tls_expected ? SIT(PORT_TLS) : 0}, NULL,
		    SPAN_ABSENT);
	if (!s->queue || queue_last(s)->kind != PENDING_LOST) /* whatever the server says to it */
		queue_push(s, pending_new(s, PENDING_LOST, SPAN_ABSENT));
}

static void track_record(struct tls_track *t)
{
	static const uint8_t seen[] = {TLS_SEEN_DATA, TLS_SEEN_ALERT, TLS_SEEN_HELLO, TLS_SEEN_DATA};

	t->left = (uint16_t)(t->header[3] << 8 | t->header[4]);
	t->seen |= seen[t->header[0] - RECORD_CCS];
}

/* Takes one piece of a record: header octets, or content. */
static void track_step(struct tls_track *t, struct chunk *c)
{
	uint64_t n = 1;

	if (t->left) {
		n = c->len < t->left ? c->len : t->left;
		t->left = (uint16_t)(t->left - n);
	} else {
		t->header[t->have++] = *c->data;
		if (t->have == sizeof t->header) {
			t->have = 0;
			track_record(t);
		}
	}
	c->data += n;
	c->off += n;
	c->len -= n;
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
	emit_notice(s, &(struct notice){.id = NOTICE_COMMAND_INJECTION, .a = l->length, .text = span_str(verb)}, &l->first, SPAN_ABSENT);
}

static void client_junk(struct session *s, struct chunk *c)
{
	struct line l;

	if (s->starttls_accepted && c->peer_seen < s->reply_end) {
		while (c->len && line_next(&s->reader[c->dir], c, LINE_KEPT, &l) == 1)
			injected_line(s, &l);
		return;
	}
	if (line_next(&s->reader[c->dir], c, LINE_KEPT, &l) != 1)
		return;
	if (s->starttls_accepted && looks_like_command(l.text)) {
		back_to_clear(s);
		client_line(s, &l);
		return;
	}
	s->track[c->dir].seen |= TLS_SEEN_JUNK;
}

static void server_junk(struct session *s, const struct chunk *c)
{
	struct origin at = here(c);

	s->track[c->dir].seen |= TLS_SEEN_JUNK;
	if (s->starttls_accepted)
		emit_notice(s, &(struct notice){.id = NOTICE_RESPONSE_INJECTION, .a = c->len}, &at, SPAN_ABSENT);
}

void tls_bytes(struct session *s, struct chunk *c)
{
	struct tls_track *t = &s->track[c->dir];
	bool client = c->dir == client_dir(s);

	if (!client && !s->opaque[c->dir]) { /* the server talks TLS unasked: an alert, or a TLS-only port */
		struct origin at = here(c);

		s->opaque[c->dir] = true;
		if (*c->data == RECORD_ALERT && !s->tls_expected)
			emit_notice(s, &(struct notice){.id = NOTICE_TLS_ALERT_IN_CLEAR}, &at, SPAN_ABSENT);
		else if (s->mode != MODE_TLS && !s->tls_expected)
			emit_notice(s, &(struct notice){.id = NOTICE_CLEARTEXT_ON_TLS}, &at, SPAN_ABSENT);
	}
	if (!t->left && !t->have && !(t->seen & TLS_SEEN_JUNK) &&
	    ((client && !t->seen && line_pending(&s->reader[c->dir])) || !tls_looks(span_of(c->data, (size_t)c->len)))) {
		if (client)
			client_junk(s, c);
		else
			server_junk(s, c);
		if (!c->len || !s->opaque[c->dir])
			return;
	}
	if (t->seen & TLS_SEEN_JUNK) {
		c->data += c->len;
		c->off += c->len;
		c->len = 0;
		return;
	}
	while (c->len && (t->left || t->have || tls_looks(span_of(c->data, (size_t)c->len))))
		track_step(t, c);
}

bool tls_complete(const struct session *s)
{
	return s->track[0].seen & TLS_SEEN_HELLO && s->track[1].seen & TLS_SEEN_HELLO && s->track[0].seen & TLS_SEEN_DATA &&
	       s->track[1].seen & TLS_SEEN_DATA;
}

/* smtp.starttls of the session event; NULL: nothing can be said. */
const char *tls_verdict(const struct session *s)
{
	uint8_t client = s->track[client_dir(s)].seen;

	if (s->starttls_injected)
		return "injected";
	if (s->starttls_accepted)
		return client & TLS_SEEN_HELLO ? "accepted" : "no_handshake";
	if (s->starttls_stripped)
		return "stripped";
	if (s->starttls_refused)
		return "refused";
	if (s->starttls_offered)
		return "offered_unused";
	return s->list_known && !s->tls_expected && !s->opaque[client_dir(s)] ? "not_offered" : NULL;
}

/* At the end of the connection: TLS was agreed, and then? */
void tls_finish(struct session *s)
{
	uint8_t client = s->track[client_dir(s)].seen;
	struct line l;

	if (s->tls && line_finish(&s->reader[client_dir(s)], &l) == 1 && l.first.peer_seen < s->reply_end)
		injected_line(s, &l);
	if (!s->starttls_accepted || client & TLS_SEEN_HELLO)
		return;
	if (s->back_in_clear || s->connection_over || client & TLS_SEEN_JUNK)
		emit_notice(s, &(struct notice){.id = NOTICE_NO_HANDSHAKE}, NULL, SPAN_ABSENT);
}
