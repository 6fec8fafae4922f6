/* Versions, cipher suites and alerts: every number, and every number beside them, against the RFCs and the IANA
 * registries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smtp/tls_hello.h"

/* Key exchange, then the ciphers it is combined with: as the RFCs list them, not in the order of numbers. */
static const struct {
	const char *exchange;
	struct {
		uint16_t number;
		const char *cipher;
	} suites[14];
} families[] = {
	{"RSA", /* RFC 5246 A.5, 5288, 5932, 6655 */
	 {{0x0004, "RC4_128_MD5"},
	  {0x0005, "RC4_128_SHA"},
	  {0x0009, "DES_CBC_SHA"},
	  {0x000A, "3DES_EDE_CBC_SHA"},
	  {0x002F, "AES_128_CBC_SHA"},
	  {0x0035, "AES_256_CBC_SHA"},
	  {0x003C, "AES_128_CBC_SHA256"},
	  {0x003D, "AES_256_CBC_SHA256"},
	  {0x009C, "AES_128_GCM_SHA256"},
	  {0x009D, "AES_256_GCM_SHA384"},
	  {0xC09C, "AES_128_CCM"},
	  {0xC09D, "AES_256_CCM"}}},
	{"RSA",
	 {{0x0041, "CAMELLIA_128_CBC_SHA"},
	  {0x0084, "CAMELLIA_256_CBC_SHA"},
	  {0x00BA, "CAMELLIA_128_CBC_SHA256"},
	  {0x00C0, "CAMELLIA_256_CBC_SHA256"}}},
	{"DHE_RSA", /* and RFC 7905 */
	 {{0x0016, "3DES_EDE_CBC_SHA"},
	  {0x0033, "AES_128_CBC_SHA"},
	  {0x0039, "AES_256_CBC_SHA"},
	  {0x0067, "AES_128_CBC_SHA256"},
	  {0x006B, "AES_256_CBC_SHA256"},
	  {0x009E, "AES_128_GCM_SHA256"},
	  {0x009F, "AES_256_GCM_SHA384"},
	  {0xC09E, "AES_128_CCM"},
	  {0xC09F, "AES_256_CCM"},
	  {0xCCAA, "CHACHA20_POLY1305_SHA256"}}},
	{"DHE_RSA",
	 {{0x0045, "CAMELLIA_128_CBC_SHA"},
	  {0x0088, "CAMELLIA_256_CBC_SHA"},
	  {0x00BE, "CAMELLIA_128_CBC_SHA256"},
	  {0x00C4, "CAMELLIA_256_CBC_SHA256"}}},
	{"DH_anon",
	 {{0x0018, "RC4_128_MD5"},
	  {0x001B, "3DES_EDE_CBC_SHA"},
	  {0x0034, "AES_128_CBC_SHA"},
	  {0x003A, "AES_256_CBC_SHA"},
	  {0x006C, "AES_128_CBC_SHA256"},
	  {0x006D, "AES_256_CBC_SHA256"},
	  {0x00A6, "AES_128_GCM_SHA256"},
	  {0x00A7, "AES_256_GCM_SHA384"}}},
	{"ECDHE_ECDSA", /* RFC 8422 6, 5289, 6367, 7251, 7905 */
	 {{0xC007, "RC4_128_SHA"},
	  {0xC008, "3DES_EDE_CBC_SHA"},
	  {0xC009, "AES_128_CBC_SHA"},
	  {0xC00A, "AES_256_CBC_SHA"},
	  {0xC023, "AES_128_CBC_SHA256"},
	  {0xC024, "AES_256_CBC_SHA384"},
	  {0xC02B, "AES_128_GCM_SHA256"},
	  {0xC02C, "AES_256_GCM_SHA384"},
	  {0xC072, "CAMELLIA_128_CBC_SHA256"},
	  {0xC073, "CAMELLIA_256_CBC_SHA384"},
	  {0xC0AC, "AES_128_CCM"},
	  {0xC0AD, "AES_256_CCM"},
	  {0xCCA9, "CHACHA20_POLY1305_SHA256"}}},
	{"ECDHE_RSA",
	 {{0xC011, "RC4_128_SHA"},
	  {0xC012, "3DES_EDE_CBC_SHA"},
	  {0xC013, "AES_128_CBC_SHA"},
	  {0xC014, "AES_256_CBC_SHA"},
	  {0xC027, "AES_128_CBC_SHA256"},
	  {0xC028, "AES_256_CBC_SHA384"},
	  {0xC02F, "AES_128_GCM_SHA256"},
	  {0xC030, "AES_256_GCM_SHA384"},
	  {0xC076, "CAMELLIA_128_CBC_SHA256"},
	  {0xC077, "CAMELLIA_256_CBC_SHA384"},
	  {0xCCA8, "CHACHA20_POLY1305_SHA256"}}},
	{"ECDH_anon", {{0xC018, "AES_128_CBC_SHA"}, {0xC019, "AES_256_CBC_SHA"}}},
	{"", /* TLS 1.3 names no key exchange: RFC 8446 B.4 */
	 {{0x1301, "AES_128_GCM_SHA256"},
	  {0x1302, "AES_256_GCM_SHA384"},
	  {0x1303, "CHACHA20_POLY1305_SHA256"},
	  {0x1304, "AES_128_CCM_SHA256"},
	  {0x1305, "AES_128_CCM_8_SHA256"}}},
};

