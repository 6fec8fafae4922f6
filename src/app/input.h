/*
 * input.h - opens capture files for reading: plain, gzip, zstd, or standard input, as a FILE that libpcap can read.
 */
#ifndef SMTPSCOPE_APP_INPUT_H
#define SMTPSCOPE_APP_INPUT_H

#include <stdio.h>

#include "smtpscope/err.h"

/*
 * path "-" is standard input. Compression is recognised by its magic number and undone in flat memory. NULL and *err (naming
 * the file, the reason, what to do) when it is missing, a directory, empty, or no capture file at all.
 */
FILE *input_open(const char *path, struct err *err);
/* After a read that came back short: damaged compressed data, as a text; NULL when nothing is known to be wrong. */
const char *input_damage(void);

#endif
