#!/bin/sh
# Runs tests and counts them: check.sh PROGRAM... Each is a program that exits 0 when it passed, 77 when it must be skipped (it says why).
# A passed one costs one line, a failed one shows what it said. The last line says the numbers.
set -u

passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for test in "$@"; do
  name=$(basename "$test")
  case "$test" in /*) ;; *) test=./$test ;; esac
  start=$(date +%s%N)
  "$test" >"$log" 2>&1
  status=$?
  ms=$((($(date +%s%N) - start) / 1000000))
  case $status in
    0) passed=$((passed + 1)); echo "ok      $name ($ms ms) $(grep -hoE '^[0-9]+ passed, [0-9]+ failed.*|[0-9]+ test\(s\) run' "$log" | tail -1)" ;;
    77) skipped=$((skipped + 1)); echo "skipped $name: $(tail -1 "$log")" ;;
    *) failed=$((failed + 1)); echo "FAILED  $name (status $status)"; sed 's/^/    /' "$log" ;;
  esac
done

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
