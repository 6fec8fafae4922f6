/* Hello messages: what is taken from them, what is not believed, and the fingerprints against values found independently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/nettle_digests.h"
#include "guard.h"
#include "smtp/tls_record.h"

/* A message that is put together piece by piece, with lengths filled in behind. */
struct message {
	uint8_t p[40000];
	size_t n;
};

static void u8(struct message *m, unsigned v)
{
	assert_true(m->n < sizeof m->p);
	m->p[m->n++] = (uint8_t)v;
}

static void u16(struct message *m, unsigned v)
{
	u8(m, v >> 8);
	u8(m, v & 255);
}

static void fill(struct message *m, unsigned v, size_t n)
{
	while (n--)
		u8(m, v);
}

static size_t open16(struct message *m)
{
	u16(m, 0);
	return m->n;
}

static void close16(struct message *m, size_t start)
{
	m->p[start - 2] = (uint8_t)((m->n - start) >> 8);
	m->p[start - 1] = (uint8_t)(m->n - start);
}

static void list16(struct message *m, const uint16_t *v, size_t n)
{
	size_t start = open16(m);

	for (size_t i = 0; i < n; i++)
		u16(m, v[i]);
	close16(m, start);
}

static void extension(struct message *m, unsigned type, const void *p, size_t n)
{
	u16(m, type);
	u16(m, (unsigned)n);
	for (size_t i = 0; i < n; i++)
		u8(m, ((const uint8_t *)p)[i]);
}
#define EXT(m, type, lit) extension(m, type, lit, sizeof(lit) - 1)

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void start_client(struct message *m, const uint16_t *ciphers, size_t n)
{
	m->n = 0;
	u16(m, 0x0303);
	fill(m, 0x11, 32);
	u8(m, 0);
	list16(m, ciphers, n);
	u8(m, 1);
	u8(m, 0);
}

/*
 * The example of the JA4 definition: fifteen ciphers, sixteen extensions in an order of the browser's, GREASE in each list. Its
 * fingerprint is printed there.
 */
