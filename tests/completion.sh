#!/bin/bash
# The completion scripts: every option of --help is in both, bash loads its own and completes, zsh (where there is one) its own.
set -u
. tests/support/script.sh

"$program" completion bash >"$dir/bash"
"$program" completion zsh >"$dir/_smtpscope"
"$program" completion fish >/dev/null 2>"$dir/err"
expect "another shell is an error of usage" test $? = 2
expect "and says so" grep -q "bash or zsh" "$dir/err"
touch "$dir/monday.pcap"
: >"$dir/rc"

# What bash offers for a line that ends in its last word, one a line.
offered() {
  bash --norc -c '
    source "$1"; shift
    complete -p smtpscope >/dev/null || exit 1
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
    _smtpscope && printf "%s\n" "${COMPREPLY[@]}"' bash "$dir/bash" "$@" 2>&1
}
offers() { # "expected words" word...
  local want=$1
  shift
  [ "$(offered "$@" | sort | tr '\n' ' ')" = "$(printf '%s\n' $want | sort | tr '\n' ' ')" ] ||
    { echo "$*: wanted $want, offered: $(offered "$@" | tr '\n' ' ')"; return 1; }
}

options=$("$program" --help | grep -oE '^  (-[a-zA-Z]|    --)[a-z-]*|, --[a-z-]+' | grep -oE '\-\-?[a-zA-Z][a-z-]*' | sort -u)
expect "there are options" test "$(echo "$options" | wc -l)" -gt 30
expect "bash: every option" test "$(offered smtpscope - | sort -u)" = "$options"
expect "bash: what begins alike" offers "--watch --workers" smtpscope --w
expect "bash: the commands" offers "explain schema completion" smtpscope ""
expect "bash: one command" offers "schema" smtpscope sch
expect "bash: formats" offers "text json" smtpscope -r x -o ""
expect "bash: --only f" offers "failed finding" smtpscope --only f
expect "bash: behind =" offers "failed finding" smtpscope --only = f
expect "bash: =, nothing behind it" offers "hide hash show" smtpscope --secrets =
expect "bash: shells" offers "bash zsh" smtpscope completion ""
expect "bash: files" offers "$dir/monday.pcap" smtpscope -r "$dir/mon"
expect "bash: interfaces" offers "lo" smtpscope -i lo
expect "bash: the last of a list" offers "auth,session auth,stats" smtpscope --events auth,s
expect "bash: watch" offers "none,tarpit= none,tarpit_rate=" smtpscope --watch none,tarp
expect "bash: a number is not guessed" offers "" smtpscope -c ""
expect "bash: nor a filter" offers "" smtpscope -i lo t
for option in -o --only --events --secrets --color --lang; do
  words=$("$program" -r x $option '?' 2>&1 | sed 's/.* is none of //; s/, / /g')
  expect "bash: all that $option takes" offers "$words" smtpscope $option ""
done

if command -v zsh >/dev/null; then
  # The words that _arguments is given, without the mark that an option may come again, an option each line.
  specs=$(zsh -fc '_arguments() { print -rl -- "$@" }; source $1' zsh "$dir/_smtpscope")
  expect "zsh: every option" test "$(echo "$specs" | grep -oE '^\*-[-a-zA-Z]+' | tr -d '*' | sort -u)" = "$options"
  expect "zsh: no apostrophe ends a text" test "$(echo "$specs" | grep -c '^\*')" = "$(echo "$options" | wc -l)"
  expect "zsh: formats" grep -qF ':FORMAT:(text json)' <<<"$specs"
  expect "zsh: found by its name" zsh -fc 'fpath=($1 $fpath); autoload -U compinit; compinit -u -D; [[ $_comps[smtpscope] == _smtpscope ]]' zsh "$dir"
else
  echo "zsh is not installed: not tried"
fi

finish
