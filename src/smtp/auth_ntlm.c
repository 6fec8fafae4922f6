/*
 * auth_ntlm.c - NTLM messages ([MS-NLMP] 2.2.1): NEGOTIATE 1, CHALLENGE 2, AUTHENTICATE 3.
 *
 * Little-endian. A field is len16, maxlen16, offset32 from the start of the message. A field is taken when it lies behind the fixed part
 * and inside the message, and no other field (a response, the session key) lies over it: a name that shares octets with a response may
 * be the response. Text is UTF-16LE with flag 0x1, else in a code page that is not told; type 1 is never Unicode.
 */
#include "auth_mechanism.h"

#include "smtpscope/codec.h"

enum { UNICODE = 0x1, TEXT_MAX = 512 };

/* Where the fields of each type stand, and where the first payload can. */
enum { LM = 12, NT = 20, DOMAIN = 28, USER = 36, STATION = 44, SESSION_KEY = 52, FLAGS_3 = 60, LEAST_3 = 52 };
enum { DOMAIN_1 = 16, STATION_1 = 24, LEAST_1 = 32 };
enum { TARGET = 12, FLAGS_2 = 20, TARGET_INFO = 40, LEAST_2 = 32, LEAST_INFO_2 = 48 };

static const uint8_t fields_1[] = {DOMAIN_1, STATION_1, 0};
static const uint8_t fields_3[] = {LM, NT, DOMAIN, USER, STATION, SESSION_KEY, 0};
static const uint8_t fields_3_short[] = {LM, NT, DOMAIN, USER, STATION, 0};

struct field {
	size_t off, len;
	bool sound; /* inside the message, behind the fixed part */
};

static uint32_t le32_at(struct span m, size_t at)
{
	struct cursor c = cursor_of(m.p, m.n);

	cursor_skip(&c, at);
	return cursor_le32(&c);
}

bool ntlm_message(struct span m)
{
	return m.n >= 12 && span_starts(m, SPAN("NTLMSSP\0"));
}

static struct field field_at(struct span m, size_t at, size_t least)
{
	struct cursor c = cursor_of(m.p, m.n);
	struct field f = {0};

	cursor_skip(&c, at);
	f.len = cursor_le16(&c);
	cursor_skip(&c, 2);
	f.off = cursor_le32(&c);
	f.sound = !c.bad && (f.len == 0 || (f.off >= least && f.off <= m.n && f.len <= m.n - f.off));
	return f;
}

static bool meet(const struct field *a, const struct field *b)
{
	return a->len && b->len && (a->off < b->off ? b->off - a->off < a->len : a->off - b->off < b->len);
}

/* The field at place at; absent when it is not sound or shares octets with another one of the list. */
static struct span take(struct auth *a, struct span m, const uint8_t *all, size_t at, size_t least)
{
	struct field f = field_at(m, at, least);

	if (!f.sound) {
		if (f.len)
			auth_malformed(a, SPAN("NTLM message with a field outside of it"));
		return SPAN_ABSENT;
	}
	for (; *all; all++) {
		struct field other = field_at(m, *all, 0);

		if (*all != at && meet(&f, &other)) {
			auth_malformed(a, SPAN("NTLM message with fields that overlap"));
			return SPAN_ABSENT;
		}
	}
	return span_of(m.p + (f.len ? f.off : 0), f.len);
}

/* In UTF-8 in dst where it was Unicode. Not of the client when a is NULL. */
static struct span text_of(struct auth *a, struct span s, bool unicode, uint8_t dst[TEXT_MAX])
{
	long n;

	if (!unicode || !s.n)
		return s;
	if (s.n % 2 && a)
		auth_malformed(a, SPAN("NTLM message with half a character"));
	n = utf16le_to_utf8(s, dst, TEXT_MAX);
	return n < 0 ? SPAN_ABSENT : span_of(dst, (size_t)n);
}

static void negotiate(struct auth *a, struct span m)
{
	struct span domain, station;

	if (m.n < LEAST_1)
		return; /* older clients end behind the flags */
	domain = take(a, m, fields_1, DOMAIN_1, LEAST_1);
	station = take(a, m, fields_1, STATION_1, LEAST_1);
	if (domain.n)
		a->domain = arena_copy(&a->arena, domain);
	auth_set(a, AUTH_WORKSTATION, station);
}

static void take_version(struct auth *a, struct span nt, struct span user)
{
	if (nt.n == 0 && user.n == 0)
		auth_set(a, AUTH_NTLM_VERSION, SPAN("anonymous"));
	else if (nt.n >= 24)
		auth_set(a, AUTH_NTLM_VERSION, nt.n == 24 ? SPAN("NTLMv1") : SPAN("NTLMv2"));
}

/* The oldest form has no session key and no flags: its data begins where others have them. */
static bool is_short(struct span m)
{
	for (const uint8_t *at = fields_3_short; *at; at++) {
		struct field f = field_at(m, *at, LEAST_3);

		if (f.sound && f.len && f.off < FLAGS_3 + 4)
			return true;
	}
	return m.n < FLAGS_3 + 4;
}

