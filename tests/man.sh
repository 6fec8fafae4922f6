#!/bin/bash
# Man pages: no complaint of mandoc, every option of --help described and no other, every option of the page known to the program.
set -eu
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=./$program ;; esac
fail=0

for page in man/*.[1-8]; do
  if ! mandoc -T lint -W warning "$page"; then
    echo "$page: mandoc complains"
    fail=1
  fi
done

in_help=$("$program" --help | grep -oE '^  (-[a-zA-Z]|    --)[a-z-]*|, --[a-z-]+' | grep -oE '\-\-?[a-zA-Z][a-z-]*' | sort -u)
in_page=$(grep -E '^\.It Fl' man/smtpscope.1 | grep -oE 'Fl (-[a-z-]+|[a-zA-Z])( |$)' | sed 's/Fl /-/; s/ $//' | sort -u)
if [ "$in_help" != "$in_page" ]; then
  echo "options of --help (<) and of man/smtpscope.1 (>):"
  printf '%s\n' "$in_help" >"${TMPDIR:-/tmp}/help.$$"
  printf '%s\n' "$in_page" | diff "${TMPDIR:-/tmp}/help.$$" - || true
  rm -f "${TMPDIR:-/tmp}/help.$$"
  fail=1
fi

fields=$("$program" schema | jq -r 'def leaves($p): if .type == "object" then .properties | to_entries[] | .key as $k | .value | leaves($p + [$k])
  else $p | join(".") end; .oneOf[] | leaves([])' | sort -u)
documented=$(sed -n '/^\.Sh FIELDS/,/^\.Sh SEE/s/^\.It Cm //p' man/smtpscope-events.5 | sort -u)
if [ "$fields" != "$documented" ]; then
  echo "fields of the schema (<) and of man/smtpscope-events.5 (>):"
  diff <(echo "$fields") <(echo "$documented")
  fail=1
fi

watched=$("$program" --watch ? -r x 2>&1 | sed 's/.*none of none, //' | sed 's/, /\n/g' | sort)
on_page=$(sed -n '/^\.Sh WHAT IS WATCHED/,/^\.Sh SIGNALS/s/^\.It Li //p' man/smtpscope.1 | sort)
if [ "$watched" != "$on_page" ]; then
  echo "what --watch knows (<) and man/smtpscope.1 (>):"
  diff <(echo "$watched") <(echo "$on_page")
  fail=1
fi

lines=$("$program" --help | wc -l)
width=$("$program" --help | awk '{ if (length > n) n = length } END { print n }')
if [ "$lines" -gt 50 ] || [ "$width" -gt 100 ]; then
  echo "--help is $lines lines of up to $width columns: more than a screen"
  fail=1
fi
exit $fail
