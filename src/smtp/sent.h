/*
 * sent.h - what a session sent as credentials, known again when a server repeats it in a later reply (law L8). Private to smtp/session*.c.
 *
 * Kept are marks of it, not the octets: they are wiped with the exchange they were sent in.
 */
#ifndef SMTP_SENT_H
#define SMTP_SENT_H

#include "smtpscope/auth.h"

enum {
	SENT_MARKS = 8,    /* of one session; the oldest makes room */
	SENT_SHORTEST = 6, /* octets: shorter ones stand in ordinary words */
};

struct sent_marks {
	uint32_t count; /* so many were kept in all */
	uint8_t length[SENT_MARKS];
	uint64_t sum[SENT_MARKS];
};

/* What was sent in one exchange; sent may be NULL. Padding at the end of Base64 is left off. */
void sent_keep(struct sent_marks *m, const struct auth_sent *sent);
/* One of them stands in text. */
bool sent_stands_in(const struct sent_marks *m, struct span text);

#endif
