#!/bin/sh
# Sets the superuser's password to the one in the Secret, before PostgreSQL starts. A volume outlives the Application and
# its Secrets, so an Application that is applied again comes with a new password to old data. On an empty volume there is
# nothing to do. Data of another major version is left alone, and what to do is said. May be stopped at any point and run
# again.
#   PGDATA         the data
#   PGUSER         the superuser
#   PASSWORD_FILE  its password; line breaks at the end are cut off
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

# initdb writes PG_VERSION at its start and pg_control later, a server postmaster.opts. Where only the first is there, a
# node was lost during the first start; the image would take it for a database, which never starts. PG_VERSION goes last.
if [ -e "$PGDATA/PG_VERSION" ] && [ ! -e "$PGDATA/global/pg_control" ] && [ ! -e "$PGDATA/postmaster.opts" ]; then
  find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec rm -rf {} +
  rm "$PGDATA/PG_VERSION"
  echo "$PGDATA: its making was broken off, and no server has run on it: it is made anew"
  exit 0
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "$PGDATA is empty"
  exit 0
fi
data=$(cat "$PGDATA/PG_VERSION") program=$(postgres --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
if [ "$data" != "$program" ]; then
  echo "postgres-password: the volume has data of PostgreSQL $data, which PostgreSQL $program cannot read: go back to $data with images.postgres, make a backup, and restore it into $program on a new volume" >&2
  exit 1
fi
password=$(cat "$PASSWORD_FILE")
[ -n "$password" ] || { echo "postgres-password: the password is empty" >&2; exit 1; }
# Without a server nobody has to sign in. A single user's statement ends with its line. After a crash this is what recovers,
# and by itself it takes 128 MB of buffers for that, which is all that its container has.
printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$PGUSER" "$(printf %s "$password" | sed "s/'/''/g")" |
  postgres --single -D "$PGDATA" -c shared_buffers=16MB -c log_min_messages=warning -c standard_conforming_strings=on postgres > /dev/null
echo "the password of $PGUSER is the Secret's"
