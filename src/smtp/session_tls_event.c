/*
 * session_tls_event.c - what a session's TLS amounts to: the STARTTLS verdict and its evidence, findings at the end of the
 * connection, and the TLS fields of the session event.
 */
#include "session_internal.h"

#include <stdio.h>

/* ---- the verdict ---- */

static uint8_t seen_by(const struct session *s, enum tls_role by)
{
	return s->handshake ? s->handshake->side[by].seen : 0;
}

/* The connection did not end by itself: more may have come. */
static bool cut_off(enum tcp_close why)
{
	return why == TCP_CLOSE_EOF || why == TCP_CLOSE_EVICTED;
}

/* TLS was agreed, and none came. */
static bool without_handshake(const struct session *s, enum tcp_close why)
{
	uint8_t client = seen_by(s, TLS_CLIENT), server = seen_by(s, TLS_SERVER);

	if (!s->starttls_accepted || s->tls_unread || client & (TLS_SEEN_HELLO | TLS_SEEN_LOST) || server & (TLS_SEEN_HELLO | TLS_SEEN_LOST))
		return false;
	return s->back_in_clear || (client | server) & TLS_SEEN_JUNK || !cut_off(why);
}

/* smtp.starttls of the session event; NULL: nothing can be said. */
static const char *verdict_of(const struct session *s, enum tcp_close why)
{
	if (s->starttls_injected || s->response_injected)
		return "injected";
	if (s->starttls_accepted)
		return without_handshake(s, why) ? "no_handshake" : "accepted";
	if (s->tls_expected)
		return NULL;
	if (s->starttls_stripped)
		return "stripped";
	if (s->starttls_refused)
		return "refused";
	if (s->starttls_offered)
		return "offered_unused";
	return s->list_known && !s->opaque[client_dir(s)] ? "not_offered" : NULL;
}

/* ---- its evidence ---- */

/* Text that grows to the end of its room. */
struct text {
	char *p;
	size_t n, cap;
};

static void put(struct text *t, struct span s)
{
	t->n = span_append(t->p, t->n, t->cap, s);
}

/* The masked line of the EHLO reply; absent without one. */
static struct span masked_keyword(const struct session *s)
{
	struct event_list all = ehlo_extensions(s);

	for (uint32_t i = 0; i < all.n; i++)
		if (span_starts(all.v[i], SPAN("XXX")) || span_starts(all.v[i], SPAN("***")))
			return all.v[i];
	return SPAN_ABSENT;
}

static void put_offer(const struct session *s, struct text *t)
{
	struct span masked = masked_keyword(s);

	if (s->starttls_offered) {
		put(t, SPAN("offered"));
	} else if (s->starttls_stripped && masked.p) {
		put(t, masked);
		put(t, SPAN(" in the reply to EHLO"));
	} else if (s->list_known) {
		put(t, SPAN("not in the reply to EHLO"));
	}
}

static struct span ending(const struct session *s, enum tcp_close why)
{
	if (cut_off(why))
		return SPAN("the end of the capture");
	if (why == TCP_CLOSE_TIMEOUT)
		return SPAN("silence");
	if (!s->ended[0] && !s->ended[1])
		return SPAN("a reset");
	return s->server_ended_first ? SPAN("the server closed") : SPAN("the client closed");
}

/* What came after the reply to STARTTLS. */
static struct span outcome(const struct session *s, enum tcp_close why)
{
	if (s->handshake && tls_established(s->handshake))
		return SPAN("a TLS handshake");
	if (seen_by(s, TLS_CLIENT) & TLS_SEEN_HELLO)
		return s->handshake->sslv2 ? SPAN("a ClientHello in SSLv2 format") : SPAN("a ClientHello");
	if ((seen_by(s, TLS_CLIENT) | seen_by(s, TLS_SERVER)) & TLS_SEEN_LOST)
		return SPAN("a hole in the capture");
	return s->starttls && s->starttls->instead.p ? s->starttls->instead : ending(s, why);
}

