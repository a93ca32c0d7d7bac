"""A schema registry that is there already: none is rendered, and who used the platform's own knows the other one.

Kafka Connect is Kafka 4.3.1 itself; the registry that asks for a user is played.
"""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import connect_worker
from tests.support.connect_worker import asked, lines_source
from tests.support.doubles.ports import free_port
from vela_realtime.library import find, fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIBRARY = find()

URL = "https://schemas.example.com/apis/ccompat/v7"
PLATFORM = {"name": "p", "schemaRegistryConfig": {"external": {"url": URL, "secretRef": "registry-user"}}}


def rendered(**more: Any) -> dict[str, Any]:
    """Return the objects of a platform with that registry, and with more properties."""
    case = fixtures.Case("realtime-platform", "foreign", LIBRARY.root, 1, {**PLATFORM, **more})
    result = fixtures.render_package(LIBRARY, "realtime-platform", case, "component")
    assert [problem.text for problem in result.problems] == []
    return {key.removeprefix("outputs."): item for key, item in result.objects.items()}


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    return rendered(kafkaConfig={"authentication": "scram"})


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """Return the one container of a workload."""
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    return dict(only)


def admitted(workload: dict[str, Any]) -> set[str]:
    """Return the components whose network policies let a workload's pods in."""
    labels = workload["spec"]["template"]["metadata"]["labels"]
    return {key.removeprefix("client.vela-realtime.dev/") for key in labels if key.startswith("client.")}


def test_nothing_of_a_registry_is_rendered(objects: dict[str, Any]) -> None:
    assert [key for key in objects if "registry" in key] == []
    assert [port["name"] for port in objects["kafka-service"]["spec"]["ports"]] == ["brokers", "kafka"]
    text = json.dumps(objects)
    assert ":8081" not in text
    assert "karapace:" not in text
    rights = objects["kafka-topics-config"]["data"]
    assert not any(line.startswith("p.schema-registry ") for line in "".join(rights.values()).splitlines())


def test_without_brokers_of_its_own_either_there_is_no_service_of_kafka() -> None:
    assert "kafka-service" not in rendered(kafkaConfig={"external": {"bootstrapServers": "a.example.com:9092"}})


def test_clients_are_told_where_it_is_and_who_signs_in(objects: dict[str, Any]) -> None:
    assert base64.b64decode(objects["kafka-secret"]["data"]["KAFKA_SCHEMA_REGISTRY_URL"]).decode() == URL
    copied = [line for line in objects["credentials-config"]["data"]["passwords"].splitlines() if "REGISTRY" in line]
    assert copied == [
        "p-kafka-secret KAFKA_SCHEMA_REGISTRY_PASSWORD from registry-user password",
        "p-kafka-secret KAFKA_SCHEMA_REGISTRY_USERNAME from registry-user username",
    ]


def test_the_agent_of_lenses_signs_in(objects: dict[str, Any]) -> None:
    provisioning = yaml.safe_load(objects["lenses-agent-config"]["data"]["provisioning.yaml"])
    (registry,) = provisioning["confluentSchemaRegistry"]
    assert registry["configuration"] == {
        "schemaRegistryUrls": {"value": [URL]},
        "username": {"value": "${KAFKA_SCHEMA_REGISTRY_USERNAME}"},
        "password": {"value": "${KAFKA_SCHEMA_REGISTRY_PASSWORD}"},
    }
    given = {item["name"]: item.get("valueFrom") for item in container(objects["lenses-agent"])["env"]}
    for what in ("username", "password"):
        key = {"name": "registry-user", "key": what}
        assert given[f"KAFKA_SCHEMA_REGISTRY_{what.upper()}"] == {"secretKeyRef": key}


@pytest.mark.parametrize("part", ["connect", "lenses-agent"])
@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://schemas.example.com/api", 443),
        ("http://schemas.example.com", 80),
        ("http://schemas.example.com:8085/api", 8085),
        ("http://[2001:db8::1]:8085", 8085),
        ("https://[2001:db8::1]", 443),
    ],
)
def test_policies_open_the_port_that_the_address_means(part: str, url: str, port: int) -> None:
    rules = rendered(schemaRegistryConfig={"external": {"url": url}})[f"network-{part}"]["spec"]["egress"]
    assert {"ports": [{"protocol": "TCP", "port": port}]} in rules


def test_the_registry_of_another_platform_lets_them_in() -> None:
    found = rendered(schemaRegistryConfig={"external": {"url": "http://core-kafka.streaming:8081"}})
    assert "core" in admitted(found["connect"]) & admitted(found["lenses-agent"])
    assert "KAFKA_SCHEMA_REGISTRY_USERNAME" not in json.dumps(found)


