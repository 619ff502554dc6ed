#!/usr/bin/env bash
# Runs a command with a Chromium of this machine, which it finds as CHROMIUM: with-chromium.sh COMMAND
# [ARGUMENT...] Where there is none, Debian's is installed. Where that cannot be done the command does not
# run, which is said and is no failure.
set -euo pipefail

not_run() {
  printf '\n%s\n' '************************************************************************' >&2
  printf 'browser: THE TESTS IN A BROWSER DID NOT RUN: %s\n' "$*" >&2
  printf '%s\n\n' '************************************************************************' >&2
  exit 0
}

find_chromium() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    type -P "$name" && return
  done
  return 1
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60 install -y --no-install-recommends chromium
}

install_chromium() {
  command -v apt-get >/dev/null || not_run 'there is no Chromium, and this is no Debian: install one, or name it in CHROMIUM'
  [ "$(id -u)" = 0 ] ||
    not_run 'there is no Chromium, and only root can install it: apt-get install --no-install-recommends chromium'
  echo 'browser: installing chromium (100 MB)'
  local log
  log=$(mktemp)
  # Package lists that are missing or old show in what they cannot find.
  apt_install >"$log" 2>&1 || { apt-get update && apt_install; } >>"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    rm -f "$log"
    not_run 'Chromium cannot be installed: see above'
  }
  rm -f "$log"
}

[ -n "${CHROMIUM:-}" ] || CHROMIUM=$(find_chromium) || {
  install_chromium
  CHROMIUM=$(find_chromium) || not_run 'the package chromium has no program of that name'
}
export CHROMIUM
echo "browser: $("$CHROMIUM" --version 2>/dev/null || echo "$CHROMIUM")"
exec "$@"
