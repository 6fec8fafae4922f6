/*
 * eod.h - reads message data after 354 (RFC 5321 4.1.1.4, 4.5.2): finds the end, takes off stuffed dots, counts.
 *
 * The only end is <CRLF>.<CRLF>; everything that a lenient server might take for one is remembered as a candidate.
 */
#ifndef SMTPSCOPE_EOD_H
#define SMTPSCOPE_EOD_H

#include "smtpscope/span.h"

/* How a line began and ended, around the lone dot. */
struct eod_candidate {
	uint64_t off;      /* stream offset of the byte after it */
	char form[16];     /* "LF.LF" "LF.CRLF" "CRLF.LF" "CR.CR" ..., as protocol.md section 6 writes it */
};

struct eod {
	/* results */
	uint64_t size;     /* message octets: CRLFs count, stuffed dots and the final dot do not (RFC 1870 5) */
	uint64_t lines;
	uint64_t longest;  /* octets of the longest line incl. line end, without the stuffed dot; of lines that were seen whole */
	uint64_t bare_lf;  /* lines ended by LF alone */
	uint64_t unstuffed; /* lines that start with one dot and are no end: their dot is lost */
	uint64_t size_at_dot, lines_at_dot; /* before the dot that the last candidate is about */
	/* private */
	uint8_t state;
	bool hole; /* the octet before the next one is lost */
	bool torn; /* octets of the line are lost, and perhaps line ends with them */
	bool double_cr; /* the line before ended in CRCRLF */
	uint64_t line_length;
};

void eod_init(struct eod *e);
/* n octets are lost here. They count for the size; how long the line was is not known any more. */
void eod_lost(struct eod *e, uint64_t n);

enum eod_status {
	EOD_MORE,      /* all bytes taken */
	EOD_END,       /* the standard end: *used bytes up to and including it */
	EOD_CANDIDATE, /* a non-standard end: *used bytes up to and including it, *form says which; go on with the rest */
};
/*
 * Scans bytes. Up to body_max spans of unstuffed message data that may be shown to a header reader are not built here:
 * instead body(ctx, span) is called for each unstuffed piece when body is not NULL.
 */
enum eod_status eod_feed(struct eod *e, struct span bytes, size_t *used, const char **form,
			 void (*body)(void *ctx, struct span piece), void *ctx);

#endif
