/* jsonlines.c - see jsonlines.h. */
#include "jsonlines.h"

#include "leaks.h"
#include "schema_check.h"
#include "smtpscope/table.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jsonlines_begin(struct jsonlines *l)
{
	if (!l->json)
		l->json = json_writer_new(JSON_MAX_EVENT);
	l->n = 0;
}

void wire_mask(struct event *ev)
{
	ev->ts = 0;
	ev->start = ev->end = EV_NO_TIME;
	ev->duration = ev->packet_first = ev->packet_last = EV_NONE;
	ev->source_bytes = ev->source_packets = ev->destination_bytes = ev->destination_packets = EV_NONE;
	ev->source_ip.family = ev->destination_ip.family = 0;
	ev->source_port = EV_NONE;
	ev->net_type = ev->community_id = ev->vlan_id = SPAN_ABSENT;
}

void jsonlines_event(void *ctx, struct event *ev)
{
	struct jsonlines *l = ctx;
	struct event copy = *ev;
	struct span line;

	copy.ecs_version = SPAN("8.11.0");
	if (!l->same_wire)
		wire_mask(&copy);
	line = json_event(l->json, &copy);
	if (line.n > l->cap - l->n) {
		l->cap = 2 * l->cap + line.n;
		l->p = realloc(l->p, l->cap);
	}
	memcpy(l->p + l->n, line.p, line.n);
	l->n += line.n;
}

void jsonlines_free(struct jsonlines *l)
{
	json_writer_free(&l->json);
	free(l->p);
	l->p = NULL;
	l->n = l->cap = 0;
}

/* Most lines have been seen before, octet for octet: of these no more is asked. */
static bool line_valid(struct json_tokener *tokener, struct span line)
{
	enum { KNOWN = 1 << 16 };
	static const uint8_t key[16] = "jsonlines";
	static uint64_t known[KNOWN];
	uint64_t hash = siphash(key, line.p, line.n), *place = &known[hash % KNOWN];
	struct json_object *o;
	char why[512] = "no JSON";
	bool ok;

	if (*place == hash && hash)
		return true;
	json_tokener_reset(tokener);
	o = line.n < INT_MAX ? json_tokener_parse_ex(tokener, (const char *)line.p, (int)line.n) : NULL;
	ok = o && json_tokener_get_parse_end(tokener) == line.n && schema_check(o, why, sizeof why);
	if (!ok)
		fprintf(stderr, "%s: %.*s\n", why, (int)line.n, (const char *)line.p);
	json_object_put(o);
	*place = ok ? hash : 0;
	return ok;
}

bool jsonlines_valid(struct span text)
{
	struct json_tokener *tokener = json_tokener_new();
	bool ok = text.n == 0 || text.p[text.n - 1] == '\n';

	if (!ok)
		fprintf(stderr, "the last line has no end\n");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	while (ok && text.n) {
		struct span line = span_split(&text, '\n');

		ok = line.n + 1 <= JSON_MAX_EVENT && line_valid(tokener, line);
	}
	json_tokener_free(tokener);
	return ok;
}

bool jsonlines_hide(struct span text, struct span secret)
{
	while (text.n) {
		struct span line = span_split(&text, '\n');

		if (leaks(line, secret)) {
			fprintf(stderr, "a secret stands in %.*s\n", (int)line.n, (const char *)line.p);
			return false;
		}
	}
	return true;
}

bool jsonlines_same(const struct jsonlines *a, const struct jsonlines *b)
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
