/*
 * event_pack.h - events that outlive emit(): kept in order, with their lines and what else will be read of them, until another
 * thread does.
 *
 * One thread appends, then one thread reads; who hands the list over sees to that (rounds.h).
 */
#ifndef SMTPSCOPE_APP_EVENT_PACK_H
#define SMTPSCOPE_APP_EVENT_PACK_H

#include "lines.h"
#include "smtpscope/event.h"

struct pack_block;

/* What stands behind n octets may be of any type that needs eight. */
static inline size_t pack_padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/*
 * What is read or written next, of the n octets at p, comes from the cache of another core, which takes as long as reading a packet:
 * it may set out while there is something else to do.
 */
static inline void pack_fetch(const uint8_t *p, size_t n, bool to_write)
{
	enum { LINE = 64, MOST = 24 * LINE };

	for (size_t at = 0; at < n && at < MOST; at += LINE) {
		if (to_write)
			__builtin_prefetch(p + at, 1);
		else
			__builtin_prefetch(p + at, 0);
	}
}

/* Zero-initialised = empty. */
struct pack_list {
	struct pack_block *first, *last; /* last: the one that is filled; those behind it are empty */
	uint64_t lost;  /* events there was no memory for */
};

/* Which fields are kept: those that follow from the record of the session are not. Many threads may use one. */
struct packing {
	struct pack_plan {
		unsigned n;
		struct event_probe *probe;
		struct pack_field {
			uint16_t offset, type;
			uint32_t size; /* of what follows it */
		} *field;
	} plan[DATASETS];
};
/* keeps: NULL for all. False without memory. */
bool packing_init(struct packing *p, bool (*keeps)(const struct event_field *f));
void packing_fini(struct packing *p);

/* tag: where in the input it came up (a frame number, a time), below PACK_END: readers of several lists merge by it. */
void pack_append(struct pack_list *l, const struct packing *p, const struct event *ev, const struct line *line, uint64_t tag);
/* Empties the list; some blocks are kept for the next events. */
void pack_clear(struct pack_list *l);
void pack_free(struct pack_list *l);

struct pack_reader {
	struct pack_block *block;
	size_t at;
};
struct pack_reader pack_read(const struct pack_list *l);
/* Tag of the next event; PACK_END at the end. */
#define PACK_END UINT64_MAX
uint64_t pack_tag(const struct pack_reader *r);

/* What it points to is in the list, and may be written to. */
struct unpacked {
	struct event ev;
	struct line line;
};
/*
 * The next event, valid as long as the list; without what only diag/cause reads: notice, bad, mechanism and construct of the exchange,
 * state of diag in the record. False at the end.
 */
bool pack_next(struct pack_reader *r, struct unpacked *out);

#endif
