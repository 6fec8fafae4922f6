/*
 * fuzz_options.c - any command line is taken or refused with a message; nothing is opened but what -F, --secrets-key and the like name.
 *
 * Input: arguments, each up to a NUL or a line end.
 */
#include "app/options.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { ARGUMENTS = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct options o;
	char *text = malloc(n + 1), *argv[ARGUMENTS + 2] = {text + n};
	struct err err = {0};
	int argc = 1, status;

	memcpy(text, data, n);
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		text[i] = text[i] == '\n' ? '\0' : text[i] == '/' ? '.' : text[i]; /* no file of this machine */
	for (char *p = text; p < text + n && argc <= ARGUMENTS; p += strlen(p) + 1)
		argv[argc++] = p;
	status = options_parse(&o, argc, argv, &err);
	FUZZ_CHECK(status == 0 ? err.code == 0 : err.code != 0 && err.text[0]);
	FUZZ_CHECK(status != 0 || (o.file_count <= MAX_FILES && o.workers <= MAX_WORKERS && o.word_count <= MAX_WORDS));
	free(text);
	return 0;
}
