#!/bin/bash
# smtpscope explain: what every page must say, its widths, JSON, exit status and hints, and the translation (po/ja.po).
set -u
. tests/support/script.sh
unset LANGUAGE LC_ALL LC_MESSAGES COLUMNS NO_COLOR
export LANG=C

# name, expected status, fragment of stderr (empty: nothing may be there), arguments...
try() {
  local name=$1 status=$2 said=$3
  shift 3
  "$program" explain "$@" >"$dir/out" 2>"$dir/err" </dev/null
  local got=$?
  if [ $got != "$status" ]; then bad "$name: exit status $got, expected $status"; return; fi
  if [ -n "$said" ] && ! grep -qF -- "$said" "$dir/err"; then bad "$name: stderr lacks \"$said\""; return; fi
  if [ -z "$said" ] && [ -s "$dir/err" ]; then bad "$name: stderr"; return; fi
  good
}
# says NAME PHRASE...: the page holds each, wherever its lines break, in capitals or not
says() {
  local name=$1 phrase page
  page=$(tr -s ' \n' ' ' <"$dir/out")
  shift
  for phrase in "$@"; do
    if [[ "${page,,}" == *"${phrase,,}"* ]]; then good; else bad "$name lacks: $phrase"; fi
  done
}
lacks() { if tr -s ' \n' ' ' <"$dir/out" | grep -qF -- "$2"; then bad "$1 holds: $2"; else good; fi; }

headings=("Class" "Sender retries" "Who must act" "What it means" "When it appears" "How to resolve it" "Typical causes" "Reference")

# ---- codes ----
try "334" 0 "" 334
says "334" "${headings[@]}" "3xx positive intermediate" "challenge" "SASL" "Base64" "decode" "RFC 4954"
try "500" 0 "" 500
says "500" "${headings[@]}" "5xx permanent negative" "512 octets" "CRLF" "RFC 5321"
try "the pair" 0 "" 334 500
says "the pair" "3xx positive intermediate" "the server's challenge in a SASL exchange" "Base64" "must decode it and answer with" \
  "Base64-coded credentials" "check the credentials" "the same, right mechanism" "keeps failing" \
  "5xx permanent negative" "malformed" "not recognised" "typo" "unsupported command" "over-long line" "spelling and syntax" \
  "512 octets" "CRLF line endings" "Main differences" "Which one when" \
  "may be empty" "NTLM is often plain text" "extensions in force raise" "500 5.5.6" "falls back to HELO" "should get 502" "arguments 501"
try "5.7.8" 0 "" 5.7.8
says "5.7.8" "${headings[@]}" "credentials" "5.X.X permanent negative" "security or policy" "535" "RFC 4954"
try "4.7.8" 0 "" 4.7.8
says "4.7.8" "transient negative" "tries again"
try "any class" 0 "" x.7.8
says "any class" "X.7.8"
lacks "any class" "permanent negative"
try "one vendor's" 0 "" 5.7.139
says "one vendor's" "one vendor" "basic authentication is disabled" "OAuth"
try "folklore" 0 "" 431
says "folklore" "seen in the wild only" "No specification defines it"
for code in 523 422 453 541 552 251 432; do
  try "$code" 0 "" $code
  says "$code" "Other meaning"
done

# ---- unknown codes explain their digits ----
try "599" 0 "" 599
says "599" "unknown reply code" "permanent negative" "second digit 9 is outside the grammar" "first digit"
try "238" 0 "" 238
says "238" "positive completion" "authentication"
try "133" 0 "" 133
says "133" "preliminary" "does not use this class"
try "5.4.99" 0 "" 5.4.99
says "5.4.99" "unknown enhanced" "network" "permanent negative" "detail"
try "5.99.1" 0 "" 5.99.1
says "5.99.1" "unknown enhanced" "Neither the subject"

# ---- replies ----
try "a reply" 0 "" "550 5.1.1 User unknown"
says "a reply" "550 Requested action not taken" "5.1.1 Bad destination mailbox address" "agree"
try "a line of a longer reply" 0 "" "550-5.1.1 User unknown"
says "a line of a longer reply" "5.1.1 Bad destination"
try "qmail's way" 0 "" "503 MAIL first (#5.5.1)"
says "qmail's way" "503" "5.5.1 Invalid command"
try "a contradiction" 0 "" "550 4.2.2"
says "a contradiction" "contradict each other" "goes by the basic code"
try "an unusual pair" 0 "" "501 5.7.8"
says "an unusual pair" "does not put these two together"
try "a reply without enhanced code" 0 "" "250 OK"
says "a reply without enhanced code" "250 Requested mail action okay"

