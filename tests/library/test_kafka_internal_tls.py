"""A platform's own Kafka with TLS inside of the cluster: nothing is said in clear, and all that is rendered gets in.

Broker, Connect and command line are Kafka 4.3.1 itself, started by ``kafka-start.sh`` with what a platform renders; the
bridge is Bento.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic import certificates
from tests.library.test_bridge import Bridge, Mosquitto, bento
from tests.library.test_foreign_kafka import topics_job
from tests.library.test_kafka_outside import OutsideKafka, renewed_under_a_producer
from tests.library.test_kafka_users import (
    FORBIDDEN,
    LIBRARY,
    REFUSED,
    Job,
    OwnKafka,
    decoded,
    done,
    objects_of,
    rendered,
    write,
)
from tests.support import connect_worker
from tests.support.connect_worker import STRINGS, asked, lines_source
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import succeeded, wait_until
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["bento"]

INTERNAL = {"internal": {"kafka": {"secretName": "kafka-cert"}}}
ISSUED = {"internal": {"kafka": {"issuerRef": {"name": "private"}}}}


class InsideKafka(OutsideKafka):
    """A broker whose clients come over TLS, to ``localhost`` or ``127.0.0.1``."""

    with_rights = True

    def __init__(self, folder: Path, authentication: str, tls: bool = True) -> None:
        self.secret = folder / "certificates" / "clients"
        self.certify("first", "DNS:localhost", "IP:127.0.0.1")
        self.encrypted(tls)
        OwnKafka.__init__(self, folder, authentication)
        self.outside = self.port

    def encrypted(self, tls: bool) -> None:
        """Say whether it speaks TLS from the next start on."""
        self.parameters, self.reached = (
            ({"tls": INTERNAL} if tls else {"tls": {"internal": {}, "secretName": "m"}}),
            tls,
        )

    def properties(self, controller: int) -> str:
        text = OwnKafka.properties(self, controller).replace("/mnt/keystore", str(self.folder))
        return text + "allow.everyone.if.no.acl.found=true\n" * (not self.with_rights)

    def formatting(self) -> list[str]:
        return ["--add-scram", "SCRAM-SHA-512=[name=p.clients,password=secret-clients]"]

    def ports(self) -> list[int]:
        return [self.port]

    def client(self, authority: Path, password: str = "secret-clients") -> dict[str, Any]:  # noqa: S107
        """Return how a client gets in that trusts an authority."""
        signed = {"bootstrap_servers": self.address, "security_protocol": "SSL"}
        if self.authentication == "scram":
            signed = {**self.sign_in("clients", password), "security_protocol": "SASL_SSL"}
        return {**signed, "ssl_context": ssl.create_default_context(cafile=str(authority))}


@pytest.fixture(scope="module", params=["none", "scram"])
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideKafka]:
    server = InsideKafka(tmp_path_factory.mktemp("inside") / "broker", request.param)
    server.start()
    try:
        if request.param == "scram":
            Job(server.folder / "job", server, rendered(tls=INTERNAL)).run()
        else:
            server.security = {
                key: value for key, value in server.client(first(server)).items() if key != "bootstrap_servers"
            }
            server.make("orders", "mqtt")
        yield server
    finally:
        server.stop()


def first(kafka: InsideKafka) -> Path:
    """Return the authority of its first certificate: itself."""
    return kafka.folder / "first" / "tls.crt"


@pytest.fixture
def authority(kafka: InsideKafka) -> Path:
    """Return the authority of the certificate that the broker shows again."""
    made = kafka.put(kafka.folder / "first" / "tls.key", first(kafka))
    kafka.shows(made)
    return made


def test_who_trusts_it_gets_in_and_may_do_what_it_may_without_tls(kafka: InsideKafka, authority: Path) -> None:
    assert done(write(kafka.client(authority), "orders")) == "done"
    if kafka.authentication == "scram":
        assert done(write(kafka.client(authority), "undeclared")) == FORBIDDEN
        assert done(write(kafka.client(authority, "guessed"), "orders")) in REFUSED


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_who_speaks_in_clear_gets_nothing(kafka: InsideKafka, authority: Path, protocol: str) -> None:
    how = {**kafka.sign_in("clients"), "security_protocol": protocol}
    assert done(write(how, "orders")) in REFUSED
    with socket.create_connection(("127.0.0.1", kafka.port)) as plain, contextlib.suppress(ConnectionError):
        plain.sendall(b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\x00\x00")
        plain.settimeout(20)
        # What comes, if anything, is an alert of TLS, and the end.
        assert plain.recv(1) in (b"", b"\x15")


def test_who_trusts_another_authority_goes_no_further(kafka: InsideKafka, authority: Path, tmp_path: Path) -> None:
    foreign = certificates.make(tmp_path / "foreign", ["DNS:localhost", "IP:127.0.0.1"]).certificate
    assert "self-signed" in kafka.refusal(foreign)
    assert done(write(kafka.client(foreign), "orders")) in REFUSED


def test_a_renewed_certificate_is_shown_and_nobody_is_disconnected(kafka: InsideKafka, authority: Path) -> None:
    """The new one has another authority: who had to connect anew would not trust it."""
    renewed = renewed_under_a_producer(kafka, kafka.client(authority), "DNS:localhost", "IP:127.0.0.1")
    assert done(write(kafka.client(authority), "orders")) in REFUSED
    assert done(write(kafka.client(renewed), "orders")) == "done"


class Mounted:
    """What a part mounts: its configuration, and the folder of the Secrets that it gets in with."""

    def __init__(self, folder: Path, kafka: InsideKafka, part: str) -> None:
        self.folder, self.secrets = folder, folder / "kafka-access"
        self.secrets.mkdir(parents=True)
        self.objects = rendered(tls=INTERNAL, kafkaConfig={"authentication": kafka.authentication})
        (volume,) = (
            item for item in self.objects[part]["spec"]["template"]["spec"]["volumes"] if item["name"] == "kafka-access"
        )
        kept = {"ca.crt": first(kafka).read_text(), "username": f"p.{part}", "password": f"secret-{part}"}
        for source in volume["projected"]["sources"]:
            assert (source["secret"]["name"] == "kafka-cert") == (source["secret"]["items"][0]["key"] == "ca.crt")
            for item in source["secret"]["items"]:
                (self.secrets / item["path"]).write_text(kept[item["key"]])

    def mount(self, files: dict[str, str], **places: object) -> None:
        """Write files as they are rendered, with this pod's places in them."""
        for name, text in files.items():
            for old, new in {"/etc/kafka-access": self.secrets, **places}.items():
                text = text.replace(old, str(new))
            (self.folder / name).write_text(text)


