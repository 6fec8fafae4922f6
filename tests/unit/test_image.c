/*
 * Secrets in memory are wiped: the image of a running process, taken behind an AUTH whose session is still open, holds neither the password
 * nor its Base64 (SECURITY.md). What was read ahead of the capture is overwritten first by frames of no interest: input buffers are what
 * they are, the attacker who can read them could read the capture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "leaks.h"
#include "wires.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const dialogs[] = {
    "a01-plain-authzid", "s03-login-short-names", "s04-login-pipelined", "v03-plain-retry", "v08-xoauth2-refused",
    "a07-oauthbearer-refused",
    "v11-talks-on-after-refusal", "a15-login-as-plain-text", "a18-plain-and-mail-pipelined", "a14-bad-base64-response",
};

struct child {
	pid_t pid;
	int input;
};

static struct child start_program(void)
{
	const char *program = getenv("SMTPSCOPE");
	char path[512];
	struct child c;
	int ends[2];

	snprintf(path, sizeof path, "%s%s", program && strchr(program, '/') ? "" : "./", program ? program : "smtpscope");
	assert_int_equal(pipe(ends), 0);
	c.pid = fork();
	if (c.pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl(path, path, "--no-sandbox", "-r", "-", "-o", "json", "-O", "/dev/null", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	c.input = ends[1];
	return c;
}

static void send_octets(const struct child *c, const void *octets, size_t n)
{
	const uint8_t *at = octets;

	while (n) {
		ssize_t some = write(c->input, at, n);

		assert_true(some > 0);
		at += some;
		n -= (size_t)some;
	}
}

static char state_of(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof text, f));
	fclose(f);
	return strrchr(text, ')')[2];
}

/* Until it has read all and waits for more. */
static void wait_until_idle(const struct child *c)
{
	const struct timespec moment = {.tv_nsec = 5000000};
	int idle = 0, left = 1;

	for (int i = 0; i < 2000 && idle < 4; i++) {
		nanosleep(&moment, NULL);
		assert_int_equal(ioctl(c->input, FIONREAD, &left), 0);
		idle = left == 0 && state_of(c->pid) == 'S' ? idle + 1 : 0;
	}
	assert_int_equal(idle, 4);
}

static bool in_mapping(int mem, unsigned long from, unsigned long to, struct span secret)
{
	enum { MOST = 64 << 20 };
	size_t n = to - from;
	uint8_t *image = n <= MOST ? malloc(n) : NULL;
	ssize_t got = image ? pread(mem, image, n, (off_t)from) : 0;
	bool found = got > 0 && leaks(span_of(image, (size_t)got), secret);

	free(image);
	return found;
}

/* In anything that the process may write to; *where is the line of /proc/PID/maps. */
static bool in_image(const struct child *c, struct span secret, char *where, size_t cap)
{
	char path[64];
	bool found = false;
	FILE *maps;
	int mem;

	snprintf(path, sizeof path, "/proc/%d/mem", (int)c->pid);
	mem = open(path, O_RDONLY);
	snprintf(path, sizeof path, "/proc/%d/maps", (int)c->pid);
	maps = fopen(path, "r");
	assert_true(mem >= 0 && maps);
	while (!found && fgets(where, (int)cap, maps)) {
		unsigned long from, to;
		char rights[8];

		if (sscanf(where, "%lx-%lx %7s", &from, &to, rights) == 3 && rights[1] == 'w')
			found = in_mapping(mem, from, to, secret);
	}
	fclose(maps);
	close(mem);
	return found;
}

static void on_frame(void *ctx, int dlt, const struct built *b, int64_t ts)
{
	(void)dlt;
	pcap_writer_frame(ctx, ts, span_of(b->bytes, b->n), (uint32_t)b->n);
}

/* Both sides say one thing more, and so have acknowledged all before it: copies are kept until then, to be compared with later ones. */
static void say_more(struct dialog *d)
{
	uint64_t end[2] = {0, 0};
	int64_t ts = d->end_ts;

	for (size_t i = 0; i < d->count; i++)
		end[d->piece[i].dir] = d->piece[i].off + d->piece[i].n;
	for (int dir = 0; dir < 2; dir++) {
		struct piece *p = &d->piece[d->count++];

		*p = (struct piece){.dir = (enum dir)dir, .off = end[dir], .peer_seen = end[!dir], .n = 8, .ts = ts += 1000000};
		p->data = (uint8_t *)strdup(dir == DIR_CLIENT ? "NOOP x\r\n" : "250 ok\r\n");
		end[dir] += p->n;
	}
}

static void send_dialog(const struct child *c, struct dialog *d)
{
	static const struct wire plain = {.link = WIRE_ETHERNET, .family = 4, .mss = 1400};
	static uint8_t octets[1 << 20];
	char path[] = "/tmp/test_image.XXXXXX";
	int fd = mkstemp(path);
	struct pcap_writer w = {.f = NULL};
	size_t n;

	assert_true(fd >= 0 && pcap_writer_open(&w, path, 1));
	say_more(d);
	d->close = TCP_CLOSE_EOF; /* its session stays open */
	wire_frames(d, &plain, on_frame, &w);
	fclose(w.f);
	n = (size_t)read(fd, octets, sizeof octets);
	send_octets(c, octets, n);
	close(fd);
	unlink(path);
}

/* Frames as large as the buffer in which libpcap begins (a larger one would make it leave that behind), and more than is read ahead. */
static void send_filler(const struct child *c)
{
	enum { FRAME = 2040 };
	static uint8_t record[16 + FRAME];
	uint32_t head[4] = {1767323050, 0, FRAME, FRAME};

	memset(record, 'z', sizeof record);
	memcpy(record, head, sizeof head);
	memcpy(record + 16 + 12, "\x88\xb5", 2); /* local experiments (IEEE 802): not IP */
	for (int i = 0; i < 1000; i++)
		send_octets(c, record, sizeof record);
}

/* What is wiped is not what must stay: the shortest would be found in words that have nothing to do with it. */
static bool is_distinct(const char *secret)
{
	return strlen(secret) >= 6;
}

static unsigned search_image(const char *name)
{
	static struct dialog d;
	struct child c = start_program();
	char path[128], where[512];
	unsigned searched = 0;

	snprintf(path, sizeof path, "tests/dialogs/%s.dlg", name);
	dialog_read(path, &d);
	send_dialog(&c, &d);
	wait_until_idle(&c);
	for (unsigned i = 0; i < d.secrets; i++)
		if (is_distinct(d.secret[i]) && !in_image(&c, span_str(d.secret[i]), where, sizeof where))
			print_message("%s: \"%s\" is not even in the input buffer\n", name, d.secret[i]);
	send_filler(&c);
	wait_until_idle(&c);
	for (unsigned i = 0; i < d.secrets; i++) {
		if (!is_distinct(d.secret[i]))
			continue;
		searched++;
		if (in_image(&c, span_str(d.secret[i]), where, sizeof where))
			fail_msg("%s: \"%s\" is still in memory: %s", name, d.secret[i], where);
	}
	close(c.input);
	waitpid(c.pid, NULL, 0);
	dialog_free(&d);
	return searched;
}

static void image_holds_no_secret(void **state)
{
	unsigned searched = 0;

	(void)state;
	for (size_t i = 0; i < sizeof dialogs / sizeof *dialogs; i++)
		searched += search_image(dialogs[i]);
	assert_true(searched >= sizeof dialogs / sizeof *dialogs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(image_holds_no_secret)};

	if (UNDER_ASAN || access("/proc/self/mem", R_OK) != 0) {
		printf("needs memory as it is, and /proc\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
