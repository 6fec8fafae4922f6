#!/bin/bash
# The transcript, octet for octet: tests/text/NAME.dlg played into a capture and shown must be NAME.txt; then what options change in it.
#
# "tests/text.sh --write NAME" writes NAME.txt anew. Read what it wrote: a transcript is right when a mail administrator can act on it.
set -u
. tests/support/script.sh
play=${BUILD:-build}/tests/dialog_to_pcap
unset LANGUAGE LC_ALL COLUMNS NO_COLOR
export TZ=UTC

show() { # dialogue, options...
  "$play" "tests/text/$1.dlg" "$dir/$1.pcap" >/dev/null && "$program" -r "$dir/$1.pcap" -o text "${@:2}"
}

if [ "${1:-}" = --write ]; then
  show "$2" >"tests/text/$2.txt"
  exit
fi
for dialogue in tests/text/*.dlg; do
  name=$(basename "$dialogue" .dlg)
  show "$name" >"$dir/out"
  expect "$name: the transcript differs (- expected, + came)" diff -U1 "tests/text/$name.txt" "$dir/out"
  expect "$name: no control octets" test -z "$(tr -d '\n\040-\176\200-\377' <"$dir/out")"
done
show printer -q >"$dir/out"
expect "-q: one line for the session, one for the run" test "$(sed '/^$/d' "$dir/out" | wc -l)" -le 3
show gmail-refusals -v >"$dir/out"
expect "-v: frames and the session's id" grep -q 'frames [0-9]*-[0-9]*, session [0-9a-f]\{16\}' "$dir/out"
show mechanisms --color always >"$dir/out"
expect "colour is all that --color adds" diff <(sed 's/\x1b\[[0-9;]*m//g' "$dir/out") tests/text/mechanisms.txt

finish
