/*
 * cause.c - why did it fail? Runs the rules over each exchange and numbers the events. See cause.h.
 *
 * All rules that match are collected in their order; the first that the reply speaks for, and then the first with the highest confidence,
 * is the cause, the others are notes. A refusal that no rule explains is policy, or the server's own fault. Follow-on errors are folded
 * under their root by cause_run.c; what the reply says by its text is put into one word by category.c.
 */
#include "smtpscope/cause.h"

#include "cause_state.h"

#include <stdio.h>
#include <string.h>

enum { MOST_FINDINGS = 16 };

void cause_init(struct cause *c, struct pool *pool, emit_fn *next, void *next_ctx)
{
	*c = (struct cause){.pool = pool, .next = {next, next_ctx}};
}

/* What is remembered of the session. Most have nothing to remember: then it is blank, and kept only when that changes. */
static struct diag_state *state_of(const struct session_record *r, struct diag_state *blank)
{
	if (r->diag)
		return r->diag;
	memset(blank, 0, sizeof *blank);
	return blank;
}

static bool is_blank(const struct diag_state *d)
{
	unsigned said = 0;

	for (size_t i = 0; i < sizeof d->said; i++)
		said |= d->said[i];
	return d->run == RUN_NONE && !d->mail.code && !d->rcpt.code && !d->announced && !d->foreign && !d->refused && !d->run_is_first &&
	       !d->greeting_refused && !d->http && !d->worn_out && !said;
}

/* Without memory it is forgotten. */
static void state_keep(struct cause *c, struct session_record *r, const struct diag_state *d)
{
	if (r->diag || is_blank(d))
		return;
	r->diag = pool_get(c->pool, sizeof *d);
	if (r->diag)
		memcpy(r->diag, d, sizeof *d);
}

/* ---- one exchange ---- */

struct match {
	const struct finding_info *info;
	enum finding finding;
	enum confidence confidence;
	enum explains explains; /* whether it can be why this was refused */
};

/* All that is asked about one exchange. */
struct verdict {
	const struct event *about;
	const struct exchange *x;
	struct diag_state *d;
	enum category category;
	struct match m[MOST_FINDINGS];
	unsigned n;
	const struct match *cause; /* NULL: nothing was found */
};

static bool is_refused(const struct exchange *x)
{
	return x->code >= 400 || rule_hangs_up(x) || (x->code == 0 && x->situation & SIT(CLOSED_UNANSWERED));
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

static void add(struct verdict *v, enum finding f, enum explains explains)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->m[i].finding == f)
			return;
	if (v->n < MOST_FINDINGS)
		v->m[v->n++] = (struct match){finding_info(f), f, confidence_of(v->x, f), explains};
}

static void collect(struct verdict *v)
{
	for (unsigned i = 0; i < cause_rule_count; i++)
		if (rule_is_near(&cause_rules[i], v->x) && rule_matches(&cause_rules[i], v->x))
			add(v, cause_rules[i].finding, code_explains(cause_rules[i].finding, v->x, v->category));
}

/* Refused on purpose: the codes of protocol facts 5.7, or a text that names the reason. */
static bool is_policy(const struct verdict *v)
{
	struct span subject = span_from(v->x->enhanced, 2);
	int code = v->x->code;

	return span_starts(subject, SPAN("7.")) || span_starts(subject, SPAN("1.")) || v->category != CATEGORY_NONE ||
	       (code >= 550 && code <= 559);
}

/* Every server must have it (RFC 5321 4.5.1); EHLO may fail, the client then takes HELO (3.2). */
static bool is_required(enum verb verb)
{
	const struct verb_info *info = verb_info(verb);

	return verb == VERB_HELO ||
	       !(info->flags & (VERB_EXTENSION | VERB_PRIVATE | VERB_OBSOLETE | VERB_IS_HELLO | VERB_BACK_DOOR) || verb == VERB_HELP ||
		 verb == VERB_WELLKNOWN);
}

