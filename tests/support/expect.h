/*
 * expect.h - event lists in a notation for people (tests/dialogs/README.md): read, and compared with what came out.
 */
#ifndef TESTS_EXPECT_H
#define TESTS_EXPECT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

enum { MAX_EVENTS = 4096 };

/* Events that came out, as parsed JSON lines. */
struct got {
	struct json_object *event[MAX_EVENTS];
	size_t count;
};

/* Parses one line (exits when it is not valid JSON); stats events are not kept. */
void got_add(struct got *g, const char *line, size_t n);
void got_clear(struct got *g);

/* Lines of an .events file. */
struct expected {
	char *line[MAX_EVENTS];
	size_t count;
};
void expected_read(const char *path, struct expected *e);
void expected_free(struct expected *e);

/* True when every expected line fits its event, in order, and there are no others. What does not fit is printed when print is set. */
bool expect_match(const struct expected *e, const struct got *g, bool print);
/* One line of the notation against one event. */
bool expect_fits(const char *line, struct json_object *event);
/* Prints an event in the notation. */
void expect_print(struct json_object *event);

#endif