static void authenticate(struct auth *a, struct span m)
{
	bool brief = is_short(m);
	const uint8_t *fields = brief ? fields_3_short : fields_3;
	bool unicode = brief || le32_at(m, FLAGS_3) & UNICODE; /* without a flags field: those clients knew Unicode */
	struct span nt, user, domain, station;
	uint8_t text[TEXT_MAX];

	if (m.n < LEAST_3) {
		auth_malformed(a, SPAN("NTLM message cut short"));
		return;
	}
	nt = take(a, m, fields, NT, LEAST_3);
	user = text_of(a, take(a, m, fields, USER, LEAST_3), unicode, text);
	take_version(a, nt, user);
	if (user.n)
		a->user = arena_copy(&a->arena, user);
	domain = text_of(a, take(a, m, fields, DOMAIN, LEAST_3), unicode, text);
	if (domain.n)
		a->domain = arena_copy(&a->arena, domain);
	station = text_of(a, take(a, m, fields, STATION, LEAST_3), unicode, text);
	auth_set(a, AUTH_WORKSTATION, station);
	if (nt.n)
		auth_secret(a, nt);
}

void ntlm_response(struct auth *a, struct span m, uint32_t index)
{
	uint32_t type = ntlm_message(m) ? le32_at(m, 8) : 0;

	(void)index;
	if (type == 1)
		negotiate(a, m);
	else if (type == 3)
		authenticate(a, m);
	else if (m.n)
		auth_malformed(a, SPAN("no NTLM message"));
}

/* ---- the challenge: names of the server ---- */

/* What each id of an AV pair says ([MS-NLMP] 2.2.2.1), and what it is called in the challenge as shown. */
static const struct av {
	uint16_t id;
	enum auth_fact fact;
	const char *name;
} avs[] = {
    {1, AUTH_NTLM_NB_COMPUTER, "nb_computer"},   {2, AUTH_NTLM_NB_DOMAIN, "nb_domain"},
    {3, AUTH_NTLM_DNS_COMPUTER, "dns_computer"}, {4, AUTH_NTLM_DNS_DOMAIN, "dns_domain"},
};

static struct span target_of(struct span m)
{
	struct field f = field_at(m, TARGET, LEAST_2);

	return f.sound && f.len ? span_of(m.p + f.off, f.len) : SPAN_ABSENT;
}

static struct span target_info_of(struct span m)
{
	struct field f = field_at(m, TARGET_INFO, LEAST_INFO_2);

	return m.n >= LEAST_INFO_2 && f.sound && f.len ? span_of(m.p + f.off, f.len) : SPAN_ABSENT;
}

/* The next pair that is known, from a list of id16 len16 value; NULL at its end. */
static const struct av *next_pair(struct cursor *c, struct span *value)
{
	while (c->left >= 4) {
		uint16_t id = cursor_le16(c), len = cursor_le16(c);

		*value = cursor_bytes(c, len);
		if (id == 0 || c->bad)
			return NULL;
		for (size_t i = 0; i < sizeof avs / sizeof *avs; i++)
			if (avs[i].id == id)
				return &avs[i];
	}
	return NULL;
}

static bool is_challenge(struct span m)
{
	return ntlm_message(m) && m.n >= LEAST_2 && le32_at(m, 8) == 2;
}

void ntlm_challenge(struct auth *a, struct span m)
{
	struct span info = target_info_of(m), value;
	struct cursor c = cursor_of(info.p, info.n);
	uint8_t text[TEXT_MAX];
	const struct av *av;

	if (!is_challenge(m))
		return;
	auth_set(a, AUTH_NTLM_TARGET, text_of(NULL, target_of(m), le32_at(m, FLAGS_2) & UNICODE, text));
	while ((av = next_pair(&c, &value)))
		auth_set(a, av->fact, text_of(NULL, value, true, text));
}

static size_t put(uint8_t *dst, size_t n, size_t cap, const char *name, struct span value)
{
	if (!value.n)
		return n;
	n = span_append(dst, n, cap, span_str(name));
	n = span_append(dst, n, cap, SPAN("="));
	n = span_append(dst, n, cap, value);
	return span_append(dst, n, cap, SPAN(","));
}

size_t ntlm_shown(struct span m, uint8_t *dst, size_t cap)
{
	struct span info = target_info_of(m), value;
	struct cursor c = cursor_of(info.p, info.n);
	uint8_t text[TEXT_MAX];
	const struct av *av;
	size_t n;

	if (!is_challenge(m))
		return 0;
	n = put(dst, 0, cap, "target", text_of(NULL, target_of(m), le32_at(m, FLAGS_2) & UNICODE, text));
	while ((av = next_pair(&c, &value)))
		n = put(dst, n, cap, av->name, text_of(NULL, value, true, text));
	return span_append(dst, n, cap, SPAN("challenge=********"));
}
