/*
 * session_reply.c - lines of the server become replies, and each reply finds its command (RFC 5321 4.2, RFC 2920 3.1).
 *
 * By order; where something is lost, by numbers. Three rules keep pairs from shifting:
 *   a command that the client followed up after having seen a hole in the replies was answered in that hole;
 *   a reply that the client had seen before it sent the next captured command belongs to what came before it;
 *   a reply sent before the server had received a command does not answer it.
 * Codes only break ties behind a hole: 354 is for DATA, 334 and 235 for AUTH, 221 for QUIT.
 */
#include "session_internal.h"


/* ---- putting a reply together ---- */

static void reply_start(struct session *s, const struct line *l)
{
	struct reply *r = &s->reply;

	arena_clear(&r->arena);
	*r = (struct reply){.arena = r->arena, .active = true, .start = l->first.off, .peer_seen = l->first.peer_seen};
	r->first_ts = l->first.ts;
	r->text = arena_get(&r->arena, sizeof *r->text);
}

static void keep_text(struct session *s, struct span text)
{
	struct reply *r = &s->reply;
	struct span *more;

	if (r->kept >= s->limits->reply_lines || !r->text) {
		r->text_cut = true;
		return;
	}
	if (r->kept && (r->kept & (r->kept - 1)) == 0) { /* a power of two: the list is full */
		more = arena_get(&r->arena, 2 * r->kept * sizeof *more);
		if (!more) {
			r->text_cut = true;
			return;
		}
		for (uint32_t i = 0; i < r->kept; i++)
			more[i] = r->text[i];
		r->text = more;
	}
	r->text[r->kept] = arena_copy(&r->arena, text);
	if (r->text[r->kept].p)
		r->kept++;
}

static void reply_add(struct session *s, const struct line *l, const struct reply_line *rl)
{
	struct reply *r = &s->reply;
	/* "unexpected" bits of a line that only continues a reply */
	uint32_t defects = rl->defects;

	if (r->lines && rl->code >= 0 && r->code >= 0 && rl->code != r->code)
		defects |= REPLY_DEFECT(CODE_MISMATCH);
	if (rl->code >= 0 || !r->lines)
		r->code = rl->code;
	if (rl->enhanced.p)
		r->enhanced = arena_copy(&r->arena, rl->enhanced);
	r->lines++;
	r->defects |= defects;
	r->end = l->first.off + l->length;
	r->last_ts = l->last.ts;
	r->frame = l->last.frame;
	keep_text(s, rl->text);
}

enum { WORDS_COMPARED = 256 /* with a line of a reply; a group behind AUTH with 100 recipients has fewer */ };

/*
 * Does text repeat the secret, or a word of it? words: any of them; else the last, as in "alice s3cr3t". left: how many may still be
 * compared; what would take more is taken for a repetition.
 */
static bool repeats(struct span text, struct span secret, bool words, unsigned *left)
{
	enum { SHORTEST = 3 }; /* shorter ones would blank ordinary words */
	bool found = false;

	while (secret.n && !found) {
		struct span word = span_first(secret, span_find_class(secret, CHAR_WSP | CHAR_CONTROL));

		secret = span_from(secret, word.n + 1);
		if ((!words && secret.n) || word.n < SHORTEST)
			continue;
		found = *left == 0 || span_find(text, word) != SPAN_NPOS;
		*left -= *left > 0;
	}
	return found;
}

static const struct span no_text = SPAN_INIT("********");

/* The copy that the reply holds is not only hidden: it is gone. */
static void blank(struct span *text)
{
	if (text->p == no_text.p)
		return;
	wipe((void *)(uintptr_t)text->p, text->n);
	*text = no_text;
}

/* Some servers repeat the line they do not understand: what the line hides the reply must hide too (law L8). */
static void reply_hide(struct session *s, const struct auth *auth, struct span secret, bool words)
{
	for (uint32_t i = 0; i < s->reply.kept; i++) {
		struct span text = s->reply.text[i];
		unsigned left = WORDS_COMPARED;

		if (!repeats(text, secret, words, &left) && !(auth && auth_echoes(auth, text)))
			continue;
		blank(&s->reply.text[i]); /* all of it: the rest may hold another form of it */
		mark_secret(s, dir_other(client_dir(s)), s->reply.start, s->reply.end - s->reply.start);
	}
}

void reply_hide_echo(struct session *s, const struct pending *p)
{
	/* the pair may be one or two off, behind a reply that never came */
	for (int near = 0; p && near <= SECRET_LINES; near++, p = p->next) {
		const struct auth *auth = s->auth_pending == p ? &s->auth : NULL;

		if (auth || p->secret.n)
			reply_hide(s, auth, p->secret, p->secret.p == (const uint8_t *)(p + 1));
	}
}

