#!/bin/sh
# Writes HQ's configuration, with the bcrypt hash of the administrator's password in the place of ADMIN_BCRYPT.
# PostgreSQL makes the hash: HQ needs it before it can start, and no image at hand has another tool for it. The
# extension is gone again with the transaction. Waits for as long as the database is not there; without the extension,
# waiting does not help.
#   CONFIG_FILE     configuration to read
#   TARGET_FILE     configuration to write
#   ADMIN_PASSWORD  the password
#   DEFAULT_CREDENTIALS  optional: true: the password is to be `admin`; false: it must not be
#   PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD  as psql reads them
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

fail() { printf 'lenses-hq-config: %s\n' "$*" >&2; exit 1; }

case ${DEFAULT_CREDENTIALS:-} in
  '' | true | false) ;;
  *) fail "DEFAULT_CREDENTIALS is $DEFAULT_CREDENTIALS: only true and false are known" ;;
esac

# Right after a change of the Application the Secret still has the password from before. Who starts this script anew
# gives it the Secret's next one.
[ "$ADMIN_PASSWORD" = admin ] && default=true || default=false
if [ "${DEFAULT_CREDENTIALS:-$default}" != "$default" ]; then
  echo "the administrator's password is about to change; trying again" >&2
  sleep "${POLL_SECONDS:-5}"
  exit 1
fi

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

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
said=
until hash=$(hash_password 2> "$errors"); do
  answer=$(cat "$errors")
  case $answer in
    *'extension "pgcrypto"'*)
      fail "HQ needs the extension pgcrypto in the database $PGDATABASE on $PGHOST, and $PGUSER cannot make it. As a superuser: CREATE EXTENSION pgcrypto. $answer"
      ;;
  esac
  [ "$said" = "$answer" ] || echo "waiting: $answer"
  said=$answer
  sleep 5
done
case $hash in
  "\$2a\$10\$"*) ;;
  *) fail "PostgreSQL answered no bcrypt hash" ;;
esac
umask 077
sed "s|ADMIN_BCRYPT|$hash|" "$CONFIG_FILE" > "$TARGET_FILE.new"
mv "$TARGET_FILE.new" "$TARGET_FILE"
echo "wrote $TARGET_FILE"
