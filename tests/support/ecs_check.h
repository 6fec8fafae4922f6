/*
 * ecs_check.h - events and their field table against contrib/ecs-8.11.tsv, which holds what the Elastic Common Schema says.
 */
#ifndef TESTS_ECS_CHECK_H
#define TESTS_ECS_CHECK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct ecs_field {
	char name[64], type[24];
	bool own;  /* not in ECS, named like its siblings there */
	bool many; /* an array of values */
	char allowed[320]; /* " a b c ", empty: any value */
};

/* NULL: no such row. "event.category=network" has the types of events that are expected of that category. */
const struct ecs_field *ecs_field_find(const char *name);
/* Row i, NULL behind the last. */
const struct ecs_field *ecs_field_at(size_t i);

/* False and why when a categorization field of the event has a value that ECS does not allow, or a type that none of
 * its categories expects. */
bool ecs_check(struct json_object *event, char *why, size_t cap);

#endif
