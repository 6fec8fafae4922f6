/*
 * cause_evidence.c - what shows a finding: the numbers, the part of the line, the state, the reply.
 *
 * Nothing here holds a secret: verb and argument come as they may be shown, and .bad is absent where it could be one.
 */
#include "cause_state.h"

#include <inttypes.h>

enum { SHOWN = 64, TEXT_SHOWN = 128 }; /* octets of a line or a text; the event holds all of it */

/* printf into buf. */
#define printed(buf, cap, ...) span_of(buf, span_printf(buf, 0, cap, __VA_ARGS__))

static struct span put_line(const struct exchange *x, char *buf, size_t cap)
{
	size_t n = span_append(buf, 0, cap, span_first(x->verb_text, SHOWN));

	if (x->argument.n) {
		n = span_append(buf, n, cap, SPAN(" "));
		n = span_append(buf, n, cap, span_first(x->argument, SHOWN));
	}
	return span_of(buf, n);
}

/* How far the dialogue really was. */
static struct span put_state(const struct exchange *x, char *buf, size_t cap)
{
	uint64_t s = x->situation;

	return printed(buf, cap, "%s, %s, %s%s%s%s", s & SIT(NO_HELLO_REAL) ? "no EHLO" : "EHLO accepted",
		       s & SIT(MAIL_OPEN_REAL) ? "MAIL accepted" : "no MAIL", s & SIT(RCPT_REAL) ? "RCPT accepted" : "no RCPT",
		       s & SIT(AUTHENTICATED) ? ", authenticated" : "", s & SIT(TLS) ? ", TLS" : "",
		       s & SIT(BDAT_FAILED) ? ", chunk refused" : s & SIT(BDAT_LAST) ? ", BDAT LAST sent" :
		       s & SIT(BDAT_OPEN) ? ", message half sent" : "");
}

/* Is it this line by which a rule or a text of a known server says f? The same exchange with no text must not do. */
static bool line_says(const struct exchange *x, enum finding f, enum category category, const struct span *line)
{
	struct exchange with = *x, without = *x;

	with.text = line;
	with.text_count = 1;
	without.text_count = 0;
	if (text_supports(&with, f))
		return true;
	if (f == FINDING_policy_rejection && category != CATEGORY_NONE && category_of(x->code, SPAN_ABSENT, line, 1) == category)
		return true;
	for (unsigned i = 0; i < cause_rule_count; i++)
		if (cause_rules[i].finding == f && rule_matches(&cause_rules[i], &with) && !rule_matches(&cause_rules[i], &without))
			return true;
	return false;
}

/* What the reply's own defect is in. */
static bool line_is_odd(const struct exchange *x, struct span line)
{
	bool masked = x->reply_defects & REPLY_DEFECT(KEYWORD_MASKED) && span_starts(line, SPAN("XXXX"));
	bool eight_bit = x->reply_defects & REPLY_DEFECT(EIGHT_BIT) && span_find_class(line, CHAR_EIGHT_BIT) != SPAN_NPOS;

	return masked || eight_bit;
}

/* Two words of letters, and no link. */
static bool has_words(struct span line)
{
	enum { WORD = 3 };
	unsigned words = 0;

	while (line.p) {
		struct span word = span_split(&line, ' ');

		words += word.n >= WORD && span_all(span_first(word, WORD), CHAR_ALPHA) && span_find(word, SPAN("://")) == SPAN_NPOS;
	}
	return words >= 2;
}

/* Of several lines the one that says f; else the first of a refusal that is a sentence. */
static struct span telling_line(const struct exchange *x, enum finding f, enum category category)
{
	bool reply = finding_info(f)->group == GROUP_REPLY || finding_info(f)->group == GROUP_SECURITY;

	for (uint32_t i = 0; x->text_count > 1 && i < x->text_count; i++)
		if (reply ? line_is_odd(x, x->text[i]) : line_says(x, f, category, &x->text[i]))
			return x->text[i];
	for (uint32_t i = 0; x->code >= 400 && i < x->text_count; i++)
		if (has_words(x->text[i]))
			return x->text[i];
	return x->text_count ? x->text[x->text_count - 1] : SPAN_ABSENT;
}

static struct span put_reply_line(const struct exchange *x, enum finding f, enum category category, char *buf, size_t cap)
{
	struct span text = telling_line(x, f, category);
	size_t n = x->code > 0 ? span_printf(buf, 0, cap, "%03d ", x->code) : 0;

	if (x->enhanced.n) {
		n = span_append(buf, n, cap, x->enhanced);
		n = span_append(buf, n, cap, SPAN(" "));
	}
	return span_of(buf, span_append(buf, n, cap, span_first(text, TEXT_SHOWN)));
}

/* The characters that give it away, then the argument with its letters and digits covered. */
static struct span put_code(const struct exchange *x, char *buf, size_t cap)
{
	size_t n = span_append(buf, 0, cap, x->construct);

	n = span_append(buf, n, cap, SPAN(" in "));
	for (size_t i = 0; i < x->argument.n && i < SHOWN && n < cap; i++)
		buf[n++] = char_is(x->argument.p[i], CHAR_ALPHA | CHAR_DIGIT) ? 'x' : (char)x->argument.p[i];
	return span_of(buf, n);
}

