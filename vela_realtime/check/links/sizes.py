"""How large a message may be on its whole way: a topic takes it, and what is before or behind the topic may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.kafka import SETTINGS, fault
from vela_realtime.check.links.landscape import PLATFORM
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours

_SIZE = "max.message.bytes"

REQUEST = 104_857_600
"""Bytes of the largest request that a broker reads: Kafka's ``socket.request.max.bytes`` where nobody sets it."""

DEAD_LETTER = 1_048_576
"""Bytes of the largest record that Connect writes as a dead letter: its producer's ``max.request.size``. The connector
goes on, and its log alone says that one was lost (``DeadLetterQueueReporter.report``): the producer refuses it at once,
and what has failed already is not waited for (``WorkerErrantRecordReporter.report``)."""


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:  # noqa: ARG001 - every layer is called alike
    """Yield topics that take larger messages than get there, or than can be kept when they fail."""
    for part in landscape.of_type(PLATFORM):
        for index, topic in enumerate(part.items("kafkaConfig", "topics")):
            config = topic.get("config") if isinstance(topic, dict) else None
            given = config.get(_SIZE) if isinstance(config, dict) else None
            if not isinstance(given, str) or fault(SETTINGS[_SIZE], given):
                continue
            for message in _faults(part, str(topic.get("name")), int(given)):
                route = part.at("kafkaConfig", "topics", index, "config", _SIZE)
                yield landscape.document.finding(
                    route, "message-size", message, severity=Severity.WARNING, at_value=True
                )


def _faults(part: Part, topic: str, size: int) -> Iterator[str]:
    if size > REQUEST and part.get("kafkaConfig", "external") is None:
        yield f"no message of {size} bytes gets there: a broker reads requests of up to {REQUEST} bytes"
    if size > DEAD_LETTER and part.get("snowflakeConfig", "enabled") is True:
        written = part.get("snowflakeConfig", "topics")
        if not isinstance(written, list) or topic in written:
            yield (
                f"a message that Snowflake refuses is kept as a dead letter up to {DEAD_LETTER} bytes: "
                f"of {topic}, larger ones are lost"
            )
