#!/bin/bash
# A sensor under load whose outputs fail, who is sent signals, or killed (reliability R56, R60, R62 to R64). Needs root; exits 77 without.
set -u
[ "$(id -u)" = 0 ] || { echo "needs root for network namespaces"; exit 77; }
command -v ip >/dev/null || { echo "needs iproute2"; exit 77; }
. tests/support/script.sh
a=scope-e-$$ b=scope-f-$$
chmod 755 "$dir"; mkdir -m 777 "$dir/log" "$dir/small"
pids=""
cleanup() {
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
  ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null
  umount "$dir/small" 2>/dev/null
}
wait_for() { # a command that comes true within five seconds
  for _ in $(seq 50); do "$@" && return; sleep 0.1; done
  return 1
}
lines_of() { [ -z "$(jq -e . "$@" 2>&1 >/dev/null)" ]; }

ip netns add $a && ip netns add $b || { echo "cannot make network namespaces here"; exit 77; }
ip netns exec $a true 2>/dev/null || { echo "cannot run in a network namespace here"; exit 77; }
ip link add se-$$ netns $a type veth peer name sf-$$ netns $b || { echo "cannot make a veth pair here"; exit 77; }
ip -n $a link set se-$$ up; ip -n $b link set sf-$$ up

# Sends the frames of the samples, again and again with other addresses, until it is killed or has done so $1 times.
cat >"$dir/send.py" <<'PY'
import glob, socket, struct, sys, time
frames = []
for path in sorted(glob.glob('samples/postfix-*.pcap')):
    octets, at = open(path, 'rb').read(), 24
    if octets[20:24] != b'\x01\0\0\0':
        continue
    while at < len(octets):
        n = struct.unpack_from('<I', octets, at + 8)[0]
        frames.append(octets[at + 16:at + 16 + n])
        at += 16 + n
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
frames = [bytearray(f) for f in frames if len(f) <= 1514 and f[12:14] == b'\x08\0']
for turn in range(int(sys.argv[2])):
    for i, f in enumerate(frames):
        f[27] = f[31] = turn & 255 # of both addresses alike
        try:
            out.send(f)
        except OSError:
            pass
        if i % 200 == 0:
            time.sleep(0.002)
PY
load() { ip netns exec $a python3 "$dir/send.py" se-$$ "$1" & pids="$pids $!"; sender=$!; }
sensor() { ip netns exec $b "$program" -i sf-$$ -Z nobody "$@" 2>"$dir/err" & scope=$!; pids="$pids $!"; sleep 0.6; }
stop() { kill -TERM $scope; wait $scope; status=$?; }

# R56: it cannot begin
ip netns exec $b "$program" -i none-$$ 2>"$dir/err"
expect "R56 no such interface: status 1, what to do" test $? = 1 -a -n "$(grep 'no such interface; .ip link. lists them' "$dir/err")"
ip -n $b link add sg-$$ type veth peer name sh-$$
ip netns exec $b "$program" -i sg-$$ 2>"$dir/err"
expect "R56 an interface that is down: status 1, what to do" test $? = 1 -a -n "$(grep 'ip link set sg-.* up' "$dir/err")"
ip netns exec $b "$program" -i sf-$$ 'tcp porst 25' 2>"$dir/err"
expect "R56 a wrong filter: status 2" test $? = 2 -a -s "$dir/err"
if cp "$program" "$dir/smtpscope" && setpriv --reuid 65534 --clear-groups "$dir/smtpscope" --version >/dev/null 2>&1; then
  ip netns exec $b setpriv --reuid 65534 --clear-groups --bounding-set=-all "$dir/smtpscope" -i sf-$$ 2>"$dir/err"
  expect "R56 no permission: status 1, what to do" test $? = 1 -a -n "$(grep 'setcap' "$dir/err")"
fi
sensor -o json -O "$dir/log/n.json" 'tcp port 1'
load 1; wait $sender; sleep 0.3; stop
expect "R56 a filter that excludes everything: status 0, said" test $status = 0 -a -n "$(grep 'lets none through' "$dir/err")"

