"""A Mosquitto on this machine that knows one user."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import require
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def until(condition: Callable[[], Any], what: str, seconds: float = 15) -> Any:
    """Wait for something to become true, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)
    return found


class Broker:
    """A Mosquitto that knows one user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.passwords = folder / "passwd"
        self.running: subprocess.Popen[bytes] | None = None
        self.set_password("first")

    def set_password(self, password: str) -> None:
        """Give the user a password, and tell a running broker."""
        self.password = password
        self.passwords.write_text(f"realtime-user:{password}\n")
        self.passwords.chmod(0o600)
        process.run([require("mosquitto_passwd"), "-U", self.passwords])
        if self.running is not None:
            self.stop()
            self.start()

    def start(self) -> None:
        user = "root" if os.getuid() == 0 else str(os.getuid())
        config = self.folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {self.passwords}\nuser {user}\n"
        )
        with (self.folder / "broker.log").open("a") as log:
            self.running = subprocess.Popen([require("mosquitto"), "-c", config], stdout=log, stderr=log)
        until(lambda: self.publish("test/up", "1").ok, "the broker")

    def stop(self) -> None:
        if self.running is not None:
            self.running.terminate()
            self.running.wait()
            self.running = None

    def publish(self, topic: str, text: str) -> process.Completed:
        login = ["-u", "realtime-user", "-P", self.password, "-p", str(self.port)]
        return process.run([require("mosquitto_pub"), *login, "-q", "1", "-t", topic, "-m", text], timeout=10)

    @contextlib.contextmanager
    def subscriber(self, topic: str) -> Iterator[queue.Queue[str]]:
        """Return a queue of what is published from now on."""
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        found: queue.Queue[str] = queue.Queue()
        ready = threading.Event()
        subscriber = paho.Client(CallbackAPIVersion.VERSION2)
        subscriber.username_pw_set("realtime-user", self.password)
        subscriber.on_subscribe = lambda *_: ready.set()
        subscriber.on_message = lambda _client, _data, message: found.put(message.payload.decode())
        subscriber.connect("127.0.0.1", self.port)
        subscriber.subscribe(topic, qos=1)
        subscriber.loop_start()
        try:
            assert ready.wait(10)
            yield found
        finally:
            subscriber.disconnect()
            subscriber.loop_stop()
