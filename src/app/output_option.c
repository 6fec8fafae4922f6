/*
 * output_option.c - what is written, how, and where: -O and the options that stand before it. See options.h.
 *
 * -o, --events, --only, --rotate-size, --rotate-interval and --kafka-conf belong to the -O that follows. With one -O, or none, they may
 * stand anywhere.
 */
#include "options.h"

#include "smtpscope/event.h"
#include "smtpscope/sink.h"
#include "smtpscope/span.h"

#include <string.h>

enum { GIVEN_FORMAT = 1, GIVEN_EVENTS = 2, GIVEN_ONLY = 4, GIVEN_SIZE = 8, GIVEN_INTERVAL = 16 };

/* The one whose -O has not come yet. */
static struct output *next(struct options *o)
{
	return &o->output[o->outputs];
}

void outputs_default(struct options *o)
{
	*next(o) = (struct output){.target = "-", .datasets = IN_ALL};
}

int set_format(struct options *o, const char *value, struct err *err)
{
	static const struct option_word words[] = {{"text", OUTPUT_TEXT}, {"json", OUTPUT_JSON}, {NULL, 0}};
	int n = 0;

	if (option_choice(value, "-o", words, &n, err) != 0)
		return -1;
	next(o)->format = (enum output_format)n;
	next(o)->given |= GIVEN_FORMAT;
	return 0;
}

int set_output(struct options *o, const char *value, struct err *err)
{
	for (unsigned i = 0; i < o->outputs; i++)
		if (strcmp(o->output[i].target, value) == 0)
			return err_set(err, 2, "-O %s: named twice", value);
	if (o->outputs == MAX_OUTPUTS)
		return err_set(err, 2, "-O: more than %d outputs", MAX_OUTPUTS);
	next(o)->target = value;
	o->outputs++;
	outputs_default(o);
	return 0;
}

int set_events(struct options *o, const char *value, struct err *err)
{
	struct span rest = span_str(value);
	unsigned datasets = 0;

	while (rest.p) {
		struct span word = span_split(&rest, ',');
		unsigned d = 0;

		while (d < DATASETS && !span_eq(word, span_str(dataset_name((enum dataset)d))))
			d++;
		if (d == DATASETS)
			return err_set(err, 2, "--events: \"%s\" is none of session, command, auth, message, finding, stats", value);
		datasets |= 1u << d;
	}
	next(o)->datasets = datasets;
	next(o)->given |= GIVEN_EVENTS;
	return 0;
}

int set_only(struct options *o, const char *value, struct err *err)
{
	static const struct option_word words[] = {{"failed", ONLY_FAILED}, {"auth", ONLY_AUTH}, {"finding", ONLY_FINDING}, {NULL, 0}};
	int n = 0;

	if (option_choice(value, "--only", words, &n, err) != 0)
		return -1;
	next(o)->only = (enum only)n;
	next(o)->given |= GIVEN_ONLY;
	return 0;
}

/* "4096", "64K", "100M", "2G": the letters are powers of 1024. */
int set_rotate_size(struct options *o, const char *value, struct err *err)
{
	static const char letters[] = "KMG";
	struct span text = span_str(value);
	const char *letter = text.n ? strchr(letters, value[text.n - 1]) : NULL;
	unsigned shift = 0;
	uint64_t n;

	if (letter && *letter) {
		shift = 10 * (unsigned)(letter - letters + 1);
		text.n--;
	}
	if (span_u64(text, &n) != 1 || n < 1 || n > UINT64_MAX >> (shift + 1))
		return err_set(err, 2, "--rotate-size: \"%s\" is not a size such as 500K, 100M, 2G", value);
	next(o)->rotate_bytes = n << shift;
	next(o)->given |= GIVEN_SIZE;
	return 0;
}

int set_rotate_interval(struct options *o, const char *value, struct err *err)
{
	if (!option_duration(span_str(value), &next(o)->rotate_seconds))
		return err_set(err, 2, "--rotate-interval: \"%s\" is not a time such as 90s, 10m, 1h, 1d", value);
	next(o)->given |= GIVEN_INTERVAL;
	return 0;
}

int set_kafka_conf(struct options *o, const char *value, struct err *err)
{
	struct output *out = next(o);

	if (!strchr(value, '=') || value[0] == '=')
		return err_set(err, 2, "--kafka-conf: \"%s\" is not NAME=VALUE", value);
	if (out->settings == MAX_SETTINGS)
		return err_set(err, 2, "--kafka-conf: more than %d for one output", MAX_SETTINGS);
	out->setting[out->settings++] = value;
	return 0;
}

/* What stands behind the only -O is as good as before it, and the last word counts. */
static void merge(struct output *to, const struct output *late)
{
	if (late->given & GIVEN_FORMAT)
		to->format = late->format;
	if (late->given & GIVEN_EVENTS)
		to->datasets = late->datasets;
	if (late->given & GIVEN_ONLY)
		to->only = late->only;
	if (late->given & GIVEN_SIZE)
		to->rotate_bytes = late->rotate_bytes;
	if (late->given & GIVEN_INTERVAL)
		to->rotate_seconds = late->rotate_seconds;
	for (unsigned i = 0; i < late->settings && to->settings < MAX_SETTINGS; i++)
		to->setting[to->settings++] = late->setting[i];
}

static bool is_kafka(const struct output *out)
{
	return strncmp(out->target, "kafka:", 6) == 0;
}

static int check_output(const struct output *out, struct err *err)
{
	if (is_kafka(out) && out->format == OUTPUT_TEXT)
		return err_set(err, 2, "-O %s: only JSON goes to Kafka", out->target);
	if (out->settings && !is_kafka(out))
		return err_set(err, 2, "--kafka-conf is for -O kafka:TOPIC@BROKERS");
	return 0;
}

int outputs_finish(struct options *o, struct err *err)
{
	const struct output *late = next(o);

	if (o->outputs > 1 && (late->given || late->settings))
		return err_set(err, 2, "of several -O each has its -o, --events, --only, --rotate-size, --rotate-interval and --kafka-conf before it; "
			       "behind the last one they belong to none");
	if (o->outputs == 1)
		merge(&o->output[0], late);
	if (o->outputs == 0)
		o->outputs = 1;
	for (unsigned i = 0; i < o->outputs; i++)
		if (check_output(&o->output[i], err) != 0)
			return -1;
	return 0;
}
