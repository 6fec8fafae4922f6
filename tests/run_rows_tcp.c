/*
 * run_rows_tcp.c - what TCP and IP may do to a dialogue (reliability R1 to R24): the frames of some dialogues of tests/dialogs, disturbed
 * as the row says, must give the events of the undisturbed ones, or what the row promises instead.
 *
 *   run_rows_tcp [ROW...]      "R2": only the rows whose name begins so
 *
 * Holes in a given place are dialogues of their own (r08...); scripts of single segments are in tests/unit/test_tcp.c.
 */
#include "alike.h"
#include "wires.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dialogs[] = {
    "v19-pipelined-group", "v22-dot-stuffing", "v23-bdat", "s03-login-short-names", "a04-digest-md5", "p04-starttls-done", "v36-lmtp",
    "s01-three-mistakes",
};
enum { DIALOGS = sizeof dialogs / sizeof *dialogs };

/* ---- what can be done to a plan ---- */

static enum dir dir_of(const struct plan *p, const struct planned *q)
{
	return q->s.src.port == p->side[DIR_CLIENT].port ? DIR_CLIENT : DIR_SERVER;
}

static bool has_data(const struct planned *q)
{
	return q->s.payload.n > 0;
}

/* Memory for the octets of one plan: it begins anew behind some megabytes. */
static uint8_t *room_for(size_t n)
{
	static uint8_t room[4 * 1024 * 1024];
	static size_t used;

	used = n > sizeof room - used ? 0 : used;
	used += n;
	return room + used - n;
}

/* A copy whose octets are others: each is changed in one bit. */
static struct span other_octets(struct span s)
{
	uint8_t *copy = room_for(s.n);

	for (size_t i = 0; i < s.n; i++)
		copy[i] = s.p[i] ^ 1;
	return span_of(copy, s.n);
}

static void twice_with_another_ttl(struct plan *p, unsigned nth)
{
	(void)nth;
	for (size_t i = 0; i < p->n; i += 2) { /* its IP id is the number of the frame */
		plan_insert(p, i + 1, &p->list[i]);
		p->list[i + 1].s.ttl = 33;
	}
}

static void once_more_after_the_end(struct plan *p, unsigned nth)
{
	size_t n = p->n;

	twice_with_another_ttl(p, nth);
	for (size_t i = 0; i < n; i++) {
		plan_insert(p, p->n, &p->list[2 * i]);
		p->list[p->n - 1].ts = p->list[2 * n - 1].ts;
	}
}

/* Behind each segment parts of it and of what its sender had sent just before, in other cuts. */
static void retransmitted_in_other_cuts(struct plan *p, unsigned nth)
{
	for (size_t i = 1; i < p->n; i++) {
		struct planned *before = &p->list[i - 1], both = *before;
		size_t n = before->s.payload.n, m = p->list[i].s.payload.n, from = nth % 5, cut = nth % 3;
		uint8_t *room = room_for(n + m);

		if (!n || !m || dir_of(p, before) != dir_of(p, &p->list[i]) || from + cut >= n + m || before->s.seq + n != p->list[i].s.seq)
			continue;
		memcpy(room, before->s.payload.p, n);
		memcpy(room + n, p->list[i].s.payload.p, m);
		both.s.payload = span_of(room + from, n + m - from - cut);
		both.s.seq += (uint32_t)from;
		both.ts = p->list[i].ts;
		plan_insert(p, i + (nth & 1), &both); /* with more than was sent, or with less */
		i++;
	}
}

/* R4, inside and whole: behind each segment the same place with other octets. */
static void other_copy_behind(struct plan *p, unsigned nth)
{
	for (size_t i = 0; i < p->n; i++) {
		struct planned q = p->list[i];
		size_t from = nth * 3 < q.s.payload.n ? nth * 3 : 0;

		if (!has_data(&q))
			continue;
		q.s.payload = other_octets(span_from(q.s.payload, from));
		q.s.seq += (uint32_t)from;
		plan_insert(p, ++i, &q);
	}
}

