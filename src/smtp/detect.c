/*
 * detect.c - recognises SMTP by its first lines, in any direction, through SOCKS and HTTP CONNECT. See detect.h.
 *
 * Evidence: a greeting that says SMTP or LMTP, a first client line EHLO/HELO/LHLO with an argument (or MAIL FROM:, RCPT TO: in
 * a capture that starts late), or EHLO keywords in replies. "220 ..." alone is FTP's greeting too and waits for the client.
 * What waits is copied, so that the session reads it from the first octet on.
 */
#include "smtpscope/detect.h"

#include "smtpscope/command.h"
#include "smtpscope/reply.h"

#include <string.h>

struct kept {
	struct kept *next;
	struct chunk chunk; /* data points behind the struct */
	size_t allocated;
	bool handed; /* by detect_next(): lives until the next call */
};

struct side {
	uint8_t bytes[1024]; /* the start of the stream, for judging */
	uint32_t n;
	uint64_t start;   /* stream offset of bytes[0] */
	bool started, gap;
	uint32_t skipped; /* octets of a tunnel preface */
};

struct detect {
	struct pool *pool;
	struct kept *first, **last;
	uint64_t total;
	struct side side[2];
	bool swapped;
	bool tunnel;
};

struct detect *detect_new(struct pool *pool)
{
	struct detect *d = pool_get(pool, sizeof *d);

	if (!d)
		return NULL;
	d->pool = pool;
	d->last = &d->first;
	return d;
}

static void drop_first(struct detect *d)
{
	struct kept *k = d->first;

	d->first = k->next;
	if (!d->first)
		d->last = &d->first;
	pool_put_wiped(d->pool, k, k->allocated);
}

void detect_free(struct detect **detect)
{
	struct detect *d = *detect;

	*detect = NULL;
	if (!d)
		return;
	while (d->first)
		drop_first(d);
	pool_put_wiped(d->pool, d, sizeof *d);
}

static bool keep(struct detect *d, const struct chunk *c)
{
	size_t n = c->kind == CHUNK_DATA ? (size_t)c->len : 0;
	struct kept *k;

	if (n > DETECT_KEPT || d->total + n > DETECT_KEPT)
		return false;
	k = pool_get(d->pool, sizeof *k + n);
	if (!k)
		return false;
	k->allocated = sizeof *k + n;
	k->chunk = *c;
	if (n) {
		memcpy(k + 1, c->data, n);
		k->chunk.data = (uint8_t *)(k + 1);
	}
	*d->last = k;
	d->last = &k->next;
	d->total += n + sizeof *k / 8; /* one-octet chunks cost more than their octet */
	return true;
}

static void look_at(struct side *s, const struct chunk *c)
{
	size_t room = sizeof s->bytes - s->n;
	size_t n = c->len < room ? (size_t)c->len : room;

	if (!s->started) {
		s->started = true;
		s->start = c->off;
	}
	memcpy(s->bytes + s->n, c->data, n);
	s->n += (uint32_t)n;
}

/* ---- tunnel prefaces ---- */

static struct span view(const struct side *s)
{
	return span_of(s->bytes + s->skipped, s->n - s->skipped);
}

/* Length of a SOCKS5 address field (RFC 1928 4) at p: type, address, port; 0 when it is not all there or not one. */
static size_t socks_address(struct span s)
{
	size_t n;

	if (s.n < 2)
		return 0;
	n = s.p[0] == 1 ? 1 + 4 + 2 : s.p[0] == 4 ? 1 + 16 + 2 : s.p[0] == 3 ? (size_t)1 + 1 + s.p[1] + 2 : 0;
	return n && s.n >= n ? n : 0;
}

/* Client: version, n methods, methods (RFC 1928 3), then request 05 01 00 address. Length of both, or 0. */
static size_t socks_client(struct span s)
{
	size_t greeting = s.n >= 2 && s.p[0] == 5 ? (size_t)2 + s.p[1] : 0;
	struct span request = span_from(s, greeting);
	size_t address;

	if (!greeting || request.n < 4 || request.p[0] != 5 || request.p[1] != 1 || request.p[2] != 0)
		return 0;
	address = socks_address(span_from(request, 3));
	return address ? greeting + 3 + address : 0;
}

