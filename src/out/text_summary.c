/*
 * text_summary.c - the last lines of a run, from the stats event: how much there was, and if there was nothing, why. Above them the
 * alerts of all sessions: with -q nothing else tells of them.
 */
#include "text_internal.h"

static uint64_t known(uint64_t v)
{
	return v == EV_NONE ? 0 : v;
}

static void put_extra(struct text_buf *b, uint64_t n, const char *what)
{
	if (known(n))
		text_putf(b, ", %llu %s", (unsigned long long)n, what);
}

static void put_nothing_found(struct text_buf *b, const struct event *ev)
{
	if (!known(ev->stats_received))
		text_puts(b, "the input holds no packets");
	else if (!known(ev->stats_tcp))
		text_putf(b, "%llu packets, none of them TCP", (unsigned long long)ev->stats_received);
	else
		text_putf(b, "%llu TCP packets in %llu connections, none of them SMTP as far as could be read",
			  (unsigned long long)ev->stats_tcp, (unsigned long long)known(ev->stats_connections));
}

static void put_troubles(struct text_buf *b, const struct event *ev)
{
	put_extra(b, ev->stats_one_sided, "with one direction only");
	put_extra(b, ev->stats_truncated_packets, "cut by the snapshot length");
	put_extra(b, ev->stats_malformed, "malformed");
	put_extra(b, ev->stats_unsupported, "not TCP over IP");
	put_extra(b, ev->stats_too_deep, "nested too deep");
	put_extra(b, ev->stats_bad_checksum, "with a bad checksum");
	put_extra(b, ev->stats_dropped_kernel, "dropped by the kernel");
	put_extra(b, ev->stats_dropped_interface, "dropped by the interface");
	put_extra(b, ev->stats_gap_bytes, "octets missing");
	put_extra(b, ev->stats_evicted, "connections given up for memory");
	put_extra(b, ev->stats_events_dropped, "events not written");
	if (ev->stats_input_truncated == EV_TRUE)
		text_puts(b, ", the input was cut short");
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void text_count_alert(struct text_writer *w, struct span id)
{
	unsigned i = 0;

	while (i < w->alert_kinds && !span_eq(id, span_str(w->alerts[i].id)))
		i++;
	if (i == ALERTS || id.n >= ALERT_ID)
		return;
	if (i == w->alert_kinds) {
		span_cstr(id, w->alerts[i].id, ALERT_ID);
		w->alert_kinds++;
	}
	w->alerts[i].count++;
}

static void put_alerts(struct text_writer *w, struct text_buf *out)
{
	struct text_para para = {.hang = 2, .flush_left = true};
	struct text_buf *b = &w->line;

	if (!w->alert_kinds)
		return;
	b->n = 0;
	text_puts(b, "ALERT: ");
	for (unsigned i = 0; i < w->alert_kinds; i++)
		text_putf(b, "%s%llu %s", i ? ", " : "", (unsigned long long)w->alerts[i].count, w->alerts[i].id);
	para.body = text_buf_span(b);
	text_lay(out, &w->layout, &para);
}

void text_summary(struct text_writer *w, const struct event *ev, struct text_buf *out)
{
	uint64_t sessions = ev->stats_sessions == EV_NONE ? w->sessions_seen : ev->stats_sessions;
	struct text_para para = {.hang = 2, .flush_left = true};
	struct text_buf *b = &w->line;

	put_alerts(w, out);
	b->n = 0;
	if (sessions) {
		text_putf(b, "%llu session%s, %llu command%s, %llu failed; %llu packet%s", (unsigned long long)sessions, plural(sessions),
			  (unsigned long long)w->commands, plural(w->commands), (unsigned long long)w->sessions_failed,
			  (unsigned long long)known(ev->stats_received), plural(known(ev->stats_received)));
	} else {
		text_puts(b, "0 SMTP sessions; ");
		put_nothing_found(b, ev);
	}
	put_troubles(b, ev);
	para.body = text_buf_span(b);
	text_lay(out, &w->layout, &para);
}
