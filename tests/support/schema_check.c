/* schema_check.c - see schema_check.h. */
#include "schema_check.h"

#include "smtpscope/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct context {
	char path[256];
	char *why;
	size_t cap;
};

static bool fails(const struct context *c, const char *what)
{
	snprintf(c->why, c->cap, "%s: %s", c->path, what);
	return false;
}

static bool type_fits(const char *type, struct json_object *v)
{
	static const struct {
		const char *name;
		enum json_type type;
	} types[] = {{"object", json_type_object}, {"array", json_type_array},     {"string", json_type_string},
		     {"integer", json_type_int},   {"boolean", json_type_boolean}};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(type, types[i].name) == 0)
			return json_object_get_type(v) == types[i].type;
	return false;
}

static bool check(struct context *c, struct json_object *schema, struct json_object *v);

static bool check_members(struct context *c, struct json_object *schema, struct json_object *v)
{
	struct json_object *properties, *member, *required;
	size_t n = strlen(c->path);

	json_object_object_get_ex(schema, "properties", &properties);
	json_object_object_foreach(v, key, value)
	{
		snprintf(c->path + n, sizeof c->path - n, "%s%s", n ? "." : "", key);
		if (!json_object_object_get_ex(properties, key, &member))
			return fails(c, "not in the schema");
		if (!check(c, member, value))
			return false;
	}
	c->path[n] = '\0';
	if (!json_object_object_get_ex(schema, "required", &required))
		return true;
	for (size_t i = 0; i < json_object_array_length(required); i++)
		if (!json_object_object_get_ex(v, json_object_get_string(json_object_array_get_idx(required, i)), NULL))
			return fails(c, json_object_get_string(json_object_array_get_idx(required, i)));
	return true;
}

static bool check_items(struct context *c, struct json_object *schema, struct json_object *v)
{
	struct json_object *items;

	json_object_object_get_ex(schema, "items", &items);
	if (json_object_array_length(v) == 0)
		return fails(c, "an empty array should be an absent key");
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (!check(c, items, json_object_array_get_idx(v, i)))
			return false;
	return true;
}

static bool check(struct context *c, struct json_object *schema, struct json_object *v)
{
	struct json_object *rule;

	if (json_object_object_get_ex(schema, "const", &rule))
		return json_object_equal(rule, v) || fails(c, "another value than the schema has");
	json_object_object_get_ex(schema, "type", &rule);
	if (!type_fits(json_object_get_string(rule), v))
		return fails(c, "of another type");
	if (json_object_object_get_ex(schema, "minimum", &rule) && json_object_get_int64(v) < json_object_get_int64(rule))
		return fails(c, "too small");
	if (json_object_object_get_ex(schema, "maximum", &rule) && json_object_get_int64(v) > json_object_get_int64(rule))
		return fails(c, "too large");
	if (json_object_is_type(v, json_type_object))
		return check_members(c, schema, v);
	return !json_object_is_type(v, json_type_array) || check_items(c, schema, v);
}

static const char *dataset_of(struct json_object *event)
{
	struct json_object *o;

	if (!json_object_object_get_ex(event, "event", &o) || !json_object_object_get_ex(o, "dataset", &o))
		return "";
	return json_object_get_string(o);
}

bool schema_check(struct json_object *event, char *why, size_t cap)
{
	static struct json_object *schema;
	struct json_object *any, *title;
	const char *dataset = strchr(dataset_of(event), '.');
	struct context c = {.why = why, .cap = cap};

	if (!schema) {
		char *text = json_schema();

		schema = json_tokener_parse(text);
		free(text);
	}
	json_object_object_get_ex(schema, "oneOf", &any);
	for (size_t i = 0; dataset && i < json_object_array_length(any); i++) {
		struct json_object *one = json_object_array_get_idx(any, i);

		json_object_object_get_ex(one, "title", &title);
		if (strcmp(json_object_get_string(title), dataset + 1) == 0)
			return check(&c, one, event);
	}
	return fails(&c, "no dataset of the schema");
}