static void published(struct message *m)
{
	static const uint16_t ciphers[] = {0x0A0A, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
					   0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
	size_t all;

	start_client(m, ciphers, COUNT(ciphers));
	all = open16(m);
	EXT(m, 0x3A3A, "");
	EXT(m, 0x001b, "\x02\x00\x02");
	EXT(m, 0x0000, "\x00\x0d\x00\x00\x0a" "mx.example");
	EXT(m, 0x0033, "\x00\x00");
	EXT(m, 0x0010, "\x00\x0c\x02h2\x08http/1.1");
	EXT(m, 0x4469, "\x00\x03\x02h2");
	EXT(m, 0x0017, "");
	EXT(m, 0x002d, "\x01\x01");
	EXT(m, 0x000d, "\x00\x10\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01");
	EXT(m, 0x0005, "\x01\x00\x00\x00\x00");
	EXT(m, 0x0023, "");
	EXT(m, 0x0012, "");
	EXT(m, 0x002b, "\x06\xaa\xaa\x03\x04\x03\x03");
	EXT(m, 0xff01, "\x00");
	EXT(m, 0x000b, "\x01\x00");
	EXT(m, 0x000a, "\x00\x08\x1a\x1a\x00\x1d\x00\x17\x00\x18");
	EXT(m, 0x0015, "\x00\x00\x00");
	close16(m, all);
}

static bool parse_client(const struct message *m, struct client_hello *h)
{
	return client_hello_parse(guard_span(span_of(m->p, m->n)), h);
}

static void test_client(void **state)
{
	static struct message m;
	struct client_hello h;
	char ja3[JA3_TEXT + 1] = "", ja4[JA4_TEXT + 1] = "";

	(void)state;
	published(&m);
	assert_true(parse_client(&m, &h));
	assert_true(span_eq(h.server_name, SPAN("mx.example")));
	assert_true(span_eq(h.protocols, SPAN("\x02h2\x08http/1.1")));
	assert_int_equal(client_hello_version(&h), TLS_1_3);
	ja4_client(&h, &nettle_digests, ja4);
	assert_string_equal(ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	ja3_client(&h, &nettle_digests, ja3);
	/* printf '771,4865-...,27-0-...,29-23-24,0' | md5sum */
	assert_string_equal(ja3, "c000e2caf3a25423f9de6c8a4b12a975");
}

/* What the definition says of names that are no words. */
static void test_ja4_protocol(void **state)
{
	static const struct {
		const char *alpn;
		size_t n;
		char want[3];
	} rows[] = {
	    {"\x00\x02\x01\xab", 4, "ab"},
	    {"\x00\x03\x02\xab\xcd", 5, "ad"},
	    {"\x00\x03\x02\x30\xab", 5, "3b"},
	    {"\x00\x05\x04\x30\x31\xab\xcd", 7, "3d"},
	    {"\x00\x05\x04\x30\xab\xcd\x31", 7, "01"},
	    {"\x00\x02\x01q", 4, "qq"},
	};
	static const uint16_t ciphers[] = {0x1301};
	static struct message m;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct client_hello h;
		char ja4[JA4_TEXT];
		size_t all;

		start_client(&m, ciphers, 1);
		all = open16(&m);
		extension(&m, 16, rows[i].alpn, rows[i].n);
		close16(&m, all);
		assert_true(parse_client(&m, &h));
		ja4_client(&h, &nettle_digests, ja4);
		assert_memory_equal(ja4 + 8, rows[i].want, 2);
		assert_memory_equal(ja4, "t12i0101", 8);
		assert_memory_equal(ja4 + 24, "000000000000", 12); /* ALPN alone is no list */
	}
}

/* Every prefix, at the end of memory, is refused; and so is one octet too many. */
static void test_prefixes(void **state)
{
	static struct message m;
	struct client_hello h;

	(void)state;
	published(&m);
	for (size_t n = 0; n < m.n; n++) {
		bool whole_without_extensions = n == 2 + 32 + 1 + 2 + 32 + 2;

		assert_int_equal(client_hello_parse(span_of(guard_copy(m.p, n), n), &h), whole_without_extensions);
	}
	u8(&m, 0);
	assert_false(parse_client(&m, &h));
}

/* Each octet set to each of a few values: nothing is read that is not there, whatever comes out. */
static void test_flips(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7F, 0xFF};
	static struct message m;
	struct client_hello h;

	(void)state;
	published(&m);
	for (size_t i = 0; i < m.n; i++)
		for (size_t k = 0; k < COUNT(values); k++) {
			uint8_t was = m.p[i];
			char text[JA4_TEXT];

			m.p[i] = values[k];
			if (parse_client(&m, &h)) {
				ja3_client(&h, &nettle_digests, text);
				ja4_client(&h, &nettle_digests, text);
			}
			m.p[i] = was;
		}
}

struct bad {
	const char *why;
	unsigned type;
	const char *p;
	size_t n;
};
#define BAD(why, type, lit) {why, type, lit, sizeof(lit) - 1}

static void test_bad_extensions(void **state)
{
	static const struct bad rows[] = {
	    BAD("empty list of names", 0, "\x00\x00"),
	    BAD("name longer than its list", 0, "\x00\x04\x00\x00\x02m"),
	    BAD("list longer than the extension", 0, "\x00\x05\x00\x00\x01m"),
	    BAD("octet behind the list", 0, "\x00\x04\x00\x00\x01m!"),
	    BAD("name without octets", 0, "\x00\x03\x00\x00\x00"),
	    BAD("odd list of groups", 10, "\x00\x03\x00\x1d\x00"),
	    BAD("no groups", 10, "\x00\x00"),
	    BAD("no formats", 11, "\x00"),
	    BAD("odd list of signatures", 13, "\x00\x01\x04"),
	    BAD("ALPN without names", 16, "\x00\x00"),
	    BAD("ALPN with an empty name", 16, "\x00\x01\x00"),
	    BAD("ALPN name longer than its list", 16, "\x00\x03\x03h2"),
	    BAD("odd list of versions", 43, "\x03\x03\x04\x03"),
	    BAD("nothing but GREASE for versions", 43, "\x02\x1a\x1a"),
	};
	static const uint16_t ciphers[] = {0x1301};
	static struct message m;
	struct client_hello h;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t all;

		start_client(&m, ciphers, 1);
		all = open16(&m);
		extension(&m, rows[i].type, rows[i].p, rows[i].n);
		close16(&m, all);
		if (parse_client(&m, &h))
			fail_msg("%s: taken", rows[i].why);
	}
}

