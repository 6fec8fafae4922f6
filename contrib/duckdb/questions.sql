-- DuckDB: files of events as a table, and what is asked of them. Tested: make check-contrib.
--   duckdb -c "SET VARIABLE events = '/var/log/smtpscope/*.json'" -f contrib/duckdb/questions.sql
-- One column for each field would take a schema of nearly 200: the line is kept as JSON, and asked by path.
CREATE OR REPLACE VIEW events AS
SELECT json, (json->>'$."@timestamp"')::TIMESTAMP AS time, json->>'$.event.dataset' AS dataset, json->>'$.event.outcome' AS outcome,
       json->>'$.source.ip' AS client, json->>'$.destination.ip' AS server, json->>'$.smtp.session.id' AS session,
       (json->>'$.smtp.reply.code')::INTEGER AS reply
FROM read_json_objects(getvariable('events'), format = 'newline_delimited', maximum_object_size = 1048576);

-- How many of each.
SELECT dataset, count(*) AS events, min(time) AS first, max(time) AS last FROM events GROUP BY ALL ORDER BY events DESC;

-- Logins that failed: who, how, why.
SELECT client, json->>'$.user.name' AS "user", json->>'$.smtp.auth.mechanism' AS mechanism, json->>'$.smtp.auth.cause' AS cause, count(*) AS times
FROM events WHERE dataset = 'smtpscope.auth' AND outcome = 'failure' GROUP BY ALL ORDER BY times DESC LIMIT 20;

-- Findings, how often and where to look.
SELECT json->>'$.smtp.finding.severity' AS severity, json->>'$.smtp.finding.id' AS finding, count(*) AS times, count(DISTINCT client) AS clients,
       any_value(session) AS for_example
FROM events WHERE dataset = 'smtpscope.finding' GROUP BY ALL ORDER BY times DESC;

-- Recipients that were refused, and with what.
SELECT recipient, any_value(reply) AS last_reply, count(*) AS times
FROM (SELECT unnest(from_json(json->'$.smtp.rcpt_rejected', '["VARCHAR"]')) AS recipient, json->>'$.smtp.reply.text[0]' AS reply
      FROM events WHERE dataset = 'smtpscope.message')
GROUP BY recipient ORDER BY times DESC LIMIT 50;

-- A table for good: EXPORT of what is worth keeping, in a form that other programs read.
-- COPY (SELECT time, dataset, client, server, session, reply, json::VARCHAR AS json FROM events) TO 'smtp.parquet' (FORMAT parquet);
