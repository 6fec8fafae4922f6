#!/bin/sh
# Reads gcov's report: lines run of each source of the core, the least covered first, and of all.
awk '/^File/ { gsub(/[\047]/, "", $2); file = $2 }
  /^Lines executed/ && file ~ /^src\/(base|net|smtp|diag|out)\// { split($2, a, /[:%]/); n = $4; printf "%6.1f %% of %4d  %s\n", a[2], n, file
    lines += n; run += n * a[2] / 100; file = "" }
  END { if (lines) printf "%6.1f %% of %4d  all\n", 100 * run / lines, lines }' | sort -n
