#!/bin/bash
# contrib/ with the real programs and real events, those of all samples: jq, rsyslog, DuckDB, ClickHouse (chdb), a JSON Schema validator.
# Installs rsyslog, and the Python packages into $BUILD/contrib-venv.
set -u
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
build=${BUILD:-build}
dir=$(mktemp -d)
chmod 755 "$dir"
pids=""
cleanup() {
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill $pids 2>/dev/null
  wait 2>/dev/null
  rm -rf "$dir"
}
trap cleanup EXIT
passed=0 failed=0
ok() { passed=$((passed + 1)); }
fail() { echo "$*"; failed=$((failed + 1)); }
wait_for() { # seconds, a command that comes true
  local n=$(($1 * 10))
  shift
  for _ in $(seq $n); do "$@" && return; sleep 0.1; done
  return 1
}

for sample in samples/*.pcap; do "$program" -r "$sample" -o json 2>/dev/null; done >"$dir/events.json"
lines=$(wc -l <"$dir/events.json")
[ "$lines" -gt 2000 ] && ok || fail "only $lines events"

# ---- names: what contrib/ speaks of is in the schema ----
"$program" schema | jq -r 'def leaves($p): ([$p | join(".")]), (.properties? // {} | to_entries[] | .key as $k | .value | leaves($p + [$k]));
  .oneOf[] | leaves([]) | .[]' | sort -u >"$dir/names"
grep -rhoE '(smtp|source|destination|user|observer|email|network)(\.[a-z0-9_]+)+' contrib/splunk contrib/duckdb contrib/jq contrib/filebeat contrib/vector contrib/logstash |
  grep -vE '^(smtp|events)\.(json|parquet|sock)$' | sort -u >"$dir/used"
unknown=$(comm -23 "$dir/used" "$dir/names")
[ -z "$unknown" ] && [ "$(wc -l <"$dir/used")" -gt 20 ] && ok || fail "contrib/ names fields that are none: $unknown"

# ---- jq: each block of the recipes says something ----
n=0
while IFS= read -r command; do
  n=$((n + 1))
  (cd "$dir" && bash -o pipefail -c "$command" >out 2>err)
  status=$? # head closes its pipe early, which is 141
  { [ $status = 0 ] || [ $status = 141 ]; } && [ -s "$dir/out" ] && [ ! -s "$dir/err" ] && ok || fail "recipe $n: $command: status $status: $(cat "$dir/err")"
done < <(sed -n '/^```sh/,/^```$/{/^```/d;p}' contrib/jq/recipes.md)
[ $n -ge 7 ] && ok || fail "only $n recipes"

# ---- rsyslog ----
command -v rsyslogd >/dev/null || ${SUDO:-} apt-get install -y -qq --no-install-recommends rsyslog >/dev/null 2>&1
collected() { [ -e "$dir/collected" ] && [ "$(wc -l <"$dir/collected")" -ge "$1" ]; }
start_rsyslog() { # configuration of contrib
  sed "s|/var/log/smtpscope-collected.json|$dir/collected|; s|/var/log/smtpscope/|$dir/log/|; s|/run/smtpscope.sock|$dir/sock|; s|port=\"5140\"|port=\"$port\"|" \
    "contrib/rsyslog/$1" >"$dir/$1"
  { echo "global(workDirectory=\"$dir/work\")"; cat "$dir/$1"; } >"$dir/rsyslog.conf"
  rm -rf "$dir/collected" "$dir/work"
  mkdir -p "$dir/work"
  rsyslogd -N1 -f "$dir/rsyslog.conf" >"$dir/check" 2>&1 || fail "$1: $(cat "$dir/check")"
  rsyslogd -n -f "$dir/rsyslog.conf" -i "$dir/pid" >"$dir/rsyslog.log" 2>&1 &
  rsyslog=$!
  pids="$pids $rsyslog"
}
stop_rsyslog() { kill $rsyslog; wait $rsyslog 2>/dev/null; }
if command -v rsyslogd >/dev/null; then
  port=$((20000 + $$ % 20000))
  mkdir "$dir/log"
  start_rsyslog imfile.conf # half of it, then the file is renamed as logrotate does, then the rest into a new one
  head -1000 "$dir/events.json" >"$dir/log/eth0.json"
  wait_for 20 collected 1000 || fail "imfile: $(wc -l <"$dir/collected") of 1000 lines; $(cat "$dir/rsyslog.log")"
  mv "$dir/log/eth0.json" "$dir/log/eth0.json.1"
  tail -n +1001 "$dir/events.json" >"$dir/log/eth0.json"
  wait_for 20 collected "$lines"
  sleep 0.5
  cmp -s "$dir/collected" "$dir/events.json" && ok || fail "imfile: not what was written: $(wc -l <"$dir/collected") of $lines lines"
  stop_rsyslog

  start_rsyslog imptcp.conf
  wait_for 10 test -S "$dir/sock" || fail "imptcp: no socket; $(cat "$dir/rsyslog.log")"
  all=(); for s in samples/*.pcap; do all+=(-r "$s"); done
  "$program" "${all[@]}" -o json -O "$dir/direct" 2>/dev/null
  for where in "tcp:127.0.0.1:$port" "unix:$dir/sock"; do
    : >"$dir/collected"
    "$program" "${all[@]}" -o json -O "$where" 2>"$dir/err" || fail "$where: $(cat "$dir/err")"
    wait_for 20 collected "$(wc -l <"$dir/direct")"
    sleep 0.3
    # The last line counts what was written to which sink.
    cmp -s <(grep -v '"smtpscope.stats"' "$dir/collected") <(grep -v '"smtpscope.stats"' "$dir/direct") && ok ||
      fail "imptcp, $where: $(wc -l <"$dir/collected") of $(wc -l <"$dir/direct") lines"
    kill -HUP $rsyslog # so that the file is opened anew
  done
  stop_rsyslog
else
  fail "rsyslog cannot be had"
fi

# ---- Python: a validator, DuckDB, ClickHouse ----
venv=$build/contrib-venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check jsonschema duckdb chdb pyyaml >"$dir/pip.log" 2>&1 || fail "pip: $(tail -3 "$dir/pip.log")"
"$program" schema >"$dir/schema.json"
"$venv/bin/python" tests/contrib.py "$dir/events.json" "$dir/schema.json" && ok || fail "tests/contrib.py"

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