# ---- names ----
try "a finding" 0 "" UNKNOWN_verb_typo
says "a finding" "unknown_verb_typo" "misspelling of <suggestion>" "Severity" "Whose fault" "RFC 5321 4.2.4"
for id in $(sed -n 's/^FINDING_ID(\(.*\))$/\1/p' include/smtpscope/finding_ids.h); do
  "$program" explain "$id" || bad "$id: no page"
done >"$dir/out" 2>&1
expect "no placeholder is shown raw: $(grep -oE '.{20}%[A-Z].*' "$dir/out" | head -1)" test -z "$(grep -E '%[A-Z]' "$dir/out")"
try "a verb" 0 "" auth
says "a verb" "AUTH mechanism [initial-response]" "after EHLO" "334 235" "535" "512 octets" "EHLO keyword" "pipelining" "RFC 4954"
try "another verb" 0 "" Mail
says "another verb" "MAIL FROM:<address> [parameter ...]" "anywhere in a group" "every server knows it"
try "a mechanism" 0 "" scram-sha-256
says "a mechanism" "SASL mechanism" "nonce" "user name" "try passwords against it" "RFC 7677"
try "a keyword" 0 "" 8bitmime
says "a keyword" "EHLO keyword" "RFC 6152"
try "two verbs" 0 "" HELO EHLO
says "two verbs" "without extensions" "asks for the server's extensions"
lacks "two verbs" "Main differences"
try "two enhanced codes" 0 "" 4.7.1 5.7.8
says "two enhanced codes" "Main differences" "transient negative reply (4.7.1)" "permanent negative reply (5.7.8)" "Which one when" "5.7.8: The login failed"

# ---- what is none ----
try "nothing to explain" 2 "explain what?"
try "three arguments" 2 "one or two arguments" 1 2 3
try "a misspelt verb" 2 "did you mean MAIL?" MIAL
try "a part of an id" 2 "did you mean unknown_verb_typo?" verb_typo
try "junk" 2 "is no reply code" "~~~~~"
lacks "junk" "did you mean"
try "empty" 2 "is no reply code" ""
try "no class" 2 "is no reply code" 799
try "four digits" 2 "is no reply code" 5500
try "no enhanced code" 2 "is no reply code" 3.1.1
try "the second is none" 2 "\"9x9\" is no reply code" 334 9x9
try "with a capture" 2 "-i and -r do not belong" 334 -r samples/first-look.pcap
try "unknown language" 2 "none of en, ja" 334 --lang fr
try "into a directory that is not there" 1 "$dir/no/file" 334 -O "$dir/no/file"
expect "nothing on standard output after an error" test ! -s "$dir/out"
"$program" explain 550 -o json | head -1 >/dev/null
expect "a reader that goes away" test "${PIPESTATUS[0]}" = 0

# ---- JSON ----
json() { # name, jq expression that must be true
  expect "$1: $2" jq -e "$2" "$dir/out" >/dev/null
}
try "JSON of a code" 0 "" 334 -o json
json "334" '.kind == "reply_code" and .code == 334 and .class.id == "positive_intermediate" and .status.id == "standard"'
json "334" '.retry.id == "continue" and .actor.id == "client" and .reference == "RFC 4954 4" and (.causes | length) > 1'
json "334" '[.name, .summary, .meaning, .when, .resolve] | all(type == "string" and length > 3)'
try "JSON of two" 0 "" -o json 334 500
json "two" '.kind == "comparison" and [.compare[].code] == [334, 500] and (.differences | length) > 2 and (.choice | length) == 1'
try "JSON of an enhanced code" 0 "" 5.7.8 -o json
json "5.7.8" '.kind == "enhanced_code" and .code == "5.7.8" and .subject.id == "security" and .basic == "535 554"'
try "JSON of a reply" 0 "" "550 4.2.2 x" -o json
json "reply" '.kind == "reply" and .basic.code == 550 and .enhanced.code == "4.2.2" and .agreement == "contradiction"'
try "JSON of a verb" 0 "" AUTH -o json
json "verb" '.kind == "verb" and .verb == "AUTH" and .phases == "helo" and .max_line == 512 and .keyword == "AUTH"'
try "JSON of a finding" 0 "" bare_lf_line -o json
json "finding" '.kind == "finding" and .id == "bare_lf_line" and .severity.id == "error" and .fault.id == "client"'
"$program" explain 334 -o json >"$dir/en"
"$program" explain 334 -o json --lang ja >"$dir/out"
expect "the same keys in every language" cmp -s <(jq -c paths "$dir/en") <(jq -c paths "$dir/out")