static void put_sequel(const struct session *s, enum tcp_close why, struct text *t)
{
	if (s->starttls_injected && s->starttls->instead.p) {
		put(t, SPAN("; "));
		put(t, s->starttls->instead);
		put(t, SPAN(" in clear in the same flight as STARTTLS"));
	}
	if (s->response_injected)
		put(t, SPAN("; a line in clear in the same flight as the 220"));
	if (!s->starttls_accepted)
		return;
	put(t, SPAN("; then "));
	put(t, s->starttls_injected && !(seen_by(s, TLS_CLIENT) & TLS_SEEN_HELLO) ? ending(s, why) : outcome(s, why));
	if (s->back_in_clear)
		put(t, SPAN(" in clear"));
}

static struct span evidence_of(const struct session *s, enum tcp_close why, char *buf, size_t cap)
{
	struct text t = {buf, 0, cap};

	put_offer(s, &t);
	if (!s->starttls) {
		put(&t, s->starttls_offered ? SPAN("; not sent") : SPAN(""));
		return span_of(buf, t.n);
	}
	put(&t, t.n ? SPAN("; answered ") : SPAN("answered "));
	put(&t, s->starttls->reply);
	put_sequel(s, why, &t);
	return span_of(buf, t.n);
}

/* ---- the fields ---- */

static uint32_t list_protocols(struct span raw, struct span *out, uint32_t most)
{
	struct cursor c = cursor_of(raw.p, raw.n);
	uint32_t n = 0;

	while (c.left && n < most)
		out[n++] = cursor_bytes(&c, cursor_u8(&c));
	return n;
}

static struct span alert_text(const struct tls_alert *a, char *buf, size_t cap)
{
	const char *name = tls_alert_name(a->description);
	char number[8];

	snprintf(number, sizeof number, "%u", a->description);
	return span_of(buf, (size_t)snprintf(buf, cap, "%s: %s (%s)", a->by == TLS_CLIENT ? "client" : "server", name ? name : number,
					     a->level == 2 ? "fatal" : "warning"));
}

static void show_client(const struct tls *t, struct event *ev, struct tls_shown *shown)
{
	uint32_t n = 0;

	for (; n < t->offered_count; n++)
		shown->versions[n] = span_str(tls_version_name(t->offered[n]));
	ev->tls_client_versions = (struct event_list){shown->versions, n};
	if (!t->client_known)
		return;
	ev->tls_server_name = t->server_name;
	n = list_protocols(t->protocols, shown->protocols, sizeof shown->protocols / sizeof *shown->protocols);
	ev->tls_client_protocols = (struct event_list){shown->protocols, n};
	if (!t->digests)
		return;
	ev->tls_ja3 = span_of(t->ja3, JA3_TEXT);
	ev->tls_ja4 = span_of(t->ja4, JA4_TEXT);
}

static void show_server(const struct tls *t, struct event *ev, struct tls_shown *shown)
{
	if (t->retry)
		ev->tls_hello_retry = EV_TRUE;
	if (!t->server_known)
		return;
	ev->tls_version = span_str(tls_version_name(t->version));
	ev->tls_version_protocol = t->version == TLS_SSL3 ? SPAN("ssl") : SPAN("tls");
	ev->tls_cipher = tls_cipher_name(t->cipher, shown->cipher);
	ev->tls_next_protocol = t->next_protocol;
	if (t->client_known) /* without its hello nobody knows what it asked to resume */
		ev->tls_resumed = ev_bool(t->resumed);
	if (t->digests)
		ev->tls_ja3s = span_of(t->ja3s, JA3_TEXT);
}

void tls_show(const struct session *s, enum tcp_close why, struct event *ev, struct tls_shown *shown)
{
	const struct tls *t = s->handshake;

	ev->starttls = span_str(verdict_of(s, why));
	if (ev->starttls.p)
		ev->starttls_evidence = evidence_of(s, why, shown->evidence, sizeof shown->evidence);
	ev->tls_established = ev_bool(t && tls_established(t));
	if (!t)
		return;
	show_client(t, ev, shown);
	show_server(t, ev, shown);
	for (uint32_t i = 0; i < t->alert_count; i++)
		shown->alerts[i] = alert_text(&t->alerts[i], shown->alert[i], sizeof shown->alert[i]);
	ev->tls_alerts = (struct event_list){shown->alerts, t->alert_count};
}

