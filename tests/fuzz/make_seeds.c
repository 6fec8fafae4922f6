/*
 * make_seeds.c - inputs to begin with, one directory for each target, from tests/dialogs and samples.
 *
 *   make_seeds DIRECTORY      (from the top of the source)
 *
 * They are made anew from what is there; only what fuzzing found is kept in the repository (regressions/).
 */
#include "dialog.h"
#include "dialogue.h"
#include "smtp/auth_mechanism.h"
#include "smtpscope/codec.h"
#include "smtpscope/table.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SEED_MAX = 16384 };

static const char *out_dir;

/* Named after what it holds, so that the same comes once. head: what the target takes in front of the octets. */
static void put(const char *target, struct span head, struct span body)
{
	static const uint8_t key[16] = "seeds";
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", out_dir, target);
	mkdir(path, 0777);
	snprintf(path, sizeof path, "%s/%s/%016llx", out_dir, target,
		 (unsigned long long)(siphash(key, body.p, body.n) + siphash(key, head.p, head.n)));
	f = fopen(path, "wb");
	if (!f || !body.n || body.n > SEED_MAX) {
		if (f)
			fclose(f);
		return;
	}
	fwrite(head.p, 1, head.n, f);
	fwrite(body.p, 1, body.n, f);
	fclose(f);
}

#define HEAD(...) span_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* ---- from dialogues ---- */

static void put_piece(const struct piece *p)
{
	struct span rest = span_of(p->data, p->n), all = rest;

	if (p->lost)
		return;
	if (p->n && p->data[0] == 22) {
		put("tls", HEAD(1, p->dir == DIR_SERVER), all);
		return;
	}
	put("line", HEAD(1, 255), all);
	if (span_find(all, SPAN("\r\n.\r\n")) != SPAN_NPOS) {
		put("eod", HEAD(1, 0), all);
		put("header", HEAD(1), all);
	}
	while (rest.n) {
		struct span line = span_rtrim(span_split(&rest, '\n'), CHAR_CONTROL);

		if (p->dir == DIR_CLIENT)
			put("command", HEAD(1, 2, 0, 255), line);
		else
			put("reply", HEAD(1), line);
	}
}

static void put_octets(uint8_t *to, size_t *n, const struct piece *p)
{
	struct span s = span_of(p->data, p->n);

	for (size_t i = 0; p->lost && i < p->n && *n + 2 < SEED_MAX; i++)
		to[(*n)++] = 'x'; /* of a hole only the length counts */
	if (p->lost)
		return;
	for (size_t i = 0; i < s.n && *n + 2 < SEED_MAX; i++) {
		if ((s.p[i] >= MARK_CLIENT && s.p[i] <= MARK_LOGIN) || s.p[i] == MARK_PLAIN)
			to[(*n)++] = MARK_PLAIN;
		to[(*n)++] = s.p[i];
	}
}

/* The marks of dialogue.h. */
static void put_dialogue(const struct dialog *d)
{
	static uint8_t text[SEED_MAX];
	uint64_t off[2] = {0, 0};
	size_t n = 0;

	text[n++] = (uint8_t)((d->port == 465 ? 1 : d->port == 587 ? 2 : d->port == 24 ? 3 : 0) | (d->midstream ? FLAG_MIDSTREAM : 0) |
			      (d->limits.outstanding < session_limits_default.outstanding ? FLAG_TIGHT : 0) |
			      (d->close == TCP_CLOSE_RST ? 0x10 : d->close == TCP_CLOSE_EOF ? 0x18 : 0));
	text[n++] = 1;
	for (size_t i = 0; i < d->count && n + 2 < SEED_MAX; i++) {
		const struct piece *p = &d->piece[i];
		bool flight = p->peer_seen < off[dir_other(p->dir)];

		text[n++] = (uint8_t)((p->lost ? MARK_CLIENT_LOST : flight ? MARK_CLIENT_FLIGHT : MARK_CLIENT) + (p->dir == DIR_SERVER));
		put_octets(text, &n, p);
		off[p->dir] += p->n;
	}
	if (n + 2 < SEED_MAX) {
		put("session", SPAN(""), span_of(text, n));
		put("wire", HEAD(1, 1, 1), span_of(text, n));
	}
}

