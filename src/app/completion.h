/*
 * completion.h - scripts that make a shell complete the command line, from the table of options.
 */
#ifndef SMTPSCOPE_APP_COMPLETION_H
#define SMTPSCOPE_APP_COMPLETION_H

#include <stdio.h>

enum shell { SHELL_BASH, SHELL_ZSH };

void completion_print(FILE *out, enum shell shell);

#endif
