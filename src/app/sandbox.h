/*
 * sandbox.h - what the program gives up before it looks at the first packet: its user, its capabilities, and every system
 * call and file that it will not need.
 */
#ifndef SMTPSCOPE_APP_SANDBOX_H
#define SMTPSCOPE_APP_SANDBOX_H

#include <stdbool.h>

#include "smtpscope/err.h"

struct sandbox {
	const char *user;        /* "user" or "user:group" to become when started as root; NULL: nobody */
	bool stay;               /* root stays root and may read all files: more of them are to come. Only without user */
	const char *const *read; /* files that are still to be opened for reading, or folders of such */
	unsigned reads;
};

/*
 * Once everything that takes rights is open, before the first thread. From then on: no other user, no capabilities, no new privileges, not
 * dumpable; of the system calls only those that reading, writing and waiting take, of the files only those named. What the
 * kernel does not have is left out. 0, or -1 and *err.
 */
int sandbox_enter(const struct sandbox *s, struct err *err);
/* --no-sandbox with a user: only that. Nothing when not root. */
int sandbox_become(const char *name, struct err *err);

#endif
