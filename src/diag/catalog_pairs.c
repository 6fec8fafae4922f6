/*
 * catalog_pairs.c - pairs of reply codes that are easily mistaken for each other, and what tells them apart.
 *
 * Sorted. difference: the main one; choice: which applies when.
 */
#include "smtpscope/catalog.h"

#include "smtpscope/message.h"

static const struct code_pair pairs[] = {
	{235, 334, N_("235 ends the login with success; 334 is one step in the middle of it and promises nothing."),
	 N_("334 as long as the server needs more from the client, 235 once it is satisfied.")},
	{250, 251, N_("Both accept the recipient; 251 adds that the server forwards the message to another address."),
	 N_("250 for a mailbox the server serves or relays for without comment, 251 when it wants the sender to know the new address.")},
	{250, 354, N_("After 250 the command is finished; after 354 the server waits for the message text and reads no commands."),
	 N_("354 after DATA, 250 after the dot that ends the text and after most other commands.")},
	{251, 252, N_("251 knows that the user is elsewhere; 252 does not tell whether he exists."),
	 N_("251 when the forwarding address is known, 252 when the server does not verify. Under ETRN: 251 nothing is waiting, 252 the"
	    " delivery has started.")},
	{334, 354, N_("334 waits for one line of Base64, 354 for a whole message that ends with a dot on its own line."),
	 N_("334 only during AUTH, 354 only after DATA.")},
	{334, 500, N_("After 334 the client continues the dialogue: nothing is wrong. After 500 it stops, corrects the line, and does not"
		      " send it again as it is."),
	 N_("334 when the server needs the next authentication step from the client, 500 when the server has no valid command to act on."
	    " The two meet when a client answers a 334 that never came, or answers twice: its Base64 line is then read as a command and"
	    " gets a 500.")},
	{334, 535, N_("334 asks for the next step of the login; 535 ends it: the credentials are not accepted."),
	 N_("334 before the server has judged, 535 when it has. In XOAUTH2 a 334 with an error report comes just before the 535.")},
	{421, 451, N_("421 ends the connection; after 451 only this command or message has failed, and the session goes on."),
	 N_("421 when the server cannot or will not serve this client now, 451 when one operation met an error.")},
	{421, 554, N_("421 is temporary: the mail stays in the queue. 554 is permanent: the mail is returned."),
	 N_("As a greeting, 421 for overload and limits, 554 for clients that are not wanted at all.")},
	{450, 451, N_("450 is about the mailbox, 451 about an error of the server itself; a sender treats them alike."),
	 N_("450 for busy mailboxes and greylisting, 451 for failed lookups, filters and other local errors.")},
	{450, 550, N_("450 is temporary: the sender tries again. 550 is permanent: the sender gives up and returns the mail."),
	 N_("450 when the mailbox cannot be reached or judged now, as with greylisting; 550 when it does not exist or policy forbids it.")},
	{452, 552, N_("452 is temporary: there is no room now, or not for so many recipients. 552 is permanent: it is too large for good."),
	 N_("452 for a full disk and the limit of recipients, 552 for a message over the size limit.")},
	{454, 535, N_("454 judges nothing, because the server could not check; 535 has checked and refuses."),
	 N_("454 when the account directory is out of order, and the password stays as it is; 535 when the credentials are wrong.")},
	{500, 501, N_("500 does not know the command; 501 knows it, but not what follows it."),
	 N_("500 for a wrong first word or an over-long line, 501 for a wrong address, parameter or Base64.")},
	{500, 502, N_("500 does not recognise the command; 502 recognises it, but the server does not offer it. Many servers send either for"
		      " both."),
	 N_("500 for a typo or an unknown word, 502 for a command that exists but is switched off.")},
	{500, 503, N_("500 is about the line itself, 503 about the time at which it came."),
	 N_("500 when the command cannot be understood, 503 when it can but another should have come first.")},
	{501, 504, N_("501 cannot parse the argument; 504 can, but does not support what it asks for."),
	 N_("501 for wrong syntax, 504 for a mechanism or parameter that the server does not have.")},
	{502, 503, N_("502 never works on this server; 503 works once the order is right."),
	 N_("502 for commands that are not offered, 503 for commands that came too early or twice.")},
	{521, 554, N_("521 says that this host takes no mail from anybody; 554 refuses this client or this message."),
	 N_("As a greeting, 521 on hosts that only send, 554 for clients that are not wanted.")},
	{521, 556, N_("521 is said by the host itself; 556 is said by a server on the way, which looked the domain up in DNS."),
	 N_("521 at the start of a connection, 556 in answer to RCPT.")},
	{530, 535, N_("530 has seen no login yet and demands one; 535 has seen one and refuses it."),
	 N_("530 in answer to other commands, 535 in answer to AUTH.")},
	{534, 535, N_("534 refuses the way of the login, 535 its credentials."),
	 N_("534 when another mechanism would do, 535 when user name, password or token are wrong.")},
	{535, 538, N_("538 does not judge the credentials: the connection is not encrypted. 535 has judged and refuses them."),
	 N_("538 before TLS, 535 when the credentials are wrong.")},
	{550, 551, N_("550 says that there is no such mailbox here; 551 says that it is elsewhere."),
	 N_("551 when the server knows or suspects another place, 550 otherwise and for all refusals by policy.")},
	{550, 553, N_("550 is about the mailbox or policy, 553 about the form or ownership of the address."),
	 N_("550 for unknown users and blocks, 553 for malformed addresses and senders that do not belong to the account.")},
	{550, 554, N_("550 is mostly about one recipient, 554 about the whole message or connection."),
	 N_("550 in answer to RCPT, 554 as a greeting, and to DATA and the message text when everything is refused. Servers do not keep"
	    " strictly to it.")},
};

const struct code_pair *code_pair(unsigned i)
{
	return i < sizeof pairs / sizeof *pairs ? &pairs[i] : NULL;
}

const struct code_pair *code_pair_find(unsigned a, unsigned b)
{
	const struct code_pair *p;

	for (unsigned i = 0; (p = code_pair(i)); i++)
		if ((p->a == a && p->b == b) || (p->a == b && p->b == a))
			return p;
	return NULL;
}
