/*
 * tls_fingerprint.c - JA3, JA3S and JA4 of hello messages, as their authors define them (salesforce/ja3; FoxIO JA4, TLS client only).
 *
 *   JA3   MD5 of "version,ciphers,extensions,groups,formats": decimal numbers, those of a list joined by "-", in the order sent
 *   JA3S  MD5 of "version,cipher,extensions"
 *   JA4   t, version, d or i (SNI or none), number of ciphers, number of extensions, first and last character of the first ALPN name,
 *         _ SHA-256 of the sorted ciphers, _ SHA-256 of the sorted extensions and of the signature algorithms in the order sent; the
 *         hashes cut to 12 digits, numbers in four hex digits joined by ","
 *
 * GREASE (RFC 8701) counts nowhere. Left out on purpose: the other members of the JA4 family, which are not freely licensed.
 */
#include "tls_hello.h"

#include <stdio.h>
#include <string.h>

#include "smtpscope/codec.h"

enum {
	NUMBER = 6, /* characters of one with what joins it */
	FORMATS_MOST = 255,
	TEXT = NUMBER * (HELLO_CIPHERS + HELLO_EXTENSIONS + HELLO_GROUPS + FORMATS_MOST + 2), /* the longest JA3 there can be */
};

struct text {
	char p[TEXT];
	size_t n;
};

static void put(struct text *t, struct span s)
{
	t->n = span_append(t->p, t->n, sizeof t->p, s);
}

/* As format says; joined to what the list, which began at start, already holds. */
static void put_number(struct text *t, const char *joint, size_t start, bool hex, uint16_t value)
{
	char digits[NUMBER];

	if (t->n > start)
		put(t, span_str(joint));
	put(t, span_of(digits, (size_t)snprintf(digits, sizeof digits, hex ? "%04x" : "%u", value)));
}

/* ---- lists without GREASE ---- */

struct numbers {
	uint16_t v[HELLO_CIPHERS];
	unsigned n;
};

static void take(struct numbers *list, uint16_t value)
{
	if (!tls_is_grease(value) && list->n < HELLO_CIPHERS)
		list->v[list->n++] = value;
}

static void take_span(struct numbers *list, struct span raw)
{
	struct cursor c = cursor_of(raw.p, raw.n);

	list->n = 0;
	while (c.left > 1)
		take(list, cursor_be16(&c));
}

static void take_types(struct numbers *list, const uint16_t *types, unsigned n)
{
	list->n = 0;
	for (unsigned i = 0; i < n; i++)
		take(list, types[i]);
}

static void sort(struct numbers *list)
{
	for (unsigned i = 1; i < list->n; i++)
		for (unsigned k = i; k && list->v[k - 1] > list->v[k]; k--) {
			uint16_t v = list->v[k];

			list->v[k] = list->v[k - 1];
			list->v[k - 1] = v;
		}
}

static void put_list(struct text *t, const struct numbers *list, const char *joint, bool hex)
{
	size_t start = t->n;

	for (unsigned i = 0; i < list->n; i++)
		put_number(t, joint, start, hex, list->v[i]);
}

/* ---- JA3 ---- */

static void ja3_finish(const struct text *t, const struct digests *d, char out[JA3_TEXT])
{
	uint8_t md5[DIGEST_MD5];

	d->md5(span_of(t->p, t->n), md5);
	hex_encode(span_of(md5, sizeof md5), out, JA3_TEXT);
}

void ja3_client(const struct client_hello *h, const struct digests *d, char out[JA3_TEXT])
{
	struct text t = {.n = 0};
	struct numbers list;
	size_t start;

	put_number(&t, "", 0, false, h->version);
	put(&t, SPAN(","));
	take_span(&list, h->ciphers);
	put_list(&t, &list, "-", false);
	put(&t, SPAN(","));
	take_types(&list, h->extensions, h->extension_count);
	put_list(&t, &list, "-", false);
	put(&t, SPAN(","));
	take_span(&list, h->groups);
	put_list(&t, &list, "-", false);
	put(&t, SPAN(","));
	start = t.n;
	for (size_t i = 0; i < h->formats.n; i++)
		put_number(&t, "-", start, false, h->formats.p[i]);
	ja3_finish(&t, d, out);
}

