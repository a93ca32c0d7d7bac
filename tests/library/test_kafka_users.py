"""A platform's own Kafka with users: who signs in may do what its part must, and nothing else; nobody else gets in.

The broker, Connect and Kafka's command line are Kafka 4.3.1 itself, with the files that a platform renders.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import connect_worker, kafka_jars
from tests.support.connect_worker import STRINGS, asked, lines_source
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import Script, busybox_tools, succeeded, wait_until
from tests.support.kafka_server import KafkaServer
from vela_realtime.library import find, fixtures

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from pathlib import Path

pytest.importorskip("aiokafka", reason="needs Python 3.11")

LIBRARY = find()

USERS = ("bridge", "clients", "connect", "kafka-exporter", "lenses-agent", "linked", "schema-registry")

ACLS = "org.apache.kafka.tools.AclCommand"
CONFIGS = "kafka.admin.ConfigCommand"
TOPICS = "org.apache.kafka.tools.TopicCommand"


def rendered(**properties: Any) -> dict[str, Any]:
    """Return the objects of a platform whose Kafka has users."""
    kafka = {"topics": ["orders"], "authentication": "scram", **properties.pop("kafkaConfig", {})}
    return objects_of(
        fixtures.Case("realtime-platform", "users", LIBRARY.root, 1, {"name": "p", "kafkaConfig": kafka, **properties})
    )


def objects_of(case: fixtures.Case) -> dict[str, Any]:
    """Return what a component renders."""
    result = fixtures.render_package(LIBRARY, case.definition, case, "component")
    assert [problem.text for problem in result.problems] == []
    return {key.removeprefix("outputs."): item for key, item in result.objects.items()}


def decoded(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


class OwnKafka(KafkaServer):
    """A broker of a platform as its pod runs it, but for addresses. Clients come to ``port``, brokers to ``inner``."""

    parameters: dict[str, Any] = {}  # noqa: RUF012 what the platform is given beside

    def __init__(self, folder: Path, authentication: str = "scram") -> None:
        self.authentication, self.inner, self.controller = authentication, free_port(), 0
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)

    def properties(self, controller: int) -> str:
        """Return its configuration: the file, and what the pod's variables make of it."""
        self.controller = controller
        objects = rendered(**self.parameters, kafkaConfig={"authentication": self.authentication})
        (container,) = objects["output"]["spec"]["template"]["spec"]["containers"]
        env = {item["name"]: item.get("value", "") for item in container["env"]}
        listeners = f"INTERNAL://127.0.0.1:{self.inner if 'BROKER_PORT' in env else self.port}"
        if "CLIENTS_PORT" in env:
            assert (env["BROKER_PORT"], env["CLIENTS_PORT"]) == ("9091", "9092")
            listeners += f",CLIENTS://127.0.0.1:{self.port}"
        lines = [
            line
            for line in objects["kafka-config"]["data"]["server.properties"].splitlines()
            if line.split("=")[0] not in ("log.dirs", "controller.quorum.voters")
        ]
        lines += [
            "process.roles=broker,controller",
            "node.id=0",
            f"controller.quorum.voters=0@127.0.0.1:{controller}",
            f"listeners={listeners},CONTROLLER://127.0.0.1:{controller}",
            f"advertised.listeners={listeners}",
            f"log.dirs={self.folder}/data",
        ]
        return "\n".join(lines) + "\n"

    def secure(self) -> None:
        """Give it the file of a platform with users, for the next start."""
        self.authentication = "scram"
        self.file.write_text(self.properties(self.controller))

    def sign_in(self, user: str, password: str | None = None) -> dict[str, str]:
        """Return how a client of a part signs in."""
        return {
            "bootstrap_servers": self.address,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": f"p.{user}",
            "sasl_plain_password": f"secret-{user}" if password is None else password,
        }


