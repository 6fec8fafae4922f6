/*
 * sink_kafka.c - kafka:TOPIC@BROKERS through librdkafka, where that was found at build time.
 *
 * A record is a message without its line end; its key is the one it was written with, so that all of a connection is in one partition
 * and in order. The producer is idempotent and tries for ever: what its queue holds arrives once, or is counted as lost when the
 * run ends before. librdkafka has threads of its own, so it is started when rights were given up. Its callbacks come from
 * rd_kafka_poll(), in the thread of the sink.
 */
#include "sink_internal.h"

#ifdef SMTPSCOPE_KAFKA

#include "rdkafka.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAX_READS = 64 + 16,  /* as many settings as the command line takes, and what is read to look up names */
	POLL_EVERY = 256,     /* records: reports of delivery take memory until they are fetched */
	ANSWER_MS = 10 * 1000, /* offline a broker must have answered within this at the start */
};

struct kafka {
	char topic_name[250]; /* the longest that Kafka allows, and its end */
	rd_kafka_conf_t *conf; /* until it is started */
	rd_kafka_t *client;
	rd_kafka_topic_t *topic;
	uint64_t waiting_bytes;
	unsigned since_poll;
	bool ending;           /* what is lost now is lost because the run ends */
	rd_kafka_resp_err_t told; /* what was last complained of; RD_KAFKA_RESP_ERR_NO_ERROR: all is well */
	const char *reads[MAX_READS];
	unsigned read_count;
};

/* ---- what librdkafka tells ---- */

static void tell(struct sink *s, rd_kafka_resp_err_t error, const char *why)
{
	struct kafka *k = s->own;

	if (k->told == error)
		return;
	k->told = error;
	sink_complain(s, "%s", why);
}

/* It is told once for each time, not for each of the brokers. */
static void on_error(rd_kafka_t *client, int error, const char *why, void *opaque)
{
	struct sink *s = opaque;
	char text[512];

	if (error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__RESOLVE)
		return; /* of one broker, and tried again; when it is all of them that is told too */
	if (error != RD_KAFKA_RESP_ERR__FATAL) {
		tell(s, error, why);
		return;
	}
	rdkafka.fatal_error(client, text, sizeof text);
	tell(s, error, text);
	s->error = EIO;
}

static void all_is_well(struct sink *s)
{
	struct kafka *k = s->own;

	if (k->told == RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	k->told = RD_KAFKA_RESP_ERR_NO_ERROR;
	s->stats.reconnects++;
	sink_complain(s, "events are taken again");
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	struct sink *s = opaque;
	struct kafka *k = s->own;

	(void)client;
	k->waiting_bytes -= message->len;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		s->stats.written++;
		s->stats.bytes += message->len;
		all_is_well(s);
		return;
	}
	sink_lose(s, k->ending ? SINK_LOST_END : SINK_LOST_ERROR, 1);
	if (!k->ending)
		tell(s, message->err, rdkafka.err2str(message->err));
}

/* What it logs it tells as errors too, where it matters. */
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	(void)client;
	(void)level;
	(void)facility;
	(void)text;
}

/* ---- settings ---- */

