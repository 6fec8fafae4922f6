/* Why a server refuses, in one word: what well-known servers say, and what only sounds like it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "diag/category_table.h"

struct row {
	int code;
	const char *enhanced, *text, *category, *blocklist;
};

static const struct row rows[] = {
    /* Postfix */
    {450, "4.2.0", "<u@t.example>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/t.example.html",
     "greylisting", ""},
    {554, "5.7.1",
     "Service unavailable; Client host [127.0.0.2] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/127.0.0.2",
     "block_list", "zen.spamhaus.org"},
    {554, "5.7.1", "<u@t.example>: Relay access denied", "relay_denied", ""},
    {550, "5.1.1", "<u@t.example>: Recipient address rejected: User unknown in local recipient table", "unknown_user", ""},
    {450, "4.7.25", "Client host rejected: cannot find your hostname, [192.0.2.9]", "dns", ""},
    {450, "4.1.8", "<a@b.example>: Sender address rejected: Domain not found", "dns", ""},
    {552, "5.3.4", "Error: message file too big", "size", ""},
    {452, "4.3.1", "Insufficient system storage", "local_error", ""},
    {452, "4.5.3", "Error: too many recipients", "too_many_recipients", ""},
    {421, "4.7.0", "mx.example Error: too many connections from 192.0.2.9", "rate_limit", ""},
    {553, "5.7.1", "<a@b.example>: Sender address rejected: not logged in", "auth_required", ""},
    {530, "5.7.0", "Must issue a STARTTLS command first", "tls_required", ""},
    {554, "5.7.1", "<unknown[192.0.2.10]>: Client host rejected: Access denied", "policy", ""},
    {451, "4.3.0", "<u@t.example>: Temporary lookup failure", "local_error", ""},
    /* Exim */
    {550, "", "relay not permitted", "relay_denied", ""},
    {550, "", "Unrouteable address", "unknown_user", ""},
    {550, "", "Administrative prohibition", "policy", ""},
    {451, "", "Temporary local problem - please try later", "local_error", ""},
    {550, "", "192.0.2.9 is listed at bl.spamcop.net", "block_list", "bl.spamcop.net"},
    {550, "", "mx.t.example: 192.0.2.9 is listed at bl.spamcop.net", "block_list", "bl.spamcop.net"},
    {550, "", "mail.b.example at a.t.example is blacklisted by list.t.example", "block_list", "list.t.example"},
    /* Sendmail */
    {550, "5.7.1", "<u@t.example>... Relaying denied", "relay_denied", ""},
    {550, "5.1.1", "<u@t.example>... User unknown", "unknown_user", ""},
    {553, "5.1.8", "<a@b.example>... Domain of sender address a@b.example does not exist", "dns", ""},
    {421, "4.3.2", "Connection rate limit exceeded.", "rate_limit", ""},
    /* Exchange, Microsoft 365, Outlook */
    {550, "5.7.1", "Unfortunately, messages from [192.0.2.9] weren't sent. Part of their network is on our block list (S3140).",
     "block_list", "S3140"},
    {550, "5.7.606", "Access denied, banned sending IP [192.0.2.9]", "block_list", ""},
    {550, "5.4.1", "Recipient address rejected: Access denied. [AM0EUR02FT001.eop-EUR02.prod.protection.outlook.com]", "unknown_user", ""},
    {550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "unknown_user", ""},
    {530, "5.7.57", "Client not authenticated to send mail", "auth_required", ""},
    {550, "5.7.54", "SMTP; Unable to relay recipient in non-accepted domain", "relay_denied", ""},
    {452, "4.3.1", "Insufficient system resources", "local_error", ""},
    {550, "5.7.509", "Access denied, sending domain b.example does not pass DMARC verification", "dmarc", ""},
    {451, "4.7.500", "Server busy. Please try again later from [192.0.2.9].", "rate_limit", ""},
    /* qmail */
    {553, "", "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "relay_denied", ""},
    {552, "5.3.4", "sorry, that message size exceeds my databytes limit (#5.3.4)", "size", ""},
    {553, "", "https://www.spamhaus.org/query/ip/192.0.2.9", "block_list", "spamhaus.org"},
    {451, "", "qq temporary problem (#4.3.0)", "local_error", ""},
    /* Gmail, Yahoo, Barracuda, OpenSMTPD */
    {550, "5.7.26", "This mail has been blocked because the sender is unauthenticated.", "dmarc", ""},
    {550, "5.7.1", "Unauthenticated email from b.example is not accepted due to domain's DMARC policy.", "dmarc", ""},
    {452, "4.2.2", "The recipient's inbox is out of storage space.", "quota", ""},
    {450, "4.2.1", "The user you are trying to contact is receiving mail too quickly.", "rate_limit", ""},
    {550, "5.2.1", "The email account that you tried to reach is disabled.", "mailbox_disabled", ""},
    {552, "5.7.0", "This message was blocked because its content presents a potential security issue.", "content", ""},
    {421, "4.7.0", "[TSS04] Messages from 192.0.2.9 temporarily deferred due to unexpected volume or user complaints", "rate_limit", ""},
    {550, "", "Client host blocked using Barracuda Reputation, see http://www.barracudacentral.org/reputation?ip=192.0.2.9", "block_list",
     "barracudacentral.org"},
    {550, "", "Invalid recipient: <bob@example.org>", "unknown_user", ""},
    {550, "5.7.23", "The message was rejected because of failing checks", "spf", ""},
    {550, "5.7.20", "no passing signature", "dkim", ""},
    {556, "5.1.10", "Recipient address has null MX", "dns", ""},
    /* near-misses */
    {550, "", "user quota-manager unknown", "unknown_user", ""},
    {550, "", "User spf unknown", "unknown_user", ""},
    {550, "5.1.1", "blacklist@t.example", "unknown_user", ""},
    {550, "", "<dmarc-reports@t.example>: no", "", ""},
    {550, "", "spfx is no word we know", "", ""},
    {550, "", "see https://www.example.org/spf/ for help", "", ""},
    {550, "", "blocked by mx.example.org", "", ""},
    {550, "", "", "", ""},
    {250, "2.0.0", "greylisted no more", "", ""},
    {354, "", "quota exceeded", "", ""},
    {500, "5.5.2", "too many recipients", "", ""},
    {502, "5.5.1", "VRFY command is disabled", "", ""},
    {503, "5.5.1", "Error: need MAIL command", "", ""},
    {535, "5.7.8", "Authentication failed: too many connections", "", ""},
    {450, "", "try again", "", ""},
    {550, "5.7", "cut code", "", ""},
    {550, "5.7.x", "no code", "", ""},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		struct span text = span_str(r->text), list;
		enum category c = category_of(r->code, r->enhanced[0] ? span_str(r->enhanced) : SPAN_ABSENT, &text, 1);

		if (strcmp(category_texts(c)->name, r->category) != 0)
			fail_msg("%d %s %s: %s, expected %s", r->code, r->enhanced, r->text, category_texts(c)->name, r->category);
		list = c == CATEGORY_BLOCK_LIST ? category_blocklist(&text, 1) : SPAN_ABSENT;
		if (!span_eq(list, span_str(r->blocklist)) && (list.n || r->blocklist[0]))
			fail_msg("%s: list %.*s", r->text, (int)list.n, (const char *)list.p);
	}
}

