/*
 * tls_record.c - TLS records (RFC 5246 6.2.1, RFC 8446 5.1) by their headers, hello messages out of them, alerts in clear.
 *
 *   Record:    type(1) version(2) length(2) fragment
 *   Handshake: type(1) length(3) body; one message may span records, one record may hold several messages
 *   Alert:     level(1) description(1)
 *
 * Only the first message of each side is a hello; behind a HelloRetryRequest the server's second one too. An alert can be read
 * while it is not encrypted: then its record has two octets, which no encrypted one has.
 */
#include "tls_record.h"

#include <string.h>

enum { RECORD_CCS = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_DATA = 23 };
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, MESSAGE_HEADER = 4, ALERT = 2 };

struct tls *tls_new(struct pool *pool, const struct digests *digests)
{
	struct tls *t = pool_get(pool, sizeof *t);

	if (!t)
		return NULL;
	t->pool = pool;
	t->digests = digests;
	return t;
}

static void hello_drop(struct tls *t, struct tls_side *e)
{
	pool_put(t->pool, e->hello, e->hello_cap);
	e->hello = NULL;
	e->hello_len = e->hello_cap = 0;
}

void tls_free(struct tls **tls)
{
	struct tls *t = *tls;

	*tls = NULL;
	if (!t)
		return;
	hello_drop(t, &t->side[TLS_CLIENT]);
	hello_drop(t, &t->side[TLS_SERVER]);
	pool_drop(t->pool, &t->session_id);
	pool_drop(t->pool, &t->server_name);
	pool_drop(t->pool, &t->protocols);
	pool_drop(t->pool, &t->next_protocol);
	pool_put(t->pool, t, sizeof *t);
}

bool tls_starts_record(struct span b)
{
	if (b.n == 0 || b.p[0] < RECORD_CCS || b.p[0] > RECORD_DATA)
		return false;
	return (b.n < 2 || b.p[1] == 3) && (b.n < 3 || b.p[2] <= 4);
}

/* RFC 5246 E.2: length(2) with the highest bit set, type, version. No hello of that form has 1024 octets. */
bool tls_starts_sslv2(struct span b)
{
	if (b.n == 0 || b.p[0] < 0x80 || b.p[0] > 0x83)
		return false;
	if ((b.n >= 3 && b.p[2] != CLIENT_HELLO) || (b.n >= 2 && b.p[0] == 0x80 && b.p[1] < 9))
		return false;
	return b.n < 4 || (b.p[3] == 3 && (b.n < 5 || b.p[4] <= 4)) || (b.p[3] == 0 && (b.n < 5 || b.p[4] == 2));
}

/* ---- hellos ---- */

static void learn_versions(struct tls *t, const struct client_hello *h)
{
	struct cursor c = cursor_of(h->versions.p, h->versions.n);

	if (!h->versions.n)
		t->offered[t->offered_count++] = h->version;
	while (c.left && t->offered_count < sizeof t->offered / sizeof *t->offered) {
		uint16_t v = cursor_be16(&c);

		if (!tls_is_grease(v) && tls_version_name(v))
			t->offered[t->offered_count++] = v;
	}
}

static void learn_client(struct tls *t, struct span body)
{
	struct client_hello h;

	if (!client_hello_parse(body, &h))
		return;
	t->client_known = true;
	learn_versions(t, &h);
	t->session_id = pool_copy(t->pool, h.session_id);
	t->server_name = pool_copy(t->pool, h.server_name);
	t->protocols = pool_copy(t->pool, h.protocols);
	if (!t->digests)
		return;
	ja3_client(&h, t->digests, t->ja3);
	ja4_client(&h, t->digests, t->ja4);
}

