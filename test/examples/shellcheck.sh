#!/usr/bin/env bash
# Runs shellcheck, and on a Debian installs it where it is missing: shellcheck.sh FILE...
set -euo pipefail

fail() {
  printf 'shellcheck: %s\n' "$*" >&2
  exit 1
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60 install -y --no-install-recommends shellcheck
}

if ! type -P shellcheck >/dev/null; then
  command -v apt-get >/dev/null || fail 'it is missing, and this is no Debian: install it by hand'
  [ "$(id -u)" = 0 ] || fail 'it is missing, and only root can install it: apt-get install shellcheck'
  # Package lists that are missing or old show in what they cannot find.
  log=$({ apt_install || { apt-get update && apt_install; }; } 2>&1) || fail "it cannot be installed: $(tail -n 5 <<<"$log")"
fi
exec shellcheck "$@"