/* Gmail breaks its sentences over the lines of a reply. */
static void test_lines(void **state)
{
	const struct span text[] = {SPAN("[192.0.2.9] Our system has detected an unusual"), SPAN("rate of unsolicited mail originating from your"),
				    SPAN("IP address.")};

	(void)state;
	assert_int_equal(category_of(421, SPAN("4.7.0"), text, 3), CATEGORY_RATE_LIMIT);
	assert_int_equal(category_of(421, SPAN("4.7.0"), text, 1), CATEGORY_NONE);
	assert_int_equal(category_of(550, SPAN("5.1.1"), NULL, 0), CATEGORY_UNKNOWN_USER);
}

/* A very long text is looked at as far as it is kept, and no further. */
static void test_long(void **state)
{
	static char text[5000];
	struct span s = span_of(text, sizeof text);

	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(category_of(550, SPAN_ABSENT, &s, 1), CATEGORY_NONE);
	memcpy(text, "greylisted ", 11);
	assert_int_equal(category_of(550, SPAN_ABSENT, &s, 1), CATEGORY_GREYLISTING);
}

/* Every fragment says what its row says: no row above it takes its words for something else. */
static void test_fragments(void **state)
{
	(void)state;
	for (unsigned i = 0; i < category_fragment_count; i++) {
		const struct fragment_row *row = &category_fragments[i];
		char text[128];
		struct span s;
		size_t n = 0;

		for (const char *p = row->fragment; *p; p++)
			n += (size_t)snprintf(text + n, sizeof text - n, *p == '*' ? " the " : *p == '|' ? "." : "%c", *p);
		s = span_of(text, n);
		assert_int_not_equal(row->category, CATEGORY_NONE);
		if (category_of(550, SPAN_ABSENT, &s, 1) != row->category)
			fail_msg("%s: %s", text, category_texts(category_of(550, SPAN_ABSENT, &s, 1))->name);
	}
}

