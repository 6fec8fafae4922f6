/*
 * command_verbs.c - the verb table: the only truth about verbs (RFC 5321 4.1 and the RFC in each row).
 *
 * Invariant: row i is the row of enum verb i. Verbs in frequent use come first, so that a lookup is a few comparisons.
 */
#include "smtpscope/command.h"

#include "smtpscope/message.h"

#define ANY (PHASE_GREET | PHASE_HELO | PHASE_MAIL | PHASE_RCPT)
#define HELLO (VERB_LAST | VERB_NEEDS_ARGUMENT | VERB_IS_HELLO)
#define OLD_MAIL (VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_OPENS_MAIL | VERB_OBSOLETE)
#define EXCHANGE (VERB_LAST | VERB_REDACT | VERB_PRIVATE) /* between Exchange servers; arguments may hold credentials */
#define OLD_VENDOR (VERB_LAST | VERB_REDACT | VERB_PRIVATE | VERB_OBSOLETE)
#define BACK_DOOR (VERB_LAST | VERB_BACK_DOOR | VERB_OBSOLETE)

/* The last four columns of verbs that are alike to a person. */
#define BETWEEN_EXCHANGE \
	"data", "250 220 235", "", \
	N_("A command that Exchange servers use among themselves; its arguments may hold credentials and are not shown.")
#define OF_OLD_SERVER "data", "250", "502", N_("A private command of an old mail server.")
#define LOOKS_FOR_HOLES \
	"", "", "", N_("A back door of very old sendmail versions. Nobody needs it: who sends it looks for holes.")