static void hide_text(struct reply *r, uint32_t i)
{
	if (r->text[i].n)
		blank(&r->text[i]);
}

/* Replies that only AUTH gets (protocol facts 4.6). */
static bool is_auth_code(int code)
{
	static const int codes[] = {235, 432, 435, 523, 524, 525, 534, 535, 538};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (code == codes[i])
			return true;
	return false;
}

/* Does a text that says what was not understood repeat it? Between quotes, behind a colon, or as a last word that is none of a language. */
static bool quotes_line(struct span text)
{
	struct span last = span_rtrim(text, CHAR_WSP);
	size_t blank = span_rchr(last, ' ');

	if (span_chr(text, '"') != SPAN_NPOS || span_chr(text, '\'') != SPAN_NPOS || span_chr(text, '`') != SPAN_NPOS)
		return true;
	if (last.n && span_chr(SPAN(".!?"), last.p[last.n - 1]) != SPAN_NPOS)
		last.n--;
	if (blank == SPAN_NPOS || blank >= last.n)
		return false;
	return last.p[blank - (blank > 0)] == ':' || !span_all(span_from(last, blank + 1), CHAR_ALPHA);
}

/* The same for what waits behind AUTH: responses that are lost, or words that the text repeats. A word may have come in several chunks. */
static bool repeats_held(const struct session *s, struct span text)
{
	uint8_t word[LINE_KEPT]; /* of a longer one its start */
	size_t n = 0;
	unsigned left = WORDS_COMPARED;
	bool found = false;

	for (const struct held *h = s->held; h && !found; h = h->next) {
		struct span rest = span_of(h->chunk.data, (size_t)h->chunk.len), part;

		found = h->chunk.kind == CHUNK_GAP;
		while (rest.n && !found) {
			part = span_first(rest, span_find_class(rest, CHAR_WSP | CHAR_CONTROL));
			n = span_append(word, n, sizeof word, part);
			rest = span_from(rest, part.n);
			if (rest.n || !h->next) { /* here it ends */
				found = repeats(text, span_of(word, n), true, &left);
				n = 0;
			}
			rest = span_from(rest, 1);
		}
	}
	wipe(word, sizeof word);
	return found;
}

/* Does it answer what is not in the capture, so that nobody can tell whether this line of it repeats credentials? */
static bool may_repeat_unseen(const struct session *s, const struct pending *p, struct span text)
{
	bool lost = session_is_short(s), known = p && p->kind == PENDING_COMMAND && !lost;
	bool behind_loss = s->gaps || lost || (!known && !s->syn_seen);
	int code = s->reply.code;

	if (known && p->flags & VERB_IS_AUTH)
		return s->auth_pending == p && code != 334 && (s->auth.lost || repeats_held(s, text));
	if (behind_loss && is_auth_code(code))
		return true;
	return !known && code >= 500 && code <= 502 && (s->lone_tokens || (behind_loss && quotes_line(text)));
}

/*
 * What no pair of command and reply can tell, when one of them is lost: a challenge that no AUTH asked for (with the response it can be
 * used to guess the password), and the echo of a line that holds credentials. Where such a line is lost, any word of the text may be it.
 * And credentials of an AUTH that is over.
 */
static void hide_strays(struct session *s, const struct pending *p)
{
	struct reply *r = &s->reply;
	bool asked = p && p->flags & VERB_IS_AUTH, challenge = r->code == 334, hidden = challenge;
	bool lost = session_is_short(s), unclear = lost || !p || p->kind != PENDING_COMMAND || p->x.verb == VERB_UNKNOWN || asked;
	bool unknown = (r->code >= 500 && r->code <= 503) || (unclear && (r->code < 0 || r->code >= 400));
	bool doubt = asked || lost || s->gaps || !s->syn_seen || s->lone_tokens;

	for (uint32_t i = 0; i < r->kept; i++) {
		bool echo = (unknown && reply_echoes_secret(r->text[i])) || (doubt && may_repeat_unseen(s, p, r->text[i])) ||
			    sent_stands_in(&s->sent, r->text[i]);

		if (echo || (challenge && !asked))
			hide_text(r, i);
		hidden |= echo;
	}
	if (hidden)
		mark_secret(s, dir_other(client_dir(s)), r->start, r->end - r->start);
	if (challenge && !asked) {
		s->lone_tokens = SECRET_LINES; /* what answers it is a response, whatever it was paired with */
		s->auth.lost |= s->auth_pending != NULL; /* and perhaps of the AUTH that waits: which one, nobody can tell from then on */
	}
}

static void reply_done(struct session *s);

