/* Parameters of MAIL and RCPT: the table of protocol facts 1.3, and the grammar of each value in its RFC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/command.h"

/* ---- the table ---- */

static const struct {
	const char *name, *keyword;
	bool mail, rcpt;
	unsigned adds;
} facts[] = {
    {"SIZE", "SIZE", true, false, 26},          {"BODY", "8BITMIME", true, false, 16},
    {"AUTH", "AUTH", true, false, 500},         {"RET", "DSN", true, false, 9},
    {"ENVID", "DSN", true, false, 107},         {"SMTPUTF8", "SMTPUTF8", true, false, 10},
    {"BY", "DELIVERBY", true, false, 17},       {"MT-PRIORITY", "MT-PRIORITY", true, false, 15},
    {"REQUIRETLS", "REQUIRETLS", true, false, 11}, {"RRVS", "RRVS", false, true, 33},
    {"MTRK", "MTRK", true, false, 40},          {"SOLICIT", "NO-SOLICITING", true, false, 1007},
    {"CONPERM", "CONPERM", true, false, 0},     {"CONNEG", "CONNEG", false, true, 0},
    {"TRANSID", "CHECKPOINT", true, false, 88}, {"SUBMITTER", "SUBMITTER", true, false, 0},
    {"PRDR", "PRDR", true, false, 0},           {"XVERP", "XVERP", true, false, 0},
    {"XOORG", NULL, true, false, 0},
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		const struct param_info *p = param_find(span_str(facts[i].name));

		if (!p || p->mail != facts[i].mail || p->rcpt != facts[i].rcpt || p->adds != facts[i].adds)
			fail_msg("%s", facts[i].name);
		if (facts[i].keyword)
			assert_string_equal(p->keyword, facts[i].keyword);
		else
			assert_null(p->keyword);
	}
	assert_null(param_find(SPAN("FOO")));
}

/* Where one figure is for two parameters together only their sum is known; a parameter may stand once (protocol facts 1.3). */
static void test_sums(void **state)
{
	const struct param_info *p, *q;
	unsigned i = 0;

	(void)state;
	p = param_find(SPAN("NOTIFY"));
	q = param_find(SPAN("ORCPT"));
	assert_true(p->rcpt && !p->mail && q->rcpt && !q->mail);
	assert_int_equal(p->adds + q->adds, 530);
	p = param_find(SPAN("HOLDFOR"));
	q = param_find(SPAN("HOLDUNTIL"));
	assert_true(p->mail && !p->rcpt && q->mail && !q->rcpt);
	assert_int_equal(p->adds + q->adds, 34);
	for (; (p = param_info(i)); i++)
		assert_int_equal(p->once, strcmp(p->name, "XOORG") != 0);
	assert_int_equal(i, sizeof facts / sizeof *facts + 4);
}

/* All of them together: MAIL 2392, RCPT 1075 (protocol facts 1.3). */
static void test_longest_line(void **state)
{
	unsigned mail = 512, rcpt = 512;

	(void)state;
	for (unsigned i = 0; param_info(i); i++) {
		mail += param_info(i)->mail ? param_info(i)->adds : 0;
		rcpt += param_info(i)->rcpt ? param_info(i)->adds : 0;
	}
	assert_int_equal(mail, 2392);
	assert_int_equal(rcpt, 1075);
}

/* ---- the values ---- */

struct row {
	const char *param, *value; /* NULL: without '=' */
	bool valid;
};

