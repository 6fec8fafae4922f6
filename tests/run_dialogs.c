/*
 * run_dialogs.c - every dialogue of tests/dialogs over every chunk size, every split point and every wire: one event list (law L4).
 *
 *   run_dialogs [-v | --quick] [NAME...]      -v prints the events of each dialogue in the notation of .events files
 *                                             --quick: whole pieces, single octets and the first wire; ends at the first that fails
 *
 * The run with whole pieces is compared with the .events file and parsed back with json-c; all others must give the same
 * octets, but for times, frame numbers, addresses. Every octet of every output is searched for the dialogue's secrets.
 */
#include "alike.h"
#include "dialog.h"
#include "ecs_check.h"
#include "expect.h"
#include "leaks.h"
#include "schema_check.h"
#include "smtpscope/json.h"
#include "smtpscope/text.h"
#include "wires.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the reference run: whole lines, compared with what a person wrote ---- */

struct reference {
	struct json_writer *writer;
	struct text_writer *text;
	struct lines json, transcript;
};

static void on_reference(void *ctx, struct event *ev)
{
	struct reference *r = ctx;

	ev->ecs_version = SPAN("8.11.0");
	lines_add(&r->json, json_event(r->writer, ev));
	text_event(r->text, ev);
}

static void on_text(void *ctx, struct span lines)
{
	lines_add(&((struct reference *)ctx)->transcript, lines);
}

static void each_line(const struct lines *l, struct got *g)
{
	const char *p = l->p, *end = l->p + l->n;

	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t n = lf ? (size_t)(lf - p) : (size_t)(end - p);

		got_add(g, p, n);
		p += n + 1;
	}
}

static bool check_schema(const struct dialog *d, const struct got *g)
{
	char why[256];

	for (size_t i = 0; i < g->count; i++)
		if (!schema_check(g->event[i], why, sizeof why) || !ecs_check(g->event[i], why, sizeof why)) {
			printf("%s: against the schema: %s\n", d->name, why);
			return false;
		}
	return true;
}

static bool run_reference(const struct dialog *d, const char *events, bool verbose)
{
	static struct got got;
	static struct expected expected;
	struct reference r = {
	    .writer = json_writer_new(65536), .json = {malloc(LINES_MAX), 0}, .transcript = {malloc(LINES_MAX), 0}};
	struct sink *sink = sink_open_callback(on_text, &r);
	struct text_options look = {.verbosity = 2};
	struct feeding whole = {0};
	bool ok;

	r.text = text_writer_new(&look, sink);
	feed_session(d, &whole, on_reference, &r);
	text_writer_free(&r.text);
	sink_close(&sink, NULL);
	each_line(&r.json, &got);
	expected_read(events, &expected);
	ok = expect_match(&expected, &got, false);
	if (!ok || verbose) {
		printf("%s:%s\n", d->name, ok ? "" : " the events differ (- expected, + came)");
		expect_match(&expected, &got, true);
	}
	ok &= check_schema(d, &got);
	ok &= leaks_none(d, span_of(r.json.p, r.json.n), "json");
	ok &= leaks_none(d, span_of(r.transcript.p, r.transcript.n), "text");
	got_clear(&got);
	expected_free(&expected);
	json_writer_free(&r.writer);
	free(r.json.p);
	free(r.transcript.p);
	return ok;
}

/* ---- all other runs must be like the first ---- */

enum effort { EFFORT_FULL, EFFORT_VERBOSE, EFFORT_QUICK };

struct runs {
	const struct dialog *d;
	struct run strict, loose, now;
	enum effort effort;
	unsigned count;
};

static bool try_feeding(struct runs *r, const struct feeding *f)
{
	char what[96];

	r->now.out.n = 0;
	r->now.loose = false;
	feed_session(r->d, f, run_event, &r->now);
	r->count++;
	snprintf(what, sizeof what, "chunks of %zu, piece %zu cut at %zu", f->chunk, f->split_piece, f->split_at);
	return lines_same(r->d->name, &r->strict.out, &r->now.out, what);
}

