/*
 * notify.h - tells a service manager how the program fares: the datagrams of sd_notify(3), without its library.
 */
#ifndef SMTPSCOPE_APP_NOTIFY_H
#define SMTPSCOPE_APP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
	int fd;           /* -1: nobody asked */
	int64_t every;    /* ns between two signs of life, 0 none */
	int64_t next;     /* when the next is due, monotonic */
	unsigned reloads; /* how many were told of */
	bool reloading;
};

/* Connects to $NOTIFY_SOCKET: before rights are given up. No such variable, or no such socket: nothing will be said. */
void notify_open(struct notify *n);
void notify_ready(struct notify *n, const char *status);
/* Every now and then: a sign of life when one is due ($WATCHDOG_USEC); that files are opened anew, when there was a reload more. */
void notify_tick(struct notify *n, unsigned reloads);
void notify_stopping(struct notify *n);
void notify_close(struct notify *n);

#endif
