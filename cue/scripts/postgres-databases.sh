#!/bin/sh
# Makes roles and databases in PostgreSQL and sets the roles' passwords. Everything may be there already; nothing is
# deleted but clients. May be stopped at any point, run again, and run twice at once. Waits for the server.
#   PGHOST PGPORT PGUSER PGSSLMODE PGSSLROOTCERT  as psql reads them; PGUSER is the superuser, or somebody who may make roles
#                         and databases
#   DATABASES_FILE        one role a line: ROLE DATABASE; without a database (-) the role may read statistics; with "read"
#                         behind it the role may read what the database's owners make in it, and nothing else
#   PASSWORDS_DIR         a file for each role: its name is the role's, its content the password (line breaks at the end
#                         are cut off)
#   PASSWORD_FILE         PGUSER's password; default: PASSWORDS_DIR/PGUSER. With .previous behind its name: optional, the
#                         password before the last rotation; where it still holds, the new one is set.
#   CLIENTS               optional: roles whose names begin so are this script's. Those that are declared no more go, with their
#                         sessions and their rights in databases that somebody may read
#   WAIT_SECONDS          how long to wait for the server; default 600
#   POLL_SECONDS          between two looks; default 3
set -eu
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
export PGDATABASE=postgres PGCONNECT_TIMEOUT=10 PGOPTIONS='--client-min-messages=warning'

: "${PASSWORD_FILE:=$PASSWORDS_DIR/$PGUSER}"

fail() { printf 'postgres-databases: %s\n' "$*" >&2; exit 1; }
sql() { psql --no-psqlrc --no-password --quiet --tuples-only --no-align -v ON_ERROR_STOP=1; }

# log_in PASSWORD_FILE
log_in() {
  PGPASSWORD=$(cat "$1")
  export PGPASSWORD
  answer=$(echo 'SELECT 1' | sql 2>&1)
}

# connect: waits for the server, and takes the password that it takes.
connect() {
  deadline=$(($(date +%s) + ${WAIT_SECONDS:-600}))
  said=
  until log_in "$PASSWORD_FILE"; do
    case $answer in
      *authentication*)
        if [ -e "$PASSWORD_FILE.previous" ] && log_in "$PASSWORD_FILE.previous"; then return; fi
        ;;
    esac
    [ "$(date +%s)" -lt "$deadline" ] || fail "gave up after ${WAIT_SECONDS:-600} seconds: $answer"
    [ "$said" = "$answer" ] || echo "waiting: $answer"
    said=$answer
    sleep "${POLL_SECONDS:-3}"
  done
}

# role ROLE DATABASE [read]: SQL. psql reads the password itself, so that no shell and no argument gets in its way.
role() {
  cat << SQL
\\set role '$1'
\\set database '$2'
\\set password \`cat '$PASSWORDS_DIR/$1'\`
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
-- Who is no superuser may give a database, and what is in it, only to a role that they are a member of.
SELECT format('GRANT %I TO CURRENT_USER', :'role') WHERE NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) \\gexec
SQL
  case $2${3:+ read} in
    -) echo 'GRANT pg_monitor TO :"role";' ;;
    # Earlier versions gave pg_read_all_data, which reads every role's password hash too, and pg_monitor.
    *' read')
      cat << 'SQL'
GRANT CONNECT ON DATABASE :"database" TO :"role";
SELECT format('REVOKE pg_read_all_data, pg_monitor FROM %I', :'role')
  WHERE pg_has_role(:'role', 'pg_read_all_data', 'MEMBER') OR pg_has_role(:'role', 'pg_monitor', 'MEMBER') \gexec
SQL
      ;;
    *)
      cat << 'SQL'
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT ALL ON DATABASE :"database" TO :"role";
SQL
      ;;
  esac
  printf "\\\\echo 'role %s: %s'\n" "$1" "$2"
}

# reading ROLE DATABASE: SQL that is run in the database. All that is there, and what its owners are going to make.
reading() {
  cat << SQL
SELECT pg_advisory_lock(20240817) \\g /dev/null
\\set role '$1'
SELECT format('GRANT USAGE ON SCHEMA %1\$I TO %2\$I; GRANT SELECT ON ALL TABLES IN SCHEMA %1\$I TO %2\$I; GRANT SELECT ON ALL SEQUENCES IN SCHEMA %1\$I TO %2\$I', nspname, :'role')
  FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' \\gexec
SQL
  while read -r owner database what; do
    [ "$database" = "$2" ] && [ -z "$what" ] || continue
    for kind in 'USAGE ON SCHEMAS' 'SELECT ON TABLES' 'SELECT ON SEQUENCES'; do
      printf 'ALTER DEFAULT PRIVILEGES FOR ROLE "%s" GRANT %s TO :"role";\n' "$owner" "$kind"
    done
  done < "$DATABASES_FILE"
  withdraw 'DROP OWNED BY %I'
}

# withdraw STATEMENTS: SQL of what is done to each client that is declared no more, %I. Another run may have been quicker.
gone="FROM pg_roles WHERE starts_with(rolname, '${CLIENTS:-/}') AND NOT rolname = ANY (string_to_array('$(cut -d ' ' -f 1 "$DATABASES_FILE")', E'\n'))"
withdraw() {
  printf 'SELECT pg_advisory_lock(20240817) \\g /dev/null\n%s\n' "SELECT format('DO \$\$BEGIN $1; EXCEPTION WHEN undefined_object THEN END\$\$', rolname, rolname, rolname) $gone \\gexec"
}

while read -r name database what; do
  [ -z "$name" ] || [ -s "$PASSWORDS_DIR/$name" ] || fail "there is no password for the role $name"
  case $what in
    '' | read) ;;
    *) fail "$name may $what in $database: only read is known" ;;
  esac
done < "$DATABASES_FILE"
connect
{
  # Two runs at once would make the same role.
  echo 'SELECT pg_advisory_lock(20240817) \g /dev/null'
  while read -r name database what; do
    [ -z "$name" ] || role "$name" "$database" "$what"
  done < "$DATABASES_FILE"
  # What a client has in a database itself goes where its readers are seen to.
  withdraw 'ALTER ROLE %I NOLOGIN; PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %L; DROP OWNED BY %I'
} | sql
while read -r name database what; do
  [ -z "$what" ] || reading "$name" "$database" | PGDATABASE=$database sql
done < "$DATABASES_FILE"
{
  echo "SELECT 'role ' || rolname || ': withdrawn' $gone;"
  withdraw 'DROP ROLE %I'
  if [ "$PGPASSWORD" != "$(cat "$PASSWORD_FILE")" ]; then
    cat << SQL
\\set password \`cat '$PASSWORD_FILE'\`
ALTER ROLE CURRENT_USER PASSWORD :'password';
\\echo '$PGUSER: password changed'
SQL
  fi
} | sql
echo "all roles and databases are there"
