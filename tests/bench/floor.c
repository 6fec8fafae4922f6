/* floor.c - a libpcap loop that does nothing: what reading the file costs anyway. */
#include <pcap/pcap.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	char text[PCAP_ERRBUF_SIZE];
	pcap_t *p = argc == 2 ? pcap_open_offline(argv[1], text) : NULL;
	struct pcap_pkthdr *h;
	const u_char *bytes;
	unsigned long long n = 0, sum = 0;

	if (!p)
		return 1;
	while (pcap_next_ex(p, &h, &bytes) == 1) {
		n++;
		sum += h->caplen;
	}
	printf("%llu frames, %llu octets\n", n, sum);
	pcap_close(p);
	return 0;
}
