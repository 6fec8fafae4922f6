#!/bin/bash
# Outputs that fail, signals, and surroundings that lack something (reliability R60 to R66), each named after its row. Interfaces are in
# tests/live/outputs.sh, sinks by themselves in tests/unit/test_sink.c, every field in tests/unit/test_hostile.c.
set -u
. tests/support/script.sh
sample=$PWD/samples/first-look.pcap
cleanup() { umount "$dir/small" 2>/dev/null; }
chmod 755 "$dir"

whole_lines() { # of the files, but for a last one that may be cut
  cat "$@" >"$dir/lines"
  [ -z "$(tail -c 1 "$dir/lines")" ] || sed -i '$d' "$dir/lines"
  jq -e . "$dir/lines" >/dev/null
}
events() { jq -c 'select(.event.dataset != "smtpscope.stats") | [.smtp.session.id, .event.sequence]' "$@" 2>/dev/null | sort; }

# one long capture: all samples behind one another, many times
python3 - samples/*.pcap >"$dir/long.pcap" <<'PY'
import struct, sys
head, body = None, b''
for path in sys.argv[1:]:
    octets = open(path, 'rb').read()
    if octets[:4] == b'\xd4\xc3\xb2\xa1' and octets[20:24] == b'\x01\0\0\0':
        head, body = head or octets[:24], body + octets[24:]
sys.stdout.buffer.write(head + body * 12)
PY
"$program" -r "$dir/long.pcap" -o json >"$dir/whole" 2>"$dir/err"
events "$dir/whole" >"$dir/whole.events"
lines=$(wc -l <"$dir/whole")
expect "a long capture" test "$lines" -gt 5000

# R60: no room
if [ -w /dev/full ]; then
  "$program" -r "$sample" -o json >/dev/full 2>"$dir/err"
  expect "R60 standard output is full: status 1" test $? = 1
  expect "R60 standard output is full: said once" test "$(grep -c 'No space left' "$dir/err")" = 1
  "$program" -r "$sample" -o json -O /dev/full >"$dir/out" 2>"$dir/err"
  expect "R60 a file is full: status 1 and its name" test $? = 1 -a -n "$(grep '/dev/full.*No space left' "$dir/err")"
fi
mkdir "$dir/small"
if mount -t tmpfs -o size=256k,mode=777 smtpscope-test "$dir/small" 2>/dev/null; then
  timeout 20 "$program" -r "$dir/long.pcap" -o json -O "$dir/small/out.json" 2>"$dir/err"
  expect "R60 a disk that runs full, offline: status 1" test $? = 1
  expect "R60 a disk that runs full: said once" test "$(grep -c 'No space left' "$dir/err")" = 1
  expect "R60 a disk that runs full: whole lines" whole_lines "$dir/small/out.json"
  rm "$dir/small/out.json"
  "$program" -r "$sample" -o json -O "$dir/small/out.json" 2>"$dir/err"
  expect "R60 room again: all is well" test $? = 0 -a "$(wc -l <"$dir/small/out.json")" -gt 5
fi
"$program" -r "$sample" -O "$dir/no/file" >"$dir/out" 2>"$dir/err"
expect "R60 no such directory: status 1 and its name" test $? = 1 -a -n "$(grep "$dir/no/file" "$dir/err")"

# R61: the reader goes away
"$program" -r "$dir/long.pcap" -o json 2>"$dir/err" | head -1 >"$dir/out"
expect "R61 head -1: status 0" test "${PIPESTATUS[0]}" = 0
expect "R61 head -1: quiet" test ! -s "$dir/err"
"$program" -r "$dir/long.pcap" -o text 2>"$dir/err" | head -1 >"$dir/out"
expect "R61 head -1 of the transcript: status 0, quiet" test "${PIPESTATUS[0]}" = 0 -a ! -s "$dir/err"

# R62: the reader takes a rest
"$program" -r "$dir/long.pcap" -o json 2>"$dir/err" | { head -c 1; sleep 1.5; cat; } >"$dir/out"
expect "R62 a reader that rests, offline: it is waited for" cmp -s "$dir/out" "$dir/whole"

# R63: signals while it reads and writes
mkdir -m 777 "$dir/log"
slowly() { # the capture in pieces, so that signals meet it at work
  local n=0 size
  size=$(stat -c %s "$dir/long.pcap")
  while [ $n -lt "$size" ]; do
    tail -c +$((n + 1)) "$dir/long.pcap" | head -c 150000
    n=$((n + 150000))
    sleep 0.03
  done
}
"$program" -r - -o json < <(slowly) >"$dir/out" 2>"$dir/err" & pid=$!
for _ in $(seq 10); do sleep 0.05; kill -USR1 $pid 2>/dev/null; done
wait $pid
expect "R63 SIGUSR1 under load: status 0, same octets" test $? = 0 -a -z "$(cmp "$dir/out" "$dir/whole" 2>&1)"
expect "R63 SIGUSR1 under load: a line each" test "$(grep -c "frames, .* connections open" "$dir/err")" -ge 5

for do in 'rm "$dir/log/a.json"' 'chmod 400 "$dir/log/a.json"' 'mv "$dir/log/a.json" "$dir/log/b.json"'; do
  rm -f "$dir"/log/*
  "$program" -r - -o json -O "$dir/log/a.json" < <(slowly) 2>"$dir/err" & pid=$!
  sleep 0.3; exec 5<"$dir/log/a.json"; eval "$do"; wait $pid
  expect "R63 ${do%% *} of a file that is open: status 0" test $? = 0
  expect "R63 ${do%% *} of a file that is open: same octets in it" cmp -s /dev/fd/5 "$dir/whole"
  exec 5<&-
done

rm -f "$dir"/log/*
"$program" -r - -o json -O "$dir/log/a.json" < <(slowly) 2>"$dir/err" & pid=$!
sleep 0.5; { kill -HUP $pid; wait $pid; } 2>/dev/null
expect "R63 SIGHUP ends a run over files: no torn line" whole_lines "$dir/log/a.json"

rm -f "$dir"/log/*
"$program" -r - -o json -O "$dir/log/a.json" < <(slowly) 2>"$dir/err" & pid=$!
sleep 0.5; kill -TERM $pid; wait $pid
expect "R63 SIGTERM under load: status 0" test $? = 0
expect "R63 SIGTERM under load: no torn line" test -s "$dir/log/a.json" -a -z "$(jq -e . "$dir/log/a.json" 2>&1 >/dev/null)"
expect "R63 SIGTERM under load: the last line is the stats" test "$(tail -1 "$dir/log/a.json" | jq -r .event.dataset)" = smtpscope.stats

# R64: killed at any moment
bad=0 torn=0
for i in $(seq 12); do
  rm -f "$dir"/log/*
  "$program" -r "$dir/long.pcap" -o json -O "$dir/log/a.json" 2>/dev/null & pid=$!
  sleep "0.0$((i % 9 + 1))"
  kill -KILL $pid 2>/dev/null; wait $pid 2>/dev/null
  [ -e "$dir/log/a.json" ] || continue
  [ -z "$(tail -c 1 "$dir/log/a.json")" ] || torn=$((torn + 1))
  whole_lines "$dir/log/a.json" || [ ! -s "$dir/lines" ] || bad=$((bad + 1))
done
expect "R64 kill -9: whole lines but for the last" test $bad = 0

# R65: the transcript of every sample, as a terminal gets it
"$program" -r "$dir/long.pcap" -vv -o text >"$dir/out" 2>"$dir/err"
expect "R65 no control octets" test -z "$(tr -d '\n\t\040-\176\200-\377' <"$dir/out")"
expect "R65 valid UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null "$dir/out"

# R66: surroundings
"$program" -r "$sample" -o json >"$dir/plain" 2>/dev/null
"$program" -r "$sample" -o text >"$dir/plain.text" 2>/dev/null
for env in LANG=C LC_ALL=C LC_ALL=tr_TR.UTF-8 LANG=tr_TR LC_ALL=xx_XX TZ=Asia/Tokyo TZ=:/none TZ=rubbish; do
  env "$env" "$program" -r "$sample" -o json >"$dir/out" 2>"$dir/err"
  expect "R66 $env: status 0, same octets" test $? = 0 -a -z "$(cmp "$dir/out" "$dir/plain" 2>&1)"
  env "$env" "$program" -r "$sample" -o text >"$dir/out" 2>"$dir/err"
  expect "R66 $env: same transcript" cmp -s "$dir/out" "$dir/plain.text"
done
env -i "$program" -r "$sample" -o json >"$dir/out" 2>"$dir/err"
expect "R66 no environment, so no HOME: same octets" cmp -s "$dir/out" "$dir/plain"
"$program" -r "$sample" -o json <&- >"$dir/out" 2>"$dir/err"
expect "R66 closed standard input: same octets" cmp -s "$dir/out" "$dir/plain"
"$program" -r - -o json <&- >"$dir/out" 2>"$dir/err"
expect "R66 closed standard input that is to be read: status 1, why" test $? = 1 -a -s "$dir/err"
"$program" -r "$sample" -o json >&- 2>"$dir/err"
expect "R66 closed standard output: status 1, why" test $? = 1 -a -n "$(grep 'standard output' "$dir/err")"
"$program" -r "$sample" -o json -O "$dir/log/closed.json" >&- 2>"$dir/err"
expect "R66 closed standard output that nobody needs" test $? = 0 -a -z "$(cmp "$dir/log/closed.json" "$dir/plain" 2>&1)"
"$program" -r "$sample" -o json >"$dir/out" 2>&-
expect "R66 closed standard error: same octets" cmp -s "$dir/out" "$dir/plain"
"$program" -r "$dir/none" -o json -O "$dir/log/d.json" 2>&-
expect "R66 closed standard error: its words are nowhere else" test $? = 1 -a -z "$(grep -a cannot "$dir/log/d.json" 2>/dev/null)"
"$program" -r "$sample" -o json -O "$dir/log/e.json" <&- >&- 2>&-
expect "R66 all three closed" test $? = 0 -a -z "$(cmp "$dir/log/e.json" "$dir/plain" 2>&1)"
(ulimit -n 8; "$program" -r "$sample" -o json >"$dir/out" 2>"$dir/err")
status=$?
expect "R66 eight files: same octets, or why not" test $status = 0 -a -z "$(cmp "$dir/out" "$dir/plain" 2>&1)" -o \( $status = 1 -a -s "$dir/err" \)
mkdir "$dir/locked" && chmod 555 "$dir/locked"
(cd "$dir/locked" && "$program" -r "$sample" -o json >"$dir/out" 2>"$dir/err")
expect "R66 a directory without write permission: same octets" cmp -s "$dir/out" "$dir/plain"
(cd "$dir/locked" && rmdir "$dir/locked" && "$program" -r "$sample" -o json >"$dir/out" 2>"$dir/err")
expect "R66 a directory that is gone: same octets" cmp -s "$dir/out" "$dir/plain"

finish
