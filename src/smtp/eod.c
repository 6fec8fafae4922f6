/*
 * eod.c - the end of message data. See eod.h.
 *
 * Works line by line: what matters is how the line before a lone dot ended and how the dot's own line ends. A chunk may
 * stop anywhere, so the few octets that decide are the state; nothing is buffered.
 *
 * Only LF starts a new line for counting and unstuffing. CR without LF is looked for only around lone dots, where a lenient
 * server could see an end of data; NUL and SP only beside them.
 */
#include "smtpscope/eod.h"

#include <string.h>

/* What has been seen since the last line end; each state names it. */
enum eod_state {
	AFTER_CRLF,     /* line start behind CRLF: also the start of the data (the CRLF of the DATA command) */
	AFTER_LF,       /* line start behind a bare LF */
	AFTER_CR,       /* a bare CR, maybe the start of CRLF */
	AFTER_CRCR,     /* two and more of them */
	IN_LINE,
	CRLF_NUL, NUL_DOT, NUL_DOT_CR,     /* a NUL at the start of the line, and a dot behind it */
	DOT_NUL, DOT_NUL_CR,               /* a dot at the start of the line, and a NUL behind it */
	DOT_SP, DOT_SP_CR,
	CRLF_DOT, LF_DOT, CR_DOT,          /* a dot at the start of the line */
	CRLF_DOT_CR, LF_DOT_CR, CR_DOT_CR, /* and a CR behind it */
	CRLF_DOT_CRCR,                     /* and two, and the line before ended in CRCRLF, too */
};

void eod_init(struct eod *e)
{
	*e = (struct eod){.state = AFTER_CRLF};
}

static void line_done(struct eod *e, uint64_t octets)
{
	e->lines++;
	e->size += octets;
	if (octets > e->longest && !e->torn)
		e->longest = octets;
	e->torn = false;
	e->line_length = 0;
}

void eod_lost(struct eod *e, uint64_t n)
{
	e->line_length += n;
	e->torn = e->hole = true;
}

struct eod_run {
	struct eod *e;
	const uint8_t *p, *end;
	const uint8_t *piece; /* unstuffed bytes not yet shown */
	void (*body)(void *ctx, struct span piece);
	void *ctx;
	const char *form;
};

static void show(struct eod_run *r, const uint8_t *to)
{
	if (r->body && to > r->piece)
		r->body(r->ctx, span_of(r->piece, (size_t)(to - r->piece)));
	r->piece = to;
}

static void show_held(struct eod_run *r, const char *held)
{
	if (r->body)
		r->body(r->ctx, span_str(held));
}

/* From anywhere in a line to just behind its LF, or to a CR that is not followed by LF, or to the end of the bytes. */
static void scan_line(struct eod_run *r)
{
	size_t left = (size_t)(r->end - r->p);
	const uint8_t *lf = memchr(r->p, '\n', left);
	const uint8_t *stop = lf ? lf : r->end;
	const uint8_t *cr = memchr(r->p, '\r', (size_t)(stop - r->p));
	bool had_cr = cr && lf && cr + 1 == lf;

	if (cr && !had_cr) { /* a bare CR, or a CR at the very end */
		r->e->line_length += (size_t)(cr + 1 - r->p);
		r->p = cr + 1;
		r->e->state = AFTER_CR;
		return;
	}
	if (!lf) {
		r->e->line_length += left;
		r->p = r->end;
		r->e->state = IN_LINE;
		return;
	}
	line_done(r->e, r->e->line_length + (size_t)(lf + 1 - r->p));
	r->e->bare_lf += !had_cr;
	r->e->double_cr = false;
	r->e->state = had_cr ? AFTER_CRLF : AFTER_LF;
	r->p = lf + 1;
}

/*
 * At a line start behind CRLF: takes whole lines as long as they end in CRLF, hold no other CR and do not start with a dot or a
 * NUL. That is nearly all there is, and the states need not be gone through for it.
 */
static void scan_lines(struct eod_run *r)
{
	const uint8_t *p = r->p, *lf;

	while (p < r->end && *p != '.' && *p != '\0' && (lf = memchr(p, '\n', (size_t)(r->end - p))) != NULL && lf > p && lf[-1] == '\r' &&
	       !memchr(p, '\r', (size_t)(lf - 1 - p))) {
		line_done(r->e, r->e->line_length + (uint64_t)(lf + 1 - p)); /* there is a length already where a hole was */
		r->e->double_cr = false;
		p = lf + 1;
	}
	r->p = p;
}

