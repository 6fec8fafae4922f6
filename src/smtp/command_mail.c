/*
 * command_mail.c - the arguments of MAIL and RCPT (RFC 5321 4.1.1.2, 4.1.1.3, 4.1.1.11; RFC 6531 3.3).
 *
 *   MAIL = "FROM:" Reverse-path [SP Mail-parameters]      RCPT = "TO:" Forward-path [SP Rcpt-parameters]
 *   Reverse-path = Path / "<>"      Path = "<" [ A-d-l ":" ] Mailbox ">"
 *   esmtp-param = esmtp-keyword ["=" esmtp-value]
 *   esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")      esmtp-value = 1*(%d33-60 / %d62-126)
 *
 * Liberal: whatever can be an address is taken for one, with or without keyword, colon and brackets. SEND, SOML and SAML
 * are read like MAIL.
 */
#include "command_internal.h"

/* End of the piece of s that starts at 0 and ends before the first octet of stop outside quotes; s.n when there is none. */
static size_t quoted_scan(struct span s, const char *stop)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && span_chr(span_str(stop), s.p[i]) != SPAN_NPOS)
			return i;
	}
	return s.n;
}

static struct span skip_blanks(struct span s)
{
	return span_from(s, span_find_not_class(s, CHAR_WSP));
}

/* FROM or TO, and what may stand right behind it. */
static bool keyword_cut(struct span *rest, struct span keyword)
{
	struct span after;

	if (!span_istarts(*rest, keyword))
		return false;
	after = span_from(*rest, keyword.n);
	if (after.n > 0 && after.p[0] != ':' && after.p[0] != '<' && !char_is(after.p[0], CHAR_WSP))
		return false;
	*rest = after;
	return true;
}

/* "FROM:" with all its variants; leaves the path and what follows in *rest. */
static void prefix_cut(struct span *rest, struct command *out)
{
	bool rcpt = out->verb == VERB_RCPT;
	struct span start = *rest, after;

	if (!keyword_cut(rest, rcpt ? SPAN("TO") : SPAN("FROM"))) {
		argument_bad(out, DEFECT(MISSING_FROM_TO), start);
		if (!keyword_cut(rest, rcpt ? SPAN("FROM") : SPAN("TO")) && rest->p[0] != ':')
			return;
	}
	after = skip_blanks(*rest);
	if (after.n == 0 || after.p[0] != ':') {
		argument_bad(out, DEFECT(MISSING_COLON), start);
		*rest = after;
		return;
	}
	if (after.n != rest->n)
		argument_bad(out, DEFECT(SPACE_AROUND_COLON), start);
	after = span_from(after, 1);
	*rest = skip_blanks(after);
	if (after.n != rest->n)
		argument_bad(out, DEFECT(SPACE_AROUND_COLON), start);
}

/* From '<' on: up to the matching '>', or to the first blank where there is none. Returns what stands inside. */
static struct span bracketed_cut(struct span *rest, struct command *out)
{
	struct span s = *rest;
	size_t open = 1, close, end;

	while (open < s.n && s.p[open] == '<')
		open++;
	close = open + quoted_scan(span_from(s, open), ">");
	if (close == s.n) /* a quote that never ends must not swallow the line: look again without quotes */
		close = open + span_first(span_from(s, open), span_chr(span_from(s, open), '>')).n;
	if (close == s.n)
		close = open + quoted_scan(span_from(s, open), " \t");
	end = close;
	while (end < s.n && s.p[end] == '>')
		end++;
	if (open != 1 || end - close != 1)
		argument_bad(out, DEFECT(UNBALANCED_BRACKETS), span_first(s, end));
	out->path.raw = span_first(s, end);
	*rest = span_from(s, end);
	return span_from(span_first(s, close), open);
}

/* No '<' at the start: an address without brackets, or a display name with one behind it. */
static struct span bare_cut(struct span *rest, struct command *out)
{
	struct span s = *rest;
	size_t bracket = quoted_scan(s, "<");
	size_t end = quoted_scan(s, " \t"), at = quoted_scan(span_first(s, end), "@");

	if (bracket < s.n && (at == end || bracket < at)) {
		argument_bad(out, DEFECT(DISPLAY_NAME), span_first(s, bracket));
		*rest = span_from(s, bracket);
		return bracketed_cut(rest, out);
	}
	out->path.raw = span_first(s, end);
	*rest = span_from(s, end);
	if (end > 0 && s.p[end - 1] == '>') {
		argument_bad(out, DEFECT(UNBALANCED_BRACKETS), out->path.raw);
		return span_first(s, end - 1);
	}
	argument_bad(out, DEFECT(MISSING_BRACKETS), out->path.raw);
	return out->path.raw;
}