static int set(struct sink *s, const char *name, const char *value, struct err *err)
{
	struct kafka *k = s->own;
	char text[512];

	if (rdkafka.conf_set(k->conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
		return 0;
	return err_set(err, 2, "%s: --kafka-conf %s: %s", s->name, name, text);
}

/* "@FILE": the first line of a file that is nobody else's business, for passwords: command lines are seen by all users. */
static int value_of_file(const char *path, char value[1024], const char *name, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, 2, "--kafka-conf %s=@%s: %s", name, path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	n = read(fd, value, 1023);
	close(fd);
	if (!S_ISREG(st.st_mode) || st.st_mode & 077)
		return err_set(err, 2, "--kafka-conf %s=@%s: others than its owner may use it; chmod 600 %s", name, path, path);
	value[n > 0 ? n : 0] = '\0';
	value[strcspn(value, "\r\n")] = '\0';
	return 0;
}

/* "name=value" of the command line. Files that a value names must be readable later. */
static int set_pair(struct sink *s, const char *pair, struct err *err)
{
	struct kafka *k = s->own;
	size_t n = strcspn(pair, "=");
	const char *value = pair + n + 1;
	char name[128], secret[1024];
	int status;

	snprintf(name, sizeof name, "%.*s", (int)n, pair);
	if (value[0] == '/' && k->read_count < MAX_READS)
		k->reads[k->read_count++] = value;
	if (value[0] != '@')
		return set(s, name, value, err);
	status = value_of_file(value + 1, secret, name, err);
	if (status == 0)
		status = set(s, name, secret, err);
	explicit_bzero(secret, sizeof secret);
	return status;
}

static int set_all(struct sink *s, const char *brokers, struct err *err)
{
	static const char *const own[][2] = {
	    {"client.id", "smtpscope"},
	    {"enable.idempotence", "true"}, /* and with it acks=all and order within a partition */
	    {"compression.type", "lz4"},    /* a fifth of the octets for little CPU */
	    {"linger.ms", "50"},
	    {"message.timeout.ms", "0"},    /* only a full queue loses events, not an outage that lasts */
	    {"queue.buffering.max.messages", "1000000"}, /* the octets are the limit */
	    {"partitioner", "murmur2_random"}, /* as producers in Java have it */
	    {"log.connection.close", "false"},
	};
	char kept[32];

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (set(s, own[i][0], own[i][1], err) != 0)
			return -1;
	snprintf(kept, sizeof kept, "%d", SINK_KEPT / 1024);
	if (set(s, "queue.buffering.max.kbytes", kept, err) != 0 || set(s, "bootstrap.servers", brokers, err) != 0)
		return -1;
	for (unsigned i = 0; i < s->o.setting_count; i++)
		if (set_pair(s, s->o.settings[i], err) != 0)
			return -1;
	return 0;
}

/* ---- life ---- */

static void kafka_close(struct sink *s)
{
	struct kafka *k = s->own;

	if (k->topic)
		rdkafka.topic_destroy(k->topic);
	if (k->client)
		rdkafka.destroy(k->client);
	if (k->conf)
		rdkafka.conf_destroy(k->conf);
	free(k);
}

static int kafka_open(struct sink *s, const char *where, struct err *err)
{
	const char *at = strchr(where, '@');
	struct kafka *k;

	if (!at || at == where || !at[1] || (size_t)(at - where) >= sizeof k->topic_name)
		return err_set(err, 2, "%s: must be kafka:TOPIC@BROKERS, such as kafka:smtp@kafka1:9092,kafka2:9092", s->name);
	if (s->o.rotate_bytes || s->o.rotate_seconds)
		return err_set(err, 2, "%s: only files can be rotated", s->name);
	if (rdkafka_load(err) != 0)
		return -1;
	k = calloc(1, sizeof *k);
	if (!k)
		return err_set(err, 1, "%s: out of memory", s->name);
	memcpy(k->topic_name, where, (size_t)(at - where));
	k->conf = rdkafka.conf_new();
	s->own = k;
	if (set_all(s, at + 1, err) == 0)
		return 0;
	kafka_close(s);
	return -1;
}

/* Offline a wrong name is seen at once; live the brokers may come later. */
static int first_answer(struct sink *s, struct err *err)
{
	const struct kafka *k = s->own;
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t error;

	if (s->o.live)
		return 0;
	error = rdkafka.metadata(k->client, 0, k->topic, &metadata, ANSWER_MS);
	if (error)
		return err_set(err, 1, "%s: no broker answers: %s", s->name, rdkafka.err2str(error));
	rdkafka.metadata_destroy(metadata);
	return 0;
}

static int kafka_start(struct sink *s, struct err *err)
{
	struct kafka *k = s->own;
	char text[512];

	rdkafka.conf_set_opaque(k->conf, s);
	rdkafka.conf_set_error_cb(k->conf, on_error);
	rdkafka.conf_set_log_cb(k->conf, on_log);
	rdkafka.conf_set_dr_msg_cb(k->conf, on_delivery);
	k->client = rdkafka.new(RD_KAFKA_PRODUCER, k->conf, text, sizeof text);
	if (!k->client)
		return err_set(err, 1, "%s: %s", s->name, text);
	k->conf = NULL; /* the client has it */
	k->topic = rdkafka.topic_new(k->client, k->topic_name, NULL);
	if (!k->topic)
		return err_set(err, 1, "%s: %s", s->name, rdkafka.err2str(rdkafka.last_error()));
	return first_answer(s, err);
}

/* ---- records ---- */

static rd_kafka_resp_err_t produce(struct kafka *k, struct span record, struct span key)
{
	if (rdkafka.produce(k->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)record.p, record.n, key.p, key.n, NULL) == 0)
		return RD_KAFKA_RESP_ERR_NO_ERROR;
	return rdkafka.last_error();
}

/* The queue is full: offline that is waited for. */
static rd_kafka_resp_err_t produce_when_there_is_room(struct sink *s, struct span record, struct span key)
{
	struct kafka *k = s->own;
	rd_kafka_resp_err_t error;

	do {
		rdkafka.poll(k->client, s->o.live ? 0 : PAUSE_MS);
		error = produce(k, record, key);
	} while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && !s->error && sink_may_wait(s));
	return error;
}

