/*
 * reply.c - reply lines and EHLO keywords. See reply.h.
 *
 *   Reply-line  = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF   (RFC 5321 4.2)
 *   status-code = class "." subject "." detail                                               (RFC 3463 2)
 *
 * Left out: joining lines to a reply (smtp/session) and what a code means (diag/catalog).
 */
#include "smtpscope/reply.h"

enum { REPLY_LINE_MAX = 512 }; /* RFC 5321 4.5.3.1.5 */

/* 1*3DIGIT without a leading zero, off the front of s; false when there is none. */
static bool take_number(struct span *s)
{
	size_t n = 0;

	while (n < s->n && n < 4 && char_is(s->p[n], CHAR_DIGIT))
		n++;
	if (n == 0 || n > 3 || (n > 1 && s->p[0] == '0'))
		return false;
	*s = span_from(*s, n);
	return true;
}

static bool take_dot(struct span *s)
{
	if (!s->n || s->p[0] != '.')
		return false;
	*s = span_from(*s, 1);
	return true;
}

struct span enhanced_find(struct span s)
{
	struct span rest = span_from(s, 1);

	if (s.n < 5 || (s.p[0] != '2' && s.p[0] != '4' && s.p[0] != '5'))
		return SPAN_ABSENT;
	if (!take_dot(&rest) || !take_number(&rest) || !take_dot(&rest) || !take_number(&rest))
		return SPAN_ABSENT;
	if (rest.n && !char_is(rest.p[0], CHAR_WSP) && rest.p[0] != ':' && rest.p[0] != ')')
		return SPAN_ABSENT;
	return span_first(s, s.n - rest.n);
}

/* qmail: "... (#5.5.1)" at the end of the text. */
static struct span enhanced_in_brackets(struct span text)
{
	size_t at = span_find(text, SPAN("(#"));

	return at == SPAN_NPOS ? SPAN_ABSENT : enhanced_find(span_from(text, at + 2));
}

static void find_enhanced(struct reply_line *r)
{
	r->enhanced = enhanced_find(r->text);
	if (r->enhanced.p)
		r->text = span_trim(span_from(r->text, r->enhanced.n), CHAR_WSP);
	else
		r->enhanced = enhanced_in_brackets(r->text);
	if (r->enhanced.p && r->code >= 0 && r->enhanced.p[0] - '0' != r->code / 100)
		r->defects |= REPLY_DEFECT(CLASS_MISMATCH);
}

/* A code and a separator: what a client that takes a bare CR for a line end would read as one more reply. */
static bool looks_like_reply(struct span s)
{
	return s.n >= 3 && s.p[0] >= '2' && s.p[0] <= '5' && span_all(span_first(s, 3), CHAR_DIGIT) &&
	       (s.n == 3 || s.p[3] == ' ' || s.p[3] == '-');
}

static uint32_t byte_defects(struct span line)
{
	uint32_t bits = 0;

	if (span_find_class(line, CHAR_EIGHT_BIT) != SPAN_NPOS)
		bits |= REPLY_DEFECT(EIGHT_BIT);
	for (size_t i = 0; i < line.n; i++) {
		if (!char_is(line.p[i], CHAR_CONTROL) || line.p[i] == '\t')
			continue;
		bits |= REPLY_DEFECT(CONTROL_CHAR);
		if (line.p[i] == '\r' && looks_like_reply(span_from(line, i + 1)))
			bits |= REPLY_DEFECT(SPLIT);
	}
	return bits;
}

/* Cisco ASA overwrites the greeting with stars, but for '2', '0' and blanks. */
static bool is_masked_greeting(struct span text)
{
	size_t stars = 0, other = 0;

	for (size_t i = 0; i < text.n; i++) {
		stars += text.p[i] == '*';
		other += text.p[i] != '*' && text.p[i] != '2' && text.p[i] != '0' && text.p[i] != ' ';
	}
	return stars >= 8 && other * 4 <= stars;
}

/* X{4,}[A-Z]? : what a firewall leaves of a keyword it hides. */
static bool is_masked_keyword(struct span text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] == 'X')
		n++;
	return n >= 4 && (n == text.n || (n + 1 == text.n && char_is(text.p[n], CHAR_ALPHA)));
}

