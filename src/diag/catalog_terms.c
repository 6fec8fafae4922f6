/*
 * catalog_terms.c - SASL mechanisms (RFC 4422, RFC 4954 and the reference in each row) and EHLO keywords, in words.
 *
 * How mechanisms are decoded is in smtp/auth_mechanism.c, which octets a keyword adds to a line in smtp/param.c.
 */
#include "smtpscope/catalog.h"

#include "smtpscope/message.h"

#define IN_CLEAR N_("The password travels in clear, coded only in Base64: use it under TLS only.")
#define GUESSABLE N_("The password does not travel, but whoever records the exchange can try passwords against it offline.")
#define SALTED \
	N_("The password does not travel, and the server stores only a salted verifier. Whoever records the exchange can try passwords" \
	   " against it, slowed down by the iteration count.")
#define BEARER N_("The token gives full access to whoever has it until it expires: use it under TLS only.")
#define SCRAM_SENT \
	N_("The client sends its name and a nonce; the server answers with its nonce, a salt and an iteration count; the client sends a" \
	   " proof, and the server proves in a last 334 that it knows the verifier, which the client answers with an empty line.")
#define SCRAM_SEEN N_("The user name, and the authorisation identity if there is one.")

static const struct mechanism_info mechanisms[] = {
	{"PLAIN", N_("One message: authorisation identity (mostly empty), NUL, user name, NUL, password. It may stand on the AUTH line."),
	 N_("The user name, and the authorisation identity if there is one."), IN_CLEAR, "RFC 4616"},
	{"LOGIN", N_("The server prompts twice (334), the client answers with the user name and then with the password. The user name may"
		     " stand on the AUTH line."),
	 N_("The user name."), IN_CLEAR, "MS-XLOGIN"},
	{"CRAM-MD5", N_("The server sends a challenge; the client answers with its user name and an HMAC-MD5 of the challenge under the"
			" password."),
	 N_("The user name."), GUESSABLE, "RFC 2195"},
	{"DIGEST-MD5", N_("The server sends realm and nonce; the client answers with user name, realm, its nonce and a hash; the server proves"
			  " itself in a last 334, which the client answers with an empty line."),
	 N_("User name, realm, the host meant, and the authorisation identity if there is one."), GUESSABLE, "RFC 2831, RFC 6331"},
	{"SCRAM-SHA-1", SCRAM_SENT, SCRAM_SEEN, SALTED, "RFC 5802"},
	{"SCRAM-SHA-1-PLUS", SCRAM_SENT, SCRAM_SEEN, SALTED, "RFC 5802"},
	{"SCRAM-SHA-256", SCRAM_SENT, SCRAM_SEEN, SALTED, "RFC 7677"},
	{"SCRAM-SHA-256-PLUS", SCRAM_SENT, SCRAM_SEEN, SALTED, "RFC 7677"},
	{"SCRAM-SHA-512", SCRAM_SENT, SCRAM_SEEN, SALTED, "RFC 5802"},
	{"NTLM", N_("Three messages: NEGOTIATE from the client, CHALLENGE from the server, AUTHENTICATE from the client. The first 334 is"
		    " often plain text."),
	 N_("Domain, user name and workstation, and the names that the server gives of itself."),
	 N_("The password does not travel, but the responses can be guessed offline and relayed to another server."),
	 "MS-SMTPNTLM, MS-NLMP"},
	{"GSSAPI", N_("A Kerberos ticket, the server's answer, and a message in which both agree on a security layer."),
	 N_("Realm and service of the ticket, and the authorisation identity of the last message; the user's own name is encrypted."),
	 N_("Neither password nor key travels; the tokens are of use to an attacker only in special cases."), "RFC 4752"},
	{"GSS-SPNEGO", N_("Kerberos or NTLM messages, wrapped by SPNEGO, which negotiates between the two."),
	 N_("What the wrapped mechanism shows."), N_("As the wrapped mechanism."), "RFC 4178"},
	{"XOAUTH2", N_("One message with the user name and a bearer token. When it is refused, the server explains why in a 334, which the"
		       " client answers with an empty line before the final 535 comes."),
	 N_("The user name."), BEARER, "Google XOAUTH2"},
	{"OAUTHBEARER", N_("One message with the authorisation identity, host, port and a bearer token. When it is refused, the server explains"
			   " why in a 334, which the client answers with AQ== before the final reply comes."),
	 N_("The authorisation identity, host and port."), BEARER, "RFC 7628"},
	{"EXTERNAL", N_("The authorisation identity or nothing: who the client is was proved outside, mostly by its TLS certificate."),
	 N_("The authorisation identity, if it is sent."), N_("There is no secret in it."), "RFC 4422 A"},
	{"ANONYMOUS", N_("A trace text, such as an e-mail address, or nothing."),
	 N_("The trace text, which proves nothing."), N_("There is no secret in it."), "RFC 4505"},
};

