"""A platform on a Kafka of somebody else's, with users and TLS: all that ran before runs through it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.hermetic import certificates
from tests.hermetic.cluster import PRIVILEGED
from tests.pods import running
from tests.pods.images import names, service, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

PASSWORD = "a p=s$w{o}rd'!#"  # noqa: S105

PROPERTIES = """\
process.roles=broker,controller
node.id=0
controller.quorum.voters=0@127.0.0.1:9093
listener.security.protocol.map=CLIENTS:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT
listeners=CLIENTS://:9094,INNER://127.0.0.1:9095,CONTROLLER://127.0.0.1:9093
advertised.listeners=CLIENTS://foreign:9094,INNER://127.0.0.1:9095
inter.broker.listener.name=INNER
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=/tmp/keystore.pem
log.dirs=/tmp/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
auto.create.topics.enable=false
"""

START = """\
printf %s "$KEYSTORE" > /tmp/keystore.pem
printf %s "$PROPERTIES" > /tmp/server.properties
/opt/kafka/bin/kafka-storage.sh format -t aXFd1s3ZRGahVL1Gd5wNHg -c /tmp/server.properties \
  --add-scram "SCRAM-SHA-512=[name=orders,password=$PASSWORD]"
exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties
"""

READ = "/opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server=127.0.0.1:9095 --from-beginning --timeout-ms=60000"

_HAND_IN = """
import sys, urllib.request
headers = {"Content-Type": "application/json"}
request = urllib.request.Request("http://127.0.0.1:8000/messages", sys.argv[1].encode(), headers)
print(urllib.request.urlopen(request).read().decode())
"""
_READY = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8000/ready').read().decode())"


def _secret(name: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": values}


@pytest.fixture(scope="module")
def here(platform_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    store.give(platform_cluster, "service")
    pair = certificates.make(tmp_path_factory.mktemp("foreign"), ["DNS:foreign"])
    played = (*running.CONNECT, "postgres", "postgres-databases")
    # KubeVela's own webservice makes pods that are not restricted.
    with running.namespace(platform_cluster, played, PRIVILEGED) as place:
        variables = {
            "KEYSTORE": pair.key.read_text() + pair.certificate.read_text(),
            "PROPERTIES": PROPERTIES,
            "PASSWORD": PASSWORD,
            "LOG_DIR": "/tmp/logs",
            "KAFKA_HEAP_OPTS": "-Xmx300m",
        }
        env = [{"name": name, "value": value.replace("$", "$$")} for name, value in variables.items()]
        place.client("foreign", names.reference("kafka"), 1000, command=["bash", "-c", START], env=env)
        spec = {"selector": {"app.kubernetes.io/name": "client-foreign"}, "ports": [{"port": 9094}]}
        for item in (
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "foreign"}, "spec": spec},
            _secret("kafka-user", username="orders", password=PASSWORD),
            _secret("kafka-ca", **{"ca.crt": pair.certificate.read_text()}),
        ):
            platform_cluster.apply(item, namespace=place.namespace)
        app = yaml.safe_load((service.SOURCE / "application.yaml").read_text())
        (platform,) = [part for part in app["spec"]["components"] if part["type"] == "realtime-platform"]
        platform["properties"].setdefault("kafkaConfig", {})["external"] = {
            "bootstrapServers": "foreign:9094",
            "securityProtocol": "SASL_SSL",
            "sasl": {"secretRef": "kafka-user"},
            "tls": {"caSecret": "kafka-ca"},
        }
        place.apply(app)
        place.running(app["metadata"]["name"])
        yield place


def test_no_broker_of_its_own_runs_and_clients_are_told_of_the_other(here: Running) -> None:
    assert here.pods("kafka") == []
    secret = here.secret("example-kafka-secret")
    assert secret.pop("KAFKA_CA_CERT").startswith("-----BEGIN CERTIFICATE")
    assert secret == {
        "KAFKA_BOOTSTRAP_SERVERS": "foreign:9094",
        "KAFKA_SCHEMA_REGISTRY_URL": f"http://example-kafka.{here.namespace}.svc.cluster.local:8081",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "orders",
        "KAFKA_SASL_PASSWORD": PASSWORD,
    }


def test_the_service_and_the_bridge_work_through_it(here: Running) -> None:
    (pod,) = here.cluster.items("pods", here.namespace, "app.oam.dev/component=events")
    name = pod["metadata"]["name"]

    def connected() -> bool:
        done = here.execute(name, "python", "-c", _READY, check=False)
        return done.ok and json.loads(done.stdout) == {"kafka": "connected", "mqtt": "connected"}

    here.cluster.until(connected, running.PATIENCE, lambda: here.cluster.kubectl("logs", name, here.inside).stdout)
    message = '{"sent": "by HTTP"}'
    assert json.loads(here.execute(name, "python", "-c", _HAND_IN, message).stdout) == {"kafka": True, "mqtt": True}
    # What the service writes itself, and what the bridge carries of what it published.
    assert here.shell("foreign", f"{READ} --topic=events --max-messages=1 2> /dev/null") == message
    assert here.shell("foreign", f"{READ} --topic=mqtt --max-messages=1 2> /dev/null") == message
