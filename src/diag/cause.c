/*
 * cause.c - why did it fail? Runs the rules over each exchange, folds what follows from one root, numbers the events. See cause.h.
 *
 * All rules that match are collected in their order; the first with the highest confidence is the cause, the others are notes.
 * A refusal that no rule explains is policy, or the server's own fault. Lines of a message that are read as commands, and
 * credentials sent after a refused AUTH, are counted and told once, behind the last of them, under their root.
 */
#include "smtpscope/cause.h"

#include "cause_rules.h"
#include "finding.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FINDINGS = 12 };

/* What a run of follow-on errors comes from. */
enum run { RUN_NONE, RUN_REJECTED_DATA, RUN_EARLY_DATA, RUN_BDAT, RUN_EARLY_DOT, RUN_AUTH, RUN_FOREIGN };

/* State of one session: the run under way, and which notes were given. */
struct diag_state {
	enum run run;
	uint32_t count;
	int64_t ts;
	uint64_t frame, offset;
	uint16_t code;
	char verb[64];
	uint32_t verb_length;
	bool foreign; /* another protocol was named: its further lines are no news */
	uint8_t said[(FINDINGS + 7) / 8];
};

void cause_init(struct cause *c, struct pool *pool, emit_fn *next, void *next_ctx)
{
	*c = (struct cause){.pool = pool, .next = {next, next_ctx}};
}

static struct diag_state *state_of(struct cause *c, struct session_record *r)
{
	if (!r->diag)
		r->diag = pool_get(c->pool, sizeof(struct diag_state));
	return r->diag;
}

/* ---- runs of follow-on errors ---- */

static enum finding run_finding(enum run run)
{
	static const enum finding roots[] = {
	    [RUN_REJECTED_DATA] = FINDING_data_after_rejected_data,
	    [RUN_EARLY_DATA] = FINDING_data_before_354,
	    [RUN_BDAT] = FINDING_bdat_undersize,
	    [RUN_EARLY_DOT] = FINDING_early_dot,
	    [RUN_AUTH] = FINDING_auth_response_as_command,
	};

	return roots[run];
}

static void emit_run(struct cause *c, const struct event *about, const struct diag_state *d, enum finding f, enum severity severity)
{
	struct finding_facts facts = {.count = d->count, .verb = span_of(d->verb, d->verb_length)};
	struct event ev;
	uint16_t code = d->code;

	event_init(&ev, DS_FINDING);
	ev.ts = d->ts;
	ev.record = about->record;
	ev.source_ip = about->source_ip;
	ev.source_port = about->source_port;
	ev.destination_ip = about->destination_ip;
	ev.destination_port = about->destination_port;
	ev.transport = about->transport;
	ev.net_type = about->net_type;
	ev.protocol = about->protocol;
	ev.community_id = about->community_id;
	ev.session_id = about->session_id;
	ev.packet_first = ev.packet_last = d->frame;
	ev.verb = facts.verb;
	if (code) {
		ev.reply_code = code;
		ev.reply_codes = (struct event_codes){&code, 1};
	}
	ev.finding_offset = d->offset;
	ev.finding_count = d->count;
	if (f == FINDING_message_text_as_command)
		facts.suggestion = span_str(finding_info(run_finding(d->run))->id);
	finding_emit(&c->next, &ev, finding_info(f), severity, CONFIDENCE_HIGH, &facts);
}

/* Tells of the run that is over: its root with the count, and for message text what the lines were. */
static void end_run(struct cause *c, const struct event *about, struct diag_state *d)
{
	enum run run = d->run;

	if (run != RUN_NONE && run != RUN_FOREIGN) {
		emit_run(c, about, d, run_finding(run), SEVERITY_ERROR);
		if (run != RUN_AUTH)
			emit_run(c, about, d, FINDING_message_text_as_command, SEVERITY_NOTE);
	}
	d->run = RUN_NONE;
	d->count = 0;
}

/* Which run this exchange belongs to: a line that is no command, in a place where no command is expected. */
static enum run run_of(const struct diag_state *d, const struct exchange *x)
{
	bool failed = x->code >= 400 || x->code == 0;
	bool junk = x->verb == VERB_UNKNOWN || x->defects & DEFECT(MESSAGE_TEXT);

