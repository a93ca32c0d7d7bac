#!/bin/bash
# Keeps Kafka's users and their rights as they are declared, then becomes COMMAND. Their names are PLATFORM.PART, and whoever's
# begins like that is this script's: users and rights that are declared no more go. All others stay. May be stopped at any
# point, run again, and run twice at once. Waits for brokers.
#   kafka-users.sh COMMAND [ARGUMENT...]
#   BOOTSTRAP_SERVERS  a listener where nobody signs in
#   USERS_DIR      has the password of each in a file of this name; default /etc/kafka-users
#   RIGHTS_FILE    a line: USER OPERATION,OPERATION RESOURCE=NAME..., which one call of kafka-acls.sh can say. An operation with
#                  ! in front is denied; NAME* is all that begins so. Default: rights, beside this script
#   KAFKA_BIN      Kafka's programs; default /opt/kafka/bin
#   WAIT_SECONDS   how long it may take; default 600
#   POLL_SECONDS   between two tries; default 3
set -euo pipefail
umask 077

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
# These programs run for a second: quick to start matters more than quick to run.
export KAFKA_JVM_PERFORMANCE_OPTS=${KAFKA_JVM_PERFORMANCE_OPTS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}
rights=${RIGHTS_FILE:-${0%/*}/rights} users=${USERS_DIR:-/etc/kafka-users}
read -r -d . platform < "$rights"
# * is a name too.
set -f

# kafka PROGRAM ARGUMENT...: until it is done; what it says is in $WORK/output.
kafka() {
  until "${KAFKA_BIN:-/opt/kafka/bin}/kafka-$1.sh" --bootstrap-server "$BOOTSTRAP_SERVERS" "${@:2}" > "$WORK/output" 2>&1 < /dev/null; do
    echo "waiting: kafka-$1.sh: $(grep -m 1 -E 'Exception|Error' "$WORK/output" || tail -n 1 "$WORK/output")"
    ((SECONDS < ${WAIT_SECONDS:-600})) || exit 1
    sleep "${POLL_SECONDS:-3}"
  done
}
# right --add|--remove USER OPERATIONS RESOURCE=NAME...
right() {
  local do=("$1") effect=allow pattern=literal item
  [[ $3 != !* ]] || effect=deny
  [[ $4 != *=?*\* ]] || pattern=prefixed
  for item in ${3//[,!]/ }; do do+=(--operation "$item"); done
  for item in "${@:4}"; do
    [[ $pattern == literal ]] || item=${item%\*}
    do+=("--${item%%=*}")
    [[ $item == cluster=* ]] || do+=("${item#*=}")
  done
  [[ $1 == --add ]] || do+=(--force)
  kafka acls "${do[@]}" --resource-pattern-type "$pattern" "--$effect-principal" "User:$2"
  echo "${*:2}: ${1#--}"
}
# single < RIGHTS: one operation and one name a line.
single() { awk 'NF { for (i = split($2, o, ","); i; i--) for (n = 3; n <= NF; n++) print $1, o[i], $n }' | sort -u; }

single < "$rights" > "$WORK/declared"
kafka acls --list
# Two operations are told in another spelling than they are taken.
awk -v prefix="User:$platform." -F '[=,()`]+' '
  /ResourcePattern/ { name = tolower($4) "=" $6 ($8 == "PREFIXED" ? "*" : ""); sub("_id=", "-id=", name) }
  index($3, prefix) == 1 {
    sub("ALTER_CONFIGS", "AlterConfigs", $7)
    sub("DESCRIBE_CONFIGS", "DescribeConfigs", $7)
    print substr($3, 6), ($9 == "DENY" ? "!" : "") $7, name
  }' "$WORK/output" | sort -u > "$WORK/there"
while read -r -a line; do
  [[ -z $(single <<< "${line[*]}" | comm -23 - "$WORK/there") ]] || right --add "${line[@]}"
done < "$rights"
comm -13 "$WORK/declared" "$WORK/there" > "$WORK/gone"
while read -r -a line; do right --remove "${line[@]}"; done < "$WORK/gone"

kafka configs --describe --entity-type users
sed -n "s/^SCRAM .* user-principal '\($platform\..*\)' are .*/\1/p" "$WORK/output" | sort > "$WORK/there"
user() { kafka configs --alter --entity-type users --entity-name "$@"; }
cut -d ' ' -f 1 "$WORK/declared" | sort -u > "$WORK/users"
while read -r name; do
  # What a user's password is, Kafka tells nobody: it is set each time.
  echo "SCRAM-SHA-512=password=$(< "$users/$name")" > "$WORK/password"
  user "$name" --add-config-file "$WORK/password"
done < "$WORK/users"
comm -13 "$WORK/users" "$WORK/there" | while read -r name; do
  user "$name" --delete-config SCRAM-SHA-512
  echo "$name: withdrawn"
done
echo "all users are as declared"
rm -rf "$WORK"
exec "$@"
