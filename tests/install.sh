#!/bin/bash
# make install and make uninstall: what is there works, and nothing stays behind. The unit: systemd finds no fault, and its measure of
# exposure stays where it is.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
fail() { echo "$*"; failed=1; }

make -s install DESTDIR="$dir/root" >/dev/null || fail "make install"
at=$dir/root/usr/local
"$at/bin/smtpscope" -r samples/first-look.pcap -o json >"$dir/events" || fail "the installed program"
"$at/bin/smtpscope" schema | cmp -s - "$at/share/smtpscope/schema.json" || fail "schema.json is not what the program says"
bash -c "source $at/share/bash-completion/completions/smtpscope; complete -p smtpscope" >/dev/null || fail "completion"
grep -q "^ExecStart=/usr/local/bin/smtpscope " "$at/lib/systemd/system/smtpscope@.service" || fail "the unit names another program"
for page in man/*.[1-8]; do
  [ -s "$at/share/man/man${page##*.}/$(basename "$page")" ] || fail "$page is not installed"
done
[ "$(find "$at/share/doc/smtpscope/contrib" -type f | wc -l)" = "$(find contrib -type f | wc -l)" ] || fail "contrib is not whole"
make -s uninstall DESTDIR="$dir/root" || fail "make uninstall"
left=$(find "$dir/root" ! -type d)
[ -z "$left" ] || fail "make uninstall leaves $left"

if command -v systemd-analyze >/dev/null; then
  cp contrib/systemd/smtpscope@.service "$dir/smtpscope@eth0.service"
  # What the machine has not, its own program among it, is no fault of the unit.
  said=$(systemd-analyze verify "$dir/smtpscope@eth0.service" 2>&1 | grep "smtpscope@eth0" | grep -vE "not executable|Failed to create .*/start|Command 'man" || true)
  [ -z "$said" ] || fail "systemd-analyze verify: $said"
  # 1.7: sockets of the Internet for outputs, the network that is watched, CAP_NET_RAW, and the group that may read the files.
  systemd-analyze security --offline=true --threshold=17 "$dir/smtpscope@eth0.service" >"$dir/security" 2>&1 ||
    { grep -v "✓" "$dir/security"; fail "more exposed than 1.7"; }
  tail -1 "$dir/security"
else
  echo "no systemd: the unit is not tried"
fi
if command -v logrotate >/dev/null && [ "$(id -u)" = 0 ]; then
  sed "s|/var/log/smtpscope|$dir/log|; s/su smtpscope smtpscope/su root root/; s|systemctl kill.*|touch $dir/hup|" contrib/logrotate/smtpscope >"$dir/rotate"
  mkdir -m 755 "$dir/log"
  cp "$dir/events" "$dir/log/eth0.json"
  inode=$(stat -c %i "$dir/log/eth0.json")
  chmod 644 "$dir/rotate"
  logrotate -f -s "$dir/state" "$dir/rotate" || fail "logrotate"
  [ -e "$dir/hup" ] && [ "$(stat -c %i "$dir/log/eth0.json.1" 2>/dev/null)" = "$inode" ] && [ ! -e "$dir/log/eth0.json" ] ||
    fail "logrotate did not rename and tell: $(ls -li "$dir/log")"
fi
exit $failed
