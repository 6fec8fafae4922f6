/*
 * explain_name.c - pages of findings, verbs, mechanisms and EHLO keywords, and what a wrong word was meant to be.
 * See explain_internal.h.
 */
#include "explain_internal.h"

#include "smtpscope/catalog.h"
#include "smtpscope/command.h"
#include "smtpscope/message.h"
#include "translate.h"

#include <stdio.h>
#include <string.h>

enum { TEXT = 1024 };

/* ---- findings ---- */

/* A placeholder of the catalog's texts in words: there is no session here to fill it from. English within an English text. */
static const char *placeholder_text(char which, bool translated)
{
	static const struct {
		char letter;
		const char *text;
	} words[] = {
		{'V', N_("<command>")}, {'S', N_("<suggestion>")}, {'A', N_("<value>")}, {'L', N_("<length>")},
		{'M', N_("<limit>")},   {'C', N_("<code>")},       {'N', N_("<number>")},
		{'D', N_("<what happened>")}, {'R', N_("<what to do>")},
	};

	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].letter == which)
			return translated ? translate(words[i].text) : words[i].text;
	return "<value>";
}

static void add_with_placeholders(struct page *p, const char *key, const char *heading, const char *text)
{
	char filled[TEXT];
	const char *c = translate(text);
	bool translated = c != text;
	size_t n = 0;

	for (; *c; c++) {
		bool mark = *c == '%' && c[1];

		n = span_append(filled, n, sizeof filled - 1, mark ? span_str(placeholder_text(*++c, translated)) : span_of(c, 1));
	}
	filled[n] = '\0';
	page_add(p, SECTION_TEXT, key, heading, filled);
}

/* One of the words that events use for programs. */
static void add_word(struct page *p, const char *key, const char *heading, const char *word)
{
	const struct class_info c = {word, word, NULL};

	explain_add_class(p, key, heading, &c, NULL);
}

static const struct class_info *fault_text(enum fault f)
{
	static const struct class_info texts[] = {
		[FAULT_UNKNOWN] = {"unknown", N_("unknown"), N_("The dialogue alone does not tell whose fault it is.")},
		[FAULT_CLIENT] = {"client", N_("client"), N_("The client, that is its software or whoever configures it, must do the right thing.")},
		[FAULT_SERVER] = {"server", N_("server"), N_("Whoever runs the server must act.")},
		[FAULT_MIDDLEBOX] = {"middlebox", N_("middlebox"),
			N_("Whoever runs the firewall, balancer or proxy between the two must act.")},
		[FAULT_CAPTURE] = {"capture", N_("capture"), N_("Nothing is wrong with the mail: the recording is not whole.")},
	};

	return &texts[f];
}

static bool finding_page(struct page *p, struct span word)
{
	char id[64];
	const struct finding_info *f;

	for (size_t i = 0; i < word.n && i < sizeof id; i++)
		id[i] = (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] + 32 : word.p[i]);
	f = word.n <= sizeof id ? finding_find(span_of(id, word.n)) : NULL;
	if (!f)
		return false;
	page_start(p, "finding", f->id);
	page_add(p, SECTION_WORD, "id", NULL, f->id);
	add_word(p, "group", translate("Group"), finding_group_name(f->group));
	add_word(p, "severity", translate("Severity"), severity_name(f->severity));
	add_word(p, "tolerated", translate("If tolerated"), severity_name(f->tolerated));
	add_word(p, "confidence", translate("Confidence"), confidence_name(f->confidence));
	explain_add_class(p, "fault", translate("Whose fault"), fault_text(f->fault), NULL);
	page_add(p, SECTION_FACT, "reference", translate("Reference"), f->reference);
	add_with_placeholders(p, "meaning", translate("What it means"), f->explanation);
	add_with_placeholders(p, "resolve", translate("How to resolve it"), f->remedy);
	return true;
}

/* ---- verbs ---- */

static const struct {
	enum phase phase;
	const char *text;
} phases[] = {
	{PHASE_GREET, N_("after the greeting, before EHLO")},
	{PHASE_HELO, N_("after EHLO, outside of a transaction")},
	{PHASE_MAIL, N_("after MAIL")},
	{PHASE_RCPT, N_("after RCPT, before DATA")},
};

static void add_phases(struct page *p, const struct verb_info *v)
{
	char ids[64] = "", texts[TEXT] = "";

	for (unsigned i = 0; i < sizeof phases / sizeof *phases; i++) {
		if (!(v->legal & phases[i].phase))
			continue;
		snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%s", ids[0] ? " " : "", phase_name(phases[i].phase));
		snprintf(texts + strlen(texts), sizeof texts - strlen(texts), "%s%s", texts[0] ? "\n" : "", translate(phases[i].text));
	}
	page_add(p, SECTION_WORD, "phases", NULL, ids);
	page_add(p, SECTION_LIST, "legal", translate("Legal"), texts);
}

static const char *pipelining_text(const struct verb_info *v)
{
	if (v->flags & VERB_IS_AUTH)
		return N_("last of a group, but with an initial response and a mechanism of one step, such as PLAIN, others may follow");
	return v->flags & VERB_LAST ? N_("only as the last command of a group") : N_("anywhere in a group");
}

static const char *standing_text(const struct verb_info *v)
{
	if (v->flags & VERB_BACK_DOOR)
		return N_("historic back door");
	if (v->flags & VERB_OBSOLETE)
		return N_("obsolete");
	if (v->flags & VERB_PRIVATE)
		return N_("private, by agreement only");
	return v->flags & VERB_EXTENSION ? N_("extension: the server must offer it in its EHLO reply") : N_("every server knows it");
}