/* R4, across: two segments change places, and one with other octets over both comes before the first. */
static void other_copy_across(struct plan *p, unsigned nth)
{
	(void)nth;
	for (size_t i = 0; i + 1 < p->n; i++) {
		struct planned first = p->list[i], q = p->list[i + 1];

		if (!has_data(&first) || !has_data(&q) || dir_of(p, &first) != dir_of(p, &q))
			continue;
		p->list[i] = q;
		p->list[i + 1] = first;
		q.s.payload = other_octets(q.s.payload);
		plan_insert(p, i + 1, &q);
		i += 2;
	}
}

/* The number in the list of the nth segment with data, counted round and round. */
static size_t nth_data(const struct plan *p, unsigned nth)
{
	size_t count = 0, i = 0;

	for (size_t k = 0; k < p->n; k++)
		count += has_data(&p->list[k]);
	for (nth %= (unsigned)count; nth || !has_data(&p->list[i]); i++)
		nth -= has_data(&p->list[i]);
	return i;
}

static void one_lost(struct plan *p, unsigned nth)
{
	plan_remove(p, nth_data(p, nth));
}

/* A segment comes behind the acknowledgement of it and, where there is one, the next of its sender. */
static void acknowledged_before_it_comes(struct plan *p, unsigned nth)
{
	size_t i = nth_data(p, nth), next = i + 1;
	struct planned q = p->list[i], ack = q;

	ack.s.src = q.s.dst;
	ack.s.dst = q.s.src;
	ack.s.seq = q.s.ack;
	ack.s.ack = q.s.seq + (uint32_t)q.s.payload.n;
	ack.s.payload = SPAN_ABSENT;
	ack.s.flags = TCP_ACK;
	plan_remove(p, i);
	if (next < p->n && has_data(&p->list[i]) && dir_of(p, &p->list[i]) == dir_of(p, &q))
		i++;
	plan_insert(p, i, &ack);
	plan_insert(p, i + 1, &q);
}

static void wraps_behind_octet(struct plan *p, unsigned nth)
{
	for (size_t i = 0; i < p->n; i++) {
		p->list[i].s.seq -= 1 + nth;
		p->list[i].s.ack -= p->list[i].s.flags & TCP_ACK ? 1 + nth : 0;
	}
}

/* nth 0: the first octets of the client come with its SYN; 1: with the last of the handshake; 2: a SYN of another number comes first. */
static void handshake(struct plan *p, unsigned nth)
{
	size_t first = 3;

	if (nth == 2) {
		plan_insert(p, 0, &p->list[0]);
		p->list[0].s.seq ^= 0x1234567;
		return;
	}
	while (dir_of(p, &p->list[first]) != DIR_CLIENT)
		first++;
	if (nth == 0)
		p->list[0].s.payload = p->list[first].s.payload;
	if (nth == 0 && first == 3)
		plan_remove(p, 3);
	if (nth == 1)
		plan_remove(p, 2);
}

/* Behind each segment that the other side has acknowledged: a keep-alive of nth octets of rubbish, and its answer. */
static void keep_alives(struct plan *p, unsigned nth)
{
	for (size_t i = 3; i + 1 < p->n; i++) {
		struct planned q = p->list[i], answer = p->list[i + 1];

		if (!has_data(&q) || !has_data(&answer) || dir_of(p, &q) == dir_of(p, &answer) ||
		    answer.s.ack != q.s.seq + q.s.payload.n)
			continue;
		q.s.seq = answer.s.ack - 1;
		q.s.ack = answer.s.seq + (uint32_t)answer.s.payload.n;
		q.s.payload = span_of("x", nth);
		answer.s.seq += (uint32_t)answer.s.payload.n;
		answer.s.payload = SPAN_ABSENT;
		plan_insert(p, i + 2, &q);
		plan_insert(p, i + 3, &answer);
		i += 3;
	}
}

/* The first octet of each segment comes alone, before it. */
static void window_probes(struct plan *p, unsigned nth)
{
	(void)nth;
	for (size_t i = 0; i < p->n; i++) {
		struct planned q = p->list[i];

		if (!has_data(&q))
			continue;
		q.s.payload.n = 1;
		plan_insert(p, i++, &q);
	}
}

