/*
 * json.h - events as JSON lines, streamed from the field table, and the JSON Schema of them (events man page: man/).
 *
 * A line is always valid JSON and valid UTF-8, at most max_bytes long: what is longer is cut inside strings and lists, and
 * says smtp.truncated. Bytes that are not UTF-8 appear as the text \xNN.
 */
#ifndef SMTPSCOPE_JSON_H
#define SMTPSCOPE_JSON_H

#include "smtpscope/event.h"

enum { JSON_MAX_EVENT = 8192, JSON_MAX_EVENT_LIMIT = 1 << 20 };

struct json_writer;
/* max_bytes: 1024 ... JSON_MAX_EVENT_LIMIT. NULL without memory. */
struct json_writer *json_writer_new(uint32_t max_bytes);
void json_writer_free(struct json_writer **w);
/* One line with its '\n', valid until the next call. */
struct span json_event(struct json_writer *w, const struct event *ev);
/* That line did not fit into max_bytes. */
bool json_was_cut(const struct json_writer *w);

/* RFC 3339 UTC with the precision of the capture: 6 digits (microseconds), or 9 when nanoseconds is set. */
void json_writer_precision(struct json_writer *w, bool nanoseconds);

/* The JSON Schema (draft 2020-12) of every dataset, as text with its '\n', malloc'ed; NULL without memory. Built with json-c. */
char *json_schema(void);

#endif