static bool all_feedings(struct runs *r)
{
	const struct dialog *d = r->d;
	size_t longest = 1;

	if (!try_feeding(r, &(struct feeding){.naps = true})) /* half a line keeps a session awake, whole ones let it sleep */
		return false;
	if (r->effort == EFFORT_QUICK)
		return try_feeding(r, &(struct feeding){.chunk = 1, .naps = true});
	for (size_t i = 0; i < d->count; i++)
		longest = d->piece[i].n > longest ? d->piece[i].n : longest;
	for (size_t n = 1; n < longest && n <= (d->next ? 4 : 1024); n++) /* what one session shows of cuts need not be shown by many */
		if (!try_feeding(r, &(struct feeding){.chunk = n, .naps = n & 1}))
			return false;
	for (size_t i = 0; i < d->count && !d->next; i++)
		for (size_t at = 1; at < d->piece[i].n && at <= 4096 && !d->piece[i].lost; at++)
			if (!try_feeding(r, &(struct feeding){.split_piece = i, .split_at = at}))
				return false;
	return true;
}

/* The first wire that differs says enough: the others mostly differ in the same way. */
static bool all_wires(struct runs *r)
{
	bool ok = true, lost[2] = {false, false}, copies = false;
	size_t count = r->effort == EFFORT_QUICK ? 1 : wire_count;

	for (size_t i = 0; i < r->d->count; i++) {
		lost[r->d->piece[i].dir] |= r->d->piece[i].lost;
		copies |= r->d->piece[i].other != NULL;
	}
	for (size_t i = 0; ok && i < count; i++) {
		const struct wire *w = &wires[i];

		/* what is lost, or open at its start, is not the same loss on every wire */
		bool partial = r->d->midstream || r->d->one_sided[0] || r->d->one_sided[1];

		if ((w->no_handshake || partial) && (w->shuffle || w->mss < 100))
			continue;
		if (w->shuffle && lost[DIR_CLIENT] && lost[DIR_SERVER]) /* arrival decides which of two holes is known first */
			continue;
		if (copies && (w->mss < 100 || w->shuffle || w->duplicate || w->overlap)) /* one copy is one segment */
			continue;
		if (w->no_handshake && r->d->piece[0].dir == DIR_CLIENT) /* without one nobody knows who talks first */
			continue;
		r->now.out.n = 0;
		r->now.loose = w->no_handshake || partial;
		r->now.tagged = false;
		feed_wire(r->d, w, run_event, &r->now);
		r->count++;
		ok = lines_same(r->d->name, r->now.loose ? &r->loose.out : &r->strict.out, &r->now.out, w->name);
		if (ok && r->now.tagged != (w->link == WIRE_VLAN || w->link == WIRE_QINQ)) {
			printf("%s: network.vlan.id over %s\n", r->d->name, w->name);
			ok = false;
		}
	}
	return ok;
}

static bool run_all(const struct dialog *d, enum effort effort, unsigned *count)
{
	struct runs r = {.d = d, .strict = run_new(false), .loose = run_new(true), .now = run_new(false), .effort = effort};
	struct feeding whole = {0};
	bool ok;

	feed_session(d, &whole, run_event, &r.strict);
	feed_session(d, &whole, run_event, &r.loose);
	ok = all_feedings(&r);
	ok &= all_wires(&r);
	*count = r.count;
	run_free(&r.strict);
	run_free(&r.loose);
	run_free(&r.now);
	return ok;
}

static bool one_dialog(const char *path, enum effort effort)
{
	bool verbose = effort == EFFORT_VERBOSE;
	static struct dialog d;
	char events[512];
	unsigned count = 0;
	bool ok;

	dialog_read(path, &d);
	snprintf(events, sizeof events, "%.*s.events", (int)(strlen(path) - 4), path);
	ok = run_reference(&d, events, verbose);
	ok &= run_all(&d, effort, &count);
	if (!ok)
		printf("FAILED %s\n", d.name);
	else if (verbose)
		printf("ok %s (%u runs)\n", d.name, count + 1);
	dialog_free(&d);
	return ok;
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
	enum effort effort = EFFORT_FULL;
	unsigned passed = 0, failed = 0;
	glob_t g;

	if (argc > 1 && strcmp(argv[1], "-v") == 0)
		effort = EFFORT_VERBOSE;
	if (argc > 1 && strcmp(argv[1], "--quick") == 0)
		effort = EFFORT_QUICK;
	if (glob("tests/dialogs/*.dlg", 0, NULL, &g) != 0) {
		fprintf(stderr, "tests/dialogs: no dialogues; run this from the top of the source\n");
		return 2;
	}
	for (size_t i = 0; i < g.gl_pathc && !(failed && effort == EFFORT_QUICK); i++) {
		if (!is_named(g.gl_pathv[i], argc, argv, 1 + (effort != EFFORT_FULL)))
			continue;
		if (one_dialog(g.gl_pathv[i], effort))
			passed++;
		else
			failed++;
	}
	globfree(&g);
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed || !passed;
}
