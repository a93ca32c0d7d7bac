#!/bin/sh
# A backup in a restic repository: `save` puts it there, as a whole or not at all, and deletes those that are too old;
# `load` fetches one. Makes the repository when there is none.
#   RESTIC_REPOSITORY  where it is; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION for S3
#   RESTIC_PASSWORD    optional: what it is encrypted with
#   BACKUP_DIR         the backup; its path is the same wherever this runs
#   BACKUP_NAME        whose backups these are: NAMESPACE/NAME
#   KEEP_LAST KEEP_DAYS  with save: what stays is the newest so many, and those of so many days
#   SNAPSHOT           with load: latest, or a snapshot's id
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
export RESTIC_CACHE_DIR="${TMPDIR:-/tmp}/restic"

fail() { printf 'backup-store: %s\n' "$*" >&2; exit 1; }
restic() { command restic --quiet --retry-lock 10m ${plain:+--insecure-no-password} "$@"; }
plain=
[ -n "${RESTIC_PASSWORD:-}" ] || plain=yes

case $1 in
  save)
    status=0
    restic cat config > /dev/null || status=$?
    case $status in
      0) ;;
      10) restic init ;;
      *) fail "the repository cannot be read: $RESTIC_REPOSITORY" ;;
    esac
    # Only locks that their owner has left behind.
    restic unlock
    restic backup --host "$BACKUP_NAME" "$BACKUP_DIR"
    restic forget --host "$BACKUP_NAME" --group-by host --keep-last "$KEEP_LAST" --keep-within "${KEEP_DAYS}d" --prune
    restic check
    restic snapshots --host "$BACKUP_NAME" --compact
    ;;
  load)
    restic restore "$SNAPSHOT:$BACKUP_DIR" --host "$BACKUP_NAME" --target "$BACKUP_DIR"
    [ -e "$BACKUP_DIR/secrets" ] || fail "there is no backup of $BACKUP_NAME in $RESTIC_REPOSITORY"
    echo "backup $SNAPSHOT of $BACKUP_NAME: loaded"
    ;;
esac