/* At a line start. True when a dot was taken. */
static bool take_dot(struct eod_run *r, enum eod_state dot)
{
	if (*r->p != '.')
		return false;
	show(r, r->p);
	r->p++;
	r->piece = r->p;
	r->e->state = (uint8_t)dot;
	r->e->size_at_dot = r->e->size + r->e->line_length;
	r->e->lines_at_dot = r->e->lines;
	return true;
}

/* Behind a CR that scan_line() stopped at, or behind several. */
static void after_cr(struct eod_run *r)
{
	if (*r->p == '\n') {
		r->e->double_cr = r->e->state == AFTER_CRCR;
		line_done(r->e, r->e->line_length + 1);
		r->p++;
		r->e->state = AFTER_CRLF;
	} else if (*r->p == '\r') {
		r->e->line_length++;
		r->p++;
		r->e->state = AFTER_CRCR;
	} else if (!take_dot(r, CR_DOT)) {
		scan_line(r);
	}
}

static const char *const dot_lf_form[] = {[CRLF_DOT] = "CRLF.LF", [LF_DOT] = "LF.LF", [CR_DOT] = "CR.LF"};
static const char *const dot_crlf_form[] = {[CRLF_DOT_CR] = NULL, [LF_DOT_CR] = "LF.CRLF", [CR_DOT_CR] = "CR.CRLF"};
static const char *const dot_cr_form[] = {[CRLF_DOT_CR] = "CRLF.CR", [LF_DOT_CR] = "LF.CR", [CR_DOT_CR] = "CR.CR"};

static enum eod_status candidate(struct eod_run *r, const char *form)
{
	r->form = form;
	return EOD_CANDIDATE;
}

/* ---- ends with a NUL or a blank beside the dot: all text for the strict reader ---- */

struct spoilt {
	uint8_t octet; /* that goes on */
	uint8_t next;  /* state behind it */
	const char *form; /* the end is complete */
};

static const struct spoilt spoilt[] = {
    [CRLF_NUL] = {'.', NUL_DOT, NULL},     [NUL_DOT] = {'\r', NUL_DOT_CR, NULL}, [NUL_DOT_CR] = {'\n', AFTER_CRLF, "CRLF NUL.CRLF"},
    [DOT_NUL] = {'\r', DOT_NUL_CR, NULL},  [DOT_NUL_CR] = {'\n', AFTER_CRLF, "CRLF.NUL CRLF"},
    [DOT_SP] = {'\r', DOT_SP_CR, NULL},    [DOT_SP_CR] = {'\n', AFTER_CRLF, "CRLF.SP CRLF"},
};

static enum eod_status after_spoilt(struct eod_run *r)
{
	struct eod *e = r->e;
	const struct spoilt *s = &spoilt[e->state];

	if (*r->p != s->octet) {
		if (e->state == NUL_DOT_CR || e->state == DOT_NUL_CR || e->state == DOT_SP_CR)
			e->state = AFTER_CR;
		else
			scan_line(r);
		return EOD_MORE;
	}
	r->p++;
	e->line_length++;
	e->state = s->next;
	if (!s->form)
		return EOD_MORE;
	line_done(e, e->line_length);
	e->double_cr = false;
	return candidate(r, s->form);
}

static void start_nul(struct eod_run *r)
{
	struct eod *e = r->e;

	e->size_at_dot = e->size;
	e->lines_at_dot = e->lines;
	e->line_length++;
	e->state = CRLF_NUL;
	r->p++;
}

/* Behind a dot at a line start. */
static enum eod_status after_dot(struct eod_run *r)
{
	struct eod *e = r->e;
	enum eod_state was = (enum eod_state)e->state;

	if (*r->p == '\r') {
		e->state = (uint8_t)(was + (CRLF_DOT_CR - CRLF_DOT));
		r->p++;
		return EOD_MORE;
	}
	if (*r->p == '\n') {
		if (was != CRLF_DOT) { /* for the strict reader the dot is text at the end of a line */
			show_held(r, ".");
			e->line_length++;
		}
		line_done(e, e->line_length + 1);
		e->bare_lf++;
		e->state = AFTER_LF;
		r->p++;
		return candidate(r, dot_lf_form[was]);
	}
	if (was != CRLF_DOT) { /* only CRLF starts a line for the strict reader: the dot is text */
		show_held(r, ".");
		e->line_length++;
	} else if (*r->p != '.') {
		e->unstuffed++;
	}
	r->piece = r->p;
	e->state = IN_LINE;
	if (was == CRLF_DOT && (*r->p == '\0' || *r->p == ' ')) {
		e->state = *r->p == ' ' ? DOT_SP : DOT_NUL;
		e->line_length++;
		r->p++;
	}
	return EOD_MORE;
}

