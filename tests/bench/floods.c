/*
 * floods.c - captures of what an attacker repeats without end (reliability 5). The same octets on every run and machine.
 *
 *   floods NAME AMOUNT CAPTURE
 *   floods                        prints the names, each with an amount that is large enough to show how cost grows
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_packet.h"

struct flood {
	struct pcap_writer out;
	int64_t ns;
	struct endpoint side[2];
	uint32_t seq[2]; /* of the next octet, by dir */
	uint16_t id;
	bool one_octet;  /* a segment each */
};

static struct built frame;

static void put(struct flood *f)
{
	f->ns += 20000;
	pcap_writer_frame(&f->out, f->ns, span_of(frame.bytes, frame.n), (uint32_t)frame.n);
}

static void send_one(struct flood *f, enum dir d, uint8_t flags, uint32_t seq, struct span payload)
{
	struct segment s = {.src = f->side[d], .dst = f->side[dir_other(d)], .seq = seq, .ack = f->seq[dir_other(d)], .flags = flags,
			    .payload = payload};

	build_frame(WIRE_ETHERNET, &s, f->id++, &frame);
	put(f);
}

static void say(struct flood *f, enum dir d, const char *text)
{
	struct span rest = span_str(text);

	while (rest.n) {
		size_t n = f->one_octet ? 1 : rest.n < 1400 ? rest.n : 1400;

		send_one(f, d, TCP_ACK | TCP_PSH, f->seq[d], span_first(rest, n));
		f->seq[d] += (uint32_t)n;
		rest = span_from(rest, n);
	}
}

static void client(struct flood *f, const char *text)
{
	say(f, DIR_CLIENT, text);
}

static void server(struct flood *f, const char *text)
{
	say(f, DIR_SERVER, text);
}

static void handshake(struct flood *f)
{
	f->seq[0] = 1000;
	f->seq[1] = 5000;
	send_one(f, DIR_CLIENT, TCP_SYN, 999, SPAN_ABSENT);
	send_one(f, DIR_SERVER, TCP_SYN | TCP_ACK, 4999, SPAN_ABSENT);
	send_one(f, DIR_CLIENT, TCP_ACK, 1000, SPAN_ABSENT);
}

static void greet(struct flood *f)
{
	handshake(f);
	server(f, "220 mx.example ESMTP\r\n");
	client(f, "EHLO c.example\r\n");
	server(f, "250-mx.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-AUTH LOGIN\r\n250 8BITMIME\r\n");
}

static void envelope(struct flood *f)
{
	greet(f);
	client(f, "MAIL FROM:<a@b.example>\r\n");
	server(f, "250 ok\r\n");
	client(f, "RCPT TO:<u@t.example>\r\n");
	server(f, "250 ok\r\n");
}

/* The n-th of many clients. */
static void come_from(struct flood *f, uint64_t n)
{
	f->side[0].addr[0] = 10;
	f->side[0].addr[1] = (uint8_t)(n >> 16);
	f->side[0].addr[2] = (uint8_t)(n >> 8);
	f->side[0].addr[3] = (uint8_t)n;
}

/* ---- floods ---- */

static void syn(struct flood *f, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		come_from(f, i);
		send_one(f, DIR_CLIENT, TCP_SYN, 999, SPAN_ABSENT);
	}
}

/* Addresses and ports whose sums, differences and exclusive ors are all alike. */
static void same_hash(struct flood *f, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint16_t port = (uint16_t)(1024 + i % 60000), low = (uint16_t)(port ^ 0x5555);

		come_from(f, i / 60000 << 16 | low);
		f->side[0].port = port;
		handshake(f);
		server(f, "220 x\r\n");
	}
}

static void fragments(struct flood *f, uint64_t n)
{
	static uint8_t text[64];
	struct segment s = {.src = f->side[0], .dst = f->side[1], .flags = TCP_ACK, .payload = span_of(text, sizeof text)};

	for (uint64_t i = 0; i < n; i++) {
		s.src.addr[1] = (uint8_t)(i >> 16);
		build_piece(&s, (uint16_t)i, 8 * (1 + i % 3), 8, true, &frame);
		put(f);
	}
}

/* All pieces of one datagram but the first, from the end to the start, over and over. */
static void fragments_of_one(struct flood *f, uint64_t n)
{
	static uint8_t text[60000];
	struct segment s = {.src = f->side[0], .dst = f->side[1], .flags = TCP_ACK, .payload = span_of(text, sizeof text)};

	for (uint64_t i = 0; i < n; i++) {
		build_piece(&s, (uint16_t)(i / 7000), 59000 - 8 * (i % 7000), 8, true, &frame);
		put(f);
	}
}

