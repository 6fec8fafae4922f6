/*
 * test_tcp.c - connections and reassembly: scripts of segments against the transcript a consumer sees; limits. Names carry
 * the promise they check (R1 ...). Random dialogues are in test_tcp_random.c.
 */
#include "smtpscope/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/net/tcp_conn.h"

static const uint8_t seed[16] = "0123456789abcde";

/* ---- scripts ----
 *
 * Steps end with ';'. "<side><flags> <seq> <ack> [+cut] [data]": side C or S, flags of S A F R, numbers relative to the first
 * octet of each stream, +cut octets that the snaplen took off the end, data "_" for a NUL. "@sec" sets the clock, "#n" takes other initial
 * sequence numbers, "/" ends the input, "^n" sends n pure ACKs in turn, "=port" lets the client use another port.
 *
 * Transcript: "(" open, "C:data", "C~n" a gap, "C!refused/kept@off" a conflict, "C." its FIN, ")why" close. Sides are what
 * net/tcp says they are.
 */
static const char *const close_name[] = {"fin", "rst", "timeout", "evicted", "reused", "eof"};

struct heard {
	uint64_t done[2]; /* octets delivered, for L5 */
};

struct wire {
	struct pool *pool;
	struct tcp *tcp;
	struct tcp_limits limits;
	uint32_t isn[2];
	uint16_t client_port;
	int64_t now;
	uint64_t frame;
	char text[4096];
	size_t used;
	enum dir last;        /* of the newest data chunk */
	bool merge;           /* the newest thing in text is data of `last` */
	struct heard heard[128]; /* by connection, those long gone are overwritten */
	struct heard *newest;
	bool unknown_port;    /* no port is known to be a server's: the lower one is taken for it */
	bool ignore;          /* answer TCP_IGNORE to the first chunk */
	bool quiet;           /* no text */
	uint64_t opened, closed;
};

__attribute__((format(printf, 2, 3))) static void say(struct wire *w, const char *format, ...)
{
	va_list args;
	int n;

	w->merge = false;
	if (w->quiet)
		return;
	va_start(args, format);
	n = vsnprintf(w->text + w->used, sizeof(w->text) - w->used, format, args);
	va_end(args);
	w->used += (size_t)n;
	assert_true(w->used < sizeof(w->text));
}

static void *on_open(void *ctx, const struct flow *flow)
{
	struct wire *w = ctx;

	say(w, "%s(%s", w->used ? " " : "", flow->syn_seen ? "" : "?");
	w->newest = &w->heard[w->opened++ % 128];
	*w->newest = (struct heard){{0, 0}};
	return w->newest;
}

static enum tcp_want on_chunk(void *ctx, void *user, const struct flow *flow, const struct chunk *c)
{
	struct wire *w = ctx;
	struct heard *h = user;
	char side = c->dir == DIR_CLIENT ? 'C' : 'S';

	assert_true(flow->packets[0] + flow->packets[1] > 0);
	assert_true(c->peer_seen <= h->done[dir_other(c->dir)]);
	if (c->kind == CHUNK_CONFLICT) {
		say(w, " %c!%.*s/%.*s@%d", side, (int)c->len, (const char *)c->data, (int)c->len, (const char *)c->kept,
		    (int)c->off);
		return TCP_WANT;
	}
	assert_int_equal(c->off, h->done[c->dir]); /* L5 */
	h->done[c->dir] += c->len;
	if (c->kind == CHUNK_GAP) {
		say(w, " %c~%d", side, (int)c->len);
	} else if (c->kind == CHUNK_END) {
		say(w, " %c.", side);
	} else {
		bool merge = w->merge && w->last == c->dir;

		if (merge)
			say(w, "%.*s", (int)c->len, (const char *)c->data);
		else
			say(w, " %c:%.*s", side, (int)c->len, (const char *)c->data);
		w->merge = true;
		w->last = c->dir;
	}
	return w->ignore ? TCP_IGNORE : TCP_WANT;
}

static void on_close(void *ctx, void *user, const struct flow *flow, enum tcp_close why)
{
	struct wire *w = ctx;

	assert_true((struct heard *)user >= w->heard && (struct heard *)user < w->heard + 128);
	assert_true(flow->last_frame >= flow->first_frame);
	say(w, " )%s", close_name[why]);
	w->closed++;
}

