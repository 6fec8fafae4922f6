/*
 * tls_hello.c - ClientHello and ServerHello (RFC 5246 7.4.1, RFC 8446 4.1). See tls_hello.h.
 *
 *   ClientHello: version(2) random(32) session_id<0..32> cipher_suites<2..2^16-2> compression_methods<1..255> [extensions<0..2^16-1>]
 *   ServerHello: version(2) random(32) session_id<0..32> cipher_suite(2) compression_method(1)               [extensions<0..2^16-1>]
 *   Extension:   type(2) data<0..2^16-1>
 *
 * Left out: everything a fingerprint or an event does not need.
 */
#include "tls_hello.h"

enum extension {
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_FORMATS = 11,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_PSK = 41,
	EXT_VERSIONS = 43,
};
enum { RANDOM = 32, SESSION_ID_MOST = 32 };

/* SHA-256 of "HelloRetryRequest" (RFC 8446 4.1.3): the random of a ServerHello that is none. */
static const uint8_t retry_random[RANDOM] = {
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91,
    0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
};

bool tls_is_grease(uint16_t value)
{
	return (value & 0x0F0F) == 0x0A0A && value >> 8 == (value & 0xFF);
}

static struct span vector8(struct cursor *c)
{
	return cursor_bytes(c, cursor_u8(c));
}

static struct span vector16(struct cursor *c)
{
	return cursor_bytes(c, cursor_be16(c));
}

static bool at_end(const struct cursor *c)
{
	return !c->bad && c->left == 0;
}

/* A list of 16-bit numbers that is all there is. */
static bool numbers(struct cursor *c, struct span list, size_t most, struct span *out)
{
	*out = list;
	return at_end(c) && list.n > 0 && list.n % 2 == 0 && list.n / 2 <= most;
}

/* ---- extensions of the client ---- */

/* RFC 6066 3. Types of names other than host_name were never defined; they are passed over. */
static bool client_server_name(struct client_hello *h, struct cursor *c)
{
	struct span list = vector16(c);
	struct cursor names = cursor_of(list.p, list.n);

	h->names_server = true;
	if (!at_end(c) || !list.n)
		return false;
	while (names.left && !names.bad) {
		uint8_t type = cursor_u8(&names);
		struct span name = vector16(&names);

		if (!name.n || name.n > HELLO_NAME)
			return false;
		if (type == 0 && !h->server_name.p)
			h->server_name = name;
	}
	return at_end(&names);
}

static bool client_groups(struct client_hello *h, struct cursor *c)
{
	struct span list = vector16(c);

	return numbers(c, list, HELLO_GROUPS, &h->groups);
}

static bool client_formats(struct client_hello *h, struct cursor *c)
{
	h->formats = vector8(c);
	return at_end(c) && h->formats.n;
}

static bool client_signatures(struct client_hello *h, struct cursor *c)
{
	struct span list = vector16(c);

	return numbers(c, list, HELLO_GROUPS, &h->signatures);
}

static bool client_versions(struct client_hello *h, struct cursor *c)
{
	struct span list = vector8(c);

	return numbers(c, list, HELLO_GROUPS, &h->versions);
}

/* RFC 7301 3.1 */
static bool client_alpn(struct client_hello *h, struct cursor *c)
{
	struct cursor names;

	h->protocols = vector16(c);
	names = cursor_of(h->protocols.p, h->protocols.n);
	if (!at_end(c) || !names.left)
		return false;
	while (names.left && !names.bad)
		if (!vector8(&names).n)
			return false;
	return at_end(&names);
}

struct client_extension {
	uint16_t type;
	bool (*parse)(struct client_hello *h, struct cursor *c);
};

static const struct client_extension client_extensions[] = {
    {EXT_SERVER_NAME, client_server_name},
    {EXT_GROUPS, client_groups},
    {EXT_FORMATS, client_formats},
    {EXT_SIGNATURES, client_signatures},
    {EXT_ALPN, client_alpn},
    {EXT_VERSIONS, client_versions},
};

