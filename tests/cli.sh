#!/bin/bash
# The command line: exit status and messages for good and bad input (design 8, reliability R50-R54, R61, R66).
set -u
. tests/support/script.sh
sample=$PWD/samples/first-look.pcap

# name, expected status, fragment of stderr (empty: nothing may be there), command...
try() {
  local name=$1 status=$2 said=$3
  shift 3
  "$@" >"$dir/out" 2>"$dir/err" </dev/null
  local got=$?
  if [ $got != "$status" ]; then bad "$name: exit status $got, expected $status"; return; fi
  if [ -n "$said" ] && ! grep -qF -- "$said" "$dir/err"; then bad "$name: stderr lacks: $said"; return; fi
  if [ -z "$said" ] && [ -s "$dir/err" ]; then bad "$name: stderr should be empty"; return; fi
  if [ "$(wc -l <"$dir/err")" -gt 2 ]; then bad "$name: more than two lines on stderr"; return; fi
  good
}
sessions() { grep -c '"smtpscope.session"' "$dir/out"; }

try "a sample" 0 "" "$program" -r "$sample" -o json
cp "$dir/out" "$dir/whole"
n=$(sessions)
expect "the sample has sessions" test "$n" -ge 2

# usage
try "no arguments" 2 "nothing to read" "$program"
try "unknown option" 2 "unknown option --verbos" "$program" --verbos
try "what was meant" 2 "did you mean --events" "$program" --event x
try "missing value" 2 "-r needs FILE" "$program" -r
try "bad number" 2 "--max-event-bytes" "$program" -r "$sample" --max-event-bytes 12
try "negative number" 2 "-c" "$program" -r "$sample" -c -1
try "bad port list" 2 "--ports" "$program" -r "$sample" --ports 25,x
try "bad dataset" 2 "--events" "$program" -r "$sample" --events mails
try "bad format" 2 "none of text, json" "$program" -r "$sample" -o xml
try "bad filter" 2 "filter \"tcp porst 25\"" "$program" -r "$sample" tcp porst 25
try "filter from a missing file" 2 "-F" "$program" -r "$sample" -F "$dir/none"
try "interface and file" 2 "exclude" "$program" -r "$sample" -i lo
try "help" 0 "" "$program" --help
try "version" 0 "" "$program" --version
try "schema" 0 "" "$program" schema
expect "the schema is JSON" jq -e .  "$dir/out" >/dev/null
try "schema with words" 2 "no arguments" "$program" schema x

# files
try "missing file" 1 "$dir/none: cannot open: No such file" "$program" -r "$dir/none" -o json
try "directory" 1 "is a directory" "$program" -r "$dir" -o json
: >"$dir/empty"
try "empty file" 1 "the file is empty" "$program" -r "$dir/empty" -o json
for n in 1 4 23; do
  head -c $n "$sample" >"$dir/short"
  try "$n octets of a capture" 1 "not a capture file" "$program" -r "$dir/short" -o json
done
echo "this is a text, not a capture" >"$dir/text"
try "a text" 1 "not a capture file" "$program" -r "$dir/text" -o json
head -c 24 "$sample" >"$dir/header"
try "a capture without frames" 0 "holds no frames" "$program" -r "$dir/header" -o json
if [ "$(id -u)" != 0 ]; then
  cp "$sample" "$dir/secret" && chmod 0 "$dir/secret"
  try "no permission" 1 "Permission denied" "$program" -r "$dir/secret" -o json
fi
size=$(stat -c %s "$sample")
for cut in $((size - 1)) $((size / 2)) 30; do
  head -c "$cut" "$sample" >"$dir/cut"
  try "cut at $cut" 1 "cut short after frame" "$program" -r "$dir/cut" -o json
  expect "cut at $cut: the stats say so" grep -q '"truncated":true' "$dir/out"
done
{ head -c 24 "$sample"; printf '\001\000\000\000\000\000\000\000\377\377\377\350\377\377\377\350'; } >"$dir/huge"
try "a record of 3.9 GB" 1 "after frame 0" "$program" -r "$dir/huge" -o json
{ head -c 20 "$sample"; printf '\223\000\000\000'; tail -c +25 "$sample"; } >"$dir/link"
try "a link type nobody reads" 1 "link type 147" "$program" -r "$dir/link" -o json
try "a bad file, then a good one" 1 "not a capture file" "$program" -r "$dir/text" -r "$sample" -o json
expect "the good one is read" test "$(sessions)" = "$(grep -c '"smtpscope.session"' "$dir/whole")"

