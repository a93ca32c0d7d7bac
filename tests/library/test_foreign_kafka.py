"""A Kafka that is there already, with users and TLS: each client of a platform gets in by what is rendered.

The broker, Connect and Kafka's command line are Kafka 4.3.1 itself. Bento is tried in ``test_bridge.py``.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic import certificates
from tests.support import connect_worker, kafka_jars
from tests.support.connect_worker import STRINGS, asked, lines_source
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import Script, failed, succeeded
from tests.support.kafka_server import SecuredKafkaServer
from vela_realtime.library import find, fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("aiokafka", reason="needs Python 3.11")

LIBRARY = find()

MECHANISMS = {"SCRAM-SHA-512": "orders", "SCRAM-SHA-256": "orders", "PLAIN": "plain"}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafkaServer]:
    server = SecuredKafkaServer(tmp_path_factory.mktemp("foreign"))
    server.start()
    yield server
    server.stop()


def rendered(kafka: SecuredKafkaServer, mechanism: str = "SCRAM-SHA-512") -> dict[str, Any]:
    """Return the objects of a platform on that Kafka."""
    external = {
        "bootstrapServers": kafka.address,
        "securityProtocol": "SASL_SSL",
        "sasl": {"mechanism": mechanism, "secretRef": "kafka-user"},
        "tls": {"caSecret": "kafka-ca"},
    }
    properties = {"name": "p", "kafkaConfig": {"topics": ["made"], "external": external}}
    result = fixtures.render_package(
        LIBRARY,
        "realtime-platform",
        fixtures.Case("realtime-platform", "foreign", LIBRARY.root, 1, properties),
        "component",
    )
    assert [problem.text for problem in result.problems] == []
    return result.objects


class Pod:
    """What a pod mounts: its configuration, and the Secrets of the Kafka."""

    def __init__(self, folder: Path, kafka: SecuredKafkaServer, user: str, password: str | None = None) -> None:
        self.folder = folder
        self.secrets = folder / "kafka-access"
        self.secrets.mkdir(parents=True)
        (self.secrets / "username").write_text(user)
        (self.secrets / "password").write_text(kafka.PASSWORD if password is None else password)
        (self.secrets / "ca.crt").write_text(kafka.authority.read_text())

    def mount(self, files: dict[str, str], **places: object) -> None:
        """Write files as they are rendered, with this pod's places in them."""
        for name, text in files.items():
            for old, new in {"/etc/kafka-access": self.secrets, **places}.items():
                text = text.replace(old, str(new))
            (self.folder / name).write_text(text)


def topics_job(pod: Pod, kafka: SecuredKafkaServer, objects: dict[str, Any], **env: object) -> Script:
    """Return the Job that keeps topics, with Kafka's own command line."""
    pod.mount(objects["outputs.kafka-topics-config"]["data"])
    for name, main in (("topics", "org.apache.kafka.tools.TopicCommand"), ("configs", "kafka.admin.ConfigCommand")):
        program = pod.folder / f"kafka-{name}.sh.real"
        command = " ".join(f"'{word}'" for word in kafka_jars.java(main))
        program.write_text(f'#!/bin/bash\nexec {command} "$@"\n')
        program.chmod(0o755)
    (pod.folder / "bin").mkdir()
    for name in ("topics", "configs"):
        (pod.folder / "bin" / f"kafka-{name}.sh").symlink_to(pod.folder / f"kafka-{name}.sh.real")
    return Script(
        "kafka-topics.sh",
        "bash",
        {
            "BOOTSTRAP_SERVERS": kafka.address,
            "TOPICS_FILE": pod.folder / "topics",
            "CLIENT_PROPERTIES": pod.folder / "client.properties",
            "KAFKA_BIN": pod.folder / "bin",
            "POLL_SECONDS": "0.2",
            **env,
        },
    )


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_topics_are_made(kafka: SecuredKafkaServer, tmp_path: Path, mechanism: str) -> None:
    pod = Pod(tmp_path, kafka, MECHANISMS[mechanism])
    job = topics_job(pod, kafka, rendered(kafka, mechanism))
    (tmp_path / "topics").write_text(f"made-{mechanism} 2 1\n")
    assert succeeded(job.run(timeout=180)) == [f"topic made-{mechanism}: made", "all topics are as declared"]


@pytest.mark.parametrize("wrong", ["the password", "the authority"])
def test_nobody_else_makes_topics(kafka: SecuredKafkaServer, tmp_path: Path, wrong: str) -> None:
    pod = Pod(tmp_path, kafka, "orders", password="guessed" if wrong == "the password" else None)
    objects = rendered(kafka)
    if wrong == "the authority":
        another = certificates.make(tmp_path / "another", ["IP:127.0.0.1"]).certificate
        (pod.secrets / "ca.crt").write_text(another.read_text())
    said = failed(topics_job(pod, kafka, objects, WAIT_SECONDS=0).run(timeout=180))
    assert f"Kafka does not answer at {kafka.address}" in said


