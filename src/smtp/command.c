/*
 * command.c - one command line of RFC 5321 4.1: the order in which its parts are looked at.
 *
 *   command = verb [SP argument] CRLF
 *
 * Line form, octets, verb, argument, and in the end whether its octets above 7Fh were allowed. Parsing always succeeds; what
 * is wrong is a bit (law L3). All spans of the result point into the line.
 */
#include "command_internal.h"
#include "smtpscope/codec.h"

enum { LONG_LINE = 1000 }; /* from here on a line can hold a run that is suspect by itself */

struct span word_cut(struct span *rest)
{
	size_t end = span_find_class(*rest, CHAR_WSP);
	struct span word = span_first(*rest, end);
	struct span after = span_from(*rest, end);
	size_t next = span_find_not_class(after, CHAR_WSP);

	*rest = span_from(after, next);
	return word;
}

/* RFC 5321 2.3.8, 4.5.3.1.4. */
static uint64_t form_check(struct span line, uint64_t length, enum line_end end, uint64_t limit)
{
	uint64_t defects = 0;

	if (limit != 0 && length > limit)
		defects |= DEFECT(TOO_LONG);
	if (end == LINE_END_LF)
		defects |= DEFECT(BARE_LF);
	if (end == LINE_END_CRCRLF)
		defects |= DEFECT(EXTRA_CR);
	if (line.n > 0 && char_is(line.p[0], CHAR_WSP))
		defects |= DEFECT(LEADING_SPACE);
	if (line.n > 0 && char_is(line.p[line.n - 1], CHAR_WSP))
		defects |= DEFECT(TRAILING_SPACE);
	return defects;
}

/* The verb and, behind white space, the argument with whatever trails it. */
static void verb_cut(struct span text, struct command *out)
{
	struct span rest = text;

	out->verb_text = word_cut(&rest);
	if (rest.n == 0)
		return;
	out->argument = rest;
	if (text.p[out->verb_text.n] == '\t')
		out->defects |= DEFECT(GLUED);
}

/* RFC 6531 3.3: the parameter of MAIL, VRFY or EXPN allows UTF-8 here; RCPT is allowed what its MAIL asked for. */
static bool utf8_in_force(const struct command *c, bool smtputf8_ok)
{
	for (unsigned i = 0; i < c->param_count; i++) {
		if (span_ieq(c->params[i].keyword, SPAN("SMTPUTF8")))
			return true;
	}
	return smtputf8_ok && c->verb == VERB_RCPT;
}

static uint64_t eight_bit_check(struct span text, const struct command *c, bool smtputf8_ok)
{
	if (c->defects & DEFECT(TELNET))
		return 0;
	if (!utf8_in_force(c, smtputf8_ok))
		return DEFECT(EIGHT_BIT);
	return utf8_valid(text) ? 0 : DEFECT(INVALID_UTF8);
}

/* HT in the middle of an argument; at its ends and behind the verb it has defects of its own. */
static uint64_t inner_tab_check(const struct command *c)
{
	return span_chr(span_rtrim(c->argument, CHAR_WSP), '\t') == SPAN_NPOS ? 0 : DEFECT(CONTROL_CHAR);
}

static void text_parse(struct span text, enum phase phase, struct command *out)
{
	struct span rest;

	verb_cut(text, out);
	if (bytes_foreign(out->defects))
		return;
	out->verb = verb_find(out->verb_text);
	rest = span_rtrim(out->argument, CHAR_WSP);
	if (out->verb == VERB_UNKNOWN)
		unknown_verb(text, phase, out, &rest);
	else if (out->defects & DEFECT(GLUED))
		out->meant = out->verb;
	if (out->verb != VERB_UNKNOWN)
		argument_parse(rest, out);
}

void command_parse(struct span line, uint64_t length, enum line_end end, uint64_t limit, bool smtputf8_ok,
		   enum phase phase, struct command *out)
{
	unsigned seen = 0;
	struct span text = line;

	*out = (struct command){.declared_size = UINT64_MAX};
	out->defects = form_check(line, length, end, limit);
	for (size_t i = 0; i < line.n; i++)
		seen |= char_classes[line.p[i]];
	if (seen & (CHAR_CONTROL | CHAR_EIGHT_BIT))
		out->defects |= bytes_check(&text);
	text = span_from(text, span_find_not_class(text, CHAR_WSP));
	if (text.n == 0) {
		out->defects |= line.n == 0 || !(out->defects & DEFECT(TELNET)) ? DEFECT(EMPTY) : 0;
		return;
	}
	text_parse(text, phase, out);
	if (!bytes_foreign(out->defects))
		out->defects |= inner_tab_check(out);
	if (seen & (CHAR_CONTROL | CHAR_EIGHT_BIT | CHAR_SHELL) || line.n >= LONG_LINE)
		suspect_check(text, out);
	if (seen & CHAR_EIGHT_BIT && span_find_class(text, CHAR_EIGHT_BIT) != SPAN_NPOS && !bytes_foreign(out->defects))
		out->defects |= eight_bit_check(text, out, smtputf8_ok);
}
