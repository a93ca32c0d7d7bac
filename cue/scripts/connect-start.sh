#!/bin/bash
# Starts a Kafka Connect worker: the mounted configuration plus this pod's own address, by which the other
# workers forward requests to it.
#   POD_IP  address of the pod
set -euo pipefail

{
  cat /etc/connect/connect-distributed.properties
  echo "rest.advertised.host.name=$POD_IP"
} > /tmp/connect-distributed.properties
exec /opt/kafka/bin/connect-distributed.sh /tmp/connect-distributed.properties
