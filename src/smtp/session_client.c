/*
 * session_client.c - a line of the client becomes an entry of the queue, with the situation it was sent in.
 *
 * "Had the client seen that reply?" is answered by the acknowledgement number of its segment against the offset of the reply,
 * never by capture order. The client's view is the real state plus what it may hope of commands under way.
 */
#include "session_internal.h"

#include <string.h>

/* A line start that can only be a command: a verb the table knows, then blank or line end. */
bool looks_like_command(struct span text)
{
	size_t n = 0;

	while (n < text.n && (char_is(text.p[n], CHAR_LDH)))
		n++;
	if (n < text.n && text.p[n] != ' ' && text.p[n] != '\r' && text.p[n] != '\n')
		return false;
	return verb_find(span_first(text, n)) != VERB_UNKNOWN;
}

/* ---- the client's view ---- */

/* What v becomes if p succeeds. */
void view_expect(struct view *v, const struct pending *p)
{
	enum verb verb = p->x.verb;
	bool ehlo = verb == VERB_HELO ? false : p->flags & VERB_IS_HELLO ? true : v->ehlo;

	if (p->flags & VERB_IS_HELLO || verb == VERB_RSET) {
		*v = (struct view){.hello = v->hello || verb != VERB_RSET, .ehlo = ehlo, .authenticated = v->authenticated};
	} else if (p->flags & VERB_OPENS_MAIL) {
		*v = (struct view){.hello = v->hello, .ehlo = ehlo, .authenticated = v->authenticated, .mail = true};
		v->binarymime = (p->x.situation & SIT(BINARYMIME)) != 0;
		v->smtputf8 = (p->x.situation & SIT(SMTPUTF8)) != 0;
	} else if (verb == VERB_DATA) {
		*v = (struct view){.hello = v->hello, .ehlo = ehlo, .authenticated = v->authenticated};
	} else if (verb == VERB_RCPT) {
		v->rcpt = v->mail;
	} else if (verb == VERB_BDAT) {
		v->bdat_open = !p->bdat_last;
		v->bdat_last = p->bdat_last;
	}
}

/* Starts again from the real state when the client has seen all that led to it. */
static void view_refresh(struct session *s, const struct line *l)
{
	if (!s->view_stale || l->first.peer_seen < s->reply_end)
		return;
	s->seen = s->real;
	for (const struct pending *p = s->queue; p; p = p->next)
		view_expect(&s->seen, p);
	s->view_stale = false;
}

static uint64_t view_bits(const struct view *v)
{
	uint64_t bits = 0;

	bits |= v->hello ? (v->ehlo ? SIT(EHLO) : SIT(HELO)) : SIT(NO_HELLO);
	bits |= v->mail ? SIT(MAIL_OPEN) : 0;
	bits |= v->rcpt ? SIT(RCPT) : 0;
	bits |= v->bdat_open ? SIT(BDAT_OPEN) : 0;
	bits |= v->bdat_last ? SIT(BDAT_LAST) : 0;
	bits |= v->bdat_failed ? SIT(BDAT_FAILED) : 0;
	bits |= v->binarymime ? SIT(BINARYMIME) : 0;
	bits |= v->smtputf8 ? SIT(SMTPUTF8) : 0;
	bits |= v->authenticated ? SIT(AUTHENTICATED) : 0;
	return bits;
}

/* Which replies the client had not seen when it sent this line. */
static uint64_t waiting_bits(const struct session *s, const struct line *l)
{
	uint64_t seen = l->first.peer_seen, bits = 0;
	bool before_greeting = s->syn_seen && !s->proxy && !s->lost_replies && !(s->keywords & EHLO(PIPECONNECT)) &&
			       (s->greeting_end == 0 || seen < s->greeting_end) && s->commands == 0;

	if (before_greeting)
		bits |= SIT(BEFORE_GREETING);
	if (s->commands_waiting || (seen < s->reply_end && s->reply_end > s->greeting_end))
		bits |= SIT(IN_FLIGHT);
	if (s->ends_waiting || seen < s->sync_end)
		bits |= SIT(PAST_SYNC);
	return l->first.off < s->smuggled_end ? bits & ~SIT(PAST_SYNC) : bits;
}

/* A step that needs another one, whose permanent refusal the client had read (RFC 5321 4.2.1: obey the first digit). */
static bool ignores_refusal(const struct session *s, const struct pending *p, const struct line *l)
{
	bool envelope = p->x.verb == VERB_RCPT || p->x.verb == VERB_DATA || p->x.verb == VERB_BDAT;

	if (s->refused_step == VERB_UNKNOWN || l->first.peer_seen < s->refused_step_end)
		return false;
	return verb_info(s->refused_step)->flags & VERB_IS_HELLO ? p->flags & VERB_OPENS_MAIL && !s->seen.hello
								   : envelope && !s->seen.mail;
}

