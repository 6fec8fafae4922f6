/* dialogue.c - see dialogue.h. */
#include "dialogue.h"

#include "leaks.h"
#include "smtpscope/codec.h"

#include <stdio.h>
#include <string.h>

enum { STEP_NS = 10 * 1000 * 1000, SPARE = 4 /* pieces of the longest exchange, less one */ };
static const int64_t START = INT64_C(1767323045) * 1000000000;

struct making {
	struct dialogue *out;
	uint64_t off[2];
	bool line_start[2];
	int64_t ts;
};

/* Joins a piece of the same flight to the one before it, as a sender would send them in one segment. */
static void add(struct making *m, enum dir dir, bool flight, bool lost, struct span s)
{
	struct dialogue *o = m->out;
	struct dialog *d = &o->d;
	uint64_t seen = m->off[dir_other(dir)];
	struct piece *last = d->count ? &d->piece[d->count - 1] : NULL;

	s = span_first(s, sizeof o->octets - o->n);
	if (!s.n || d->count == MAX_PIECES)
		return;
	for (size_t i = d->count; flight && i-- > 0;)
		if (d->piece[i].dir == dir) {
			seen = d->piece[i].peer_seen;
			break;
		}
	memcpy(o->octets + o->n, s.p, s.n);
	if (last && last->dir == dir && last->lost && lost) { /* one hole */
		last->n += s.n;
	} else {
		m->ts += flight ? 0 : STEP_NS;
		d->piece[d->count++] = (struct piece){.dir = dir, .lost = lost, .off = m->off[dir], .peer_seen = seen,
						      .data = o->octets + o->n, .n = s.n, .ts = m->ts};
	}
	o->n += s.n;
	o->lost[dir] |= lost;
	m->off[dir] += s.n;
	m->line_start[dir] = s.p[s.n - 1] == '\n';
}

static void say(struct making *m, enum dir dir, bool flight, bool lost, const char *before, struct span base64_of)
{
	char line[512];
	size_t n = span_append(line, 0, sizeof line, span_str(before));

	if (base64_of.p)
		n += (size_t)base64_encode(base64_of, line + n, sizeof line - n);
	n = span_append(line, n, sizeof line, SPAN("\r\n"));
	add(m, dir, flight, lost, span_of(line, n));
}

/* What the client says in turn; between two of them the server says 334. %: Base64 of what follows, _ a NUL, $ the secret. */
static const char *const ways[][4] = {
    {"AUTH PLAIN %_user_$"},
    {"AUTH PLAIN", "%_user_$"},
    {"AUTH LOGIN", "%user", "%$"},
    {"AUTH LOGIN %user", "%$"},
    {"AUTH XOAUTH2 %user=u@example.org#auth=Bearer $##"},
    {"AUTH OAUTHBEARER", "%n,a=u@example.org,#auth=Bearer $##"},
    {"auth plain %admin_user_$"},
    {"AUTH NEW-METHOD %_$"},
};

static void client_says(struct making *m, const char *text, bool flight)
{
	char before[64];
	uint8_t message[256];
	size_t plain = strcspn(text, "%"), n = 0;

	snprintf(before, sizeof before, "%.*s", (int)plain, text);
	for (const char *p = text + plain + (text[plain] == '%'); *p && n + FUZZ_SECRET_OCTETS < sizeof message; p++) {
		if (*p == '$')
			n = span_append(message, n, sizeof message, FUZZ_SECRET);
		else
			message[n++] = *p == '_' ? 0 : *p == '#' ? 1 : (uint8_t)*p;
	}
	say(m, DIR_CLIENT, flight, false, before, text[plain] ? span_of(message, n) : SPAN_ABSENT);
}

/* how: the way; then whether the client waits, what the server says of it, and whether that is in the capture. */
static void log_in(struct making *m, uint8_t how)
{
	static const char *const verdicts[] = {"535 5.7.8 no", "235 2.7.0 ok", "504 5.5.4 what", "501 5.5.2 what"};
	const char *const *says = ways[how & 7];
	const char *verdict = verdicts[how >> 4 & 3];
	bool waits = !(how & 8), lost = how & 0x40, refuses = (how & 0x80) != 0;

	if (!m->line_start[DIR_CLIENT] || m->out->d.count + 2 * SPARE > MAX_PIECES || sizeof m->out->octets - m->out->n < 4096)
		return;
	for (int i = 0; i < 4 && says[i]; i++) {
		client_says(m, says[i], !waits && i);
		if (i < 3 && says[i + 1])
			say(m, DIR_SERVER, false, lost, refuses ? verdict : "334 ", SPAN_ABSENT);
	}
	say(m, DIR_SERVER, false, false, verdict, SPAN_ABSENT);
}