/* Server: 05 method, then reply 05 00 00 address. */
static size_t socks_server(struct span s)
{
	size_t address;

	if (s.n < 6 || s.p[0] != 5 || s.p[1] != 0 || s.p[2] != 5 || s.p[3] != 0)
		return 0;
	address = socks_address(span_from(s, 5));
	return address ? 5 + address : 0;
}

static size_t socks4_client(struct span s)
{
	size_t nul;

	if (s.n < 9 || s.p[0] != 4 || s.p[1] != 1)
		return 0;
	nul = span_chr(span_from(s, 8), 0);
	return nul == SPAN_NPOS ? 0 : 8 + nul + 1;
}

static size_t socks4_server(struct span s)
{
	return s.n >= 8 && s.p[0] == 0 && s.p[1] == 90 ? 8 : 0;
}

static size_t http_head(struct span s, struct span start)
{
	size_t end;

	if (!span_istarts(s, start))
		return 0;
	end = span_find(s, SPAN("\r\n\r\n"));
	return end == SPAN_NPOS ? 0 : end + 4;
}

struct preface {
	bool (*begins)(struct span client);
	size_t (*client)(struct span s), (*server)(struct span s);
};

static bool begins_socks5(struct span s)
{
	return s.n && s.p[0] == 5;
}
static bool begins_socks4(struct span s)
{
	return s.n && s.p[0] == 4;
}
static bool begins_connect(struct span s)
{
	return s.n && (span_istarts(s, SPAN("CONNECT ")) || span_istarts(SPAN("CONNECT "), s));
}
static size_t connect_client(struct span s)
{
	return http_head(s, SPAN("CONNECT "));
}
static size_t connect_server(struct span s)
{
	return http_head(s, SPAN("HTTP/1."));
}

static const struct preface prefaces[] = {
    {begins_socks5, socks_client, socks_server},
    {begins_socks4, socks4_client, socks4_server},
    {begins_connect, connect_client, connect_server},
};

/* 1: a tunnel was opened and taken off both sides; 0: it may become one; -1: none. */
static int take_preface(struct detect *d)
{
	struct side *client = &d->side[DIR_CLIENT], *server = &d->side[DIR_SERVER];

	for (size_t i = 0; !d->tunnel && i < sizeof prefaces / sizeof *prefaces; i++) {
		const struct preface *p = &prefaces[i];

		if (!client->n || !p->begins(span_of(client->bytes, client->n)))
			continue;
		client->skipped = (uint32_t)p->client(span_of(client->bytes, client->n));
		server->skipped = (uint32_t)p->server(span_of(server->bytes, server->n));
		d->tunnel = client->skipped && server->skipped;
		if (!d->tunnel)
			client->skipped = server->skipped = 0;
		return d->tunnel ? 1 : 0;
	}
	return d->tunnel ? 1 : -1;
}

/* ---- judging ---- */

enum evidence { NONE, MAYBE, CLIENT, SERVER };

static struct span first_line(struct span s, bool *complete)
{
	size_t lf = span_chr(s, '\n');

	*complete = lf != SPAN_NPOS;
	return span_rtrim(span_first(s, *complete ? lf : s.n), CHAR_CONTROL);
}

static bool is_client_line(struct span line)
{
	static const char *const starts[] = {"EHLO ", "HELO ", "LHLO ", "MAIL FROM:", "RCPT TO:"};

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
		if (span_istarts(line, span_str(starts[i])) && line.n > strlen(starts[i]))
			return true;
	return false;
}

static bool may_become_client_line(struct span s)
{
	static const char *const starts[] = {"EHLO ", "HELO ", "LHLO ", "MAIL FROM:", "RCPT TO:"};

	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
		if (span_istarts(span_str(starts[i]), s) || span_istarts(s, span_str(starts[i])))
			return true;
	return false;
}

