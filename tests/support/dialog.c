/* dialog.c - reads .dlg files. See dialog.h. */
#include "dialog.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_NS = 10 * 1000 * 1000 };
static const int64_t START = INT64_C(1767323045) * 1000000000; /* 2026-01-02T03:04:05Z */

struct reading {
	struct dialog *d;
	const char *path;
	unsigned line;
	uint64_t off[2];
	int64_t ts;
};

static void fail(const struct reading *r, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", r->path, r->line, what);
	exit(2);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct text {
	uint8_t *p;
	size_t n, cap;
	bool own_end; /* it ends in an escaped CR or LF, or \c */
};

static void add(struct text *t, uint8_t c)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 256;
		t->p = realloc(t->p, t->cap);
	}
	t->p[t->n++] = c;
}

static const char *escape(const struct reading *r, const char *p, struct text *t)
{
	t->own_end = *p == 'r' || *p == 'n' || *p == 'c';
	switch (*p) {
	case 'r':
		add(t, '\r');
		return p + 1;
	case 'n':
		add(t, '\n');
		return p + 1;
	case 't':
		add(t, '\t');
		return p + 1;
	case '0':
		add(t, 0);
		return p + 1;
	case '\\':
		add(t, '\\');
		return p + 1;
	case 's':
		add(t, ' ');
		return p + 1;
	case 'c':
		return p + 1;
	case 'x':
		if (hex_digit(p[1]) < 0 || hex_digit(p[2]) < 0)
			fail(r, "\\x needs two hex digits");
		add(t, (uint8_t)(hex_digit(p[1]) * 16 + hex_digit(p[2])));
		return p + 3;
	default:
		fail(r, "unknown escape");
	}
	return p;
}

/* {A*505}: that character so often. */
static const char *repeat(const char *p, struct text *t)
{
	char *end;
	unsigned long n;

	if (p[0] != '{' || !p[1] || p[2] != '*')
		return NULL;
	n = strtoul(p + 3, &end, 10);
	if (*end != '}' || end == p + 3)
		return NULL;
	while (n--)
		add(t, (uint8_t)p[1]);
	return end + 1;
}

static struct text unescape(const struct reading *r, const char *p)
{
	struct text t = {0};

	while (*p) {
		const char *after = repeat(p, &t);

		t.own_end = false;
		if (after) {
			p = after;
		} else if (*p == '\\') {
			p = escape(r, p + 1, &t);
		} else {
			add(&t, (uint8_t)*p++);
		}
	}
	if (!t.own_end) {
		add(&t, '\r');
		add(&t, '\n');
	}
	return t;
}

static void add_piece(struct reading *r, enum dir dir, bool same_flight, bool lost, const char *text)
{
	struct dialog *d = r->d;
	struct text t = unescape(r, text);
	struct piece *last = d->count ? &d->piece[d->count - 1] : NULL;
	uint64_t seen = r->off[dir_other(dir)];

	for (size_t i = d->count; same_flight && i-- > 0;)
		if (d->piece[i].dir == dir) {
			seen = d->piece[i].peer_seen;
			break;
		}
	if (last && last->dir == dir && last->peer_seen == seen && last->lost == lost && same_flight) {
		last->data = realloc(last->data, last->n + t.n);
		memcpy(last->data + last->n, t.p, t.n);
		last->n += t.n;
		free(t.p);
	} else {
		if (d->count == MAX_PIECES)
			fail(r, "too many lines");
		if (!same_flight)
			r->ts += STEP_NS;
		d->piece[d->count++] = (struct piece){dir, lost, r->off[dir], seen, t.p, NULL, t.n, r->ts};
	}
	r->off[dir] += t.n;
}

/* A second copy of what this side sent last. */
static void add_copy(struct reading *r, enum dir dir, const char *text)
{
	struct text t = unescape(r, text);
	size_t i = r->d->count;

	while (i > 0 && r->d->piece[i - 1].dir != dir)
		i--;
	if (i == 0 || r->d->piece[i - 1].n != t.n || r->d->piece[i - 1].lost || r->d->piece[i - 1].other)
		fail(r, "a second copy is as long as the line before it");
	else
		r->d->piece[i - 1].other = t.p;
}

