/*
 * command_internal.h - what the files of smtp/command share. Each parser gets borrowed bytes and sets bits in a command.
 */
#ifndef COMMAND_INTERNAL_H
#define COMMAND_INTERNAL_H

#include "smtpscope/command.h"

/* Cuts the word before the first SP or HT off *rest, and the white space behind it. *rest is empty at the end. */
struct span word_cut(struct span *rest);

/*
 * command_bytes.c: the rows of protocol facts 5.1 that show in the octets alone, and bare CR.
 * Takes off the start of *text what precedes a verb by accident (byte-order mark, telnet options).
 */
uint64_t bytes_check(struct span *text);
/* Those defects after which the line is no SMTP at all and is not read any further. */
bool bytes_foreign(uint64_t defects);

/* command_typo.c: the verb that token was meant to be, or VERB_UNKNOWN. argument: trimmed, absent without one. */
enum verb typo_find(struct span token, struct span argument, enum phase phase, uint8_t *distance);

/* command_unknown.c: a line whose first word is no verb. Sets the defect, .meant, and for a glued verb .verb; then *rest is
   what has to be parsed as its argument. */
void unknown_verb(struct span text, enum phase phase, struct command *out, struct span *rest);

/* command_argument.c: the argument of out->verb; rest is trimmed, absent without one. */
void argument_parse(struct span rest, struct command *out);
/* Records the first part that is wrong. */
void argument_bad(struct command *out, uint64_t defects, struct span part);
/* command_mail.c: the same for MAIL, RCPT, SEND, SOML, SAML. */
void mail_argument_parse(struct span rest, struct command *out);

/* command_suspect.c: OVERFLOW, CODE and LINE_END_INSIDE. text: the line from its verb on, already parsed into out. */
void suspect_check(struct span text, struct command *out);

/* RFC 4422 3.1 sasl-mech, read without regard to case as SMTP does. */
bool mechanism_valid(struct span word);
/* Could this word be a piece of Base64 or a password rather than the name of a mechanism? */
bool mechanism_doubtful(struct span word);
/* Padding, a digit or symbol, or a change of case behind the second letter. Not for an empty word. */
bool looks_encoded(struct span s);

#endif
