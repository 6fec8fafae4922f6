/*
 * json.c - one event as one line of JSON, streamed from the field table without an allocation.
 *
 * A plan for each dataset is made once: its rows, each with the opening of its objects as ready-made text and a number for
 * every object. Absent rows are passed over; because rows with a common prefix stand together, an object is never opened twice.
 *
 * Invariants: what json_event() returns is one valid JSON object, at most max_bytes long. A line that does not fit is written
 * again with a fair share for every string and list, and when even small shares do not fit, without the last optional rows.
 */
#include "smtpscope/json.h"

#include <stdlib.h>

#include "format.h"
#include "json_run.h"
#include "json_value.h"

enum {
	LEVELS = 6,          /* objects around a value: smtp.stats.packets.ignored.truncated has 4 */
	KEY_MAX = 64,        /* the opening text of one row; see key_put() */
	TAIL = LEVELS + 2,   /* kept free for what closes a line */
	SHARE_LEAST = 40,    /* every mandatory value is shorter, so that cutting for space never touches one */
	MAX_BYTES_LEAST = 1024,
};

struct row {
	struct event_field field; /* a copy, to have all of a row in one place of the cache */
	bool mandatory;
	uint8_t next_length;    /* of next */
	uint8_t depth;          /* objects around it */
	uint8_t length;         /* of text */
	uint8_t piece[LEVELS];  /* where the text of each level starts */
	uint8_t object[8];      /* a number for each object around it, 0 below; equal octets are the objects two rows share */
	char next[KEY_MAX];     /* ,"c": which is all there is to write behind a row of the same object */
	char text[2 * KEY_MAX + 12]; /* "a":{"b":{"c":, and room for key_put() to read on */
};
_Static_assert(sizeof(struct row) == 256, "a row is found by a shift");

struct plan {
	struct row *rows;
	struct event_probe *probes; /* one for each row */
	unsigned n;
	unsigned run_first, run_end; /* the rows of json_run.h; none when some of them are of one event alone */
};

struct json_writer {
	uint32_t max_bytes;
	bool nanoseconds, cut; /* cut: the last line was */
	int64_t second;                /* what second_text says: events of one second are many */
	char second_text[FORMAT_SECOND_MAX];
	struct plan plans[DATASETS];
	size_t *sizes;                 /* of the values of one event, uncut; as many as the table has rows */
	uint16_t *shown;               /* the rows of one line; as many */
	struct json_run *runs;         /* RUN_SLOTS */
	char *buffer;
};

/* How a line is cut. */
struct cut {
	bool cut;
	size_t share;
	unsigned rows; /* optional rows from this one on are left out */
};
static const struct cut uncut = {false, JSON_UNCUT, UINT32_MAX};

static const char *const mandatory_paths[] = {
	"@timestamp",     "event.kind",  "event.category",  "event.type", "event.dataset",  "event.action",
	"event.outcome",  "event.id",    "event.sequence",  "source.ip",  "source.port",    "destination.ip",
	"destination.port", "smtp.session.id", "smtp.truncated", "smtp.finding.id", "smtp.finding.severity", "ecs.version",
};

static bool is_mandatory(const char *path)
{
	for (size_t i = 0; i < sizeof(mandatory_paths) / sizeof(mandatory_paths[0]); i++) {
		if (strcmp(path, mandatory_paths[i]) == 0)
			return true;
	}
	return false;
}

static void row_text(struct row *r, const char *s, size_t n)
{
	if (n > KEY_MAX - (size_t)r->length)
		return; /* no row is that long: a test looks at every key */
	memcpy(r->text + r->length, s, n);
	r->length = (uint8_t)(r->length + n);
}

static void row_make(struct row *r, const struct event_field *f)
{
	const char *name = f->path;

	*r = (struct row){.field = *f, .mandatory = is_mandatory(f->path)};
	for (;;) {
		size_t n = strcspn(name, ".");

		r->piece[r->depth] = r->length;
		row_text(r, "\"", 1);
		row_text(r, name, n);
		row_text(r, "\":", 2);
		if (name[n] == '\0' || r->depth == LEVELS - 1)
			break;
		row_text(r, "{", 1);
		name += n + 1;
		r->depth++;
	}
	r->next[0] = ',';
	memcpy(r->next + 1, r->text + r->piece[r->depth], sizeof(r->next) - 1);
	r->next_length = (uint8_t)(1 + r->length - r->piece[r->depth]);
}

