/*
 * err.h - what went wrong, in words a person can act on; filled at the edges (files, interfaces, options), printed only by main.
 */
#ifndef SMTPSCOPE_ERR_H
#define SMTPSCOPE_ERR_H

struct err {
	int code;       /* 0 none; else the exit status it leads to: 1 input, capture or sink; 2 usage */
	char text[1024]; /* "capture.pcap: cut short after frame 12: ..." without the program's name and line end */
};
/* printf style; the first error stays when one is set already. Returns -1, so callers may return err_set(...). */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
