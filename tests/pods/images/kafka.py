"""``apache/kafka``: brokers, command-line tools and Connect, with Kafka's own jars from Maven Central."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.hermetic.node.images import Image
from tests.pods.images import debian, names
from tests.support import kafka_jars
from vela_realtime import process

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = (kafka_jars.POM, debian.file("kafka-run-class.sh"), debian.file("kafka-run.sh"))

_PROGRAMS = {
    "kafka-server-start": "kafka.Kafka",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "connect-distributed": "org.apache.kafka.connect.cli.ConnectDistributed",
}

_LOGGING = """\
Configuration:
  Appenders:
    Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}
  Loggers:
    Root: {level: INFO, AppenderRef: [{ref: STDOUT}]}
"""


def recipe(root: Path) -> Image:
    """Lay the image out: Kafka in /opt/kafka, its start script and defaults in /etc/kafka/docker."""
    debian.fill(root, ("openjdk-17-jre-headless", "bash", "libc-bin"))
    debian.busybox(root)
    debian.users(root, appuser=1000)
    debian.folders(root, "tmp", "var/lib/kafka/data", "etc/kafka/secrets", "mnt/shared/config", "opt/kafka/config")
    (home,) = (root / "usr/lib/jvm").glob("java-17-openjdk-*")
    (root / "opt/java").mkdir()
    (root / "opt/java/openjdk").symlink_to("/" + str(home.relative_to(root)))
    # Debian's package does this when it is installed: programs that run for a second start in half of the time.
    process.run(["chroot", root, "/opt/java/openjdk/bin/java", "-Xshare:dump"], timeout=300)
    shutil.copytree(kafka_jars.folder(), root / "opt/kafka/libs")
    (root / "opt/kafka/libs").chmod(0o755)
    debian.script(root, "opt/kafka/bin/kafka-run-class.sh", "kafka-run-class.sh")
    debian.script(root, "etc/kafka/docker/run", "kafka-run.sh")
    for program, main in _PROGRAMS.items():
        path = root / "opt/kafka/bin" / f"{program}.sh"
        path.write_text(f'#!/bin/bash\nexec /opt/kafka/bin/kafka-run-class.sh {main} "$@"\n')
        path.chmod(0o755)
    for name in ("log4j2.yaml", "tools-log4j2.yaml"):
        (root / "etc/kafka/docker" / name).write_text(_LOGGING)
    (root / "etc/kafka/docker/server.properties").write_text("process.roles=broker,controller\nnode.id=1\n")
    return Image(
        names.reference("kafka"),
        [root],
        command=["/etc/kafka/docker/run"],
        user="appuser",
        environment={
            "JAVA_HOME": "/opt/java/openjdk",
            "PATH": "/opt/java/openjdk/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
        },
    )
