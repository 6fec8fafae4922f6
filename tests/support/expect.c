/* expect.c - see expect.h. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Short names of the fields that tests mostly talk about, by dataset. The first of a dataset is its second word. */
struct alias {
	const char *dataset, *name, *path;
};

static const struct alias aliases[] = {
    {"command", "verb", "smtp.command.verb"},
    {"command", "argument", "smtp.command.argument"},
    {"command", "codes", "smtp.reply.codes"},
    {"command", "code", "smtp.reply.code"},
    {"command", "enhanced", "smtp.reply.enhanced"},
    {"command", "text", "smtp.reply.text"},
    {"command", "pipelined", "smtp.command.pipelined"},
    {"command", "ext", "smtp.extensions"},
    {"command", "end", "smtp.command.line_ending"},
    {"command", "length", "smtp.command.length"},
    {"auth", "mechanism", "smtp.auth.mechanism"},
    {"auth", "user", "user.name"},
    {"auth", "authzid", "smtp.auth.authzid"},
    {"auth", "result", "smtp.auth.result"},
    {"auth", "cause", "smtp.auth.cause"},
    {"auth", "steps", "smtp.auth.steps"},
    {"auth", "challenges", "smtp.auth.challenges"},
    {"auth", "code", "smtp.reply.code"},
    {"auth", "enhanced", "smtp.reply.enhanced"},
    {"message", "result", "smtp.message.result"},
    {"message", "from", "smtp.mail_from"},
    {"message", "rcpt", "smtp.rcpt_to"},
    {"message", "accepted", "smtp.rcpt_accepted"},
    {"message", "rejected", "smtp.rcpt_rejected"},
    {"message", "size", "smtp.message.size"},
    {"message", "lines", "smtp.message.lines"},
    {"message", "chunks", "smtp.message.bdat_chunks"},
    {"message", "queue_id", "smtp.message.queue_id"},
    {"message", "subject", "email.subject"},
    {"finding", "id", "smtp.finding.id"},
    {"finding", "severity", "smtp.finding.severity"},
    {"finding", "confidence", "smtp.finding.confidence"},
    {"finding", "fault", "smtp.finding.fault"},
    {"finding", "suggestion", "smtp.finding.suggestion"},
    {"finding", "evidence", "smtp.finding.evidence"},
    {"finding", "count", "smtp.finding.count"},
    {"session", "close", "smtp.session.close"},
    {"session", "commands", "smtp.session.commands"},
    {"session", "starttls", "smtp.starttls"},
    {"session", "midstream", "smtp.session.midstream"},
    {"session", "one_sided", "smtp.session.one_sided"},
    {"session", "gaps", "smtp.session.gaps"},
    {"session", "user", "user.name"},
    {"session", "accepted", "smtp.session.messages_accepted"},
    {"session", "state", "smtp.session.state"},
};

static struct json_object *lookup(struct json_object *event, const char *path)
{
	while (event && *path) {
		size_t n = strcspn(path, ".");
		char key[64];

		snprintf(key, sizeof key, "%.*s", (int)n, path);
		if (!json_object_object_get_ex(event, key, &event))
			return NULL;
		path += n + (path[n] == '.');
	}
	return event;
}

static const char *dataset_of(struct json_object *event)
{
	struct json_object *name = lookup(event, "event.dataset");
	const char *s = name ? json_object_get_string(name) : "";

	return strncmp(s, "smtpscope.", 10) == 0 ? s + 10 : s;
}

void got_add(struct got *g, const char *line, size_t n)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *event;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	event = json_tokener_parse_ex(tok, line, (int)n);
	if (!event) {
		fprintf(stderr, "not valid JSON: %s\n%.*s\n", json_tokener_error_desc(json_tokener_get_error(tok)), (int)n, line);
		exit(1);
	}
	json_tokener_free(tok);
	if (g->count == MAX_EVENTS || strcmp(dataset_of(event), "stats") == 0)
		json_object_put(event);
	else
		g->event[g->count++] = event;
}

void got_clear(struct got *g)
{
	for (size_t i = 0; i < g->count; i++)
		json_object_put(g->event[i]);
	g->count = 0;
}

void expected_read(const char *path, struct expected *e)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;

	e->count = 0;
	if (!f) {
		fprintf(stderr, "%s: cannot open\n", path);
		exit(2);
	}
	while (getline(&line, &cap, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#' && e->count < MAX_EVENTS)
			e->line[e->count++] = strdup(line);
	}
	free(line);
	fclose(f);
}

void expected_free(struct expected *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->line[i]);
	e->count = 0;
}

/* The second word of a line: the verb, or the action where there is no verb; the first alias of other datasets. */
static const char *headline(struct json_object *event, const char *dataset)
{
	const char *path = NULL;
	struct json_object *v;

	for (size_t i = 0; i < sizeof aliases / sizeof *aliases && !path; i++)
		if (strcmp(aliases[i].dataset, dataset) == 0)
			path = aliases[i].path;
	v = path ? lookup(event, path) : NULL;
	if (!v && strcmp(dataset, "command") == 0)
		v = lookup(event, "event.action");
	return v ? json_object_get_string(v) : "-";
}