	if (x->kind != EXCHANGE_COMMAND || !failed)
		return RUN_NONE;
	if (d->foreign)
		return RUN_FOREIGN;
	if (!junk)
		return RUN_NONE;
	if (x->situation & SIT(AUTH_REFUSED) && (x->defects & DEFECT(LONE_TOKEN) || span_eq(x->verb_text, SPAN("********"))))
		return RUN_AUTH;
	if (x->situation & SIT(DATA_REFUSED) && d->run != RUN_NONE && d->run <= RUN_EARLY_DATA)
		return d->run;
	if (x->situation & SIT(DATA_REFUSED))
		return x->situation & SIT(IN_FLIGHT) ? RUN_EARLY_DATA : RUN_REJECTED_DATA;
	if (x->situation & SIT(AFTER_BDAT))
		return RUN_BDAT;
	if (x->situation & SIT(AFTER_MESSAGE) && !(x->defects & DEFECT(TYPO)))
		return RUN_EARLY_DOT;
	return RUN_NONE;
}

/* True when the exchange is one more of a run and needs no finding of its own. */
static bool in_run(struct cause *c, const struct event *ev, struct diag_state *d)
{
	const struct exchange *x = ev->exchange;
	enum run run = run_of(d, x);

	if (run != d->run)
		end_run(c, ev, d);
	if (run == RUN_NONE)
		return false;
	if (d->run == RUN_NONE) {
		d->run = run;
		d->ts = ev->ts;
		d->frame = ev->packet_first;
		d->offset = x->offset;
		d->code = (uint16_t)(x->code > 0 ? x->code : 0);
		d->verb_length = (uint32_t)span_append(d->verb, 0, sizeof d->verb, x->verb_text);
	}
	d->count++;
	return true;
}

/* ---- one exchange ---- */

struct match {
	const struct finding_info *info;
	enum finding finding;
	enum confidence confidence;
	uint8_t explains; /* it can be why this was refused: 1; 2 when the code says the same */
};

static bool is_refused(const struct exchange *x)
{
	return x->code >= 400 || (x->code == 0 && x->situation & SIT(CLOSED_UNANSWERED));
}

static enum confidence confidence_of(const struct exchange *x, enum finding f)
{
	enum confidence c = finding_info(f)->confidence;

	if (f == FINDING_unknown_verb_typo && x->typo_distance > 1)
		c = CONFIDENCE_MEDIUM;
	if (text_supports(x, f))
		c = CONFIDENCE_HIGH;
	if (x->situation & SIT(AFTER_GAP) && c > CONFIDENCE_LOW)
		c--;
	return c;
}

/* 503 is the one code that says which group the cause is in. How a refusal is written is not why it came. */
static uint8_t explains(enum finding f, const struct exchange *x)
{
	if (!rule_explains(f, x) || (is_refused(x) && finding_info(f)->group == GROUP_REPLY))
		return 0;
	return x->code == 503 && finding_info(f)->group == GROUP_SEQUENCE ? 2 : 1;
}

static unsigned collect(const struct exchange *x, struct match m[MOST_FINDINGS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < cause_rule_count && n < MOST_FINDINGS; i++) {
		enum finding f = cause_rules[i].finding;
		bool twice = false;

		if (!rule_matches(&cause_rules[i], x))
			continue;
		for (unsigned k = 0; k < n; k++)
			twice |= m[k].finding == f;
		if (!twice)
			m[n++] = (struct match){finding_info(f), f, confidence_of(x, f), explains(f, x)};
	}
	return n;
}

