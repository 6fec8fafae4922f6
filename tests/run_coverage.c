/*
 * run_coverage.c - nothing that can be found goes untested: walks the tables of the program and the lists of tests beside them.
 *
 *   tests/COVERAGE     a row for each finding of the catalog: the dialogue that raises it, the one that nearly does, the recorded sample
 *   mechanisms         each row of the table in src/smtp/auth_mechanism.c succeeds in one dialogue and fails in another
 *
 * That the dialogues pass is proven by run_dialogs; here it is enough to read what they expect.
 */
#include "expect.h"
#include "smtp/auth_mechanism.h"
#include "smtpscope/catalog.h"

#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ROWS = 256, MOST_CAPTURES = 256, WORD = 128 };

static unsigned passed, failed, pending;

static void check(bool ok, const char *why, ...)
{
	va_list args;

	*(ok ? &passed : &failed) += 1;
	if (ok)
		return;
	va_start(args, why);
	vprintf(why, args);
	va_end(args);
	printf("\n");
}

/* ---- what dialogues say ---- */

/* What the file of a dialogue holds behind a line's first words, or NULL when no line begins so; in a static buffer. */
static const char *line_behind(const char *path, const char *words)
{
	static char line[4096];
	const char *behind = NULL;
	size_t n = strlen(words);
	FILE *f = fopen(path, "r");

	while (f && !behind && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, words, n) == 0 && (!line[n] || line[n] == ' '))
			behind = line + n;
	}
	if (f)
		fclose(f);
	return behind;
}

static const char *dialog_file(const char *name, const char *suffix)
{
	static char path[WORD + 32];

	snprintf(path, sizeof path, "tests/dialogs/%s.%s", name, suffix);
	return path;
}

/* ---- what captures give ---- */

struct capture {
	char name[WORD + 32];
	struct got got;
};

static struct capture *captures[MOST_CAPTURES];

static void read_events(const char *path, struct got *g)
{
	const char *program = getenv("SMTPSCOPE");
	char command[512], *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	program = program ? program : "smtpscope";
	snprintf(command, sizeof command, "%s%s -o json -r %s", strchr(program, '/') ? "" : "./", program, path);
	f = popen(command, "r");
	while (f && (n = getline(&line, &cap, f)) > 0)
		got_add(g, line, (size_t)n - 1);
	free(line);
	if (!f || pclose(f) != 0)
		check(false, "%s: does not run", command);
}

/* The events of a capture; each is read once. */
static const struct got *events_of(const char *path)
{
	size_t i = 0;

	while (i < MOST_CAPTURES && captures[i] && strcmp(captures[i]->name, path) != 0)
		i++;
	if (i == MOST_CAPTURES || (!captures[i] && !(captures[i] = calloc(1, sizeof *captures[i])))) {
		fprintf(stderr, "more captures than run_coverage has room for\n");
		exit(2);
	}
	if (!captures[i]->name[0]) {
		snprintf(captures[i]->name, sizeof captures[i]->name, "%s", path);
		read_events(path, &captures[i]->got);
	}
	return &captures[i]->got;
}

static void forget_captures(void)
{
	for (size_t i = 0; i < MOST_CAPTURES && captures[i]; i++) {
		got_clear(&captures[i]->got);
		free(captures[i]);
	}
}

/* ---- findings ---- */

struct row {
	char id[WORD], raised[WORD], near[WORD], sample[WORD];
	bool reasoned;
};

static struct row rows[MOST_ROWS];
static unsigned row_count;

static void read_rows(void)
{
	char line[512];
	FILE *f = fopen("tests/COVERAGE", "r");

	while (f && fgets(line, sizeof line, f)) {
		struct row *r = &rows[row_count];
		int at = 0;
		int n = sscanf(line, "%127s %127s %127s %127s %n", r->id, r->raised, r->near, r->sample, &at);

		if (n < 1 || r->id[0] == '#')
			continue;
		check(n == 4, "COVERAGE: %s: a row is ID RAISED-BY NEAR-MISS SAMPLE", r->id);
		r->reasoned = n == 4 && line[at];
		row_count += row_count < MOST_ROWS - 1;
	}
	if (f)
		fclose(f);
}

