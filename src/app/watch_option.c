/*
 * watch_option.c - the value of --watch: what counts as an attack, from how many on, and within which time.
 *
 *   list = item *("," item)
 *   item = "none" / id ["=" threshold ["/" window]]      threshold 0: off; window with s, m, h or d, seconds without
 *
 * Items are read from left to right: "none,auth_bruteforce=3/5m" watches for that alone. An id by itself has its standard values.
 */
#include "options.h"

#include "smtpscope/span.h"

static const struct {
	char letter;
	uint32_t seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

/* "id=5/10m" with its standard values. */
static size_t put_rule(char *dst, size_t at, size_t cap, enum watch_rule r)
{
	const struct watch_rule_info *info = watch_rule_info(r);
	char text[96];
	size_t n = 0, u = 0;

	n = (size_t)snprintf(text, sizeof text, "%s=%u", info->name, (unsigned)info->standard.threshold);
	while (info->standard.seconds && info->standard.seconds % units[u].seconds)
		u++;
	if (info->standard.seconds)
		n += (size_t)snprintf(text + n, sizeof text - n, "/%u%c", (unsigned)(info->standard.seconds / units[u].seconds), units[u].letter);
	return span_append(dst, at, cap, span_of(text, n));
}

static int unknown_id(struct span word, struct err *err)
{
	char all[1024];
	size_t n = 0;

	for (unsigned r = 0; r < WATCH_RULES; r++) {
		n = span_append(all, n, sizeof all, r ? SPAN(", ") : SPAN(""));
		n = put_rule(all, n, sizeof all, (enum watch_rule)r);
	}
	return err_set(err, 2, "--watch: \"%.*s\" is none of none, %.*s", (int)word.n, (const char *)word.p, (int)n, all);
}

bool option_duration(struct span text, uint32_t *seconds)
{
	uint64_t n, unit = 1;

	for (size_t i = 0; text.n && i < sizeof units / sizeof *units; i++)
		if (text.p[text.n - 1] == units[i].letter) {
			unit = units[i].seconds;
			text.n--;
			break;
		}
	if (span_u64(text, &n) != 1 || n < 1 || n > WATCH_MAX_SECONDS / unit)
		return false;
	*seconds = (uint32_t)(n * unit);
	return true;
}

static int read_values(struct span name, struct span text, struct watch_setting *set, struct err *err)
{
	struct span threshold = span_split(&text, '/');
	uint64_t n;

	if (span_u64(threshold, &n) != 1 || n > WATCH_MAX_THRESHOLD)
		return err_set(err, 2, "--watch: %.*s: the threshold is a number from 0 (off) to %d", (int)name.n, (const char *)name.p,
			       WATCH_MAX_THRESHOLD);
	set->threshold = (uint32_t)n;
	if (!text.p)
		return 0;
	if (!set->seconds)
		return err_set(err, 2, "--watch: %.*s has no window: it counts within one session or message", (int)name.n,
			       (const char *)name.p);
	if (!option_duration(text, &set->seconds))
		return err_set(err, 2, "--watch: %.*s: the window is a time such as 90s, 10m, 1h, at most 30d", (int)name.n,
			       (const char *)name.p);
	return 0;
}

static int read_item(struct options *o, struct span item, struct err *err)
{
	struct span name = span_split(&item, '=');
	enum watch_rule r = watch_rule_find(name);

	if (r == WATCH_RULES)
		return unknown_id(name, err);
	o->watch.rule[r] = watch_rule_info(r)->standard;
	o->no_watch = false;
	return item.p ? read_values(name, item, &o->watch.rule[r], err) : 0;
}

int set_watch(struct options *o, const char *value, struct err *err)
{
	struct span rest = span_str(value);

	while (rest.p) {
		struct span item = span_split(&rest, ',');

		if (span_eq(item, SPAN("none"))) {
			for (unsigned r = 0; r < WATCH_RULES; r++)
				o->watch.rule[r].threshold = 0;
			o->no_watch = true;
		} else if (read_item(o, item, err) != 0) {
			return -1;
		}
	}
	return 0;
}
