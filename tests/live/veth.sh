#!/bin/bash
# Live, for real: two network namespaces, a veth pair, a scripted server and client, smtpscope on the interface, tcpdump-like file beside it.
# The events of the live run and of the file must be the same. Needs root; exits 77 without.
set -u
[ "$(id -u)" = 0 ] || { echo "needs root for network namespaces"; exit 77; }
command -v ip >/dev/null || { echo "needs iproute2"; exit 77; }
command -v tcpdump >/dev/null || { echo "needs tcpdump"; exit 77; }
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
peer=${BUILD:-build}/tests/smtp_peer
a=scope-a-$$ b=scope-b-$$
dir=$(mktemp -d)
pids=""
cleanup() {
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill $pids 2>/dev/null
  ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null
  rm -rf "$dir"
}
trap cleanup EXIT

ip netns add $a && ip netns add $b || { echo "cannot make network namespaces here"; exit 77; }
ip netns exec $a true 2>/dev/null || { echo "cannot run in a network namespace here"; exit 77; }
ip link add sa-$$ netns $a type veth peer name sb-$$ netns $b || { echo "cannot make a veth pair here"; exit 77; }
ip -n $a addr add 192.0.2.10/24 dev sa-$$; ip -n $a link set sa-$$ up; ip -n $a link set lo up
ip -n $b addr add 192.0.2.25/24 dev sb-$$; ip -n $b link set sb-$$ up; ip -n $b link set lo up

ip netns exec $b tcpdump -q -U -i sb-$$ -w "$dir/file.pcap" 2>"$dir/tcpdump" & pids="$pids $!"; dump=$!
ip netns exec $b "$program" -i sb-$$ -o json -O "$dir/live.json" tcp 2>"$dir/err" & pids="$pids $!"; scope=$!
ip netns exec $b "$program" -i sb-$$ -o json -O "$dir/two.json" --workers 2 tcp 2>"$dir/err2" & pids="$pids $!"; two=$!
ip netns exec $b "$program" -i sb-$$ -o json -O "$dir/left.json" --fanout 7 tcp 2>"$dir/err3" & pids="$pids $!"; left=$!
ip netns exec $b "$program" -i sb-$$ -o json -O "$dir/right.json" --fanout 7 tcp 2>"$dir/err4" & pids="$pids $!"; right=$!
ip netns exec $b "$peer" server 192.0.2.25 25 2 & pids="$pids $!"; server=$!
for _ in $(seq 50); do grep -q listening "$dir/tcpdump" && break; sleep 0.1; done
sleep 0.5
ip netns exec $a "$peer" client 192.0.2.25 25 || { echo "the client failed"; exit 1; }
ip netns exec $a "$peer" client-open 192.0.2.25 25 & pids="$pids $!"; open=$! # a session that is open when smtpscope ends
sleep 1.5
kill -TERM $scope; wait $scope; status=$?
kill -TERM $two; wait $two || status=$?
kill -TERM $left $right; wait $left || status=$?; wait $right || status=$?
kill -INT $dump; wait $dump
kill $open $server 2>/dev/null

[ $status = 0 ] || { echo "smtpscope ended with status $status"; cat "$dir"/err*; exit 1; }
"$program" -r "$dir/file.pcap" -o json tcp >"$dir/file.json" 2>/dev/null
# frame numbers, times of arrival at two sockets and the sensor's own fields may differ
facts='select(.event.dataset != "smtpscope.stats") | del(.observer, ."@timestamp", .smtp.packet, .event.duration, .event.start, .event.end,
  .event.id, .smtp.session.id, .smtp.watch.sessions, .source.packets, .destination.packets)'
jq -cS "$facts" "$dir/live.json" | sort >"$dir/live.facts"
jq -cS "$facts" "$dir/file.json" | sort >"$dir/file.facts"
if ! diff "$dir/live.facts" "$dir/file.facts"; then
  echo "live (<) and file (>) differ"
  exit 1
fi
cat "$dir/left.json" "$dir/right.json" >"$dir/both.json"
for other in two both; do # two workers of one process; two processes that share
  jq -cS "$facts" "$dir/$other.json" | sort >"$dir/$other.facts"
  diff "$dir/live.facts" "$dir/$other.facts" || { echo "one worker (<) and $other (>) differ"; exit 1; }
done
grep -q '"split":0' <(jq -cS .smtp.stats.sessions "$dir/two.json") || { echo "connections were split between workers"; exit 1; }
n=$(grep -c '"smtpscope.session"' "$dir/live.facts")
[ "$n" = 2 ] || { echo "$n sessions, expected 2 (one of them still open at the end)"; exit 1; }
grep -q '"close":"eof"' "$dir/live.facts" || { echo "the open session was not reported at SIGTERM"; exit 1; }
grep -q '"dropped":{"interface":0,"kernel":0}' <(jq -cS .smtp.stats.packets "$dir/live.json") || { echo "frames were dropped"; exit 1; }
echo "$n sessions live and from the file, the same events"
