/* Addresses of the envelope: RFC 5321 4.1.2, 4.1.3 and the sizes of 4.5.3.1, each at its border. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/command.h"

#define D(x) DEFECT(x)

struct domain_row {
	const char *domain;
	uint64_t defects;
};

static const struct domain_row domains[] = {
    {"b.example", 0},
    {"b", 0},
    {"a-b.example", 0},
    {"1.example", 0},
    {"m\xc3\xbcller.example", 0},
    {"", D(BAD_DOMAIN)},
    {".example", D(BAD_DOMAIN)},
    {"b.example.", D(BAD_DOMAIN)},
    {"b..example", D(BAD_DOMAIN)},
    {"-b.example", D(BAD_DOMAIN)},
    {"b-.example", D(BAD_DOMAIN)},
    {"b_c.example", D(BAD_DOMAIN)},
    {"b example", D(BAD_DOMAIN)},
    {"192.0.2.1", D(NUMERIC_DOMAIN)},
    {"2001:db8::1", D(NUMERIC_DOMAIN)},
    {"255.255.255.255", D(NUMERIC_DOMAIN)},
    {"256.1.1.1", 0}, /* a domain of digits, not an address */
    {"1.2.3", 0},
    {"1.2.3.4.5", 0},
    {"1.2.3.0004", 0},
    {"[192.0.2.1]", 0},
    {"[255.255.255.255]", 0},
    {"[0.0.0.0]", 0},
    {"[001.002.003.004]", 0},
    {"[IPv6:2001:db8::1]", 0},
    {"[ipv6:::1]", 0},
    {"[IPv6:2001:db8:0:0:0:0:192.0.2.1]", 0},
    {"[IPv6:2001:db8::1::2]", D(BAD_LITERAL)},
    {"[IPv6:]", D(BAD_LITERAL)},
    {"[IPv6:1]", D(BAD_LITERAL)},
    {"[IPv6:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]", D(BAD_LITERAL)},
    {"[2001:db8::1]", D(BAD_LITERAL)},
    {"[192.0.2.256]", D(BAD_LITERAL)},
    {"[192.0.2]", D(BAD_LITERAL)},
    {"[192.0.2.1.5]", D(BAD_LITERAL)},
    {"[192.0..1]", D(BAD_LITERAL)},
    {"[192.0.2.x]", D(BAD_LITERAL)},
    {"[192.0.2.0001]", D(BAD_LITERAL)},
    {"[192.0.2.1", D(BAD_LITERAL)},
    {"[192.0.2.10", D(BAD_LITERAL)}, /* though an address is in it */
    {"[", D(BAD_LITERAL)},
    {"[]", D(BAD_LITERAL)},
    {"[x:1]", D(BAD_LITERAL)},
};

static void test_domains(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
		uint64_t got = domain_check(guard_str(domains[i].domain));

		if (got != domains[i].defects)
			fail_msg("%s: %llx", domains[i].domain, (unsigned long long)got);
	}
	/* an octet 0 does not end an address early */
	assert_int_equal(domain_check(SPAN("[IPv6:2001:db8::1\0x]")), D(BAD_LITERAL));
}

struct path_row {
	const char *inside;
	bool postmaster_ok;
	uint64_t defects;
	const char *local_part, *domain, *route; /* NULL: absent */
};