static const struct row rows[] = {
    /* RFC 1870 3: 1*20DIGIT */
    {"SIZE", "0", true},
    {"SIZE", "12345678901234567890", true},
    {"SIZE", "123456789012345678901", false},
    {"SIZE", "", false},
    {"SIZE", NULL, false},
    {"SIZE", "1k", false},
    /* RFC 6152 2, RFC 3030 3 */
    {"BODY", "7BIT", true},
    {"BODY", "8bitmime", true},
    {"BODY", "BINARYMIME", true},
    {"BODY", "8BIT", false},
    {"BODY", NULL, false},
    /* RFC 6531 3.1, 8689 2, 4141: no value */
    {"SMTPUTF8", NULL, true},
    {"SMTPUTF8", "", false},
    {"REQUIRETLS", NULL, true},
    {"REQUIRETLS", "1", false},
    {"CONPERM", NULL, true},
    {"CONNEG", "x", false},
    {"PRDR", "x", false},
    {"XVERP", NULL, true},
    {"XVERP", "+=", true},
    {"XOORG", "contoso.example", true},
    /* RFC 4954 5: xtext, "+" and two upper-case hex digits (RFC 3461 4) */
    {"AUTH", "<>", true},
    {"AUTH", "e+3Dmc2@b.example", true},
    {"AUTH", "e+3dmc2@b.example", false},
    {"AUTH", "e+3", false},
    {"AUTH", "", false},
    {"AUTH", NULL, false},
    {"SUBMITTER", "a@b.example", true},
    {"SUBMITTER", "a+@b.example", false},
    /* RFC 3461 4.1-4.4 */
    {"RET", "FULL", true},
    {"RET", "hdrs", true},
    {"RET", "BODY", false},
    {"ENVID", "QQ314159", true},
    {"ENVID", "", false},
    {"NOTIFY", "NEVER", true},
    {"NOTIFY", "success", true},
    {"NOTIFY", "FAILURE", true},
    {"NOTIFY", "DELAY", true},
    {"NOTIFY", "SUCCESS,FAILURE,DELAY", true},
    {"NOTIFY", "SUCCESS,NEVER", false},
    {"NOTIFY", "SUCCESS,,DELAY", false},
    {"NOTIFY", "SUCCESS,", false},
    {"NOTIFY", "ALWAYS", false},
    {"NOTIFY", "", false},
    {"NOTIFY", NULL, false},
    {"ORCPT", "rfc822;a+2Bb@c.example", true},
    {"ORCPT", "rfc822;a+b@c.example", false},
    {"ORCPT", ";a@c.example", false},
    {"ORCPT", "rf@c822;a@c.example", false},
    {"ORCPT", "a@c.example", false},
    {"ORCPT", "rfc822", false},
    {"ORCPT", NULL, false},
    /* RFC 2852 4: ["+" / "-"] 1*9DIGIT ";" ("N" / "R") ["T"] */
    {"BY", "120;R", true},
    {"BY", "-120;n", true},
    {"BY", "+120;NT", true},
    {"BY", "123456789;Rt", true},
    {"BY", "1234567890;R", false},
    {"BY", "120;RX", false},
    {"BY", "120;T", false},
    {"BY", "120;RTT", false},
    {"BY", "120;", false},
    {"BY", "120", false},
    {"BY", "-;R", false},
    {"BY", ";R", false},
    {"BY", "*12;R", false},
    {"BY", NULL, false},
    /* RFC 4865 3 */
    {"HOLDFOR", "0", true},
    {"HOLDFOR", "999999999", true},
    {"HOLDFOR", "1000000000", false},
    {"HOLDFOR", "", false},
    {"HOLDFOR", "-1", false},
    /* RFC 3339 5.6 */
    {"HOLDUNTIL", "2026-01-02T03:04:05Z", true},
    {"HOLDUNTIL", "2026-01-02t03:04:05z", true},
    {"HOLDUNTIL", "2026-01-02T03:04:05.6Z", true},
    {"RRVS", "2026-01-02T03:04:05.678901+09:00", true},
    {"RRVS", "2026-01-02T03:04:05-05:30", true},
    {"HOLDUNTIL", "2026-01-02T03:04:05", false},
    {"HOLDUNTIL", "2026-01-02T03:04:05X", false},
    {"HOLDUNTIL", "2026-01-02T03:04:05.Z", false},
    {"HOLDUNTIL", "2026-01-02T03:04:05.6", false},
    {"HOLDUNTIL", "2026-01-02T03:04:05.6X", false},
    {"RRVS", "2026-01-02T03:04:05*09:00", false},
    {"RRVS", "2026-01-02T03:04:05+09:0", false},
    {"RRVS", "2026-01-02T03:04:05+09:000", false},
    {"RRVS", "2026-01-02T03:04:05+0x:00", false},
    {"RRVS", "2026-01-02T03:04:05+09:0x", false},
    {"RRVS", "2026-01-02T03:04:05+09-00", false},
    {"HOLDUNTIL", "2026-01-02 03:04:05Z", false},
    {"HOLDUNTIL", "2026-01-02T03:04:0xZ", false},
    {"HOLDUNTIL", "x026-01-02T03:04:05Z", false},
    {"HOLDUNTIL", "2026/01/02T03:04:05Z", false},
    {"HOLDUNTIL", "", false},
    {"HOLDUNTIL", NULL, false},
    /* RFC 6710 4: -9 to 9, no "-0" */
    {"MT-PRIORITY", "0", true},
    {"MT-PRIORITY", "9", true},
    {"MT-PRIORITY", "-1", true},
    {"MT-PRIORITY", "-9", true},
    {"MT-PRIORITY", "-0", false},
    {"MT-PRIORITY", "-:", false},
    {"MT-PRIORITY", "10", false},
    {"MT-PRIORITY", "+1", false},
    {"MT-PRIORITY", "-", false},
    {"MT-PRIORITY", "-10", false},
    {"MT-PRIORITY", "", false},
    /* RFC 7293 3.1 */
    {"RRVS", "2026-01-02T03:04:05Z", true},
    {"RRVS", "2026-01-02T03:04:05Z;C", true},
    {"RRVS", "2026-01-02T03:04:05Z;r", true},
    {"RRVS", "2026-01-02T03:04:05Z;X", false},
    {"RRVS", "2026-01-02T03:04:05Z;", false},
    {"RRVS", "yesterday;C", false},
    /* RFC 3885 4.1 */
    {"MTRK", "QUJDRA==", true},
    {"MTRK", "QUJD:86400", true},
    {"MTRK", "QUJD:123456789", true},
    {"MTRK", "QUJD:1234567890", false},
    {"MTRK", "QUJD:", false},
    {"MTRK", "QU-D", false},
    {"MTRK", "==", false},
    {"MTRK", "", false},
    {"MTRK", ":86400", false},
    /* RFC 3865 4.1 */
    {"SOLICIT", "net.example:ADV", true},
    {"SOLICIT", "", false},
    {"SOLICIT", NULL, false},
    /* RFC 1845 3 */
    {"TRANSID", "<1@b>", true},
    {"TRANSID", "<12345@b.example>", true},
    {"TRANSID", "<1b>", false},
    {"TRANSID", "<12345.b.example>", false},
    {"TRANSID", "12345@b.example>", false},
    {"TRANSID", "<12345@b.example", false},
    {"TRANSID", "", false},
    {"TRANSID", NULL, false},
};

