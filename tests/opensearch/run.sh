#!/bin/bash
# A real OpenSearch (one node): the index templates of contrib/ are loaded as contrib/README.md says, the events of all samples are indexed,
# and tests/opensearch/ask.py counts again what the engine says of them; then rsyslog does the same. Installs what is missing: a Java
# runtime, Maven, rsyslog; the engine itself comes as Maven artifacts, kept in $OPENSEARCH_LIB (below the build directory) for the next run.
# The template for Elasticsearch, which has one type more, is loaded into the same engine.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${SMTPSCOPE:-./smtpscope}
build=${BUILD:-build}
lib=${OPENSEARCH_LIB:-$build/opensearch/lib}
dir=$(mktemp -d /tmp/opensearch.XXXXXX)
node="" rsyslog=""
cleanup() {
  # shellcheck disable=SC2086
  [ -z "$node$rsyslog" ] || kill -9 $node $rsyslog 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
fail() { echo "$*"; exit 1; }

root=""; [ "$(id -u)" = 0 ] || root=sudo
missing=""
command -v java >/dev/null || missing="$missing default-jre-headless"
command -v mvn >/dev/null || [ -e "$lib/.complete" ] || missing="$missing maven"
[ -e "$(dpkg -L rsyslog-elasticsearch 2>/dev/null | grep 'omelasticsearch.so$')" ] || missing="$missing rsyslog rsyslog-elasticsearch"
if [ -n "$missing" ]; then
  echo "installing$missing"
  # shellcheck disable=SC2086
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ ! -e "$lib/.complete" ]; then
  mkdir -p "$lib"
  mvn -q -B -f tests/opensearch/pom.xml dependency:copy-dependencies -DoutputDirectory="$(realpath "$lib")"
  touch "$lib/.complete"
fi

# ---- the node: what its distribution would have around the libraries ----

