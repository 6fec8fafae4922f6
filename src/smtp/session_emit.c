/*
 * session_emit.c - facts become events. Everything shown was made fit to be shown where it was recognised (law L8).
 */
#include "session_internal.h"

#include <inttypes.h>
#include <stdio.h>

static const struct span category_network[] = {SPAN_INIT("network")};
static const struct span category_email[] = {SPAN_INIT("network"), SPAN_INIT("email")};
static const struct span category_auth[] = {SPAN_INIT("network"), SPAN_INIT("authentication")};
static const struct span type_protocol[] = {SPAN_INIT("protocol"), SPAN_INIT("info")};
static const struct span type_connection[] = {SPAN_INIT("connection"), SPAN_INIT("end")};
static const struct span type_info[] = {SPAN_INIT("info")};

struct dataset_kind {
	const char *dataset;
	struct event_list category, type;
};

static const struct dataset_kind kinds[DATASETS] = {
    [DS_SESSION] = {"smtpscope.session", {category_network, 1}, {type_connection, 2}},
    [DS_COMMAND] = {"smtpscope.command", {category_network, 1}, {type_protocol, 2}},
    [DS_AUTH] = {"smtpscope.auth", {category_auth, 2}, {type_info, 1}},
    [DS_MESSAGE] = {"smtpscope.message", {category_email, 2}, {type_info, 1}},
    [DS_FINDING] = {"smtpscope.finding", {category_network, 1}, {type_protocol, 2}},
};

void event_of_session(struct event *ev, struct session_record *r)
{
	ev->source_ip = r->client;
	ev->source_port = r->client.port;
	ev->destination_ip = r->server;
	ev->destination_port = r->server.port;
	ev->transport = SPAN("tcp");
	ev->net_type = r->client.family == 6 ? SPAN("ipv6") : SPAN("ipv4");
	ev->protocol = r->lmtp ? SPAN("lmtp") : SPAN("smtp");
	ev->session_id = span_str(r->id);
	if (r->community_id[0])
		ev->community_id = span_str(r->community_id);
	ev->record = r;
}

void event_common(struct session *s, struct event *ev, enum dataset set, int64_t ts)
{
	event_init(ev, set);
	ev->ts = ts;
	ev->kind = SPAN("event");
	ev->category = kinds[set].category;
	ev->type = kinds[set].type;
	ev->dataset = span_str(kinds[set].dataset);
	ev->outcome = SPAN("unknown");
	event_of_session(ev, &s->record);
	if (s->vlan[0])
		ev->vlan_id = span_str(s->vlan);
}

void event_reply(struct event *ev, const struct reply *r)
{
	if (r->code >= 0)
		ev->reply_code = (uint64_t)r->code;
	ev->reply_enhanced = r->enhanced;
	ev->reply_text = (struct event_list){r->text, r->kept};
	ev->reply_lines = r->lines;
	if (r->text_cut)
		ev->truncated = EV_TRUE;
}

static struct span outcome_of(const struct reply *r)
{
	if (!r || r->code < 200 || r->code > 599)
		return SPAN("unknown");
	return r->code < 400 ? SPAN("success") : SPAN("failure");
}

bool near_gap(const struct pending *p)
{
	uint64_t doubt = SIT(REPLY_LOST) | SIT(AFTER_GAP);

	return p->x.situation & doubt || p->kind == PENDING_LOST || p->kind == PENDING_DOT || (p->body && p->body->lost);
}

static void put_exchange(struct event *ev, struct pending *p, const struct reply *r)
{
	p->x.code = r ? (r->code >= 0 ? r->code : -1) : 0;
	p->x.enhanced = r ? r->enhanced : SPAN_ABSENT;
	p->x.text = r ? r->text : NULL;
	p->x.text_count = r ? r->kept : 0;
	ev->exchange = &p->x;
}

static void put_command(struct event *ev, const struct pending *p)
{
	ev->verb = p->x.verb_text;
	ev->argument = p->x.argument;
	ev->command_length = p->x.length;
	ev->pipelined = ev_bool((p->x.situation & SIT(IN_FLIGHT)) != 0);
	ev->line_ending = span_str(line_end_name(p->line_end));
	if (p->x.length > LINE_KEPT)
		ev->truncated = EV_TRUE;
}