void reply_flush(struct session *s)
{
	if (!s->reply.active)
		return;
	s->reply.defects |= REPLY_DEFECT(UNTERMINATED);
	reply_done(s);
}

/*
 * The client sends a command although the reply it waits for has no last line: for the client it was complete. A greeting may
 * be sent in two parts to catch early talkers, so there the next line decides.
 */
void reply_suspect(struct session *s, const struct line *client)
{
	struct line_reader *r = &s->reader[dir_other(client_dir(s))];
	const struct pending *p = s->queue;
	uint64_t sent = s->offset[dir_other(client_dir(s))];
	struct line l;
	bool greeting;

	if (!p || client->first.peer_seen < sent || client->first.peer_seen == 0)
		return;
	if (p->kind == PENDING_LOST && p->next) /* no handshake was seen: the marker stays in front */
		p = p->next;
	if (p->next || (p->kind == PENDING_COMMAND && !(p->flags & VERB_LAST)))
		return;
	greeting = p->kind == PENDING_GREETING || (p->kind == PENDING_LOST && !s->greeting_end);
	if (line_pending(r) && greeting && line_finish(r, &l) == 1)
		server_line(s, &l);
	if (greeting)
		s->reply.suspect = true;
	else
		reply_flush(s);
}

/* A line without a code where no reply is under way. */
static void junk_line(struct session *s, const struct line *l, const struct reply_line *rl)
{
	bool greets = span_ifind(l->text, SPAN("SMTP")) != SPAN_NPOS; /* then it is no rest of a cut line */
	bool cut = (s->junk_line && !greets) || l->end == LINE_END_NONE;
	struct reply_line rest = *rl;

	if (s->junk_line && s->gaps) /* its code may be what is lost */
		rest.defects &= ~(REPLY_DEFECT(NOT_NUMERIC) | REPLY_DEFECT(SHORT));
	s->junk_line = false;
	if (cut && !(s->queue && s->queue->kind == PENDING_GREETING && l->first.off == 0))
		return;
	reply_start(s, l);
	reply_add(s, l, &rest);
	if (s->queue && s->queue->kind == PENDING_GREETING) {
		reply_done(s);
		return;
	}
	s->lost_replies = s->reply.end;
	s->reply.active = false;
	hide_strays(s, NULL);
	emit_orphan(s, EXCHANGE_UNSOLICITED, &s->reply);
}

void server_line(struct session *s, const struct line *l)
{
	struct reply *r = &s->reply;
	struct reply_line rl;

	reply_line_parse(l->text, l->length, l->end, &rl);
	if (r->active && rl.code >= 0 && r->holed && rl.code != r->code)
		reply_flush(s);
	if (r->active && rl.code >= 0 && r->suspect &&
	    (rl.code != r->code || !s->queue || s->queue->kind == PENDING_COMMAND))
		reply_flush(s);
	if (!r->active && rl.code < 0) {
		junk_line(s, l, &rl);
		return;
	}
	s->junk_line = false;
	if (!r->active)
		reply_start(s, l);
	reply_add(s, l, &rl);
	if (rl.last && rl.code >= 0)
		reply_done(s);
}

/* ---- finding its command ---- */

static bool is_for_earlier(const struct reply *r, const struct pending *next)
{
	return r->end <= next->first.peer_seen || (r->peer_seen && r->peer_seen < next->first.off + next->x.length);
}

static bool code_fits(const struct pending *p, int code)
{
	switch (code) {
	case 354:
		return p->x.verb == VERB_DATA || p->x.verb == VERB_XEXCH50;
	case 334:
	case 235:
		return p->flags & VERB_IS_AUTH;
	case 221:
		return p->x.verb == VERB_QUIT;
	default:
		return true;
	}
}

static bool code_fits_later(const struct pending *p, int code)
{
	for (p = p->next; p; p = p->next)
		if (code_fits(p, code))
			return true;
	return false;
}

/*
 * A line inside a line (a bare LF that the server takes for text): the client went on to QUIT after one reply, and the 221 to that
 * shows that the second line never had one of its own.
 */
static bool never_a_command(const struct session *s, const struct pending *p, const struct reply *r)
{
	const struct pending *next = p->next;

	return r->code == 221 && p->kind == PENDING_COMMAND && p->x.verb == VERB_UNKNOWN && next && next->x.verb == VERB_QUIT &&
	       next->first.peer_seen >= s->reply_end;
}

