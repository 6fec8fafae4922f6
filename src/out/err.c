/*
 * err.c - the first thing that went wrong, in words. See err.h.
 */
#include "smtpscope/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, int code, const char *format, ...)
{
	va_list args;

	if (!e || e->code)
		return -1;
	e->code = code;
	va_start(args, format);
	if (vsnprintf(e->text, sizeof(e->text), format, args) < 0)
		e->text[0] = '\0';
	va_end(args);
	return -1;
}
