#!/bin/bash
# --metrics: the file is what Prometheus' text format (0.0.4) demands, says what the last stats event says, and is never seen half.
# promtool judges it too where it is installed.
set -u
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 777 "$dir" # the program writes as nobody when root starts it
fail() { echo "$*"; exit 1; }

# a frame of server text is missing that the client acknowledged
python3 - samples/first-look.pcap "$dir/gap.pcap" <<'PY' || exit 1
import struct, sys
data, at, out, cut = open(sys.argv[1], 'rb').read(), 24, b'', 0
out = data[:24]
while at < len(data):
    n = struct.unpack('<I', data[at + 8:at + 12])[0]
    if not cut and b'250-' in data[at:at + 16 + n]: cut = n
    else: out += data[at:at + 16 + n]
    at += 16 + n
if not cut: sys.exit('nothing to cut')
open(sys.argv[2], 'wb').write(out)
PY
chmod 644 "$dir/gap.pcap"
all=(-r "$dir/gap.pcap"); for s in samples/*.pcap; do all+=(-r "$s"); done
"$program" "${all[@]}" -o json -O "$dir/a\"b.json" -o json --events stats -O - --metrics "$dir/x.prom" >"$dir/stats.json" || fail "status $?"
(umask 077; "$program" -r "$dir/gap.pcap" -o json -O "$dir/closed.json" --metrics "$dir/open.prom") || fail "status $? with umask 077"
[ "$(stat -c '%a' "$dir/closed.json" "$dir/open.prom" | paste -sd ' ')" = "600 644" ] || fail "umask 077: $(ls -l "$dir")"
[ ! -e "$dir/x.prom.new" ] || fail "the file aside was left"

python3 - "$dir/x.prom" "$dir/stats.json" <<'PY' || exit 1
import json, re, sys
name, label = r'[a-z_]+', r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
line = re.compile(r'(%s)(?:\{(%s(?:,%s)*)\})? (\d+)$' % (name, label, label))
text = open(sys.argv[1], newline='').read()
if not text.endswith('\n'): sys.exit('the last line has no end')
seen, kind, last, value = set(), {}, None, {}
for l in text[:-1].split('\n'):
    m = re.match(r'# (HELP|TYPE) (%s) (.+)$' % name, l)
    if m and m[1] == 'HELP':
        if m[2] in kind: sys.exit('a second HELP: ' + l)
        last, kind[m[2]] = m[2], None
        continue
    if m:
        if m[2] != last or m[3] not in ('counter', 'gauge'): sys.exit('TYPE out of place: ' + l)
        kind[last] = m[3]
        continue
    m = line.match(l)
    if not m: sys.exit('not a sample: ' + l)
    if m[1] != last or not kind[last]: sys.exit('not behind its HELP and TYPE: ' + l)
    if (kind[last] == 'counter') != last.endswith('_total'): sys.exit('a counter ends in _total, and nothing else: ' + l)
    if (m[1], m[2]) in seen: sys.exit('twice: ' + l)
    seen.add((m[1], m[2]))
    value[m[1] + ('{%s}' % m[2] if m[2] else '')] = int(m[3])
events = [json.loads(l) for l in open(sys.argv[2])]
stats = [e for e in events if e['event']['action'] == 'stats'][-1]['smtp']['stats']
def same(metric, what):
    if value.get('smtpscope_' + metric) != what: sys.exit('%s is %s, the event says %s' % (metric, value.get('smtpscope_' + metric), what))
same('frames_total', stats['packets']['received'])
same('gap_bytes_total', stats['gap_bytes'])
if not stats['gap_bytes']: sys.exit('the gap is not counted')
same('connections_open_peak', stats['connections']['peak'])
same('sessions_total', stats['sessions']['total'])
same('sessions_closed_total{how="rst"}', stats['sessions']['rst'])
same('frames_ignored_total{reason="truncated"}', stats['packets']['ignored']['truncated'])
same('memory_bytes', stats['memory']['used'])
same('watch_memory_bytes', stats['memory']['watch'])
if not 0 < stats['memory']['watch'] < stats['memory']['used']: sys.exit('memory: %s' % stats['memory'])
same('events_dropped_total', 0)
sinks = [k for k in value if k.startswith('smtpscope_sink_events_total')]
if len(sinks) != 2 or not any(k.endswith('a\\"b.json"}') for k in sinks): sys.exit('sinks: %s' % sinks)
PY
"$program" -r samples/first-look.pcap -o json -O /dev/null --metrics "$dir/none/x.prom" 2>"$dir/err" && fail "a folder that is not there: status 0"
grep -q "no file can be begun in $dir/none" "$dir/err" || fail "says: $(cat "$dir/err")"
if command -v promtool >/dev/null; then
  promtool check metrics <"$dir/x.prom" || fail "promtool complains"
else
  echo "promtool is not installed"
fi
