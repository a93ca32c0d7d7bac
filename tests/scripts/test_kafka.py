"""The Kafka scripts with Kafka 4.3.1 itself: its own wrapper, storage tool, broker, command line and Connect."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import kafka_jars
from tests.support.doubles.ports import free_port, listens
from tests.support.doubles.scripts import Script, failed, finish, succeeded, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vela_realtime import process

DOMAIN = "demo-kafka-headless.plant.svc.cluster.local"
HOST = f"demo-kafka-0.{DOMAIN}"

CONNECT_PROPERTIES = """\
bootstrap.servers={bootstrap}
group.id=connect
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
config.storage.topic=_configs
offset.storage.topic=_offsets
status.storage.topic=_status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
listeners=http://127.0.0.1:{port}
"""

SERVER_PROPERTIES = f"""\
controller.quorum.voters=0@{HOST}:{{controller}}
controller.listener.names=CONTROLLER
inter.broker.listener.name=INTERNAL
listener.security.protocol.map=CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT
log.dirs={{volume}}/kafka-logs
num.partitions=3
default.replication.factor=1
offsets.topic.replication.factor=1
log.retention.ms=70000
min.insync.replicas=1
auto.create.topics.enable=false
"""


class Broker:
    """One broker in a pod: the files that are mounted there, what is in the image, and options of Java."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port, controller = free_port(), free_port()
        for name in ("mounted", "volume", "config", "defaults", "bin"):
            (folder / name).mkdir()
        (folder / "volume" / "lost+found").mkdir()
        properties = SERVER_PROPERTIES.format(volume=folder / "volume", controller=controller)
        (folder / "mounted" / "server.properties").write_text(properties)
        # Kafka's names are this machine.
        (folder / "hosts").write_text(f"127.0.0.1 {HOST} localhost\n")
        hosts = (f"-Djdk.net.hosts.file={folder}/hosts", "-Xmx512m")
        directories: list[str | Path] = [
            "--default-configs-dir",
            folder / "defaults",
            "--mounted-configs-dir",
            folder / "mounted",
        ]
        directories += ["--final-configs-dir", folder / "config"]
        setup = kafka_jars.java("kafka.docker.KafkaDockerWrapper", "setup", *directories, options=hosts)
        server = kafka_jars.java("kafka.Kafka", folder / "config" / "server.properties", options=(*hosts, *options))
        # As the image's own start script does, which has "already formatted" from an earlier start pass.
        self._program(
            "run",
            f"said=$({shlex.join(setup)} 2>&1) || grep -qi 'already formatted' <<< \"$said\" || "
            f'{{ echo "$said"; exit 1; }}\nexec {shlex.join(server)}',
        )
        for name, main in (
            ("kafka-topics.sh", "org.apache.kafka.tools.TopicCommand"),
            ("kafka-configs.sh", "kafka.admin.ConfigCommand"),
        ):
            self._program(f"bin/{name}", f'exec {shlex.join(kafka_jars.java(main, options=hosts))} "$@"')
        env = {
            "POD_NAME": "demo-kafka-0",
            "POD_DOMAIN": DOMAIN,
            "CONTROLLERS": "1",
            "CLUSTER_ID": "aXFd1s3ZRGahVL1Gd5wNHg",
            "BROKER_PORT": self.port,
            "CONTROLLER_PORT": controller,
            "MOUNTED_DIR": folder / "mounted",
            "DATA_DIR": folder / "volume",
            "START_SCRIPT": folder / "run",
        }
        self.start = Script("kafka-start.sh", "bash", env)
        self.topics = Script(
            "kafka-topics.sh",
            "bash",
            {
                "BOOTSTRAP_SERVERS": f"{HOST}:{self.port}",
                "TOPICS_FILE": folder / "topics",
                "KAFKA_BIN": folder / "bin",
                "POLL_SECONDS": "0.2",
                "MIN_INSYNC_REPLICAS": 2,
            },
        )

    def _program(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the broker as the pod would."""
        pod = self.start.start()
        try:
            wait_until(lambda: pod.poll() is not None or listens(self.port), 120)
            assert pod.poll() is None, finish(pod)
            yield
        finally:
            pod.terminate()
            ended = finish(pod)
        assert ended.returncode == 143, ended.stdout[-2000:]

    def declare(self, *topics: str) -> list[str]:
        (self.folder / "topics").write_text("\n".join(topics) + "\n")
        return succeeded(self.topics.run(timeout=180))


class Worker:
    """A Connect worker that uses a broker, and the Job that registers connectors with it."""

    def __init__(self, broker: Broker, *more: str) -> None:
        self.folder = broker.folder
        port = free_port()
        properties = self.folder / "connect.properties"
        properties.write_text(CONNECT_PROPERTIES.format(bootstrap=f"{HOST}:{broker.port}", port=port))
        options = (f"-Djdk.net.hosts.file={self.folder}/hosts", "-Xmx512m", *more)
        self.argv = kafka_jars.java("org.apache.kafka.connect.cli.ConnectDistributed", properties, options=options)
        self.connectors = self.folder / "connectors"
        self.connectors.mkdir()
        self.job = Script(
            "connector-register.sh",
            "busybox",
            {
                "CONNECT_URL": f"http://127.0.0.1:{port}",
                "CONNECTORS_DIR": self.connectors,
                "OWNER": "plant/demo/platform",
                "POLL_SECONDS": "0.2",
            },
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        with (self.folder / "connect.log").open("w") as log:
            worker = subprocess.Popen(self.argv, stdout=log, stderr=log)
        try:
            yield
        finally:
            worker.kill()
            worker.wait()

    def declare(self, name: str, kind: str, file: str) -> None:
        config = {"connector.class": f"org.apache.kafka.connect.file.FileStream{kind}Connector", "file": file}
        topic = {"topics" if kind == "Sink" else "topic": "plain"}
        (self.connectors / f"{name}.json").write_text(json.dumps({**config, **topic, "tasks.max": "1"}))
        self._list([*self.listed, name])

    def withdraw(self, name: str) -> None:
        """Declare it no more. KubeVela leaves its file in the ConfigMap."""
        self._list([listed for listed in self.listed if listed != name])

    @property
    def listed(self) -> list[str]:
        path = self.connectors / "connectors"
        return path.read_text().split() if path.exists() else []

    def _list(self, names: list[str]) -> None:
        (self.connectors / "connectors").write_text("".join(f"{name}\n" for name in names))

    def register(self) -> process.Completed:
        return self.job.run(timeout=240)


def check_connectors(worker: Worker) -> None:
    """Register connectors with a worker that has just been started."""
    worker.declare("one", "Source", "/dev/null")
    worker.declare("two", "Source", "/dev/null")
    lines = [line for line in succeeded(worker.register()) if not line.startswith("waiting: ")]
    assert lines == ["one: made", "two: made", "one: runs", "two: runs"]

    worker.withdraw("two")
    worker.declare("three", "Sink", "/no/such/folder/file")
    done = worker.register()
    assert done.stdout.splitlines()[:3] == ["two: deleted, no longer declared", "one: configured", "three: made"]
    assert "Couldn't find or create file '/no/such/folder/file'" in done.stderr
    assert failed(done) == "connector-register: three: failed"

    (worker.connectors / "three.json").write_text('{"connector.class": "no.such.Class"}')
    assert failed(worker.register()).startswith(
        "connector-register: three: status 400: Failed to find any class that implements Connector"
    )


@pytest.mark.xdist_group("kafka")
def test_a_broker_starts_twice_and_its_topics_and_connectors_become_what_is_declared(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    worker = Worker(broker)
    done = "all topics are as declared"
    with broker.running():
        assert broker.declare("plain -1 -1", "events 2 1 retention.ms=60000 cleanup.policy=compact,delete") == [
            # Kafka has made 1, which its file says, the brokers' default by then.
            "brokers: min.insync.replicas=2",
            "topic plain: made",
            "topic events: made",
            done,
        ]
        # The brokers' file has the same retention.
        topics = ("plain -1 -1 retention.ms=70000", "events 2 1 retention.ms=60000 cleanup.policy=compact,delete")
        assert broker.declare(*topics) == ["topic plain: retention.ms=70000", done]
        assert broker.declare(*topics) == [done]
    final = (tmp_path / "config" / "server.properties").read_text().splitlines()
    for line in (
        "node.id=0",
        "process.roles=broker,controller",
        f"advertised.listeners=INTERNAL://{HOST}:{broker.port}",
        "num.partitions=3",
    ):
        assert line in final

    with broker.running(), worker.running():
        assert broker.declare("events 4 3 retention.ms=70000 cleanup.policy=delete,compact max.message.bytes=9999") == [
            "topic events: 4 partitions",
            "topic events: keeps its 1 replicas: the number is fixed when a topic is made, so 3 has no effect",
            "topic events: retention.ms=70000 cleanup.policy=[delete,compact] max.message.bytes=9999",
            done,
        ]
        check_connectors(worker)
