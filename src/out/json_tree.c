/*
 * json_tree.c - json-c that does not go on without memory. See json_tree.h.
 */
#include "json_tree.h"

#include "text_layout.h"

#include <string.h>

static struct json_object *made(struct json_tree *t, struct json_object *o)
{
	t->failed |= !o;
	return o;
}

struct json_object *tree_object(struct json_tree *t)
{
	return made(t, json_object_new_object());
}

struct json_object *tree_array(struct json_tree *t)
{
	return made(t, json_object_new_array());
}

struct json_object *tree_number(struct json_tree *t, long number)
{
	return made(t, json_object_new_int64(number));
}

struct json_object *tree_bool(struct json_tree *t, bool value)
{
	return made(t, json_object_new_boolean(value));
}

struct json_object *tree_string(struct json_tree *t, const char *text, size_t n)
{
	return made(t, json_object_new_string_len(text, (int)n));
}

void tree_add(struct json_tree *t, struct json_object *o, const char *key, struct json_object *value)
{
	if (o && value && json_object_object_add(o, key, value) == 0)
		return;
	t->failed = true;
	json_object_put(value);
}

void tree_append(struct json_tree *t, struct json_object *list, struct json_object *value)
{
	if (list && value && json_object_array_add(list, value) == 0)
		return;
	t->failed = true;
	json_object_put(value);
}

void tree_add_string(struct json_tree *t, struct json_object *o, const char *key, const char *text)
{
	if (text)
		tree_add(t, o, key, tree_string(t, text, strlen(text)));
	else if (o)
		t->failed |= json_object_object_add(o, key, NULL) != 0;
}

/* ---- as text ---- */

static void put_string(struct text_buf *b, struct span s)
{
	static const char escaped[] = "\b\n\r\t\f\"\\", letters[] = "bnrtf\"\\";

	text_puts(b, "\"");
	for (size_t i = 0; i < s.n; i++) {
		const char *special = s.p[i] ? strchr(escaped, s.p[i]) : NULL;

		if (special)
			text_put(b, span_of((char[]){'\\', letters[special - escaped]}, 2));
		else if (s.p[i] < 0x20)
			text_putf(b, "\\u%04x", s.p[i]);
		else
			text_put(b, span_of(&s.p[i], 1));
	}
	text_puts(b, "\"");
}

static void put_line(struct text_buf *b, unsigned depth)
{
	text_puts(b, "\n");
	text_put_spaces(b, (size_t)2 * depth);
}

static void put_value(struct text_buf *b, struct json_object *o, unsigned depth);

static void put_members(struct text_buf *b, struct json_object *o, unsigned depth)
{
	struct json_object_iterator at = json_object_iter_begin(o), end = json_object_iter_end(o);

	text_puts(b, "{");
	for (bool first = true; !json_object_iter_equal(&at, &end); json_object_iter_next(&at), first = false) {
		text_puts(b, first ? "" : ",");
		put_line(b, depth + 1);
		put_string(b, span_str(json_object_iter_peek_name(&at)));
		text_puts(b, ":");
		put_value(b, json_object_iter_peek_value(&at), depth + 1);
	}
	if (json_object_object_length(o))
		put_line(b, depth);
	text_puts(b, "}");
}

static void put_items(struct text_buf *b, struct json_object *o, unsigned depth)
{
	size_t n = json_object_array_length(o);

	text_puts(b, "[");
	for (size_t i = 0; i < n; i++) {
		text_puts(b, i ? "," : "");
		put_line(b, depth + 1);
		put_value(b, json_object_array_get_idx(o, i), depth + 1);
	}
	if (n)
		put_line(b, depth);
	text_puts(b, "]");
}

static void put_value(struct text_buf *b, struct json_object *o, unsigned depth)
{
	switch (json_object_get_type(o)) {
	case json_type_object:
		put_members(b, o, depth);
		return;
	case json_type_array:
		put_items(b, o, depth);
		return;
	case json_type_string:
		put_string(b, span_of(json_object_get_string(o), (size_t)json_object_get_string_len(o)));
		return;
	case json_type_int:
		text_putf(b, "%lld", (long long)json_object_get_int64(o));
		return;
	case json_type_boolean:
		text_puts(b, json_object_get_boolean(o) ? "true" : "false");
		return;
	case json_type_null:
	case json_type_double: /* no constructor here makes one */
		text_puts(b, "null");
		return;
	}
}

char *tree_text(struct json_tree *t, struct json_object *o)
{
	struct text_buf b = {0};

	if (!t->failed) {
		put_value(&b, o, 0);
		text_put(&b, span_of("\n", 2));
	}
	if (b.failed)
		text_buf_free(&b);
	json_object_put(o);
	return b.p;
}
