/*
 * fuzz_reply.c - one line of a reply: any junk is data, every part lies in the line, codes are those of its digits.
 *
 * Input: how the line ended, the line.
 */
#include "fuzz.h"
#include "smtpscope/reply.h"

#include <stdlib.h>

static int naive_code(struct span s)
{
	int code = 0;

	for (int i = 0; i < 3; i++) {
		if (s.n < 3 || !char_is(s.p[i], CHAR_DIGIT))
			return -1;
		code = code * 10 + s.p[i] - '0';
	}
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor in = cursor_of(data, n);
	enum line_end end = (enum line_end)(cursor_u8(&in) % 4);
	uint8_t *copy = fuzz_copy(cursor_rest(&in));
	struct span line = span_of(copy, in.left);
	struct reply_line out;

	reply_line_parse(line, line.n + 2, end, &out);
	FUZZ_CHECK(out.code == naive_code(line) || out.code == -1);
	FUZZ_CHECK(fuzz_inside(out.text, line) && fuzz_inside(out.enhanced, line));
	FUZZ_CHECK(out.defects < UINT32_C(1) << REPLY_DEFECTS);
	FUZZ_CHECK(out.enhanced.n <= line.n && fuzz_inside(enhanced_find(line), line));
	FUZZ_CHECK(ehlo_keyword_find(line) <= EHLO_KEYWORDS);
	reply_echoes_secret(line);
	free(copy);
	return 0;
}
