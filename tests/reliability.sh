#!/bin/bash
# Walks tests/RELIABILITY: each row of the promises is there, has a test, and each test that is named exists.
set -u
passed=0 failed=0
check() { # whether, what to say when not
  if [ "$1" = 0 ]; then passed=$((passed + 1)); else echo "$2"; failed=$((failed + 1)); fi
}
holds() { grep -qF -- "$2" "$1" 2>/dev/null; }

row="" proofs=1 rows=""
while IFS= read -r line; do
  kind=${line%% *} rest=${line#* }
  file=${rest%% *} name=${rest#* }
  case $line in "" | "#"*) continue ;; esac
  if [ "$kind" = "==" ]; then
    check $((proofs == 0)) "$row: no test"
    row=$file rows="$rows $file " proofs=0
    continue
  fi
  proofs=$((proofs + 1))
  case $kind in
    tcp) holds tests/run_rows_tcp.c "{\"$rest\"" ;;
    smtp) holds tests/run_rows_smtp.c "cmocka_unit_test($rest)" ;;
    wire) holds tests/support/wires.c ".name = \"$rest\"" ;;
    unit) holds "tests/unit/$file.c" "cmocka_unit_test($name)" ;;
    case) holds "tests/unit/$file.c" "{\"$name\"," ;;
    dialog) [ -e "tests/dialogs/$rest.dlg" ] && [ -e "tests/dialogs/$rest.events" ] ;;
    capture) [ -e "$rest" ] && grep -rqF "$rest" tests/SCENARIOS tests/pcap/LIST ;;
    script) [ -x "tests/$file" ] && holds "tests/$file" "\"$name" ;;
    program) [ -e "tests/$rest" ] ;;
    *) false ;;
  esac
  check $? "$row: there is no test \"$line\""
done <tests/RELIABILITY
check $((proofs == 0)) "$row: no test"
for n in $(seq 1 24) $(seq 30 41) $(seq 50 56) $(seq 60 66); do
  case $rows in *" R$n "*) check 0 "" ;; *) check 1 "R$n: no row" ;; esac
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
