/*
 * command_suspect.c - what an attacker writes into a command line (protocol facts 6): padding that overflows a buffer, conversions for
 * printf, text for a shell or an expansion language, coded line ends.
 *
 * Legal addresses are odd: `|`, a backquote and `$` are atext, a quoted string may hold nearly anything. So each form is looked for as it
 * is used, not by its characters. Lines that may hold a secret, or are message text or another protocol, are left alone.
 */
#include "command_internal.h"
#include "smtpscope/codec.h"

enum {
	RUN_LENGTH = 1000, /* one octet again and again: past every line limit but those of long parameters, whose values vary */
	SLED_LENGTH = 16,  /* x86 NOP (90h) in a row: no text in any charset has that */
	BINARY_OCTETS = 16 /* octets that are no text, when they make a quarter of the line */
};

static bool has_run(struct span s)
{
	size_t run = 0;

	for (size_t i = 0; i < s.n; i++) {
		run = i > 0 && s.p[i] == s.p[i - 1] ? run + 1 : 1;
		if (run >= RUN_LENGTH || (run >= SLED_LENGTH && s.p[i] == 0x90))
			return true;
	}
	return false;
}

static bool is_binary(struct span s)
{
	bool text = utf8_valid(s);
	size_t odd = 0;

	for (size_t i = 0; i < s.n; i++)
		odd += char_is(s.p[i], CHAR_CONTROL) ? s.p[i] != '\t' : char_is(s.p[i], CHAR_EIGHT_BIT) && !text;
	return odd >= BINARY_OCTETS && odd >= s.n / 4;
}

/* "%" [digits "$"] [digits] ["h" / "l"] ("n" / "s" / "x" / "p") at the start of s, and no name behind it ("u%site.example" is a route). */
static size_t conversion(struct span s)
{
	size_t i = 1;

	while (i < s.n && (char_is(s.p[i], CHAR_DIGIT) || s.p[i] == '$' || s.p[i] == '.'))
		i++;
	while (i < s.n && (s.p[i] == 'h' || s.p[i] == 'l'))
		i++;
	if (i >= s.n || (s.p[i] != 'n' && s.p[i] != 's' && s.p[i] != 'x' && s.p[i] != 'p'))
		return 0;
	i++;
	return i < s.n && char_is(s.p[i], CHAR_LDH) ? 0 : i;
}

static bool has_conversions(struct span s)
{
	unsigned found = 0;

	for (size_t i = 0; i < s.n && found < 2; i++) {
		size_t used = s.p[i] == '%' ? conversion(span_from(s, i)) : 0;

		found += used > 0;
		i += used ? used - 1 : 0;
	}
	return found >= 2;
}

/* ---- text for a shell ---- */

/* A '|' that pipes: at the start of the local-part, or before a path or a blank. */
static bool is_pipe(struct span s, size_t i)
{
	uint8_t before = i ? s.p[i - 1] : '<', after = i + 1 < s.n ? s.p[i + 1] : '\0';

	return before == '<' || before == '"' || before == ' ' || before == ';' || after == '/' || after == ' ';
}

/* The form that starts at s.p[i], as many octets as show it; 0 none. */
static size_t form_at(struct span s, size_t i, bool quoted)
{
	struct span here = span_from(s, i), rest = span_from(s, i + 1);
	uint8_t next = rest.n ? rest.p[0] : '\0';

	switch (s.p[i]) {
	case '$':
		return next == '{' || next == '(' ? 2 : 0;
	case '`':
		return span_chr(rest, '`') != SPAN_NPOS ? 1 : 0;
	case ';':
		return quoted ? 0 : 1;
	case '|':
		return is_pipe(s, i) ? 1 : 0;
	case '(':
		return span_starts(here, SPAN("() {")) ? 4 : span_starts(here, SPAN("(){")) ? 3 : 0;
	case '\\':
		return !quoted && (next == 'n' || next == 'r' || next == 'x' || next == '0') ? 2 : 0;
	default:
		return 0;
	}
}

static struct span find_code(struct span s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		size_t n = char_is(s.p[i], CHAR_SHELL) ? form_at(s, i, quoted) : 0;

		if (n)
			return span_first(span_from(s, i), n);
		quoted ^= s.p[i] == '"';
		i += quoted && s.p[i] == '\\';
	}
	return SPAN_ABSENT;
}

/* Coded, or a CR itself: a LF would have ended the line. */
static bool has_line_end(struct span s)
{
	return span_chr(s, '\r') != SPAN_NPOS || span_ifind(s, SPAN("%0d")) != SPAN_NPOS || span_ifind(s, SPAN("%0a")) != SPAN_NPOS;
}

/* The part of the argument that names a mailbox or a host: ';' belongs into parameters (BY, ORCPT). */
static struct span named_part(const struct command *c)
{
	unsigned flags = verb_info(c->verb)->flags;

	if (flags & VERB_OPENS_MAIL || c->verb == VERB_RCPT)
		return c->path.raw.p ? c->path.raw : c->argument;
	return flags & VERB_IS_HELLO ? c->argument : SPAN_ABSENT;
}

void suspect_check(struct span text, struct command *out)
{
	uint64_t other = DEFECT(HTTP) | DEFECT(SSH) | DEFECT(MESSAGE_TEXT) | DEFECT(LONE_TOKEN) | DEFECT(TELNET) | DEFECT(UTF8_BOM);

	if (out->defects & other || bytes_foreign(out->defects) || verb_info(out->verb)->flags & VERB_REDACT)
		return;
	out->construct = find_code(named_part(out));
	if (out->construct.p)
		out->defects |= DEFECT(CODE);
	if (verb_info(out->verb)->flags & VERB_NEEDS_ARGUMENT && has_line_end(out->argument))
		out->defects |= DEFECT(LINE_END_INSIDE);
	if (has_run(text) || has_conversions(text) || is_binary(text))
		out->defects |= DEFECT(OVERFLOW);
}
