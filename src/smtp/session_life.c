/*
 * session_life.c - how a session begins, and how all that it holds is given back. See session.h and session_internal.h.
 */
#include "session_internal.h"

#include <stdio.h>

const struct session_limits session_limits_default = {
    .outstanding = 1024,
    .recipients = 1000,
    .reply_lines = 64,
    .held_bytes = 256 * 1024,
    .transaction_bytes = 256 * 1024,
};

const struct session_config session_config_default = {.limits = &session_limits_default};

/* Who is source and who is destination in all events; TURN does not change it. */
void session_name_ends(struct session *s)
{
	s->record.client = s->flow->side[s->named_flipped ? DIR_SERVER : DIR_CLIENT];
	s->record.server = s->flow->side[s->named_flipped ? DIR_CLIENT : DIR_SERVER];
}

/*
 * A command for which there was no memory may have been AUTH, and what follows it its password. Nothing else remembers it, so from then
 * on nothing is shown that only the dialogue could tell from credentials.
 */
bool session_is_short(const struct session *s)
{
	return s->short_of_memory || pool_failures(s->pool) != s->refusals;
}

/* Whose it is and between whom, and what is empty: of a new session, and of one that wakes. */
void session_bind(struct session *s, struct pool *pool, const struct session_config *config, const struct session_setup *setup,
		  const struct flow *flow)
{
	static const char hex[] = "0123456789abcdef";

	s->pool = pool;
	s->config = config;
	s->limits = config->limits;
	s->flow = flow;
	s->queue_end = &s->queue;
	s->held_end = &s->held;
	s->candidate_end = &s->candidate;
	s->reader[0].pool = s->reader[1].pool = pool;
	arena_init(&s->reply.arena, pool, 0);
	arena_init(&s->mail.arena, pool, s->limits->transaction_bytes);
	if (flow->vlan)
		snprintf(s->vlan, sizeof s->vlan, "%u", flow->vlan);
	for (int i = 0; i < 16; i++)
		s->record.id[i] = hex[setup->id >> (60 - 4 * i) & 15];
	if (setup->community_id)
		span_cstr(span_str(setup->community_id), s->record.community_id, sizeof s->record.community_id);
	session_name_ends(s);
}

struct session *session_new(struct pool *pool, const struct session_config *config, const struct session_setup *setup,
			    const struct flow *flow, emit_fn *emit, void *ctx)
{
	struct session *s = pool_get(pool, sizeof *s);

	if (!s)
		return NULL;
	session_bind(s, pool, config, setup, flow);
	s->emit = emit;
	s->ctx = ctx;
	s->server_port = setup->server_port;
	s->syn_seen = setup->syn_seen;
	s->guessed_roles = setup->guessed_roles;
	s->size_limit = EV_NONE;
	s->phase = PHASE_CONN;
	s->last_ts = flow->first_ts;
	s->last_frame = flow->first_frame;
	s->tls_expected = setup->server_port == 465;
	s->mode = setup->syn_seen ? MODE_PROXY : MODE_LOST;
	s->junk_line = !setup->syn_seen;
	s->lost_tokens = setup->syn_seen ? 0 : SECRET_LINES;
	s->refusals = pool_failures(pool);
	queue_push(s, pending_new(s, setup->syn_seen ? PENDING_GREETING : PENDING_LOST, SPAN_ABSENT));
	s->short_of_memory = session_is_short(s);
	return s;
}

void session_fini(struct session *s)
{
	held_drop(s, &s->held, &s->held_end, &s->held_bytes);
	candidate_clear(s);
	body_put(s, &s->bdat_body);
	body_put(s, &s->mail.body);
	tls_release(s);
	ehlo_forget(s);
	said_drop(s->pool, &s->list_before);
	auth_clear(&s->auth);
	arena_clear(&s->reply.arena);
	arena_clear(&s->mail.arena);
	line_reset(&s->reader[0]);
	line_reset(&s->reader[1]);
	pool_drop(s->pool, &s->helo);
	said_drop(s->pool, &s->banner);
	pool_drop(s->pool, &s->user);
	pool_drop(s->pool, &s->client_address);
	pool_drop(s->pool, &s->candidate_verb);
}

void session_free(struct session **session)
{
	struct session *s = *session;

	*session = NULL;
	if (!s)
		return;
	while (s->queue) {
		struct pending *p = queue_pop(s);

		pending_free(s, &p);
	}
	session_fini(s);
	pool_put(s->pool, s, sizeof *s);
}
