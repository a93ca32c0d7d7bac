"""Environment variables of a service that take the place of those that a platform gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import SERVICE
from vela_realtime.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.documents.application import Route

GIVEN = {
    "MQTT_HOST", "MQTT_PORT", "MQTT_USER", "MQTT_PASSWORD", "MQTT_WEBSOCKET_PORT",
    "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SCHEMA_REGISTRY_URL",
    "DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD",
    "METABASE_URL", "METABASE_USER", "METABASE_PASSWORD",
    "GRAFANA_URL", "GRAFANA_USER", "GRAFANA_PASSWORD",
    "LENSES_URL", "LENSES_USER", "LENSES_PASSWORD",
}  # fmt: skip
"""What is in the connection Secrets of a platform."""

STREAMING = {
    "topics": "KAFKA_TOPICS",
    "consumerGroup": "KAFKA_CONSUMER_GROUP",
    "autoOffsetReset": "KAFKA_AUTO_OFFSET_RESET",
}
"""What ``streaming`` says of a consumer, by property."""


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:  # noqa: ARG001 - every layer is called alike
    """Yield the variables that hide what a service asked a platform for."""
    for part, _ in landscape.clients:
        owner = part if part.type == SERVICE else _component(landscape, part)
        if owner is None:
            continue
        prefix = f"{part.text('prefix')}_" if part.text("prefix") else ""
        given = {f"{prefix}{name}" for name in GIVEN}
        streaming = part.table("streaming") if part.get("streaming", "enabled") is not False else {}
        asked = {name for key, name in STREAMING.items() if key in streaming}
        for route, name in _own(owner):
            if name in given | asked:
                source = "streaming" if name in asked else "the platform"
                message = f"{name} takes the place of the one that {source} gives"
                yield landscape.document.finding(
                    route,
                    "hidden-variable",
                    message,
                    hint="leave it out, or name it otherwise",
                    severity=Severity.WARNING,
                )


def _component(landscape: Landscape, trait: Part) -> Part | None:
    return next((part for part in landscape.components if part.component == trait.component), None)


def _own(part: Part) -> Iterator[tuple[Route, str]]:
    for name in part.table("environment"):
        yield part.at("environment", name), str(name)
    for index, item in enumerate(part.items("env")):
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            yield part.at("env", index), item["name"]
