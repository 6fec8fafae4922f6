/*
 * detect.h - is this connection SMTP? For ports that are not SMTP by configuration: from the first bytes, from either side alone.
 *
 * While it is undecided the bytes are kept (at most DETECT_KEPT per connection) and handed to the session afterwards, so
 * nothing is lost. A SOCKS4/5 or HTTP CONNECT preface, and POP/IMAP/HTTP/FTP look-alikes, are known.
 */
#ifndef SMTPSCOPE_DETECT_H
#define SMTPSCOPE_DETECT_H

#include "smtpscope/chunk.h"
#include "smtpscope/pool.h"

enum { DETECT_KEPT = 4096 }; /* a greeting (512) and a first command (512) with room for a proxy preface */

enum detect_verdict { DETECT_UNDECIDED, DETECT_SMTP, DETECT_OTHER };

struct detect;
struct detect *detect_new(struct pool *pool);
void detect_free(struct detect **d);
enum detect_verdict detect_feed(struct detect *d, const struct chunk *c);
/* The connection ended undecided: last word. */
enum detect_verdict detect_finish(struct detect *d);
/*
 * After DETECT_SMTP: the kept chunks, without a tunnel preface, in order; 1 got one, 0 no more. Offsets and peer_seen are
 * those of the tunnelled stream: subtract detect_skipped(d, dir) from what comes later.
 */
int detect_next(struct detect *d, struct chunk *out);
uint64_t detect_skipped(const struct detect *d, enum dir dir);
/* The client is DIR_SERVER's side (content says so, roles were guessed). */
bool detect_swapped(const struct detect *d);

#endif
