/* Events as JSON: any octets in any field give one valid line that says the same (reliability R65), within its limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "out/json_run.h"
#include "smtpscope/json.h"

static struct json_object *parse(struct span line)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	assert_true(line.n > 1 && line.p[line.n - 1] == '\n');
	assert_null(memchr(line.p, '\n', line.n - 1));
	o = json_tokener_parse_ex(tok, (const char *)line.p, (int)line.n - 1);
	if (!o)
		fail_msg("not valid JSON: %.*s", (int)line.n, (const char *)line.p);
	json_tokener_free(tok);
	return o;
}

static struct json_object *lookup(struct json_object *o, const char *path)
{
	while (o && *path) {
		size_t n = strcspn(path, ".");
		char key[64];

		memcpy(key, path, n);
		key[n] = '\0';
		if (!json_object_object_get_ex(o, key, &o))
			return NULL;
		path += n + (path[n] == '.');
	}
	return o;
}

struct text_row {
	const char *in;
	size_t n;
	const char *out;
};

#define IN(s) s, sizeof(s) - 1
static const struct text_row texts[] = {
    {IN("plain"), "plain"},
    {IN(""), ""},
    {IN("quote \" backslash \\ slash /"), "quote \" backslash \\ slash /"},
    {IN("a\nb\r\tc"), "a\nb\r\tc"},
    {IN("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
    {IN("\xff\xfe"), "\\xff\\xfe"},
    {IN("\xc3"), "\\xc3"},
    {IN("\xed\xa0\x80"), "\\xed\\xa0\\x80"}, /* a lone surrogate */
    {IN("\xc0\xaf"), "\\xc0\\xaf"},          /* overlong */
    {IN("\x1b[31m\x7f"), "\x1b[31m\x7f"},
    {IN("\xe2\x80\xae"), "\xe2\x80\xae"}, /* bidi override: escaped in the line, the same when parsed */
};

/* Each text in each string field of each dataset. */
static void test_strings(void **state)
{
	struct json_writer *w = json_writer_new(65536);

	(void)state;
	for (unsigned d = 0; d < DATASETS; d++)
		for (unsigned f = 0; f < event_field_count; f++)
			for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
				const struct event_field *field = &event_fields[f];
				struct json_object *o, *v;
				struct event ev;

				if (field->type != EV_STR || !(field->sets >> d & 1))
					continue;
				event_init(&ev, (enum dataset)d);
				ev.ts = 0;
				*(struct span *)(void *)((char *)&ev + field->offset) = span_of(texts[i].in, texts[i].n);
				o = parse(json_event(w, &ev));
				v = lookup(o, field->path);
				if (!v || strcmp(json_object_get_string(v), texts[i].out) != 0)
					fail_msg("%s: %s", field->path, v ? json_object_get_string(v) : "absent");
				json_object_put(o);
			}
	json_writer_free(&w);
}

static void test_raw_control_octets(void **state)
{
	struct json_writer *w = json_writer_new(65536);
	struct event ev;
	struct span line;

	(void)state;
	event_init(&ev, DS_COMMAND);
	ev.ts = 0;
	ev.argument = span_of("\x1b\x00\xc2\x9b\xe2\x80\xa8\xe2\x80\xae", 10);
	line = json_event(w, &ev);
	for (size_t i = 0; i + 1 < line.n; i++)
		assert_true(line.p[i] >= 0x20 && line.p[i] < 0x7f);
	json_object_put(parse(line));
	json_writer_free(&w);
}

/* Whatever is too long is cut, and the line stays valid, short enough, and says so. */
static void test_limits(void **state)
{
	static uint8_t octets[20000];
	static struct span many[2000];

	(void)state;
	memset(octets, 0xff, sizeof octets);
	for (size_t i = 0; i < 2000; i++)
		many[i] = SPAN("recipient@example.org");
	for (uint32_t max = 1024; max < 9000; max += 61) {
		struct json_writer *w = json_writer_new(max);
		struct json_object *o;
		struct event ev;
		struct span line;

		event_init(&ev, DS_MESSAGE);
		ev.ts = 0;
		ev.dataset = SPAN("smtpscope.message");
		ev.email_subject = span_of(octets, sizeof octets);
		ev.rcpt_to = (struct event_list){many, 2000};
		line = json_event(w, &ev);
		assert_true(line.n <= max);
		o = parse(line);
		assert_true(json_object_get_boolean(lookup(o, "smtp.truncated")));
		assert_string_equal(json_object_get_string(lookup(o, "event.dataset")), "smtpscope.message");
		json_object_put(o);
		json_writer_free(&w);
	}
}

static void check_time(int64_t ns, bool nano, const char *want)
{
	struct json_writer *w = json_writer_new(65536);
	struct event ev;
	struct json_object *o;

	json_writer_precision(w, nano);
	event_init(&ev, DS_STATS);
	ev.ts = ns;
	o = parse(json_event(w, &ev));
	assert_string_equal(json_object_get_string(lookup(o, "@timestamp")), want);
	json_object_put(o);
	json_writer_free(&w);
}

