/*
 * notify.c - see notify.h.
 *
 * One datagram a message, "NAME=VALUE" lines. The socket is connected once, so that what the sandbox leaves (write) is enough; the
 * manager knows the sender by the credentials that the kernel adds.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "notify.h"

#include "smtpscope/clock.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager that went away is no reason to stop: what it misses it has to bear. */
static void say(const struct notify *n, const char *text)
{
	if (n->fd >= 0 && write(n->fd, text, strlen(text)) < 0)
		return;
}

static int connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof to.sun_path)
		return -1;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* an abstract address */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Half of what the manager grants; 0 when it asks for no signs of life, or another process for them. */
static int64_t watchdog_interval(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long n = usec ? strtoll(usec, NULL, 10) : 0;

	if (n <= 0 || n > INT64_MAX / 1000 || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return n * 1000 / 2;
}

void notify_open(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*n = (struct notify){.fd = path ? connect_to(path) : -1};
	if (n->fd >= 0)
		n->every = watchdog_interval();
}

void notify_ready(struct notify *n, const char *status)
{
	char text[256];

	snprintf(text, sizeof text, "READY=1\nSTATUS=%s\n", status);
	say(n, text);
}

/* The outputs open their files anew within a tick. */
static void tell_reload(struct notify *n, unsigned reloads)
{
	char text[64];

	if (n->reloading)
		say(n, "READY=1\n");
	n->reloading = n->reloads != reloads;
	n->reloads = reloads;
	if (!n->reloading)
		return;
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n", clock_monotonic() / 1000);
	say(n, text);
}

void notify_tick(struct notify *n, unsigned reloads)
{
	int64_t now;

	if (n->fd < 0)
		return;
	if (n->reloading || n->reloads != reloads)
		tell_reload(n, reloads);
	now = n->every ? clock_monotonic() : 0;
	if (!n->every || now < n->next)
		return;
	say(n, "WATCHDOG=1\n");
	n->next = now + n->every;
}

void notify_stopping(struct notify *n)
{
	say(n, "STOPPING=1\n");
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}
