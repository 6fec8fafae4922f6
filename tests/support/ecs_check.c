/* ecs_check.c - see ecs_check.h. */
#include "ecs_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 96 };

static struct ecs_field fields[MAX_FIELDS];
static size_t field_count;

static void read_row(char *line)
{
	struct ecs_field *f = &fields[field_count];
	char many[8] = "";

	line[strcspn(line, "\n")] = '\0';
	f->own = line[0] == '+';
	if (sscanf(line + f->own, "%63[^\t]\t%23[^\t]\t%7[^\t]\t%310[^\n]", f->name, f->type, many, f->allowed + 1) < 3) {
		printf("contrib/ecs-8.11.tsv: not a row: %s\n", line);
		abort();
	}
	f->many = strcmp(many, "many") == 0;
	if (f->allowed[1]) { /* a space on both sides of each value */
		f->allowed[0] = ' ';
		strcat(f->allowed, " ");
	}
	field_count++;
}

static void read_once(void)
{
	char line[512];
	FILE *file;

	if (field_count)
		return;
	file = fopen("contrib/ecs-8.11.tsv", "r");
	while (file && field_count < MAX_FIELDS && fgets(line, sizeof line, file))
		if (line[0] != '#')
			read_row(line);
	if (!file || !feof(file)) {
		puts("contrib/ecs-8.11.tsv: missing, or longer than MAX_FIELDS");
		abort();
	}
	fclose(file);
}

const struct ecs_field *ecs_field_at(size_t i)
{
	read_once();
	return i < field_count ? &fields[i] : NULL;
}

const struct ecs_field *ecs_field_find(const char *name)
{
	const struct ecs_field *f;

	for (size_t i = 0; (f = ecs_field_at(i)) != NULL; i++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static bool allowed(const struct ecs_field *f, const char *value)
{
	char word[64];

	snprintf(word, sizeof word, " %s ", value);
	return !f->allowed[0] || strstr(f->allowed, word);
}

/* The i-th value of event.KEY, which may be an array; NULL behind the last. */
static const char *value_at(struct json_object *event, const char *key, size_t i)
{
	struct json_object *o;

	if (!json_object_object_get_ex(event, "event", &o) || !json_object_object_get_ex(o, key, &o))
		return NULL;
	if (json_object_is_type(o, json_type_array))
		return i < json_object_array_length(o) ? json_object_get_string(json_object_array_get_idx(o, i)) : NULL;
	return i == 0 ? json_object_get_string(o) : NULL;
}

static bool expected_of_a_category(struct json_object *event, const char *type)
{
	const char *category;
	char name[64];

	for (size_t i = 0; (category = value_at(event, "category", i)) != NULL; i++) {
		const struct ecs_field *f;

		snprintf(name, sizeof name, "event.category=%s", category);
		f = ecs_field_find(name);
		if (f && allowed(f, type))
			return true;
	}
	return false;
}

bool ecs_check(struct json_object *event, char *why, size_t cap)
{
	static const char *const keys[] = {"kind", "category", "type", "outcome"};
	const char *value;
	char name[64];

	for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
		snprintf(name, sizeof name, "event.%s", keys[k]);
		for (size_t i = 0; (value = value_at(event, keys[k], i)) != NULL; i++) {
			if (!allowed(ecs_field_find(name), value)) {
				snprintf(why, cap, "%s: ECS does not allow %s", name, value);
				return false;
			}
			if (strcmp(keys[k], "type") == 0 && !expected_of_a_category(event, value)) {
				snprintf(why, cap, "%s: ECS expects %s of none of the event's categories", name, value);
				return false;
			}
		}
	}
	return true;
}