static struct span action_of(const struct pending *p, char *buf, size_t cap)
{
	struct span verb = p->x.verb_text;
	size_t n = 0;

	if (p->kind == PENDING_GREETING)
		return SPAN("greeting");
	if (p->kind != PENDING_COMMAND)
		return SPAN("lost-command");
	for (; n < verb.n && n < cap; n++)
		buf[n] = (char)(verb.p[n] >= 'A' && verb.p[n] <= 'Z' ? verb.p[n] + 32 : verb.p[n]);
	return span_of(buf, n);
}

void emit_command(struct session *s, struct pending *p, const struct reply *r)
{
	struct event ev;
	char action[64], number[12];
	bool greeting = p->kind == PENDING_GREETING;

	if (p->emitted)
		return;
	p->emitted = true;
	event_common(s, &ev, DS_COMMAND, greeting && r ? r->first_ts : p->kind == PENDING_COMMAND ? p->line_ts : p->last.ts);
	ev.action = action_of(p, action, sizeof action);
	ev.outcome = outcome_of(r);
	if (p->kind == PENDING_COMMAND)
		put_command(&ev, p);
	if (r)
		event_reply(&ev, r);
	ev.reply_codes = (struct event_codes){p->codes, p->code_count};
	ev.reply_ts = p->last_ts == EV_NO_TIME ? 0 : p->last_ts;
	if (!greeting && p->reply_ts != EV_NO_TIME && p->reply_ts >= p->line_ts && p->kind == PENDING_COMMAND)
		ev.duration = (uint64_t)(p->reply_ts - p->line_ts);
	if (p->flags & VERB_IS_HELLO && p->x.verb != VERB_HELO && r && r->code / 100 == 2)
		ev.extensions = ehlo_extensions(s);
	if (s->mail.open && !greeting)
		ev.transaction_id = span_of(number, (size_t)snprintf(number, sizeof number, "%" PRIu32, s->mail.number));
	if (near_gap(p) || (s->releasing && s->gaps && s->lost_replies))
		ev.confidence = SPAN("low");
	ev.packet_first = greeting && r ? r->frame : p->first.frame;
	ev.packet_last = p->last_frame ? p->last_frame : p->last.frame;
	put_exchange(&ev, p, r);
	s->emit(s->ctx, &ev);
}

void emit_orphan(struct session *s, enum exchange_kind kind, const struct reply *r)
{
	struct exchange x = {.kind = kind, .code = r->code, .enhanced = r->enhanced, .text = r->text, .text_count = r->kept};
	uint16_t code = (uint16_t)r->code; /* looked at when there is one */
	struct event ev;

	x.reply_defects = r->defects;
	x.declared_size = x.size_limit = x.announced = EV_NONE;
	x.situation = kind == EXCHANGE_LOST ? SIT(AFTER_GAP) : s->proxy && !s->sync_end ? SIT(PROXY) : 0;
	if (r->code >= 400 && !s->record.first_error_code)
		s->record.first_error_code = code;
	event_common(s, &ev, DS_COMMAND, r->first_ts);
	ev.action = kind == EXCHANGE_LOST ? SPAN("lost-command") : SPAN("unsolicited-reply");
	ev.outcome = outcome_of(r);
	event_reply(&ev, r);
	ev.reply_codes = (struct event_codes){&code, r->code >= 0};
	if (kind == EXCHANGE_LOST)
		ev.confidence = SPAN("low");
	ev.packet_first = ev.packet_last = r->frame;
	ev.exchange = &x;
	s->emit(s->ctx, &ev);
}

/* at: where in the stream it was seen; NULL: now. evidence never holds a secret: the callers see to it. */
void emit_notice(struct session *s, struct notice *n, const struct origin *at, struct span evidence)
{
	struct event ev;

	event_common(s, &ev, DS_FINDING, at && at->frame ? at->ts : s->last_ts);
	ev.notice = n;
	ev.finding_evidence = evidence;
	if (at)
		ev.finding_offset = at->off;
	ev.packet_first = ev.packet_last = at && at->frame ? at->frame : s->last_frame;
	s->emit(s->ctx, &ev);
}

