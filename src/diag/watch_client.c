/*
 * watch_client.c - what is known of a client from earlier sessions: when it came, the name it gave, how its recipients fared.
 *
 * Invariant: clients leave by eviction only, so a pointer to one is good as long as the count of evictions is the same.
 */
#include "watch_internal.h"

#include <string.h>

uint32_t client_hash(const struct watch *w, const struct event *ev)
{
	uint32_t h = table_hash(w->clients, ev->source_ip.addr, sizeof ev->source_ip.addr);

	return h ? h : 1;
}

bool client_eq(const void *key, const struct table_node *node)
{
	return memcmp(key, ((const struct watch_client *)node)->addr, 16) == 0;
}

void client_free(struct watch *w, struct watch_client *c)
{
	table_remove(w->clients, &c->node);
	window_clear(w, &c->connections);
	pool_put(w->pool, c, sizeof *c);
}

static struct watch_client *client_add(struct watch *w, const struct event *ev, uint32_t hash)
{
	struct watch_client *c = pool_get(w->pool, sizeof *c);

	if (!c)
		return NULL;
	memcpy(c->addr, ev->source_ip.addr, sizeof c->addr);
	c->connections.fired = c->guessed = c->rcpt_since = EV_NO_TIME;
	while (!table_insert(w->clients, &c->node, hash)) {
		struct table_node *oldest = table_oldest(w->clients);

		if (!oldest) {
			pool_put(w->pool, c, sizeof *c);
			return NULL;
		}
		client_free(w, (struct watch_client *)oldest);
		w->evicted_clients++;
	}
	return c;
}

struct watch_client *client_of(struct watch *w, struct watch_session *s, const struct event *ev)
{
	if (s->client && s->client_age == w->evicted_clients)
		return s->client;
	s->client = (struct watch_client *)table_find(w->clients, s->from, ev->source_ip.addr);
	if (s->client)
		table_touch(w->clients, &s->client->node);
	else
		s->client = client_add(w, ev, s->from);
	s->client_age = w->evicted_clients;
	return s->client;
}

void client_turn(struct watch_client *c, int64_t ts, uint32_t seconds)
{
	bool begun = c->rcpt_since != EV_NO_TIME;

	if (begun && is_near(c->rcpt_since, ts, seconds))
		return;
	begun = begun && is_near(c->rcpt_since, ts, 2 * seconds);
	c->taken[1] = begun ? c->taken[0] : 0;
	c->refused[1] = begun ? c->refused[0] : 0;
	c->taken[0] = c->refused[0] = 0;
	c->rcpt_since = ts;
}
