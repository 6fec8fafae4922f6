/*
 * watch_window.c - windows: the last moments at which something happened to one subject. See watch_internal.h.
 *
 * Some stand in a session or a client, the others in a table under the key of their subject.
 * Invariants: count <= room; moment_bytes is the sum over all windows.
 */
#include "watch_internal.h"

#include <string.h>

/* ---- keys: no octet of them is left to chance ---- */

enum kind { KIND_CLIENT, KIND_NETWORK, KIND_SERVER, KIND_PAIR, KIND_NAME };

static struct watch_key key_of(enum watch_rule r, enum kind kind)
{
	struct watch_key k;

	memset(&k, 0, sizeof k);
	k.rule = (uint8_t)r;
	k.kind = (uint8_t)kind;
	return k;
}

struct watch_key key_client(enum watch_rule r, const struct event *ev)
{
	struct watch_key k = key_of(r, KIND_CLIENT);

	memcpy(k.addr, ev->source_ip.addr, sizeof k.addr);
	return k;
}

struct watch_key key_network(enum watch_rule r, const struct event *ev)
{
	struct watch_key k = key_of(r, KIND_NETWORK);

	memcpy(k.addr, ev->source_ip.addr, ev->source_ip.family == 6 ? 8 : 3);
	return k;
}

struct watch_key key_server(enum watch_rule r, const struct event *ev)
{
	struct watch_key k = key_of(r, KIND_SERVER);

	memcpy(k.addr, ev->destination_ip.addr, sizeof k.addr);
	k.port = (uint16_t)ev->destination_port;
	return k;
}

struct watch_key key_pair(enum watch_rule r, const struct event *ev, uint32_t client)
{
	struct watch_key k = key_server(r, ev);

	k.kind = KIND_PAIR;
	memcpy(&k.name, ev->source_ip.addr, 8);
	k.peer = client;
	return k;
}

struct watch_key key_name(enum watch_rule r, uint64_t name)
{
	struct watch_key k = key_of(r, KIND_NAME);

	k.name = name;
	return k;
}

/* ---- windows ---- */

struct entry {
	struct table_node node;
	struct watch_key key;
	struct window win;
};

bool window_eq(const void *key, const struct table_node *node)
{
	return memcmp(key, &((const struct entry *)node)->key, sizeof(struct watch_key)) == 0;
}

struct window *window_find(struct watch *w, const struct watch_key *k)
{
	struct entry *e = (struct entry *)table_find(w->windows, table_hash(w->windows, k, sizeof *k), k);

	return e ? &e->win : NULL;
}

static void moments_put(struct watch *w, struct window *win)
{
	w->moment_bytes -= win->room * sizeof *win->moment;
	pool_put(w->pool, win->moment, win->room * sizeof *win->moment);
	win->moment = NULL;
	win->room = 0;
}

void window_clear(struct watch *w, struct window *win)
{
	if (win->moment)
		moments_put(w, win);
	*win = (struct window){.fired = EV_NO_TIME};
}

static bool evict(struct watch *w, const struct window *keep)
{
	struct entry *oldest = (struct entry *)table_oldest(w->windows);

	if (!oldest || &oldest->win == keep)
		return false;
	table_remove(w->windows, &oldest->node);
	moments_put(w, &oldest->win);
	pool_put(w->pool, oldest, sizeof *oldest);
	w->evicted_windows++;
	return true;
}

bool window_evict(struct watch *w)
{
	return evict(w, NULL);
}

struct window *window_of(struct watch *w, const struct watch_key *k)
{
	uint32_t hash = table_hash(w->windows, k, sizeof *k);
	struct entry *e = (struct entry *)table_find(w->windows, hash, k);

	if (e) {
		table_touch(w->windows, &e->node);
		return &e->win;
	}
	e = pool_get(w->pool, sizeof *e);
	if (!e)
		return NULL;
	e->key = *k;
	e->win.fired = EV_NO_TIME;
	while (!table_insert(w->windows, &e->node, hash)) {
		if (window_evict(w))
			continue;
		pool_put(w->pool, e, sizeof *e);
		return NULL;
	}
	return &e->win;
}

/* ---- moments ---- */

static void forget(struct window *win, uint32_t at)
{
	memmove(win->moment + at, win->moment + at + 1, (win->count - at - 1) * sizeof *win->moment);
	win->count--;
}

/* Most subjects have few moments: the room doubles as they come. What is too much the least recently used give, never the one at hand.
 * False: what is there must do. */
