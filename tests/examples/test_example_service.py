"""The example service, with a real Mosquitto: what it does with what the realtime trait gives it.

Kafka is played here; the tests with real pods run the service against a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if sys.version_info < (3, 11):
    pytest.skip("the service's packages need Python 3.11", allow_module_level=True)

from tests.support.applications import COMPONENTS, LIBRARY, by_component, container, definitions, environment, files
from tests.support.doubles.ports import free_port
from tests.support.mqtt_broker import Broker, until
from vela_realtime.check.load import load
from vela_realtime.kubevela import dryrun

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = LIBRARY.root
SERVICE = ROOT / "examples" / "service"
sys.path.insert(0, str(SERVICE))
settings = importlib.import_module("realtime_service.settings")
hub_module = importlib.import_module("realtime_service.hub")
kafka_module = importlib.import_module("realtime_service.kafka")
mqtt_module = importlib.import_module("realtime_service.mqtt")
app_module = importlib.import_module("realtime_service.app")


# a real broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.start()
    yield broker
    broker.stop()


# a Kafka that is played


class Record:
    def __init__(self, topic: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        self.topic = topic
        self.value = value
        self.headers = headers


class Kafka:
    """Consumer and producer of one topic in memory, with the client library's own calls."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes]] = []
        self.consumers: list[dict[str, Any]] = []
        self.stopped = 0
        self.refusals = 0
        self.records: asyncio.Queue[Record] | None = None

    def consumer(self, *topics: str, **options: Any) -> Any:
        kafka = self
        self.consumers.append({"topics": topics, **options})

        class Consumer:
            async def start(self) -> None:
                kafka.records = asyncio.Queue()

            async def stop(self) -> None:
                kafka.stopped += 1

            def __aiter__(self) -> Any:
                return self

            async def __anext__(self) -> Record:
                assert kafka.records is not None
                return await kafka.records.get()

        return Consumer()

    def producer(self, **options: Any) -> Any:
        kafka = self
        assert options["acks"] == "all"

        class Producer:
            async def start(self) -> None:
                if kafka.refusals:
                    kafka.refusals -= 1
                    raise kafka_module.KafkaError("no broker answers")

            async def stop(self) -> None:
                kafka.stopped += 1

            async def send_and_wait(self, topic: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
                kafka.written.append((topic, value))
                assert kafka.records is not None
                kafka.records.put_nowait(Record(topic, value, headers))

        return Producer()


def environ(tmp_path: Path, broker: Broker | None = None, **more: str) -> dict[str, str]:
    """Return variables as the trait sets them, with the addresses of this test."""
    found = {"REALTIME_FILES": str(tmp_path / "files"), **more}
    if broker is not None:
        found |= {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(broker.port), "MQTT_USER": "realtime-user"}
        found |= {"MQTT_PASSWORD": broker.password}
    return found


@contextlib.contextmanager
def client(environ: dict[str, str], kafka: Kafka | None = None) -> Iterator[Any]:
    """Run the service in this process."""
    from fastapi.testclient import TestClient

    read = settings.Settings.read(environ)
    hub = hub_module.Hub()
    link = None
    if kafka is not None:
        link = kafka_module.KafkaLink(read, hub, consumer=kafka.consumer, producer=kafka.producer)
    with TestClient(app_module.create(read, link, hub)) as found:
        yield found


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(kafka_module, "RETRY_SECONDS", 0.05)


KAFKA = {
    "KAFKA_BOOTSTRAP_SERVERS": "core-kafka:9092",
    "KAFKA_TOPICS": "events,results",
    "KAFKA_CONSUMER_GROUP": "shop",
    "KAFKA_AUTO_OFFSET_RESET": "earliest",
}


def state(found: Any) -> tuple[int, dict[str, str]]:
    answer = found.get("/ready")
    return answer.status_code, answer.json()


# settings


def test_settings_are_what_the_trait_gives(tmp_path: Path) -> None:
    more = {"KAFKA_ENABLE_AUTO_COMMIT": "false", "KAFKA_MAX_POLL_RECORDS": "100", "KAFKA_SESSION_TIMEOUT_MS": "45000"}
    read = settings.Settings.read({**KAFKA, **more, "PORT": "8080", "WEBSOCKET_PATH": "/live", "LOG_FORMAT": "json"})
    assert read.kafka.topics == ("events", "results")
    assert read.kafka.group == "shop"
    assert read.kafka.options == {
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "isolation_level": "read_uncommitted",
        "max_poll_records": 100,
        "session_timeout_ms": 45000,
    }
    assert (read.port, read.websocket_path, read.log_format, read.mqtt) == (8080, "/live", "json", None)


def test_the_options_are_ones_that_the_client_library_knows(tmp_path: Path) -> None:
    from inspect import signature

    from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]

    every = dict.fromkeys(settings._CONSUMER_NUMBERS, "1")
    options = settings.Settings.read({**KAFKA, **every}).kafka.options
    assert set(options) <= set(signature(AIOKafkaConsumer.__init__).parameters)


