/*
 * The Kafka sink against the mock cluster of librdkafka: what is written is read back, through errors and an outage; nothing that the queue
 * took is lost, and what it did not take is counted. tests/kafka.sh does it with a real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#ifdef SMTPSCOPE_KAFKA

#include "smtpscope/err.h"
#include "smtpscope/sink.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS = 7, PARTITIONS = 4, PRODUCE = 0 /* the number of that request */ };

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *cluster;
static char said[4096];

static void complain(const char *text)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof said - n, "%s\n", text);
}

/* A topic of its own for each test. */
static struct sink *open_sink(const char *topic, const struct sink_options *o)
{
	struct err err = {0};
	char target[256];
	struct sink *s;

	said[0] = '\0';
	rd_kafka_mock_topic_create(cluster, topic, PARTITIONS, 1);
	snprintf(target, sizeof target, "kafka:%s@%s", topic, rd_kafka_mock_cluster_bootstraps(cluster));
	s = sink_open(target, o, &err);
	if (!s || sink_start(s, &err) != 0)
		fail_msg("%s", err.text);
	return s;
}

static void write_records(struct sink *s, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		char record[64], key[16];
		int n = snprintf(record, sizeof record, "{\"number\":%u}\n", i), k = snprintf(key, sizeof key, "1:key%u", i % KEYS);

		sink_write(s, span_of(record, (size_t)n), span_of(key, (size_t)k));
	}
}

static void expect_balance(struct sink *s, uint64_t given)
{
	struct sink_stats st;

	sink_stats(s, &st);
	assert_int_equal(st.records, given);
	assert_int_equal(st.written + st.queued + sink_lost(s), given);
}

/* ---- reading back ---- */

static rd_kafka_t *consumer_of(const char *topic)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);
	char text[256];
	rd_kafka_t *c;

	rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster), text, sizeof text);
	rd_kafka_conf_set(conf, "group.id", "reader", text, sizeof text);
	rd_kafka_conf_set(conf, "fetch.wait.max.ms", "20", text, sizeof text);
	c = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	assert_non_null(c);
	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	assert_int_equal(rd_kafka_assign(c, all), 0);
	rd_kafka_topic_partition_list_destroy(all);
	return c;
}

/* One message: of the key that it should have, and the next of that key. */
static unsigned check_message(const rd_kafka_message_t *m, int last[KEYS], int partition[KEYS])
{
	char text[64], key[16];
	unsigned number = 0, of_key;

	snprintf(text, sizeof text, "%.*s", (int)m->len, (const char *)m->payload);
	assert_int_equal(sscanf(text, "{\"number\":%u}", &number), 1);
	assert_int_equal(text[m->len - 1], '}'); /* without the line end */
	of_key = number % KEYS;
	snprintf(key, sizeof key, "1:key%u", of_key);
	assert_int_equal(m->key_len, strlen(key));
	assert_memory_equal(m->key, key, m->key_len);
	assert_true((int)number > last[of_key]); /* in order, and none twice */
	assert_true(partition[of_key] < 0 || partition[of_key] == m->partition);
	last[of_key] = (int)number;
	partition[of_key] = m->partition;
	return 1;
}

static void expect_in_topic(const char *topic, unsigned count)
{
	rd_kafka_t *c = consumer_of(topic);
	int last[KEYS], partition[KEYS];
	unsigned got = 0;

	memset(last, -1, sizeof last);
	memset(partition, -1, sizeof partition);
	for (int idle = 0; idle < 20 && got < count;) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(c, 100);

		idle = m && !m->err ? 0 : idle + 1;
		if (m && !m->err)
			got += check_message(m, last, partition);
		if (m)
			rd_kafka_message_destroy(m);
	}
	rd_kafka_consumer_close(c);
	rd_kafka_destroy(c);
	assert_int_equal(got, count);
}

/* ---- tests ---- */

static void test_read_back(void **state)
{
	struct sink *s = open_sink("plain", NULL);

	(void)state;
	write_records(s, 0, 1000);
	expect_balance(s, 1000);
	assert_int_equal(sink_close(&s, NULL), 0);
	expect_in_topic("plain", 1000);
}

