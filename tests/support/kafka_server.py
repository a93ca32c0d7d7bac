"""One broker of Kafka 4.3.1 on this machine, for tests of its clients."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

from tests.support import kafka_jars
from tests.support.doubles.ports import free_port
from vela_realtime import process

if TYPE_CHECKING:
    from pathlib import Path

PROPERTIES = """\
process.roles=broker,controller
node.id=0
controller.quorum.voters=0@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
"""


class KafkaServer:
    """A broker that clients reach at ``address``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, controller = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.file = folder / "server.properties"
        self.file.write_text(PROPERTIES.format(port=self.port, controller=controller, folder=folder))
        formatting = ["format", "-t", "aXFd1s3ZRGahVL1Gd5wNHg", "-c", str(self.file)]
        done = process.run(kafka_jars.java("kafka.tools.StorageTool", *formatting), timeout=120)
        assert done.ok, done.stdout + done.stderr
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        argv = kafka_jars.java("kafka.Kafka", self.file, options=("-Xmx400m",))
        with (self.folder / "kafka.log").open("a") as log:
            self.running = subprocess.Popen(argv, stdout=log, stderr=log)
        end = time.monotonic() + 180
        while not self._listens():
            assert time.monotonic() < end, (self.folder / "kafka.log").read_text()[-3000:]
            assert self.running.poll() is None, (self.folder / "kafka.log").read_text()[-3000:]
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop it; nothing that it has acknowledged is lost."""
        if self.running is not None:
            self.running.send_signal(signal.SIGCONT)
            self.running.terminate()
            self.running.wait(60)
            self.running = None

    def freeze(self) -> None:
        """Let it answer nobody any more."""
        assert self.running is not None
        os.kill(self.running.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.running is not None
        os.kill(self.running.pid, signal.SIGCONT)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def make(self, *topics: str, partitions: int = 1) -> None:
        """Create topics."""
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]

        async def make() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            await admin.create_topics([NewTopic(name, partitions, 1) for name in topics])
            await admin.close()

        asyncio.run(make())

    def configure(self, topic: str, **settings: str) -> None:
        """Change settings of a topic; ``_`` stands for a dot."""
        from aiokafka.admin import AIOKafkaAdminClient
        from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # type: ignore[import-untyped]

        configs = {key.replace("_", "."): value for key, value in settings.items()}

        async def change() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
            await admin.start()
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])
            await admin.close()

        asyncio.run(change())

    def records(self, topic: str, count: int, timeout: float = 60) -> list[Any]:
        """Return all records of a topic, as soon as there are so many, or what is there when the time is over."""
        from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]

        async def read() -> list[Any]:
            consumer = AIOKafkaConsumer(
                topic,
                bootstrap_servers=self.address,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=50_000_000,
            )
            await consumer.start()
            found: list[Any] = []
            end = time.monotonic() + timeout
            try:
                while len(found) < count and time.monotonic() < end:
                    for records in (await consumer.getmany(timeout_ms=500)).values():
                        found += records
            finally:
                await consumer.stop()
            return found

        return asyncio.run(read())
