/*
 * script.h - one connection as a list of segments, prepared whole and then played packet by packet among others.
 */
#ifndef BENCH_SCRIPT_H
#define BENCH_SCRIPT_H

#include "build_packet.h"
#include "truth.h"

/* Numbers that are the same on every run and machine (splitmix64). */
struct random {
	uint64_t state;
};
uint64_t random_next(struct random *r);
uint32_t random_below(struct random *r, uint32_t n);

enum step_kind {
	STEP_ACK,      /* no payload */
	STEP_SYN,
	STEP_SAID,     /* commands and replies: their loss would leave the record to guesses */
	STEP_TEXT,     /* inside of a message: what is lost there is a gap and nothing else */
	STEP_FIN,
	STEP_UDP,
};

struct step {
	uint8_t dir, kind;
	uint8_t flags;
	uint32_t n;
	const uint8_t *at; /* NULL: in the script's own text, from text_at on */
	uint32_t text_at;
};

struct script {
	struct endpoint side[2];
	uint32_t seq[2];
	struct step *steps;
	unsigned count, room, next;
	char *text;
	uint32_t used, text_room;
};

/* An empty script between client and server; number makes addresses and ports that no other one has. */
void script_start(struct script *s, uint64_t number, uint16_t server_port);
void script_handshake(struct script *s);
void script_close(struct script *s); /* by the client */
void script_add(struct script *s, int dir, enum step_kind kind, const void *at, size_t n);
/* Text that the script keeps, in one segment. */
void script_say(struct script *s, int dir, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Octets that outlive the script in segments of size, with an ACK for every second one. */
void script_stream(struct script *s, int dir, enum step_kind kind, const void *at, size_t n, size_t size);
/* Adds octets to what the script keeps; the next script_flush() sends them as script_stream() does. */
void script_keep(struct script *s, const void *at, size_t n);
void script_keep_text(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void script_flush(struct script *s, int dir, enum step_kind kind, uint32_t from, size_t size);
/* The next segment as a frame; false at the end. The sequence numbers move on. */
bool script_play(struct script *s, struct built *frame, const struct step **step);
/* The same without the frame. */
void script_skip(struct script *s);
void script_free(struct script *s);

#endif
