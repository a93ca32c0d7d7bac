"""The HTTP side: health, a way in for messages, and a websocket that shows all that arrive."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect

from realtime_service.hub import Hub, Message
from realtime_service.kafka import KafkaLink
from realtime_service.mqtt import MqttLink
from realtime_service.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, MutableMapping


log = logging.getLogger(__name__)


def create(settings: Settings | None = None, kafka: KafkaLink | None = None, hub: Hub | None = None) -> FastAPI:
    """Return the application. ``kafka`` takes the place of the real connection, for tests."""
    settings = settings or Settings.read()
    hub = hub or Hub()
    if kafka is None and settings.kafka is not None:
        kafka = KafkaLink(settings, hub)
    mqtt = MqttLink(settings, hub) if settings.mqtt is not None else None
    links = {name: link for name, link in (("kafka", kafka), ("mqtt", mqtt)) if link is not None}

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(link.run(), name=name) for name, link in links.items()]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        title=settings.name,
        lifespan=lifespan,
        telemetry={"auto_configure": True, "operation_spans": False, "exclude": _is_probe},
    )

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Tell that the process is alive. A broker that is away is no reason to restart it."""
        return {"status": "ok"}

    @app.get("/ready")
    async def ready(response: Response) -> dict[str, str]:
        """Tell what is connected; 503 while something is not."""
        state = {name: "connected" if link.connected else "waiting" for name, link in links.items()}
        if "waiting" in state.values():
            response.status_code = 503
        return state

    @app.post("/messages", status_code=202)
    async def accept(message: dict[str, Any], response: Response) -> dict[str, bool]:
        """Hand a message to Kafka's first topic and to MQTT, and say who has it; 503 where nobody has."""
        taken = await _hand_on(json.dumps(message, ensure_ascii=False), settings, kafka, mqtt)
        log.info("http: a message, taken by %s", ", ".join(name for name in taken if taken[name]) or "nobody")
        if not any(taken.values()):
            response.status_code = 503
        return taken

    @app.websocket(settings.websocket_path)
    async def live(socket: WebSocket) -> None:
        """Send everything that arrives, as JSON, for as long as the other side listens."""
        await socket.accept()
        with hub.listen() as queue:
            await _show(socket, queue)

    return app


def _is_probe(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in {"/health", "/ready"}


async def _hand_on(text: str, settings: Settings, kafka: KafkaLink | None, mqtt: MqttLink | None) -> dict[str, bool]:
    taken = {}
    if kafka is not None and settings.kafka is not None and settings.kafka.topics:
        taken["kafka"] = await kafka.send(settings.kafka.topics[0], text)
    if mqtt is not None:
        taken["mqtt"] = await mqtt.send("events/accepted", text)
    return taken


async def _show(socket: WebSocket, queue: asyncio.Queue[Message]) -> None:
    await socket.send_json(Message("service", "", "listening").to_dict())
    sender = asyncio.create_task(_send_all(socket, queue))
    try:
        while True:  # what comes in is of no interest, but tells when the other side has gone
            await socket.receive_text()
    except WebSocketDisconnect:
        pass
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _send_all(socket: WebSocket, queue: asyncio.Queue[Message]) -> None:
    while True:
        await socket.send_json((await queue.get()).to_dict())