const struct mechanism_info *mechanism_info(unsigned i)
{
	return i < sizeof mechanisms / sizeof *mechanisms ? &mechanisms[i] : NULL;
}

const struct mechanism_info *mechanism_find(struct span name)
{
	const struct mechanism_info *m;

	for (unsigned i = 0; (m = mechanism_info(i)); i++)
		if (span_ieq(name, span_str(m->name)))
			return m;
	return NULL;
}

static const struct keyword_info keywords[] = {
	{"PIPELINING", N_("The client may send several commands without waiting for each reply."), "RFC 2920"},
	{"SIZE", N_("The largest message the server takes, in octets (0 or nothing: no fixed limit); the client may announce the size of"
		    " its message on MAIL."), "RFC 1870"},
	{"8BITMIME", N_("Message bodies may have octets above 127; MAIL says so with BODY=8BITMIME."), "RFC 6152"},
	{"BINARYMIME", N_("Message bodies may be arbitrary octets, sent by BDAT; MAIL says so with BODY=BINARYMIME."), "RFC 3030"},
	{"CHUNKING", N_("The message may be sent in counted chunks by BDAT instead of DATA."), "RFC 3030"},
	{"DSN", N_("The sender may ask for delivery notifications, by RET and ENVID on MAIL and NOTIFY and ORCPT on RCPT."), "RFC 3461"},
	{"ENHANCEDSTATUSCODES", N_("Replies begin with an enhanced status code, such as 5.1.1."), "RFC 2034"},
	{"STARTTLS", N_("The connection can be changed over to TLS."), "RFC 3207"},
	{"AUTH", N_("The client can log in; the words behind it are the mechanisms offered."), "RFC 4954"},
	{"SMTPUTF8", N_("Addresses and headers may be in UTF-8; MAIL says so with SMTPUTF8."), "RFC 6531"},
	{"ETRN", N_("A client can ask for the delivery of what waits for its domain."), "RFC 1985"},
	{"ATRN", N_("An authenticated client can fetch the mail of its domains over the same connection."), "RFC 2645"},
	{"EXPN", N_("Mailing lists can be expanded by EXPN."), "RFC 5321 4.1.1.7"},
	{"HELP", N_("The server answers HELP."), "RFC 5321 4.1.1.8"},
	{"VRFY", N_("The server answers VRFY; every server must know the command, so the keyword tells nothing more."),
	 "RFC 5321 4.1.1.6"},
	{"DELIVERBY", N_("The sender may set a time by which the message must be delivered."), "RFC 2852"},
	{"FUTURERELEASE", N_("The sender may ask that the message be held until later."), "RFC 4865"},
	{"MT-PRIORITY", N_("The sender may give the message a priority from -9 to 9."), "RFC 6710"},
	{"REQUIRETLS", N_("The sender may demand that the message travels only over TLS."), "RFC 8689"},
	{"RRVS", N_("The sender may demand that the mailbox has had the same owner since a given time."), "RFC 7293"},
	{"MTRK", N_("The sender may ask for message tracking."), "RFC 3885"},
	{"NO-SOLICITING", N_("The server refuses mail of the kinds that are named."), "RFC 3865"},
	{"CHECKPOINT", N_("An interrupted transfer can be resumed."), "RFC 1845"},
	{"SUBMITTER", N_("The client may name the responsible address on MAIL."), "RFC 4405"},
	{"CONPERM", N_("The sender may permit the conversion of the content."), "RFC 4141"},
	{"CONNEG", N_("The capabilities of a recipient can be negotiated."), "RFC 4141"},
	{"BURL", N_("The client can have the server fetch the message from a URL."), "RFC 4468"},
	{"LIMITS", N_("The server names its limits: MAIL commands and recipients per session or transaction."), "RFC 9422"},
	{"TURN", N_("Client and server could change roles; obsolete, because nothing proved who the client was."), "RFC 5321 F.1"},
	{"PRDR", N_("The server can answer the message text for each recipient."), "Exim PRDR"},
	{"PIPECONNECT", N_("On later connections the client may send before the greeting."), "Exim PIPECONNECT"},
	{"XVERP", N_("The server can make a return address for each recipient."), "Postfix XVERP"},
	{"XCLIENT", N_("A trusted client may replace what the server knows of the remote client."), "Postfix XCLIENT"},
	{"XFORWARD", N_("A trusted client may pass on what it knows of the remote client, for the log."), "Postfix XFORWARD"},
};

const struct keyword_info *keyword_info(unsigned i)
{
	return i < sizeof keywords / sizeof *keywords ? &keywords[i] : NULL;
}

const struct keyword_info *keyword_find(struct span name)
{
	const struct keyword_info *k;

	for (unsigned i = 0; (k = keyword_info(i)); i++)
		if (span_ieq(name, span_str(k->name)))
			return k;
	return NULL;
}
