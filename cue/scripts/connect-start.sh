#!/bin/bash
# Starts a Kafka Connect worker: the mounted configuration plus this pod's own address, by which the other
# workers forward requests to it.
#   POD_IP      address of the pod
#   JMX_CONFIG  optional: configuration of the JMX agent, which then serves Java's metrics
set -euo pipefail

{
  cat /etc/connect/connect-distributed.properties
  echo "rest.advertised.host.name=$POD_IP"
} > /tmp/connect-distributed.properties
# The agent has its version in its name.
if [[ -n ${JMX_CONFIG:-} ]]; then
  KAFKA_OPTS=-javaagent:$(find /opt/connectors/jmx-agent -name '*.jar' -print -quit)=9404:$JMX_CONFIG
  export KAFKA_OPTS
fi
exec /opt/kafka/bin/connect-distributed.sh /tmp/connect-distributed.properties
