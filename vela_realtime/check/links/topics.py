"""Topics: what is read must be written or made by somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vela_realtime.check.links.landscape import DASHBOARD, PLATFORM, PROCESSOR, needs_link, strings
from vela_realtime.documents.fix import value_edit
from vela_realtime.findings import Finding, Severity
from vela_realtime.findings.suggest import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.check.links.neighbours import Neighbours
    from vela_realtime.documents.application import Route


def check(landscape: Landscape, neighbours: Neighbours) -> Iterator[Finding]:
    """Yield topics that are read from a Kafka of this Application, and that nothing in it makes.

    Brokers here do not make topics by themselves: a consumer of one that is missing waits for ever.
    """
    for part, route, topic in _read(landscape):
        kafka = neighbours.kafka_of(landscape, part)
        if kafka.owner is None or kafka.own or landscape.is_external("topic", topic):
            continue
        there = neighbours.topics(kafka.owner)
        if topic in there or (landscape.incomplete and not nearest(topic, there)):
            continue
        yield _unknown(landscape, neighbours, route, topic, kafka.owner)


def _unknown(landscape: Landscape, neighbours: Neighbours, route: Route, topic: str, owner: Part) -> Finding:
    there = neighbours.topics(owner)
    meant = nearest(topic, there)
    message = f"nothing writes or makes the topic {shown(topic)} in the Kafka of {owner.name}"
    if meant:
        hint = f"did you mean {meant}?"
    elif owner.type == PLATFORM:
        hint = f"add it to kafkaConfig.topics of {owner.name}"
    else:
        hint = f"there are {', '.join(sorted(there))}" if there else ""
    edit = value_edit(landscape.document, route, meant) if meant in neighbours.declared_topics(owner) else None
    return landscape.document.finding(
        route,
        "unknown-topic",
        message,
        hint=hint,
        at_value=True,
        severity=Severity.WARNING,
        edit=edit,
    )


def _read(landscape: Landscape) -> Iterator[tuple[Part, Route, str]]:
    """Yield every topic that somebody reads, or must find there to write, with its reader and its place."""
    for part in landscape.of_type(PROCESSOR):
        for index, topic in strings(part.items("topics", "input")):
            yield part, part.at("topics", "input", index), topic
    for part in landscape.of_type(DASHBOARD):
        for index, source in enumerate(part.items("dataSources")):
            if not needs_link(source):
                continue
            topics = source.get("topics")
            for number, topic in enumerate(topics if isinstance(topics, list) else []):
                if isinstance(topic, dict) and isinstance(topic.get("name"), str):
                    yield part, part.at("dataSources", index, "topics", number, "name"), topic["name"]
    for part in landscape.of_type(PLATFORM):
        if part.get("snowflakeConfig", "enabled") is True:
            for index, topic in strings(part.items("snowflakeConfig", "topics")):
                yield part, part.at("snowflakeConfig", "topics", index), topic
        for route, topic in _of_clients(part):
            yield part, route, topic
    for part, _ in landscape.clients:
        for index, topic in strings(part.items("streaming", "topics")):
            yield part, part.at("streaming", "topics", index), topic


def _of_clients(platform: Part) -> Iterator[tuple[Route, str]]:
    """Yield the topics that a platform's clients may read or write, but for those that are named by how they begin."""
    for index, client in enumerate(platform.items("clients")):
        rights = client.get("kafka") if isinstance(client, dict) else None
        for right in ("read", "write"):
            topics = rights.get(right) if isinstance(rights, dict) else None
            for number, topic in strings(topics if isinstance(topics, list) else []):
                if not topic.endswith("*"):
                    yield platform.at("clients", index, "kafka", right, number), topic
