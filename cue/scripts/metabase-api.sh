#!/bin/sh
# Metabase's API for scripts that read this file first. json.awk lies beside them.
#   METABASE_URL    Metabase's address
#   ADMIN_EMAIL     the administrator
#   WAIT_SECONDS    how long to wait for Metabase; default 900
#   POLL_SECONDS    between two looks; default 5
set -eu
export LC_ALL=C

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
SESSION=
# Metabase mails the administrator about each sign-in from a device that it does not know: this cookie is the device.
DEVICE=5b0e7c52-6d1c-4a43-9a0b-7e1f2c9d8a64

say() { printf '%s\n' "$*"; }
fail() { printf 'metabase: %s\n' "$*" >&2; exit 1; }

# flat FILE: every value of a JSON file as PATH<tab>VALUE.
flat() { awk -f "$(dirname "$0")/json.awk" "$1"; }
# get FILE PATH: one value, or nothing.
get() { flat "$1" | awk -F '\t' -v path="$2" '$1 == path { print substr($0, length($1) + 2); exit }'; }
# quoted TEXT: a JSON string.
quoted() {
  printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "s/$(printf '\t')/\\\\t/g" |
    awk '{ printf "%s%s", (NR > 1 ? "\\n" : "\""), $0 } END { print (NR ? "" : "\"") "\"" }'
}

# request METHOD PATH [BODY]: the answer is in $WORK/answer, its status in STATUS.
request() {
  set -- "$1" "$2" "${3:-}"
  printf 'header = "X-Metabase-Session: %s"\ncookie = "metabase.DEVICE=%s"\n' "$SESSION" "$DEVICE" > "$WORK/curl"
  if [ -n "$3" ]; then
    printf 'header = "Content-Type: application/json"\ndata-binary = "@%s"\n' "$3" >> "$WORK/curl"
  fi
  STATUS=$(curl --silent --show-error --max-time 120 --config "$WORK/curl" --request "$1" \
    --output "$WORK/answer" --write-out '%{http_code}' "$METABASE_URL$2") || fail "$1 $2: Metabase does not answer"
}
# call METHOD PATH [BODY]: as request, and ends the run when Metabase refuses.
call() {
  request "$@"
  case $STATUS in
    2??) ;;
    *) fail "$1 $2: status $STATUS: $(head -c 500 "$WORK/answer")" ;;
  esac
}

wait_for_metabase() {
  deadline=$(($(date +%s) + ${WAIT_SECONDS:-900}))
  until curl --silent --fail --max-time 10 --output /dev/null "$METABASE_URL/api/health"; do
    [ "$(date +%s)" -lt "$deadline" ] || fail "gave up after ${WAIT_SECONDS:-900} seconds: Metabase is not ready at $METABASE_URL"
    sleep "${POLL_SECONDS:-5}"
  done
}

log_in() { # PASSWORD
  printf '{"username":%s,"password":%s}' "$(quoted "$ADMIN_EMAIL")" "$(quoted "$1")" > "$WORK/body"
  request POST /api/session "$WORK/body"
  case $STATUS in
    2??) SESSION=$(get "$WORK/answer" id) ;;
    4??) return 1 ;;
    *) fail "POST /api/session: status $STATUS" ;;
  esac
}

# find_marked FILE KEY: ID and hash of what carries the key's marker.
find_marked() {
  flat "$1" | awk -F '\t' -v marker="[vela-realtime $2 " '
    { at = $1; sub(/\.?[^.]*$/, "", at) }
    $1 ~ /(^|\.)id$/ { ids[at] = $2 }
    $1 ~ /(^|\.)description$/ && (found = index($2, marker)) {
      hash = substr($2, found + length(marker)); sub(/\].*/, "", hash); hashes[at] = hash
    }
    END { for (at in hashes) if (at in ids) print ids[at], hashes[at] }' | sort -n | head -n 1
}