/* No rule explains the refusal: the server's policy, or its fault. */
static bool explain_refusal(const struct exchange *x, struct match *m)
{
	const struct verb_info *verb = verb_info(x->verb);
	struct span subject = span_from(x->enhanced, 2);
	bool policy = span_starts(subject, SPAN("7.")) || span_starts(subject, SPAN("1.")) || (x->code >= 550 && x->code <= 559);
	enum finding f = policy ? FINDING_policy_rejection : FINDING_server_rejects_valid_command;

	if (x->kind != EXCHANGE_COMMAND || x->code < 500 || x->verb == VERB_UNKNOWN || verb->flags & (VERB_IS_AUTH | VERB_IS_HELLO))
		return false;
	if (!policy && x->code != 500 && x->code != 502)
		return false; /* 503 behind an earlier failure of the group, 521, 554 ...: the earlier reply tells */
	if (!policy && verb->flags & (VERB_EXTENSION | VERB_PRIVATE | VERB_OBSOLETE))
		return false;
	if (x->situation & SIT(RCPT_ALL_REFUSED) && (x->verb == VERB_DATA || x->verb == VERB_BDAT || x->verb == VERB_BURL))
		return false;
	*m = (struct match){finding_info(f), f, finding_info(f)->confidence, 1};
	return true;
}

/* Form and waiting are habits of a client: a tolerated one is told once a session. */
static bool said_before(struct diag_state *d, const struct match *m, enum severity severity)
{
	unsigned f = m->finding;
	bool habit = m->info->group == GROUP_LINE || m->info->group == GROUP_PIPELINING || m->info->group == GROUP_REPLY;
	bool before;

	if (!d || !habit || severity >= SEVERITY_ERROR)
		return false;
	before = d->said[f / 8] >> f % 8 & 1;
	d->said[f / 8] |= (uint8_t)(1 << f % 8);
	return before;
}

static struct span suggestion_of(const struct exchange *x, enum finding f)
{
	if (f != FINDING_unknown_verb_typo && f != FINDING_verb_alias && f != FINDING_verb_glued)
		return SPAN_ABSENT;
	return x->meant != VERB_UNKNOWN ? span_str(verb_info(x->meant)->name) : SPAN_ABSENT;
}

static struct span evidence_of(const struct exchange *x, enum finding f, char *buf, size_t cap)
{
	if (f == FINDING_size_exceeds_limit)
		return span_of(buf, (size_t)snprintf(buf, cap, "declared %" PRIu64 ", limit %" PRIu64, x->declared_size, x->size_limit));
	if (f == FINDING_command_line_too_long || f == FINDING_auth_line_too_long)
		return span_of(buf, (size_t)snprintf(buf, cap, "length %" PRIu64 ", limit %" PRIu64, x->length, x->limit));
	return finding_info(f)->group == GROUP_ARGUMENT ? x->bad : SPAN_ABSENT;
}

static enum severity severity_of(const struct exchange *x, const struct match *m, bool cause)
{
	enum severity s = is_refused(x) ? m->info->severity : m->info->tolerated;

	if (m->finding == FINDING_unsolicited_reply)
		s = x->code == 421 ? SEVERITY_NOTE : SEVERITY_WARNING;
	if (m->finding == FINDING_command_line_too_long && x->code < 400)
		s = SEVERITY_NOTE;
	if ((!cause || !m->explains) && s != SEVERITY_ALERT && m->info->group != GROUP_REPLY)
		s = SEVERITY_NOTE;
	return s;
}

static void emit_match(struct cause *c, const struct event *about, struct diag_state *d, const struct match *m, bool cause)
{
	const struct exchange *x = about->exchange;
	enum severity severity = severity_of(x, m, cause);
	struct finding_facts facts = {.x = x, .verb = x->verb_text, .length = x->length, .limit = x->limit, .count = 1};
	struct event ev;
	char evidence[64];

	if (said_before(d, m, severity))
		return;
	ev = *about;
	facts.suggestion = suggestion_of(x, m->finding);
	ev.finding_evidence = evidence_of(x, m->finding, evidence, sizeof evidence);
	if (x->kind == EXCHANGE_COMMAND)
		ev.finding_offset = x->offset;
	finding_emit(&c->next, &ev, m->info, severity, m->confidence, &facts);
}

/* Codes and words that name their own cause, whatever else is wrong with the line. */
static bool is_decisive(enum finding f)
{
	return f == FINDING_starttls_required || f == FINDING_auth_required || f == FINDING_auth_needs_tls ||
	       f == FINDING_too_many_errors;
}

