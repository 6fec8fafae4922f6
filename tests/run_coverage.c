/*
 * run_coverage.c - nothing that can be found goes untested: walks the tables of the program and the lists of tests beside them.
 *
 *   tests/COVERAGE     a row for each finding of the catalog: the dialogue that raises it, the one that nearly does, the recorded sample
 *   tests/SCENARIOS    for what must come out of a kind of traffic: a dialogue, and a capture with the events that it must give
 *   tests/pcap/CLEAN   captures in which nothing is wrong: no finding of severity error, no alert
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
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ROWS = 256, MOST_CAPTURES = 256, WORD = 128 };

static unsigned passed, failed;

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

	snprintf(path, sizeof path, "tests/dialogs/%.*s.%s", WORD, name, suffix);
	return path;
}

/* ---- what captures give ---- */

struct capture {
	char name[WORD + 32];
	struct got got;
};

static struct capture *captures[MOST_CAPTURES];

static void read_events(const char *path, struct got *g, int status)
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
	check(f && WEXITSTATUS(pclose(f)) == status, "%s: does not end with status %d", command, status);
}

/* The events of a capture, at whose end the program says this status; each is read once. */
static const struct got *events_of(const char *path, int status)
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
		read_events(path, &captures[i]->got, status);
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

static void check_raised(const struct row *r, const char *finding)
{
	check(line_behind(dialog_file(r->raised, "events"), finding), "%s: not raised by the dialogue %s", r->id, r->raised);
}

/* The near-miss says itself what it nearly is, so that whoever changes it knows. */
static void check_near_miss(const struct row *r, const char *finding)
{
	char words[WORD + 16];
	const char *why;

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

	if (strcmp(r->sample, "-") == 0) {
		check(r->reasoned, "%s: no sample, and no reason why no server can be recorded", r->id);
		return;
	}
	snprintf(path, sizeof path, "samples/%s.pcap", r->sample);
	check(access(path, R_OK) == 0, "%s: there is no %s", r->id, path);
	g = events_of(path, 0);
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
		if (strcmp(r->raised, "-") != 0) { /* else the reason is asked for below */
			check_raised(r, finding);
			check_near_miss(r, finding);
		}
		check_sample(r, finding);
	}
	for (unsigned f = 0; f < FINDINGS; f++)
		check(has_row[f], "%s: no row in tests/COVERAGE", finding_info((enum finding)f)->id);
}

/* ---- scenarios ---- */

/* A scenario of the file while it is read; matched: events of the capture up to here are spent. */
struct scenario {
	char name[256], capture[WORD];
	unsigned dialogs, captures, lines;
	const struct got *got;
	size_t matched;
};

static void end_capture(struct scenario *s)
{
	if (s->got)
		check(s->lines > 0, "SCENARIOS: %s: nothing is expected of %s", s->name, s->capture);
	s->got = NULL;
	s->lines = 0;
	s->matched = 0;
}

static void end_scenario(struct scenario *s)
{
	end_capture(s);
	if (s->name[0])
		check(s->dialogs && s->captures, "SCENARIOS: %s: needs a dialogue and a capture", s->name);
	*s = (struct scenario){0};
}

static void begin_capture(struct scenario *s, const char *path, int status)
{
	end_capture(s);
	s->captures++;
	snprintf(s->capture, sizeof s->capture, "%.*s", WORD - 1, path);
	check(access(path, R_OK) == 0, "SCENARIOS: %s: there is no %s", s->name, path);
	s->got = events_of(s->capture, status);
}

/* Expected lines fit events of the capture in their order; others may stand between. */
static void expect_line(struct scenario *s, const char *line)
{
	size_t i = s->matched;

	s->lines++;
	while (s->got && i < s->got->count && !expect_fits(line, s->got->event[i]))
		i++;
	check(s->got && i < s->got->count, "SCENARIOS: %s: %s does not give: %s", s->name, s->capture, line);
	if (s->got && i < s->got->count)
		s->matched = i + 1;
}

static void expect_never(struct scenario *s, const char *line)
{
	bool found = false;

	s->lines++;
	for (size_t i = 0; s->got && i < s->got->count; i++)
		found |= expect_fits(line, s->got->event[i]);
	check(s->got && !found, "SCENARIOS: %s: %s gives: %s", s->name, s->capture, line);
}

static void read_scenario_line(struct scenario *s, const char *line)
{
	if (strncmp(line, "== ", 3) == 0) {
		end_scenario(s);
		snprintf(s->name, sizeof s->name, "%.255s", line + 3);
	} else if (strncmp(line, "dialog ", 7) == 0) {
		s->dialogs++;
		check(access(dialog_file(line + 7, "events"), R_OK) == 0, "SCENARIOS: %s: no dialogue %s", s->name, line + 7);
	} else if (strncmp(line, "capture ", 8) == 0) {
		begin_capture(s, line + 8, 0);
	} else if (strncmp(line, "damaged ", 8) == 0) {
		begin_capture(s, line + 8, 1);
	} else if (strncmp(line, "never ", 6) == 0) {
		expect_never(s, line + 6);
	} else {
		expect_line(s, line);
	}
}

static void check_scenarios(void)
{
	struct scenario s = {0};
	char line[1024];
	FILE *f = fopen("tests/SCENARIOS", "r");

	check(f != NULL, "tests/SCENARIOS is missing");
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			read_scenario_line(&s, line);
	}
	end_scenario(&s);
	if (f)
		fclose(f);
}

/* ---- clean captures ---- */

static void check_clean_capture(const char *path)
{
	const struct got *g;

	check(access(path, R_OK) == 0, "CLEAN: there is no %s", path);
	g = events_of(path, 0);
	check(g->count > 0, "CLEAN: %s gives nothing", path);
	for (size_t i = 0; i < g->count; i++)
		if (expect_fits("finding severity=error", g->event[i]) || expect_fits("finding severity=alert", g->event[i])) {
			check(false, "CLEAN: %s is not:", path);
			expect_print(g->event[i]);
		}
}

static void check_clean(void)
{
	char line[256];
	FILE *f = fopen("tests/pcap/CLEAN", "r");

	check(f != NULL, "tests/pcap/CLEAN is missing");
	while (f && fgets(line, sizeof line, f)) {
		line[strcspn(line, " \n")] = '\0';
		if (line[0] && line[0] != '#')
			check_clean_capture(line);
	}
	if (f)
		fclose(f);
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
			check(any_dialog(words, results[k]), "%s: no dialogue with%s", m->name, results[k]);
		}
}

int main(void)
{
	read_rows();
	check_findings();
	check_scenarios();
	check_clean();
	check_mechanisms();
	forget_captures();
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed || !passed;
}
