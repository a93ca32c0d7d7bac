#!/bin/sh
# Runs SQL files in PostgreSQL, each in one transaction, in the database of its name, as the role of that name. The files
# may be run any number of times. Waits for a database that is not there yet.
#   PGHOST PGPORT  as psql reads them
#   SQL_DIR        `databases`, a name a line, and for each DATABASE.sql
#   PASSWORDS_DIR  a file for each role: its name is the role's, its content the password
#   WAIT_SECONDS   how long to wait for one database; default 600
#   POLL_SECONDS   between two looks; default 3
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
export PGCONNECT_TIMEOUT=10 PGOPTIONS='--client-min-messages=warning'

fail() { printf 'database-sql: %s\n' "$*" >&2; exit 1; }

[ -s "$SQL_DIR/databases" ] || fail "there is no list of databases in $SQL_DIR"
while read -r PGDATABASE; do
  PGUSER=$PGDATABASE
  [ -s "$PASSWORDS_DIR/$PGUSER" ] || fail "there is no password for the role $PGUSER"
  PGPASSWORD=$(cat "$PASSWORDS_DIR/$PGUSER")
  export PGDATABASE PGUSER PGPASSWORD
  deadline=$(($(date +%s) + ${WAIT_SECONDS:-600}))
  said=
  until answer=$(psql --no-psqlrc --no-password --quiet --command 'SELECT 1' 2>&1 < /dev/null); do
    [ "$(date +%s)" -lt "$deadline" ] || fail "gave up after ${WAIT_SECONDS:-600} seconds: $answer"
    [ "$said" = "$answer" ] || echo "waiting: $answer"
    said=$answer
    sleep "${POLL_SECONDS:-3}"
  done
  # Two runs at once would make the same objects.
  { echo 'SELECT pg_advisory_xact_lock(20240818) \g /dev/null'; cat "$SQL_DIR/$PGDATABASE.sql"; } |
    psql --no-psqlrc --no-password --quiet --single-transaction -v ON_ERROR_STOP=1
  echo "$PGDATABASE: done"
done < "$SQL_DIR/databases"
