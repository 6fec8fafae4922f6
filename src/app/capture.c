/*
 * capture.c - libpcap. See capture.h.
 *
 * Files are read with nanosecond timestamps whatever they carry; libpcap does not say what they had, so a file counts as one of
 * microseconds until a timestamp shows otherwise.
 */
#include "capture.h"

#include "input.h"
#include "smtpscope/packet.h"

#include <pcap/pcap.h>

#include <errno.h>
#ifdef __linux__
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { READ_TIMEOUT_MS = 100, RETRY_MAX_S = 30 };

struct capture {
	struct capture_options o;
	pcap_t *pcap;
	unsigned next_file;
	const char *name; /* of what is open, for messages */
	int dlt;
	bool live, nanoseconds, truncated;
	int exit; /* status that what went wrong leads to */
	atomic_bool stop; /* set by signal handlers and other threads */
	uint64_t frames, file_frames;
	uint64_t dropped_before, if_dropped_before; /* by handles that are closed */
	int64_t not_before;
	bool down;   /* the interface is; the socket stays */
	bool gone;   /* it was removed; the socket stays, and waits for another of that name */
	int retry_s;
	time_t retry_at;
};

/* unit: nanoseconds in tv_usec, which libpcap uses for both precisions. What no clock shows (before 1970, after 2262) is cut. */
static int64_t to_ns(const struct pcap_pkthdr *h, int64_t unit)
{
	const int64_t latest = INT64_MAX / 1000000000 - 1;
	int64_t seconds = h->ts.tv_sec < 0 ? 0 : h->ts.tv_sec > latest ? latest : h->ts.tv_sec;
	int64_t part = (int64_t)h->ts.tv_usec * unit;

	return seconds * 1000000000 + (part < 0 || part >= 1000000000 ? 0 : part);
}