/* False: a HelloRetryRequest, and the ServerHello is still to come. */
static bool learn_server(struct tls *t, struct span body)
{
	struct server_hello h;

	if (!server_hello_parse(body, &h))
		return true;
	if (h.retry && !t->retry) {
		t->retry = true;
		return false;
	}
	t->server_known = true;
	t->version = h.chosen;
	t->cipher = h.cipher;
	t->next_protocol = pool_copy(t->pool, h.protocol);
	/* RFC 5246 7.4.1.3: the same id says that the session goes on; TLS 1.3 echoes it always and says it with a key */
	t->resumed = h.chosen >= TLS_1_3 ? h.psk : h.session_id.n && span_eq(h.session_id, t->session_id);
	if (t->digests)
		ja3_server(&h, t->digests, t->ja3s);
	return true;
}

static bool hello_room(struct tls *t, struct tls_side *e, size_t n)
{
	enum { FIRST = 512 };
	uint32_t cap = e->hello_cap ? e->hello_cap : FIRST;
	uint8_t *more;

	if (n <= e->hello_cap - e->hello_len)
		return true;
	while (cap - e->hello_len < n)
		cap *= 2;
	more = pool_get(t->pool, cap);
	if (!more)
		return false;
	if (e->hello_len)
		memcpy(more, e->hello, e->hello_len);
	pool_put(t->pool, e->hello, e->hello_cap);
	e->hello = more;
	e->hello_cap = cap;
	return true;
}

/* Octets the message being gathered still lacks; its header first. */
static size_t hello_lacks(const struct tls_side *e)
{
	const uint8_t *m = e->hello;

	if (e->hello_len < MESSAGE_HEADER)
		return MESSAGE_HEADER - e->hello_len;
	return MESSAGE_HEADER + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]) - e->hello_len;
}

static void hello_end(struct tls *t, enum tls_role by)
{
	struct tls_side *e = &t->side[by];
	struct span body = span_of(e->hello + MESSAGE_HEADER, e->hello_len - MESSAGE_HEADER);

	e->read = true;
	if (by == TLS_CLIENT)
		learn_client(t, body);
	else
		e->read = learn_server(t, body);
	hello_drop(t, e);
}

static void hello_take(struct tls *t, enum tls_role by, const uint8_t *p, size_t n)
{
	struct tls_side *e = &t->side[by];

	while (n && !e->read) {
		size_t part = hello_lacks(e);

		part = part < n ? part : n;
		if (e->hello_len + part > MESSAGE_HEADER + HELLO_MOST || !hello_room(t, e, part)) {
			e->read = true;
			break;
		}
		memcpy(e->hello + e->hello_len, p, part);
		e->hello_len += (uint32_t)part;
		p += part;
		n -= part;
		if (e->hello[0] != (by == TLS_CLIENT ? CLIENT_HELLO : SERVER_HELLO))
			e->read = true;
		else if (e->hello_len >= MESSAGE_HEADER && hello_lacks(e) == 0)
			hello_end(t, by);
	}
	if (e->read)
		hello_drop(t, e);
}

/* ---- records ---- */

static void alert_take(struct tls *t, enum tls_role by, uint8_t octet)
{
	const struct tls_side *e = &t->side[by];
	struct tls_alert *a = &t->alerts[t->alert_count];

	if (e->left == ALERT) {
		if (t->alert_count < TLS_ALERTS)
			*a = (struct tls_alert){by, octet, 0};
	} else if (t->alert_count < TLS_ALERTS && a->by == by && (a->level == 1 || a->level == 2)) {
		a->description = octet;
		t->alert_count++;
	}
}

static void content_take(struct tls *t, enum tls_role by, const uint8_t *p, size_t n)
{
	struct tls_side *e = &t->side[by];

	if (e->header[0] == RECORD_HANDSHAKE && !e->read)
		hello_take(t, by, p, n);
	for (size_t i = 0; i < n && e->header[0] == RECORD_ALERT && e->length == ALERT; i++, e->left--)
		alert_take(t, by, p[i]);
}

