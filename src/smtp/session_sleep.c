/*
 * session_sleep.c - a session in which nothing is under way, in few octets. See session_sleep.h.
 *
 * What can be made anew is taken out (whose session it is, empty lists and readers), and of the rest only the octets are kept that
 * are not zero: a bit for each word of the struct, an octet of bits for each word that is not zero, and those octets. Most words are
 * small numbers or flags, so this takes a quarter of the words themselves. No field needs to be named here to survive; those that are
 * named are the ones that do not. The name the client greeted with stands behind: a block of its own would cost more than it.
 */
#include "smtpscope/session_sleep.h"

#include "session_internal.h"

#include <stddef.h>
#include <string.h>

enum {
	EIGHTS = (sizeof(struct session) + 63) / 64, /* of words; one octet of bits for each */
	PACKED_MOST = EIGHTS * (1 + 8 * (1 + sizeof(uint64_t))),
	HELO_NONE = UINT16_MAX,
};

/* A session as words; those behind it are zero. */
union words {
	struct session session;
	uint64_t word[EIGHTS * 8];
};

struct sleeping {
	uint32_t size;   /* of this block */
	uint16_t helo;   /* length of the name at the end; HELO_NONE: none */
	uint8_t octets[];
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
	s->helo = SPAN_ABSENT;
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

/* Octets that are not zero, behind one that says which they are. Returns how many were written. */
static size_t pack_word(uint64_t word, uint8_t *to)
{
	size_t n = 1;

	to[0] = 0;
	while (word) {
		int at = __builtin_ctzll(word) / 8;

		to[0] |= (uint8_t)(1 << at);
		to[n++] = (uint8_t)(word >> 8 * at);
		word &= ~(UINT64_C(255) << 8 * at);
	}
	return n;
}

/* Most eights are zero: they are looked at as one. Returns the octets written, at most PACKED_MOST. */
static size_t pack(const union words *w, uint8_t *to)
{
	size_t n = EIGHTS;

	for (size_t i = 0; i < EIGHTS; i++) {
		const uint64_t *eight = &w->word[i * 8];

		to[i] = 0;
		if (!(eight[0] | eight[1] | eight[2] | eight[3] | eight[4] | eight[5] | eight[6] | eight[7]))
			continue;
		for (int k = 0; k < 8; k++) {
			if (!eight[k])
				continue;
			to[i] |= (uint8_t)(1 << k);
			n += pack_word(eight[k], to + n);
		}
	}
	return n;
}

/* s is all zeros. Returns the octets read. */
static size_t unpack(const uint8_t *from, struct session *s)
{
	size_t n = EIGHTS;

	for (size_t i = 0; i < EIGHTS; i++) {
		for (unsigned bits = from[i]; bits; bits &= bits - 1) {
			size_t at = i * 8 + (size_t)__builtin_ctz(bits);
			uint64_t word = 0;

			for (unsigned mask = from[n++]; mask; mask &= mask - 1)
				word |= (uint64_t)from[n++] << 8 * __builtin_ctz(mask);
			memcpy((uint8_t *)s + at * sizeof word, &word, sizeof word);
		}
	}
	return n;
}

struct sleeping *session_sleep(struct session **session)
{
	struct session *s = *session;
	union words rest;
	struct pool *pool = s->pool;
	struct span helo = s->helo;
	struct sleeping *z;
	uint8_t octets[PACKED_MOST];
	size_t n, size;

	if (!is_at_rest(s) || helo.n >= HELO_NONE)
		return NULL;
	line_reset(&s->reader[0]);
	line_reset(&s->reader[1]);
	memset(rest.word + EIGHTS * 8 - 8, 0, 8 * sizeof *rest.word); /* behind the session, perhaps */
	rest.session = *s;
	unbind(&rest.session);
	n = pack(&rest, octets);
	size = offsetof(struct sleeping, octets) + n + helo.n;
	z = pool_get_raw(pool, size);
	if (!z)
		return NULL;
	z->size = (uint32_t)size;
	z->helo = helo.p ? (uint16_t)helo.n : HELO_NONE;
	memcpy(z->octets, octets, n);
	span_append(z->octets, n, n + helo.n, helo);
	pool_drop(pool, &s->helo);
	arena_clear(&s->reply.arena);
	arena_clear(&s->mail.arena);
	pool_put(pool, s, sizeof *s);
	*session = NULL;
	return z;
}

struct session *session_wake(struct sleeping **sleeping, struct pool *pool, const struct session_config *config,
			     const struct session_setup *setup, const struct flow *flow, emit_fn *emit, void *ctx)
{
	struct sleeping *z = *sleeping;
	struct session *s = pool_get(pool, sizeof *s);
	size_t n;

	if (!s)
		return NULL;
	n = unpack(z->octets, s);
	if (z->helo != HELO_NONE)
		s->helo = pool_copy(pool, span_of(z->octets + n, z->helo));
	if (z->helo != HELO_NONE && !s->helo.p) {
		pool_put(pool, s, sizeof *s);
		return NULL;
	}
	session_bind(s, pool, config, setup, flow);
	s->emit = emit;
	s->ctx = ctx;
	pool_put(pool, z, z->size);
	*sleeping = NULL;
	return s;
}

void sleeping_free(struct sleeping **sleeping, struct pool *pool)
{
	const struct flow nobody = {0};
	struct session s = {0};

	if (!*sleeping)
		return;
	unpack((*sleeping)->octets, &s);
	session_bind(&s, pool, &session_config_default, &(struct session_setup){0}, &nobody);
	session_fini(&s);
	pool_put(pool, *sleeping, (*sleeping)->size);
	*sleeping = NULL;
}