/* Numbers the objects around row number i: those it shares with the row before it have the same. */
static void row_number(struct row *rows, unsigned i, uint8_t *last)
{
	const char *a = rows[i].field.path, *b = i ? rows[i - 1].field.path : "";
	unsigned shared = 0;

	for (; *a && *a == *b; a++, b++)
		shared += *a == '.';
	for (unsigned level = 0; level < rows[i].depth; level++)
		rows[i].object[level] = level < shared ? rows[i - 1].object[level] : ++*last;
}

/* Where the rows are that all events of a session share. */
static void plan_run(struct plan *p, enum dataset set)
{
	for (unsigned i = 0; i < p->n && set != DS_SESSION; i++) {
		if (p->rows[i].field.offset == offsetof(struct event, source_ip))
			p->run_first = i;
		if (p->rows[i].field.offset == offsetof(struct event, session_id))
			p->run_end = i + 1;
	}
}

static bool plan_make(struct plan *p, enum dataset set)
{
	uint8_t objects = 0;

	p->rows = calloc(event_field_count, sizeof(*p->rows));
	p->probes = calloc(event_field_count, sizeof(*p->probes));
	if (!p->rows || !p->probes)
		return false;
	for (unsigned i = 0; i < event_field_count; i++) {
		if (!(event_fields[i].sets >> set & 1))
			continue;
		row_make(&p->rows[p->n], &event_fields[i]);
		row_number(p->rows, p->n, &objects);
		p->probes[p->n++] = event_probe_of(&event_fields[i]);
	}
	plan_run(p, set);
	return true;
}

struct json_writer *json_writer_new(uint32_t max_bytes)
{
	struct json_writer *w = calloc(1, sizeof(*w));
	bool made;

	if (!w)
		return NULL;
	w->max_bytes = max_bytes < MAX_BYTES_LEAST ? MAX_BYTES_LEAST
						    : max_bytes > JSON_MAX_EVENT_LIMIT ? JSON_MAX_EVENT_LIMIT : max_bytes;
	w->second = EV_NO_TIME;
	w->buffer = malloc(w->max_bytes + JSON_SLACK);
	w->sizes = calloc(event_field_count, sizeof(*w->sizes));
	w->shown = calloc(event_field_count, sizeof(*w->shown));
	w->runs = calloc(RUN_SLOTS, sizeof(*w->runs));
	made = w->buffer && w->sizes && w->shown && w->runs;
	for (unsigned d = 0; d < DATASETS; d++)
		made = made && plan_make(&w->plans[d], (enum dataset)d);
	if (!made)
		json_writer_free(&w);
	return w;
}

void json_writer_free(struct json_writer **w)
{
	struct json_writer *dead = *w;

	*w = NULL;
	if (!dead)
		return;
	for (unsigned d = 0; d < DATASETS; d++) {
		free(dead->plans[d].rows);
		free(dead->plans[d].probes);
	}
	free(dead->sizes);
	free(dead->shown);
	free(dead->runs);
	free(dead->buffer);
	free(dead);
}

void json_writer_precision(struct json_writer *w, bool nanoseconds)
{
	w->nanoseconds = nanoseconds;
}

static void put_time(struct json_writer *w, struct json_out *o, int64_t ns)
{
	char *text = o->p + o->n; /* JSON_SLACK is enough for it in any case */
	size_t n = 1 + FORMAT_SECOND_MAX;
	uint32_t rest;
	int64_t second = time_seconds(ns, &rest);

	if (second != w->second) {
		format_second(w->second_text, second, 'T');
		w->second = second;
	}
	text[0] = '"';
	memcpy(text + 1, w->second_text, FORMAT_SECOND_MAX);
	text[n++] = '.';
	n += w->nanoseconds ? format_digits(text + n, rest, 9) : format_digits(text + n, rest / 1000, 6);
	text[n++] = 'Z';
	text[n++] = '"';
	json_take(o, n);
}

static void put_bool(struct json_out *o, bool b)
{
	json_put(o, b ? "true" : "false", b ? 4 : 5);
}

static void put_value(struct json_writer *w, struct json_out *o, const struct event_field *f, const void *value, size_t share)
{
	switch (f->type) {
	case EV_STR:
		json_put_string(o, *(const ev_STR_t *)value, share);
		return;
	case EV_STRS:
		json_put_strings(o, value, share);
		return;
	case EV_UINT:
		json_put_u64(o, *(const ev_UINT_t *)value);
		return;
	case EV_BOOL:
		put_bool(o, *(const ev_BOOL_t *)value == EV_TRUE);
		return;
	case EV_TIME:
		put_time(w, o, *(const ev_TIME_t *)value);
		return;
	case EV_IP:
		json_put_ip(o, value);
		return;
	case EV_CODES:
		json_put_codes(o, value, share);
		return;
	}
}

static const void *value_of(const struct event *ev, const struct event_field *f)
{
	return (const char *)ev + f->offset;
}