def test_how_the_service_signs_in_to_kafka(tmp_path: Path) -> None:
    """A Kafka that takes anyone is told nothing; another gets what the Secret of clients says."""
    hub = hub_module.Hub()
    assert kafka_module.KafkaLink(settings.Settings.read(KAFKA), hub)._security() == {}
    signed = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-256",
        "KAFKA_SASL_USERNAME": "orders",
        "KAFKA_SASL_PASSWORD": "old",
    }
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "KAFKA_SASL_PASSWORD").write_text("new")
    read = settings.Settings.read({**KAFKA, **signed, "REALTIME_FILES": str(tmp_path)})
    assert kafka_module.KafkaLink(read, hub)._security() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "orders",
        "sasl_plain_password": "new",
    }
    encrypted = settings.Settings.read({**KAFKA, "KAFKA_SECURITY_PROTOCOL": "SSL"})
    assert set(kafka_module.KafkaLink(encrypted, hub)._security()) == {"security_protocol", "ssl_context"}


def test_a_file_is_newer_than_the_variable(tmp_path: Path) -> None:
    read = settings.Settings.read({"REALTIME_FILES": str(tmp_path), "MQTT_PASSWORD": "old"})
    assert read.secret("mqtt", "MQTT_PASSWORD") == "old"
    (tmp_path / "mqtt").mkdir()
    (tmp_path / "mqtt" / "MQTT_PASSWORD").write_text("new")
    assert read.secret("mqtt", "MQTT_PASSWORD") == "new"


# the service


def test_without_a_platform_it_is_healthy_and_takes_nothing(tmp_path: Path) -> None:
    with client(environ(tmp_path)) as found:
        assert found.get("/health").json() == {"status": "ok"}
        assert state(found) == (200, {})
        assert found.post("/messages", json={"a": 1}).status_code == 503


def test_mqtt_messages_reach_the_websocket(tmp_path: Path, broker: Broker) -> None:
    with client(environ(tmp_path, broker)) as found:
        until(lambda: state(found) == (200, {"mqtt": "connected"}), "MQTT")
        with found.websocket_connect("/ws") as socket:
            assert socket.receive_json()["payload"] == "listening"
            assert broker.publish("events/door", "öffen").ok
            assert socket.receive_json() == {"source": "mqtt", "topic": "events/door", "payload": "öffen"}


def test_a_message_is_handed_to_mqtt(tmp_path: Path, broker: Broker) -> None:
    with client(environ(tmp_path, broker)) as found:
        until(lambda: state(found)[0] == 200, "MQTT")
        with broker.subscriber("events/accepted") as published:
            answer = found.post("/messages", json={"order": 7})
            assert (answer.status_code, answer.json()) == (202, {"mqtt": True})
            assert published.get(timeout=10) == '{"order": 7}'


def test_a_wrong_password_is_waited_out(tmp_path: Path, broker: Broker) -> None:
    variables = {**environ(tmp_path, broker), "MQTT_PASSWORD": "wrong"}
    with client(variables) as found:
        time.sleep(0.5)
        assert state(found) == (503, {"mqtt": "waiting"})
        assert found.get("/health").status_code == 200, "a restart would not mend it"
        assert found.post("/messages", json={}).status_code == 503
        folder = tmp_path / "files" / "mqtt"
        folder.mkdir(parents=True)
        (folder / "MQTT_PASSWORD").write_text(broker.password)
        until(lambda: state(found)[0] == 200, "the password in the file")


def test_a_changed_password_needs_no_restart(tmp_path: Path, broker: Broker) -> None:
    folder = tmp_path / "files" / "mqtt"
    folder.mkdir(parents=True)
    (folder / "MQTT_PASSWORD").write_text(broker.password)
    with client(environ(tmp_path, broker)) as found:
        until(lambda: state(found)[0] == 200, "MQTT")
        broker.set_password("second")
        (folder / "MQTT_PASSWORD").write_text("second")
        with broker.subscriber("events/accepted") as published:
            until(lambda: found.post("/messages", json={"n": 1}).status_code == 202, "MQTT with the new password")
            assert published.get(timeout=10) == '{"n": 1}'


def test_kafka_messages_reach_the_websocket(tmp_path: Path) -> None:
    kafka = Kafka()
    with client(environ(tmp_path, **KAFKA), kafka) as found:
        until(lambda: state(found) == (200, {"kafka": "connected"}), "Kafka")
        assert kafka.consumers[0]["topics"] == ("events", "results")
        assert kafka.consumers[0]["group_id"] == "shop"
        assert kafka.consumers[0]["auto_offset_reset"] == "earliest"
        with found.websocket_connect("/ws") as socket:
            socket.receive_json()
            assert found.post("/messages", json={"order": 7}).json() == {"kafka": True}
            assert socket.receive_json() == {"source": "kafka", "topic": "events", "payload": '{"order": 7}'}
    assert kafka.written == [("events", b'{"order": 7}')]
    assert kafka.stopped == 2, "consumer and producer say goodbye"


