/*
 * fuzz_command.c - one command line: parsing always succeeds, every part lies in the line, and where the grammar has a secret it
 * is not shown (L8).
 *
 * Input: how the line ended, phase, kind; kind 0: the line; else a verb that stands for AUTH with up to two octets changed, what
 * separates, a mechanism, and the Base64 of the secret.
 */
#include "fuzz.h"
#include "leaks.h"
#include "smtpscope/codec.h"
#include "smtpscope/command.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 8192 };

static void check_parts(const struct command *c, struct span line)
{
	FUZZ_CHECK(c->verb < VERB_COUNT && c->meant < VERB_COUNT);
	FUZZ_CHECK(fuzz_inside(c->verb_text, line) && fuzz_inside(c->argument, line) && fuzz_inside(c->domain, line));
	FUZZ_CHECK(fuzz_inside(c->path.raw, line) && fuzz_inside(c->path.address, line) && fuzz_inside(c->path.local_part, line));
	FUZZ_CHECK(fuzz_inside(c->path.domain, line) && fuzz_inside(c->path.route, line) && fuzz_inside(c->params_raw, line));
	FUZZ_CHECK(fuzz_inside(c->mechanism, line) && fuzz_inside(c->initial_response, line) && fuzz_inside(c->bad, line));
	FUZZ_CHECK(fuzz_inside(c->construct, line) && c->param_count <= COMMAND_MAX_PARAMS);
	for (unsigned i = 0; i < c->param_count; i++)
		FUZZ_CHECK(fuzz_inside(c->params[i].keyword, line) && fuzz_inside(c->params[i].value, line));
	FUZZ_CHECK(c->defects < UINT64_C(1) << DEFECT_COUNT);
}

/* What is shown, in rooms that end where they end. */
static void check_shown(const struct command *c, size_t cap, bool secret)
{
	char *room = malloc(cap + 1);
	struct span shown = command_shown_argument(c, room, cap);

	FUZZ_CHECK(!shown.p || shown.n <= (c->argument.n > cap ? c->argument.n : cap));
	FUZZ_CHECK(!secret || !leaks(shown, FUZZ_SECRET));
	shown = command_shown_verb(c, room, cap);
	FUZZ_CHECK(shown.n <= cap);
	FUZZ_CHECK(!secret || !leaks(shown, FUZZ_SECRET));
	free(room);
}

/* "AUTH PLAIN AGFsaWNl..." as somebody types it. */
static size_t auth_line(struct cursor *in, uint8_t *line)
{
	static const char *const verbs[] = {"AUTH", "X-EXPS", "XAUTH", "auth"};
	static const char *const mechanisms[] = {"PLAIN", "LOGIN", "XOAUTH2", "CRAM-MD5", "SCRAM-SHA-256", "NTLM", "OAUTHBEARER", "FOO"};
	struct span verb = span_str(verbs[cursor_u8(in) % 4]), mechanism = span_str(mechanisms[cursor_u8(in) % 8]);
	unsigned changes = cursor_u8(in) % 3, blanks = cursor_u8(in) % 4 + 1u;
	uint8_t message[64];
	size_t n = span_append(line, 0, ROOM, verb), length, shift = cursor_u8(in) % 4;

	for (unsigned i = 0; i < changes; i++) {
		uint8_t at = cursor_u8(in), to = cursor_u8(in);

		if (char_is(to, CHAR_ALPHA | CHAR_DIGIT)) /* a colon would make it a header line */
			line[at % verb.n] = to;
	}
	for (unsigned i = 0; i < blanks; i++)
		line[n++] = i % 2 ? '\t' : ' ';
	n = span_append(line, n, ROOM, mechanism);
	line[n++] = ' ';
	memcpy(message, "\0u\0", 3);
	length = span_append(message, shift, sizeof message, FUZZ_SECRET);
	n += (size_t)base64_encode(span_of(message, length), (char *)line + n, ROOM - n);
	return span_append(line, n, ROOM, span_first(cursor_rest(in), 32));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t built[ROOM];
	struct cursor in = cursor_of(data, n);
	enum line_end end = (enum line_end)(cursor_u8(&in) % 4);
	enum phase phase = (enum phase)(1 << cursor_u8(&in) % 6);
	uint8_t kind = cursor_u8(&in), cap = cursor_u8(&in);
	bool secret = kind % 4 == 1;
	struct span text = secret ? span_of(built, auth_line(&in, built)) : cursor_rest(&in);
	uint8_t *copy = fuzz_copy(text);
	struct span line = span_of(copy, text.n);
	struct command c;

	secret &= !leaks(span_of(data, n), FUZZ_SECRET); /* an input that holds it may have it anywhere */
	command_parse(line, line.n + kind % 3, end, kind % 2 ? 512 : 0, kind % 3 == 0, phase, &c);
	check_parts(&c, line);
	check_shown(&c, ROOM, secret);
	check_shown(&c, cap, secret);
	free(copy);
	return 0;
}
