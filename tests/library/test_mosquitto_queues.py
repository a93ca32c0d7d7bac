"""What Mosquitto keeps for clients that are away: bounded by its memory, and what is over that is counted."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import dashboards
from tests.support.doubles.ports import free_port, listens
from tests.support.doubles.scripts import require
from vela_realtime import process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGE = 480
"""Bytes of memory that a queued message of 29 bytes took beside its payload, in Mosquitto 2.1.2; 330 in 2.0.11."""
INTEGER = 2**31 - 1
"""The highest number that Mosquitto reads (2.1.2, ``src/conf.c``, ``conf__parse_int``)."""


def configuration(memory: str) -> str:
    """Return the broker's mosquitto.conf."""
    objects = dashboards.render({"name": "b", "partResources": {"mqtt": {"memory": memory}}}, "iot-broker")
    return str(objects["outputs.mqtt-config"]["data"]["mosquitto.conf"])


def bounds(text: str) -> tuple[int, int]:
    """Return how many messages and how many bytes a client's queue may have."""
    values = dict(re.findall(r"^(max_queued_\w+) (\d+)$", text, re.MULTILINE))
    return int(values["max_queued_messages"]), int(values["max_queued_bytes"])


@pytest.mark.parametrize("mebibytes", [64, 256, 1024])
def test_ten_absent_clients_fit_into_the_memory(mebibytes: int) -> None:
    messages, payload = bounds(configuration(f"{mebibytes}Mi"))
    assert 10 * (messages * MESSAGE + payload) < 0.7 * mebibytes * 2**20
    assert messages >= 1000, "Mosquitto's own bound"


@pytest.mark.parametrize("memory", ["9Gi", "100Gi", "64Ti"])
def test_any_memory_makes_numbers_that_mosquitto_reads(memory: str) -> None:
    assert max(bounds(configuration(memory))) <= INTEGER


def test_the_broker_has_no_bound_at_which_it_ends() -> None:
    """Where memory_limit is reached, 2.0.11 and 2.1.2 end, with status 255 and without saving what came since."""
    assert "memory_limit" not in configuration("256Mi")


@contextlib.contextmanager
def broker(text: str, folder: Path) -> Iterator[int]:
    """Run Mosquitto with the rendered bounds, and return its port."""
    port = free_port()
    lines = [line for line in text.splitlines() if line.startswith("max_queued")]
    config = [f"listener {port} 127.0.0.1", "allow_anonymous true", "sys_interval 1", "log_dest none", *lines]
    if os.getuid() == 0:
        config.append("user root")
    (folder / "mosquitto.conf").write_text("\n".join([*config, ""]))
    running = subprocess.Popen([require("mosquitto"), "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not listens(port):
            assert running.poll() is None, "Mosquitto does not start"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        running.terminate()
        running.wait()


def test_what_is_over_the_bound_is_dropped_and_counted(tmp_path: Path) -> None:
    sub, pub = require("mosquitto_sub"), require("mosquitto_pub")
    text = configuration("4Mi")
    (held, _), sent = bounds(text), 1000
    assert held == 256
    with broker(text, tmp_path) as port:
        away = [sub, "-p", str(port), "-q", "1", "-c", "-i", "away", "-t", "t"]
        assert process.run([*away, "-E"]).ok
        # A client that is there misses nothing.
        near = subprocess.Popen([sub, "-p", str(port), "-q", "1", "-t", "t", "-C", str(sent)], stdout=subprocess.PIPE)
        time.sleep(1)
        assert process.run([pub, "-p", str(port), "-q", "1", "-l", "-t", "t"], stdin="x\n" * sent).ok
        out, _ = near.communicate(timeout=60)
        assert out.count(b"\n") == sent
        deadline = time.monotonic() + 20
        dropped = ""
        while dropped != str(sent - held) and time.monotonic() < deadline:
            counted = [sub, "-p", str(port), "-t", "$SYS/broker/publish/messages/dropped", "-C", "1", "-W", "10"]
            dropped = process.run(counted).stdout.strip()
        assert dropped == str(sent - held)
        assert process.run([*away, "-C", str(held), "-W", "20"]).stdout.count("\n") == held
