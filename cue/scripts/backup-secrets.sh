#!/bin/sh
# The passwords of a backup. What they are for waits for them, so a component that is restored is kept back, and comes up in
# the right order, by handing them out.
#   save    writes them into the backup
#   begin   hands out those of databases' administrators: nobody else can sign in before the data is there
#   finish  hands out the others
#   end     notes that all is restored. From then on, begin leaves nothing to restore.
# A password that is there stays. May be stopped at any point and run again. Needs get and patch on the Secrets.
#   NAMESPACE         namespace of the Secrets
#   CREDENTIALS_FILE  one password a line: SECRET KEY [first]
#   MARKER            with begin, finish and end: the Secret that gets the key `restored`
#   BACKUP_DIR        the backup
# kubernetes.sh and json.awk lie beside this script.
# shellcheck source-path=SCRIPTDIR source=kubernetes.sh
. "$(dirname "$0")/kubernetes.sh"

# note VALUE: sets the marker.
note() {
  deadline
  read_secret "$MARKER"
  until patch_secret "$MARKER" "$VERSION" '' "\"restored\":\"$(printf %s "$1" | base64)\""; do read_secret "$MARKER"; done
}

# saved SECRET KEY: its value in the backup.
saved() { awk -v secret="$1" -v key="$2" '$1 == secret && $2 == key { print $3 }' "$BACKUP_DIR/secrets"; }

# give SECRET KEY VALUE
give() {
  deadline
  while :; do
    read_secret "$1"
    if [ -n "$(value "data.$2")" ] || patch_secret "$1" "$VERSION" '' "\"$2\":\"$3\""; then return; fi
  done
}

# each COMMAND: with the Secret, the key, the value in the backup, and `first`.
each() {
  while read -r secret key first; do
    encoded=$(saved "$secret" "$key")
    [ -z "$encoded" ] || "$1" "$secret" "$key" "$encoded" "$first" < /dev/null
  done < "$CREDENTIALS_FILE"
}
check() {
  read_secret "$1"
  there=$(value "data.$2")
  [ -z "$there" ] || [ "$there" = "$3" ] ||
    fail "Secret $1 has another $2 than the backup: a backup is restored into a new component, before it has passwords"
}
give_first() { [ -z "$4" ] || give "$@"; }

case $1 in
  save)
    read_from=
    while read -r secret key _; do
      deadline
      [ "$secret" = "$read_from" ] || read_secret "$secret"
      read_from=$secret
      encoded=$(value "data.$key")
      if [ -n "$encoded" ]; then echo "$secret $key $encoded"; else say "Secret $secret has no $key yet" >&2; fi
    done < "$CREDENTIALS_FILE" > "$BACKUP_DIR/secrets"
    ;;
  begin)
    deadline
    read_secret "$MARKER"
    case $(value data.restored | base64 -d) in
      '') each check; each give_first ;;
      passwords) rm -rf "$BACKUP_DIR/postgres" "$BACKUP_DIR/mysql" "$BACKUP_DIR/kafka" ;;
      *) rm -rf "${BACKUP_DIR:?}"/*; say "this component was restored before"; exit ;;
    esac
    ;;
  finish)
    [ -e "$BACKUP_DIR/secrets" ] || exit 0
    each give
    note passwords
    ;;
  end) note 'done' ;;
esac
say "passwords: $1"
