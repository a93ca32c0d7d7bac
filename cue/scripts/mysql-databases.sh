#!/bin/sh
# Makes users and databases in MySQL and sets the users' passwords. Everything may be there already; nothing is deleted but
# clients. May be stopped at any point, run again, and run twice at once. Waits for the server.
#   MYSQL_HOST MYSQL_PORT  the server; port 3306 by default
#   DATABASES_FILE         one user a line: USER DATABASE; without a database (-) the user may read statistics; with "read"
#                          behind it the user may read that database and nothing else
#   PASSWORDS_DIR          a file for each user and for root: its name is the user's, its content the password (line
#                          breaks at the end are cut off). root.previous: optional, root's password before the last
#                          rotation; where it still holds, the new one is set.
#   CLIENTS                users whose names begin so are this script's: those that are declared no more go, with their
#                          sessions; default client-
#   WAIT_SECONDS           how long to wait for the server; default 600
#   POLL_SECONDS           between two looks; default 3
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM

fail() { printf 'mysql-databases: %s\n' "$*" >&2; exit 1; }
sql() {
  mysql --no-defaults --host="$MYSQL_HOST" --port="${MYSQL_PORT:-3306}" --protocol=tcp --user=root --connect-timeout=10 --batch --raw --skip-column-names
}

# log_in PASSWORD_FILE
log_in() {
  MYSQL_PWD=$(cat "$1")
  export MYSQL_PWD
  answer=$(echo 'SELECT 1' | sql 2>&1)
}

# connect: waits for the server, and takes the password that it takes.
connect() {
  deadline=$(($(date +%s) + ${WAIT_SECONDS:-600}))
  said=
  until log_in "$PASSWORDS_DIR/root"; do
    case $answer in
      *'Access denied'*) if [ -e "$PASSWORDS_DIR/root.previous" ] && log_in "$PASSWORDS_DIR/root.previous"; then return; fi ;;
    esac
    [ "$(date +%s)" -lt "$deadline" ] || fail "gave up after ${WAIT_SECONDS:-600} seconds: $answer"
    [ "$said" = "$answer" ] || echo "waiting: $answer"
    said=$answer
    sleep "${POLL_SECONDS:-3}"
  done
}

# password USER: a string literal of the sql_mode that is set below.
password() { printf "'%s'" "$(sed "s/'/''/g" "$PASSWORDS_DIR/$1")"; }

while read -r name database what; do
  [ -z "$name" ] || [ -s "$PASSWORDS_DIR/$name" ] || fail "there is no password for the user $name"
  case $what in
    '' | read) ;;
    *) fail "$name may $what in $database: only read is known" ;;
  esac
done < "$DATABASES_FILE"
connect
these="LIKE '${CLIENTS:-client-}%' AND NOT FIND_IN_SET(User, '$(cut -d ' ' -f 1 "$DATABASES_FILE" | tr '\n' ,)')"
gone=$(echo "
  SELECT CONCAT('DROP USER IF EXISTS ', QUOTE(User), '; SELECT ', QUOTE(CONCAT('user ', User, ': withdrawn')), ';') FROM mysql.user WHERE User $these AND Host = '%';
  SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist WHERE User $these;
" | sql)
echo "$gone" | sql
{
  # Backslashes are to mean themselves.
  echo "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';"
  while read -r name database what; do
    [ -n "$name" ] || continue
    # An underscore stands for any character in a grant.
    granted="\`$(printf %s "$database" | sed 's/_/\\_/g')\`"
    echo "CREATE USER IF NOT EXISTS '$name'@'%' IDENTIFIED BY $(password "$name");"
    echo "ALTER USER '$name'@'%' IDENTIFIED BY $(password "$name");"
    if [ "$database" = - ]; then
      echo "GRANT PROCESS, REPLICATION CLIENT ON *.* TO '$name'@'%';"
      echo "GRANT SELECT ON performance_schema.* TO '$name'@'%';"
    elif [ -n "$what" ]; then
      echo "GRANT SELECT, SHOW VIEW ON $granted.* TO '$name'@'%';"
    else
      echo "CREATE DATABASE IF NOT EXISTS \`$database\` CHARACTER SET utf8mb4;"
      echo "GRANT ALL ON $granted.* TO '$name'@'%';"
    fi
    echo "SELECT 'user $name: $database';"
  done < "$DATABASES_FILE"
  if [ "$MYSQL_PWD" != "$(cat "$PASSWORDS_DIR/root")" ]; then
    for account in "'root'@'%'" "'root'@'localhost'"; do
      echo "ALTER USER IF EXISTS $account IDENTIFIED BY $(password root);"
    done
    echo "SELECT 'root: password changed';"
  fi
} | sql
echo "all users and databases are there"
