/*
 * columns.c - texts side by side, each wrapped within its own column. See columns.h.
 *
 * Where a line may be broken is decided by text_line_break(), which counts columns of the terminal and knows of scripts
 * without spaces.
 */
#include "columns.h"

enum { MOST = 4 };

/* What is left of a text: of the present line, and of the lines below it. */
struct cell {
	struct span line, rest; /* absent: nothing */
	unsigned indent;        /* of the lines that continue this one */
	bool continued;
};

static void next_hard_line(struct cell *c)
{
	c->line = c->rest.p ? span_split(&c->rest, '\n') : SPAN_ABSENT;
	c->indent = span_starts(c->line, SPAN("- ")) ? 2 : 0;
	c->continued = false;
}

static struct span skip_spaces(struct span s)
{
	while (s.n && s.p[0] == ' ')
		s = span_from(s, 1);
	return s;
}

/* The next line of the cell and how far it is indented; absent at the end. */
static struct span take_line(struct cell *c, unsigned width, unsigned *indent)
{
	struct span taken;
	size_t n;

	if (!c->line.p)
		return SPAN_ABSENT;
	*indent = c->continued ? c->indent : 0;
	n = text_line_break(c->line, width - *indent);
	taken = span_first(c->line, n);
	c->line = skip_spaces(span_from(c->line, n));
	c->continued = true;
	if (c->line.n == 0)
		next_hard_line(c);
	return taken;
}

/* One line of all cells; false when none had any left. */
static bool put_row(struct text_buf *out, const struct text_layout *layout, const struct column *columns, struct cell *cells,
		    unsigned count)
{
	size_t at = 0;
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		unsigned indent = 0;
		struct span line = take_line(&cells[i], columns[i].width, &indent);

		any |= line.p != NULL;
		if (line.n == 0)
			continue;
		text_put_spaces(out, columns[i].at + indent > at ? columns[i].at + indent - at : 0);
		text_put_tinted(out, layout, line, columns[i].tint);
		at = columns[i].at + indent + text_columns(line);
	}
	if (any)
		text_puts(out, "\n");
	return any;
}

void columns_lay(struct text_buf *out, const struct text_layout *layout, const struct column *columns, unsigned count)
{
	struct cell cells[MOST] = {0};

	count = count < MOST ? count : MOST;
	for (unsigned i = 0; i < count; i++) {
		cells[i].rest = columns[i].text;
		next_hard_line(&cells[i]);
	}
	while (put_row(out, layout, columns, cells, count))
		continue;
}