static bool answered_in_hole(const struct session *s, const struct pending *p, const struct reply *r)
{
	if (!s->lost_replies || s->lost_replies > r->start || p->stage != STAGE_REPLY || s->lost_replies <= p->first.peer_seen)
		return false;
	if (p->next && p->next->kind == PENDING_COMMAND && p->next->first.peer_seen >= s->lost_replies &&
	    r->start >= p->next->first.peer_seen)
		return true;
	return p->kind == PENDING_COMMAND && !code_fits(p, r->code) && code_fits_later(p, r->code);
}

/*
 * A server that knows no PROXY header answers it as a command, or as several, before it comes to what the client sent with it. A client
 * that waited for the greeting has seen such answers, and nothing stands in the queue.
 */
static bool answers_proxy(const struct session *s, const struct pending *p, const struct reply *r)
{
	return s->proxy && p->kind == PENDING_COMMAND && p->first.peer_seen < s->greeting_end && !s->sync_end &&
	       (r->code == 500 || r->code == 502 || (r->code == 221 && p->x.verb != VERB_QUIT)); /* version 2 has QUIT in it */
}

/* The head of the queue that this reply answers; what was answered in holes before it is taken out. NULL: nobody asked. */
static struct pending *find_command(struct session *s, const struct reply *r)
{
	struct pending *p;

	while ((p = s->queue) && !answers_proxy(s, p, r)) {
		bool here = p->kind == PENDING_LOST ? !p->next || is_for_earlier(r, p->next) : !answered_in_hole(s, p, r) && !never_a_command(s, p, r);

		if (here)
			return p;
		p = queue_pop(s);
		reply_lost(s, p);
		pending_free(s, &p);
	}
	return NULL;
}

/* The lines that waited in MODE_LOST for a sign of the server were commands after all, if it had received them. */
static void leave_lost_mode(struct session *s, const struct reply *r)
{
	const struct pending *last = queue_last(s);

	if (s->mode != MODE_LOST)
		return;
	if (last && last->tentative && r->peer_seen && r->peer_seen < last->first.off + last->x.length)
		return;
	queue_confirm_tentative(s);
	set_mode(s, MODE_COMMAND);
}

/* A reply to something that is not in the capture: only what it does to the way the client's bytes are read. */
static void orphan_effects(struct session *s, const struct reply *r)
{
	if (r->code == 354 && s->mode == MODE_COMMAND) {
		struct pending *data = pending_new(s, PENDING_DOT, SPAN_ABSENT);

		if (data) {
			data->stage = STAGE_BODY;
			data->x.verb = VERB_DATA;
			body_start(s, data);
		}
		queue_push(s, data);
	} else if (r->code == 334) {
		set_mode(s, MODE_AUTH);
	} else if (s->mode == MODE_AUTH && !s->auth_pending) {
		set_mode(s, MODE_COMMAND);
	}
	if (r->code == 421)
		s->phase = PHASE_CLOSED;
}

static void midstream_greeting(struct session *s, struct reply *r)
{
	struct pending *p = pending_new(s, PENDING_GREETING, SPAN_ABSENT);

	if (!p)
		return;
	apply_reply(s, p, r);
	pending_free(s, &p);
}

static void reply_orphan(struct session *s, const struct pending *p, struct reply *r)
{
	bool first = r->start == 0 && !s->syn_seen, before_client = s->offset[client_dir(s)] == 0;
	bool refusal = r->code == 554 || r->code == 521 || r->code == 421;
	bool start = first && (r->code == 220 || (refusal && before_client));

	if (p && start && s->greeting_end == 0) {
		midstream_greeting(s, r);
		return;
	}
	s->doubt |= p != NULL && r->code < 400; /* who knows what it opened */
	if (!p && s->bare_lf_end && s->bare_lf_end == r->start && !(r->defects & REPLY_DEFECT(BARE_LF)))
		r->defects |= REPLY_DEFECT(SPLIT); /* a server that ends its lines with CRLF did not write this LF */
	emit_orphan(s, p ? EXCHANGE_LOST : EXCHANGE_UNSOLICITED, r);
	orphan_effects(s, r);
}

/* The reply is complete. */
static void reply_done(struct session *s)
{
	struct reply *r = &s->reply;
	uint64_t bare_lf = r->defects & REPLY_DEFECT(BARE_LF) ? r->end : 0;
	struct pending *p;

	r->active = false;
	leave_lost_mode(s, r);
	p = find_command(s, r);
	if (!p && s->suspect && body_prove_smuggling(s, r->code))
		p = find_command(s, r);
	hide_strays(s, p);
	s->reply_end = r->end;
	s->view_stale = true;
	if (r->code >= 200 && r->code < 600)
		s->by_class[r->code / 100 - 2]++;
	if (!p || p->kind == PENDING_LOST)
		reply_orphan(s, p, r);
	else
		apply_reply(s, p, r);
	s->bare_lf_end = bare_lf;
}
