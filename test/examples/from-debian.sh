#!/usr/bin/env bash
# Runs a program, and on a Debian installs its package where it is missing: from-debian.sh PACKAGE PROGRAM
# [ARGUMENT...]
set -euo pipefail

package=$1
program=$2
shift 2

fail() {
  printf '%s: %s\n' "$program" "$*" >&2
  exit 1
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60 install -y --no-install-recommends "$package"
}

if ! type -P "$program" >/dev/null; then
  command -v apt-get >/dev/null || fail 'it is missing, and this is no Debian: install it by hand'
  [ "$(id -u)" = 0 ] || fail "it is missing, and only root can install it: apt-get install $package"
  # Package lists that are missing or old show in what they cannot find.
  log=$({ apt_install || { apt-get update && apt_install; }; } 2>&1) || fail "it cannot be installed: $(tail -n 5 <<<"$log")"
fi
exec "$program" "$@"
