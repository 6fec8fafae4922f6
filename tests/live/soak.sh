#!/bin/bash
# A sensor for a long time: real Postfix traffic and generated noise, rotation, a sink that stops and goes on, an interface that goes down and
# comes up, SIGHUP now and then. Its memory must stay flat, and every event and session must be accounted for: seen = written + dropped.
#   tests/live/soak.sh          20 minutes, a file a minute
#   tests/live/soak.sh short    75 seconds, a file every 10: what CI runs
# Needs root; installs what is missing. Prints a report (tests/live/README.md holds one).
set -u
[ "$(id -u)" = 0 ] || { echo "needs root for network namespaces"; exit 77; }
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
build=${BUILD:-build}
if [ "${1:-}" = short ]; then
  seconds=75 rotate=10 hup=7 down=25 stop=20 noise=1000000
else
  seconds=1200 rotate=60 hup=45 down=240 stop=150 noise=200000 # the noise makes five times as many octets of events
fi

a=soak-a-$$ b=soak-b-$$
dir=$(mktemp -d /tmp/soak.XXXXXX)
log=/var/log/smtpscope-soak-$$.log
chmod 755 "$dir"
mkdir "$dir/out" && chown nobody "$dir/out"
pids=""
. tests/live/mail_server.sh
trap 'kill -CONT ${listener:-$$} 2>/dev/null; remove_network; [ -n "${KEEP:-}" ] || rm -rf "$dir" "$log"' EXIT # KEEP=1 keeps all
fail() { echo "FAILED: $*"; tail -20 "$dir/err"; exit 1; }
install_missing postfix swaks iproute2 jq python3 || exit 1
make_network || exit 1
start_postfix "$log" || exit 1
"$build/tests/bench/generate" auth 4 "$dir/auth.pcap" "$dir/truth"
"$build/tests/bench/generate" mixed 4 "$dir/mixed.pcap" "$dir/truth"

# ---- who takes part ----

ip netns exec $b python3 tests/live/listener.py 5140 "$dir/received" & listener=$!; pids="$pids $listener"
sleep 0.5
kinds=session,command,auth,message,finding
ip netns exec $b "$program" -i lb$$ -Z nobody --stats 5 --metrics "$dir/out/x.prom" \
  -o json --events $kinds --rotate-interval ${rotate}s -O "$dir/out/events-%H%M%S.json" \
  -o json --events $kinds -O tcp:127.0.0.1:5140 -o json --events stats -O "$dir/out/stats.json" tcp 2>"$dir/err" & scope=$!; pids="$pids $scope"
sleep 1
kill -0 $scope || fail "the sensor does not start"

mail() { # until it is told to end: sessions that succeed, that are refused, that log in
  local i=0
  while [ ! -e "$dir/enough" ]; do
    i=$((i + 1))
    ip netns exec $a timeout 60 smtp-source -s 3 -m 30 -l 2000 -f alice@example.org -t bob@example.org 192.0.2.25:25 2>>"$dir/source"
    [ $((i % 5)) = 0 ] && ip netns exec $a timeout 30 swaks --server 192.0.2.25 --from alice@example.org --to nobody@example.org >/dev/null 2>&1
    sleep 1
  done
}
sample() { # seconds since the start, KiB resident, clock ticks of CPU
  while kill -0 $scope 2>/dev/null; do
    echo "$((SECONDS - started)) $(awk '/^VmRSS/ { print $2 }' /proc/$scope/status) $(awk '{ print $14 + $15 }' /proc/$scope/stat)"
    sleep 1
  done
}
started=$SECONDS
mail & mail=$!
ip netns exec $a python3 tests/live/noise.py la$$ "$dir/auth.pcap" $noise >"$dir/noise" & noise1=$!
ip netns exec $a python3 tests/live/noise.py la$$ "$dir/mixed.pcap" $((noise / 2)) >"$dir/noise2" & noise2=$!
sample >"$dir/rss" & sampler=$!
pids="$pids $mail $noise1 $noise2 $sampler"

# ---- what happens to the sensor ----

hups=0 downs=0 stops=0 stopped=0 next_hup=$hup next_down=$down
next_stop=$((seconds / 5)) # once early, once late, so that the memory of both can be compared
while now=$((SECONDS - started)); [ $now -lt $seconds ]; do
  kill -0 $scope 2>/dev/null || fail "the sensor ended after $now seconds"
  if [ $now -ge $next_hup ]; then # as logrotate does, every other time
    last=$(ls -t "$dir"/out/events-*.json | head -1)
    [ $((hups % 2)) = 0 ] && mv "$last" "$last.moved"
    kill -HUP $scope
    hups=$((hups + 1)) next_hup=$((now + hup))
  fi
  if [ $now -ge $next_down ]; then
    ip -n $b link set lb$$ down; sleep 2; ip -n $b link set lb$$ up
    downs=$((downs + 1)) next_down=$((now + down))
  fi
  if [ $stopped = 0 ] && [ $now -ge $next_stop ] && [ $stops -lt 2 ]; then
    kill -STOP $listener; stopped=$now
  elif [ $stopped != 0 ] && [ $now -ge $((stopped + stop)) ]; then
    kill -CONT $listener; stopped=0
    stops=$((stops + 1)) next_stop=$((seconds * 3 / 5))
  fi
  sleep 1
done
kill -CONT $listener
touch "$dir/enough"
kill $noise1 $noise2; wait $noise1 $noise2
wait $mail
for _ in $(seq 100); do # what waits has time to go
  sleep 0.2
  [ "$(sed -n 's/^smtpscope_sink_queued_events.*tcp.* //p' "$dir/out/x.prom")" = 0 ] && break
done
kill -TERM $scope; wait $scope; status=$?
kill -TERM $listener; wait $listener
ip netns exec $b awk '/^Tcp:/ && $7 + 0 == $7 { print $7 }' /proc/net/snmp >"$dir/opens" # connections that this side accepted
[ $status = 0 ] || fail "the sensor ended with status $status"
[ "$hups" -gt 2 ] && [ "$downs" -gt 1 ] && [ "$stops" -gt 1 ] || fail "too little happened: $hups SIGHUPs, $downs times down, $stops stops"

echo "$(date -u +%F), $(nproc) virtual cores ($(uname -m), Linux $(uname -r)), $("$program" --version | head -1), $0 ${1:-}: $seconds seconds;"
echo "SIGHUP $hups times, the interface down $downs times, the listener stopped $stops times for $stop s; noise: $(cat "$dir/noise"), $(cat "$dir/noise2")"
python3 tests/live/judge.py "$dir" "$log" || { tail -20 "$dir/err"; exit 1; }
