"""``backup-kafka.sh`` and ``backup-connect.sh``, with Kafka 4.3.1 and Connect themselves."""

from __future__ import annotations

import json
import shlex
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import kafka_jars
from tests.support.doubles.ports import free_port
from tests.support.doubles.scripts import Script, succeeded, wait_until
from tests.support.kafka_server import KafkaServer

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = {
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-get-offsets.sh": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
}

SCHEMAS = [
    '{"keytype":"SCHEMA","subject":"a-value","version":1,"magic":1}\t{"subject":"a-value","version":1,"id":1,"schema":"\\"string\\""}',
    '{"keytype":"NOOP","magic":0}\tnull',
    '{"keytype":"SCHEMA","subject":"b-value","version":1,"magic":1}\t{"subject":"b-value","version":1,"id":2,"schema":"{\\"type\\":\\"record\\"}"}',
    '{"keytype":"SCHEMA","subject":"b-value","version":1,"magic":1}\tnull',
]


class Pod:
    """The steps of a backup that speak to Kafka and Connect."""

    def __init__(self, folder: Path, backup: Path) -> None:
        self.folder, self.backup = folder, backup
        backup.mkdir(exist_ok=True)
        folder.mkdir()
        self.kafka = KafkaServer(folder)
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "bin").mkdir()
        for name, main in PROGRAMS.items():
            program = folder / "bin" / name
            program.write_text(f'#!/bin/bash\nexec {shlex.join(kafka_jars.java(main))} "$@"\n')
            program.chmod(0o755)

    def run(self, script: str, verb: str) -> list[str]:
        env = {
            "BOOTSTRAP_SERVERS": self.kafka.address,
            "SCHEMAS_TOPIC": "_schemas",
            "CONNECT_URL": self.url,
            "BACKUP_DIR": self.backup,
            "KAFKA_BIN": self.folder / "bin",
            "POLL_SECONDS": "0.2",
        }
        step = Script(script, "busybox", env)
        step.argv.append(verb)
        return succeeded(step.run(timeout=900))

    def program(self, name: str, *arguments: str, stdin: str = "") -> str:
        argv = [str(self.folder / "bin" / name), "--bootstrap-server", self.kafka.address, *arguments]
        return subprocess.run(argv, input=stdin, check=True, capture_output=True, encoding="utf-8").stdout

    def connect(self, path: str, body: Any = None, method: str = "GET") -> Any:
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(  # noqa: S310
            self.url + path, content, {"Content-Type": "application/json"}, method="POST" if body else method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")

    def worker(self) -> subprocess.Popen[bytes]:
        properties = self.folder / "connect.properties"
        properties.write_text(
            f"bootstrap.servers={self.kafka.address}\ngroup.id=connect\nlisteners={self.url}\n"
            "key.converter=org.apache.kafka.connect.storage.StringConverter\n"
            "value.converter=org.apache.kafka.connect.storage.StringConverter\n"
            + "".join(
                f"{kind}.storage.topic=_{kind}s\n{kind}.storage.replication.factor=1\n"
                for kind in ("config", "offset", "status")
            )
        )
        argv = kafka_jars.java("org.apache.kafka.connect.cli.ConnectDistributed", properties, options=("-Xmx400m",))
        with (self.folder / "connect.log").open("w") as log:
            return subprocess.Popen(argv, stdout=log, stderr=log)

    def answers(self) -> bool:
        try:
            self.connect("/connectors")
        except OSError:
            return False
        return True


def schemas(pod: Pod) -> list[str]:
    said = pod.program(
        "kafka-console-consumer.sh", "--topic", "_schemas", "--from-beginning", "--timeout-ms", "10000",
        "--formatter-property", "print.key=true", "--formatter-property", "key.separator=\t",
    )  # fmt: skip
    return [line for line in said.splitlines() if line.startswith("{")]


@pytest.mark.xdist_group("kafka")
def test_topics_schemas_and_connectors_are_there_again(tmp_path: Path) -> None:
    backup, read = tmp_path / "backup", tmp_path / "read"
    read.write_text("one\ntwo\n")
    source = {"connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector", "file": str(read)}
    old = Pod(tmp_path / "old", backup)
    old.kafka.start()
    worker = old.worker()
    try:
        old.program("kafka-topics.sh", "--create", "--topic", "_schemas", "--config", "cleanup.policy=compact")
        old.program("kafka-topics.sh", "--create", "--topic", "plain", "--partitions", "3")
        old.program(
            "kafka-topics.sh", "--create", "--topic", "kept", "--config", "retention.ms=60000",
            "--config", "cleanup.policy=compact,delete",
        )  # fmt: skip
        old.program(
            "kafka-console-producer.sh", "--topic", "_schemas", "--reader-property", "parse.key=true",
            "--reader-property", "key.separator=\t", "--reader-property", "null.marker=null",
            stdin="".join(f"{line}\n" for line in SCHEMAS),
        )  # fmt: skip
        wait_until(old.answers, 120)
        old.connect("/connectors", {"name": "files", "config": {**source, "topic": "plain", "tasks.max": "1"}})
        owned = {**source, "topic": "plain", "vela.realtime.owner": "plant/demo/platform"}
        old.connect("/connectors", {"name": "owned", "config": owned})
        wait_until(lambda: bool(old.connect("/connectors/files/offsets")["offsets"]), 120)
        assert old.run("backup-kafka.sh", "save") == ["2 topics: saved", "4 records of schemas: saved"]
        assert old.run("backup-connect.sh", "save") == ["connector files: saved"]
    finally:
        worker.kill()
        worker.wait()
        old.kafka.stop()
    assert sorted((backup / "kafka" / "topics").read_text().splitlines()) == [
        "kept 1 1 cleanup.policy=compact,delete retention.ms=60000",
        "plain 3 1",
    ]

    new = Pod(tmp_path / "new", backup)
    new.kafka.start()
    worker = new.worker()
    try:
        restored = ["topic kept: made", "topic plain: made", "topic _schemas: made", "all topics are as declared"]
        assert sorted(new.run("backup-kafka.sh", "restore")) == sorted([*restored, "4 records of schemas: restored"])
        assert schemas(new) == SCHEMAS
        described = new.program("kafka-configs.sh", "--describe", "--entity-type", "topics", "--entity-name", "kept")
        assert "retention.ms=60000" in described
        wait_until(new.answers, 120)
        read.write_text("one\ntwo\nthree\n")
        assert new.run("backup-connect.sh", "restore") == ["connector files: restored"]
        # It goes on behind the two lines that had been read.
        records = [record.value.decode() for record in new.kafka.records("plain", 1)]
        assert records == ["three"]
        assert new.run("backup-connect.sh", "restore") == ["connector files: is there, and stays"]

        # Again, and after a schema that is not in the backup: what is there stays.
        assert new.run("backup-kafka.sh", "restore")[-1] == "4 records of schemas: restored"
        new.program(
            "kafka-console-producer.sh", "--topic", "_schemas", "--reader-property", "parse.key=true",
            "--reader-property", "key.separator=\t", stdin='{"keytype":"SCHEMA","subject":"c"}\t{"id":3}\n',
        )  # fmt: skip
        before = schemas(new)
        assert new.run("backup-kafka.sh", "restore")[-1] == (
            "schemas: there are some that the backup has not, and they stay"
        )
        assert schemas(new) == before
    finally:
        worker.kill()
        worker.wait()
        new.kafka.stop()