static const struct verb_info verbs[VERB_COUNT] = {
	{VERB_UNKNOWN, "", NULL, VERB_LAST, 0, 512, "RFC 5321 4.2.4", "", "", "", ""},
	{VERB_EHLO, "EHLO", NULL, HELLO, ANY, 512, "RFC 5321 4.1.1.1",
	 "domain | [address]", "250", "502 504 550",
	 N_("Introduces the client by name and asks for the server's extensions. It clears a transaction that is"
	    " open, and must be sent again after STARTTLS.")},
	{VERB_HELO, "HELO", NULL, HELLO, ANY, 512, "RFC 5321 4.1.1.1",
	 "domain", "250", "502 504 550",
	 N_("Introduces the client by name, without extensions. Clients fall back to it when EHLO is refused.")},
	{VERB_LHLO, "LHLO", NULL, HELLO, ANY, 512, "RFC 2033 4.1",
	 "domain | [address]", "250", "502 504 550",
	 N_("The EHLO of LMTP. Only LMTP servers know it, and they refuse HELO and EHLO.")},
	{VERB_MAIL, "MAIL", NULL, VERB_NEEDS_ARGUMENT | VERB_OPENS_MAIL, PHASE_HELO, 512, "RFC 5321 4.1.1.2",
	 "FROM:<address> [parameter ...]", "250 355", "451 452 455 503 530 550 552 553 555",
	 N_("Begins a mail transaction and names the sender, to whom bounces go. There is no space on either side of"
	    " the colon; <> is the sender of a bounce.")},
	{VERB_RCPT, "RCPT", NULL, VERB_NEEDS_ARGUMENT, PHASE_MAIL | PHASE_RCPT, 512, "RFC 5321 4.1.1.3",
	 "TO:<address> [parameter ...]", "250 251", "450 451 452 455 503 530 550 551 552 553 555 556",
	 N_("Names one recipient; sent once for each. There is no space on either side of the colon.")},
	{VERB_DATA, "DATA", NULL, VERB_LAST | VERB_NO_ARGUMENT | VERB_SWITCHES_MODE, PHASE_RCPT, 512, "RFC 5321 4.1.1.4",
	 "", "354 250", "450 451 452 503 550 552 554",
	 N_("Asks to send the message text. After the 354 the text follows, ended by a line that holds only a dot;"
	    " then comes the second reply.")},
	/* Chunks may follow one another in a group (RFC 3030 4.2), so BDAT does not end one. */
	{VERB_BDAT, "BDAT", "CHUNKING", VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_SWITCHES_MODE, PHASE_RCPT, 512,
	 "RFC 3030 2",
	 "size [LAST]", "250", "451 452 503 504 521 551 552 554",
	 N_("Sends a chunk of the message of exactly that many octets, at once and without waiting. The chunk marked"
	    " LAST ends the message.")},
	{VERB_RSET, "RSET", NULL, VERB_NO_ARGUMENT, ANY, 512, "RFC 5321 4.1.1.5",
	 "", "250", "",
	 N_("Aborts the transaction that is open; the session goes on.")},
	{VERB_NOOP, "NOOP", NULL, VERB_LAST, ANY, 512, "RFC 5321 4.1.1.9",
	 "[text]", "250", "",
	 N_("Does nothing but make the server answer.")},
	{VERB_QUIT, "QUIT", NULL, VERB_LAST | VERB_NO_ARGUMENT, ANY, 512, "RFC 5321 4.1.1.10",
	 "", "221", "",
	 N_("Ends the session. Nothing may follow it.")},
	{VERB_VRFY, "VRFY", NULL, VERB_LAST | VERB_NEEDS_ARGUMENT, ANY, 512, "RFC 5321 4.1.1.6",
	 "text [SMTPUTF8]", "250 251 252", "502 504 530 550 551 553",
	 N_("Asks whether a user exists. Most servers do not tell, and should answer 252.")},
	{VERB_EXPN, "EXPN", "EXPN", VERB_LAST | VERB_EXTENSION | VERB_NEEDS_ARGUMENT, ANY, 512, "RFC 5321 4.1.1.7",
	 "text [SMTPUTF8]", "250 252", "502 504 530 550",
	 N_("Asks for the members of a mailing list. Most servers do not offer it.")},
	/* Registered as a keyword, but servers that have it seldom say so: nothing to judge. */
	{VERB_HELP, "HELP", NULL, VERB_LAST, ANY, 512, "RFC 5321 4.1.1.8",
	 "[text]", "211 214", "502 504",
	 N_("Asks for help, which is meant for people.")},
	{VERB_STARTTLS, "STARTTLS", "STARTTLS", VERB_LAST | VERB_EXTENSION | VERB_NO_ARGUMENT | VERB_SWITCHES_MODE, PHASE_HELO,
	 512, "RFC 3207 4",
	 "", "220", "454 501 502 503 554",
	 N_("Asks to change over to TLS. After the 220 the client begins the TLS handshake at once; all that was"
	    " known before is void, so EHLO must be sent again. It is not offered under TLS.")},
	{VERB_AUTH, "AUTH", "AUTH",
	 VERB_LAST | VERB_REDACT | VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_SWITCHES_MODE | VERB_IS_AUTH, PHASE_HELO, 512,
	 "RFC 4954 4",
	 "mechanism [initial-response]", "334 235", "432 454 503 504 530 534 535 538",
	 N_("Logs in with a SASL mechanism. Each 334 asks for one line of Base64; \"*\" cancels. It works once in a"
	    " session, and not inside a transaction. A \"=\" is an empty initial response.")},
	{VERB_ETRN, "ETRN", "ETRN", VERB_LAST | VERB_EXTENSION | VERB_NEEDS_ARGUMENT, PHASE_HELO, 512, "RFC 1985 5",
	 "[@ | #]node", "250 251 252 253", "458 459 503",
	 N_("Asks the server to deliver, over a new connection, what waits for this domain.")},
	{VERB_ATRN, "ATRN", "ATRN", VERB_LAST | VERB_EXTENSION | VERB_SWITCHES_MODE, PHASE_HELO, 512, "RFC 2645 5.2.1",
	 "[domain,...]", "250", "450 451 453 502 530",
	 N_("Fetches the waiting mail over this connection: after the 250 the roles are exchanged and the former"
	    " server sends. It needs a login; the usual port is 366.")},
	/* The group may go on behind it, but not behind LAST (RFC 4468 3.2): treated like BDAT. */
	{VERB_BURL, "BURL", "BURL", VERB_REDACT | VERB_EXTENSION | VERB_NEEDS_ARGUMENT, PHASE_RCPT, 512, "RFC 4468 3",
	 "url [LAST]", "250", "451 503 552 554",
	 N_("Has the server fetch a part of the message from an IMAP URL. The URL holds an access token, which is not"
	    " shown.")},
	{VERB_TURN, "TURN", "TURN", VERB_LAST | VERB_EXTENSION | VERB_NO_ARGUMENT | VERB_SWITCHES_MODE | VERB_OBSOLETE,
	 PHASE_HELO, 512, "RFC 5321 F.1",
	 "", "250", "502 503",
	 N_("Exchanged the roles of client and server. Obsolete, because nothing proves who the client is.")},
	{VERB_SEND, "SEND", "SEND", OLD_MAIL, PHASE_HELO, 512, "RFC 5321 F.6",
	 "FROM:<address>", "250", "451 452 502 552",
	 N_("Delivered a message to the user's terminal. Obsolete.")},
	{VERB_SOML, "SOML", "SOML", OLD_MAIL, PHASE_HELO, 512, "RFC 5321 F.6",
	 "FROM:<address>", "250", "451 452 502 552",
	 N_("Delivered a message to the user's terminal, or else to the mailbox. Obsolete.")},
	{VERB_SAML, "SAML", "SAML", OLD_MAIL, PHASE_HELO, 512, "RFC 5321 F.6",
	 "FROM:<address>", "250", "451 452 502 552",
	 N_("Delivered a message to the user's terminal and to the mailbox. Obsolete.")},
	{VERB_VERB, "VERB", "VERB", VERB_LAST | VERB_EXTENSION, ANY, 512, "RFC 1425",
	 "[ON | OFF]", "250", "502",
	 N_("Makes sendmail print what it does.")},
	{VERB_ONEX, "ONEX", "ONEX", VERB_LAST | VERB_EXTENSION | VERB_NO_ARGUMENT, ANY, 512, "RFC 1425",
	 "", "250", "502",
	 N_("Announced that only one transaction follows, to sendmail.")},
	{VERB_XCLIENT, "XCLIENT", "XCLIENT",
	 VERB_LAST | VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_PRIVATE | VERB_SWITCHES_MODE, PHASE_GREET | PHASE_HELO, 512,
	 "Postfix XCLIENT",
	 "name=value [name=value ...]", "220", "501 503 550",
	 N_("Lets a trusted proxy replace what the server knows of the remote client. The 220 is a new greeting: the"
	    " session starts over.")},
	{VERB_XFORWARD, "XFORWARD", "XFORWARD", VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_PRIVATE, PHASE_HELO, 512,
	 "Postfix XFORWARD",
	 "name=value [name=value ...]", "250", "501 503 550",
	 N_("Lets a trusted content filter pass on what it knows of the remote client, for the log.")},
	{VERB_XEXCH50, "XEXCH50", "XEXCH50",
	 VERB_LAST | VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_PRIVATE | VERB_SWITCHES_MODE, PHASE_RCPT, 50, "MS-XEXCH50",
	 "size version", "354 250", "504",
	 N_("Sends a block of properties of the message between Exchange servers, after a 354.")},
	{VERB_X_EXPS, "X-EXPS", "X-EXPS",
	 VERB_LAST | VERB_REDACT | VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_PRIVATE | VERB_SWITCHES_MODE | VERB_IS_AUTH,
	 PHASE_HELO, 0, "MS-OXSMTP",
	 "mechanism [initial-response]", "334 235", "432 454 503 504 530 534 535 538",
	 N_("The AUTH of Exchange servers among themselves; the same rules of secrecy hold.")},
	{VERB_X_LINK2STATE, "X-LINK2STATE", "X-LINK2STATE",
	 VERB_LAST | VERB_EXTENSION | VERB_NEEDS_ARGUMENT | VERB_PRIVATE, PHASE_HELO, 1024, "Exchange 2000",
	 "FIRST | NEXT | LAST CHUNK={data}", "200", "",
	 N_("Exchanges routing data between Exchange servers. Old servers had a hole here (MS05-021).")},
	{VERB_X_ANONYMOUSTLS, "X-ANONYMOUSTLS", "X-ANONYMOUSTLS",
	 VERB_LAST | VERB_EXTENSION | VERB_NO_ARGUMENT | VERB_PRIVATE | VERB_SWITCHES_MODE, PHASE_HELO, 512, "Exchange 2007",
	 "", "220", "454 501 502 503 554",
	 N_("The STARTTLS of Exchange servers among themselves.")},
	{VERB_XPROXY, "XPROXY", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2010", BETWEEN_EXCHANGE},
	{VERB_XPROXYFROM, "XPROXYFROM", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2013", BETWEEN_EXCHANGE},
	{VERB_XPROXYTO, "XPROXYTO", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2013", BETWEEN_EXCHANGE},
	{VERB_XSHADOW, "XSHADOW", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2010", BETWEEN_EXCHANGE},
	{VERB_XSHADOWREQUEST, "XSHADOWREQUEST", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2013", BETWEEN_EXCHANGE},
	{VERB_XQDISCARD, "XQDISCARD", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2010", BETWEEN_EXCHANGE},
	{VERB_XRDST, "XRDST", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2013", BETWEEN_EXCHANGE},
	{VERB_XSESSIONPARAMS, "XSESSIONPARAMS", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2013", BETWEEN_EXCHANGE},
	{VERB_X_EXCHANGEAUTH, "X-EXCHANGEAUTH", NULL, EXCHANGE, PHASE_HELO, 0, "Exchange 2010", BETWEEN_EXCHANGE},
	{VERB_XAUTH, "XAUTH", NULL, OLD_VENDOR | VERB_SWITCHES_MODE | VERB_IS_AUTH, ANY, 512, "Exchange 5.0",
	 "data", "250", "502",
	 N_("The forerunner of AUTH on Exchange 5.0.")},
	{VERB_XVRB, "XVRB", NULL, OLD_VENDOR, ANY, 512, "vendor", OF_OLD_SERVER},
	{VERB_XONE, "XONE", NULL, OLD_VENDOR, ANY, 512, "vendor", OF_OLD_SERVER},
	{VERB_XUSR, "XUSR", NULL, OLD_VENDOR, ANY, 512, "vendor", OF_OLD_SERVER},
	{VERB_XADR, "XADR", NULL, OLD_VENDOR, ANY, 512, "vendor", OF_OLD_SERVER},
	{VERB_XSTA, "XSTA", NULL, OLD_VENDOR, ANY, 512, "vendor", OF_OLD_SERVER},
	{VERB_XCIR, "XCIR", NULL, OLD_VENDOR, ANY, 512, "vendor", OF_OLD_SERVER},
	{VERB_XGEN, "XGEN", NULL, OLD_VENDOR, ANY, 512, "vendor", OF_OLD_SERVER},
	{VERB_WELLKNOWN, "WELLKNOWN", NULL, VERB_LAST | VERB_NEEDS_ARGUMENT, ANY, 512, "Exim WELLKNOWN",
	 "name", "250", "550",
	 N_("Fetches a well-known resource from an Exim server.")},
	{VERB_DEBUG, "DEBUG", NULL, BACK_DOOR, ANY, 0, "sendmail", LOOKS_FOR_HOLES},
	{VERB_WIZ, "WIZ", NULL, BACK_DOOR, ANY, 0, "sendmail", LOOKS_FOR_HOLES},
	{VERB_KILL, "KILL", NULL, BACK_DOOR, ANY, 0, "sendmail", LOOKS_FOR_HOLES},
	{VERB_SHOWQ, "SHOWQ", NULL, BACK_DOOR, ANY, 0, "sendmail", LOOKS_FOR_HOLES},
};

const struct verb_info *verb_info(enum verb v)
{
	return &verbs[v];
}

static bool name_is(const char *name, struct span token)
{
	for (size_t i = 0; i < token.n; i++) {
		if ((uint8_t)name[i] != char_upper(token.p[i]) || name[i] == '\0')
			return false;
	}
	return name[token.n] == '\0';
}

enum verb verb_find(struct span token)
{
	for (unsigned i = VERB_UNKNOWN + 1; i < VERB_COUNT && token.n > 0; i++) {
		if (name_is(verbs[i].name, token))
			return verbs[i].verb;
	}
	return VERB_UNKNOWN;
}

const char *phase_name(enum phase p)
{
	switch (p) {
	case PHASE_CONN:
		return "conn";
	case PHASE_GREET:
		return "greet";
	case PHASE_HELO:
		return "helo";
	case PHASE_MAIL:
		return "mail";
	case PHASE_RCPT:
		return "rcpt";
	case PHASE_CLOSED:
		return "closed";
	}
	return "";
}

const char *line_end_name(enum line_end e)
{
	static const char *const names[] = {
		[LINE_END_NONE] = "none",
		[LINE_END_CRLF] = "CRLF",
		[LINE_END_LF] = "LF",
		[LINE_END_CRCRLF] = "CRCRLF",
	};

	return names[e];
}
