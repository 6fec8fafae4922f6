#!/bin/bash
# The Debian package: built from what git knows, without complaint of lintian, installed in a fresh chroot, where it passes debian/tests;
# then systemd itself is started there, in namespaces of its own, and runs the service with all that the unit takes away.
# Root; installs the tools. ROOT names a chroot that exists already.
set -eu
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
command -v apt-get >/dev/null || { echo "needs Debian"; exit 77; }
export DEBIAN_FRONTEND=noninteractive
unset CC CFLAGS BUILD SMTPSCOPE MAKEFLAGS MAKELEVEL
here=$PWD
dir=$(mktemp -d)
booted=""
cleanup() {
  [ -z "$booted" ] || kill -9 "$booted" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf --one-file-system "$dir"
}
trap cleanup EXIT
step() { echo "--- $*"; }
fail() { echo "package: $*"; exit 1; }

step "tools"
apt-get install -y -qq --no-install-recommends build-essential debhelper debootstrap dpkg-dev fakeroot lintian gettext pkg-config libjson-c-dev \
  libpcap0.8-dev librdkafka-dev libseccomp-dev libzstd-dev nettle-dev zlib1g-dev libcmocka-dev >"$dir/apt.log" 2>&1 || { tail "$dir/apt.log"; fail "tools"; }

root=${ROOT:-$dir/root}
if [ ! -d "$root/usr" ]; then # while it is made, the package is built
  mirror=$(apt-get indextargets --format '$(COMPONENT) $(REPO_URI)' | awk '$1 == "main" && /debian/ { print $2; exit }')
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  debootstrap --variant=minbase --include=systemd,iproute2 "$release" "$root" "$mirror" >"$dir/debootstrap.log" 2>&1 &
  making=$!
fi

step "dpkg-buildpackage"
mkdir "$dir/source"
git archive --prefix=source/ HEAD | tar x -C "$dir"
(cd "$dir/source" && dpkg-buildpackage -us -uc -b) >"$dir/build.log" 2>&1 || { tail -30 "$dir/build.log"; fail "dpkg-buildpackage"; }
step "lintian"
lintian --allow-root --fail-on error,warning "$dir"/*.changes || fail "lintian"
make -s -C "$dir/source" build/tests/run_pcaps build/tests/smtp_peer >/dev/null

step "chroot"
[ -z "${making-}" ] || wait "$making" || { tail "$dir/debootstrap.log"; fail "debootstrap"; }
rm -rf "${root:?}/src"
cp -r "$dir/source" "$root/src"
cp "$dir"/smtpscope_*.deb "$root/src/smtpscope.deb"
unshare --mount bash -c 'mount --bind /dev "$0/dev"; mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"; exec chroot "$0" bash -ec "
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends --reinstall ./src/smtpscope.deb >/dev/null
  apt-get install -y -qq --no-install-recommends jq zstd libcmocka0 >/dev/null
  test -x /usr/bin/smtpscope
  LANGUAGE=ja LC_ALL=C.UTF-8 smtpscope explain 550 --lang ja | head -1 | grep -q [^\ -~]
  cd /src && debian/tests/goldens"' "$root" || fail "in the chroot"

step "systemd"
unshare --pid --fork --mount --uts --ipc --net --cgroup --kill-child tests/support/boot.sh "$root" >"$dir/boot.log" 2>&1 &
for _ in $(seq 100); do booted=$(pgrep -P $! 2>/dev/null) && [ "$(cat "/proc/$booted/comm" 2>/dev/null)" = systemd ] && break; sleep 0.1; done
[ -n "$booted" ] || { cat "$dir/boot.log"; fail "systemd does not start here"; }
inside() { timeout 30 nsenter -t "$booted" -m -u -i -n -p -C -r --wd=/ "$@"; }
for _ in $(seq 100); do inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded' && break; sleep 0.2; done
events() { inside grep -c "$1" "/var/log/smtpscope/$2" 2>/dev/null || true; }
wait_for() { # pattern, file
  for _ in $(seq 50); do [ "$(events "$1" "$2")" != 0 ] && [ -n "$(events "$1" "$2")" ] && return; sleep 0.1; done
  inside journalctl --no-pager -u smtpscope@lo | tail
  fail "no $1 in $2"
}
talk() {
  timeout 20 nsenter -t "$booted" -n "$dir/source/build/tests/smtp_peer" server 127.0.0.1 25 9 &
  local server=$!
  sleep 0.5
  timeout 20 nsenter -t "$booted" -n "$dir/source/build/tests/smtp_peer" client 127.0.0.1 25 || fail "the client failed"
  kill $server
}
inside ip link set lo up
inside sh -c 'echo "SMTPSCOPE_OPTIONS=\"--stats 1 --metrics /var/lib/smtpscope/lo.prom\"" >/etc/default/smtpscope-lo'
inside rm -f /var/log/smtpscope/lo.json
inside systemctl start smtpscope@lo || { inside journalctl --no-pager -u smtpscope@lo; fail "the service does not start"; }
[ "$(inside systemctl is-active smtpscope@lo)" = active ] || fail "not active"
pid=$(inside systemctl show -p MainPID --value smtpscope@lo)
inside grep -qE '^CapEff:\s0+$' "/proc/$pid/status" || fail "capabilities are left"
inside grep -qE '^Uid:\s+0' "/proc/$pid/status" && fail "runs as root"
talk
wait_for '"smtpscope.session"' lo.json
for _ in $(seq 50); do inside grep -q "^smtpscope_sessions_total [1-9]" /var/lib/smtpscope/lo.prom 2>/dev/null && break; sleep 0.1; done
inside grep -q "^smtpscope_sessions_total [1-9]" /var/lib/smtpscope/lo.prom || fail "no metrics under the unit"
inside setpriv --reuid=nobody --regid=nogroup --clear-groups test -r /var/lib/smtpscope/lo.prom || fail "no collector may read the metrics"
inside mv /var/log/smtpscope/lo.json /var/log/smtpscope/old.json
inside systemctl reload smtpscope@lo || fail "reload"
talk
wait_for '"smtpscope.session"' lo.json
[ "$(inside stat -c '%U %a' /var/log/smtpscope/lo.json)" = "smtpscope 640" ] || fail "who may read lo.json: $(inside stat -c '%U %a' /var/log/smtpscope/lo.json)"
inside systemctl stop smtpscope@lo
wait_for '"smtpscope.stats"' lo.json
[ "$(inside systemctl show -p Result --value smtpscope@lo)" = success ] || fail "did not end well"
inside systemd-analyze security --no-pager smtpscope@lo | tail -1
inside systemctl start smtpscope@nowhere 2>/dev/null && fail "an interface that is not there"
[ "$(inside systemctl show -p SubState --value smtpscope@nowhere)" = auto-restart ] || fail "is not tried again"
echo "package: built, clean, installed, tested, run by systemd: 1 passed, 0 failed"
