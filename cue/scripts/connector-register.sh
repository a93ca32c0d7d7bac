#!/bin/sh
# Registers connectors with Kafka Connect and waits until they and all their tasks run. May be run again: a connector
# that is as it should be is left alone, tasks that failed are restarted. Ends with the trace of a task that keeps
# failing. Connectors that OWNER registered before and that are no longer declared are deleted; others are not touched.
# A connector that somebody paused or stopped stays so.
#   CONNECT_URL     a worker
#   CONNECTORS_DIR  `connectors`, a name a line, and for each NAME.json, its configuration; the values are strings
#   OWNER           optional: written into each configuration as vela.realtime.owner, which Connect ignores
#   WAIT_SECONDS    how long to wait for the worker, and for one connector to run; default 600
#   POLL_SECONDS    between two looks; default 3
#   RESTARTS        of what failed, before giving up; default 3
# connect-api.sh and json.awk lie beside this script.
# shellcheck source-path=SCRIPTDIR source=connect-api.sh
. "$(dirname "$0")/connect-api.sh"

WAITING_FOR=

fail() { printf 'connector-register: %s\n' "$*" >&2; exit 1; }

deadline() { DEADLINE=$(($(date +%s) + ${WAIT_SECONDS:-600})); }
wait_for() {
  [ "$1" = "$WAITING_FOR" ] || say "waiting: $1"
  WAITING_FOR=$1
  [ "$(date +%s)" -lt "$DEADLINE" ] || fail "gave up after ${WAIT_SECONDS:-600} seconds: $1"
  sleep "${POLL_SECONDS:-3}"
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

delete_undeclared() {
  deadline
  patient GET '/connectors?expand=info'
  [ "$STATUS" = 200 ] || fail "the list of connectors: status $STATUS: $(text "$(value message)")"
  awk -F '\t' -v owner="$OWNER" '$1 ~ /\.info\.config\.vela\.realtime\.owner$/ && $2 == owner "" {
    sub(/\.info\.config\.vela\.realtime\.owner$/, "", $1); print $1
  }' "$WORK/values" > "$WORK/owned"
  while read -r name; do
    ! grep -q -x -F -e "$name" "$CONNECTORS_DIR/connectors" || continue
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

await_running() { # NAME
  deadline
  restarts=${RESTARTS:-3} steady=
  while :; do
    patient GET "/connectors/$1/status"
    tasks=$(value tasks.0.state)
    case $(states) in
      *FAILED*)
        # Each failure may take minutes: who looks at the first one should see why.
        if [ "$restarts" -eq "${RESTARTS:-3}" ] || [ "$restarts" -eq 0 ]; then traces >&2; fi
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
while read -r connector; do register "$connector"; done < "$CONNECTORS_DIR/connectors"
while read -r connector; do await_running "$connector"; done < "$CONNECTORS_DIR/connectors"
