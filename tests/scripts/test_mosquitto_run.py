"""``mosquitto-run.sh``, with a real Mosquitto: a renewed certificate is served, and it ends when the broker ends."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import SHELLS, Script, kill, require, wait_until
from vela_realtime import process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS


class Pod:
    """A mounted Secret with a certificate, and a broker that serves it."""

    def __init__(self, folder: Path, shell: str) -> None:
        require("mosquitto")
        require("openssl")
        self.folder = folder
        self.port = free_port()
        self.tls = folder / "tls"
        self.tls.mkdir()
        self.renew("first")
        command = [require("mosquitto_passwd"), "-H", "sha512-pbkdf2", "-b", "-c", str(folder / "passwd"), "u", "p"]
        assert process.run(command).ok
        config = f"listener {self.port} 127.0.0.1\npassword_file {folder}/passwd\nuser root\n"
        config += f"certfile {self.tls}/tls.crt\nkeyfile {self.tls}/tls.key\nlog_dest stdout\n"
        (folder / "mosquitto.conf").write_text(config)
        env = {"CONFIG_FILE": folder / "mosquitto.conf", "TLS_DIR": self.tls, "POLL_SECONDS": "0.2"}
        self.script = Script("mosquitto-run.sh", shell, env)

    def renew(self, name: str) -> None:
        """Write another certificate as Kubernetes does: a new folder, and a symbolic link that is moved to it."""
        version = self.tls / f"..{name}"
        version.mkdir()
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-keyout", str(version / "tls.key"), "-out", str(version / "tls.crt")]
        assert process.run([*command, "-days", "1", "-subj", f"/CN={name}"]).ok
        link = self.tls / "..new"
        link.symlink_to(version.name)
        link.rename(self.tls / "..data")
        for file in ("tls.crt", "tls.key"):
            if not (self.tls / file).is_symlink():
                (self.tls / file).symlink_to(f"..data/{file}")

    def connect(self) -> tuple[ssl.SSLSocket, bytes]:
        """Return a connection and the certificate that it was served."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=5))
        served = connection.getpeercert(binary_form=True)
        assert served is not None
        return connection, served

    def served(self, name: str) -> bool:
        """Tell whether a new connection is served the certificate of that name."""
        with contextlib.suppress(OSError):
            connection, certificate = self.connect()
            connection.close()
            return f"{name}".encode() in certificate
        return False


@pytest.fixture
def pod(tmp_path: Path, shell: str) -> Pod:
    return Pod(tmp_path, shell)


@contextlib.contextmanager
def running(pod: Pod) -> Iterator[subprocess.Popen[str]]:
    started = pod.script.start()
    try:
        wait_until(lambda: pod.served("first"))
        yield started
    finally:
        kill(started)


def test_a_renewed_certificate_is_served_and_nobody_is_disconnected(pod: Pod) -> None:
    with running(pod):
        connection, _ = pod.connect()
        # MQTT 3.1.1: CONNECT of a client called c, user u with password p, and what the broker answers.
        connection.sendall(b"\x10\x13\x00\x04MQTT\x04\xc2\x00\x3c\x00\x01c\x00\x01u\x00\x01p")
        assert connection.recv(4) == b"\x20\x02\x00\x00"
        pod.renew("second")
        wait_until(lambda: pod.served("second"))
        connection.sendall(b"\xc0\x00")
        assert connection.recv(2) == b"\xd0\x00"
        connection.close()


def test_a_signal_to_stop_is_passed_on(pod: Pod) -> None:
    with running(pod) as started:
        started.terminate()
        assert started.wait(timeout=10) == 0
        assert not pod.served("first")


def test_the_broker_s_end_is_the_container_s(pod: Pod) -> None:
    (pod.folder / "mosquitto.conf").write_text("no_such_setting yes\n")
    started = time.monotonic()
    done = pod.script.run()
    assert done.returncode > 0
    assert time.monotonic() - started < 10
