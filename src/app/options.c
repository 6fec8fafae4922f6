/*
 * options.c - one table of options. See options.h.
 *
 * Letters are tcpdump's where there is one. Numbers are read without regard to the locale. Words behind the options are a
 * BPF expression.
 */
#include "options.h"

#include "smtpscope/json.h"
#include "smtpscope/span.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- values ---- */

static int number(const char *value, const char *name, uint64_t min, uint64_t max, uint64_t *out, struct err *err)
{
	if (span_u64(span_str(value), out) == 1 && *out >= min && *out <= max)
		return 0;
	return err_set(err, 2, "%s: \"%s\" is not a number from %llu to %llu", name, value, (unsigned long long)min,
		       (unsigned long long)max);
}

int option_choice(const char *value, const char *name, const struct option_word *words, int *out, struct err *err)
{
	char all[128] = "";

	for (const struct option_word *w = words; w->name; w++) {
		if (strcmp(value, w->name) == 0) {
			*out = w->value;
			return 0;
		}
		strcat(strcat(all, all[0] ? ", " : ""), w->name);
	}
	return err_set(err, 2, "%s: \"%s\" is none of %s", name, value, all);
}

/* ---- setters, in the order of the table ---- */

static int set_interface(struct options *o, const char *value, struct err *err)
{
	if (o->interface)
		return err_set(err, 2, "-i: one interface at a time; `-i any` captures on all");
	o->interface = value;
	return 0;
}

static int set_file(struct options *o, const char *value, struct err *err)
{
	if (o->file_count == MAX_FILES)
		return err_set(err, 2, "-r: more than %d files", MAX_FILES);
	o->files[o->file_count++] = value;
	return 0;
}

static int set_filter_file(struct options *o, const char *value, struct err *err)
{
	FILE *f = fopen(value, "re");
	size_t n;

	if (!f)
		return err_set(err, 2, "-F %s: %s", value, strerror(errno));
	n = fread(o->filter, 1, sizeof o->filter - 1, f);
	o->filter[n] = '\0';
	n = fgetc(f) != EOF;
	fclose(f);
	return n ? err_set(err, 2, "-F %s: longer than %d octets", value, MAX_FILTER - 1) : 0;
}

static int set_snaplen(struct options *o, const char *value, struct err *err)
{
	uint64_t n;

	if (number(value, "-s", 0, 262144, &n, err) != 0)
		return -1;
	o->snaplen = n ? (int)n : 262144;
	return 0;
}

static int set_buffer(struct options *o, const char *value, struct err *err)
{
	uint64_t n;

	if (number(value, "-B", 64, 2 * 1024 * 1024 - 1, &n, err) != 0)
		return -1;
	o->buffer_kib = (int)n;
	return 0;
}

static int set_count(struct options *o, const char *value, struct err *err)
{
	return number(value, "-c", 1, UINT64_MAX, &o->max_frames, err);
}

static int set_ports(struct options *o, const char *value, struct err *err)
{
	struct span rest = span_str(value);

	memset(o->ports, 0, sizeof o->ports);
	while (rest.p) {
		struct span word = span_split(&rest, ',');
		uint64_t port;

		if (span_u64(word, &port) != 1 || port < 1 || port > 65535)
			return err_set(err, 2, "--ports: \"%s\" is not a list of ports such as 25,587", value);
		o->ports[port / 8] |= (uint8_t)(1 << port % 8);
	}
	return 0;
}

static int set_memory(struct options *o, const char *value, struct err *err)
{
	uint64_t mib;

	if (number(value, "--memory-limit", 8, 1024 * 1024, &mib, err) != 0)
		return -1;
	o->memory_limit = mib << 20;
	return 0;
}

static int set_workers(struct options *o, const char *value, struct err *err)
{
	uint64_t n;

	if (number(value, "--workers", 1, MAX_WORKERS, &n, err) != 0)
		return -1;
	o->workers = (unsigned)n;
	return 0;
}

