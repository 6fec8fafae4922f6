/*
 * watch_server.c - what is known of a server from earlier sessions: its name, when it offered STARTTLS, whose mail it takes.
 *
 * Invariant: servers leave by eviction only, so a pointer to one is good as long as the count of evictions is the same.
 */
#include "watch_internal.h"

#include <string.h>

bool server_eq(const void *key, const struct table_node *node)
{
	const struct endpoint *a = key, *b = &((const struct watch_server *)node)->at;

	return a->port == b->port && a->family == b->family && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

static bool insert(struct watch *w, struct watch_server *v, uint32_t hash)
{
	while (!table_insert(w->servers, &v->node, hash)) {
		struct table_node *oldest = table_oldest(w->servers);

		if (!oldest)
			return false;
		server_free(w, (struct watch_server *)oldest);
		w->evicted_servers++;
	}
	return true;
}

static struct watch_server *server_add(struct watch *w, const struct endpoint *at, uint32_t hash)
{
	struct watch_server *v = pool_get(w->pool, sizeof *v);

	if (!v)
		return NULL;
	v->at = *at;
	v->offered_ts = v->told_weak = v->told_clear = EV_NO_TIME;
	if (insert(w, v, hash))
		return v;
	pool_put(w->pool, v, sizeof *v);
	return NULL;
}

struct watch_server *server_of(struct watch *w, struct watch_session *s, const struct event *ev)
{
	const struct endpoint *at = &ev->destination_ip;
	uint32_t hash;

	if (s->server && s->server_age == w->evicted_servers)
		return s->server;
	hash = table_hash(w->servers, at->addr, sizeof at->addr) ^ at->port;
	s->server = (struct watch_server *)table_find(w->servers, hash, at);
	if (s->server)
		table_touch(w->servers, &s->server->node);
	else
		s->server = server_add(w, at, hash);
	s->server_age = w->evicted_servers;
	return s->server;
}

void server_free(struct watch *w, struct watch_server *v)
{
	table_remove(w->servers, &v->node);
	pool_put(w->pool, v, sizeof *v);
}

/* The first word of a greeting or of an EHLO reply (RFC 5321 4.2, 4.1.1.1). */
void server_named(struct watch_server *v, const struct event *ev)
{
	struct span rest = ev->reply_text.n ? ev->reply_text.v[0] : SPAN_ABSENT, word = span_split(&rest, ' ');

	while (word.n && word.p[word.n - 1] == '.')
		word.n--;
	if (span_eq(word, span_str(v->name)))
		return; /* mostly */
	if (word.n && word.n < sizeof v->name && span_all(word, CHAR_PRINT))
		span_cstr(word, v->name, sizeof v->name);
}

/* ---- whose mail it takes ---- */

/* b is a, or ends in "." and a. */
static bool is_within(struct span b, struct span a)
{
	if (b.n == a.n)
		return span_ieq(a, b);
	return b.n > a.n && b.p[b.n - a.n - 1] == '.' && span_ieq(span_from(b, b.n - a.n), a);
}

/* mail.example.org takes mail for example.org and what is below it. */
static bool is_of_name(struct span domain, struct span name)
{
	struct span parent = name;

	span_split(&parent, '.');
	return is_within(domain, name) || is_within(name, domain) || (parent.n && is_within(domain, parent));
}

static struct watch_domain *domain_find(struct watch_server *v, uint32_t hash)
{
	for (uint32_t i = 0; i < v->domains; i++)
		if (v->domain[i].domain == hash)
			return &v->domain[i];
	return NULL;
}

void server_accepts(struct watch *w, struct watch_server *v, struct span domain, uint32_t client)
{
	struct watch_domain d, *known;
	size_t before;

	if (is_of_name(domain, span_str(v->name)))
		return; /* its own by its name */
	d = (struct watch_domain){hash_text(w, domain), client};
	known = domain_find(v, d.domain);
	if (known && known->client != client)
		d.client = MANY;
	before = known ? (size_t)(known - v->domain) : v->domains < DOMAINS ? v->domains++ : DOMAINS - 1;
	memmove(v->domain + 1, v->domain, before * sizeof d);
	v->domain[0] = d;
}

/* "mx", "host.localdomain", "build.local": nothing is known of whose mail it takes. */
static bool tells_domain(struct span name)
{
	return span_chr(name, '.') != SPAN_NPOS && !is_within(name, SPAN("localdomain")) && !is_within(name, SPAN("local")) &&
	       !is_within(name, SPAN("localhost"));
}

bool server_foreign(struct watch *w, const struct watch_server *v, struct span domain, uint32_t client)
{
	uint32_t hash;

	if (!domain.n || domain.p[0] == '[' || span_chr(domain, '.') == SPAN_NPOS || is_within(domain, SPAN("localhost.localdomain")))
		return false;
	if (!tells_domain(span_str(v->name)) || is_of_name(domain, span_str(v->name)))
		return false;
	hash = v->domains ? hash_text(w, domain) : 0;
	for (uint32_t i = 0; i < v->domains; i++)
		if (v->domain[i].domain == hash && v->domain[i].client != client)
			return false;
	return true;
}
