#!/bin/sh
# Kafka in a backup: `save` writes how topics are declared, and the schemas; `restore` makes the topics that are missing, and
# fills the schemas' topic where it has none. Records of other topics are in no backup. Names with a leading _ are Kafka's own,
# and its clients'. May be stopped at any point and run again. Waits for brokers.
#   BOOTSTRAP_SERVERS  where Kafka is
#   SCHEMAS_TOPIC      optional: the topic in which a schema registry keeps its schemas
#   CLIENT_PROPERTIES  optional file with more settings of a client: security.protocol ...
#   KAFKA_BIN          Kafka's programs; default /opt/kafka/bin
# backup.sh and kafka-topics.sh lie beside this script.
# shellcheck source-path=SCRIPTDIR source=backup.sh
. "$(dirname "$0")/backup.sh"
DIR=$BACKUP_DIR/kafka
# These programs run for a second: quick to start matters more than quick to run.
export KAFKA_JVM_PERFORMANCE_OPTS="${KAFKA_JVM_PERFORMANCE_OPTS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}"

# kafka PROGRAM ARGUMENT...
kafka() {
  program=$1
  shift
  "${KAFKA_BIN:-/opt/kafka/bin}/kafka-$program.sh" --bootstrap-server "$BOOTSTRAP_SERVERS" \
    ${CLIENT_PROPERTIES:+--command-config "$CLIENT_PROPERTIES"} "$@"
}
# lines FILE
lines() { wc -l < "$1"; }

# read_schemas: into $WORK/schemas, a record a line: its key, and its value.
read_schemas() {
  : > "$WORK/schemas"
  grep -q -x -F -e "$SCHEMAS_TOPIC" "$WORK/said" || return 0
  end=$(kafka get-offsets --topic "$SCHEMAS_TOPIC" --time latest)
  [ "${end##*:}" -gt 0 ] || return 0
  kafka console-consumer --topic "$SCHEMAS_TOPIC" --partition 0 --offset earliest --timeout-ms 15000 \
    --formatter-property print.key=true --formatter-property print.offset=true \
    --formatter-property key.separator="$TAB" > "$WORK/trouble" 2>&1
  grep '^Offset:' "$WORK/trouble" > "$WORK/records" || true
  # It also ends so where a broker says nothing for a while.
  last=$(tail -n 1 "$WORK/records" | cut -f 1)
  [ "${last#Offset:}" = "$((${end##*:} - 1))" ] || fail "not all schemas can be read: $(tail -n 1 "$WORK/trouble")"
  cut -f 2- "$WORK/records" > "$WORK/schemas"
}

save() {
  mkdir -p "$DIR"
  kafka configs --describe --entity-type topics > "$WORK/configs"
  kafka topics --describe > "$WORK/topics"
  awk -v configs="$WORK/configs" -F '\t' '
    BEGIN {
      while ((getline line < configs) > 0) {
        if (line ~ /^Dynamic configs for topic /) { split(line, words, " "); name = words[5] }
        else if (sub(/ sensitive=.*/, "", line)) { sub(/^ */, "", line); settings[name] = settings[name] " " line }
      }
    }
    $3 ~ /^PartitionCount: / && $1 !~ /^Topic: _/ {
      for (i = 1; i <= 4; i++) sub(/^[^:]*: /, "", $i)
      print $1 " " $3 " " $4 settings[$1]
    }
  ' "$WORK/topics" > "$DIR/topics"
  echo "$(lines "$DIR/topics") topics: saved"
  [ -n "${SCHEMAS_TOPIC:-}" ] || return 0
  read_schemas
  cp "$WORK/schemas" "$DIR/schemas"
  echo "$(lines "$DIR/schemas") records of schemas: saved"
}

restore() {
  [ -d "$DIR" ] || return 0
  awk -v names="$WORK/said" 'BEGIN { while ((getline name < names) > 0) there[name] } !($1 in there)' "$DIR/topics" > "$WORK/missing"
  [ ! -s "$DIR/schemas" ] || grep -q -x -F -e "$SCHEMAS_TOPIC" "$WORK/said" ||
    echo "$SCHEMAS_TOPIC 1 -1 cleanup.policy=compact" >> "$WORK/missing"
  TOPICS_FILE=$WORK/missing bash "$(dirname "$0")/kafka-topics.sh"
  [ -s "$DIR/schemas" ] || return 0
  read_schemas
  if grep -v '"keytype": *"NOOP"' "$WORK/schemas" | grep -q -v -x -F -f "$DIR/schemas"; then
    echo "schemas: there are some that the backup has not, and they stay"
    return
  fi
  kafka console-producer --topic "$SCHEMAS_TOPIC" --sync --reader-property parse.key=true \
    --reader-property key.separator="$TAB" --reader-property null.marker=null < "$DIR/schemas" > "$WORK/trouble" 2>&1
  echo "$SCHEMAS_TOPIC" >> "$WORK/said"
  read_schemas
  ! grep -v -x -F -f "$WORK/schemas" "$DIR/schemas" || fail "not all schemas were taken: $(cat "$WORK/trouble")"
  echo "$(lines "$DIR/schemas") records of schemas: restored"
}

wait_for kafka topics --list
"$1"