/* An exchange as fuzz_auth.c takes it, as far as it is read. */
struct exchange_seed {
	uint8_t text[SEED_MAX];
	size_t n; /* 0: none begun */
};

static void add_message(struct exchange_seed *x, bool response, struct span line)
{
	uint8_t decoded[SEED_MAX];
	long n = base64_decode(line, decoded, sizeof decoded);
	struct span s = n >= 0 ? span_of(decoded, (size_t)n) : line;
	uint8_t head[] = {(uint8_t)(response + (n >= 0 ? 0 : 4)), (uint8_t)(s.n >> 8), (uint8_t)s.n};

	if (s.n > UINT16_MAX)
		return;
	x->n = span_append(x->text, x->n, SEED_MAX, span_of(head, sizeof head));
	x->n = span_append(x->text, x->n, SEED_MAX, s);
}

/* "AUTH NTLM TlRM..." */
static void begin_exchange(struct exchange_seed *x, struct span line)
{
	struct span verb = span_split(&line, ' '), mechanism = span_split(&line, ' ');
	uint8_t row = 0;

	if (!span_ieq(verb, SPAN("AUTH")) || !mechanism.n)
		return;
	while (auth_mechanism_at(row) && !span_ieq(mechanism, span_str(auth_mechanism_at(row)->name)))
		row++;
	memcpy(x->text, (const uint8_t[]){row, (uint8_t)(line.p ? 9 : 1), 1, 142, 0}, 5);
	x->n = 5;
	if (line.p)
		add_message(x, true, line);
}

static void put_exchanges(const struct dialog *d)
{
	static struct exchange_seed x;

	x.n = 0;
	for (size_t i = 0; i < d->count; i++) {
		struct span rest = span_of(d->piece[i].data, d->piece[i].lost ? 0 : d->piece[i].n);

		while (rest.n) {
			struct span line = span_rtrim(span_split(&rest, '\n'), CHAR_CONTROL);

			if (d->piece[i].dir == DIR_CLIENT && x.n) {
				add_message(&x, true, line);
			} else if (d->piece[i].dir == DIR_CLIENT) {
				begin_exchange(&x, line);
			} else if (x.n && span_starts(line, SPAN("334"))) {
				add_message(&x, false, span_from(line, 4));
			} else if (x.n) {
				put("auth", SPAN(""), span_of(x.text, x.n));
				x.n = 0;
			}
		}
	}
}

static void from_dialogues(void)
{
	static struct dialog d;
	glob_t g;

	if (glob("tests/dialogs/*.dlg", 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		dialog_read(g.gl_pathv[i], &d);
		for (const struct dialog *session = &d; session; session = session->next) {
			for (size_t k = 0; k < session->count; k++)
				put_piece(&session->piece[k]);
			put_dialogue(session);
			put_exchanges(session);
		}
		dialog_free(&d);
	}
	globfree(&g);
}

/* Each way of logging in that dialogue.h knows. */
static void log_ins(void)
{
	for (unsigned how = 0; how < 256; how += how % 16 == 15 ? 17 : 1) {
		uint8_t text[] = {0, 1, MARK_SERVER, '2', '2', '0', ' ', 'x', '\r', '\n', MARK_LOGIN, (uint8_t)how};

		put("session", SPAN(""), span_of(text, sizeof text));
		put("auth", HEAD((uint8_t)how, 1, (uint8_t)(how / 4), (uint8_t)how, 0), HEAD(7, 8, 0, 3, 'a', 'b', 'c', 7, 15));
		put("command", HEAD(1, 2, 1, 255), HEAD((uint8_t)how, (uint8_t)(how / 4), 0, 1, 3));
	}
}

/* ---- made up ---- */

/* What no dialogue has, as dialogue.h takes it. */
static void corners(void)
{
	static const struct span sessions[] = {
	    /* PROXY version 2 with IPv6 addresses */
	    SPAN_INIT("\0\1\1\r\n\r\n\0\r\nQUIT\n!!\0$aaaabbbbccccddddeeeeffffgggghhhh\x9c@\0\x19" "EHLO c\r\n\2" "220 x\r\n250 x\r\n"),
	    /* LMTP: the last chunk is refused, for nobody and for somebody */
	    SPAN_INIT("\3\1\2" "220 x LMTP\r\n\1LHLO c\r\n\2" "250-x\r\n250 CHUNKING\r\n\1MAIL FROM:<a@b>\r\n\2" "250 ok\r\n"
		      "\1BDAT 3 LAST\r\nabc\2" "503 no\r\n\1RCPT TO:<c@d>\r\n\2" "250 ok\r\n\1BDAT 3\r\nabc\2" "452 no\r\n"
		      "\1BDAT 0 LAST\r\n\2" "452 no\r\n"),
	    /* more than low limits allow: recipients, lines of a reply, commands without one */
	    SPAN_INIT("\x40\1\2" "220-a\r\n220-b\r\n220-c\r\n220 d\r\n\1EHLO c\r\n\2" "250-x\r\n250 PIPELINING\r\n"
		      "\1MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@d>\r\nRCPT TO:<f@d>\r\n"
		      "\2" "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n\1NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n\2" "250 ok\r\n"),
	};

	for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++)
		put("session", SPAN(""), sessions[i]);
}

