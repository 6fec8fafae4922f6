/*
 * unicode.h - what a code point does to a terminal or a log viewer. Private to out/.
 */
#ifndef SMTPSCOPE_OUT_UNICODE_H
#define SMTPSCOPE_OUT_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

/* C0, DEL, C1, the line and paragraph separators, and the marks that turn the reading direction. */
bool unicode_is_control(uint32_t code_point);
/* Columns on a terminal: 0 combining, 1, 2 wide; -1 for what must not reach one: controls and what cannot be seen. */
int unicode_columns(uint32_t code_point);

#endif
