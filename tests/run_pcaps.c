/*
 * run_pcaps.c - captures of real servers against what must come out (tests/pcap/LIST), with the built program.
 *
 *   LIST row:  NAME  CAPTURE  [OPTIONS]        expected events in tests/pcap/NAME.expected, notation of tests/dialogs/README.md
 *
 * Every sample, listed or not: each line is JSON that fits the schema, two runs give the same octets, so does the same capture from
 * standard input, as .gz and as .zst, and no secret of the samples stands in JSON or transcript.
 */
#include "ecs_check.h"
#include "expect.h"
#include "leaks.h"
#include "schema_check.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

static const char *const secrets[] = {"s3cr3t-Alice", "wr0ng-Alice"}; /* parts of the tokens too */

struct output {
	char *p;
	size_t n;
};

static struct output read_all(FILE *f)
{
	struct output o = {malloc(1), 0};
	char part[65536];
	size_t n;

	while ((n = fread(part, 1, sizeof part, f)) > 0) {
		o.p = realloc(o.p, o.n + n + 1);
		memcpy(o.p + o.n, part, n);
		o.n += n;
	}
	o.p[o.n] = '\0';
	return o;
}

/* capture: what stands behind -r, "- <FILE" for standard input. */
static struct output run(const char *capture, const char *options)
{
	const char *program = getenv("SMTPSCOPE");
	char command[1024];
	struct output o;
	FILE *f;

	program = program ? program : "./smtpscope";
	snprintf(command, sizeof command, "%s%s %s -r %s 2>/dev/null", strchr(program, '/') ? "" : "./", program, options, capture);
	f = popen(command, "r");
	o = read_all(f);
	pclose(f);
	return o;
}

static void parse(const struct output *o, struct got *g)
{
	for (const char *p = o->p; p < o->p + o->n;) {
		size_t n = strcspn(p, "\n");

		got_add(g, p, n);
		p += n + 1;
	}
}

static bool fits_schema(const char *capture, const struct got *g)
{
	char why[256];

	for (size_t i = 0; i < g->count; i++)
		if (!schema_check(g->event[i], why, sizeof why) || !ecs_check(g->event[i], why, sizeof why)) {
			printf("%s: against the schema: %s\n", capture, why);
			return false;
		}
	return true;
}

/* The capture, read another way, must give the same octets. */
static bool same_again(const char *capture, const char *other, const char *how, const struct output *json)
{
	struct output again = run(other, "-o json");
	bool ok = json->n == again.n && memcmp(json->p, again.p, json->n) == 0;

	if (!ok)
		printf("%s: other events %s\n", capture, how);
	free(again.p);
	return ok;
}

static void write_packed(const char *gz, const char *zst, const struct output *raw)
{
	size_t room = ZSTD_compressBound(raw->n);
	char *packed = malloc(room);
	gzFile z = gzopen(gz, "wb");
	FILE *f = fopen(zst, "wb");

	if (!packed || !z || !f) {
		fprintf(stderr, "%s: cannot be written\n", zst);
		exit(2);
	}
	gzwrite(z, raw->p, (unsigned)raw->n);
	gzclose(z);
	fwrite(packed, 1, ZSTD_compress(packed, room, raw->p, raw->n, 3), f);
	fclose(f);
	free(packed);
}

static bool same_from_everywhere(const char *capture, const struct output *json)
{
	char directory[] = "/tmp/run_pcaps.XXXXXX", gz[64], zst[64], from[512];
	struct output raw;
	FILE *f = fopen(capture, "rb");
	bool ok;

	if (!f || !mkdtemp(directory)) {
		perror(capture);
		exit(2);
	}
	raw = read_all(f);
	fclose(f);
	snprintf(gz, sizeof gz, "%s/x.pcap.gz", directory);
	snprintf(zst, sizeof zst, "%s/x.pcap.zst", directory);
	write_packed(gz, zst, &raw);
	snprintf(from, sizeof from, "- <%s", capture);
	ok = same_again(capture, capture, "in a second run", json);
	ok &= same_again(capture, from, "from standard input", json);
	ok &= same_again(capture, gz, "as .gz", json);
	ok &= same_again(capture, zst, "as .zst", json);
	unlink(gz);
	unlink(zst);
	rmdir(directory);
	free(raw.p);
	return ok;
}

static bool check_sample(const char *capture)
{
	static struct got g;
	struct output json = run(capture, "-o json"), text = run(capture, "-o text -vv");
	bool ok = same_from_everywhere(capture, &json);

	parse(&json, &g);
	ok &= fits_schema(capture, &g);
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		if (leaks(span_of(json.p, json.n), span_str(secrets[i])) || leaks(span_of(text.p, text.n), span_str(secrets[i]))) {
			printf("%s: the secret %s stands in the output\n", capture, secrets[i]);
			ok = false;
		}
	got_clear(&g);
	free(json.p);
	free(text.p);
	return ok;
}

static bool check_listed(const char *name, const char *capture, const char *options)
{
	static struct got g;
	static struct expected e;
	char path[256], all[256];
	struct output o;
	bool ok;

	snprintf(path, sizeof path, "tests/pcap/%s.expected", name);
	snprintf(all, sizeof all, "-o json %s", options);
	o = run(capture, all);
	parse(&o, &g);
	expected_read(path, &e);
	ok = expect_match(&e, &g, false);
	if (!ok) {
		printf("%s: the events differ (- expected, + came)\n", name);
		expect_match(&e, &g, true);
	}
	got_clear(&g);
	expected_free(&e);
	free(o.p);
	return ok;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;
	char line[512], name[64], capture[256];
	FILE *list = fopen("tests/pcap/LIST", "r");
	glob_t g;

	if (argc == 3 && strcmp(argv[1], "-p") == 0) { /* prints a capture's events in the notation */
		static struct got got;
		struct output o = run(argv[2], "-o json");

		parse(&o, &got);
		for (size_t i = 0; i < got.count; i++)
			expect_print(got.event[i]);
		return 0;
	}
	if (!list || glob("samples/*.pcap", 0, NULL, &g) != 0) {
		fprintf(stderr, "tests/pcap/LIST or samples missing; run this from the top of the source\n");
		return 2;
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		*(check_sample(g.gl_pathv[i]) ? &passed : &failed) += 1;
	globfree(&g);
	while (fgets(line, sizeof line, list)) {
		int at = 0;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '#' && sscanf(line, "%63s %255s%n", name, capture, &at) == 2)
			*(check_listed(name, capture, line + at) ? &passed : &failed) += 1;
	}
	fclose(list);
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed || !passed;
}
