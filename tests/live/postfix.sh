#!/bin/bash
# Real Postfix in one network namespace, swaks in the other, smtpscope on the interface while tcpdump writes a file: the same events
# from both. Installs what is missing; needs root.
set -u
[ "$(id -u)" = 0 ] || { echo "needs root for network namespaces"; exit 77; }
program=${SMTPSCOPE:-./smtpscope}
case "$program" in /*) ;; *) program=$PWD/$program ;; esac

missing=""
for p in postfix swaks tcpdump iproute2 jq openssl; do
  dpkg-query -W -f '${Status}' $p 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
  echo "installing$missing"
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || exit 1
fi

a=live-a-$$ b=live-b-$$
dir=$(mktemp -d /tmp/live.XXXXXX)
chmod 755 "$dir"
pids=""
cleanup() {
  ip netns exec $b postfix -c "$dir/etc" stop >/dev/null 2>&1
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill $pids 2>/dev/null
  ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null
  rm -rf "$dir"
}
trap cleanup EXIT
ip netns add $a && ip netns add $b || exit 1
ip link add la$$ netns $a type veth peer name lb$$ netns $b || exit 1
ip -n $a addr add 192.0.2.10/24 dev la$$; ip -n $a link set la$$ up; ip -n $a link set lo up
ip -n $b addr add 192.0.2.25/24 dev lb$$; ip -n $b link set lb$$ up; ip -n $b link set lo up

mkdir -p "$dir/etc" "$dir/spool" "$dir/data"
chown postfix "$dir/data"
cat >"$dir/etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = /var/log/smtpscope-live.log
maillog_file_prefixes = /var/log
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.org
mydestination = example.org
local_transport = discard:
default_transport = discard:
local_recipient_maps = inline:{alice=x, bob=x}
alias_maps =
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtpd_error_sleep_time = 0
CF
cat >"$dir/etc/master.cf" <<CF
smtp       inet n - n - - smtpd
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
proxymap   unix - - n - - proxymap
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
anvil      unix - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
CF
ip netns exec $b postfix -c "$dir/etc" start >"$dir/postfix.log" 2>&1 || { cat "$dir/postfix.log"; exit 1; }

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
