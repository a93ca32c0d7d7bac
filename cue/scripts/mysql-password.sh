#!/bin/sh
# Writes what MySQL runs when it starts (init_file): it sets root's password to the one in the Secret. A volume outlives
# the Application and its Secrets, so an Application that is applied again comes with a new password to old data. On an
# empty volume there is nothing to do. Data of another major version, which MySQL would change for good, is left alone, and
# what to do is said. May be stopped at any point and run again.
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
# MySQL notes its version there at the first start, and after each upgrade.
data=$(grep -o '"version": *"[0-9]*' "$DATA_DIR/mysql_upgrade_history" 2> /dev/null | sed -n '$s/.*"//p')
program=$(mysqld --version 2> /dev/null | sed 's/.*Ver \([0-9]*\).*/\1/')
if [ "${data:-$program}" != "$program" ]; then
  echo "mysql-password: the volume has data of MySQL $data, and this is MySQL $program: go back to $data with images.mysql, make a backup, and restore it into $program on a new volume" >&2
  exit 1
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
