#!/bin/sh
# Registers connectors with Kafka Connect and waits until they and all their tasks run. May be run again: a connector
# that is as it should be is left alone, tasks that failed are restarted. Ends with the trace of a task that keeps
# failing. Connectors that OWNER registered before and that are no longer declared are deleted; others are not touched.
# A connector that somebody paused or stopped stays so.
#   CONNECT_URL     a worker
#   CONNECTORS_DIR  NAME.json each, the configuration of connector NAME; its values are strings
#   OWNER           optional: written into each configuration as vela.realtime.owner, which Connect ignores
#   WAIT_SECONDS    how long to wait for the worker, and for one connector to run; default 600
#   POLL_SECONDS    between two looks; default 3
#   RESTARTS        of what failed, before giving up; default 3
# json.awk lies beside this script.
set -eu
export LC_ALL=C

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
WAITING_FOR=

say() { printf '%s\n' "$*"; }
fail() { printf 'connector-register: %s\n' "$*" >&2; exit 1; }

deadline() { DEADLINE=$(($(date +%s) + ${WAIT_SECONDS:-600})); }
wait_for() {
  [ "$1" = "$WAITING_FOR" ] || say "waiting: $1"
  WAITING_FOR=$1
  [ "$(date +%s)" -lt "$DEADLINE" ] || fail "gave up after ${WAIT_SECONDS:-600} seconds: $1"
  sleep "${POLL_SECONDS:-3}"
}

# connect METHOD PATH [BODY]: STATUS, 000 without a whole answer, and what it says.
connect() {
  set -- "$1" "$2" ${3:+--data-binary "@$3"}
  method=$1 path=$2
  shift 2
  STATUS=$(curl --silent --max-time 90 --request "$method" --header 'Content-Type: application/json' "$@" \
    --output "$WORK/answer" --write-out '%{http_code}' "$CONNECT_URL$path") || STATUS=000
  awk -f "$(dirname "$0")/json.awk" "$WORK/answer" > "$WORK/values" 2> /dev/null || : > "$WORK/values"
}
# patient METHOD PATH [BODY]: as connect, again while the worker starts or the group rebalances.
patient() {
  while :; do
    connect "$@"
    case $STATUS in
      000) wait_for "the worker does not answer at $CONNECT_URL" ;;
      409 | 5??) wait_for "$1 $2: status $STATUS: $(text "$(value message)")" ;;
      # Before it serves its own paths, a worker answers 404 without a word of JSON.
      404) if [ -n "$(value error_code)" ]; then return; fi; wait_for "the worker starts at $CONNECT_URL" ;;
      *) return ;;
    esac
  done
}
# value PATH: one value of the last answer, or nothing.
value() { awk -F '\t' -v path="$1" '$1 == path { print substr($0, length($1) + 2) }' "$WORK/values"; }
# text VALUE: without JSON's escapes.
text() { printf '%b\n' "$(printf %s "$1" | sed 's/\\"/"/g')"; }

delete_undeclared() {
  deadline
  patient GET '/connectors?expand=info'
  [ "$STATUS" = 200 ] || fail "the list of connectors: status $STATUS: $(text "$(value message)")"
  awk -F '\t' -v owner="$OWNER" '$1 ~ /\.info\.config\.vela\.realtime\.owner$/ && $2 == owner "" {
    sub(/\.info\.config\.vela\.realtime\.owner$/, "", $1); print $1
  }' "$WORK/values" > "$WORK/owned"
  while read -r name; do
    [ ! -e "$CONNECTORS_DIR/$name.json" ] || continue
    patient DELETE "/connectors/$name"
    case $STATUS in 204 | 404) say "$name: deleted, no longer declared" ;; *) fail "$name: deletion: status $STATUS" ;; esac
  done < "$WORK/owned"
}

register() { # NAME
  deadline
  {
    printf '{%s' "${OWNER:+\"vela.realtime.owner\":\"$OWNER\",}"
    sed '1s/^[[:space:]]*{//' "$CONNECTORS_DIR/$1.json"
  } > "$WORK/config"
  patient PUT "/connectors/$1/config" "$WORK/config"
  case $STATUS in
    201) say "$1: made" ;;
    200) say "$1: configured" ;;
    *) fail "$1: status $STATUS: $(text "$(value message)")" ;;
  esac
}

# traces: why the connector, or a task of it, failed.
traces() {
  awk -F '\t' '$1 ~ /^(connector|tasks\.[0-9]+)\.trace$/ { print $2 }' "$WORK/values" |
    while IFS= read -r trace; do text "$trace"; done >&2
}

await_running() { # NAME
  deadline
  restarts=${RESTARTS:-3} steady=
  while :; do
    patient GET "/connectors/$1/status"
    states=$(awk -F '\t' '$1 ~ /^(connector|tasks\.[0-9]+)\.state$/ { print $2 }' "$WORK/values" | sort -u | tr '\n' ' ')
    tasks=$(value tasks.0.state)
    case $states in
      *FAILED*)
        # Each failure may take minutes: who looks at the first one should see why.
        if [ "$restarts" -eq "${RESTARTS:-3}" ] || [ "$restarts" -eq 0 ]; then traces; fi
        [ "$restarts" -gt 0 ] || fail "$1: failed"
        restarts=$((restarts - 1))
        wait_for "$1: failed; restarting what failed"
        patient POST "/connectors/$1/restart?includeTasks=true&onlyFailed=true"
        steady=
        ;;
      *PAUSED* | *STOPPED*) say "$1: not running, since somebody paused or stopped it"; return ;;
      'RUNNING ')
        # A task counts as running before it has found out that it cannot: look twice.
        if [ -z "$tasks" ]; then
          wait_for "$1: to have tasks"
        elif [ -z "$steady" ]; then
          steady=yes
          wait_for "$1: to keep running"
        else
          say "$1: runs"
          return
        fi
        ;;
      *) steady=; wait_for "$1: to run" ;;
    esac
  done
}

if [ -n "${OWNER:-}" ]; then delete_undeclared; fi
for file in "$CONNECTORS_DIR"/*.json; do
  [ -e "$file" ] || continue
  name=${file##*/}
  register "${name%.json}"
done
for file in "$CONNECTORS_DIR"/*.json; do
  [ -e "$file" ] || continue
  name=${file##*/}
  await_running "${name%.json}"
done
