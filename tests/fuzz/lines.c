/* lines.c - see lines.h. */
#include "lines.h"

#include "leaks.h"
#include "schema_check.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lines_begin(struct lines *l)
{
	if (!l->json)
		l->json = json_writer_new(JSON_MAX_EVENT);
	l->n = 0;
}

static void mask(struct event *ev)
{
	ev->ts = 0;
	ev->start = ev->end = EV_NO_TIME;
	ev->duration = ev->packet_first = ev->packet_last = EV_NONE;
	ev->source_bytes = ev->source_packets = ev->destination_bytes = ev->destination_packets = EV_NONE;
	ev->source_ip.family = ev->destination_ip.family = 0;
	ev->source_port = EV_NONE;
	ev->net_type = ev->community_id = ev->vlan_id = SPAN_ABSENT;
}

void lines_event(void *ctx, struct event *ev)
{
	struct lines *l = ctx;
	struct event copy = *ev;
	struct span line;

	copy.ecs_version = SPAN("8.11.0");
	if (!l->same_wire)
		mask(&copy);
	line = json_event(l->json, &copy);
	if (line.n > l->cap - l->n) {
		l->cap = 2 * l->cap + line.n;
		l->p = realloc(l->p, l->cap);
	}
	memcpy(l->p + l->n, line.p, line.n);
	l->n += line.n;
}

static void check_line(struct json_tokener *tokener, struct span line)
{
	struct json_object *o;
	char why[512];

	FUZZ_CHECK(line.n + 1 <= JSON_MAX_EVENT);
	json_tokener_reset(tokener);
	o = json_tokener_parse_ex(tokener, (const char *)line.p, (int)line.n);
	if (!o || json_tokener_get_parse_end(tokener) != line.n || !schema_check(o, why, sizeof why)) {
		fprintf(stderr, "%s\n%.*s\n", o ? why : "no JSON", (int)line.n, (const char *)line.p);
		fuzz_fail(__FILE__, __LINE__, "a line is valid JSON that fits the schema");
	}
	json_object_put(o);
}

void lines_check(const struct lines *l, bool secret)
{
	struct json_tokener *tokener = json_tokener_new();
	struct span rest = span_of(l->p, l->n);

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	FUZZ_CHECK(l->n == 0 || l->p[l->n - 1] == '\n');
	if (secret && leaks(rest, FUZZ_SECRET)) {
		fprintf(stderr, "%.*s", (int)l->n, l->p);
		fuzz_fail(__FILE__, __LINE__, "no secret in the output");
	}
	while (rest.n)
		check_line(tokener, span_split(&rest, '\n'));
	json_tokener_free(tokener);
}

/* The first lines that differ are told. */
bool lines_same(const struct lines *a, const struct lines *b)
{
	struct span x = span_of(a->p, a->n), y = span_of(b->p, b->n);

	if (span_eq(x, y))
		return true;
	while (x.n || y.n) {
		struct span k = span_split(&x, '\n'), l = span_split(&y, '\n');

		if (span_eq(k, l))
			continue;
		fprintf(stderr, "one way:     %.*s\nanother way: %.*s\n", (int)k.n, (const char *)k.p, (int)l.n, (const char *)l.p);
		break;
	}
	return false;
}