/* The IANA registry and Microsoft's list of codes. certain: whatever the text says, else only without a text that says more. */
static const struct code_row {
	enum category category;
	bool certain;
	unsigned class, subject, low, high; /* class 0: 4 and 5 */
} code_rows[] = {
    {CATEGORY_UNKNOWN_USER, true, 5, 1, 1, 1},
    {CATEGORY_DNS, false, 0, 1, 2, 2},
    {CATEGORY_UNKNOWN_USER, false, 5, 1, 6, 6},
    {CATEGORY_DNS, false, 0, 1, 8, 8},
    {CATEGORY_DNS, false, 5, 1, 10, 10},
    {CATEGORY_MAILBOX_DISABLED, false, 5, 2, 1, 1},
    {CATEGORY_QUOTA, true, 0, 2, 2, 2},
    {CATEGORY_SIZE, false, 5, 2, 3, 3},
    {CATEGORY_LOCAL_ERROR, false, 4, 3, 0, 3},
    {CATEGORY_SIZE, true, 0, 3, 4, 4},
    {CATEGORY_LOCAL_ERROR, false, 0, 3, 5, 5},
    {CATEGORY_DNS, false, 0, 4, 3, 4},
    {CATEGORY_RATE_LIMIT, false, 4, 4, 5, 5},
    {CATEGORY_TOO_MANY_RECIPIENTS, false, 0, 5, 3, 3},
    {CATEGORY_POLICY, false, 5, 7, 0, 2},
    {CATEGORY_TLS_REQUIRED, true, 0, 7, 10, 11},
    {CATEGORY_DKIM, true, 0, 7, 20, 22},
    {CATEGORY_SPF, true, 0, 7, 23, 24},
    {CATEGORY_DNS, true, 0, 7, 25, 25},
    {CATEGORY_DMARC, true, 0, 7, 26, 26},
    {CATEGORY_DNS, true, 0, 7, 27, 27},
    {CATEGORY_RATE_LIMIT, true, 0, 7, 28, 28},
    {CATEGORY_POLICY, false, 5, 7, 29, 29},
    {CATEGORY_TLS_REQUIRED, true, 0, 7, 30, 30},
    {CATEGORY_AUTH_REQUIRED, true, 5, 7, 57, 57},
    {CATEGORY_RATE_LIMIT, true, 5, 7, 508, 508},
    {CATEGORY_DMARC, true, 5, 7, 509, 509},
    {CATEGORY_BLOCK_LIST, true, 5, 7, 511, 511},
    {CATEGORY_DMARC, true, 5, 7, 515, 515},
    {CATEGORY_BLOCK_LIST, true, 5, 7, 606, 649},
    {CATEGORY_RATE_LIMIT, true, 5, 7, 705, 705},
    {CATEGORY_BLOCK_LIST, true, 5, 7, 708, 708},
    {CATEGORY_RATE_LIMIT, false, 4, 7, 500, 699},
    {CATEGORY_POLICY, false, 5, 7, 500, 999},
};

static void check_code(unsigned class, unsigned subject, unsigned detail)
{
	static const struct span silent = SPAN_INIT("no"), telling = SPAN_INIT("greylisted");
	int code = class == 5 ? 550 : 450;
	enum category alone = CATEGORY_NONE, beside = CATEGORY_GREYLISTING;
	char enhanced[24];

	for (size_t i = sizeof code_rows / sizeof *code_rows; i--;) {
		const struct code_row *row = &code_rows[i];

		if ((row->class && row->class != class) || row->subject != subject || detail < row->low || detail > row->high)
			continue;
		alone = row->category;
		beside = row->certain ? row->category : CATEGORY_GREYLISTING;
	}
	snprintf(enhanced, sizeof enhanced, "%u.%u.%u", class, subject, detail);
	if (category_of(code, span_str(enhanced), &silent, 1) != alone)
		fail_msg("%s: %s", enhanced, category_texts(category_of(code, span_str(enhanced), &silent, 1))->name);
	if (category_of(code, span_str(enhanced), &telling, 1) != beside)
		fail_msg("%s with a text: %s", enhanced, category_texts(category_of(code, span_str(enhanced), &telling, 1))->name);
}

static void test_codes(void **state)
{
	(void)state;
	for (unsigned class = 4; class <= 5; class++)
		for (unsigned subject = 0; subject < 10; subject++)
			for (unsigned detail = 0; detail <= 1001; detail++)
				check_code(class, subject, detail);
}

/* Each has its words: what happened, and what to do. */
static void test_texts(void **state)
{
	(void)state;
	for (unsigned c = CATEGORY_NONE + 1; c < CATEGORIES; c++) {
		const struct category_info *info = category_texts((enum category)c);

		assert_true(info->name[0] && strlen(info->explanation) > 20 && strlen(info->remedy) > 20);
		assert_true(info->explanation[strlen(info->explanation) - 1] == '.' && info->remedy[strlen(info->remedy) - 1] == '.');
	}
	assert_string_equal(category_texts(CATEGORY_NONE)->name, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_lines), cmocka_unit_test(test_long),
					   cmocka_unit_test(test_fragments), cmocka_unit_test(test_codes), cmocka_unit_test(test_texts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
