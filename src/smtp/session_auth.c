/*
 * session_auth.c - the AUTH command in the dialogue: which client lines are responses, and the auth event.
 *
 * A response is what the client sends between a 334 and the next reply; nothing of it goes anywhere but to smtp/auth.
 */
#include "session_internal.h"

#include <stddef.h>

enum { OFFERED_KEPT = 32 }; /* mechanisms named in the event; servers offer under 12 */

void session_auth_begin(struct session *s, struct pending *p, const struct command *c)
{
	s->auth_attempts += !p->tentative;
	auth_start(&s->auth, s->pool, s->config, c->mechanism.p ? c->mechanism : SPAN(""), c->initial_response, p->x.length <= LINE_KEPT);
	s->auth_pending = p;
	if (!p->tentative)
		s->blocker = p;
}

void mark_secret(struct session *s, enum dir dir, uint64_t off, uint64_t length)
{
	if (!s->secret_hi[dir])
		s->secret_lo[dir] = off;
	s->secret_hi[dir] = off + length;
}

void session_auth_line(struct session *s, const struct line *l)
{
	struct pending *p = s->auth_pending;

	mark_secret(s, client_dir(s), l->first.off, l->length);
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

/* cut: there were more. */
static uint32_t offered(const struct session *s, struct span *list, bool *cut)
{
	struct span rest = ehlo_mechanisms(s);
	uint32_t n = 0;

	while (rest.p && n < OFFERED_KEPT) {
		struct span word = span_split(&rest, ' ');

		if (word.n)
			list[n++] = word;
	}
	*cut = rest.p || ehlo_mechanisms_cut(s);
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

/* Which field of the event each fact is. */
static const struct {
	enum auth_fact fact;
	uint16_t member; /* offset of a string in struct event */
} fact_fields[] = {
    {AUTH_AUTHZID, offsetof(struct event, authzid)},
    {AUTH_WORKSTATION, offsetof(struct event, workstation)},
    {AUTH_CHANNEL_BINDING, offsetof(struct event, channel_binding)},
    {AUTH_DIGEST_URI, offsetof(struct event, digest_uri)},
    {AUTH_SERVICE, offsetof(struct event, auth_service)},
    {AUTH_INNER_MECHANISM, offsetof(struct event, inner_mechanism)},
    {AUTH_SECURITY_LAYER, offsetof(struct event, security_layer)},
    {AUTH_NTLM_VERSION, offsetof(struct event, ntlm_version)},
    {AUTH_NTLM_TARGET, offsetof(struct event, ntlm_target)},
    {AUTH_NTLM_NB_COMPUTER, offsetof(struct event, ntlm_nb_computer)},
    {AUTH_NTLM_NB_DOMAIN, offsetof(struct event, ntlm_nb_domain)},
    {AUTH_NTLM_DNS_COMPUTER, offsetof(struct event, ntlm_dns_computer)},
    {AUTH_NTLM_DNS_DOMAIN, offsetof(struct event, ntlm_dns_domain)},
    {AUTH_OAUTH_STATUS, offsetof(struct event, oauth_status)},
    {AUTH_OAUTH_SCOPE, offsetof(struct event, oauth_scope)},
    {AUTH_OAUTH_SCHEMES, offsetof(struct event, oauth_schemes)},
    {AUTH_OAUTH_HOST, offsetof(struct event, oauth_host)},
    {AUTH_OAUTH_PORT, offsetof(struct event, oauth_port)},
    {AUTH_SECRET_HASH, offsetof(struct event, secret_hash)},
    {AUTH_SECRET, offsetof(struct event, secret)},
};

static void put_facts(struct event *ev, const struct auth *a)
{
	for (size_t i = 0; a->facts && i < sizeof fact_fields / sizeof *fact_fields; i++)
		*(struct span *)(void *)((uint8_t *)ev + fact_fields[i].member) = a->facts[fact_fields[i].fact];
}

static void put_identity(struct event *ev, const struct auth *a)
{
	ev->mechanism = a->mechanism;
	ev->initial_response = ev_bool(a->initial_response);
	ev->auth_steps = a->steps;
	ev->challenges = (struct event_list){a->challenges, a->challenge_count};
	ev->user_name = a->user.n ? a->user : SPAN_ABSENT;
	ev->user_domain = a->domain;
	put_facts(ev, a);
	if (a->steps > a->challenge_count)
		ev->truncated = EV_TRUE;
}

static struct auth_ending ending_of(const struct session *s, const struct pending *p, const struct reply *r)
{
	struct auth_ending end = {
	    .closed = (p->x.situation & SIT(CLOSED_UNANSWERED)) != 0,
	    .list_known = s->list_known,
	    .auth_offered = ehlo_mechanisms(s).n > 0,
	    .offered = ehlo_offers(s, s->auth.mechanism),
	    .offered_before = ehlo_offered_before(s, s->auth.mechanism),
	    .starttls_open = s->keywords & EHLO(STARTTLS) && !s->tls,
	    .authenticated = (p->x.situation & SIT(AUTHENTICATED)) != 0,
	    .in_transaction = (p->x.situation & SIT(MAIL_OPEN)) != 0,
	    .greeted = !(p->x.situation & SIT(NO_HELLO)) || p->x.situation & SIT(MIDSTREAM),
	};

	if (r) {
		end.code = r->code;
		end.enhanced = r->enhanced;
		end.text = r->kept ? r->text[0] : SPAN_ABSENT;
	}
	return end;
}

static void emit_auth(struct session *s, struct pending *p, const struct reply *r, const struct auth_ending *end,
		      enum auth_result result)
{
	struct span list[OFFERED_KEPT];
	struct event ev;
	bool cut;

	event_common(s, &ev, DS_AUTH, p->first.ts);
	put_identity(&ev, &s->auth);
	ev.action = SPAN("auth");
	ev.auth_offered = (struct event_list){list, offered(s, list, &cut)};
	if (cut)
		ev.truncated = EV_TRUE;
	ev.auth_encrypted = tls_encrypted(s);
	ev.auth_result = span_str(auth_result_name(result));
	ev.auth_cause = auth_cause(&s->auth, result, end);
	ev.auth_attempt = s->auth_attempts;
	ev.outcome = outcome_of(result);
	if (r)
		event_reply(&ev, r);
	ev.reply_codes = (struct event_codes){p->codes, p->code_count};
	ev.start = p->first.ts;
	ev.end = r ? r->last_ts : s->last_ts;
	ev.duration = ev.end > ev.start ? (uint64_t)(ev.end - ev.start) : 0;
	if (s->auth.lost || near_gap(p))
		ev.confidence = SPAN("low");
	ev.packet_first = p->first.frame;
	ev.packet_last = p->last_frame ? p->last_frame : p->last.frame;
	s->emit(s->ctx, &ev);
}

void session_auth_end(struct session *s, struct pending *p, const struct reply *r)
{
	enum { LINE_ENOUGH = 12288 }; /* RFC 4954 4 */
	struct auth_ending end;
	enum auth_result result;

	if (s->auth_pending != p || p->tentative)
		return;
	s->auth_reply_end = r ? r->end : s->auth_reply_end;
	end = ending_of(s, p, r);
	result = auth_end(&s->auth, &end);
	emit_auth(s, p, r, &end, result);
	if (s->auth.longest > LINE_ENOUGH)
		emit_notice(s, &(struct notice){.id = NOTICE_AUTH_LINE_TOO_LONG, .a = s->auth.longest, .b = LINE_ENOUGH}, &p->first,
			    SPAN_ABSENT);
	if (!s->tls && s->auth.responses && !s->tls_expected)
		emit_notice(s, &(struct notice){.id = NOTICE_CLEARTEXT_AUTH, .a = s->starttls_refused || s->starttls_stripped,
						.text = s->auth.mechanism,
						.situation = (s->back_in_clear ? SIT(AFTER_STARTTLS) : 0) |
							     (s->starttls_offered ? SIT(ADVERTISED) : 0)},
			    &p->first, SPAN_ABSENT);
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
	sent_keep(&s->sent, s->auth.sent);
	auth_clear(&s->auth);
}
