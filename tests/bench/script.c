/* script.c - see script.h. */
#include "script.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)(random_next(r) % n);
}

static void *grown(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p) {
		perror("generate");
		exit(1);
	}
	return p;
}

/* Neighbours in number are in different /24 and /48 networks: many failures are not one attacker. Every eighth speaks IPv6. */
void script_start(struct script *s, uint64_t number, uint16_t server_port)
{
	struct random r = {number * 2 + server_port};
	uint8_t v6 = number % 8 == 7;

	s->count = s->next = s->used = 0;
	memset(s->side, 0, sizeof(s->side));
	for (int d = 0; d < 2; d++) {
		uint8_t *a = s->side[d].addr;

		s->side[d].family = v6 ? 6 : 4;
		s->seq[d] = (uint32_t)random_next(&r);
		if (v6) {
			memcpy(a, "\x20\x01\x0d", 3);
			a += 3;
		}
		a[0] = d ? 192 : 10;
		a[1] = (uint8_t)(d ? 0 : number >> 8);
		a[2] = (uint8_t)(d ? 2 : number);
		a[3] = (uint8_t)(d ? 25 + number % 3 : 1 + (number >> 16) % 250);
	}
	s->side[0].port = (uint16_t)(1024 + random_next(&r) % 60000);
	s->side[1].port = server_port;
}

static void add(struct script *s, struct step step)
{
	if (s->count == s->room)
		s->steps = grown(s->steps, (s->room = s->room ? s->room * 2 : 64) * sizeof(*s->steps));
	s->steps[s->count++] = step;
}

void script_add(struct script *s, int dir, enum step_kind kind, const void *at, size_t n)
{
	static const uint8_t flags[] = {[STEP_ACK] = TCP_ACK, [STEP_SYN] = TCP_SYN, [STEP_SAID] = TCP_ACK | TCP_PSH,
					[STEP_TEXT] = TCP_ACK, [STEP_FIN] = TCP_ACK | TCP_FIN, [STEP_UDP] = 0};

	add(s, (struct step){.dir = (uint8_t)dir, .kind = (uint8_t)kind, .flags = flags[kind], .n = (uint32_t)n, .at = at});
}

void script_handshake(struct script *s)
{
	script_add(s, 0, STEP_SYN, NULL, 0);
	script_add(s, 1, STEP_SYN, NULL, 0);
	s->steps[s->count - 1].flags |= TCP_ACK;
	script_add(s, 0, STEP_ACK, NULL, 0);
}

void script_close(struct script *s)
{
	script_add(s, 0, STEP_FIN, NULL, 0);
	script_add(s, 1, STEP_FIN, NULL, 0);
	script_add(s, 0, STEP_ACK, NULL, 0);
}

void script_keep(struct script *s, const void *at, size_t n)
{
	if (s->used + n > s->text_room)
		s->text = grown(s->text, s->text_room = (uint32_t)(s->used + n) * 2);
	memcpy(s->text + s->used, at, n);
	s->used += (uint32_t)n;
}

__attribute__((format(printf, 2, 0))) static void keep_args(struct script *s, const char *format, va_list args)
{
	char line[4096];

	script_keep(s, line, (size_t)vsnprintf(line, sizeof(line), format, args));
}

void script_keep_text(struct script *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	keep_args(s, format, args);
	va_end(args);
}

void script_say(struct script *s, int dir, const char *format, ...)
{
	uint32_t from = s->used;
	va_list args;

	va_start(args, format);
	keep_args(s, format, args);
	va_end(args);
	script_add(s, dir, STEP_SAID, NULL, s->used - from);
	s->steps[s->count - 1].text_at = from;
}

void script_flush(struct script *s, int dir, enum step_kind kind, uint32_t from, size_t size)
{
	unsigned i = 0;

	for (uint32_t n; from < s->used; from += n, i++) {
		n = s->used - from < size ? s->used - from : (uint32_t)size;
		script_add(s, dir, kind, NULL, n);
		s->steps[s->count - 1].text_at = from;
		if (i % 2)
			script_add(s, !dir, STEP_ACK, NULL, 0);
	}
}

void script_stream(struct script *s, int dir, enum step_kind kind, const void *at, size_t n, size_t size)
{
	const uint8_t *p = at;
	unsigned i = 0;

	for (size_t take; n > 0; p += take, n -= take, i++) {
		take = n < size ? n : size;
		script_add(s, dir, kind, p, take);
		if (i % 2)
			script_add(s, !dir, STEP_ACK, NULL, 0);
	}
}

/* A datagram: the IPv4 header of the segment's frame as it is, with the lengths, the protocol and the checksum of UDP. */
static void make_udp(const struct segment *g, struct built *b)
{
	struct segment empty = *g;
	size_t n = 8 + g->payload.n;
	uint8_t *ip = b->bytes + 14;
	uint32_t sum = 0;

	empty.payload = SPAN_ABSENT;
	build_frame(WIRE_ETHERNET, &empty, 0, b);
	ip[2] = (uint8_t)((20 + n) >> 8);
	ip[3] = (uint8_t)(20 + n);
	ip[9] = 17;
	ip[10] = ip[11] = 0;
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	ip[24] = (uint8_t)(n >> 8);
	ip[25] = (uint8_t)n;
	ip[26] = ip[27] = 0; /* no checksum (RFC 768) */
	memcpy(ip + 28, g->payload.p, g->payload.n);
	b->n = 14 + 20 + n;
}

void script_skip(struct script *s)
{
	const struct step *p = &s->steps[s->next++];

	s->seq[p->dir] += p->n + (p->flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

bool script_play(struct script *s, struct built *frame, const struct step **step)
{
	const struct step *p = &s->steps[s->next];
	struct segment g;

	if (s->next == s->count)
		return false;
	g = (struct segment){.src = s->side[p->dir], .dst = s->side[!p->dir], .seq = s->seq[p->dir], .flags = p->flags};
	if (p->flags & TCP_ACK)
		g.ack = s->seq[!p->dir];
	if (p->n)
		g.payload = span_of(p->at ? p->at : (uint8_t *)s->text + p->text_at, p->n);
	if (p->kind == STEP_UDP)
		make_udp(&g, frame);
	else
		build_frame(WIRE_ETHERNET, &g, (uint16_t)s->next, frame);
	*step = p;
	script_skip(s);
	return true;
}

void script_free(struct script *s)
{
	free(s->steps);
	free(s->text);
}