static bool is_server_port(void *ctx, uint16_t port)
{
	const struct wire *w = ctx;

	return port == 25 && !w->unknown_port;
}

static void wire_up(struct wire *w, uint64_t memory)
{
	static const struct tcp_handlers handlers = {on_open, on_chunk, on_close, is_server_port};

	if (w->limits.held_total == 0)
		w->limits = tcp_limits_default;
	w->pool = pool_new(memory);
	w->tcp = tcp_new(w->pool, &w->limits, seed, &handlers, w);
	w->client_port = 40000;
	w->newest = &w->heard[0];
	assert_non_null(w->tcp);
}

/* Every block is given back. */
static void wire_down(struct wire *w)
{
	tcp_free(&w->tcp);
	assert_int_equal(pool_used(w->pool), 0);
	pool_free(&w->pool);
}

static void send_segment(struct wire *w, enum dir d, uint8_t flags, int64_t seq, int64_t ack, struct span data, uint32_t cut)
{
	struct packet p = {
		.seq = w->isn[d] + 1 + (uint32_t)seq,
		.ack = w->isn[!d] + 1 + (uint32_t)ack,
		.flags = flags,
		.payload = data,
		.payload_len = (uint32_t)data.n + cut,
	};
	struct endpoint client = {.addr = {192, 0, 2, 1}, .port = w->client_port, .family = 4};
	struct endpoint server = {.addr = {192, 0, 2, 25}, .port = 25, .family = 4};

	p.src = d == DIR_CLIENT ? client : server;
	p.dst = d == DIR_CLIENT ? server : client;
	tcp_packet(w->tcp, &p, w->now, ++w->frame);
}

static uint8_t flag_of(char c)
{
	return c == 'S' ? TCP_SYN : c == 'A' ? TCP_ACK : c == 'F' ? TCP_FIN : c == 'R' ? TCP_RST : 0;
}

static void play_segment(struct wire *w, const char *at, const char *end)
{
	enum dir d = *at++ == 'C' ? DIR_CLIENT : DIR_SERVER;
	uint8_t flags = 0;
	uint32_t cut = 0;
	char *rest;
	long seq, ack;

	while (at < end && *at != ' ')
		flags |= flag_of(*at++);
	seq = strtol(at, &rest, 10);
	ack = strtol(rest, &rest, 10);
	if (rest + 1 < end && rest[1] == '+')
		cut = (uint32_t)strtol(rest + 2, &rest, 10);
	if (rest < end)
		rest++;
	send_segment(w, d, flags, seq, ack, *rest == '_' ? span_of("", 1) : span_of(rest, (size_t)(end - rest)), cut);
}

static void play_step(struct wire *w, const char *at, const char *end)
{
	if (*at == '@') {
		w->now = strtoll(at + 1, NULL, 10) * 1000000000;
	} else if (*at == '#') {
		w->isn[0] += 0x10000000u * (uint32_t)atoi(at + 1);
		w->isn[1] += 0x30000000u * (uint32_t)atoi(at + 1);
	} else if (*at == '/') {
		tcp_finish(w->tcp, SIZE_MAX);
	} else if (*at == '=') {
		w->client_port = (uint16_t)atoi(at + 1);
	} else if (*at == '^') {
		for (int n = atoi(at + 1); n > 0; n--)
			send_segment(w, DIR_SERVER, TCP_ACK, (int64_t)w->newest->done[1], (int64_t)w->newest->done[0], SPAN_ABSENT, 0);
	} else {
		play_segment(w, at, end);
	}
}

static void play(struct wire *w, const char *script)
{
	while (*script) {
		const char *end = strchr(script, ';');

		play_step(w, script, end);
		script = end + 1;
	}
}

#define HELLO "CS -1 0;SSA -1 0;CA 0 0;"
#define BYE "SFA 3 6;CFA 6 4;SA 4 7;"

struct script {
	const char *name, *steps, *want;
};

