/*
 * explain_code.c - pages of reply codes (RFC 5321 4.2) and enhanced codes (RFC 3463), known and unknown. See explain_internal.h.
 */
#include "explain_internal.h"

#include "smtpscope/catalog.h"
#include "smtpscope/message.h"
#include "smtpscope/reply.h"
#include "translate.h"

#include <stdio.h>
#include <string.h>

enum { SENTENCES = 2048, ITEM = 512 };

void explain_add_class(struct page *p, const char *key, const char *heading, const struct class_info *c, const char *prefix)
{
	char name[ITEM];

	snprintf(name, sizeof name, "%s%s%s", prefix ? prefix : "", prefix ? " " : "", translate(c->name));
	page_add_class(p, key, heading, c->id, name, translate(c->text));
}

/* A space between sentences of scripts that have spaces. */
static const char *between(const char *before)
{
	size_t n = strlen(before);

	return n && (unsigned char)before[n - 1] < 0x80 ? " " : "";
}

void explain_add_sentences(struct page *p, const char *key, const char *heading, const char *first, const char *second)
{
	char text[SENTENCES];
	const char *a = first ? translate(first) : "", *b = second ? translate(second) : "";

	snprintf(text, sizeof text, "%s%s%s", a, b[0] ? between(a) : "", b);
	page_add(p, SECTION_TEXT, key, heading, text);
}

/* A class whose name says enough. */
static void add_short_class(struct page *p, const char *key, const char *heading, const struct class_info *c)
{
	const struct class_info named = {c->id, c->name, NULL};

	explain_add_class(p, key, heading, &named, NULL);
}

/* ---- reply codes ---- */

static void add_status(struct page *p, enum code_label label)
{
	if (label == CODE_STD)
		add_short_class(p, "status", translate("Status"), code_label_info(label));
	else
		explain_add_class(p, "status", translate("Status"), code_label_info(label), NULL);
}

static void add_properties(struct page *p, enum code_label label, enum code_retry retry, enum code_actor actor)
{
	add_status(p, label);
	explain_add_class(p, "retry", translate("Sender retries"), code_retry_info(retry), NULL);
	explain_add_class(p, "actor", translate("Who must act"), code_actor_info(actor), NULL);
}

static void add_digits(struct page *p, unsigned code, bool known)
{
	const struct class_info *category = category_info(code / 10 % 10);
	char prefix[16];

	snprintf(prefix, sizeof prefix, "%uxx", code / 100);
	explain_add_class(p, "class", translate("Class"), class_info(code / 100), prefix);
	if (known)
		add_short_class(p, "category", translate("Category"), category);
	else
		explain_add_class(p, "category", translate("Category"), category, NULL);
}

static void known_code(struct page *p, const struct code_info *c)
{
	char title[ITEM];

	snprintf(title, sizeof title, "%u  %s", c->code, translate(c->name));
	page_start(p, "reply_code", title);
	page_add_number(p, "code", c->code);
	page_add(p, SECTION_WORD, "name", NULL, translate(c->name));
	page_add(p, SECTION_WORD, "summary", NULL, translate(c->gist));
	add_digits(p, c->code, true);
	add_properties(p, c->label, c->retry, c->actor);
	page_add(p, SECTION_FACT, "reference", translate("Reference"), c->reference);
	explain_add_sentences(p, "meaning", translate("What it means"), c->gist, c->meaning);
	page_add(p, SECTION_TEXT, "when", translate("When it appears"), translate(c->when));
	page_add(p, SECTION_TEXT, "resolve", translate("How to resolve it"), translate(c->resolve));
	page_add(p, SECTION_LIST, "causes", translate("Typical causes"), translate(c->causes));
	page_add(p, SECTION_TEXT, "elsewhere", translate("Other meaning"), translate(c->elsewhere));
}