static void urgent(struct plan *p, unsigned nth)
{
	(void)nth;
	for (size_t i = 0; i < p->n; i++)
		p->list[i].s.flags |= has_data(&p->list[i]) ? TCP_URG : 0;
}

/* Behind the client's FIN, or behind a RST at the same place, it sends on. */
static void talks_on_after_the_end(struct plan *p, unsigned nth)
{
	size_t i = 0;
	struct planned q;

	while (!(p->list[i].s.flags & TCP_FIN) || dir_of(p, &p->list[i]) != DIR_CLIENT)
		i++;
	q = p->list[i];
	if (nth) {
		q.s.flags = TCP_RST;
		while (i + 1 < p->n)
			plan_remove(p, i + 1);
		plan_insert(p, ++i, &q);
	}
	q.s.seq += nth == 0;
	q.s.flags = TCP_ACK;
	q.s.payload = SPAN("NOOP after the end\r\n");
	plan_insert(p, i + 1, &q);
}

static void rst_outside_the_window(struct plan *p, unsigned nth)
{
	for (size_t i = 3; i < p->n; i += 2) {
		struct planned q = p->list[i];

		if (q.s.flags & (TCP_FIN | TCP_RST))
			return;
		q.s.flags = TCP_RST | (nth & 1 ? TCP_ACK : 0);
		q.s.payload = SPAN_ABSENT;
		q.s.seq += nth & 2 ? 0x10000000 : 0xf0000000;
		plan_insert(p, i, &q);
	}
}

enum end { AFTER_FIN, AFTER_RST, WITHOUT_ANY, SYN_LOST };

/* The whole dialogue once more between the same addresses and ports. */
static void same_ports_again(struct plan *p, unsigned nth)
{
	size_t n = p->n, closing = n;

	while (p->list[closing - 1].s.flags & TCP_FIN || !has_data(&p->list[closing - 1]))
		closing--;
	for (size_t i = nth == SYN_LOST ? 3 : 0; i < n; i++) {
		plan_insert(p, p->n, &p->list[i]);
		p->list[p->n - 1].s.seq += dir_of(p, &p->list[i]) == DIR_CLIENT ? 0x40000000 : 0x60000000;
		p->list[p->n - 1].s.ack += dir_of(p, &p->list[i]) == DIR_SERVER ? 0x40000000 : 0x60000000;
		p->list[p->n - 1].ts += INT64_C(20000000000);
	}
	for (; n > closing && (nth == AFTER_RST || nth == WITHOUT_ANY); n--)
		plan_remove(p, closing);
	if (nth != AFTER_RST)
		return;
	plan_insert(p, closing, &p->list[closing - 1]);
	p->list[closing].s.seq += (uint32_t)p->list[closing].s.payload.n;
	p->list[closing].s.payload = SPAN_ABSENT;
	p->list[closing].s.flags = TCP_RST | TCP_ACK;
}

/* The client's last words carry its FIN; the server goes on replying. */
static void half_close(struct plan *p, unsigned nth)
{
	size_t last = p->n, fin = p->n;

	(void)nth;
	while (!has_data(&p->list[last - 1]) || dir_of(p, &p->list[last - 1]) != DIR_CLIENT)
		last--;
	while (!(p->list[fin - 1].s.flags & TCP_FIN) || dir_of(p, &p->list[fin - 1]) != DIR_CLIENT)
		fin--;
	plan_remove(p, fin - 1);
	p->list[last - 1].s.flags |= TCP_FIN;
	for (size_t i = last; i < p->n; i++)
		if (dir_of(p, &p->list[i]) == DIR_SERVER)
			p->list[i].s.ack += p->list[i].s.flags & TCP_FIN ? 0 : 1;
}

static void other_link_one_way(struct plan *p, unsigned nth)
{
	static const enum wire_link links[] = {WIRE_VLAN, WIRE_GRE, WIRE_VXLAN, WIRE_IPIP};

	for (size_t i = 0; i < p->n; i++)
		if (dir_of(p, &p->list[i]) == (nth & 1 ? DIR_SERVER : DIR_CLIENT))
			p->list[i].link = links[nth / 2];
}

