/*
 * json_schema.c - the JSON Schema (draft 2020-12) of the events, made from the field table. See json.h.
 *
 * One object schema a dataset, chosen by event.dataset; nested as the paths are; nothing may be there that the table does
 * not know.
 */
#include "smtpscope/json.h"

#include <json-c/json.h>

#include <stdlib.h>
#include <string.h>

static void put_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *list_of(struct json_object *items)
{
	struct json_object *o = json_object_new_object();

	put_string(o, "type", "array");
	json_object_object_add(o, "items", items);
	json_object_object_add(o, "minItems", json_object_new_int(1));
	return o;
}

static struct json_object *of_type(const char *type)
{
	struct json_object *o = json_object_new_object();

	put_string(o, "type", type);
	return o;
}

static struct json_object *number(int max)
{
	struct json_object *o = of_type("integer");

	json_object_object_add(o, "minimum", json_object_new_int(0));
	if (max)
		json_object_object_add(o, "maximum", json_object_new_int(max));
	return o;
}

static struct json_object *leaf(const struct event_field *f)
{
	struct json_object *o = NULL;

	switch (f->type) {
	case EV_STR:
	case EV_IP:
		o = of_type("string");
		break;
	case EV_TIME:
		o = of_type("string");
		put_string(o, "format", "date-time");
		break;
	case EV_STRS:
		o = list_of(of_type("string"));
		break;
	case EV_UINT:
		o = number(0);
		break;
	case EV_BOOL:
		o = of_type("boolean");
		break;
	case EV_CODES:
		o = list_of(number(999));
		break;
	}
	if (f->doc[0])
		put_string(o, "description", f->doc);
	return o;
}

static struct json_object *object_schema(void)
{
	struct json_object *o = of_type("object");

	json_object_object_add(o, "properties", json_object_new_object());
	json_object_object_add(o, "additionalProperties", json_object_new_boolean(0));
	return o;
}

/* The schema of the member key of an object schema; made when it is not there. */
static struct json_object *member(struct json_object *schema, const char *key)
{
	struct json_object *properties, *found;

	json_object_object_get_ex(schema, "properties", &properties);
	if (!json_object_object_get_ex(properties, key, &found)) {
		found = object_schema();
		json_object_object_add(properties, key, found);
	}
	return found;
}

static void add_field(struct json_object *schema, const struct event_field *f)
{
	struct json_object *properties;
	const char *p = f->path;
	size_t n;

	while (p[n = strcspn(p, ".")] == '.') {
		char key[64];

		memcpy(key, p, n);
		key[n] = '\0';
		schema = member(schema, key);
		p += n + 1;
	}
	json_object_object_get_ex(schema, "properties", &properties);
	json_object_object_add(properties, p, leaf(f));
}

static void require(struct json_object *schema, const char *const *keys)
{
	struct json_object *list = json_object_new_array();

	for (; *keys; keys++)
		json_object_array_add(list, json_object_new_string(*keys));
	json_object_object_add(schema, "required", list);
}

static struct json_object *dataset_schema(enum dataset d)
{
	static const char *const top[] = {"@timestamp", "event", "ecs", NULL};
	static const char *const event[] = {"kind", "category", "type", "dataset", "id", "sequence", NULL};
	struct json_object *o = object_schema(), *name = json_object_new_object(), *properties;
	char dataset[32] = "smtpscope.";

	for (unsigned i = 0; i < event_field_count; i++)
		if (event_fields[i].sets & 1u << d)
			add_field(o, &event_fields[i]);
	put_string(o, "title", dataset_name(d));
	strncat(dataset, dataset_name(d), sizeof dataset - strlen(dataset) - 1);
	put_string(name, "const", dataset);
	json_object_object_get_ex(member(o, "event"), "properties", &properties);
	json_object_object_add(properties, "dataset", name);
	require(o, top);
	require(member(o, "event"), event);
	return o;
}

char *json_schema(void)
{
	struct json_object *schema = json_object_new_object(), *any = json_object_new_array();
	char *text;

	put_string(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
	put_string(schema, "title", "smtpscope events");
	for (unsigned d = 0; d < DATASETS; d++)
		json_object_array_add(any, dataset_schema((enum dataset)d));
	json_object_object_add(schema, "oneOf", any);
	text = strdup(json_object_to_json_string_ext(schema, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(schema);
	return text;
}