/* Brokers that refuse, time out, or are no longer the leader: it is tried again, and everything is there once. */
static void test_errors(void **state)
{
	static const char *const settings[] = {"retry.backoff.ms=20", "linger.ms=0"};
	const struct sink_options o = {.settings = settings, .setting_count = 2};
	struct sink *s = open_sink("errors", &o);

	(void)state;
	rd_kafka_mock_push_request_errors(cluster, PRODUCE, 6, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
					  RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
					  RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	write_records(s, 0, 1000);
	assert_int_equal(sink_close(&s, NULL), 0);
	expect_in_topic("errors", 1000);
}

/* A record that is refused for good is counted, the others go. */
static void test_refused_record(void **state)
{
	static const char *const settings[] = {"message.max.bytes=1000"};
	const struct sink_options o = {.live = true, .settings = settings, .setting_count = 1, .complain = complain};
	struct sink *s = open_sink("refused", &o);
	static char large[5000];

	(void)state;
	memset(large, 'x', sizeof large);
	write_records(s, 0, 10);
	sink_write(s, span_of(large, sizeof large), SPAN("key"));
	write_records(s, 10, 20);
	expect_balance(s, 21);
	assert_int_equal(sink_lost(s), 1);
	assert_non_null(strstr(said, "too large"));
	assert_int_equal(sink_close(&s, NULL), 0);
	expect_in_topic("refused", 20);
}

/* The broker is away for a while: what was written meanwhile arrives, what the queue did not take is counted, and no more is missing. */
static void test_outage(void **state)
{
	static const char *const settings[] = {"queue.buffering.max.messages=1000", "reconnect.backoff.max.ms=200"};
	const struct sink_options o = {.live = true, .settings = settings, .setting_count = 2, .complain = complain};
	struct sink *s = open_sink("outage", &o);
	struct sink_stats st;

	(void)state;
	write_records(s, 0, 500);
	for (int i = 0; i < 100 && (sink_stats(s, &st), st.queued); i++, sink_tick(s))
		poll(NULL, 0, 20);
	assert_int_equal(st.written, 500);
	rd_kafka_mock_broker_set_down(cluster, 1);
	for (int i = 0; i < 50 && !said[0]; i++, sink_tick(s))
		poll(NULL, 0, 20);
	assert_true(said[0] != '\0'); /* it says that the broker is away, without being asked to send */
	write_records(s, 500, 3000);
	expect_balance(s, 3000);
	assert_true(sink_is_stuck(s));
	sink_stats(s, &st);
	assert_int_equal(st.queued, 1000);
	assert_int_equal(st.lost[SINK_LOST_QUEUE], 1500);
	rd_kafka_mock_broker_set_up(cluster, 1);
	for (int i = 0; i < 150 && (sink_stats(s, &st), st.queued); i++, sink_tick(s))
		poll(NULL, 0, 20);
	assert_false(sink_is_stuck(s));
	assert_non_null(strstr(said, "taken again"));
	assert_int_equal(st.written, 1500);
	assert_int_equal(st.reconnects, 1);
	assert_int_equal(sink_close(&s, NULL), 0);
	expect_in_topic("outage", 1500);
}

/* The run ends while the broker is away: the remainder is said and counted. */
static void test_end_in_an_outage(void **state)
{
	const struct sink_options o = {.live = true, .linger_ms = 300, .complain = complain};
	struct sink *s = open_sink("end", &o);
	struct err err = {0};

	(void)state;
	rd_kafka_mock_broker_set_down(cluster, 1);
	write_records(s, 0, 123);
	assert_int_equal(sink_close(&s, &err), -1);
	assert_int_equal(err.code, 1);
	assert_non_null(strstr(err.text, "123 records were still waiting at the end"));
	rd_kafka_mock_broker_set_up(cluster, 1);
}

static void expect_refusal(const char *setting, const char *why)
{
	const struct sink_options o = {.settings = &setting, .setting_count = 1};
	struct err err = {0};

	assert_null(sink_open("kafka:t@127.0.0.1:1", &o, &err));
	assert_int_equal(err.code, 2);
	if (!strstr(err.text, why))
		fail_msg("%s", err.text);
}

static void test_settings(void **state)
{
	char path[] = "/tmp/test_sink_kafka.XXXXXX", setting[64];
	const char *settings[] = {setting};
	const struct sink_options o = {.settings = settings, .setting_count = 1};
	struct sink *s;
	int fd = mkstemp(path);

	(void)state;
	expect_refusal("no.such.setting=1", "no.such.setting");
	expect_refusal("acks=many", "acks");
	expect_refusal("sasl.password=@/no/such/file", "No such file");
	assert_int_equal(write(fd, "made-up-word\n", 13), 13);
	snprintf(setting, sizeof setting, "sasl.password=@%s", path);
	assert_int_equal(fchmod(fd, 0640), 0);
	expect_refusal(setting, "others than its owner");
	assert_int_equal(fchmod(fd, 0600), 0);
	s = sink_open("kafka:t@127.0.0.1:1", &o, NULL);
	assert_non_null(s);
	sink_close(&s, NULL);
	close(fd);
	unlink(path);
}

static int setup(void **state)
{
	char text[256];

	(void)state;
	host = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof text);
	cluster = host ? rd_kafka_mock_cluster_new(host, 1) : NULL;
	return cluster ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read_back),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_refused_record),
	    cmocka_unit_test(test_outage),
	    cmocka_unit_test(test_end_in_an_outage),
	    cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

#else

int main(void)
{
	puts("built without librdkafka");
	return 77;
}

#endif
