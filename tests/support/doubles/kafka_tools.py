"""``kafka-topics.sh`` and ``kafka-configs.sh`` over a cluster that is a file: what they print, and how they fail.

Their output is that of Kafka 4.3.1; ``test_scripts_kafka.py`` runs the same script against the real ones.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Topics = dict[str, dict[str, Any]]


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class FakeKafka:
    """A cluster with some brokers."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.file = folder / "cluster.json"
        self.file.write_text(
            '{"brokers": 3, "down": 0, "defaults": {"partitions": 3, "replicas": 1}, "topics": {}, "calls": [], '
            '"inherited": {}, "default": {}}'
        )
        for name in ("kafka-topics.sh", "kafka-configs.sh"):
            program = self.bin / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {self.file} {name} "$@"\n')
            program.chmod(0o755)

    def _read(self) -> dict[str, Any]:
        with _locked(self.file):
            state: dict[str, Any] = json.loads(self.file.read_text())
            return state

    def set(self, **values: Any) -> None:
        """Change something about the cluster: how many brokers it has, for how many calls it is down, what
        topics have from its files."""
        with _locked(self.file):
            self.file.write_text(json.dumps({**json.loads(self.file.read_text()), **values}))

    @property
    def topics(self) -> Topics:
        """The topics: partitions, replicas and configuration of each."""
        topics: Topics = self._read()["topics"]
        return topics

    @property
    def default(self) -> dict[str, str]:
        """What all brokers have without a file that says so."""
        default: dict[str, str] = self._read()["default"]
        return default

    @property
    def calls(self) -> list[str]:
        """What was asked so far, without the arguments that every call has."""
        calls: list[str] = self._read()["calls"]
        return calls


def _fail(message: str) -> None:
    print(f"Error while executing topic command : {message.split(': ', 1)[-1]}")
    print(f"[2026-01-01 00:00:00,000] ERROR {message}\n\tat org.apache.kafka.Whatever(Whatever.java:1)\n (Command)")
    sys.exit(1)


def _describe(topics: Topics, inherited: dict[str, str]) -> None:
    for name, topic in topics.items():
        config = ",".join(f"{key}={value}" for key, value in {**inherited, **topic["config"]}.items())
        count, factor = topic["partitions"], topic["replicas"]
        print(
            f"Topic: {name}\tTopicId: aXFd1s3ZRGahVL1Gd5wNHg\tPartitionCount: {count}\tReplicationFactor: {factor}\t"
            f"Configs: {config}"
        )
        for number in range(count):
            print(f"\tTopic: {name}\tPartition: {number}\tLeader: 0\tReplicas: 0\tIsr: 0\tElr: \tLastKnownElr: ")


def _settings(text: str) -> dict[str, str]:
    """Read what ``--add-config`` takes: a list stands in brackets."""
    found = re.findall(r"([a-z.]+)=(?:\[([^]]*)]|([^,]*))(?:,|$)", text)
    return {key: bracketed or plain for key, bracketed, plain in found}


def _topic_command(state: dict[str, Any], options: dict[str, list[str]]) -> None:
    topics: Topics = state["topics"]
    if "describe" in options:
        _describe(topics, state["inherited"])
        return
    name = options["topic"][0]
    count = int(options.get("partitions", [str(state["defaults"]["partitions"])])[0])
    if "create" in options:
        factor = int(options.get("replication-factor", [str(state["defaults"]["replicas"])])[0])
        config = dict(item.split("=", 1) for item in options.get("config", []))
        if name in topics:
            _fail(f"org.apache.kafka.common.errors.TopicExistsException: Topic '{name}' already exists.")
        if factor > state["brokers"]:
            _fail(
                f"org.apache.kafka.common.errors.InvalidReplicationFactorException: Replication factor: {factor} "
                f"larger than available brokers: {state['brokers']}."
            )
        for key in config:
            if key.startswith("unknown"):
                _fail(f"org.apache.kafka.common.errors.InvalidConfigurationException: Unknown topic config name: {key}")
        topics[name] = {"partitions": count, "replicas": factor, "config": config}
        print(f"Created topic {name}.")
    elif count <= topics[name]["partitions"]:
        _fail(
            "org.apache.kafka.common.errors.InvalidPartitionsException: The topic "
            f"{name} currently has {topics[name]['partitions']} partition(s); {count} would not be an increase."
        )
    else:
        topics[name]["partitions"] = count


def _config_command(state: dict[str, Any], options: dict[str, list[str]]) -> None:
    configs = {name: topic["config"] for name, topic in state["topics"].items()}
    if "describe" not in options:
        config = state["default"] if "entity-default" in options else configs[options["entity-name"][0]]
        if not state.get("deaf"):
            config.update(_settings(options["add-config"][0]))
    elif "entity-default" in options:
        print("Default configs for brokers in the cluster are:")
        _print_config(state["default"], "DYNAMIC_DEFAULT_BROKER_CONFIG")
    else:
        for name, config in configs.items():
            print(f"Dynamic configs for topic {name} are:")
            _print_config(config, "DYNAMIC_TOPIC_CONFIG")


def _print_config(config: dict[str, str], source: str) -> None:
    for key, value in config.items():
        print(f"  {key}={value} sensitive=false synonyms={{{source}:{key}={value}, DEFAULT_CONFIG:{key}=0}}")


def main(file: Path, program: str, arguments: list[str]) -> None:
    """Do what one call asks for."""
    state = json.loads(file.read_text())
    options: dict[str, list[str]] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name = argument[2:]
            options.setdefault(name, [])
        else:
            options[name].append(argument)
    assert Path(options.pop("command-config")[0]).read_text().startswith("default.api.timeout.ms=")
    options.pop("bootstrap-server")
    state["calls"].append(" ".join([program, *(" ".join([f"--{key}", *values]) for key, values in options.items())]))
    try:
        if state["down"]:
            state["down"] -= 1
            _fail("org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment.")
        if program == "kafka-topics.sh":
            _topic_command(state, options)
        else:
            _config_command(state, options)
    finally:
        file.write_text(json.dumps(state))


if __name__ == "__main__":
    with _locked(Path(sys.argv[1])):
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