static const char *path_of(const char *dataset, const char *key)
{
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(aliases[i].dataset, dataset) == 0 && strcmp(aliases[i].name, key) == 0)
			return aliases[i].path;
	return strchr(key, '.') ? key : NULL;
}

/* key=value at *p; advances. Values are JSON, or bare words that stand for strings; "-" means absent. */
static bool take_pair(const char **p, char key[64], struct json_object **value, bool *absent)
{
	const char *s = *p + strspn(*p, " ");
	size_t n = strcspn(s, "= ");
	struct json_tokener *tok;

	if (!*s || s[n] != '=')
		return false;
	snprintf(key, 64, "%.*s", (int)n, s);
	s += n + 1;
	*absent = s[0] == '-' && (s[1] == ' ' || !s[1]);
	*value = NULL;
	if (*s == '"' || *s == '[') {
		tok = json_tokener_new();
		*value = json_tokener_parse_ex(tok, s, (int)strlen(s));
		s += json_tokener_get_parse_end(tok);
		json_tokener_free(tok);
	} else {
		n = strcspn(s, " ");
		*value = json_object_new_string_len(s, (int)n);
		s += n;
	}
	*p = s;
	return *value != NULL;
}

static bool value_fits(struct json_object *want, struct json_object *have)
{
	if (!have)
		return false;
	if (json_object_get_type(want) == json_type_array)
		return json_object_equal(want, have);
	return strcmp(json_object_get_string(want), json_object_get_string(have)) == 0;
}

bool expect_fits(const char *line, struct json_object *event)
{
	const char *dataset = dataset_of(event), *p = line;
	size_t n = strcspn(p, " ");
	char key[64];
	struct json_object *value;
	bool absent, fits = true;

	if (strlen(dataset) != n || strncmp(p, dataset, n) != 0)
		return false;
	p += n + strspn(p + n, " ");
	n = strcspn(p, " ");
	if (strcspn(p, "= ") == n) {
		const char *head = headline(event, dataset);

		if (strncmp(p, "\"\"", 2) == 0 ? *head != '\0' : strlen(head) != n || strncmp(p, head, n) != 0)
			return false;
		p += n;
	}
	while (fits && take_pair(&p, key, &value, &absent)) {
		const char *path = path_of(dataset, key);
		struct json_object *have = path ? lookup(event, path) : NULL;

		if (!path)
			fprintf(stderr, "unknown key %s in: %s\n", key, line);
		fits = path && (absent ? !have : value_fits(value, have));
		json_object_put(value);
	}
	return fits && !p[strspn(p, " ")];
}

void expect_print(struct json_object *event)
{
	const char *dataset = dataset_of(event);
	const char *head = headline(event, dataset);

	if (*head && !strpbrk(head, "\r\n\t\b\033\"")) {
		printf("%s %s", dataset, head);
	} else { /* what a terminal or the notation would trip over */
		struct json_object *quoted = json_object_new_string(head);

		printf("%s %s", dataset, json_object_to_json_string_ext(quoted, JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(quoted);
	}
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		struct json_object *v = strcmp(aliases[i].dataset, dataset) == 0 ? lookup(event, aliases[i].path) : NULL;

		if (v && strcmp(json_object_get_string(v), head) != 0)
			printf(" %s=%s", aliases[i].name,
			       json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	printf("\n");
}

/* What "..." stands for: all but findings that are more than a note. */
static bool is_plain(struct json_object *event)
{
	struct json_object *severity = lookup(event, "smtp.finding.severity");

	return !severity || strcmp(json_object_get_string(severity), "note") == 0;
}

static void print_pair(const char *line, struct json_object *event, bool fits)
{
	if (!fits && line)
		printf("  - %s\n", line);
	if (event) {
		printf(fits ? "    " : "  + ");
		expect_print(event);
	}
}

bool expect_match(const struct expected *e, const struct got *g, bool print)
{
	bool all = true, fits;
	size_t i = 0, k = 0;

	while (i < e->count || k < g->count) {
		const char *line = i < e->count ? e->line[i] : NULL;
		struct json_object *event = k < g->count ? g->event[k] : NULL;

		if (line && strcmp(line, "...") == 0) {
			const char *next = i + 1 < e->count ? e->line[i + 1] : NULL;

			if (!event || (next && expect_fits(next, event)) || !is_plain(event)) {
				i++;
				continue;
			}
			fits = true;
			k++;
		} else {
			fits = line && event && expect_fits(line, event);
			i += line != NULL;
			k += event != NULL;
		}
		all &= fits;
		if (print)
			print_pair(fits ? NULL : line, event, fits);
	}
	return all;
}