/* No rule explains the refusal: the server's policy, or its fault. */
static void explain_refusal(struct verdict *v)
{
	const struct exchange *x = v->x;
	bool sends = x->verb == VERB_DATA || x->verb == VERB_BDAT || x->verb == VERB_BURL;
	bool unsure = x->situation & (SIT(AFTER_GAP) | SIT(MIDSTREAM) | SIT(IN_FLIGHT));

	if (x->kind == EXCHANGE_GREETING && x->code >= 500 && v->category != CATEGORY_NONE && v->category != CATEGORY_POLICY)
		add(v, FINDING_policy_rejection, EXPLAINS_WELL);
	if (x->kind != EXCHANGE_COMMAND || x->code < 500 || x->verb == VERB_UNKNOWN)
		return;
	if (verb_info(x->verb)->flags & VERB_IS_AUTH) {
		if ((x->code == 500 || x->code == 502) && x->situation & SIT(ADVERTISED) && !(x->situation & SIT(NO_EHLO_SEEN)))
			add(v, FINDING_server_rejects_valid_command, EXPLAINS_WELL); /* it offered what it does not know */
		else
			add(v, FINDING_auth_failed, EXPLAINS_WELL); /* the exchange itself says more in smtp.auth.cause */
		return;
	}
	if (sends && x->situation & SIT(RCPT_ALL_REFUSED))
		return; /* the replies to RCPT tell */
	if (is_policy(v))
		add(v, FINDING_policy_rejection, EXPLAINS_WELL);
	else if (is_required(x->verb) && (x->code == 500 || x->code == 502 || (x->code <= 504 && !unsure)))
		add(v, FINDING_server_rejects_valid_command, EXPLAINS_WELL);
}

/* Form and waiting are habits of a client: a tolerated one is told once a session, and so is an answer to a PROXY header. */
static bool said_before(struct diag_state *d, const struct match *m, enum severity severity)
{
	unsigned f = m->finding;
	bool habit = m->info->group == GROUP_LINE || m->info->group == GROUP_PIPELINING || m->info->group == GROUP_REPLY;
	bool once = f == FINDING_proxy_preface_unexpected;
	bool before;

	if (!once && (!habit || severity >= SEVERITY_ERROR))
		return false;
	before = d->said[f / 8] >> f % 8 & 1;
	d->said[f / 8] |= (uint8_t)(1 << f % 8);
	return before;
}

static struct span suggestion_of(const struct exchange *x, enum finding f)
{
	if (f != FINDING_unknown_verb_typo && f != FINDING_verb_alias && f != FINDING_verb_glued)
		return SPAN_ABSENT;
	if (f == FINDING_verb_alias && span_eq(x->verb_text, SPAN("LOGIN")))
		return SPAN("AUTH LOGIN");
	return x->meant != VERB_UNKNOWN ? span_str(verb_info(x->meant)->name) : SPAN_ABSENT;
}

static enum severity severity_of(const struct exchange *x, const struct match *m, bool cause)
{
	enum severity s = is_refused(x) ? m->info->severity : m->info->tolerated;
	bool by_itself = m->info->group == GROUP_REPLY || m->info->group == GROUP_SECURITY;

	if (m->finding == FINDING_unsolicited_reply)
		return x->code == 421 ? SEVERITY_NOTE : SEVERITY_WARNING;
	if (m->finding == FINDING_command_line_too_long && x->code < 400)
		return SEVERITY_NOTE;
	if (m->finding == FINDING_proxy_preface_unexpected)
		return SEVERITY_ERROR;
	return (cause && m->explains) || by_itself ? s : SEVERITY_NOTE;
}

/* The catalog's texts, or for a refusal whose reason is known those of its category. */
static struct finding_info info_of(const struct verdict *v, const struct match *m)
{
	struct finding_info info = *m->info;

	if (m->finding == FINDING_policy_rejection && v->category != CATEGORY_NONE) {
		info.explanation = category_texts(v->category)->explanation;
		info.remedy = category_texts(v->category)->remedy;
	}
	if (m->finding == FINDING_auth_failed && v->x->code < 530)
		info.remedy = "See smtp.auth.cause of the exchange: it was refused for how the response is written.";
	return info;
}

static void emit_match(struct cause *c, const struct verdict *v, const struct match *m, bool cause)
{
	const struct exchange *x = v->x;
	enum severity severity = severity_of(x, m, cause);
	struct finding_info info = info_of(v, m);
	struct finding_facts facts = {.x = x, .verb = x->verb_text, .length = x->length, .limit = x->limit, .count = 1};
	enum confidence confidence = m->confidence;
	struct event ev;
	char evidence[192];

	if (!(cause && m->explains && is_refused(x)) && said_before(v->d, m, severity))
		return;
	if (m->finding == FINDING_policy_rejection && v->category != CATEGORY_NONE && v->category != CATEGORY_POLICY)
		confidence = CONFIDENCE_HIGH; /* the reply gives the reason itself */
	ev = *v->about;
	facts.suggestion = suggestion_of(x, m->finding);
	facts.detail = v->about->reply_blocklist.n ? v->about->reply_blocklist : SPAN("not named");
	if (m->finding == FINDING_server_closed_without_reply) {
		facts.count = x->unanswered;
		ev.finding_count = x->unanswered;
		severity = v->d->worn_out ? SEVERITY_NOTE : severity; /* it said why, in its last reply */
	}
	if (m->finding == FINDING_size_exceeds_limit) {
		facts.length = x->declared_size;
		facts.limit = x->size_limit;
	}
	ev.finding_evidence = evidence_of(x, m->finding, v->category, evidence, sizeof evidence);
	if (x->kind == EXCHANGE_COMMAND)
		ev.finding_offset = x->offset;
	finding_emit(&c->next, &ev, &info, severity, confidence, &facts);
}