static void name_expected(unsigned number, char *name, size_t size)
{
	snprintf(name, size, "0x%04X", number);
	for (size_t f = 0; f < sizeof families / sizeof *families; f++)
		for (size_t i = 0; families[f].suites[i].cipher; i++)
			if (families[f].suites[i].number == number)
				snprintf(name, size, "TLS_%s%s%s", families[f].exchange,
					 families[f].exchange[0] ? "_WITH_" : "", families[f].suites[i].cipher);
}

static void test_ciphers(void **state)
{
	char want[64], buf[8];

	(void)state;
	for (unsigned number = 0; number <= UINT16_MAX; number++) {
		struct span got = tls_cipher_name((uint16_t)number, buf);

		name_expected(number, want, sizeof want);
		if (!span_eq(got, span_str(want)))
			fail_msg("0x%04X is %.*s, expected %s", number, (int)got.n, (const char *)got.p, want);
	}
}

static void test_versions(void **state)
{
	static const char *const names[] = {"3.0", "1.0", "1.1", "1.2", "1.3"};

	(void)state;
	for (unsigned v = 0; v <= UINT16_MAX; v++)
		if (v >= 0x0300 && v <= 0x0304)
			assert_string_equal(tls_version_name((uint16_t)v), names[v - 0x0300]);
		else
			assert_null(tls_version_name((uint16_t)v));
}

static const struct {
	unsigned number;
	const char *name;
} alerts[] = {
	{0, "close_notify"},
	{10, "unexpected_message"},
	{20, "bad_record_mac"},
	{21, "decryption_failed"},
	{22, "record_overflow"},
	{30, "decompression_failure"},
	{40, "handshake_failure"},
	{41, "no_certificate"},
	{42, "bad_certificate"},
	{43, "unsupported_certificate"},
	{44, "certificate_revoked"},
	{45, "certificate_expired"},
	{46, "certificate_unknown"},
	{47, "illegal_parameter"},
	{48, "unknown_ca"},
	{49, "access_denied"},
	{50, "decode_error"},
	{51, "decrypt_error"},
	{60, "export_restriction"},
	{70, "protocol_version"},
	{71, "insufficient_security"},
	{80, "internal_error"},
	{86, "inappropriate_fallback"},
	{90, "user_canceled"},
	{100, "no_renegotiation"},
	{109, "missing_extension"},
	{110, "unsupported_extension"},
	{111, "certificate_unobtainable"},
	{112, "unrecognized_name"},
	{113, "bad_certificate_status_response"},
	{114, "bad_certificate_hash_value"},
	{115, "unknown_psk_identity"},
	{116, "certificate_required"},
	{120, "no_application_protocol"},
	{121, "ech_required"},
};

static void test_alerts(void **state)
{
	size_t next = 0;

	(void)state;
	for (unsigned n = 0; n <= UINT8_MAX; n++)
		if (next < sizeof alerts / sizeof *alerts && alerts[next].number == n)
			assert_string_equal(tls_alert_name((uint8_t)n), alerts[next++].name);
		else
			assert_null(tls_alert_name((uint8_t)n));
	assert_int_equal(next, sizeof alerts / sizeof *alerts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_ciphers), cmocka_unit_test(test_versions),
					   cmocka_unit_test(test_alerts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
