#!/usr/bin/env bash
# Gets OpenSSL 1.1 from the packages of Debian 11, without installing it, for the tests of the shell client:
#   PATH=$(test/examples/openssl-1.1.sh DIRECTORY):$PATH npm run test:programs -- test/examples/shell
set -euo pipefail

directory=$(realpath -m "${1:?a directory that is to hold it}")
program=$directory/bin/openssl

fail() {
  printf 'openssl-1.1: %s\n' "$*" >&2
  exit 1
}

if [ ! -x "$program" ]; then
  { type -P apt-get && type -P dpkg-deb; } >/dev/null || fail 'it comes from packages of Debian, and this is no Debian'
  mkdir -p "$directory"/{bin,lists/partial,cache/archives/partial}
  signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
  printf 'deb %s %s %s main\n' "$signed" http://deb.debian.org/debian bullseye "$signed" http://deb.debian.org/debian-security bullseye-security \
    >"$directory/sources.list"
  # Nothing of the system's own lists and packages is looked at or changed.
  options=(-o "Dir::Etc::sourcelist=$directory/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$directory/lists"
    -o "Dir::Cache=$directory/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root)
  log=$({ apt-get "${options[@]}" update && cd "$directory/cache" && apt-get "${options[@]}" download openssl libssl1.1; } 2>&1) ||
    fail "it cannot be had: $(tail -n 3 <<<"$log")"
  for package in "$directory"/cache/*.deb; do dpkg-deb -x "$package" "$directory/root"; done
  libraries=$(dirname "$(find "$directory/root" -name libssl.so.1.1)")
  printf '#!/bin/bash\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$libraries" "$directory/root/usr/bin/openssl" >"$program"
  chmod +x "$program"
fi
"$program" version | grep -q '^OpenSSL 1\.1' || fail 'what came is another version'
printf '%s\n' "${program%/openssl}"
