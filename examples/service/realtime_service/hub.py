"""Messages on their way to whoever listens."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1000
"""Messages that a listener may be behind. Then it misses the oldest: one slow screen must not stop the others."""


@dataclass(frozen=True)
class Message:
    """One message: ``kafka`` or ``mqtt``, the topic, and the payload as text."""

    source: str
    topic: str
    payload: str

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON values."""
        return asdict(self)


class Hub:
    """Hands every message to every listener."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Message]] = set()

    def publish(self, message: Message) -> None:
        """Hand a message on."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    @contextlib.contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Message]]:
        """Return a queue with all messages from now on."""
        queue: asyncio.Queue[Message] = asyncio.Queue(LIMIT)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
