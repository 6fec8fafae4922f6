# Index templates from the field table: `make contrib` writes them, a test compares.
#   smtpscope schema | jq --rawfile ecs contrib/ecs-8.11.tsv --arg engine elasticsearch|opensearch --arg what events|stats -f contrib/templates.jq
# Types: those of ECS where it has the field, else by the schema. Under smtp nothing is mapped that is not listed.

# Shown, never searched for: they follow from another field, or are free text whose place is the document. Kept in _source.
def only_shown: [
  "smtp.finding.explanation", "smtp.finding.remedy", "smtp.finding.reference", "smtp.finding.evidence", "smtp.finding.offset",
  "smtp.finding.suggestion", "smtp.auth.challenges", "smtp.auth.secret", "smtp.auth.digest_uri", "smtp.auth.oauth.schemes",
  "smtp.auth.oauth.port", "smtp.auth.oauth.host", "smtp.auth.oauth.scope", "smtp.auth.ntlm.nb_computer_name",
  "smtp.auth.ntlm.nb_domain_name", "smtp.auth.ntlm.dns_computer_name", "smtp.auth.ntlm.dns_domain_name",
  "smtp.auth.ntlm.target_name", "smtp.auth.security_layer", "smtp.auth.channel_binding", "smtp.auth.inner_mechanism",
  "smtp.auth.initial_response", "smtp.auth.steps", "smtp.starttls_evidence", "smtp.command.length", "smtp.reply.lines",
  "smtp.rcpt_parameters", "smtp.mail_parameters", "smtp.watch.threshold", "smtp.watch.window", "smtp.watch.identities",
  "smtp.message.bdat_chunks", "smtp.message.lines", "smtp.message.declared_size", "smtp.tls.hello_retry",
  "smtp.tls.client_protocols", "smtp.session.reversed", "smtp.session.state", "smtp.packet.first", "smtp.packet.last",
  "smtp.replies_by_class.2xx", "smtp.replies_by_class.3xx", "smtp.replies_by_class.4xx", "smtp.replies_by_class.5xx"];

def ecs_types: $ecs | split("\n") | map(select(. != "" and (startswith("#") | not)) | split("\t") | {(.[0] | ltrimstr("+")): .[1]}) | add;

# Texts longer than 1024 octets stay in the document and out of the index.
def mapping($type):
  if $type == "keyword" then {type: "keyword", ignore_above: 1024}
  elif $type == "wildcard" and $engine == "opensearch" then {type: "keyword", ignore_above: 1024} # wildcard came with 2.15
  else {type: $type} end;

def by_schema:
  if .type == "array" then .items | by_schema
  elif .type == "integer" then "long"
  elif .type == "boolean" then "boolean"
  elif .format == "date-time" then "date"
  else "keyword" end;

def leaves($path):
  if .type == "object" then .properties | to_entries[] | .key as $key | .value | leaves($path + [$key])
  else {path: $path, type: by_schema} end;

(if $what == "stats" then ["stats"] else ["session", "command", "auth", "message", "finding"] end) as $datasets
| ecs_types as $types
| [.oneOf[] | select(.title as $t | $datasets | index($t)) | leaves([])] | unique_by(.path)
| map((.path | join(".")) as $name | select(only_shown | index($name) | not) | .type = ($types[$name] // .type))
| reduce .[] as $f ({}; setpath($f.path | map(., "properties") | .[:-1]; mapping($f.type)))
| .smtp = {dynamic: false} + .smtp
| {
    index_patterns: [if $what == "stats" then "metrics-smtpscope.stats-*" else "logs-smtpscope-*" end],
    priority: 200,
    data_stream: {},
    template: {
      settings: {"index.mapping.total_fields.limit": 400},
      mappings: {
        dynamic_templates: [{others: {match_mapping_type: "string", mapping: {type: "keyword", ignore_above: 1024}}}],
        properties: .
      }
    },
    _meta: {description: "smtpscope \($what); made by contrib/templates.jq from the field table"}
  }
