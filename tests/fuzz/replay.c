/*
 * replay.c - runs a fuzz target over files, without clang and libFuzzer.
 *
 *   replay_TARGET FILE|DIRECTORY...
 *
 * An input that breaks a promise ends it by abort(), behind the name of the file.
 */
#include "fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *running;

/* The name is printed only when the input kills: seeds are thousands of files. Sanitizers abort() when they are told to. */
static void on_abort(int number)
{
	(void)number;
	fprintf(stderr, "replay: the input was %s\n", running);
	_Exit(1);
}

static void replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t n = 0, got;

	if (!f) {
		perror(path);
		exit(2);
	}
	do {
		data = realloc(data, n + 65536);
		if (!data)
			exit(2);
		got = fread(data + n, 1, 65536, f);
		n += got;
	} while (got);
	fclose(f);
	running = path;
	LLVMFuzzerTestOneInput(data, n);
	free(data);
}

static unsigned replay(const char *path)
{
	struct stat st;
	struct dirent **names;
	unsigned done = 0;
	int count;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		replay_file(path);
		return 1;
	}
	count = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char inside[4096];

		snprintf(inside, sizeof inside, "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			done += replay(inside);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return done;
}

int main(int argc, char **argv)
{
	unsigned done = 0;

	signal(SIGABRT, on_abort);
	for (int i = 1; i < argc; i++)
		done += replay(argv[i]);
	printf("%u inputs\n", done);
	return done ? 0 : 2;
}
