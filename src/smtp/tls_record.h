/*
 * tls_record.h - one connection's TLS as far as it can be seen: records, the hellos in them, plain alerts. Private to smtp/.
 *
 * Made when the first TLS octets come and kept to the end of the session. A hello is gathered, at most HELLO_MOST octets of it,
 * parsed, and given back; what follows the hellos is counted by record headers only.
 */
#ifndef SMTP_TLS_RECORD_H
#define SMTP_TLS_RECORD_H

#include "smtpscope/chunk.h"
#include "smtpscope/pool.h"
#include "tls_hello.h"

enum {
	HELLO_MOST = 32 * 1024, /* with post-quantum keys and padding under 4 KiB; RFC 8446 would allow 128 KiB and more */
	TLS_ALERTS = 8,         /* kept; a failed handshake has one or two */
	TLS_HEADER = 5,
	TLS_START = 3, /* octets that tell a record from a line: a line may begin with one control character (^U erases it) */
};

enum tls_role { TLS_CLIENT, TLS_SERVER };

enum tls_seen {
	TLS_SEEN_HELLO = 1,    /* a record of type handshake */
	TLS_SEEN_DATA = 2,     /* of type application data */
	TLS_SEEN_ALERT = 4,
	TLS_SEEN_JUNK = 8,     /* octets that are no TLS: nothing more is read */
	TLS_SEEN_CCS = 16,
	TLS_SEEN_FINISHED = 32, /* a handshake record behind the CCS */
	TLS_SEEN_LOST = 64,     /* a hole took the place where the next record begins */
};

/* One direction. */
struct tls_side {
	uint8_t header[TLS_HEADER], have;
	uint8_t seen;          /* enum tls_seen */
	uint16_t length, left; /* of the record */
	uint16_t first_data;   /* octets of the first record of application data; 0 none */
	bool more_data;        /* it was not the only one */
	bool read;             /* no more hellos are expected, or what came was none */
	uint8_t *hello;        /* the message so far, header included */
	uint32_t hello_len, hello_cap;
};

struct tls_alert {
	enum tls_role by;
	uint8_t level, description;
};

struct tls {
	struct pool *pool;
	const struct digests *digests; /* NULL: no fingerprints */
	struct tls_side side[2];       /* by enum tls_role */
	/* ClientHello; with a HelloRetryRequest the first: it is what the client is by itself */
	bool client_known;
	bool sslv2;                    /* in SSLv2 format (RFC 5246 E.2): nothing but its version is read */
	uint16_t offered[8];           /* versions, highest first as sent; without GREASE */
	uint8_t offered_count;
	struct span session_id, server_name, protocols; /* copies */
	char ja3[JA3_TEXT], ja4[JA4_TEXT];
	/* ServerHello; with a HelloRetryRequest the second */
	bool server_known, retry, resumed;
	uint16_t version, cipher;
	struct span next_protocol;
	char ja3s[JA3_TEXT];
	struct tls_alert alerts[TLS_ALERTS];
	uint8_t alert_count;
};

/* NULL when memory is refused. */
struct tls *tls_new(struct pool *pool, const struct digests *digests);
void tls_free(struct tls **tls);

/* The start of a record, or of a ClientHello in SSLv2 format; as much of it as is there. */
bool tls_starts_record(struct span b);
bool tls_starts_sslv2(struct span b);
/* Between two records. */
bool tls_between(const struct tls_side *e);
/* Takes whole records and the start of the last one; what is in c afterwards starts no record, together with what the side already has
   of the header. */
void tls_take(struct tls *t, enum tls_role by, struct chunk *c);
/* n octets are lost. */
void tls_lose(struct tls *t, enum tls_role by, uint64_t n);

/* Both sides' hellos were seen, and what only follows a handshake that succeeded. */
bool tls_established(const struct tls *t);
/* TLS 1.3: all the client sent under the new keys is one record of the size of an alert. */
bool tls_hidden_alert(const struct tls *t);

#endif