static void set_close(struct reading *r, const char *how)
{
	static const struct {
		const char *name;
		enum tcp_close close;
		enum dir closer;
	} ways[] = {
	    {"fin", TCP_CLOSE_FIN, DIR_CLIENT}, {"server-fin", TCP_CLOSE_FIN, DIR_SERVER}, {"rst", TCP_CLOSE_RST, DIR_CLIENT},
	    {"server-rst", TCP_CLOSE_RST, DIR_SERVER}, {"none", TCP_CLOSE_EOF, DIR_CLIENT},
	};

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (strcmp(how, ways[i].name) == 0) {
			r->d->close = ways[i].close;
			r->d->closer = ways[i].closer;
			return;
		}
	fail(r, "close is fin, server-fin, rst, server-rst or none");
}

static void set_address(struct reading *r, const char *text, uint8_t address[4])
{
	if (inet_pton(AF_INET, text, address) != 1)
		fail(r, "an address is an IPv4 address");
}

static void directive(struct reading *r, char *text)
{
	struct dialog *d = r->d;
	char *value = strchr(text, ' ');

	if (value)
		*value++ = '\0';
	if (strcmp(text, "port") == 0 && value)
		d->port = (uint16_t)atoi(value);
	else if (strcmp(text, "midstream") == 0)
		d->midstream = true;
	else if (strcmp(text, "client-only") == 0)
		d->one_sided[DIR_SERVER] = true;
	else if (strcmp(text, "server-only") == 0)
		d->one_sided[DIR_CLIENT] = true;
	else if (strcmp(text, "close") == 0 && value)
		set_close(r, value);
	else if (strcmp(text, "pause") == 0 && value)
		r->ts += (int64_t)atoi(value) * 1000000000;
	else if (strcmp(text, "outstanding") == 0 && value)
		d->limits.outstanding = (uint32_t)atoi(value);
	else if (strcmp(text, "client") == 0 && value)
		set_address(r, value, d->client);
	else if (strcmp(text, "server") == 0 && value)
		set_address(r, value, d->server);
	else if (strcmp(text, "secret") == 0 && value && d->secrets < MAX_SECRETS)
		snprintf(d->secret[d->secrets++], sizeof d->secret[0], "%s", value);
	else
		fail(r, "unknown directive");
}

static void read_line(struct reading *r, char *line)
{
	size_t n = strlen(line);
	enum dir dir;
	char mark;

	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	if (n == 0 || line[0] == '#')
		return;
	if (line[0] == '@' && line[1] == ' ') {
		directive(r, line + 2);
		return;
	}
	if (line[0] != 'C' && line[0] != 'S')
		fail(r, "a line starts with C: S: C+: S+: C-: S-: C!: S!: @ or #");
	dir = line[0] == 'C' ? DIR_CLIENT : DIR_SERVER;
	mark = line[1] == '+' || line[1] == '-' || line[1] == '!' ? line[1] : ' ';
	line += mark == ' ' ? 1 : 2;
	if (*line++ != ':')
		fail(r, "a colon is missing");
	line += *line == ' ';
	if (mark == '!')
		add_copy(r, dir, line);
	else
		add_piece(r, dir, mark == '+', mark == '-', line);
}

/* Lines of one side that are lost one after the other are one hole, whatever of the other side is lost between them. */
static void join_holes(struct dialog *d)
{
	size_t kept = 0, last[2] = {MAX_PIECES, MAX_PIECES};

	for (size_t i = 0; i < d->count; i++) {
		struct piece *p = &d->piece[i];
		size_t before = last[p->dir];

		if (!p->lost) {
			last[0] = last[1] = MAX_PIECES;
		} else if (before < MAX_PIECES && !d->one_sided[p->dir]) {
			d->piece[before].n += p->n;
			free(p->data);
			continue;
		} else {
			last[p->dir] = kept;
		}
		d->piece[kept++] = *p;
	}
	d->count = kept;
}

/* ---- sessions ---- */

enum { MAX_LINES = 4096 };

struct lines {
	char *line[MAX_LINES];
	size_t count;
};

