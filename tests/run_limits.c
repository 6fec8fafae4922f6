/*
 * run_limits.c - every limit: one below, at it, one above, and a hundred times as much (reliability 5). Beyond it something is counted or
 * said, below it nothing is; and memory at a hundred times is what it is at twice.
 *
 *   run_limits [-v]      -v prints each row
 *
 * The rows are in tests/support/limits_*.c. That none is missing is looked up in the sources: each member of a struct *_limits has one,
 * and so has each constant called *_KEPT or *_MOST, or stands below with the reason why not.
 */
#include "limit_rows.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct limit_rows *const groups[] = {&limits_net, &limits_smtp, &limits_edge};
enum { GROUPS = sizeof groups / sizeof *groups };

/* What only looks like one. */
static const struct {
	const char *name, *why;
} others[] = {
    {"AUTH_CHALLENGE_KEPT", "shown of a challenge, within AUTH_MEMORY"},
    {"AWAKE_MOST", "sessions beyond sleep, and nothing is lost: tests/bench/idle"},
    {"BLOCKS_KEPT", "empty blocks that are not given back between rounds; nothing is lost"},
    {"PACKED_MOST", "on the stack: octets of a session asleep if none of its own were zero"},
    {"REQUEUE_MOST", "work, not memory"},
    {"CANDIDATE_KEPT", "within --memory-limit; beyond it the finding stays, and what is behind it is not read again"},
    {"TEXT_KEPT", "on the stack: of a reply's text, searched for its category"},
    {"TOTAL_KEPT", "of all transcripts: sessions beyond are written in parts, as at TEXT_SESSIONS"},
    {"HELLO_MOST", "tests/unit/test_tls_hello.c: at it and one above"},
    {"FORMATS_MOST", "a number in a fingerprint"},
    {"SESSION_ID_MOST", "RFC 8446 4.1.2: what is longer is malformed"},
};

static const struct limit *row_of(const char *name)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (size_t i = 0; i < groups[g]->count; i++)
			if (strcmp(groups[g]->row[i].name, name) == 0)
				return &groups[g]->row[i];
	return NULL;
}

/* ---- one row ---- */

/* The largest n at which nothing is said; where nothing is said of far either, that. */
static uint64_t find_limit(const struct limit *l)
{
	uint64_t low = 1, high = l->far;

	while (high - low > 1) {
		uint64_t n = low + (high - low) / 2;
		struct outcome o = {0, 0};

		l->drive(0, n, &o);
		*(o.over ? &high : &low) = n;
	}
	return low;
}

static unsigned complain(const struct limit *l, const char *what, uint64_t a, uint64_t b)
{
	printf("%s: %s: %llu, %llu\n", l->name, what, (unsigned long long)a, (unsigned long long)b);
	return 1;
}

static unsigned test_row(const struct limit *l, bool verbose)
{
	const uint64_t limit = l->limit ? l->limit : find_limit(l), amount[] = {limit - 1, limit, limit + 1, 2 * limit, 100 * limit};
	struct outcome o[5] = {{0, 0}};
	unsigned bad = 0;

	for (int k = 0; k < 5; k++) {
		uint64_t want = amount[k] > limit ? amount[k] - limit : 0;

		l->drive(limit, amount[k], &o[k]);
		if (l->exact ? o[k].over != want : (o[k].over > 0) != (want > 0))
			bad += complain(l, "so many, and so much beyond the limit", amount[k], o[k].over);
	}
	if (o[4].peak > o[3].peak + o[3].peak / 4 + 1024 + l->room)
		bad += complain(l, "octets at twice the limit, and at a hundred times", o[3].peak, o[4].peak);
	if (verbose)
		printf("%-34s limit %12llu, octets at it %9llu, at twice %9llu, at a hundred times %9llu\n", l->name, (unsigned long long)limit,
		       (unsigned long long)o[1].peak, (unsigned long long)o[3].peak, (unsigned long long)o[4].peak);
	return bad;
}

/* ---- is one missing? ---- */

static unsigned demand(const char *name)
{
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(others[i].name, name) == 0)
			return 0;
	if (row_of(name))
		return 0;
	printf("%s: a limit without a row\n", name);
	return 1;
}

/* The word that ends before p. */
static void word_before(const char *start, const char *p, char *dst, size_t cap)
{
	const char *end;

	while (p > start && !isalnum((unsigned char)p[-1]) && p[-1] != '_')
		p--;
	for (end = p; p > start && (isalnum((unsigned char)p[-1]) || p[-1] == '_');)
		p--;
	snprintf(dst, cap, "%.*s", (int)(end - p), p);
}

/* "struct x_limits {", then a member before each ';'. */
static unsigned demand_members(const char *text)
{
	unsigned missing = 0;

	for (const char *p = text; (p = strstr(p, "_limits {\n")) != NULL;) {
		char owner[64], member[64], name[140];
		const char *end = strstr(p, "\n};");

		word_before(text, p + strlen("_limits"), owner, sizeof owner);
		p = strchr(p, '\n');
		for (const char *line = p; end && line < end; line = strchr(line + 1, '\n')) {
			const char *semicolon = strchr(line, ';');

			word_before(text, semicolon, member, sizeof member);
			snprintf(name, sizeof name, "%s.%s", owner, member);
			if (semicolon < end)
				missing += demand(name);
		}
	}
	return missing;
}

static unsigned demand_constants(const char *text)
{
	unsigned missing = 0;

	for (const char *p = text; (p = strstr(p, " = ")) != NULL; p++) {
		char name[64];
		size_t n;

		word_before(text, p, name, sizeof name);
		n = strlen(name);
		for (size_t i = 0; i < n; i++)
			if (islower((unsigned char)name[i]))
				n = 0;
		if (strstr(name, "_MOST") == name + n - 5 || strstr(name, "_KEPT"))
			missing += n > 5 ? demand(name) : 0;
	}
	return missing;
}

static unsigned look_for_missing(unsigned *files)
{
	static char text[1 << 20];
	unsigned missing = 0;
	glob_t g;

	if (glob("include/smtpscope/*.h", 0, NULL, &g) != 0 || glob("src/*/*.[ch]", GLOB_APPEND, NULL, &g) != 0)
		return 1;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");
		size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

		if (f)
			fclose(f);
		text[n] = '\0';
		*files += n > 0;
		missing += demand_members(text) + demand_constants(text);
	}
	globfree(&g);
	return missing;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	unsigned rows = 0, bad = 0, files = 0, missing = look_for_missing(&files);

	for (size_t g = 0; g < GROUPS; g++)
		for (size_t i = 0; i < groups[g]->count; i++, rows++)
			bad += test_row(&groups[g]->row[i], verbose) > 0;
	printf("%u limits at four points each, and none besides in %u files\n", rows, files);
	printf("%u passed, %u failed, 0 skipped\n", rows - bad, bad + missing);
	return bad || missing || !rows || !files;
}