static void command_lines(void)
{
	static const char *const lines[] = {
	    "-r\nx.pcap\n-o\njson\n-c\n5",         "-i\neth0\n--ports\n25,465,2525\n-s\n96\n-B\n512\ntcp\nport\n25",
	    "--watch\nauth_bruteforce=3/5m,tarpit=0", "--secrets\nhash\n--secrets-key\nx\n-r\nx",
	    "explain\n550 5.7.1\n--lang\nja",         "--workers\n4\n-r\na\n-r\nb\n-O\nx.json\n--only\nfailed\n-vv",
	    "--events\nfinding,session\n-q\n-r\n-",   "--max-event-bytes\n4096\n--stats\n60\n-Z\nnobody\n-i\nany"};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		put("options", SPAN(""), span_str(lines[i]));
}

/* Segments near each other in any order: nothing but numbers, so any will do. */
static void operations(void)
{
	for (uint64_t i = 1; i <= 64; i++) {
		struct fuzz_random r = fuzz_random(i);
		uint8_t ops[96];

		for (size_t k = 0; k < sizeof ops; k++)
			ops[k] = (uint8_t)fuzz_pick(&r, k % 4 ? 40 : 256);
		put("stream", HEAD((uint8_t)i, (uint8_t)(i * 7), 0), span_of(ops, sizeof ops));
		put("tcp", HEAD(255, (uint8_t)i, 255, (uint8_t)(i * 7), (uint8_t)(i % 2)), span_of(ops, sizeof ops));
	}
}

/* ---- from samples ---- */

/* Frames of a classic file, two and two, and the whole file where it is small. */
static void from_sample(const char *path)
{
	static uint8_t data[65536];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(data, 1, sizeof data, f) : 0, frames = 0;
	bool whole = f && feof(f);

	if (f)
		fclose(f);
	if (n < 24)
		return;
	if (whole && n <= SEED_MAX)
		put("capture", HEAD(0), span_of(data, n));
	for (size_t at = 24; n - at >= 16 && frames < 16; frames++) {
		size_t len = data[at + 8] | (size_t)data[at + 9] << 8;

		if (len > n - at - 16 || len > 1000)
			break;
		put("packet", HEAD(data[20], 0, (uint8_t)len, (uint8_t)(len >> 8)), span_of(data + at + 16, len));
		at += 16 + len;
	}
}

static void from_samples(void)
{
	glob_t g;

	if (glob("samples/*.pcap", 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++)
		from_sample(g.gl_pathv[i]);
	globfree(&g);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	out_dir = argv[1];
	mkdir(out_dir, 0777);
	from_dialogues();
	log_ins();
	corners();
	command_lines();
	operations();
	from_samples();
	return 0;
}
