/*
 * cause_tls.c - why a TLS handshake failed: what the alert that ended it says (RFC 5246 7.2.2, RFC 8446 6.2) and what to do then.
 */
#include "cause_rules.h"

struct alert_row {
	uint16_t alert;
	const char *meaning; /* said of who sent it */
	const char *advice;
};

static const struct alert_row alerts[] = {
    {10, "unexpected_message: it got something that has no place there", "See whether anything on the path changes the stream"},
    {20, "bad_record_mac: a record does not decrypt", "See whether anything on the path changes the stream"},
    {22, "record_overflow: a record is too long", "See whether the other side speaks TLS at all"},
    {40, "handshake_failure: no cipher, group or signature algorithm is acceptable to both",
     "Compare the ciphers, groups and kinds of certificate that both sides allow"},
    {42, "bad_certificate: the other's certificate is damaged or its signature is wrong", "Install the certificate and its chain again"},
    {43, "unsupported_certificate: the other's certificate is of a kind it does not support", "Use an RSA or ECDSA certificate"},
    {44, "certificate_revoked: the other's certificate was revoked", "Get a new certificate"},
    {45, "certificate_expired: the other's certificate has expired or is not yet valid", "Renew the certificate; check the clocks of both"},
    {46, "certificate_unknown: it does not accept the other's certificate and does not say why",
     "Check name, chain and dates of the certificate"},
    {47, "illegal_parameter: a value in the handshake is not allowed", "Update the TLS library of the other side"},
    {48, "unknown_ca: it does not trust who issued the other's certificate",
     "Send the complete chain of a certificate from a trusted issuer, or add the issuer to the trust store"},
    {49, "access_denied: the certificate is valid and its owner may not connect", "Check the access rules"},
    {50, "decode_error: a message is malformed", "See whether the other side speaks TLS at all; update its library"},
    {51, "decrypt_error: a signature or a Finished message does not verify", "Check that key and certificate belong together"},
    {70, "protocol_version: it does not support any version that the other offers", "Enable a version on both sides: TLS 1.2 or 1.3"},
    {71, "insufficient_security: it demands stronger ciphers or keys", "Allow stronger ciphers, or use a longer key"},
    {80, "internal_error: it failed for reasons of its own", "See why in its log: a missing key or certificate is the usual reason"},
    {86, "inappropriate_fallback: the other fell back to an older version without need", "Let the client offer its highest version again"},
    {90, "user_canceled: it was told to stop", "Nothing, unless it comes again"},
    {109, "missing_extension: the other left out an extension that it needs", "Update the TLS library of the other side"},
    {110, "unsupported_extension: the other answered with an extension nobody asked for", "Update the TLS library of the other side"},
    {112, "unrecognized_name: it has no certificate for the name that was asked for", "Check the server name the client is set to"},
    {116, "certificate_required: it wants a certificate of the client", "Give the client a certificate"},
    {120, "no_application_protocol: it speaks none of the protocols the client offered",
     "Take ALPN out of the client's settings, or let it offer smtp"},
};

void handshake_explain(uint64_t how, struct span who, struct finding_facts *facts, char detail[HANDSHAKE_TEXT])
{
	const struct alert_row *row = NULL;
	size_t n;

	for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
		if (alerts[i].alert == how)
			row = &alerts[i];
	if (how == HANDSHAKE_CUT) {
		facts->detail = SPAN("the connection ended in the middle of it, without an alert");
		return;
	}
	if (how == HANDSHAKE_HIDDEN_ALERT) {
		facts->detail = SPAN("all the client sent under the new keys is a record of the size of an alert, most often because it does not "
				     "trust the server's certificate");
		facts->advice = SPAN("Check name, chain and dates of the certificate");
		return;
	}
	n = row ? span_printf(detail, 0, HANDSHAKE_TEXT, "the %.*s sent %s", (int)who.n, (const char *)who.p, row->meaning)
		: span_printf(detail, 0, HANDSHAKE_TEXT, "the %.*s sent alert %u", (int)who.n, (const char *)who.p, (unsigned)how);
	facts->detail = span_of(detail, n);
	if (row)
		facts->advice = span_str(row->advice);
}
