/*
 * codec.h - encodings, into the caller's buffer. Nothing here allocates; nothing writes past cap.
 */
#ifndef SMTPSCOPE_CODEC_H
#define SMTPSCOPE_CODEC_H

#include "smtpscope/span.h"

/*
 * RFC 4648 4, strict as RFC 4954 4 wants it: alphabet, length a multiple of 4, '=' only at the end, no white space.
 * Returns the number of bytes written, or -1 when the input is not valid Base64 or dst is too small (3 bytes for each 4).
 * An empty input is valid and gives 0.
 */
long base64_decode(struct span in, uint8_t *dst, size_t cap);
/* Without "=" at its end, however many there are: some leave it off, some repeat it. */
struct span base64_unpadded(struct span in);
/* True when in is what base64_decode() would accept. */
bool base64_valid(struct span in);
/* Writes 4 * ceil(n / 3) characters, no NUL; -1 when that does not fit. */
long base64_encode(struct span in, char *dst, size_t cap);
/* RFC 2045 6.7 as RFC 2047 "Q" uses it when q_encoding ('_' is a space). Malformed escapes are copied as they are. */
long quoted_printable_decode(struct span in, bool q_encoding, uint8_t *dst, size_t cap);
/* RFC 3461 4 xtext: '+' and two upper-case hex digits. -1 when malformed or too small. */
long xtext_decode(struct span in, uint8_t *dst, size_t cap);
/* Lower-case hex; -1 when it does not fit. */
long hex_encode(struct span in, char *dst, size_t cap);

/* Length in bytes (1-4) of the well-formed UTF-8 sequence (RFC 3629: no surrogates, no overlong forms) that s starts with,
   and its code point; 0 when s does not start with one. */
size_t utf8_next(struct span s, uint32_t *code_point);
bool utf8_valid(struct span s);
/*
 * Converts to UTF-8 from a character set name as RFC 2047 carries it: utf-8, us-ascii, iso-8859-1, -15, windows-1252 are known.
 * Returns bytes written, or -1 for a set it does not know (or no room).
 */
long charset_to_utf8(struct span charset, struct span in, uint8_t *dst, size_t cap);
/* UTF-16LE; half a pair, and an octet too many, become U+FFFD. -1 when it does not fit. */
long utf16le_to_utf8(struct span in, uint8_t *dst, size_t cap);
/* Longest prefix of s of at most n bytes that does not cut a UTF-8 sequence in two. */
struct span utf8_cut(struct span s, size_t n);

#endif
