#!/bin/bash
# Files that are none, are damaged, or come in another shape (reliability R50 to R55), each named after its row.
set -u
. tests/support/script.sh
sample=$PWD/samples/first-look.pcap
small=$PWD/tests/pcap/made/v36-lmtp.pcap
chmod 711 "$dir"

# name, expected status, fragment of the one or two lines of stderr (empty: nothing may be there), command...
try() {
  local name=$1 status=$2 said=$3
  shift 3
  timeout 60 "$@" >"$dir/out" 2>"$dir/err"
  expect "$name" test $? = "$status"
  expect "$name: lines of stderr" test "$(wc -l <"$dir/err")" -le 2
  if [ -n "$said" ]; then expect "$name: \"$said\"" grep -qF -- "$said" "$dir/err"; else expect "$name: quiet" test ! -s "$dir/err"; fi
}
sessions() { grep -c '"smtpscope.session"' "$dir/out"; }
facts() { jq -cS 'select(.event.dataset != "smtpscope.stats") | del(.smtp.packet)' "$1" | sed 's/\(\.[0-9]\{6\}\)000Z/\1Z/g'; }
same() { facts "$dir/out" >"$dir/a"; facts "$dir/whole" >"$dir/b"; cmp -s "$dir/a" "$dir/b"; }
capture() { python3 - "$small" "$@" <<'PY'
import struct, sys
source, kind, out = sys.argv[1:4]
octets = open(source, 'rb').read()
packets, at = [], 24
link = struct.unpack_from('<I', octets, 20)[0]
while at < len(octets):
    sec, usec, caplen, length = struct.unpack_from('<IIII', octets, at)
    packets.append([sec, usec, caplen, length, octets[at + 16:at + 16 + caplen]])
    at += 16 + caplen

def classic(order='<', magic=0xa1b2c3d4, unit=1, extra=b'', rows=packets):
    head = struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, 262144, link)
    return head + b''.join(struct.pack(order + 'IIII', s, u * unit, c, l) + extra + p for s, u, c, l, p in rows)

def block(order, kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack(order + 'II', kind, 12 + len(body)) + body + struct.pack(order + 'I', 12 + len(body))

def section(order='<'):
    return block(order, 0x0a0d0d0a, struct.pack(order + 'IHHq', 0x1a2b3c4d, 1, 0, -1))

def interface(order='<', options=b'', kind=None):
    return block(order, 1, struct.pack(order + 'HHI', link if kind is None else kind, 0, 262144) + options)

def packet(p, order='<', number=0, options=b''):
    t = p[0] * 1000000 + p[1]
    return block(order, 6, struct.pack(order + 'IIIII', number, t >> 32, t & 0xffffffff, p[2], p[3]) + p[4] + bytes(-p[2] % 4) + options)

def with_row(at, **change):
    rows = [list(p) for p in packets]
    fields = {'caplen': 2, 'len': 3, 'data': 4}
    for name, value in change.items():
        rows[at][fields[name]] = value
    return rows

half = len(packets) // 2
cut = packets[0][4]
kinds = {
    'big': lambda: classic('>'),
    'nano': lambda: classic('<', 0xa1b23c4d, 1000),
    'big-nano': lambda: classic('>', 0xa1b23c4d, 1000),
    'modified': lambda: classic('<', 0xa1b2cd34, 1, bytes(8)),
    'ng': lambda: section() + interface() + b''.join(packet(p) for p in packets),
    'ng-big': lambda: section('>') + interface('>') + b''.join(packet(p, '>') for p in packets),
    'ng-sections': lambda: section() + interface() + b''.join(packet(p) for p in packets[:half]) + section() + interface() +
        b''.join(packet(p) for p in packets[half:]),
    'ng-orders': lambda: section() + interface() + b''.join(packet(p) for p in packets[:half]) + section('>') + interface('>') +
        b''.join(packet(p, '>') for p in packets[half:]),
    'ng-interfaces': lambda: section() + interface() + interface() + b''.join(packet(p, '<', i % 2) for i, p in enumerate(packets)),
    'ng-unknown-blocks': lambda: section() + block('<', 0x0bad, b'who knows') + interface() +
        b''.join(packet(p) + block('<', 0x40000bad, b'') for p in packets),
    'ng-lying-options': lambda: section() + interface() + b''.join(packet(p, '<', 0, struct.pack('<HH', 1, 0xfff0) + b'hi') for p in packets),
    'ng-two-links': lambda: section() + interface() + interface('<', b'', 113) + b''.join(packet(p) for p in packets),
    'caplen-0': lambda: classic(rows=with_row(3, caplen=0, data=b'')),
    'over-snaplen': lambda: classic(rows=with_row(3, caplen=300000, len=300000, data=packets[3][4] + bytes(300000 - packets[3][2]))),
    'over-len': lambda: classic(rows=with_row(3, len=packets[3][2] - 10)),
    'len-0': lambda: classic(rows=with_row(3, len=0)),
    'huge': lambda: classic(rows=packets[:3]) + struct.pack('<IIII', 0, 0, 0xe8ffffff, 0xe8ffffff),
    'first-half': lambda: classic(rows=packets[:half]),
    'second-half': lambda: classic(rows=packets[half:]),
}
open(out, 'wb').write(kinds[kind]())
PY
}

