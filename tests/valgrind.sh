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
    test_sandbox) continue ;;                     # valgrind itself makes system calls that it forbids
  esac
  if ! UNDER_VALGRIND=1 $run "./$test" >/tmp/valgrind.$$ 2>&1; then
    echo "FAILED $test"; cat /tmp/valgrind.$$; rm -f /tmp/valgrind.$$; exit 1
  fi
  n=$((n + 1))
done
set --
for capture in samples/*.pcap tests/pcap/made/*.pcap*; do set -- "$@" -r "$capture"; done
for format in json text; do # one run for all: valgrind takes long to start
  status=0
  $run "$program" --no-sandbox "$@" -o $format >/dev/null 2>/tmp/valgrind.$$ || status=$?
  if [ $status = 9 ] || grep -q '^==' /tmp/valgrind.$$; then
    echo "FAILED all captures -o $format"; cat /tmp/valgrind.$$; rm -f /tmp/valgrind.$$; exit 1
  fi
  n=$((n + 1))
done
rm -f /tmp/valgrind.$$
echo "$n runs clean under valgrind"
