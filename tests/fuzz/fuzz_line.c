/*
 * fuzz_line.c - lines: whatever the pieces, the lines are those that a look at all octets at once finds (L4).
 *
 * Input: seed of the cuts, number of octets kept, the octets.
 */
#include "fuzz.h"
#include "smtpscope/line.h"

#include <stdlib.h>
#include <string.h>

/* The line at the start of s as it must come out. */
static struct line expected(struct span s, uint32_t keep)
{
	struct line l = {.text = s, .length = s.n};

	if (s.p[s.n - 1] != '\n') {
		l.end = LINE_END_NONE;
	} else {
		l.text.n--;
		l.end = LINE_END_LF;
		for (int cr = 0; cr < 2 && l.text.n && l.text.p[l.text.n - 1] == '\r'; cr++) {
			l.text.n--;
			l.end = cr ? LINE_END_CRCRLF : LINE_END_CRLF;
		}
	}
	l.text = span_first(l.text, keep);
	return l;
}

static void compare(const struct line *got, struct span rest, uint32_t keep)
{
	struct line want = expected(span_first(rest, (size_t)got->length), keep);

	FUZZ_CHECK(got->length <= rest.n);
	FUZZ_CHECK(got->length == want.length);
	FUZZ_CHECK(got->end == want.end);
	FUZZ_CHECK(span_eq(got->text, want.text));
}

/* How long the line at the start of s is. */
static size_t line_length(struct span s)
{
	size_t lf = span_chr(s, '\n');

	return lf == SPAN_NPOS ? s.n : lf + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor in = cursor_of(data, n);
	struct fuzz_random r = fuzz_random(cursor_u8(&in));
	uint32_t keep = cursor_u8(&in) + 1u;
	struct span all = cursor_rest(&in), rest = all;
	struct pool *pool = pool_new(0);
	struct line_reader reader = {.pool = pool};
	struct line line;

	for (size_t at = 0, step; at < all.n; at += step) {
		uint8_t *copy = fuzz_copy(span_first(span_from(all, at), step = fuzz_piece(&r, all.n - at)));
		struct chunk c = {.kind = CHUNK_DATA, .off = at, .len = step, .data = copy, .frame = at + 1};

		while (line_next(&reader, &c, keep, &line)) {
			FUZZ_CHECK(line.length == line_length(rest));
			FUZZ_CHECK(line.first.off == (uint64_t)(rest.p - all.p));
			compare(&line, rest, keep);
			rest = span_from(rest, (size_t)line.length);
		}
		FUZZ_CHECK(c.len == 0);
		free(copy);
	}
	FUZZ_CHECK(line_pending(&reader) == (rest.n > 0));
	if (line_finish(&reader, &line)) {
		FUZZ_CHECK(line.length == rest.n && line.length == line_length(rest));
		compare(&line, rest, keep);
	}
	line_reset(&reader);
	fuzz_pool_done(&pool);
	return 0;
}
