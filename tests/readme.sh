#!/bin/bash
# The README's first two roads, line by line as printed, from the top of the tree: each must succeed and show something.
set -u
. tests/support/script.sh
ln -s "$program" "$dir/smtpscope"
ln -s "$PWD/samples" "$dir/samples"

while IFS= read -r line; do
  case "$line" in *sudo*) continue ;; esac
  (cd "$dir" && PATH="$dir:$PATH" LC_ALL=C bash -o pipefail -c "$line") >"$dir/out" 2>"$dir/err" </dev/null
  status=$?
  case "$line" in
    rm*|*"-O events.json"*) shown=1 ;; # what they make is shown by the next line
    *) shown=$(wc -l <"$dir/out") ;;
  esac
  if [ $status = 0 ] && [ "$shown" -gt 0 ]; then good; else bad "status $status: $line"; fi
done < <(awk '/^## /{ roads = $0 == "## Three roads" } roads && /^```/{ code = !code; next } roads && code' README.md)
[ $passed -ge 6 ] || bad "only $passed lines found"

finish