/* ---- the session event ---- */

static const char *close_name(const struct session *s, enum tcp_close why)
{
	switch (why) {
	case TCP_CLOSE_FIN:
	case TCP_CLOSE_REUSED:
		return s->quit && why == TCP_CLOSE_FIN ? "quit-fin" : "fin";
	case TCP_CLOSE_RST:
		return s->quit && s->ended[client_dir(s)] ? "quit-fin" : "rst";
	case TCP_CLOSE_TIMEOUT:
		return "timeout";
	case TCP_CLOSE_EVICTED:
		return "evicted";
	case TCP_CLOSE_EOF:
		break;
	}
	return "eof";
}

static const char *state_name(const struct session *s)
{
	static const char *const modes[MODES] = {
	    [MODE_AUTH] = "auth", [MODE_DATA] = "data", [MODE_BDAT] = "bdat", [MODE_TLS] = "tls"};

	return modes[s->mode_before] ? modes[s->mode_before] : phase_name(s->phase);
}

static const char *role_name(const struct session *s)
{
	if (s->record.lmtp)
		return "lmtp";
	return s->server_port == 587 || s->server_port == 465 ? "submission" : "relay";
}

static void put_counters(const struct session *s, struct event *ev)
{
	ev->session_gaps = s->gaps;
	ev->session_gap_bytes = s->gap_bytes;
	ev->session_commands = s->commands;
	ev->session_transactions = s->transactions;
	ev->session_messages_accepted = s->accepted;
	ev->session_auth_attempts = s->auth_attempts;
	ev->replies_2xx = s->by_class[0];
	ev->replies_3xx = s->by_class[1];
	ev->replies_4xx = s->by_class[2];
	ev->replies_5xx = s->by_class[3];
	if (s->record.first_error_code)
		ev->first_error_code = s->record.first_error_code;
}

static void put_flow(const struct session *s, struct event *ev)
{
	enum dir c = client_dir(s), v = dir_other(c);

	ev->source_bytes = s->flow->bytes[c];
	ev->source_packets = s->flow->packets[c];
	ev->destination_bytes = s->flow->bytes[v];
	ev->destination_packets = s->flow->packets[v];
	ev->session_midstream = ev_bool(!s->syn_seen);
	ev->session_one_sided = ev_bool(s->flow->packets[0] == 0 || s->flow->packets[1] == 0);
	ev->start = s->flow->first_ts;
	ev->end = s->last_ts > s->flow->last_ts ? s->last_ts : s->flow->last_ts;
	ev->duration = ev->end > ev->start ? (uint64_t)(ev->end - ev->start) : 0;
	ev->packet_first = s->flow->first_frame;
	ev->packet_last = s->flow->last_frame > s->last_frame ? s->flow->last_frame : s->last_frame;
}

void emit_session(struct session *s, enum tcp_close why, int64_t ts)
{
	struct event ev;
	struct tls_shown shown;

	event_common(s, &ev, DS_SESSION, ts);
	ev.action = SPAN("session");
	put_flow(s, &ev);
	put_counters(s, &ev);
	ev.ts = ev.end;
	ev.session_role = span_str(role_name(s));
	ev.session_state = span_str(state_name(s));
	ev.session_close = span_str(close_name(s, why));
	if (s->reversed)
		ev.session_reversed = EV_TRUE;
	ev.helo = s->helo;
	ev.banner = s->banner ? s->banner->lines[0] : SPAN_ABSENT;
	ev.extensions = ehlo_extensions(s);
	ev.client_address = s->client_address;
	tls_show(s, why, &ev, &shown);
	ev.user_name = s->user;
	ev.outcome = s->by_class[3] || s->by_class[2] ? SPAN("failure") : s->by_class[0] ? SPAN("success") : SPAN("unknown");
	if (s->gaps)
		ev.confidence = SPAN("low");
	s->emit(s->ctx, &ev);
}