class Job:
    """The Job that keeps users and topics, as its pod runs it."""

    def __init__(self, folder: Path, kafka: OwnKafka, objects: dict[str, Any]) -> None:
        folder.mkdir(parents=True)
        (folder / "bin").mkdir()
        for name, main in (("acls", ACLS), ("configs", CONFIGS), ("topics", TOPICS)):
            program = folder / "bin" / f"kafka-{name}.sh"
            command = " ".join(f"'{word}'" for word in kafka_jars.java(main))
            program.write_text(f'#!/bin/bash\nexec {command} "$@"\n')
            program.chmod(0o755)
        for name, text in objects["kafka-topics-config"]["data"].items():
            (folder / name).write_text(text)
        spec = objects["kafka-topics"]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        (mounted,) = (volume for volume in spec["volumes"] if volume["name"] == "users")
        self.users = set()
        (folder / "users").mkdir()
        for source in mounted["projected"]["sources"]:
            (item,) = source["secret"]["items"]
            user = item["path"].removeprefix("p.")
            kept = (
                (f"p-{user}", "KAFKA_SASL_PASSWORD") if user.startswith("client-") else (f"p-kafka-{user}", "password")
            )
            assert (source["secret"]["name"], item["key"]) == kept
            (folder / "users" / item["path"]).write_text(f"secret-{user}")
            self.users.add(user)
        env = {item["name"]: item["value"].replace("/etc/vela-realtime", str(folder)) for item in container["env"]}
        assert env["BOOTSTRAP_SERVERS"] == "p-kafka.default.svc.cluster.local:9091"
        env |= {
            "BOOTSTRAP_SERVERS": f"127.0.0.1:{kafka.inner}",
            "USERS_DIR": str(folder / "users"),
            "KAFKA_BIN": str(folder / "bin"),
            "LOG_DIR": str(folder),
            "POLL_SECONDS": "0.5",
        }
        self.script = Script("kafka-users.sh", "bash", env, path=busybox_tools())
        self.script.argv = [word.replace("/etc/vela-realtime", str(folder)) for word in container["command"]]

    def run(self) -> list[str]:
        return succeeded(self.script.run(timeout=900))


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnKafka]:
    server = OwnKafka(tmp_path_factory.mktemp("own"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def job(kafka: OwnKafka, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """The Job of the smallest such platform, which has been run."""
    job = Job(tmp_path_factory.mktemp("job") / "1", kafka, rendered())
    lines = job.run()
    assert "all users are as declared" in lines
    assert lines[-1] == "all topics are as declared"
    return job


def done(work: Coroutine[Any, Any, Any]) -> str:
    """Return how it ends: "done", or the error's name."""
    try:
        asyncio.run(asyncio.wait_for(work, 60))
    except Exception as error:
        return type(error).__name__
    return "done"


async def write(how: dict[str, str], topic: str) -> None:
    from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

    producer = AIOKafkaProducer(**how, request_timeout_ms=20000)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"x")
    finally:
        await producer.stop()


async def read(how: dict[str, str], topic: str, group: str | None = None) -> None:
    from aiokafka import AIOKafkaConsumer, TopicPartition

    consumer = AIOKafkaConsumer(**how, group_id=group, auto_offset_reset="earliest", request_timeout_ms=20000)
    try:
        await consumer.start()
        if group is None:
            consumer.assign([TopicPartition(topic, 0)])
        else:
            consumer.subscribe([topic])
        await consumer.getmany(timeout_ms=3000)
        if group is not None:
            await consumer.commit()
    finally:
        await consumer.stop()


async def create(how: dict[str, str], topic: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
    from aiokafka.errors import for_code  # type: ignore[import-untyped]

    admin = AIOKafkaAdminClient(**how)
    try:
        await admin.start()
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        for _, code, *_ in answer.topic_errors:
            if code:
                raise for_code(code)
    finally:
        await admin.close()


FORBIDDEN = "TopicAuthorizationFailedError"
NO_GROUP = "GroupAuthorizationFailedError"
REFUSED = ("KafkaConnectionError", "TimeoutError")

MAY = [
    ("bridge", write, "mqtt", (), "done"),
    ("bridge", write, "orders", (), FORBIDDEN),
    ("bridge", read, "mqtt", ("bridge",), NO_GROUP),
    ("clients", write, "orders", (), "done"),
    ("clients", read, "orders", ("orders-service",), "done"),
    ("clients", read, "mqtt", ("orders-service",), "done"),
    ("clients", read, "orders", ("p-connect",), NO_GROUP),
    ("clients", read, "orders", ("connect-sink",), NO_GROUP),
    ("clients", write, "undeclared", (), FORBIDDEN),
    ("clients", create, "of-a-client", (), FORBIDDEN),
    ("connect", create, "_p-dead-letters", (), "done"),
    ("connect", write, "_p-dead-letters", (), "done"),
    ("connect", read, "orders", ("connect-sink",), "done"),
    ("connect", read, "orders", ("p-connect",), "done"),
    ("connect", read, "orders", ("orders-service",), NO_GROUP),
    ("connect", write, "undeclared", (), FORBIDDEN),
    ("connect", create, "elsewhere", (), FORBIDDEN),
    ("schema-registry", create, "_schemas", (), "done"),
    ("schema-registry", write, "_schemas", (), "done"),
    ("schema-registry", read, "_schemas", ("karapace-autogenerated-1",), "done"),
    ("schema-registry", write, "orders", (), FORBIDDEN),
    ("schema-registry", read, "_schemas", ("p-connect",), NO_GROUP),
    ("kafka-exporter", create, "_kminion-end-to-end", (), "done"),
    ("kafka-exporter", write, "_kminion-end-to-end", (), "done"),
    ("kafka-exporter", read, "_kminion-end-to-end", ("kminion-end-to-end-1",), "done"),
    ("kafka-exporter", write, "orders", (), FORBIDDEN),
    ("lenses-agent", read, "orders", ("lenses",), "done"),
    ("lenses-agent", create, "of-lenses", (), "done"),
    ("linked", create, "of-a-dashboard", (), "done"),
    ("linked", write, "orders", (), "done"),
]


@pytest.mark.parametrize(("user", "work", "topic", "more", "ends"), MAY)
def test_each_part_may_do_what_it_must_and_nothing_else(
    kafka: OwnKafka, job: Job, user: str, work: Any, topic: str, more: tuple[str, ...], ends: str
) -> None:
    assert user in job.users
    assert done(work(kafka.sign_in(user), topic, *more)) == ends


@pytest.mark.parametrize("user", ["linked", "lenses-agent", "kafka-exporter"])
def test_no_user_makes_users_or_rights(kafka: OwnKafka, job: Job, tmp_path: Path, user: str) -> None:
    settings = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="p.{user}" password="secret-{user}";',
    }
    (tmp_path / "client").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    to = ["--bootstrap-server", kafka.address, "--command-config", str(tmp_path / "client")]
    right = ["--add", "--allow-principal", f"User:p.{user}", "--operation", "ALL", "--cluster"]
    password = [
        "--alter",
        "--entity-type",
        "users",
        "--entity-name",
        "me",
        "--add-config",
        "SCRAM-SHA-512=[password=x]",
    ]
    for main, arguments in ((ACLS, right), (CONFIGS, password)):
        ended = subprocess.run(kafka_jars.java(main, *to, *arguments), capture_output=True, text=True, check=False)
        assert "ClusterAuthorizationException" in ended.stdout + ended.stderr, main


def test_who_does_not_sign_in_gets_nothing(kafka: OwnKafka, job: Job) -> None:
    assert done(write(kafka.sign_in("clients", "guessed"), "orders")) in REFUSED
    assert done(write(kafka.sign_in("ANONYMOUS", ""), "orders")) in REFUSED
    assert done(write({"bootstrap_servers": kafka.address}, "orders")) in REFUSED
    assert done(write(kafka.sign_in("clients"), "orders")) == "done"


def test_connect_signs_in_by_its_files(kafka: OwnKafka, job: Job, tmp_path: Path) -> None:
    secrets, port = tmp_path / "kafka-access", free_port()
    secrets.mkdir()
    (secrets / "username").write_text(decoded(rendered()["kafka-connect"])["username"])
    (secrets / "password").write_text("secret-connect")
    (tmp_path / "secrets").mkdir()
    text = rendered()["connect-config"]["data"]["connect-distributed.properties"]
    for old, new in {
        "/etc/kafka-access": secrets,
        "/etc/connect/secrets": tmp_path / "secrets",
        "/opt/connectors": tmp_path,
        "http://:8083": f"http://127.0.0.1:{port}",
        "p-kafka.default.svc.cluster.local:9092": kafka.address,
    }.items():
        assert old in text, old
        text = text.replace(old, str(new))
    (tmp_path / "connect.properties").write_text(text)
    (tmp_path / "lines").write_text("one\ntwo\n")
    with connect_worker.running(tmp_path / "connect.properties", port):
        config = {**lines_source(tmp_path / "lines", "orders"), **STRINGS}
        # It is another moment until the worker has read its topics.
        wait_until(lambda: asked(port, "/connectors/lines/config", config) in (200, 201), 120)
        kafka.security = {key: value for key, value in kafka.sign_in("clients").items() if key != "bootstrap_servers"}
        wait_until(lambda: {b"one", b"two"} <= {record.value for record in kafka.records("orders", 100, 5)}, 120)


def test_the_job_changes_nothing_the_second_time_and_takes_away_what_is_declared_no_more(
    kafka: OwnKafka, job: Job, tmp_path: Path
) -> None:
    to = ["--bootstrap-server", f"127.0.0.1:{kafka.inner}"]
    mine = ["--add", "--allow-principal", "User:mine", "--operation", "READ", "--topic", "orders"]
    assert subprocess.run(kafka_jars.java(ACLS, *to, *mine), capture_output=True, check=False).returncode == 0

    assert job.run() == ["all users are as declared", "all topics are as declared"]

    assert done(write(kafka.sign_in("bridge"), "mqtt")) == "done"
    lines = Job(tmp_path / "2", kafka, rendered(iot=False)).run()
    assert sorted(lines) == sorted(
        [
            "p.bridge WRITE topic=mqtt: remove",
            *(f"p.{user} {what} topic=mqtt: remove" for user in ("clients", "connect") for what in ("READ", "WRITE")),
            "p.bridge: withdrawn",
            "all users are as declared",
            "all topics are as declared",
        ]
    )
    assert done(write(kafka.sign_in("bridge"), "mqtt")) in REFUSED
    assert done(write(kafka.sign_in("clients"), "mqtt")) == FORBIDDEN
    said = subprocess.run(kafka_jars.java(ACLS, *to, "--list"), capture_output=True, text=True, check=True).stdout
    assert said.count("User:mine") == 1
    assert "User:p.bridge" not in said


def test_switched_on_for_a_broker_that_runs_no_record_is_lost(tmp_path: Path) -> None:
    """Each record is sent until it is acknowledged, as clients do, by whoever signs in at the time."""
    kafka = OwnKafka(tmp_path / "broker", "none")
    kafka.start()
    try:
        kafka.make("orders")
        sent, stop, how = [], threading.Event(), [{"bootstrap_servers": kafka.address}]

        async def send() -> None:
            from aiokafka import AIOKafkaProducer
            from aiokafka.errors import KafkaError

            number = 0
            while not stop.is_set():
                producer = AIOKafkaProducer(**how[0], request_timeout_ms=5000)
                try:
                    await producer.start()
                    while not stop.is_set():
                        await producer.send_and_wait("orders", str(number).encode())
                        sent.append(number)
                        number += 1
                except KafkaError:
                    await asyncio.sleep(0.2)
                finally:
                    await producer.stop()

        writer = threading.Thread(target=lambda: asyncio.run(send()))
        writer.start()
        wait_until(lambda: len(sent) > 200, 60)
        kafka.stop()
        kafka.secure()
        kafka.start()
        before = len(sent)
        Job(tmp_path / "job", kafka, rendered(iot=False, metrics={"enabled": False})).run()
        assert len(sent) == before, "who does not sign in wrote"
        how[0] = kafka.sign_in("clients")
        wait_until(lambda: len(sent) > before + 200, 60)
        stop.set()
        writer.join(60)
        kafka.security = {key: value for key, value in how[0].items() if key != "bootstrap_servers"}
        found = {int(record.value) for record in kafka.records("orders", len(sent))}
        assert found >= set(sent)
        assert sent == list(range(len(sent)))
    finally:
        stop.set()
        kafka.stop()


def test_every_part_has_a_user_of_its_own_and_services_have_theirs_in_the_secret() -> None:
    objects = rendered()
    for user in USERS:
        assert decoded(objects[f"kafka-{user}"]) == {"username": f"p.{user}"}
    for part in set(USERS) - {"clients", "linked"}:
        volumes = objects[part]["spec"]["template"]["spec"]["volumes"]
        (sources,) = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "kafka-access"]
        assert [source["secret"]["name"] for source in sources] == [f"p-kafka-{part}"], part
    assert {key: value for key, value in decoded(objects["kafka-secret"]).items() if "SCHEMA" not in key} == {
        "KAFKA_BOOTSTRAP_SERVERS": "p-kafka.default.svc.cluster.local:9092",
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    }
    made = objects["credentials-config"]["data"]["passwords"].splitlines()
    assert [line for line in made if "kafka" in line] == [
        "p-kafka-bridge password",
        "p-kafka-clients password",
        "p-kafka-connect password",
        "p-kafka-kafka-exporter password",
        "p-kafka-lenses-agent password",
        "p-kafka-linked password",
        "p-kafka-schema-registry password",
        "p-kafka-secret KAFKA_SASL_PASSWORD from p-kafka-clients password",
        "p-kafka-secret KAFKA_SASL_USERNAME from p-kafka-clients username",
    ]


def test_only_brokers_and_the_job_reach_the_port_where_nobody_signs_in() -> None:
    objects = rendered()
    ingress = objects["network-kafka"]["spec"]["ingress"]
    who = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in ingress
        if {"protocol": "TCP", "port": 9091} in rule["ports"]
        for peer in rule["from"]
    }
    assert who == {"kafka", "kafka-topics"}