/* FNV-1a of what the line starts with: tells the same attack again without repeating it. */
static struct span put_overflow(const struct exchange *x, char *buf, size_t cap)
{
	enum { HEAD = 16 };
	char line[HEAD];
	size_t n = span_append(line, 0, HEAD, x->verb_text);
	uint64_t h = 14695981039346656037u;

	n = span_append(line, n, HEAD, x->argument);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)line[i]) * 1099511628211u;
	return printed(buf, cap, "length %" PRIu64 ", first octets %016" PRIx64, x->length, h);
}

static struct span put_size(const struct exchange *x, char *buf, size_t cap)
{
	return printed(buf, cap, "declared %" PRIu64 ", limit %" PRIu64, x->declared_size, x->size_limit);
}

static struct span put_length(const struct exchange *x, char *buf, size_t cap)
{
	return printed(buf, cap, "length %" PRIu64 ", limit %" PRIu64, x->length, x->limit);
}

static struct span put_short_length(const struct exchange *x, char *buf, size_t cap)
{
	return printed(buf, cap, "length %" PRIu64 ", every server must take 512", x->length);
}

static struct span put_announced(const struct exchange *x, char *buf, size_t cap)
{
	if (x->announced == EV_NONE)
		return x->bad;
	return printed(buf, cap, "announced %" PRIu64 "%s", x->announced, x->announced == EV_NONE - 1 ? " or more" : "");
}

struct evidence_row {
	enum finding finding;
	struct span (*put)(const struct exchange *x, char *buf, size_t cap); /* NULL: the reply */
};

static const struct evidence_row own[] = {
    {FINDING_size_exceeds_limit, put_size},       {FINDING_command_line_too_long, put_length},
    {FINDING_auth_line_too_long, put_length},     {FINDING_server_says_too_long, put_short_length},
    {FINDING_command_overflow, put_overflow},     {FINDING_code_injection_address, put_code},
    {FINDING_bdat_mismatch, put_announced},       {FINDING_policy_rejection, NULL},
    {FINDING_too_many_errors, NULL},              {FINDING_server_rejects_valid_command, NULL},
    {FINDING_response_splitting, NULL},           {FINDING_proxy_preface_unexpected, NULL},
    {FINDING_auth_required, NULL},                {FINDING_starttls_required, NULL},
    {FINDING_starttls_stripped, NULL},
};

struct span evidence_of(const struct exchange *x, enum finding f, enum category category, char *buf, size_t cap)
{
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (own[i].finding == f)
			return own[i].put ? own[i].put(x, buf, cap) : put_reply_line(x, f, category, buf, cap);
	switch (finding_info(f)->group) {
	case GROUP_ARGUMENT:
		return x->bad.p ? x->bad : put_line(x, buf, cap);
	case GROUP_SEQUENCE:
		return put_state(x, buf, cap);
	case GROUP_REPLY:
	case GROUP_AUTH:
		return put_reply_line(x, f, category, buf, cap);
	case GROUP_BYTES:
	case GROUP_LINE:
	case GROUP_VERB:
	case GROUP_PIPELINING:
	case GROUP_BODY:
	case GROUP_TRANSPORT:
	case GROUP_SECURITY:
	case GROUP_CAPTURE:
	case GROUPS:
		break;
	}
	return put_line(x, buf, cap);
}

/* The numbers and words of the notice, where smtp gave no evidence of its own. */
struct span notice_evidence(const struct notice *n, struct span given, char *buf, size_t cap)
{
	size_t length = 0;

	if (n->id == NOTICE_SMUGGLING_ATTEMPT || n->id == NOTICE_SMUGGLING_CONFIRMED)
		length = span_printf(buf, 0, cap, "%s: %.*s then %.*s", n->id == NOTICE_SMUGGLING_CONFIRMED ? "confirmed" : "attempt", (int)given.n,
				     (const char *)given.p, (int)n->text.n, (const char *)n->text.p);
	else if (given.p)
		return given;
	else if (n->id == NOTICE_CLEARTEXT_AUTH)
		length = span_printf(buf, 0, cap, "%.*s; STARTTLS was %s", (int)n->text.n, (const char *)n->text.p,
				     n->a ? "refused or stripped" : n->situation & SIT(ADVERTISED) ? "offered" : "not offered");
	else if (n->id == NOTICE_ALL_REFUSED)
		length = span_printf(buf, 0, cap, "%" PRIu64 " octets sent, %" PRIu64 " of %" PRIu64 " recipients refused", n->a, n->b, n->b);
	else if (n->id == NOTICE_BDAT_NO_LAST)
		length = span_printf(buf, 0, cap, "%" PRIu64 " octets came, no LAST", n->a);
	else if (n->b)
		length = span_printf(buf, 0, cap, "%" PRIu64 ", expected %" PRIu64, n->a, n->b);
	else if (n->id == NOTICE_STREAM_GAP)
		length = span_printf(buf, 0, cap, "%" PRIu64 " octets of the %.*s", n->a, (int)n->text.n, (const char *)n->text.p);
	else if (n->text.n)
		length = span_printf(buf, 0, cap, "%.*s", (int)n->text.n, (const char *)n->text.p);
	return length ? span_of(buf, length) : SPAN_ABSENT;
}