static bool is_valid(const char *param, struct span value)
{
	return param_find(span_str(param))->valid(value.p ? guard_span(value) : SPAN_ABSENT);
}

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];

		if (is_valid(r->param, r->value ? span_str(r->value) : SPAN_ABSENT) != r->valid)
			fail_msg("%s=%s should be %s", r->param, r->value ? r->value : "(none)", r->valid ? "valid" : "wrong");
	}
}

/* Values as long as their RFC allows, and one octet longer. */
static void test_longest(void **state)
{
	static const struct {
		const char *param, *start;
		size_t most;
		const char *end;
	} limits[] = {
	    {"ENVID", "", 100, ""},     /* RFC 3461 4.4 */
	    {"AUTH", "", 500, ""},      /* RFC 4954 3 */
	    {"ORCPT", "rfc822;", 500, ""}, /* RFC 3461 4.2 */
	    {"SOLICIT", "", 1000, ""},  /* RFC 3865 4.1 */
	    {"TRANSID", "<", 80, "@b>"}, /* RFC 1845 3 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		for (size_t over = 0; over < 2; over++) {
			char value[1100];
			size_t n = limits[i].most + over, tail = strlen(limits[i].end);

			memset(value, 'a', n);
			memcpy(value, limits[i].start, strlen(limits[i].start));
			memcpy(value + n - tail, limits[i].end, tail);
			if (is_valid(limits[i].param, span_of(value, n)) != (over == 0))
				fail_msg("%s of %zu octets", limits[i].param, n);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),  cmocka_unit_test(test_sums),    cmocka_unit_test(test_longest_line),
	    cmocka_unit_test(test_values), cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