static int set_filter(struct capture *c, struct err *err)
{
	struct bpf_program program;
	int status;

	if (!c->o.filter || !c->o.filter[0])
		return 0;
	if (pcap_compile(c->pcap, &program, c->o.filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return err_set(err, 2, "filter \"%s\": %s", c->o.filter, pcap_geterr(c->pcap));
	status = pcap_setfilter(c->pcap, &program);
	pcap_freecode(&program);
	return status == 0 ? 0 : err_set(err, 1, "%s: filter: %s", c->name, pcap_geterr(c->pcap));
}

static int check_link(struct capture *c, struct err *err)
{
	const char *name;

	c->dlt = pcap_datalink(c->pcap);
	if (link_supported(c->dlt))
		return 0;
	name = pcap_datalink_val_to_name(c->dlt);
	return err_set(err, 1, "%s: link type %d (%s) is not supported; Ethernet, Linux cooked, loopback, PPP and raw IP are", c->name,
		       c->dlt, name ? name : "unknown");
}

static void close_handle(struct capture *c)
{
	struct pcap_stat st;

	if (!c->pcap)
		return;
	if (c->live && pcap_stats(c->pcap, &st) == 0) {
		c->dropped_before += st.ps_drop;
		c->if_dropped_before += st.ps_ifdrop;
	}
	pcap_close(c->pcap);
	c->pcap = NULL;
}

/* ---- files ---- */

static int open_file(struct capture *c, struct err *err)
{
	const char *path = c->o.files[c->next_file++];
	char text[PCAP_ERRBUF_SIZE];
	FILE *file;

	c->name = strcmp(path, "-") == 0 ? "standard input" : path;
	c->file_frames = 0;
	file = input_open(path, err);
	if (!file)
		return -1;
	c->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!c->pcap) {
		fclose(file);
		return err_set(err, 1, "%s: not a capture file (pcap or pcapng): %s", c->name, input_damage() ? input_damage() : text);
	}
	if (check_link(c, err) != 0 || set_filter(c, err) != 0) {
		close_handle(c);
		return -1;
	}
	return 0;
}

/* libpcap's words for a file that ends too early. */
static bool says_truncated(const char *text)
{
	return strstr(text, "truncated") != NULL;
}

static void file_problem(struct capture *c, void (*complain)(const char *text))
{
	const char *text = pcap_geterr(c->pcap);
	char line[512];

	if (says_truncated(text) || input_damage())
		c->truncated = true;
	snprintf(line, sizeof line, "%s: %s after frame %llu: %s; everything before it was read", c->name,
		 says_truncated(text) ? "cut short" : "unreadable", (unsigned long long)c->file_frames,
		 input_damage() ? input_damage() : text);
	complain(line);
	c->exit = c->exit ? c->exit : 1;
	close_handle(c);
}

/* The next file that can be opened. False when there is none. */
static bool next_file(struct capture *c, void (*complain)(const char *text))
{
	while (c->next_file < c->o.file_count) {
		struct err err = {0};

		if (open_file(c, &err) == 0)
			return true;
		complain(err.text);
		c->exit = err.code > c->exit ? err.code : c->exit;
		if (err.code == 2) /* the filter: it is as wrong for all other files */
			break;
	}
	c->next_file = c->o.file_count;
	return false;
}

/* ---- interfaces ---- */

static int live_error(struct capture *c, int status, struct err *err)
{
	const char *text = pcap_geterr(c->pcap);
	const char *name = c->o.interface;

	if (status == PCAP_ERROR_PERM_DENIED)
		return err_set(err, 1, "%s: no permission to capture; run as root, or: setcap cap_net_raw,cap_net_admin=eip "
			       "$(command -v smtpscope)", name);
	if (status == PCAP_ERROR_NO_SUCH_DEVICE)
		return err_set(err, 1, "%s: no such interface; `ip link` lists them, `any` means all", name);
	if (status == PCAP_ERROR_IFACE_NOT_UP)
		return err_set(err, 1, "%s: the interface is down; bring it up with: ip link set %s up", name, name);
	return err_set(err, 1, "%s: %s", name, text[0] ? text : pcap_statustostr(status));
}

/*
 * The kernel deals the packets of the interface to the sockets of a group, by a hash of the connection that is the same for both
 * directions; it puts IP fragments together for that (packet(7)).
 */
static int join_fanout(struct capture *c, struct err *err)
{
#ifdef PACKET_FANOUT
	unsigned value = c->o.fanout_group | ((unsigned)PACKET_FANOUT_HASH | (unsigned)PACKET_FANOUT_FLAG_DEFRAG) << 16;

	if (setsockopt(pcap_fileno(c->pcap), SOL_PACKET, PACKET_FANOUT, &value, sizeof value) == 0)
		return 0;
	return err_set(err, 1, "%s: fan-out group %u: %s", c->o.interface, c->o.fanout_group, strerror(errno));
#else
	return err_set(err, 1, "%s: this system has no fan-out; watch with one worker", c->o.interface);
#endif
}

static int open_live(struct capture *c, struct err *err)
{
	char text[PCAP_ERRBUF_SIZE];
	int status;

	c->name = c->o.interface;
	c->pcap = pcap_create(c->o.interface, text);
	if (!c->pcap)
		return err_set(err, 1, "%s: %s", c->o.interface, text);
	pcap_set_snaplen(c->pcap, c->o.snaplen);
	pcap_set_promisc(c->pcap, !c->o.no_promiscuous && strcmp(c->o.interface, "any") != 0);
	pcap_set_timeout(c->pcap, READ_TIMEOUT_MS);
	pcap_set_buffer_size(c->pcap, c->o.buffer_kib * 1024);
	pcap_set_immediate_mode(c->pcap, c->o.immediate);
	c->nanoseconds = pcap_set_tstamp_precision(c->pcap, PCAP_TSTAMP_PRECISION_NANO) == 0;
	status = pcap_activate(c->pcap);
	if (status < 0) {
		live_error(c, status, err);
		close_handle(c);
		return -1;
	}
	if (check_link(c, err) != 0 || set_filter(c, err) != 0 || (c->o.fanout && join_fanout(c, err) != 0)) {
		close_handle(c);
		return -1;
	}
	if (pcap_setnonblock(c->pcap, 1, text) != 0) {
		close_handle(c);
		return err_set(err, 1, "%s: %s", c->o.interface, text);
	}
	return 0;
}

static void pause_briefly(void)
{
	const struct timespec pause = {.tv_nsec = READ_TIMEOUT_MS * 1000000L};

	nanosleep(&pause, NULL);
}

/* Taken down, an interface keeps its sockets, and they hear it again when it is up. Removed, it does not. */
static bool is_removed(const struct capture *c)
{
	char path[128];
	struct stat st;

	if (strcmp(c->o.interface, "any") == 0)
		return false;
	snprintf(path, sizeof path, "/sys/class/net/%.64s", c->o.interface);
	return stat("/sys/class/net", &st) == 0 && stat(path, &st) != 0;
}

static void live_says(const struct capture *c, const char *what, void (*complain)(const char *text))
{
	char line[512];

	snprintf(line, sizeof line, "%.64s: %s", c->name, what);
	complain(line);
}

static enum capture_status live_lost(struct capture *c, void (*complain)(const char *text))
{
	if (!is_removed(c)) {
		if (!c->down)
			live_says(c, pcap_geterr(c->pcap), complain);
		c->down = true;
		pause_briefly();
		return CAPTURE_IDLE;
	}
	live_says(c, "the interface is gone; waiting for one of that name", complain);
	c->gone = c->o.once;
	if (!c->gone)
		close_handle(c);
	c->down = true;
	c->retry_s = 1;
	c->retry_at = time(NULL) + 1;
	return CAPTURE_IDLE;
}

static void live_back(struct capture *c, void (*complain)(const char *text))
{
	live_says(c, "capturing again", complain);
	c->down = false;
}

/*
 * libpcap's own time-out does not end a wait on an interface without traffic, so the wait is ours. True when there is something to
 * read. While the interface is down the socket reports an error that lasts, which must not make this spin.
 */
static bool live_wait(struct capture *c, void (*complain)(const char *text))
{
	struct pollfd fd = {.fd = pcap_get_selectable_fd(c->pcap), .events = POLLIN};
	bool ready = poll(&fd, 1, READ_TIMEOUT_MS) > 0;

	if (ready && !(fd.revents & POLLIN)) {
		if (!c->down)
			live_says(c, "the interface is down; waiting for it", complain);
		c->down = true;
		pause_briefly();
	}
	return ready;
}

static enum capture_status live_over(struct capture *c, void (*complain)(const char *text))
{
	live_says(c, "to share an interface anew takes rights that were given up at the start; start smtpscope again when it is back (a "
		  "service manager does), or keep them with --no-sandbox", complain);
	c->exit = 1;
	return CAPTURE_END;
}

/*
 * A packet socket that is open takes no rights to be bound to another interface (packet(7)); its ring and filter stay. One of a
 * fan-out group cannot be bound again.
 */
static bool can_rebind(const struct capture *c)
{
#ifdef __linux__
	return !c->o.fanout;
#else
	(void)c;
	return false;
#endif
}

static bool rebind(struct capture *c)
{
#ifdef __linux__
	struct ifreq name = {.ifr_ifindex = 0};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct packet_mreq promiscuous = {.mr_type = PACKET_MR_PROMISC};
	int fd = pcap_fileno(c->pcap), error;
	socklen_t n = sizeof error;

	snprintf(name.ifr_name, sizeof name.ifr_name, "%s", c->o.interface);
	if (ioctl(fd, SIOCGIFINDEX, &name) != 0)
		return false;
	to.sll_ifindex = promiscuous.mr_ifindex = name.ifr_ifindex;
	if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0)
		return false;
	if (!c->o.no_promiscuous)
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n); /* that the old one went */
	return true;
