"""What components make or write, for others to refer to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links import queries
from vela_realtime.check.links.landscape import BROKER, DASHBOARD, PLATFORM, PROCESSOR, has_bridge, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part

# The Secrets of a platform, of a broker and of the other components; the dashes of names are part of them.
_SUFFIXES = {
    PLATFORM: (
        "mqtt-secret",
        "mqtt-users",
        "kafka-secret",
        "db-secret",
        "db-reader-secret",
        "lenses-secret",
        "passwords",
    ),
    BROKER: ("iot-mqtt-secret", "iot-mqtt-users", "kafka-secret"),
    PROCESSOR: ("stream-lenses-secret", "stream-kafka-secret"),
    DASHBOARD: ("dashboard-metabase-secret", "dashboard-grafana-secret", "dashboard-db-secret"),
}


def secrets(landscape: Landscape) -> Iterator[str]:
    """Yield the Secrets that an Application makes."""
    for part in landscape.components:
        for suffix in _SUFFIXES.get(part.type, ()):
            yield f"{part.name}-{suffix}"
        if part.type == PLATFORM:
            dashboard = part.get("visualization") or "metabase"
            if dashboard != "none":
                yield f"{part.name}-{dashboard}-secret"
            for client in part.items("clients"):
                if isinstance(client, dict):
                    yield f"{part.name}-client-{client.get('name')}"
        # A certificate's Secret is made by cert-manager.
        if part.table("tls", "issuerRef") and (name := part.text("tls", "secretName")):
            yield name
        for item in part.items("objects"):  # k8s-objects
            if isinstance(item, dict) and item.get("kind") == "Secret" and isinstance(item.get("metadata"), dict):
                yield str(item["metadata"].get("name"))


def topics(platform: Part) -> Iterator[str]:
    """Yield the topics that a platform makes or writes by itself."""
    for item in platform.items("kafkaConfig", "topics"):
        name = item.get("name") if isinstance(item, dict) else item
        if isinstance(name, str):
            yield name
    yield from _bridged(platform)


def _bridged(platform: Part) -> Iterator[str]:
    """Yield the topics that a platform's own bridge writes: what its filters map to, else ``mqtt``."""
    if platform.get("iot") is False or platform.get("mqttConfig", "bridge", "enabled") is False:
        return
    mapped = platform.table("mqttConfig", "bridge", "topics")
    yield from (str(topic) for topic in mapped.values()) if mapped else ("mqtt",)


def written_topics(part: Part) -> Iterator[str]:
    """Yield the topics that a broker or a processor writes to."""
    if part.type == BROKER and has_bridge(part):
        topic = part.text("connector", "kafkaTopic") or part.name.replace("-", "_")
        yield topic
        if part.text("connector", "errorPolicy") == "DEAD_LETTER":
            yield part.text("connector", "deadLetterTopic") or f"{topic}-dead-letter"
    elif part.type == PROCESSOR:
        yield from (topic for _, topic in strings(part.items("topics", "output")))
        if dead := part.text("errorHandling", "deadLetterTopic"):
            yield dead


def queried_topics(processor: Part) -> set[str]:
    """Return the topics that the queries of a processor write to."""
    texts = [item.get("sql") for item in processor.items("queries") if isinstance(item, dict)]
    return {table.name for text in texts if isinstance(text, str) for table in queries.read(text).writes}