/* ---- findings ---- */

/* The alert that ended the handshake; NULL: none in clear. Those left out are no reason to end one (RFC 8446 6.1). */
static const struct tls_alert *deadly_alert(const struct tls *t)
{
	enum { CLOSE_NOTIFY = 0, USER_CANCELED = 90, NO_RENEGOTIATION = 100, UNRECOGNIZED_NAME = 112 };

	for (unsigned i = 0; i < t->alert_count; i++) {
		const struct tls_alert *a = &t->alerts[i];
		bool harmless = a->description == CLOSE_NOTIFY || a->description == USER_CANCELED || a->description == NO_RENEGOTIATION ||
				(a->description == UNRECOGNIZED_NAME && a->level == 1);

		if (!harmless)
			return a;
	}
	return NULL;
}

/* "client: unknown_ca (fatal); server chose TLS 1.2", or what the client offers when nothing was chosen. */
static void failed_by_alert(struct session *s, const struct tls_alert *a)
{
	const struct tls *t = s->handshake;
	char buf[160], one[64];
	struct text text = {buf, 0, sizeof buf};

	put(&text, alert_text(a, one, sizeof one));
	if (t->server_known) {
		put(&text, SPAN("; the server chose TLS "));
		put(&text, span_str(tls_version_name(t->version)));
	} else if (t->client_known) {
		put(&text, SPAN("; the client offers TLS"));
		for (unsigned i = 0; i < t->offered_count; i++) {
			put(&text, SPAN(" "));
			put(&text, span_str(tls_version_name(t->offered[i])));
		}
	}
	emit_notice(s, &(struct notice){.id = NOTICE_HANDSHAKE_FAILED, .a = a->description,
					.text = a->by == TLS_CLIENT ? SPAN("client") : SPAN("server")}, NULL, span_of(buf, text.n));
}

/* TLS was due and begun, and did not come about. */
static void handshake_failed(struct session *s, enum tcp_close why)
{
	const struct tls *t = s->handshake;
	const struct tls_alert *a;

	if (!t || !(s->starttls_accepted || (s->tls_expected && !s->greeting_end)) || tls_established(t) || s->gaps)
		return;
	if (!(t->side[TLS_CLIENT].seen & TLS_SEEN_HELLO))
		return;
	a = deadly_alert(t);
	if (a)
		failed_by_alert(s, a);
	else if (tls_hidden_alert(t))
		emit_notice(s, &(struct notice){.id = NOTICE_HANDSHAKE_FAILED, .a = HANDSHAKE_HIDDEN_ALERT, .text = SPAN("client")}, NULL,
			    SPAN("client: an encrypted alert"));
	else if (t->client_known && !cut_off(why))
		emit_notice(s, &(struct notice){.id = NOTICE_HANDSHAKE_FAILED, .a = HANDSHAKE_CUT}, NULL, ending(s, why));
}

/* Port 465: the client waits for a greeting, the server for a ClientHello. */
static void silent_on_tls_port(struct session *s, enum tcp_close why)
{
	const int64_t least = 1000000000; /* one second: who is gone sooner only looked whether the port is open */

	if (!s->tls_expected || !s->flow->established || s->had_data[0] || s->had_data[1] || cut_off(why))
		return;
	if (why != TCP_CLOSE_TIMEOUT && s->flow->last_ts - s->flow->first_ts < least)
		return;
	emit_notice(s, &(struct notice){.id = NOTICE_CLEARTEXT_ON_TLS}, NULL, SPAN("neither side sent anything"));
}

void tls_findings(struct session *s, enum tcp_close why)
{
	if (without_handshake(s, why))
		emit_notice(s, &(struct notice){.id = NOTICE_NO_HANDSHAKE}, NULL,
			    s->starttls && s->starttls->instead.p ? s->starttls->instead : ending(s, why));
	handshake_failed(s, why);
	silent_on_tls_port(s, why);
}
