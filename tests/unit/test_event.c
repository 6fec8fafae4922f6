/* The field table and what reads it: every row is absent at first, belongs to its datasets, and is found by its path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtpscope/event.h"

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(dataset_name(DS_SESSION), "session");
	assert_string_equal(dataset_name(DS_COMMAND), "command");
	assert_string_equal(dataset_name(DS_AUTH), "auth");
	assert_string_equal(dataset_name(DS_MESSAGE), "message");
	assert_string_equal(dataset_name(DS_FINDING), "finding");
	assert_string_equal(dataset_name(DS_STATS), "stats");
	assert_string_equal(dataset_name(DATASETS), "");
}

static void test_absent(void **state)
{
	struct event ev;

	(void)state;
	for (unsigned set = 0; set < DATASETS; set++) {
		memset(&ev, 0xA5, sizeof ev);
		event_init(&ev, (enum dataset)set);
		assert_int_equal(ev.set, set);
		/* the time is no field that can lack, so it is the one that is always there */
		for (unsigned i = 0; i < event_field_count; i++)
			if (event_has(&ev, &event_fields[i]) && strcmp(event_fields[i].path, "@timestamp") != 0)
				fail_msg("%s is there", event_fields[i].path);
	}
}

static void test_find(void **state)
{
	(void)state;
	for (unsigned i = 0; i < event_field_count; i++)
		assert_ptr_equal(event_field_find(event_fields[i].path), &event_fields[i]);
	assert_null(event_field_find("smtp.no.such.field"));
	assert_null(event_field_find(""));
	assert_string_equal(event_fields[0].path, "@timestamp"); /* the first key of a line */
}

/* A field that was set is there for its own datasets only. */
static void test_datasets(void **state)
{
	const struct event_field *mail = event_field_find("smtp.mail_from"), *code = event_field_find("smtp.reply.code");
	const struct event_field *close = event_field_find("smtp.session.close"), *gaps = event_field_find("smtp.session.midstream");
	struct event ev;

	(void)state;
	event_init(&ev, DS_MESSAGE);
	ev.mail_from = SPAN("");
	ev.reply_code = 0;
	ev.session_close = SPAN("fin");
	ev.session_midstream = EV_FALSE;
	assert_true(event_has(&ev, mail));
	assert_true(event_has(&ev, code));
	assert_false(event_has(&ev, close));
	assert_false(event_has(&ev, gaps));
	ev.set = DS_SESSION;
	assert_false(event_has(&ev, mail));
	assert_true(event_has(&ev, close));
	assert_true(event_has(&ev, gaps));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names), cmocka_unit_test(test_absent), cmocka_unit_test(test_find), cmocka_unit_test(test_datasets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
