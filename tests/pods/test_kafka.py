"""Kafka really runs: topics as they are declared, and three brokers that lose nothing when one is killed."""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.checks import LIBRARY
from tests.hermetic import programs
from tests.hermetic.node.kubernetes import NODE
from tests.pods import running
from tests.pods.images import connectors, names, store
from vela_realtime import process
from vela_realtime.documents import dump
from vela_realtime.library import build
from vela_realtime.toolchain import gobuild

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hermetic import Cluster
    from tests.pods.running import Running

PLAYED = ("connect", "connectors", "postgres", "postgres-databases", "credentials")
"""What has nothing to do with Kafka: there are two cores."""

BIN = "/opt/kafka/bin"
BOOTSTRAP = "--bootstrap-server=stream-kafka:9092"
RECORDS = 100_000

TOPICS: list[Any] = [
    "plain",
    {"name": "kept", "partitions": 2, "retention": "2h", "cleanupPolicy": "delete"},
]


DEFAULTS = {"min.insync.replicas": "1", "retention.ms": "86400000"}
"""The settings of a topic that says nothing."""


def _platform(brokers: int, **kafka: Any) -> dict[str, Any]:
    kafka = {"topics": TOPICS, "replicationFactor": brokers, **kafka}
    scaling = {"minReplicas": brokers, "maxReplicas": brokers}
    return running.platform("stream", iot=False, kafkaConfig=kafka, scaling=scaling, metrics={"jmx": True})


class Kafka:
    """A Kafka of a platform, and a pod to ask it from."""

    def __init__(self, here: Running, brokers: int) -> None:
        self.here = here
        self.brokers = brokers
        here.apply(_platform(brokers))
        here.job("kafka-topics")
        here.ready("kafka", brokers)
        self.client = here.client("client", names.reference("kafka"), 1000, "stream")

    def ask(self, program: str, *arguments: str, stdin: str | None = None) -> str:
        return self.here.execute(self.client, f"{BIN}/{program}.sh", BOOTSTRAP, *arguments, stdin=stdin).stdout

    def topics(self) -> dict[str, tuple[int, int, dict[str, str]]]:
        """Return partitions, replicas and settings of each topic."""
        found = {}
        for line in self.ask("kafka-topics", "--describe").splitlines():
            if match := re.match(
                r"Topic: (\S+)\t.*PartitionCount: (\d+)\t.*ReplicationFactor: (\d+)\tConfigs: (.*)", line
            ):
                settings = dict(item.split("=", 1) for item in match[4].split(",") if "=" in item)
                found[match[1]] = (int(match[2]), int(match[3]), settings)
        return found

    def change(self, **kafka: Any) -> None:
        """Apply the platform with other topics, and wait for the new Job."""
        before = self._jobs()
        self.here.apply(_platform(self.brokers, **kafka))
        self.here.cluster.until(lambda: self._jobs() - before, 120)
        self.here.cluster.until(lambda: len(self._jobs()) == 1, running.PATIENCE)
        self.here.job("kafka-topics")

    def _jobs(self) -> set[str]:
        return {job["metadata"]["name"] for job in self.here.jobs("kafka-topics")}

    def whole(self) -> bool:
        """Tell whether every replica is in sync."""
        return not self.ask("kafka-topics", "--describe", "--under-replicated-partitions").strip()

    def read(self, topic: str, count: int) -> list[str]:
        """Read a topic from its beginning, until there is nothing more for a while."""
        arguments = ["--topic", topic, "--from-beginning", "--max-messages", str(count), "--timeout-ms", "60000"]
        return self.ask("kafka-console-consumer", *arguments).splitlines()


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the definition for a site that has the agent for Java's metrics in an image."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "site.yaml").write_text(dump.dump({"plugins": {"jmx": connectors.AGENT}}))
    build.build(LIBRARY, names=["realtime-platform"], site=folder / "site.yaml", output=folder)
    return folder / "realtime-platform.yaml"


@contextmanager
def _kafka(cluster: Cluster, definition: Path, brokers: int) -> Iterator[Kafka]:
    store.give(cluster, "jmx-agent")
    with running.namespace(cluster, PLAYED) as here:
        cluster.kubectl("apply", "--server-side", here.inside, f"--filename={definition}")
        yield Kafka(here, brokers)


