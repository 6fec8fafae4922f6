/* The catalog of codes: every code of the protocol facts is there, every row is whole, and rows agree with their own digits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtpscope/catalog.h"
#include "smtpscope/command.h"

/* As the facts list them, not as the table does. */
static const struct {
	unsigned code;
	enum code_label label;
} facts[] = {
	{101, CODE_FOLK}, {111, CODE_FOLK}, {200, CODE_VND},  {211, CODE_STD},  {214, CODE_STD},  {220, CODE_STD},  {221, CODE_STD},
	{235, CODE_STD},  {240, CODE_FOLK}, {250, CODE_STD},  {251, CODE_STD},  {252, CODE_STD},  {253, CODE_STD},  {334, CODE_STD},
	{345, CODE_FOLK}, {353, CODE_VND},  {354, CODE_STD},  {355, CODE_EXP},  {401, CODE_FOLK}, {402, CODE_FOLK}, {420, CODE_FOLK},
	{421, CODE_STD},  {422, CODE_REG},  {430, CODE_REG},  {431, CODE_FOLK}, {432, CODE_STD},  {435, CODE_VND},  {441, CODE_FOLK},
	{442, CODE_FOLK}, {446, CODE_FOLK}, {447, CODE_FOLK}, {449, CODE_FOLK}, {450, CODE_STD},  {451, CODE_STD},  {452, CODE_STD},
	{453, CODE_STD},  {454, CODE_STD},  {455, CODE_STD},  {458, CODE_STD},  {459, CODE_STD},  {471, CODE_FOLK}, {500, CODE_STD},
	{501, CODE_STD},  {502, CODE_STD},  {503, CODE_STD},  {504, CODE_STD},  {505, CODE_VND},  {510, CODE_FOLK}, {511, CODE_FOLK},
	{512, CODE_FOLK}, {513, CODE_FOLK}, {514, CODE_FOLK}, {515, CODE_FOLK}, {516, CODE_FOLK}, {517, CODE_FOLK}, {521, CODE_STD},
	{522, CODE_FOLK}, {523, CODE_REG},  {524, CODE_REG},  {525, CODE_REG},  {530, CODE_STD},  {531, CODE_FOLK}, {532, CODE_FOLK},
	{533, CODE_REG},  {534, CODE_STD},  {535, CODE_STD},  {538, CODE_STD},  {540, CODE_FOLK}, {541, CODE_FOLK}, {543, CODE_FOLK},
	{546, CODE_FOLK}, {547, CODE_FOLK}, {550, CODE_STD},  {551, CODE_STD},  {552, CODE_STD},  {553, CODE_STD},  {554, CODE_STD},
	{555, CODE_STD},  {556, CODE_STD},  {557, CODE_FOLK}, {570, CODE_FOLK}, {571, CODE_FOLK}, {591, CODE_VND},  {605, CODE_FOLK},
};
enum { FACTS = sizeof facts / sizeof *facts };

/* Codes with another meaning in another command or source (protocol facts 9). */
static const unsigned two_meanings[] = {251, 252, 422, 432, 453, 523, 541, 552};

/* How many details each subject of the registry has, counted from 0, and what is frequent outside of it. */
static const unsigned details[8] = {1, 11, 5, 7, 8, 7, 11, 31};
struct enhanced_fact {
	unsigned digit, subject, detail;
};
static const struct enhanced_fact outside[] = {{0, 4, 14},  {5, 4, 310}, {5, 7, 54},  {5, 7, 57},  {5, 7, 60},  {5, 7, 64},
					       {5, 7, 139}, {4, 7, 500}, {5, 7, 509}, {5, 7, 515}, {5, 7, 606}, {5, 7, 708}};
