#!/bin/bash
# Starts a broker as the image apache/kafka documents it: the mounted server.properties, then what KAFKA_* variables
# say, both put together by Kafka's own program for this image; the volume is formatted unless it is.
set -euo pipefail
[[ -w /opt/kafka/config ]] || { echo "/opt/kafka/config must be writable" >&2; exit 1; }
export CLUSTER_ID=${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}
set_up() {
  KAFKA_HEAP_OPTS='' KAFKA_LOG4J_OPTS='' /opt/kafka/bin/kafka-run-class.sh kafka.docker.KafkaDockerWrapper setup \
    --default-configs-dir /etc/kafka/docker --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1
}
# That a volume has been formatted before is the one failure that the image goes on after.
said=$(set_up) || [[ $said == *'already formatted'* ]] || { echo "$said" >&2; exit 1; }
echo "$said"
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}
exec /opt/kafka/bin/kafka-server-start.sh /opt/kafka/config/server.properties