static bool is_truncated_flag(const struct event_field *f)
{
	return f->offset == offsetof(struct event, truncated);
}

static bool is_shown(const struct row *r, unsigned index, const struct event *ev, const struct cut *cut)
{
	if (cut->cut && is_truncated_flag(&r->field))
		return true;
	return (index < cut->rows || r->mandatory) && event_present(ev, &r->field);
}

/* The rows of one line in w->shown: n of them, those from run to run_end are the session's. */
struct chosen {
	unsigned run, run_end, n;
};

static struct chosen choose_rows_cut(struct json_writer *w, const struct event *ev, const struct cut *cut)
{
	const struct plan *p = &w->plans[ev->set];
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++) {
		w->shown[n] = (uint16_t)i;
		n += is_shown(&p->rows[i], i, ev, cut);
	}
	return (struct chosen){n, n, n}; /* the session's are cut like all others */
}

/* Those of the rows from..end that ev has, behind the n there are. Without a branch: which fields an event has cannot be guessed. */
static inline unsigned choose_present(struct json_writer *w, const struct event *ev, unsigned n, unsigned from, unsigned end)
{
	const struct event_probe *q = w->plans[ev->set].probes + from;
	uint16_t *next = w->shown + n;

	for (unsigned i = from; i < end; i++, q++) {
		*next = (uint16_t)i;
		next += event_probed(ev, q);
	}
	return (unsigned)(next - w->shown);
}

static struct chosen choose_rows(struct json_writer *w, const struct event *ev)
{
	const struct plan *p = &w->plans[ev->set];
	struct chosen c;

	c.run = choose_present(w, ev, 0, 0, p->run_first);
	c.run_end = choose_present(w, ev, c.run, p->run_first, p->run_end);
	c.n = choose_present(w, ev, c.run_end, p->run_end, p->n);
	return c;
}

/* How many objects around b are open after a: those with the same number. */
static unsigned shared_objects(const struct row *a, const struct row *b)
{
	unsigned n = 0;

	while (n < b->depth && a->object[n] == b->object[n])
		n++;
	return n;
}

/* Closes the objects of the row before that are not around this one, and opens its own. Two wide stores; see json_value.h. */
static void key_move(struct json_out *o, const struct row *before, const struct row *r)
{
	static const char closers[16] = "}}}}}}}},";
	unsigned keep = shared_objects(before, r), close = before->depth - keep;
	size_t n = (size_t)(r->length - r->piece[keep]);

	if (!json_room(o, close + 1 + n))
		return;
	memcpy(o->p + o->n, closers + 8 - close, 8);
	o->n += close + 1;
	o->p[o->n - 1] = ',';
	memcpy(o->p + o->n, r->text + r->piece[keep], KEY_MAX / 2);
	if (n > KEY_MAX / 2)
		memcpy(o->p + o->n, r->text + r->piece[keep], KEY_MAX);
	o->n += n;
}

static inline void key_put(struct json_out *o, const struct row *before, const struct row *r)
{
	if (memcmp(before->object, r->object, sizeof(r->object)) != 0 || r->next_length > KEY_MAX / 2) {
		key_move(o, before, r);
	} else if (json_room(o, r->next_length)) { /* neighbours in one object, mostly */
		memcpy(o->p + o->n, r->next, KEY_MAX / 2);
		o->n += r->next_length;
	}
}

static inline void row_put(struct json_writer *w, const struct event *ev, const struct row *r, const struct cut *cut, struct json_out *o)
{
	if (r->field.type == EV_STR) /* half of all: spares them the switch */
		json_put_string(o, *(const ev_STR_t *)value_of(ev, &r->field), cut->share);
	else if (cut->cut && is_truncated_flag(&r->field))
		put_bool(o, true);
	else
		put_value(w, o, &r->field, value_of(ev, &r->field), cut->share);
}

/* Writes the rows that are shown as number from to end; returns the last, or the one before when there is none. */
static const struct row *rows_put(struct json_writer *w, const struct event *ev, const struct cut *cut, unsigned from, unsigned end,
				  const struct row *last, struct json_out *o)
{
	const struct row *rows = w->plans[ev->set].rows;

	for (unsigned i = from; i < end && !o->full; i++) {
		const struct row *r = &rows[w->shown[i]];

		key_put(o, last, r);
		row_put(w, ev, r, cut, o);
		last = r;
	}
	return last;
}

/* The same for those of the session: from the text that is kept, or it is kept now. */
static const struct row *run_put(struct json_writer *w, const struct event *ev, const struct chosen *c, const struct row *last,
				 struct json_out *o)
{
	const struct row *rows = w->plans[ev->set].rows;
	const uint16_t *shown = w->shown + c->run;
	unsigned n = c->run_end - c->run;
	struct json_run *run = json_run_place(w->runs, ev);
	size_t start;