def test_connect_and_its_connectors_get_in(kafka: SecuredKafkaServer, tmp_path: Path) -> None:
    kafka.make("written")
    pod, port = Pod(tmp_path, kafka, "orders"), free_port()
    (tmp_path / "secrets").mkdir()
    places = {
        "/etc/connect/secrets": tmp_path / "secrets",
        "/opt/connectors": tmp_path,
        "http://:8083": f"http://127.0.0.1:{port}",
    }
    pod.mount(rendered(kafka)["outputs.connect-config"]["data"], **places)
    source = tmp_path / "lines"
    source.write_text("one\ntwo\n")
    with connect_worker.running(tmp_path / "connect-distributed.properties", port):
        config = {**lines_source(source, "written"), **STRINGS}
        assert asked(port, "/connectors/lines/config", config) in (200, 201)
        assert [record.value for record in kafka.records("written", 2)] == [b"one", b"two"]


def everything(**external: Any) -> dict[str, Any]:
    """Return the objects of a platform on a Kafka that is said in short."""
    properties = {"name": "p", "kafkaConfig": {"external": {"bootstrapServers": "a.example.com:9094", **external}}}
    case = fixtures.Case("realtime-platform", "foreign", LIBRARY.root, 1, properties)
    result = fixtures.render_package(LIBRARY, "realtime-platform", case, "component")
    assert [problem.text for problem in result.problems] == []
    return {key.removeprefix("outputs."): item for key, item in result.objects.items()}


def test_no_kafka_is_run_and_the_secret_of_clients_names_the_other_one() -> None:
    objects = everything(securityProtocol="SASL_SSL", sasl={"secretRef": "kafka-user"}, tls={"caSecret": "kafka-ca"})
    assert not {"kafka", "kafka-config", "kafka-headless", "kafka-budget", "network-kafka", "kafka-secret"} & set(
        objects
    )
    secret = objects["output"]
    assert (secret["kind"], secret["metadata"]["name"]) == ("Secret", "p-kafka-secret")
    assert {key: base64.b64decode(value).decode() for key, value in secret["data"].items()} == {
        "KAFKA_BOOTSTRAP_SERVERS": "a.example.com:9094",
        "KAFKA_SCHEMA_REGISTRY_URL": "http://p-kafka.default.svc.cluster.local:8081",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    }
    copied = [line for line in objects["credentials-config"]["data"]["passwords"].splitlines() if " from " in line]
    assert copied == [
        "p-kafka-secret KAFKA_CA_CERT from kafka-ca ca.crt",
        "p-kafka-secret KAFKA_SASL_PASSWORD from kafka-user password",
        "p-kafka-secret KAFKA_SASL_USERNAME from kafka-user username",
    ]
    (patched, read) = objects["credentials-role"]["rules"]
    assert "kafka-user" not in patched["resourceNames"]
    assert (read["resourceNames"], read["verbs"]) == (["kafka-ca", "kafka-user"], ["get"])
    # The registry is the platform's own still.
    assert [port["name"] for port in objects["kafka-service"]["spec"]["ports"]] == ["registry"]


CLIENTS = ("bridge", "connect", "kafka-exporter", "kafka-topics", "lenses-agent", "schema-registry")


def test_policies_open_the_ports_that_are_declared() -> None:
    for client in CLIENTS:
        rules = everything()[f"network-{client}"]["spec"]["egress"]
        assert {"ports": [{"protocol": "TCP", "port": 9094}]} in rules, client


def test_brokers_that_take_anyone_are_given_no_credentials() -> None:
    assert "kafka-access" not in json.dumps(everything())


def test_every_client_mounts_the_credentials() -> None:
    objects = everything(securityProtocol="SASL_SSL", sasl={"secretRef": "kafka-user"}, tls={"caSecret": "kafka-ca"})
    for client in CLIENTS:
        volumes = objects[client]["spec"]["template"]["spec"]["volumes"]
        (sources,) = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "kafka-access"]
        assert [source["secret"]["name"] for source in sources] == ["kafka-user", "kafka-ca"], client


@pytest.mark.parametrize(
    "how",
    [
        {"securityProtocol": "SSL"},
        {"securityProtocol": "SSL", "tls": {"caSecret": "kafka-ca"}},
        {"securityProtocol": "SASL_SSL", "sasl": {"secretRef": "kafka-user"}},
    ],
)
def test_connect_may_read_no_folder_that_is_not_there(how: dict[str, Any]) -> None:
    """Kafka refuses to start where one of them is missing."""
    objects = everything(**how)
    lines = objects["connect-config"]["data"]["connect-distributed.properties"].splitlines()
    allowed = dict(line.split("=", 1) for line in lines)["config.providers.dir.param.allowed.paths"].split(",")
    (worker,) = objects["connect"]["spec"]["template"]["spec"]["containers"]
    assert set(allowed) <= {mount["mountPath"] for mount in worker["volumeMounts"]}
