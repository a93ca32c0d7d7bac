#!/bin/sh
# MySQL in a backup: `save` writes its databases; `restore` makes those that are not there, and anew one that it had only
# begun with. May be stopped at any point and run again. Waits for the server.
#   MYSQL_HOST MYSQL_PORT  the server; port 3306 by default
#   MYSQL_PWD              root's password
# backup.sh lies beside this script.
# shellcheck source-path=SCRIPTDIR source=backup.sh
. "$(dirname "$0")/backup.sh"
DIR=$BACKUP_DIR/mysql
# Its tables are called after the databases that are not there as a whole yet.
BEGUN=vela_realtime_restoring

# client PROGRAM ARGUMENT...
client() {
  program=$1
  shift
  "$program" --no-defaults --host="$MYSQL_HOST" --port="${MYSQL_PORT:-3306}" --protocol=tcp --user=root "$@"
}
sql() { client mysql --connect-timeout=10 --batch --skip-column-names "$@"; }
# ask SQL
ask() { sql --execute="$1" < /dev/null; }

save() {
  mkdir -p "$DIR"
  ask "SELECT schema_name FROM information_schema.schemata
    WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')" > "$DIR/databases"
  while read -r name; do
    client mysqldump --single-transaction --routines --events "$name" > "$DIR/$name.sql" < /dev/null
    echo "database $name: saved"
  done < "$DIR/databases"
}

restore() {
  [ -d "$DIR" ] || return 0
  while read -r name; do
    if [ -n "$(ask "SELECT 1 FROM information_schema.schemata WHERE schema_name = '$name'")" ] &&
      [ -z "$(ask "SELECT 1 FROM information_schema.tables WHERE table_schema = '$BEGUN' AND table_name = '$name'")" ]; then
      echo "database $name: is there, and stays"
      continue
    fi
    ask "CREATE DATABASE IF NOT EXISTS $BEGUN; CREATE TABLE IF NOT EXISTS $BEGUN.\`$name\` (begun int);
      DROP DATABASE IF EXISTS \`$name\`; CREATE DATABASE \`$name\` CHARACTER SET utf8mb4"
    sql "$name" < "$DIR/$name.sql"
    ask "DROP TABLE $BEGUN.\`$name\`"
    echo "database $name: restored"
  done < "$DIR/databases"
  ask "DROP DATABASE IF EXISTS $BEGUN"
}

wait_for ask 'SELECT 1'
"$1"
