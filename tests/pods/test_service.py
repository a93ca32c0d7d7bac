"""``examples/service`` with a platform, told nothing but what the ``realtime`` trait injects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.hermetic.cluster import PRIVILEGED
from tests.hermetic.node.kubernetes import NODE
from tests.pods import running
from tests.pods.images import names, service, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hermetic import Cluster
    from tests.pods.running import Running

EXAMPLE = service.SOURCE / "application.yaml"

_LISTEN = """
import asyncio, websockets
async def main():
    async with websockets.connect("ws://events:8000/live") as socket:
        async for line in socket:
            print(line, flush=True)
asyncio.run(main())
"""

_HAND_IN = """
import sys, urllib.request
headers = {"Content-Type": "application/json"}
request = urllib.request.Request("http://events:8000/messages", sys.argv[1].encode(), headers)
print(urllib.request.urlopen(request).read().decode())
"""


@pytest.fixture(scope="module")
def example(platform_cluster: Cluster) -> Iterator[Running]:
    store.give(platform_cluster, "service")
    # KubeVela's own webservice makes pods that are not restricted.
    with running.namespace(platform_cluster, running.CONNECT, PRIVILEGED) as here:
        platform_cluster.vela("up", f"--file={EXAMPLE}", here.inside)
        here.running("example-service")
        yield here


def _pod(here: Running) -> dict[str, Any]:
    (pod,) = here.cluster.items("pods", here.namespace, "app.oam.dev/component=events")
    return pod


def _wait_until_connected(here: Running) -> str:
    """Wait until the service says that it has both brokers; return its pod."""
    script = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8000/ready').read().decode())"
    name = str(_pod(here)["metadata"]["name"])

    def connected() -> bool:
        done = here.execute(name, "python", "-c", script, check=False)
        return done.ok and json.loads(done.stdout) == {"kafka": "connected", "mqtt": "connected"}

    here.cluster.until(connected, running.PATIENCE, lambda: here.cluster.kubectl("logs", name, here.inside).stdout)
    return name


def test_it_is_told_everything(example: Running) -> None:
    pod = _pod(example)
    assert pod["spec"]["nodeName"] == NODE
    declared = yaml.safe_load(EXAMPLE.read_text())["spec"]["components"][1]["properties"]
    assert "env" not in declared
    name = _wait_until_connected(example)
    for part in ("kafka", "mqtt"):
        for key, value in example.secret(f"example-{part}-secret").items():
            assert example.shell(name, f"cat /etc/realtime/{part}/{key}") == value
            assert example.shell(name, f'echo "${key}"') == value
    assert example.shell(name, "echo $KAFKA_TOPICS $WEBSOCKET_PATH") == "events /live"


def test_messages_go_through_in_every_direction(example: Running) -> None:
    _wait_until_connected(example)
    web = example.client("web", service.reference(), 10001)
    kafka = example.client("kafka", names.reference("kafka"), 1000, "example")
    mqtt = example.client("mqtt", names.reference("mosquitto"), 1883, "example")
    secret = example.secret("example-mqtt-secret")

    def arrived() -> list[tuple[str, ...]]:
        lines = [json.loads(line) for line in example.shell(web, "cat /tmp/live").splitlines()]
        return [(line["source"], line["topic"], line["payload"]) for line in lines]

    def wait_for(*message: str) -> None:
        example.cluster.until(lambda: message in arrived(), running.PATIENCE, lambda: str(arrived()))

    example.execute(web, "sh", "-c", 'python -c "$0" > /tmp/live 2>&1 &', _LISTEN)
    wait_for("service", "", "listening")

    tool = "/opt/kafka/bin/kafka-console-{}.sh --bootstrap-server=example-kafka:9092 --topic=events"
    example.execute(kafka, "sh", "-c", tool.format("producer"), stdin="out of Kafka\n")
    wait_for("kafka", "events", "out of Kafka")

    signed = ["-h", secret["MQTT_HOST"], "-u", secret["MQTT_USER"], "-P", secret["MQTT_PASSWORD"]]
    example.execute(mqtt, "mosquitto_pub", *signed, "-t", "events/one", "-m", "out of MQTT", "-q", "1")
    wait_for("mqtt", "events/one", "out of MQTT")

    message = '{"sent": "by HTTP"}'
    answer = json.loads(example.execute(web, "python", "-c", _HAND_IN, message).stdout)
    assert answer == {"kafka": True, "mqtt": True}
    wait_for("kafka", "events", message)
    wait_for("mqtt", "events/accepted", message)
    read = example.shell(kafka, f"{tool.format('consumer')} --from-beginning --max-messages=2 2> /dev/null")
    assert sorted(read.splitlines()) == sorted(["out of Kafka", message])