/* In the registry with no more than a line of RFC 5248, or of nobody. */
static const struct enhanced_fact only_registered[] = {{0, 7, 10}, {0, 7, 13}, {0, 7, 14}, {0, 7, 28}};
/* What tells of a success, or of something that was done to the message: nobody needs to act. */
static const struct enhanced_fact informative[] = {{0, 1, 5}, {0, 1, 9}, {0, 3, 6}, {0, 6, 4}};
#define COUNT(a) (sizeof(a) / sizeof *(a))

static void check_sentences(const char *id, const char *what, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n < 8 || text[n - 1] != '.' || text[0] < ' ' || strstr(text, "  ") || strchr(text, '\n'))
		fail_msg("%s: %s is not a sentence: %s", id, what, text ? text : "(none)");
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] >= 0x80)
			fail_msg("%s: %s is not ASCII: %s", id, what, text);
}

static void check_causes(const char *id, const char *causes)
{
	size_t n = causes ? strlen(causes) : 0;

	if (n < 8 || strstr(causes, "\n\n") || strstr(causes, " \n") || causes[n - 1] == '\n' || causes[n - 1] == '.')
		fail_msg("%s: causes are no list of phrases: %s", id, causes ? causes : "(none)");
}

static bool retry_fits(unsigned digit, enum code_retry retry)
{
	switch (digit) {
	case 2:
		return retry == RETRY_NOT_NEEDED;
	case 3:
		return retry == RETRY_CONTINUE;
	case 4:
		return retry == RETRY_YES || retry == RETRY_CHANGED;
	case 5:
		return retry == RETRY_NO || retry == RETRY_CHANGED;
	default:
		return retry == RETRY_OFF_WIRE;
	}
}

static void check_row(const struct code_info *c)
{
	char id[8];
	bool silent = c->label == CODE_FOLK;

	snprintf(id, sizeof id, "%u", c->code);
	assert_true(c->name && strlen(c->name) > 3);
	check_sentences(id, "gist", c->gist);
	if (c->meaning)
		check_sentences(id, "meaning", c->meaning);
	check_sentences(id, "when", c->when);
	check_sentences(id, "resolve", c->resolve);
	check_causes(id, c->causes);
	if (c->elsewhere)
		check_sentences(id, "elsewhere", c->elsewhere);
	if (!retry_fits(c->code / 100, c->retry))
		fail_msg("%s: retry contradicts the class", id);
	/* 450 is greylisting mostly, of which the sender's queue takes care */
	if ((c->code / 100 == 2 || c->code == 450) != (c->actor == ACTOR_NOBODY))
		fail_msg("%s: who must act contradicts the class", id);
	if (silent != (c->reference[0] == '\0') && c->code != 591)
		fail_msg("%s: reference %s", id, c->reference);
	if (c->label == CODE_STD && strncmp(c->reference, "RFC ", 4) != 0)
		fail_msg("%s: standard without an RFC", id);
	assert_non_null(class_info(c->code / 100));
}

static void test_reply_codes(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; code_info(i); i++) {
		check_row(code_info(i));
		if (i && code_info(i)->code <= code_info(i - 1)->code)
			fail_msg("%u is out of order", code_info(i)->code);
	}
	assert_int_equal(i, FACTS);
	for (i = 0; i < FACTS; i++) {
		if (!code_find(facts[i].code))
			fail_msg("%u is missing", facts[i].code);
		if (code_find(facts[i].code)->label != facts[i].label)
			fail_msg("%u: wrong label", facts[i].code);
	}
	for (i = 0; i < COUNT(two_meanings); i++)
		if (!code_find(two_meanings[i])->elsewhere)
			fail_msg("%u: its other meaning is missing", two_meanings[i]);
	assert_null(code_find(999));
	assert_null(code_find(0));
}

static void check_basic(const char *id, const char *basic)
{
	struct span rest = span_str(basic);
	uint64_t code;

	while (rest.p && rest.n)
		if (span_u64(span_split(&rest, ' '), &code) != 1 || !code_find((unsigned)code))
			fail_msg("%s: \"%s\" is no list of known codes", id, basic);
}