static int set_fanout(struct options *o, const char *value, struct err *err)
{
	uint64_t n;

	if (number(value, "--fanout", 0, UINT16_MAX, &n, err) != 0)
		return -1;
	o->fanout = true;
	o->fanout_group = (uint16_t)n;
	return 0;
}

static int set_user(struct options *o, const char *value, struct err *err)
{
	(void)err;
	o->user = value;
	return 0;
}

static int set_max_event(struct options *o, const char *value, struct err *err)
{
	uint64_t n;

	if (number(value, "--max-event-bytes", 1024, JSON_MAX_EVENT_LIMIT, &n, err) != 0)
		return -1;
	o->max_event_bytes = (uint32_t)n;
	return 0;
}

static int set_secrets(struct options *o, const char *value, struct err *err)
{
	static const struct option_word words[] = {{"hide", SECRETS_HIDE}, {"hash", SECRETS_HASH}, {"show", SECRETS_SHOW}, {NULL, 0}};
	int n = 0;

	if (option_choice(value, "--secrets", words, &n, err) != 0)
		return -1;
	o->secrets = (enum secrets)n;
	return 0;
}

static int set_secrets_key(struct options *o, const char *value, struct err *err)
{
	(void)err;
	o->secrets_key = value;
	return 0;
}

static int set_quiet(struct options *o, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	o->verbosity = -1;
	return 0;
}

static int set_verbose(struct options *o, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	o->verbosity = o->verbosity < 0 ? 1 : o->verbosity < 2 ? o->verbosity + 1 : 2;
	return 0;
}

static int set_colour(struct options *o, const char *value, struct err *err)
{
	static const struct option_word words[] = {{"auto", WHEN_AUTO}, {"always", WHEN_ALWAYS}, {"never", WHEN_NEVER}, {NULL, 0}};
	int n = 0;

	if (option_choice(value, "--color", words, &n, err) != 0)
		return -1;
	o->colour = (enum when)n;
	return 0;
}

static int set_language(struct options *o, const char *value, struct err *err)
{
	static const struct option_word words[] = {{"en", LANGUAGE_EN}, {"ja", LANGUAGE_JA}, {NULL, 0}};
	int n = 0;

	if (option_choice(value, "--lang", words, &n, err) != 0)
		return -1;
	o->language = (enum language)n;
	return 0;
}

static int set_stats(struct options *o, const char *value, struct err *err)
{
	uint64_t n;

	if (number(value, "--stats", 0, 86400, &n, err) != 0)
		return -1;
	o->stats_seconds = (uint32_t)n;
	return 0;
}

static int set_metrics(struct options *o, const char *value, struct err *err)
{
	(void)err;
	o->metrics = value;
	return 0;
}

static int set_help(struct options *o, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	o->task = TASK_HELP;
	return 0;
}

static int set_version(struct options *o, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	o->task = TASK_VERSION;
	return 0;
}

#define FLAG(member) offsetof(struct options, member)

