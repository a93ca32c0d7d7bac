"""A platform's own PostgreSQL with TLS inside of the cluster: a real one, run by what is rendered."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.hermetic import certificates
from tests.library.test_kafka_users import LIBRARY, decoded, objects_of
from tests.scripts.test_external_database import Container
from tests.support import postgres_server
from tests.support.doubles import databases
from tests.support.doubles.ports import free_port, listens
from tests.support.doubles.scripts import require, succeeded, wait_until
from vela_realtime import process
from vela_realtime.library import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERNAL = {"internal": {"postgres": {"secretName": "db-cert"}}}
ISSUED = {"internal": {"postgres": {"issuerRef": {"name": "private"}}}}


def rendered(**properties: Any) -> dict[str, Any]:
    """Return the objects of a platform whose PostgreSQL speaks TLS."""
    return objects_of(
        fixtures.Case("realtime-platform", "tls", LIBRARY.root, 1, {"name": "p", "tls": INTERNAL, **properties})
    )


class Pod:
    """The container of the server as it is rendered, but for its port, and the Secret as the node mounts it."""

    def __init__(self, folder: Path, mode: int | None = None) -> None:
        self.folder, self.port = folder, free_port()
        spec = rendered()["postgres"]["spec"]["template"]["spec"]
        (self.container,) = (item for item in spec["containers"] if item["name"] == "postgres")
        (volume,) = (item for item in spec["volumes"] if item["name"] == "tls")
        self.mode = volume["secret"]["defaultMode"] if mode is None else mode
        self.tls, self.config = folder / "postgresql-tls", folder / "config"
        for made in (self.tls, self.config, folder / "bin", folder / "run"):
            made.mkdir()
        shutil.copytree(postgres_server.folder(), folder / "programs")
        self.certify("first")
        for name, text in rendered()["postgres-config"]["data"].items():
            (self.config / name).write_text(
                text.replace("/etc/postgresql-tls", str(self.tls)).replace("/etc/postgresql/", f"{self.config}/")
            )
        # What the image's start script comes to once there is data.
        (folder / "bin" / "docker-entrypoint.sh").write_text('#!/bin/sh\nsleep 0.5\nexec "$@"\n')
        (folder / "bin" / "docker-entrypoint.sh").chmod(0o755)
        (folder / "password").write_text(databases.ROOT_PASSWORD)
        shutil.chown(folder / "run", "nobody", "nogroup")
        initdb = [f"{folder}/programs/bin/initdb", f"--pgdata={folder}/run/data", f"--pwfile={folder}/password"]
        made_by = [*databases.as_server(), *initdb, "-U", "postgres", "-A", "scram-sha-256", "--no-sync"]
        subprocess.run([*made_by, "--no-locale", "-E", "UTF8"], check=True, capture_output=True)

    def certify(self, name: str) -> Path:
        """Put a certificate into the Secret, with the rights that a node gives it, and return its authority."""
        pair = certificates.make(self.folder / name, ["DNS:localhost"])
        for file, source in (("tls.key", pair.key), ("tls.crt", pair.certificate)):
            new = self.tls / f"{file}.new"
            shutil.copy(source, new)
            shutil.chown(new, "root", "nogroup")
            new.chmod(self.mode)
            new.rename(self.tls / file)
        return pair.certificate

    def start(self) -> subprocess.Popen[bytes]:
        (shell, script), arguments = self.container["command"], self.container["args"]
        command = [shell, script, *arguments, "-p", str(self.port), "-c", "fsync=off"]
        command = [word.replace("/etc/postgresql/", f"{self.config}/") for word in command]
        command += ["-c", f"unix_socket_directories={self.folder}/run"]
        env = {"PATH": f"{self.folder}/bin:{self.folder}/programs/bin:/usr/bin:/bin", "POLL_SECONDS": "0.2"}
        env |= {"PGDATA": str(self.folder / "run" / "data"), "TLS_DIR": str(self.tls)}
        with (self.folder / "log").open("w") as log:
            return subprocess.Popen(
                [*databases.as_server(), *command], env=env, stdout=log, stderr=log, start_new_session=True
            )

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ask(self, sql: str, host: str = "localhost", **variables: object) -> process.Completed:
        """Let psql ask as the superuser."""
        env = {"PGHOST": host, "PGPORT": self.port, "PGUSER": "postgres", "PGPASSWORD": databases.ROOT_PASSWORD}
        env |= {"PGCONNECT_TIMEOUT": 10, **variables}
        words = [f"{key}={value}" for key, value in env.items()]
        return process.run(["env", *words, require("psql"), "-XqtA", "-c", sql], timeout=60)

    def shown(self) -> str:
        """Return the certificate that it shows, as PEM: PostgreSQL is first asked for TLS in its own words."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("localhost", self.port)) as plain:
            plain.sendall(struct.pack("!ii", 8, 80877103))
            assert plain.recv(1) == b"S"
            with context.wrap_socket(plain) as wrapped:
                return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True) or b"")


