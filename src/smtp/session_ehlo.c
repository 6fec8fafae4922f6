/*
 * session_ehlo.c - what the server offers, from its latest EHLO reply (RFC 5321 4.1.1.1), and what follows from it.
 *
 * Each EHLO reply replaces the one before (the list may change after STARTTLS or AUTH). AUTH= of old servers is merged.
 */
#include "session_internal.h"

#include <string.h>

enum { LIST_KEPT = 64 }; /* extension lines; real servers offer under 25 */

void ehlo_forget(struct session *s)
{
	if (s->mechanisms.n) {
		pool_drop(s->pool, &s->mechanisms_before);
		s->mechanisms_before = s->mechanisms;
		s->mechanisms = SPAN_ABSENT;
	}
	pool_drop(s->pool, &s->mechanisms);
	pool_drop(s->pool, &s->extension_text);
	pool_put(s->pool, s->extensions, s->extension_count * sizeof *s->extensions);
	s->extensions = NULL;
	s->extension_count = 0;
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

static void learn_keyword(struct session *s, struct span line)
{
	enum ehlo_keyword k = ehlo_keyword_find(line);
	struct span parameters = line;
	uint64_t limit;

	if (k == EHLO_KEYWORDS)
		return;
	s->keywords |= UINT64_C(1) << k;
	span_split(&parameters, ' ');
	if (k == EHLO_SIZE && span_u64(span_trim(parameters, CHAR_WSP), &limit) == 1)
		s->size_limit = limit;
	if (k == EHLO_STARTTLS)
		s->starttls_offered = true;
}

static bool list_has(struct span list, struct span word)
{
	while (list.p)
		if (span_ieq(span_split(&list, ' '), word))
			return true;
	return false;
}

/* AUTH lines, old form and new, and X-EXPS of Exchange, joined; each mechanism once. */
static void learn_mechanisms(struct session *s, const struct reply *r)
{
	uint8_t all[1024];
	size_t n = 0;

	for (uint32_t i = 1; i < r->kept; i++) {
		enum ehlo_keyword k = ehlo_keyword_find(r->text[i]);
		struct span words = k == EHLO_AUTH ? span_from(r->text[i], 5) : span_from(r->text[i], 7);

		while ((k == EHLO_AUTH || k == EHLO_X_EXPS) && words.p) {
			struct span word = span_split(&words, ' ');

			if (!word.n || word.n + 1 > sizeof all - n || list_has(span_of(all, n), word))
				continue;
			n = span_append(all, n, sizeof all, n ? SPAN(" ") : SPAN(""));
			n = span_append(all, n, sizeof all, word);
		}
	}
	s->mechanisms = pool_copy(s->pool, span_of(all, n));
}

void ehlo_learn(struct session *s, const struct reply *r)
{
	size_t total = 0;
	uint32_t count = r->kept > LIST_KEPT + 1 ? LIST_KEPT : r->kept ? r->kept - 1 : 0;
	uint8_t *at;

	ehlo_forget(s);
	s->list_known = !r->holed;
	for (uint32_t i = 1; i <= count; i++) {
		learn_keyword(s, r->text[i]);
		total += r->text[i].n;
	}
	s->starttls_stripped |= (r->defects & REPLY_DEFECT(KEYWORD_MASKED)) && !(s->keywords & EHLO(STARTTLS));
	learn_mechanisms(s, r);
	if (!count)
		return;
	s->extensions = pool_get(s->pool, count * sizeof *s->extensions);
	at = pool_get(s->pool, total);
	if (!s->extensions || !at) {
		pool_put(s->pool, s->extensions, count * sizeof *s->extensions);
		pool_put(s->pool, at, total);
		s->extensions = NULL;
		return;
	}
	s->extension_text = span_of(at, total);
	s->extension_count = count;
	for (uint32_t i = 0; i < count; i++) {
		s->extensions[i] = as_word(r->text[i + 1], at);
		at += r->text[i + 1].n;
	}
}

bool ehlo_advertises(const struct session *s, const char *keyword)
{
	enum ehlo_keyword k = ehlo_keyword_find(span_str(keyword));

	return !s->list_known || (k != EHLO_KEYWORDS && s->keywords >> k & 1);
}

bool ehlo_offers(const struct session *s, struct span mechanism)
{
	return list_has(s->mechanisms, mechanism);
}

bool ehlo_offered_before(const struct session *s, struct span mechanism)
{
	return list_has(s->mechanisms_before, mechanism);
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
