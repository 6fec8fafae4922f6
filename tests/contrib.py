"""contrib/ with what Python has: every event against the JSON Schema, DuckDB, ClickHouse as chdb, YAML files. See contrib.sh.

contrib.py EVENTS SCHEMA; what the databases say is compared with what is counted here.
"""
import collections
import glob
import json
import sys

import chdb.session
import duckdb
import jsonschema
import yaml

path = sys.argv[1]
lines = open(path, encoding="utf-8").read().splitlines()
events = [json.loads(line) for line in lines]
schema = json.load(open(sys.argv[2], encoding="utf-8"))
failed = 0


def expect(name, got, wanted):
    global failed
    if got != wanted:
        failed += 1
        print(f"{name}: {got!r}, expected {wanted!r}")


def statements(file):
    """Comments taken away, split at semicolons: no text in these files holds either."""
    text = "\n".join(line.split("--")[0] for line in open(file, encoding="utf-8"))
    return [s.strip() for s in text.split(";") if s.strip()]


# ---- every event, against the schema of its dataset; a hundred against all of it ----
jsonschema.Draft202012Validator.check_schema(schema)
by_name = {one["title"]: jsonschema.Draft202012Validator(one) for one in schema["oneOf"]}
for event in events:
    for error in by_name[event["event"]["dataset"].removeprefix("smtpscope.")].iter_errors(event):
        expect(event["event"]["id"], error.message, None)
whole = jsonschema.Draft202012Validator(schema)
expect("one of all", [whole.is_valid(e) for e in events[::25]], [True] * len(events[::25]))
expect("an unknown field", whole.is_valid(events[0] | {"message": "x"}), False)

# ---- what there is to count ----
datasets = collections.Counter(e["event"]["dataset"] for e in events)
findings = collections.Counter((e["smtp"]["finding"]["severity"], e["smtp"]["finding"]["id"]) for e in events if "finding" in e.get("smtp", {}))
refused_logins = sum(e["event"]["dataset"] == "smtpscope.auth" and e["event"]["outcome"] == "failure" for e in events)
refusals = sum(e["event"]["dataset"] == "smtpscope.command" and e["smtp"].get("reply", {}).get("code", 0) >= 400 for e in events)
rejected = collections.Counter(r for e in events if e["event"]["dataset"] == "smtpscope.message" for r in e["smtp"].get("rcpt_rejected", []))

# ---- DuckDB ----
db = duckdb.connect()
db.execute("SET VARIABLE events = ?", [path])
create, count, logins, found, recipients = statements("contrib/duckdb/questions.sql")
db.execute(create)
expect("DuckDB: datasets", {r[0]: r[1] for r in db.execute(count).fetchall()}, dict(datasets))
expect("DuckDB: first", min(r[2] for r in db.execute(count).fetchall()).isoformat(), min(e["@timestamp"] for e in events).rstrip("Z"))
expect("DuckDB: logins", sum(r[-1] for r in db.execute(logins.replace("LIMIT 20", "")).fetchall()), refused_logins)
expect("DuckDB: findings", {(r[0], r[1]): r[2] for r in db.execute(found).fetchall()}, dict(findings))
expect("DuckDB: recipients", {r[0]: r[2] for r in db.execute(recipients.replace("LIMIT 50", "")).fetchall()}, dict(rejected))

# ---- ClickHouse ----
ch = chdb.session.Session()


def ask(sql):
    return [json.loads(row) for row in str(ch.query(sql, "JSONEachRow")).splitlines()]


ch.query("CREATE DATABASE test ENGINE = Atomic")
ch.query("USE test")
for statement in statements("contrib/clickhouse/events.sql"):
    ch.query(statement)
for _ in range(2):  # all comes twice, as after a broken connection
    ch.query(f"INSERT INTO smtp_events (line) SELECT line FROM file('{path}', 'LineAsString', 'line String')")
ch.query("OPTIMIZE TABLE smtp_events FINAL")
distinct = collections.Counter(d for d, _ in {(e["event"]["dataset"], (e["@timestamp"], e["event"]["id"])) for e in events})
got = {r["dataset"]: int(r["n"]) for r in ask("SELECT dataset, count() AS n FROM smtp_events FINAL GROUP BY dataset")}
expect("ClickHouse: each event once", got, dict(distinct))
tried, refused, slow, found, domains = statements("contrib/clickhouse/queries.sql")
rows = ask(tried.replace("LIMIT 20", "").replace("HAVING countIf(outcome = 'failure') > 0", ""))
expect("ClickHouse: logins", sum(int(r["tries"]) for r in rows), datasets["smtpscope.auth"])
expect("ClickHouse: refusals", sum(int(r["refused"]) for r in ask(refused)), refusals)
expect("ClickHouse: answers", len(ask(slow)) > 5, True)
expect("ClickHouse: findings", {(r["severity"], r["finding"]): int(r["times"]) for r in ask(found)}, dict(findings))
expect("ClickHouse: worst first", ask(found)[0]["severity"], "alert")
expect("ClickHouse: domains", sum(int(r["accepted"]) + int(r["others"]) for r in ask(domains.replace("LIMIT 50", ""))), datasets["smtpscope.message"])
times = {r["t"] for r in ask("SELECT DISTINCT toString(time) AS t FROM smtp_events")}
expect("ClickHouse: times", min(times)[:26].replace(" ", "T"), min(e["@timestamp"] for e in events)[:26])

# ---- what is not tested is at least read ----
for file in glob.glob("contrib/*/*.y*ml"):
    expect(file, isinstance(yaml.safe_load(open(file, encoding="utf-8")), dict), True)
for file in glob.glob("contrib/*/*"):
    head = open(file, encoding="utf-8").read(600).lower()
    expect(f"{file}: says whether it is tested", "tested" in head or file.endswith(".json") or "/systemd/" in file or "/logrotate/" in file, True)

sys.exit(failed != 0)
