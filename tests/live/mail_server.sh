# mail_server.sh - sourced by live tests: two network namespaces with a veth pair, and a real Postfix in the second that takes mail for alice and
# bob at example.org and throws it away. The caller sets a, b (names), dir, and calls remove_network at its end.

install_missing() { # packages
  local missing="" p
  for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
  done
  [ -n "$missing" ] || return 0
  echo "installing$missing"
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

make_network() {
  ip netns add $a && ip netns add $b || return 1
  ip link add la$$ netns $a type veth peer name lb$$ netns $b || return 1
  ip -n $a addr add 192.0.2.10/24 dev la$$; ip -n $a link set la$$ up; ip -n $a link set lo up
  ip -n $b addr add 192.0.2.25/24 dev lb$$; ip -n $b link set lb$$ up; ip -n $b link set lo up
}

start_postfix() { # log file, below /var/log
  mkdir -p "$dir/etc" "$dir/spool" "$dir/data"
  chown postfix "$dir/data"
  cat >"$dir/etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = $1
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
smtpd_client_connection_count_limit = 0
smtpd_client_port_logging = yes
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
  ip netns exec $b postfix -c "$dir/etc" start >"$dir/postfix.log" 2>&1 || { cat "$dir/postfix.log"; return 1; }
}

remove_network() {
  ip netns exec $b postfix -c "$dir/etc" stop >/dev/null 2>&1
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill $pids 2>/dev/null
  ip netns del $a 2>/dev/null; ip netns del $b 2>/dev/null
}
