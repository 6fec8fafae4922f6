/*
 * finding.c - how an event becomes a finding: the texts of the catalog with their placeholders filled. See finding.h.
 */
#include "finding.h"

enum { TEXT = 512, DIGITS = 20 };

/* Writes n in decimal; returns the digits. Own code: this runs for every event, and printf costs more than the event. */
static struct span decimal(char digits[DIGITS], uint64_t n)
{
	size_t at = DIGITS;

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return span_of(digits + at, DIGITS - at);
}

void event_pass(const struct outlet *next, struct event *ev)
{
	char id[32], digits[DIGITS];
	size_t n;

	if (ev->record) {
		ev->sequence = ++ev->record->sequence;
		n = span_append(id, 0, sizeof id, span_str(ev->record->id));
		n = span_append(id, n, sizeof id, SPAN("-"));
		ev->id = span_of(id, span_append(id, n, sizeof id, decimal(digits, ev->sequence)));
	}
	next->emit(next->ctx, ev);
}

/* ---- texts ---- */

static size_t put_number(char *dst, size_t at, size_t cap, uint64_t n)
{
	char digits[DIGITS];

	return span_append(dst, at, cap, decimal(digits, n));
}

static size_t put_fact(char *dst, size_t at, size_t cap, char which, const struct finding_facts *f)
{
	switch (which) {
	case 'V':
		return span_append(dst, at, cap, f->verb.n ? f->verb : SPAN("it"));
	case 'S':
		return span_append(dst, at, cap, f->suggestion.n ? f->suggestion : SPAN("the right one"));
	case 'A':
		return span_append(dst, at, cap, f->x && f->x->bad.n ? f->x->bad : SPAN("used here"));
	case 'D':
		return span_append(dst, at, cap, f->detail.n ? f->detail : SPAN("one of the two sides gave up"));
	case 'R':
		return span_append(dst, at, cap, f->advice.n ? f->advice : SPAN("Compare the TLS settings of both sides"));
	case 'C':
		return put_number(dst, at, cap, f->x && f->x->code > 0 ? (uint64_t)f->x->code : 0);
	case 'L':
		return put_number(dst, at, cap, f->length);
	case 'M':
		return put_number(dst, at, cap, f->limit);
	default:
		return put_number(dst, at, cap, f->count);
	}
}

/* The text of the catalog with its placeholders filled. */
static struct span expand(const char *text, const struct finding_facts *f, char dst[TEXT])
{
	struct span rest = span_str(text);
	size_t n = 0;

	for (;;) {
		n = span_append(dst, n, TEXT, span_split(&rest, '%'));
		if (!rest.n)
			return span_of(dst, n);
		n = put_fact(dst, n, TEXT, (char)rest.p[0], f);
		rest = span_from(rest, 1);
	}
}

/* ---- one finding ---- */

static const struct span network[] = {SPAN_INIT("network")};
static const struct span intrusion[] = {SPAN_INIT("network"), SPAN_INIT("intrusion_detection")};
static const struct span type_info[] = {SPAN_INIT("protocol"), SPAN_INIT("info")};

void finding_emit(const struct outlet *next, struct event *ev, const struct finding_info *info, enum severity severity,
		  enum confidence confidence, const struct finding_facts *facts)
{
	char explanation[TEXT], remedy[TEXT];
	bool alert = severity == SEVERITY_ALERT, bad = severity >= SEVERITY_ERROR;

	ev->set = DS_FINDING;
	ev->kind = alert ? SPAN("alert") : SPAN("event");
	ev->category = alert ? (struct event_list){intrusion, 2} : (struct event_list){network, 1};
	ev->type = (struct event_list){type_info, 2};
	ev->dataset = SPAN("smtpscope.finding");
	ev->action = span_str(finding_group_name(info->group));
	ev->outcome = bad ? SPAN("failure") : SPAN("unknown");
	ev->duration = EV_NONE;
	ev->finding_id = span_str(info->id);
	ev->finding_severity = span_str(severity_name(severity));
	ev->finding_confidence = span_str(confidence_name(confidence));
	ev->finding_fault = span_str(fault_name(info->fault));
	ev->finding_explanation = expand(info->explanation, facts, explanation);
	ev->finding_remedy = expand(info->remedy, facts, remedy);
	ev->finding_reference = info->reference[0] ? span_str(info->reference) : SPAN_ABSENT;
	ev->finding_suggestion = facts->suggestion;
	ev->error_type = bad ? span_str(info->id) : SPAN_ABSENT;
	if (ev->record)
		ev->record->findings++;
	event_pass(next, ev);
}