static const struct script scripts[] = {
	{"plain", HELLO "SA 0 0 220;CA 0 3 EHLO a;CFA 6 3;SFA 3 7;CA 7 4;", "( S:220 C:EHLO a C. S. )fin"},
	{"handshake alone is opened", HELLO "/;", "( )eof"},
	{"SYN alone is nothing", "CS -1 0;/;", ""},
	{"refused", "CS -1 0;SRA -1 0;/;", ""},
	{"data and FIN in one", HELLO "CFA 0 0 abc;SFA 0 4 x;", "( C:abc C. S:x S. )fin"},
	{"half-close (R14)", HELLO "CFA 0 0 abcdef;SA 0 7 220;SFA 3 7;", "( C:abcdef C. S:220 S. )fin"},
	{"simultaneous close", HELLO "CFA 0 0;SFA 0 0;CA 1 1;SA 1 1;", "( C. S. )fin"},
	{"FIN out of order", HELLO "CFA 6 0;CA 3 0 def;CA 0 0 abc;SFA 0 7;", "( C:abcdef C. S. )fin"},
	{"reordered (R1)", HELLO "CA 3 0 def;CA 6 0 g;CA 0 0 abc;/;", "( C:abcdefg )eof"},
	{"retransmitted with more and with less (R3)", HELLO "CA 0 0 abc;CA 0 0 abcdef;CA 1 0 bc;CA 4 0 efg;/;",
	 "( C:abcdefg )eof"},
	{"overlap around a block", HELLO "CA 2 0 c;CA 4 0 e;CA 0 0 abcdefg;/;", "( C:abcdefg )eof"},

	{"other content, delivered first (R4)", HELLO "CA 0 0 abcdef;CA 2 0 xxy;/;", "( C:abcdef C!xxy/cde@2 )eof"},
	{"other content, inside", HELLO "CA 0 0 abcdef;CA 1 0 bXde;/;", "( C:abcdef C!X/c@2 )eof"},
	{"other content, held", HELLO "CA 3 0 def;CA 3 0 dEf;CA 0 0 abc;/;", "( C!E/e@4 C:abcdef )eof"},
	{"other content, across two", HELLO "CA 2 0 c;CA 4 0 e;CA 0 0 abXdYf;/;", "( C!X/c@2 C!Y/e@4 C:abcdef )eof"},
	{"other content, newer first and longer", HELLO "CA 0 0 ab;CA 0 0 xbcd;/;", "( C:ab C!x/a@0 C:cd )eof"},
	{"other content, but acknowledged", HELLO "CA 0 0 abc;SA 0 3;CA 0 0 xyz;/;", "( C:abc )eof"},
	{"other content in part acknowledged", HELLO "CA 0 0 abcdef;SA 0 3;CA 0 0 xyzxyz;/;", "( C:abcdef C!xyz/def@3 )eof"},

	{"lost and acknowledged (R5)", HELLO "CA 0 0 abc;CA 6 0 ghi;SA 0 9 250;CA 9 3 j;/;", "( C:abc C~3 C:ghi S:250 C:j )eof"},
	{"... waits 64 packets and no more", HELLO "CA 3 0 def;SA 0 6;^64;CA 0 0 abc;/;", "( C~3 C:def )eof"},
	{"... it came after all", HELLO "CA 3 0 def;SA 0 6;^63;CA 0 0 abc;/;", "( C:abcdef )eof"},
	{"ACK before the data (R6)", HELLO "CA 0 0 abc;SA 0 9;CA 6 0 ghi;CA 3 0 def;/;", "( C:abcdefghi )eof"},
	{"never acknowledged, FIN (R7)", HELLO "CA 3 0 def;CFA 6 0;/;", "( C~3 C:def C. )fin"},
	{"never acknowledged, RST (R7)", HELLO "CA 3 0 def;CR 6 0;/;", "( C~3 C:def )rst"},
	{"never acknowledged, end of input (R7)", HELLO "CA 3 0 def;/;", "( C~3 C:def )eof"},
	{"a lost reply", HELLO "CA 0 0 ab;CA 2 3 cd;SA 3 4 250;/;", "( C:ab S~3 C:cd S:250 )eof"},
	{"the last octets lost", HELLO "CA 0 0 ab;SA 0 9;/;", "( C:ab C~7 )eof"},
	{"FIN not captured", HELLO "CA 0 0 ab;SA 0 3 x;SFA 1 3;/;", "( C:ab S:x S. )fin"},

	{"TCP fast open (R10)", "CS -1 0 abc;SSA -1 3;CA 3 0 def;/;", "( C:abcdef )eof"},
	{"fast open, the SYN captured last", "SSA -1 3;CS -1 0 abc;CA 3 0 def;/;", "( C:abcdef )eof"},
	{"fast open not taken", "CS -1 0 abc;SSA -1 0;CA 0 0 abcdef;/;", "( C:abcdef )eof"},
	{"data with the ACK of the handshake", "CS -1 0;SSA -1 0;CA 0 0 abc;/;", "( C:abc )eof"},
	{"SYN and SYN/ACK twice", "CS -1 0;CS -1 0;SSA -1 0;SSA -1 0;CA 0 0 a;CS -1 0;SSA -1 0;CA 1 0 b;/;", "( C:ab )eof"},
	{"SYN with another number (R10)", "CS 69999 0;CS -1 0;SSA -1 0;CA 0 0 abc;/;", "( C:abc )eof"},
	{"SYN last", "SSA -1 0;CA 0 0;CA 0 0 abc;CS -1 0;SA 0 3 x;/;", "( C:abc S:x )eof"},
	{"all backwards", "SA 0 3 x;CA 0 0 abc;SSA -1 0;CS -1 0;/;", "( C:abc S:x )eof"},
	{"the server starts (wrong guess of ports)", "=20;SA 0 0 x;CS -1 0;SSA -1 0;/;", "( S:x )eof"},
	{"SYN tells the roles", "=20;CS -1 0;SSA -1 0;SA 0 0 x;/;", "( S:x )eof"},

	{"keep-alives (R11)", HELLO "CA 0 0 abc;SA 0 3;CA 2 0 x;SA 0 3;CA 2 0;CA 2 0 y;CA 3 0 d;/;", "( C:abcd )eof"},
	{"keep-alive, its ACK not captured", HELLO "SA 0 0;CA 0 0 abc;CA 2 0 x;CA 3 0 d;/;", "( C:abcd )eof"},
	{"keep-alive before any data", HELLO "CA -1 0 x;CA 0 0 abc;/;", "( C:abc )eof"},
	{"zero-window probe", HELLO "CA 0 0 a;CA 1 0 b;SA 0 1;CA 1 0 bcd;/;", "( C:abcd )eof"},
	{"data after FIN (R11)", HELLO "CFA 0 0 abc;CA 3 0 xyz;CA 4 0 xyz;SFA 0 4;/;", "( C:abc C. S. )fin"},
	{"data after a FIN that waits (R11)", HELLO "CFA 3 0 def;CA 5 0 fXYZ;CA 0 0 abc;SFA 0 7;", "( C:abcdef C. S. )fin"},
	{"data after RST (R11)", HELLO "CA 0 0 abc;SR 0 0;SA 0 3 x;CA 3 0 xyz;/;", "( C:abc )rst"},
	{"RST overtakes data", HELLO "SRA 3 0;SA 0 0 220;SA 3 0 x;/;", "( S:220 )rst"},
	{"RST after FIN", HELLO "CFA 0 0;SRA 0 1;/;", "( C. )fin"},
	{"RST outside the window (R12)", HELLO "CA 0 0 abc;CR 99999 0;CR -9 0;SR 99999 0;CA 3 0 d;/;", "( C:abcd )eof"},
	{"RST below what is acknowledged", HELLO "CA 0 0 abc;SA 0 3;CR 1 0;CA 3 0 d;/;", "( C:abcd )eof"},

	{"again after FIN (R13)", HELLO "CA 0 0 abc;CFA 3 0;SFA 0 4;CA 4 1;#1;" HELLO "CA 0 0 d;/;",
	 "( C:abc C. S. )fin ( C:d )eof"},
	{"again after RST", HELLO "CA 0 0 abc;CR 3 0;#1;" HELLO "CA 0 0 d;/;", "( C:abc )rst ( C:d )eof"},
	{"again without any close", HELLO "CA 0 0 abc;#1;" HELLO "CA 0 0 d;/;", "( C:abc )reused ( C:d )eof"},
	{"again, SYN lost, after FIN", HELLO "CFA 0 0 abc;SFA 0 4;CA 4 1;#1;CA 0 0 d;/;", "( C:abc C. S. )fin (? C:d )eof"},
	{"again, SYN lost, close by", HELLO "CFA 0 0 abc;SFA 0 4;CA 4 1;CA 900 800 d;/;", "( C:abc C. S. )fin (? C:d )eof"},
	{"again, SYN lost, SYN/ACK there", HELLO "CFA 0 0 abc;SFA 0 4;#1;SSA -1 0;CA 0 0 d;/;",
	 "( C:abc C. S. )fin ( C:d )eof"},
	{"again, nothing but data",
	 HELLO "CA 0 0 abc;#1;CA 0 0 1;CA 1 0 2;CA 2 0 3;CA 3 0 4;CA 4 0 5;CA 5 0 6;CA 6 0 7;CA 7 0 89;CA 9 0 X;/;",
	 "( C:abc )reused (? C:89X )eof"},
	{"late copies after the end (R2)", HELLO "CFA 0 0 abc;SFA 0 4;CA 4 1;" HELLO "CFA 0 0 abc;SFA 0 4;CA 4 1;/;",
	 "( C:abc C. S. )fin"},
	{"SYN in the window", HELLO "CA 0 0 abc;CS 500 0;CA 3 0 d;/;", "( C:abcd )eof"},
	{"stray numbers (R22)", HELLO "CA 0 0 abc;#1;CA 0 0 x;#15;CA 3 0 d;/;", "( C:abcd )eof"},

	{"client octets before what they acknowledge (R23)", HELLO "CA 0 3 EHLO;SA 0 0 220;SA 3 4 250;/;", "( S:220 C:EHLO S:250 )eof"},
	{"one side first, then the other", HELLO "CA 0 3 A;CA 1 6 B;CFA 2 9;SA 0 0 220;SA 3 1 250;SA 6 2 221;SFA 9 3;",
	 "( S:220 C:A S:250 C:B S:221 C. S. )fin"},
	{"each waits for the other", HELLO "CA 0 3 abc;SA 0 3 xyz;/;", "( C:abc S:xyz )eof"},
	{"acknowledged after a hole", HELLO "SA 3 0 def;CA 0 6 ok;SA 0 0 abc;/;", "( S:abcdef C:ok )eof"},

	{"no handshake (R15)", "SA 0 0 220;CA 0 3 abc;SA 3 3 250;/;", "(? S:220 C:abc S:250 )eof"},
	{"no handshake, backwards", "SA 3 3 250;CA 0 3 abc;SA 0 0 220;/;", "(? S:220 C:abc S:250 )eof"},
	{"no handshake, keep-alive first", "CA -1 0 _;SA 0 0 220;CA 0 3 abc;/;", "(? S:220 C:abc )eof"},
	{"no handshake, empty keep-alive first", "CA -1 0;SA 0 0 220;CA 0 3 abc;/;", "(? S:220 C:abc )eof"},
	{"no handshake, waits 64 packets", "CA 3 0 def;^64;CA 0 0 abc;/;", "(? C:def )eof"},
	{"only the client", "CS -1 0;CA 0 0;CA 0 3 abc;CA 3 6 def;CFA 6 9;CA 7 10;/;", "( S~3 C:abc S~3 C:def S~3 C. )fin"},
	{"only the server", "SSA -1 0;SA 0 0 220;SA 3 3 250;SFA 6 6;SA 7 7;/;", "( S:220 C~3 S:250 C~3 S. )fin"},
	{"only acknowledgements", "CA 0 0;CA 0 100;CA 0 200;/;", ""},

	{"snaplen (R16)", HELLO "CA 0 0 +4 abc;CA 7 0 hij;/;", "( C:abc C~4 C:hij )eof"},
	{"snaplen took all", HELLO "CA 0 0 +4;CA 4 0 e;/;", "( C~4 C:e )eof"},
	{"snaplen, held", HELLO "CA 3 0 +3 d;CA 7 0 h;CA 0 0 abc;/;", "( C:abcd C~3 C:h )eof"},
	{"snaplen, filled in time", HELLO "CA 3 0 +3 d;CA 3 0 defg;CA 0 0 abc;/;", "( C:abcdefg )eof"},
	{"snaplen, filled in part", HELLO "CA 3 0 +3 d;CA 5 0 fg;CA 4 0 e;CA 0 0 abc;/;", "( C:abcdefg )eof"},
	{"snaplen, still cut", HELLO "CA 3 0 +3 d;CA 3 0 +2 de;CA 0 0 abc;/;", "( C:abcde C~2 )eof"},

	{"idle (R24)", "@1000;" HELLO "CA 0 0 a;=2;@4700;CS -1 0;CS -1 0;", "( C:a )timeout"},
	{"one wrong clock is nothing", "@1000;" HELLO "CA 0 0 a;=2;@9999;CS -1 0;@1001;CS -1 0;=40000;CA 1 0 b;/;", "( C:ab )eof"},
	{"its own packet after hours", "@1000;" HELLO "CA 0 0 a;@9000;CA 1 0 b;@9001;CA 2 0 c;/;", "( C:abc )eof"},
	{"backwards, 1970, 2106 (R24)", "@5000000000;" HELLO "@0;CA 0 0 a;@4000000000;CA 1 0 b;@-9;CA 2 0 c;/;", "( C:abc )eof"},
	{"closing is short", "@1000;" HELLO "CFA 0 0;@1040;=2;CS -1 0;CS -1 0;", "( C. )fin"},
	{"half-open is short", "@1000;CS -1 0;@1070;=2;CS -1 0;CS -1 0;=40000;SSA -1 0;CA 0 0 a;/;", "( C:a )eof"},
};

