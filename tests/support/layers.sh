#!/bin/bash
# Laws L1 and L2 on the object files: who may know whom, libc only, no mutable data, one file each for pcap.h and json.h.
set -u
build=${BUILD:-build}
fail=0

defined() { nm -g --defined-only "$build"/src/$1/*.o 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u; }
undefined() { nm -g -u "$build"/src/$1/*.o 2>/dev/null | awk '/ U / { print $2 }' | sort -u; }

# layer: what it must not use
while read -r layer forbidden; do
  for other in $forbidden; do
    bad=$(comm -12 <(undefined "$layer") <(defined "$other"))
    if [ "$layer/$other" = out/smtp ]; then # events, which are all that out may know of smtp
      bad=$(comm -23 <(echo "$bad") <(nm -g --defined-only "$build"/src/smtp/event.o | awk 'NF == 3 { print $3 }' | sort -u))
    fi
    [ -z "$bad" ] || { echo "$layer uses $other: $bad"; fail=1; }
  done
done <<RULES
base net smtp diag out app
net smtp diag out app
smtp net diag out app
diag net out app
out net smtp app
RULES

for layer in base net smtp diag; do
  all=$(for l in base net smtp diag; do defined $l; done | sort -u)
  foreign=$(comm -23 <(undefined "$layer") <(echo "$all") |
    grep -vE '^(mem(chr|cmp|cpy|move|set|mem|rchr)|str(len|cmp|ncmp|chr|nlen)|(m|c|re)alloc|free|explicit_bzero|v?snprintf|__v?snprintf_chk|__mem(cpy|set|move)_chk|__stack_chk_fail|__asan.*|__ubsan.*|_GLOBAL_OFFSET_TABLE_|__gcov.*|mmap|munmap|aligned_alloc|abort|__assert_fail|inet_pton|__errno_location)$')
  [ -z "$foreign" ] || { echo "$layer needs more than libc's memory and string functions: $foreign"; fail=1; }
  data=$(objdump -t "$build"/src/$layer/*.o | grep -E ' O \.(data|bss)' | grep -v 'data\.rel\.ro')
  [ -z "$data" ] || { echo "$layer has mutable data:"; echo "$data"; fail=1; }
done

only() {
  found=$(grep -rlE "$1" src include | sort | tr '\n' ' ')
  [ "$found" = "$2 " ] || { echo "$1 is included in: $found(only $2 may)"; fail=1; }
}
only '#include <pcap' src/app/capture.c
only '#include <librdkafka' src/out/rdkafka.h
only '#include <json' src/out/json_tree.h

[ $fail = 0 ] && echo "layers: base, net, smtp, diag, out, app know only what they may"
exit $fail
