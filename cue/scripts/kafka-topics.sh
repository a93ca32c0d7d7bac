#!/bin/bash
# Keeps topics as they are declared: makes those that are missing, adds partitions when the number is raised, and sets
# configuration. It deletes nothing: a topic or a setting that is no longer declared stays, and so do partitions and
# replicas when their number is declared anew in a way that would need more than that; it says so. May be stopped at any
# point, run again, and run twice at once. Waits for brokers.
#   BOOTSTRAP_SERVERS    where Kafka is
#   TOPICS_FILE          one topic a line: NAME PARTITIONS REPLICATION_FACTOR [KEY=VALUE...]; -1: as the brokers do
#   MIN_INSYNC_REPLICAS  optional: min.insync.replicas of topics that say nothing
#   CLIENT_PROPERTIES    optional file with more settings of a client: security.protocol ...
#   KAFKA_BIN            Kafka's programs; default /opt/kafka/bin
#   WAIT_SECONDS         how long all of it may take; default 600
#   POLL_SECONDS         between two looks; default 3
set -euo pipefail

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
# The first process of a container ignores this signal unless it says otherwise.
trap 'exit 143' TERM
# These programs run for a second: quick to start matters more than quick to run.
export KAFKA_JVM_PERFORMANCE_OPTS=${KAFKA_JVM_PERFORMANCE_OPTS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}

fail() { printf 'kafka-topics: %s\n' "$*" >&2; exit 1; }
# pause WHY
pause() {
  ((SECONDS < ${WAIT_SECONDS:-600})) || fail "gave up after ${WAIT_SECONDS:-600} seconds: $1"
  sleep "${POLL_SECONDS:-3}"
}
declare -A said
say_once() { [[ -n ${said[$1]:-} ]] || echo "$1"; said[$1]=yes; }

{
  echo default.api.timeout.ms=20000
  echo request.timeout.ms=10000
  [[ -z ${CLIENT_PROPERTIES:-} ]] || cat "$CLIENT_PROPERTIES"
} > "$WORK/client.properties"

# kafka PROGRAM ARGUMENT...: what it says is in $WORK/output.
kafka() {
  "${KAFKA_BIN:-/opt/kafka/bin}/$1" --bootstrap-server "$BOOTSTRAP_SERVERS" --command-config "$WORK/client.properties" \
    "${@:2}" > "$WORK/output" 2>&1 < /dev/null
}
# reason: the line of the output that says what went wrong.
reason() { grep -m 1 -E 'Exception|Error' "$WORK/output" || tail -n 1 "$WORK/output"; }

# describe: how things are.
declare -A partitions replicas settings
describe() {
  local topic count factor name
  kafka kafka-topics.sh --describe || return 1
  partitions=() replicas=() settings=()
  while IFS=$'\t' read -r topic _ count factor _; do
    [[ $count == PartitionCount:* ]] || continue
    name=${topic#*: }
    partitions[$name]=${count#*: } replicas[$name]=${factor#*: }
  done < "$WORK/output"
  own_settings --entity-type topics || return 1
  [[ -z ${MIN_INSYNC_REPLICAS:-} ]] || own_settings --entity-type brokers --entity-default
}
# own_settings ARGUMENT...: what topics say themselves, and the brokers, who have no name here. kafka-topics.sh would list what
# a topic has from the brokers' files too, which another file takes away.
own_settings() {
  local line item key name=
  kafka kafka-configs.sh --describe "$@" || return 1
  while IFS= read -r line; do
    case $line in
      'Dynamic configs for topic '*) name=${line#Dynamic configs for topic } name=${name% are:} ;;
      '  '*=*' sensitive='*)
        item=${line#  } item=${item%% sensitive=*}
        key="$name ${item%%=*}"
        settings[$key]=${item#*=}
        ;;
    esac
  done < "$WORK/output"
}

# change WHAT PROGRAM ARGUMENT...: what only needs time, or was done by another run just now, is looked at again.
declare -A tried
change() {
  again="$1"
  tried[$1]=$((${tried[$1]:-0} + 1))
  if kafka "${@:2}"; then
    ((tried[$1] <= 3)) || fail "$1: done three times, and not there"
    echo "$1"
  elif grep -q -E 'InvalidReplicationFactor|Timeout|Disconnect|NotController|NotLeader|NotAvailable|TopicExists|UnknownTopic|already has' "$WORK/output"; then
    again="$1: $(reason)"
    say_once "waiting: $again"
  else
    wrong+="; $1: $(reason)"
  fi
}

# reconcile NAME PARTITIONS REPLICATION_FACTOR [KEY=VALUE...]
reconcile() {
  local name=$1 count=$2 factor=$3 item value wanted=() options=()
  shift 3
  if [[ -z ${partitions[$name]:-} ]]; then
    [[ $count == -1 ]] || options+=(--partitions "$count")
    [[ $factor == -1 ]] || options+=(--replication-factor "$factor")
    for item in "$@"; do options+=(--config "$item"); done
    change "topic $name: made" kafka-topics.sh --create --topic "$name" "${options[@]}"
    return
  fi
  if ((count > partitions[$name])); then
    change "topic $name: $count partitions" kafka-topics.sh --alter --topic "$name" --partitions "$count"
  elif ((count != -1 && count < partitions[$name])); then
    say_once "topic $name: keeps its ${partitions[$name]} partitions: Kafka cannot take any away, so $count has no effect"
  fi
  if ((factor != -1 && factor != replicas[$name])); then
    say_once "topic $name: keeps its ${replicas[$name]} replicas: the number is fixed when a topic is made, so $factor has no effect"
  fi
  for item in "$@"; do
    value=${item#*=}
    [[ ${settings[$name ${item%%=*}]-} != "$value" ]] || continue
    # A list has to stand in brackets here.
    [[ $value != *,* ]] || item="${item%%=*}=[$value]"
    wanted+=("$item")
  done
  if ((${#wanted[@]} > 0)); then
    change "topic $name: ${wanted[*]}" kafka-configs.sh --alter --entity-type topics --entity-name "$name" \
      --add-config "$(IFS=,; echo "${wanted[*]}")"
  fi
}

# default_min_insync_replicas: a cluster's first controller keeps its own number as the brokers' default, which from then on
# wins over their files (KIP-966).
default_min_insync_replicas() {
  local key=' min.insync.replicas' least=${MIN_INSYNC_REPLICAS:-}
  [[ -z $least || ${settings[$key]-} == "$least" ]] ||
    change "brokers: min.insync.replicas=$least" kafka-configs.sh --alter --entity-type brokers --entity-default \
      --add-config "min.insync.replicas=$least"
}

while :; do
  if ! describe; then
    say_once "waiting: Kafka does not answer at $BOOTSTRAP_SERVERS"
    pause "Kafka does not answer at $BOOTSTRAP_SERVERS: $(reason)"
    continue
  fi
  again='' wrong=''
  default_min_insync_replicas
  while read -r -a line; do
    ((${#line[@]} == 0)) || reconcile "${line[@]}"
  done < "$TOPICS_FILE"
  [[ -z $wrong ]] || fail "${wrong#; }"
  [[ -n $again ]] || break
  pause "$again"
done
echo "all topics are as declared"