static void unknown_code(struct page *p, unsigned code)
{
	char title[ITEM];

	snprintf(title, sizeof title, "%03u  %s", code, translate("(unknown reply code)"));
	page_start(p, "reply_code", title);
	page_add_number(p, "code", (long)code);
	page_add(p, SECTION_WORD, "name", NULL, translate("(unknown reply code)"));
	page_add(p, SECTION_WORD, "summary", NULL, translate(class_info(code / 100)->text));
	add_digits(p, code, false);
	add_properties(p, CODE_UNKNOWN, class_retry(code / 100), ACTOR_DEPENDS);
	page_add(p, SECTION_FACT, "reference", translate("Reference"), "RFC 5321 4.2.1");
	explain_add_sentences(p, "meaning", translate("What it means"), class_info(code / 100)->text,
			      N_("A client that does not know a code decides by its first digit alone."));
	page_add(p, SECTION_TEXT, "when", translate("When it appears"),
		 translate("Servers with private codes send it, or the number comes from a log and was never a reply."));
	page_add(p, SECTION_TEXT, "resolve", translate("How to resolve it"),
		 translate("Go by the text of the reply, and by the enhanced code if there is one; ask whoever runs the server."));
}

bool explain_code(struct page *p, struct span word)
{
	const struct code_info *known;
	uint64_t code;

	if (word.n != 3 || span_u64(word, &code) != 1 || !class_info((unsigned)code / 100))
		return false;
	known = code_find((unsigned)code);
	if (known)
		known_code(p, known);
	else
		unknown_code(p, (unsigned)code);
	return true;
}

/* ---- enhanced codes ---- */

struct enhanced {
	unsigned digit /* 0: any, written X */, subject, detail;
};

/* class "." subject "." detail; the registry writes X for any class. */
static bool parse_enhanced(struct span word, struct enhanced *e)
{
	struct span rest = word, class_digit = span_split(&rest, '.'), subject = span_split(&rest, '.');
	uint64_t s, d;

	if (class_digit.n != 1 || subject.n > 3 || rest.n > 3 || span_u64(subject, &s) != 1 || span_u64(rest, &d) != 1)
		return false;
	e->digit = char_upper(class_digit.p[0]) == 'X' ? 0 : class_digit.p[0] - '0';
	e->subject = (unsigned)s;
	e->detail = (unsigned)d;
	return e->digit == 0 ? class_digit.p[0] != '0' : e->digit == 2 || e->digit == 4 || e->digit == 5;
}

/* When codes of a subject come. */
static const char *subject_when(unsigned subject)
{
	static const char *const when[] = {
		N_("Beside any reply code, when the server knows or tells nothing more precise."),
		N_("In answer to MAIL or RCPT, and in bounce messages."),
		N_("In answer to RCPT or after the message text, and in bounce messages."),
		N_("At any point of the session, and in bounce messages."),
		N_("Mostly in bounce messages of the sending side, which could not reach the next host."),
		N_("In answer to the command that was wrong."),
		N_("After the message text, and in bounce messages."),
		N_("In answer to AUTH, STARTTLS, MAIL or RCPT, after the message text, and in bounce messages."),
	};

	return subject < sizeof when / sizeof *when ? when[subject] : NULL;
}

static void start_enhanced(struct page *p, const struct enhanced *e, const char *name, const char *summary)
{
	char code[16], title[ITEM];

	snprintf(code, sizeof code, "%c.%u.%u", e->digit ? (char)('0' + e->digit) : 'X', e->subject, e->detail);
	snprintf(title, sizeof title, "%s  %s", code, translate(name));
	page_start(p, "enhanced_code", title);
	page_add(p, SECTION_WORD, "code", NULL, code);
	page_add(p, SECTION_WORD, "name", NULL, translate(name));
	page_add(p, SECTION_WORD, "summary", NULL, translate(summary));
	if (e->digit) {
		snprintf(code, sizeof code, "%u.X.X", e->digit);
		explain_add_class(p, "class", translate("Class"), class_info(e->digit), code);
	}
	if (subject_info(e->subject))
		add_short_class(p, "subject", translate("Subject"), subject_info(e->subject));
}

