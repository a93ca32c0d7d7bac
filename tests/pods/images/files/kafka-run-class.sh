#!/bin/bash
# Runs a class of Kafka, steered by the variables that Kafka's documentation names.
set -euo pipefail
# Kafka's programs write their logs there, and do not start where they cannot.
mkdir -p "${LOG_DIR:=/opt/kafka/logs}"
# shellcheck disable=SC2086 # each variable holds several options
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC} ${KAFKA_GC_LOG_OPTS:-} ${KAFKA_LOG4J_OPTS:-} ${KAFKA_OPTS:-} \
  "-Dkafka.logs.dir=$LOG_DIR" -cp '/opt/kafka/libs/*' "$@"
