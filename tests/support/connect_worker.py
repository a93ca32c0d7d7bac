"""Kafka Connect 4.3.1 itself, run by properties as a part's pod has them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.request
from typing import TYPE_CHECKING

from tests.support import kafka_jars
from tests.support.doubles.ports import status
from tests.support.doubles.scripts import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def running(properties: Path, port: int) -> Iterator[None]:
    """Run a worker that answers at a port, until the test is through with it."""
    argv = kafka_jars.java("org.apache.kafka.connect.cli.ConnectDistributed", properties, options=("-Xmx300m",))
    said = properties.with_name("log")
    with said.open("w") as log:
        worker = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        wait_until(lambda: asked(port, "/health") == 200 or worker.poll() is not None, 240)
        assert worker.poll() is None, said.read_text()[-3000:]
        yield
    finally:
        worker.kill()
        worker.wait()


def asked(port: int, path: str, config: dict[str, str] | None = None) -> int:
    """Return the status of a call of its REST API, 0 where nobody answers."""
    data = None if config is None else json.dumps(config).encode()
    method = "GET" if config is None else "PUT"
    return status(
        urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}, method=method
        )
    )


def lines_source(file: Path, topic: str) -> dict[str, str]:
    """Return a connector that makes a record of each line of a file."""
    return {
        "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "file": str(file),
        "topic": topic,
    }


STRINGS = {"value.converter": "org.apache.kafka.connect.storage.StringConverter"}
"""What keeps a connector's records as they are."""
