"""Consuming from Kafka and producing into it, for as long as the service runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]

from realtime_service import tracing
from realtime_service.hub import Message

if TYPE_CHECKING:
    from realtime_service.hub import Hub
    from realtime_service.settings import Settings

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


class KafkaLink:
    """A producer, and a consumer where there are topics; both come back by themselves."""

    def __init__(
        self,
        settings: Settings,
        hub: Hub,
        *,
        consumer: Any = AIOKafkaConsumer,
        producer: Any = AIOKafkaProducer,
    ) -> None:
        if settings.kafka is None:
            raise ValueError("there is no Kafka")
        self._all = settings
        self._settings = settings.kafka
        self._hub = hub
        self._new_consumer = consumer
        self._new_producer = producer
        self._producer: Any = None
        self.connected = False

    async def run(self) -> None:
        """Connect, consume, and begin anew when that ends. Runs until it is cancelled."""
        while True:
            try:
                await self._session()
            except (KafkaError, OSError) as error:
                log.warning("kafka: %s; next try in %g s", error, RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)

    async def _session(self) -> None:
        settings = self._settings
        brokers = {"bootstrap_servers": settings.servers, **self._security()}
        producer = self._new_producer(**brokers, acks="all", enable_idempotence=True)
        consumer = self._new_consumer(*settings.topics, **brokers, group_id=settings.group, **settings.options)
        try:
            await producer.start()
            if settings.topics:
                await consumer.start()
            self._producer, self.connected = producer, True
            log.info("kafka: connected to %s, topics %s", settings.servers, ",".join(settings.topics) or "none")
            if not settings.topics:
                await asyncio.Event().wait()
            async for record in consumer:
                carried = [(name, _text(value)) for name, value in record.headers]
                with tracing.receiving("kafka", record.topic, carried):
                    log.info("kafka: a message from %s", record.topic)
                    self._hub.publish(Message("kafka", record.topic, _text(record.value)))
        finally:
            self._producer, self.connected = None, False
            # A consumer that says goodbye gives its partitions to the others at once.
            await asyncio.shield(asyncio.gather(consumer.stop(), producer.stop(), return_exceptions=True))

    def _security(self) -> dict[str, Any]:
        """Return how the brokers are spoken to, with the password and the certificates as they are now."""
        protocol = self._settings.protocol
        found: dict[str, Any] = {}
        if protocol != "PLAINTEXT":
            found["security_protocol"] = protocol
        if protocol.startswith("SASL"):
            found["sasl_mechanism"] = self._settings.mechanism
            found["sasl_plain_username"] = self._all.secret("kafka", "KAFKA_SASL_USERNAME")
            found["sasl_plain_password"] = self._all.secret("kafka", "KAFKA_SASL_PASSWORD")
        if protocol.endswith("SSL"):
            found["ssl_context"] = ssl.create_default_context(cadata=self._all.secret("kafka", "KAFKA_CA_CERT"))
        return found

    async def send(self, topic: str, payload: str) -> bool:
        """Write a message and wait until the brokers have it. False: there is no connection."""
        if self._producer is None:
            return False
        try:
            with tracing.sending("kafka", topic) as carried:
                headers = [(name, value.encode()) for name, value in carried.items()]
                await self._producer.send_and_wait(topic, payload.encode(), headers=headers)
        except KafkaError as error:
            log.warning("kafka: cannot write to %s: %s", topic, error)
            return False
        return True


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode(errors="replace")