enum { HEADERS = 14 + 20 + 20 };

/* The snaplen takes the second half of a segment, or the end of its TCP header. */
static void snaplen_in_payload(struct plan *p, unsigned nth)
{
	struct planned *q = &p->list[nth_data(p, nth)];

	q->snap = HEADERS + q->s.payload.n / 2;
}

static void snaplen_in_header(struct plan *p, unsigned nth)
{
	p->list[nth_data(p, nth)].snap = HEADERS - 8;
}

/* Before each segment one with other octets, which no receiver takes. */
static void decoy(struct plan *p, unsigned nth, bool bad_checksum, uint8_t ttl)
{
	for (size_t i = nth; i < p->n; i++) {
		struct planned q = p->list[i];

		if (!has_data(&q))
			continue;
		q.s.payload = other_octets(q.s.payload);
		q.s.bad_tcp_checksum = bad_checksum;
		q.s.ttl = ttl;
		plan_insert(p, i++, &q);
	}
}

static void wrong_checksums(struct plan *p, unsigned nth)
{
	decoy(p, nth, true, 0);
}

static void low_ttl(struct plan *p, unsigned nth)
{
	decoy(p, nth, false, 1);
}

static void outside_the_window(struct plan *p, unsigned nth)
{
	for (size_t i = 3; i < p->n; i += 2) {
		struct planned q = p->list[i];

		if (q.s.flags & TCP_FIN)
			return;
		q.s.seq += nth & 1 ? 0x30000000 : 0xd0000000;
		q.s.payload = SPAN("QUIT\r\n");
		q.s.flags = TCP_ACK;
		plan_insert(p, i, &q);
	}
}

/* All octets of the client are captured before those of the server that they acknowledge. */
static void client_first(struct plan *p, unsigned nth)
{
	for (size_t i = 4; i < p->n; i++)
		if (dir_of(p, &p->list[i]) == DIR_CLIENT && !p->list[i].fixed && dir_of(p, &p->list[i - 1]) == DIR_SERVER) {
			struct planned q = p->list[i];

			p->list[i] = p->list[i - 1];
			p->list[i - 1] = q;
			i += nth;
		}
}

static void clock_of(struct plan *p, unsigned nth)
{
	static const int64_t start[] = {0, 0, 0, INT64_C(4294967290) * 1000000000, INT64_C(9000000000) * 1000000000};
	int64_t first = p->list[0].ts;

	for (size_t i = 0; i < p->n; i++)
		p->list[i].ts = nth == 0   ? first                                               /* all at once */
				: nth == 1 ? p->list[i].ts - (int64_t)i * INT64_C(7200000000000) /* two hours back each */
					   : start[nth] + (p->list[i].ts - first);            /* 1970, 2106, 2255 */
}

/* ---- rows ---- */

enum promise {
	SAME,   /* the events of the undisturbed dialogue; with a finding apart: at least once that as well */
	TWICE,  /* its commands, two times */
	GAP,    /* one hole as long as what was taken away; commands and replies elsewhere as ever */
	TOLD,   /* the finding, whatever else */
};

struct row {
	const char *name;
	struct wire wire;
	unsigned times; /* wire.nth and wire.seed from 0 on */
	enum promise promise;
	const char *finding;
	const char *dialog; /* NULL: all above */
};

#define ETHERNET .link = WIRE_ETHERNET, .family = 4
#define WHOLE ETHERNET, .mss = 1400
#define PIECES ETHERNET, .mss = 16