def test_the_topics_job_gets_in(kafka: InsideKafka, authority: Path, tmp_path: Path) -> None:
    if kafka.authentication == "scram":
        pytest.skip("there it goes to the brokers' own port, where nobody signs in: see the fixture")
    pod = Mounted(tmp_path, kafka, "kafka-topics")
    objects = {f"outputs.{key}": item for key, item in pod.objects.items()}
    job = topics_job(pod, kafka, objects)  # type: ignore[arg-type]
    (tmp_path / "topics").write_text("made-over-tls 2 1\n")
    assert succeeded(job.run(timeout=180)) == ["topic made-over-tls: made", "all topics are as declared"]


def test_connect_and_its_connectors_get_in(kafka: InsideKafka, authority: Path, tmp_path: Path) -> None:
    pod, port = Mounted(tmp_path, kafka, "connect"), free_port()
    (tmp_path / "secrets").mkdir()
    places = {
        "/etc/connect/secrets": tmp_path / "secrets",
        "/opt/connectors": tmp_path,
        "http://:8083": f"http://127.0.0.1:{port}",
        "p-kafka.default.svc.cluster.local:9092": kafka.address,
    }
    pod.mount(pod.objects["connect-config"]["data"], **places)
    (tmp_path / "lines").write_text("one\ntwo\n")
    with connect_worker.running(tmp_path / "connect-distributed.properties", port):
        config = {**lines_source(tmp_path / "lines", "orders"), **STRINGS}
        wait_until(lambda: asked(port, "/connectors/lines/config", config) in (200, 201), 120)
        kafka.security = {k: value for k, value in kafka.client(authority).items() if k != "bootstrap_servers"}
        wait_until(lambda: {b"one", b"two"} <= {record.value for record in kafka.records("orders", 100, 5)}, 120)