static uint64_t session_bits(const struct session *s)
{
	uint64_t bits = 0;

	bits |= s->greeting_refused ? SIT(GREETING_REFUSED) : 0;
	bits |= !s->list_known || s->keywords & EHLO(PIPELINING) ? SIT(PIPELINING) : 0;
	bits |= s->tls ? SIT(TLS) : 0;
	bits |= s->record.lmtp ? SIT(LMTP) : 0;
	bits |= s->server_port == 587 || s->server_port == 465 ? SIT(SUBMISSION) : 0;
	bits |= s->quit ? SIT(AFTER_QUIT) : 0;
	bits |= s->data_refused ? SIT(DATA_REFUSED) : 0;
	bits |= s->after_message ? SIT(AFTER_MESSAGE) : 0;
	bits |= s->after_bdat ? SIT(AFTER_BDAT) : 0;
	bits |= s->lone_tokens ? SIT(AUTH_REFUSED) : 0;
	bits |= s->mode == MODE_LOST ? SIT(AFTER_GAP) : 0;
	bits |= !s->list_known ? SIT(NO_EHLO_SEEN) : 0;
	bits |= s->tls_expected && !s->greeting_end ? SIT(PORT_TLS) : 0; /* who greets in clear there expects no TLS */
	bits |= !s->syn_seen || s->doubt ? SIT(MIDSTREAM) : 0;
	bits |= s->proxy ? SIT(PROXY) : 0;
	bits |= s->size_limit != EV_NONE && s->size_limit ? SIT(SIZE_ADVERTISED) : 0;
	if (s->mail.open && s->mail.count && s->mail.refused == s->mail.count)
		bits |= SIT(RCPT_ALL_REFUSED);
	return bits;
}

uint64_t hash_line(struct span text)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a: equality of two lines in a row, nothing an attacker gains from */

	for (size_t i = 0; i < text.n; i++)
		h = (h ^ text.p[i]) * 1099511628211u;
	return h ? h : 1;
}

static uint64_t command_bits(const struct session *s, const struct command *c, const struct verb_info *info, struct span text)
{
	uint64_t bits = 0;

	if (!info->keyword || ehlo_advertises(s, info->keyword))
		bits |= SIT(ADVERTISED);
	if (info->flags & VERB_IS_AUTH && c->mechanism.n) {
		bits |= s->list_known && !ehlo_offers(s, c->mechanism) ? SIT(AUTH_NOT_OFFERED) : 0;
		bits |= auth_server_first(c->mechanism) ? SIT(AUTH_SERVER_FIRST) : 0;
	}
	for (unsigned i = 0; i < c->param_count; i++) {
		if (span_ieq(c->params[i].keyword, SPAN("SMTPUTF8")))
			bits |= SIT(SMTPUTF8);
		if (span_ieq(c->params[i].keyword, SPAN("BODY")) && span_ieq(c->params[i].value, SPAN("BINARYMIME")))
			bits |= SIT(BINARYMIME);
	}
	if (s->last_line_hash && s->last_line_hash == hash_line(text))
		bits |= SIT(REPEATED);
	return bits;
}

/* A parameter that nobody advertised is as unknown as one that nobody registered (RFC 5321 4.1.1.11). */
static void judge_parameters(const struct session *s, struct command *c)
{
	for (unsigned i = 0; s->list_known && !(c->defects & DEFECT(PARAMS_MALFORMED)) && i < c->param_count; i++) {
		const struct param_info *info = param_find(c->params[i].keyword);

		if (info && info->keyword && !ehlo_advertises(s, info->keyword) &&
		    !(span_ieq(c->params[i].keyword, SPAN("BODY")) && s->keywords & EHLO(BINARYMIME))) {
			c->defects |= DEFECT(UNKNOWN_PARAMETER);
			if (!c->bad.p)
				c->bad = c->params[i].keyword;
			return;
		}
	}
}

/* ---- secrets in lines that are no AUTH command ---- */

/*
 * A line that is no command, behind a refused AUTH or behind lines of which one may have been AUTH, is most likely the credentials that
 * the client goes on with: in Base64 one word, typed in clear perhaps more.
 */
