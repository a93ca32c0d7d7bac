"""``backup-mqtt.sh``, with a real Mosquitto: retained messages are there again, byte for byte."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

from tests.support.doubles import mosquitto
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import SHELLS, Script, failed, require, succeeded
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = SHELLS

PASSWORD = "of the 'realtime' user\\"  # noqa: S105
BYTES = bytes(range(256))
RETAINED = {
    "plain": b"hello",
    "a/topic with blanks": b"two words",
    "bytes": BYTES,
    "percent": b"100% %s \\0101",
}


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    folder.mkdir()
    user = "root" if os.getuid() == 0 else str(os.getuid())
    assert process.run([require("mosquitto_passwd"), "-b", "-c", folder / "passwd", "realtime-user", PASSWORD]).ok
    port = free_port()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {folder}/passwd\nuser {user}\n"
    )
    with mosquitto.running(folder / "mosquitto.conf", port, folder / "log"):
        yield port


def publish(port: int, topic: str, payload: bytes) -> None:
    options = ["-p", str(port), "-u", "realtime-user", "-P", PASSWORD, "-r", "-q", "1", "-t", topic, "-s"]
    subprocess.run([require("mosquitto_pub"), *options], input=payload, check=True)


def retained(port: int) -> dict[str, bytes]:
    options = ["-p", str(port), "-u", "realtime-user", "-P", PASSWORD, "-t", "#", "--retained-only", "-W", "1"]
    done = process.run([require("mosquitto_sub"), *options, "-F", "%x %t"])
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    return {topic: bytes.fromhex(payload) for payload, _, topic in lines}


def script(folder: Path, shell: str, port: int, verb: str, password: str = PASSWORD) -> Script:
    env = {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": port, "MQTT_USER": "realtime-user", "MQTT_PASSWORD": password}
    made = Script(
        "backup-mqtt.sh",
        shell,
        {**env, "BACKUP_DIR": folder, "READ_SECONDS": "1", "POLL_SECONDS": "0.1", "WAIT_SECONDS": "1"},
    )
    made.argv.append(verb)
    return made


def test_retained_messages_are_there_again(tmp_path: Path, shell: str) -> None:
    with broker(tmp_path / "old") as port:
        for topic, payload in RETAINED.items():
            publish(port, topic, payload)
        assert succeeded(script(tmp_path, shell, port, "save").run()) == ["4 retained messages: saved"]
    with broker(tmp_path / "new") as port:
        publish(port, "plain", b"newer")
        assert succeeded(script(tmp_path, shell, port, "restore").run()) == ["3 retained messages: restored"]
        assert retained(port) == {**RETAINED, "plain": b"newer"}
        assert succeeded(script(tmp_path, shell, port, "restore").run()) == ["0 retained messages: restored"]


def test_into_a_broker_that_has_none(tmp_path: Path, shell: str) -> None:
    (tmp_path / "retained").write_text("1 6869 a/b\n")
    with broker(tmp_path / "new") as port:
        assert succeeded(script(tmp_path, shell, port, "restore").run()) == ["1 retained messages: restored"]
        assert retained(port) == {"a/b": b"hi"}


def test_a_refused_password_is_no_empty_backup(tmp_path: Path, shell: str) -> None:
    with broker(tmp_path / "old") as port:
        said = failed(script(tmp_path, shell, port, "save", password="wrong").run())  # noqa: S106
    assert said.startswith("backup-mqtt.sh: gave up after 1 seconds: Connection error")
    assert not (tmp_path / "retained").exists()
