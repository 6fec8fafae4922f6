/*
 * command_bytes.c - octets that no SMTP command has: other protocols' first bytes, telnet options, UTF-16, controls.
 *
 * RFC 5321 2.4 and 4.1.2: commands are ASCII without controls. Only lines that hold a control or an octet above 7Eh get
 * here. Left out on purpose: whether octets above 7Fh are allowed on this line; that needs its parameters (RFC 6531 3.3).
 */
#include "command_internal.h"
#include "smtpscope/codec.h"

#include <string.h>

/* The bit of a control octet; what follows it is looked at for ESC only. HT is judged where it stands. */
static uint64_t control_defect(struct span s)
{
	switch (s.p[0]) {
	case '\0':
		return DEFECT(NUL);
	case '\r':
		return DEFECT(BARE_CR);
	case '\b':
	case 0x7F:
		return DEFECT(EDITING);
	case 0x1B:
		return span_starts(s, SPAN("\x1b[")) ? DEFECT(EDITING) : DEFECT(CONTROL_CHAR);
	case '\t':
		return 0;
	default:
		return DEFECT(CONTROL_CHAR);
	}
}

/* TLS record: handshake 16h, version 03 00-04, length, ClientHello 01h; or an SSLv2 hello: 80h+ length 01h. */
static bool is_tls(struct span s)
{
	if (s.n >= 3 && s.p[0] == 0x16)
		return s.p[1] == 3 && s.p[2] <= 4 && (s.n < 6 || s.p[5] == 1);
	return s.n >= 4 && s.p[0] == 0x80 && s.p[2] == 1 && (s.p[3] == 0 || s.p[3] == 3);
}

/* DNS over TCP (RFC 1035 4.1.1, 4.2.2): its length, and a query of one question and no answers. */
static bool is_dns(struct span s)
{
	enum { HEADER = 2 + 12 };

	return s.n > HEADER && (size_t)(s.p[0] << 8 | s.p[1]) == s.n - 2 && s.p[6] == 0 && s.p[7] == 1 && s.p[8] == 0 && s.p[9] == 0;
}

/* RDP (TPKT 03 00), SMB behind its four-octet length, SOCKS 4 and 5. */
static bool is_binary_protocol(struct span s)
{
	if (span_starts(s, SPAN("\x03\x00\x00")) || is_dns(s))
		return true;
	if (s.n >= 8 && (s.p[4] == 0xFF || s.p[4] == 0xFE) && memcmp(s.p + 5, "SMB", 3) == 0)
		return true;
	if (s.n >= 2 && s.p[0] == 4)
		return s.p[1] == 1 || s.p[1] == 2;
	return s.n >= 3 && s.p[0] == 5 && s.p[1] >= 1 && s.p[1] == s.n - 2;
}

/*
 * Octets of the telnet command that s starts with, 0 when it does not (RFC 854): IAC (FFh), WILL WONT DO DONT (FBh-FEh), option; or IAC SB
 * (FAh), what is said of an option, IAC SE (F0h). Any octet may stand in it, a NUL for "binary" or 03h for "suppress go ahead" too.
 */
static size_t telnet_length(struct span s)
{
	size_t end;

	if (s.n < 3 || s.p[0] != 0xFF || s.p[1] < 0xFA || s.p[1] > 0xFE)
		return 0;
	end = s.p[1] == 0xFA ? span_find(s, SPAN("\xff\xf0")) : 1;
	return end == SPAN_NPOS ? 0 : end + 2;
}

/*
 * Neither text nor SMTP: no word at the start, controls that no keyboard sends, and octets that are not UTF-8, so many of both as
 * neither Latin letters nor another character set would bring.
 */
static bool is_noise(struct span s)
{
	enum { LEAST = 16 }; /* octets, in which chance shows */
	size_t controls = 0, letters = 0, high = 0;

	while (letters < s.n && char_is(s.p[letters], CHAR_ALPHA))
		letters++;
	if (s.n < LEAST || letters >= 4 || telnet_length(s) || utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		controls += (control_defect(span_from(s, i)) & (DEFECT(NUL) | DEFECT(CONTROL_CHAR))) && s.p[i] < ' ';
		high += s.p[i] >= 0x80;
	}
	return controls >= s.n / 16 && high >= s.n / 8;
}

/* Every second octet, from the first or from the second on, is NUL, and no other is. */
static bool is_utf16(struct span s)
{
	size_t nul_at;

	if (span_starts(s, SPAN("\xff\xfe")) || span_starts(s, SPAN("\xfe\xff")))
		return true;
	if (s.n < 3)
		return false;
	nul_at = s.p[0] == 0 ? 0 : 1;
	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] == 0) != (i % 2 == nul_at))
			return false;
	}
	return true;
}

static const struct {
	uint64_t defect;
	bool (*match)(struct span s);
} foreign[] = {
	{DEFECT(TLS_BYTES), is_tls},
	{DEFECT(OTHER_PROTOCOL), is_binary_protocol},
	{DEFECT(UTF16), is_utf16},
	{DEFECT(OTHER_PROTOCOL), is_noise},
};

bool bytes_foreign(uint64_t defects)
{
	return (defects & (DEFECT(TLS_BYTES) | DEFECT(OTHER_PROTOCOL) | DEFECT(UTF16))) != 0;
}

static uint64_t each_octet(struct span s)
{
	uint64_t defects = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct span here = span_from(s, i);
		size_t telnet = s.p[i] == 0xFF ? telnet_length(here) : 0;

		if (char_is(s.p[i], CHAR_CONTROL))
			defects |= control_defect(here);
		if (!telnet)
			continue;
		defects |= DEFECT(TELNET);
		i += telnet - 1;
	}
	return defects;
}

uint64_t bytes_check(struct span *text)
{
	uint64_t defects = 0;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (foreign[i].match(*text))
			return foreign[i].defect;
	}
	if (span_starts(*text, SPAN("\xef\xbb\xbf"))) {
		defects |= DEFECT(UTF8_BOM);
		*text = span_from(*text, 3);
	}
	defects |= each_octet(*text);
	while (telnet_length(*text))
		*text = span_from(*text, telnet_length(*text));
	return defects;
}
