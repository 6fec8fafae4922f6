/*
 * dialog.h - a dialogue as a person writes it (tests/dialogs/README.md), as pieces of two streams with what each sender had seen.
 */
#ifndef TESTS_DIALOG_H
#define TESTS_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtpscope/chunk.h"
#include "smtpscope/session.h"

enum { MAX_PIECES = 512, MAX_SECRETS = 8 };

/* What one side sends in one go; consecutive lines of a side with "+" belong to one piece. */
struct piece {
	enum dir dir;
	bool lost; /* not in the capture */
	uint64_t off, peer_seen;
	uint8_t *data;
	uint8_t *other; /* the same octets once more, and not the same: a second copy that came behind; NULL none */
	size_t n;
	int64_t ts;
};

/* One session; a dialogue of several is a list of them, one after the other. */
struct dialog {
	struct dialog *next;
	unsigned number;   /* from 0 */
	uint8_t client[4], server[4]; /* IPv4 addresses; wires.c makes IPv6 of them */
	char name[64];
	struct piece piece[MAX_PIECES];
	size_t count;
	uint16_t port;
	bool midstream;
	bool one_sided[2]; /* by dir: nothing of that side is in the capture */
	enum tcp_close close;
	enum dir closer;   /* who sends FIN or RST first */
	char secret[MAX_SECRETS][128];
	unsigned secrets;
	struct session_limits limits; /* the default, but for what a directive lowered */
	struct session_config config; /* the default, with these limits */
	int64_t end_ts;
};

/* Exits with a message that names file and line when the file cannot be read. */
void dialog_read(const char *path, struct dialog *d);
void dialog_free(struct dialog *d);

#endif