read -r port transport < <(python3 -c '
import socket
s = [socket.socket() for _ in range(2)]
for x in s: x.bind(("127.0.0.1", 0))
print(*(x.getsockname()[1] for x in s))')
at=http://127.0.0.1:$port
home=$dir/home
http=$home/modules/transport-netty4
version=$(sed -n 's|.*<opensearch>\(.*\)</opensearch>|\1|p' tests/opensearch/pom.xml)
mkdir -p "$home"/{config,lib,plugins,data,logs,tmp} "$http"
cp "$lib"/*.jar "$home/lib"
mv "$home"/lib/{netty,transport-netty4}-*.jar "$http"
cat >"$http/plugin-descriptor.properties" <<CONF
name=transport-netty4
description=HTTP
version=$version
opensearch.version=$version
java.version=11
classname=org.opensearch.transport.Netty4Plugin
CONF
cat >"$http/plugin-security.policy" <<'CONF'
grant codeBase "${codebase.netty-common}" {
  permission java.lang.RuntimePermission "*";
  permission java.net.SocketPermission "*", "accept,connect,resolve";
};
grant codeBase "${codebase.netty-transport}" {
  permission java.net.SocketPermission "*", "accept,connect,resolve";
};
CONF
cat >"$home/config/opensearch.yml" <<CONF
network.host: 127.0.0.1
http.port: $port
transport.port: $transport
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
CONF
cat >"$home/config/log4j2.properties" <<'CONF'
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%p] %c{1} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
CONF
chmod 755 "$dir"
as=() # it does not run as root
if [ "$(id -u)" = 0 ]; then
  chown -R nobody "$home"
  as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
fi
(cd "$home" && exec "${as[@]}" java -Xmx512m -XX:+UseSerialGC -Djava.security.manager=allow -Djava.io.tmpdir="$home/tmp" \
  -Dlog4j2.disable.jmx=true -Dopensearch.path.home="$home" -Dopensearch.path.conf="$home/config" -Dopensearch.distribution.type=tar -Dopensearch.bundled_jdk=false \
  -cp "$home/lib/*" org.opensearch.bootstrap.OpenSearch) >"$dir/log" 2>&1 & node=$!
for _ in $(seq 240); do
  curl -fs "$at/_cluster/health" >/dev/null && break
  kill -0 $node 2>/dev/null || break
  sleep 0.5
done
curl -fs "$at/_cluster/health" >/dev/null || { tail -30 "$dir/log"; fail "OpenSearch does not start"; }

# ---- templates, events, questions ----

for sample in samples/*.pcap; do "$program" -r "$sample" -o json 2>/dev/null; done >"$dir/events.json"
"$program" schema >"$dir/schema.json"
for engine in opensearch elasticsearch; do
  # contrib/README.md: the commands that load a template
  loading=$(sed -n '/^```sh/,/^```$/{/^curl/p}' contrib/README.md | sed "s|contrib/elasticsearch/|contrib/$engine/|")
  [ "$(grep -c . <<<"$loading")" = 2 ] || fail "contrib/README.md does not say how to load two templates"
  said=$(URL=$at bash -ec "curl() { command curl -sS \"\$@\"; }; $loading")
  [ "$said" = '{"acknowledged":true}{"acknowledged":true}' ] || fail "$engine: a template is refused: $said"
  python3 tests/opensearch/ask.py "$at" $engine "$dir/events.json" "$dir/schema.json" || fail "$engine: not what was expected"
done

# ---- rsyslog as contrib/ has it: from the sensor's file into the index, and nothing twice ----

for stream in logs-smtpscope-default metrics-smtpscope.stats-default; do curl -fsS -X DELETE "$at/_data_stream/$stream" >/dev/null; done
mkdir "$dir/watched" "$dir/work"
# A queue that is too small for them all: reading must wait for the index.
sed "s|queue.size=\"20000\"|queue.size=\"2000\"|; s|/var/log/smtpscope/|$dir/watched/|; s|serverport=\"9200\"|serverport=\"$port\"|; s|/var/log/smtpscope-|$dir/|" contrib/rsyslog/index.conf >"$dir/index.conf"
{ echo "global(workDirectory=\"$dir/work\")"; cat "$dir/index.conf"; } >"$dir/rsyslog.conf"
rsyslogd -n -f "$dir/rsyslog.conf" -i "$dir/pid" >"$dir/rsyslog.log" 2>&1 & rsyslog=$!
wanted=$(jq -c 'select(.event.dataset != "smtpscope.stats") | .event.id' "$dir/events.json" | sort -u | wc -l)
stats=$(grep -c '"dataset":"smtpscope.stats"' "$dir/events.json")
counted() { curl -fsS "$at/$1/_count" 2>/dev/null | jq .count; }
arrived() {
  for _ in $(seq 150); do
    curl -fsS -X POST "$at/_refresh" >/dev/null
    [ "$(counted logs-smtpscope-default)/$(counted metrics-smtpscope.stats-default)" = "$1" ] && return
    sleep 0.5
  done
  cat "$dir/rsyslog.log" "$dir/refused.json" 2>/dev/null | cut -c1-2000 || true
  fail "rsyslog: $(counted logs-smtpscope-default) events and $(counted metrics-smtpscope.stats-default) of stats, expected $1"
}
cp "$dir/events.json" "$dir/watched/eth0.json"
arrived "$wanted/$stats"
grep -v '"dataset":"smtpscope.stats"' "$dir/events.json" >"$dir/watched/eth1.json" # another sensor has seen the same; then something new
new=$(head -1 "$dir/watched/eth1.json" | jq -c '.event.id = "new-1"')
{ jq -c '.event.id = "new-2" | .source.ip = "no address"' <<<"$new"; echo "$new"; } >>"$dir/watched/eth1.json"
arrived "$((wanted + 1))/$stats"
grep -q 'no address' "$dir/refused.json" || fail "rsyslog: of what the index refuses nothing is said"
echo "rsyslog: $wanted events and $stats of stats in the index, those sent twice once"
