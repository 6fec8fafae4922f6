#!/bin/bash
# A real Apache Kafka (one node, KRaft) takes more than 100,000 events; it is killed in the middle and started again. All events must be
# in the topic afterwards, each once, those of a session in one partition and in order. Installs what is missing: a Java runtime, Maven,
# kcat; the broker itself comes as Maven artifacts. They are kept in $KAFKA_LIB (below the build directory) for the next run.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${SMTPSCOPE:-./smtpscope}
build=${BUILD:-build}
lib=${KAFKA_LIB:-$build/kafka/lib}
dir=$(mktemp -d /tmp/kafka.XXXXXX)
broker=""
cleanup() {
  [ -z "$broker" ] || kill -9 "$broker" 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
fail() { echo "$*"; exit 1; }

if "$program" --version | grep -E 'librdkafka (none|not installed)'; then
  fail "this smtpscope has no librdkafka"
fi
missing=""
command -v java >/dev/null || missing="$missing default-jre-headless"
command -v mvn >/dev/null || [ -e "$lib/.complete" ] || missing="$missing maven"
command -v kcat >/dev/null || missing="$missing kcat"
if [ -n "$missing" ]; then
  echo "installing$missing"
  root=""; [ "$(id -u)" = 0 ] || root=sudo
  # shellcheck disable=SC2086
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ ! -e "$lib/.complete" ]; then
  mkdir -p "$lib"
  mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory="$(realpath "$lib")"
  touch "$lib/.complete"
fi

# ---- the broker ----

read -r port control < <(python3 -c '
import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')
at=127.0.0.1:$port
cat >"$dir/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$control
listeners=PLAINTEXT://$at,CONTROLLER://127.0.0.1:$control
advertised.listeners=PLAINTEXT://$at
controller.listener.names=CONTROLLER
log.dirs=$dir/data
offsets.topic.replication.factor=1
num.partitions=6
CONF
run() { java -Xmx512m -cp "$lib/*" "$@"; }
start() {
  java -Xmx512m -cp "$lib/*" kafka.Kafka "$dir/server.properties" >>"$dir/broker.log" 2>&1 & broker=$!
  for _ in $(seq 120); do
    kcat -b "$at" -L -m 2 >/dev/null 2>&1 && return
    kill -0 $broker 2>/dev/null || break
    sleep 0.5
  done
  tail -20 "$dir/broker.log"
  fail "the broker does not start"
}
run kafka.tools.StorageTool format -t smtpscopetestAAAAAAAAAA -c "$dir/server.properties" >"$dir/format.log" 2>&1 || { cat "$dir/format.log"; exit 1; }
start

# ---- the sensor ----

"$build/tests/bench/generate" auth 21 "$dir/auth.pcap" "$dir/truth"
chmod 755 "$dir"
# so slowly that what comes before, during and after the outage is a third each
python3 - "$dir/auth.pcap" <<'PY' | "$program" -r - --events session,command,auth,message,finding -O "$dir/file.json" \
  --events session,command,auth,message,finding -O "kafka:smtp@$at" -O "$dir/stats.json" 2>"$dir/err" & sensor=$!
import sys, time
data = open(sys.argv[1], 'rb').read()
step = len(data) // 90 + 1
for at in range(0, len(data), step):
    sys.stdout.buffer.write(data[at:at + step])
    sys.stdout.buffer.flush()
    time.sleep(0.1)
PY
sleep 3
kill -9 "$broker"; wait "$broker" 2>/dev/null || true
before=$(wc -l <"$dir/file.json")
sleep 3
kill -0 $sensor || { cat "$dir/err"; fail "the sensor ended when the broker went away"; }
start
wait $sensor || { cat "$dir/err"; fail "the sensor failed"; }
grep -q "brokers are down" "$dir/err" || fail "nothing was said of the outage"
grep -q "taken again" "$dir/err" || fail "nothing was said of the recovery"

# ---- read back ----

events=$(wc -l <"$dir/file.json")
[ "$events" -ge 100000 ] || fail "$events events: fewer than 100,000"
[ "$before" -gt 1000 ] && [ "$before" -lt "$events" ] || fail "the broker was not killed in the middle: $before of $events"
kcat -C -q -e -b "$at" -t smtp -f '%p %s\n' >"$dir/topic"
python3 - "$dir/file.json" "$dir/topic" <<'PY'
import json, sys
from collections import defaultdict
def key(e): return e['network']['community_id']
wanted, got, partition = defaultdict(list), defaultdict(list), {}
for line in open(sys.argv[1]):
    e = json.loads(line)
    wanted[key(e)].append(e['event']['id'])
n = 0
for line in open(sys.argv[2]):
    p, text = line.split(' ', 1)
    e = json.loads(text)
    got[key(e)].append(e['event']['id'])
    if partition.setdefault(key(e), p) != p: sys.exit('a connection in two partitions: ' + key(e))
    n += 1
if len(set(partition.values())) < 6: sys.exit('not all partitions are used')
for k in wanted:
    if wanted[k] != got.get(k): sys.exit('not the events that were written, or not in their order: %s: %s, %s' % (k, wanted[k], got.get(k)))
if len(got) != len(wanted): sys.exit('connections that nobody wrote')
print('%d events of %d connections read back from Kafka, each once and in order' % (n, len(got)))
PY
sink=$(jq -c 'select(.event.action == "sink" and (.smtp.stats.sink.name | startswith("kafka"))) | .smtp.stats.sink' "$dir/stats.json")
echo "broker killed after $before of $events events; the sensor's last count before its end: $sink"
if "$program" -r samples/first-look.pcap -O kafka:smtp@127.0.0.1:1 2>"$dir/err"; then
  fail "status 0 with nobody there"
fi
grep -q "no broker answers" "$dir/err" || { cat "$dir/err"; fail "nobody there: not said"; }