@pytest.fixture(scope="module")
def one(platform_cluster: Cluster, definition: Path) -> Iterator[Kafka]:
    with _kafka(platform_cluster, definition, 1) as kafka:
        yield kafka


@pytest.fixture(scope="module")
def three(platform_cluster: Cluster, definition: Path) -> Iterator[Kafka]:
    with _kafka(platform_cluster, definition, 3) as kafka:
        yield kafka


def test_topics_are_as_declared(one: Kafka) -> None:
    assert one.topics() == {
        "plain": (3, 1, DEFAULTS),
        "kept": (2, 1, {**DEFAULTS, "retention.ms": "7200000", "cleanup.policy": "delete"}),
    }
    # What no topic says, the broker says.
    config = one.ask("kafka-configs", "--describe", "--entity-type=brokers", "--entity-name=0", "--all")
    assert re.search(r"^\s*log\.retention\.ms=86400000 ", config, re.MULTILINE)
    assert re.search(r"^\s*auto\.create\.topics\.enable=false ", config, re.MULTILINE)


def test_a_broker_knows_its_zone(one: Kafka) -> None:
    config = one.ask("kafka-configs", "--describe", "--entity-type=brokers", "--entity-name=0", "--all")
    assert re.search(rf"^\s*broker\.rack={NODE} ", config, re.MULTILINE)


def test_javas_metrics(one: Kafka) -> None:
    metrics = one.here.metrics("stream-kafka-0", 9404).splitlines()
    assert "kafka_controller_kafkacontroller_activecontrollercount 1.0" in metrics
    assert "kafka_server_replicamanager_underreplicatedpartitions 0.0" in metrics


def test_topics_grow_and_are_never_deleted(one: Kafka) -> None:
    one.ask("kafka-console-producer", "--topic=kept", stdin="a record\n")
    one.change(
        topics=[
            {"name": "kept", "partitions": 4, "retention": "1h"},
            {"name": "new", "config": {"max.message.bytes": "2048"}},
        ]
    )
    topics = one.topics()
    assert set(topics) - {"__consumer_offsets"} == {"plain", "kept", "new"}
    assert topics["plain"] == (3, 1, DEFAULTS)
    assert topics["kept"][:2] == (4, 1)
    assert topics["kept"][2]["retention.ms"] == "3600000"
    assert topics["new"] == (3, 1, {**DEFAULTS, "max.message.bytes": "2048"})
    assert one.read("kept", 1) == ["a record"]
    # Fewer partitions cannot be had: it is said, and nothing is done.
    one.change(topics=[{"name": "kept", "partitions": 1, "retention": "1h"}])
    assert one.topics()["kept"][0] == 4
    assert "keeps its 4 partitions" in one.here.logs("kafka-topics")


def test_records_outlive_the_pod(one: Kafka) -> None:
    one.ask("kafka-console-producer", "--topic=plain", stdin="kept\n")
    pod = one.here.pods("kafka")[0]["metadata"]
    one.here.cluster.kubectl("delete", "pod", pod["name"], one.here.inside, timeout=running.PATIENCE)
    (again,) = one.here.ready("kafka")
    assert again["metadata"]["uid"] != pod["uid"]
    assert one.read("plain", 1) == ["kept"]


