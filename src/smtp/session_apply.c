/*
 * session_apply.c - what a matched reply does: the only place where phase and the real state change (law L6).
 *
 * One small function a verb, found by table. A function returns true when the command is done, false when more replies belong
 * to it (DATA after 354, AUTH after 334). r is NULL when no reply came: the connection ended, or it fell into a hole.
 */
#include "session_internal.h"

static bool positive(const struct reply *r)
{
	return r && r->code >= 200 && r->code < 300;
}

static bool refused(const struct reply *r)
{
	return r && r->code >= 400;
}

/* What the reply means when it is lost: the client went on, so it was what the client wanted. */
static bool assumed(const struct pending *p, const struct reply *r)
{
	return positive(r) || (!r && p->x.situation & SIT(REPLY_LOST));
}

/* The message was half sent; RSET is the way to give it up (RFC 3030 2). */
void bdat_abandoned(struct session *s, const struct pending *p)
{
	uint64_t came = s->mail.body ? s->mail.body->size : 0;

	if (s->real.bdat_open && !s->real.bdat_failed && !(p && p->x.verb == VERB_RSET))
		emit_notice(s, &(struct notice){.id = NOTICE_BDAT_NO_LAST, .a = came}, p ? &p->first : NULL, SPAN_ABSENT);
}

static void transaction_over(struct session *s, const struct pending *p)
{
	bdat_abandoned(s, p);
	if (s->mail.open)
		mail_end(s, p, NULL);
	s->real.mail = s->real.rcpt = s->real.bdat_open = s->real.bdat_last = s->real.bdat_failed = false;
	s->real.binarymime = s->real.smtputf8 = false;
	if (s->phase == PHASE_MAIL || s->phase == PHASE_RCPT)
		s->phase = PHASE_HELO;
}

static bool apply_hello(struct session *s, struct pending *p, struct reply *r)
{
	if (!assumed(p, r))
		return true;
	s->record.lmtp |= p->x.verb == VERB_LHLO;
	emit_command(s, p, r);
	transaction_over(s, p);
	s->phase = PHASE_HELO;
	s->doubt = false;
	s->real.hello = true;
	s->real.ehlo = p->x.verb != VERB_HELO;
	pool_drop(s->pool, &s->helo);
	s->helo = pool_copy(s->pool, p->domain);
	return true;
}

static bool apply_mail(struct session *s, struct pending *p, struct reply *r)
{
	if (!assumed(p, r) && !(r && r->code == 355))
		return true;
	emit_command(s, p, r);
	transaction_over(s, p);
	mail_open(s, p, r == NULL);
	s->real.mail = true;
	s->real.binarymime = (p->x.situation & SIT(BINARYMIME)) != 0;
	s->real.smtputf8 = (p->x.situation & SIT(SMTPUTF8)) != 0;
	s->phase = PHASE_MAIL;
	return true;
}

static bool apply_rcpt(struct session *s, struct pending *p, struct reply *r)
{
	mail_recipient(s, p, r ? r->code : 0);
	if (!assumed(p, r))
		return true;
	s->real.rcpt = true;
	s->phase = PHASE_RCPT;
	return true;
}

/* The end of a message: all its final replies are in. */
static void message_over(struct session *s, struct pending *p, struct reply *r)
{
	emit_command(s, p, r);
	if (s->mail.open)
		mail_end(s, p, r);
	s->real.mail = s->real.rcpt = s->real.bdat_open = s->real.bdat_last = s->real.bdat_failed = false;
	s->phase = s->phase == PHASE_CLOSED ? s->phase : PHASE_HELO;
	s->after_message = true;
}

static bool apply_data_final(struct session *s, struct pending *p, struct reply *r)
{
	if (!r) {
		message_over(s, p, NULL);
		return true;
	}
	if (p->final_index == 0) {
		bool lmtp = s->record.lmtp && s->mail.open && s->mail.accepted > 0;

		p->finals = r->code == 353 ? s->mail.accepted + 1 : lmtp ? s->mail.accepted : 1;
		if (r->code == 353) {
			s->mail.prdr = s->mail.open;
			p->finals++; /* the 353 itself */
		}
	}
	if (s->mail.prdr ? r->code != 353 && p->final_index < p->finals - 1 : s->record.lmtp)
		mail_final(s, p, s->mail.prdr ? p->final_index - 1 : p->final_index, r->code);
	if (++p->final_index < p->finals && r->code != 421)
		return false;
	message_over(s, p, r);
	return true;
}

