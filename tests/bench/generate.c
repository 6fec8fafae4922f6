/*
 * generate.c - captures for the benchmark, and the truth about them. The same octets on every run and machine.
 *
 *   generate PROFILE AMOUNT CAPTURE TRUTH
 *
 * auth    short sessions with one AUTH, many of which fail       AMOUNT in MB
 * mail    messages of 1 to 128 KB in segments of 1 KB            AMOUNT in MB
 * bulk    messages of 1 to 6 MB in  segments of 1448 octets      AMOUNT in MB
 * mixed   mail, and nine times as many packets that are not SMTP AMOUNT in MB
 * messy   mail and AUTH; 1 % of the packets lost, 2 % reordered, 2 % twice    AMOUNT in MB
 * open    AMOUNT connections that greet, one after the other, and stay open
 * idle    the same, and then four rounds of a NOOP and its reply in each of them: two packets, and on to the next connection
 *
 * What is lost is everything but commands, replies, the start of a message and its end: their loss would leave the record to guesses,
 * and the truth could not be told. No two neighbours are lost, so that the number of gaps is known too.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "traffic.h"

enum { SLOTS = 64, HELD = 8, HELD_SIZE = 1600, GAPS_TOLD = 16 /* of a session one by one */ };

/* A connection that is being played, and packets of it that come later than they should. */
struct slot {
	struct script script;
	struct held {
		uint8_t bytes[HELD_SIZE];
		uint16_t n;
		uint8_t wait; /* packets of the connection; 0: free */
	} held[HELD];
	bool lost_last[2];  /* the last segment with payload */
	bool lost_syn, lost_fin;
	unsigned gaps;
};

struct generator {
	struct pcap_writer out;
	struct traffic traffic;
	struct truth truth;
	bool messy;
	int64_t ns;
	uint64_t octets, frames, smtp_frames;
};

static void put(struct generator *g, const void *bytes, size_t n)
{
	g->ns += 1000 + (int64_t)random_below(&g->traffic.random, 40) * 1000;
	pcap_writer_frame(&g->out, g->ns, span_of(bytes, n), (uint32_t)n);
	g->octets += 16 + n;
	g->frames++;
}

/* ---- disorder ---- */

static void hold(struct slot *s, const struct built *b, uint32_t wait)
{
	for (int i = 0; i < HELD; i++) {
		struct held *h = &s->held[i];

		if (h->wait)
			continue;
		memcpy(h->bytes, b->bytes, b->n);
		h->n = (uint16_t)b->n;
		h->wait = (uint8_t)wait;
		return;
	}
}

/* Another packet of the connection was played: what waited long enough comes. */
static void release(struct generator *g, struct slot *s, bool all)
{
	for (int i = 0; i < HELD; i++) {
		struct held *h = &s->held[i];

		if (h->wait && (--h->wait == 0 || all)) {
			h->wait = 0;
			put(g, h->bytes, h->n);
		}
	}
}

/* Whether the loss of this segment leaves what must be told certain. */
static bool may_lose(struct slot *s, const struct step *p)
{
	bool *once = p->kind == STEP_SYN ? &s->lost_syn : p->kind == STEP_FIN ? &s->lost_fin : NULL;
	bool may = p->kind == STEP_ACK || (p->kind == STEP_TEXT && !s->lost_last[p->dir]) || (once && !*once);

	if (may && once)
		*once = true;
	return may;
}

static void play_messy(struct generator *g, struct slot *s, const struct step *p, const struct built *b)
{
	uint32_t dice = random_below(&g->traffic.random, 1000);
	bool lost = dice < 13 && may_lose(s, p); /* 13 of 1000 are 1 % of all, since some may not */

	if (p->n)
		s->lost_last[p->dir] = lost;
	if (lost && p->n) {
		truth_add(&g->truth, 1, "gaps");
		truth_add(&g->truth, ++s->gaps <= GAPS_TOLD, "finding.stream_gap");
		truth_add(&g->truth, p->n, "gap_octets");
	}
	if (lost)
		return;
	if (dice >= 20 && dice < 40) {
		hold(s, b, 2 + random_below(&g->traffic.random, 3));
		return;
	}
	put(g, b->bytes, b->n);
	if (dice >= 40 && dice < 60)
		hold(s, b, 1 + random_below(&g->traffic.random, 4));
}

/* ---- many connections at once ---- */

/* The next connection of the profile. */
typedef void next_connection(struct generator *g, struct script *s);

static void next_auth(struct generator *g, struct script *s)
{
	traffic_auth(&g->traffic, s);
}

static void next_mail(struct generator *g, struct script *s)
{
	traffic_mail(&g->traffic, s);
}

static void next_bulk(struct generator *g, struct script *s)
{
	traffic_bulk(&g->traffic, s);
}

static void next_mixed(struct generator *g, struct script *s)
{
	bool mail = g->smtp_frames * 10 <= g->frames;

	(mail ? traffic_mail : traffic_other)(&g->traffic, s);
	g->smtp_frames += mail ? s->count : 0;
}

static void next_messy(struct generator *g, struct script *s)
{
	(random_below(&g->traffic.random, 2) ? traffic_mail : traffic_auth)(&g->traffic, s);
}