/* Returns whether the transcript was the wanted one; with fail_at any will do, so long as nothing breaks. */
static bool play_one(const struct script *s, const uint32_t isn[2], uint64_t fail_at)
{
	struct wire w = {.isn = {isn[0], isn[1]}};
	bool same;

	wire_up(&w, 0);
	pool_fail_at(w.pool, fail_at);
	play(&w, s->steps);
	same = fail_at != 0 || strcmp(w.text, s->want) == 0;
	if (!same)
		print_error("%s:\n  got  %s\n  want %s\n", s->name, w.text, s->want);
	tcp_finish(w.tcp, SIZE_MAX);
	assert_int_equal(w.opened, w.closed);
	wire_down(&w);
	return same;
}

static void test_scripts(void **state)
{
	static const uint32_t isn[][2] = {{1000, 5000}, {0xffffffff, 0xfffffffd}, {0, 0x7fffffff}, {0xfffffffe, 0x80000000}};

	unsigned bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		for (size_t k = 0; k < 4; k++)
			bad += !play_one(&scripts[i], isn[k], 0);
	assert_int_equal(bad, 0);
}

/* Octets come before the SYN that tells who began, and the ports said otherwise. */
static void test_roles_told_late(void **state)
{
	struct wire w = {.unknown_port = true};

	(void)state;
	wire_up(&w, 0);
	play(&w, "=20;SA 0 0 x;CA 0 1 ab;CS -1 0;SSA -1 0;CA 2 1 c;SA 1 3 yz;/;");
	assert_string_equal(w.text, "( S:x C:abc S:yz )eof");
	wire_down(&w);
}