static bool apply_data(struct session *s, struct pending *p, struct reply *r)
{
	if (p->stage == STAGE_BODY) {
		if (r)
			body_resync(s, r->code);
		else if (s->connection_over)
			emit_notice(s, &(struct notice){.id = NOTICE_MISSING_FINAL_DOT}, &p->last, SPAN_ABSENT);
		return apply_data_final(s, p, r);
	}
	if (p->stage == STAGE_FINAL)
		return apply_data_final(s, p, r);
	if (r && r->code == 354) {
		pending_set_stage(s, p, STAGE_BODY);
		s->sync_end = r->end;
		s->blocker = NULL;
		body_start(s, p);
		return false;
	}
	s->data_refused = refused(r);
	return true;
}

static bool apply_bdat(struct session *s, struct pending *p, struct reply *r)
{
	if (p->x.defects & DEFECT(BAD_BDAT)) { /* no chunk, so nothing of the message is over */
		s->real.bdat_failed = refused(r);
		return true;
	}
	if (assumed(p, r)) {
		s->real.bdat_open = !p->bdat_last;
		if (!s->mail.body && p->body)
			s->mail.body = body_ref(p->body);
	} else if (r) {
		s->real.bdat_failed = true;
	}
	if (s->record.lmtp && p->bdat_last && s->mail.open) {
		if (!s->mail.body && p->body)
			s->mail.body = body_ref(p->body);
		if (s->mail.accepted)
			return apply_data_final(s, p, r);
	}
	if (!p->bdat_last || (!assumed(p, r) && !r))
		return true;
	if (!s->mail.body && p->body)
		s->mail.body = body_ref(p->body);
	message_over(s, p, r);
	s->real.bdat_last = positive(r);
	s->real.bdat_failed = refused(r);
	return true;
}

static bool apply_rset(struct session *s, struct pending *p, struct reply *r)
{
	if (!assumed(p, r))
		return true;
	emit_command(s, p, r);
	transaction_over(s, p);
	return true;
}

static bool apply_quit(struct session *s, struct pending *p, struct reply *r)
{
	if (positive(r))
		s->phase = PHASE_CLOSED;
	(void)p;
	return true;
}

static bool apply_starttls(struct session *s, struct pending *p, struct reply *r)
{
	tls_answered(s, p, r);
	if (r && r->code == 220) {
		emit_command(s, p, r);
		s->starttls_accepted = true;
		tls_begin(s);
	} else if (refused(r) && !p->x.defects && r->code != 501 && r->code != 503) {
		s->starttls_refused = true;
	}
	return true;
}

static bool apply_auth(struct session *s, struct pending *p, struct reply *r)
{
	if (r && r->code == 334 && s->auth_pending == p) {
		auth_challenge(&s->auth, r->kept ? r->text[0] : SPAN(""));
		s->blocker = NULL;
		s->sync_end = r->end;
		set_mode(s, MODE_AUTH);
		return false;
	}
	emit_command(s, p, r);
	if (positive(r)) {
		s->real.authenticated = true;
	} else if (refused(r) && !s->auth.cancelled) {
		s->lone_tokens = SECRET_LINES;
	}
	session_auth_end(s, p, r);
	return true;
}

/* The server starts afresh with a new greeting (Postfix XCLIENT); 250 was the answer before Postfix 2.3. */
static bool apply_xclient(struct session *s, struct pending *p, struct reply *r)
{
	size_t at = span_ifind(p->x.argument, SPAN("ADDR="));

	if (!positive(r))
		return true;
	if (r->code == 220) {
		transaction_over(s, p);
		s->phase = PHASE_GREET;
		s->real = (struct view){0};
	}
	if (at != SPAN_NPOS) {
		struct span rest = span_from(p->x.argument, at + 5);

		pool_drop(s->pool, &s->client_address);
		s->client_address = pool_copy(s->pool, span_split(&rest, ' '));
		emit_command(s, p, r);
		address_judge(s);
	}
	return true;
}