static bool is_lone_token(const struct session *s, const struct command *c, struct span text, uint64_t peer_seen)
{
	uint64_t readable = DEFECT(TYPO) | DEFECT(ALIAS) | DEFECT(GLUED) | DEFECT(HTTP) | DEFECT(SSH) | DEFECT(OTHER_PROTOCOL);
	char shown[LINE_KEPT + 64];

	if (c->verb != VERB_UNKNOWN || !text.n)
		return false;
	if (session_is_short(s) || peer_seen < s->auth_reply_end) /* sent before AUTH was over: a response, or the rest of one */
		return true;
	if (span_chr(text, ' ') == SPAN_NPOS)
		return s->lone_tokens || (s->lost_tokens && c->meant == VERB_UNKNOWN);
	return s->lone_tokens && !(c->defects & readable) && span_eq(command_shown_argument(c, shown, sizeof shown), c->argument);
}

/* What the event shows: shown verb and argument, in the block of the entry itself so that nothing else holds the secret. */
static void show_line(struct session *s, struct pending *p, const struct command *c, const struct line *l, bool hide)
{
	char verb[LINE_KEPT + 1], argument[LINE_KEPT + 64];
	struct span v = hide ? SPAN("********") : command_shown_verb(c, verb, sizeof verb);
	struct span a = hide ? SPAN_ABSENT : command_shown_argument(c, argument, sizeof argument);
	bool secret = hide || !span_eq(a, c->argument);

	p->x.verb_text = pool_copy(s->pool, v);
	p->x.argument = a.p ? pool_copy(s->pool, a) : SPAN_ABSENT;
	if (secret)
		mark_secret(s, client_dir(s), l->first.off, l->length);
	if (secret)
		p->secret = hide ? span_of(p + 1, l->text.n) : c->initial_response.n ? c->initial_response : c->argument;
	if (c->bad.p && !secret)
		p->x.bad = c->bad;
	if (secret) /* what is hidden in the line is not shown by its parts either */
		p->domain = p->params = SPAN_ABSENT;
	p->x.mechanism = c->mechanism;
}

/* ---- effects of sending ---- */

static void after_sending(struct session *s, struct pending *p, const struct command *c)
{
	if (p->flags & VERB_IS_AUTH)
		session_auth_begin(s, p, c);
	else if (p->x.verb == VERB_BDAT && !(c->defects & DEFECT(BAD_BDAT)) && c->argument.p)
		body_begin_chunk(s, p);
	else if (p->flags & VERB_SWITCHES_MODE && !p->tentative)
		s->blocker = p;
	if (p->x.verb == VERB_QUIT && !p->tentative)
		s->quit = true;
	if (p->flags & VERB_OPENS_MAIL || p->x.verb == VERB_RSET || p->flags & VERB_IS_HELLO)
		body_put(s, &s->bdat_body);
	view_expect(&s->seen, p);
}

/* Copies the line, so that all spans of the command outlive it, and parses the copy. */
static struct pending *parse_line(struct session *s, const struct line *l, struct command *c)
{
	enum { LINE_ALWAYS = 512 }; /* RFC 5321 4.5.3.1.4: no command may be held to less */
	struct pending *p = pending_new(s, PENDING_COMMAND, l->text);
	bool utf8 = s->seen.mail ? s->seen.smtputf8 : (s->keywords & EHLO(SMTPUTF8)) != 0; /* what its MAIL asked for, if seen */
	uint64_t limit;

	if (!p)
		return NULL;
	command_parse(span_of(p + 1, l->text.n), l->length, l->end, 0, utf8, s->phase, c);
	limit = l->length > LINE_ALWAYS ? ehlo_line_limit(s, c->verb) : LINE_ALWAYS;
	if (l->length > limit)
		c->defects |= DEFECT(TOO_LONG);
	judge_parameters(s, c);
	p->flags = verb_info(c->verb)->flags;
	p->first = l->first;
	p->last = l->last;
	p->line_ts = l->last.ts;
	p->line_end = l->end;
	p->x.limit = limit;
	return p;
}

static void fill_exchange(struct session *s, struct pending *p, const struct command *c, const struct line *l)
{
	p->x.verb = c->verb;
	p->x.meant = c->meant;
	p->x.typo_distance = c->typo_distance;
	p->x.defects = c->defects;
	p->x.offset = l->first.off;
	p->x.length = l->length;
	p->x.declared_size = c->declared_size;
	p->x.size_limit = s->size_limit;
	if ((c->verb == VERB_BDAT || c->verb == VERB_XEXCH50) && !(c->defects & (DEFECT(BAD_BDAT) | DEFECT(MISSING_ARGUMENT))))
		p->x.announced = c->bdat_size < EV_NONE ? c->bdat_size : EV_NONE - 1;
	p->x.construct = c->construct;
	p->x.situation |= command_bits(s, c, verb_info(c->verb), span_of(p + 1, l->text.n));
	p->address = c->path.address;
	p->params = c->params_raw;
	p->domain = c->domain;
	p->bdat_size = c->bdat_size;
	p->bdat_last = c->bdat_last;
	p->misspelt_auth = c->verb == VERB_UNKNOWN && command_means_auth(c);
	p->one_round = p->flags & VERB_IS_AUTH && c->initial_response.p && auth_one_round(c->mechanism);
}

