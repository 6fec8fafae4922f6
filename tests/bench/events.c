/*
 * events.c - counts what came out and compares it with what was written. Every line is parsed, so one that is no JSON shows too.
 *
 *   events TRUTH EVENTS.json       says the differences; status 1 when there is one
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

/* The value at a path of keys with dots, or NULL. */
static struct json_object *at(struct json_object *o, const char *path)
{
	char key[32];
	size_t n;

	for (; o && *path; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		if (!json_object_object_get_ex(o, key, &o))
			return NULL;
	}
	return o;
}

static const char *text(struct json_object *o, const char *path, const char *absent)
{
	struct json_object *v = at(o, path);

	return v ? json_object_get_string(v) : absent;
}

static uint64_t number(struct json_object *o, const char *path)
{
	return (uint64_t)json_object_get_int64(at(o, path));
}

static void count_event(struct truth *t, struct json_object *o)
{
	const char *set = text(o, "event.dataset", "none");

	if (strcmp(set, "smtpscope.session") == 0) {
		truth_add(t, 1, "session.%s", text(o, "smtp.session.close", "none"));
		truth_add(t, number(o, "smtp.session.gaps"), "gaps");
		truth_add(t, number(o, "smtp.session.gap_bytes"), "gap_octets");
	} else if (strcmp(set, "smtpscope.command") == 0) {
		truth_add(t, 1, "command.%s.%s", text(o, "smtp.command.verb", text(o, "event.action", "none")),
			  text(o, "smtp.reply.code", "none"));
	} else if (strcmp(set, "smtpscope.auth") == 0) {
		truth_add(t, 1, "auth.%s.%s", text(o, "smtp.auth.mechanism", "none"), text(o, "smtp.auth.result", "none"));
	} else if (strcmp(set, "smtpscope.message") == 0) {
		truth_add(t, 1, "message.%s", text(o, "smtp.message.result", "none"));
		truth_add(t, number(o, "smtp.message.size"), "octets");
	} else if (strcmp(set, "smtpscope.finding") == 0) {
		truth_add(t, 1, "finding.%s", text(o, "smtp.finding.id", "none"));
	} else if (strcmp(set, "smtpscope.stats") == 0) {
		truth_add(t, number(o, "smtp.stats.packets.received"), "frames");
	} else {
		truth_add(t, 1, "%s", set);
	}
}

static bool count_file(struct truth *t, const char *path, uint64_t *lines)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	if (!f)
		return false;
	while (getline(&line, &room, f) > 0) {
		struct json_object *o = json_tokener_parse(line);

		++*lines;
		if (o)
			count_event(t, o);
		else
			truth_add(t, 1, "no-json");
		json_object_put(o);
	}
	free(line);
	fclose(f);
	return true;
}

/* Names of `of` whose numbers are others in `in`; with absent only those that `in` does not have at all. */
static unsigned differences(const struct truth *of, const struct truth *in, bool absent)
{
	unsigned n = 0;

	for (unsigned i = 0; i < of->used; i++) {
		const struct count *c = &of->counts[i];
		uint64_t other = truth_of(in, c->name);

		if (c->n == other || (absent && other != 0))
			continue;
		printf("  %s: %" PRIu64 " written, %" PRIu64 " came out\n", c->name, absent ? other : c->n, absent ? c->n : other);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct truth written, found;
	uint64_t lines = 0;
	unsigned n;

	if (argc != 3)
		return 2;
	if (!truth_read(&written, argv[1]) || !count_file(&found, argv[2], &lines)) {
		perror("events");
		return 2;
	}
	n = differences(&written, &found, false) + differences(&found, &written, true);
	if (n == 0)
		printf("%" PRIu64 "\n", lines);
	return n != 0;
}
