#!/usr/bin/env bash
# Fetches and verifies a published configuration with curl, openssl and coreutils alone, as `lifeboat fetch
# --auth cluster-certificate` does. Settings, all needed but the last: see the README beside this file.
#   LIFEBOAT_ENDPOINT LIFEBOAT_CONTROL_PLANE LIFEBOAT_KONG_VERSION LIFEBOAT_PUBLIC_KEY LIFEBOAT_OUTPUT
#   KONG_CLUSTER_CERT KONG_CLUSTER_CERT_KEY LIFEBOAT_MAX_BYTES
set -euo pipefail
umask 077
export LC_ALL=C # sorting and character classes do not depend on where it runs
fail() { printf 'lifeboat-fetch: %s\n' "$*" >&2; exit 1; }
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
from_base64url() {
  local text
  text=$(tr -- '-_' '+/')
  case $((${#text} % 4)) in 2) text+='==' ;; 3) text+='=' ;; esac
  printf %s "$text" | openssl base64 -d -A
}
to_hex() { od -An -v -tx1 | tr -d ' \n'; }
from_hex() { printf '%b' "$(sed 's/../\\x&/g')"; }
# The first field of this name in JSON without spaces: a string without escapes, or a number.
field() { sed -n 's/\("'"$1"'":"\{0,1\}[^",}]*\).*/\1/; s/.*"'"$1"'":"\{0,1\}//p'; }

# The two numbers of a signature: DER has no leading zeros, JWS as many as the curve takes (RFC 7518, 3.4).
to_jose() { # BYTES
  openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p' | while read -r number; do printf "%$(($1 * 2))s" "$number" | tr ' ' 0; done | from_hex
}
der_number() { # HEX
  local number=$1
  while [ "${number:0:2}" = 00 ] && [ ${#number} -gt 2 ]; do number=${number:2}; done
  case $number in [89a-f]*) number=00$number ;; esac
  printf '02%02x%s' $((${#number} / 2)) "$number"
}
to_der() {
  local hex numbers
  hex=$(to_hex)
  [ ${#hex} = 128 ] || fail 'the signature of the manifest does not have 64 bytes'
  numbers=$(der_number "${hex:0:64}")$(der_number "${hex:64}")
  printf '30%02x%s' $((${#numbers} / 2)) "$numbers" | from_hex
}
: "${LIFEBOAT_ENDPOINT:?}" "${LIFEBOAT_CONTROL_PLANE:?}" "${LIFEBOAT_KONG_VERSION:?}" "${LIFEBOAT_PUBLIC_KEY:?}" "${LIFEBOAT_OUTPUT:?}"
: "${KONG_CLUSTER_CERT:?}" "${KONG_CLUSTER_CERT_KEY:?}" "${LIFEBOAT_MAX_BYTES:=1073741824}"
case $LIFEBOAT_ENDPOINT in
  https://*) scheme='=https' ;;
  http://127.0.0.1:*) scheme='=http' ;; # the local system's
  *) fail 'LIFEBOAT_ENDPOINT must be an https:// URL' ;;
esac
directory=$(mktemp -d) && trap 'rm -rf "$directory" "${partial:-}"' EXIT
# The URL is a secret: others would see it as an argument. A redirect would lead to another host.
get() { printf 'url = "%s"\n' "$1" | curl --config - --silent --show-error --proto "$scheme" --connect-timeout 10 --max-time 120 "${@:2}"; }
# The assertion: who asks, for what, for a minute.
case $(openssl pkey -in "$KONG_CLUSTER_CERT_KEY" -noout -text_pub) in
  *prime256v1*) algorithm=ES256 hash=sha256 encode='to_jose 32' ;;
  *secp384r1*) algorithm=ES384 hash=sha384 encode='to_jose 48' ;;
  *Modulus*) algorithm=RS256 hash=sha256 encode=cat ;;
  *) fail 'the key of the cluster certificate must be RSA, or on P-256 or P-384' ;;
esac
chain=$(awk '/-BEGIN CERT/ { der = ""; on = 1; next } /-END CERT/ { printf "%s\"%s\"", comma, der; comma = ","; on = 0 } on { der = der $0 }' "$KONG_CLUSTER_CERT")
path=/control-planes/$LIFEBOAT_CONTROL_PLANE/fallback-config
now=$(date +%s)
header=$(printf '{"alg":"%s","typ":"lifeboat-grant+jwt","x5c":[%s]}' "$algorithm" "$chain" | base64url)
claims=$(printf '{"aud":"%s","iat":%d,"exp":%d,"jti":"%s"}' "$path" "$now" $((now + 60)) "$(openssl rand -hex 16)" | base64url)
signature=$(printf %s "$header.$claims" | openssl dgst "-$hash" -sign "$KONG_CLUSTER_CERT_KEY" | $encode | base64url)

printf '{"assertion":"%s"}' "$header.$claims.$signature" >"$directory/request"
status=$(get "${LIFEBOAT_ENDPOINT%/}$path?kongVersion=$LIFEBOAT_KONG_VERSION" --header 'content-type: application/json' \
  --data-binary "@$directory/request" --max-filesize 65536 --output "$directory/grant" --write-out '%{http_code}') || fail 'the grant endpoint did not answer'
[ "$status" = 200 ] || fail "the grant was refused ($status): $(head -c 500 "$directory/grant")"
url=$(field url <"$directory/grant")
[ -n "$url" ] || fail 'the answer is not a grant: check that LIFEBOAT_ENDPOINT is the URL of the HTTP API'
# The file, into the directory where it will stay: a rename within it is atomic.
partial=$(mktemp "$(dirname "$LIFEBOAT_OUTPUT")/.lifeboat-fetch-XXXXXX")
get "$url" --fail --compressed --dump-header "$directory/headers" | head -c "$LIFEBOAT_MAX_BYTES" >"$partial" ||
  fail 'the download was refused or interrupted, or the file is larger than LIFEBOAT_MAX_BYTES'
# The manifest: signed with a pinned key, for this control plane and node, about this very file.
manifest=$(tr -d '\r' <"$directory/headers" | sed -n 's/^x-amz-meta-manifest: *//Ip')
[ -n "$manifest" ] || fail 'the file has no manifest: it was not published by Lifeboat'
IFS=. read -r header claims signature <<<"$manifest"
printf %s "$header.$claims" >"$directory/signed"
printf %s "$signature" | from_base64url | to_der >"$directory/signature"
header=$(printf %s "$header" | from_base64url) claims=$(printf %s "$claims" | from_base64url)
awk -v keys="$directory/key-" '/-BEGIN PUBLIC KEY/ { n += 1 } n { print >(keys n) }' "$LIFEBOAT_PUBLIC_KEY"
for key in "$directory"/key-*; do
  point=$(openssl pkey -pubin -in "$key" -outform DER | tail -c 64 | to_hex)
  x=$(from_hex <<<"${point:0:64}" | base64url) y=$(from_hex <<<"${point:64}" | base64url)
  # RFC 7638
  thumbprint=$(printf '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' "$x" "$y" | openssl dgst -sha256 -binary | base64url)
  [ "$(field kid <<<"$header")" != "$thumbprint" ] || pinned=$key
done
[ -n "${pinned:-}" ] || fail 'the manifest is signed with a key that is not in LIFEBOAT_PUBLIC_KEY'
[ "$(field alg <<<"$header") $(field typ <<<"$header")" = 'ES256 lifeboat-manifest+jwt' ] || fail 'the signed document is not a manifest'
openssl dgst -sha256 -verify "$pinned" -signature "$directory/signature" "$directory/signed" >/dev/null || fail 'the signature of the manifest is wrong'
[ "$(field controlPlane <<<"$claims")" = "$LIFEBOAT_CONTROL_PLANE" ] || fail 'the file belongs to another control plane'
version=$(field kongVersion <<<"$claims")
[ "$(cut -d. -f1,2 <<<"$version")" = "$(cut -d. -f1,2 <<<"$LIFEBOAT_KONG_VERSION")" ] || fail "the file was made for Kong $version, and Kong $LIFEBOAT_KONG_VERSION cannot load it"
sort -C -V <<<"$version"$'\n'"$LIFEBOAT_KONG_VERSION" || fail "the file was made for Kong $version, which is newer than Kong $LIFEBOAT_KONG_VERSION"
[ "$(field size <<<"$claims")" = "$(stat -c %s "$partial")" ] || fail 'the file does not have the size that its manifest states'
[ "$(field sha256 <<<"$claims")" = "$(sha256sum <"$partial" | cut -d' ' -f1)" ] || fail 'the file was changed after it was signed'
sync "$partial"
mv -f "$partial" "$LIFEBOAT_OUTPUT"
echo "$LIFEBOAT_OUTPUT: revision $(field revision <<<"$claims") of control plane \"$LIFEBOAT_CONTROL_PLANE\" for Kong $version, verified"
