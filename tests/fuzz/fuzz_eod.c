/*
 * fuzz_eod.c - the end of message data: found where a naive reader finds it, the text as it was before dots were stuffed,
 * and all of it the same whatever the pieces (L4).
 *
 * Input: seed of the cuts, an octet per hole (its place and length, 0 none), the octets.
 */
#include "fuzz.h"
#include "smtpscope/eod.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 4096, CANDIDATES = 64 };

/* All that came out of one way of reading. */
struct reading {
	struct eod e;
	uint8_t body[MOST + 64];
	size_t n;
	size_t end; /* octets up to and including the end; SIZE_MAX: none */
	struct {
		size_t at;
		const char *form;
	} candidate[CANDIDATES];
	unsigned candidates;
};

static void on_body(void *ctx, struct span piece)
{
	struct reading *r = ctx;

	FUZZ_CHECK(piece.n <= sizeof r->body - r->n);
	memcpy(r->body + r->n, piece.p, piece.n);
	r->n += piece.n;
}

static bool take(struct reading *r, struct span bytes, size_t off)
{
	size_t at = 0, used;
	const char *form;

	while (at < bytes.n) {
		enum eod_status s = eod_feed(&r->e, span_from(bytes, at), &used, &form, on_body, r);

		FUZZ_CHECK(used <= bytes.n - at);
		at += used;
		if (s == EOD_END) {
			r->end = off + at;
			return false;
		}
		if (s == EOD_CANDIDATE && r->candidates < CANDIDATES) {
			r->candidate[r->candidates].at = off + at;
			r->candidate[r->candidates++].form = form;
		}
		FUZZ_CHECK(s == EOD_CANDIDATE || at == bytes.n);
	}
	return true;
}

/* Reads all, in pieces unless cut is NULL; len octets at hole are lost. */
static void read_all(struct reading *r, struct span all, struct fuzz_random *cut, size_t hole, size_t len)
{
	bool more = true;

	*r = (struct reading){.end = SIZE_MAX};
	eod_init(&r->e);
	for (size_t at = 0, step; at < all.n && more; at += step) {
		size_t left = len && at < hole && hole < all.n ? hole - at : all.n - at;
		uint8_t *copy;

		if (at == hole && len) {
			step = len < all.n - at ? len : all.n - at;
			eod_lost(&r->e, step);
			continue;
		}
		step = cut ? fuzz_piece(cut, left) : left;
		copy = fuzz_copy(span_first(span_from(all, at), step));
		more = take(r, span_of(copy, step), at);
		free(copy);
	}
}

static bool same(const struct reading *a, const struct reading *b)
{
	bool ok = a->end == b->end && a->candidates == b->candidates && a->n == b->n && memcmp(a->body, b->body, a->n) == 0;

	for (unsigned i = 0; ok && i < a->candidates; i++)
		ok = a->candidate[i].at == b->candidate[i].at && strcmp(a->candidate[i].form, b->candidate[i].form) == 0;
	return ok && a->e.size == b->e.size && a->e.lines == b->e.lines && a->e.longest == b->e.longest && a->e.bare_lf == b->e.bare_lf &&
	       a->e.unstuffed == b->e.unstuffed;
}

/* RFC 5321 4.5.2 octet by octet; the line before the data ended in CRLF. */
static void compare_naive(const struct reading *r, struct span all)
{
	size_t n = 0, lines = 0;

	for (size_t i = 0; i < all.n; i++) {
		bool start = i == 0 || (i > 1 && all.p[i - 2] == '\r' && all.p[i - 1] == '\n');

		if (start && all.p[i] == '.' && all.n - i > 2 && all.p[i + 1] == '\r' && all.p[i + 2] == '\n') {
			FUZZ_CHECK(r->end == i + 3);
			FUZZ_CHECK(r->e.size == n && r->n == n && r->e.lines == lines);
			return;
		}
		if (start && all.p[i] == '.')
			continue;
		FUZZ_CHECK(n >= r->n || r->body[n] == all.p[i]);
		n++;
		lines += all.p[i] == '\n';
	}
	FUZZ_CHECK(r->end == SIZE_MAX);
	FUZZ_CHECK(r->n <= n && r->e.lines == lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct reading whole, pieces;
	struct cursor in = cursor_of(data, n);
	struct fuzz_random cut = fuzz_random(cursor_u8(&in));
	uint8_t hole = cursor_u8(&in);
	struct span all = span_first(cursor_rest(&in), MOST);

	read_all(&whole, all, NULL, hole, hole % 5);
	read_all(&pieces, all, &cut, hole, hole % 5);
	FUZZ_CHECK(same(&whole, &pieces));
	if (hole % 5 == 0)
		compare_naive(&whole, all);
	return 0;
}
