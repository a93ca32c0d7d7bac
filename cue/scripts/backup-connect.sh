#!/bin/sh
# Kafka Connect in a backup: `save` writes the configurations of connectors that no Application owns, and how far their
# sources had come; `restore` makes those that are missing, stopped, tells them how far they were, and starts them. A sink's
# place is one in Kafka, whose records are in no backup. May be stopped at any point and run again. Waits for the worker.
#   CONNECT_URL   a worker
#   BACKUP_DIR    the backup
#   WAIT_SECONDS  how long to wait for the worker; default 600
#   POLL_SECONDS  between two looks; default 3
# connect-api.sh and json.awk lie beside this script.
# shellcheck source-path=SCRIPTDIR source=connect-api.sh
. "$(dirname "$0")/connect-api.sh"
DIR=$BACKUP_DIR/connect

fail() { printf 'backup-connect: %s\n' "$*" >&2; exit 1; }

# must METHOD PATH [BODY]: as connect, again while the worker starts or its group rebalances.
must() {
  deadline=$(($(date +%s) + ${WAIT_SECONDS:-600}))
  while :; do
    connect "$@"
    case $STATUS in
      2??) return ;;
      000 | 404 | 409 | 5??) [ "$(date +%s)" -lt "$deadline" ] || break ;;
      *) break ;;
    esac
    sleep "${POLL_SECONDS:-3}"
  done
  fail "$1 $2: status $STATUS: $(text "$(value message)")"
}

save() {
  mkdir -p "$DIR"
  must GET /connectors
  cut -f 2 "$WORK/values" > "$WORK/names"
  while IFS= read -r name; do
    must GET "/connectors/$name"
    [ -z "$(value config.vela.realtime.owner)" ] || continue
    kind=$(value type)
    must GET "/connectors/$name/config"
    { printf '{"name":"%s","initial_state":"STOPPED","config":' "$name"; cat "$WORK/answer"; echo '}'; } > "$DIR/$name.json"
    if [ "$kind" = source ]; then
      must GET "/connectors/$name/offsets"
      cp "$WORK/answer" "$DIR/$name.offsets"
    fi
    echo "$name" >> "$DIR/connectors"
    say "connector $name: saved"
  done < "$WORK/names"
}

restore() {
  [ -e "$DIR/connectors" ] || return 0
  must GET /connectors
  cut -f 2 "$WORK/values" > "$WORK/names"
  while IFS= read -r name; do
    grep -q -x -F -e "$name" "$WORK/names" || must POST /connectors "$DIR/$name.json"
    must GET "/connectors/$name/status"
    if [ "$(value connector.state)" != STOPPED ]; then
      say "connector $name: is there, and stays"
      continue
    fi
    # Connect takes no empty list of offsets.
    if grep -q partition "$DIR/$name.offsets" 2> /dev/null; then must PATCH "/connectors/$name/offsets" "$DIR/$name.offsets"; fi
    must PUT "/connectors/$name/resume"
    say "connector $name: restored"
  done < "$DIR/connectors"
}

"$1"