	if (n == 0)
		return last;
	key_put(o, last, &rows[shown[0]]);
	start = o->n;
	if (json_run_is(run, ev, shown, n) && json_room(o, run->text_n)) {
		memcpy(o->p + start, run->text, run->text_n);
		o->n += run->text_n;
		return &rows[shown[n - 1]];
	}
	row_put(w, ev, &rows[shown[0]], &uncut, o);
	last = rows_put(w, ev, &uncut, c->run + 1, c->run_end, &rows[shown[0]], o);
	if (!o->full && ev->session_id.p)
		json_run_keep(run, ev, shown, n, span_of(o->p + start, o->n - start));
	return last;
}

/* False when it did not fit; *out is then of no use. */
static bool write_line(struct json_writer *w, const struct event *ev, const struct cut *cut, struct json_out *out)
{
	static const struct row none = {.depth = 0};
	struct json_out o = {w->buffer, 0, w->max_bytes - TAIL, false};
	struct chosen c = cut->cut ? choose_rows_cut(w, ev, cut) : choose_rows(w, ev);
	const struct row *last = rows_put(w, ev, cut, 0, c.run, &none, &o);

	last = run_put(w, ev, &c, last, &o);
	last = rows_put(w, ev, cut, c.run_end, c.n, last, &o);
	o.cap = w->max_bytes;
	if (o.n == 0)
		json_put_char(&o, '{');
	o.p[0] = '{'; /* where the first row has its comma */
	json_put(&o, "}}}}}}}", last->depth + 1u);
	json_put_char(&o, '\n');
	*out = o;
	return !o.full;
}

static bool is_cuttable(const struct event_field *f)
{
	return f->type == EV_STR || f->type == EV_STRS || f->type == EV_CODES;
}

/* Fills w->sizes with what each value would take between its quotes or brackets, up to max_bytes; 0 when it is not shown. */
static void measure(struct json_writer *w, const struct event *ev, const struct cut *cut)
{
	const struct plan *p = &w->plans[ev->set];

	for (unsigned i = 0; i < p->n; i++) {
		const struct event_field *f = &p->rows[i].field;
		struct json_out o = {w->buffer, 0, w->max_bytes, false};

		w->sizes[i] = 0;
		if (!is_cuttable(f) || !is_shown(&p->rows[i], i, ev, cut))
			continue;
		put_value(w, &o, f, value_of(ev, f), JSON_UNCUT);
		w->sizes[i] = o.full ? w->max_bytes : o.n - 2;
	}
}

static bool share_fits(const struct json_writer *w, unsigned rows, size_t share, size_t room)
{
	size_t sum = 0;

	for (unsigned i = 0; i < rows; i++)
		sum += w->sizes[i] < share ? w->sizes[i] : share;
	return sum <= room;
}

/* The largest share that fits beside everything that cannot be cut. */
static size_t fair_share(struct json_writer *w, const struct event *ev, const struct cut *cut)
{
	struct cut bare = {true, 0, cut->rows};
	size_t low = SHARE_LEAST, high = w->max_bytes, room;
	struct json_out o;

	write_line(w, ev, &bare, &o);
	room = w->max_bytes - TAIL - o.n;
	measure(w, ev, cut);
	while (low < high) {
		size_t middle = low + (high - low + 1) / 2;

		if (share_fits(w, w->plans[ev->set].n, middle, room))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* How many rows can stay when each gets no more than the least share. */
static unsigned most_rows(struct json_writer *w, const struct event *ev)
{
	unsigned low = 0, high = w->plans[ev->set].n;
	struct json_out o;

	while (low < high) {
		unsigned middle = low + (high - low + 1) / 2;

		if (write_line(w, ev, &(struct cut){true, SHARE_LEAST, middle}, &o))
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static void write_cut(struct json_writer *w, const struct event *ev, struct json_out *o)
{
	struct cut cut = {true, SHARE_LEAST, w->plans[ev->set].n};

	if (!write_line(w, ev, &cut, o))
		cut.rows = most_rows(w, ev);
	cut.share = fair_share(w, ev, &cut);
	write_line(w, ev, &cut, o);
}

struct span json_event(struct json_writer *w, const struct event *ev)
{
	struct json_out o;

	w->cut = !write_line(w, ev, &uncut, &o);
	if (w->cut)
		write_cut(w, ev, &o);
	return span_of(w->buffer, o.n);
}

bool json_was_cut(const struct json_writer *w)
{
	return w->cut;
}