# R50: what is no capture
: >"$dir/empty"
try "R50 an empty file" 1 "$dir/empty: the file is empty" "$program" -r "$dir/empty" -o json
for n in $(seq 1 23); do
  head -c "$n" "$sample" >"$dir/short"
  try "R50 $n octets" 1 "$dir/short: " "$program" -r "$dir/short" -o json
done
try "R50 no capture" 1 "Makefile: not a capture file" "$program" -r Makefile -o json
try "R50 a directory" 1 "$dir: is a directory" "$program" -r "$dir" -o json
try "R50 missing" 1 "$dir/none: cannot open: No such file" "$program" -r "$dir/none" -o json
try "R50 endless zeros" 1 "/dev/zero: not a capture file" "$program" -r /dev/zero -o json
cp "$sample" "$dir/locked" && chmod 0 "$dir/locked"
if [ "$(id -u)" != 0 ]; then
  try "R50 no permission" 1 "Permission denied" "$program" -r "$dir/locked" -o json
elif command -v setpriv >/dev/null && cp "$program" "$dir/smtpscope" && chmod 755 "$dir/smtpscope" &&
  setpriv --reuid 65534 --clear-groups "$dir/smtpscope" --version >/dev/null 2>&1; then
  try "R50 no permission" 1 "Permission denied" setpriv --reuid 65534 --clear-groups "$dir/smtpscope" -r "$dir/locked" -o json
fi
mkfifo "$dir/fifo"
cat "$sample" >"$dir/fifo" & try "R50 a FIFO" 0 "" "$program" -r "$dir/fifo" -o json
expect "R50 a FIFO is read like a file" test "$(sessions)" = 2
head -c 24 "$sample" >"$dir/header"
try "R50 no packets" 0 "holds no frames" "$program" -r "$dir/header" -o json

# R51: cut at every octet; the sessions of what is whole are reported
size=$(stat -c %s "$small")
"$program" -r "$small" -o json >"$dir/whole" 2>/dev/null
bad=0
for cut in $(seq 25 37 $((size - 1))) $((size - 1)) $((size - 2)); do
  head -c "$cut" "$small" >"$dir/cut"
  "$program" -r "$dir/cut" -o json >"$dir/out" 2>"$dir/err"
  status=$?
  if [ -s "$dir/err" ] && grep -q "cut short after frame" "$dir/err"; then
    [ $status = 1 ] && grep -q '"truncated":true' "$dir/out" || bad=$((bad + 1))
  else # between two records nothing is missing
    [ $status = 0 ] || bad=$((bad + 1))
  fi
  [ "$cut" -lt 300 ] || [ "$(sessions)" = 1 ] || bad=$((bad + 1))
done
expect "R51 cut anywhere: what is whole is used, said, status 1" test $bad = 0

# R52: lengths that lie
for kind in caplen-0 over-len len-0; do
  capture $kind "$dir/lies"
  "$program" -r "$dir/lies" -o json >"$dir/out" 2>"$dir/err"
  status=$?
  expect "R52 $kind: read or refused" test $status -le 1
  expect "R52 $kind: refused with the frame" test $status = 0 -o -n "$(grep 'after frame 3' "$dir/err")"