def test_kafka_that_is_away_is_waited_for(tmp_path: Path) -> None:
    kafka = Kafka()
    kafka.refusals = 3
    with client(environ(tmp_path, **KAFKA), kafka) as found:
        until(lambda: state(found)[0] == 200, "Kafka")
    assert kafka.refusals == 0


def test_without_topics_it_only_produces_and_takes_nothing_in(tmp_path: Path) -> None:
    kafka = Kafka()
    variables = {**environ(tmp_path, **KAFKA), "KAFKA_TOPICS": ""}
    with client(variables, kafka) as found:
        until(lambda: state(found) == (200, {"kafka": "connected"}), "Kafka")
        assert found.post("/messages", json={}).status_code == 503
    assert kafka.records is None


def test_a_listener_that_does_not_read_misses_the_oldest() -> None:
    hub = hub_module.Hub()

    async def scene() -> list[str]:
        with hub.listen() as queue:
            for number in range(hub_module.LIMIT + 5):
                hub.publish(hub_module.Message("kafka", "t", str(number)))
            return [queue.get_nowait().payload for _ in range(hub_module.LIMIT)]

    found = asyncio.run(scene())
    assert (found[0], found[-1]) == ("5", str(hub_module.LIMIT + 4))


# as a container, with nothing but what the trait injects


def rendered() -> dict[str, Any]:
    """Return the Deployment of the service's own Application."""
    (document,) = load([str(SERVICE / "application.yaml")]).applications
    outcome = dryrun.render(document, definitions(None, stand_ins=COMPONENTS))
    assert [finding.message for finding in outcome.findings] == []
    found: dict[str, Any] = by_component(outcome)["events"]["output"]
    return found


def test_it_runs_with_what_the_trait_injects(tmp_path: Path, broker: Broker) -> None:
    from websockets.sync.client import connect

    workload, port = rendered(), free_port()
    secrets = {
        "example-kafka-secret": {
            # No Kafka answers here: the service lives without, and says so.
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
            "KAFKA_SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
        },
        "example-mqtt-secret": {
            "MQTT_HOST": "127.0.0.1",
            "MQTT_PORT": str(broker.port),
            "MQTT_USER": "realtime-user",
            "MQTT_PASSWORD": broker.password,
        },
    }
    variables = {}
    for name, value in environment(workload).items():
        secret, _, key = value.partition("/")
        variables[name] = secrets[secret][key] if secret in secrets else value
    assert variables["PORT"] == "8000"
    variables |= {"PORT": str(port), "REALTIME_FILES": str(tmp_path / "files")}
    for path, secret in files(workload).items():
        folder = tmp_path / "files" / Path(path).relative_to("/etc/realtime")
        folder.mkdir(parents=True)
        for key, value in secrets[secret].items():
            (folder / key).write_text(value)

    log = (tmp_path / "service.log").open("w")
    with log:
        running = subprocess.Popen(
            [sys.executable, "-m", "realtime_service"], cwd=SERVICE, env=variables, stdout=log, stderr=log
        )
    try:
        probe = container(workload)["readinessProbe"]["httpGet"]["path"]

        def get(path: str) -> bytes:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as it,
            ):
                return bytes(it.read())
            return b""

        until(lambda: get(probe), "the service", 30)
        with connect(f"ws://127.0.0.1:{port}{variables['WEBSOCKET_PATH']}") as socket:
            assert json.loads(socket.recv(10))["payload"] == "listening"

            def arrives() -> Any:
                broker.publish("events/door", "open")
                with contextlib.suppress(TimeoutError):
                    return json.loads(socket.recv(0.5))
                return None

            assert until(arrives, "the message") == {"source": "mqtt", "topic": "events/door", "payload": "open"}
    finally:
        running.terminate()
        code = running.wait(30)
    lines = (tmp_path / "service.log").read_text().splitlines()
    assert code in {0, -15}, lines[-3:]
    entries = [json.loads(line) for line in lines]  # LOG_FORMAT is json
    assert any("mqtt: connected" in entry["message"] for entry in entries)


# what is shipped


def test_the_versions_are_those_that_are_tried() -> None:
    pinned = (SERVICE / "requirements.txt").read_text().split()
    project = (ROOT / "pyproject.toml").read_text()
    for pin in pinned:
        assert f'"{pin}; python_version' in project


def test_the_application_gives_the_service_all_it_reads() -> None:
    found = environment(rendered())
    assert {"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPICS", "KAFKA_CONSUMER_GROUP", "MQTT_HOST", "MQTT_PASSWORD"} <= set(
        found
    )
    assert found["WEBSOCKET_PATH"] == "/live"
    assert found["LOG_FORMAT"] == "json"
