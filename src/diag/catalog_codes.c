/*
 * catalog_codes.c - looks reply codes and enhanced codes up, and says what is known of a code by its digits alone
 * (RFC 5321 4.2.1, RFC 3463 3). The texts of single codes are in the tables beside this file; see catalog.h.
 */
#include "catalog_tables.h"

#include "smtpscope/message.h"

/* ---- digits ---- */

static const struct class_info classes[] = {
	['1' - '0'] = {"preliminary", N_("preliminary reply"),
		N_("A 1xx reply would say that the action has begun. SMTP does not use this class.")},
	['2' - '0'] = {"positive_completion", N_("positive completion reply"),
		N_("The command succeeded, and the next one may follow.")},
	['3' - '0'] = {"positive_intermediate", N_("positive intermediate reply"),
		N_("The command was accepted, but it is not finished: the server waits for more from the client. It is neither success nor"
		   " failure.")},
	['4' - '0'] = {"transient_negative", N_("transient negative reply"),
		N_("The command failed and nothing was done, but the same command may succeed later.")},
	['5' - '0'] = {"permanent_negative", N_("permanent negative reply"),
		N_("The command failed and nothing was done. The client should not repeat it unchanged.")},
	['6' - '0'] = {"none", N_("no class of SMTP"),
		N_("The first digit 6 has no meaning in SMTP; a client that met it would give up.")},
};

const struct class_info *class_info(unsigned digit)
{
	return digit < sizeof classes / sizeof *classes && classes[digit].id ? &classes[digit] : NULL;
}

const struct class_info *category_info(unsigned digit)
{
	static const struct class_info categories[10] = {
		{"syntax", N_("syntax"), N_("The second digit 0 is about syntax: errors in the line, and commands that do not exist.")},
		{"information", N_("information"), N_("The second digit 1 is about information, such as status or help.")},
		{"connection", N_("connection"), N_("The second digit 2 is about the connection.")},
		{"authentication", N_("authentication"),
		 N_("RFC 5321 leaves the second digit 3 open; it is used for authentication and security.")},
		{"network", N_("network and routing"), N_("RFC 5321 leaves the second digit 4 open; it is used for network and routing.")},
		{"mail_system", N_("mail system"), N_("The second digit 5 is about the mail system: mailboxes, messages, transfers.")},
		{"none", N_("none"), N_("The second digit 6 is outside the grammar of reply codes and tells nothing.")},
		{"none", N_("none"), N_("The second digit 7 is outside the grammar of reply codes; who uses it means security or policy.")},
		{"none", N_("none"), N_("The second digit 8 is outside the grammar of reply codes and tells nothing.")},
		{"none", N_("none"), N_("The second digit 9 is outside the grammar of reply codes and tells nothing.")},
	};

	return &categories[digit % 10];
}

const struct class_info *subject_info(unsigned subject)
{
	static const struct class_info subjects[] = {
		{"undefined", N_("other or undefined"), N_("The subject 0 tells nothing more than the class.")},
		{"addressing", N_("addressing"), N_("The subject 1 is about the addresses of sender and recipient.")},
		{"mailbox", N_("mailbox"), N_("The subject 2 is about the mailbox of the recipient.")},
		{"mail_system", N_("mail system"), N_("The subject 3 is about the receiving mail system.")},
		{"network", N_("network and routing"), N_("The subject 4 is about the network and the route to the next host.")},
		{"protocol", N_("mail delivery protocol"), N_("The subject 5 is about the dialogue: commands, their order and arguments.")},
		{"content", N_("message content"), N_("The subject 6 is about the content of the message and its conversion.")},
		{"security", N_("security or policy"), N_("The subject 7 is about security and the policy of the server.")},
	};

	return subject < sizeof subjects / sizeof *subjects ? &subjects[subject] : NULL;
}

/* ---- properties ---- */

const struct class_info *code_label_info(enum code_label label)
{
	static const struct class_info labels[] = {
		[CODE_STD] = {"standard", N_("standard"), N_("Defined by a standards-track RFC.")},
		[CODE_EXP] = {"experimental", N_("experimental"), N_("Defined by an experimental RFC.")},
		[CODE_REG] = {"registered", N_("registered"),
			N_("Listed in the IANA registry of status codes, without a full specification.")},
		[CODE_VND] = {"vendor", N_("one vendor"), N_("Only software of one vendor or provider sends it; no RFC defines it.")},
		[CODE_FOLK] = {"folklore", N_("seen in the wild only"),
			N_("No specification defines it; it is repeated in lists of bounce codes or sent by single servers.")},
		[CODE_UNKNOWN] = {"unknown", N_("unknown"), N_("No specification known to this program defines it.")},
	};

	return &labels[label];
}

