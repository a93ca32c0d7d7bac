#!/bin/sh
# The REST interface of a Kafka Connect worker for scripts that read this file first. json.awk lies beside them.
#   CONNECT_URL  a worker
set -eu
export LC_ALL=C

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

say() { printf '%s\n' "$*"; }

# connect METHOD PATH [BODY]: STATUS, 000 without a whole answer, and what it says.
# shellcheck disable=SC2034 # who reads this file reads STATUS
connect() {
  set -- "$1" "$2" ${3:+--data-binary "@$3"}
  method=$1 path=$2
  shift 2
  STATUS=$(curl --silent --max-time 90 --request "$method" --header 'Content-Type: application/json' "$@" \
    --output "$WORK/answer" --write-out '%{http_code}' "$CONNECT_URL$path") || STATUS=000
  awk -f "$(dirname "$0")/json.awk" "$WORK/answer" > "$WORK/values" 2> /dev/null || : > "$WORK/values"
}
# value PATH: one value of the last answer, or nothing.
value() { awk -F '\t' -v path="$1" '$1 == path { print substr($0, length($1) + 2) }' "$WORK/values"; }
# text VALUE: without JSON's escapes.
text() { printf '%b\n' "$(printf %s "$1" | sed 's/\\"/"/g')"; }
# states: those of the connector and its tasks in the last answer, each once, with a blank behind it.
states() { awk -F '\t' '$1 ~ /^(connector|tasks\.[0-9]+)\.state$/ { print $2 }' "$WORK/values" | sort -u | tr '\n' ' '; }
# traces: why the connector, or a task of it, failed.
traces() {
  awk -F '\t' '$1 ~ /^(connector|tasks\.[0-9]+)\.trace$/ { print $2 }' "$WORK/values" |
    while IFS= read -r trace; do text "$trace"; done
}
