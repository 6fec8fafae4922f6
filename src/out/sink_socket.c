/*
 * sink_socket.c - unix:PATH and tcp:HOST:PORT, streams of whole records to somebody who listens.
 *
 * A broken connection is made anew after a second, then after twice as long each time, at most every 30 s; the record in the midst of
 * which it broke is sent again from its start. Names are looked up once, at the start: what that takes is given up afterwards.
 * Offline the first connection must succeed, so that a wrong name is seen at once; live a listener may come later.
 * Left out: what the kernel had taken and the listener had not read when the connection broke is not sent again (sink_kafka.c is for
 * those who need that). Of tcp: it is told how much of it was never acknowledged; what was, and not read, nobody knows. What the
 * listener says is read and forgotten.
 */
#include "sink_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h> /* SIOCOUTQ */
#endif

enum {
	RETRY_MIN_S = 1,
	RETRY_MAX_S = 30,
	CONNECT_S = 10,   /* a SYN that is dropped is given up then */
	MAX_ADDRESSES = 8, /* of one name */
	MAX_WASTE = 16,   /* reads in one go of what nobody wants: a listener that talks without end must not be listened to without end */
};

struct address {
	struct sockaddr_storage name;
	socklen_t n;
};

struct peer {
	struct address address[MAX_ADDRESSES];
	unsigned addresses, next; /* next: the one to try */
	bool up, connecting, was_up;
	bool told;                /* that it is down */
	bool opening;             /* the first round, of which the caller tells */
	int error;                /* the last one */
	int64_t retry_at, give_up_at;
	int64_t wait_s;
};

/* ---- connecting ---- */

/* Octets that the kernel had taken for the listener, who never acknowledged them. */
static uint64_t unacknowledged(const struct sink *s)
{
	int octets = 0;

#ifdef SIOCOUTQ
	if (s->kind == &sink_kind_tcp && ioctl(s->fd, SIOCOUTQ, &octets) != 0)
		octets = 0;
#endif
	return octets > 0 ? (uint64_t)octets : 0;
}

static void hang_up(struct sink *s, struct peer *p)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	p->up = p->connecting = false;
	sink_rewind(s);
}

/* After all addresses were tried there is a pause. */
static void try_later(struct sink *s, struct peer *p, int error)
{
	bool was_up = p->up;
	uint64_t octets = was_up ? unacknowledged(s) : 0;

	s->stats.unacknowledged_bytes += octets;
	hang_up(s, p);
	p->error = error;
	if (octets)
		sink_complain(s, "%s; %llu octets were not acknowledged, and may be lost; trying again", strerror(error), (unsigned long long)octets);
	else if (!p->told && !p->opening)
		sink_complain(s, "%s; trying again", strerror(error));
	p->told = !p->opening;
	p->next = was_up ? p->next : (p->next + 1) % p->addresses;
	if (!was_up && p->next != 0)
		return;
	p->retry_at = clock_monotonic() + p->wait_s * SECOND_NS;
	p->wait_s = p->wait_s * 2 > RETRY_MAX_S ? RETRY_MAX_S : p->wait_s * 2;
}

static void connected(struct sink *s, struct peer *p)
{
	if (p->told)
		sink_complain(s, "connected");
	s->stats.reconnects += p->was_up;
	p->up = p->was_up = true;
	p->connecting = p->told = false;
	p->wait_s = RETRY_MIN_S;
}

static void begin(struct sink *s, struct peer *p)
{
	const struct address *a = &p->address[p->next];
	int on = 1;

	s->fd = socket(a->name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0) {
		try_later(s, p, errno);
		return;
	}
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* a listener that vanished is noticed without traffic */
	p->connecting = true;
	p->give_up_at = clock_monotonic() + CONNECT_S * SECOND_NS;
	if (connect(s->fd, (const struct sockaddr *)&a->name, a->n) == 0)
		connected(s, p);
	else if (errno != EINPROGRESS)
		try_later(s, p, errno); /* EAGAIN: the queue of a unix socket is full */
}

static void go_on_connecting(struct sink *s, struct peer *p)
{
	struct pollfd fd = {.fd = s->fd, .events = POLLOUT};
	int error = 0;
	socklen_t n = sizeof error;

	if (poll(&fd, 1, 0) <= 0) {
		if (clock_monotonic() >= p->give_up_at)
			try_later(s, p, ETIMEDOUT);
		return;
	}
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error)
		try_later(s, p, error);
	else
		connected(s, p);
}

/* A listener that closed its side is not sent to: the kernel would take the octets, and nobody would have them. */
static void notice_end(struct sink *s, struct peer *p)
{
	char waste[4096];
	ssize_t n = 1;

	for (int i = 0; i < MAX_WASTE && n > 0; i++)
		n = recv(s->fd, waste, sizeof waste, MSG_DONTWAIT);
	if (n > 0)
		return; /* the rest next time */
	if (n == 0)
		try_later(s, p, ECONNRESET);
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		try_later(s, p, errno);
}

