/*
 * json_schema.c - the JSON Schema (draft 2020-12) of the events, made from the field table. See json.h.
 *
 * One object schema a dataset, chosen by event.dataset; nested as the paths are; nothing may be there that the table does
 * not know.
 */
#include "smtpscope/json.h"

#include "json_tree.h"

#include <string.h>

static struct json_object *list_of(struct json_tree *t, struct json_object *items)
{
	struct json_object *o = tree_object(t);

	tree_add_string(t, o, "type", "array");
	tree_add(t, o, "items", items);
	tree_add(t, o, "minItems", tree_number(t, 1));
	return o;
}

static struct json_object *of_type(struct json_tree *t, const char *type)
{
	struct json_object *o = tree_object(t);

	tree_add_string(t, o, "type", type);
	return o;
}

static struct json_object *number(struct json_tree *t, int max)
{
	struct json_object *o = of_type(t, "integer");

	tree_add(t, o, "minimum", tree_number(t, 0));
	if (max)
		tree_add(t, o, "maximum", tree_number(t, max));
	return o;
}

static struct json_object *leaf(struct json_tree *t, const struct event_field *f)
{
	struct json_object *o = NULL;

	switch (f->type) {
	case EV_STR:
	case EV_IP:
		o = of_type(t, "string");
		break;
	case EV_TIME:
		o = of_type(t, "string");
		tree_add_string(t, o, "format", "date-time");
		break;
	case EV_STRS:
		o = list_of(t, of_type(t, "string"));
		break;
	case EV_UINT:
		o = number(t, 0);
		break;
	case EV_BOOL:
		o = of_type(t, "boolean");
		break;
	case EV_CODES:
		o = list_of(t, number(t, 999));
		break;
	}
	if (f->doc[0])
		tree_add_string(t, o, "description", f->doc);
	return o;
}

static struct json_object *object_schema(struct json_tree *t)
{
	struct json_object *o = of_type(t, "object");

	tree_add(t, o, "properties", tree_object(t));
	tree_add(t, o, "additionalProperties", tree_bool(t, false));
	return o;
}

/* NULL for a schema that is not whole. */
static struct json_object *properties_of(struct json_object *schema)
{
	struct json_object *properties = NULL;

	if (schema)
		json_object_object_get_ex(schema, "properties", &properties);
	return properties;
}

/* The schema of the member key of an object schema; made when it is not there. */
static struct json_object *member(struct json_tree *t, struct json_object *schema, const char *key)
{
	struct json_object *properties = properties_of(schema), *found;

	if (properties && json_object_object_get_ex(properties, key, &found))
		return found;
	tree_add(t, properties, key, object_schema(t));
	return properties ? json_object_object_get(properties, key) : NULL;
}

static void add_field(struct json_tree *t, struct json_object *schema, const struct event_field *f)
{
	const char *p = f->path;
	size_t n;

	while (p[n = strcspn(p, ".")] == '.') {
		char key[64];

		memcpy(key, p, n);
		key[n] = '\0';
		schema = member(t, schema, key);
		p += n + 1;
	}
	tree_add(t, properties_of(schema), p, leaf(t, f));
}

static void require(struct json_tree *t, struct json_object *schema, const char *const *keys)
{
	struct json_object *list = tree_array(t);

	for (; *keys; keys++)
		tree_append(t, list, tree_string(t, *keys, strlen(*keys)));
	tree_add(t, schema, "required", list);
}

static struct json_object *dataset_schema(struct json_tree *t, enum dataset d)
{
	static const char *const top[] = {"@timestamp", "event", "ecs", NULL};
	static const char *const event[] = {"kind", "category", "type", "dataset", "id", "sequence", NULL};
	struct json_object *o = object_schema(t), *name = tree_object(t);
	char dataset[32] = "smtpscope.";

	for (unsigned i = 0; i < event_field_count; i++)
		if (event_fields[i].sets & 1u << d)
			add_field(t, o, &event_fields[i]);
	tree_add_string(t, o, "title", dataset_name(d));
	strncat(dataset, dataset_name(d), sizeof dataset - strlen(dataset) - 1);
	tree_add_string(t, name, "const", dataset);
	tree_add(t, properties_of(member(t, o, "event")), "dataset", name);
	require(t, o, top);
	require(t, member(t, o, "event"), event);
	return o;
}

char *json_schema(void)
{
	struct json_tree t = {false};
	struct json_object *schema = tree_object(&t), *any = tree_array(&t);

	tree_add_string(&t, schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
	tree_add_string(&t, schema, "title", "smtpscope events");
	for (unsigned d = 0; d < DATASETS; d++)
		tree_append(&t, any, dataset_schema(&t, (enum dataset)d));
	tree_add(&t, schema, "oneOf", any);
	return tree_text(&t, schema);
}
