/* Command lines (RFC 5321 4.1, protocol facts 5.1-5.4): what each line is and what is wrong with it, and what of it may be shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "smtpscope/command.h"

struct row {
	const char *line;
	enum verb verb, meant;
	uint64_t defects;
};

#define D(x) DEFECT(x)
static const struct row rows[] = {
    {"EHLO c.example", VERB_EHLO, VERB_UNKNOWN, 0},
    {"ehlo [192.0.2.1]", VERB_EHLO, VERB_UNKNOWN, 0},
    {"EHLO [IPv6:2001:db8::1]", VERB_EHLO, VERB_UNKNOWN, 0},
    {"EHLO 192.0.2.1", VERB_EHLO, VERB_UNKNOWN, D(NUMERIC_DOMAIN)},
    {"EHLO c_example", VERB_EHLO, VERB_UNKNOWN, D(BAD_HELO)},
    {"HELO", VERB_HELO, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"MAIL FROM:<>", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM: <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(SPACE_AROUND_COLON)},
    {"MAIL FROM :<a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(SPACE_AROUND_COLON)},
    {"MAIL FROM <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_COLON)},
    {"MAIL <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_FROM_TO)},
    {"MAIL FROM:a@b.example", VERB_MAIL, VERB_UNKNOWN, D(MISSING_BRACKETS)},
    {"MAIL FROM:<a@b.example", VERB_MAIL, VERB_UNKNOWN, D(UNBALANCED_BRACKETS)},
    {"MAIL FROM:Ann <a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(DISPLAY_NAME)},
    {"MAIL FROM:<a..b@c.example>", VERB_MAIL, VERB_UNKNOWN, D(BAD_LOCAL_PART)},
    {"MAIL FROM:<\"a b\"@c.example>", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<a@-c.example>", VERB_MAIL, VERB_UNKNOWN, D(BAD_DOMAIN)},
    {"MAIL FROM:<a>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_DOMAIN)},
    {"MAIL FROM:<a@[300.1.1.1]>", VERB_MAIL, VERB_UNKNOWN, D(BAD_LITERAL)},
    {"MAIL FROM:<a@192.0.2.1>", VERB_MAIL, VERB_UNKNOWN, D(NUMERIC_DOMAIN)},
    {"MAIL FROM:<@x,@y:a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(SOURCE_ROUTE)},
    {"MAIL FROM:<a@b.example>SIZE=10", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> SIZE=1 SIZE=2", VERB_MAIL, VERB_UNKNOWN, D(DUPLICATE_PARAMETER)},
    {"MAIL FROM:<a@b.example> BODY=9BIT", VERB_MAIL, VERB_UNKNOWN, D(BAD_PARAMETER_VALUE)},
    {"MAIL FROM:<a@b.example> FOO=1", VERB_MAIL, VERB_UNKNOWN, D(UNKNOWN_PARAMETER)},
    {"RCPT TO:<postmaster>", VERB_RCPT, VERB_UNKNOWN, 0},
    {"RCPT TO:<>", VERB_RCPT, VERB_UNKNOWN, D(NULL_RECIPIENT)},
    {"DATA", VERB_DATA, VERB_UNKNOWN, 0},
    {"DATA now", VERB_DATA, VERB_UNKNOWN, D(UNEXPECTED_ARGUMENT)},
    {"BDAT 10 LAST", VERB_BDAT, VERB_UNKNOWN, 0},
    {"BDAT -1 LAST", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"BDAT 5 X", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"BDAT 18446744073709551615", VERB_BDAT, VERB_UNKNOWN, 0},
    {"BDAT 18446744073709551616", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"NOOP whatever", VERB_NOOP, VERB_UNKNOWN, 0},
    {"AUTH PLAIN AGFsaWNlAHMzY3IzdA==", VERB_AUTH, VERB_UNKNOWN, 0},
    {"AUTH EXTERNAL =", VERB_AUTH, VERB_UNKNOWN, 0},
    {"AUTH PLAIN =AAA", VERB_AUTH, VERB_UNKNOWN, D(BAD_BASE64)},
    {"AUTH", VERB_AUTH, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"HEL0 c.example", VERB_UNKNOWN, VERB_HELO, D(TYPO)},
    {"EHLOO c.example", VERB_UNKNOWN, VERB_EHLO, D(TYPO)},
    {"HELLO there", VERB_UNKNOWN, VERB_HELO, D(TYPO)},
    {"MIAL FROM:<a@b.example>", VERB_UNKNOWN, VERB_MAIL, D(TYPO)},
    {"RCTP TO:<a@b.example>", VERB_UNKNOWN, VERB_RCPT, D(TYPO)},
    {"STARTLS", VERB_UNKNOWN, VERB_STARTTLS, D(TYPO)},
    {"REST", VERB_UNKNOWN, VERB_RSET, D(TYPO)},
    {"BYE", VERB_UNKNOWN, VERB_QUIT, D(ALIAS)},
    {"STLS", VERB_UNKNOWN, VERB_STARTTLS, D(ALIAS)},
    {"GET / HTTP/1.1", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"SSH-2.0-OpenSSH_9.2", VERB_UNKNOWN, VERB_UNKNOWN, D(SSH)},
    {"", VERB_UNKNOWN, VERB_UNKNOWN, D(EMPTY)},
    {" NOOP", VERB_NOOP, VERB_UNKNOWN, D(LEADING_SPACE)},
    /* bytes (protocol facts 5.1) */
    {"get *", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"POST /x", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"PUT /x", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"HEAD /x", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"OPTIONS *", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"CONNECT mx.example:25 HTTP/1.1", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"PRI * HTTP/2.0", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"WHAT now HTTP/1.0  ", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP) | D(TRAILING_SPACE)},
    {"HTTP/1.1 200 OK", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP)},
    {"SSH-1.99-x", VERB_UNKNOWN, VERB_UNKNOWN, D(SSH)},
    {"USER alice", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"RETR 1", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"a1 LOGIN alice x", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"a CAPABILITY", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"abcdefghij12 CAPABILITY", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"OPTIONS sip:x SIP/2.0", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"DESCRIBE rtsp://x RTSP/1.0", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"*1", VERB_UNKNOWN, VERB_UNKNOWN, D(OTHER_PROTOCOL)},
    {"*", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"*x", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"ab CAPABILITY", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"abcdefghijk12 CAPABILITY", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"NOOQ\bP", VERB_UNKNOWN, VERB_NOOP, D(EDITING)},
    {"NOOQ\x7fP", VERB_UNKNOWN, VERB_NOOP, D(EDITING)},
    {"\b\bNOOP", VERB_UNKNOWN, VERB_NOOP, D(EDITING)},
    {"NOOP\x1b[D", VERB_UNKNOWN, VERB_UNKNOWN, D(EDITING)},
    {"NOOP \x1b[D", VERB_NOOP, VERB_UNKNOWN, D(EDITING)},
    {"NOOP \x1bZ", VERB_NOOP, VERB_UNKNOWN, D(CONTROL_CHAR)},
    {"NOOP \x01", VERB_NOOP, VERB_UNKNOWN, D(CONTROL_CHAR)},
    {"NOOP \x1f", VERB_NOOP, VERB_UNKNOWN, D(CONTROL_CHAR)},
    {"NOOP a\rb", VERB_NOOP, VERB_UNKNOWN, D(BARE_CR)},
    {"NOOP a\tb", VERB_NOOP, VERB_UNKNOWN, D(CONTROL_CHAR)},
    {"NOOP a\t", VERB_NOOP, VERB_UNKNOWN, D(TRAILING_SPACE)},
    {"\tNOOP", VERB_NOOP, VERB_UNKNOWN, D(LEADING_SPACE)},
    {"\xef\xbb\xbfNOOP", VERB_NOOP, VERB_UNKNOWN, D(UTF8_BOM)},
    {"\xef\xbb\xbfNOOP \x01", VERB_NOOP, VERB_UNKNOWN, D(UTF8_BOM) | D(CONTROL_CHAR)},
    {"\xff\xfb\x01NOOP", VERB_NOOP, VERB_UNKNOWN, D(TELNET)},
    {"\xff\xfb\x01\xff\xfe\x03NOOP", VERB_NOOP, VERB_UNKNOWN, D(TELNET)},
    {"\xff\xfb\x01", VERB_UNKNOWN, VERB_UNKNOWN, D(TELNET)},
    {"NOOP \xff\xfc\x01", VERB_NOOP, VERB_UNKNOWN, D(TELNET)},
    {"NOOP \xff\xfa\x41", VERB_NOOP, VERB_UNKNOWN, D(EIGHT_BIT)},
    {"NOOP \xff\xff\x41", VERB_NOOP, VERB_UNKNOWN, D(EIGHT_BIT)},
    {"NOOP \xff\xfb", VERB_NOOP, VERB_UNKNOWN, D(EIGHT_BIT)},
    {"NOOP \xc3\xbc", VERB_NOOP, VERB_UNKNOWN, D(EIGHT_BIT)},
    {"MAIL FROM:<\xc3\xbc@b.example>", VERB_MAIL, VERB_UNKNOWN, D(EIGHT_BIT)},
    {"MAIL FROM:<\xc3\xbc@b.example> SMTPUTF8", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<\xfc@b.example> SMTPUTF8", VERB_MAIL, VERB_UNKNOWN, D(INVALID_UTF8)},
    {"MAIL FROM:<\xc3\xbc@b.example> BODY=7BIT SMTPUTF8", VERB_MAIL, VERB_UNKNOWN, 0},
    {"VRFY \xc3\xbc SMTPUTF8", VERB_VRFY, VERB_UNKNOWN, 0},
    {"VRFY \xfc smtputf8", VERB_VRFY, VERB_UNKNOWN, D(INVALID_UTF8)},
    {"VRFY \xc3\xbc", VERB_VRFY, VERB_UNKNOWN, D(EIGHT_BIT)},
    /* line form */
    {"\t NOOP", VERB_NOOP, VERB_UNKNOWN, D(LEADING_SPACE)},
    {"NOOP ", VERB_NOOP, VERB_UNKNOWN, D(TRAILING_SPACE)},
    {"DATA ", VERB_DATA, VERB_UNKNOWN, D(TRAILING_SPACE)},
    {" ", VERB_UNKNOWN, VERB_UNKNOWN, D(LEADING_SPACE) | D(TRAILING_SPACE) | D(EMPTY)},
    /* verb (5.3) */
    {"HELP me", VERB_HELP, VERB_UNKNOWN, 0},
    {"HEL1 c.example", VERB_UNKNOWN, VERB_HELO, D(TYPO)},
    {"HELL0 c.example", VERB_UNKNOWN, VERB_HELO, D(TYPO)},
    {"EH1O c.example", VERB_UNKNOWN, VERB_EHLO, D(TYPO)},
    {"QU1T", VERB_UNKNOWN, VERB_QUIT, D(TYPO)},
    {"QUlT", VERB_UNKNOWN, VERB_QUIT, D(TYPO)},
    {"R5ET", VERB_UNKNOWN, VERB_RSET, D(TYPO)},
    {"N0OP", VERB_UNKNOWN, VERB_NOOP, D(TYPO)},
    {"MA1L FROM:<a@b.example>", VERB_UNKNOWN, VERB_MAIL, D(TYPO)},
    {"AMIL FROM:<a@b.example>", VERB_UNKNOWN, VERB_MAIL, D(TYPO)},
    {"RCP TO:<a@b.example>", VERB_UNKNOWN, VERB_RCPT, D(TYPO)},
    {"BAT 100", VERB_UNKNOWN, VERB_BDAT, D(TYPO)},
    {"AUHT PLAIN", VERB_UNKNOWN, VERB_AUTH, D(TYPO)},
    {"STARTTSL", VERB_UNKNOWN, VERB_STARTTLS, D(TYPO)},
    {"START", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"XTARTTXS", VERB_UNKNOWN, VERB_STARTTLS, D(TYPO)},
    {"DTAA", VERB_UNKNOWN, VERB_DATA, D(TYPO)},
    {"WIX", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"Q", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"EXIT", VERB_UNKNOWN, VERB_QUIT, D(ALIAS)},
    {"LOGOUT", VERB_UNKNOWN, VERB_QUIT, D(ALIAS)},
    {"CLOSE", VERB_UNKNOWN, VERB_QUIT, D(ALIAS)},
    {"STARTSSL", VERB_UNKNOWN, VERB_STARTTLS, D(ALIAS)},
    {"CAPA", VERB_UNKNOWN, VERB_EHLO, D(ALIAS)},
    {"capability", VERB_UNKNOWN, VERB_EHLO, D(ALIAS)},
    {"LOGIN", VERB_UNKNOWN, VERB_AUTH, D(ALIAS)},
    {"VERIFY bob", VERB_UNKNOWN, VERB_VRFY, D(ALIAS)},
    {"EXPAND list", VERB_UNKNOWN, VERB_EXPN, D(ALIAS)},
    {"?", VERB_UNKNOWN, VERB_HELP, D(ALIAS)},
    {"FROM:<a@b.example>", VERB_UNKNOWN, VERB_MAIL, D(ALIAS)},
    {"FROM: <a@b.example>", VERB_UNKNOWN, VERB_MAIL, D(ALIAS)},
    {"From:<a@b.example>", VERB_UNKNOWN, VERB_MAIL, D(ALIAS)},
    {"TO:<a@b.example>", VERB_UNKNOWN, VERB_RCPT, D(ALIAS)},
    {"From: <a@b.example>", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"From: Ann <a@b.example>", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"To: <a@b.example>", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"MAILFROM:<a@b.example>", VERB_MAIL, VERB_MAIL, D(GLUED)},
    {"MAIL:<a@b.example>", VERB_MAIL, VERB_MAIL, D(GLUED) | D(MISSING_FROM_TO)},
    {"MAIL<a@b.example>", VERB_MAIL, VERB_MAIL, D(GLUED) | D(MISSING_FROM_TO)},
    {"Mail:<a@b.example>", VERB_MAIL, VERB_MAIL, D(GLUED) | D(MISSING_FROM_TO)},
    {"RCPTTO:<a@b.example>", VERB_RCPT, VERB_RCPT, D(GLUED)},
    {"RCPT:<a@b.example>", VERB_RCPT, VERB_RCPT, D(GLUED) | D(MISSING_FROM_TO)},
    {"RCPT<a@b.example>", VERB_RCPT, VERB_RCPT, D(GLUED) | D(MISSING_FROM_TO)},
    {"SENDFROM:<a@b.example>", VERB_SEND, VERB_SEND, D(GLUED)},
    {"EHLOhost.example", VERB_EHLO, VERB_EHLO, D(GLUED)},
    {"HELO:host.example", VERB_HELO, VERB_HELO, D(GLUED)},
    {"HELO\thost.example", VERB_HELO, VERB_HELO, D(GLUED)},
    {"HELO\t", VERB_HELO, VERB_UNKNOWN, D(TRAILING_SPACE) | D(MISSING_ARGUMENT)},
    {"HELO \thost.example", VERB_HELO, VERB_UNKNOWN, 0},
    {"AUTHPLAIN", VERB_AUTH, VERB_AUTH, D(GLUED)},
    {"AUTH=LOGIN", VERB_AUTH, VERB_AUTH, D(GLUED)},
    {"AUTH:ntlm", VERB_AUTH, VERB_AUTH, D(GLUED)},
    {" MAILFROM:<a@b.example>", VERB_MAIL, VERB_MAIL, D(GLUED) | D(LEADING_SPACE)},
    {" AUTH PL.AIN", VERB_AUTH, VERB_UNKNOWN, D(BAD_MECHANISM) | D(LEADING_SPACE)},
    {" AUTH PLAIN =A", VERB_AUTH, VERB_UNKNOWN, D(BAD_BASE64) | D(LEADING_SPACE)},
    {" HEL0 c.example", VERB_UNKNOWN, VERB_HELO, D(TYPO) | D(LEADING_SPACE)},
    {" BYE", VERB_UNKNOWN, VERB_QUIT, D(ALIAS) | D(LEADING_SPACE)},
    {" HELO\tc.example", VERB_HELO, VERB_HELO, D(GLUED) | D(LEADING_SPACE)},
    {" .", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT) | D(LEADING_SPACE)},
    {" thanks, bob.", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT) | D(LEADING_SPACE)},
    {" YWxpY2U=", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN) | D(LEADING_SPACE)},
    {" X-FOO-BAR", VERB_UNKNOWN, VERB_UNKNOWN, D(PRIVATE_VERB) | D(LEADING_SPACE)},
    {" XXXX", VERB_UNKNOWN, VERB_UNKNOWN, D(MASKED) | D(LEADING_SPACE)},
    {" FOO BAR", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB) | D(LEADING_SPACE)},
    {" GET / HTTP/1.1", VERB_UNKNOWN, VERB_UNKNOWN, D(HTTP) | D(LEADING_SPACE)},
    {" EHLO", VERB_EHLO, VERB_UNKNOWN, D(MISSING_ARGUMENT) | D(LEADING_SPACE)},
    {" MAIL FROM:", VERB_MAIL, VERB_UNKNOWN, D(MISSING_ARGUMENT) | D(LEADING_SPACE)},
    {"MAIL FROMx", VERB_MAIL, VERB_UNKNOWN, D(MISSING_FROM_TO) | D(MISSING_BRACKETS) | D(MISSING_DOMAIN)},
    {"Mail: what is it", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"Subject: hello", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"X-Mailer: swaks", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"A: b", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"AB: c", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"--boundary", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"-boundary", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {".", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"<html>", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"> quoted", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"please call me", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"thanks, bob.", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"greetings!", VERB_UNKNOWN, VERB_UNKNOWN, D(MESSAGE_TEXT)},
    {"FOO BAR BAZ", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"frobnicate now", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"XXXX", VERB_UNKNOWN, VERB_UNKNOWN, D(MASKED)},
    {"XXX", VERB_UNKNOWN, VERB_UNKNOWN, D(MASKED)},
    {"XX", VERB_UNKNOWN, VERB_UNKNOWN, D(PRIVATE_VERB)},
    {"XXYX", VERB_UNKNOWN, VERB_UNKNOWN, D(PRIVATE_VERB)},
    {"X-FOO-BAR", VERB_UNKNOWN, VERB_UNKNOWN, D(PRIVATE_VERB)},
    {"xfoobarbaz 1", VERB_UNKNOWN, VERB_UNKNOWN, D(PRIVATE_VERB)},
    {"Xylophone", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"XFOO_BAR", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"X", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"czNjcjN0", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    {"YWxpY2U=", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    {"YWxpYw==", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    {"YWE=", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    {"YWxpY2U= x", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"YWxpY2Ux=", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"Y===", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"wordword", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"Wordword", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"WORDWORD", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"wordworD", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    {"word1234", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    {"a1b2", VERB_UNKNOWN, VERB_UNKNOWN, D(UNKNOWN_VERB)},
    {"AAAAAAAAAABBBBBBBBBBccccccccccDDDDDDDDDDeeeeeeeeee123456", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    {"AAAAAAAAAABBBBBBBBBBccccccccccDDDDDDDDDDeeeeeeeeee1234567890", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN) | D(MESSAGE_TEXT)},
    {"AAAAAAAAAABBBBBBBBBBccccccccccDDDDDDDDDDeeeeeeeeee12345678901234567890123456", VERB_UNKNOWN, VERB_UNKNOWN,
     D(LONE_TOKEN) | D(MESSAGE_TEXT)},
    {"AAAAAAAAAABBBBBBBBBBccccccccccDDDDDDDDDDeeeeeeeeee123456789012345678901234567890", VERB_UNKNOWN, VERB_UNKNOWN, D(LONE_TOKEN)},
    /* arguments (5.4) */
    {"EHLO", VERB_EHLO, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"MAIL", VERB_MAIL, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"RCPT", VERB_RCPT, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"VRFY", VERB_VRFY, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"EXPN", VERB_EXPN, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"ETRN", VERB_ETRN, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"BDAT", VERB_BDAT, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"MAIL FROM:", VERB_MAIL, VERB_UNKNOWN, D(MISSING_ARGUMENT)},
    {"RSET x", VERB_RSET, VERB_UNKNOWN, D(UNEXPECTED_ARGUMENT)},
    {"QUIT x", VERB_QUIT, VERB_UNKNOWN, D(UNEXPECTED_ARGUMENT)},
    {"STARTTLS x", VERB_STARTTLS, VERB_UNKNOWN, D(UNEXPECTED_ARGUMENT)},
    {"LHLO c.example", VERB_LHLO, VERB_UNKNOWN, 0},
    {"HELO c_example", VERB_HELO, VERB_UNKNOWN, D(BAD_HELO)},
    {"LHLO c_example", VERB_LHLO, VERB_UNKNOWN, D(BAD_HELO)},
    {"EHLO c.example x", VERB_EHLO, VERB_UNKNOWN, D(BAD_HELO)},
    {"EHLO [300.1.1.1]", VERB_EHLO, VERB_UNKNOWN, D(BAD_LITERAL)},
    {"MAIL TO:<a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_FROM_TO)},
    {"RCPT FROM:<a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(MISSING_FROM_TO)},
    {"RCPT <a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(MISSING_FROM_TO)},
    {"RCPT a@b.example", VERB_RCPT, VERB_UNKNOWN, D(MISSING_FROM_TO) | D(MISSING_BRACKETS)},
    {"MAIL :<a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_FROM_TO)},
    {"MAIL fromage@b.example", VERB_MAIL, VERB_UNKNOWN, D(MISSING_FROM_TO) | D(MISSING_BRACKETS)},
    {"MAIL FROM", VERB_MAIL, VERB_UNKNOWN, D(MISSING_COLON) | D(MISSING_ARGUMENT)},
    {"MAIL FROM<a@b.example>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_COLON)},
    {"RCPT TO <a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(MISSING_COLON)},
    {"RCPT TO\t<a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(MISSING_COLON) | D(CONTROL_CHAR)},
    {"RCPT TO : <a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(SPACE_AROUND_COLON)},
    {"RCPT TO:a@b.example", VERB_RCPT, VERB_UNKNOWN, D(MISSING_BRACKETS)},
    {"RCPT TO:a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(UNBALANCED_BRACKETS)},
    {"RCPT TO:<<a@b.example>>", VERB_RCPT, VERB_UNKNOWN, D(UNBALANCED_BRACKETS)},
    {"RCPT TO:<a@b.example>>", VERB_RCPT, VERB_UNKNOWN, D(UNBALANCED_BRACKETS)},
    {"RCPT TO:<<a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(UNBALANCED_BRACKETS)},
    {"RCPT TO:<a@b.example NOTIFY=NEVER", VERB_RCPT, VERB_UNKNOWN, D(UNBALANCED_BRACKETS)},
    {"RCPT TO:<\"a>b\"@c.example>", VERB_RCPT, VERB_UNKNOWN, 0},
    {"RCPT TO:<\"a\\\">b\"@c.example>", VERB_RCPT, VERB_UNKNOWN, 0},
    {"RCPT TO:<\"a@c.example>", VERB_RCPT, VERB_UNKNOWN, D(BAD_LOCAL_PART)},
    {"RCPT TO:Ann <a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(DISPLAY_NAME)},
    {"RCPT TO:\"Ann B\" <a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(DISPLAY_NAME)},
    {"RCPT TO:Ann<a@b.example>", VERB_RCPT, VERB_UNKNOWN, D(DISPLAY_NAME)},
    {"RCPT TO:\"a b\"@c.example", VERB_RCPT, VERB_UNKNOWN, D(MISSING_BRACKETS)},
    {"RCPT TO:<Postmaster@b.example>", VERB_RCPT, VERB_UNKNOWN, 0},
    {"MAIL FROM:<postmaster>", VERB_MAIL, VERB_UNKNOWN, D(MISSING_DOMAIN)},
    {"SEND FROM:<a@b.example>", VERB_SEND, VERB_UNKNOWN, 0},
    {"SOML FROM:<a@b.example>", VERB_SOML, VERB_UNKNOWN, 0},
    {"SAML FROM:a@b.example", VERB_SAML, VERB_UNKNOWN, D(MISSING_BRACKETS)},
    /* parameters */
    {"MAIL FROM:<a@b.example> SIZE", VERB_MAIL, VERB_UNKNOWN, D(BAD_PARAMETER_VALUE)},
    {"MAIL FROM:<a@b.example> SIZE=", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> =1", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> -X=1", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> A_B=1", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> FOO=1=2", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> XVERP=+=", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<a@b.example> XVERP=", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> MTRK=QUJDRA==", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<a@b.example>  SIZE=1", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example> SIZE=1  BODY=7BIT", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED)},
    {"MAIL FROM:<a@b.example>\tSIZE=1", VERB_MAIL, VERB_UNKNOWN, D(PARAMS_MALFORMED) | D(CONTROL_CHAR)},
    {"MAIL FROM:<a@b.example> NOTIFY=NEVER", VERB_MAIL, VERB_UNKNOWN, D(UNKNOWN_PARAMETER)},
    {"RCPT TO:<a@b.example> NOTIFY=NEVER", VERB_RCPT, VERB_UNKNOWN, 0},
    {"RCPT TO:<a@b.example> SIZE=1", VERB_RCPT, VERB_UNKNOWN, D(UNKNOWN_PARAMETER)},
    {"RCPT TO:<a@b.example> NOTIFY=NEVER notify=NEVER", VERB_RCPT, VERB_UNKNOWN, D(DUPLICATE_PARAMETER)},
    {"MAIL FROM:<a@b.example> XOORG=a XOORG=b", VERB_MAIL, VERB_UNKNOWN, 0},
    {"MAIL FROM:<a@b.example> BODY=X BODY=7BIT", VERB_MAIL, VERB_UNKNOWN, D(BAD_PARAMETER_VALUE) | D(DUPLICATE_PARAMETER)},
    /* the other verbs */
    {"VRFY <a@b.example>", VERB_VRFY, VERB_UNKNOWN, 0},
    {"EXPN staff", VERB_EXPN, VERB_UNKNOWN, 0},
    {"BDAT 0 LAST", VERB_BDAT, VERB_UNKNOWN, 0},
    {"BDAT 5 last", VERB_BDAT, VERB_UNKNOWN, 0},
    {"BDAT 5 LAST x", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"BDAT LAST", VERB_BDAT, VERB_UNKNOWN, D(BAD_BDAT)},
    {"XEXCH50 6 2", VERB_XEXCH50, VERB_UNKNOWN, 0},
    {"XEXCH50 6", VERB_XEXCH50, VERB_UNKNOWN, D(BAD_BDAT)},
    {"XEXCH50 x 2", VERB_XEXCH50, VERB_UNKNOWN, D(BAD_BDAT)},
    {"XEXCH50 6 2 x", VERB_XEXCH50, VERB_UNKNOWN, D(BAD_BDAT)},
    {"BURL imap://h/x LAST", VERB_BURL, VERB_UNKNOWN, 0},
    {"AUTH A23456789_123456-8901", VERB_AUTH, VERB_UNKNOWN, D(BAD_MECHANISM)},
    {"AUTH A23456789_123456-890", VERB_AUTH, VERB_UNKNOWN, 0},
    {"AUTH X", VERB_AUTH, VERB_UNKNOWN, 0},
    {"AUTH PL.AIN", VERB_AUTH, VERB_UNKNOWN, D(BAD_MECHANISM)},
    {"AUTH PLAIN AGF", VERB_AUTH, VERB_UNKNOWN, D(BAD_BASE64)},
    {"X-EXPS LOGIN", VERB_X_EXPS, VERB_UNKNOWN, 0},
    {"X-EXPS NTLM x", VERB_X_EXPS, VERB_UNKNOWN, D(BAD_BASE64)},
    {"XAUTH LOGIN x", VERB_XAUTH, VERB_UNKNOWN, D(BAD_BASE64)},
    {"ETRN b.example", VERB_ETRN, VERB_UNKNOWN, 0},
    {"ETRN @b.example", VERB_ETRN, VERB_UNKNOWN, 0},
    {"ETRN #some_queue", VERB_ETRN, VERB_UNKNOWN, 0},
    {"ETRN b_example", VERB_ETRN, VERB_UNKNOWN, D(BAD_DOMAIN)},
    {"ETRN @b_example", VERB_ETRN, VERB_UNKNOWN, D(BAD_DOMAIN)},
    {"ATRN", VERB_ATRN, VERB_UNKNOWN, 0},
    {"ATRN b.example, c.example", VERB_ATRN, VERB_UNKNOWN, 0},
    {"ATRN b.example,c_example", VERB_ATRN, VERB_UNKNOWN, D(BAD_DOMAIN)},
    {"ATRN b_example,c.example", VERB_ATRN, VERB_UNKNOWN, D(BAD_DOMAIN)},
};

static void parse(const char *line, struct command *c)
{
	struct span s = guard_str(line);

	command_parse(s, s.n + 2, LINE_END_CRLF, 512, false, PHASE_HELO, c);
}

/* The defects that a row names are there, and no others. */
static void test_lines(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct command c;

		parse(rows[i].line, &c);
		if (c.verb == rows[i].verb && c.meant == rows[i].meant && c.defects == rows[i].defects)
			continue;
		print_error("%s: verb %s, meant %s, defects %llx, expected %llx\n", rows[i].line, verb_info(c.verb)->name,
			    verb_info(c.meant)->name, (unsigned long long)c.defects, (unsigned long long)rows[i].defects);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* RFC 5321 2.3.8 and 4.5.3.1.4: the end of the line, and its length with it. */
static void test_forms(void **state)
{
	static const struct {
		uint64_t length;
		enum line_end end;
		uint64_t limit, defects;
	} forms[] = {
	    {512, LINE_END_CRLF, 512, 0},
	    {513, LINE_END_CRLF, 512, D(TOO_LONG)},
	    {513, LINE_END_CRLF, 0, 0},
	    {6, LINE_END_LF, 512, D(BARE_LF)},
	    {8, LINE_END_CRCRLF, 512, D(EXTRA_CR)},
	    {5, LINE_END_NONE, 512, 0},
	    {9, LINE_END_LF, 8, D(BARE_LF) | D(TOO_LONG)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct command c;

		command_parse(SPAN("NOOP"), forms[i].length, forms[i].end, forms[i].limit, false, PHASE_HELO, &c);
		assert_int_equal(c.defects, forms[i].defects);
	}
}

#define BYTES(lit) lit, sizeof lit - 1

/* Protocols that begin with octets that are no text, at the border of each of their fields. */
static void test_bytes(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		uint64_t defects;
	} lines[] = {
	    {BYTES("\x16\x03\x01"), D(TLS_BYTES)},
	    {BYTES("\x16\x03\x04"), D(TLS_BYTES)},
	    {BYTES("\x03\x00\x00 a\tb"), D(OTHER_PROTOCOL)},
	    {BYTES("\x16\x03\x05"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x16\x02\x01"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x16\x03"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x17\x03\x01"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x16\x03\x01\x02\x30"), D(TLS_BYTES)},
	    {BYTES("\x16\x03\x01\x02\x30\x01"), D(TLS_BYTES)},
	    {BYTES("\x16\x03\x01\x02\x30\x02"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x80\x2e\x01\x00"), D(TLS_BYTES)},
	    {BYTES("\x80\x2e\x01\x03"), D(TLS_BYTES)},
	    {BYTES("\x80\x2e\x01\x01"), D(CONTROL_CHAR) | D(EIGHT_BIT) | D(UNKNOWN_VERB)},
	    {BYTES("\x80\x2e\x02\x03"), D(CONTROL_CHAR) | D(EIGHT_BIT) | D(UNKNOWN_VERB)},
	    {BYTES("\x80\x2e\x01"), D(CONTROL_CHAR) | D(EIGHT_BIT) | D(UNKNOWN_VERB)},
	    {BYTES("\x03\x00\x00\x13"), D(OTHER_PROTOCOL)},                 /* RDP */
	    {BYTES("\x00\x00\x00\x85\xffSMBr"), D(OTHER_PROTOCOL)},
	    {BYTES("\x00\x00\x00\x85\xfeSMB@"), D(OTHER_PROTOCOL)},
	    {BYTES("\x04\x01"), D(OTHER_PROTOCOL)},                         /* SOCKS 4 */
	    {BYTES("\x04\x02\x00\x50"), D(OTHER_PROTOCOL)},
	    {BYTES("\x04\x03"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x04"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x05\x01\x00"), D(OTHER_PROTOCOL)},                     /* SOCKS 5: as many methods as said */
	    {BYTES("\x05\x02\x00\x02"), D(OTHER_PROTOCOL)},
	    {BYTES("\x05\x02\x01"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\x05\x01"), D(CONTROL_CHAR) | D(UNKNOWN_VERB)},
	    {BYTES("\xff\xfeN\0"), D(UTF16)},
	    {BYTES("\xfe\xff\0N"), D(UTF16)},
	    {BYTES("N\0O\0"), D(UTF16)},
	    {BYTES("\0N\0"), D(UTF16)},
	    {BYTES("N\0O"), D(UTF16)},
	    {BYTES("N\0"), D(NUL) | D(UNKNOWN_VERB)},
	    {BYTES("\0N"), D(NUL) | D(UNKNOWN_VERB)},
	    {BYTES("N\0OO"), D(NUL) | D(UNKNOWN_VERB)},
	    {BYTES("N\0\0\0"), D(NUL) | D(UNKNOWN_VERB)},
	    {BYTES("NOOP \0"), D(NUL)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct command c;
		struct span line = span_of(guard_copy(lines[i].p, lines[i].n), lines[i].n);

		command_parse(line, line.n + 2, LINE_END_CRLF, 512, false, PHASE_GREET, &c);
		if (c.defects != lines[i].defects)
			fail_msg("row %zu: defects %llx", i, (unsigned long long)c.defects);
	}
}

/* SMTPUTF8 of the MAIL holds for its RCPTs and for nothing else (RFC 6531 3.3). */
static void test_phase(void **state)
{
	struct command c;
	struct span utf8 = SPAN("RCPT TO:<\xc3\xbc@b.example>"), latin1 = SPAN("RCPT TO:<\xfc@b.example>");

	(void)state;
	command_parse(utf8, 30, LINE_END_CRLF, 512, true, PHASE_MAIL, &c);
	assert_int_equal(c.defects, 0);
	command_parse(latin1, 30, LINE_END_CRLF, 512, true, PHASE_MAIL, &c);
	assert_int_equal(c.defects, D(INVALID_UTF8));
	command_parse(SPAN("VRFY \xc3\xbc"), 30, LINE_END_CRLF, 512, true, PHASE_MAIL, &c);
	assert_int_equal(c.defects, D(EIGHT_BIT));
	/* ties of the typo rule: what is legal now (RSET everywhere, DATA behind RCPT) */
	command_parse(SPAN("RATA"), 6, LINE_END_CRLF, 512, false, PHASE_RCPT, &c);
	assert_int_equal(c.meant, VERB_DATA);
}

/* Optimal string alignment: one edit is an insertion, a deletion, another letter, or two neighbours that changed places. */
static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned max, distance;
	} pairs[] = {
	    {"MAIL", "mail", 2, 0},   {"MAI", "MAIL", 2, 1},     {"MAILS", "MAIL", 2, 1},  {"MAOL", "MAIL", 2, 1},
	    {"AMIL", "MAIL", 2, 1},   {"MIAL", "MAIL", 2, 1},    {"MALI", "MAIL", 2, 1},   {"AMLI", "MAIL", 2, 2},
	    {"ALIM", "MAIL", 2, 3},   {"M", "MAIL", 2, 3},       {"MA", "MAIL", 2, 2},     {"MA", "MAIL", 1, 2},
	    {"CA", "ABC", 3, 3},      {"", "AB", 2, 2},          {"AB", "", 2, 2},         {"XXXX", "MAIL", 9, 4},
	};
	char a[40], b[40];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		unsigned d = verb_distance(guard_str(pairs[i].a), guard_str(pairs[i].b), pairs[i].max);

		if (d != pairs[i].distance)
			fail_msg("%s %s: %u", pairs[i].a, pairs[i].b, d);
	}
	memset(a, 'A', sizeof a);
	memset(b, 'A', sizeof b);
	b[0] = 'B';
	assert_int_equal(verb_distance(span_of(a, 32), span_of(b, 32), 2), 1);
	assert_int_equal(verb_distance(span_of(a, 33), span_of(b, 33), 2), 3);
	assert_int_equal(verb_distance(span_of(a, 33), span_of(b, 32), 2), 3);
	assert_int_equal(verb_distance(span_of(a, 32), span_of(b, 33), 2), 3);
}

struct shown_row {
	const char *line, *shown, *secret;
};

static const struct shown_row shown[] = {
    {"AUTH PLAIN AGFsaWNlAHMzY3IzdA==", "PLAIN ********", "AGFs"},
    {"auth plain AGFsaWNlAHMzY3IzdA==", "plain ********", "AGFs"},
    {"AUHT PLAIN AGFsaWNlAHMzY3IzdA==", NULL, "AGFs"},
    {"X-EXPS LOGIN c2VjcmV0", NULL, "c2Vj"},
    {"PASS hunter2hunter", "********", "hunter2"},
    {"a1 LOGIN alice hunter2hunter", NULL, "hunter2"},
    {"Authorization: Basic c2VjcmV0OnNlY3JldA==", NULL, "c2Vj"},
    {"Cookie: session=hunter2", NULL, "hunter2"},
    {"BURL imap://u@h/x;urlauth=submit+u:internal:91354a47 LAST", NULL, "91354a47"},
    {"MAIL FROM:<a@b.example>", "FROM:<a@b.example>", NULL},
    {"NOOP", NULL, NULL},
    {"AUTH PLAIN", "PLAIN", NULL},
    {"AUTH PLAIN =", "PLAIN ********", NULL},
    {"AUTH c3VzYW4h", "********", "c3Vz"}, /* the first word may be the secret */
    {"AUTH S3cr3tpass!", "********", "S3cr"},
    {"AUTH LoGiN YWxpY2U=", "LoGiN ********", "YWxp"},
    {"AUTHPLAIN AGFsaWNlAHMzY3IzdA==", "********", "AGFs"},
    {"AUHT PLAIN", "PLAIN", NULL},
    {"AUHT PLAIN AGFsaWNlAHMzY3IzdA==", "PLAIN ********", "AGFs"},
    {"AUHT Plain AGFsaWNlAHMzY3IzdA==", "********", "AGFs"},
    {"AUHT AGFsaWNlAHMzY3IzdA==", "********", "AGFs"},
    {"AUHT 3PLAIN x", "********", NULL},
    {"XAUHT PLAIN AGFsaWNlAHMzY3IzdA==", "PLAIN ********", "AGFs"},
    {"X-EXPZ LOGIN c2VjcmV0", "LOGIN ********", "c2Vj"},
    {"AU LOGIN c2VjcmV0", "LOGIN ********", "c2Vj"}, /* two edits from AUTH */
    {"MYAUTHX LOGIN c2VjcmV0", "LOGIN ********", "c2Vj"},
    {"LOGIN alice hunter2hunter", "********", "hunter2"}, /* meant AUTH */
    {"USER alice", "********", "alice"},
    {"user alice", "********", "alice"},
    {"APOP alice c4c9334bac560ecc979e58001b3e22fb", "********", "c4c9"},
    {"PASS:hunter2hunter", "********", "hunter2"},
    {"PAS hunter2hunter", "hunter2hunter", NULL}, /* three letters are too few to say what was meant */
    {"PASSS hunter2hunter", "********", "hunter2"},
    {"AUTHENTICATE PLAIN AGFsaWNlAHMzY3IzdA==", "PLAIN ********", "AGFs"},
    {"authorization: Basic c2VjcmV0OnNlY3JldA==", "********", "c2Vj"},
    {"Proxy-Authorization: Basic c2VjcmV0OnNlY3JldA==", "********", "c2Vj"},
    {"Set-Cookie: session=hunter2", "********", "hunter2"},
    {"a1 LOGIN alice hunter2hunter", "********", "hunter2"},
    {"ab LOGIN alice hunter2hunter", "LOGIN ********", "hunter2"},
    {"ab LOGIN", "LOGIN", NULL},
    {"a1 AUTH PLAIN", "AUTH ********", NULL},
    {"a1 SELECT inbox", "********", NULL},
    {"ab FETCH 1", "FETCH 1", NULL},
    {"BURL imap://u@h/x;urlauth=submit+u:internal:91354a47 LAST", "imap://u@h/x;urlauth=******** LAST", "91354a47"},
    {"BURL imap://u@h/x;URLAUTH=91354a47", "imap://u@h/x;URLAUTH=********", "91354a47"},
    {"BURL imap://u@h/x LAST", "imap://u@h/x LAST", NULL},
    {"XPROXY hunter2", "********", "hunter2"},
    {"XUSR hunter2", "********", "hunter2"},
    {"NOOP x\rAUTH PLAIN AGFsaWNlAHMzY3IzdA==", "x********", "AGFs"},
    {"NOOP x\x01y", "x********", NULL},
    {"NOOP x\by", "x********", NULL},
    {"NOOP x\r", "x\r", NULL},
    {"NOOP x\ty", "x********", NULL},
};

static void test_shown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		struct command c;
		char buf[256];
		struct span s;

		parse(shown[i].line, &c);
		s = command_shown_argument(&c, buf, sizeof buf);
		if (shown[i].shown && !span_eq(s, span_str(shown[i].shown)))
			fail_msg("%s: shown as %.*s", shown[i].line, (int)s.n, (const char *)s.p);
		if (shown[i].secret && span_find(s, span_str(shown[i].secret)) != SPAN_NPOS)
			fail_msg("%s: shows the secret: %.*s", shown[i].line, (int)s.n, (const char *)s.p);
	}
}

/* A secret may stand in the verb itself: PASS:secret, AUTHsecret, a lone Base64 token. */
static void test_verb_shown(void **state)
{
	static const struct shown_row verbs[] = {
	    {"mail FROM:<a@b.example>", "MAIL", NULL},
	    {"mial FROM:<a@b.example>", "MIAL", NULL},
	    {"YWxpY2U=", "********", NULL},
	    {"PASS:hunter2", "PASS:", NULL},
	    {"user=alice", "USER=********", NULL},
	    {"LOGIN=alice", "LOGIN=********", NULL},
	    {"APOP-x", "APOP-********", NULL},
	    {"PASSWORDS", "PASSWORDS", NULL},
	    {"PASS", "PASS", NULL},
	    {"AUTHENTICATE PLAIN", "AUTHENTICATE", NULL},
	    {"AUTHAGFsaWNlAHM", "AUTH********", NULL},
	    {"xAUTHAGFsaWNlAHM-", "XAUTH********", NULL},
	    {"authorit", "AUTHORIT", NULL},
	    {"authority", "AUTH********", NULL}, /* room for a secret */
	};

	(void)state;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		struct command c;
		char buf[64];
		struct span s;

		parse(verbs[i].line, &c);
		s = command_shown_verb(&c, buf, sizeof buf);
		if (!span_eq(s, span_str(verbs[i].shown)))
			fail_msg("%s: shown as %.*s", verbs[i].line, (int)s.n, (const char *)s.p);
	}
}

/* What of a reply is the client's secret: Base64, and what stands behind a word that a secret follows. */
static void test_echoed(void **state)
{
	static const char *const secret[] = {"535 czNjcjN0UGFz rejected", "what is \"czNjcjN0UGFz\"?", "<czNjcjN0UGFz>: no", "(czNjcjN0UGFz)",
					     "unknown command: PASS hunter2", "unknown 'APOP alice", "PLAIN AGFsaWNlAHMzY3IzdA=="};
	static const char *const open[] = {"", "5.7.8 Username and Password not accepted", "no PASS", "no PASS.", "use AUTH PLAIN or LOGIN",
					   "Compass points north", "pass on"};

	(void)state;
	for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
		if (!reply_echoes_secret(guard_str(secret[i])))
			fail_msg("not seen in: %s", secret[i]);
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (reply_echoes_secret(guard_str(open[i])))
			fail_msg("seen in: %s", open[i]);
}

/* What does not fit is cut, and no octet is written behind the end. */
static void test_cut(void **state)
{
	struct command c;

	(void)state;
	parse("AUTH PLAIN AGFsaWNlAHMzY3IzdA==", &c);
	for (size_t cap = 0; cap < 16; cap++) {
		struct span s = command_shown_argument(&c, (char *)guard_room(cap), cap);
		struct span verb = command_shown_verb(&c, (char *)guard_room(cap), cap);

		assert_true(span_starts(SPAN("PLAIN ********"), s));
		assert_int_equal(s.n, cap < 14 ? cap : 14);
		assert_int_equal(verb.n, cap < 4 ? cap : 4);
	}
}

/* Every prefix of every line: nothing is read past its end. */
static void test_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t n = 0; n <= strlen(rows[i].line); n++) {
			struct command c;
			char buf[256];

			command_parse(span_of(guard_copy(rows[i].line, n), n), n, LINE_END_NONE, 512, true, PHASE_GREET, &c);
			command_shown_argument(&c, buf, sizeof buf);
			command_shown_verb(&c, buf, sizeof buf);
		}
}

/* A line of dashes with so many controls and octets that are no UTF-8 in it. */
static bool is_noise(size_t n, size_t controls, size_t high)
{
	char line[64];
	struct command c;

	memset(line, '-', n);
	memset(line + 1, '\x01', controls);
	memset(line + 1 + controls, '\xe9', high);
	command_parse(span_of(guard_copy(line, n), n), n + 2, LINE_END_CRLF, 512, true, PHASE_GREET, &c);
	return c.defects & D(OTHER_PROTOCOL);
}

/* Another protocol's octets: a sixteenth of them controls, an eighth no text, and enough of them to say so. */
static void test_noise(void **state)
{
	(void)state;
	assert_true(is_noise(32, 2, 4));
	assert_false(is_noise(32, 1, 4));
	assert_false(is_noise(32, 2, 3));
	assert_true(is_noise(16, 1, 2));
	assert_false(is_noise(15, 1, 2));
}

static void test_path(void **state)
{
	struct command c;

	(void)state;
	parse("MAIL FROM:<@x.example:a@b.example> SIZE=12", &c);
	assert_true(span_eq(c.path.address, SPAN("a@b.example")));
	assert_true(span_eq(c.path.domain, SPAN("b.example")));
	assert_true(span_eq(c.path.route, SPAN("@x.example")));
	assert_int_equal(c.declared_size, 12);
	assert_true(span_eq(c.params_raw, SPAN("SIZE=12")));
	parse("MAIL FROM:<>", &c);
	assert_true(c.path.null);
	assert_int_equal(c.declared_size, UINT64_MAX);
}

static bool is_text(struct span s, const char *text)
{
	return text ? s.p && span_eq(s, span_str(text)) : !s.p;
}

/* Where the parts of a line are found. */
static void test_fields(void **state)
{
	static const struct {
		const char *line, *verb, *argument, *address, *raw, *bad;
	} fields[] = {
	    {"NOOP", "NOOP", NULL, NULL, NULL, NULL},
	    {"NOOP  a b ", "NOOP", "a b ", NULL, NULL, NULL},
	    {"MAIL FROM:<a@b.example>", "MAIL", "FROM:<a@b.example>", "a@b.example", "<a@b.example>", NULL},
	    {"MAIL FROM : <a@b.example> X", "MAIL", "FROM : <a@b.example> X", "a@b.example", "<a@b.example>",
	     "FROM : <a@b.example> X"},
	    {"MAIL FROM:a@b.example SIZE=1", "MAIL", "FROM:a@b.example SIZE=1", "a@b.example", "a@b.example", "a@b.example"},
	    {"MAIL FROM:a@b.example>", "MAIL", "FROM:a@b.example>", "a@b.example", "a@b.example>", "a@b.example>"},
	    {"MAIL FROM:<<a@b.example>>", "MAIL", "FROM:<<a@b.example>>", "a@b.example", "<<a@b.example>>", "<<a@b.example>>"},
	    {"MAIL FROM:<a@b.example SIZE=1", "MAIL", "FROM:<a@b.example SIZE=1", "a@b.example", "<a@b.example", "<a@b.example"},
	    {"MAIL FROM:Ann <a@b.example>", "MAIL", "FROM:Ann <a@b.example>", "a@b.example", "<a@b.example>", "Ann "},
	    {"MAIL FROM:Ann<a@b.example>", "MAIL", "FROM:Ann<a@b.example>", "a@b.example", "<a@b.example>", "Ann"},
	    {"MAIL TO:<a@b.example>", "MAIL", "TO:<a@b.example>", "a@b.example", "<a@b.example>", "TO:<a@b.example>"},
	    {"MAIL FROM:<\"a@b.example> SIZE=1", "MAIL", "FROM:<\"a@b.example> SIZE=1", "\"a@b.example", "<\"a@b.example>",
	     "<\"a@b.example>"},
	    {"MAIL FROM:<a@b.example> FOO=1 =", "MAIL", "FROM:<a@b.example> FOO=1 =", "a@b.example", "<a@b.example>", "FOO=1"},
	    {"MAILFROM:<a@b.example>", "MAILFROM:", "<a@b.example>", "a@b.example", "<a@b.example>", NULL},
	    {"MAILFROM:a@b.example", "MAILFROM:", "a@b.example", "a@b.example", "a@b.example", "a@b.example"},
	    {"MAIL<a@b.example> ", "MAIL", "<a@b.example> ", "a@b.example", "<a@b.example>", "<a@b.example>"},
	    {"RCPT TO:<>", "RCPT", "TO:<>", "", "<>", "<>"},
	    {"VRFY <a@b.example>", "VRFY", "<a@b.example>", "a@b.example", "<a@b.example>", NULL},
	    {"VRFY a@b.example SMTPUTF8", "VRFY", "a@b.example SMTPUTF8", "a@b.example", "a@b.example", NULL},
	    {"VRFY <", "VRFY", "<", "<", "<", NULL},
	    {"VRFY <a", "VRFY", "<a", "<a", "<a", NULL},
	    {"VRFY a>", "VRFY", "a>", "a>", "a>", NULL},
	    {"BDAT x LAST", "BDAT", "x LAST", NULL, NULL, "x"},
	    {"BDAT 1 x", "BDAT", "1 x", NULL, NULL, "x"},
	    {"XEXCH50 1 x", "XEXCH50", "1 x", NULL, NULL, "x"},
	    {"EHLO a_b", "EHLO", "a_b", NULL, NULL, "a_b"},
	    {"ATRN a,b_c,d", "ATRN", "a,b_c,d", NULL, NULL, "b_c"},
	    {"QUIT now", "QUIT", "now", NULL, NULL, "now"},
	    {"AUTH PLAIN =AAA", "AUTH", "PLAIN =AAA", NULL, NULL, NULL}, /* a secret is never quoted */
	    {"Subject: x y", "Subject:", "x y", NULL, NULL, NULL},
	    {"Subject:x y", "Subject:", "x y", NULL, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct command c;

		parse(fields[i].line, &c);
		if (!is_text(c.verb_text, fields[i].verb) || !is_text(c.argument, fields[i].argument))
			fail_msg("%s: verb \"%.*s\", argument \"%.*s\"", fields[i].line, (int)c.verb_text.n,
				 (const char *)c.verb_text.p, (int)c.argument.n, (const char *)c.argument.p);
		if (!is_text(c.path.address, fields[i].address) || !is_text(c.path.raw, fields[i].raw))
			fail_msg("%s: address \"%.*s\" of \"%.*s\"", fields[i].line, (int)c.path.address.n,
				 (const char *)c.path.address.p, (int)c.path.raw.n, (const char *)c.path.raw.p);
		if (!is_text(c.bad, fields[i].bad))
			fail_msg("%s: wrong is \"%.*s\"", fields[i].line, (int)c.bad.n, (const char *)c.bad.p);
	}
}

static void test_values(void **state)
{
	struct command c;

	(void)state;
	parse("EHLO c.example", &c);
	assert_true(is_text(c.domain, "c.example"));
	parse("ETRN @c.example", &c);
	assert_true(is_text(c.domain, "@c.example"));
	parse("BDAT 10", &c);
	assert_int_equal(c.bdat_size, 10);
	assert_false(c.bdat_last);
	parse("BDAT 11 Last", &c);
	assert_int_equal(c.bdat_size, 11);
	assert_true(c.bdat_last);
	parse("BURL imap://h/x", &c);
	assert_false(c.bdat_last);
	parse("BURL imap://h/x LAST", &c);
	assert_true(c.bdat_last);
	parse("XEXCH50 6 2", &c);
	assert_int_equal(c.bdat_size, 6);
	parse("AUTH PLAIN", &c);
	assert_true(is_text(c.mechanism, "PLAIN") && !c.initial_response.p);
	parse("AUTH EXTERNAL =", &c);
	assert_true(is_text(c.mechanism, "EXTERNAL") && is_text(c.initial_response, "="));
	parse("AUTH c3VzYW4h", &c);
	assert_false(c.mechanism.p); /* it may be the secret */
	parse("AUTH Cram-Md5", &c);
	assert_true(is_text(c.mechanism, "Cram-Md5"));
	parse("HEL0 c.example", &c);
	assert_int_equal(c.typo_distance, 1);
	parse("START TLS", &c);
	assert_true(c.meant == VERB_STARTTLS && c.typo_distance == 1);
	parse("STRTLS", &c);
	assert_int_equal(c.typo_distance, 2);
	parse("NOOP", &c);
	assert_int_equal(c.typo_distance, 0);
	parse("MAIL FROM:<a@b.example> size=7 BODY=7BIT SIZE=8 X", &c);
	assert_int_equal(c.declared_size, 7);
	assert_int_equal(c.param_count, 4);
	assert_true(is_text(c.params_raw, "size=7 BODY=7BIT SIZE=8 X"));
	assert_true(is_text(c.params[1].keyword, "BODY") && is_text(c.params[1].value, "7BIT"));
	assert_true(is_text(c.params[3].keyword, "X") && !c.params[3].value.p);
	parse("MAIL FROM:<a@b.example> BODY=7", &c);
	assert_int_equal(c.declared_size, UINT64_MAX);
	parse("VRFY bob SMTPUTF8", &c);
	assert_int_equal(c.param_count, 1);
	assert_true(is_text(c.params_raw, "SMTPUTF8"));
}

/* As many parameters as are kept, and one more. */
static void test_many_parameters(void **state)
{
	char line[256] = "MAIL FROM:<a@b.example>";
	struct command c;

	(void)state;
	for (unsigned i = 0; i < COMMAND_MAX_PARAMS; i++)
		strcat(line, " XOORG");
	parse(line, &c);
	assert_int_equal(c.defects, 0);
	assert_int_equal(c.param_count, COMMAND_MAX_PARAMS);
	strcat(line, " XOORG");
	parse(line, &c);
	assert_int_equal(c.defects, D(PARAMS_MALFORMED));
	assert_int_equal(c.param_count, COMMAND_MAX_PARAMS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),    cmocka_unit_test(test_forms), cmocka_unit_test(test_bytes), cmocka_unit_test(test_phase),
	    cmocka_unit_test(test_distance), cmocka_unit_test(test_shown), cmocka_unit_test(test_verb_shown), cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_echoed), cmocka_unit_test(test_noise),
	    cmocka_unit_test(test_prefixes), cmocka_unit_test(test_path),  cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_values),   cmocka_unit_test(test_many_parameters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
