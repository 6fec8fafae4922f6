/* How an exchange ended and why (RFC 4954 4, 6; RFC 5248 2.4): codes, what the client sent, what the dialogue shows,
 * what servers say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "smtpscope/auth.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Refused for something else than credentials: before any were sent, and also behind them. */
static const int before[] = {500, 501, 502, 503, 504, 521, 523, 524, 530, 534, 538, 550, 553, 554};
static const int any_time[] = {503, 504, 523, 524, 530, 534, 538};

static bool listed(const int *codes, size_t n, int code)
{
	for (size_t i = 0; i < n; i++)
		if (codes[i] == code)
			return true;
	return false;
}

static enum auth_result ended(const struct auth *a, int code)
{
	return auth_end(a, &(struct auth_ending){.code = code});
}

static void test_codes(void **state)
{
	const struct auth judged = {.responses = 1, .steps = 1}, early = {.responses = 1, .initial_response = true},
			  asked = {.steps = 1};
	const struct auth bare = {.responses = 0}, garbled = {.responses = 1, .steps = 1, .bad_base64 = true};
	const struct auth malformed = {.responses = 1, .steps = 1, .malformed = SPAN_INIT("x")},
			  taken_back = {.cancelled = true, .responses = 1};

	(void)state;
	for (int code = 100; code < 600; code++) {
		bool refused = code >= 400, ok = code / 100 == 2;
		enum auth_result none = ok ? AUTH_SUCCESS : AUTH_UNKNOWN;
		enum auth_result at_once = listed(before, COUNT(before), code) ? AUTH_REJECTED : AUTH_FAILURE;
		enum auth_result behind = listed(any_time, COUNT(any_time), code) ? AUTH_REJECTED : AUTH_FAILURE;

		assert_int_equal(ended(&judged, code), refused ? behind : none);
		assert_int_equal(ended(&early, code), refused ? at_once : none);
		assert_int_equal(ended(&asked, code), refused ? at_once : none);
		assert_int_equal(ended(&bare, code), code >= 500 ? AUTH_REJECTED : refused ? at_once : none);
		assert_int_equal(ended(&garbled, code), code == 501 ? AUTH_REJECTED : refused ? behind : none);
		assert_int_equal(ended(&malformed, code), code == 501 ? AUTH_REJECTED : refused ? behind : none);
		assert_int_equal(ended(&taken_back, code), ok ? AUTH_SUCCESS : AUTH_CANCELLED);
	}
}

static void test_no_reply(void **state)
{
	const struct auth whole = {.responses = 1}, holed = {.responses = 1, .lost = true};
	const struct auth_ending over = {.closed = true}, open = {.closed = false};

	(void)state;
	assert_int_equal(auth_end(&whole, &over), AUTH_ABANDONED);
	assert_int_equal(auth_end(&holed, &over), AUTH_UNKNOWN);
	assert_int_equal(auth_end(&whole, &open), AUTH_UNKNOWN);
	assert_true(span_eq(auth_cause(&whole, AUTH_ABANDONED, &over), SPAN("connection ended before the reply")));
	assert_true(span_eq(auth_cause(&holed, AUTH_UNKNOWN, &open), SPAN("octets are missing from the capture")));
	assert_true(span_eq(auth_cause(&whole, AUTH_UNKNOWN, &over), SPAN("octets are missing from the capture")));
	assert_true(span_eq(auth_cause(&whole, AUTH_UNKNOWN, &open), SPAN("no reply in the capture")));
	assert_true(span_eq(auth_cause(&whole, AUTH_CANCELLED, &open), SPAN("cancelled by the client")));
	assert_false(auth_cause(&whole, AUTH_SUCCESS, &open).p);
}

/* ---- what the reply says ---- */