def _folder() -> Path:
    # The server runs as another user, to whom pytest's own folder is closed.
    folder = Path(tempfile.mkdtemp(prefix="realtime-db-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


def end(running: subprocess.Popen[bytes]) -> None:
    """End what the script left behind: in a pod it ends with the server."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)


pytestmark = pytest.mark.skipif(not databases.as_server(), reason="needs root, whose key it is that a group may read")


@pytest.fixture(scope="module")
def pod() -> Iterator[Pod]:
    folder = _folder()
    pod = Pod(folder)
    running = pod.start()
    try:
        wait_until(lambda: listens(pod.port) or running.poll() is not None, 60)
        assert running.poll() is None, pod.log()
        wait_until(lambda: pod.ask("SELECT 1", PGSSLMODE="require").ok, 30)
        yield pod
    finally:
        running.terminate()
        running.wait(60)
        end(running)
        shutil.rmtree(folder)


@pytest.fixture
def authority(pod: Pod) -> Path:
    """Return the authority of the certificate that it shows."""
    made = pod.certify("again-" + str(len(list(pod.folder.glob("again-*")))))
    wait_until(lambda: pod.shown().split() == made.read_text().split(), 30)
    return made


def test_who_checks_the_name_and_the_authority_gets_in_over_tls(pod: Pod, authority: Path) -> None:
    over = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    asked = pod.ask(over, PGSSLMODE="verify-full", PGSSLROOTCERT=authority)
    assert asked.stdout.startswith("TLSv1."), asked.stderr


def test_who_speaks_in_clear_is_refused_but_in_the_servers_own_pod(pod: Pod, authority: Path) -> None:
    # As if from another pod, which has an address that is none of 127.0.0.1; the exporter asks from there.
    hello = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
    with socket.create_connection(("127.0.0.1", pod.port), 20, ("127.0.0.2", 0)) as plain:
        plain.sendall(struct.pack("!i", len(hello) + 4) + hello)
        said = plain.recv(1000)
    assert said.startswith(b"E")
    assert b"no encryption" in said
    assert pod.ask("SELECT 1", "127.0.0.1", PGSSLMODE="disable").stdout.strip() == "1"


def test_another_authority_or_name_is_not_trusted(pod: Pod, authority: Path, tmp_path: Path) -> None:
    foreign = certificates.make(tmp_path / "foreign", ["DNS:localhost"]).certificate
    said = pod.ask("SELECT 1", PGSSLMODE="verify-full", PGSSLROOTCERT=foreign)
    assert "certificate verify failed" in said.stderr
    said = pod.ask("SELECT 1", "127.0.0.1", PGSSLMODE="verify-full", PGSSLROOTCERT=authority)
    assert "does not match host name" in said.stderr


def test_a_renewed_certificate_is_shown_and_nobody_is_disconnected(pod: Pod, authority: Path) -> None:
    env = {"PGHOST": "localhost", "PGPORT": str(pod.port), "PGUSER": "postgres", "PGPASSWORD": databases.ROOT_PASSWORD}
    env |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(authority), "PATH": "/usr/bin:/bin"}
    pipe = subprocess.PIPE
    with subprocess.Popen([require("psql"), "-XqtA"], env=env, stdin=pipe, stdout=pipe, text=True) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write("SELECT 'before';\n")
        session.stdin.flush()
        assert session.stdout.readline() == "before\n"
        renewed = pod.certify("renewed")
        wait_until(lambda: pod.shown().split() == renewed.read_text().split(), 30)
        session.stdin.write("SELECT 'after';\n")
        session.stdin.flush()
        assert session.stdout.readline() == "after\n"
        session.stdin.close()
    assert not pod.ask("SELECT 1", PGSSLMODE="verify-full", PGSSLROOTCERT=authority).ok
    assert pod.ask("SELECT 1", PGSSLMODE="verify-full", PGSSLROOTCERT=renewed).ok


def test_the_server_refuses_a_key_that_everybody_may_read() -> None:
    """Which is how a node shows a Secret whose volume says nothing."""
    folder = _folder()
    pod = Pod(folder, mode=0o644)
    running = pod.start()
    try:
        assert running.wait(60) != 0
    finally:
        end(running)
    assert "has group or world access" in pod.log()
    shutil.rmtree(folder)


def test_the_job_makes_databases_and_roles_over_tls(pod: Pod, authority: Path, tmp_path: Path) -> None:
    objects = rendered()
    spec = objects["postgres-databases"]["spec"]["template"]["spec"]
    outside = type("Outside", (), {"port": pod.port, "ca": authority, "stranger": authority})
    job = Container(spec, "databases", objects, tmp_path / "job", outside)  # type: ignore[arg-type]
    (tmp_path / "job" / "passwords" / "postgres").write_text(databases.ROOT_PASSWORD)
    job.script.env |= {"PGHOST": "localhost", "PGPORT": str(pod.port)}
    assert (job.script.env["PGSSLMODE"], job.script.env["PGSSLROOTCERT"].rsplit("/", 1)[1]) == ("verify-full", "ca.crt")
    succeeded(job.script.run(timeout=120))
    made = pod.ask("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database", PGSSLMODE="require").stdout
    assert made.split() == ["lenses_agent", "lenses_hq", "metabase_app", "p", "postgres", "template0", "template1"]


def test_every_client_checks_name_and_authority() -> None:
    for visualization in ("grafana", "metabase"):
        objects = rendered(visualization=visualization)
        for part in ("postgres-databases", "lenses-hq", "lenses-agent", visualization):
            spec = objects[part]["spec"]["template"]["spec"]
            (volume,) = (item for item in spec["volumes"] if item["name"] == "database-ca")
            assert volume["secret"] == {"secretName": "db-cert", "items": [{"key": "ca.crt", "path": "ca.crt"}]}, part
            configs = [item["data"] for item in objects.values() if item["kind"] == "ConfigMap"]
            said = json.dumps([spec, *[data for data in configs if f"{part}-config" in json.dumps(spec)]])
            assert "verify-full" in said, part


def test_the_secrets_of_clients_say_whom_to_trust() -> None:
    objects = rendered(clients=[{"name": "reports", "database": "read"}], tls=ISSUED)
    made = objects["credentials-config"]["data"]["passwords"].splitlines()
    for key in ("db-secret", "db-reader-secret", "client-reports"):
        assert decoded(objects[key])["DB_SSLMODE"] == "verify-full", key
        assert f"p-{key} DB_CA_CERT from p-postgres-internal-tls ca.crt" in made


def test_the_certificate_has_every_name_by_which_the_server_is_reached() -> None:
    objects = rendered(tls=ISSUED)
    host = decoded(objects["db-secret"])["DB_HOST"]
    names = objects["postgres-internal"]["spec"]["dnsNames"]
    assert names == ["p-postgres", "p-postgres.default", "p-postgres.default.svc", host]


def test_a_platform_without_it_goes_on_as_before() -> None:
    text = json.dumps(rendered(tls={"secretName": "of-mqtt"}))
    for word in ("postgres-run.sh", "pg_hba.conf", "hostssl", "DB_CA_CERT", "database-ca", "DB_SSLMODE"):
        assert word not in text, word
