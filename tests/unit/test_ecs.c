/*
 * The field table against the Elastic Common Schema 8.11 (contrib/ecs-8.11.tsv): types, one or many values, and nothing outside
 * smtp.* that ECS does not have. The values of its categorization fields are checked on every event of the dialogues and captures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ecs_check.h"
#include "smtpscope/event.h"

static const struct {
	enum event_type type;
	const char *ecs; /* types whose values are written so */
	bool many;
} written[] = {
    {EV_STR, " keyword wildcard ", false}, {EV_STRS, " keyword ", true}, {EV_UINT, " long ", false},  {EV_BOOL, " boolean ", false},
    {EV_TIME, " date ", false},            {EV_IP, " ip ", false},       {EV_CODES, " long ", true},
};

static void check_type(const struct event_field *f, const struct ecs_field *ecs)
{
	char type[32] = " ";

	strcat(strcat(type, ecs->type), " ");
	for (size_t i = 0; i < sizeof written / sizeof *written; i++)
		if (written[i].type == f->type && (!strstr(written[i].ecs, type) || written[i].many != ecs->many))
			fail_msg("%s: ECS has %s, %s", f->path, ecs->type, ecs->many ? "an array" : "one value");
}

static void test_fields(void **state)
{
	(void)state;
	for (unsigned i = 0; i < event_field_count; i++) {
		const struct event_field *f = &event_fields[i];
		const struct ecs_field *ecs = ecs_field_find(f->path);

		if (ecs)
			check_type(f, ecs);
		else if (strncmp(f->path, "smtp.", 5) != 0)
			fail_msg("%s: not in contrib/ecs-8.11.tsv; what ECS does not have belongs under smtp.", f->path);
	}
}

/* A row that no field uses is a leftover, and only one name is our own outside smtp. */
static void test_rows(void **state)
{
	const struct ecs_field *ecs;

	(void)state;
	for (size_t i = 0; (ecs = ecs_field_at(i)) != NULL; i++) {
		assert_int_not_equal(strncmp(ecs->name, "smtp.", 5), 0);
		if (!strchr(ecs->name, '=') && !event_field_find(ecs->name))
			fail_msg("contrib/ecs-8.11.tsv: no field %s", ecs->name);
		if (ecs->own)
			assert_string_equal(ecs->name, "tls.client.ja4");
	}
}

static void check_event(const char *json, const char *complaint)
{
	struct json_object *event = json_tokener_parse(json);
	char why[128] = "";

	assert_int_equal(ecs_check(event, why, sizeof why), !complaint);
	if (complaint)
		assert_non_null(strstr(why, complaint));
	json_object_put(event);
}

/* What the check of the events is worth. */
static void test_values(void **state)
{
	(void)state;
	check_event("{\"event\":{\"kind\":\"event\",\"category\":[\"network\",\"email\"],\"type\":[\"info\",\"end\"],"
		    "\"outcome\":\"failure\"}}",
		    NULL);
	check_event("{\"event\":{\"kind\":\"note\",\"category\":[\"network\"],\"type\":[\"info\"]}}", "event.kind: ECS does not allow note");
	check_event("{\"event\":{\"kind\":\"event\",\"category\":[\"network\",\"mail\"],\"type\":[\"info\"]}}", "does not allow mail");
	check_event("{\"event\":{\"kind\":\"event\",\"category\":[\"network\"],\"type\":[\"info\",\"session\"]}}", "does not allow session");
	check_event("{\"event\":{\"kind\":\"event\",\"category\":[\"network\"],\"type\":[\"error\"]}}", "expects error of none");
	check_event("{\"event\":{\"kind\":\"event\",\"category\":[\"email\"],\"type\":[\"protocol\"]}}", "expects protocol of none");
	check_event("{\"event\":{\"kind\":\"event\",\"category\":[\"network\"],\"type\":[\"info\"],\"outcome\":\"fail\"}}", "event.outcome");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields), cmocka_unit_test(test_rows), cmocka_unit_test(test_values)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