/* MODE_LOST: a line may be a command, or message text, or a response; the server's next reply tells. */
static bool is_tentative(struct session *s, const struct line *l)
{
	if (s->mode != MODE_LOST)
		return false;
	if (span_eq(l->text, SPAN(".")) && l->end == LINE_END_CRLF) {
		struct pending *dot = pending_new(s, PENDING_DOT, SPAN_ABSENT);

		queue_drop_tentative(s);
		if (dot) {
			dot->tentative = true;
			dot->first = l->first;
			dot->last = l->last;
		}
		queue_push(s, dot);
		return true;
	}
	if (looks_like_command(l->text)) {
		if (s->flow->packets[dir_other(client_dir(s))] == 0) /* no reply will ever tell */
			set_mode(s, MODE_COMMAND);
		return false;
	}
	queue_drop_tentative(s);
	return true;
}

/* A line that ends all doubt whether message text is being read as commands. */
static bool is_plain_command(const struct command *c)
{
	uint64_t form = DEFECT(TRAILING_SPACE) | DEFECT(BARE_LF) | DEFECT(EXTRA_CR);

	return c->verb != VERB_UNKNOWN && !(c->defects & ~form);
}

/* The client goes on after having seen a hole: the one command it waited for was answered in it. */
static void settle_lost(struct session *s, const struct line *l)
{
	struct pending *p = s->queue;

	if (!p || p->next || p == s->blocker || p->kind == PENDING_LOST || p->stage != STAGE_REPLY || !s->lost_replies)
		return;
	if (p->first.peer_seen >= s->lost_replies || l->first.peer_seen < s->lost_replies ||
	    s->offset[dir_other(client_dir(s))] > s->lost_replies)
		return;
	p = queue_pop(s);
	reply_lost(s, p);
	pending_free(s, &p);
}

void client_line(struct session *s, const struct line *l)
{
	struct command c;
	struct pending *p;
	bool hide;

	reply_suspect(s, l);
	if (is_tentative(s, l))
		return;
	settle_lost(s, l);
	view_refresh(s, l);
	p = parse_line(s, l, &c);
	if (!p)
		return;
	hide = is_lone_token(s, &c, span_of(p + 1, l->text.n), l->first.peer_seen);
	p->x.situation = view_bits(&s->seen) | waiting_bits(s, l) | session_bits(s);
	fill_exchange(s, p, &c, l);
	if (ignores_refusal(s, p, l))
		p->x.situation |= SIT(IGNORES_REFUSAL);
	show_line(s, p, &c, l, hide);
	s->lone_tokens -= hide ? s->lone_tokens > 0 : s->lone_tokens;
	s->lost_tokens -= hide ? s->lost_tokens > 0 : s->lost_tokens;
	if (is_plain_command(&c))
		s->data_refused = s->after_message = s->after_bdat = false;
	p->tentative = s->mode == MODE_LOST;
	if (!p->tentative)
		s->commands++;
	queue_push(s, p);
	after_sending(s, p, &c);
}

/* Half of a UTF-16 line end is no line. */
static bool is_zeros(struct span text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i])
			return false;
	return true;
}

/* RDP, SMB and SOCKS have no lines: their first message waits for an end that never comes. */
static bool is_other_protocol(struct span text)
{
	struct command c;

	command_parse(text, text.n, LINE_END_CRLF, 0, false, PHASE_GREET, &c);
	return c.defects & DEFECT(OTHER_PROTOCOL) && char_is(text.p[0], CHAR_CONTROL);
}

void client_partial_line(struct session *s, const struct line *l)
{
	if (s->mode != MODE_COMMAND || s->tls || is_zeros(l->text))
		return;
	if (is_other_protocol(l->text)) {
		emit_notice(s, &(struct notice){.id = NOTICE_OTHER_PROTOCOL, .a = l->length}, &l->first, SPAN_ABSENT);
		return;
	}
	emit_notice(s, &(struct notice){.id = NOTICE_TRUNCATED_COMMAND, .a = l->length}, &l->first, SPAN_ABSENT);
}
