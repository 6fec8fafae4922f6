/*
 * run_secrets.c - attacks on secrecy: every dialogue that holds a secret, damaged in every way a capture can be, and its outputs searched.
 *
 *   run_secrets [-v] [--all] [NAME...]      -v prints the output that leaks
 *
 * Each piece lost, dropped, sent twice; each range of octets of a line with a secret lost; each octet of it changed; the capture started
 * at each piece; each side alone; other copies of all octets. JSON and transcript are searched for the secrets and for any run of the
 * Base64 that carries them, and once more with one allocation refused. One in SAMPLE of them is tried, all with --all or with names. A
 * dialogue with an AUTH response that names no secret fails.
 */
#include "leaks.h"
#include "smtpscope/json.h"
#include "smtpscope/text.h"
#include "wires.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OUTPUT_MAX = 8 * 1024 * 1024,
	TOKENS = 64,
	RUN = 8,
	PLACES = 10, /* tried in a line */
	SAMPLE = 5,
	REFUSED = 61, /* allocations of a dialogue, about */
};

struct output {
	char *p;
	size_t n;
	struct json_writer *json;
	struct text_writer *text;
};

struct attack {
	const struct dialog *d;        /* as written */
	struct dialog now;             /* damaged */
	uint64_t was_off[MAX_PIECES];  /* of each piece of now: its offset in d */
	struct span token[TOKENS];     /* words of d that carry a secret */
	size_t tokens;
	struct output out;
	unsigned runs, leaks;
	bool verbose, conflicts, all;
	unsigned tick; /* goes on from dialogue to dialogue: each kind of damage has its turn */
};

static void put(struct output *o, struct span s)
{
	if (s.n > OUTPUT_MAX - o->n) {
		fprintf(stderr, "more output than a dialogue can have\n");
		exit(1);
	}
	memcpy(o->p + o->n, s.p, s.n);
	o->n += s.n;
}

static void on_event(void *ctx, struct event *ev)
{
	struct output *o = ctx;

	ev->ecs_version = SPAN("8.11.0");
	put(o, json_event(o->json, ev));
	text_event(o->text, ev);
}

static void on_text(void *ctx, struct span lines)
{
	put(ctx, lines);
}

/* ---- the damaged dialogue ---- */

static void restore(struct attack *a)
{
	struct dialog *n = &a->now;

	*n = *a->d;
	for (size_t i = 0; i < n->count; i++)
		a->was_off[i] = n->piece[i].off;
}

/* Offsets anew, after pieces came or went; what was seen of the other side stays seen. */
static void lay_out(struct attack *a)
{
	struct dialog *n = &a->now;
	uint64_t off[2] = {0, 0};

	for (size_t i = 0; i < n->count; i++) {
		struct piece *p = &n->piece[i];
		uint64_t seen = 0;

		for (size_t j = 0; j < n->count; j++)
			if (n->piece[j].dir != p->dir && a->was_off[j] < p->peer_seen)
				seen += n->piece[j].n;
		p->peer_seen = seen;
		p->off = off[p->dir];
		off[p->dir] += p->n;
	}
}

static void insert(struct attack *a, size_t at, struct piece p, uint64_t was_off)
{
	struct dialog *n = &a->now;

	if (n->count == MAX_PIECES)
		return;
	memmove(n->piece + at + 1, n->piece + at, (n->count - at) * sizeof *n->piece);
	memmove(a->was_off + at + 1, a->was_off + at, (n->count - at) * sizeof *a->was_off);
	n->piece[at] = p;
	a->was_off[at] = was_off;
	n->count++;
}

static void drop(struct attack *a, size_t at)
{
	struct dialog *n = &a->now;

	n->count--;
	memmove(n->piece + at, n->piece + at + 1, (n->count - at) * sizeof *n->piece);
	memmove(a->was_off + at, a->was_off + at + 1, (n->count - at) * sizeof *a->was_off);
}

/* Octets from..to of piece i are lost: it becomes up to three pieces. */
static void lose(struct attack *a, size_t i, size_t from, size_t to)
{
	struct piece whole = a->now.piece[i], part;

	if (to < whole.n) {
		part = whole;
		part.data += to;
		part.off += to;
		part.n -= to;
		insert(a, i + 1, part, a->was_off[i] + to);
	}
	part = whole;
	part.data += from;
	part.off += from;
	part.n = to - from;
	part.lost = true;
	insert(a, i + 1, part, a->was_off[i] + from);
	a->now.piece[i].n = from;
	if (!from)
		drop(a, i);
}

/* ---- one run ---- */