static void test_each_allocation_fails(void **state)
{
	static const uint32_t isn[2] = {1000, 5000};

	(void)state;
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		for (uint64_t k = 1; k < 16; k++)
			play_one(&scripts[i], isn, k);
}

/* ---- limits ---- */

static void expect(struct wire *w, const char *want)
{
	assert_string_equal(w->text, want);
	tcp_finish(w->tcp, SIZE_MAX);
	assert_int_equal(tcp_stats(w->tcp)->open, 0);
	wire_down(w);
}

/* The end of the input: in the order of their last frames, whatever place a connection took when it was opened. */
static void test_finish_in_order(void **state)
{
	struct wire w = {.isn = {1000, 5000}};

	(void)state;
	wire_up(&w, 0);
	play(&w, HELLO "CA 3 0 aaa;=2;" HELLO "CA 3 0 bbb;=3;" HELLO "CFA 3 0 ccc;=40000;CA 6 0 aa;");
	assert_string_equal(w.text, "( ( (");
	assert_false(tcp_finish(w.tcp, 1)); /* in steps, as where there are many */
	assert_false(tcp_finish(w.tcp, 1));
	expect(&w, "( ( ( C~3 C:bbb )eof C~3 C:ccc C. )fin");
}

static void test_held_per_stream(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	w.limits.held_per_stream = 190;
	wire_up(&w, 0);
	play(&w, HELLO "CA 3 0 def;CA 9 0 jkl;CA 12 0 m;CA 0 0 abc;CA 6 0 ghi;");
	assert_true(tcp_stats(w.tcp)->held_peak <= 190 + 64 + 8);
	expect(&w, "( C~3 C:defghijklm");
}

