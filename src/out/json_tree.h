/*
 * json_tree.h - a JSON document built with json-c that is whole, or not there at all. Private to out/.
 *
 * Where memory is refused json-c's constructors return NULL, which all that takes it reads as null, adding fails, its printer leaves out
 * what did not fit and goes on, and its parser (0.16) crashes. So one flag remembers what was refused, and the text is put here.
 */
#ifndef SMTPSCOPE_OUT_JSON_TREE_H
#define SMTPSCOPE_OUT_JSON_TREE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct json_tree {
	bool failed; /* memory was refused: the document is not whole */
};

struct json_object *tree_object(struct json_tree *t);
struct json_object *tree_array(struct json_tree *t);
struct json_object *tree_number(struct json_tree *t, long number);
struct json_object *tree_bool(struct json_tree *t, bool value);
struct json_object *tree_string(struct json_tree *t, const char *text, size_t n);
/* value becomes the object's, whatever comes of it; NULL: it failed. */
void tree_add(struct json_tree *t, struct json_object *o, const char *key, struct json_object *value);
void tree_append(struct json_tree *t, struct json_object *list, struct json_object *value);
/* text NULL: null. */
void tree_add_string(struct json_tree *t, struct json_object *o, const char *key, const char *text);
/* The document as pretty text, malloc'ed, with its '\n'; NULL without memory. Gives o back. */
char *tree_text(struct json_tree *t, struct json_object *o);

#endif
