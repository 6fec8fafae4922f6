/*
 * text_layout.h - safe text, columns and line breaks for the transcript. Private to out/.
 */
#ifndef SMTPSCOPE_OUT_TEXT_LAYOUT_H
#define SMTPSCOPE_OUT_TEXT_LAYOUT_H

#include "smtpscope/span.h"

/* A growing buffer. Without memory it stops to grow: what is appended then is lost, and failed says so. */
struct text_buf {
	char *p;
	size_t n, cap;
	bool failed;
};
void text_buf_free(struct text_buf *b);
struct span text_buf_span(const struct text_buf *b);
void text_put(struct text_buf *b, struct span s);
void text_puts(struct text_buf *b, const char *s);
/* printf of short things: at most 255 characters. */
void text_putf(struct text_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts s at offset at. */
void text_insert(struct text_buf *b, size_t at, struct span s);
/*
 * Bytes from outside: printable UTF-8 as it is, everything else as \xNN. At most limit bytes (0: no limit) are shown; a longer
 * s ends in "... [N octets]".
 */
void text_put_safe(struct text_buf *b, struct span s, size_t limit);

enum tint { TINT_NONE, TINT_OK, TINT_WARN, TINT_BAD, TINT_BOLD, TINT_DIM };

struct text_layout {
	bool colour;
	unsigned width; /* columns; 0: do not wrap */
};

/* One paragraph. Everything in it is safe text already; lead and mark are ASCII. */
struct text_para {
	struct span lead;  /* shown dim */
	struct span mark;  /* shown in mark_tint */
	enum tint mark_tint;
	struct span body;
	size_t tinted;     /* so many bytes of body are shown in tint */
	enum tint tint;
	unsigned hang;     /* continuation lines stand so many columns further in than the body */
	bool flush_left;   /* continuation lines start at hang, not below the body */
};
/* The paragraph as lines of at most width columns, each with its '\n'. */
void text_lay(struct text_buf *out, const struct text_layout *layout, const struct text_para *para);
/* The first width columns, with "..." where something was left out. */
void text_lay_cut(struct text_buf *out, const struct text_layout *layout, const struct text_para *para);

/* Bytes of s for one line of so many columns; spaces that follow are not among them. At least one character. */
size_t text_line_break(struct span s, size_t room);
void text_put_tinted(struct text_buf *out, const struct text_layout *layout, struct span s, enum tint tint);
void text_put_spaces(struct text_buf *out, size_t n);
/* Columns that safe text takes. */
size_t text_columns(struct span safe);

#endif