static unsigned best(const struct match *m, unsigned n)
{
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++) {
		if (is_decisive(m[i].finding))
			return i;
		if (m[i].explains > m[at].explains || (m[i].explains == m[at].explains && m[i].confidence > m[at].confidence))
			at = i;
	}
	return at;
}

static bool names_protocol(enum finding f)
{
	return f == FINDING_http_on_smtp || f == FINDING_ssh_on_smtp || f == FINDING_other_protocol_on_smtp ||
	       f == FINDING_tls_on_cleartext_port;
}

/* What the server put up with earlier in the session is not why it refuses now; its own reply explains nothing. */
static bool is_explained(const struct diag_state *d, struct match *m, unsigned n)
{
	bool explained = false;

	for (unsigned i = 0; i < n; i++) {
		unsigned f = m[i].finding;

		if (d && d->said[f / 8] >> f % 8 & 1)
			m[i].explains = 0;
		explained |= m[i].explains && m[i].info->group != GROUP_REPLY && m[i].info->group != GROUP_SECURITY;
	}
	return explained;
}

/* Explains one command; the findings stand behind its event, the cause first. */
static void judge(struct cause *c, const struct event *about, struct diag_state *d)
{
	struct match m[MOST_FINDINGS];
	unsigned n = collect(about->exchange, m), cause;

	if (is_refused(about->exchange) && n < MOST_FINDINGS && !is_explained(d, m, n))
		n += explain_refusal(about->exchange, &m[n]);
	if (n == 0)
		return;
	cause = best(m, n);
	emit_match(c, about, d, &m[cause], true);
	for (unsigned i = 0; i < n; i++)
		if (i != cause)
			emit_match(c, about, d, &m[i], false);
	for (unsigned i = 0; d && i < n; i++)
		d->foreign |= names_protocol(m[i].finding);
}

static void on_command(struct cause *c, struct event *ev)
{
	struct diag_state *d = state_of(c, ev->record);

	if (d && in_run(c, ev, d)) {
		event_pass(&c->next, ev);
		return;
	}
	event_pass(&c->next, ev);
	judge(c, ev, d);
}

/* ---- notices ---- */

static bool is_loopback(const struct endpoint *e)
{
	static const uint8_t one[16] = {[15] = 1};

	return e->family == 6 ? memcmp(e->addr, one, 16) == 0 : e->addr[0] == 127;
}

/* Whoever reads the wire has the password or token of these; of the others something to work on. */
static enum severity cleartext_severity(const struct event *ev)
{
	static const struct span bearer[] = {SPAN_INIT("PLAIN"), SPAN_INIT("LOGIN"), SPAN_INIT("XOAUTH2"), SPAN_INIT("OAUTHBEARER")};

	if (is_loopback(&ev->source_ip) && is_loopback(&ev->destination_ip))
		return SEVERITY_NOTE;
	if (ev->notice->situation & SIT(AFTER_STARTTLS)) /* TLS was agreed: a tap may have decrypted it */
		return SEVERITY_NOTE;
	for (size_t i = 0; i < sizeof bearer / sizeof *bearer; i++)
		if (span_ieq(ev->notice->text, bearer[i]))
			return SEVERITY_ALERT;
	return ev->notice->a ? SEVERITY_ALERT : SEVERITY_WARNING;
}

static enum severity notice_severity(const struct event *ev, const struct finding_info *info)
{
	const struct notice *n = ev->notice;

	if (n->id == NOTICE_CLEARTEXT_AUTH)
		return cleartext_severity(ev);
	if (n->id == NOTICE_CONFLICT)
		return span_eq(n->text, SPAN("command")) ? SEVERITY_ALERT : SEVERITY_WARNING;
	if (n->id == NOTICE_DATA_LINE_TOO_LONG)
		return SEVERITY_NOTE;
	return info->tolerated > SEVERITY_NOTE ? info->tolerated : info->severity > SEVERITY_WARNING ? info->severity : info->tolerated;
}

/* The numbers and words of the notice, where smtp gave no evidence of its own. */
static struct span notice_evidence(const struct notice *n, struct span given, char *buf, size_t cap)
{
	int length = 0;

