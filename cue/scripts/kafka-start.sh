#!/bin/bash
# Starts a Kafka broker in the image apache/kafka. Kafka's own start script copies the mounted server.properties, adds
# what KAFKA_* variables say, formats the volume once and runs the broker. This one sets the variables that differ from
# pod to pod, and refuses to start when the list of controllers has changed: their number is fixed when a cluster is
# made, and a controller with an empty volume could outvote the ones that know the data.
#   POD_NAME     NAME-N; N is the node's id, and the first CONTROLLERS nodes are controllers too
#   POD_DOMAIN   the domain of the headless Service
#   CONTROLLERS  their number
#   ZONE         optional: where the node is, its broker.rack
#   CLUSTER_ID   of the cluster, the same for ever
#   CLIENTS_PORT optional: of the listener CLIENTS, for clients alone; server.properties must map it
#   OUTSIDE      optional: HOST:PORT of each node's listener OUTSIDE, with TLS. {nodeId} is the node, and the port may be a sum
#   CERTIFICATES_DIR has a folder for each listener that shows a certificate, by its name in small letters, with tls.key, as
#                PKCS#8, and tls.crt; default /etc/kafka-certificates
#   KEYSTORE_DIR with them: the files that Kafka reads, with both, in memory: outside.pem; default /mnt/keystore
#   POLL_SECONDS between two looks whether they have changed; default 60
#   KAFKA_BIN    Kafka's command line; default /opt/kafka/bin
#   BROKER_PORT CONTROLLER_PORT  default 9092 and 9093
#   MOUNTED_DIR  has server.properties; default /mnt/shared/config
#   JMX_CONFIG   optional: configuration of the JMX agent, which then serves Java's metrics
#   PLUGINS_DIR  with it: has the agent; default /opt/plugins
#   LOG_DIR      of Kafka's programs, for the garbage collector's log too: 32 MB; default /tmp
#   DATA_DIR     the volume; log.dirs is below it; default /var/lib/kafka/data
#   START_SCRIPT Kafka's own start script; default /etc/kafka/docker/run
set -euo pipefail

fail() { printf 'kafka-start: %s\n' "$*" >&2; exit 1; }

node=${POD_NAME##*-}
[[ $node =~ ^[0-9]+$ ]] || fail "the pod's name $POD_NAME does not end in a number"

mounted=${MOUNTED_DIR:-/mnt/shared/config}
# Addresses of controllers may change, their ids may not.
voters=$(sed -n 's/^controller\.quorum\.voters *= *//p' "$mounted/server.properties" | sed 's/@[^,]*//g')
[[ -n $voters ]] || fail "server.properties has no controller.quorum.voters"
record=${DATA_DIR:-/var/lib/kafka/data}/controllers
if [[ -s $record ]]; then
  [[ $(< "$record") == "$voters" ]] || fail "this cluster was made with the controllers $(< "$record"), and is now told to have $voters. The number of controllers cannot change: set kafkaConfig.controllers back"
else
  printf '%s\n' "$voters" > "$record.new"
  mv "$record.new" "$record"
fi

listeners=INTERNAL://:${BROKER_PORT:-9092}
advertised=INTERNAL://$POD_NAME.$POD_DOMAIN:${BROKER_PORT:-9092}
roles=broker
if ((node < CONTROLLERS)); then
  roles=broker,controller
  listeners+=,CONTROLLER://:${CONTROLLER_PORT:-9093}
fi
if [[ -n ${CLIENTS_PORT:-} ]]; then
  listeners+=,CLIENTS://:$CLIENTS_PORT
  advertised+=,CLIENTS://$POD_NAME.$POD_DOMAIN:$CLIENTS_PORT
fi

pem() { cat "$folder"/tls.{key,crt}; }
# renew has the broker read a certificate anew that has changed, but for JMX and heap of its own: who is connected stays so.
renew() {
  local shown
  shown=$(pem)
  while sleep "${POLL_SECONDS:-60}"; do
    [[ $(pem) != "$shown" ]] || continue
    pem > "$keystore" || continue
    env -u KAFKA_OPTS KAFKA_HEAP_OPTS=-Xmx64m "${KAFKA_BIN:-/opt/kafka/bin}/kafka-configs.sh" --bootstrap-server "$POD_NAME.$POD_DOMAIN:$BROKER_PORT" \
      --entity-type brokers --entity-name "$node" --alter --add-config "listener.name.$listener.ssl.keystore.location=$keystore" && shown=$(< "$keystore")
  done
}
if [[ -n ${OUTSIDE:-} ]]; then
  address=${OUTSIDE//"{nodeId}"/$node}
  listeners+=,OUTSIDE://:9094
  advertised+=,OUTSIDE://${address%:*}:$((${address##*:}))
fi
for listener in clients outside; do
  folder=${CERTIFICATES_DIR:-/etc/kafka-certificates}/$listener
  [[ -d $folder ]] || continue
  keystore=${KEYSTORE_DIR:-/mnt/keystore}/$listener.pem
  pem > "$keystore"
  renew &
done

# What follows is no variable of the pod: programs that somebody runs in it would want the same file and port.
# By itself Kafka keeps a gigabyte of the garbage collector's log, and a pod that fills its volume is evicted.
export KAFKA_GC_LOG_OPTS=-Xlog:gc:file=${LOG_DIR:-/tmp}/gc.log:time,tags:filecount=3,filesize=8M

# The agent has its version in its name.
if [[ -n ${JMX_CONFIG:-} ]]; then
  KAFKA_OPTS=-javaagent:$(find "${PLUGINS_DIR:-/opt/plugins}" -name '*.jar' -print -quit)=9404:$JMX_CONFIG
  export KAFKA_OPTS
fi

[[ -z ${ZONE:-} ]] || export KAFKA_BROKER_RACK=$ZONE
export KAFKA_NODE_ID=$node KAFKA_PROCESS_ROLES=$roles KAFKA_LISTENERS=$listeners KAFKA_ADVERTISED_LISTENERS=$advertised CLUSTER_ID
echo "node $node: $roles, reached at $advertised"
exec "${START_SCRIPT:-/etc/kafka/docker/run}"