/* The code is vaguer than the cause (RFC 5321 4.2.4): both in the evidence. */
static void emit_unspecific(struct cause *c, const struct verdict *v, const struct match *cause)
{
	const uint16_t *codes = code_expected(cause->finding, v->x);
	const struct finding_info *info = finding_info(FINDING_server_code_unspecific);
	struct finding_facts facts = {.x = v->x, .verb = v->x->verb_text, .limit = codes ? codes[0] : 0, .count = 1};
	struct event ev;
	char evidence[64];

	if (!codes || cause->explains < EXPLAINS_WELL)
		return;
	ev = *v->about;
	facts.detail = span_str(cause->info->id);
	ev.finding_evidence =
	    span_of(evidence, (size_t)snprintf(evidence, sizeof evidence, "came %d, expected %u (%s)", v->x->code, codes[0], cause->info->id));
	ev.finding_offset = v->x->offset;
	finding_emit(&c->next, &ev, info, SEVERITY_NOTE, info->confidence, &facts);
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

static void note_protocol(struct diag_state *d, enum finding f)
{
	if (!d->foreign)
		d->protocol = f;
	d->foreign = true;
}

/*
 * What the server put up with earlier in the session is not why it refuses now; its own reply explains nothing. But a 501 is about the
 * argument, and another verb's parser took the blanks.
 */
static bool is_explained(struct verdict *v)
{
	bool explained = false;

	for (unsigned i = 0; i < v->n; i++) {
		struct match *m = &v->m[i];

		if (v->d->said[m->finding / 8] >> m->finding % 8 & 1 && !(m->finding == FINDING_trailing_whitespace && v->x->code == 501))
			m->explains = EXPLAINS_NOT;
		explained |= m->explains && m->info->group != GROUP_REPLY && m->info->group != GROUP_SECURITY;
	}
	return explained;
}

/* Explains one command; the findings stand behind its event, the cause first. */
static void judge(struct cause *c, struct verdict *v)
{
	collect(v);
	if (is_refused(v->x) && !is_explained(v))
		explain_refusal(v);
	if (v->n == 0)
		return;
	v->cause = &v->m[best(v->m, v->n)];
	emit_match(c, v, v->cause, true);
	if (is_refused(v->x))
		emit_unspecific(c, v, v->cause);
	for (unsigned i = 0; i < v->n; i++)
		if (&v->m[i] != v->cause)
			emit_match(c, v, &v->m[i], false);
	for (unsigned i = 0; i < v->n; i++) {
		v->d->worn_out |= v->m[i].finding == FINDING_too_many_errors;
		if (names_protocol(v->m[i].finding))
			note_protocol(v->d, v->m[i].finding);
		v->d->http |= v->m[i].finding == FINDING_http_on_smtp;
	}
}

/* What explains the session's first refusal. Alerts are about something else, and a note is no error. */
static void note_first_error(struct verdict *v, bool taken)
{
	struct diag_state *d = v->d;
	enum severity severity = v->cause ? severity_of(v->x, v->cause, true) : SEVERITY_NOTE;
	bool explained = severity == SEVERITY_WARNING || severity == SEVERITY_ERROR;

	if (v->cause && v->cause->finding == FINDING_command_before_greeting && d->greeting_refused)
		v->about->record->first_error_finding = v->cause->info->id;
	d->greeting_refused |= !d->refused && !explained && v->x->kind == EXCHANGE_GREETING && v->x->code >= 400;
	if (d->refused || v->x->code < 400)
		return;
	d->refused = true;
	d->run_is_first = taken && d->run != RUN_FOREIGN;
	if (explained)
		v->about->record->first_error_finding = v->cause->info->id;
	else if (d->foreign)
		v->about->record->first_error_finding = finding_info(d->protocol)->id;
}

/* What a request to a web server carries into SMTP: told at its first command. */
static void judge_http_line(struct cause *c, const struct event *about, struct diag_state *d)
{
	const struct exchange *x = about->exchange;
	struct verdict v = {.about = about, .x = x, .d = d};
	uint64_t harmless = 1u << VERB_UNKNOWN | 1u << VERB_QUIT | 1u << VERB_HELP | 1u << VERB_NOOP;

	if (!d->http || x->kind != EXCHANGE_COMMAND || harmless >> x->verb & 1)
		return;
	d->http = false;
	v.m[0] = (struct match){finding_info(FINDING_cross_protocol), FINDING_cross_protocol, CONFIDENCE_HIGH, EXPLAINS_NOT};
	emit_match(c, &v, &v.m[0], false);
}

static enum category categorize(struct event *ev)
{
	enum category category = CATEGORY_NONE;

	if (ev->reply_code == EV_NONE || ev->reply_code < 400)
		return category;
	category = category_of((int)ev->reply_code, ev->reply_enhanced, ev->reply_text.v, ev->reply_text.n);
	if (category == CATEGORY_NONE)
		return category;
	ev->reply_category = span_str(category_texts(category)->name);
	if (category == CATEGORY_BLOCK_LIST)
		ev->reply_blocklist = category_blocklist(ev->reply_text.v, ev->reply_text.n);
	return category;
}

static void on_command(struct cause *c, struct event *ev)
{
	struct verdict v = {.about = ev, .x = ev->exchange, .n = 0};
	bool ordinary = rules_are_silent(ev->exchange), taken = false;
	struct diag_state blank;

	v.category = categorize(ev);
	v.d = state_of(ev->record, &blank);
	taken = run_takes(&c->next, ev, v.d);
	event_pass(&c->next, ev);
	if (!ordinary && !taken)
		judge(c, &v);
	if (v.d->http)
		judge_http_line(c, ev, v.d);
	if (!taken)
		run_note_refusal(v.d, ev->exchange, v.cause ? v.cause->finding : FINDING_policy_rejection);
	note_first_error(&v, taken);
	state_keep(c, ev->record, v.d);
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
	if (n->id == NOTICE_ALL_REFUSED)
		return info->severity;
	return info->tolerated > SEVERITY_NOTE ? info->tolerated : info->severity > SEVERITY_WARNING ? info->severity : info->tolerated;
}

/* A chunk that is cut short also shows that its count was wrong (protocol facts 6); of a huge one its command has told. */
static enum finding companion(const struct notice *n)
{
	if (n->id == NOTICE_COMMAND_INJECTION)
		return FINDING_command_after_starttls;
	return n->id == NOTICE_BDAT_SHORT && n->b < HUGE_CHUNK ? FINDING_bdat_mismatch : FINDINGS;
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
	enum finding f = notice_finding(n->id), also = companion(n);
	const struct finding_info *info = finding_info(f);
	struct finding_facts facts = {.length = n->a, .limit = n->b ? n->b : n->a, .count = 1, .detail = n->text};
	struct diag_state blank, *d = state_of(ev->record, &blank);
	char evidence[128], detail[HANDSHAKE_TEXT];

	if (f != FINDING_stream_gap)
		run_end(&c->next, ev, d);
	if ((f == FINDING_bdat_oversize || f == FINDING_missing_final_dot) && ev->record->first_error_code == 421 &&
	    !ev->record->first_error_finding)
		ev->record->first_error_finding = info->id; /* the server waited for the rest, and gave up */
	if (names_protocol(f))
		note_protocol(d, f);
	state_keep(c, ev->record, d);
	ev->finding_evidence = notice_evidence(n, ev->finding_evidence, evidence, sizeof evidence);
	if (n->id == NOTICE_HANDSHAKE_FAILED)
		handshake_explain(n->a, n->text, &facts, detail);
	finding_emit(&c->next, ev, info, notice_severity(ev, info), notice_confidence(n, info), &facts);
	if (also != FINDINGS)
		finding_emit(&c->next, ev, finding_info(also), also == FINDING_bdat_mismatch ? finding_info(also)->severity : SEVERITY_NOTE,
			     finding_info(also)->confidence, &facts);
}

/* ---- the session's end ---- */

static void on_session(struct cause *c, struct event *ev)
{
	struct session_record *r = ev->record;

	if (r->diag) {
		run_end(&c->next, ev, r->diag);
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
	else {
		if (ev->set == DS_MESSAGE)
			categorize(ev);
		event_pass(&c->next, ev);
	}
}
