/*
 * fuzz_tls.c - TLS records and hellos: the same facts whatever the pieces (L4), nothing read outside, names fit to be shown.
 *
 * Input: seed of the cuts, which side, the octets: records; then the same octets as a hello without its records.
 */
#include "app/nettle_digests.h"
#include "fuzz.h"
#include "smtp/tls_record.h"

#include <stdlib.h>
#include <string.h>

static bool same_text(struct span a, struct span b)
{
	return !a.p == !b.p && span_eq(a, b);
}

static void take_all(struct tls *t, enum tls_role by, struct span all, struct fuzz_random *cut)
{
	for (size_t at = 0, step; at < all.n; at += step) {
		struct chunk c = {.kind = CHUNK_DATA, .off = at};
		uint8_t *copy;

		step = cut ? fuzz_piece(cut, all.n - at) : all.n;
		copy = fuzz_copy(span_first(span_from(all, at), step));
		c.data = copy;
		c.len = step;
		tls_take(t, by, &c);
		FUZZ_CHECK(c.len <= step);
		free(copy);
		if (c.len)
			return; /* no TLS from here on: the session reads it as lines */
	}
}

static void compare(const struct tls *a, const struct tls *b)
{
	FUZZ_CHECK(a->client_known == b->client_known && a->server_known == b->server_known && a->retry == b->retry);
	FUZZ_CHECK(a->resumed == b->resumed && a->sslv2 == b->sslv2 && a->version == b->version && a->cipher == b->cipher);
	FUZZ_CHECK(a->offered_count == b->offered_count && memcmp(a->offered, b->offered, sizeof a->offered) == 0);
	FUZZ_CHECK(same_text(a->session_id, b->session_id) && same_text(a->server_name, b->server_name));
	FUZZ_CHECK(same_text(a->protocols, b->protocols) && same_text(a->next_protocol, b->next_protocol));
	FUZZ_CHECK(memcmp(a->ja3, b->ja3, sizeof a->ja3) == 0 && memcmp(a->ja4, b->ja4, sizeof a->ja4) == 0);
	FUZZ_CHECK(memcmp(a->ja3s, b->ja3s, sizeof a->ja3s) == 0);
	FUZZ_CHECK(a->alert_count == b->alert_count && memcmp(a->alerts, b->alerts, sizeof a->alerts) == 0);
	FUZZ_CHECK(a->side[0].seen == b->side[0].seen && a->side[1].seen == b->side[1].seen);
	FUZZ_CHECK(tls_established(a) == tls_established(b) && tls_hidden_alert(a) == tls_hidden_alert(b));
}

/* A name of TLS is printable: it stands in the output as it is. */
static void check_hello(struct span all)
{
	uint8_t *copy = fuzz_copy(all);
	struct span body = span_of(copy, all.n);
	struct client_hello c;
	struct server_hello s;
	char text[JA4_TEXT];

	if (client_hello_parse(body, &c)) {
		FUZZ_CHECK(fuzz_inside(c.session_id, body) && fuzz_inside(c.ciphers, body) && fuzz_inside(c.server_name, body));
		FUZZ_CHECK(fuzz_inside(c.protocols, body) && fuzz_inside(c.versions, body) && c.extension_count <= HELLO_EXTENSIONS);
		FUZZ_CHECK(c.ciphers.n % 2 == 0 && c.groups.n % 2 == 0 && c.signatures.n % 2 == 0 && c.versions.n % 2 == 0);
		ja3_client(&c, &nettle_digests, text);
		ja4_client(&c, &nettle_digests, text);
		FUZZ_CHECK(span_all(span_of(text, sizeof text), CHAR_PRINT));
	}
	if (server_hello_parse(body, &s)) {
		FUZZ_CHECK(fuzz_inside(s.session_id, body) && fuzz_inside(s.protocol, body));
		ja3_server(&s, &nettle_digests, text);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cursor in = cursor_of(data, n);
	struct fuzz_random cut = fuzz_random(cursor_u8(&in));
	uint8_t first = cursor_u8(&in);
	struct span all = cursor_rest(&in), half = span_first(all, first / 2u * 8u), rest = span_from(all, half.n);
	struct pool *pool = pool_new(0);
	struct tls *whole = tls_new(pool, &nettle_digests), *pieces = tls_new(pool, &nettle_digests);
	enum tls_role role = (enum tls_role)(first % 2), other = (enum tls_role)(1 - role);

	take_all(whole, role, half, NULL);
	take_all(whole, other, rest, NULL);
	take_all(pieces, role, half, &cut);
	take_all(pieces, other, rest, &cut);
	compare(whole, pieces);
	tls_free(&whole);
	tls_free(&pieces);
	check_hello(all);
	fuzz_pool_done(&pool);
	return 0;
}
