# What the scripts of a backup have in common. To be sourced.
#   BACKUP_DIR    the backup
#   WAIT_SECONDS  how long to wait for a server; default 600
#   POLL_SECONDS  between two looks; default 3
# It sets WORK, a directory that is gone when the script ends.
# shellcheck shell=sh
set -eu
umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
# shellcheck disable=SC2034 # who reads this file reads TAB
TAB=$(printf '\t')

fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# wait_for COMMAND...: until it ends well. What it says is in $WORK/said.
wait_for() {
  deadline=$(($(date +%s) + ${WAIT_SECONDS:-600})) reason=
  until "$@" > "$WORK/said" 2>&1; do
    said=$(tail -n 1 "$WORK/said")
    [ "$(date +%s)" -lt "$deadline" ] || fail "gave up after ${WAIT_SECONDS:-600} seconds: $said"
    [ "$said" = "$reason" ] || echo "waiting: $said"
    reason=$said
    sleep "${POLL_SECONDS:-3}"
  done
}