static void test_times(void **state)
{
	(void)state;
	check_time(0, false, "1970-01-01T00:00:00.000000Z");
	check_time(INT64_C(1767323045678901234), false, "2026-01-02T03:04:05.678901Z");
	check_time(INT64_C(1767323045678901234), true, "2026-01-02T03:04:05.678901234Z");
	check_time(-1, true, "1969-12-31T23:59:59.999999999Z");
	check_time(INT64_C(4291747200000000000), false, "2106-01-01T00:00:00.000000Z");
	check_time(INT64_C(951782400000000000), false, "2000-02-29T00:00:00.000000Z");
}

/* Absent facts are absent keys; zero and false are not absent. */
static void test_absence(void **state)
{
	struct json_writer *w = json_writer_new(65536);
	struct json_object *o;
	struct event ev;

	(void)state;
	event_init(&ev, DS_SESSION);
	ev.ts = 0;
	ev.session_gaps = 0;
	ev.tls_established = EV_FALSE;
	ev.helo = SPAN("");
	o = parse(json_event(w, &ev));
	assert_int_equal(json_object_get_int(lookup(o, "smtp.session.gaps")), 0);
	assert_non_null(lookup(o, "smtp.session.gaps"));
	assert_non_null(lookup(o, "tls.established"));
	assert_string_equal(json_object_get_string(lookup(o, "smtp.helo")), "");
	assert_null(lookup(o, "smtp.banner"));
	assert_null(lookup(o, "smtp.session.commands"));
	assert_null(lookup(o, "source"));
	json_object_put(o);
	json_writer_free(&w);
}

/* An event of session n that differs in one of the things that are kept. */
static struct event kept_event(enum dataset set, unsigned n, unsigned variant, char id[17])
{
	struct event ev;

	event_init(&ev, set);
	snprintf(id, 17, "%016llx", (unsigned long long)n * 0x9e3779b97f4a7c15);
	ev.ts = 1;
	ev.kind = SPAN("event");
	ev.dataset = SPAN("smtpscope.command");
	ev.source_ip = (struct endpoint){{10, 0, (uint8_t)(n >> 8), (uint8_t)n}, 0, 4};
	ev.source_ip.addr[0] = variant == 1 ? 11 : 10;
	ev.source_port = 40000 + (variant == 2);
	ev.destination_ip = (struct endpoint){{192, 0, 2, (uint8_t)(variant == 3)}, 0, 4};
	ev.destination_port = variant == 4 ? 587 : 25;
	ev.protocol = variant == 5 ? SPAN("lmtp") : SPAN("smtp");
	ev.community_id = variant == 6 ? SPAN("1:xyz") : SPAN("1:abc");
	ev.vlan_id = variant == 7 ? SPAN("7") : SPAN_ABSENT;
	ev.observer_name = variant == 8 ? SPAN("sensor") : SPAN_ABSENT;
	ev.observer_type = variant == 10 ? SPAN("sensor") : SPAN_ABSENT;
	ev.session_id = variant == 9 ? SPAN_ABSENT : span_of(id, 16);
	ev.packet_first = n;
	return ev;
}

/* What is kept of a session says of each of its events what that event says: a writer that keeps nothing writes the same. */
static void test_kept(void **state)
{
	static const enum dataset sets[] = {DS_COMMAND, DS_FINDING, DS_AUTH, DS_MESSAGE, DS_SESSION};
	struct json_writer *w = json_writer_new(65536);
	char id[17];

	(void)state;
	for (unsigned i = 0; i < 12 * RUN_SLOTS; i++) {
		struct event ev = kept_event(sets[i % 5], i / 4 % (2 * RUN_SLOTS), i % 2 ? i / 2 % 11 : i / 4 % 2 * 8, id);
		struct json_writer *fresh = json_writer_new(65536);

		for (int twice = 0; twice < 2; twice++) {
			struct span line = json_event(w, &ev), want = json_event(fresh, &ev);

			assert_int_equal(line.n, want.n);
			assert_memory_equal(line.p, want.p, want.n);
			json_writer_free(&fresh);
			fresh = json_writer_new(65536);
		}
		json_writer_free(&fresh);
	}
	json_writer_free(&w);
}

/* There is room for all of the rows that are kept. */
static void test_kept_rows(void **state)
{
	unsigned n = 0;
	bool inside = false;

	(void)state;
	for (unsigned i = 0; i < event_field_count; i++) {
		inside |= strcmp(event_fields[i].path, "source.ip") == 0;
		n += inside && event_fields[i].sets & (IN_COMMAND | IN_AUTH | IN_MESSAGE | IN_FINDING);
		if (strcmp(event_fields[i].path, "smtp.session.id") == 0)
			break;
	}
	assert_in_range(n, 10, RUN_ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strings), cmocka_unit_test(test_raw_control_octets), cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_times),   cmocka_unit_test(test_absence),
	    cmocka_unit_test(test_kept),    cmocka_unit_test(test_kept_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