static void with_extensions(struct message *m, unsigned n, bool twice)
{
	static const uint16_t ciphers[] = {0x1301};
	size_t all;

	start_client(m, ciphers, 1);
	all = open16(m);
	for (unsigned i = 0; i < n; i++)
		extension(m, 100 + i, "", 0);
	if (twice)
		extension(m, 100, "", 0);
	close16(m, all);
}

static void test_limits(void **state)
{
	static uint16_t ciphers[HELLO_CIPHERS + 1];
	static struct message m;
	struct client_hello h;
	char text[JA4_TEXT];

	(void)state;
	with_extensions(&m, HELLO_EXTENSIONS, false);
	assert_true(parse_client(&m, &h));
	ja4_client(&h, &nettle_digests, text);
	assert_memory_equal(text, "t12i0199", 8); /* more than two digits can say */
	with_extensions(&m, HELLO_EXTENSIONS + 1, false);
	assert_false(parse_client(&m, &h));
	with_extensions(&m, 1000, false);
	assert_false(parse_client(&m, &h));
	with_extensions(&m, 3, true);
	assert_false(parse_client(&m, &h));
	for (unsigned i = 0; i <= HELLO_CIPHERS; i++)
		ciphers[i] = (uint16_t)(0xFFFF - i);
	start_client(&m, ciphers, HELLO_CIPHERS);
	assert_true(parse_client(&m, &h));
	ja3_client(&h, &nettle_digests, text);
	ja4_client(&h, &nettle_digests, text);
	start_client(&m, ciphers, HELLO_CIPHERS + 1);
	assert_false(parse_client(&m, &h));
	start_client(&m, ciphers, 0);
	assert_false(parse_client(&m, &h));
}

/* ---- the server ---- */

static void start_server(struct message *m, unsigned cipher)
{
	m->n = 0;
	u16(m, 0x0303);
	fill(m, 0x22, 32);
	u8(m, 0);
	u16(m, cipher);
	u8(m, 0);
}

static void test_server(void **state)
{
	static struct message m;
	struct server_hello h;
	char ja3s[JA3_TEXT + 1] = "";
	size_t all;

	(void)state;
	start_server(&m, 0x1302);
	all = open16(&m);
	EXT(&m, 43, "\x03\x04");
	EXT(&m, 51, "\x00\x17");
	close16(&m, all);
	assert_true(server_hello_parse(guard_span(span_of(m.p, m.n)), &h));
	assert_int_equal(h.chosen, TLS_1_3);
	assert_int_equal(h.cipher, 0x1302);
	assert_false(h.retry);
	ja3_server(&h, &nettle_digests, ja3s);
	assert_string_equal(ja3s, "15af977ce25de452b96affa2addb1036"); /* what tshark gives for "771,4866,43-51" */
	for (size_t n = 0; n < m.n; n++)
		assert_int_equal(server_hello_parse(span_of(guard_copy(m.p, n), n), &h), n == 2 + 32 + 1 + 2 + 1);
	start_server(&m, 0xc02f);
	all = open16(&m);
	EXT(&m, 16, "\x00\x05\x04smtp");
	close16(&m, all);
	assert_true(server_hello_parse(guard_span(span_of(m.p, m.n)), &h));
	assert_true(span_eq(h.protocol, SPAN("smtp")));
	m.p[m.n - 6] = 6; /* two lengths that disagree */
	assert_false(server_hello_parse(guard_span(span_of(m.p, m.n)), &h));
}

static void test_grease(void **state)
{
	(void)state;
	assert_true(tls_is_grease(0x0A0A) && tls_is_grease(0xFAFA));
	assert_false(tls_is_grease(0x0A1A) || tls_is_grease(0x0B0B));
}

/* ---- records ---- */

/* The message in records of at most n octets each. */
static void wrap(struct message *out, const struct message *m, unsigned type, size_t n)
{
	static struct message whole;

	whole.n = 0;
	u8(&whole, type);
	u8(&whole, 0);
	u16(&whole, (unsigned)m->n);
	memcpy(whole.p + whole.n, m->p, m->n);
	whole.n += m->n;
	out->n = 0;
	for (size_t at = 0; at < whole.n; at += n) {
		size_t part = whole.n - at < n ? whole.n - at : n;

		u8(out, 22);
		u16(out, 0x0301);
		u16(out, (unsigned)part);
		memcpy(out->p + out->n, whole.p + at, part);
		out->n += part;
	}
}

