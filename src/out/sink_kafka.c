/*
 * sink_kafka.c - kafka:TOPIC@BROKERS through librdkafka. Placeholder until the next step.
 */
#include "sink_internal.h"

static int kafka_open(struct sink *s, const char *where, struct err *err)
{
	(void)where;
	return err_set(err, 2, "%s: this smtpscope was built without librdkafka", s->name);
}

const struct sink_kind sink_kind_kafka = {.prefix = "kafka:", .open = kafka_open};
