/*
 * cause_run.c - follow-on errors are counted and told once, behind the last of them, under their root.
 *
 * Lines of a message that are read as commands, credentials sent after a refused AUTH, lines of another protocol, and commands of a
 * pipelined group that fail only because an earlier one of it was refused (RFC 2920 3.1; protocol facts 1.6).
 */
#include "cause_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* An event about the first line of the run. code outlives it. */
static struct event run_event(const struct event *about, const struct diag_state *d, const uint16_t *code)
{
	struct event ev;

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
	ev.vlan_id = about->vlan_id;
	ev.session_id = about->session_id;
	ev.packet_first = ev.packet_last = d->frame;
	ev.verb = span_of(d->verb, d->verb_length);
	if (*code) {
		ev.reply_code = *code;
		ev.reply_codes = (struct event_codes){code, 1};
	}
	ev.finding_offset = d->offset;
	ev.finding_count = d->count;
	ev.finding_evidence = ev.verb;
	return ev;
}

static void emit_run(const struct outlet *next, const struct event *about, const struct diag_state *d, enum finding f,
		     enum severity severity)
{
	uint16_t code = d->code;
	struct event ev = run_event(about, d, &code);
	struct finding_facts facts = {.count = d->count, .verb = ev.verb, .limit = d->announced};
	char evidence[96];
	int n;

	if (d->run == RUN_BDAT && f != FINDING_message_text_as_command) {
		n = snprintf(evidence, sizeof evidence, "announced %" PRIu64 ", then %" PRIu32 " lines that are no command", d->announced, d->count);
		ev.finding_evidence = span_of(evidence, (size_t)n);
	}
	if (f == FINDING_message_text_as_command)
		facts.suggestion = span_str(finding_info(run_finding(d->run))->id);
	finding_emit(next, &ev, finding_info(f), severity, CONFIDENCE_HIGH, &facts);
}

/* Under the id of what the earlier reply was about: one root cause, and how many commands it took along. */
static void emit_consequence(const struct outlet *next, const struct event *about, const struct diag_state *d)
{
	uint16_t code = d->code;
	struct event ev = run_event(about, d, &code);
	struct finding_facts facts = {.count = d->count, .verb = ev.verb, .detail = span_str(d->root)};
	struct finding_info info = *finding_info(d->consequence);

	info.explanation = "No error of its own: %V failed because of an earlier reply in the same pipelined group (%D).";
	info.remedy = "Look at that reply; nothing is wrong with this command.";
	ev.finding_evidence = facts.detail;
	finding_emit(next, &ev, &info, SEVERITY_NOTE, CONFIDENCE_HIGH, &facts);
}

void run_end(const struct outlet *next, const struct event *about, struct diag_state *d)
{
	enum run run = d->run;

	if (run == RUN_CONSEQUENCE) {
		emit_consequence(next, about, d);
	} else if (run != RUN_NONE && run != RUN_FOREIGN) {
		emit_run(next, about, d, run_finding(run), SEVERITY_ERROR);
		if (d->run_is_first)
			about->record->first_error_finding = finding_info(run_finding(run))->id;
		if (run != RUN_AUTH)
			emit_run(next, about, d, FINDING_message_text_as_command, SEVERITY_NOTE);
		if (run == RUN_BDAT)
			emit_run(next, about, d, FINDING_bdat_mismatch, finding_info(FINDING_bdat_mismatch)->severity);
	}
	d->run = RUN_NONE;
	d->run_is_first = false;
	d->count = 0;
}

/* Right for the client, which could not know yet that MAIL, or every RCPT, was refused. */
static bool is_consequence(struct diag_state *d, const struct event *ev)
{
	const struct exchange *x = ev->exchange;
	bool rcpt = x->verb == VERB_RCPT && x->code == 503 && !(x->situation & SIT(MAIL_OPEN_REAL)) && d->mail.code;
	bool data = (x->verb == VERB_DATA || x->verb == VERB_BDAT || x->verb == VERB_BURL) && (x->code == 503 || x->code == 554) &&
		    ev->reply_codes.n == 1 && x->situation & SIT(RCPT) && !(x->situation & SIT(RCPT_REAL)) && (d->mail.code || d->rcpt.code);
	const struct refusal *root = d->mail.code ? &d->mail : &d->rcpt;

	if (!(x->situation & SIT(IN_FLIGHT)) || !(x->situation & SIT(MAIL_OPEN)) || (!rcpt && !data))
		return false;
	if (d->run != RUN_CONSEQUENCE) {
		d->consequence = root->finding;
		snprintf(d->root, sizeof d->root, "%s answered %u", d->mail.code ? "MAIL" : "RCPT", root->code);
	}
	return true;
}

void run_note_refusal(struct diag_state *d, const struct exchange *x, enum finding cause)
{
	struct refusal r = {0};

	if (x->kind != EXCHANGE_COMMAND)
		return;
	if (x->code >= 400)
		r = (struct refusal){(uint16_t)x->code, cause};
	if (x->verb == VERB_BDAT)
		d->announced = x->announced == EV_NONE ? 0 : x->announced;
	if (verb_info(x->verb)->flags & VERB_OPENS_MAIL) {
		d->mail = r;
		d->rcpt.code = 0;
	} else if (x->verb == VERB_RCPT && !d->mail.code) {
		d->rcpt = r;
	}
}

/* Which run this exchange belongs to: a line that is no command, in a place where no command is expected. */
static enum run run_of(struct diag_state *d, const struct event *ev)
{
	const struct exchange *x = ev->exchange;
	bool failed = x->code >= 400 || x->code == 0;
	bool text = x->defects & DEFECT(MESSAGE_TEXT);
	bool junk = x->verb == VERB_UNKNOWN || text;
	bool noise = x->defects & (DEFECT(NUL) | DEFECT(CONTROL_CHAR) | DEFECT(OTHER_PROTOCOL)); /* a verb in it is chance */
	bool meant = x->defects & (DEFECT(TYPO) | DEFECT(ALIAS) | DEFECT(GLUED)) && !text;

	if (x->kind != EXCHANGE_COMMAND || !failed)
		return RUN_NONE;
	if (d->foreign && (x->code == 0 || noise || (junk && !meant)))
		return RUN_FOREIGN;
	if (!junk)
		return is_consequence(d, ev) ? RUN_CONSEQUENCE : RUN_NONE;
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

bool run_takes(const struct outlet *next, const struct event *ev, struct diag_state *d)
{
	const struct exchange *x = ev->exchange;
	enum run run = run_of(d, ev);

	if (run != d->run)
		run_end(next, ev, d);
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