@pytest.mark.parametrize(
    ("definition", "name", "parts"),
    [
        ("stream-processor", "users-of-a-siblings-kafka-for-a-lenses-of-its-own", ["kafka-topics"]),
        ("iot-broker", "sibling-platform-whose-kafka-has-users", ["bridge", "kafka-topics"]),
        ("analytics-dashboard", "sibling-platform-whose-kafka-has-users", ["connect"]),
    ],
)
def test_what_stands_beside_it_signs_in_and_waits_for_new_passwords(
    definition: str, name: str, parts: list[str]
) -> None:
    (case,) = (case for case in fixtures.load(LIBRARY, definition) if case.name == name)
    objects = objects_of(case)
    for part in parts:
        volumes = objects[part]["spec"]["template"]["spec"]["volumes"]
        (sources,) = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "kafka-access"]
        (secret,) = [source["secret"] for source in sources]
        assert secret["name"] == "core-kafka-linked"
        assert [item["key"] for item in secret["items"]] == ["username", "password", ".rotation-2"]


def test_new_passwords_are_known_to_kafka_and_to_who_signs_in() -> None:
    objects = rendered(credentials={"rotation": 1})
    for part in ("kafka-topics", "connect", "bridge"):
        items = json.dumps(objects[part]["spec"]["template"]["spec"]["volumes"])
        assert ".rotation-1" in items, part
    made = objects["credentials-config"]["data"]["passwords"].splitlines()
    assert "p-kafka-connect .rotation-1" in made
    assert "p-kafka-secret .rotation-1" in made
    assert "p-kafka-connect password" in made


def test_without_it_nothing_of_it_is_there() -> None:
    text = json.dumps(rendered(kafkaConfig={"authentication": "none"}))
    for word in ("SCRAM", "9091", "kafka-users", "StandardAuthorizer", "kafka-access"):
        assert word not in text, word
