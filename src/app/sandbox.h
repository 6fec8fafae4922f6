/*
 * sandbox.h - what the program gives up before it looks at the first packet: its user, its capabilities, and every system
 * call and file that it will not need.
 */
#ifndef SMTPSCOPE_APP_SANDBOX_H
#define SMTPSCOPE_APP_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "smtpscope/err.h"

enum { SANDBOX_READS = 4200, SANDBOX_FOLDERS = 16 }; /* more than options can name */

struct sandbox_folder {
	const char *path;
	bool rename; /* files there may be renamed and replaced, not only made and written */
	bool publish; /* and given PUBLISHED_MODE, whatever the umask is */
};
enum { PUBLISHED_MODE = 0644 };

struct sandbox {
	const char *user;        /* "user" or "user:group" to become when started as root; NULL: nobody */
	bool stay;               /* root stays root and may read all files: more of them are to come. Only without user */
	const char *read[SANDBOX_READS]; /* files that are still to be opened for reading, or folders of such */
	unsigned reads;
	struct sandbox_folder folder[SANDBOX_FOLDERS]; /* where files are still to be made */
	unsigned folders;
	bool packets;            /* an interface is captured; its socket may be bound to another one of that name */
	bool unix_sockets, tcp_sockets; /* connections that are to be made anew */
	bool any_sockets;               /* to whatever address a name has; names are looked up */
	uint16_t port[SANDBOX_FOLDERS]; /* of tcp_sockets */
	unsigned ports;
};
void sandbox_read(struct sandbox *s, const char *path);

/*
 * Once everything that takes rights is open, before the first thread. From then on: no other user, no capabilities, no new privileges, not
 * dumpable; of the system calls only those that reading, writing and waiting take, of the files only those named. What the
 * kernel does not have is left out. 0, or -1 and *err.
 */
int sandbox_enter(const struct sandbox *s, struct err *err);
/* Whom -Z names. 0, or -1 and *err. */
int sandbox_owner(const char *name, uid_t *user, gid_t *group, struct err *err);
/* --no-sandbox with a user: only that. Nothing when not root. */
int sandbox_become(const char *name, struct err *err);

#endif