/* TURN, ATRN: the peers swap roles, and the former client greets (RFC 2645 5.3). */
static bool apply_turn(struct session *s, struct pending *p, struct reply *r)
{
	if (!positive(r))
		return true;
	emit_command(s, p, r);
	s->flipped = !s->flipped;
	s->reversed = true;
	s->phase = PHASE_CONN;
	s->real = s->seen = (struct view){0};
	s->greeting_end = s->reply_end = s->sync_end = 0;
	s->lost_replies = 0;
	queue_push(s, pending_new(s, PENDING_GREETING, SPAN_ABSENT));
	return true;
}

/* XEXCH50 n v: 354, then n raw octets, then one more reply. */
static bool apply_blob(struct session *s, struct pending *p, struct reply *r)
{
	if (p->stage == STAGE_REPLY && r && r->code == 354) {
		pending_set_stage(s, p, STAGE_FINAL);
		s->blocker = NULL;
		s->bdat_left = p->bdat_size;
		if (s->bdat_left)
			set_mode(s, MODE_BDAT);
		return false;
	}
	return true;
}

static bool apply_burl(struct session *s, struct pending *p, struct reply *r)
{
	bool last = span_ends(p->x.argument, SPAN(" LAST")) || span_ends(p->x.argument, SPAN(" last"));

	if (last && r && s->mail.open)
		message_over(s, p, r);
	return true;
}

typedef bool apply_fn(struct session *s, struct pending *p, struct reply *r);

static apply_fn *const appliers[VERB_COUNT] = {
    [VERB_EHLO] = apply_hello,
    [VERB_HELO] = apply_hello,
    [VERB_LHLO] = apply_hello,
    [VERB_MAIL] = apply_mail,
    [VERB_SEND] = apply_mail,
    [VERB_SOML] = apply_mail,
    [VERB_SAML] = apply_mail,
    [VERB_RCPT] = apply_rcpt,
    [VERB_DATA] = apply_data,
    [VERB_BDAT] = apply_bdat,
    [VERB_BURL] = apply_burl,
    [VERB_RSET] = apply_rset,
    [VERB_QUIT] = apply_quit,
    [VERB_STARTTLS] = apply_starttls,
    [VERB_X_ANONYMOUSTLS] = apply_starttls,
    [VERB_AUTH] = apply_auth,
    [VERB_X_EXPS] = apply_auth,
    [VERB_XAUTH] = apply_auth,
    [VERB_XCLIENT] = apply_xclient,
    [VERB_TURN] = apply_turn,
    [VERB_ATRN] = apply_turn,
    [VERB_XEXCH50] = apply_blob,
};

static void keep_banner(struct session *s, struct span text)
{
	uint32_t hash;
	uint8_t *more;

	if (s->banner || !text.p)
		return;
	s->banner = said_find(s->config->heard, &text, 1, &hash);
	if (s->banner)
		return;
	s->banner = said_new(s->pool, &text, 1, hash, 0, &more);
	if (s->banner)
		said_share(s->config->heard, s->banner);
}

static void apply_greeting(struct session *s, struct pending *p, struct reply *r)
{
	struct span text = r->kept ? r->text[0] : SPAN_ABSENT;

	s->greeting_end = r->end;
	s->greeting_refused = refused(r);
	if (s->phase == PHASE_CONN)
		s->phase = PHASE_GREET;
	keep_banner(s, text);
	if (span_find(text, SPAN("LMTP")) != SPAN_NPOS)
		s->record.lmtp = true;
	emit_command(s, p, r);
	if (s->proxy && !s->greeting_refused)
		address_judge(s);
	if (s->tls_expected && s->opaque[client_dir(s)])
		emit_notice(s, &(struct notice){.id = NOTICE_TLS_ON_CLEARTEXT}, NULL, SPAN_ABSENT);
}

