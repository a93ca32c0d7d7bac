#!/bin/bash
# Starts MariaDB as the image mysql documents it: configuration from /etc/mysql/conf.d, an empty data folder is
# initialised with root's password, meanwhile the server listens on its socket only.
set -euo pipefail
if [[ $1 != mysqld ]]; then exec "$@"; fi
socket=/var/run/mysqld/mysqld.sock
{
  printf '[mysqld]\ndatadir = /var/lib/mysql\nsocket = %s\npid-file = /var/run/mysqld/mysqld.pid\nhost-cache-size = 0\nskip-name-resolve\n' "$socket"
  # A variable that MySQL has and MariaDB has not.
  sed 's/^log_error_verbosity\b/loose_&/' /etc/mysql/conf.d/*.cnf
} > /tmp/my.cnf
data=$(mariadbd --defaults-file=/tmp/my.cnf --verbose --help 2> /dev/null | awk '$1 == "datadir" { print $2 }')
if [[ ! -d ${data%/}/mysql ]]; then
  mkdir -p "$data"
  [[ -z $(ls -A "$data") ]] || { echo "--initialize specified but the data directory $data has files in it" >&2; exit 1; }
  password=${MYSQL_ROOT_PASSWORD:-$(< "$MYSQL_ROOT_PASSWORD_FILE")}
  mariadb-install-db --defaults-file=/tmp/my.cnf --auth-root-authentication-method=normal --skip-test-db > /dev/null
  mariadbd --defaults-file=/tmp/my.cnf --skip-networking &
  server=$!
  until mysqladmin --no-defaults --socket="$socket" --user=root ping > /dev/null 2>&1; do
    kill -0 "$server"
    sleep 0.2
  done
  # MySQL has one root for its socket and one for everywhere.
  mysql --no-defaults --socket="$socket" --user=root <<SQL
SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';
DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1';
ALTER USER 'root'@'localhost' IDENTIFIED BY '${password//\'/\'\'}';
CREATE USER 'root'@'%' IDENTIFIED BY '${password//\'/\'\'}';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
SQL
  kill "$server"
  wait "$server"
fi
exec mariadbd --defaults-file=/tmp/my.cnf "${@:2}"
