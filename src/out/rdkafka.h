/*
 * rdkafka.h - what is used of librdkafka, which is loaded when an output asks for it. Private to out/sink_kafka.c.
 *
 * It brings OpenSSL, Cyrus SASL and others along: a run without it starts without them, and where it is not installed the rest works.
 */
#ifndef SMTPSCOPE_OUT_RDKAFKA_H
#define SMTPSCOPE_OUT_RDKAFKA_H

#include <librdkafka/rdkafka.h>

struct err;

#define RDKAFKA_FUNCTIONS(X) \
	X(conf_destroy) X(conf_new) X(conf_set) X(conf_set_dr_msg_cb) X(conf_set_error_cb) X(conf_set_log_cb) X(conf_set_opaque) X(destroy) \
	X(err2str) X(fatal_error) X(flush) X(last_error) X(metadata) X(metadata_destroy) X(new) X(outq_len) X(poll) X(produce) X(purge) \
	X(topic_destroy) X(topic_new) X(version_str)

/* rdkafka.poll is rd_kafka_poll(), and so on; NULL until rdkafka_load() has said 0. */
struct rdkafka {
#define X(name) __typeof__(rd_kafka_##name) *name;
	RDKAFKA_FUNCTIONS(X)
#undef X
};
extern struct rdkafka rdkafka;

/* Before rights are given up: afterwards no code can be loaded. May be called again. 0, or -1 and *err. */
int rdkafka_load(struct err *err);

#endif
