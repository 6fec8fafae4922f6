/*
 * columns.h - texts side by side. Private to out/.
 */
#ifndef SMTPSCOPE_OUT_COLUMNS_H
#define SMTPSCOPE_OUT_COLUMNS_H

#include "text_layout.h"

/* A text in its column. '\n' ends a line; the lines below one that begins with "- " stand under its text. */
struct column {
	unsigned at, width; /* first column, columns to fill */
	struct span text;   /* safe text */
	enum tint tint;
};
/* So many lines as the longest takes, none wider than its column, without spaces at the end. count <= 4, from left to right. */
void columns_lay(struct text_buf *out, const struct text_layout *layout, const struct column *columns, unsigned count);

#endif