static void half_lines(struct flood *f, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		come_from(f, i);
		handshake(f);
		server(f, "220 mx.example ESMTP\r\n");
		client(f, "EHLO half-a-line-of-a-client-that-never-ends-it");
	}
}

static void recipients(struct flood *f, uint64_t n)
{
	envelope(f);
	for (uint64_t i = 0; i < n; i++) {
		client(f, "RCPT TO:<someone@example.org>\r\n");
		server(f, "250 ok\r\n");
	}
}

static void reply_lines(struct flood *f, uint64_t n)
{
	greet(f);
	client(f, "HELP\r\n");
	for (uint64_t i = 0; i < n; i++)
		server(f, "214-this goes on and on\r\n");
}

/* The reply is why the recipient is refused: each of its lines is looked at for the reason, and for the best evidence. */
static void refusal_lines(struct flood *f, uint64_t n)
{
	envelope(f);
	client(f, "RCPT TO:<v@t.example>\r\n");
	for (uint64_t i = 0; i < n; i++)
		server(f, "550-plain words, again and again, of which none says why this recipient is not to be had here\r\n");
	server(f, "550 no\r\n");
}

static void ehlo_lines(struct flood *f, uint64_t n)
{
	handshake(f);
	server(f, "220 mx.example ESMTP\r\n");
	client(f, "EHLO c.example\r\n");
	for (uint64_t i = 0; i < n; i++)
		server(f, "250-XKEYWORD value\r\n");
}

static void ehlo_again(struct flood *f, uint64_t n)
{
	handshake(f);
	server(f, "220 mx.example ESMTP\r\n");
	for (uint64_t i = 0; i < n; i++) {
		client(f, "EHLO c.example\r\n");
		server(f, "250-mx.example\r\n250 SIZE 1000\r\n");
	}
}

static void octets(struct flood *f, uint64_t n)
{
	greet(f);
	f->one_octet = true;
	for (uint64_t i = 0; i < n; i++) {
		client(f, "NOOP\r\n");
		server(f, "250 ok\r\n");
	}
}

static void repeat(struct flood *f, uint64_t n, const char *what)
{
	char text[1401] = "";

	while (strlen(text) + strlen(what) < sizeof text)
		strcat(text, what);
	for (uint64_t i = 0; i < n; i++)
		client(f, text);
}

static void one_line(struct flood *f, uint64_t n)
{
	greet(f);
	repeat(f, n, "x");
}

static void bdat(struct flood *f, uint64_t n)
{
	envelope(f);
	client(f, "BDAT 18446744073709551615 LAST\r\n");
	repeat(f, n, "BDAT 1\r\n");
}

static void body_of_dots(struct flood *f, uint64_t n)
{
	envelope(f);
	client(f, "DATA\r\n");
	server(f, "354 go\r\n");
	repeat(f, n, "\n.\r..\r\n..\n");
}

static void header_lines(struct flood *f, uint64_t n)
{
	envelope(f);
	client(f, "DATA\r\n");
	server(f, "354 go\r\n");
	repeat(f, n, "To: a@b.example,\r\n c@d.example\r\n");
}

static void pipelined(struct flood *f, uint64_t n)
{
	greet(f);
	repeat(f, n, "RSET\r\n");
}

static void behind_auth(struct flood *f, uint64_t n)
{
	greet(f);
	client(f, "AUTH LOGIN\r\n");
	repeat(f, n, "YWxpY2U=\r\n");
}

static void challenges(struct flood *f, uint64_t n)
{
	greet(f);
	client(f, "AUTH LOGIN\r\n");
	for (uint64_t i = 0; i < n; i++) {
		server(f, "334 VXNlcm5hbWU6\r\n");
		client(f, "YWxpY2U=\r\n");
	}
}

/* Every other octet is missing, and nobody ever acknowledges. */
static void gaps(struct flood *f, uint64_t n)
{
	greet(f);
	for (uint64_t i = 0; i < n; i++) {
		f->seq[0] += 1;
		say(f, DIR_CLIENT, "N");
	}
}

/* The same backwards: each new segment stands in front of all that wait. */
static void gaps_backwards(struct flood *f, uint64_t n)
{
	uint32_t start;

	greet(f);
	start = f->seq[0];
	for (uint64_t i = 0; i < n; i++) {
		f->seq[0] = start + 2 * (2000 - (uint32_t)(i % 2000));
		say(f, DIR_CLIENT, "N");
		start += i % 2000 == 1999 ? 5000 : 0;
	}
}

static void other_copies(struct flood *f, uint64_t n)
{
	greet(f);
	for (uint64_t i = 0; i < n; i++) {
		uint32_t at = f->seq[0];

		client(f, "NOOP\r\n");
		f->seq[0] = at;
		client(f, "RSET\r\n");
	}
}