static const struct row rows[] = {
    {"R1 any order within a window of 64", {PIECES, .shuffle = 64}, 12, SAME, NULL, NULL},
    {"R1 any order within a window of 64, single octets", {ETHERNET, .mss = 1, .shuffle = 64}, 4, SAME, NULL, NULL},
    {"R2 twice, with another IP id and TTL", {PIECES, .disturb = twice_with_another_ttl}, 1, SAME, NULL, NULL},
    {"R2 a third time after the FIN", {WHOLE, .disturb = once_more_after_the_end}, 1, SAME, NULL, NULL},
    {"R3 retransmitted with more, with less, overlapping", {PIECES, .disturb = retransmitted_in_other_cuts}, 15, SAME, NULL, NULL},
    {"R4 other content behind, whole and inside", {WHOLE, .disturb = other_copy_behind}, 4, SAME, "conflicting_overlap", NULL},
    {"R4 other content across what waits", {PIECES, .disturb = other_copy_across}, 1, SAME, "conflicting_overlap", NULL},
    {"R5 one lost", {WHOLE, .disturb = one_lost}, 24, GAP, NULL, NULL},
    {"R6 acknowledged before it is captured", {PIECES, .disturb = acknowledged_before_it_comes}, 60, SAME, NULL, NULL},
    {"R9 numbers wrap at each octet", {ETHERNET, .mss = 40, .disturb = wraps_behind_octet}, 700, SAME, NULL, NULL},
    {"R10 data with the ACK of the handshake", {WHOLE, .disturb = handshake, .nth = 1}, 1, SAME, NULL, "v35-proxy-v1"},
    {"R10 data with the SYN", {WHOLE, .disturb = handshake}, 1, SAME, NULL, "v35-proxy-v1"},
    {"R10 the SYN came before with another number", {WHOLE, .disturb = handshake, .nth = 2}, 1, SAME, NULL, NULL},
    {"R11 keep-alives of 0 and 1 octet", {WHOLE, .disturb = keep_alives}, 2, SAME, NULL, NULL},
    {"R11 zero-window probes", {PIECES, .disturb = window_probes}, 1, SAME, NULL, NULL},
    {"R11 urgent pointer", {PIECES, .disturb = urgent}, 1, SAME, NULL, NULL},
    {"R11 data after FIN, after RST", {WHOLE, .disturb = talks_on_after_the_end}, 2, SAME, NULL, NULL},
    {"R12 RST outside the window", {WHOLE, .disturb = rst_outside_the_window}, 4, SAME, NULL, NULL},
    {"R13 the same ports again", {WHOLE, .disturb = same_ports_again}, 4, TWICE, NULL, NULL},
    {"R14 the client's FIN with its last words", {WHOLE, .disturb = half_close}, 1, SAME, NULL, NULL},
    {"R15 another VLAN or tunnel one way", {WHOLE, .disturb = other_link_one_way}, 8, SAME, NULL, NULL},
    {"R16 the snaplen cuts payload", {WHOLE, .disturb = snaplen_in_payload}, 24, GAP, NULL, NULL},
    {"R16 the snaplen cuts a TCP header", {WHOLE, .disturb = snaplen_in_header}, 24, GAP, NULL, NULL},
    {"R17 IP length 0, no checksums, 60 KB", {ETHERNET, .mss = 60000, .offload = true}, 1, SAME, NULL, NULL},
    {"R17 the same in IPv6", {.link = WIRE_ETHERNET, .family = 6, .mss = 60000, .offload = true}, 1, SAME, NULL, NULL},
    {"R18 IP fragments", {ETHERNET, .mss = 1400, .fragments = true}, 1, SAME, NULL, NULL},
    {"R21 a wrong checksum, verified", {WHOLE, .disturb = wrong_checksums}, 2, SAME, NULL, NULL},
    {"R21 a wrong checksum, believed", {WHOLE, .disturb = wrong_checksums, .unverified = true}, 2, TOLD, "conflicting_overlap", NULL},
    {"R22 decoys that die on their way", {WHOLE, .disturb = low_ttl}, 2, TOLD, "conflicting_overlap", NULL},
    {"R22 segments outside the window", {WHOLE, .disturb = outside_the_window}, 2, SAME, NULL, NULL},
    {"R23 client octets before what they acknowledge", {WHOLE, .disturb = client_first}, 2, SAME, NULL, NULL},
    {"R24 clocks", {WHOLE, .disturb = clock_of}, 5, SAME, NULL, NULL},
};

/* ---- what must come out ---- */

static unsigned passed, failed;

struct trial {
	const struct row *row;
	const struct dialog *d;
	struct wire wire; /* this time */
	struct run plain, now;
};

static bool fails(const struct trial *t, const char *why)
{
	printf("%s: %s, number %u: %s\n", t->row->name, t->d->name, t->wire.nth, why);
	return false;
}

