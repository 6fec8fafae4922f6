"""Events into an OpenSearch that has the templates of contrib/, and questions to it. See run.sh.

ask.py URL ENGINE EVENTS SCHEMA; what the engine says is compared with what is counted here.
"""
import collections
import ipaddress
import json
import sys
import urllib.error
import urllib.request

url, engine, events_file, schema_file = sys.argv[1:]
EVENTS, STATS = "logs-smtpscope-default", "metrics-smtpscope.stats-default"
events = [json.loads(line) for line in open(events_file, encoding="utf-8")]
schema = json.load(open(schema_file, encoding="utf-8"))
failed = 0


def expect(name, got, wanted):
    global failed
    if got != wanted:
        failed += 1
        print(f"{engine}: {name}: {got!r}, expected {wanted!r}")


def ask(method, path, body=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{url}/{path}", data, {"Content-Type": "application/json"}, method=method)
    try:
        return json.load(urllib.request.urlopen(request, timeout=60))
    except urllib.error.HTTPError as error:
        return json.load(error)


def stream_of(event):
    return STATS if event["event"]["dataset"] == "smtpscope.stats" else EVENTS


def index(some):
    """As contrib/README.md says: created, with event.id as document id, but for stats. What the engine answered, for each."""
    lines = []
    for event in some:
        stream = stream_of(event)
        lines.append(json.dumps({"create": {"_index": stream} | ({"_id": event["event"]["id"]} if stream == EVENTS else {})}))
        lines.append(json.dumps(event))
    answer = ask("POST", "_bulk?refresh=true", ("\n".join(lines) + "\n").encode())
    return [item["create"] for item in answer["items"]]


def refused(answers):
    return sorted({a["error"]["reason"] for a in answers if "error" in a})


def mapped(stream):
    """Path and type of each field."""
    (one,) = ask("GET", f"{stream}/_mapping").values()
    return {path: node["type"] for path, node in leaves(one["mappings"])}


def template(what):
    return json.load(open(f"contrib/{engine}/smtpscope-{what}.json", encoding="utf-8"))


def leaves(tree, path=()):
    """Of a JSON Schema or a mapping: path and node of each leaf."""
    if "properties" not in tree:
        yield path, tree
    for name, below in tree.get("properties", {}).items():
        yield from leaves(below, path + (name,))


# ---- an index of nothing: the mapping is that of the template, and as the engine counts it, under 150 ----
for what, stream in (("events", EVENTS), ("stats", STATS)):
    ask("DELETE", f"_data_stream/{stream}")
    expect(f"create {stream}", ask("PUT", f"_data_stream/{stream}"), {"acknowledged": True})
    expect(f"{what}: fields", mapped(stream), {path: node["type"] for path, node in leaves(template(what)["template"]["mappings"])})
    small = {"settings": {"index.mapping.total_fields.limit": 149}, "mappings": template(what)["template"]["mappings"]}
    expect(f"{what}: under 150 fields", ask("PUT", "small", small).get("acknowledged"), True)
    ask("DELETE", "small")
before = {s: mapped(s) for s in (EVENTS, STATS)}

# ---- events: all are taken, once, whole, and the mapping stays as it was ----
expect("refused", refused(index(events)), [])
logs = [e for e in events if stream_of(e) == EVENTS]
again = index(logs)
expect("sent again", collections.Counter(a["status"] for a in again), collections.Counter({409: len(logs)}))
expect("events", ask("GET", f"{EVENTS}/_count")["count"], len(logs))
expect("stats", ask("GET", f"{STATS}/_count")["count"], len(events) - len(logs))
for s in (EVENTS, STATS):
    expect(f"{s}: fields that nobody listed", mapped(s).items() - before[s].items(), set())
hits = ask("POST", f"{EVENTS}/_search", {"size": 10000})["hits"]["hits"]
expect("as they were written", {h["_id"]: h["_source"] for h in hits}, {e["event"]["id"]: e for e in logs})

# ---- each field of the schema, whether the samples have it or not ----
values = {"string": "x", "integer": 2**63 - 1, "boolean": True}
special = {"ip": "2001:db8::25", "date-time": "2026-11-26T12:00:00.123456789Z", "ipv4": "192.0.2.25"}


def made(node, path=()):
    if "properties" in node:
        return {k: made(v, path + (k,)) for k, v in node["properties"].items()}
    if "items" in node:
        return [made(node["items"], path)] * 2
    if path[-1] == "ip":
        return special["ip"]
    return node.get("const") or special.get(node.get("format")) or values[node["type"]]


full = []
for dataset in schema["oneOf"]:
    event = made(dataset)
    event["event"]["id"] = "made-" + dataset["title"]
    event["event"]["dataset"] = "smtpscope." + dataset["title"]
    full.append(event)
expect("all fields at once", refused(index(full)), [])
for s in (EVENTS, STATS):
    expect(f"{s}: fields of the schema that nobody listed", mapped(s).items() - before[s].items(), set())

# ---- questions ----
def terms(field, query, size=1000):
    body = {"size": 0, "query": query, "aggs": {"a": {"terms": {"field": field, "size": size}}}}
    return {b["key"]: b["doc_count"] for b in ask("POST", f"{EVENTS}/_search", body)["aggregations"]["a"]["buckets"]}


def count(query, stream=EVENTS):
    answer = ask("POST", f"{stream}/_count", {"query": query})
    return answer.get("count", answer)


def have(*conditions):
    return {"bool": {"filter": list(conditions), "must_not": [{"prefix": {"event.id": "made-"}}]}}


def of(dataset):
    return {"term": {"event.dataset": "smtpscope." + dataset}}


def number(test):
    return sum(1 for e in logs if test(e))


finding = [e["smtp"]["finding"] for e in logs if e["event"]["dataset"] == "smtpscope.finding"]
expect("findings", terms("smtp.finding.id", have()), dict(collections.Counter(f["id"] for f in finding)))
expect("severities", terms("smtp.finding.severity", have()), dict(collections.Counter(f["severity"] for f in finding)))
expect("logins refused, by name", terms("user.name", have(of("auth"), {"term": {"event.outcome": "failure"}})),
       dict(collections.Counter(e["user"]["name"] for e in logs if e["event"]["dataset"] == "smtpscope.auth"
                                and e["event"]["outcome"] == "failure" and "name" in e.get("user", {}))))
client = next(e["source"]["ip"] for e in logs)
net = ipaddress.ip_network(client + "/16", strict=False)
expect("a net", count(have({"term": {"source.ip": str(net)}})), number(lambda e: ipaddress.ip_address(e["source"]["ip"]) in net))
expect("replies of 500 and more", count(have(of("command"), {"range": {"smtp.reply.code": {"gte": 500}}})),
       number(lambda e: e["event"]["dataset"] == "smtpscope.command" and e["smtp"].get("reply", {}).get("code", 0) >= 500))
half = sorted(e["@timestamp"] for e in logs)[len(logs) // 2]
half = half[:23]  # the index keeps milliseconds
expect("later than one", count(have({"range": {"@timestamp": {"gt": half + "Z"}}})), number(lambda e: e["@timestamp"][:23] > half))
answer = ask("POST", f"{EVENTS}/_search", {"size": 0, "query": have(of("message")), "aggs": {
    "octets": {"sum": {"field": "smtp.message.size"}}, "recipients": {"cardinality": {"field": "smtp.rcpt_to"}}}})["aggregations"]
mails = [e["smtp"] for e in logs if e["event"]["dataset"] == "smtpscope.message"]
expect("octets of mail", answer["octets"]["value"], sum(m["message"].get("size", 0) for m in mails))
expect("recipients", answer["recipients"]["value"], len({r for m in mails for r in m.get("rcpt_to", [])}))
expect("what is only shown is not searched", count({"exists": {"field": "smtp.finding.remedy"}}), 0)

print(f"{engine}: {len(events)} events indexed; {len(before[EVENTS])} fields mapped, of stats {len(before[STATS])}; {failed} answers wrong")
sys.exit(failed != 0)
