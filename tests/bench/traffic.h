/*
 * traffic.h - what is said in the connections of the benchmark. Each writes one connection as a script and counts in the truth what
 * must come out of it.
 */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

#include "script.h"

struct traffic {
	struct random random;
	struct truth *truth;
	uint64_t number;   /* of the next connection */
	unsigned servers;  /* bit n: number n of the six that take AUTH was used */
	char *bodies;      /* text that messages are cut from */
	size_t bodies_n;
	uint8_t *noise;    /* what ciphertext looks like */
	size_t noise_n;
};

void traffic_init(struct traffic *t, uint64_t seed, struct truth *truth);
void traffic_free(struct traffic *t);

/* EHLO, one AUTH of one of three mechanisms, in the clear, that fails or not, QUIT. */
void traffic_auth(struct traffic *t, struct script *s);
/* One message of 1 to 100 KB in segments of 1 KB. */
void traffic_mail(struct traffic *t, struct script *s);
/* One message of 1 to 6 MB in segments of 1448 octets. */
void traffic_bulk(struct traffic *t, struct script *s);
/* Not SMTP: web pages, downloads over TLS, ssh, name lookups. */
void traffic_other(struct traffic *t, struct script *s);

#endif