def test_the_bridge_gets_in(kafka: InsideKafka, authority: Path, bento: Path, tmp_path: Path) -> None:
    pod = Mounted(tmp_path / "pod", kafka, "bridge")
    (tmp_path / "mqtt").mkdir()
    mqtt = Mosquitto(tmp_path / "mqtt")
    mqtt.start()
    objects = {f"outputs.{key}": item for key, item in pod.objects.items()}
    bridge = Bridge(pod.secrets, bento, mqtt, objects, kafka.address)
    for name, source in {"USERNAME": "username", "PASSWORD": "password"}.items():
        if kafka.authentication == "scram":
            bridge.env[f"KAFKA_SASL_{name}"] = (pod.secrets / source).read_text()
    bridge.start()
    try:
        mqtt.publish([("a", f"in-{kafka.authentication}".encode())])
        kafka.security = {k: value for k, value in kafka.client(authority).items() if k != "bootstrap_servers"}
        assert f"in-{kafka.authentication}".encode() in [record.value for record in kafka.records("mqtt", 1)]
    finally:
        bridge.kill()
        mqtt.stop()


@pytest.mark.parametrize("authentication", ["none", "scram"])
def test_switched_on_and_off_for_a_broker_that_runs_no_record_is_lost(tmp_path: Path, authentication: str) -> None:
    class Kafka(InsideKafka):
        with_rights = False

    kafka = Kafka(tmp_path / "broker", authentication, tls=False)
    kafka.start()
    try:
        plain = kafka.sign_in("clients") if authentication == "scram" else {"bootstrap_servers": kafka.address}
        kafka.security = {key: value for key, value in plain.items() if key != "bootstrap_servers"}
        kafka.make("orders")
        assert done(write(plain, "orders")) == "done"

        kafka.stop()
        kafka.encrypted(True)
        kafka.start()
        assert done(write(plain, "orders")) in REFUSED
        assert done(write(kafka.client(first(kafka)), "orders")) == "done"
        # What a renewal leaves in Kafka has no effect without the listener's TLS.
        renewed = kafka.certify("renewed", "DNS:localhost", "IP:127.0.0.1")
        kafka.shows(renewed)
        assert done(write(kafka.client(renewed), "orders")) == "done"

        kafka.stop()
        kafka.encrypted(False)
        kafka.start()
        assert done(write(plain, "orders")) == "done"
        assert len(kafka.records("orders", 4)) == 4
    finally:
        kafka.stop()


CLIENTS = ("bridge", "connect", "kafka-exporter", "kafka-topics", "lenses-agent", "schema-registry")


@pytest.mark.parametrize("authentication", ["none", "scram"])
def test_every_client_trusts_the_authority_of_the_brokers_secret(authentication: str) -> None:
    objects = rendered(tls=ISSUED, kafkaConfig={"authentication": authentication})
    # With users the Job goes where brokers among themselves are.
    for client in CLIENTS[:3] + CLIENTS[3 + (authentication == "scram") :]:
        volumes = objects[client]["spec"]["template"]["spec"]["volumes"]
        (sources,) = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "kafka-access"]
        trusted = [
            source["secret"] for source in sources if [item["key"] for item in source["secret"]["items"]] == ["ca.crt"]
        ]
        assert [secret["name"] for secret in trusted] == ["p-kafka-internal-tls"], client


def test_nobody_but_the_brokers_mounts_the_key() -> None:
    for key, item in rendered(tls=INTERNAL, kafkaConfig={"authentication": "scram"}).items():
        if "tls.key" in json.dumps(item):
            assert key in ("output", "kafka-config"), key


@pytest.mark.parametrize(("authentication", "protocol"), [("none", "SSL"), ("scram", "SASL_SSL")])
def test_the_secrets_of_clients_say_how_and_whom_to_trust(authentication: str, protocol: str) -> None:
    scram = authentication == "scram"
    clients = [{"name": "billing", "kafka": {"read": ["orders"]}}] * scram
    objects = rendered(tls=ISSUED, kafkaConfig={"authentication": authentication}, clients=clients)
    secrets = {"kafka-secret": "p-kafka-secret"} | ({"client-billing": "p-client-billing"} if scram else {})
    made = objects["credentials-config"]["data"]["passwords"].splitlines()
    for key, name in secrets.items():
        assert decoded(objects[key])["KAFKA_SECURITY_PROTOCOL"] == protocol
        assert f"{name} KAFKA_CA_CERT from p-kafka-internal-tls ca.crt" in made
    (_, read) = objects["credentials-role"]["rules"]
    assert "p-kafka-internal-tls" in read["resourceNames"]
    assert read["verbs"] == ["get"]