# the same from everywhere
gzip -kc "$sample" >"$dir/s.pcap.gz"
zstd -qc "$sample" >"$dir/s.pcap.zst"
for how in "$dir/s.pcap.gz" "$dir/s.pcap.zst"; do
  try "${how##*.}" 0 "" "$program" -r "$how" -o json
  expect "${how##*.}: same octets" cmp -s "$dir/out" "$dir/whole"
done
"$program" -r - -o json <"$sample" >"$dir/out" 2>/dev/null
expect "standard input: same octets" cmp -s "$dir/out" "$dir/whole"
cat "$sample" | "$program" -r - -o json >"$dir/out" 2>/dev/null
expect "a pipe: same octets" cmp -s "$dir/out" "$dir/whole"
"$program" -r - -o json <"$dir/s.pcap.gz" >"$dir/out" 2>/dev/null
expect "compressed standard input: same octets" cmp -s "$dir/out" "$dir/whole"
head -c 500 "$dir/s.pcap.gz" >"$dir/half.gz"
try "half a .gz" 1 "cut short" "$program" -r "$dir/half.gz" -o json
head -c 500 "$dir/s.pcap.zst" >"$dir/half.zst"
try "half a .zst" 1 "cut short" "$program" -r "$dir/half.zst" -o json
try "again" 0 "" "$program" -r "$sample" -o json
expect "two runs: same octets" cmp -s "$dir/out" "$dir/whole"
for env in LANG=tr_TR.UTF-8 LC_ALL=C TZ=Asia/Tokyo; do
  env "$env" "$program" -r "$sample" -o json >"$dir/out" 2>/dev/null
  expect "$env: same octets" cmp -s "$dir/out" "$dir/whole"
done

