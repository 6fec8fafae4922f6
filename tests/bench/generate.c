/*
 * generate.c - a capture of ordinary mail: sessions one after the other, each with one message of 50 KB in segments of 1 KB with an ACK for
 * every second one. Deterministic.
 *
 *   generate FILE MEGABYTES
 */
#include "build_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	FILE *f;
	uint64_t octets;
	int64_t us;
};

static void put32(FILE *f, uint32_t v)
{
	fwrite(&v, 4, 1, f);
}

static void put_frame(struct writer *w, const struct built *b)
{
	w->us += 50;
	put32(w->f, (uint32_t)(1767323045 + w->us / 1000000));
	put32(w->f, (uint32_t)(w->us % 1000000));
	put32(w->f, (uint32_t)b->n);
	put32(w->f, (uint32_t)b->n);
	fwrite(b->bytes, b->n, 1, w->f);
	w->octets += 16 + b->n;
}

struct session {
	struct endpoint side[2];
	uint32_t seq[2];
	struct writer *w;
};

static void send(struct session *s, int dir, uint8_t flags, struct span payload)
{
	static struct built b;
	struct segment t = {s->side[dir], s->side[!dir], s->seq[dir], s->seq[!dir], flags, payload};

	build_frame(WIRE_ETHERNET, &t, 1, &b);
	put_frame(s->w, &b);
	s->seq[dir] += (uint32_t)payload.n + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

static void say(struct session *s, int dir, const char *text)
{
	send(s, dir, TCP_ACK | TCP_PSH, span_str(text));
}

static void mail(struct session *s)
{
	static char body[51 * 1024];
	size_t n = 0;

	if (!body[0]) {
		n = (size_t)sprintf(body, "From: a@example.org\r\nTo: b@example.org\r\nSubject: bench\r\n\r\n");
		while (n < sizeof body - 80)
			n += (size_t)sprintf(body + n, "%.*s\r\n", 76, "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyBhbmQgcnVucyBhd2F5");
		strcpy(body + n, ".\r\n");
	}
	n = strlen(body);
	for (size_t at = 0, i = 0; at < n; at += 1024, i++) {
		send(s, 0, TCP_ACK, span_of(body + at, n - at < 1024 ? n - at : 1024));
		if (i % 2)
			send(s, 1, TCP_ACK, SPAN_ABSENT);
	}
}

static void one_session(struct writer *w, uint32_t i)
{
	static const char *const script[] = {"220 mx.example ESMTP\r\n", "EHLO c.example\r\n",
					     "250-mx.example\r\n250-PIPELINING\r\n250 SIZE 10240000\r\n",
					     "MAIL FROM:<a@example.org>\r\n", "250 ok\r\n", "RCPT TO:<b@example.org>\r\n", "250 ok\r\n", "DATA\r\n", "354 go\r\n"};
	struct session s = {.w = w, .seq = {i * 7919, i * 104729}};

	for (int d = 0; d < 2; d++)
		s.side[d] = (struct endpoint){.addr = {10, (uint8_t)(d ? 9 : i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8)},
					      .port = (uint16_t)(d ? 25 : 1024 + i % 60000), .family = 4};
	send(&s, 0, TCP_SYN, SPAN_ABSENT);
	send(&s, 1, TCP_SYN | TCP_ACK, SPAN_ABSENT);
	send(&s, 0, TCP_ACK, SPAN_ABSENT);
	for (int k = 0; k < 9; k++)
		say(&s, k % 2 ? 0 : 1, script[k]);
	mail(&s);
	say(&s, 1, "250 2.0.0 Ok: queued as ABC\r\n");
	say(&s, 0, "QUIT\r\n");
	say(&s, 1, "221 bye\r\n");
	send(&s, 1, TCP_FIN | TCP_ACK, SPAN_ABSENT);
	send(&s, 0, TCP_FIN | TCP_ACK, SPAN_ABSENT);
	send(&s, 1, TCP_ACK, SPAN_ABSENT);
}

int main(int argc, char **argv)
{
	static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, 1};
	struct writer w = {.f = argc == 3 ? fopen(argv[1], "w") : NULL};
	uint64_t want = argc == 3 ? strtoull(argv[2], NULL, 10) << 20 : 0;
	uint32_t i = 0;

	if (!w.f || !want)
		return 2;
	fwrite(header, sizeof header, 1, w.f);
	while (w.octets < want)
		one_session(&w, i++);
	fclose(w.f);
	printf("%u sessions\n", i);
	return 0;
}
