# How a test script begins: . tests/support/script.sh, from the top of the tree; it ends with finish.
#
# program: what is tested, as an absolute path; dir: a folder of the script's own, that goes with it; what a script makes besides it undoes
# in a cleanup() of its own. What a test said on stderr is kept in $dir/err, to be shown when it fails.
# shellcheck shell=bash disable=SC2034
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac
dir=$(mktemp -d)
cleanup() { :; }
trap 'cleanup; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
passed=0 failed=0

good() { passed=$((passed + 1)); }
bad() {
  echo "$*"
  [ ! -s "$dir/err" ] || head -5 "$dir/err"
  failed=$((failed + 1))
}
expect() { # name, then a command that must succeed
  local name=$1
  shift
  if "$@"; then good; else bad "$name: not so: $*"; fi
}
finish() {
  echo "$passed passed, $failed failed, 0 skipped"
  [ $failed = 0 ]
}
