"""One broker of Kafka 4.3.1 on this machine, for tests of its clients."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import time
from typing import TYPE_CHECKING, Any

from tests.hermetic import certificates
from tests.support import kafka_jars
from tests.support.doubles.ports import free_port, listens
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
        self.security: dict[str, Any] = {}
        self.file = folder / "server.properties"
        self.file.write_text(self.properties(controller))
        formatting = ["format", "-t", "aXFd1s3ZRGahVL1Gd5wNHg", "-c", str(self.file), *self.formatting()]
        done = process.run(kafka_jars.java("kafka.tools.StorageTool", *formatting), timeout=120)
        assert done.ok, done.stdout + done.stderr
        self.running: subprocess.Popen[bytes] | None = None

    def properties(self, controller: int) -> str:
        """Return its configuration."""
        return PROPERTIES.format(port=self.port, controller=controller, folder=self.folder)

    def formatting(self) -> list[str]:
        """Return more arguments of the program that makes its volume."""
        return []

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

    def ports(self) -> list[int]:
        """Return where clients reach it: a broker opens its listeners one after the other."""
        return [self.port]

    def _listens(self) -> bool:
        return all(listens(port) for port in self.ports())

    def make(self, *topics: str, partitions: int = 1) -> None:
        """Create topics."""
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]

        async def make() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address, **self.security)
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
            admin = AIOKafkaAdminClient(bootstrap_servers=self.address, **self.security)
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
                **self.security,
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


SECURED = """\
listener.security.protocol.map=CLIENTS:SASL_SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT
listeners=CLIENTS://127.0.0.1:{port},INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port},INNER://127.0.0.1:{inner}
inter.broker.listener.name=INNER
sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
 user_plain="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={folder}/keystore.pem
"""


class SecuredKafkaServer(KafkaServer):
    """A broker as somebody else runs it: who has no password, or does not trust its certificate, gets nothing.

    The user ``orders`` signs in by either SCRAM, ``plain`` by PLAIN, both with ``PASSWORD``. Clients must trust
    ``authority``.
    """

    PASSWORD = "a p=s$w{o}rd'!#"  # noqa: S105

    def __init__(self, folder: Path) -> None:
        pair = certificates.make(folder / "tls", ["IP:127.0.0.1"])
        self.authority = pair.certificate
        (folder / "keystore.pem").write_text(pair.key.read_text() + pair.certificate.read_text())
        super().__init__(folder)
        self.security = {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "orders",
            "sasl_plain_password": self.PASSWORD,
            "ssl_context": ssl.create_default_context(cafile=str(self.authority)),
        }

    def properties(self, controller: int) -> str:
        """Return its configuration."""
        plain = super().properties(controller).splitlines(keepends=True)
        kept = "".join(line for line in plain if "listeners=" not in line)
        return kept + SECURED.format(
            port=self.port, inner=free_port(), controller=controller, folder=self.folder, password=self.PASSWORD
        )

    def formatting(self) -> list[str]:
        """Return more arguments of the program that makes its volume."""
        users = (f"SCRAM-SHA-{size}=[name=orders,password={self.PASSWORD}]" for size in (256, 512))
        return [argument for user in users for argument in ("--add-scram", user)]
