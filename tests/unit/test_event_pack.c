/* Packed events: what comes back from another thread's list is what went in, whatever was in it before; lines that are numbered anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/event_pack.h"
#include "smtpscope/exchange.h"
#include "smtpscope/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct span words[] = {SPAN_INIT("250 first"), SPAN_INIT(""), SPAN_INIT("a longer line than eight octets")};
static const uint16_t codes[] = {354, 250, 251};

/* ---- events of which every field has a value ---- */

static void fill(struct event *ev, enum dataset set)
{
	event_init(ev, set);
	for (unsigned i = 0; i < event_field_count; i++) {
		void *value = (char *)ev + event_fields[i].offset;

		switch (event_fields[i].type) {
		case EV_STR:
			*(ev_STR_t *)value = words[i % 3];
			break;
		case EV_STRS:
			*(ev_STRS_t *)value = (struct event_list){words, 1 + i % 3};
			break;
		case EV_UINT:
			*(ev_UINT_t *)value = i;
			break;
		case EV_BOOL:
			*(ev_BOOL_t *)value = i % 2 ? EV_TRUE : EV_FALSE;
			break;
		case EV_TIME:
			*(ev_TIME_t *)value = -(int64_t)i;
			break;
		case EV_IP:
			*(ev_IP_t *)value = (struct endpoint){.family = 6, .port = 25, .addr = {0x20, 1, 0xd, 0xb8, (uint8_t)i}};
			break;
		case EV_CODES:
			*(ev_CODES_t *)value = (struct event_codes){codes, 3};
			break;
		}
	}
}

/* The line of JSON is what an event says. */
static void expect_same(const struct event *a, const struct event *b)
{
	struct json_writer *one = json_writer_new(JSON_MAX_EVENT_LIMIT), *other = json_writer_new(JSON_MAX_EVENT_LIMIT);
	struct span x = json_event(one, a), y = json_event(other, b);

	if (!span_eq(x, y))
		fail_msg("in:  %.*s\nout: %.*s", (int)x.n, (const char *)x.p, (int)y.n, (const char *)y.p);
	json_writer_free(&one);
	json_writer_free(&other);
}

/* All fields of the dataset, with a session but for stats. */
static void fill_of_session(struct event *ev, enum dataset set, bool lmtp, struct session_record *record)
{
	*record = (struct session_record){.id = "0123456789abcdef", .community_id = "1:x", .lmtp = lmtp,
					  .client = {.family = 4, .port = 4000}, .server = {.family = 4, .port = 25}};
	fill(ev, set);
	if (set != DS_STATS)
		event_of_session(ev, record);
}

static void test_whole(void **state)
{
	struct packing all;
	struct pack_list list = {0};
	struct pack_reader r;
	struct unpacked out;

	(void)state;
	assert_true(packing_init(&all, NULL));
	for (unsigned round = 0; round < 3; round++) { /* what is appended to a list that was emptied */
		for (unsigned set = 0; set < DATASETS; set++) {
			struct session_record record;
			struct event ev;

			fill_of_session(&ev, (enum dataset)set, round == 1, &record);
			pack_append(&list, &all, &ev, &(struct line){.wanted = 5, .json = words[0]}, set + round);
			memset(&record, 0, sizeof record);
		}
		r = pack_read(&list);
		for (unsigned set = 0; set < DATASETS; set++) {
			struct session_record record;
			struct event ev;

			fill_of_session(&ev, (enum dataset)set, round == 1, &record);
			assert_int_equal(pack_tag(&r), set + round);
			assert_true(pack_next(&r, &out));
			expect_same(&ev, &out.ev);
			assert_int_equal(out.line.wanted, 5);
			assert_true(span_eq(out.line.json, words[0]));
			assert_int_equal(out.line.sequence, ev.sequence);
			assert_true(out.ev.record ? strcmp(out.ev.record->id, record.id) == 0 : set == DS_STATS);
		}
		assert_true(pack_tag(&r) == PACK_END);
		assert_false(pack_next(&r, &out));
		pack_clear(&list);
	}
	pack_free(&list);
	packing_fini(&all);
}

/* ---- the exchange, which shares what it says with the event or does not ---- */

static bool keeps_verb(const struct event_field *f)
{
	return f->offset == offsetof(struct event, verb) || f->offset == offsetof(struct event, argument) ||
	       f->offset == offsetof(struct event, reply_text) || f->offset == offsetof(struct event, reply_enhanced);
}

