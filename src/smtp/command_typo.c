/*
 * command_typo.c - which verb a misspelt one was meant to be.
 *
 * Optimal string alignment (a Damerau-Levenshtein distance in which no substring is edited twice) between the token and every
 * verb of the table. One edit is enough evidence; two are when the token is long or the argument has the verb's shape.
 * Ties: look-alike characters, argument shape, verb legal in the present state, equal length, order of the table.
 * Left out on purpose: the back doors of old sendmail. Nobody means them.
 */
#include "command_internal.h"

#define MAX_TOKEN 32u /* the longest verb has 14 letters; a longer token is no misspelling of it */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned aligned_distance(struct span a, struct span b)
{
	unsigned rows[3][MAX_TOKEN + 1]; /* this row of the matrix and the two above it, by turns */

	for (unsigned j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			uint8_t x = char_upper(a.p[i - 1]), y = char_upper(b.p[j - 1]);

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == char_upper(b.p[j - 2]) && y == char_upper(a.p[i - 2]))
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a.n % 3][b.n];
}

unsigned verb_distance(struct span a, struct span b, unsigned max)
{
	size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;
	unsigned d;

	if (span_ieq(a, b))
		return 0;
	if (gap > max || a.n > MAX_TOKEN || b.n > MAX_TOKEN)
		return max + 1;
	d = aligned_distance(a, b);
	return d > max ? max + 1 : d;
}

/* One letter for all that look alike in a terminal's font. */
static uint8_t look(uint8_t c)
{
	switch (char_upper(c)) {
	case '0':
		return 'O';
	case '1':
	case 'L':
		return 'I';
	case '5':
		return 'S';
	default:
		return char_upper(c);
	}
}

static bool looks_alike(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (look(a.p[i]) != look(b.p[i]))
			return false;
	}
	return true;
}

enum shape {
	SHAPE_WRONG,
	SHAPE_POSSIBLE, /* any argument, or none, would do */
	SHAPE_RIGHT,    /* just what this verb takes */
};

static enum shape right_if(bool right)
{
	return right ? SHAPE_RIGHT : SHAPE_WRONG;
}

static enum shape argument_shape(const struct verb_info *v, struct span argument)
{
	struct span rest = argument, word = word_cut(&rest);

	if (v->flags & VERB_NO_ARGUMENT)
		return argument.n ? SHAPE_WRONG : SHAPE_POSSIBLE;
	if (v->flags & VERB_NEEDS_ARGUMENT && argument.n == 0)
		return SHAPE_WRONG;
	if (v->flags & VERB_IS_HELLO)
		return right_if(rest.n == 0 && (domain_check(word) & ~DEFECT(NUMERIC_DOMAIN)) == 0);
	if (v->flags & VERB_OPENS_MAIL)
		return right_if(span_istarts(argument, SPAN("FROM")));
	if (v->verb == VERB_RCPT)
		return right_if(span_istarts(argument, SPAN("TO")));
	if (v->verb == VERB_BDAT)
		return right_if(span_all(word, CHAR_DIGIT));
	if (v->flags & VERB_IS_AUTH)
		return right_if(word.n > 0 && mechanism_valid(word) && !mechanism_doubtful(word));
	return SHAPE_POSSIBLE;
}

struct candidate {
	enum verb verb;
	unsigned distance;
	unsigned merit; /* the tie breakers, weightiest bit first */
};

static struct candidate judge(const struct verb_info *v, struct span token, struct span argument, enum phase phase)
{
	struct span name = span_str(v->name);
	enum shape shape = argument_shape(v, argument);
	struct candidate c = {v->verb, verb_distance(token, name, 2), 0};
	/* "Hello" at the start of a letter is a word, "HELLO host" or "hello" is a command. */
	bool word = char_upper(token.p[0]) == token.p[0] && char_upper(token.p[1]) != token.p[1];

	c.merit |= looks_alike(token, name) ? 16u : 0;
	c.merit |= (unsigned)shape * 4u;
	c.merit |= v->legal & phase ? 2u : 0;
	c.merit |= token.n == name.n ? 1u : 0;
	if (c.distance == 2 && (token.n < 5 || word) && shape != SHAPE_RIGHT)
		c.distance = 3;
	if (word && shape == SHAPE_WRONG)
		c.distance = 3;
	return c;
}

enum verb typo_find(struct span token, struct span argument, enum phase phase, uint8_t *distance)
{
	struct candidate best = {VERB_UNKNOWN, 3, 0};

	*distance = 0;
	if (token.n < 2)
		return VERB_UNKNOWN;
	for (unsigned i = VERB_UNKNOWN + 1; i < VERB_COUNT; i++) {
		const struct verb_info *v = verb_info((enum verb)i);
		struct candidate c;

		if (v->flags & VERB_BACK_DOOR)
			continue;
		c = judge(v, token, argument, phase);
		if (c.distance < best.distance || (c.distance == best.distance && c.distance < 3 && c.merit > best.merit))
			best = c;
	}
	if (best.verb != VERB_UNKNOWN)
		*distance = (uint8_t)best.distance;
	return best.verb;
}