def test_only_brokers_and_the_job_of_users_reach_the_port_in_clear() -> None:
    for authentication, clear in {"none": {"kafka"}, "scram": {"kafka", "kafka-topics"}}.items():
        objects = rendered(tls=INTERNAL, kafkaConfig={"authentication": authentication})
        who = {
            peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
            for rule in objects["network-kafka"]["spec"]["ingress"]
            if {"protocol": "TCP", "port": 9091} in rule["ports"]
            for peer in rule["from"]
        }
        assert who == clear


@pytest.mark.parametrize("name", ["p", "a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23"])
def test_the_certificate_has_every_name_by_which_brokers_are_reached(name: str) -> None:
    case = fixtures.Case(
        "realtime-platform", "tls", LIBRARY.root, 1, {"name": name, "scaling": {"minReplicas": 3}, "tls": ISSUED}
    )
    objects = objects_of(case)
    spec = objects["kafka-internal"]["spec"]
    assert spec["issuerRef"] == {"name": "private", "kind": "Issuer", "group": "cert-manager.io"}
    # Kafka reads no other form.
    assert spec["privateKey"] == {"encoding": "PKCS8"}
    secret = decoded(objects["kafka-secret"])
    service, namespace, *_ = secret["KAFKA_BOOTSTRAP_SERVERS"].split(".")
    (container,) = objects["output"]["spec"]["template"]["spec"]["containers"]
    domain = next(item["value"] for item in container["env"] if item["name"] == "POD_DOMAIN")
    advertised = [f"{objects['output']['metadata']['name']}-{node}.{domain}" for node in range(3)]
    reached = [secret["KAFKA_BOOTSTRAP_SERVERS"], f"{service}.{namespace}", f"{service}.{namespace}.svc", service]
    for address in [*reached, *advertised]:
        host = address.split(":")[0]
        assert host in spec["dnsNames"] or f"*.{host.split('.', 1)[1]}" in spec["dnsNames"], host
    assert len(spec["dnsNames"]) == 5
    if name == "p":
        assert spec["secretName"] == "p-kafka-internal-tls"


def test_a_secret_of_ones_own_needs_no_issuer() -> None:
    objects = rendered(tls=INTERNAL)
    assert [key for key, item in objects.items() if item["kind"] == "Certificate"] == []


@pytest.mark.parametrize(
    ("definition", "case", "part", "secrets"),
    [
        ("iot-broker", "sibling-platform-whose-kafka-has-tls", "bridge", ["core-kafka-internal-tls"]),
        ("iot-broker", "sibling-platform-whose-kafka-has-tls", "kafka-topics", ["core-kafka-internal-tls"]),
        (
            "stream-processor",
            "tls-of-a-siblings-kafka-for-a-lenses-of-its-own",
            "kafka-topics",
            ["core-kafka-linked", "kafka-cert"],
        ),
        (
            "analytics-dashboard",
            "sibling-platform-whose-kafka-has-tls",
            "connect",
            ["core-kafka-linked", "core-kafka-internal-tls"],
        ),
    ],
)
def test_what_stands_beside_it_trusts_it_too(definition: str, case: str, part: str, secrets: list[str]) -> None:
    (found,) = (item for item in fixtures.load(LIBRARY, definition) if item.name == case)
    volumes = objects_of(found)[part]["spec"]["template"]["spec"]["volumes"]
    (sources,) = [volume["projected"]["sources"] for volume in volumes if volume["name"] == "kafka-access"]
    assert [source["secret"]["name"] for source in sources] == secrets


def test_without_it_nothing_of_it_is_there() -> None:
    objects = rendered(kafkaConfig={"authentication": "none"})
    scripts = objects["kafka-config"]["data"]
    scripts["kafka-start.sh"] = ""
    text = json.dumps(objects)
    for word in ("internal-tls", "keystore", "kafka-certificates", "KAFKA_CA_CERT", "9091", "SSL"):
        assert word not in text, word