#else
	(void)c;
	return false;
#endif
}

/* The interface went away: look for it every second, then less often. */
static enum capture_status live_retry(struct capture *c, void (*complain)(const char *text))
{
	struct err err = {0};

	if (c->gone && !can_rebind(c))
		return live_over(c, complain);
	pause_briefly();
	if (time(NULL) < c->retry_at)
		return CAPTURE_IDLE;
	if (c->gone ? rebind(c) : open_live(c, &err) == 0) {
		c->gone = false;
		live_back(c, complain);
		return CAPTURE_IDLE;
	}
	c->retry_s = c->retry_s * 2 > RETRY_MAX_S ? RETRY_MAX_S : c->retry_s * 2;
	c->retry_at = time(NULL) + c->retry_s;
	return CAPTURE_IDLE;
}

/* ---- faces ---- */

struct capture *capture_open(const struct capture_options *options, struct err *err)
{
	struct capture *c = calloc(1, sizeof *c);

	if (!c) {
		err_set(err, 1, "out of memory");
		return NULL;
	}
	c->o = *options;
	c->live = options->file_count == 0;
	if (c->live ? open_live(c, err) == 0 : true)
		return c;
	free(c);
	return NULL;
}

static enum capture_status deliver(struct capture *c, const struct pcap_pkthdr *h, const u_char *bytes, struct frame *out)
{
	c->file_frames++;
	*out = (struct frame){.bytes = span_of(bytes, h->caplen), .wire_len = h->len, .number = ++c->frames, .dlt = c->dlt};
	out->ts = to_ns(h, c->live && !c->nanoseconds ? 1000 : 1);
	if (!c->live && out->ts % 1000)
		c->nanoseconds = true;
	return CAPTURE_FRAME;
}