/*
 * Where an input brings an exchange of its own, the secret may become a name in it; where the sides change, what the client says is a
 * reply.
 */
static bool is_ours(struct span input)
{
	static const char *const words[] = {"PLAIN", "LOGIN", "CRAM", "DIGEST", "SCRAM", "NTLM", "EXTERNAL", "ANONYMOUS", "OAUTH", "GSS",
					    "TURN", "ATRN", NULL};

	for (int i = 0; words[i]; i++)
		if (span_ifind(input, span_str(words[i])) != SPAN_NPOS)
			return false;
	return !leaks(input, FUZZ_SECRET);
}

/* Without a handshake the first octets tell who is who. */
static bool roles_differ(const struct dialog *d)
{
	const struct piece *first = d->piece;

	while (first < d->piece + d->count && first->lost)
		first++;
	return d->midstream && first < d->piece + d->count && char_is(first->data[0], CHAR_DIGIT) == (first->dir == DIR_CLIENT);
}

static void set_how(struct dialogue *o)
{
	static const uint16_t ports[] = {25, 465, 587, 24};
	static const struct {
		enum tcp_close close;
		enum dir closer;
	} ways_to_end[] = {{TCP_CLOSE_FIN, DIR_CLIENT}, {TCP_CLOSE_FIN, DIR_SERVER}, {TCP_CLOSE_RST, DIR_SERVER}, {TCP_CLOSE_EOF, DIR_CLIENT}};

	o->d.port = ports[o->flags & FLAG_PORT];
	if (o->flags & FLAG_TIGHT) {
		o->d.limits.outstanding = 4;
		o->d.limits.recipients = 2;
		o->d.limits.reply_lines = 2;
	}
	o->d.midstream = o->flags & FLAG_MIDSTREAM;
	o->d.close = ways_to_end[(o->flags & FLAG_CLOSE) >> 3].close;
	o->d.closer = ways_to_end[(o->flags & FLAG_CLOSE) >> 3].closer;
}

/* A piece from behind its mark to the next one. */
static void read_piece(struct making *m, struct cursor *in, uint8_t mark)
{
	uint8_t bytes[4096];
	size_t n = 0;

	if (mark == MARK_LOGIN) {
		log_in(m, cursor_u8(in));
		return;
	}
	while (in->left && n < sizeof bytes && (in->p[0] < MARK_CLIENT || in->p[0] > MARK_LOGIN)) {
		if (in->p[0] == MARK_PLAIN)
			cursor_u8(in);
		bytes[n++] = cursor_u8(in);
	}
	add(m, mark % 2 ? DIR_CLIENT : DIR_SERVER, mark == MARK_CLIENT_FLIGHT || mark == MARK_SERVER_FLIGHT, mark >= MARK_CLIENT_LOST,
	    span_of(bytes, n));
}

bool dialogue_read(struct span input, struct dialogue *out)
{
	struct cursor in = cursor_of(input.p, input.n);
	struct making m = {.out = out, .line_start = {true, true}, .ts = START};
	uint8_t mark;

	out->d = (struct dialog){.client = {192, 0, 2, 10}, .server = {192, 0, 2, 25}, .name = "fuzz", .limits = session_limits_default,
				 .config = session_config_default};
	out->d.config.limits = &out->d.limits;
	out->n = 0;
	out->lost[0] = out->lost[1] = false;
	out->flags = cursor_u8(&in);
	out->seed = cursor_u8(&in);
	set_how(out);
	while (in.left && out->d.count < MAX_PIECES && out->n < sizeof out->octets) {
		mark = in.p[0];
		if (mark >= MARK_CLIENT && mark <= MARK_LOGIN)
			cursor_u8(&in);
		else
			mark = MARK_SERVER; /* junk in front, and what was too long for one piece */
		read_piece(&m, &in, mark);
	}
	out->d.end_ts = m.ts + STEP_NS;
	out->secret = is_ours(input) && !roles_differ(&out->d);
	return out->d.count > 0;
}