static const struct {
	int code;
	const char *enhanced, *text, *cause;
} replies[] = {
	{535, "5.7.8", "Authentication failed", "credentials invalid"},
	{535, "", "no", "credentials invalid"},
	{550, "5.7.8", "no", "credentials invalid"},
	{535, "5.7.139", "no", "this kind of login is disabled"},
	{550, "5.7.139", "no", "refused"},
	{535, "5.7.139", "Authentication unsuccessful, basic authentication is disabled",
	 "this kind of login is disabled"},
	{550, "", "Basic Authentication is disabled", "this kind of login is disabled"},
	{550, "", "SmtpClientAuthentication is disabled for the Tenant", "this kind of login is disabled"},
	{534, "5.7.9", "Application-specific password required", "application-specific password required"},
	{534, "5.7.14", "Please log in via your web browser", "login by web browser required"},
	{421, "4.7.0", "Too many errors", "too many attempts"},
	{454, "", "Rate limit", "too many attempts"},
	{500, "", "Line too long", "line too long"},
	{500, "5.5.6", "no", "line too long"},
	{501, "", "initial response not allowed", "initial response not allowed"},
	{535, "", "not expecting initial data", "initial response not allowed"},
	{525, "", "no", "account disabled"},
	{535, "5.7.13", "no", "account disabled"},
	{535, "", "Account disabled", "account disabled"},
	{535, "", "your account is disabled", "account disabled"},
	{535, "", "the account has been disabled", "account disabled"},
	{535, "", "account locked", "account disabled"},
	{535, "", "account is locked", "account disabled"},
	{535, "", "user disabled", "account disabled"},
	{535, "", "password has expired", "password expired"},
	{432, "", "no", "password transition needed"},
	{454, "4.7.12", "no", "password transition needed"},
	{538, "", "no", "encryption required"},
	{523, "", "no", "encryption required"},
	{524, "", "no", "encryption required"},
	{530, "", "no", "encryption required"},
	{550, "5.7.10", "no", "encryption required"},
	{550, "5.7.11", "no", "encryption required"},
	{535, "", "Encryption required", "encryption required"},
	{535, "", "Must issue a STARTTLS command first", "encryption required"},
	{534, "", "no", "mechanism too weak"},
	{550, "5.7.9", "no", "mechanism too weak"},
	{535, "5.7.8", "Error: authentication failed: Invalid authentication mechanism", "mechanism not supported"},
	{535, "5.7.8", "no mechanism available", "mechanism not supported"},
	{535, "", "Unrecognized authentication type", "mechanism not supported"},
	{504, "", "no", "mechanism not supported"},
	{454, "4.7.0", "Temporary authentication failure", "temporary failure"},
	{454, "", "Connection lost to authentication server", "temporary failure"},
	{535, "", "already authenticated", "already authenticated"},
	{503, "", "no", "bad sequence"},
	{421, "", "bye", "connection closed by the server"},
	{500, "", "no", "AUTH not known to the server"},
	{502, "", "no", "AUTH not known to the server"},
	{501, "", "no", "malformed"},
	{501, "5.7.0", "no", "malformed"},
	{499, "", "no", "temporary failure"},
	{400, "", "no", "temporary failure"},
	{554, "", "no", "refused"},
	{505, "", "no", "refused"},
};

static struct auth_ending reply(int code, const char *enhanced, const char *text)
{
	return (struct auth_ending){.code = code,
				    .enhanced = enhanced[0] ? span_str(enhanced) : SPAN_ABSENT,
				    .text = span_str(text),
				    .greeted = true};
}

static void check(const struct auth *a, const struct auth_ending *end, const char *want)
{
	struct span got = auth_cause(a, AUTH_FAILURE, end);

	if (!span_eq(got, span_str(want)))
		fail_msg("%d %.*s: %.*s, expected %s", end->code, (int)end->text.n, (const char *)end->text.p,
			 (int)got.n, (const char *)got.p, want);
}

static void test_replies(void **state)
{
	const struct auth a = {.mechanism = SPAN_INIT("PLAIN"), .responses = 1, .steps = 1};

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct auth_ending end = reply(replies[i].code, replies[i].enhanced, replies[i].text);

		check(&a, &end, replies[i].cause);
	}
}

/* ---- what the dialogue and the exchange say comes first ---- */