static const struct path_row paths[] = {
    {"", false, 0, "", NULL, NULL},
    {"a@b.example", false, 0, "a", "b.example", NULL},
    {"a.b@c.example", false, 0, "a.b", "c.example", NULL},
    {"!#$%&'*+-/=?^_`{|}~@b.example", false, 0, "!#$%&'*+-/=?^_`{|}~", "b.example", NULL},
    {"j\xc3\xb6rg@b.example", false, 0, "j\xc3\xb6rg", "b.example", NULL},
    {"@b.example", false, D(BAD_LOCAL_PART), "", "b.example", NULL},
    {".a@b.example", false, D(BAD_LOCAL_PART), ".a", "b.example", NULL},
    {"a.@b.example", false, D(BAD_LOCAL_PART), "a.", "b.example", NULL},
    {"a..b@c.example", false, D(BAD_LOCAL_PART), "a..b", "c.example", NULL},
    {"a b@c.example", false, D(BAD_LOCAL_PART), "a b", "c.example", NULL},
    {"a(x)@c.example", false, D(BAD_LOCAL_PART), "a(x)", "c.example", NULL},
    {"a@b@c.example", false, D(BAD_LOCAL_PART), "a@b", "c.example", NULL},
    {"\"a b\"@c.example", false, 0, "\"a b\"", "c.example", NULL},
    {"\"\"@c.example", false, 0, "\"\"", "c.example", NULL},
    {"\"a@b\"@c.example", false, 0, "\"a@b\"", "c.example", NULL},
    {"\"a\\\"@b\"@c.example", false, 0, "\"a\\\"@b\"", "c.example", NULL},
    {"\"a\\\\\"@c.example", false, 0, "\"a\\\\\"", "c.example", NULL},
    {"\"j\xc3\xb6rg\"@c.example", false, 0, "\"j\xc3\xb6rg\"", "c.example", NULL},
    {"\"a\\\x01\"@c.example", false, D(BAD_LOCAL_PART), "\"a\\\x01\"", "c.example", NULL},
    {"\"a\x01\"@c.example", false, D(BAD_LOCAL_PART), "\"a\x01\"", "c.example", NULL},
    {"\"a\"b@c.example", false, D(BAD_LOCAL_PART), "\"a\"b", "c.example", NULL},
    {"\"a\"b\"@c.example", false, D(BAD_LOCAL_PART), "\"a\"b\"", "c.example", NULL},
    {"\"a@c.example", false, D(BAD_LOCAL_PART), "\"a", "c.example", NULL},
    {"\"@c.example", false, D(BAD_LOCAL_PART), "\"", "c.example", NULL},
    {"a@", false, D(BAD_DOMAIN), "a", "", NULL},
    {"a@-b", false, D(BAD_DOMAIN), "a", "-b", NULL},
    {"a@[300.1.1.1]", false, D(BAD_LITERAL), "a", "[300.1.1.1]", NULL},
    {"a@192.0.2.1", false, D(NUMERIC_DOMAIN), "a", "192.0.2.1", NULL},
    {"a", false, D(MISSING_DOMAIN), "a", NULL, NULL},
    {"a", true, D(MISSING_DOMAIN), "a", NULL, NULL},
    {"Postmaster", true, 0, "Postmaster", NULL, NULL},
    {"Postmaster", false, D(MISSING_DOMAIN), "Postmaster", NULL, NULL},
    {"@x.example:a@b.example", false, D(SOURCE_ROUTE), "a", "b.example", "@x.example"},
    {"@x.example,@y:a@b.example", false, D(SOURCE_ROUTE), "a", "b.example", "@x.example,@y"},
    {"@x.example,y:a@b.example", false, D(SOURCE_ROUTE) | D(BAD_DOMAIN), "a", "b.example", "@x.example,y"},
    {"@x-.example:a@b.example", false, D(SOURCE_ROUTE) | D(BAD_DOMAIN), "a", "b.example", "@x-.example"},
    {"@:a@b.example", false, D(SOURCE_ROUTE) | D(BAD_DOMAIN), "a", "b.example", "@"},
    {"a:b@c.example", false, D(BAD_LOCAL_PART), "a:b", "c.example", NULL},
};

static bool is_text(struct span s, const char *text)
{
	return text ? s.p && span_eq(s, span_str(text)) : !s.p;
}

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const struct path_row *r = &paths[i];
		struct path p;
		uint64_t got;

		path_split(guard_str(r->inside), &p);
		got = path_check(&p, r->postmaster_ok);
		if (got != r->defects)
			fail_msg("%s: defects %llx, expected %llx", r->inside, (unsigned long long)got, (unsigned long long)r->defects);
		if (!is_text(p.domain, r->domain) || !is_text(p.route, r->route) || !span_eq(p.local_part, span_str(r->local_part)))
			fail_msg("%s: \"%.*s\" at \"%.*s\"", r->inside, (int)p.local_part.n, (const char *)p.local_part.p, (int)p.domain.n,
				 (const char *)p.domain.p);
		assert_int_equal(p.null, r->inside[0] == '\0');
	}
}

static uint64_t check(size_t local, size_t domain, size_t label, const char *route)
{
	char text[600];
	struct path p;
	size_t n = strlen(route);

	memcpy(text, route, n);
	memset(text + n, 'a', local);
	n += local;
	text[n++] = '@';
	for (size_t i = 0; i < domain; i++)
		text[n + i] = (i + 1) % (label + 1) ? 'b' : '.';
	path_split(span_of(guard_copy(text, n + domain), n + domain), &p);
	return path_check(&p, false);
}

/* RFC 5321 4.5.3.1.1-3: local-part 64, domain 255, path 256 with its brackets; RFC 1035 2.3.4: label 63. */
static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(check(64, 20, 63, ""), 0);
	assert_int_equal(check(65, 20, 63, ""), D(PATH_TOO_LONG));
	assert_int_equal(check(1, 63, 63, ""), 0);
	assert_int_equal(check(1, 64, 64, ""), D(BAD_DOMAIN));
	assert_int_equal(check(1, 252, 61, ""), 0);
	assert_int_equal(check(1, 253, 61, ""), D(PATH_TOO_LONG));
	assert_int_equal(check(64, 188, 62, ""), 0);
	assert_int_equal(check(54, 187, 62, "@x.example:"), D(SOURCE_ROUTE));
	assert_int_equal(check(55, 188, 62, "@x.example:"), D(SOURCE_ROUTE) | D(PATH_TOO_LONG));
}

static void test_longest_domain(void **state)
{
	char text[300];

	(void)state;
	memset(text, 'b', sizeof text);
	for (size_t i = 62; i < sizeof text; i += 63)
		text[i] = '.';
	assert_int_equal(domain_check(span_of(text, 255)), 0);
	assert_int_equal(domain_check(span_of(text, 256)), D(PATH_TOO_LONG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_domains), cmocka_unit_test(test_paths), cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_longest_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