	if (n->id == NOTICE_SMUGGLING_ATTEMPT || n->id == NOTICE_SMUGGLING_CONFIRMED)
		length = snprintf(buf, cap, "%s: %.*s then %.*s", n->id == NOTICE_SMUGGLING_CONFIRMED ? "confirmed" : "attempt", (int)given.n,
				  (const char *)given.p, (int)n->text.n, (const char *)n->text.p);
	else if (given.p)
		return given;
	else if (n->id == NOTICE_CLEARTEXT_AUTH)
		length = snprintf(buf, cap, "%.*s; STARTTLS was %s", (int)n->text.n, (const char *)n->text.p,
				  n->a ? "refused or stripped" : n->situation & SIT(ADVERTISED) ? "offered" : "not offered");
	else if (n->b)
		length = snprintf(buf, cap, "%" PRIu64 ", expected %" PRIu64, n->a, n->b);
	else if (n->id == NOTICE_STREAM_GAP)
		length = snprintf(buf, cap, "%" PRIu64 " octets of the %.*s", n->a, (int)n->text.n, (const char *)n->text.p);
	else if (n->text.n)
		length = snprintf(buf, cap, "%.*s", (int)n->text.n, (const char *)n->text.p);
	return length > 0 ? span_of(buf, (size_t)length < cap ? (size_t)length : cap - 1) : SPAN_ABSENT;
}

/* What only the numbers or the form of a stream suggest is less than what an alert or a line says. */
static enum confidence notice_confidence(const struct notice *n, const struct finding_info *info)
{
	if (n->id == NOTICE_CLEARTEXT_AUTH && n->situation & SIT(AFTER_STARTTLS))
		return CONFIDENCE_LOW; /* a tap may have decrypted it */
	if (n->id == NOTICE_HANDSHAKE_FAILED && n->a >= HANDSHAKE_HIDDEN_ALERT)
		return CONFIDENCE_MEDIUM;
	return info->confidence;
}

static void on_notice(struct cause *c, struct event *ev)
{
	const struct notice *n = ev->notice;
	enum finding f = notice_finding(n->id);
	const struct finding_info *info = finding_info(f);
	struct finding_facts facts = {.length = n->a, .limit = n->b ? n->b : n->a, .count = 1};
	struct diag_state *d = state_of(c, ev->record);
	char evidence[128], detail[HANDSHAKE_TEXT];

	if (d && f != FINDING_stream_gap)
		end_run(c, ev, d);
	if (d)
		d->foreign |= names_protocol(f);
	ev->finding_evidence = notice_evidence(n, ev->finding_evidence, evidence, sizeof evidence);
	if (n->id == NOTICE_SMUGGLING_ATTEMPT || n->id == NOTICE_SMUGGLING_CONFIRMED || n->id == NOTICE_COMMAND_INJECTION)
		facts.suggestion = SPAN_ABSENT;
	if (n->id == NOTICE_HANDSHAKE_FAILED)
		handshake_explain(n->a, n->text, &facts, detail);
	finding_emit(&c->next, ev, info, notice_severity(ev, info), notice_confidence(n, info), &facts);
	if (n->id == NOTICE_COMMAND_INJECTION)
		finding_emit(&c->next, ev, finding_info(FINDING_command_after_starttls), SEVERITY_NOTE, CONFIDENCE_HIGH, &facts);
}

/* ---- the session's end ---- */

static void on_session(struct cause *c, struct event *ev)
{
	struct session_record *r = ev->record;

	if (r->diag) {
		end_run(c, ev, r->diag);
		pool_put(c->pool, r->diag, sizeof(struct diag_state));
		r->diag = NULL;
	}
	ev->session_findings = r->findings;
	ev->first_error_finding = span_str(r->first_error_finding);
	event_pass(&c->next, ev);
}

void cause_emit(void *ctx, struct event *ev)
{
	struct cause *c = ctx;

	if (!ev->record)
		event_pass(&c->next, ev);
	else if (ev->set == DS_COMMAND && ev->exchange)
		on_command(c, ev);
	else if (ev->notice)
		on_notice(c, ev);
	else if (ev->set == DS_SESSION)
		on_session(c, ev);
	else
		event_pass(&c->next, ev);
}
