-- What an operator asks, of the table in events.sql. Tested with chdb: make check-contrib.

-- Failed logins: who tries whom, and did one of them get in?
SELECT client, count() AS tries, uniqExact(user) AS users, countIf(outcome = 'success') AS succeeded, min(time) AS first, max(time) AS last
FROM smtp_events WHERE dataset = 'smtpscope.auth' GROUP BY client HAVING countIf(outcome = 'failure') > 0 ORDER BY tries DESC LIMIT 20;

-- Why mail is refused, by hour.
SELECT toStartOfHour(time) AS hour, category, reply, count() AS refused
FROM smtp_events WHERE dataset = 'smtpscope.command' AND reply >= 400 GROUP BY hour, category, reply ORDER BY hour, refused DESC;

-- How long servers take to answer: median and the slowest hundredth, by command.
SELECT server, verb, count() AS commands, quantile(0.5)(duration) / 1e6 AS median_ms, quantile(0.99)(duration) / 1e6 AS p99_ms
FROM smtp_events WHERE dataset = 'smtpscope.command' AND duration > 0 GROUP BY server, verb ORDER BY p99_ms DESC LIMIT 50;

-- Findings, the worst first.
SELECT severity, finding, count() AS times, uniqExact(client) AS clients, any(session) AS for_example
FROM smtp_events WHERE dataset = 'smtpscope.finding'
GROUP BY severity, finding ORDER BY indexOf(['alert', 'error', 'warning', 'note'], severity), times DESC;

-- Mail by sender domain: taken and not.
SELECT lower(splitByChar('@', mail_from)[-1]) AS domain, countIf(result = 'accepted') AS accepted, countIf(result != 'accepted') AS others
FROM smtp_events WHERE dataset = 'smtpscope.message' GROUP BY domain ORDER BY accepted + others DESC LIMIT 50;