done
capture over-snaplen "$dir/lies"
(ulimit -v 400000; timeout 20 "$program" -r "$dir/lies" -o json >"$dir/out" 2>"$dir/err")
expect "R52 longer than the snaplen: read or refused with the frame" test $? = 0 -o -n "$(grep 'after frame 3' "$dir/err")"
capture huge "$dir/lies"
(ulimit -v 400000; timeout 20 "$program" -r "$dir/lies" -o json >"$dir/out" 2>"$dir/err")
expect "R52 3.9 GB: status 1 in 400 MB" test $? = 1 -a -n "$(grep 'after frame 3' "$dir/err")"

# R53: every shape of capture file
for kind in big nano big-nano modified ng ng-big ng-sections ng-interfaces ng-unknown-blocks ng-lying-options; do
  capture $kind "$dir/shape"
  "$program" -r "$dir/shape" -o json >"$dir/out" 2>"$dir/err"
  status=$?
  if [ $kind = ng-lying-options ]; then # libpcap may look at them
    expect "R53 $kind" test $status = 0 -o -n "$(grep 'after frame' "$dir/err")"
  else
    expect "R53 $kind: status" test $status = 0
    expect "R53 $kind: same events" same
  fi
done
capture ng-two-links "$dir/shape"
"$program" -r "$dir/shape" -o json >"$dir/out" 2>"$dir/err"
status=$?
if [ $status = 1 ]; then expect "R53 two link types: said" grep -q "after frame" "$dir/err"; else expect "R53 two link types" same; fi
capture ng-orders "$dir/shape"
try "R53 sections in both byte orders: libpcap does not go on" 1 "after frame 11" "$program" -r "$dir/shape" -o json

# R54: compressed
gzip -kc "$sample" >"$dir/s.gz"; zstd -qc "$sample" >"$dir/s.zst"
for z in gz zst; do
  n=$(stat -c %s "$dir/s.$z")
  for cut in 5 20 $((n / 3)) $((n / 2)) $((n - 1)); do
    head -c "$cut" "$dir/s.$z" >"$dir/cut.$z"
    try "R54 .$z cut at $cut" 1 "cut" "$program" -r "$dir/cut.$z" -o json
  done
  python3 - "$dir/s.$z" "$dir/bad.$z" <<'PY'
import sys
octets = bytearray(open(sys.argv[1], 'rb').read())
for at in range(len(octets) // 2, len(octets) // 2 + 20):
    octets[at] ^= 0x55
open(sys.argv[2], 'wb').write(octets)
PY
  try "R54 .$z damaged" 1 "$dir/bad.$z: " "$program" -r "$dir/bad.$z" -o json
done
{ head -c 24 "$sample"; head -c 300000000 /dev/zero; } | zstd -qc >"$dir/bomb.zst"
expect "R54 a bomb is small" test "$(stat -c %s "$dir/bomb.zst")" -lt 100000
(ulimit -v 400000; timeout 60 "$program" -r "$dir/bomb.zst" -o json >"$dir/out" 2>"$dir/err")
expect "R54 a bomb: flat memory" test $? -le 1

# R55: across files, and from a pipe that dawdles
capture first-half "$dir/one"; capture second-half "$dir/two"
try "R55 a session across two files" 0 "" "$program" -r "$dir/one" -r "$dir/two" -o json
expect "R55 a session across two files: same events" same
python3 - "$small" "$dir/vast" <<'PY' # mostly holes: 260 KB of zeros a record, 17,000 times, between the two halves of the session
import struct, sys
octets, at = open(sys.argv[1], 'rb').read(), 24
for _ in range(10):
    at += 16 + struct.unpack_from('<I', octets, at + 8)[0]
with open(sys.argv[2], 'wb') as out:
    out.write(octets[:at])
    for i in range(17000):
        out.write(struct.pack('<IIII', *struct.unpack_from('<II', octets, at), 262000, 262000))
        out.seek(262000, 1)
    out.write(octets[at:])
PY
expect "R55 more than 4 GB" test "$(stat -c %s "$dir/vast")" -gt 4400000000
try "R55 more than 4 GB: status 0" 0 "" "$program" -r "$dir/vast" -o json
expect "R55 more than 4 GB: same events" same
{ n=0; while [ $n -lt "$size" ]; do tail -c +$((n + 1)) "$small" | head -c 200; n=$((n + 200)); sleep 0.02; done; } |
  "$program" -r - -o json >"$dir/out" 2>"$dir/err"
expect "R55 a slow pipe: same octets" cmp -s "$dir/out" "$dir/whole"

finish
