/*
 * session_sleep.c - a session in which nothing is under way, in few octets. See session_sleep.h.
 *
 * What can be made anew is taken out (whose session it is, empty lists and readers), and of the rest only the words are kept that
 * are not zero, with a bit for each. So no field needs to be named here to survive; those that are named are the ones that do not.
 */
#include "smtpscope/session_sleep.h"

#include "session_internal.h"

#include <string.h>

enum { WORDS = sizeof(struct session) / sizeof(uint64_t), BITS = (WORDS + 63) / 64 };

_Static_assert(sizeof(struct session) % sizeof(uint64_t) == 0, "whole words");

struct sleeping {
	uint32_t size;          /* of this block */
	uint32_t count;         /* words that follow */
	uint64_t bits[BITS];    /* which ones they are */
	uint64_t words[];
};

/* What session_bind() makes is taken out. */
static void unbind(struct session *s)
{
	uint32_t number = s->mail.number;

	s->pool = NULL;
	s->refusals = 0;
	s->config = NULL;
	s->limits = NULL;
	s->flow = NULL;
	s->emit = NULL;
	s->ctx = NULL;
	s->queue_end = NULL;
	s->held_end = s->candidate_end = NULL;
	s->reader[0] = s->reader[1] = (struct line_reader){0};
	s->reply = (struct reply){0};
	s->mail = (struct transaction){.number = number};
	s->eod = (struct eod){0};
	memset(s->vlan, 0, sizeof s->vlan);
	memset(s->record.id, 0, sizeof s->record.id);
	memset(s->record.community_id, 0, sizeof s->record.community_id);
	s->record.client = s->record.server = (struct endpoint){0};
}

static bool is_at_rest(const struct session *s)
{
	bool mode = s->mode != MODE_AUTH && s->mode != MODE_DATA && s->mode != MODE_BDAT;

	return mode && !s->queue && !s->held && !s->candidate && !s->suspect && !s->blocker && !s->reply.active && !s->mail.open &&
	       !s->mail.body && !s->bdat_body && !s->auth_pending && !s->auth.arena.block && !line_pending(&s->reader[0]) &&
	       !line_pending(&s->reader[1]) && !s->releasing && !s->closing;
}

struct sleeping *session_sleep(struct session **session)
{
	struct session *s = *session, rest;
	struct pool *pool = s->pool;
	struct sleeping *z;
	uint64_t word;
	size_t count = 0;

	if (!is_at_rest(s))
		return NULL;
	line_reset(&s->reader[0]);
	line_reset(&s->reader[1]);
	rest = *s;
	unbind(&rest);
	for (size_t i = 0; i < WORDS; i++) {
		memcpy(&word, (const uint8_t *)&rest + i * sizeof word, sizeof word);
		count += word != 0;
	}
	z = pool_get(pool, sizeof *z + count * sizeof word);
	if (!z)
		return NULL;
	z->size = (uint32_t)(sizeof *z + count * sizeof word);
	for (size_t i = 0; i < WORDS; i++) {
		memcpy(&word, (const uint8_t *)&rest + i * sizeof word, sizeof word);
		if (!word)
			continue;
		z->bits[i / 64] |= UINT64_C(1) << i % 64;
		z->words[z->count++] = word;
	}
	arena_clear(&s->reply.arena);
	arena_clear(&s->mail.arena);
	pool_put(pool, s, sizeof *s);
	*session = NULL;
	return z;
}

/* s is all zeros. */
static void unpack(const struct sleeping *z, struct session *s)
{
	uint32_t next = 0;

	for (size_t i = 0; i < WORDS; i++)
		if (z->bits[i / 64] >> i % 64 & 1)
			memcpy((uint8_t *)s + i * sizeof(uint64_t), &z->words[next++], sizeof(uint64_t));
}

struct session *session_wake(struct sleeping **sleeping, struct pool *pool, const struct session_config *config,
			     const struct session_setup *setup, const struct flow *flow, emit_fn *emit, void *ctx)
{
	struct session *s = pool_get(pool, sizeof *s);

	if (!s)
		return NULL;
	unpack(*sleeping, s);
	session_bind(s, pool, config, setup, flow);
	s->emit = emit;
	s->ctx = ctx;
	pool_put(pool, *sleeping, (*sleeping)->size);
	*sleeping = NULL;
	return s;
}

void sleeping_free(struct sleeping **sleeping, struct pool *pool)
{
	const struct flow nobody = {0};
	struct session s = {0};

	if (!*sleeping)
		return;
	unpack(*sleeping, &s);
	session_bind(&s, pool, &session_config_default, &(struct session_setup){0}, &nobody);
	session_fini(&s);
	pool_put(pool, *sleeping, (*sleeping)->size);
	*sleeping = NULL;
}