def service(properties: dict[str, Any], platform: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the trait makes of a service, beside a platform in the same Application or without."""
    siblings = [{"name": "streaming", "type": "realtime-platform", "properties": platform}] if platform else []
    case = fixtures.Case("realtime", "foreign", LIBRARY.root, 1, properties, siblings=siblings)
    result = fixtures.render_package(LIBRARY, "realtime", case, "trait")
    assert [problem.text for problem in result.problems] == []
    return result.objects


def env(objects: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a service that are about the registry: where each comes from."""
    (only,) = objects["patch"]["spec"]["template"]["spec"]["containers"]
    found = {item["name"]: item for item in only["env"] if "REGISTRY" in item["name"]}
    return {name: item.get("value", item.get("valueFrom", {}).get("secretKeyRef")) for name, item in found.items()}


def test_a_service_of_the_same_application_signs_in_and_reaches_it() -> None:
    objects = service({"platform": "p", "networkPolicy": {"egress": True}}, PLATFORM)
    assert env(objects) == {
        name: {"name": "p-kafka-secret", "key": name}
        for name in (f"KAFKA_SCHEMA_REGISTRY_{what}" for what in ("URL", "USERNAME", "PASSWORD"))
    }
    (policy,) = (item for item in objects.values() if item.get("kind") == "NetworkPolicy")
    assert {"ports": [{"protocol": "TCP", "port": 443}]} in policy["spec"]["egress"]
    assert "8081" not in json.dumps(policy)


def test_a_service_of_another_application_is_told_by_its_author() -> None:
    here = env(service({"platform": "p", "parts": ["kafka"], "registrySecurity": "BASIC"}))
    assert sorted(here) == [f"KAFKA_SCHEMA_REGISTRY_{what}" for what in ("PASSWORD", "URL", "USERNAME")]
    there = {"platform": "p", "namespace": "streaming", "parts": ["kafka"], "secrets": {"kafka": "copied"}}
    own = env(service(there))
    assert own == {"KAFKA_SCHEMA_REGISTRY_URL": "http://p-kafka.streaming.svc.cluster.local:8081"}
    others = env(service({**there, "registrySecurity": "NONE"}))
    assert others == {"KAFKA_SCHEMA_REGISTRY_URL": {"name": "copied", "key": "KAFKA_SCHEMA_REGISTRY_URL"}}


class Registry:
    """A schema registry that lets nobody in without user and password."""

    USER, PASSWORD = "orders", "a p=s$w{o}rd!#"

    def __init__(self) -> None:
        expected = "Basic " + base64.b64encode(f"{self.USER}:{self.PASSWORD}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.headers["Authorization"] == expected else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def status(self, user_info: str) -> int:
        """Return what a client gets that is configured with ``basic.auth.user.info``."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.server_port}/subjects")
        request.add_header("Authorization", "Basic " + base64.b64encode(user_info.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def registry() -> Iterator[Registry]:
    played = Registry()
    yield played
    played.server.shutdown()
    played.server.server_close()


def test_connectors_read_the_user_as_the_docs_have_it(registry: Registry, tmp_path: Path) -> None:
    """What Connect makes of it is written to a topic, where a converter would send it to the registry."""
    kafka_server = pytest.importorskip("tests.support.kafka_server", reason="needs Python 3.11")
    found = rendered()
    (volume,) = [item for item in found["connect"]["spec"]["template"]["spec"]["volumes"] if item["name"] == "secrets"]
    values = {"registry-user": {"username": registry.USER, "password": registry.PASSWORD}}
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for source in volume["projected"]["sources"]:
        for item in source["secret"]["items"]:
            (secrets / item["path"]).write_text(values[source["secret"]["name"]][item["key"]])
    page = (LIBRARY.root / "docs/kafka.md").read_text()
    (line,) = [line for line in page.splitlines() if '"value.converter.basic.auth.user.info"' in line]
    user_info = json.loads("{" + line + "}")["value.converter.basic.auth.user.info"]

    kafka = kafka_server.KafkaServer(tmp_path)
    kafka.start()
    port = free_port()
    text = found["connect-config"]["data"]["connect-distributed.properties"]
    for old, new in {
        "p-kafka.default.svc.cluster.local:9092": kafka.address,
        "/etc/connect/secrets": str(secrets),
        "/opt/connectors": str(tmp_path),
        "http\\://\\:8083": f"http://127.0.0.1:{port}",
        "http://:8083": f"http://127.0.0.1:{port}",
    }.items():
        text = text.replace(old, new)
    (tmp_path / "connect.properties").write_text(text)
    (tmp_path / "lines").write_text("one\n")
    try:
        kafka.make("written")
        with connect_worker.running(tmp_path / "connect.properties", port):
            config = {
                **lines_source(tmp_path / "lines", "written"),
                "transforms": "hoist,user",
                "transforms.hoist.type": "org.apache.kafka.connect.transforms.HoistField$Value",
                "transforms.hoist.field": "line",
                "transforms.user.type": "org.apache.kafka.connect.transforms.InsertField$Value",
                "transforms.user.static.field": "user",
                "transforms.user.static.value": user_info.replace("/etc/connect/secrets", str(secrets)),
            }
            assert asked(port, "/connectors/lines/config", config) in (200, 201)
            (record,) = kafka.records("written", 1)
            assert registry.status(json.loads(record.value)["user"]) == 200
            assert registry.status(f"{registry.USER}:guessed") == 401
    finally:
        kafka.stop()
