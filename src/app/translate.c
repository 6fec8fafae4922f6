/*
 * translate.c - GNU gettext, set up so that --lang does not depend on how the machine is configured. See translate.h.
 *
 * gettext translates nothing while LC_MESSAGES is "C", newer versions of it also not in "C.UTF-8"; and setlocale() takes only
 * locales that are installed, which on a small machine are just these two. So several names are tried. The last ones rest on how
 * glibc looks for a locale: without a file for C_JP.UTF-8 it takes the one of C.UTF-8, yet the name is not one of those
 * that gettext passes by. Which catalog is opened is then decided by the variable LANGUAGE, or by the name itself where
 * LANGUAGE is not known (musl, which takes any name).
 *
 * Output is UTF-8 whatever the locale says, as all other output of the program.
 */
#include "translate.h"

#include <libintl.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN "smtpscope"
#ifndef LOCALEDIR
#define LOCALEDIR "/usr/local/share/locale"
#endif

static bool translating; /* set once, before the first text */

enum language language_of_locale(void)
{
	static const char *const variables[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (unsigned i = 0; i < sizeof variables / sizeof *variables; i++) {
		const char *value = getenv(variables[i]);

		if (value && value[0])
			return strncmp(value, "ja", 2) == 0 && (value[2] == '\0' || strchr("_.@", value[2])) ? LANGUAGE_JA : LANGUAGE_EN;
	}
	return LANGUAGE_EN;
}

static bool has_catalog(const char *dir)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/ja/LC_MESSAGES/" DOMAIN ".mo", dir);
	return access(path, R_OK) == 0;
}

/* The directory of the running program, without the last slash. */
static bool program_directory(const char *argv0, char dir[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	if (n > 0)
		dir[n] = '\0';
	else if (!strchr(argv0, '/') || !realpath(argv0, dir))
		return false;
	slash = strrchr(dir, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

/* Beside the program where it was built, or where it was installed; so that neither needs a variable. */
static bool find_catalog(const char *argv0, char found[PATH_MAX + 32])
{
	static const char *const beside[] = {"/build/locale", "/locale", "/../share/locale"};
	char dir[PATH_MAX];

	for (unsigned i = 0; i < sizeof beside / sizeof *beside && program_directory(argv0, dir); i++) {
		snprintf(found, PATH_MAX + 32, "%s%s", dir, beside[i]);
		if (has_catalog(found))
			return true;
	}
	snprintf(found, PATH_MAX + 32, "%s", LOCALEDIR);
	return has_catalog(found);
}

static bool set_some_locale(void)
{
	static const char *const names[] = {"ja_JP.UTF-8", "ja_JP.utf8", "en_US.UTF-8", "en_US.utf8", "C_JP.UTF-8", "C.UTF-8"};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (setlocale(LC_MESSAGES, names[i]))
			return true;
	return false;
}

bool translate_start_in(enum language language, const char *dir)
{
	translating = false;
	if (language != LANGUAGE_JA)
		return true;
	if (!set_some_locale() || setenv("LANGUAGE", "ja", 1) != 0)
		return false;
	bindtextdomain(DOMAIN, dir);
	bind_textdomain_codeset(DOMAIN, "UTF-8");
	textdomain(DOMAIN);
	translating = strcmp(gettext(""), "") != 0; /* the header of the catalog: it was found and is read */
	return translating;
}

bool translate_start(enum language language, const char *argv0)
{
	char dir[PATH_MAX + 32] = "";

	return (language != LANGUAGE_JA || find_catalog(argv0, dir)) && translate_start_in(language, dir);
}

const char *translate(const char *text)
{
	return translating && text && text[0] ? gettext(text) : text;
}