static void report(struct attack *a, const char *what, size_t i, size_t x, size_t y, uint64_t refused)
{
	a->leaks++;
	printf("%s: a secret leaks: %s, piece %zu, %zu %zu, refused allocation %llu\n", a->d->name, what, i, x, y, (unsigned long long)refused);
	if (a->verbose)
		fwrite(a->out.p, 1, a->out.n, stdout);
}

/* refused: the allocation that fails; 0 none. */
static void search(struct attack *a, const char *what, size_t i, size_t x, size_t y, uint64_t refused)
{
	struct feeding f = {.conflicts = a->conflicts, .fail_at = refused, .naps = refused % 2};
	struct text_options look = {.verbosity = 2};
	struct sink *sink;
	struct span all;
	bool bad = false;

	a->runs++;
	a->out.n = 0;
	sink = sink_open_callback(on_text, &a->out);
	a->out.text = text_writer_new(&look, sink);
	feed_session(&a->now, &f, on_event, &a->out);
	text_writer_free(&a->out.text);
	sink_close(&sink, NULL);
	all = span_of(a->out.p, a->out.n);
	for (unsigned s = 0; s < a->d->secrets; s++)
		bad |= leaks(all, span_str(a->d->secret[s]));
	for (size_t t = 0; t < a->tokens; t++)
		bad |= leaks_part(all, a->token[t], RUN);
	if (bad && a->leaks < 5)
		report(a, what, i, x, y, refused);
	else
		a->leaks += bad;
}

/* As the damage leaves it, and with memory refused as well: each time for another allocation. */
static void run(struct attack *a, const char *what, size_t i, size_t x, size_t y)
{
	if (!a->now.count || (!a->all && a->tick % SAMPLE)) {
		a->tick++;
		return;
	}
	search(a, what, i, x, y, 0);
	search(a, what, i, x, y, 1 + a->tick++ / (a->all ? 1 : SAMPLE) % REFUSED);
}

/* ---- what is secret in the dialogue ---- */

static bool has_secret(const struct attack *a, struct span s)
{
	for (unsigned i = 0; i < a->d->secrets; i++)
		if (leaks(s, span_str(a->d->secret[i])))
			return true;
	return false;
}

/* Words of client lines in which a secret is encoded: no run of them may be shown either. */
static void find_tokens(struct attack *a)
{
	for (size_t i = 0; i < a->d->count; i++) {
		const struct piece *p = &a->d->piece[i];
		struct span rest = span_of(p->data, p->lost ? 0 : p->n);

		while (p->dir == DIR_CLIENT && rest.n) {
			struct span line = span_split(&rest, '\n'), word;

			line = span_rtrim(line, CHAR_WSP | CHAR_CONTROL);
			word = span_from(line, span_rchr(line, ' ') == SPAN_NPOS ? 0 : span_rchr(line, ' ') + 1);
			if (word.n >= 2 * RUN && word.n % 4 == 0 && span_all(span_rtrim(span_first(word, word.n - 2), 0), CHAR_BASE64) &&
			    has_secret(a, word) && a->tokens < TOKENS)
				a->token[a->tokens++] = word;
		}
	}
}

/* ---- the attacks ---- */

static void attack_pieces(struct attack *a)
{
	bool holes = false;

	for (size_t i = 0; i < a->d->count; i++)
		holes |= a->d->piece[i].lost;
	for (size_t i = 0; i < a->d->count; i++) {
		restore(a);
		lose(a, i, 0, a->now.piece[i].n);
		run(a, "lost", i, 0, 0);
		if (i + 1 < a->d->count) {
			restore(a);
			lose(a, i, 0, a->now.piece[i].n);
			lose(a, i + 1, 0, a->now.piece[i + 1].n);
			run(a, "two lost", i, 0, 0);
		}
		if (!holes) { /* with holes of its own it would be a client that sends a password first */
			restore(a);
			drop(a, i);
			lay_out(a);
			run(a, "dropped", i, 0, 0);
		}
		restore(a);
		insert(a, i, a->now.piece[i], a->was_off[i]);
		lay_out(a);
		run(a, "twice", i, 0, 0);
	}
}

static void attack_ranges(struct attack *a)
{
	static const size_t lengths[] = {1, 8, 10000};

	for (size_t i = 0; i < a->d->count; i++) {
		const struct piece *p = &a->d->piece[i];

		if (p->dir != DIR_CLIENT || p->lost || !has_secret(a, span_of(p->data, p->n)))
			continue;
		for (size_t from = 0; from < p->n; from += p->n / PLACES + 1)
			for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
				size_t to = p->n - from < lengths[l] ? p->n : from + lengths[l];

				restore(a);
				lose(a, i, from, to);
				run(a, "octets lost", i, from, to);
			}
	}
}

