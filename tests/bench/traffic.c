/* traffic.c - see traffic.h. What comes out of each is what RFC 5321, RFC 4954 and the table of findings say, not what came out once. */
#include "traffic.h"

#include <stdlib.h>
#include <string.h>

#include "smtpscope/codec.h"

enum { BODIES = 16 << 20, NOISE = 1 << 20, SEGMENT = 1024, SEGMENT_LARGE = 1448 };

/* ---- octets to send ---- */

static const char *const words[] = {
	"the",   "report",  "of",       "last",    "week", "is",   "attached", "please", "look",  "at",     "it",     "before",
	"Friday", "and",    "tell",     "me",      "what", "you",  "think",    "we",     "could", "change", "in",     "our",
	"plan",  "meeting", "customer", "invoice", "not",  "that", "numbers",  "from",   "sales", "were",   "higher", "than",
};

static void body_prose(struct traffic *t, char *line)
{
	size_t n = 0;

	while (n < 60) {
		const char *w = words[random_below(&t->random, sizeof(words) / sizeof(words[0]))];

		n += (size_t)sprintf(line + n, "%s ", w);
	}
	strcpy(line + n - 1, "\r\n");
}

static void body_base64(struct traffic *t, char *line)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (int i = 0; i < 76; i++)
		line[i] = digits[random_below(&t->random, 64)];
	strcpy(line + 76, "\r\n");
}

/* Two fifths prose, the rest Base64 as attachments are; no line starts with a dot. */
static void make_bodies(struct traffic *t)
{
	char line[128];

	t->bodies = malloc(BODIES);
	while (t->bodies && t->bodies_n < BODIES - sizeof(line)) {
		bool prose = t->bodies_n / 8192 % 5 < 2;

		(prose ? body_prose : body_base64)(t, line);
		memcpy(t->bodies + t->bodies_n, line, strlen(line));
		t->bodies_n += strlen(line);
	}
}

static void make_noise(struct traffic *t)
{
	t->noise = malloc(NOISE);
	for (t->noise_n = 0; t->noise && t->noise_n < NOISE; t->noise_n += 8) {
		uint64_t v = random_next(&t->random);

		memcpy(t->noise + t->noise_n, &v, 8);
	}
}

void traffic_init(struct traffic *t, uint64_t seed, struct truth *truth)
{
	*t = (struct traffic){.random = {seed}, .truth = truth, .number = 1};
	make_bodies(t);
	make_noise(t);
	if (!t->bodies || !t->noise)
		exit(1);
}

void traffic_free(struct traffic *t)
{
	free(t->bodies);
	free(t->noise);
}

/* About n octets of whole lines from somewhere in the bodies; *n becomes how many. */
static const char *body_piece(struct traffic *t, size_t *n)
{
	size_t from = random_next(&t->random) % (t->bodies_n - *n - 256);
	const char *start = strchr(t->bodies + from, '\n') + 1;

	*n = (size_t)(strchr(start + *n, '\n') + 1 - start);
	return start;
}

/* ---- AUTH ---- */

struct login {
	char user[64], plain[160], user64[96], secret64[96];
};

static void encode(char *dst, size_t room, const void *p, size_t n)
{
	long length = base64_encode(span_of(p, n), dst, room - 1);

	dst[length > 0 ? length : 0] = '\0';
}

static struct login make_login(struct traffic *t)
{
	struct login l;
	char secret[32], both[128];
	int n;

	snprintf(l.user, sizeof(l.user), "user%llu@example.org", (unsigned long long)t->number);
	snprintf(secret, sizeof(secret), "pw-%08x", (unsigned)random_next(&t->random));
	n = snprintf(both, sizeof(both), "%c%s%c%s", 0, l.user, 0, secret);
	encode(l.plain, sizeof(l.plain), both, (size_t)n);
	encode(l.user64, sizeof(l.user64), l.user, strlen(l.user));
	encode(l.secret64, sizeof(l.secret64), secret, strlen(secret));
	return l;
}

static void say_plain(struct traffic *t, struct script *s)
{
	script_say(s, 0, "AUTH PLAIN %s\r\n", make_login(t).plain);
}

static void say_login(struct traffic *t, struct script *s)
{
	struct login l = make_login(t);

	script_say(s, 0, "AUTH LOGIN\r\n");
	script_say(s, 1, "334 VXNlcm5hbWU6\r\n");
	script_say(s, 0, "%s\r\n", l.user64);
	script_say(s, 1, "334 UGFzc3dvcmQ6\r\n");
	script_say(s, 0, "%s\r\n", l.secret64);
}

static void say_cram(struct traffic *t, struct script *s)
{
	struct login l = make_login(t);
	char text[160], line[224];
	int n;

	script_say(s, 0, "AUTH CRAM-MD5\r\n");
	n = snprintf(text, sizeof(text), "<%u.%llu@mx.example>", random_below(&t->random, 1u << 31), (unsigned long long)t->number);
	encode(line, sizeof(line), text, (size_t)n);
	script_say(s, 1, "334 %s\r\n", line);
	n = snprintf(text, sizeof(text), "%s %016llx%016llx", l.user, (unsigned long long)random_next(&t->random),
		     (unsigned long long)random_next(&t->random));
	encode(line, sizeof(line), text, (size_t)n);
	script_say(s, 0, "%s\r\n", line);
}

