#!/bin/sh
# Reads the report of gcov -b: lines and branches of the core that the tests ran, the least covered file first, and of each layer. Fails when
# a layer has less than the goals: coverage.sh LINES BRANCHES, in percent. A branch counts when it was taken at least once.
awk -v lines="$1" -v branches="$2" '
  function percent(n, of) { return of ? 100 * n / of : 100 }
  /^File/ { gsub(/\047/, "", $2); file = $2; mine = file ~ /^src\/(base|net|smtp|diag)\/.*\.c$/ && !(file in seen); seen[file] = 1; next }
  !mine { next }
  /^Lines executed/ { split($2, a, /[:%]/); n[file] = $4; run[file] = a[2] / 100 * $4; files[++count] = file }
  /^Taken at least once/ { split($4, a, /[:%]/); m[file] = $6; taken[file] = a[2] / 100 * $6 }
  /^(Taken|No branches)/ { mine = 0 } # behind the last file stands the sum of all
  END {
    for (i = 1; i <= count; i++) {
      f = files[i]
      split(f, part, "/")
      layer = part[2]
      printf "%6.1f %% of %5d lines, %6.1f %% of %5d branches  %s\n", percent(run[f], n[f]), n[f], percent(taken[f], m[f]), m[f], f | "sort -n"
      N[layer] += n[f]; R[layer] += run[f]; M[layer] += m[f]; T[layer] += taken[f]
    }
    close("sort -n")
    for (layer in N) {
      l = percent(R[layer], N[layer]); b = percent(T[layer], M[layer])
      bad = l < lines || b < branches
      failed += bad
      printf "%6.1f %% of %5d lines, %6.1f %% of %5d branches  all of %s%s\n", l, N[layer], b, M[layer], layer, bad ? ": LESS THAN THE GOAL" : ""
    }
    exit failed || !count
  }'