/* A reply that only a mail server sends: says SMTP in a greeting, or lists EHLO keywords. */
static bool is_server_text(struct span s)
{
	struct span rest = s;

	while (rest.p) {
		struct span line = span_split(&rest, '\n');

		if (!rest.p)
			break;
		line = span_rtrim(line, CHAR_CONTROL);
		if (span_starts(line, SPAN("220")) &&
		    (span_ifind(line, SPAN("SMTP")) != SPAN_NPOS || span_ifind(line, SPAN("LMTP")) != SPAN_NPOS))
			return true;
		if (span_starts(line, SPAN("250")) && ehlo_keyword_find(span_from(line, 4)) < EHLO_XVERP && line.n > 7)
			return true;
	}
	return false;
}

static bool is_reply(struct span s)
{
	return s.n < 3 ? span_all(s, CHAR_DIGIT) : span_all(span_first(s, 3), CHAR_DIGIT) && s.p[0] >= '2' && s.p[0] <= '5';
}

static enum evidence judge_side(const struct side *side)
{
	struct span s = view(side), line;
	bool complete;

	if (!s.n)
		return MAYBE;
	line = first_line(s, &complete);
	if (complete && is_client_line(line))
		return CLIENT;
	if (is_server_text(s))
		return SERVER;
	if (s.n >= sizeof side->bytes / 2)
		return NONE;
	if (is_reply(s))
		return MAYBE;
	return !complete && may_become_client_line(s) ? MAYBE : NONE;
}

static enum detect_verdict judge(struct detect *d)
{
	enum evidence a, b;

	if (take_preface(d) == 0)
		return DETECT_UNDECIDED;
	a = judge_side(&d->side[0]);
	b = judge_side(&d->side[1]);
	if (a == CLIENT || b == SERVER || a == SERVER || b == CLIENT) {
		d->swapped = a == SERVER || b == CLIENT;
		return DETECT_SMTP;
	}
	return a == NONE || b == NONE ? DETECT_OTHER : DETECT_UNDECIDED;
}

enum detect_verdict detect_feed(struct detect *d, const struct chunk *c)
{
	if (c->kind == CHUNK_CONFLICT)
		return DETECT_UNDECIDED;
	if (!keep(d, c))
		return DETECT_OTHER;
	if (c->kind == CHUNK_GAP)
		d->side[c->dir].gap = true;
	if (c->kind != CHUNK_DATA)
		return DETECT_UNDECIDED;
	if (!d->side[c->dir].gap || !d->side[c->dir].started)
		look_at(&d->side[c->dir], c);
	return judge(d);
}

enum detect_verdict detect_finish(struct detect *d)
{
	return judge(d) == DETECT_SMTP ? DETECT_SMTP : DETECT_OTHER;
}

uint64_t detect_skipped(const struct detect *d, enum dir dir)
{
	return d->side[dir].skipped;
}

bool detect_swapped(const struct detect *d)
{
	return d->swapped;
}

int detect_next(struct detect *d, struct chunk *out)
{
	while (d->first) {
		struct kept *k = d->first;
		uint64_t skip = d->side[k->chunk.dir].skipped, peer = d->side[dir_other(k->chunk.dir)].skipped;
		uint64_t cut = k->chunk.off < skip ? skip - k->chunk.off : 0;

		if (k->handed) {
			drop_first(d);
			continue;
		}
		k->handed = true;
		if (k->chunk.kind == CHUNK_DATA && cut >= k->chunk.len)
			continue;
		*out = k->chunk;
		out->off = k->chunk.off + cut - skip;
		out->data = k->chunk.data ? k->chunk.data + cut : NULL;
		out->len -= cut;
		out->peer_seen = k->chunk.peer_seen > peer ? k->chunk.peer_seen - peer : 0;
		return 1;
	}
	return 0;
}
