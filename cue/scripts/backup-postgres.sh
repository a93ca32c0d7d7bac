#!/bin/sh
# PostgreSQL in a backup: `save` writes its roles and databases; `restore` makes those that are not there. A database gets its
# name when all of it is there, so this may be stopped at any point and run again. Waits for the server.
#   PGHOST PGPORT PGUSER PGPASSWORD  as psql reads them; PGUSER is the superuser
# backup.sh lies beside this script.
# shellcheck source-path=SCRIPTDIR source=backup.sh
. "$(dirname "$0")/backup.sh"
export PGDATABASE=postgres PGCONNECT_TIMEOUT=10 PGOPTIONS='--client-min-messages=warning'
DIR=$BACKUP_DIR/postgres

sql() { psql --no-psqlrc --no-password --quiet --tuples-only --no-align --field-separator="$TAB" -v ON_ERROR_STOP=1 "$@"; }

save() {
  mkdir -p "$DIR"
  pg_dumpall --no-password --roles-only > "$DIR/roles"
  sql > "$DIR/databases" << 'SQL'
SELECT datname, pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1
SQL
  while IFS=$TAB read -r name _; do
    pg_dump --no-password --format=custom --file="$DIR/$name.dump" "$name" < /dev/null
    echo "database $name: saved"
  done < "$DIR/databases"
}

restore() {
  [ -d "$DIR" ] || return 0
  # The superuser's password is the Secret's already.
  # shellcheck disable=SC2016 # these are PostgreSQL's dollars
  sed -e "/^ALTER ROLE $PGUSER /d" \
    -e 's/^CREATE ROLE \(.*\);$/DO $x$BEGIN CREATE ROLE \1; EXCEPTION WHEN duplicate_object THEN NULL; END$x$;/' "$DIR/roles" | sql
  while IFS=$TAB read -r name owner; do
    if [ -n "$(echo "SELECT 1 FROM pg_database WHERE datname = :'name'" | sql -v name="$name")" ]; then
      echo "database $name: is there, and stays"
      continue
    fi
    sql -v owner="$owner" << 'SQL'
DROP DATABASE IF EXISTS vela_realtime_restoring WITH (FORCE);
CREATE DATABASE vela_realtime_restoring OWNER :"owner" TEMPLATE template0;
SQL
    pg_restore --no-password --exit-on-error --dbname=vela_realtime_restoring "$DIR/$name.dump" < /dev/null
    echo 'ALTER DATABASE vela_realtime_restoring RENAME TO :"name"' | sql -v name="$name"
    echo "database $name: restored"
  done < "$DIR/databases"
}

wait_for sql --command='SELECT 1'
"$1"