static void junk_lines(struct flood *f, uint64_t n)
{
	greet(f);
	for (uint64_t i = 0; i < n; i++) {
		client(f, "\x01\xff what is this\r\n");
		server(f, "500 5.5.2 unrecognized\r\n");
	}
}

/* Fewer commands under way than are given up, so that all of them wait. */
static void deep_pipeline(struct flood *f, uint64_t n)
{
	greet(f);
	for (uint64_t i = 0; i < n; i++)
		client(f, "RSET\r\n");
}

/* As many under way as are kept, and each reply is seen before the next command. */
static void answered_late(struct flood *f, uint64_t n)
{
	deep_pipeline(f, 1000);
	for (uint64_t i = 0; i < n; i++) {
		server(f, "250 ok\r\n");
		client(f, "RSET\r\n");
	}
}

static void answers_at_once(struct flood *f, uint64_t n)
{
	deep_pipeline(f, n);
	for (uint64_t i = 0; i < n; i++)
		server(f, "250 ok\r\n");
}

static void auth_again(struct flood *f, uint64_t n)
{
	greet(f);
	for (uint64_t i = 0; i < n; i++) {
		client(f, "AUTH PLAIN AGFsaWNlAHplYnJhbW9vbg==\r\n");
		server(f, "535 5.7.8 no\r\n");
	}
}

/* Words that wait behind AUTH, and a reply of which each line may repeat one. */
static void words_and_reply(struct flood *f, uint64_t n)
{
	char word[16], line[1300] = "535-";

	greet(f);
	client(f, "AUTH PLAIN AGFsaWNlAHplYnJhbW9vbg==\r\n");
	for (uint64_t i = 0; i < 100 * n; i++) {
		snprintf(word, sizeof word, "%06x ", (unsigned)i);
		client(f, word);
	}
	memset(line + 4, 'x', 1200);
	strcpy(line + 1204, "\r\n");
	for (uint64_t i = 0; i < n; i++)
		server(f, line);
	server(f, "535 no\r\n");
}

/* A line that is hidden, of many words, and its reply, of which each line may repeat one. */
static void hidden_words(struct flood *f, uint64_t n)
{
	char line[4096] = "", reply[1300] = "500-";

	greet(f);
	client(f, "AUTH PLAIN AGFsaWNlAHplYnJhbW9vbg==\r\n");
	server(f, "535 no\r\n");
	memset(reply + 4, 'x', 1200);
	strcpy(reply + 1204, "\r\n");
	for (uint64_t i = 0; i < 20 * n && i < 500; i++)
		sprintf(line + strlen(line), "%06x ", (unsigned)i);
	strcat(line, "\r\n");
	client(f, line);
	for (uint64_t i = 0; i < n; i++)
		server(f, reply);
	server(f, "500 no\r\n");
}

static void mechanisms(struct flood *f, uint64_t n)
{
	char line[1300] = "250-AUTH";

	handshake(f);
	server(f, "220 mx.example ESMTP\r\n");
	client(f, "EHLO c.example\r\n250-");
	for (unsigned i = 0; strlen(line) < 1000; i++)
		sprintf(line + strlen(line), " %c%c", 'A' + i % 26, 'A' + i / 26 % 26);
	strcat(line, "\r\n");
	server(f, line);
	for (uint64_t i = 0; i < n; i++)
		server(f, line);
	server(f, "250 ok\r\n");
}

static void auth_of_many(struct flood *f, uint64_t n)
{
	mechanisms(f, 1);
	for (uint64_t i = 0; i < n; i++) {
		client(f, "AUTH ZZ\r\n");
		server(f, "504 no\r\n");
	}
}

static void identities(struct flood *f, uint64_t n)
{
	char text[64];

	for (uint64_t i = 0; i < n; i++) {
		f->side[0].port = (uint16_t)(1024 + i % 60000);
		greet(f);
		client(f, "AUTH PLAIN\r\n");
		server(f, "334 \r\n");
		snprintf(text, sizeof text, "AGFs%04x%04xAHplYnJhbW9vbg==\r\n", (unsigned)(i & 0xffff), (unsigned)(i * 7 & 0xffff));
		client(f, text);
		server(f, "535 5.7.8 no\r\n");
		send_one(f, DIR_CLIENT, TCP_RST, f->seq[0], SPAN_ABSENT);
	}
}

static void long_recipients(struct flood *f, uint64_t n)
{
	char text[600];

	envelope(f);
	for (uint64_t i = 0; i < n; i++) {
		snprintf(text, sizeof text, "RCPT TO:<%0200llu@%0200llu.example>\r\n", (unsigned long long)i, (unsigned long long)i);
		client(f, text);
		server(f, "550 5.1.1 no such user\r\n");
	}
}

