#!/bin/sh
# Adds the passwords that are missing in Secrets, and changes them only when asked to rotate or when everybody knows them. All that changes in a
# Secret changes at once and only if nobody else changed it meanwhile, so this may be stopped at any point, run again,
# and run twice at once. Waits for a Secret that is not there yet. Needs get and patch on the Secrets.
#   NAMESPACE         namespace of the Secrets
#   CREDENTIALS_FILE  one password a line: SECRET KEY [RULE]. A value that is there and not empty stays, but for `admin`,
#                     which was one of the Application once. RULE remove: the key goes, since the Application has the
#                     password itself. RULE from SECRET KEY: what stands there, whenever this runs: it is somebody else's.
#                     RULE keep: no rotation touches it. RULE previous: in one, the old value becomes KEY_PREVIOUS.
#                     A KEY .rotation-N asks for a rotation of its Secret: one whose annotation
#                     vela-realtime.dev/rotation is lower gets new passwords, and this key with them.
# kubernetes.sh and json.awk lie beside this script.
# shellcheck source-path=SCRIPTDIR source=kubernetes.sh
. "$(dirname "$0")/kubernetes.sh"

ANNOTATION=vela-realtime.dev/rotation

# password: 40 characters, some of each kind that a product may ask for.
password() {
  while :; do
    made=$(tr -dc 'A-Za-z0-9' < /dev/urandom | head -c 40)
    case $made in *[0-9]*) case $made in *[a-z]*) case $made in *[A-Z]*) break ;; esac ;; esac ;; esac
  done
  printf %s "$made"
}

# copies SECRET: what its rules `from` ask for, KEY VALUE a line, in base64. Waits for it.
copies() {
  : > "$WORK/copies"
  while read -r secret key rule source source_key; do
    [ "$secret $rule" = "$1 from" ] || continue
    until read_secret "$source" && copy=$(value "data.$source_key") && [ -n "$copy" ]; do
      wait_for "Secret $source: has no $source_key"
    done
    printf '%s %s\n' "$key" "$copy" >> "$WORK/copies"
  done < "$CREDENTIALS_FILE"
}

# settle SECRET: true when the Secret has all it must have.
settle() {
  copies "$1"
  read_secret "$1"
  version=$VERSION rotated=$(value "metadata.annotations.$ANNOTATION")
  case $rotated in '' | *[!0-9]*) rotated=0 ;; esac
  rotation=$(awk -v secret="$1" '$1 == secret && NF == 2 && sub(/^[.]rotation-/, "", $2) { print $2 }' "$CREDENTIALS_FILE")
  annotation='' data='' added='' changed='' removed='' copied=''
  [ "$rotated" -ge "${rotation:-0}" ] || annotation="\"$ANNOTATION\":\"$rotation\""
  while read -r secret key rule _; do
    [ "$secret" = "$1" ] || continue
    old=$(value "data.$key")
    if [ "$rule" = remove ]; then
      [ -z "$old" ] || data="$data,\"$key\":null" removed="$removed $key"
      continue
    fi
    if [ "$rule" = from ]; then
      copy=$(awk -v key="$key" '$1 == key { print $2 }' "$WORK/copies")
      [ "$old" = "$copy" ] || data="$data,\"$key\":\"$copy\"" copied="$copied $key"
      continue
    fi
    # admin
    [ "$old" != YWRtaW4= ] || old=
    if [ -z "$old" ]; then
      added="$added $key"
    elif [ -n "$annotation" ] && [ "$rule" != keep ]; then
      changed="$changed $key"
      [ "$rule" != previous ] || data="$data,\"${key}_PREVIOUS\":\"$old\""
    else
      continue
    fi
    encoded=$(password | base64)
    [ "${#encoded}" -ge 40 ] || fail "no password could be made"
    data="$data,\"$key\":\"$encoded\""
  done < "$CREDENTIALS_FILE"
  if [ -z "$annotation$data" ]; then
    say "Secret $1: complete"
    return
  fi
  patch_secret "$1" "$version" "$annotation" "${data#,}" || return 1
  say "Secret $1:${added:+ added$added}${changed:+ rotated$changed}${removed:+ removed$removed}${copied:+ copied$copied}"
}

names=$(awk 'NF && !seen[$1]++ { print $1 }' "$CREDENTIALS_FILE")
for name in $names; do
  deadline
  until settle "$name"; do :; done
done
