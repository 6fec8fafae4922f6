/*
 * event_pack.h - events that outlive emit(): kept in order, with all that they point to, until another thread reads them.
 *
 * One thread appends, then one thread reads; who hands the list over sees to that (rounds.h).
 */
#ifndef SMTPSCOPE_APP_EVENT_PACK_H
#define SMTPSCOPE_APP_EVENT_PACK_H

#include "smtpscope/event.h"
#include "smtpscope/exchange.h"

struct pack_block;

/* What stands behind n octets may be of any type that needs eight. */
static inline size_t pack_padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Zero-initialised = empty. */
struct pack_list {
	struct pack_block *first, *last;
	uint64_t bytes; /* in use */
	uint64_t lost;  /* events there was no memory for */
};

/* tag: where in the input it came up (a frame number, a time), below PACK_END: readers of several lists merge by it. */
void pack_append(struct pack_list *l, const struct event *ev, uint64_t tag);
/* Empties the list; one block is kept for the next events. */
void pack_clear(struct pack_list *l);
void pack_free(struct pack_list *l);

struct pack_reader {
	const struct pack_block *block;
	size_t at;
};
struct pack_reader pack_read(const struct pack_list *l);
/* Tag of the next event; PACK_END at the end. */
#define PACK_END UINT64_MAX
uint64_t pack_tag(const struct pack_reader *r);

/* What an unpacked event points to beside the list. */
struct unpacked {
	struct event ev;
	struct exchange exchange;
	struct notice notice;
	struct session_record record; /* id, numbers so far; ends of the session and client are those of the event */
};
/* The next event, valid as long as the list; false at the end. */
bool pack_next(struct pack_reader *r, struct unpacked *out);

#endif
