"""Java's metrics: what dashboards and alerts ask for is what Kafka and Connect tell through the JMX agent."""

from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.library.test_monitoring import EXPORTERS
from tests.scripts.test_kafka import Broker, Worker
from tests.support import kafka_jars
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import failed, wait_until
from vela_realtime import library

if TYPE_CHECKING:
    from pathlib import Path

RULES = library.find().cue / "scripts" / "jmx.yaml"


def agent(port: int) -> str:
    return f"-javaagent:{kafka_jars.jmx_agent()}={port}:{RULES}"


def told(port: int) -> set[str]:
    """Return the samples without their values."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return {line.rpartition(" ")[0] for line in lines if line.startswith("kafka_")}


@pytest.mark.xdist_group("kafka")
def test_kafka_and_connect_tell_what_is_asked_for(tmp_path: Path) -> None:
    of_kafka, of_connect = free_port(), free_port()
    broker = Broker(tmp_path, agent(of_kafka))
    worker = Worker(broker, agent(of_connect))
    with broker.running(), worker.running():
        broker.declare("plain 2 1")
        worker.declare("good", "Source", "/dev/null")
        worker.declare("drain", "Sink", str(tmp_path / "drained"))
        worker.declare("bad", "Sink", "/no/such/folder/file")
        assert failed(worker.register()) == "connector-register: bad: failed"
        failure = 'kafka_connect_task_status{connector="bad",status="failed",task="0"}'
        wait_until(lambda: failure in told(of_connect))
        samples = told(of_kafka) | told(of_connect)
    found: dict[str, set[str]] = {}
    for sample in samples:
        name, _, labels = sample.partition("{")
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    listed = {name: set(labels) for name, labels in EXPORTERS["jmx"]["metrics"].items()}
    assert {name: labels for name, labels in found.items() if name in listed} == listed
    # None for each topic or partition: a broker may have thousands.
    assert not [sample for sample in samples if "topic=" in sample or "partition=" in sample]
    assert len(samples) < 200