const struct option_row option_rows[] = {
    {'i', NULL, "IF", "capture on this interface (any, lo, eth0, ...)", set_interface, 0},
    {'r', NULL, "FILE", "read a capture, - for stdin, .gz and .zst too; may be repeated", set_file, 0},
    {'F', NULL, "FILE", "read the BPF expression from a file", set_filter_file, 0},
    {'s', NULL, "N", "octets captured of each frame (262144)", set_snaplen, 0},
    {'B', NULL, "KIB", "kernel buffer, KiB (16384)", set_buffer, 0},
    {'c', NULL, "N", "stop after N frames", set_count, 0},
    {'p', NULL, NULL, "no promiscuous mode", NULL, FLAG(no_promiscuous)},
    {0, "immediate-mode", NULL, "deliver frames at once; costs CPU", NULL, FLAG(immediate)},
    {0, "ports", "LIST", "ports that are SMTP whatever they carry (25,465,587,2525,24)", set_ports, 0},
    {0, "verify-checksums", NULL, "ignore segments whose checksum is wrong", NULL, FLAG(verify_checksums)},
    {0, "workers", "N", "threads that share the connections (1)", set_workers, 0},
    {0, "fanout", "GROUP", "live: share the traffic with all of this group, 0-65535", set_fanout, 0},
    {0, "memory-limit", "MIB", "memory of all state (half of RAM, at most 2048)", set_memory, 0},
    {0, "watch", "LIST", "of id=threshold/window and none: what is an attack (see the manual)", set_watch, 0},
    {'o', NULL, "FORMAT", "text or json (text on a terminal, else json)", set_format, 0},
    {'O', NULL, "WHERE", "FILE, -, unix:PATH, tcp:HOST:PORT, kafka:TOPIC@BROKERS; may be repeated", set_output, 0},
    {0, "events", "LIST", "of session,command,auth,message,finding,stats (all)", set_events, 0},
    {0, "only", "WHAT", "failed, auth or finding", set_only, 0},
    {0, "rotate-size", "SIZE", "begin another file before it grows beyond, such as 100M", set_rotate_size, 0},
    {0, "rotate-interval", "TIME", "begin another file that often, such as 1h", set_rotate_interval, 0},
    {0, "kafka-conf", "NAME=VALUE", "a setting of librdkafka, such as security.protocol=ssl", set_kafka_conf, 0},
    {0, "max-event-bytes", "N", "longest JSON line (8192)", set_max_event, 0},
    {0, "secrets", "WHAT", "hide (default), hash or show: passwords and tokens of AUTH", set_secrets, 0},
    {0, "secrets-key", "FILE", "key of --secrets hash; only its owner may read it", set_secrets_key, 0},
    {'l', NULL, NULL, "write each event at once", NULL, FLAG(line_flush)},
    {'q', NULL, NULL, "text: one line a session", set_quiet, 0},
    {'v', NULL, NULL, "text: more; -vv: everything", set_verbose, 0},
    {0, "color", "WHEN", "auto, always or never (NO_COLOR is respected)", set_colour, 0},
    {0, "lang", "LANG", "explain: en or ja (as the locale says)", set_language, 0},
    {0, "utc", NULL, "text: times in UTC (default)", NULL, FLAG(utc)},
    {0, "local", NULL, "text: times in the local zone", NULL, FLAG(local_time)},
    {'Z', NULL, "USER[:GROUP]", "become this user before the first packet is read (nobody, when root)", set_user, 0},
    {0, "no-sandbox", NULL, "keep user, rights, files and system calls; to debug", NULL, FLAG(no_sandbox)},
    {0, "stats", "SECONDS", "live: a stats event that often, 0 only at the end (60)", set_stats, 0},
    {0, "metrics", "FILE", "counters for Prometheus, written with each stats event", set_metrics, 0},
    {'h', "help", NULL, "this page", set_help, 0},
    {0, "version", NULL, "version and libraries", set_version, 0},
};
const unsigned option_row_count = sizeof option_rows / sizeof *option_rows;

/* ---- parsing ---- */