# several workers: all samples as one input, more connections than workers
all=(); for s in samples/*.pcap; do all+=(-r "$s"); done
kinds=session,command,auth,message,finding
"$program" "${all[@]}" -o json --events $kinds >"$dir/one" 2>/dev/null
for n in 2 3 7; do
  "$program" "${all[@]}" -o json --events $kinds --workers $n >"$dir/out" 2>/dev/null
  expect "$n workers: same octets" cmp -s "$dir/out" "$dir/one"
done
# what a worker composes, and what the writer must: lines that are cut, numbers that findings across sessions move, transcripts
for how in "-o json --max-event-bytes 1024" "-o json --watch none" "-o json --only failed" "-o text" "-o text -vv"; do
  "$program" "${all[@]}" $how --events $kinds >"$dir/one" 2>/dev/null
  "$program" "${all[@]}" $how --events $kinds --workers 3 >"$dir/out" 2>/dev/null
  expect "$how, 3 workers: same octets" cmp -s "$dir/out" "$dir/one"
done
"$program" "${all[@]}" -o json --workers 3 --events $kinds -O "$dir/many.json" --events finding -O "$dir/many-findings.json" -o text -O "$dir/many.txt" 2>/dev/null
"$program" "${all[@]}" -o json --events $kinds -O "$dir/one.json" --events finding -O "$dir/one-findings.json" -o text -O "$dir/one.txt" 2>/dev/null
for what in .json -findings.json .txt; do
  expect "three outputs of 3 workers, $what: same octets" cmp -s "$dir/one$what" "$dir/many$what"
done
"$program" "${all[@]}" -o json --workers 4 2>/dev/null | head -1 >/dev/null
expect "several workers and a reader that goes away: status 0" test "${PIPESTATUS[0]}" = 0
try "no workers" 2 "--workers" "$program" -r "$sample" --workers 0

# a second copy of each segment, wrong, in front of the true one
python3 - tests/pcap/made/v36-lmtp.pcap >"$dir/decoys" <<'PY'
import struct, sys
octets, at = open(sys.argv[1], 'rb').read(), 24
out = octets[:24]
while at < len(octets):
    n = 16 + struct.unpack_from('<I', octets, at + 8)[0]
    frame = bytearray(octets[at:at + n])
    frame[-1] ^= 1
    out += bytes(frame) + octets[at:at + n] if n > 16 + 14 + 40 + 10 else octets[at:at + n]
    at += n
sys.stdout.buffer.write(out)
PY
facts() { jq -c 'select(.event.dataset == "smtpscope.command") | [.smtp.command.verb, .smtp.reply.codes, .smtp.reply.text]' "$@"; }
try "R21 verified" 0 "" "$program" -r "$dir/decoys" -o json --verify-checksums
expect "R21 verified: same" test "$(facts "$dir/out")" = "$("$program" -r tests/pcap/made/v36-lmtp.pcap -o json | facts)"
expect "R21 verified: counted" test "$(tail -1 "$dir/out" | jq .smtp.stats.packets.ignored.bad_checksum)" -gt 5
try "R21 believed" 0 "" "$program" -r "$dir/decoys" -o json
expect "R21 believed: told" grep -q conflicting_overlap "$dir/out"

# output
try "into a file" 0 "" "$program" -r "$sample" -o json -O "$dir/file"
expect "the file holds the same" cmp -s "$dir/file" "$dir/whole"
try "into a directory that is not there" 1 "$dir/no/file" "$program" -r "$sample" -O "$dir/no/file"
try "a file and text on standard output" 0 "" "$program" -r "$sample" -o json -O "$dir/two.json" -o text -O -
expect "the file holds the events" test "$(jq -c 'select(.event.dataset != "smtpscope.stats")' "$dir/two.json")" = "$(jq -c 'select(.event.dataset != "smtpscope.stats")' "$dir/whole")"
expect "standard output the transcript" grep -q '^  *.*<-' "$dir/out"
try "each output has its events" 0 "" "$program" -r "$sample" --events auth -O "$dir/auth.json" --only failed -O "$dir/failed.json" -O -
expect "auth" test "$(jq -r .event.dataset "$dir/auth.json" | sort -u)" = smtpscope.auth
expect "what failed" grep -q '"code":535' "$dir/failed.json"
expect "and not what did not" test -z "$(grep '"smtpscope.command"' "$dir/failed.json" | grep -v failure)"
expect "all" test "$(grep -c '"action":"sink"' "$dir/out")" = 3
expect "what each sink has written is told" test "$(jq -c 'select(.event.action == "sink") | [.smtp.stats.sink.name, .smtp.stats.sink.dropped.error]' "$dir/out" | head -1)" = "[\"$dir/auth.json\",0]"
try "options behind one -O" 0 "" "$program" -r "$sample" -O "$dir/behind.json" -o json --events auth
expect "are as good as before it" cmp -s "$dir/behind.json" "$dir/auth.json"
try "options behind the last of several" 2 "behind the last one they belong to none" "$program" -r "$sample" -O "$dir/x" -O "$dir/y" -o json
try "one output twice" 2 "named twice" "$program" -r "$sample" -O "$dir/x" -O "$dir/x"
try "nine outputs" 2 "more than 8" "$program" -r "$sample" -O 1 -O 2 -O 3 -O 4 -O 5 -O 6 -O 7 -O 8 -O 9
try "a size that is none" 2 "--rotate-size" "$program" -r "$sample" --rotate-size 10X -O "$dir/x"
try "an interval that is none" 2 "--rotate-interval" "$program" -r "$sample" --rotate-interval 0 -O "$dir/x"
try "rotated standard output" 2 "cannot be rotated" "$program" -r "$sample" --rotate-size 1M
try "settings of Kafka for a file" 2 "--kafka-conf is for" "$program" -r "$sample" --kafka-conf a=b -O "$dir/x"
try "text to Kafka" 2 "only JSON" "$program" -r "$sample" -o text -O kafka:t@127.0.0.1:1
if [ "$(uname -s)" = Linux ] && ! "$program" --version | grep -q "librdkafka none"; then
  mkdir "$dir/no-kafka" "$dir/bad-kafka"
  : >"$dir/no-kafka/librdkafka.so.1"
  ln -s "$(ldd "$program" | awk '/libz\.so/ { print $3 }')" "$dir/bad-kafka/librdkafka.so.1"
  libraries=${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} # where a build keeps its own
  try "no librdkafka" 2 "not installed" env LD_LIBRARY_PATH="$dir/no-kafka$libraries" "$program" -r "$sample" -O kafka:t@127.0.0.1:1
  try "another librdkafka" 2 "another librdkafka" env LD_LIBRARY_PATH="$dir/bad-kafka$libraries" "$program" -r "$sample" -O kafka:t@127.0.0.1:1
  try "neither is needed without Kafka" 0 "" env LD_LIBRARY_PATH="$dir/no-kafka$libraries" "$program" -r "$sample" -O "$dir/without.json"
  expect "and the version says so" test "$(LD_LIBRARY_PATH=$dir/no-kafka$libraries "$program" --version | grep -c "librdkafka not installed")" = 1
fi
try "nobody listens" 1 "Connection refused" "$program" -r "$sample" -O tcp:127.0.0.1:1
mkdir "$dir/parts" && chmod 777 "$dir/parts" && chmod 711 "$dir"
try "rotated" 0 "" "$program" -r "$sample" --events command,session --rotate-size 4K -O "$dir/parts/%Y.json"
expect "into several files, none too large" test "$(find "$dir/parts" -type f | wc -l)" -ge 2 -a -z "$(find "$dir/parts" -size +4096c)"
expect "of whole lines" jq -e . "$dir"/parts/* >/dev/null
expect "that are all" test "$(cat "$dir"/parts/* | sort)" = "$("$program" -r "$sample" -o json --events command,session | sort)"
if [ "$(id -u)" = 0 ] && ! nm "$program" 2>/dev/null | grep -qE "__asan_init|__gcov_init"; then # those keep their user
  mkdir "$dir/closed"
  try "a folder in which no other file can be begun" 1 "must be writable by the user of -Z" "$program" -r "$sample" --rotate-size 4K -O "$dir/closed/a"
fi
# secrets
printf 'key of the tests' >"$dir/key" && chmod 600 "$dir/key"
try "no key" 2 "--secrets hash needs a key" "$program" -r "$dir/none" --secrets hash
try "a key without hash" 2 "--secrets-key is for" "$program" -r "$dir/none" --secrets-key "$dir/key"
try "a key that is not there" 2 "nokey: No such file" "$program" -r "$dir/none" --secrets hash --secrets-key "$dir/nokey"
: >"$dir/emptykey" && chmod 600 "$dir/emptykey"
try "an empty key" 2 "the file is empty" "$program" -r "$dir/none" --secrets hash --secrets-key "$dir/emptykey"
try "a directory for a key" 2 "not a regular file" "$program" -r "$dir/none" --secrets hash --secrets-key "$dir"
for mode in 640 604; do
  cp "$dir/key" "$dir/open" && chmod $mode "$dir/open"
  try "a key with mode $mode" 2 "others than its owner" "$program" -r "$dir/none" --secrets hash --secrets-key "$dir/open"
done
try "neither hide, hash nor show" 2 "none of hide, hash, show" "$program" -r "$dir/none" --secrets no
try "hash" 0 "" "$program" -r samples/postfix-auth-login-ok.pcap -r samples/postfix-auth-plain-ok.pcap -o json --secrets hash --secrets-key "$dir/key"
want=$(python3 -c 'import hmac; print(hmac.new(b"key of the tests", b"s3cr3t-Alice", "sha256").hexdigest())')
expect "one password, one hash" test "$(jq -r '.smtp.auth.secret_hash // empty' "$dir/out" | sort -u)" = "$want"
expect "and not the password" test -z "$(grep -e s3cr3t-Alice -e czNjcjN0 "$dir/out")"
try "show" 0 "--secrets show: passwords and tokens will stand in the output" "$program" -r samples/postfix-auth-login-ok.pcap -o json --secrets show
expect "said once" test "$(wc -l <"$dir/err")" = 1
expect "the password is shown" test "$(jq -r '.smtp.auth.secret // empty' "$dir/out")" = s3cr3t-Alice
try "show in the transcript" 0 "--secrets show" "$program" -r samples/postfix-auth-login-ok.pcap -o text --secrets show
expect "there too" grep -q s3cr3t-Alice "$dir/out"

try "filter" 0 "lets none through" "$program" -r "$sample" -o json udp
try "only auth" 0 "" "$program" -r "$sample" -o json --only auth
expect "only auth events" test "$(jq -r .event.dataset "$dir/out" | sort -u)" = smtpscope.auth
try "two datasets" 0 "" "$program" -r "$sample" -o json --events session,message
expect "just these" test "$(jq -r .event.dataset "$dir/out" | sort -u | tr '\n' ' ')" = "smtpscope.message smtpscope.session "
try "only failed" 0 "" "$program" -r "$sample" -o json --only failed
expect "something failed" grep -q '"code":535' "$dir/out"
expect "and nothing else" test -z "$(grep '"smtpscope.command"' "$dir/out" | grep -v failure)"
"$program" -r "$sample" -o json 2>"$dir/err" | head -1 >/dev/null
expect "a reader that goes away: quiet, status 0" test "${PIPESTATUS[0]}" = 0 -a ! -s "$dir/err"
if [ -w /dev/full ]; then
  "$program" -r "$sample" -o json >/dev/full 2>"$dir/err"
  expect "a full disk: status 1 and a word" test $? = 1 -a -s "$dir/err"
fi
try "text" 0 "" "$program" -r "$sample" -o text
expect "text on a pipe has no control octets" test -z "$(tr -d '\n\t\040-\176\200-\377' <"$dir/out")"
try "colour on demand" 0 "" "$program" -r "$sample" -o text --color always
expect "there is colour" grep -q $'\033\\[' "$dir/out"

finish
