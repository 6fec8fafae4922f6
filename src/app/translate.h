/*
 * translate.h - the texts of the catalog in the reader's language, by GNU gettext.
 */
#ifndef SMTPSCOPE_APP_TRANSLATE_H
#define SMTPSCOPE_APP_TRANSLATE_H

#include <stdbool.h>

enum language { LANGUAGE_AUTO, LANGUAGE_EN, LANGUAGE_JA };

/* What LC_ALL, LC_MESSAGES and LANG ask for: Japanese, or else English. */
enum language language_of_locale(void);

/*
 * From here on translate() gives that language. False when the texts of it cannot be had (no catalog file, or no locale at all
 * but C): then they stay English. argv0: where the program is, when the system does not tell.
 */
bool translate_start(enum language language, const char *argv0);
/* The same with the catalogs of a directory, which holds ja/LC_MESSAGES/smtpscope.mo. */
bool translate_start_in(enum language language, const char *dir);
/* The text, or the text itself when there is no translation. NULL stays NULL, and "" stays "". */
const char *translate(const char *text);

#endif
