/*
 * cause.h - why did it fail? Ordered pure rules over one exchange, as tables; follow-on errors fold under their root.
 *
 * Sits between smtp/session and the sinks: every event passes through, findings are added behind the event they are
 * about, and every event gets its number. Per session state hangs on session_record.diag and is given back at the
 * session event.
 */
#ifndef SMTPSCOPE_CAUSE_H
#define SMTPSCOPE_CAUSE_H

#include "smtpscope/event.h"
#include "smtpscope/exchange.h"
#include "smtpscope/pool.h"

/* Where events go on. */
struct outlet {
	emit_fn *emit;
	void *ctx;
};

struct cause {
	struct pool *pool;
	struct outlet next;
};
void cause_init(struct cause *c, struct pool *pool, emit_fn *next, void *next_ctx);
/* An emit_fn: ctx is the struct cause. */
void cause_emit(void *ctx, struct event *ev);

#endif
