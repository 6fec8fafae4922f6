/* Reliability R65: whatever octets stand in whatever field, a line of JSON says the same and a transcript does nothing to a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "smtpscope/codec.h"
#include "smtpscope/json.h"
#include "smtpscope/sink.h"
#include "smtpscope/text.h"

#define IN(s) {(const uint8_t *)(s), sizeof(s) - 1}

static const struct span hostile[] = {
    IN("\xff\xfe\x80"),                       /* not UTF-8 */
    IN("\xc3"),                               /* cut */
    IN("\xed\xa0\x80 \xed\xbf\xbf"),          /* lone surrogates */
    IN("\xc0\xaf\xe0\x80\xaf\xf4\x90\x80\x80"), /* overlong, beyond U+10FFFF */
    IN("a\0b\x01\x02\x07\x08\x0b\x0c\x0e\x7f"), /* C0 */
    IN("\xc2\x80\xc2\x85\xc2\x9b" "31m\xc2\x9f"),  /* C1, among them NEL and CSI */
    IN("\x1b[31mred\x1b]0;title\x07\x1b[2J\x1bP+q\x1b\\\x9b" "31m"),
    IN("one\r\ntwo\nthree\rfour\xe2\x80\xa8 five\xe2\x80\xa9 six"),
    IN("\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9\xd8\x9c"), /* bidi */
    IN("\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x81\xa0\xef\xbb\xbf"), /* no width */
    IN("\"},{\"event\":\"}\\\\\"\\u0000\\"),   /* JSON in JSON */
    IN("\n{\"@timestamp\":\"2026-01-02T03:04:05.000000Z\"}\n"),
    IN("%s%n%99999d"),
    IN(""),
};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

/* All of them; under valgrind, which is slow, some. */
static unsigned step(void)
{
	return getenv("UNDER_VALGRIND") ? 5 : 1;
}

/* A field of one string or of two. */
static void set_field(struct event *ev, const struct event_field *f, const struct span *s)
{
	static struct span two[2];
	void *at = (uint8_t *)ev + f->offset;

	two[0] = two[1] = *s;
	if (f->type == EV_STR)
		*(struct span *)at = *s;
	else
		*(struct event_list *)at = (struct event_list){two, 2};
}

static bool is_text(const struct event_field *f, unsigned set)
{
	return (f->type == EV_STR || f->type == EV_STRS) && f->sets >> set & 1;
}

/* ---- JSON ---- */

static struct json_object *at_path(struct json_object *o, const char *path)
{
	while (o && *path) {
		size_t n = strcspn(path, ".");
		char key[64];

		snprintf(key, sizeof key, "%.*s", (int)n, path);
		if (!json_object_object_get_ex(o, key, &o))
			return NULL;
		path += n + (path[n] == '.');
	}
	return o;
}

/* What the reader of the line must get: the octets, those that are not UTF-8 as \xNN. */
static bool says(struct json_object *value, struct span octets)
{
	uint8_t want[512];
	size_t n = 0;

	for (size_t i = 0; i < octets.n;) {
		size_t len = 1;

		while (len <= 4 && i + len <= octets.n && !utf8_valid(span_of(octets.p + i, len)))
			len++;
		if (len <= 4 && i + len <= octets.n) {
			memcpy(want + n, octets.p + i, len);
			n += len;
			i += len;
		} else {
			n += (size_t)snprintf((char *)want + n, 5, "\\x%02x", octets.p[i++]);
		}
	}
	return value && json_object_get_string_len(value) == (int)n && memcmp(json_object_get_string(value), want, n) == 0;
}

static struct json_object *parse(struct span line)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o;

	assert_true(line.n > 1 && line.p[line.n - 1] == '\n');
	for (size_t i = 0; i + 1 < line.n; i++)
		assert_true(line.p[i] >= 0x20 && line.p[i] != 0x7f);
	assert_true(utf8_valid(line));
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, (const char *)line.p, (int)line.n - 1);
	if (!o)
		fail_msg("not valid JSON: %.*s", (int)line.n, (const char *)line.p);
	json_tokener_free(tok);
	return o;
}

static void R65_every_field_as_json(void **state)
{
	unsigned fields = 0;

	(void)state;
	for (unsigned set = 0; set < DATASETS; set++)
		for (unsigned i = 0; i < event_field_count; i++)
			for (unsigned h = 0; h < HOSTILE && is_text(&event_fields[i], set); h += step()) {
				struct json_writer *w = json_writer_new(65536); /* it keeps what a session's events share */
				struct json_object *o, *v;
				struct event ev;

				event_init(&ev, (enum dataset)set);
				ev.ts = 0;
				set_field(&ev, &event_fields[i], &hostile[h]);
				o = parse(json_event(w, &ev));
				v = at_path(o, event_fields[i].path);
				if (v && json_object_is_type(v, json_type_array)) {
					assert_int_equal(json_object_array_length(v), 2);
					v = json_object_array_get_idx(v, 1);
				}
				if (!says(v, hostile[h]))
					fail_msg("%s, string %u: %s", event_fields[i].path, h, v ? json_object_get_string(v) : "absent");
				json_object_put(o);
				json_writer_free(&w);
				fields++;
			}
	assert_true(fields > 100 * (HOSTILE / step()));
}

