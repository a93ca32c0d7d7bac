"""The bridge from MQTT to Kafka: Bento itself, as it is rendered, between a real Mosquitto and a real Kafka."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic.programs import BENTO
from tests.support.doubles.ports import free_port, status
from tests.support.doubles.scripts import busybox_tools, require, wait_until
from tests.support.kafka_server import KafkaServer, SecuredKafkaServer
from vela_realtime.errors import ToolError
from vela_realtime.library import find, fixtures
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytest.importorskip("aiokafka", reason="needs Python 3.11")

LIBRARY = find()

BRIDGES = [
    case
    for definition in ("iot-broker", "realtime-platform")
    for case in fixtures.load(LIBRARY, definition)
    if case.valid and ("connector" in case.properties or "bridge" in case.properties.get("mqttConfig", {}))
]

VARIABLES = {"MQTT_PASSWORD": "x", "KAFKA_SASL_USERNAME": "x", "KAFKA_SASL_PASSWORD": "x"}

PATIENCE = 90.0
"""Seconds that a few messages may take: a Kafka that has just started is slow, and so is a busy machine."""

Message = tuple[str, bytes]


@pytest.fixture(scope="module")
def bento() -> Path:
    """Return Bento, which is built the first time."""
    try:
        return gobuild.build(BENTO)
    except ToolError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


class Mosquitto:
    """An MQTT broker that lets anyone in, and keeps sessions over a restart."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "mosquitto.log"
        self.file = folder / "mosquitto.conf"
        self.file.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 1000000\n"
            f"persistence true\npersistence_location {folder}/\n"
        )

    def start(self) -> None:
        """Start it."""
        with self.log.open("a") as log:
            self.running = subprocess.Popen([require("mosquitto"), "-c", str(self.file)], stdout=log, stderr=log)

    def stop(self) -> None:
        """Stop it, with everything written down."""
        self.running.terminate()
        self.running.wait(30)

    def publish(self, messages: Sequence[Message], qos: int = 1) -> None:
        """Publish messages, and wait until the broker has them all."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(500)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        for sent in [client.publish(topic, payload, qos) for topic, payload in messages]:
            sent.wait_for_publish(PATIENCE)
        client.disconnect()
        client.loop_stop()


class Bridge:
    """The pod of a bridge: its two containers, with the rendered files."""

    def __init__(self, folder: Path, program: Path, mqtt: Mosquitto, objects: dict[str, Any], kafka: str = "") -> None:
        self.folder, self.program = folder, program
        self.port, gate = free_port(), free_port()
        (self.bento, self.gate) = objects["outputs.bridge"]["spec"]["template"]["spec"]["containers"]
        self.env = {"MQTT_PASSWORD": "any"}
        for file, text in objects["outputs.bridge-config"]["data"].items():
            places = {"127.0.0.1:1883": f"127.0.0.1:{gate}", '":4195"': f'"127.0.0.1:{self.port}"'}
            places["/etc/kafka-access"] = str(folder)
            places |= {'"p-kafka.default.svc.cluster.local:9092"': f'"{kafka}"'} if kafka else {}
            for old, new in places.items():
                text = text.replace(old, new)
            (folder / file).write_text(text)
        self.arguments = [argument.replace("/etc/bento", str(folder)) for argument in self.bento["args"]]
        self.gate_command = _gate(self.gate, gate, mqtt.port)
        self.log = folder / "bento.log"

    def start(self, wait: bool = True) -> None:
        """Start both containers, and maybe wait until messages go through."""
        env = {"PATH": f"{busybox_tools()}:/usr/bin:/bin", **self.env}
        self.at_gate = subprocess.Popen(self.gate_command, env=env, start_new_session=True)
        with self.log.open("a") as log:
            self.running = subprocess.Popen([self.program, *self.arguments], env=env, stdout=log, stderr=log)
        if wait:
            # Each stream connects by itself, and is there a moment before it has subscribed.
            streams = len(self.arguments) - 4
            wait_until(lambda: self.says("/ready") == 200, PATIENCE)
            wait_until(lambda: self.metric("input_connection_up", "mqtt") >= streams, PATIENCE)
            time.sleep(1)

    def close_gate(self) -> None:
        """End the gate as a container ends: its first process by SIGTERM, and with it all others."""
        self.at_gate.terminate()
        assert self.at_gate.wait(5) == 0
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.at_gate.pid, signal.SIGKILL)

    def stop(self) -> int:
        """Stop both as Kubernetes does: told at once, the one with a preStop hook after that. Return Bento's status."""
        self.close_gate()
        shell, option, script = self.bento["lifecycle"]["preStop"]["exec"]["command"]
        assert ":4195/" in script
        command = ["busybox", shell, option, script.replace(":4195/", f":{self.port}/")]
        subprocess.run(command, env={"PATH": f"{busybox_tools()}:/usr/bin:/bin"}, check=True)
        self.running.terminate()
        return self.running.wait(30)

    def kill(self) -> None:
        """End both without a chance to tidy up."""
        for group in (self.at_gate, self.running):
            if group.poll() is None:
                group.kill()
            group.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.at_gate.pid, signal.SIGKILL)

    def says(self, path: str) -> int:
        """Return the status of an HTTP path, 0 where nobody answers."""
        return status(f"http://127.0.0.1:{self.port}{path}", timeout=5)

    def metric(self, name: str, label: str) -> float:
        """Return a metric of one of the pipeline's components."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f'{name}{{label="{label}"'))


def _gate(container: dict[str, Any], listens: int, broker: int) -> list[str]:
    """Return the command of the gate, between two ports of this machine."""
    shell, option, script = container["command"]
    script, moved = re.subn(r"\bnc [a-z][\w.-]+ \d+", f"nc 127.0.0.1 {broker}", script)
    assert moved == 1
    return ["busybox", shell, option, script.replace("-p 1883", f"-p {listens}")]


class Around:
    """Mosquitto and Kafka, and bridges between them."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder, self.program = folder, program
        self.mqtt = Mosquitto(folder)
        self.kafka = KafkaServer(folder)

    @contextlib.contextmanager
    def bridge(self, name: str, wait: bool = True, **connector: Any) -> Iterator[Bridge]:
        """Run the bridge of an iot-broker, which reads what is below its name."""
        connector = {"kafkaTopic": name, "mqttTopic": f"{name}/#", **connector}
        properties = {"name": name, "connector": connector, "kafka": {"bootstrapServers": self.kafka.address}}
        with self._running("iot-broker", properties, wait) as bridge:
            yield bridge

    @contextlib.contextmanager
    def platforms(self, topics: dict[str, str]) -> Iterator[Bridge]:
        """Run the bridge of a platform."""
        with self._running("realtime-platform", {"name": "p", "mqttConfig": {"bridge": {"topics": topics}}}) as bridge:
            yield bridge

    @contextlib.contextmanager
    def _running(self, definition: str, properties: dict[str, Any], wait: bool = True) -> Iterator[Bridge]:
        case = fixtures.Case(definition, "bridge", self.folder, 1, properties)
        result = fixtures.render_package(LIBRARY, definition, case, "component")
        assert [problem.text for problem in result.problems] == []
        folder = self.folder / f"pod-{properties['name']}"
        folder.mkdir(exist_ok=True)
        bridge = Bridge(folder, self.program, self.mqtt, result.objects, self.kafka.address)
        bridge.start(wait)
        try:
            yield bridge
        finally:
            bridge.kill()


