/*
 * json_value.h - JSON values into a bounded buffer. Private to out/.
 *
 * What does not fit below cap sets full, which sticks, and the line is written again, cut. Short copies are done as one wide
 * store, which is several times cheaper than memcpy of a length known only at run time: JSON_SLACK bytes behind cap are
 * memory of the buffer too, and whatever a wide store leaves there is never part of the line.
 */
#ifndef SMTPSCOPE_OUT_JSON_VALUE_H
#define SMTPSCOPE_OUT_JSON_VALUE_H

#include <string.h>

#include "smtpscope/event.h"

enum { JSON_SLACK = 64 };

struct json_out {
	char *p;
	size_t n, cap;
	bool full;
};

#define JSON_UNCUT SIZE_MAX

static inline bool json_room(struct json_out *o, size_t n)
{
	if (n <= o->cap - o->n)
		return true;
	o->full = true;
	return false;
}

static inline void json_put(struct json_out *o, const char *s, size_t n)
{
	if (!json_room(o, n))
		return;
	memcpy(o->p + o->n, s, n);
	o->n += n;
}

/* Takes over n bytes, at most JSON_SLACK, that the caller has written at p + n. */
static inline void json_take(struct json_out *o, size_t n)
{
	if (json_room(o, n))
		o->n += n;
}

static inline void json_put_char(struct json_out *o, char c)
{
	if (json_room(o, 1))
		o->p[o->n++] = c;
}

void json_put_u64(struct json_out *o, uint64_t v);
/*
 * share: at most so many characters between the quotes or brackets. A string is cut between two characters; a list loses
 * whole elements, but its first one is cut rather than lost.
 */
void json_put_string(struct json_out *o, struct span s, size_t share);
void json_put_strings(struct json_out *o, const struct event_list *list, size_t share);
void json_put_codes(struct json_out *o, const struct event_codes *codes, size_t share);
void json_put_ip(struct json_out *o, const struct endpoint *e);

#endif