static bool is_listed(const struct enhanced_info *e, const struct enhanced_fact *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].digit == e->class_digit && list[i].subject == e->subject && list[i].detail == e->detail)
			return true;
	return false;
}

static enum code_label label_expected(const struct enhanced_info *e)
{
	if (is_listed(e, outside, COUNT(outside)))
		return CODE_VND;
	return is_listed(e, only_registered, COUNT(only_registered)) ? CODE_REG : CODE_STD;
}

static void check_enhanced(const struct enhanced_info *e)
{
	char id[16];

	snprintf(id, sizeof id, "%u.%u.%u", e->class_digit, e->subject, e->detail);
	assert_true(e->name && strlen(e->name) > 3);
	check_sentences(id, "meaning", e->meaning);
	check_sentences(id, "resolve", e->resolve);
	check_causes(id, e->causes);
	check_basic(id, e->basic);
	assert_true(e->reference[0] != '\0');
	assert_non_null(subject_info(e->subject));
	if (e->label != label_expected(e))
		fail_msg("%s: wrong label", id);
	if ((e->actor == ACTOR_NOBODY) != is_listed(e, informative, COUNT(informative)))
		fail_msg("%s: who must act contradicts the meaning", id);
	if (e->class_digit && !is_listed(e, outside, COUNT(outside)))
		fail_msg("%s: the registry knows no class", id);
	if (e->label == CODE_STD && strncmp(e->reference, "RFC ", 4) != 0)
		fail_msg("%s: standard without an RFC", id);
	assert_ptr_equal(enhanced_lookup(e->class_digit, e->subject, e->detail), e);
}

static void test_enhanced_codes(void **state)
{
	unsigned count = COUNT(outside);

	(void)state;
	for (unsigned s = 0; s < 8; s++, count += details[s - 1])
		for (unsigned d = 0; d < details[s]; d++)
			if (!enhanced_lookup(5, s, d) || enhanced_lookup(2, s, d) != enhanced_lookup(5, s, d))
				fail_msg("X.%u.%u is missing", s, d);
	for (unsigned i = 0; i < count; i++) {
		assert_non_null(enhanced_info(i));
		check_enhanced(enhanced_info(i));
	}
	assert_null(enhanced_info(count));
	for (unsigned i = 0; i < COUNT(outside); i++)
		assert_non_null(enhanced_lookup(outside[i].digit, outside[i].subject, outside[i].detail));
	assert_null(enhanced_lookup(4, 7, 139)); /* only ever permanent */
	assert_ptr_equal(enhanced_lookup(0, 7, 139), enhanced_lookup(5, 7, 139));
	assert_null(enhanced_lookup(5, 7, 31));
	assert_null(enhanced_lookup(5, 8, 0));
}

/* What tells two codes apart speaks of both. */
static void check_named(const struct code_pair *p, unsigned code)
{
	char digits[8];

	snprintf(digits, sizeof digits, "%u", code);
	if (!strstr(p->difference, digits) && !strstr(p->choice, digits))
		fail_msg("%u is in neither: %s %s", code, p->difference, p->choice);
}

static void test_pairs(void **state)
{
	(void)state;
	for (unsigned i = 0; code_pair(i); i++) {
		const struct code_pair *p = code_pair(i);
		char id[16];

		snprintf(id, sizeof id, "%u/%u", p->a, p->b);
		assert_true(p->a < p->b && code_find(p->a) && code_find(p->b));
		check_sentences(id, "difference", p->difference);
		check_sentences(id, "choice", p->choice);
		check_named(p, p->a);
		check_named(p, p->b);
		assert_ptr_equal(code_pair_find(p->a, p->b), p);
		assert_ptr_equal(code_pair_find(p->b, p->a), p);
	}
	assert_non_null(code_pair_find(334, 500));
	assert_null(code_pair_find(250, 500));
}

