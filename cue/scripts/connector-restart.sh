#!/bin/sh
# Restarts what has failed of the declared connectors. Connect leaves a failed task failed, also when the server that it
# missed is back. What runs is left alone, and what somebody paused or stopped.
#   CONNECT_URL     a worker
#   CONNECTORS_DIR  NAME.json for each connector
# json.awk lies beside this script.
set -eu
export LC_ALL=C

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

# connect METHOD PATH: STATUS, 000 without an answer, and what it says.
connect() {
  STATUS=$(curl --silent --max-time 90 --request "$1" --output "$WORK/answer" --write-out '%{http_code}' "$CONNECT_URL$2") ||
    STATUS=000
}

for file in "$CONNECTORS_DIR"/*.json; do
  [ -e "$file" ] || continue
  name=${file##*/}
  name=${name%.json}
  connect GET "/connectors/$name/status"
  case $STATUS in
    200) ;;
    000) echo "no worker answers at $CONNECT_URL"; exit 0 ;;
    # The registration Job is still at work.
    *) continue ;;
  esac
  awk -f "$(dirname "$0")/json.awk" "$WORK/answer" > "$WORK/values"
  awk -F '\t' '$1 ~ /^(connector|tasks\.[0-9]+)\.state$/ && $2 == "FAILED" { found = 1 } END { exit !found }' "$WORK/values" ||
    continue
  trace=$(awk -F '\t' '$1 ~ /\.trace$/ { print $2; exit }' "$WORK/values" | sed -e 's/\\n.*//' -e 's/\\"/"/g')
  echo "$name: failed: $trace"
  connect POST "/connectors/$name/restart?includeTasks=true&onlyFailed=true"
  case $STATUS in
    2??) echo "$name: what failed is restarted" ;;
    *) echo "$name: status $STATUS, tried again in the next run" ;;
  esac
done