const struct class_info *code_retry_info(enum code_retry retry)
{
	static const struct class_info retries[] = {
		[RETRY_NOT_NEEDED] = {"not_needed", N_("not needed"), N_("There is nothing to repeat: the command succeeded.")},
		[RETRY_CONTINUE] = {"continue", N_("the dialogue goes on"),
			N_("There is nothing to repeat yet: the client goes on with the next step.")},
		[RETRY_YES] = {"yes", N_("yes"),
			N_("A mail server keeps the message in its queue and tries again, for up to some days; a mail program shows the error.")},
		[RETRY_CHANGED] = {"changed", N_("only after a change"),
			N_("The client may go on in the same session, but not with the same line: it must correct something first.")},
		[RETRY_NO] = {"no", N_("no"),
			N_("A mail server gives up at once and returns the message to its sender as undeliverable.")},
		[RETRY_OFF_WIRE] = {"off_wire", N_("does not apply"), N_("The number is no reply of a server, so nothing follows from it.")},
	};

	return &retries[retry];
}

const struct class_info *code_actor_info(enum code_actor actor)
{
	static const struct class_info actors[] = {
		[ACTOR_NOBODY] = {"nobody", N_("nobody"), N_("Nobody needs to act.")},
		[ACTOR_CLIENT] = {"client", N_("the client"),
			N_("The client, that is its software or whoever configures it, must do the right thing.")},
		[ACTOR_USER] = {"user", N_("the user"), N_("The person who sends the mail or logs in must correct something.")},
		[ACTOR_RECIPIENT] = {"recipient", N_("the recipient"), N_("The owner of the mailbox must do something.")},
		[ACTOR_SENDING_ADMIN] = {"sending_admin", N_("the sending administrator"),
			N_("Whoever runs the sending server or its network must act.")},
		[ACTOR_RECEIVING_ADMIN] = {"receiving_admin", N_("the receiving administrator"),
			N_("If it lasts, whoever runs the server that sent this reply must act.")},
		[ACTOR_DEPENDS] = {"depends", N_("depends on the reason"), N_("Who must act depends on the reason, which the text tells.")},
	};

	return &actors[actor];
}

/* ---- lookup ---- */

static const struct {
	const struct code_info *rows;
	const unsigned *count;
} tables[] = {
	{catalog_codes_positive, &catalog_codes_positive_count},
	{catalog_codes_transient, &catalog_codes_transient_count},
	{catalog_codes_permanent, &catalog_codes_permanent_count},
};

const struct code_info *code_info(unsigned i)
{
	for (unsigned t = 0; t < sizeof tables / sizeof *tables; i -= *tables[t++].count)
		if (i < *tables[t].count)
			return &tables[t].rows[i];
	return NULL;
}

const struct code_info *code_find(unsigned code)
{
	const struct code_info *row;

	for (unsigned i = 0; (row = code_info(i)); i++)
		if (row->code == code)
			return row;
	return NULL;
}

enum code_retry class_retry(unsigned digit)
{
	static const enum code_retry by_class[] = {RETRY_OFF_WIRE, RETRY_OFF_WIRE, RETRY_NOT_NEEDED,
						   RETRY_CONTINUE, RETRY_YES,      RETRY_NO};

	return digit < sizeof by_class / sizeof *by_class ? by_class[digit] : RETRY_OFF_WIRE;
}

const struct enhanced_info *enhanced_info(unsigned i)
{
	return i < catalog_enhanced_count ? &catalog_enhanced[i] : NULL;
}

const struct enhanced_info *enhanced_lookup(unsigned digit, unsigned subject, unsigned detail)
{
	for (unsigned i = 0; i < catalog_enhanced_count; i++) {
		const struct enhanced_info *row = &catalog_enhanced[i];

		if (row->subject == subject && row->detail == detail && (!row->class_digit || !digit || row->class_digit == digit))
			return row;
	}
	return NULL;
}