static bool play(struct generator *g, struct slot *s)
{
	static struct built frame;
	const struct step *p;

	if (!script_play(&s->script, &frame, &p))
		return false;
	if (!g->messy) {
		put(g, frame.bytes, frame.n);
		return true;
	}
	play_messy(g, s, p, &frame);
	release(g, s, false);
	return true;
}

static void play_all(struct generator *g, uint64_t octets, next_connection *next, unsigned at_once)
{
	static struct slot slots[SLOTS];
	unsigned open = 0;

	for (; open < at_once; open++)
		next(g, &slots[open].script);
	while (open > 0) {
		struct slot *s = &slots[random_below(&g->traffic.random, open)], last;
		bool more = play(g, s);

		for (uint32_t burst = random_below(&g->traffic.random, 4); more && burst > 0; burst--)
			more = play(g, s);
		if (more)
			continue;
		release(g, s, true);
		s->lost_last[0] = s->lost_last[1] = s->lost_syn = s->lost_fin = false;
		s->gaps = 0;
		if (g->octets < octets) {
			next(g, &s->script);
			continue;
		}
		last = slots[--open];
		slots[open] = *s;
		*s = last;
	}
	for (int i = 0; i < SLOTS; i++)
		script_free(&slots[i].script);
}

/* ---- idle ---- */

enum { NOOPS = 4, OPENING = 6 }; /* OPENING: packets up to the EHLO reply */

static void idle_script(struct script *s, uint64_t i)
{
	script_start(s, i, 25);
	script_handshake(s);
	script_say(s, 1, "220 mx.example.org ESMTP Postfix\r\n");
	script_say(s, 0, "EHLO host%" PRIu64 ".example.com\r\n", i);
	script_say(s, 1, "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n");
	for (int k = 0; k < NOOPS; k++) {
		script_say(s, 0, "NOOP\r\n");
		script_say(s, 1, "250 2.0.0 Ok\r\n");
	}
}

/*
 * Round by round over all connections: first each opens and greets, then each sends a NOOP and is answered. Scripts are made anew each
 * time: a million of them would not fit into memory.
 */
static void play_idle(struct generator *g, uint64_t connections, bool noops)
{
	static struct built frame;
	struct script s = {.count = 0};
	const struct step *p;
	unsigned rounds = noops ? 1 + NOOPS : 1, done = 0;

	for (unsigned r = 0; r < rounds; r++) {
		unsigned steps = r == 0 ? OPENING : 2;

		for (uint64_t i = 1; i <= connections; i++) {
			idle_script(&s, i);
			for (s.next = 0; s.next < done;)
				script_skip(&s);
			for (unsigned k = 0; k < steps; k++) {
				script_play(&s, &frame, &p);
				put(g, frame.bytes, frame.n);
			}
		}
		done += steps;
	}
	script_free(&s);
	truth_add(&g->truth, connections, "command.greeting.220");
	truth_add(&g->truth, connections, "command.EHLO.250");
	truth_add(&g->truth, noops ? connections * NOOPS : 0, "command.NOOP.250");
	truth_add(&g->truth, connections, "session.eof");
}

/* ---- command line ---- */

static const struct profile {
	const char *name;
	next_connection *next;
	unsigned at_once; /* connections open at a time */
	bool messy;
} profiles[] = {
	{"auth", next_auth, SLOTS, false},   {"mail", next_mail, SLOTS, false},  {"bulk", next_bulk, 4, false},
	{"mixed", next_mixed, SLOTS, false}, {"messy", next_messy, SLOTS, true},
};

static bool generate(struct generator *g, const char *name, uint64_t amount)
{
	if (strcmp(name, "idle") == 0 || strcmp(name, "open") == 0) {
		play_idle(g, amount, name[0] == 'i');
		return true;
	}
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (strcmp(profiles[i].name, name) != 0)
			continue;
		g->messy = profiles[i].messy;
		play_all(g, amount << 20, profiles[i].next, profiles[i].at_once);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static struct generator g;
	uint64_t amount = argc == 5 ? strtoull(argv[2], NULL, 10) : 0;

	if (amount == 0) {
		fprintf(stderr, "generate auth|mail|bulk|mixed|messy|idle|open AMOUNT CAPTURE TRUTH\n");
		return 2;
	}
	if (!pcap_writer_open(&g.out, argv[3], wire_link_dlt(WIRE_ETHERNET))) {
		perror(argv[3]);
		return 1;
	}
	g.ns = INT64_C(1767323045) * 1000000000;
	traffic_init(&g.traffic, (uint64_t)argv[1][0] << 8 | (uint64_t)argv[1][1], &g.truth);
	if (!generate(&g, argv[1], amount)) {
		fprintf(stderr, "generate: there is no profile %s\n", argv[1]);
		return 2;
	}
	traffic_free(&g.traffic);
	truth_add(&g.truth, g.frames, "frames");
	if (fclose(g.out.f) != 0 || !truth_write(&g.truth, argv[4])) {
		perror("generate");
		return 1;
	}
	return 0;
}