static void test_dialogue(void **state)
{
	static const int refuse[] = {500, 501, 502, 503, 504, 530, 534, 535, 538, 550, 554};
	const struct auth a = {.mechanism = SPAN_INIT("PLAIN")},
			  later = {.mechanism = SPAN_INIT("PLAIN"), .steps = 1, .responses = 1};
	struct auth_ending end = reply(503, "", "no");

	(void)state;
	end.greeted = end.authenticated = end.in_transaction = true;
	check(&later, &end, "already authenticated");
	end.authenticated = false;
	check(&later, &end, "inside a mail transaction");
	end.in_transaction = end.greeted = false;
	check(&later, &end, "before EHLO");
	end.code = 550;
	end.authenticated = end.in_transaction = true;
	check(&later, &end, "refused");
	for (int code = 400; code < 600; code++) {
		bool refuses = listed(refuse, COUNT(refuse), code);
		struct auth_ending unlisted = {.code = code, .text = SPAN("no"), .greeted = true, .list_known = true};
		struct span got = auth_cause(&a, AUTH_REJECTED, &unlisted);

		assert_int_equal(span_eq(got, SPAN("AUTH not offered")), refuses);
		unlisted.list_known = false;
		assert_false(span_eq(auth_cause(&a, AUTH_REJECTED, &unlisted), SPAN("AUTH not offered")));
	}
	end = reply(504, "", "no");
	end.greeted = end.list_known = end.starttls_open = true;
	check(&a, &end, "AUTH not offered (perhaps after STARTTLS)");
	end.auth_offered = true;
	check(&a, &end, "mechanism not offered (perhaps after STARTTLS)");
	end.offered_before = true;
	check(&a, &end, "mechanism no longer offered");
	end.offered_before = end.starttls_open = false;
	check(&a, &end, "mechanism not offered");
	check(&later, &end, "mechanism not supported");
	end.offered = true;
	check(&a, &end, "mechanism not supported");
	end.offered = false;
	check(&(struct auth){.responses = 0}, &end, "mechanism not supported"); /* no mechanism was named */
}

static void test_message(void **state)
{
	static const int unread[] = {500, 501, 535, 550, 552, 553, 554, 555};
	const struct auth garbled = {.mechanism = SPAN_INIT("PLAIN"),
				     .bad_base64 = true,
				     .malformed = SPAN_INIT("two"),
				     .steps = 1,
				     .responses = 1};
	const struct auth malformed = {
		.mechanism = SPAN_INIT("PLAIN"), .malformed = SPAN_INIT("one field"), .steps = 1, .responses = 1};
	const struct auth told = {.mechanism = SPAN_INIT("XOAUTH2"),
				  .cause = SPAN_INIT("OAuth status 401"),
				  .bad_base64 = true,
				  .steps = 1};
	struct auth a = {.mechanism = SPAN_INIT("CRAM-MD5"), .steps = 1, .responses = 1};
	struct auth_ending end = reply(500, "", "no");

	(void)state;
	for (int code = 400; code < 600; code++) {
		end.code = code;
		end.greeted = true;
		assert_int_equal(span_eq(auth_cause(&garbled, AUTH_FAILURE, &end), SPAN("response is not Base64")),
				 listed(unread, COUNT(unread), code));
		assert_int_equal(span_eq(auth_cause(&malformed, AUTH_FAILURE, &end), SPAN("one field")),
				 listed(unread, COUNT(unread), code));
		check(&told, &end, "OAuth status 401");
	}
	end.code = 500;
	a.longest = 12288;
	check(&a, &end, "AUTH not known to the server");
	a.longest = 12289;
	check(&a, &end, "line too long");
	end.code = 501;
	check(&a, &end, "malformed");
	a = (struct auth){.mechanism = SPAN_INIT("CRAM-MD5"), .initial_response = true, .responses = 1};
	check(&a, &end, "initial response not allowed");
	end.code = 500;
	check(&a, &end, "initial response not allowed");
	end.code = 454;
	check(&a, &end, "temporary failure");
	end.code = 501;
	a.steps = 1;
	check(&a, &end, "malformed");
	a = (struct auth){.mechanism = SPAN_INIT("PLAIN"), .initial_response = true, .responses = 1};
	check(&a, &end, "malformed");
	a.mechanism = SPAN_ABSENT;
	check(&a, &end, "no mechanism named");
	a = (struct auth){.mechanism = SPAN_INIT("PLAIN")};
	end.code = 535;
	check(&a, &end, "mechanism not supported");
	a.steps = 1;
	check(&a, &end, "credentials invalid");
	a = (struct auth){.mechanism = SPAN_INIT("PLAIN"), .responses = 1};
	check(&a, &end, "credentials invalid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_codes), cmocka_unit_test(test_no_reply),
					   cmocka_unit_test(test_replies), cmocka_unit_test(test_dialogue),
					   cmocka_unit_test(test_message)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
