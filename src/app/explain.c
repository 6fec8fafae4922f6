/*
 * explain.c - the arguments of `smtpscope explain`, what to print, and how. See explain.h.
 *
 * One argument is a code, a reply line or a name; two are put side by side.
 */
#include "explain.h"

#include "explain_internal.h"
#include "report.h"
#include "smtpscope/sink.h"
#include "translate.h"

#include <stdlib.h>

static int reject(struct span word, struct err *err)
{
	const char *near = explain_nearest(word);

	return err_set(err, 2, "explain: \"%.*s\" is no reply code (334), enhanced code (5.7.8), reply (\"550 5.1.1\"), finding, command,"
			       " mechanism or EHLO keyword%s%s%s",
		       (int)(word.n < 64 ? word.n : 64), (const char *)word.p, near ? "; did you mean " : "", near ? near : "",
		       near ? "?" : "");
}

static bool explain_one(struct page *p, struct span word)
{
	return explain_code(p, word) || explain_enhanced(p, word) || explain_name(p, word);
}

static int one(struct document *d, struct span word, struct err *err)
{
	d->count = 1;
	if (explain_one(&d->page[0], word) || explain_reply(d, word))
		return 0;
	return reject(word, err);
}

static int two(struct document *d, struct span left, struct span right, struct err *err)
{
	d->kind = DOCUMENT_COMPARISON;
	d->count = 2;
	if (!explain_one(&d->page[0], left))
		return reject(left, err);
	if (!explain_one(&d->page[1], right))
		return reject(right, err);
	explain_difference(d, left, right);
	return 0;
}

static int fill(struct document *d, const struct options *o, struct err *err)
{
	if (o->word_count == 0)
		return err_set(err, 2, "explain what? For example: smtpscope explain 334, explain 5.7.8, explain \"550 5.1.1\", explain AUTH,"
				       " or two codes: explain 334 500");
	if (o->word_count == 1)
		return one(d, span_str(o->words[0]), err);
	return two(d, span_str(o->words[0]), span_str(o->words[1]), err);
}

static int print(const struct document *d, const struct options *o, struct err *err)
{
	struct sink *sink = sink_open(o->output[0].target, NULL, err);
	struct page_look look;
	char *text;

	if (!sink)
		return -1;
	look = (struct page_look){.colour = report_colour(o, sink), .width = report_width(sink)};
	if (!look.width)
		look.width = 80;
	text = o->output[0].format == OUTPUT_JSON ? document_json(d) : document_text(d, &look);
	if (text)
		sink_write(sink, span_str(text), SPAN_ABSENT);
	free(text);
	if (sink_close(&sink, err) != 0)
		return -1;
	return text ? 0 : err_set(err, 1, "out of memory");
}

int explain(const struct options *o, void (*complain)(const char *text), struct err *err)
{
	enum language language = o->language == LANGUAGE_AUTO ? language_of_locale() : o->language;
	struct document d = {0};
	int status;

	if (!translate_start(language, o->program) && o->language != LANGUAGE_AUTO)
		complain("no Japanese texts (share/locale/ja/LC_MESSAGES/smtpscope.mo, and a locale besides C): English is used");
	status = fill(&d, o, err);
	if (status == 0 && (d.page[0].failed || d.page[1].failed || d.about.failed))
		status = err_set(err, 1, "out of memory");
	if (status == 0)
		status = print(&d, o, err);
	document_free(&d);
	return status;
}