void ja3_server(const struct server_hello *h, const struct digests *d, char out[JA3_TEXT])
{
	struct text t = {.n = 0};
	struct numbers list;

	put_number(&t, "", 0, false, h->version);
	put(&t, SPAN(","));
	put_number(&t, "", 0, false, h->cipher);
	put(&t, SPAN(","));
	take_types(&list, h->extensions, h->extension_count);
	put_list(&t, &list, "-", false);
	ja3_finish(&t, d, out);
}

/* ---- JA4 ---- */

enum { JA4_HASH = 12 };

/* Twelve digits of the hash of t; zeros where there was nothing to hash. */
static void ja4_hash(const struct text *t, const struct digests *d, char out[JA4_HASH])
{
	uint8_t sha256[DIGEST_SHA256];

	memset(out, '0', JA4_HASH);
	if (!t->n)
		return;
	d->sha256(span_of(t->p, t->n), sha256);
	hex_encode(span_of(sha256, JA4_HASH / 2), out, JA4_HASH);
}

static void ja4_version(uint16_t version, char out[2])
{
	static const char *const names[] = {"s3", "10", "11", "12", "13"};

	memcpy(out, version >= TLS_SSL3 && version <= TLS_1_3 ? names[version - TLS_SSL3] : "00", 2);
}

/* First and last character of the first name; of its hex digits when one of the two is no letter or digit. */
static void ja4_protocol(struct span protocols, char out[2])
{
	static const char hex[] = "0123456789abcdef";
	struct span name = protocols.n ? span_first(span_from(protocols, 1), protocols.p[0]) : SPAN_ABSENT;
	uint8_t first, last;

	memcpy(out, "00", 2);
	if (!name.n)
		return;
	first = name.p[0];
	last = name.p[name.n - 1];
	if (char_is(first, CHAR_ALPHA | CHAR_DIGIT) && char_is(last, CHAR_ALPHA | CHAR_DIGIT)) {
		out[0] = (char)first;
		out[1] = (char)last;
	} else {
		out[0] = hex[first >> 4];
		out[1] = hex[last & 15];
	}
}

static void ja4_count(unsigned n, char out[2])
{
	n = n > 99 ? 99 : n;
	out[0] = (char)('0' + n / 10);
	out[1] = (char)('0' + n % 10);
}

static void drop(struct numbers *list, uint16_t value)
{
	unsigned n = 0;

	for (unsigned i = 0; i < list->n; i++)
		if (list->v[i] != value)
			list->v[n++] = list->v[i];
	list->n = n;
}

static void ja4_extensions(const struct client_hello *h, struct numbers *list, struct text *t)
{
	enum { SERVER_NAME = 0, ALPN = 16 }; /* told in the first part already */
	struct numbers signatures;

	drop(list, SERVER_NAME);
	drop(list, ALPN);
	sort(list);
	put_list(t, list, ",", true);
	take_span(&signatures, h->signatures);
	if (signatures.n)
		put(t, SPAN("_"));
	put_list(t, &signatures, ",", true);
	if (!list->n)
		t->n = 0;
}

void ja4_client(const struct client_hello *h, const struct digests *d, char out[JA4_TEXT])
{
	struct text t = {.n = 0};
	struct numbers list;

	out[0] = 't';
	ja4_version(client_hello_version(h), out + 1);
	out[3] = h->names_server ? 'd' : 'i';
	take_span(&list, h->ciphers);
	ja4_count(list.n, out + 4);
	sort(&list);
	put_list(&t, &list, ",", true);
	out[10] = out[23] = '_';
	ja4_hash(&t, d, out + 11);
	take_types(&list, h->extensions, h->extension_count);
	ja4_count(list.n, out + 6);
	ja4_protocol(h->protocols, out + 8);
	t.n = 0;
	ja4_extensions(h, &list, &t);
	ja4_hash(&t, d, out + 24);
}
