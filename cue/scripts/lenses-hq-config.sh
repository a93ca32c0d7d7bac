#!/bin/sh
# Writes HQ's configuration, with the bcrypt hash of the administrator's password in the place of ADMIN_BCRYPT.
# PostgreSQL makes the hash: HQ needs it before it can start, and no image at hand has another tool for it. The
# extension is gone again with the transaction. Waits for as long as the database is not there.
#   CONFIG_FILE     configuration to read
#   TARGET_FILE     configuration to write
#   ADMIN_PASSWORD  the password
#   PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD  as psql reads them
set -eu

hash_password() {
  # psql takes the password from the environment: an argument could be seen by others.
  PGOPTIONS='--client-min-messages=warning' PGCONNECT_TIMEOUT=5 psql -X -q -A -t -v ON_ERROR_STOP=1 <<'SQL'
\set password `printenv ADMIN_PASSWORD`
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgcrypto;
SELECT crypt(:'password', gen_salt('bf', 10));
ROLLBACK;
SQL
}

until hash=$(hash_password); do
  echo "the database $PGDATABASE on $PGHOST is not ready; trying again in 5 seconds"
  sleep 5
done
case $hash in
  "\$2a\$10\$"*) ;;
  *) echo "PostgreSQL answered no bcrypt hash" >&2; exit 1 ;;
esac
umask 077
sed "s|ADMIN_BCRYPT|$hash|" "$CONFIG_FILE" > "$TARGET_FILE.new"
mv "$TARGET_FILE.new" "$TARGET_FILE"
echo "wrote $TARGET_FILE"