static const struct option_row *find_letter(char letter)
{
	for (unsigned i = 0; i < option_row_count; i++)
		if (option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

static const struct option_row *find_name(struct span name)
{
	for (unsigned i = 0; i < option_row_count; i++)
		if (option_rows[i].name && span_eq(name, span_str(option_rows[i].name)))
			return &option_rows[i];
	return NULL;
}

/* The option that starts alike for longest: what was meant, most of the time. */
static const char *closest(struct span name)
{
	const char *best = "help";
	size_t most = 0;

	for (unsigned i = 0; i < option_row_count; i++) {
		struct span row = span_str(option_rows[i].name);
		size_t same = 0;

		while (same < row.n && same < name.n && row.p[same] == name.p[same])
			same++;
		if (same > most) {
			most = same;
			best = option_rows[i].name;
		}
	}
	return best;
}

struct words {
	char **argv;
	int argc, at;
};

/* What a row does: sets its flag, or calls its function. */
static int apply(const struct option_row *row, struct options *o, const char *value, struct err *err)
{
	if (row->set)
		return row->set(o, value, err);
	*(bool *)((char *)o + row->flag) = true;
	return 0;
}

/* "--name", "--name=value", "--name value". */
static int parse_long(struct options *o, struct words *w, struct err *err)
{
	struct span value = span_str(w->argv[w->at] + 2);
	struct span name = span_split(&value, '=');
	const struct option_row *row = find_name(name);
	const char *text = value.p ? (const char *)value.p : NULL;

	if (!row)
		return err_set(err, 2, "unknown option --%.*s; did you mean --%s? See smtpscope --help", (int)name.n,
			       (const char *)name.p, closest(name));
	if (!row->argument && text)
		return err_set(err, 2, "--%s takes no value", row->name);
	if (row->argument && !text) {
		if (w->at + 1 >= w->argc)
			return err_set(err, 2, "--%s needs %s", row->name, row->argument);
		text = w->argv[++w->at];
	}
	return apply(row, o, text, err);
}

/* "-v", "-vv", "-rFILE", "-r FILE", "-lo json". */
static int parse_letters(struct options *o, struct words *w, struct err *err)
{
	const char *p = w->argv[w->at] + 1;

	for (; *p; p++) {
		const struct option_row *row = find_letter(*p);

		if (!row)
			return err_set(err, 2, "unknown option -%c; see smtpscope --help", *p);
		if (!row->argument) {
			if (apply(row, o, NULL, err) != 0)
				return -1;
			continue;
		}
		if (p[1])
			return apply(row, o, p + 1, err);
		if (w->at + 1 >= w->argc)
			return err_set(err, 2, "-%c needs %s", *p, row->argument);
		return apply(row, o, w->argv[++w->at], err);
	}
	return 0;
}

static int add_filter_word(struct options *o, const char *word, struct err *err)
{
	size_t have = strlen(o->filter), n = strlen(word);

	if (n + 2 > sizeof o->filter - have)
		return err_set(err, 2, "the filter is longer than %d octets", MAX_FILTER - 1);
	if (have)
		o->filter[have++] = ' ';
	memcpy(o->filter + have, word, n + 1);
	return 0;
}

static int add_word(struct options *o, const char *word, struct err *err)
{
	if (o->word_count == MAX_WORDS)
		return err_set(err, 2, "explain takes one or two arguments; put a reply with spaces into quotes");
	o->words[o->word_count++] = word;
	return 0;
}

static void defaults(struct options *o)
{
	struct err none = {0};

	memset(o, 0, sizeof *o);
	o->snaplen = 262144;
	o->buffer_kib = 16384;
	outputs_default(o);
	o->max_event_bytes = JSON_MAX_EVENT;
	o->workers = 1;
	o->stats_seconds = 60;
	watch_settings_default(&o->watch);
	set_ports(o, "25,465,587,2525,24", &none);
}

/* A key that others can read protects nothing: hashes of passwords are guessed as fast as the passwords. */
static int check_key_file(const char *name, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, 2, "--secrets-key %s: not a regular file", name);
	if (st->st_mode & 077)
		return err_set(err, 2, "--secrets-key %s: others than its owner may use it; chmod 600 %s", name, name);
	if (st->st_size == 0)
		return err_set(err, 2, "--secrets-key %s: the file is empty", name);
	if (st->st_size > MAX_SECRET_KEY)
		return err_set(err, 2, "--secrets-key %s: longer than %d octets", name, MAX_SECRET_KEY);
	return 0;
}

/* The key is all octets of the file, a line end at its end included. */
static int read_key(struct options *o, struct err *err)
{
	int fd = open(o->secrets_key, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, 2, "--secrets-key %s: %s", o->secrets_key, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (check_key_file(o->secrets_key, &st, err) != 0) {
		close(fd);
		return -1;
	}
	n = read(fd, o->secret_key, sizeof o->secret_key);
	close(fd);
	if (n <= 0)
		return err_set(err, 2, "--secrets-key %s: cannot be read", o->secrets_key);
	o->secret_key_len = (size_t)n;
	return 0;
}

static int check_secrets(struct options *o, struct err *err)
{
	if (o->secrets == SECRETS_HASH && !o->secrets_key)
		return err_set(err, 2, "--secrets hash needs a key: --secrets-key FILE");
	if (o->secrets_key && o->secrets != SECRETS_HASH)
		return err_set(err, 2, "--secrets-key is for --secrets hash");
	return o->secrets_key ? read_key(o, err) : 0;
}

static int check(struct options *o, struct err *err)
{
	if (o->task == TASK_EXPLAIN && (o->interface || o->file_count))
		return err_set(err, 2, "explain reads no packets: -i and -r do not belong to it");
	if (o->task != TASK_ANALYSE)
		return 0;
	if (o->interface && o->file_count)
		return err_set(err, 2, "-i and -r exclude each other");
	if (!o->interface && !o->file_count)
		return err_set(err, 2, "nothing to read: name a capture with -r FILE or an interface with -i IF; see smtpscope --help");
	if (o->fanout && !o->interface)
		return err_set(err, 2, "--fanout: only with -i; files are shared among the workers of one process");
	if (o->max_frames && o->interface && o->workers > 1)
		return err_set(err, 2, "-c and --workers exclude each other on an interface: each worker counts its own frames");
	return check_secrets(o, err);
}

/* A word that is no option: what to explain, or a part of the filter. */
static int take_word(struct options *o, const char *word, bool from_file, struct err *err)
{
	if (o->task == TASK_EXPLAIN)
		return add_word(o, word, err);
	if (from_file)
		return err_set(err, 2, "a filter from -F and the words \"%s\" exclude each other", word);
	return add_filter_word(o, word, err);
}

/* The words from w->at on. Options may stand behind what is to be explained, not behind the start of a filter. */
static int parse_words(struct options *o, struct words *w, struct err *err)
{
	bool only_words = false, from_file = false;
	int status = 0;

	for (; w->at < w->argc && status == 0; w->at++) {
		const char *word = w->argv[w->at];

		if (only_words || word[0] != '-' || word[1] == '\0') {
			only_words |= o->task != TASK_EXPLAIN;
			status = take_word(o, word, from_file, err);
		} else if (strcmp(word, "--") == 0) {
			only_words = true;
		} else {
			from_file |= word[1] == 'F';
			status = word[1] == '-' ? parse_long(o, w, err) : parse_letters(o, w, err);
		}
	}
	return status;
}

int options_parse(struct options *o, int argc, char **argv, struct err *err)
{
	struct words w = {argv, argc, 1};

	defaults(o);
	o->program = argc ? argv[0] : "";
	if (argc > 1 && strcmp(argv[1], "schema") == 0) {
		o->task = TASK_SCHEMA;
		return argc > 2 ? err_set(err, 2, "schema takes no arguments") : 0;
	}
	if (argc > 1 && strcmp(argv[1], "completion") == 0) {
		o->task = TASK_COMPLETION;
		o->words[0] = argc == 3 ? argv[2] : "";
		return strcmp(o->words[0], "bash") == 0 || strcmp(o->words[0], "zsh") == 0 ? 0 : err_set(err, 2, "completion takes bash or zsh");
	}
	if (argc > 1 && strcmp(argv[1], "explain") == 0) {
		o->task = TASK_EXPLAIN;
		w.at = 2;
	}
	if (parse_words(o, &w, err) != 0)
		return -1;
	o->local_time = o->local_time && !o->utc;
	return outputs_finish(o, err) == 0 ? check(o, err) : -1;
}

bool options_port(const struct options *o, uint16_t port)
{
	return o->ports[port / 8] >> port % 8 & 1;
}
