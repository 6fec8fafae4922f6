#!/bin/bash
# Real Postfix in one network namespace, swaks in the other, smtpscope on the interface while tcpdump writes a file: the same events
# from both. Installs what is missing; needs root.
set -u
[ "$(id -u)" = 0 ] || { echo "needs root for network namespaces"; exit 77; }
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac

a=live-a-$$ b=live-b-$$
dir=$(mktemp -d /tmp/live.XXXXXX)
chmod 755 "$dir"
pids=""
. tests/live/mail_server.sh
trap 'remove_network; rm -rf "$dir"' EXIT
install_missing postfix swaks tcpdump iproute2 jq openssl || exit 1
make_network || exit 1
start_postfix /var/log/smtpscope-live.log || exit 1

ip netns exec $b tcpdump -q -U -i lb$$ -w "$dir/file.pcap" tcp 2>"$dir/tcpdump" & dump=$!; pids="$pids $dump"
ip netns exec $b "$program" -i lb$$ -o json -O "$dir/live.json" tcp 2>"$dir/err" & scope=$!; pids="$pids $scope"
for _ in $(seq 60); do grep -q listening "$dir/tcpdump" && break; sleep 0.1; done
sleep 0.5

swaks() { ip netns exec $a swaks --server 192.0.2.25 --ehlo client.example.org --from alice@example.org "$@" >"$dir/swaks" 2>&1; }
swaks --to bob@example.org --body "one" || { cat "$dir/swaks"; echo "swaks failed"; exit 1; }
swaks --to bob@example.org,nobody@example.org --pipeline
swaks --to nobody@example.org
swaks --to bob@example.org --quit-after FIRST-HELO
swaks --to bob@example.org --auth PLAIN --auth-user alice --auth-password made-up-word
sleep 1
kill -TERM $scope; wait $scope; status=$?
kill -INT $dump; wait $dump

[ $status = 0 ] || { echo "smtpscope ended with status $status"; cat "$dir/err"; exit 1; }
"$program" -r "$dir/file.pcap" -o json tcp >"$dir/file.json" 2>/dev/null
facts='select(.event.dataset != "smtpscope.stats") | del(.observer, ."@timestamp", .smtp.packet, .event.duration, .event.start, .event.end,
  .event.id, .smtp.session.id, .smtp.watch.sessions, .source.packets, .destination.packets)'
jq -cS "$facts" "$dir/live.json" | sort >"$dir/live.facts"
jq -cS "$facts" "$dir/file.json" | sort >"$dir/file.facts"
diff "$dir/live.facts" "$dir/file.facts" || { echo "live (<) and file (>) differ"; exit 1; }
n=$(grep -c '"smtpscope.session"' "$dir/live.facts")
accepted=$(jq -r 'select(.event.dataset == "smtpscope.message") | .smtp.message.result' "$dir/live.json" | sort | uniq -c | tr -s ' \n' ' ')
[ "$n" = 5 ] || { echo "$n sessions, expected 5"; exit 1; }
echo "$n sessions of swaks with Postfix $(postconf -h mail_version): the same $(wc -l <"$dir/live.facts") events live and from the file; mails:$accepted"