static void test_held_by_the_other_side(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	w.limits.held_per_stream = 200;
	wire_up(&w, 0);
	play(&w, HELLO "CA 0 3 a;CA 1 3 b;CA 2 3 c;CA 3 3 d;SA 0 0 220;SA 3 4 x;");
	expect(&w, "( S~3 C:abcd S:x");
}

static void test_held_total(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	w.limits.held_total = 100;
	wire_up(&w, 0);
	play(&w, HELLO "CA 3 0 d;=2;" HELLO "CA 3 0 D;CA 4 0 E;");
	expect(&w, "( ( C~3 C:DE");
}

static void test_connection_limit(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	w.limits.connections = 2;
	wire_up(&w, 0);
	play(&w, "@1;" HELLO "CA 0 0 a;@2;=2;" HELLO "CA 0 0 b;@3;=40000;CA 1 0 c;@4;=3;" HELLO);
	assert_int_equal(tcp_stats(w.tcp)->evicted, 1);
	expect(&w, "( C:a ( C:bc )evicted (");
}

static void test_syn_flood_displaces_itself(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	w.limits.connections = 100;
	wire_up(&w, 0);
	play(&w, "@1;" HELLO "CA 0 0 a;@2;");
	for (int i = 0; i < 5000; i++) {
		w.client_port = (uint16_t)(i + 1);
		send_segment(&w, DIR_CLIENT, TCP_SYN, -1, 0, SPAN_ABSENT, 0);
	}
	assert_int_equal(tcp_stats(w.tcp)->open, 100);
	play(&w, "=40000;CA 1 0 b;");
	expect(&w, "( C:ab");
}

