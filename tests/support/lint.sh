#!/bin/sh
# What can be said of the text of the sources: line length, white space, forbidden words, and clang-tidy where it is installed.
set -eu
fail=0
sources=$(find src include tests -name '*.[ch]')

bad=$(awk 'length($0) > 140 && !/^X\(/ { print FILENAME ":" FNR ": " length($0) " columns" }' $sources)
[ -z "$bad" ] || { echo "$bad"; fail=1; }
bad=$(grep -nE '[[:space:]]+$' $sources || true)
[ -z "$bad" ] || { echo "white space at line ends:"; echo "$bad"; fail=1; }
bad=$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $sources | grep -v '"' | grep -vE 'XXXX' || true)
[ -z "$bad" ] || { echo "unfinished:"; echo "$bad"; fail=1; }
bad=$(grep -nE '\b(gets|strcpy|sprintf|strtok|atoi|alloca)\(' $(find src include -name '*.[ch]') || true)
[ -z "$bad" ] || { echo "functions that do not check:"; echo "$bad"; fail=1; }

if command -v clang-tidy >/dev/null; then
  flags="-std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -Iinclude $(pkg-config --cflags libpcap json-c nettle)"
  # shellcheck disable=SC2086
  find src -name '*.c' | xargs -P "$(nproc)" -n 8 sh -c 'clang-tidy --quiet "$@" -- '"$flags"' 2>/dev/null' clang-tidy | grep -E 'warning:|error:' && fail=1
else
  echo "clang-tidy is not installed: not run"
fi
[ $fail = 0 ] && echo "lint: clean"
exit $fail
