#!/bin/sh
# Puts connector plugins into PLUGINS_DIR, a directory each: a .zip or .tar.gz unpacked, a .jar as it is. A plugin that
# is already there from the same source is left alone. Nothing unfinished is ever seen under a plugin's name.
#   PLUGINS_DIR   directory to fill
#   PLUGINS_FILE  one plugin a line: NAME URL [SHA256]
# or, in an image that carries a plugin:
#   PLUGIN_NAME PLUGIN_SOURCE  name, and the directory or file to copy
#   TRIES         downloads of one address before giving up; default 5
#   RETRY_SECONDS between them; default 10
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

say() { printf '%s\n' "$*"; }
fail() { printf 'plugin-fetch: %s\n' "$*" >&2; exit 1; }

# download URL FILE
download() {
  tries=1
  until timeout 600 wget -q -O "$2" "$1"; do
    [ "$tries" -lt "${TRIES:-5}" ] || fail "$1 cannot be downloaded"
    say "$1: failed, trying again"
    tries=$((tries + 1))
    sleep "${RETRY_SECONDS:-10}"
  done
}

# unpack FILE DIRECTORY NAME
unpack() {
  case $3 in
    *.jar) cp "$1" "$2/${3##*/}"; return ;;
  esac
  case $(head -c 2 "$1") in
    PK) unzip -q "$1" -d "$2" ;;
    *) gunzip -c "$1" | tar -x -C "$2" -f - ;;
  esac || fail "$3 is neither a zip nor a tar.gz file that can be read"
}

# install NAME SOURCE [SHA256]
install() {
  if [ "$(cat "$PLUGINS_DIR/$1/.source" 2> /dev/null)" = "$2 ${3:-}" ]; then
    say "plugin $1: already there"
    return
  fi
  work=$(mktemp -d "$PLUGINS_DIR/.new-XXXXXX")
  mkdir "$work/plugin"
  case $2 in
    *://*)
      download "$2" "$work/download"
      if [ -n "${3:-}" ]; then
        actual=$(sha256sum "$work/download")
        [ "${actual%% *}" = "$3" ] || fail "$2 has the sha256 ${actual%% *}, not $3"
      fi
      unpack "$work/download" "$work/plugin" "${2%%\?*}"
      ;;
    *) cp -R "$2" "$work/plugin" || fail "$2 cannot be copied" ;;
  esac
  [ -n "$(find "$work/plugin" -name '*.jar')" ] || fail "$2 has no .jar file in it"
  printf '%s\n' "$2 ${3:-}" > "$work/plugin/.source"
  chmod -R a+rX "$work/plugin"
  rm -rf "${PLUGINS_DIR:?}/$1"
  mv "$work/plugin" "$PLUGINS_DIR/$1"
  rm -rf "$work"
  say "plugin $1: from $2"
}

rm -rf "$PLUGINS_DIR"/.new-*
if [ -n "${PLUGIN_NAME:-}" ]; then
  install "$PLUGIN_NAME" "$PLUGIN_SOURCE"
else
  while read -r name url sha256; do
    [ -z "$name" ] || install "$name" "$url" "$sha256"
  done < "$PLUGINS_FILE"
fi
