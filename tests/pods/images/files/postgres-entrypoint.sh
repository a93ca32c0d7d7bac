#!/bin/sh
# Starts PostgreSQL as the image postgres documents it: an empty PGDATA is initialised with the password that is given
# or in a file, meanwhile the server listens on its socket only; then the command runs.
set -eu
# The image's own server and clients meet there by how they were compiled; this server would take /tmp.
if [ "$1" = postgres ]; then set -- "$@" -c unix_socket_directories=/var/run/postgresql; fi
if [ "$1" != postgres ] || [ -s "$PGDATA/PG_VERSION" ]; then exec "$@"; fi
if [ -n "${POSTGRES_PASSWORD:-}" ] && [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
  echo "POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set" >&2
  exit 1
fi
password=${POSTGRES_PASSWORD:-$(cat "$POSTGRES_PASSWORD_FILE")}
[ -n "$password" ] || { echo "POSTGRES_PASSWORD must not be empty" >&2; exit 1; }
mkdir -p "$PGDATA"
chmod 00700 "$PGDATA" || :
printf '%s\n' "$password" > /tmp/password
initdb --username="${POSTGRES_USER:=postgres}" --pwfile=/tmp/password --pgdata="$PGDATA"
rm /tmp/password
printf '\nhost all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
"$@" -c listen_addresses= &
server=$!
until psql --username="$POSTGRES_USER" --no-password --dbname=postgres --command='SELECT 1' > /dev/null 2>&1; do
  kill -0 "$server"
  sleep 0.2
done
if [ "${POSTGRES_DB:=$POSTGRES_USER}" != postgres ]; then createdb --username="$POSTGRES_USER" "$POSTGRES_DB"; fi
kill -INT "$server"
wait "$server"
exec "$@"