/* The real state at the time of the reply, for diag. */
static uint64_t real_bits(const struct session *s)
{
	uint64_t bits = 0;

	bits |= s->real.hello ? 0 : SIT(NO_HELLO_REAL);
	bits |= s->real.mail ? SIT(MAIL_OPEN_REAL) : 0;
	bits |= s->real.rcpt ? SIT(RCPT_REAL) : 0;
	bits |= s->mail.open && s->mail.count && s->mail.refused == s->mail.count ? SIT(RCPT_ALL_REFUSED) : 0;
	return bits;
}

/* What a client that reads its replies must not do next: the same again, or the step that needs this one. */
static void note_refusal(struct session *s, const struct pending *p, const struct reply *r)
{
	bool step = p->flags & (VERB_IS_HELLO | VERB_OPENS_MAIL);

	if (!r || p->kind != PENDING_COMMAND)
		return;
	s->last_line_hash = r->code >= 500 ? hash_line(span_of(p + 1, p->allocated - sizeof *p)) : 0;
	if (!step && p->x.verb != VERB_RSET)
		return;
	s->refused_step = step && r->code >= 500 ? p->x.verb : VERB_UNKNOWN;
	s->refused_step_end = r->end;
}

static void note_error(struct session *s, const struct pending *p, const struct reply *r)
{
	note_refusal(s, p, r);
	if (refused(r) && !s->record.first_error_code)
		s->record.first_error_code = (uint16_t)r->code;
	if (refused(r) && p->misspelt_auth)
		s->lone_tokens = SECRET_LINES;
	if (r && r->code >= 500 && r->code <= 504 && p->x.verb == VERB_QUIT)
		s->quit = false;
	if (r && r->code == 421)
		s->phase = PHASE_CLOSED;
	if (r && p->flags & VERB_LAST && p->x.verb != VERB_UNKNOWN && p->stage == STAGE_REPLY && !p->one_round)
		s->sync_end = r->end;
}

/* p is the head of the queue, or not queued at all (then it stays the caller's when done). */
void apply_reply(struct session *s, struct pending *p, const struct reply *reply)
{
	struct reply *r = (struct reply *)(uintptr_t)reply;
	apply_fn *apply = p->kind == PENDING_COMMAND || (p->kind == PENDING_DOT && p->stage != STAGE_REPLY)
			      ? appliers[p->x.verb] : NULL;
	bool queued = s->queue == p, done;

	if (r) {
		pending_add_code(s, p, r->code);
		if (p->reply_ts == EV_NO_TIME)
			p->reply_ts = r->first_ts;
		p->last_ts = r->last_ts;
		p->last_frame = r->frame;
		p->x.reply_defects |= r->defects;
	}
	if (r)
		reply_hide_echo(s, p);
	p->x.situation |= p->kind == PENDING_COMMAND && p->code_count <= 1 ? real_bits(s) : 0;
	note_error(s, p, r);
	if (p->kind == PENDING_GREETING) {
		if (r)
			apply_greeting(s, p, r);
		done = true;
	} else {
		if (p->flags & VERB_IS_HELLO && p->x.verb != VERB_HELO && positive(r))
			ehlo_learn(s, r);
		else if (p->x.verb == VERB_HELO && positive(r))
			ehlo_forget(s);
		done = apply ? apply(s, p, r) : true;
		if (done && !p->emitted)
			emit_command(s, p, r);
	}
	if (!done || !queued)
		return;
	p = queue_pop(s);
	pending_free(s, &p);
}

/* p is out of the queue already. */
void reply_lost(struct session *s, struct pending *p)
{
	if (p->kind == PENDING_GREETING) {
		s->phase = s->phase == PHASE_CONN ? PHASE_GREET : s->phase;
		s->greeting_end = s->greeting_end ? s->greeting_end : 1;
		return;
	}
	if (p->kind != PENDING_COMMAND || p->tentative)
		return;
	p->x.situation |= SIT(REPLY_LOST);
	apply_reply(s, p, NULL);
}