static void add_verb_facts(struct page *p, const struct verb_info *v)
{
	char text[TEXT];

	snprintf(text, sizeof text, "%s%s%s", v->name, v->syntax[0] ? " " : "", v->syntax);
	page_add(p, SECTION_FACT, "syntax", translate("Syntax"), text);
	page_add(p, SECTION_FACT, "standing", translate("Standing"), translate(standing_text(v)));
	page_add(p, SECTION_FACT, "keyword", translate("EHLO keyword"), v->keyword);
	page_add(p, SECTION_FACT, "success", translate("Success"), v->success);
	snprintf(text, sizeof text, "421 500 501%s%s", v->errors[0] ? " " : "", v->errors);
	page_add(p, SECTION_FACT, "errors", translate("Errors"), text);
	page_add(p, SECTION_FACT, "pipelining", translate("Pipelining"), translate(pipelining_text(v)));
	if (v->max_line) {
		snprintf(text, sizeof text, "%u %s", v->max_line, translate("octets with CRLF, more where extensions allow it"));
		page_add_number(p, "max_line", v->max_line);
		page_add(p, SECTION_FACT, "max_line_text", translate("Longest line"), text);
	}
	if (v->flags & VERB_REDACT)
		page_add(p, SECTION_FACT, "secrecy", translate("Secrecy"), translate("its argument may hold a secret and is not shown"));
	page_add(p, SECTION_FACT, "reference", translate("Reference"), v->reference);
}

static bool verb_page(struct page *p, struct span word)
{
	const struct verb_info *v = verb_info(verb_find(word));
	char title[TEXT];

	if (v->verb == VERB_UNKNOWN)
		return false;
	snprintf(title, sizeof title, "%s  %s", v->name, translate("(command)"));
	page_start(p, "verb", title);
	page_add(p, SECTION_WORD, "verb", NULL, v->name);
	page_add(p, SECTION_WORD, "summary", NULL, translate(v->purpose));
	add_verb_facts(p, v);
	page_add(p, SECTION_TEXT, "meaning", translate("What it does"), translate(v->purpose));
	add_phases(p, v);
	return true;
}

/* ---- mechanisms and keywords ---- */

static bool mechanism_page(struct page *p, struct span word)
{
	const struct mechanism_info *m = mechanism_find(word);
	char title[TEXT];

	if (!m)
		return false;
	snprintf(title, sizeof title, "%s  %s", m->name, translate("(SASL mechanism)"));
	page_start(p, "mechanism", title);
	page_add(p, SECTION_WORD, "mechanism", NULL, m->name);
	page_add(p, SECTION_FACT, "reference", translate("Reference"), m->reference);
	page_add(p, SECTION_TEXT, "sent", translate("What is sent"), translate(m->sent));
	page_add(p, SECTION_TEXT, "identity", translate("What an observer sees of the identity"), translate(m->identity));
	page_add(p, SECTION_TEXT, "secrecy", translate("Secrecy"), translate(m->secrecy));
	return true;
}

static bool keyword_page(struct page *p, struct span word)
{
	const struct keyword_info *k = keyword_find(word);
	char title[TEXT];

	if (!k)
		return false;
	snprintf(title, sizeof title, "%s  %s", k->name, translate("(EHLO keyword)"));
	page_start(p, "keyword", title);
	page_add(p, SECTION_WORD, "keyword", NULL, k->name);
	page_add(p, SECTION_FACT, "reference", translate("Reference"), k->reference);
	page_add(p, SECTION_TEXT, "meaning", translate("What it means"), translate(k->meaning));
	return true;
}

bool explain_name(struct page *p, struct span word)
{
	return finding_page(p, word) || verb_page(p, word) || mechanism_page(p, word) || keyword_page(p, word);
}

/* ---- what was meant ---- */

struct search {
	struct span word;
	const char *best;
	unsigned distance; /* of best; more than the most allowed while there is none */
};

static void try_name(struct search *s, const char *name)
{
	unsigned d = verb_distance(s->word, span_str(name), s->distance - 1);

	if (d < s->distance) {
		s->distance = d;
		s->best = name;
	}
}

/* A finding whose id holds the word: "typo" for unknown_verb_typo. */
static const char *finding_with(struct span word)
{
	for (unsigned f = 0; f < FINDINGS && word.n >= 4; f++)
		if (span_ifind(span_str(finding_info((enum finding)f)->id), word) != SPAN_NPOS)
			return finding_info((enum finding)f)->id;
	return NULL;
}

const char *explain_nearest(struct span word)
{
	struct search s = {word, NULL, word.n < 4 ? 2 : word.n < 8 ? 3 : 4};

	for (unsigned v = VERB_UNKNOWN + 1; v < VERB_COUNT; v++)
		if (!(verb_info((enum verb)v)->flags & VERB_BACK_DOOR))
			try_name(&s, verb_info((enum verb)v)->name);
	for (unsigned i = 0; mechanism_info(i); i++)
		try_name(&s, mechanism_info(i)->name);
	for (unsigned i = 0; keyword_info(i); i++)
		try_name(&s, keyword_info(i)->name);
	for (unsigned f = 0; f < FINDINGS; f++)
		try_name(&s, finding_info((enum finding)f)->id);
	return s.best ? s.best : finding_with(word);
}
