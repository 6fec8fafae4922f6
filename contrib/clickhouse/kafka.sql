-- ClickHouse: the topic into the table of events.sql. Untested: chdb, with which the table is tested, has no Kafka.
CREATE TABLE smtp_topic (line String) ENGINE = Kafka
SETTINGS kafka_broker_list = 'kafka1:9092,kafka2:9092', kafka_topic_list = 'smtp', kafka_group_name = 'clickhouse',
         kafka_format = 'LineAsString', kafka_num_consumers = 1;

CREATE MATERIALIZED VIEW smtp_from_topic TO smtp_events AS SELECT line FROM smtp_topic;