static void kafka_record(struct sink *s, struct span record, struct span key)
{
	struct kafka *k = s->own;
	struct span message = span_first(record, record.n - (record.n > 0));
	rd_kafka_resp_err_t error = k->client ? produce(k, message, key) : RD_KAFKA_RESP_ERR__STATE;

	if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		error = produce_when_there_is_room(s, message, key);
	if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
		k->waiting_bytes += message.n;
	} else if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		sink_lose(s, s->o.live ? SINK_LOST_QUEUE : SINK_LOST_END, 1);
	} else {
		sink_lose(s, SINK_LOST_ERROR, 1);
		tell(s, error, rdkafka.err2str(error));
	}
	if (++k->since_poll < POLL_EVERY || !k->client)
		return;
	k->since_poll = 0;
	rdkafka.poll(k->client, 0);
}

static void kafka_tick(struct sink *s)
{
	const struct kafka *k = s->own;

	if (k->client)
		rdkafka.poll(k->client, 0);
	s->dropping &= k->waiting_bytes > SINK_KEPT / 2;
}

/* until: 0 for what can be done without waiting; else the end of the run, behind which nothing is kept. */
static void kafka_flush(struct sink *s, int64_t until)
{
	struct kafka *k = s->own;

	if (!k->client)
		return;
	rdkafka.poll(k->client, 0);
	if (!until)
		return;
	while (rdkafka.outq_len(k->client) > 0 && !s->error && sink_may_wait(s))
		rdkafka.flush(k->client, PAUSE_MS);
	k->ending = true;
	rdkafka.purge(k->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	while (rdkafka.outq_len(k->client) > 0)
		rdkafka.poll(k->client, PAUSE_MS);
}

static void kafka_stats(struct sink *s)
{
	const struct kafka *k = s->own;

	s->stats.queued = s->stats.records - s->stats.written - sink_lost(s);
	s->stats.queued_bytes = k->waiting_bytes;
}

/* Names are looked up whenever a broker is connected to, by the C library: its files, and those of TLS. */
static void kafka_rights(const struct sink *s, struct sink_rights *out)
{
	static const char *const files[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
					    "/etc/services", "/etc/ssl", "/usr/lib/ssl", "/usr/share/ca-certificates", "/etc/pki"};
	struct kafka *k = s->own;

	for (size_t i = 0; i < sizeof files / sizeof *files && k->read_count < MAX_READS; i++)
		k->reads[k->read_count++] = files[i];
	out->network = SINK_ANY;
	out->reads = k->reads;
	out->read_count = k->read_count;
}

const struct sink_kind sink_kind_kafka = {
    .prefix = "kafka:",
    .open = kafka_open,
    .close = kafka_close,
    .tick = kafka_tick,
    .rights = kafka_rights,
    .start = kafka_start,
    .record = kafka_record,
    .flush = kafka_flush,
    .stats = kafka_stats,
};

const char *sink_kafka_version(void)
{
	struct err err = {0};

	return rdkafka_load(&err) == 0 ? rdkafka.version_str() : "not installed";
}

#else

static int kafka_open(struct sink *s, const char *where, struct err *err)
{
	(void)where;
	return err_set(err, 2, "%s: this smtpscope was built without librdkafka; install its headers (make deps) and build it anew", s->name);
}

const struct sink_kind sink_kind_kafka = {.prefix = "kafka:", .open = kafka_open};

const char *sink_kafka_version(void)
{
	return "none";
}

#endif
