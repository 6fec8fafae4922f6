/*
 * schema_check.h - validates events against what json_schema() says: the part of JSON Schema that it uses.
 */
#ifndef TESTS_SCHEMA_CHECK_H
#define TESTS_SCHEMA_CHECK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* False and why ("smtp.reply.codes: not an integer") when the event does not fit the schema of its dataset. */
bool schema_check(struct json_object *event, char *why, size_t cap);

#endif
