#!/bin/sh
# Installs what the build needs, and with "test" what the tests need: only what is missing, with the system's package manager.
set -eu

say() { echo "deps: $*" >&2; }

root=""
if [ "$(id -u)" != 0 ]; then
  root=sudo
  command -v sudo >/dev/null || { say "not root and no sudo: install by hand what is named below"; root="echo would run:"; }
fi

want() {
  for group in "$@"; do
    case "$manager-$group" in
      apt-build) echo gcc gettext make pkg-config libpcap-dev libjson-c-dev zlib1g-dev libzstd-dev nettle-dev libseccomp-dev librdkafka-dev ;;
      apt-test) echo libcmocka-dev mandoc zstd jq iproute2 tcpdump universal-ctags binutils libc6-dev python3 zsh ;;
      dnf-build) echo gcc gettext make pkgconf-pkg-config libpcap-devel json-c-devel zlib-devel libzstd-devel nettle-devel libseccomp-devel librdkafka-devel ;;
      dnf-test) echo libcmocka-devel mandoc zstd jq iproute tcpdump ctags binutils libasan libubsan python3 zsh ;;
      apk-build) echo gcc gettext musl-dev make pkgconf libpcap-dev json-c-dev zlib-dev zstd-dev nettle-dev libseccomp-dev linux-headers librdkafka-dev ;;
      apk-test) echo cmocka-dev mandoc zstd jq iproute2 tcpdump ctags binutils bash python3 zsh ;;
      pacman-build) echo gcc gettext make pkgconf libpcap json-c zlib zstd nettle libseccomp librdkafka ;;
      pacman-test) echo cmocka mandoc zstd jq iproute2 tcpdump ctags binutils python zsh ;;
      brew-build) echo gettext pkg-config libpcap json-c zlib zstd nettle librdkafka ;;
      brew-test) echo cmocka mandoc zstd jq universal-ctags python3 ;;
    esac
  done
}

installed() {
  case "$manager" in
    apt) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
    dnf) rpm -q --whatprovides "$1" >/dev/null 2>&1 ;;
    apk) apk info -e "$1" >/dev/null 2>&1 ;;
    pacman) pacman -Q "$1" >/dev/null 2>&1 ;;
    brew) brew list "$1" >/dev/null 2>&1 ;;
  esac
}

install() {
  case "$manager" in
    apt) $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ;;
    dnf) $root dnf install -y "$@" ;;
    apk) $root apk add "$@" ;;
    pacman) $root pacman -S --noconfirm --needed "$@" ;;
    brew) brew install "$@" ;;
  esac
}

for manager in apt dnf apk pacman brew none; do
  case "$manager" in
    apt) command -v apt-get >/dev/null && break ;;
    none) say "none of apt, dnf, apk, pacman, brew found; needed: libpcap json-c zlib libzstd nettle gettext cmocka, with headers"; exit 1 ;;
    *) command -v "$manager" >/dev/null && break ;;
  esac
done

missing=""
for package in $(want "$@"); do
  installed "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then
  say "nothing to install ($manager: $*)"
  exit 0
fi
say "installing with $manager:$missing"
# shellcheck disable=SC2086
install $missing