static void record_begin(struct tls_side *e)
{
	e->left = e->length = (uint16_t)(e->header[3] << 8 | e->header[4]);
	switch (e->header[0]) {
	case RECORD_CCS:
		e->seen |= TLS_SEEN_CCS;
		break;
	case RECORD_ALERT:
		e->seen |= TLS_SEEN_ALERT;
		break;
	case RECORD_HANDSHAKE:
		e->seen |= e->seen & TLS_SEEN_CCS ? TLS_SEEN_HELLO | TLS_SEEN_FINISHED : TLS_SEEN_HELLO;
		break;
	default:
		e->more_data = (e->seen & TLS_SEEN_DATA) != 0;
		e->first_data = e->more_data ? e->first_data : e->length;
		e->seen |= TLS_SEEN_DATA;
		break;
	}
}

static void sslv2_begin(struct tls *t, struct tls_side *e)
{
	enum { READ = TLS_HEADER - 2 }; /* octets of the message among those of the header */
	uint16_t length = (uint16_t)((e->header[0] & 0x7F) << 8 | e->header[1]);

	t->sslv2 = true;
	t->offered[0] = (uint16_t)(e->header[3] << 8 | e->header[4]);
	t->offered_count = tls_version_name(t->offered[0]) != NULL;
	e->read = true;
	e->seen |= TLS_SEEN_HELLO;
	e->header[0] = RECORD_HANDSHAKE;
	e->left = e->length = (uint16_t)(length - READ);
}

/* False: what is there is not the start of a record. */
static bool header_take(struct tls *t, struct tls_side *e, bool first, struct span b)
{
	bool fits;

	memcpy(e->header + e->have, b.p, b.n);
	b = span_of(e->header, e->have + b.n);
	fits = tls_starts_record(b) || (first && tls_starts_sslv2(b));
	if (!fits)
		return false;
	e->have = (uint8_t)b.n;
	if (e->have < TLS_HEADER)
		return true;
	e->have = 0;
	if (e->header[0] & 0x80)
		sslv2_begin(t, e);
	else
		record_begin(e);
	return true;
}

bool tls_between(const struct tls_side *e)
{
	return !e->left && !e->have;
}

void tls_take(struct tls *t, enum tls_role by, struct chunk *c)
{
	struct tls_side *e = &t->side[by];

	while (c->len) {
		uint64_t n = e->left ? e->left : (uint64_t)(TLS_HEADER - e->have);
		uint16_t left = e->left;

		n = c->len < n ? c->len : n;
		if (left) {
			content_take(t, by, c->data, (size_t)n);
			e->left = (uint16_t)(left - n);
		} else if (!header_take(t, e, by == TLS_CLIENT && !e->seen, span_of(c->data, (size_t)n))) {
			return;
		}
		c->data += n;
		c->off += n;
		c->len -= n;
	}
}

void tls_lose(struct tls *t, enum tls_role by, uint64_t n)
{
	struct tls_side *e = &t->side[by];

	e->read = true;
	hello_drop(t, e);
	if (!e->have && n <= e->left)
		e->left = (uint16_t)(e->left - n);
	else
		e->seen |= TLS_SEEN_JUNK | TLS_SEEN_LOST;
}

/* ---- what it adds up to ---- */

bool tls_hidden_alert(const struct tls *t)
{
	enum { TAG = 16, SHORT_TAG = 8, INNER_TYPE = 1 }; /* RFC 8446 5.2; SHORT_TAG: the CCM_8 suites */
	const struct tls_side *e = &t->side[TLS_CLIENT];

	return t->server_known && t->version >= TLS_1_3 && !e->more_data &&
	       (e->first_data == ALERT + INNER_TYPE + TAG || e->first_data == ALERT + INNER_TYPE + SHORT_TAG);
}

bool tls_established(const struct tls *t)
{
	uint8_t both = t->side[TLS_CLIENT].seen & t->side[TLS_SERVER].seen;

	if (!(both & TLS_SEEN_HELLO))
		return false;
	if (both & TLS_SEEN_DATA)
		return !tls_hidden_alert(t);
	return t->server_known && t->version < TLS_1_3 && both & TLS_SEEN_CCS && both & TLS_SEEN_FINISHED;
}