static bool client_extension(struct client_hello *h, uint16_t type, struct span data)
{
	struct cursor c = cursor_of(data.p, data.n);

	for (size_t i = 0; i < sizeof client_extensions / sizeof *client_extensions; i++)
		if (client_extensions[i].type == type)
			return client_extensions[i].parse(h, &c);
	return true;
}

/* ---- extensions of the server ---- */

static bool server_extension(struct server_hello *h, uint16_t type, struct span data)
{
	struct cursor c = cursor_of(data.p, data.n), names;
	struct span list;

	switch (type) {
	case EXT_VERSIONS:
		h->chosen = cursor_be16(&c);
		return at_end(&c);
	case EXT_PSK:
		cursor_skip(&c, 2);
		h->psk = true;
		return at_end(&c);
	case EXT_ALPN:
		list = vector16(&c);
		names = cursor_of(list.p, list.n);
		h->protocol = vector8(&names);
		return at_end(&c) && at_end(&names) && h->protocol.n;
	default:
		return true;
	}
}

/* ---- both ---- */

/* Cuts the next extension off c and notes its type; false: malformed, one too many, or there twice (RFC 8446 4.2). */
static bool next_extension(struct cursor *c, uint16_t *types, unsigned *count, struct span *data)
{
	uint16_t type = cursor_be16(c);

	*data = vector16(c);
	if (c->bad || *count == HELLO_EXTENSIONS)
		return false;
	for (unsigned i = 0; i < *count; i++)
		if (types[i] == type)
			return false;
	types[(*count)++] = type;
	return true;
}

/* The extensions, which are the rest of the message; older hellos end without them. */
static struct cursor extension_block(struct cursor *c)
{
	struct span block = SPAN("");

	if (c->left)
		block = vector16(c);
	c->bad |= c->left != 0;
	return cursor_of(block.p, block.n);
}

bool client_hello_parse(struct span body, struct client_hello *h)
{
	struct cursor c = cursor_of(body.p, body.n), block;
	struct span compression, data;

	*h = (struct client_hello){.version = cursor_be16(&c)};
	cursor_skip(&c, RANDOM);
	h->session_id = vector8(&c);
	h->ciphers = vector16(&c);
	compression = vector8(&c);
	block = extension_block(&c);
	if (c.bad || h->session_id.n > SESSION_ID_MOST || !compression.n)
		return false;
	if (!h->ciphers.n || h->ciphers.n % 2 || h->ciphers.n / 2 > HELLO_CIPHERS)
		return false;
	while (block.left)
		if (!next_extension(&block, h->extensions, &h->extension_count, &data) ||
		    !client_extension(h, h->extensions[h->extension_count - 1], data))
			return false;
	return !block.bad && tls_version_name(client_hello_version(h)) != NULL;
}

bool server_hello_parse(struct span body, struct server_hello *h)
{
	struct cursor c = cursor_of(body.p, body.n), block;
	struct span random, data;

	*h = (struct server_hello){.version = cursor_be16(&c)};
	h->chosen = h->version;
	random = cursor_bytes(&c, RANDOM);
	h->session_id = vector8(&c);
	h->cipher = cursor_be16(&c);
	cursor_skip(&c, 1);
	block = extension_block(&c);
	if (c.bad || h->session_id.n > SESSION_ID_MOST)
		return false;
	while (block.left)
		if (!next_extension(&block, h->extensions, &h->extension_count, &data) ||
		    !server_extension(h, h->extensions[h->extension_count - 1], data))
			return false;
	h->retry = span_eq(random, span_of(retry_random, RANDOM));
	return !block.bad && tls_version_name(h->chosen) != NULL;
}

uint16_t client_hello_version(const struct client_hello *h)
{
	struct cursor c = cursor_of(h->versions.p, h->versions.n);
	uint16_t best = 0;

	if (!h->versions.n)
		return h->version;
	while (c.left) {
		uint16_t v = cursor_be16(&c);

		if (!tls_is_grease(v) && v > best)
			best = v;
	}
	return best;
}
