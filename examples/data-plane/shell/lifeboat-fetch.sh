#!/bin/bash -p
# Fetches and verifies a published configuration with curl, openssl and GNU's tools alone, as `lifeboat
# fetch --auth cluster-certificate` does, with its exit codes. Settings: see the README beside this file.
{ set +x; } 2>/dev/null # some are keys, which `bash -x` would print
set -euo pipefail
umask 077
export LC_ALL=C # sorting and character classes do not depend on where it runs
unset -v GZIP POSIXLY_CORRECT SSLKEYLOGFILE
trap '' PIPE # nobody may be listening any more
fail() { printf 'lifeboat-fetch: %s\n' "$2" >&2 || :; exit $((100 + $1)); } # CODE WORDS
end() { # CODE: what some tool ends with must not pass for one of ours; over 128 is a signal
  rm -rf "${directory:-}"
  [[ $1 =~ ^(0|10.|1[3-9].)$ ]] || (fail 1 "an error that was not foreseen ($1)") || exit 1
  exit $(($1 < 128 ? $1 % 100 : $1))
}
trap 'end $?' EXIT
demand() { # NAME PATTERN WORDS
  [[ ${!1:-} =~ ^($2)$ ]] || fail 2 "$1 must be $3, and nothing beside it, such as a line break"
}
base64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }
from_base64url() { printf "%s%.$(((4 - ${#1} % 4) % 4))s" "$1" == | tr -- '-_' '+/' | base64 -d 2>/dev/null; }
to_hex() { od -An -v -tx1 | tr -d ' \n'; }
from_hex() { printf '%b' "$(sed 's/../\\x&/g')"; }
# Of a signature's two numbers DER has no leading zeros, JWS as many as the curve takes (RFC 7518, 3.4).
to_jose() { openssl asn1parse -inform DER | sed -n 's/.*INTEGER *://p' | while read -r number; do printf "%$(($1 * 2))s" "$number" | tr ' ' 0; done | from_hex; }
# The first field of this name in JSON without spaces: a string without escapes, or a number.
field() { sed -n 's/\("'"$1"'":"\{0,1\}[^",}]*\).*/\1/; s/.*"'"$1"'":"\{0,1\}//p'; }
header() { tr -d '\r' <"$directory/headers" | sed -n "s/^$1: *//Ip" | tail -n 1; }
# A certificate or key as Kong takes it: a file, PEM or base64 of PEM, also where line breaks became CRLF,
# blanks or \n. It may be secret: it is no argument, and in no message. Each block becomes a line of base64.
blocks() { # NAME LABEL
  local given=${!1:-} text=${!1:-} reason
  if [[ $given != *-----BEGIN* ]] && ! text=$({ head -c 1048576 <"$given" | tr -d '\0'; } 2>&1); then
    reason=${given:+${text##*: }}
    text=$(printf %s "$given" | base64 -di 2>/dev/null | tr -d '\0') || :
    [[ $text == *-----BEGIN* ]] || fail 2 "$1 is neither a file that can be read (${reason:-not set}) nor PEM nor base64 of PEM"
  fi
  text=$(printf '%s ' "$text" | tr '\r\n\t' '   ' | sed 's/\\*\\[rn]/ /g; s/-----BEGIN /\n&/g' |
    sed -n 's/^-----BEGIN \([A-Z0-9 ]*\)-----\(.*\)-----END \1-----.*/\1:\2/p' | tr -d ' ')
  [[ $text != *ENCRYPTED* ]] || fail 2 "$1 is protected by a passphrase: openssl pkey -in FILE writes it without one"
  [[ $text == *"$2:"* && ($2 != PUBLICKEY || $text != *PRIVATEKEY:*) ]] ||
    fail 2 "$1 must hold the PEM of a ${2/KEY/ KEY}, and holds: $(printf %s "${text:-nothing whole}" | sed 's/:.*//; s/KEY/ KEY/' | paste -sd ,)"
  printf '%s\n' "$text" | sed -n "s/.*$2://p"
}
[ $# = 0 ] || fail 2 'it has no options: its settings are variables, see the README beside it'
for name in base64 curl gzip openssl sha256sum; do type -P "$name" >/dev/null || fail 1 "$name is missing: install it"; done
: "${LIFEBOAT_MAX_BYTES:=1073741824}" "${LIFEBOAT_RETRY_SECONDS:=30}"
demand LIFEBOAT_CONTROL_PLANE '[a-z0-9-]{1,40}' 'the name of a control plane, 1 to 40 of a-z, 0-9 and "-"'
demand LIFEBOAT_KONG_VERSION '(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})){2,3}' 'the full version of a data plane, such as 3.9.1'
for name in LIFEBOAT_MAX_BYTES LIFEBOAT_RETRY_SECONDS; do demand "$name" '0|[1-9][0-9]{0,11}' 'a whole number'; done
demand LIFEBOAT_OUTPUT '[^[:cntrl:]]*[^[:cntrl:]/]' 'the name of a file'
demand LIFEBOAT_ENDPOINT '((https://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])|http://(127\.0\.0\.1|localhost|\[::1\]))(:[0-9]{1,5})?(/[A-Za-z0-9._~%-]+)*)/*' \
  'the https:// URL of the HTTP API, one, without user and query'
base=${BASH_REMATCH[2]} way=(--proto '=https')
((10#0${BASH_REMATCH[6]#:} < 65536)) || fail 2 'LIFEBOAT_ENDPOINT has a port that is none'
[[ $base == https:* ]] || way=(--proto '=http' --noproxy '*') # the local system's
# Where curl reads a proxy's URL otherwise than it was meant, it prints part of the password as its name.
plain='([^][@:/?#%\[:space:]]|%[0-9A-Fa-f]{2})'
proxy="^([A-Za-z0-9]+://)?($plain*(:($plain|:)*)?@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?$"
for name in http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY; do
  [[ -z ${!name:-} || ${!name} =~ $proxy ]] || fail 2 "$name is not the URL of a proxy, or was not read as it was meant: in user and password the characters that URLs use must be percent-encoded (% is %25, # is %23)"
done
[[ ! -e $LIFEBOAT_OUTPUT || -f $LIFEBOAT_OUTPUT ]] || fail 7 "$LIFEBOAT_OUTPUT is a directory, a device, a pipe or a socket: name a file"
unwritable="$LIFEBOAT_OUTPUT cannot be written: check directory, owner and free space"
# All of it, bash's own files too, is beside the output: a rename within a file system is atomic.
directory=$(mktemp -d -- "$(dirname -- "$LIFEBOAT_OUTPUT")/.lifeboat-fetch-XXXXXX" 2>/dev/null) || fail 7 "$unwritable"
TMPDIR=$directory key=$(blocks KONG_CLUSTER_CERT_KEY PRIVATEKEY)
key=$(printf %s "${key%%$'\n'*}" | base64 -d 2>/dev/null | openssl pkey -inform DER 2>/dev/null) ||
  fail 2 'KONG_CLUSTER_CERT_KEY cannot be read: something of it is missing or was changed'
case $(printf %s "$key" | openssl pkey -noout -text_pub) in
  *prime256v1*) algorithm=ES256 hash=sha256 encode='to_jose 32' ;;
  *secp384r1*) algorithm=ES384 hash=sha384 encode='to_jose 48' ;;
  *\([2-8]???\ bit*Modulus*) algorithm=RS256 hash=sha256 encode=cat ;;
  *) fail 2 'the key of the cluster certificate must be on P-256 or P-384, or RSA of 2048 to 8192 bits' ;;
esac
chain=$(blocks KONG_CLUSTER_CERT CERTIFICATE)
[ "$(head -n 1 <<<"$chain" | base64 -d 2>/dev/null | openssl x509 -inform DER -noout -pubkey 2>/dev/null)" = "$(printf %s "$key" | openssl pkey -pubout)" ] ||
  fail 2 "KONG_CLUSTER_CERT_KEY does not belong to the first certificate of KONG_CLUSTER_CERT, or that is damaged: put the data plane's first"
pinned=$(blocks LIFEBOAT_PUBLIC_KEY PUBLICKEY)
while read -r text; do # its thumbprint: RFC 7638
  [[ $(printf %s "$text" | base64 -d 2>/dev/null | to_hex) =~ ^3059301306072a8648ce3d020106082a8648ce3d03010703420004(.{64})(.{64})$ ]] ||
    fail 2 'LIFEBOAT_PUBLIC_KEY has a key that is not on the curve P-256'
  x=$(from_hex <<<"${BASH_REMATCH[1]}" | base64url) y=$(from_hex <<<"${BASH_REMATCH[2]}" | base64url)
  thumbprint=$(printf '{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' "$x" "$y" | openssl dgst -sha256 -binary | base64url)
  printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' "$text" >"$directory/key-$thumbprint"
done <<<"$pinned"
path=/control-planes/$LIFEBOAT_CONTROL_PLANE/fallback-config
write_assertion() { # who asks, for what, for a minute
  now=$(date +%s)
  [ "$now" -ge 1577836800 ] || fail 3 "this machine's clock says $(date -u +%F), which makes every signature invalid: set it"
  protected=$(printf '{"alg":"%s","typ":"lifeboat-grant+jwt","x5c":["%s"]}' "$algorithm" "${chain//$'\n'/\",\"}" | base64url)
  claims=$(printf '{"aud":"%s","iat":%d,"exp":%d,"jti":"%s"}' "$path" "$now" $((now + 60)) "$(head -c 16 /dev/urandom | to_hex)" | base64url)
  signature=$(printf %s "$protected.$claims" | openssl dgst "-$hash" -sign <(printf %s "$key") | $encode | base64url)
  printf '{"assertion":"%s"}' "$protected.$claims.$signature" >"$directory/request"
}
# Asks, and after 429 and 5xx again, for some seconds. The URL is a secret: others would see an argument.
# A redirect would lead to another host, and ~/.curlrc anywhere.
ask() { # PREPARE FILE URL MOST-BYTES CODE-FOR-MORE [OPTION...]
  local pause=1 wait codes
  for (( ; ; pause *= 2)); do
    "$1"
    printf 'url = "%s"\n' "$3" | curl -q --config - --globoff --silent --show-error "${way[@]}" --connect-timeout 10 --max-time 120 \
      --dump-header "$directory/headers" "${@:6}" 2>"$directory/error" | head -c $(($4 + 1)) >"$directory/$2" && codes=(0 0 0) || codes=("${PIPESTATUS[@]}")
    [ "${codes[2]}" = 0 ] || fail 7 "$unwritable"
    [ "$(stat -c %s "$directory/$2")" -le "$4" ] || fail "$5" "the $2 has more than the $4 bytes that are allowed"
    [ "${codes[1]}" = 0 ] || fail 5 "the $2 was not received whole: $(tail -n 1 "$directory/error" | tr -d '[:cntrl:]')"
    status=$(sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$directory/headers" | tail -n 1) wait=$(header retry-after)
    [[ $wait =~ ^[0-9]{1,5}$ ]] || wait=$pause
    [[ $status =~ ^(429|5..)$ && $((SECONDS + wait)) -lt $LIFEBOAT_RETRY_SECONDS ]] || return 0
    sleep "$wait.$RANDOM"
  done
}
refuse() { # STATUS-OR-CODE WORDS: a code of S3; "403<" is a page, which neither AWS nor Lifeboat answers
  [[ ! $1 =~ ^(401|403|(Access|Authorization|Signature).*|InvalidAccessKeyId|RequestTimeTooSkewed|ExpiredToken|InvalidToken|TokenRefresh.*)$ ]] || fail 3 "$2"
  [[ ! $1 =~ ^(404|NoSuchKey|NoSuchVersion|MethodNotAllowed)$ ]] || fail 4 "$2"
  fail 5 "$2"
}
ask write_assertion grant "$base$path?kongVersion=$LIFEBOAT_KONG_VERSION" 65536 5 --header 'content-type: application/json' --data-binary "@$directory/request"
[ "$status" = 200 ] || refuse "$status$(tr -d '[:space:]' <"$directory/grant" | head -c 1 | tr -cd '<')" "the grant was refused ($status): $(tr -d '[:cntrl:]' <"$directory/grant" | head -c 500)"
[[ $(field url <"$directory/grant") =~ ^https?://[^[:space:]\"\\]+$ ]] || fail 5 'the answer is not a grant: check that LIFEBOAT_ENDPOINT is the URL of the HTTP API'
ask : file "${BASH_REMATCH[0]}" $((LIFEBOAT_MAX_BYTES + 65536)) 6
code=$(sed -n 's/.*<Code>\([A-Za-z0-9_.-]*\)<.*/\1/p' "$directory/file")
[ "$status" = 200 ] || refuse "$code" "the vault answered $status (${code:-no code: look at what is on the way, such as a proxy})"
# The manifest: signed with a pinned key, for this control plane and node, about this very file.
IFS=. read -r first second third < <(header x-amz-meta-manifest) || fail 6 'the file has no manifest: it was not published by Lifeboat'
[[ $(from_base64url "$third" | to_hex) =~ ^(.{64})(.{64})$ ]] || fail 6 'the signature of the manifest does not have 64 bytes'
printf 'asn1=SEQUENCE:numbers\n[numbers]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" |
  openssl asn1parse -genconf /dev/stdin -noout -out "$directory/signature"
protected=$(from_base64url "$first" | tr -d '\0') claims=$(from_base64url "$second" | tr -d '\0') || fail 6 'the manifest cannot be read'
[[ $(field kid <<<"$protected") =~ ^[A-Za-z0-9_-]{43}$ && -f $directory/key-${BASH_REMATCH[0]} ]] || fail 6 'the manifest is signed with a key that is not in LIFEBOAT_PUBLIC_KEY'
[ "$(field alg <<<"$protected") $(field typ <<<"$protected")" = 'ES256 lifeboat-manifest+jwt' ] || fail 6 'the signed document is not a manifest'
printf %s "$first.$second" | openssl dgst -sha256 -verify "$directory/key-${BASH_REMATCH[0]}" -signature "$directory/signature" >/dev/null 2>&1 ||
  fail 6 'the signature of the manifest is wrong'
[ "$(field controlPlane <<<"$claims")" = "$LIFEBOAT_CONTROL_PLANE" ] || fail 6 'the file belongs to another control plane'
version=$(field kongVersion <<<"$claims") size=$(field size <<<"$claims")
{ [ "$(cut -d. -f1,2 <<<"$version")" = "$(cut -d. -f1,2 <<<"$LIFEBOAT_KONG_VERSION")" ] && sort -C -V <<<"$version"$'\n'"$LIFEBOAT_KONG_VERSION"; } ||
  fail 6 "the file was made for Kong $version, and Kong $LIFEBOAT_KONG_VERSION cannot load it"
[ "$size" -le "$LIFEBOAT_MAX_BYTES" ] || fail 6 "the file has $size bytes, more than the allowed $LIFEBOAT_MAX_BYTES (LIFEBOAT_MAX_BYTES)"
# What a proxy has inflated on the way comes through as it is.
gzip -dcf <"$directory/file" 2>/dev/null | head -c $((size + 1)) >"$directory/config" || [ "${PIPESTATUS[1]}" = 0 ] || fail 7 "$unwritable"
read -r sha256 _ < <(sha256sum <"$directory/config") && received=$(stat -c %s "$directory/config")
if [ "$received $sha256" != "$size $(field sha256 <<<"$claims")" ]; then
  encoding=$(header content-encoding | tr '[:upper:]' '[:lower:]' | tr -cd '[:alnum:],-')
  [[ ,$encoding =~ ^(,((x-)?gzip|aws-chunked|identity)?)*$ ]] || fail 5 "the file is encoded as $encoding, as a proxy on the way may do, which is not read here"
  [ "$received" -ge "$size" ] || fail 5 "the file was interrupted or damaged on its way, after $received of $size bytes. Try again"
  fail 6 'the file was changed after it was signed, or is longer than its manifest states'
fi
{ chmod 600 "$directory/config" && sync "$directory/config" && mv -fT -- "$directory/config" "$LIFEBOAT_OUTPUT"; } || fail 7 "$unwritable"
printf '%s: revision %s of control plane "%s" for Kong %s, verified\n' "$LIFEBOAT_OUTPUT" "$(field revision <<<"$claims")" "$LIFEBOAT_CONTROL_PLANE" "$version" 2>/dev/null || :
