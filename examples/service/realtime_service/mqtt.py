"""Subscribing and publishing over MQTT, for as long as the service runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from realtime_service import tracing
from realtime_service.hub import Message

if TYPE_CHECKING:
    from realtime_service.hub import Hub
    from realtime_service.settings import Settings

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0


class MqttLink:
    """A client that comes back by itself, with the password as it then is."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        if settings.mqtt is None:
            raise ValueError("there is no MQTT broker")
        self._all = settings
        self._settings = settings.mqtt
        self._hub = hub
        self._client: aiomqtt.Client | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has let the service in."""
        return self._client is not None

    async def run(self) -> None:
        """Connect, subscribe, and begin anew when that ends. Runs until it is cancelled."""
        while True:
            try:
                await self._session()
            except aiomqtt.MqttError as error:
                log.warning("mqtt: %s; next try in %g s", error, RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)

    async def _session(self) -> None:
        settings = self._settings
        # Each pod is a client of its own: two of one identifier would throw each other out.
        client = aiomqtt.Client(
            settings.host,
            settings.port,
            username=settings.user,
            password=self._all.secret("mqtt", "MQTT_PASSWORD"),
            keepalive=30,
            # Version 3.1.1 has no user properties.
            protocol=aiomqtt.ProtocolVersion.V5,
        )
        async with client:
            await client.subscribe(settings.filter, qos=settings.qos)
            self._client = client
            log.info("mqtt: connected to %s:%d, filter %s", settings.host, settings.port, settings.filter)
            try:
                async for message in client.messages:
                    payload = message.payload
                    text = payload.decode(errors="replace") if isinstance(payload, bytes | bytearray) else str(payload)
                    topic = str(message.topic)
                    with tracing.receiving("mqtt", topic, getattr(message.properties, "UserProperty", [])):
                        log.info("mqtt: a message from %s", topic)
                        self._hub.publish(Message("mqtt", topic, text))
            finally:
                self._client = None

    async def send(self, topic: str, payload: str) -> bool:
        """Publish a message and wait until the broker has it. False: there is no connection."""
        if self._client is None:
            return False
        try:
            with tracing.sending("mqtt", topic) as carried:
                properties = Properties(PacketTypes.PUBLISH)
                properties.UserProperty = list(carried.items())
                await self._client.publish(topic, payload, qos=self._settings.qos, properties=properties)
        except aiomqtt.MqttError as error:
            log.warning("mqtt: cannot publish: %s", error)
            return False
        return True