enum capture_status capture_next(struct capture *c, struct frame *out, void (*complain)(const char *text))
{
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int status;

	if (c->stop || (c->o.max_frames && c->frames >= c->o.max_frames))
		return CAPTURE_END;
	while (!c->live) {
		if (!c->pcap && !next_file(c, complain))
			return CAPTURE_END;
		status = pcap_next_ex(c->pcap, &h, &bytes);
		if (status == 1)
			return deliver(c, h, bytes, out);
		if (status == PCAP_ERROR_BREAK && !c->stop && !input_damage())
			close_handle(c);
		else if (status == PCAP_ERROR_BREAK && c->stop)
			return CAPTURE_END;
		else
			file_problem(c, complain);
	}
	if (!c->pcap || c->gone)
		return live_retry(c, complain);
	status = pcap_next_ex(c->pcap, &h, &bytes);
	if (status == 0 && live_wait(c, complain))
		status = pcap_next_ex(c->pcap, &h, &bytes);
	if (status == 1 && to_ns(h, c->nanoseconds ? 1 : 1000) < c->not_before)
		return CAPTURE_IDLE;
	if (status == 1 && c->down)
		live_back(c, complain);
	if (status == 1)
		return deliver(c, h, bytes, out);
	if (status == PCAP_ERROR_BREAK)
		return CAPTURE_END;
	return status == 0 && !is_removed(c) ? CAPTURE_IDLE : live_lost(c, complain); /* its socket may say nothing of it */
}

void capture_skip(struct capture *c, int64_t ts)
{
	c->not_before = ts;
}

unsigned capture_prepare(struct capture *c, void (*complain)(const char *text), const char *const **rest)
{
	if (!c->live)
		next_file(c, complain);
	*rest = c->o.files + c->next_file;
	return c->live ? 0 : c->o.file_count - c->next_file;
}

int capture_exit(const struct capture *c)
{
	return c->exit;
}

bool capture_truncated(const struct capture *c)
{
	return c->truncated;
}

bool capture_is_live(const struct capture *c)
{
	return c->live;
}

bool capture_nanoseconds(const struct capture *c)
{
	return c->nanoseconds;
}

void capture_drops(struct capture *c, struct capture_drops *out)
{
	struct pcap_stat st = {0};

	*out = (struct capture_drops){c->dropped_before, c->if_dropped_before};
	if (!c->live || !c->pcap || pcap_stats(c->pcap, &st) != 0)
		return;
	out->kernel += st.ps_drop;
	out->interface += st.ps_ifdrop;
}

void capture_stop(struct capture *c)
{
	atomic_store(&c->stop, true);
	if (!c->live && c->pcap) /* a live wait is short, and its handle may change under another thread */
		pcap_breakloop(c->pcap);
}

void capture_close(struct capture **capture)
{
	if (!*capture)
		return;
	close_handle(*capture);
	free(*capture);
	*capture = NULL;
}
