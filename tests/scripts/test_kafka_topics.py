"""``kafka-topics.sh``: topics become what is declared, and nothing is ever taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doubles.kafka_tools import FakeKafka
from tests.support.doubles.scripts import Script, failed, finish, succeeded, wait_until

if TYPE_CHECKING:
    from pathlib import Path

DONE = "all topics are as declared"
LOOK = ["kafka-topics.sh --describe", "kafka-configs.sh --describe --entity-type topics"]


class Job:
    """The Job that keeps topics."""

    def __init__(self, folder: Path) -> None:
        self.kafka = FakeKafka(folder)
        self.list = folder / "topics"
        self.script = Script(
            "kafka-topics.sh",
            "bash",
            {
                "BOOTSTRAP_SERVERS": "demo-kafka:9092",
                "TOPICS_FILE": self.list,
                "KAFKA_BIN": self.kafka.bin,
                "POLL_SECONDS": "0.05",
                "WAIT_SECONDS": "20",
                "TMPDIR": folder,
            },
        )

    def run(self, *topics: str) -> list[str]:
        self.list.write_text("\n".join(topics) + "\n")
        return succeeded(self.script.run())


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_makes_what_is_missing(job: Job) -> None:
    assert job.run("a 6 2 retention.ms=60000 cleanup.policy=compact,delete", "", "b -1 -1") == [
        "topic a: made",
        "topic b: made",
        DONE,
    ]
    config = {"retention.ms": "60000", "cleanup.policy": "compact,delete"}
    assert job.kafka.topics == {
        "a": {"partitions": 6, "replicas": 2, "config": config},
        "b": {"partitions": 3, "replicas": 1, "config": {}},
    }


def test_a_second_run_only_looks(job: Job) -> None:
    topics = ("a 6 2 retention.ms=60000 cleanup.policy=compact,delete segment.ms=1", "b -1 -1")
    job.run(*topics)
    before = job.kafka.topics
    job.kafka.set(calls=[])
    assert job.run(*topics) == [DONE]
    assert job.kafka.calls == LOOK
    assert job.kafka.topics == before


def test_applies_what_changed_and_no_more(job: Job) -> None:
    job.run("a 3 1 retention.ms=1 cleanup.policy=delete", "b 3 1")
    job.kafka.set(calls=[])
    assert job.run("a 6 1 retention.ms=1 cleanup.policy=compact,delete max.message.bytes=9", "b 3 1") == [
        "topic a: 6 partitions",
        "topic a: cleanup.policy=[compact,delete] max.message.bytes=9",
        DONE,
    ]
    assert job.kafka.calls == [
        *LOOK,
        "kafka-topics.sh --alter --topic a --partitions 6",
        "kafka-configs.sh --alter --entity-type topics --entity-name a "
        "--add-config cleanup.policy=[compact,delete],max.message.bytes=9",
        *LOOK,
    ]
    assert job.kafka.topics["a"]["config"]["cleanup.policy"] == "compact,delete"


def test_a_setting_that_the_brokers_have_as_well_is_set_all_the_same(job: Job) -> None:
    """They may have another one tomorrow."""
    job.run("a 3 1")
    job.kafka.set(inherited={"retention.ms": "86400000"})
    assert job.run("a 3 1 retention.ms=86400000") == ["topic a: retention.ms=86400000", DONE]
    assert job.run("a 3 1 retention.ms=86400000") == [DONE]
    assert job.kafka.topics["a"]["config"] == {"retention.ms": "86400000"}


def test_what_topics_that_say_nothing_have(job: Job) -> None:
    """A cluster that began with one copy has kept 1."""
    job.kafka.set(default={"min.insync.replicas": "1"})
    job.list.write_text("a 3 1 min.insync.replicas=1\n")
    assert succeeded(job.script.run(MIN_INSYNC_REPLICAS=2)) == ["brokers: min.insync.replicas=2", "topic a: made", DONE]
    assert succeeded(job.script.run(MIN_INSYNC_REPLICAS=2)) == [DONE]
    assert job.kafka.default == {"min.insync.replicas": "2"}
    assert job.kafka.topics["a"]["config"] == {"min.insync.replicas": "1"}


def test_never_takes_away(job: Job) -> None:
    job.run("a 6 2 retention.ms=1", "gone 3 1")
    before = job.kafka.topics
    assert job.run("a 3 1") == [
        "topic a: keeps its 6 partitions: Kafka cannot take any away, so 3 has no effect",
        "topic a: keeps its 2 replicas: the number is fixed when a topic is made, so 1 has no effect",
        DONE,
    ]
    assert job.kafka.topics == before


def test_waits_for_brokers(job: Job) -> None:
    job.kafka.set(down=2)
    assert job.run("a 3 1") == ["waiting: Kafka does not answer at demo-kafka:9092", "topic a: made", DONE]


def test_waits_until_there_are_brokers_for_all_replicas(job: Job) -> None:
    job.kafka.set(brokers=1)
    job.list.write_text("a 3 3\nb 1 1\n")
    running = job.script.start()
    wait_until(lambda: "b" in job.kafka.topics)
    job.kafka.set(brokers=3)
    assert succeeded(finish(running)) == [
        "waiting: topic a: made: Error while executing topic command : Replication factor: 3 larger than available "
        "brokers: 1.",
        "topic b: made",
        "topic a: made",
        DONE,
    ]


def test_gives_up_with_the_reason(job: Job) -> None:
    job.kafka.set(down=99)
    job.list.write_text("a 3 1\n")
    assert failed(job.script.run(WAIT_SECONDS=0)) == (
        "kafka-topics: gave up after 0 seconds: Kafka does not answer at demo-kafka:9092: Error while executing topic "
        "command : Timed out waiting for a node assignment."
    )


def test_a_setting_that_kafka_does_not_know(job: Job) -> None:
    job.list.write_text("a 3 1 unknown.setting=1\nb 3 1\n")
    assert failed(job.script.run()) == (
        "kafka-topics: topic a: made: Error while executing topic command : Unknown topic config name: unknown.setting"
    )
    assert "b" in job.kafka.topics, "the others are not held up"


def test_a_setting_that_does_not_stay(job: Job) -> None:
    job.run("a 3 1")
    job.kafka.set(deaf=True)
    job.list.write_text("a 3 1 retention.ms=7\n")
    assert failed(job.script.run()) == "kafka-topics: topic a: retention.ms=7: done three times, and not there"


def test_another_run_was_faster(job: Job) -> None:
    program = job.kafka.bin / "kafka-topics.sh"
    real = program.read_text().removeprefix("#!/bin/sh\n")
    # Whatever is asked for is done twice, so that the second time fails.
    program.write_text("#!/bin/sh\n" + real.replace("exec ", "").replace('"$@"', '"$@" > /dev/null') + real)
    assert job.run("a 3 1") == [
        "waiting: topic a: made: Error while executing topic command : Topic 'a' already exists.",
        DONE,
    ]


def test_hands_on_the_settings_of_a_client(job: Job, tmp_path: Path) -> None:
    (tmp_path / "client.properties").write_text("security.protocol=SSL\n")
    job.list.write_text("a 3 1\n")
    seen = tmp_path / "seen"
    program = job.kafka.bin / "kafka-topics.sh"
    program.write_text(f'#!/bin/sh\ncat "$4" > {seen}\n{program.read_text()}')
    succeeded(job.script.run(CLIENT_PROPERTIES=tmp_path / "client.properties"))
    assert "security.protocol=SSL" in seen.read_text().splitlines()
