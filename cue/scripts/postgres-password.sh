#!/bin/sh
# Sets the superuser's password to the one in the Secret, before PostgreSQL starts. A volume outlives the Application and
# its Secrets, so an Application that is applied again comes with a new password to old data. On an empty volume there is
# nothing to do. May be stopped at any point and run again.
#   PGDATA         the data
#   PGUSER         the superuser
#   PASSWORD_FILE  its password; line breaks at the end are cut off
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "$PGDATA is empty"
  exit 0
fi
password=$(cat "$PASSWORD_FILE")
[ -n "$password" ] || { echo "postgres-password: the password is empty" >&2; exit 1; }
# Without a server nobody has to sign in. A single user's statement ends with its line.
printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$PGUSER" "$(printf %s "$password" | sed "s/'/''/g")" |
  postgres --single -D "$PGDATA" -c log_min_messages=warning -c standard_conforming_strings=on postgres > /dev/null
echo "the password of $PGUSER is the Secret's"
