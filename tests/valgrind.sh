#!/bin/sh
# Unit tests and every sample under valgrind: no error, nothing lost.
set -eu
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=./$program ;; esac
run="valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect"
n=0

for test in "$@"; do
  case "$(basename "$test")" in
    test_tcp_random | test_cause_all) continue ;; # minutes under valgrind, and pure loops over what the others run
  esac
  if ! UNDER_VALGRIND=1 $run "./$test" >/tmp/valgrind.$$ 2>&1; then
    echo "FAILED $test"; cat /tmp/valgrind.$$; rm -f /tmp/valgrind.$$; exit 1
  fi
  n=$((n + 1))
done
for capture in samples/*.pcap; do
  for format in json text; do
    if ! $run "$program" -r "$capture" -o $format >/dev/null 2>/tmp/valgrind.$$; then
      echo "FAILED $capture -o $format"; cat /tmp/valgrind.$$; rm -f /tmp/valgrind.$$; exit 1
    fi
    n=$((n + 1))
  done
done
rm -f /tmp/valgrind.$$
echo "$n runs clean under valgrind"