static bool is_up(struct sink *s, struct peer *p)
{
	if (p->up)
		notice_end(s, p);
	if (s->fd < 0 && clock_monotonic() >= p->retry_at)
		begin(s, p);
	if (p->connecting)
		go_on_connecting(s, p);
	return p->up;
}

static int socket_ready(struct sink *s, size_t next)
{
	(void)next;
	return is_up(s, s->own) ? 0 : -EAGAIN;
}

static ssize_t socket_put(struct sink *s, struct span octets)
{
	ssize_t n = send(s->fd, octets.p, octets.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

static bool socket_mend(struct sink *s, int error)
{
	try_later(s, s->own, error);
	return true;
}

static void socket_tick(struct sink *s)
{
	is_up(s, s->own);
}

static void socket_close(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->own);
}

/* ---- opening ---- */

static bool add_address(struct peer *p, const void *name, size_t n)
{
	if (p->addresses == MAX_ADDRESSES || n > sizeof p->address[0].name)
		return false;
	memcpy(&p->address[p->addresses].name, name, n);
	p->address[p->addresses++].n = (socklen_t)n;
	return true;
}

/* Offline until somebody takes the connection or the first round has failed. */
static int first_round(struct sink *s, struct peer *p, struct err *err)
{
	p->opening = !s->o.live;
	while (!is_up(s, p) && p->opening) {
		if (p->retry_at)
			return err_set(err, 1, "%s: %s", s->name, strerror(p->error));
		sink_pause(s);
	}
	p->opening = false;
	return 0;
}

static struct peer *peer_new(struct sink *s, struct err *err)
{
	struct peer *p = NULL;

	if (s->o.rotate_bytes || s->o.rotate_seconds)
		err_set(err, 2, "%s: only files can be rotated", s->name);
	else if (!(p = calloc(1, sizeof *p)))
		err_set(err, 1, "%s: out of memory", s->name);
	else
		p->wait_s = RETRY_MIN_S;
	s->own = p;
	return p;
}

static int finish_open(struct sink *s, struct err *err)
{
	if (first_round(s, s->own, err) == 0)
		return 0;
	socket_close(s);
	return -1;
}

static int unix_open(struct sink *s, const char *where, struct err *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct peer *p;

	if (!where[0] || strlen(where) >= sizeof name.sun_path)
		return err_set(err, 2, "%s: the path of a socket has 1 to %zu octets", s->name, sizeof name.sun_path - 1);
	memcpy(name.sun_path, where, strlen(where));
	p = peer_new(s, err);
	if (!p)
		return -1;
	add_address(p, &name, sizeof name);
	return finish_open(s, err);
}

/* "host:25", "192.0.2.1:25", "[2001:db8::1]:25": the host without its brackets, and what stands behind the last colon. */
static const char *split_host(const char *where, char host[256])
{
	const char *colon = strrchr(where, ':');
	size_t n = colon ? (size_t)(colon - where) : 0;

	if (n > 2 && where[0] == '[' && where[n - 1] == ']') {
		where++;
		n -= 2;
	} else if (memchr(where, ':', n)) {
		return NULL; /* an IPv6 address without brackets: where does it end? */
	}
	if (n == 0 || n > 255 || !colon[1])
		return NULL;
	memcpy(host, where, n);
	host[n] = '\0';
	return colon + 1;
}

static int tcp_open(struct sink *s, const char *where, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	char host[256];
	const char *port = split_host(where, host);
	struct peer *p;
	int status;

	if (!port)
		return err_set(err, 2, "%s: must be tcp:HOST:PORT, an IPv6 address in brackets", s->name);
	status = getaddrinfo(host, port, &hints, &list);
	if (status != 0)
		return err_set(err, status == EAI_SERVICE ? 2 : 1, "%s: %s", s->name, gai_strerror(status));
	p = peer_new(s, err);
	for (const struct addrinfo *a = list; p && a; a = a->ai_next)
		add_address(p, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(list);
	return p ? finish_open(s, err) : -1;
}

/* ---- rights ---- */

static void unix_rights(const struct sink *s, struct sink_rights *out)
{
	(void)s;
	out->network = SINK_UNIX;
}

static void tcp_rights(const struct sink *s, struct sink_rights *out)
{
	const struct peer *p = s->own;
	const struct sockaddr_storage *name = &p->address[0].name;

	out->network = SINK_TCP;
	if (name->ss_family == AF_INET6)
		out->port = ntohs(((const struct sockaddr_in6 *)name)->sin6_port);
	else
		out->port = ntohs(((const struct sockaddr_in *)name)->sin_port);
}

const struct sink_kind sink_kind_unix = {
    .prefix = "unix:",
    .open = unix_open,
    .close = socket_close,
    .tick = socket_tick,
    .rights = unix_rights,
    .ready = socket_ready,
    .put = socket_put,
    .mend = socket_mend,
};

const struct sink_kind sink_kind_tcp = {
    .prefix = "tcp:",
    .open = tcp_open,
    .close = socket_close,
    .tick = socket_tick,
    .rights = tcp_rights,
    .ready = socket_ready,
    .put = socket_put,
    .mend = socket_mend,
};
