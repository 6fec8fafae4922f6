/*
 * dialogue.h - a fuzz input as a dialogue: the octets of both sides, who had seen what, and AUTH exchanges with the made-up secret.
 *
 *   input: flags(1) seed(1) piece*      piece: mark(1) octets up to the next mark
 *
 *   01 client  02 server: sent having seen all that came before     03 client  04 server: in the same flight
 *   05 client  06 server: sent, but lost from the capture           07 a way(1) to log in, with the secret
 *   0e: the next octet stands for itself, whatever it is
 */
#ifndef TESTS_FUZZ_DIALOGUE_H
#define TESTS_FUZZ_DIALOGUE_H

#include "dialog.h"
#include "fuzz.h"

enum { MARK_CLIENT = 1, MARK_SERVER, MARK_CLIENT_FLIGHT, MARK_SERVER_FLIGHT, MARK_CLIENT_LOST, MARK_SERVER_LOST,
       MARK_LOGIN, MARK_PLAIN = 14 };
enum { FLAG_PORT = 3, FLAG_MIDSTREAM = 4, FLAG_CLOSE = 0x18, FLAG_OTHER = 0x20, /* for the target to use */
       FLAG_TIGHT = 0x40 /* low limits, so that a short input reaches them */ };

struct dialogue {
	struct dialog d;      /* its octets are borrowed from here */
	uint8_t octets[65536];
	size_t n;
	uint8_t flags, seed;
	bool lost[2];         /* something of that side is */
	bool secret;          /* it holds the secret where the grammar has one, and nowhere else */
};
/* Fills all of *out. False: no piece in it. */
bool dialogue_read(struct span input, struct dialogue *out);

#endif