static void test_terms(void **state)
{
	static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
						 "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "NTLM", "GSSAPI", "GSS-SPNEGO", "XOAUTH2",
						 "OAUTHBEARER", "EXTERNAL", "ANONYMOUS"};
	static const char *const offers[] = {"PIPELINING", "SIZE", "8BITMIME", "STARTTLS", "AUTH", "DSN", "SMTPUTF8", "CHUNKING", "XFORWARD"};

	(void)state;
	for (unsigned i = 0; i < COUNT(mechanisms); i++)
		if (!mechanism_find(span_str(mechanisms[i])))
			fail_msg("%s is missing", mechanisms[i]);
	for (unsigned i = 0; mechanism_info(i); i++) {
		assert_ptr_equal(mechanism_find(span_str(mechanism_info(i)->name)), mechanism_info(i));
		check_sentences(mechanism_info(i)->name, "sent", mechanism_info(i)->sent);
		check_sentences(mechanism_info(i)->name, "identity", mechanism_info(i)->identity);
		check_sentences(mechanism_info(i)->name, "secrecy", mechanism_info(i)->secrecy);
	}
	assert_null(mechanism_find(SPAN("PLAI")));
	for (unsigned i = 0; i < COUNT(offers); i++)
		if (!keyword_find(span_str(offers[i])))
			fail_msg("%s is missing", offers[i]);
	for (unsigned i = 0; keyword_info(i); i++) {
		assert_ptr_equal(keyword_find(span_str(keyword_info(i)->name)), keyword_info(i));
		check_sentences(keyword_info(i)->name, "meaning", keyword_info(i)->meaning);
	}
	assert_ptr_equal(mechanism_find(SPAN("plain")), mechanism_find(SPAN("PLAIN")));
	assert_non_null(keyword_find(SPAN("8bitmime")));
	assert_null(keyword_find(SPAN("9BITMIME")));
}

static void test_verbs(void **state)
{
	(void)state;
	for (unsigned i = VERB_UNKNOWN + 1; i < VERB_COUNT; i++) {
		const struct verb_info *v = verb_info((enum verb)i);

		check_sentences(v->name, "purpose", v->purpose);
		check_basic(v->name, v->success);
		check_basic(v->name, v->errors);
		if (((v->flags & VERB_NEEDS_ARGUMENT) && !v->syntax[0]) || ((v->flags & VERB_NO_ARGUMENT) && v->syntax[0]))
			fail_msg("%s: the syntax contradicts the flags", v->name);
		if (!(v->flags & VERB_BACK_DOOR) && !v->success[0])
			fail_msg("%s: no reply that means success", v->name);
	}
}

static void test_digits(void **state)
{
	(void)state;
	assert_null(class_info(0));
	assert_null(class_info(7));
	assert_string_equal(class_info(3)->id, "positive_intermediate");
	assert_string_equal(class_info(5)->id, "permanent_negative");
	assert_string_equal(category_info(5)->id, "mail_system");
	assert_null(subject_info(8));
	for (unsigned d = 0; d < 10; d++)
		check_sentences("category", "text", category_info(d)->text);
	for (unsigned d = 1; d < 7; d++)
		assert_true(retry_fits(d, class_retry(d)));
	for (unsigned l = CODE_STD; l <= CODE_UNKNOWN; l++)
		check_sentences("label", "text", code_label_info((enum code_label)l)->text);
	for (unsigned r = RETRY_NOT_NEEDED; r <= RETRY_OFF_WIRE; r++)
		check_sentences("retry", "text", code_retry_info((enum code_retry)r)->text);
	for (unsigned a = ACTOR_NOBODY; a <= ACTOR_DEPENDS; a++)
		check_sentences("actor", "text", code_actor_info((enum code_actor)a)->text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reply_codes), cmocka_unit_test(test_enhanced_codes), cmocka_unit_test(test_pairs),
	    cmocka_unit_test(test_terms),       cmocka_unit_test(test_verbs),          cmocka_unit_test(test_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