/* A code of its class that it comes with tells more than the class; 0 when there is none. */
static unsigned basic_code(const struct enhanced *e, const char *basic)
{
	struct span rest = span_str(basic);
	uint64_t code;

	while (rest.p)
		if (span_u64(span_split(&rest, ' '), &code) == 1 && code / 100 == e->digit)
			return (unsigned)code;
	return 0;
}

static void add_enhanced_properties(struct page *p, const struct enhanced *e, enum code_label label, enum code_actor actor,
				    const char *basic)
{
	const struct code_info *code = code_find(basic_code(e, basic));

	if (e->digit) {
		add_properties(p, label, code ? code->retry : class_retry(e->digit), actor);
		return;
	}
	add_status(p, label);
	explain_add_class(p, "actor", translate("Who must act"), code_actor_info(actor), NULL);
}

static void known_enhanced(struct page *p, const struct enhanced *e, const struct enhanced_info *row)
{
	start_enhanced(p, e, row->name, row->meaning);
	add_enhanced_properties(p, e, row->label, row->actor, row->basic);
	page_add(p, SECTION_FACT, "basic", translate("Comes with"), row->basic);
	page_add(p, SECTION_FACT, "reference", translate("Reference"), row->reference);
	page_add(p, SECTION_TEXT, "meaning", translate("What it means"), translate(row->meaning));
	page_add(p, SECTION_TEXT, "when", translate("When it appears"), translate(subject_when(row->subject)));
	page_add(p, SECTION_TEXT, "resolve", translate("How to resolve it"), translate(row->resolve));
	page_add(p, SECTION_LIST, "causes", translate("Typical causes"), translate(row->causes));
}

static void unknown_enhanced(struct page *p, const struct enhanced *e)
{
	const struct class_info *subject = subject_info(e->subject);

	start_enhanced(p, e, N_("(unknown enhanced status code)"), subject ? subject->text : "");
	add_enhanced_properties(p, e, CODE_UNKNOWN, ACTOR_DEPENDS, "");
	page_add(p, SECTION_FACT, "reference", translate("Reference"), "RFC 3463 2, 3");
	explain_add_sentences(p, "meaning", translate("What it means"),
			      subject ? subject->text : N_("Neither the subject nor the detail is in the registry."),
			      N_("The last number, the detail, is in no table that this program knows; the class and the subject still hold."));
	page_add(p, SECTION_TEXT, "when", translate("When it appears"), translate(subject_when(e->subject)));
	page_add(p, SECTION_TEXT, "resolve", translate("How to resolve it"),
		 translate("Go by the basic code and the text of the reply; large providers document their own details."));
}

bool explain_enhanced(struct page *p, struct span word)
{
	const struct enhanced_info *row;
	struct enhanced e;

	if (!parse_enhanced(word, &e))
		return false;
	row = enhanced_lookup(e.digit, e.subject, e.detail);
	if (row)
		known_enhanced(p, &e, row);
	else
		unknown_enhanced(p, &e);
	return true;
}

/* ---- a reply: both together ---- */

static bool names_code(const char *basic, struct span code)
{
	struct span rest = span_str(basic);

	while (rest.p)
		if (span_eq(span_split(&rest, ' '), code))
			return true;
	return false;
}

static void add_agreement(struct page *about, struct span code, struct span enhanced, const char *basic)
{
	const char *id = "agree", *text = translate("Basic and enhanced code agree; the enhanced code is the more precise one.");

	if (code.p[0] != enhanced.p[0]) {
		id = "contradiction";
		text = translate("The two contradict each other: their first digits differ. A client goes by the basic code; the server is at"
				 " fault.");
	} else if (basic && basic[0] && !names_code(basic, code)) {
		id = "unusual";
		text = translate("The registry does not put these two together, but they do not contradict each other.");
	}
	page_add(about, SECTION_WORD, "agreement", NULL, id);
	page_add(about, SECTION_TEXT, "agreement_text", translate("Together"), text);
}