static unsigned lines_of(const struct lines *l)
{
	unsigned n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->p[i] == '\n';
	return n;
}

/* How many lines of a are not in b, in order. */
static unsigned missing_lines(const struct lines *a, const struct lines *b)
{
	size_t at = 0;
	unsigned missing = 0;

	for (size_t i = 0; i < a->n;) {
		size_t n = (size_t)((char *)memchr(a->p + i, '\n', a->n - i) - (a->p + i)) + 1, k = at;

		while (k < b->n && !(b->n - k >= n && memcmp(b->p + k, a->p + i, n) == 0))
			k += (size_t)((char *)memchr(b->p + k, '\n', b->n - k) - (b->p + k)) + 1;
		at = k < b->n ? k + n : at;
		missing += k >= b->n;
		i += n;
	}
	return missing;
}

/* The segment that the wire takes octets of, and how many. */
static struct span taken(const struct trial *t)
{
	size_t pieces = 0, n;
	unsigned nth;

	for (size_t i = 0; i < t->d->count; i++)
		pieces++;
	nth = t->wire.nth % (unsigned)pieces; /* no piece of these is longer than a segment */
	n = t->d->piece[nth].n;
	return span_of(t->d->piece[nth].data, t->wire.disturb == snaplen_in_payload ? n - n / 2 : n);
}

static bool holds_gap(struct trial *t)
{
	struct span s = taken(t);
	unsigned touched = 2; /* what it began in and what it ended in */

	for (size_t i = 0; i < s.n; i++)
		touched += s.p[i] == '\n';
	if (t->now.gaps != 1 || t->now.gap_bytes != s.n)
		return fails(t, "not one hole of that size");
	if (missing_lines(&t->plain.out, &t->now.out) > touched)
		return fails(t, "records elsewhere differ");
	return true;
}

static bool holds(struct trial *t)
{
	switch (t->row->promise) {
	case GAP:
		return holds_gap(t);
	case TWICE:
		if (lines_of(&t->now.out) == 2 * lines_of(&t->plain.out) && missing_lines(&t->plain.out, &t->now.out) == 0)
			return true;
		return fails(t, "not its commands twice");
	case TOLD:
		return t->now.apart_seen > 0 || fails(t, "not a word of it");
	case SAME:
		break;
	}
	if (t->row->finding && !t->now.apart_seen)
		return fails(t, "not a word of it");
	return lines_same(t->d->name, &t->plain.out, &t->now.out, t->row->name) || fails(t, "see above");
}

static void try_dialog(const struct row *row, const char *name)
{
	static struct dialog d;
	struct trial t = {.row = row, .d = &d};
	struct wire plain = {.link = WIRE_ETHERNET, .family = 4, .mss = 1400};
	bool loose = row->promise == TWICE || row->promise == GAP, ok = true;
	char path[128];

	snprintf(path, sizeof path, "tests/dialogs/%s.dlg", name);
	dialog_read(path, &d);
	t.plain = run_new(loose);
	t.now = run_new(loose);
	t.plain.apart = t.now.apart = row->finding;
	feed_wire(&d, &plain, run_event, &t.plain);
	for (unsigned n = 0; ok && n < row->times; n++) {
		t.wire = row->wire;
		t.wire.nth += n;
		t.wire.seed = n + 1;
		run_clear(&t.now);
		feed_wire(&d, &t.wire, run_event, &t.now);
		ok = holds(&t);
	}
	*(ok ? &passed : &failed) += 1;
	run_free(&t.plain);
	run_free(&t.now);
	dialog_free(&d);
}

static bool is_wanted(const struct row *row, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strncmp(row->name, argv[i], strlen(argv[i])) == 0)
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		if (!is_wanted(&rows[r], argc, argv))
			continue;
		for (int i = 0; i < (rows[r].dialog ? 1 : DIALOGS); i++)
			try_dialog(&rows[r], rows[r].dialog ? rows[r].dialog : dialogs[i]);
	}
	printf("%u passed, %u failed, 0 skipped\n", passed, failed);
	return failed || !passed;
}