# ---- widths ----
columns() { # the widest line in columns of a terminal, wide characters count two
  perl -CS -ne 'chomp; my $w = () = /[\x{1100}-\x{115f}\x{2e80}-\x{a4cf}\x{ac00}-\x{d7a3}\x{f900}-\x{faff}\x{fe30}-\x{fe6f}\x{ff00}-\x{ff60}\x{ffe0}-\x{ffe6}]/g;
    $w += length; $m = $w if $w > $m; END { print $m }'
}
for lang in en ja; do
  for width in 40 80 100 160; do
    for what in 334 "334 500" 5.7.26 "550 554" "AUTH MAIL" PLAIN unknown_verb_typo 599; do
      # shellcheck disable=SC2086
      COLUMNS=$width "$program" explain $what --lang $lang
    done >"$dir/out"
    most=$(columns <"$dir/out")
    expect "$lang: $most columns instead of at most $width" test "$most" -le "$width" -a "$most" -gt $((width * 9 / 10))
    expect "$lang, $width columns: no space at the end of a line" test -z "$(grep ' $' "$dir/out")"
  done
done
"$program" explain 334 500 >"$dir/out"
expect "80 columns when it is no terminal" test "$(columns <"$dir/out")" -le 80
expect "below one another at 80" grep -q '^500  Syntax error' "$dir/out"
COLUMNS=100 "$program" explain 334 500 >"$dir/out"
expect "side by side at 100" grep -qE '334  Server challenge +500  Syntax error' "$dir/out"
words() { tr -s ' -' '\n\n' <"$dir/out" | sort -u; }
COLUMNS=160 "$program" explain 550 >"$dir/out"; words >"$dir/wide"
COLUMNS=40 "$program" explain 550 >"$dir/out"; words >"$dir/narrow"
expect "no word is cut" cmp -s "$dir/wide" "$dir/narrow"

# ---- colour ----
"$program" explain 334 >"$dir/out"
expect "no colour when it is no terminal" test -z "$(tr -d '\n\040-\176' <"$dir/out")"
"$program" explain 334 --color always >"$dir/out"
expect "colour on demand" grep -q $'\033\\[1m' "$dir/out"

# ---- translation (whether it is complete: test_translation) ----
ja() { # name, Japanese or English, then the variables and options
  local name=$1 expected=$2
  shift 2
  env "$@" >"$dir/out" 2>"$dir/err"
  expect "$name: $expected" grep -q "$expected" "$dir/out"
  expect "$name: nothing on stderr" test ! -s "$dir/err"
}
for locale in C C.UTF-8 POSIX ja_JP.UTF-8 de_DE.UTF-8 nonsense; do
  ja "--lang ja, LANG=$locale" クラス LANG=$locale "$program" explain 334 --lang ja
  ja "--lang en, LANG=$locale" Class LANG=$locale "$program" explain 334 --lang en
done
ja "LANG alone" クラス LANG=ja_JP.UTF-8 "$program" explain 334
ja "LANG without a codeset" クラス LANG=ja "$program" explain 334
ja "LC_MESSAGES before LANG" クラス LC_MESSAGES=ja_JP.eucJP LANG=en_US.UTF-8 "$program" explain 334
ja "LC_ALL before LC_MESSAGES" Class LC_ALL=en_US.UTF-8 LC_MESSAGES=ja_JP.UTF-8 "$program" explain 334
ja "an empty LC_ALL is none" クラス LC_ALL= LANG=ja_JP.UTF-8 "$program" explain 334
ja "another language" Class LANG=jam_JM.UTF-8 "$program" explain 334
ja "LANGUAGE does not matter" クラス LANGUAGE=de "$program" explain 334 --lang ja
"$program" explain 334 500 --lang ja >"$dir/out"
says "Japanese" サーバーチャレンジ 肯定中間応答 恒久的な否定応答 SASL Base64 資格情報 "512 オクテット" CRLF 主な違い 使い分け
mkdir -p "$dir/prefix/bin" "$dir/prefix/share/locale/ja/LC_MESSAGES" "$dir/bare"
cp "$program" "$dir/prefix/bin/smtpscope"
cp "$program" "$dir/bare/smtpscope"
cp "${BUILD:-build}/locale/ja/LC_MESSAGES/smtpscope.mo" "$dir/prefix/share/locale/ja/LC_MESSAGES/"
cd "$dir" || exit 1
ja "as installed" クラス "$dir/prefix/bin/smtpscope" explain 334 --lang ja
if [ ! -e /usr/local/share/locale/ja/LC_MESSAGES/smtpscope.mo ]; then
  bare/smtpscope explain 334 --lang ja >out 2>err
  expect "without a catalog: English, and a word about it" grep -q "no Japanese texts" err
  expect "without a catalog: English" grep -q "^Class" out
  ja "without a catalog, and nobody asked" Class LANG=ja_JP.UTF-8 bare/smtpscope explain 334
fi
cd "$OLDPWD" || exit 1
tests/support/pot.sh >"$dir/pot"
expect "po/smtpscope.pot is in step with the sources (make po)" cmp -s "$dir/pot" po/smtpscope.pot

finish
