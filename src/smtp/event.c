/*
 * event.c - the field table and the absent event, both made from EVENT_FIELDS.
 *
 * Invariant: nothing here knows a field by its name; a new row in event.h needs no change in this file. What "absent" looks
 * like for each type is said in the ABSENT_* macros, and read back by event_present().
 */
#include "smtpscope/event.h"

#include <string.h>

static const char *const dataset_names[DATASETS] = {
	[DS_SESSION] = "session", [DS_COMMAND] = "command", [DS_AUTH] = "auth",
	[DS_MESSAGE] = "message", [DS_FINDING] = "finding", [DS_STATS] = "stats",
};

const char *dataset_name(enum dataset d)
{
	return (unsigned)d < DATASETS ? dataset_names[d] : "";
}

#define EVENT_ROW(type, member, path, sets, doc) {path, EV_##type, sets, offsetof(struct event, member), doc},
const struct event_field event_fields[] = {EVENT_FIELDS(EVENT_ROW)};
#undef EVENT_ROW

const unsigned event_field_count = sizeof(event_fields) / sizeof(event_fields[0]);

_Static_assert(sizeof(struct event) <= UINT16_MAX, "event_field.offset is 16 bits wide");

#define ABSENT_STR {NULL, 0}
#define ABSENT_STRS {NULL, 0}
#define ABSENT_CODES {NULL, 0}
#define ABSENT_UINT EV_NONE
#define ABSENT_BOOL EV_ABSENT
#define ABSENT_TIME EV_NO_TIME
#define ABSENT_IP {{0}, 0, 0}

/* One block copy of this is several times faster than a walk over the table, and event_init() runs for every event. */
#define EVENT_ABSENT(type, member, path, sets, doc) .member = ABSENT_##type,
static const struct event absent_event = {EVENT_FIELDS(EVENT_ABSENT)};
#undef EVENT_ABSENT

void event_init(struct event *ev, enum dataset set)
{
	*ev = absent_event;
	ev->set = set;
}

bool event_has(const struct event *ev, const struct event_field *f)
{
	return f->sets >> ev->set & 1 && event_present(ev, f);
}

_Static_assert(offsetof(struct event, notice) + 8 <= sizeof(struct event), "what event_probed() reads");

struct event_probe event_probe_of(const struct event_field *f)
{
	/* Octets at the place that says whether there is a value, and what they are when there is none: see event_present(). */
	static const struct {
		size_t at, size;
		uint8_t absent[8];
	} kinds[] = {
		[EV_STR] = {offsetof(ev_STR_t, p), sizeof(void *), {0}},
		[EV_STRS] = {offsetof(ev_STRS_t, n), sizeof(uint32_t), {0}},
		[EV_UINT] = {0, sizeof(uint64_t), {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		[EV_BOOL] = {0, 1, {EV_ABSENT}},
		[EV_TIME] = {0, sizeof(int64_t), {0}}, /* by number, below */
		[EV_IP] = {offsetof(ev_IP_t, family), 1, {0}},
		[EV_CODES] = {offsetof(ev_CODES_t, n), sizeof(uint32_t), {0}},
	};
	const int64_t no_time = EV_NO_TIME;
	struct event_probe q = {.mask = 0, .offset = (uint32_t)(f->offset + kinds[f->type].at)};

	memset(&q.mask, 0xff, kinds[f->type].size);
	memcpy(&q.absent, f->type == EV_TIME ? (const void *)&no_time : kinds[f->type].absent, sizeof q.absent);
	return q;
}

const struct event_field *event_field_find(const char *path)
{
	for (unsigned i = 0; i < event_field_count; i++) {
		if (strcmp(event_fields[i].path, path) == 0)
			return &event_fields[i];
	}
	return NULL;
}
