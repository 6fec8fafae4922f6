/*
 * message.h - marks the texts of const tables that a person may read in another language.
 *
 * The core holds English texts and knows of no translation: N_() is what xgettext looks for when it collects them into
 * po/smtpscope.pot, and does nothing else. src/app/translate.h looks them up.
 */
#ifndef SMTPSCOPE_MESSAGE_H
#define SMTPSCOPE_MESSAGE_H

#define N_(text) text

#endif