static bool grow(struct watch *w, struct window *win, uint32_t most)
{
	uint32_t room = win->room ? 2 * win->room : 2;
	struct moment *bigger;

	room = room < most ? room : most;
	if (room <= win->room)
		return false;
	bigger = pool_get(w->pool, room * sizeof *bigger);
	if (!bigger)
		return false;
	if (win->count)
		memcpy(bigger, win->moment, win->count * sizeof *bigger);
	moments_put(w, win);
	win->moment = bigger;
	win->room = room;
	w->moment_bytes += room * sizeof *bigger;
	while (w->moment_bytes > w->limits->moments && evict(w, win))
		continue;
	return true;
}

void window_add(struct watch *w, struct window *win, const struct moment *m, uint32_t room, bool distinct)
{
	struct moment now = *m;

	now.tries = 1;
	win->total++;
	for (uint32_t i = 0; distinct && i < win->count; i++) {
		if (win->moment[i].value != m->value)
			continue;
		now.tries += win->moment[i].tries;
		forget(win, i);
		break;
	}
	if (win->count == win->room && !grow(w, win, room)) {
		if (!win->count)
			return;
		forget(win, 0);
	}
	win->moment[win->count++] = now;
}

static uint64_t apart(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

bool is_near(int64_t a, int64_t b, uint32_t seconds)
{
	return apart(a, b) <= (uint64_t)seconds * 1000000000;
}

void window_forget(struct window *win, int64_t ts, uint32_t seconds)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < win->count; i++)
		if (is_near(win->moment[i].ts, ts, seconds))
			win->moment[kept++] = win->moment[i];
	win->count = kept;
}

uint32_t window_near(const struct window *win, int64_t ts, uint32_t seconds)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < win->count; i++)
		n += is_near(win->moment[i].ts, ts, seconds);
	return n;
}

bool window_quiet(const struct window *win, int64_t ts, uint32_t seconds)
{
	return win && win->fired != EV_NO_TIME && is_near(win->fired, ts, seconds);
}

bool window_fires(struct window *win, int64_t ts, uint32_t seconds)
{
	if (window_quiet(win, ts, seconds))
		return false;
	win->fired = ts;
	return true;
}

static struct window *count(struct watch *w, const struct watch_key *k, const struct moment *m, bool distinct)
{
	const struct watch_setting *set = &w->settings->rule[k->rule];
	struct window *win = set->threshold ? window_of(w, k) : NULL;

	if (!win)
		return NULL;
	window_add(w, win, m, set->threshold, distinct);
	return window_near(win, m->ts, set->seconds) >= set->threshold && window_fires(win, m->ts, set->seconds) ? win : NULL;
}

struct window *window_counts(struct watch *w, const struct watch_key *k, const struct event *ev)
{
	return count(w, k, &(struct moment){.ts = ev->ts, .session = w->last->number, .peer = w->last->from}, false);
}

struct window *window_counts_distinct(struct watch *w, const struct watch_key *k, const struct event *ev, uint32_t value)
{
	return count(w, k, &(struct moment){.ts = ev->ts, .session = w->last->number, .peer = w->last->from, .value = value}, true);
}

bool window_once(struct watch *w, const struct watch_key *k, int64_t ts)
{
	struct window *win = watch_on(w, (enum watch_rule)k->rule) ? window_of(w, k) : NULL;

	return win && window_fires(win, ts, w->settings->rule[k->rule].seconds);
}

/* ---- evidence ---- */

uint32_t window_peers(const struct window *win)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < win->count; i++) {
		uint32_t k = 0;

		while (k < i && win->moment[k].peer != win->moment[i].peer)
			k++;
		n += k == i;
	}
	return n;
}

uint32_t window_values(const struct window *win)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < win->count; i++) {
		uint32_t k = 0;

		while (k < i && win->moment[k].value != win->moment[i].value)
			k++;
		n += k == i;
	}
	return n;
}

uint64_t window_span(const struct window *win)
{
	return win->count ? apart(win->moment[0].ts, win->moment[win->count - 1].ts) : 0;
}

uint32_t window_period(const struct window *win)
{
	enum { FEWEST = 4, SHORTEST = 20 }; /* seconds: a program that waits for a person's next mail check, not one that guesses */
	uint64_t least = UINT64_MAX, most = 0;

	for (uint32_t i = 1; i < win->count; i++) {
		uint64_t step = apart(win->moment[i].ts, win->moment[i - 1].ts);

		least = step < least ? step : least;
		most = step > most ? step : most;
	}
	if (win->count < FEWEST || window_peers(win) > 1 || SECONDS_OF(least) < SHORTEST || most - least > most / 4)
		return 0;
	return (uint32_t)(SECONDS_OF(window_span(win)) / (win->count - 1));
}
