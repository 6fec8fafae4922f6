/*
 * dialog_to_pcap.c - writes a dialogue as a capture file: what no server here can be made to say, as packets.
 *
 *   dialog_to_pcap DIALOGUE CAPTURE [WIRE]      WIRE: a name of the table in tests/support/wires.c; "ethernet" when not given
 *   dialog_to_pcap --rewrite                    all captures of tests/pcap/made, from the dialogues of the same name; NAME@WIRE.pcap
 */
#include "wires.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

struct output {
	struct pcap_writer writer;
	const char *path;
};

static void write_frame(void *ctx, int dlt, const struct built *frame, int64_t ts)
{
	struct output *o = ctx;

	if (!o->writer.f && !pcap_writer_open(&o->writer, o->path, dlt)) {
		perror(o->path);
		exit(2);
	}
	pcap_writer_frame(&o->writer, ts, span_of(frame->bytes, frame->n), (uint32_t)frame->n);
}

static void write_capture(const char *dialog, const char *path, const char *wire)
{
	struct output o = {.path = path};
	struct dialog d;
	size_t i = 0;

	while (i < wire_count && strcmp(wires[i].name, wire) != 0)
		i++;
	if (i == wire_count) {
		fprintf(stderr, "%s: no wire has that name\n", wire);
		exit(2);
	}
	dialog_read(dialog, &d);
	wire_frames(&d, &wires[i], write_frame, &o);
	dialog_free(&d);
	if (o.writer.f && fclose(o.writer.f) != 0) {
		perror(path);
		exit(2);
	}
}

/* tests/pcap/made/NAME.pcap or NAME@WIRE.pcap, with "-" for the blanks of the wire's name. */
static void rewrite(const char *path)
{
	char name[128], dialog[192];
	const char *wire = "ethernet";
	char *at;

	snprintf(name, sizeof name, "%s", strrchr(path, '/') + 1);
	name[strcspn(name, ".")] = '\0';
	at = strchr(name, '@');
	if (at) {
		*at = '\0';
		wire = at + 1;
		for (char *p = at + 1; *p; p++)
			*p = (char)(*p == '-' ? ' ' : *p);
	}
	snprintf(dialog, sizeof dialog, "tests/dialogs/%s.dlg", name);
	write_capture(dialog, path, wire);
}

int main(int argc, char **argv)
{
	glob_t g;

	if (argc == 2 && strcmp(argv[1], "--rewrite") == 0) {
		if (glob("tests/pcap/made/*.pcap", 0, NULL, &g) != 0)
			return 2;
		for (size_t i = 0; i < g.gl_pathc; i++)
			rewrite(g.gl_pathv[i]);
		globfree(&g);
		return 0;
	}
	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: dialog_to_pcap DIALOGUE CAPTURE [WIRE]\n");
		return 2;
	}
	write_capture(argv[1], argv[2], argc == 4 ? argv[3] : "ethernet");
	return 0;
}
