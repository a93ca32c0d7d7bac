"""A platform's Kafka from outside: TLS and a password, or nothing; a renewed certificate costs nobody the connection.

Broker and command line are Kafka 4.3.1 itself, started by ``kafka-start.sh`` with what a platform renders.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic import certificates
from tests.library.test_kafka_users import CONFIGS, FORBIDDEN, REFUSED, Job, OwnKafka, done, rendered, write
from tests.support import kafka_jars
from tests.support.doubles.ports import free_port, listens
from tests.support.doubles.scripts import wait_until
from vela_realtime.library import find

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = find().root / "cue" / "scripts" / "kafka-start.sh"
EXTERNAL = {
    "kafka": {"type": "LoadBalancer", "host": "kafka-{nodeId}.example.com", "tls": {"secretName": "kafka-cert"}}
}


class OutsideKafka(OwnKafka):
    """A broker that clients outside of the cluster reach at ``localhost`` and ``outside``."""

    def __init__(self, folder: Path) -> None:
        self.outside, self.reached = free_port(), True
        folder.mkdir(parents=True, exist_ok=True)
        self.secret = folder / "certificates" / "outside"
        self.certify("first", "DNS:localhost")
        super().__init__(folder)

    def certify(self, name: str, *names: str) -> Path:
        """Put a certificate into the Secret, and return its authority: itself."""
        made = certificates.make(self.secret.parents[1] / name, names)
        return self.put(made.key, made.certificate)

    def put(self, key: Path, certificate: Path) -> Path:
        self.secret.mkdir(parents=True, exist_ok=True)
        for file, source in (("tls.key", key), ("tls.crt", certificate)):
            shutil.copy(source, self.secret / file)
        return certificate

    def properties(self, controller: int) -> str:
        plain = super().properties(controller)
        if not self.reached:
            return plain
        text = rendered(external=EXTERNAL)["kafka-config"]["data"]["server.properties"]
        own = [line for line in text.splitlines() if line.startswith(("listener.name.outside", "listener.security"))]
        lines = [line for line in plain.splitlines() if not line.startswith("listener.security")]
        lines = [line + f",OUTSIDE://localhost:{self.outside}" * ("listeners=" in line) for line in lines]
        return "\n".join([*lines, *own]).replace("/mnt/keystore", str(self.folder)) + "\n"

    def start(self) -> None:
        mounted, run, configs = self.folder / "mounted", self.folder / "run", self.folder / "kafka-configs.sh"
        mounted.mkdir(exist_ok=True)
        (mounted / "server.properties").write_text("controller.quorum.voters=0@p-kafka-0.p:9093\n")
        command = " ".join(f"'{word}'" for word in kafka_jars.java("kafka.Kafka", self.file, options=("-Xmx400m",)))
        run.write_text(f"#!/bin/bash\nexec {command}\n")
        tool = " ".join(f"'{word}'" for word in kafka_jars.java(CONFIGS))
        configs.write_text(f'#!/bin/bash\nexec {tool} "${{@/p-kafka-0.p:/127.0.0.1:}}"\n')
        for program in (run, configs):
            program.chmod(0o755)
        parameters = self.parameters or {"external": EXTERNAL}
        objects = rendered(**parameters, kafkaConfig={"authentication": self.authentication})
        (container,) = objects["output"]["spec"]["template"]["spec"]["containers"]
        env = {item["name"]: item.get("value", "") for item in container["env"]}
        env |= {"POD_NAME": "p-kafka-0", "POD_DOMAIN": "p", "BROKER_PORT": str(self.inner), "POLL_SECONDS": "0.3"}
        env |= {"MOUNTED_DIR": str(mounted), "DATA_DIR": str(self.folder), "START_SCRIPT": str(run)}
        env |= {"KAFKA_BIN": str(self.folder), "CERTIFICATES_DIR": str(self.secret.parent), "LOG_DIR": str(self.folder)}
        env |= {"KEYSTORE_DIR": str(self.folder), "PATH": os.environ["PATH"]}
        if not self.reached:
            env.pop("OUTSIDE", None)
            env["CERTIFICATES_DIR"] = str(self.folder / "none")
        self.file.write_text(self.properties(self.controller))
        with (self.folder / "kafka.log").open("a") as log:
            self.running = subprocess.Popen(
                ["/bin/bash", SCRIPT], env=env, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(lambda: self._listens() or self.running is None or self.running.poll() is not None, 180)
        assert self._listens(), (self.folder / "kafka.log").read_text()[-3000:]

    def ports(self) -> list[int]:
        return [*super().ports(), *[self.outside] * self.reached]

    def stop(self) -> None:
        group = self.running.pid if self.running else None
        super().stop()
        if group:
            # In a pod, what the script left behind ends with the broker.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def shown(self) -> str:
        """Return the certificate that it shows."""
        return ssl.get_server_certificate(("localhost", self.outside))

    def shows(self, certificate: Path) -> None:
        """Wait until it shows a certificate, and each of its network threads does: they take it one by one."""
        wanted, seen = certificate.read_text().split(), 0

        def steady() -> bool:
            nonlocal seen
            seen = seen + 1 if self.shown().split() == wanted else 0
            time.sleep(0.05)
            return seen > 20

        wait_until(steady, 90)

    def refusal(self, authority: Path) -> str:
        """Return why a client that trusts an authority goes no further."""
        context = ssl.create_default_context(cafile=str(authority))
        with socket.create_connection(("localhost", self.outside)) as plain:
            try:
                context.wrap_socket(plain, server_hostname="localhost").close()
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
        return ""

    def from_outside(self, authority: Path, password: str = "secret-clients") -> dict[str, Any]:  # noqa: S107
        """Return how a client signs in that trusts an authority."""
        how: dict[str, Any] = self.sign_in("clients", password)
        return {
            **how,
            "bootstrap_servers": f"localhost:{self.outside}",
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=str(authority)),
        }


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutsideKafka]:
    server = OutsideKafka(tmp_path_factory.mktemp("outside") / "broker")
    server.start()
    try:
        Job(server.folder / "job", server, rendered(external=EXTERNAL)).run()
        yield server
    finally:
        server.stop()


@pytest.fixture
def authority(kafka: OutsideKafka) -> Path:
    """Return the authority of the certificate that the broker shows again."""
    made = kafka.put(kafka.folder / "first" / "tls.key", kafka.folder / "first" / "tls.crt")
    kafka.shows(made)
    return made


def test_who_signs_in_over_tls_may_do_what_its_user_may(kafka: OutsideKafka, authority: Path) -> None:
    assert done(write(kafka.from_outside(authority), "orders")) == "done"
    assert done(write(kafka.from_outside(authority), "undeclared")) == FORBIDDEN
    assert done(write(kafka.from_outside(authority, "guessed"), "orders")) in REFUSED


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_nothing_is_said_in_clear(kafka: OutsideKafka, authority: Path, protocol: str) -> None:
    how = {**kafka.from_outside(authority), "security_protocol": protocol, "ssl_context": None}
    assert done(write(how, "orders")) in REFUSED
    with socket.create_connection(("localhost", kafka.outside)) as plain, contextlib.suppress(ConnectionError):
        plain.sendall(b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\x00\x00")
        plain.settimeout(20)
        # What comes, if anything, is an alert of TLS, and the end.
        assert plain.recv(1) in (b"", b"\x15")


def test_another_authority_is_not_trusted(kafka: OutsideKafka, authority: Path, tmp_path: Path) -> None:
    foreign = certificates.make(tmp_path / "foreign", ["DNS:localhost"]).certificate
    assert "self-signed" in kafka.refusal(foreign)
    assert done(write(kafka.from_outside(foreign), "orders")) in REFUSED
    assert done(write(kafka.from_outside(authority), "orders")) == "done"


def test_a_certificate_of_another_name_is_refused(kafka: OutsideKafka, authority: Path) -> None:
    other = kafka.certify("other", "DNS:kafka-0.example.com")
    kafka.shows(other)
    assert "not valid for 'localhost'" in kafka.refusal(other)
    assert done(write(kafka.from_outside(other), "orders")) in REFUSED


def test_a_certificate_that_has_ended_is_refused(kafka: OutsideKafka, authority: Path) -> None:
    folder = kafka.folder / "ended"
    made, openssl = certificates.make(folder, ["DNS:localhost"]), str(shutil.which("openssl"))
    ended = folder / "ended.crt"
    again = [openssl, "x509", "-in", str(made.certificate), "-signkey", str(made.key)]
    subprocess.run([*again, "-days", "0", "-out", str(ended)], check=True, capture_output=True)
    kafka.shows(kafka.put(made.key, ended))
    time.sleep(1)
    assert "expired" in kafka.refusal(ended)
    assert done(write(kafka.from_outside(ended), "orders")) in REFUSED


def renewed_under_a_producer(kafka: OutsideKafka, client: dict[str, Any], *names: str) -> Path:
    """Have the broker show a certificate for other names between two records of a producer. Return its authority."""

    async def send() -> Path:
        from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]

        producer = AIOKafkaProducer(**client, request_timeout_ms=5000)
        await producer.start()
        try:
            await producer.send_and_wait("orders", b"before")
            renewed = kafka.certify("renewed", *names)
            await asyncio.to_thread(kafka.shows, renewed)
            await producer.send_and_wait("orders", b"after")
        finally:
            await producer.stop()
        return renewed

    return asyncio.run(send())


def test_a_renewed_certificate_is_shown_and_nobody_is_disconnected(kafka: OutsideKafka, authority: Path) -> None:
    """The new one has other names and another authority: who had to connect anew would not trust it."""
    names = ("DNS:localhost", "DNS:kafka-1.example.com")
    renewed = renewed_under_a_producer(kafka, kafka.from_outside(authority), *names)
    assert done(write(kafka.from_outside(authority), "orders")) in REFUSED
    assert done(write(kafka.from_outside(renewed), "orders")) == "done"


def test_a_broker_that_starts_anew_shows_what_the_secret_has_and_may_go_back_inside(kafka: OutsideKafka) -> None:
    kafka.stop()
    renewed = kafka.certify("while-away", "DNS:localhost")
    kafka.start()
    kafka.shows(renewed)
    kafka.stop()
    kafka.reached = False
    kafka.start()
    assert done(write(kafka.sign_in("clients"), "orders")) == "done"
    assert not listens(kafka.outside)
