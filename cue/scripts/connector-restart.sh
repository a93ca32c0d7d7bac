#!/bin/sh
# Restarts what has failed of the declared connectors. Connect leaves a failed task failed, also when the server that it
# missed is back. What runs is left alone, and what somebody paused or stopped.
#   CONNECT_URL     a worker
#   CONNECTORS_DIR  `connectors`, a name a line
# connect-api.sh and json.awk lie beside this script.
# shellcheck source-path=SCRIPTDIR source=connect-api.sh
. "$(dirname "$0")/connect-api.sh"

while read -r name; do
  connect GET "/connectors/$name/status"
  case $STATUS in
    200) ;;
    000) say "no worker answers at $CONNECT_URL"; exit 0 ;;
    # The registration Job is still at work.
    *) continue ;;
  esac
  case $(states) in *FAILED*) ;; *) continue ;; esac
  say "$name: failed: $(traces | head -n 1)"
  connect POST "/connectors/$name/restart?includeTasks=true&onlyFailed=true"
  case $STATUS in
    2??) say "$name: what failed is restarted" ;;
    *) say "$name: status $STATUS, tried again in the next run" ;;
  esac
done < "$CONNECTORS_DIR/connectors"
