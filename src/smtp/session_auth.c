/*
 * session_auth.c - the AUTH command in the dialogue: which client lines are responses, and the auth event.
 *
 * A response is what the client sends between a 334 and the next reply; nothing of it goes anywhere but to smtp/auth.
 */
#include "session_internal.h"

enum { OFFERED_KEPT = 32 }; /* mechanisms named in the event; servers offer under 12 */

void session_auth_begin(struct session *s, struct pending *p, const struct command *c)
{
	s->auth_attempts += !p->tentative;
	auth_start(&s->auth, s->pool, c->mechanism.p ? c->mechanism : SPAN(""), c->initial_response);
	s->auth_pending = p;
	if (!p->tentative)
		s->blocker = p;
}

static void mark_secret(struct session *s, const struct line *l)
{
	if (!s->secret_hi)
		s->secret_lo = l->first.off;
	s->secret_hi = l->first.off + l->length;
}

void session_auth_line(struct session *s, const struct line *l)
{
	struct pending *p = s->auth_pending;

	mark_secret(s, l);
	if (!p) /* the AUTH command is not in the capture */
		return;
	if (s->reply_end && l->first.peer_seen < s->reply_end && !s->auth.lost && !s->auth.pipelined) {
		s->auth.pipelined = true;
		emit_notice(s, &(struct notice){.id = NOTICE_AUTH_PIPELINED}, &l->first, SPAN_ABSENT);
	}
	auth_response(&s->auth, l->text, l->length, l->length < LINE_KEPT_AUTH);
	p->last = l->last;
	p->x.auth_result_cancelled = s->auth.cancelled;
	if (s->auth.bad_base64)
		p->x.defects |= DEFECT(BAD_BASE64);
	s->blocker = p;
}

static uint32_t offered(const struct session *s, struct span *list)
{
	struct span rest = s->mechanisms;
	uint32_t n = 0;

	while (rest.p && n < OFFERED_KEPT) {
		struct span word = span_split(&rest, ' ');

		if (word.n)
			list[n++] = word;
	}
	return n;
}

static struct span outcome_of(enum auth_result result)
{
	switch (result) {
	case AUTH_SUCCESS:
		return SPAN("success");
	case AUTH_FAILURE:
	case AUTH_REJECTED:
	case AUTH_CANCELLED:
		return SPAN("failure");
	case AUTH_UNKNOWN:
	case AUTH_ABANDONED:
		break;
	}
	return SPAN("unknown");
}

static void put_identity(struct event *ev, const struct auth *a)
{
	ev->mechanism = a->mechanism;
	ev->initial_response = ev_bool(a->initial_response);
	ev->auth_steps = a->steps;
	ev->challenges = (struct event_list){a->challenges, a->challenge_count};
	ev->user_name = a->user.n ? a->user : SPAN_ABSENT;
	ev->user_domain = a->domain;
	ev->workstation = a->workstation;
	ev->authzid = a->authzid;
	if (a->steps > a->challenge_count)
		ev->truncated = EV_TRUE;
}

static void emit_auth(struct session *s, struct pending *p, const struct reply *r, enum auth_result result)
{
	struct span list[OFFERED_KEPT];
	struct event ev;
	int code = r ? r->code : 0;

	event_common(s, &ev, DS_AUTH, p->first.ts);
	put_identity(&ev, &s->auth);
	ev.action = SPAN("auth");
	ev.auth_offered = (struct event_list){list, offered(s, list)};
	ev.auth_encrypted = ev_bool(s->tls);
	ev.auth_result = span_str(auth_result_name(result));
	ev.auth_cause = auth_cause(&s->auth, result, code, r ? r->enhanced : SPAN_ABSENT);
	ev.outcome = outcome_of(result);
	if (r)
		event_reply(&ev, r);
	ev.reply_codes = (struct event_codes){p->codes, p->code_count};
	ev.start = p->first.ts;
	ev.end = r ? r->last_ts : s->last_ts;
	ev.duration = ev.end > ev.start ? (uint64_t)(ev.end - ev.start) : 0;
	if (s->auth.lost || near_gap(s, p))
		ev.confidence = SPAN("low");
	ev.packet_first = p->first.frame;
	ev.packet_last = p->last_frame ? p->last_frame : p->last.frame;
	s->emit(s->ctx, &ev);
}

void session_auth_end(struct session *s, struct pending *p, const struct reply *r)
{
	enum { LINE_ENOUGH = 12288 }; /* RFC 4954 4 */
	bool closed = (p->x.situation & SIT(CLOSED_UNANSWERED)) != 0;
	enum auth_result result;

	if (s->auth_pending != p || p->tentative)
		return;
	result = auth_end(&s->auth, r ? r->code : 0, r ? r->enhanced : SPAN_ABSENT, closed);
	emit_auth(s, p, r, result);
	if (s->auth.longest > LINE_ENOUGH)
		emit_notice(s, &(struct notice){.id = NOTICE_AUTH_LINE_TOO_LONG, .a = s->auth.longest, .b = LINE_ENOUGH}, &p->first,
			    SPAN_ABSENT);
	if (!s->tls && s->auth.responses && !s->tls_expected)
		emit_notice(s, &(struct notice){.id = NOTICE_CLEARTEXT_AUTH, .a = s->starttls_refused || s->starttls_stripped,
						.text = s->auth.mechanism}, &p->first, SPAN_ABSENT);
	if (result == AUTH_SUCCESS && s->auth.user.n) {
		pool_drop(s->pool, &s->user);
		s->user = pool_copy(s->pool, s->auth.user);
	}
	if (s->mode == MODE_AUTH)
		set_mode(s, MODE_COMMAND);
	if (result == AUTH_SUCCESS && s->auth.security_layer) {
		s->opaque[0] = s->opaque[1] = true;
		set_mode(s, MODE_TLS);
	}
	s->auth_pending = NULL;
	auth_clear(&s->auth);
}