static void test_memory_limit(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	wire_up(&w, 100 * sizeof(struct conn));
	for (int i = 0; i < 1000; i++) {
		w.now += 1000000;
		w.client_port = (uint16_t)(i + 1);
		w.used = 0;
		play(&w, HELLO "CA 0 0 a;CA 5 0 b;");
	}
	assert_true(tcp_stats(w.tcp)->evicted > 900);
	assert_true(pool_used(w.pool) <= 100 * sizeof(struct conn));
	w.used = 0;
	w.text[0] = '\0';
	expect(&w, "");
}

static void test_evict_one_by_one(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	wire_up(&w, 0);
	play(&w, "@1;" HELLO "CA 3 0 d;@2;=2;" HELLO);
	assert_true(tcp_evict(w.tcp));
	assert_true(tcp_evict(w.tcp));
	assert_false(tcp_evict(w.tcp));
	expect(&w, "( ( C~3 C:d )evicted )evicted");
}

static void test_ignored(void **state)
{
	struct wire w = {.ignore = true};

	(void)state;
	wire_up(&w, 0);
	play(&w, HELLO "CA 0 0 abc;SA 0 3 x;CA 3 1 d;");
	assert_int_equal(tcp_stats(w.tcp)->ignored_packets, 2);
	assert_int_equal(tcp_stats(w.tcp)->open, 0);
	assert_int_equal(pool_used(w.pool), sizeof(struct remnant));
	play(&w, "CS -1 0;CA 4 1 e;#1;CS -1 0;SSA -1 0;CA 0 0 new;");
	expect(&w, "( C:abc ( C:new");
}

/* Nothing but the struct while a connection is idle. */
static void test_idle_memory(void **state)
{
	struct wire w = {.quiet = true};

	(void)state;
	assert_true(sizeof(struct conn) <= 224);
	wire_up(&w, 0);
	play(&w, HELLO "SA 0 0 220;CA 0 3 abc;SA 3 3;");
	assert_int_equal(pool_used(w.pool), sizeof(struct conn));
	play(&w, "CA 3 3 abc;SA 3 6 def;CA 9 3 x;");
	assert_true(pool_used(w.pool) > sizeof(struct conn));
	play(&w, "CA 6 3 def;CA 10 6;SA 6 10;");
	assert_int_equal(pool_used(w.pool), sizeof(struct conn));
	wire_down(&w);
}

