#!/usr/bin/env python3
"""Takes the events of an output tcp: and counts them.

    listener.py PORT FILE

Each line must be JSON that is whole. At the end (SIGTERM) FILE holds: lines, sessions, connections, findings events_dropped and what they count.
"""
import json
import select
import signal
import socket
import sys

ended = False


def end(*_):
    global ended
    ended = True


signal.signal(signal.SIGTERM, end)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
count = {"lines": 0, "sessions": 0, "connections": 0, "findings": 0, "told": 0, "torn": 0}
rest = {}


def take(line):
    count["lines"] += 1
    if line.startswith(b'{"@timestamp"') and line.endswith(b"}}") and b'"smtpscope.session"' not in line and b'"events_dropped"' not in line:
        return
    try:
        event = json.loads(line)
    except ValueError:
        count["torn"] += 1
        return
    count["sessions"] += event["event"]["dataset"] == "smtpscope.session"
    finding = event["smtp"].get("finding", {})
    if finding.get("id") == "events_dropped":
        count["findings"] += 1
        count["told"] += finding["count"]


while True:
    ready = select.select([listener, *rest], [], [], 0.2)[0]
    if ended and not ready:
        break
    for s in ready:
        if s is listener:
            rest[listener.accept()[0]] = b""
            count["connections"] += 1
            continue
        octets = s.recv(1 << 20)
        lines = (rest[s] + octets).split(b"\n")
        rest[s] = lines.pop()
        for line in lines:
            take(line)
        if not octets:
            count["torn"] += rest.pop(s) != b""
json.dump(count, open(sys.argv[2], "w"))
