/*
 * session_ehlo.c - what the server offers, from its latest EHLO reply (RFC 5321 4.1.1.1), and what follows from it.
 *
 * Each EHLO reply replaces the one before (the list may change after STARTTLS or AUTH). AUTH= of old servers is merged.
 */
#include "session_internal.h"

#include <string.h>

enum {
	MECHANISMS = 1024,  /* octets of all names of mechanisms; the lines are as many as a reply keeps */
	NAMES_READ = 128,   /* of mechanisms, in all lines; servers offer under 12 */
};

void ehlo_forget(struct session *s)
{
	if (s->list && s->list->mechanisms.n) {
		said_drop(s->pool, &s->list_before);
		s->list_before = said_ref(s->list);
	}
	said_drop(s->pool, &s->list);
	s->keywords = 0;
	s->size_limit = EV_NONE;
	s->list_known = true;
}

/* "SIZE 10240000" becomes "SIZE=10240000": keyword, '=', parameters, as old servers write "AUTH=PLAIN LOGIN" themselves. */
static struct span as_word(struct span line, uint8_t *dst)
{
	size_t blank = span_chr(line, ' ');

	memcpy(dst, line.p, line.n);
	if (blank != SPAN_NPOS && span_chr(line, '=') > blank)
		dst[blank] = '=';
	return span_of(dst, line.n);
}

static void learn_keyword(struct said *list, struct span line)
{
	enum ehlo_keyword k = ehlo_keyword_find(line);
	struct span parameters = line;
	uint64_t limit;

	if (k == EHLO_KEYWORDS)
		return;
	list->keywords |= UINT64_C(1) << k;
	span_split(&parameters, ' ');
	if (k == EHLO_SIZE && span_u64(span_trim(parameters, CHAR_WSP), &limit) == 1)
		list->size_limit = limit;
}

static bool list_has(struct span list, struct span word)
{
	while (list.p)
		if (span_ieq(span_split(&list, ' '), word))
			return true;
	return false;
}

/* AUTH lines, old form and new, and X-EXPS of Exchange, joined; each mechanism once. */
static void learn_mechanisms(struct said *list, uint8_t all[MECHANISMS])
{
	unsigned read = 0;
	size_t n = 0;

	for (uint32_t i = 1; i < list->line_count; i++) {
		enum ehlo_keyword k = ehlo_keyword_find(list->lines[i]);
		struct span words = span_from(list->lines[i], k == EHLO_AUTH ? 5 : 7);

		while ((k == EHLO_AUTH || k == EHLO_X_EXPS) && words.p) {
			struct span word = span_split(&words, ' ');

			if (!word.n)
				continue;
			if (read == NAMES_READ || word.n + 1 > MECHANISMS - n) {
				list->mechanisms_cut = true;
				break;
			}
			read++;
			if (list_has(span_of(all, n), word))
				continue;
			n = span_append(all, n, MECHANISMS, n ? SPAN(" ") : SPAN(""));
			n = span_append(all, n, MECHANISMS, word);
		}
	}
	list->mechanisms = span_of(all, n);
}

static struct said *read_list(struct session *s, const struct span *lines, uint32_t count, uint32_t hash)
{
	size_t extra = MECHANISMS;
	struct said *list;
	uint8_t *at;

	for (uint32_t i = 1; i < count; i++)
		extra += lines[i].n;
	list = said_new(s->pool, lines, count, hash, extra, &at);
	if (!list)
		return NULL;
	list->size_limit = EV_NONE;
	for (uint32_t i = 1; i < count; i++) {
		learn_keyword(list, lines[i]);
		list->extensions[list->extension_count++] = as_word(lines[i], at);
		at += lines[i].n;
	}
	learn_mechanisms(list, at);
	said_share(s->config->heard, list);
	return list;
}

void ehlo_learn(struct session *s, const struct reply *r)
{
	uint32_t hash;

	ehlo_forget(s);
	s->list_known = !r->holed;
	s->list = said_find(s->config->heard, r->text, r->kept, &hash);
	if (!s->list)
		s->list = read_list(s, r->text, r->kept, hash);
	if (s->list) {
		s->keywords = s->list->keywords;
		s->size_limit = s->list->size_limit;
	}
	s->starttls_offered |= (s->keywords & EHLO(STARTTLS)) != 0;
	s->starttls_stripped |= (r->defects & REPLY_DEFECT(KEYWORD_MASKED)) && !(s->keywords & EHLO(STARTTLS));
}

struct event_list ehlo_extensions(const struct session *s)
{
	return s->list ? (struct event_list){s->list->extensions, s->list->extension_count} : (struct event_list){NULL, 0};
}

struct span ehlo_mechanisms(const struct session *s)
{
	return s->list ? s->list->mechanisms : SPAN_ABSENT;
}

bool ehlo_mechanisms_cut(const struct session *s)
{
	return s->list && s->list->mechanisms_cut;
}

bool ehlo_advertises(const struct session *s, const char *keyword)
{
	enum ehlo_keyword k = ehlo_keyword_find(span_str(keyword));

	return !s->list_known || (k != EHLO_KEYWORDS && s->keywords >> k & 1);
}

bool ehlo_offers(const struct session *s, struct span mechanism)
{
	return list_has(ehlo_mechanisms(s), mechanism) || ehlo_mechanisms_cut(s);
}

bool ehlo_offered_before(const struct session *s, struct span mechanism)
{
	return s->list_before && list_has(s->list_before->mechanisms, mechanism);
}

/* 512 plus what the parameters of the offered extensions add; nothing known: all of them (protocol facts 1.3). */
uint64_t ehlo_line_limit(const struct session *s, enum verb v)
{
	const struct verb_info *info = verb_info(v);
	bool mail = info->flags & VERB_OPENS_MAIL, rcpt = v == VERB_RCPT;
	uint64_t limit = info->max_line ? info->max_line : 512;
	const struct param_info *param;

	if (info->flags & VERB_PRIVATE && !info->max_line)
		return UINT64_MAX;
	for (unsigned i = 0; (mail || rcpt) && (param = param_info(i)); i++)
		if ((mail ? param->mail : param->rcpt) && param->keyword && ehlo_advertises(s, param->keyword))
			limit += param->adds;
	return limit;
}
