/*
 * floor.c - a libpcap loop that does nothing: what reading costs anyway.
 *
 *   floor CAPTURE           a file
 *   floor INTERFACE KIB     an interface, with the settings smtpscope has and a kernel buffer of so many KiB, until SIGTERM; tells what the
 *                           kernel received and dropped
 */
#include <pcap/pcap.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { SNAPLEN = 262144, TIMEOUT_MS = 100 }; /* as in app/capture */

static pcap_t *p;

static void stop(int number)
{
	(void)number;
	pcap_breakloop(p);
}

static pcap_t *open_live(const char *interface, int kib)
{
	char text[PCAP_ERRBUF_SIZE];

	p = pcap_create(interface, text);
	if (!p)
		return NULL;
	pcap_set_snaplen(p, SNAPLEN);
	pcap_set_promisc(p, 1);
	pcap_set_timeout(p, TIMEOUT_MS);
	pcap_set_buffer_size(p, kib * 1024);
	if (pcap_activate(p) >= 0)
		return p;
	pcap_close(p);
	return NULL;
}

int main(int argc, char **argv)
{
	char text[PCAP_ERRBUF_SIZE];
	bool live = argc == 3;
	unsigned long long n = 0, sum = 0;
	struct pcap_stat st;
	struct pcap_pkthdr *h;
	const u_char *bytes;
	int status = 0;

	p = argc == 2 ? pcap_open_offline(argv[1], text) : live ? open_live(argv[1], atoi(argv[2])) : NULL;
	if (!p)
		return 1;
	signal(SIGTERM, stop);
	while ((status = pcap_next_ex(p, &h, &bytes)) == 1 || (live && status == 0)) {
		n += status == 1;
		sum += status == 1 ? h->caplen : 0;
	}
	printf("%llu frames, %llu octets\n", n, sum);
	if (live && pcap_stats(p, &st) == 0)
		printf("received %u dropped %u\n", st.ps_recv, st.ps_drop);
	pcap_close(p);
	return 0;
}