# R63: renamed, removed, made read-only, SIGHUP and SIGUSR1 under load
sensor -o json -O "$dir/log/a.json"
load 100; sleep 0.6
for i in $(seq 12); do
  sleep 0.15
  [ $((i % 3)) != 0 ] || mv "$dir/log/a.json" "$dir/log/a.json.$i"
  kill -HUP $scope; kill -USR1 $scope
done
kill $sender; sleep 0.3; stop
expect "R63 SIGHUP under load: status 0" test $status = 0
expect "R63 renamed: begun anew" test -s "$dir/log/a.json.3" -a -s "$dir/log/a.json.6" -a -e "$dir/log/a.json"
expect "R63 no torn line in any of them" lines_of "$dir"/log/a.json*
written=$(tail -1 "$dir/log/a.json" | jq .smtp.stats.events.written)
expect "R63 every event once" test "$(cat "$dir"/log/a.json* | jq -r .event.id | sort | uniq -d | wc -l)" = 0
expect "R63 as many as it says" test "$(cat "$dir"/log/a.json* | wc -l)" -ge "${written:-999999999}"
expect "R63 SIGUSR1 under load" grep -q "frames, .* connections open" "$dir/err"
rm -f "$dir"/log/*
sensor -o json -O "$dir/log/a.json"
load 100; sleep 0.5
rm "$dir/log/a.json"; kill -HUP $scope
expect "R63 removed: made anew" wait_for test -s "$dir/log/a.json"
mv "$dir/log/a.json" "$dir/log/b.json"; chmod 555 "$dir/log"; kill -HUP $scope
expect "R63 it cannot be made anew: said" wait_for grep -q a.json "$dir/err"
n=$(wc -l <"$dir/log/b.json")
more() { [ "$(wc -l <"$dir/log/b.json")" -gt "$n" ]; }
expect "R63 the old one goes on" wait_for more
chmod 777 "$dir/log"; kill $sender; stop
expect "R63 status 0" test $status = 0
expect "R63 no torn line" lines_of "$dir/log/b.json"

# R60: a disk that runs full and has room again
rm -f "$dir"/log/*
if mount -t tmpfs -o size=200k,mode=777 smtpscope-test "$dir/small" 2>/dev/null; then
  sensor -o json -O "$dir/small/a.json" --stats 1
  load 200
  expect "R60 full, live: said" wait_for grep -q "No space left" "$dir/err"
  sleep 1
  expect "R60 full, live: it goes on" kill -0 $scope
  mount -o remount,size=512m "$dir/small"
  n=$(wc -l <"$dir/small/a.json")
  grown() { [ "$(wc -l <"$dir/small/a.json")" -gt $((n + 100)) ]; }
  expect "R60 room again: it resumes" wait_for grown
  kill $sender; sleep 0.3; stop
  expect "R60 no torn line" lines_of "$dir/small/a.json"
  expect "R60 said once when full, once when over" test "$(wc -l <"$dir/err")" -le 4
fi

# R62: a reader that does not read; SIGTERM ends it all the same
mkfifo "$dir/log/fifo"
exec 7<>"$dir/log/fifo"
sensor -o json -O "$dir/log/other.json" -o json -O - >"$dir/log/fifo"
load 300; sleep 1.5
n=$(wc -l <"$dir/log/other.json")
more_there() { [ "$(wc -l <"$dir/log/other.json")" -gt "$n" ]; }
expect "R62 a reader that rests: other outputs go on" wait_for more_there
kill $sender
kill -TERM "$scope"; gone() { ! kill -0 "$scope" 2>/dev/null || grep -q "^State:.Z" /proc/$scope/status; }
for _ in 1 2; do wait_for gone && break; done
expect "R62 a reader that rests: SIGTERM ends it" gone
exec 7<&-

# R64: killed at any moment
bad=0
for i in 1 2 3 4 5; do
  rm -f "$dir"/log/*.json
  sensor -o json -l -O "$dir/log/a.json"
  load 3; sleep "0.$((i * 7))"
  kill -KILL $scope; wait $scope 2>/dev/null; kill $sender 2>/dev/null
  cp "$dir/log/a.json" "$dir/lines"
  [ -z "$(tail -c 1 "$dir/lines")" ] || sed -i '$d' "$dir/lines"
  lines_of "$dir/lines" || bad=$((bad + 1))
done
expect "R64 kill -9: whole lines but for the last" test $bad = 0

finish