/* What is heard before anything happens. */
static void start(struct traffic *t, struct script *s, uint16_t port, const char *extensions)
{
	script_start(s, t->number++, port);
	script_handshake(s);
	script_say(s, 1, "220 mx%u.example.org ESMTP Postfix\r\n", (unsigned)(t->number % 3));
	script_say(s, 0, "EHLO host%llu.example.com\r\n", (unsigned long long)t->number);
	script_say(s, 1, "250-mx%u.example.org\r\n%s250 8BITMIME\r\n", (unsigned)(t->number % 3), extensions);
	truth_add(t->truth, 1, "command.greeting.220");
	truth_add(t->truth, 1, "command.EHLO.250");
}

static void quit(struct traffic *t, struct script *s)
{
	script_say(s, 0, "QUIT\r\n");
	script_say(s, 1, "221 2.0.0 Bye\r\n");
	script_close(s);
	truth_add(t->truth, 1, "command.QUIT.221");
	truth_add(t->truth, 1, "session.quit-fin");
}

/* Whether this server makes its offer for the first time: that is said once of each. */
static bool note_server(struct traffic *t, const struct script *s)
{
	unsigned which = s->side[1].addr[s->side[1].family == 6 ? 6 : 3] % 3u + (s->side[1].family == 6 ? 3u : 0u);
	bool first = !(t->servers >> which & 1);

	t->servers |= 1u << which;
	return first;
}

void traffic_auth(struct traffic *t, struct script *s)
{
	static const struct {
		const char *name;
		void (*say)(struct traffic *t, struct script *s);
	} mechanisms[] = {{"PLAIN", say_plain}, {"LOGIN", say_login}, {"LOGIN", say_login}, {"CRAM-MD5", say_cram}};
	unsigned m = random_below(&t->random, 4);
	bool right = random_below(&t->random, 5) < 2;

	start(t, s, 587, "250-PIPELINING\r\n250-SIZE 10240000\r\n250-AUTH PLAIN LOGIN CRAM-MD5\r\n250-ENHANCEDSTATUSCODES\r\n");
	mechanisms[m].say(t, s);
	script_say(s, 1, right ? "235 2.7.0 Authentication successful\r\n"
			       : "535 5.7.8 Error: authentication failed: authentication failure\r\n");
	truth_add(t->truth, 1, "command.AUTH.%s", right ? "235" : "535");
	truth_add(t->truth, 1, "auth.%s.%s", mechanisms[m].name, right ? "success" : "failure");
	truth_add(t->truth, 1, "finding.cleartext_auth");
	if (note_server(t, s)) {
		truth_add(t->truth, 1, "finding.weak_auth_mechanism");
		truth_add(t->truth, 1, "finding.auth_offered_without_tls");
	}
	truth_add(t->truth, !right, "finding.auth_failed");
	quit(t, s);
}

/* ---- mail ---- */

static void say_envelope(struct traffic *t, struct script *s, unsigned recipients)
{
	script_say(s, 0, "MAIL FROM:<sender%llu@example.com> SIZE=%u\r\n", (unsigned long long)t->number, 20000000);
	script_say(s, 1, "250 2.1.0 Ok\r\n");
	for (unsigned i = 0; i < recipients; i++) {
		script_say(s, 0, "RCPT TO:<user%u.%llu@example.org>\r\n", i, (unsigned long long)t->number);
		script_say(s, 1, "250 2.1.5 Ok\r\n");
	}
	script_say(s, 0, "DATA\r\n");
	script_say(s, 1, "354 End data with <CR><LF>.<CR><LF>\r\n");
	truth_add(t->truth, 1, "command.MAIL.250");
	truth_add(t->truth, recipients, "command.RCPT.250");
	truth_add(t->truth, 1, "command.DATA.250");
}

