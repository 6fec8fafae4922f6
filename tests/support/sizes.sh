#!/bin/sh
# Function sizes (median <= 15 lines, 90 % <= 40, none over 80) and file sizes (<= 600 lines).
set -eu
fail=0

list=$(ctags --languages=C --c-kinds=f --fields=+ne -f - $(find src -name '*.c') 2>/dev/null |
  awk -F '\t' '{ line = end = 0; for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) line = substr($i, 6); if ($i ~ /^end:/) end = substr($i, 5) }
    if (end) print end - line + 1, $1, $2 }' | sort -n)
echo "$list" | awk '{ n[NR] = $1; last = $0 } END {
  med = n[int(NR / 2) + 1]; p90 = n[int(NR * .9) + 1]
  print NR " functions: median " med ", 90 % within " p90 ", longest " last
  exit !(med <= 15 && p90 <= 40 && n[NR] <= 80) }' || fail=1

long=$(find src include -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total" && $1 > 600')
[ -z "$long" ] || { echo "files over 600 lines:"; echo "$long"; fail=1; }
exit $fail
