#!/usr/bin/env bash
# Runs a command beside a Ceph RADOS Gateway of its own, an S3 that is not ours: beside-rgw.sh COMMAND
# [ARGUMENT...] On loopback, in memory, in a directory that goes with the command. The command finds in its
# environment:
#   RGW_HTTP, RGW_HTTPS   endpoints; NODE_EXTRA_CA_CERTS has the certificate
#   RGW_KMS_KEYS          ARNs of two KMS keys that there are, with a comma
#   CEPH_CONF             what radosgw-admin needs
set -euo pipefail

fail() {
  printf 'rgw: %s\n' "$*" >&2
  exit 1
}

packages=(ceph-mon ceph-osd radosgw ceph-common)
programs=(ceph-mon ceph-osd radosgw radosgw-admin ceph ceph-authtool monmaptool)

install_missing() {
  type -P "${programs[@]}" openssl setpriv >"$directory/programs" && return
  command -v apt-get >/dev/null ||
    fail "Ceph is missing, and this is no Debian: install ${programs[*]}, openssl and setpriv by hand"
  [ "$(id -u)" = 0 ] ||
    fail "Ceph is missing, and only root can install it: apt-get install --no-install-recommends ${packages[*]} openssl"
  echo "rgw: installing ${packages[*]} (60 MB)"
  # Package lists that are missing or old show in what they cannot find.
  apt_install >"$directory/apt.log" 2>&1 ||
    { apt-get update && apt_install; } >>"$directory/apt.log" 2>&1 ||
    { tail -n 5 "$directory/apt.log" >&2; fail 'the packages cannot be installed: see above'; }
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=60 install -y --no-install-recommends \
    "${packages[@]}" openssl
}

# Dies with this script, however that ends: not even a SIGKILL leaves a daemon behind.
daemon() {
  setpriv --pdeathsig KILL "$@" >>"$directory/daemons.log" 2>&1 &
  daemons+=($!)
}

all_alive() {
  local pid
  for pid in "${daemons[@]}"; do
    kill -0 "$pid" 2>/dev/null || return
  done
}

# until_true WHAT COMMAND...
until_true() {
  local what=$1
  shift
  for _ in {1..300}; do
    "$@" 2>/dev/null && return
    all_alive || break
    sleep 0.1
  done
  tail -n 20 "$directory/daemons.log" >&2
  fail "$what did not start: see above"
}

clean_up() {
  [ -z "$command" ] || kill "$command" 2>/dev/null || true
  [ ${#daemons[@]} = 0 ] || kill -KILL "${daemons[@]}" 2>/dev/null || true
  # They may still be writing.
  wait 2>/dev/null
  rm -rf "$directory"
}

[ $# -gt 0 ] || fail 'say which command is to run beside it'
directory=$(mktemp -d "${TMPDIR:-/tmp}/lifeboat-rgw-XXXXXX")
daemons=()
command=
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
install_missing

read -r mon_port http_port https_port < <(node -e '
  const { createServer } = require("node:net");
  // Held together, so that they differ.
  const servers = [1, 2, 3].map(() => createServer().listen(0, "127.0.0.1"));
  Promise.all(servers.map((server) => require("node:events").once(server, "listening"))).then(() => {
    console.log(...servers.map((server) => server.address().port));
    servers.forEach((server) => server.close());
  });
')
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$directory/tls.key" -out "$directory/tls.crt" 2>/dev/null
kms_keys=(arn:aws:kms:eu-central-1:111122223333:key/{vault,other})
random_key() { head -c 32 /dev/urandom | base64 -w0; }

export CEPH_CONF="$directory/ceph.conf"
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon host = [v2:127.0.0.1:$mon_port/0]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = $directory/keyring
run dir = $directory
# Its path could be longer than a socket's may be.
admin socket =
pid file =
log to file = false
mon cluster log to file = false
# One copy, on one disk, that nothing survives.
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
# A full disk is no reason here.
mon data avail crit = 1
mon data avail warn = 2
# One monitor has nobody to wait for.
paxos propose interval = 0.02
paxos min wait = 0.01
[mon.a]
mon data = $directory/mon
[osd.0]
osd data = $directory/osd
osd objectstore = memstore
memstore device bytes = 1073741824
[client.rgw.a]
rgw frontends = beast endpoint=127.0.0.1:$http_port ssl_endpoint=127.0.0.1:$https_port ssl_certificate=$directory/tls.crt ssl_private_key=$directory/tls.key
rgw data = $directory
rgw dns name = localhost
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = ${kms_keys[0]}=$(random_key) ${kms_keys[1]}=$(random_key)
rgw s3 auth use sts = true
rgw sts key = $(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')
rgw enable usage log = false
rgw run sync thread = false
CONF

ceph-authtool --create-keyring "$directory/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
for name in client.admin osd.0 client.rgw.a; do
  ceph-authtool "$directory/keyring" --gen-key -n "$name" --cap mon 'allow *' --cap osd 'allow *' >/dev/null
done
monmaptool --create --addv a "[v2:127.0.0.1:$mon_port]" --fsid "$(sed -n 's/^fsid = //p' "$CEPH_CONF")" "$directory/monmap" >/dev/null
mkdir "$directory/mon" "$directory/osd"
ceph-mon --mkfs -i a --monmap "$directory/monmap" >>"$directory/daemons.log" 2>&1
daemon ceph-mon -f -i a
uuid=$(cat /proc/sys/kernel/random/uuid)
until_true 'the monitor' ceph --connect-timeout 10 osd new "$uuid" >/dev/null
ceph-osd -i 0 --mkfs --osd-uuid "$uuid" >>"$directory/daemons.log" 2>&1
daemon ceph-osd -f -i 0
# It waits for the disk itself.
daemon radosgw -f -n client.rgw.a
is_open() { exec 3<>"/dev/tcp/127.0.0.1/$1"; }
for port in "$http_port" "$https_port"; do
  until_true 'the gateway' is_open "$port"
done
echo "rgw: $(radosgw --version | cut -d' ' -f1-3) on 127.0.0.1:$http_port and :$https_port, up ${SECONDS} s after the start"

export RGW_HTTP="http://127.0.0.1:$http_port" RGW_HTTPS="https://127.0.0.1:$https_port"
export NODE_EXTRA_CA_CERTS="$directory/tls.crt" RGW_KMS_KEYS="${kms_keys[0]},${kms_keys[1]}"
# In the background, since bash would hear of a signal only after a command in the foreground.
setpriv --pdeathsig TERM "$@" <&0 &
command=$!
wait "$command"