static void keep_header(struct traffic *t, struct script *s, unsigned recipients)
{
	unsigned long long n = t->number;

	script_keep_text(s, "Received: from host%llu.example.com (host%llu.example.com [192.0.2.%u])\r\n"
			 "\tby relay.example.com (Postfix) with ESMTPS id 4C%08llX\r\n"
			 "\tfor <user0.%llu@example.org>; Fri,  2 Jan 2026 03:04:05 +0000 (UTC)\r\n",
			 n, n, (unsigned)(n % 250 + 1), n, n);
	script_keep_text(s, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=example.com; s=s1;\r\n\tt=1767323045; "
			 "bh=%016llx%016llx=;\r\n\th=Date:From:To:Subject:From;\r\n", (unsigned long long)random_next(&t->random),
			 (unsigned long long)random_next(&t->random));
	script_keep_text(s, "Message-ID: <%016llx@example.com>\r\nDate: Fri, 2 Jan 2026 03:04:05 +0000\r\nMIME-Version: 1.0\r\n"
			 "User-Agent: Mozilla Thunderbird\r\nSubject: =?UTF-8?Q?Bericht_f=C3=BCr_%llu?= and the rest\r\n",
			 (unsigned long long)random_next(&t->random), n);
	script_keep_text(s, "From: \"Sender, A.\" <sender%llu@example.com>\r\nTo: User Zero <user0.%llu@example.org>", n, n);
	for (unsigned i = 1; i < recipients; i++)
		script_keep_text(s, ",\r\n User %u <user%u.%llu@example.org>", i, i, n);
	script_keep_text(s, "\r\nContent-Type: multipart/mixed; boundary=\"------------%08llx\"\r\nContent-Language: en-GB\r\n\r\n", n);
}

/* Header, about n octets of body, and the end. The start of the text and its last segment are of those that are never lost. */
static void say_message(struct traffic *t, struct script *s, unsigned recipients, size_t n, size_t size)
{
	const char *body = body_piece(t, &n);
	size_t last = n % size ? n % size : size;
	uint32_t from = s->used;

	keep_header(t, s, recipients);
	truth_add(t->truth, n + s->used - from, "octets");
	script_flush(s, 0, STEP_SAID, from, size);
	script_stream(s, 0, STEP_TEXT, body, n - last, size);
	script_stream(s, 0, STEP_SAID, body + n - last, last, size);
	script_say(s, 0, ".\r\n");
	script_say(s, 1, "250 2.0.0 Ok: queued as 4C%08llX\r\n", (unsigned long long)t->number);
	truth_add(t->truth, 1, "message.accepted");
}

static void say_mail(struct traffic *t, struct script *s, size_t n, size_t size)
{
	unsigned recipients = 1 + random_below(&t->random, 3);

	start(t, s, 25, "250-PIPELINING\r\n250-SIZE 52428800\r\n250-ENHANCEDSTATUSCODES\r\n");
	say_envelope(t, s, recipients);
	say_message(t, s, recipients, n, size);
	quit(t, s);
}

void traffic_mail(struct traffic *t, struct script *s)
{
	say_mail(t, s, (size_t)1000 << random_below(&t->random, 8), SEGMENT);
}

void traffic_bulk(struct traffic *t, struct script *s)
{
	say_mail(t, s, (size_t)(1 + random_below(&t->random, 6)) << 20, SEGMENT_LARGE);
}

/* ---- what is not mail ---- */

static void other_noise(struct traffic *t, struct script *s, int dir, size_t n)
{
	size_t from = random_next(&t->random) % (t->noise_n - n);

	script_stream(s, dir, STEP_SAID, t->noise + from, n, SEGMENT_LARGE);
}

static void other_tls(struct traffic *t, struct script *s)
{
	script_start(s, t->number++, 443);
	script_handshake(s);
	script_keep(s, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
	script_keep(s, t->noise, 506);
	script_flush(s, 0, STEP_SAID, 0, SEGMENT_LARGE);
	script_keep(s, "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11);
	script_keep(s, t->noise + 600, 1200);
	script_flush(s, 1, STEP_SAID, 517, SEGMENT_LARGE);
	other_noise(t, s, 0, 200);
	other_noise(t, s, 1, (size_t)4000 << random_below(&t->random, 8));
	script_close(s);
}

static void other_web(struct traffic *t, struct script *s)
{
	size_t n = (size_t)2000 << random_below(&t->random, 6);
	const char *body = body_piece(t, &n);

	script_start(s, t->number++, 80);
	script_handshake(s);
	script_say(s, 0, "GET /page/%llu HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n",
		   (unsigned long long)t->number);
	script_say(s, 1, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n\r\n", n);
	script_stream(s, 1, STEP_SAID, body, n, SEGMENT_LARGE);
	script_close(s);
}

static void other_ssh(struct traffic *t, struct script *s)
{
	script_start(s, t->number++, 22);
	script_handshake(s);
	script_say(s, 1, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
	script_say(s, 0, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
	for (int i = 0; i < 60; i++)
		other_noise(t, s, i % 2, 36 + random_below(&t->random, 4) * 16);
	script_close(s);
}

static void other_names(struct traffic *t, struct script *s)
{
	t->number += t->number % 8 == 7; /* IPv4 only */
	script_start(s, t->number++, 53);
	for (int i = 0; i < 8; i++)
		script_add(s, i % 2, STEP_UDP, t->noise + random_below(&t->random, 4096), i % 2 ? 120 : 40);
}

void traffic_other(struct traffic *t, struct script *s)
{
	static void (*const kinds[])(struct traffic *t, struct script *s) = {other_tls, other_tls, other_tls, other_web,
									     other_web, other_ssh, other_names, other_names};

	kinds[random_below(&t->random, sizeof(kinds) / sizeof(kinds[0]))](t, s);
}