static void path_parse(struct span *rest, struct command *out)
{
	bool rcpt = out->verb == VERB_RCPT;
	struct path path;
	struct span inside;

	if (rest->n == 0) {
		out->defects |= DEFECT(MISSING_ARGUMENT);
		return;
	}
	inside = rest->p[0] == '<' ? bracketed_cut(rest, out) : bare_cut(rest, out);
	path_split(inside, &path);
	path.raw = out->path.raw;
	out->path = path;
	if (path.null && rcpt)
		argument_bad(out, DEFECT(NULL_RECIPIENT), path.raw);
	argument_bad(out, path_check(&path, rcpt), path.raw);
}

static bool keyword_valid(struct span k)
{
	return k.n > 0 && char_is(k.p[0], CHAR_ALPHA | CHAR_DIGIT) && span_all(k, CHAR_LDH);
}

static bool value_valid(struct span v)
{
	return !v.p || (v.n > 0 && span_all(v, CHAR_ESMTP_VALUE | CHAR_EIGHT_BIT));
}

static bool seen_before(const struct command *c, struct span keyword)
{
	for (unsigned i = 0; i < c->param_count; i++) {
		if (span_ieq(c->params[i].keyword, keyword))
			return true;
	}
	return false;
}

/* What is wrong with one parameter that is not in c yet. */
static uint64_t param_check(const struct command *c, const struct param *p)
{
	const struct param_info *info = param_find(p->keyword);
	bool known = info && (c->verb == VERB_RCPT ? info->rcpt : info->mail);
	bool valid = known && info->valid(p->value);
	uint64_t defects = 0;

	/* A few vendors' and one registered value hold a '=': where the row allows it, it is no fault of form. */
	if (!keyword_valid(p->keyword) || (!value_valid(p->value) && !(valid && p->value.n > 0)))
		return DEFECT(PARAMS_MALFORMED);
	if (!known)
		defects |= DEFECT(UNKNOWN_PARAMETER);
	else if (!valid)
		defects |= DEFECT(BAD_PARAMETER_VALUE);
	if (known && info->once && seen_before(c, p->keyword))
		defects |= DEFECT(DUPLICATE_PARAMETER);
	return defects;
}

static void param_add(struct span token, struct command *out)
{
	size_t equals = span_chr(token, '=');
	struct param p = {token, SPAN_ABSENT};
	uint64_t defects;

	if (equals != SPAN_NPOS)
		p = (struct param){span_first(token, equals), span_from(token, equals + 1)};
	defects = param_check(out, &p);
	if (out->param_count == COMMAND_MAX_PARAMS) {
		argument_bad(out, DEFECT(PARAMS_MALFORMED), token);
		return;
	}
	argument_bad(out, defects, token);
	out->params[out->param_count++] = p;
	if (span_ieq(p.keyword, SPAN("SIZE")) && out->declared_size == UINT64_MAX)
		(void)span_u64(p.value, &out->declared_size);
}

/* "SIZE = 10" is one parameter with blanks in it: its parts are no parameters that could be unknown or have a wrong value. */
static void torn_forget(struct command *out)
{
	out->defects &= ~(DEFECT(UNKNOWN_PARAMETER) | DEFECT(BAD_PARAMETER_VALUE));
	out->bad = out->params_raw;
}

static void params_parse(struct span rest, struct command *out)
{
	bool single_spaces = true, keyword = false, torn = false; /* keyword: the one before had no value */

	if (rest.n == 0)
		return;
	if (!char_is(rest.p[0], CHAR_WSP))
		argument_bad(out, DEFECT(PARAMS_MALFORMED), rest);
	out->params_raw = skip_blanks(rest);
	while (rest.n > 0) {
		struct span after = skip_blanks(rest);

		single_spaces = single_spaces && rest.n - after.n <= 1 && rest.p[0] != '\t';
		rest = after;
		after = span_first(rest, span_find_class(rest, CHAR_WSP));
		torn |= after.n > 0 && (after.p[0] == '=' ? keyword : after.p[after.n - 1] == '=');
		keyword = span_chr(after, '=') == SPAN_NPOS;
		param_add(after, out);
		rest = span_from(rest, after.n);
	}
	if (torn && out->defects & DEFECT(PARAMS_MALFORMED))
		torn_forget(out);
	if (!single_spaces)
		argument_bad(out, DEFECT(PARAMS_MALFORMED), out->params_raw);
}

void mail_argument_parse(struct span rest, struct command *out)
{
	prefix_cut(&rest, out);
	path_parse(&rest, out);
	params_parse(rest, out);
}
