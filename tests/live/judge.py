#!/usr/bin/env python3
"""The end of soak.sh: is every event and session accounted for, and was the memory flat?   judge.py DIR POSTFIX_LOG"""
import glob
import json
import os
import sys
from collections import Counter

where, log = sys.argv[1:]
wrong = []


def check(true, text):
    if not true:
        wrong.append(text)


# ---- the files: whole lines, all of them ----
files = glob.glob(where + "/out/events-*")
lines = sessions = octets = messages = told = told_count = 0
ids = set()
to_postfix = []
for name in files:
    for line in open(name, "rb"):
        octets += len(line)
        try:
            event = json.loads(line)
        except ValueError:
            check(False, "a torn line in " + name)
            continue
        lines += 1
        ids.add(event["event"]["id"])
        messages += event["event"]["dataset"] == "smtpscope.message"
        if event["event"]["dataset"] == "smtpscope.session":
            sessions += 1
            if event["destination"]["ip"] == "192.0.2.25" and event["destination"]["port"] == 25:
                to_postfix.append(event["source"]["port"])
        elif event["smtp"].get("finding", {}).get("id") == "events_dropped":
            told_count += 1
            told += event["smtp"]["finding"]["count"]

# ---- what the sensor says ----
stats, sink = {}, {}
for line in open(where + "/out/stats.json"):
    event = json.loads(line)
    if event["event"]["action"] == "stats":
        stats = event["smtp"]["stats"]
    else:
        sink[event["smtp"]["stats"]["sink"]["name"].split(":")[0].split("/")[-1]] = event["smtp"]["stats"]["sink"]
received = json.load(open(where + "/received"))
tcp = sink["tcp"]
dropped = sum(tcp["dropped"].values())
connects = [int(line.rsplit(":", 1)[1]) for line in open(log) if ": connect from " in line]
packets = stats["packets"]

check(stats["sessions"]["total"] == sessions, "%d sessions seen, %d in the files" % (stats["sessions"]["total"], sessions))
opens = int(open(where + "/opens").read()) - received["connections"]
check(opens == len(to_postfix), "the kernel accepted %d connections for Postfix, the files have %d" % (opens, len(to_postfix)))
check(sorted(connects) == sorted(to_postfix), "connections that Postfix and the files do not both have, by their port: %s, %s" % (
    Counter(connects) - Counter(to_postfix), Counter(to_postfix) - Counter(connects)))
check(len(connects) > 50, "only %d connections to Postfix" % len(connects))
check(received["lines"] + dropped == lines, "files %d events, listener %d and %d dropped" % (lines, received["lines"], dropped))
check(dropped > 0, "the listener was not stopped for long enough: nothing was dropped")
check(told == dropped, "%d dropped, findings tell of %d" % (dropped, told))
check(told_count == 2, "%d findings of dropped events, expected one for each time" % told_count)
check(received["torn"] == 0, "%d torn lines at the listener" % received["torn"])
check(received["connections"] == 1, "%d connections of a listener that never went away" % received["connections"])
check(packets["dropped"]["kernel"] == 0, "%d frames dropped by the kernel" % packets["dropped"]["kernel"])
check(len(ids) == lines, "%d events, %d ids" % (lines, len(ids)))

# ---- memory: what the first stop cost is there to stay at most; behind it nothing grows ----
rss = [[int(n) for n in line.split()] for line in open(where + "/rss") if len(line.split()) == 3]
end = rss[-1][0]
peak = lambda lo, hi: max(r[1] for r in rss if end * lo <= r[0] <= end * hi) // 1024
parts = [peak(i / 5, (i + 1) / 5) for i in range(5)]
check(parts[3] <= parts[1] * 1.1 + 4, "the second stop takes %d MiB, the first took %d" % (parts[3], parts[1]))
check(parts[4] <= max(parts[1], parts[2]) * 1.1 + 4, "memory grows: %s MiB" % parts)
check(max(parts) < 250, "memory: %s MiB" % parts)

print("%d frames, %d TCP connections, %d sessions (%d with Postfix, as many as the kernel accepted and its log has), %d messages, %d gaps" % (
    packets["received"], stats["connections"]["total"], sessions, len(to_postfix), messages, stats["gaps"]))
print("files: %d events, %d MB, in %d files, no line torn; listener: %d events, %d dropped and told of by %d findings: %d in all" % (
    lines, octets // 1000000, len(files), received["lines"], dropped, told_count, received["lines"] + dropped))
print("memory, highest of each fifth: %s MiB (the stopped listener's events wait in 64 MiB of it); CPU %.1f s; frames dropped by the kernel: %d" % (
    ", ".join(map(str, parts)), (rss[-1][2]) / os.sysconf("SC_CLK_TCK"), packets["dropped"]["kernel"]))
for text in wrong:
    print("FAILED:", text)
sys.exit(1 if wrong else 0)