static int code_of(struct span line)
{
	if (line.n < 3 || !span_all(span_first(line, 3), CHAR_DIGIT))
		return -1;
	return (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0');
}

static void parse_coded(struct span line, struct reply_line *r)
{
	uint8_t separator = line.n > 3 ? line.p[3] : ' ';

	r->last = separator != '-';
	r->text = span_from(line, 4);
	if (line.n <= 4)
		r->defects |= r->last ? REPLY_DEFECT(NO_TEXT) : 0;
	if (separator != ' ' && separator != '-' && separator != '\t') {
		r->defects |= REPLY_DEFECT(BAD_SEPARATOR);
		r->text = span_from(line, 3);
	}
	if (r->code < 200 || r->code > 599)
		r->defects |= REPLY_DEFECT(OUT_OF_RANGE);
	if (r->code == 220 && is_masked_greeting(r->text))
		r->defects |= REPLY_DEFECT(GREETING_MASKED);
	if (r->code == 250 && is_masked_keyword(r->text))
		r->defects |= REPLY_DEFECT(KEYWORD_MASKED);
	if (r->code / 100 != 3)
		find_enhanced(r);
}

void reply_line_parse(struct span line, uint64_t length, enum line_end end, struct reply_line *out)
{
	*out = (struct reply_line){.code = code_of(line), .last = true, .text = line};
	out->defects = byte_defects(line);
	if (end == LINE_END_LF)
		out->defects |= REPLY_DEFECT(BARE_LF);
	if (length > REPLY_LINE_MAX && out->code != 334)
		out->defects |= REPLY_DEFECT(TOO_LONG);
	if (out->code >= 0)
		parse_coded(line, out);
	else
		out->defects |= line.n < 3 ? REPLY_DEFECT(SHORT) : REPLY_DEFECT(NOT_NUMERIC);
}

static const char *const keywords[EHLO_KEYWORDS] = {
    [EHLO_PIPELINING] = "PIPELINING",
    [EHLO_STARTTLS] = "STARTTLS",
    [EHLO_AUTH] = "AUTH",
    [EHLO_SIZE] = "SIZE",
    [EHLO_CHUNKING] = "CHUNKING",
    [EHLO_BINARYMIME] = "BINARYMIME",
    [EHLO_8BITMIME] = "8BITMIME",
    [EHLO_SMTPUTF8] = "SMTPUTF8",
    [EHLO_DSN] = "DSN",
    [EHLO_ETRN] = "ETRN",
    [EHLO_ENHANCEDSTATUSCODES] = "ENHANCEDSTATUSCODES",
    [EHLO_PRDR] = "PRDR",
    [EHLO_PIPECONNECT] = "PIPECONNECT",
    [EHLO_EXPN] = "EXPN",
    [EHLO_HELP] = "HELP",
    [EHLO_XCLIENT] = "XCLIENT",
    [EHLO_XFORWARD] = "XFORWARD",
    [EHLO_DELIVERBY] = "DELIVERBY",
    [EHLO_FUTURERELEASE] = "FUTURERELEASE",
    [EHLO_MT_PRIORITY] = "MT-PRIORITY",
    [EHLO_REQUIRETLS] = "REQUIRETLS",
    [EHLO_RRVS] = "RRVS",
    [EHLO_MTRK] = "MTRK",
    [EHLO_NO_SOLICITING] = "NO-SOLICITING",
    [EHLO_CHECKPOINT] = "CHECKPOINT",
    [EHLO_SUBMITTER] = "SUBMITTER",
    [EHLO_CONPERM] = "CONPERM",
    [EHLO_CONNEG] = "CONNEG",
    [EHLO_BURL] = "BURL",
    [EHLO_ATRN] = "ATRN",
    [EHLO_TURN] = "TURN",
    [EHLO_SEND] = "SEND",
    [EHLO_SOML] = "SOML",
    [EHLO_SAML] = "SAML",
    [EHLO_VERB] = "VERB",
    [EHLO_ONEX] = "ONEX",
    [EHLO_X_EXPS] = "X-EXPS",
    [EHLO_XEXCH50] = "XEXCH50",
    [EHLO_X_LINK2STATE] = "X-LINK2STATE",
    [EHLO_X_ANONYMOUSTLS] = "X-ANONYMOUSTLS",
    [EHLO_XVERP] = "XVERP",
    [EHLO_LIMITS] = "LIMITS",
};

const char *ehlo_keyword_name(enum ehlo_keyword k)
{
	return k < EHLO_KEYWORDS ? keywords[k] : "";
}

enum ehlo_keyword ehlo_keyword_find(struct span line)
{
	size_t n = 0;
	struct span word;

	while (n < line.n && char_is(line.p[n], CHAR_LDH))
		n++;
	word = span_first(line, n);
	for (unsigned k = 0; k < EHLO_KEYWORDS; k++)
		if (n && char_upper(word.p[0]) == (uint8_t)keywords[k][0] && span_ieq(word, span_str(keywords[k])))
			return (enum ehlo_keyword)k;
	return EHLO_KEYWORDS;
}