static bool is_pending(const char *word)
{
	bool is = strcmp(word, "pending") == 0;

	pending += is;
	return is;
}

static void check_raised(const struct row *r, const char *finding)
{
	if (!is_pending(r->raised))
		check(line_behind(dialog_file(r->raised, "events"), finding), "%s: not raised by the dialogue %s", r->id, r->raised);
}

/* The near-miss says itself what it nearly is, so that whoever changes it knows. */
static void check_near_miss(const struct row *r, const char *finding)
{
	char words[WORD + 16];
	const char *why;

	if (is_pending(r->near))
		return;
	snprintf(words, sizeof words, "# near-miss: %s", r->id);
	why = line_behind(dialog_file(r->near, "dlg"), words);
	check(why && strlen(why) > 8, "%s: the dialogue %s has no line \"%s WHY\"", r->id, r->near, words);
	check(access(dialog_file(r->near, "events"), R_OK) == 0 && !line_behind(dialog_file(r->near, "events"), finding),
	      "%s: raised by its near-miss %s", r->id, r->near);
}

static void check_sample(const struct row *r, const char *finding)
{
	char path[WORD + 32];
	const struct got *g;
	bool found = false;

	if (is_pending(r->sample))
		return;
	if (strcmp(r->sample, "-") == 0) {
		check(r->reasoned, "%s: no sample, and no reason why no server can be recorded", r->id);
		return;
	}
	snprintf(path, sizeof path, "samples/%s.pcap", r->sample);
	check(access(path, R_OK) == 0, "%s: there is no %s", r->id, path);
	g = events_of(path);
	for (size_t i = 0; i < g->count && !found; i++)
		found = expect_fits(finding, g->event[i]);
	check(found, "%s: not raised by %s", r->id, path);
}

static void check_findings(void)
{
	bool has_row[FINDINGS] = {false};

	for (unsigned i = 0; i < row_count; i++) {
		const struct row *r = &rows[i];
		char finding[WORD + 16];
		enum finding f = FINDINGS;

		for (unsigned k = 0; k < FINDINGS; k++)
			f = strcmp(finding_info((enum finding)k)->id, r->id) == 0 ? (enum finding)k : f;
		check(f < FINDINGS, "COVERAGE: %s is no finding", r->id);
		if (f == FINDINGS)
			continue;
		check(!has_row[f], "COVERAGE: %s has two rows", r->id);
		has_row[f] = true;
		snprintf(finding, sizeof finding, "finding %s", r->id);
		check_raised(r, finding);
		check_near_miss(r, finding);
		check_sample(r, finding);
	}
	for (unsigned f = 0; f < FINDINGS; f++)
		check(has_row[f], "%s: no row in tests/COVERAGE", finding_info((enum finding)f)->id);
}

/* ---- mechanisms ---- */

static bool any_dialog(const char *words, const char *result)
{
	glob_t g;
	bool found = false;

	if (glob("tests/dialogs/*.events", 0, NULL, &g) != 0)
		return false;
	for (size_t i = 0; i < g.gl_pathc && !found; i++) {
		FILE *f = fopen(g.gl_pathv[i], "r");
		char line[4096];
		size_t n = strlen(words);

		while (f && !found && fgets(line, sizeof line, f))
			found = strncmp(line, words, n) == 0 && strstr(line, result);
		if (f)
			fclose(f);
	}
	globfree(&g);
	return found;
}

static void check_mechanisms(void)
{
	static const char *const results[] = {" result=success", " result=failure"};
	const struct auth_mechanism *m;

	for (unsigned i = 0; (m = auth_mechanism_at(i)); i++)
		for (unsigned k = 0; k < 2; k++) {
			char words[WORD];

			snprintf(words, sizeof words, "auth %s ", m->name);
			if (!any_dialog(words, results[k])) {
				printf("pending: %s with%s\n", m->name, results[k]);
				pending++;
			}
		}
}

int main(void)
{
	read_rows();
	check_findings();
	check_mechanisms();
	forget_captures();
	printf("%u pending in tests/COVERAGE\n%u passed, %u failed, 0 skipped\n", pending, passed, failed);
	return failed || !passed;
}