/* AUTH misspelt in every way, and its mechanism. */
static void attack_octets(struct attack *a)
{
	static const uint8_t instead[] = {'x', '1', ' '};

	for (size_t i = 0; i < a->d->count; i++) {
		const struct piece *p = &a->d->piece[i];
		struct span text = span_of(p->data, p->n);
		size_t end = span_rchr(span_first(text, span_chr(text, '\r')), ' ');

		if (p->dir != DIR_CLIENT || p->lost || !(span_istarts(text, SPAN("AUTH ")) || span_istarts(text, SPAN("X-EXPS "))))
			continue;
		for (size_t at = 0; at < p->n && at < (end == SPAN_NPOS || end < 6 ? 20 : end); at++)
			for (size_t k = 0; k < sizeof instead && p->data[at] != '\r' && p->data[at] != '\n'; k++) {
				uint8_t was = p->data[at];

				restore(a);
				p->data[at] = instead[k];
				run(a, "octet changed", i, at, k);
				p->data[at] = was;
			}
	}
}

static void attack_starts(struct attack *a)
{
	for (size_t i = 0; i < a->d->count; i++) {
		restore(a);
		a->now.midstream = true;
		for (size_t n = 0; n < i; n++)
			drop(a, 0);
		lay_out(a);
		run(a, "starts here", i, 0, 0);
	}
	for (int side = 0; side < 2; side++) {
		restore(a);
		a->now.one_sided[side] = true;
		for (size_t i = 0; i < a->now.count; i++)
			a->now.piece[i].lost |= a->now.piece[i].dir == (enum dir)side;
		run(a, "one side", (size_t)side, 0, 0);
	}
	restore(a);
	a->conflicts = true;
	run(a, "conflicts", 0, 0, 0);
	a->conflicts = false;
}

/* ---- dialogues ---- */

/* An AUTH response whose mechanism has a secret. */
static bool has_response(const struct dialog *d)
{
	bool asked = false;

	for (size_t i = 0; i < d->count; i++) {
		const struct piece *p = &d->piece[i];
		struct span line = span_of(p->data, p->lost ? 0 : p->n);
		struct span text = span_rtrim(line, CHAR_WSP | CHAR_CONTROL), word = text, verb = span_split(&word, ' ');

		if (p->dir == DIR_SERVER) {
			asked = span_starts(text, SPAN("334"));
			continue;
		}
		if (span_ieq(verb, SPAN("AUTH")) && !span_istarts(word, SPAN("EXTERNAL")) && !span_istarts(word, SPAN("ANONYMOUS")) &&
		    span_chr(word, ' ') != SPAN_NPOS)
			return true;
		if (asked && text.n >= 8 && span_chr(text, ' ') == SPAN_NPOS && !span_eq(text, SPAN("QUIT")))
			return true;
	}
	return false;
}

static bool one(const char *path, bool verbose, bool all, char *out, struct json_writer *json, unsigned *runs)
{
	static struct dialog d;
	static struct attack a;
	bool ok = true;

	dialog_read(path, &d);
	a = (struct attack){.d = &d, .verbose = verbose, .all = all, .tick = a.tick, .out = {.p = out, .json = json}};
	if (!d.secrets && has_response(&d)) {
		printf("%s: AUTH responses, and no @ secret\n", d.name);
		ok = false;
	}
	if (d.secrets) {
		find_tokens(&a);
		attack_pieces(&a);
		attack_ranges(&a);
		attack_octets(&a);
		attack_starts(&a);
	}
	*runs += a.runs;
	dialog_free(&d);
	return ok && !a.leaks;
}

static bool is_named(const char *path, int argc, char **argv, int first)
{
	for (int i = first; i < argc; i++)
		if (strstr(path, argv[i]))
			return true;
	return first >= argc;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0, all = argc > 1 + verbose && strcmp(argv[1 + verbose], "--all") == 0;
	int first = 1 + verbose + all;
	unsigned passed = 0, failed = 0, runs = 0;
	char *out = malloc(OUTPUT_MAX);
	struct json_writer *json = json_writer_new(65536);
	glob_t g;

	if (glob("tests/dialogs/*.dlg", 0, NULL, &g) != 0) {
		fprintf(stderr, "tests/dialogs: no dialogues; run this from the top of the source\n");
		return 2;
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (is_named(g.gl_pathv[i], argc, argv, first))
			*(one(g.gl_pathv[i], verbose, all || first < argc, out, json, &runs) ? &passed : &failed) += 1;
	globfree(&g);
	json_writer_free(&json);
	free(out);
	printf("%u damaged dialogues searched\n%u passed, %u failed, 0 skipped\n", runs, passed, failed);
	return failed || !passed;
}
