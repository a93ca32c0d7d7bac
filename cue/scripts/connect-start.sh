#!/bin/bash
# Starts a Kafka Connect worker: the mounted configuration plus this pod's own address, by which the other
# workers forward requests to it.
#   POD_IP  address of the pod
set -euo pipefail

{
  cat /etc/connect/connect-distributed.properties
  echo "rest.advertised.host.name=$POD_IP"
} > /tmp/connect-distributed.properties
# With Java's metrics asked for. The agent has its version in its name.
if [[ -e /etc/connect/jmx.yaml ]]; then
  KAFKA_OPTS=-javaagent:$(find /opt/connectors/jmx-agent -name '*.jar' -print -quit)=9404:/etc/connect/jmx.yaml
  export KAFKA_OPTS
fi
exec /opt/kafka/bin/connect-distributed.sh /tmp/connect-distributed.properties