static void exchange_round(bool shared)
{
	struct exchange x = {.kind = EXCHANGE_COMMAND, .verb = VERB_MAIL, .code = 250, .verb_text = SPAN("MAIL"), .argument = SPAN("FROM:<a@b>"),
			     .enhanced = SPAN("2.1.0"), .text = words, .text_count = 3, .situation = SIT(EHLO)};
	struct packing some;
	struct pack_list list = {0};
	struct pack_reader r;
	struct unpacked out;
	struct event ev;

	assert_true(packing_init(&some, keeps_verb));
	event_init(&ev, DS_COMMAND);
	ev.exchange = &x;
	ev.outcome = SPAN("success");
	ev.reply_ts = 77;
	ev.verb = shared ? x.verb_text : SPAN("OTHER");
	ev.argument = shared ? x.argument : SPAN_ABSENT;
	ev.reply_enhanced = shared ? x.enhanced : SPAN("9.9.9");
	ev.reply_text = shared ? (struct event_list){x.text, x.text_count} : (struct event_list){words, 1};
	pack_append(&list, &some, &ev, &(struct line){0}, 1);
	pack_append(&list, &some, &ev, &(struct line){0}, 2); /* that the first one's length is right */
	r = pack_read(&list);
	for (unsigned i = 1; i <= 2; i++) {
		const struct exchange *y;

		assert_int_equal(pack_tag(&r), i);
		assert_true(pack_next(&r, &out));
		y = out.ev.exchange;
		assert_non_null(y);
		assert_true(y != &x && y->verb == VERB_MAIL && y->code == 250 && y->situation == SIT(EHLO) && out.ev.reply_ts == 77);
		assert_true(span_eq(y->verb_text, x.verb_text) && span_eq(y->argument, x.argument) && span_eq(y->enhanced, x.enhanced));
		assert_int_equal(y->text_count, 3);
		for (unsigned k = 0; k < 3; k++)
			assert_true(span_eq(y->text[k], words[k]) && (y->text[k].p != words[k].p || !words[k].n));
		assert_true(span_eq(out.ev.verb, ev.verb) && out.ev.reply_text.n == ev.reply_text.n);
		assert_null(out.ev.outcome.p); /* not kept */
	}
	pack_free(&list);
	packing_fini(&some);
}

static void test_exchange(void **state)
{
	(void)state;
	exchange_round(true);
	exchange_round(false);
}

/* ---- more than a block, and events larger than one ---- */

static void test_many(void **state)
{
	enum { LARGE = 300 * 1024, MANY = 3000 };
	struct packing all;
	struct pack_list list = {0};
	char *large = malloc(LARGE);

	(void)state;
	assert_non_null(large);
	memset(large, 'x', LARGE);
	assert_true(packing_init(&all, NULL));
	for (unsigned round = 0; round < 3; round++) {
		struct pack_reader r;
		struct unpacked out;

		for (uint64_t i = 0; i < MANY; i++) {
			struct event ev;

			event_init(&ev, DS_AUTH);
			ev.sequence = i;
			ev.argument = words[2]; /* not of this dataset */
			ev.user_name = i % 1000 == round ? span_of(large, LARGE) : words[i % 3];
			pack_append(&list, &all, &ev, &(struct line){.json = words[2]}, i);
		}
		r = pack_read(&list);
		for (uint64_t i = 0; i < MANY; i++) {
			assert_true(pack_tag(&r) == i);
			assert_true(pack_next(&r, &out));
			assert_true(out.ev.sequence == i && !out.ev.argument.p && out.ev.mechanism.p == NULL);
			assert_int_equal(out.ev.user_name.n, i % 1000 == round ? LARGE : words[i % 3].n);
			assert_true(span_eq(out.line.json, words[2]));
		}
		assert_true(pack_tag(&r) == PACK_END);
		pack_clear(&list);
		r = pack_read(&list);
		assert_true(pack_tag(&r) == PACK_END);
	}
	assert_int_equal(list.lost, 0);
	pack_free(&list);
	packing_fini(&all);
	free(large);
}

/* ---- lines ---- */

/* A line composed with one pair of numbers and numbered anew is the line composed with the other. */
static void test_renumber(void **state)
{
	static const uint64_t numbers[][2] = {{1, 0}, {9, 1}, {10, 99}, {123456, 7}};
	static struct options o;
	struct err err = {0};
	char words_of[][64] = {"smtpscope", "-r", "x", "-o", "json"};
	char *argv[] = {words_of[0], words_of[1], words_of[2], words_of[3], words_of[4]};
	struct lines *l;

	(void)state;
	assert_int_equal(options_parse(&o, 5, argv, &err), 0);
	l = lines_new(&o, 0, NULL);
	assert_non_null(l);
	for (unsigned set = 0; set < DS_STATS; set++)
		for (unsigned i = 0; i < 16; i++) {
			const uint64_t *from = numbers[i % 4], *to = numbers[i / 4];
			char id[2][40], first[JSON_MAX_EVENT];
			struct line line, other;
			struct event ev;

			event_init(&ev, (enum dataset)set);
			ev.session_id = SPAN("0123456789abcdef");
			ev.verb = ev.helo = SPAN("\",\"id\":\"0123456789abcdef-1\",\"sequence\":1,\"findings\":1"); /* a client may say so */
			ev.action = SPAN("x,\"id\":\"");
			ev.transaction_id = SPAN("1");
			for (unsigned k = 0; k < 2; k++)
				snprintf(id[k], sizeof id[k], "0123456789abcdef-%llu", (unsigned long long)(k ? to : from)[0]);
			ev.id = span_str(id[0]);
			ev.sequence = from[0];
			ev.session_findings = set == DS_SESSION ? from[1] : EV_NONE;
			lines_event(l, &ev, &line);
			assert_true(lines_may_grow(l, &line));
			memcpy(first, line.json.p, line.json.n);
			line.json.p = (const uint8_t *)first;
			ev.id = span_str(id[1]);
			ev.sequence = to[0];
			ev.session_findings = set == DS_SESSION ? to[1] : EV_NONE;
			lines_event(l, &ev, &other);
			if (!span_eq(lines_renumber(l, &line, &ev), other.json))
				fail_msg("%s, %llu to %llu: %.*s", dataset_name((enum dataset)set), (unsigned long long)from[0],
					 (unsigned long long)to[0], (int)other.json.n, (const char *)other.json.p);
		}
	lines_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_exchange),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_renumber),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
