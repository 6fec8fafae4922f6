#!/bin/bash
# The index templates of contrib/: what contrib/templates.jq makes of the field table now; under 150 fields, as the engines count them.
set -u
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=./$program ;; esac
fail=0
made=$(mktemp)
trap 'rm -f "$made"' EXIT

for engine in elasticsearch opensearch; do
  for what in events stats; do
    file=contrib/$engine/smtpscope-$what.json
    "$program" schema | jq --rawfile ecs contrib/ecs-8.11.tsv --arg engine $engine --arg what $what -f contrib/templates.jq >"$made"
    if ! diff "$file" "$made"; then
      echo "$file (<) is not what the field table gives (>): make contrib"
      fail=1
    fi
    fields=$(jq 'def count: if .properties then 1 + ([.properties[] | count] | add) else 1 end;
      [.template.mappings.properties[] | count] | add' "$file")
    [ "$fields" -gt 30 ] && [ "$fields" -lt 150 ] || { echo "$file: $fields fields and objects; at most 149 (only_shown in contrib/templates.jq)"; fail=1; }
    [ "$(jq '.template.mappings.properties.smtp.dynamic' "$file")" = false ] || { echo "$file: smtp is not closed"; fail=1; }
  done
done

# No name in the list of what is only shown that the schema does not have.
for name in $(sed -n '/^def only_shown/,/\];/p' contrib/templates.jq | grep -oE '"smtp[^"]*"' | tr -d '"'); do
  "$program" schema | jq -e --arg path "$name" '($path | split(".") | map("properties", .)) as $p | any(.oneOf[]; getpath($p) != null)' >/dev/null ||
    { echo "contrib/templates.jq: no field $name"; fail=1; }
done
exit $fail
