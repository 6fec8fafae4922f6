/* finding.h - how an event becomes a finding, and how events are numbered. Private to diag. */
#ifndef DIAG_FINDING_H
#define DIAG_FINDING_H

#include "smtpscope/catalog.h"
#include "smtpscope/cause.h"
#include "smtpscope/exchange.h"

/* What the placeholders of the catalog's texts stand for. */
struct finding_facts {
	const struct exchange *x; /* NULL: not about one exchange */
	struct span verb, suggestion;
	struct span detail, advice; /* %D, %R */
	uint64_t length, limit, count;
};

/* Numbers the event within its session and hands it on. */
void event_pass(const struct outlet *next, struct event *ev);
/* ev: a copy that may be changed; what it says of the exchange stays, the rest becomes the finding. Counted, numbered, handed on. */
void finding_emit(const struct outlet *next, struct event *ev, const struct finding_info *info, enum severity severity,
		  enum confidence confidence, const struct finding_facts *facts);

#endif