bool explain_reply(struct document *d, struct span line)
{
	struct span code = span_first(line, 3);
	const struct page_section *basic;
	struct reply_line reply;

	reply_line_parse(line, line.n, LINE_END_CRLF, &reply);
	if (line.n < 4 || (line.p[3] != ' ' && line.p[3] != '-') || !explain_code(&d->page[0], code))
		return false;
	d->count = 1;
	if (!reply.enhanced.p || !explain_enhanced(&d->page[1], reply.enhanced))
		return true;
	d->count = 2;
	d->kind = DOCUMENT_REPLY;
	basic = page_section(&d->page[1], "basic");
	page_start(&d->about, "reply", NULL);
	add_agreement(&d->about, code, reply.enhanced, basic ? basic->text : NULL);
	return true;
}

/* ---- two side by side ---- */

/* Appends a line to a list of at most cap - 1 octets. */
static void add_item(char *list, size_t cap, const char *item)
{
	size_t n = strlen(list);

	snprintf(list + n, cap - n, "%s%s", n ? "\n" : "", item);
}

/* What stands in both pages with another value. */
static void add_aspects(const struct document *d, struct span left, struct span right, char *list, size_t cap)
{
	for (unsigned i = 0; i < d->page[0].count; i++) {
		const struct page_section *a = &d->page[0].section[i], *b = page_section(&d->page[1], a->key);
		char item[ITEM];

		if (a->kind != SECTION_CLASS || !b || b->kind != SECTION_CLASS || strcmp(a->id, b->id) == 0)
			continue;
		snprintf(item, sizeof item, "%s: %s (%.*s), %s (%.*s)", a->heading, a->name, (int)left.n, (const char *)left.p, b->name,
			 (int)right.n, (const char *)right.p);
		add_item(list, cap, item);
	}
}

/* The summary of a page, as "CODE: summary". */
static void add_summary(const struct page *p, struct span word, char *list, size_t cap)
{
	const struct page_section *summary = page_section(p, "summary");
	char item[SENTENCES];

	if (!summary)
		return;
	snprintf(item, sizeof item, "%.*s: %s", (int)word.n, (const char *)word.p, summary->text);
	add_item(list, cap, item);
}

static void add_summaries(const struct document *d, struct span left, struct span right, char *list, size_t cap)
{
	add_summary(&d->page[0], left, list, cap);
	add_summary(&d->page[1], right, list, cap);
}

void explain_difference(struct document *d, struct span left, struct span right)
{
	const struct page_section *a = page_section(&d->page[0], "code"), *b = page_section(&d->page[1], "code");
	char differences[2 * SENTENCES] = "", choice[2 * SENTENCES] = "";
	const struct code_pair *pair;

	if (!a || !b)
		return; /* two commands, say: side by side is all there is to it */
	if (d->page[0].failed || d->page[1].failed)
		return; /* pages that are not whole are not printed */
	pair = code_pair_find((unsigned)a->number, (unsigned)b->number);
	if (pair)
		add_item(differences, sizeof differences, translate(pair->difference));
	add_aspects(d, left, right, differences, sizeof differences);
	if (!differences[0])
		add_item(differences, sizeof differences, translate("Senders handle both alike; only the reason differs."));
	if (pair)
		add_item(choice, sizeof choice, translate(pair->choice));
	else
		add_summaries(d, left, right, choice, sizeof choice);
	page_start(&d->about, "comparison", NULL);
	page_add(&d->about, SECTION_LIST, "differences", translate("Main differences"), differences);
	page_add(&d->about, SECTION_LIST, "choice", translate("Which one when"), choice);
}