/* Behind dot and CR. */
static enum eod_status after_dot_cr(struct eod_run *r)
{
	struct eod *e = r->e;
	enum eod_state was = (enum eod_state)e->state;
	const char *form;

	if (*r->p == '\n') {
		r->p++;
		e->state = AFTER_CRLF;
		if (was == CRLF_DOT_CR) {
			r->piece = r->p; /* the end's own line end is no text */
			return EOD_END;
		}
		show_held(r, ".\r\n");
		line_done(e, e->line_length + 3);
		r->piece = r->p;
		return candidate(r, dot_crlf_form[was]);
	}
	if (*r->p == '\r' && was == CRLF_DOT_CR && e->double_cr) {
		e->state = CRLF_DOT_CRCR;
		r->p++;
		return EOD_MORE;
	}
	form = dot_cr_form[was];
	show_held(r, was != CRLF_DOT_CR ? ".\r" : "\r");
	e->line_length += was != CRLF_DOT_CR ? 2 : 1;
	r->piece = r->p;
	e->state = AFTER_CR;
	return candidate(r, form);
}

/* CRCRLF, dot, CR, CR: every line end was converted twice, the last one too. */
static enum eod_status after_dot_crcr(struct eod_run *r)
{
	struct eod *e = r->e;
	bool lf = *r->p == '\n';

	show_held(r, lf ? "\r\r\n" : "\r\r");
	r->p += lf;
	r->piece = r->p;
	e->line_length += 2;
	e->state = AFTER_CRCR;
	if (!lf)
		return candidate(r, dot_cr_form[CRLF_DOT_CR]);
	line_done(e, e->line_length + 1);
	e->state = AFTER_CRLF;
	return candidate(r, "CRCRLF.CRCRLF");
}

static enum eod_status eod_step(struct eod_run *r)
{
	switch ((enum eod_state)r->e->state) {
	case AFTER_CRLF:
		scan_lines(r);
		if (r->p < r->end && *r->p == '\0')
			start_nul(r);
		else if (r->p < r->end && !take_dot(r, CRLF_DOT))
			scan_line(r);
		return EOD_MORE;
	case AFTER_LF:
		if (!take_dot(r, LF_DOT))
			scan_line(r);
		return EOD_MORE;
	case AFTER_CR:
	case AFTER_CRCR:
		after_cr(r);
		return EOD_MORE;
	case CRLF_NUL:
	case NUL_DOT:
	case NUL_DOT_CR:
	case DOT_NUL:
	case DOT_NUL_CR:
	case DOT_SP:
	case DOT_SP_CR:
		return after_spoilt(r);
	case CRLF_DOT_CRCR:
		return after_dot_crcr(r);
	case IN_LINE:
		scan_line(r);
		return EOD_MORE;
	case CRLF_DOT:
	case LF_DOT:
	case CR_DOT:
		return after_dot(r);
	case CRLF_DOT_CR:
	case LF_DOT_CR:
	case CR_DOT_CR:
		return after_dot_cr(r);
	}
	return EOD_MORE;
}

enum eod_status eod_feed(struct eod *e, struct span bytes, size_t *used, const char **form,
			 void (*body)(void *ctx, struct span piece), void *ctx)
{
	struct eod_run r = {e, bytes.p, bytes.p + bytes.n, bytes.p, body, ctx, NULL};
	enum eod_status status = EOD_MORE;

	if (e->hole && bytes.n && bytes.p[0] == '\n') /* its CR may be what is lost: no bare LF can be proved */
		e->state = AFTER_CR;
	e->hole = e->hole && !bytes.n;
	while (r.p < r.end && status == EOD_MORE)
		status = eod_step(&r);
	if (e->state < CRLF_DOT)
		show(&r, r.p);
	*used = (size_t)(r.p - bytes.p);
	*form = r.form;
	return status;
}
