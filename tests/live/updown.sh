#!/bin/bash
# An interface that is taken down and up again while watched, and one that is removed (reliability R56), and what the sensor may
# still do (section 6). Needs root; exits 77 without.
set -u
[ "$(id -u)" = 0 ] || { echo "needs root for network namespaces"; exit 77; }
command -v ip >/dev/null || { echo "needs iproute2"; exit 77; }
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
peer=${BUILD:-build}/tests/smtp_peer
a=scope-c-$$ b=scope-d-$$
dir=$(mktemp -d)
pids=""
cleanup() {
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill $pids 2>/dev/null
  ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null
  rm -rf "$dir"
}
trap cleanup EXIT
fail() { echo "$*"; cat "$dir/err"; exit 1; }
sessions() { grep -c '"smtpscope.session"' "$dir/live.json"; }
wait_for() { # what, a command that comes true within five seconds
  local what=$1
  shift
  for _ in $(seq 50); do "$@" && return; sleep 0.1; done
  fail "$what"
}
said() { grep -q "$1" "$dir/err"; }
counted() { [ "$(sessions)" = "$1" ]; }

ip netns add $a && ip netns add $b || { echo "cannot make network namespaces here"; exit 77; }
ip netns exec $a true 2>/dev/null || { echo "cannot run in a network namespace here"; exit 77; }
ip link add sc-$$ netns $a type veth peer name sd-$$ netns $b || { echo "cannot make a veth pair here"; exit 77; }
ip -n $a addr add 192.0.2.10/24 dev sc-$$; ip -n $a link set sc-$$ up
ip -n $b addr add 192.0.2.25/24 dev sd-$$; ip -n $b link set sd-$$ up

ip netns exec $b "$program" -i sd-$$ -o json -O "$dir/live.json" tcp 2>"$dir/err" & pids="$pids $!"; scope=$!
ip netns exec $b "$peer" server 192.0.2.25 25 5 & pids="$pids $!"
sleep 0.7
if [ "$(readlink -f "/proc/$scope/exe")" = "$(readlink -f "$program")" ] && ! nm "$program" 2>/dev/null | grep -qE "__asan_init|__gcov_init"; then
  for line in "^Uid:.*65534.*65534.*65534.*65534" "^CapEff:.*0000000000000000" "^CapBnd:.*0000000000000000" "^NoNewPrivs:.*1" "^Seccomp:.*2"; do
    grep -q "$line" /proc/$scope/status || { cat /proc/$scope/status; fail "a running sensor still has rights: no $line"; }
  done
fi
timeout 20 ip netns exec $a "$peer" client 192.0.2.25 25 || fail "the client failed"
wait_for "no session before" counted 1
ip -n $b link set sd-$$ down
wait_for "nothing said of an interface that is down" said "the interface is down"
spent() { awk '{print $14 + $15}' /proc/$scope/stat; } # clock ticks
before=$(spent); sleep 1; after=$(spent)
[ $((after - before)) -lt 30 ] || fail "it spins while the interface is down"
ip -n $b link set sd-$$ up; sleep 1
timeout 20 ip netns exec $a "$peer" client 192.0.2.25 25 || fail "the second client failed"
wait_for "no session after the interface was up again" counted 2
said "capturing again" || fail "nothing said of an interface that is up again"
ip -n $b link del sd-$$
wait_for "nothing said of an interface that is gone" said "the interface is gone"
sleep 1.5; ip link add sc-$$ netns $a type veth peer name sd-$$ netns $b
ip -n $a addr add 192.0.2.10/24 dev sc-$$; ip -n $a link set sc-$$ up
ip -n $b addr add 192.0.2.25/24 dev sd-$$; ip -n $b link set sd-$$ up
sleep 4
timeout 20 ip netns exec $a "$peer" client 192.0.2.25 25 || fail "the third client failed"
wait_for "no session after the interface was made anew" counted 3
kill -TERM $scope; wait "$scope"; status=$?
[ $status = 0 ] || fail "status $status at the end, expected 0"

# workers share it: their sockets cannot be bound again
ip netns exec $b "$program" -i sd-$$ -o json -O "$dir/live.json" --workers 2 tcp 2>"$dir/err" & pids="$pids $!"; scope=$!
sleep 0.7
ip -n $b link del sd-$$
wait "$scope"; status=$?
[ $status = 1 ] || fail "status $status of workers after the interface was removed, expected 1"
said "takes rights that were given up" || fail "nothing said of why it ends"
echo "down, up, removed, made anew: 3 sessions"
