/*
 * fuzz_header.c - message headers and MIME words: the same facts whatever the pieces (L4), never more than fits.
 *
 * Input: seed of the cuts, the octets.
 */
#include "fuzz.h"
#include "smtpscope/header.h"

#include <stdlib.h>

static void read_header(struct header *h, struct arena *arena, struct span all, struct fuzz_random *cut)
{
	header_init(h, arena);
	for (size_t at = 0, step; at < all.n; at += step) {
		uint8_t *copy;

		step = cut ? fuzz_piece(cut, all.n - at) : all.n;
		copy = fuzz_copy(span_first(span_from(all, at), step));
		header_push(h, span_of(copy, step));
		free(copy);
	}
	header_finish(h);
}

static bool same_list(const struct header_list *a, const struct header_list *b)
{
	bool same = a->n == b->n && a->n <= HEADER_MAX_ADDRESSES;

	for (uint32_t i = 0; same && i < a->n; i++)
		same = span_eq(a->v[i], b->v[i]);
	return same;
}

static bool same_text(struct span a, struct span b)
{
	return !a.p == !b.p && span_eq(a, b);
}

static void words(struct span s)
{
	uint8_t *room = fuzz_copy(SPAN_ABSENT), *copy = fuzz_copy(s);
	size_t cap = s.n / 2 + 1, n;

	free(room);
	room = malloc(cap);
	n = rfc2047_decode(span_of(copy, s.n), room, cap);
	FUZZ_CHECK(n <= cap);
	free(room);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor in = cursor_of(data, n);
	struct fuzz_random cut = fuzz_random(cursor_u8(&in));
	struct span all = cursor_rest(&in);
	struct pool *pool = pool_new(0);
	struct arena arena[2];
	struct header whole, pieces;

	arena_init(&arena[0], pool, 0);
	arena_init(&arena[1], pool, 0);
	read_header(&whole, &arena[0], all, NULL);
	read_header(&pieces, &arena[1], all, &cut);
	FUZZ_CHECK(same_list(&whole.from, &pieces.from) && same_list(&whole.to, &pieces.to));
	FUZZ_CHECK(same_list(&whole.cc, &pieces.cc) && same_list(&whole.reply_to, &pieces.reply_to));
	FUZZ_CHECK(same_text(whole.subject, pieces.subject) && same_text(whole.message_id, pieces.message_id));
	FUZZ_CHECK(same_text(whole.x_mailer, pieces.x_mailer) && same_text(whole.content_type, pieces.content_type));
	FUZZ_CHECK(whole.cut == pieces.cut);
	arena_clear(&arena[0]);
	arena_clear(&arena[1]);
	words(all);
	fuzz_pool_done(&pool);
	return 0;
}