/* ---- the transcript ---- */

struct page {
	uint8_t octets[65536];
	size_t n;
};

static void on_lines(void *ctx, struct span lines)
{
	struct page *p = ctx;

	assert_true(lines.n <= sizeof p->octets - p->n);
	memcpy(p->octets + p->n, lines.p, lines.n);
	p->n += lines.n;
}

/* A session of one event of each kind, in which one field of one of them is hostile (or none: set is DATASETS). */
static void write_page(struct page *p, unsigned set, const struct event_field *f, const struct span *s)
{
	struct text_options look = {.verbosity = 2};
	struct sink *sink = sink_open_callback(on_lines, p);
	struct text_writer *w = text_writer_new(&look, sink);
	static const enum dataset order[] = {DS_COMMAND, DS_FINDING, DS_AUTH, DS_MESSAGE, DS_SESSION, DS_STATS};

	p->n = 0;
	for (unsigned i = 0; i < sizeof order / sizeof *order; i++) {
		struct event ev;

		event_init(&ev, order[i]);
		ev.ts = INT64_C(1767323045) * 1000000000;
		ev.session_id = SPAN("0000000000000001");
		ev.verb = SPAN("MAIL");
		ev.argument = SPAN("FROM:<a@b.example>");
		ev.reply_code = 550;
		ev.finding_id = SPAN("policy_rejection");
		ev.finding_severity = SPAN("error");
		ev.outcome = SPAN("failure");
		ev.mechanism = SPAN("PLAIN");
		ev.auth_result = SPAN("failure");
		ev.message_result = SPAN("rejected");
		ev.session_close = SPAN("fin");
		if (order[i] == set)
			set_field(&ev, f, s);
		text_event(w, &ev);
	}
	text_writer_free(&w);
	sink_close(&sink, NULL);
}

static unsigned point_at(const struct page *p, size_t i, size_t *len)
{
	uint8_t c = p->octets[i];
	unsigned v = c < 0x80 ? c : c < 0xe0 ? c & 0x1fu : c < 0xf0 ? c & 0xfu : c & 7u;

	*len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	for (size_t k = 1; k < *len; k++)
		v = v << 6 | (p->octets[i + k] & 0x3fu);
	return v;
}

static bool is_harmful(unsigned point)
{
	return (point < 0x20 && point != '\n') || (point >= 0x7f && point < 0xa0) || point == 0x61c || (point >= 0x200b && point <= 0x200f) ||
	       (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x2069) || point == 0xfeff;
}

static unsigned check_page(const struct page *p, const char *path, unsigned h)
{
	unsigned lines = 0;
	size_t len;

	if (!utf8_valid(span_of(p->octets, p->n)))
		fail_msg("%s, string %u: not UTF-8", path, h);
	for (size_t i = 0; i < p->n; i += len) {
		unsigned point = point_at(p, i, &len);

		lines += point == '\n';
		if (is_harmful(point))
			fail_msg("%s, string %u: U+%04X in the transcript", path, h, point);
	}
	return lines;
}

static void R65_every_field_as_text(void **state)
{
	static struct page page, plain;
	unsigned shown = 0;

	(void)state;
	for (unsigned set = 0; set < DATASETS; set++)
		for (unsigned i = 0; i < event_field_count; i++)
			for (unsigned h = 0; h < HOSTILE && is_text(&event_fields[i], set); h += step()) {
				static const char letters[] = "one two three four five six seven eight nine ten eleven twelve";
				struct span harmless = span_of(letters, hostile[h].n < sizeof letters - 1 ? hostile[h].n : sizeof letters - 1);
				unsigned lines, usual;

				write_page(&page, set, &event_fields[i], &hostile[h]);
				lines = check_page(&page, event_fields[i].path, h);
				write_page(&plain, set, &event_fields[i], &harmless);
				usual = check_page(&plain, event_fields[i].path, h);
				shown += page.n != plain.n;
				/* escapes are longer than what they stand for, and lines wrap: but no line begins with what the octets say */
				if (lines > usual + 6)
					fail_msg("%s, string %u: %u lines instead of %u", event_fields[i].path, h, lines, usual);
				for (size_t k = 0; k + 1 < page.n; k++)
					if (page.octets[k] == '\n' && page.octets[k + 1] == '{')
						fail_msg("%s, string %u: a line of its own", event_fields[i].path, h);
			}
	assert_true(shown > 10 * (HOSTILE / step())); /* many of them are in it at all */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(R65_every_field_as_json),
	    cmocka_unit_test(R65_every_field_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
