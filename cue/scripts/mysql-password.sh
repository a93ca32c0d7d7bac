#!/bin/sh
# Writes what MySQL runs when it starts (init_file): it sets root's password to the one in the Secret. A volume outlives
# the Application and its Secrets, so an Application that is applied again comes with a new password to old data. On an
# empty volume there is nothing to do. May be stopped at any point and run again.
#   DATA_DIR       the data
#   PASSWORD_FILE  root's password; line breaks at the end are cut off
#   INIT_FILE      the file to write, readable for the running user only
set -eu
umask 077
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

: > "$INIT_FILE"
if [ ! -d "$DATA_DIR/mysql" ]; then
  echo "$DATA_DIR is empty"
  exit 0
fi
password=$(sed "s/'/''/g" "$PASSWORD_FILE")
[ -n "$password" ] || { echo "mysql-password: the password is empty" >&2; exit 1; }
{
  # Backslashes are to mean themselves.
  echo "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';"
  # The image makes this account at the first start, which may have been ended before that.
  echo "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '$password';"
  echo "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;"
  for account in "'root'@'%'" "'root'@'localhost'"; do
    echo "ALTER USER IF EXISTS $account IDENTIFIED BY '$password';"
  done
} > "$INIT_FILE"
echo "the password of root becomes the Secret's"
