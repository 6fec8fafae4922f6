/*
 * tls_hello.h - the two messages of a TLS handshake that are always in clear, the fingerprints made of them, and the names of
 * what they hold. Private to smtp/.
 *
 * A hello is taken as a whole or not at all: where a length lies, a list is empty or odd, an extension comes twice, or a limit
 * below is passed, nothing of it is believed. Spans point into the message.
 */
#ifndef SMTP_TLS_HELLO_H
#define SMTP_TLS_HELLO_H

#include "smtpscope/digests.h"
#include "smtpscope/span.h"

enum { TLS_SSL3 = 0x0300, TLS_1_0 = 0x0301, TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };

enum {
	HELLO_EXTENSIONS = 128, /* clients send under 25; IANA has assigned about 60 */
	HELLO_CIPHERS = 512,    /* IANA has assigned about 350 */
	HELLO_GROUPS = 256,     /* IANA has assigned about 60 */
	HELLO_NAME = 255,       /* octets of a host name (RFC 1035 2.3.4) */
};

struct client_hello {
	uint16_t version;    /* legacy_version; what counts is in versions, where there are any */
	struct span session_id;
	struct span ciphers, groups, signatures, versions; /* lists of 16-bit numbers, as sent; all but ciphers may be absent */
	struct span formats; /* list of octets */
	struct span server_name;
	struct span protocols; /* ALPN: names, each behind its length; none is empty */
	uint16_t extensions[HELLO_EXTENSIONS];
	unsigned extension_count;
	bool names_server; /* the extension is there */
};

struct server_hello {
	uint16_t version; /* legacy_version */
	uint16_t chosen;  /* the version that was agreed */
	uint16_t cipher;
	struct span session_id;
	struct span protocol; /* ALPN; TLS 1.3 hides it */
	uint16_t extensions[HELLO_EXTENSIONS];
	unsigned extension_count;
	bool retry; /* HelloRetryRequest: another pair of hellos follows */
	bool psk;   /* TLS 1.3: an earlier session goes on */
};

/* body: the message without its four octets of header. False: not well formed. */
bool client_hello_parse(struct span body, struct client_hello *h);
bool server_hello_parse(struct span body, struct server_hello *h);

/* RFC 8701: values that clients send to keep servers tolerant; no fingerprint counts them. */
bool tls_is_grease(uint16_t value);
/* The highest version the client offers. */
uint16_t client_hello_version(const struct client_hello *h);

enum { JA3_TEXT = 2 * DIGEST_MD5, JA4_TEXT = 36 };
void ja3_client(const struct client_hello *h, const struct digests *d, char out[JA3_TEXT]);
void ja3_server(const struct server_hello *h, const struct digests *d, char out[JA3_TEXT]);
void ja4_client(const struct client_hello *h, const struct digests *d, char out[JA4_TEXT]);

/* "1.3"; NULL for what is no version. SSL 3.0 is "3.0", and its protocol "ssl". */
const char *tls_version_name(uint16_t version);
/* The name IANA gave it, or 0xNNNN, which is put into buf. */
struct span tls_cipher_name(uint16_t cipher, char buf[8]);
/* "unknown_ca", NULL for a number without a name. */
const char *tls_alert_name(uint8_t description);

#endif
