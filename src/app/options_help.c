/*
 * options_help.c - what --help prints: the commands, and the table of options. One screen; a test counts.
 */
#include "options.h"

#include "version.h"

void options_help(FILE *out)
{
	fputs("smtpscope " SMTPSCOPE_VERSION ": what happened in SMTP traffic, and why it failed\n\n"
	      "  smtpscope -r FILE... [options] [BPF]     read captures (pcap, pcapng, .gz, .zst)\n"
	      "  smtpscope -i IF [options] [BPF]          watch an interface\n"
	      "  smtpscope explain CODE|NAME [CODE|NAME]  what a code, reply, finding or command means\n"
	      "  smtpscope schema | completion bash|zsh   JSON Schema of the events | completion for a shell\n\n",
	      out);
	for (unsigned i = 0; i < option_row_count; i++) {
		const struct option_row *r = &option_rows[i];
		char left[40], letter[5] = "    ";

		if (r->letter)
			snprintf(letter, sizeof letter, "-%c%s ", r->letter, r->name ? "," : " ");
		snprintf(left, sizeof left, "%s%s%s%s%s", letter, r->name ? "--" : "", r->name ? r->name : "",
			 r->argument ? (r->name ? " " : "") : "", r->argument ? r->argument : "");
		fprintf(out, "  %-26s %s\n", left, r->help);
	}
	fputs("\nExit status: 0 done, 1 input, capture or output failed, 2 usage or filter. Manual: smtpscope(1).\n", out);
}