static void folded_header(struct flood *f, uint64_t n)
{
	envelope(f);
	client(f, "DATA\r\n");
	server(f, "354 go\r\n");
	client(f, "Subject: a");
	repeat(f, n, "\r\n b");
}

static void mime_words(struct flood *f, uint64_t n)
{
	envelope(f);
	client(f, "DATA\r\n");
	server(f, "354 go\r\n");
	repeat(f, n, "Subject: =?iso-8859-1?q?=e4?= =?utf-8?b?w6Q=?=\r\n =?x?q?=?=\r\n");
}

static void tls_records(struct flood *f, uint64_t n)
{
	greet(f);
	client(f, "STARTTLS\r\n");
	server(f, "220 go\r\n");
	for (uint64_t i = 0; i < 100 * n; i++) {
		send_one(f, DIR_CLIENT, TCP_ACK | TCP_PSH, f->seq[0], span_of("\x16\x03\x01\x00\x01\x01", 6));
		f->seq[0] += 6;
	}
}

static void pieces_over_pieces(struct flood *f, uint64_t n)
{
	static uint8_t text[2000];
	struct segment s = {.src = f->side[0], .dst = f->side[1], .flags = TCP_ACK, .payload = span_of(text, sizeof text)};

	for (uint64_t i = 0; i < n; i++) {
		text[i % 1500] ^= 1;
		build_piece(&s, 7, 8 * (1 + i * 37 % 200), 64, true, &frame);
		put(f);
	}
}

static void parameters(struct flood *f, uint64_t n)
{
	char line[1400] = "MAIL FROM:<>";

	greet(f);
	while (strlen(line) < 1300)
		strcat(line, " a=b");
	strcat(line, "\r\n");
	for (uint64_t i = 0; i < n; i++) {
		client(f, line);
		server(f, "555 no\r\n");
	}
}

static const struct {
	const char *name;
	void (*play)(struct flood *f, uint64_t n);
	unsigned amount; /* from where on what is there once is small beside it, and limits are reached */
} floods[] = {
	{"syn", syn, 4000},
	{"same-hash", same_hash, 1500},
	{"fragments", fragments, 5000},
	{"fragments-of-one", fragments_of_one, 7000},
	{"half-lines", half_lines, 800},
	{"recipients", recipients, 1500},
	{"reply-lines", reply_lines, 3000},
	{"refusal-lines", refusal_lines, 15}, /* of a reply, 64 lines are kept */
	{"ehlo-lines", ehlo_lines, 3000},
	{"ehlo-again", ehlo_again, 1000},
	{"octets", octets, 500},
	{"one-line", one_line, 2000},
	{"bdat", bdat, 2000},
	{"body-of-dots", body_of_dots, 100},
	{"header-lines", header_lines, 300},
	{"pipelined", pipelined, 10},
	{"behind-auth", behind_auth, 200},
	{"challenges", challenges, 2000},
	{"gaps", gaps, 5000},
	{"gaps-backwards", gaps_backwards, 4000},
	{"other-copies", other_copies, 1000},
	{"junk-lines", junk_lines, 1000},
	{"deep-pipeline", deep_pipeline, 250},
	{"answers-at-once", answers_at_once, 250},
	{"answered-late", answered_late, 2000},
	{"auth-again", auth_again, 500},
	{"words-and-reply", words_and_reply, 15},
	{"hidden-words", hidden_words, 15},
	{"mechanisms", mechanisms, 15},
	{"auth-of-many", auth_of_many, 1000},
	{"identities", identities, 500},
	{"long-recipients", long_recipients, 1000},
	{"folded-header", folded_header, 100},
	{"mime-words", mime_words, 100},
	{"tls-records", tls_records, 20},
	{"pieces-over-pieces", pieces_over_pieces, 3000},
	{"parameters", parameters, 300},
};

int main(int argc, char **argv)
{
	static struct flood f = {.side = {{.addr = {10, 0, 0, 1}, .port = 50000, .family = 4}, {.addr = {192, 0, 2, 25}, .port = 25, .family = 4}},
				 .ns = INT64_C(1767323045) * 1000000000};
	size_t i = 0, count = sizeof floods / sizeof *floods;

	for (; argc == 1 && i < count; i++)
		printf("%s %u\n", floods[i].name, floods[i].amount);
	if (argc == 1)
		return 0;
	while (i < count && strcmp(floods[i].name, argv[1]) != 0)
		i++;
	if (argc != 4 || i == count || !pcap_writer_open(&f.out, argv[3], wire_link_dlt(WIRE_ETHERNET))) {
		fprintf(stderr, "floods [NAME AMOUNT CAPTURE]\n");
		return 2;
	}
	floods[i].play(&f, strtoull(argv[2], NULL, 10));
	return fclose(f.out.f) == 0 ? 0 : 1;
}