static void read_lines(struct reading *r, struct lines *l)
{
	FILE *f = fopen(r->path, "r");
	size_t cap = 0;

	l->count = 0;
	if (!f)
		fail(r, "cannot open");
	do {
		if (l->count == MAX_LINES)
			fail(r, "too many lines");
		l->line[l->count] = NULL;
		cap = 0;
	} while (getline(&l->line[l->count], &cap, f) >= 0 && ++l->count);
	free(l->line[l->count]);
	fclose(f);
}

/* "{N}" is the number of the session among those alike, from 1. */
static char *numbered(const char *line, unsigned n)
{
	char *out = malloc(strlen(line) * 4 + 1), *at = out;

	while (*line) {
		if (strncmp(line, "{N}", 3) == 0) {
			at += sprintf(at, "%u", n);
			line += 3;
		} else {
			*at++ = *line++;
		}
	}
	*at = '\0';
	return out;
}

static bool is_directive(const char *line, const char *name)
{
	return line[0] == '@' && line[1] == ' ' && strncmp(line + 2, name, strlen(name)) == 0;
}

/* One session from the lines of its block; addresses are those of the session before. */
static void read_session(struct reading *r, const struct lines *l, size_t from, size_t to, unsigned n)
{
	struct dialog *d = r->d;
	int64_t start = r->ts;

	r->off[0] = r->off[1] = 0;
	for (size_t i = from; i < to; i++) {
		char *line = numbered(l->line[i], n);

		r->line = (unsigned)i + 1;
		if (!is_directive(line, "session") && !is_directive(line, "repeat"))
			read_line(r, line);
		free(line);
	}
	if (!d->count)
		d->piece[0].ts = start;
	d->end_ts = r->ts + STEP_NS;
	r->ts = d->end_ts + STEP_NS;
	for (size_t i = 0; i < d->count; i++)
		d->piece[i].lost |= d->one_sided[d->piece[i].dir];
	join_holes(d);
}

static void next_session(struct reading *r)
{
	struct dialog *last = r->d, *d = calloc(1, sizeof *d);

	*d = (struct dialog){.number = last->number + 1, .port = last->port, .close = TCP_CLOSE_FIN, .closer = DIR_CLIENT,
			     .limits = last->limits, .config = last->config};
	d->config.limits = &d->limits;
	memcpy(d->name, last->name, sizeof d->name);
	memcpy(d->client, last->client, 4);
	memcpy(d->server, last->server, 4);
	last->next = d;
	r->d = d;
}

/* From one "@ session" to the next, as often as "@ repeat" says. */
static size_t read_block(struct reading *r, const struct lines *l, size_t from)
{
	size_t to = from + 1;
	unsigned times = 1;

	while (to < l->count && !is_directive(l->line[to], "session"))
		to++;
	for (size_t i = from; i < to; i++)
		if (is_directive(l->line[i], "repeat "))
			times = (unsigned)atoi(l->line[i] + 9);
	for (unsigned n = 1; n <= times; n++) {
		if (from || n > 1)
			next_session(r);
		read_session(r, l, from, to, n);
	}
	return to;
}

void dialog_read(const char *path, struct dialog *d)
{
	static struct lines lines;
	struct reading r = {.d = d, .path = path, .ts = START};
	const char *slash = strrchr(path, '/');

	*d = (struct dialog){.port = 25, .close = TCP_CLOSE_FIN, .closer = DIR_CLIENT, .client = {192, 0, 2, 10}, .server = {192, 0, 2, 25},
			     .limits = session_limits_default, .config = session_config_default};
	d->config.limits = &d->limits;
	snprintf(d->name, sizeof d->name, "%.*s", (int)strcspn(slash ? slash + 1 : path, "."), slash ? slash + 1 : path);
	read_lines(&r, &lines);
	for (size_t at = 0; at < lines.count;)
		at = read_block(&r, &lines, at);
	for (size_t i = 0; i < lines.count; i++)
		free(lines.line[i]);
}

void dialog_free(struct dialog *d)
{
	struct dialog *next = d->next;

	for (size_t i = 0; i < d->count; i++) {
		free(d->piece[i].data);
		free(d->piece[i].other);
	}
	d->count = 0;
	d->next = NULL;
	if (!next)
		return;
	dialog_free(next);
	free(next);
}
