/*
 * outputs.c - the sinks of a run. See outputs.h.
 */
#include "outputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int outputs_open(struct outputs *out, const struct options *o, struct sink_signals *signals, void (*complain)(const char *text),
		 struct err *err)
{
	const char *slash = o->metrics ? strrchr(o->metrics, '/') : NULL;
	struct sink_options so = {.live = o->interface != NULL, .signals = signals, .complain = complain};

	snprintf(out->metrics_folder, sizeof out->metrics_folder, "%.*s", slash ? (int)(slash - o->metrics) + (slash == o->metrics) : 1,
		 slash ? o->metrics : ".");
	if (o->user && sandbox_owner(o->user, &so.owner, &so.group, err) != 0)
		return -1;
	so.give = o->user && geteuid() == 0;
	for (; out->count < o->outputs; out->count++) {
		const struct output *wanted = &o->output[out->count];

		so.rotate_bytes = wanted->rotate_bytes;
		so.rotate_seconds = wanted->rotate_seconds;
		so.settings = wanted->setting;
		so.setting_count = wanted->settings;
		out->sink[out->count] = sink_open(wanted->target, &so, err);
		if (!out->sink[out->count])
			return -1;
	}
	return 0;
}

static void add_network(struct sandbox *s, const struct sink_rights *r)
{
	s->unix_sockets |= r->network == SINK_UNIX;
	s->tcp_sockets |= r->network == SINK_TCP;
	s->any_sockets |= r->network == SINK_ANY;
	if (r->network == SINK_TCP)
		s->port[s->ports++] = r->port;
}

void outputs_rights(struct outputs *out, const struct options *o, struct sandbox *s)
{
	if (o->metrics)
		s->folder[s->folders++] = (struct sandbox_folder){out->metrics_folder, true, true};
	for (unsigned i = 0; i < out->count; i++) {
		struct sink_rights r;

		sink_rights(out->sink[i], &r);
		if (r.folder)
			s->folder[s->folders++] = (struct sandbox_folder){r.folder, r.rename, false};
		add_network(s, &r);
		for (unsigned k = 0; k < r.read_count; k++)
			sandbox_read(s, r.reads[k]);
	}
}

/* Better now than at midnight. */
static int check_folder(const char *name, const char *folder, struct err *err)
{
	if (access(folder, W_OK | X_OK) == 0)
		return 0;
	return err_set(err, 1, "%s: no file can be begun in %s: %s; it must be writable by the user of -Z", name, folder, strerror(errno));
}

static int start(struct sink *sink, struct err *err)
{
	struct sink_rights r;

	sink_rights(sink, &r);
	if (r.rename && check_folder(sink_name(sink), r.folder, err) != 0)
		return -1;
	return sink_start(sink, err);
}

int outputs_start(struct outputs *out, const struct options *o, struct err *err)
{
	if (o->metrics && check_folder(o->metrics, out->metrics_folder, err) != 0)
		return -1;
	for (unsigned i = 0; i < out->count; i++)
		if (start(out->sink[i], err) != 0)
			return -1;
	return 0;
}

int outputs_close(struct outputs *out, bool *quiet, struct err *err)
{
	int status = 0;

	*quiet = false;
	for (unsigned i = 0; i < out->count; i++) {
		if (!out->sink[i])
			continue;
		*quiet |= sink_pipe_closed(out->sink[i]);
		status |= sink_close(&out->sink[i], err);
	}
	return status;
}