@pytest.fixture(scope="module")
def around(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Around]:
    require("mosquitto")
    around = Around(tmp_path_factory.mktemp("bridge"), bento)
    around.mqtt.start()
    around.kafka.start()
    yield around
    around.kafka.stop()
    around.mqtt.stop()


def _objects(case: fixtures.Case) -> dict[str, Any]:
    result = fixtures.render_package(LIBRARY, case.definition, case, "component")
    assert [problem.text for problem in result.problems] == []
    return result.objects


@pytest.mark.parametrize("case", BRIDGES, ids=lambda case: f"{case.definition}-{case.name}")
def test_bento_finds_no_fault_in_what_is_rendered(case: fixtures.Case, bento: Path, tmp_path: Path) -> None:
    objects = _objects(case)
    if "outputs.bridge" not in objects:
        assert "enabled: False" in str(case.properties).replace("'", "")
        return
    files = objects["outputs.bridge-config"]["data"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    command = [bento, "lint", "--deprecated", *(tmp_path / name for name in files)]
    done = subprocess.run(command, env=VARIABLES, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


PAYLOADS = {
    "object": b'{"a": 1}',
    "array": b"[20.5, 21, null]",
    "null": b"null",
    "empty": b"",
    "binary": bytes(range(256)),
    "spaces": b' { "a" :  1.50 }\n',
    "large": b"x" * 900_000,
}


def test_every_payload_arrives_byte_for_byte_with_its_mqtt_topic(around: Around) -> None:
    around.kafka.make("bytes")
    with around.bridge("bytes"):
        around.mqtt.publish([(f"bytes/{name}", payload) for name, payload in PAYLOADS.items()])
        records = around.kafka.records("bytes", len(PAYLOADS))
    assert {record.key.decode(): record.value for record in records} == {
        f"bytes/{name}": payload for name, payload in PAYLOADS.items()
    }
    assert [record.headers for record in records] == [(("mqtt_topic", record.key),) for record in records]


def test_properties_of_mqtt_5_do_not_arrive(around: Around) -> None:
    """Bento's client speaks MQTT 3.1.1, and the broker leaves out what that has no place for: docs/iot-broker.md."""
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    around.kafka.make("properties")
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    with around.bridge("properties"):
        client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        client.connect("127.0.0.1", around.mqtt.port)
        client.loop_start()
        client.publish("properties/x", b"here", 1, properties=properties).wait_for_publish(PATIENCE)
        client.disconnect()
        client.loop_stop()
        (record,) = around.kafka.records("properties", 1)
    assert (record.value, record.headers) == (b"here", (("mqtt_topic", b"properties/x"),))


KEYS = {
    b'{"device": {"id": "d1"}}': b"d1",
    b'{"device": {"id": 12345678901234567890}}': b"12345678901234567890",
    b'{"device": {"id": 1.50}, "more": [20.5, 21]}': b"1.50",
    b'{"device": {"id": true}}': b"true",
    b'{"device": {"id": ""}}': b"",
    # None of the following has it: the MQTT topic is the key.
    b'{"device": {"id": null}}': b"keys/x",
    b'{"device": {"id": ["d1"]}}': b"keys/x",
    b'{"device.id": "d1"}': b"keys/x",
    b'["device"]': b"keys/x",
    b"null": b"keys/x",
    b"21.5 C": b"keys/x",
    b"": b"keys/x",
}
"""Payload to key, for the key field ``device.id``."""


def test_a_field_of_the_payload_is_the_key(around: Around) -> None:
    around.kafka.make("keys")
    with around.bridge("keys", keyField="device.id"):
        around.mqtt.publish([("keys/x", payload) for payload in KEYS])
        records = around.kafka.records("keys", len(KEYS))
    assert {record.value: record.key for record in records} == KEYS


@pytest.mark.parametrize(
    "field", ["ttl", "properties", "device id", 'a"b', "a\\b", "a~b", "${HOME}", "${! content() }", "é", "it's"]
)
def test_any_name_of_a_field_serves(around: Around, field: str, request: pytest.FixtureRequest) -> None:
    """Words of other languages, quotes, and what Bento would replace."""
    import json

    name = f"field{request.node.callspec.indices['field']}"
    around.kafka.make(name)
    with around.bridge(name, keyField=field):
        around.mqtt.publish([(f"{name}/x", json.dumps({field: "found"}).encode())])
        assert [record.key for record in around.kafka.records(name, 1)] == [b"found"]


GOOD, NO_KEY, LARGE = b'{"id": "1"}', b"no json", b'{"id": "3"}' + b" " * 1_100_000
NEXT, LAST = b'{"id": "4"}', b'{"id": "5"}'

POLICIES = {
    # Kafka takes a megabyte by default: it can never take the third.
    "RETRY": ([GOOD, NO_KEY, NEXT], []),
    "NOOP": ([GOOD, NO_KEY, NEXT, LAST], []),
    "DROP": ([GOOD, NEXT, LAST], []),
    "THROW": ([GOOD], []),
    "DEAD_LETTER": ([GOOD, NEXT, LAST], [NO_KEY, LARGE]),
}
"""Policy to what is in the topic, and in that of dead letters."""


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_does_what_its_name_says(around: Around, policy: str) -> None:
    expected, dead = POLICIES[policy]
    name = f"policy-{policy.lower().replace('_', '-')}"
    around.kafka.make(name, f"{name}-dead-letter")
    around.kafka.configure(f"{name}-dead-letter", max_message_bytes="20971520")
    with around.bridge(name, keyField="id", errorPolicy=policy) as bridge:
        for payload in (GOOD, NO_KEY, LARGE, NEXT, LAST):
            around.mqtt.publish([(f"{name}/x", payload)])
            # Where the bridge waits at a message, the one behind it may pass, and no other.
            time.sleep(3)
        # One more than there should be: nothing else may come.
        found = around.kafka.records(name, len(expected) + 1, 15)
        assert [record.value for record in found] == expected
        letters = around.kafka.records(f"{name}-dead-letter", len(dead) + 1, 10)
        assert [record.value for record in letters] == dead
        assert [dict(record.headers)["mqtt_topic"] for record in letters] == [f"{name}/x".encode()] * len(dead)
        reasons = [dict(record.headers)["fallback_error"].decode() for record in letters]
        assert all(word in reason for word, reason in zip(("JSON", "MESSAGE_TOO_LARGE"), reasons, strict=False))
        assert bridge.metric("output_sent", "left_out") == {"NOOP": 1, "DROP": 2}.get(policy, 0)
        assert bridge.metric("output_sent", "dead_letters") == len(dead)
        assert (bridge.says("/ping"), bridge.says("/ready")) == (200, 200)
        if policy == "RETRY":
            # It waits until Kafka takes it.
            around.kafka.configure(name, max_message_bytes="2000000")
            values = [record.value for record in around.kafka.records(name, 5)]
            assert values == [GOOD, NO_KEY, NEXT, LARGE, LAST]


def test_a_topic_that_is_missing_is_waited_for_even_when_errors_are_dropped(around: Around) -> None:
    with around.bridge("late", errorPolicy="DROP"):
        around.mqtt.publish([("late/x", b"1")])
        time.sleep(8)
        around.kafka.make("late")
        assert [record.value for record in around.kafka.records("late", 1)] == [b"1"]


def test_filters_go_to_the_topic_of_each(around: Around) -> None:
    around.kafka.make("everything", "alarms", "shared")
    topics = {"plant/#": "everything", "plant/+/alarm": "alarms", "$share/group/plant/hall 1/#": "shared"}
    sent = [
        ("plant/hall 1/alarm", b"1"),
        ("plant/2/alarm", b"2"),
        ("plant/2/alarm/test", b"3"),
        ("other/2/alarm", b"4"),
    ]
    with around.platforms(topics):
        around.mqtt.publish(sent)
        found = {
            topic: sorted(record.value for record in around.kafka.records(topic, count))
            for topic, count in {"everything": 3, "alarms": 2, "shared": 1}.items()
        }
    assert found == {"everything": [b"1", b"2", b"3"], "alarms": [b"1", b"2"], "shared": [b"1"]}


def test_while_kafka_is_away_everything_waits(around: Around) -> None:
    around.kafka.make("away")
    messages = [("away/x", b"%d" % number) for number in range(600)]
    with around.bridge("away", errorPolicy="DROP") as bridge:
        around.mqtt.publish(messages[:200])
        assert len(around.kafka.records("away", 200)) >= 200
        around.kafka.freeze()
        around.mqtt.publish(messages[200:400])
        time.sleep(20)
        assert (bridge.says("/ping"), bridge.says("/ready")) == (200, 200)
        around.kafka.stop()
        time.sleep(5)
        around.kafka.start()
        around.mqtt.publish(messages[400:])
        _all_arrive(around, "away", 600)
        assert bridge.metric("output_sent", "left_out") == 0


def _all_arrive(around: Around, topic: str, count: int, *, ordered: bool = True) -> None:
    """Check that every number is there, and first seen in order: a message may come again, none may be missing."""
    end = time.monotonic() + 2 * PATIENCE
    while len(set(numbers := [int(record.value) for record in around.kafka.records(topic, count, 10)])) < count:
        assert time.monotonic() < end, f"{count - len(set(numbers))} of {count} are missing"
    assert sorted(set(numbers)) == list(range(count))
    assert not ordered or list(dict.fromkeys(numbers)) == list(range(count))


def test_while_mqtt_is_away_the_bridge_lives_and_is_not_ready(around: Around) -> None:
    around.kafka.make("back")
    with around.bridge("back") as bridge:
        around.mqtt.stop()
        wait_until(lambda: bridge.says("/ready") == 503, PATIENCE)
        assert bridge.says("/ping") == 200
        around.mqtt.start()
        wait_until(lambda: bridge.says("/ready") == 200, PATIENCE)
        around.mqtt.publish([("back/x", b"0")])
        _all_arrive(around, "back", 1)


def test_it_starts_without_mqtt_and_without_kafka(around: Around) -> None:
    around.kafka.make("start")
    around.kafka.stop()
    around.mqtt.stop()
    with around.bridge("start", wait=False) as bridge:
        wait_until(lambda: bridge.says("/ping") == 200, PATIENCE)
        time.sleep(3)
        assert (bridge.running.poll(), bridge.says("/ready")) == (None, 503)
        around.mqtt.start()
        wait_until(lambda: bridge.says("/ready") == 200, PATIENCE)
        around.kafka.start()
        time.sleep(1)
        around.mqtt.publish([("start/x", b"0")])
        _all_arrive(around, "start", 1)


def test_a_stop_under_load_loses_nothing(around: Around) -> None:
    around.kafka.make("stop")
    messages = [("stop/x", b"%d" % number) for number in range(6000)]
    with around.bridge("stop") as bridge:
        for first in (0, 2000, 4000):
            publishing = threading.Thread(target=around.mqtt.publish, args=(messages[first : first + 2000],))
            publishing.start()
            wait_until(lambda: bridge.metric("input_received", "mqtt") > 0, PATIENCE)
            assert bridge.stop() == 0
            bridge.start()
            publishing.join()
        # What a stop left unwritten comes again, after newer messages perhaps.
        _all_arrive(around, "stop", len(messages), ordered=False)


def test_a_stop_waits_for_a_kafka_that_is_slow(around: Around) -> None:
    """What Bento has read is acknowledged, whether it is written or waits for what is before it."""
    around.kafka.make("slow")
    messages = [("slow/x", b"%d" % number) for number in range(50)]
    with around.bridge("slow") as bridge:
        around.mqtt.publish(messages[:10])
        assert len(around.kafka.records("slow", 10)) == 10
        around.kafka.freeze()
        # A batch ends after 5 ms: apart, they are more batches than Bento holds.
        for message in messages[10:]:
            around.mqtt.publish([message])
        wait_until(lambda: bridge.metric("input_received", "mqtt") > 10, PATIENCE)
        thawing = threading.Timer(12, around.kafka.thaw)
        thawing.start()
        assert bridge.stop() == 0
        thawing.join()
        bridge.start()
        _all_arrive(around, "slow", len(messages))


def _receive(connection: socket.socket, count: int) -> bytes:
    """Return so many bytes, or what came before the end. MSG_WAITALL does not wait on a socket with a timeout."""
    received = b""
    while len(received) < count and (more := connection.recv(count - len(received))):
        received += more
    return received


CONNACK, SUBACK, WAITING = b"\x20\x02\x01\x00", b"\x90\x03\x00\x01\x01", b"\x32\x09\x00\x03a/b\x00\x0142"
"""MQTT 3.1.1: a session is there; a subscription is; a message of QoS 1 that waited for the session."""


def test_what_waited_comes_only_after_the_client_can_have_subscribed(tmp_path: Path) -> None:
    """A broker sends it right behind CONNACK, and Bento does not acknowledge what comes before it has subscribed.

    Twenty such messages, and Mosquitto sends nothing more (https://github.com/eclipse-paho/paho.mqtt.golang/issues/637).
    """
    case = fixtures.Case("iot-broker", "gate", tmp_path, 1, {"name": "x", "connector": {}})
    gate = _objects(case)["outputs.bridge"]["spec"]["template"]["spec"]["containers"][1]
    listens, over = free_port(), tmp_path / "over"
    # The gate's second is over when the test says so.
    (tmp_path / "sleep").write_text(f"#!/bin/sh\nuntil [ -e {over} ]; do /bin/sleep 0.1; done\n")
    (tmp_path / "sleep").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{busybox_tools()}:/usr/bin:/bin"}
    with socket.create_server(("127.0.0.1", 0)) as broker:
        running = subprocess.Popen(_gate(gate, listens, broker.getsockname()[1]), env=env, start_new_session=True)
        try:
            wait_until(lambda: _listens(listens), PATIENCE)
            with socket.create_connection(("127.0.0.1", listens), PATIENCE) as client:
                broker.settimeout(PATIENCE)
                server, _ = broker.accept()
                server.settimeout(PATIENCE)
                with server:
                    server.sendall(CONNACK + WAITING)
                    assert _receive(client, 4) == CONNACK
                    assert select.select([client], [], [], 0.5)[0] == [], "more than CONNACK"
                    client.sendall(b"\x82\x00")
                    assert _receive(server, 2) == b"\x82\x00"
                    over.touch()
                    server.sendall(SUBACK)
                    rest = WAITING + SUBACK
                    assert _receive(client, len(rest)) == rest
                assert client.recv(1) == b"", "the broker's end is the client's"
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def _listens(port: int) -> bool:
    """Tell whether a port is listened on, without connecting: the gate would connect to the broker."""
    sockets = [Path("/proc/net", name).read_text() for name in ("tcp", "tcp6")]
    return bool(re.search(rf":{port:04X} 0+:0000 0A", "".join(sockets)))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafkaServer]:
    """Return a Kafka of somebody else's, with users and TLS."""
    kafka = SecuredKafkaServer(tmp_path_factory.mktemp("secured"))
    kafka.start()
    yield kafka
    kafka.stop()


@pytest.mark.parametrize(
    ("mechanism", "user"), [("SCRAM-SHA-512", "orders"), ("SCRAM-SHA-256", "orders"), ("PLAIN", "plain")]
)
def test_the_bridge_signs_in_to_a_foreign_kafka(
    around: Around, secured: SecuredKafkaServer, bento: Path, tmp_path: Path, mechanism: str, user: str
) -> None:
    topic = f"from-{mechanism}"
    secured.make(topic)
    foreign = {
        "bootstrapServers": secured.address,
        "securityProtocol": "SASL_SSL",
        "sasl": {"mechanism": mechanism, "secretRef": "kafka-user"},
        "tls": {"caSecret": "kafka-ca"},
    }
    connector = {"kafkaTopic": topic, "mqttTopic": f"{topic}/#"}
    case = fixtures.Case("iot-broker", "foreign", tmp_path, 1, {"name": "b", "connector": connector, "kafka": foreign})
    bridge = Bridge(tmp_path, bento, around.mqtt, _objects(case))
    (tmp_path / "ca.crt").write_text(secured.authority.read_text())
    variables = {variable["name"]: variable.get("valueFrom", {}) for variable in bridge.bento["env"]}
    for name, key, value in (("USERNAME", "username", user), ("PASSWORD", "password", secured.PASSWORD)):
        assert variables[f"KAFKA_SASL_{name}"] == {"secretKeyRef": {"name": "kafka-user", "key": key}}
        bridge.env[f"KAFKA_SASL_{name}"] = value
    bridge.start()
    try:
        around.mqtt.publish([(f"{topic}/a", b"in")])
        assert [record.value for record in secured.records(topic, 1)] == [b"in"]
    finally:
        bridge.kill()