def test_brokers_come_and_go_as_the_docs_say(one: Kafka, tmp_path: Path) -> None:
    docs = LIBRARY.root / "docs"
    # The function that runs Kafka's tools, and what is done with it.
    (kafka,) = re.findall(
        r"^kafka\(\) \{\n.*?^\}\n", (docs / "runbooks/README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    (move,) = re.findall(r"```bash\n(.*?)```", (docs / "kafka.md").read_text(), re.DOTALL)
    env = {"KUBECONFIG": str(one.here.cluster.kubeconfig), "NS": one.here.namespace, "NAME": "stream"}
    env["PATH"] = f"{gobuild.path(programs.KUBECTL).parent}:{os.environ['PATH']}"

    def to(brokers: str) -> None:
        script = kafka + move.replace("--broker-list 0,1,2", f"--broker-list {brokers}")
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = process.run(command, cwd=tmp_path, env=env, timeout=running.PATIENCE)
        assert done.ok, done.stderr
        one.here.cluster.until(lambda: placed() == set(brokers.split(",")), running.PATIENCE)

    def placed() -> set[str]:
        """Return the brokers that have a partition."""
        return set(re.findall(r"\tReplicas: (\d)\t", one.ask("kafka-topics", "--describe")))

    one.ask("kafka-console-producer", "--topic=new", stdin="a\nb\nc\nd\n")
    one.here.apply(_platform(2, replicationFactor=1, controllers=1))
    one.here.ready("kafka", 2)
    assert placed() == {"0"}
    to("0,1")
    to("0")
    one.here.apply(_platform(1))
    one.here.ready("kafka", 1)
    assert sorted(one.read("new", 4)) == ["a", "b", "c", "d"]


def test_three_brokers_share_the_work(three: Kafka) -> None:
    assert three.topics()["plain"] == (3, 3, {**DEFAULTS, "min.insync.replicas": "2"})
    leaders = {
        line.split("Leader: ")[1].split("\t")[0]
        for line in three.ask("kafka-topics", "--describe", "--topic=plain").splitlines()
        if "Leader: " in line
    }
    assert leaders == {"0", "1", "2"}
    assert all(count == 0 for count in three.here.restarts().values()), three.here.restarts()


def test_no_acknowledged_record_is_lost_when_a_broker_is_killed(three: Kafka) -> None:
    here, client = three.here, three.client
    # The producer prints one line of JSON for each record that was acknowledged.
    options = f"--topic plain --acks -1 --max-messages {RECORDS} --throughput 2000"
    producer = f"{BIN}/kafka-verifiable-producer.sh {BOOTSTRAP} {options}"
    # Nothing of it may hold on to the output of the shell, or the shell would not return before it.
    here.shell(client, f"({producer}; echo ended) > /tmp/produced 2>&1 < /dev/null &")

    def lines() -> int:
        return int(here.shell(client, "wc -l < /tmp/produced"))

    here.cluster.until(lambda: lines() > RECORDS // 10, running.PATIENCE)
    # At once, without a word: not what a rolling update does.
    here.cluster.kubectl("delete", "pod", "stream-kafka-1", here.inside, "--grace-period=0", "--force", "--wait=false")
    killed_at = lines()
    assert killed_at < RECORDS, "it was too late to be of any meaning"
    here.cluster.until(lambda: here.shell(client, "tail -n 1 /tmp/produced") == "ended", running.PATIENCE)
    here.ready("kafka", 3)
    number = r"""grep producer_send_success /tmp/produced | sed 's/.*"value":"\([0-9]*\)".*/\1/' | sort -u"""
    here.shell(client, f"{number} > /tmp/acknowledged")
    acknowledged = int(here.shell(client, "wc -l < /tmp/acknowledged"))
    assert acknowledged > killed_at
    reader = f"{BIN}/kafka-console-consumer.sh {BOOTSTRAP} --topic plain --from-beginning --timeout-ms 60000"
    here.shell(client, f"{reader} 2> /dev/null | sort -u > /tmp/read")
    assert here.shell(client, "comm -23 /tmp/acknowledged /tmp/read | wc -l") == "0"
    here.cluster.until(three.whole, running.PATIENCE)


def test_a_changed_configuration_rolls_without_an_offline_partition(three: Kafka, tmp_path: Path) -> None:
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in three.here.pods("kafka")}
    script = f"while :; do {BIN}/kafka-topics.sh {BOOTSTRAP} --describe --unavailable-partitions && echo looked; done"
    command: list[str | Path] = [gobuild.path(programs.KUBECTL), f"--kubeconfig={three.here.cluster.kubeconfig}"]
    command += ["exec", three.client, three.here.inside, "--", "sh", "-c", script]
    with (tmp_path / "offline").open("w") as seen, subprocess.Popen(command, stdout=seen, stderr=seen) as watching:
        try:
            three.here.apply(_platform(3, retention="48h"))

            def rolled() -> bool:
                pods = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in three.here.pods("kafka")}
                return len(pods) == len(before) and not set(pods.values()) & set(before.values())

            three.here.cluster.until(rolled, running.PATIENCE)
            three.here.ready("kafka", 3)
        finally:
            watching.terminate()
    seen_offline = (tmp_path / "offline").read_text()
    assert seen_offline.count("looked") >= 3
    assert "Leader: none" not in seen_offline
    config = three.ask("kafka-configs", "--describe", "--entity-type=brokers", "--entity-name=2", "--all")
    assert re.search(r"^\s*log\.retention\.ms=172800000 ", config, re.MULTILINE)
    three.here.cluster.until(three.whole, running.PATIENCE)
