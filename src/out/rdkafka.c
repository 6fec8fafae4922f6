/*
 * rdkafka.c - loads librdkafka. See rdkafka.h. It stays loaded: its threads end when they like.
 */
#ifdef SMTPSCOPE_KAFKA

#include "rdkafka.h"

#include "smtpscope/err.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#ifdef __APPLE__
#define LIBRARY SMTPSCOPE_KAFKA "/librdkafka.1.dylib" /* SMTPSCOPE_KAFKA: the folder in which it was found at build time */
#else
#define LIBRARY "librdkafka.so.1" /* wherever the system has it */
#endif

struct rdkafka rdkafka;

int rdkafka_load(struct err *err)
{
	static const struct {
		const char *name;
		size_t at;
	} functions[] = {
#define X(name) {"rd_kafka_" #name, offsetof(struct rdkafka, name)},
	    RDKAFKA_FUNCTIONS(X)
#undef X
	};
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return err_set(err, 2, "-O kafka: takes librdkafka, which is not installed: %s", dlerror());
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		void *f = dlsym(library, functions[i].name);

		if (!f)
			return err_set(err, 2, "-O kafka: takes another librdkafka than the one installed: %s", dlerror());
		memcpy((char *)&rdkafka + functions[i].at, &f, sizeof f);
	}
	return 0;
}

#endif