static void take(struct tls *t, const struct message *m, size_t piece)
{
	for (size_t at = 0; at < m->n; at += piece) {
		struct chunk c = {.kind = CHUNK_DATA, .len = m->n - at < piece ? m->n - at : piece, .data = m->p + at};

		c.data = guard_copy(c.data, c.len);
		tls_take(t, TLS_CLIENT, &c);
		assert_int_equal(c.len, 0);
	}
}

static void test_records(void **state)
{
	static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 300, 100000};
	static const size_t records[] = {1, 2, 5, 100, 16384};
	static struct message hello, wire;

	(void)state;
	published(&hello);
	for (size_t r = 0; r < COUNT(records); r++)
		for (size_t k = 0; k < COUNT(pieces); k++) {
			struct pool *pool = pool_new(0);
			struct tls *t = tls_new(pool, &nettle_digests);
			uint64_t held;

			wrap(&wire, &hello, 1, records[r]);
			take(t, &wire, pieces[k]);
			assert_true(t->client_known);
			assert_memory_equal(t->ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1", JA4_TEXT);
			assert_null(t->side[TLS_CLIENT].hello); /* given back as soon as it is read */
			held = pool_used(pool);
			take(t, &wire, pieces[k]);
			assert_int_equal(pool_used(pool), held);
			tls_free(&t);
			assert_int_equal(pool_used(pool), 0);
			pool_free(&pool);
		}
}

/* A hello at the limit is read, one above it is not kept. */
static void test_long_hello(void **state)
{
	static const uint16_t ciphers[] = {0x1301};
	static struct message hello, wire;

	(void)state;
	for (unsigned over = 0; over < 2; over++) {
		struct pool *pool = pool_new(0);
		struct tls *t = tls_new(pool, NULL);
		size_t all, padding;

		start_client(&hello, ciphers, 1);
		all = open16(&hello);
		u16(&hello, 21);
		padding = open16(&hello);
		fill(&hello, 0, HELLO_MOST - hello.n + over);
		close16(&hello, padding);
		close16(&hello, all);
		wrap(&wire, &hello, 1, 16384);
		take(t, &wire, 1400);
		assert_int_equal(t->client_known, !over);
		assert_null(t->side[TLS_CLIENT].hello);
		assert_int_equal(t->ja3[0], 0); /* no digests, no fingerprints */
		tls_free(&t);
		pool_free(&pool);
	}
}

/* Memory that runs out at any point costs the facts and nothing else. */
static void test_no_memory(void **state)
{
	static struct message hello, wire;

	(void)state;
	published(&hello);
	wrap(&wire, &hello, 1, 100);
	for (uint64_t n = 1; n < 8; n++) {
		struct pool *pool = pool_new(0);
		struct tls *t = tls_new(pool, &nettle_digests);

		pool_fail_at(pool, n);
		take(t, &wire, 50);
		assert_true(tls_between(&t->side[TLS_CLIENT]));
		assert_int_equal(t->side[TLS_CLIENT].seen, TLS_SEEN_HELLO);
		tls_free(&t);
		assert_int_equal(pool_used(pool), 0);
		pool_free(&pool);
	}
}

static void test_starts(void **state)
{
	(void)state;
	assert_true(tls_starts_record(SPAN("\x16\x03\x01")) && tls_starts_record(SPAN("\x15")));
	assert_false(tls_starts_record(SPAN("\x16\x02")) || tls_starts_record(SPAN("\x18\x03\x03")) || tls_starts_record(SPAN("")));
	assert_true(tls_starts_sslv2(SPAN("\x80\x2e\x01\x03\x01")) && tls_starts_sslv2(SPAN("\x80\x2e\x01\x00\x02")));
	assert_true(tls_starts_sslv2(SPAN("\x80")));
	assert_false(tls_starts_sslv2(SPAN("\x80\x2e\x02")) || tls_starts_sslv2(SPAN("\x80\x2e\x01\x03\x05")) || tls_starts_sslv2(SPAN("\x84")));
	assert_false(tls_starts_sslv2(SPAN("\x80\x02\x01")) || tls_starts_sslv2(SPAN("\x80\x2e\x01\x00\x03")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_client),      cmocka_unit_test(test_ja4_protocol), cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_flips),       cmocka_unit_test(test_bad_extensions), cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_server),      cmocka_unit_test(test_grease),       cmocka_unit_test(test_records),
	    cmocka_unit_test(test_long_hello),  cmocka_unit_test(test_no_memory),    cmocka_unit_test(test_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
