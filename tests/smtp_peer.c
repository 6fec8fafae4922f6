/*
 * smtp_peer.c - a scripted SMTP server and client for live tests: blocking, one connection at a time, no dependencies.
 *
 *   smtp_peer server ADDRESS PORT CONNECTIONS    answers by rule, then ends
 *   smtp_peer client ADDRESS PORT                one session: EHLO, a typo, AUTH, a mail, QUIT
 *   smtp_peer client-open ADDRESS PORT           greets and stays until it is killed
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address_of(char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};

	if (inet_pton(AF_INET, argv[2], &a.sin_addr) != 1)
		fail(argv[2]);
	return a;
}

/* ---- server ---- */

struct rule {
	const char *starts, *reply;
};

static const struct rule rules[] = {
    {"EHLO", "250-mx.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"},
    {"AUTH PLAIN AGFsaWNlAHMzY3IzdA==", "235 2.7.0 ok\r\n"},
    {"AUTH", "535 5.7.8 no\r\n"},
    {"MAIL FROM:", "250 2.1.0 ok\r\n"},
    {"RCPT TO:<nobody", "550 5.1.1 no such user\r\n"},
    {"RCPT TO:", "250 2.1.5 ok\r\n"},
    {"DATA", "354 go\r\n"},
    {"QUIT", "221 2.0.0 bye\r\n"},
};

static const char *answer(const char *line)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strncmp(line, rules[i].starts, strlen(rules[i].starts)) == 0)
			return rules[i].reply;
	return "500 5.5.2 Error: command not recognized\r\n";
}

static void serve(FILE *in, FILE *out)
{
	char line[1024];
	int data = 0;

	fputs("220 mx.example ESMTP\r\n", out);
	fflush(out);
	while (fgets(line, sizeof line, in)) {
		if (data && strcmp(line, ".\r\n") != 0)
			continue;
		fputs(data ? "250 2.0.0 Ok: queued as 4F1A2B3C\r\n" : answer(line), out);
		data = !data && strncmp(line, "DATA", 4) == 0;
		fflush(out);
	}
}

static void server(char **argv)
{
	struct sockaddr_in a = address_of(argv);
	int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(s, (struct sockaddr *)&a, sizeof a) != 0 || listen(s, 4) != 0)
		fail("server");
	for (int n = atoi(argv[4]); n > 0; n--) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			fail("accept");
		if (n == 1) { /* the last one stays open: only its greeting and first answer */
			char line[256];

			dprintf(c, "220 mx.example ESMTP\r\n");
			if (read(c, line, sizeof line) > 0)
				dprintf(c, "250 mx.example\r\n");
			pause();
		}
		FILE *in = fdopen(c, "r"), *out = fdopen(dup(c), "w");
		serve(in, out);
		fclose(in);
		fclose(out);
	}
}

/* ---- client ---- */

static int dial(char **argv)
{
	struct sockaddr_in a = address_of(argv);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	for (int i = 0; i < 50; i++) {
		if (connect(s, (struct sockaddr *)&a, sizeof a) == 0)
			return s;
		usleep(100000);
	}
	fail("connect");
	return -1;
}

static void expect(FILE *in, const char *code)
{
	char line[1024];

	do {
		if (!fgets(line, sizeof line, in))
			fail("reply");
	} while (line[3] == '-');
	if (strncmp(line, code, 3) != 0) {
		fprintf(stderr, "expected %s, got %s", code, line);
		exit(1);
	}
}

static void client(char **argv)
{
	static const struct {
		const char *say, *code;
	} script[] = {
	    {"EHLO c.example\r\n", "250"},
	    {"AUTH PLAIN AGFsaWNlAHdyb25n\r\n", "535"},
	    {"AUTH PLAIN AGFsaWNlAHMzY3IzdA==\r\n", "235"},
	    {"MIAL FROM:<a@example.org>\r\n", "500"},
	    {"MAIL FROM:<a@example.org>\r\n", "250"},
	    {"RCPT TO:<nobody@example.org>\r\n", "550"},
	    {"RCPT TO:<b@example.org>\r\n", "250"},
	    {"DATA\r\n", "354"},
	    {"Subject: live\r\nFrom: a@example.org\r\n\r\nhello\r\n..\r\n.\r\n", "250"},
	    {"QUIT\r\n", "221"},
	};
	int s = dial(argv);
	FILE *in = fdopen(s, "r");

	expect(in, "220");
	for (size_t i = 0; i < sizeof script / sizeof *script; i++) {
		if (write(s, script[i].say, strlen(script[i].say)) < 0)
			fail("write");
		expect(in, script[i].code);
	}
	fclose(in);
}

static void client_open(char **argv)
{
	int s = dial(argv);
	FILE *in = fdopen(s, "r");

	expect(in, "220");
	if (write(s, "EHLO c.example\r\n", 16) < 0)
		fail("write");
	expect(in, "250");
	pause();
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "server") == 0)
		server(argv);
	else if (argc == 4 && strcmp(argv[1], "client") == 0)
		client(argv);
	else if (argc == 4 && strcmp(argv[1], "client-open") == 0)
		client_open(argv);
	else
		return 2;
	return 0;
}