static void test_patience_shrinks_with_losses(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	wire_up(&w, 0);
	play(&w, HELLO "CA 1 0 b;SA 0 2;^64;CA 3 0 d;SA 0 4;^32;CA 5 0 f;SA 0 6;^16;CA 7 0 h;SA 0 8;^8;CA 9 0 j;SA 0 10;^4;");
	expect(&w, "( C~1 C:b C~1 C:d C~1 C:f C~1 C:h C~1 C:j");
}

static void test_tick_expires(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	wire_up(&w, 0);
	play(&w, "@1000;" HELLO "CA 0 0 a;");
	tcp_tick(w.tcp, INT64_C(4599) * 1000000000);
	assert_string_equal(w.text, "( C:a");
	tcp_tick(w.tcp, INT64_C(4600) * 1000000000);
	expect(&w, "( C:a )timeout");
}

/* One direction only, and what is captured of it is mostly acknowledgements. */
static void test_client_that_listens(void **state)
{
	struct wire w = {.quiet = true};

	(void)state;
	wire_up(&w, 0);
	play(&w, "CS -1 0;CA 0 0 a;");
	for (int64_t i = 1; i <= 1000; i++)
		send_segment(&w, DIR_CLIENT, TCP_ACK, 1, i * 200000, SPAN_ABSENT, 0);
	tcp_finish(w.tcp, SIZE_MAX);
	assert_int_equal(w.opened, 1);
	assert_int_equal(w.newest->done[DIR_SERVER], 200000000);
	assert_int_equal(w.newest->done[DIR_CLIENT], 1);
	assert_int_equal(tcp_stats(w.tcp)->one_direction, 1);
	wire_down(&w);
}

/* A hole is numbers, not memory. */
static void test_far_octets_cost_nothing(void **state)
{
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	wire_up(&w, 0);
	play(&w, HELLO "CA 5000000 0 z;CA 0 0 abc;/;");
	expect(&w, "( C:abc C~4999997 C:z )eof");
}

/* Whether a block that was given back still holds the words: the pool hands it out again as it is. Asked before, so that all are zero. */
static bool left_behind(struct pool *pool, bool before, const char *words)
{
	enum { BLOCKS = 16, LARGEST = 4096 };
	bool found = false;

	for (size_t n = 16; n <= LARGEST; n += 16) {
		struct span block[BLOCKS];

		for (int i = 0; i < BLOCKS; i++) {
			block[i] = span_of(before ? pool_get(pool, n) : pool_get_raw(pool, n), n);
			found |= span_find(block[i], span_str(words)) != SPAN_NPOS;
		}
		for (int i = 0; i < BLOCKS; i++)
			pool_put(pool, (void *)(uintptr_t)block[i].p, n);
	}
	return found;
}

/* Law L8: responses may be among them. What waits out of order, the history for later copies, and the history that it grew out of. */
static void test_octets_are_wiped(void **state)
{
	static const char secret[] = "c2VjcmV0LXJlc3BvbnNl";
	struct wire w = {.limits = tcp_limits_default};

	(void)state;
	wire_up(&w, 0);
	assert_false(left_behind(w.pool, true, secret));
	play(&w, HELLO "CA 20 0 c2VjcmV0LXJlc3BvbnNl;CA 0 0 01234567890123456789;CA 40 0 c2VjcmV0LXJlc3BvbnNl;CA 40 0 "
		 "c2VjcmV0LXJlc3BvbnNl;CR 60 0;");
	tcp_finish(w.tcp, SIZE_MAX);
	assert_false(left_behind(w.pool, false, secret));
	wire_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_roles_told_late),
		cmocka_unit_test(test_each_allocation_fails),
		cmocka_unit_test(test_finish_in_order),
		cmocka_unit_test(test_held_per_stream),
		cmocka_unit_test(test_held_by_the_other_side),
		cmocka_unit_test(test_held_total),
		cmocka_unit_test(test_connection_limit),
		cmocka_unit_test(test_syn_flood_displaces_itself),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_evict_one_by_one),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_idle_memory),
		cmocka_unit_test(test_patience_shrinks_with_losses),
		cmocka_unit_test(test_tick_expires),
		cmocka_unit_test(test_client_that_listens),
		cmocka_unit_test(test_far_octets_cost_nothing),
		cmocka_unit_test(test_octets_are_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
