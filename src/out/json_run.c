/*
 * json_run.c - see json_run.h.
 *
 * What is compared is what differs between sessions. Left out, because it follows from these or is the same in a whole run: transport,
 * network.type, the observer.
 */
#include "json_run.h"

#include <string.h>

struct json_run *json_run_place(struct json_run *runs, const struct event *ev)
{
	uint64_t v = 0;

	if (ev->session_id.n >= sizeof v)
		memcpy(&v, ev->session_id.p, sizeof v);
	return &runs[(v * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (RUN_SLOTS - 1)];
}

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

/* Each string, and a NUL behind it. */
static bool same_names(const struct json_run *run, const struct event *ev)
{
	const struct span names[] = {ev->session_id, ev->community_id, ev->protocol, ev->vlan_id};
	size_t at = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].n >= run->names_n - at || (names[i].n && memcmp(run->names + at, names[i].p, names[i].n) != 0))
			return false;
		at += names[i].n;
		if (run->names[at++] != '\0')
			return false;
	}
	return true;
}

/* Counted from the first: before it datasets differ. */
static bool same_rows(const struct json_run *run, const uint16_t *rows, unsigned n)
{
	unsigned differ = n != run->row_count;

	for (unsigned i = 0; !differ && i < n; i++)
		differ = run->rows[i] != rows[i] - rows[0];
	return !differ;
}

bool json_run_is(const struct json_run *run, const struct event *ev, const uint16_t *rows, unsigned n)
{
	return same_rows(run, rows, n) && run->source_port == ev->source_port && run->destination_port == ev->destination_port &&
	       same_end(&run->source, &ev->source_ip) && same_end(&run->destination, &ev->destination_ip) && same_names(run, ev);
}

void json_run_keep(struct json_run *run, const struct event *ev, const uint16_t *rows, unsigned n, struct span text)
{
	const struct span names[] = {ev->session_id, ev->community_id, ev->protocol, ev->vlan_id};
	size_t at = 0;

	run->row_count = 0; /* none */
	if (n > RUN_ROWS || text.n > sizeof run->text)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (names[i].n >= sizeof run->names - at)
			return;
		at = span_append((char *)run->names, at, sizeof run->names, names[i]);
		run->names[at++] = '\0';
	}
	run->names_n = (uint16_t)at;
	run->source = ev->source_ip;
	run->destination = ev->destination_ip;
	run->source_port = ev->source_port;
	run->destination_port = ev->destination_port;
	for (unsigned i = 0; i < n; i++)
		run->rows[i] = (uint16_t)(rows[i] - rows[0]);
	memcpy(run->text, text.p, text.n);
	run->text_n = (uint16_t)text.n;
	run->row_count = (uint16_t)n;
}
