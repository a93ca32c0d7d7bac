"""Topics as Kafka's brokers take them: names that collide, how long records stay, and settings by name and value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from vela_realtime.check.links.landscape import PLATFORM
from vela_realtime.findings.suggest import nearest, one_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vela_realtime.check.links.landscape import Landscape, Part
    from vela_realtime.documents.application import Route
    from vela_realtime.findings import Finding

RULE = "kafka-topic"

DURATION = re.compile(r"-1|[0-9]{1,9}(ms|s|m|h|d|w)")
"""What the library reads as a time: ``#DurationPattern`` in its ``units.cue``."""

_WHOLE = re.compile(r"-?[0-9]+")
_NUMBERS = {
    # Least value by name: org.apache.kafka.storage.internals.log.LogConfig of Kafka 4.
    "compression.gzip.level": -1, "compression.lz4.level": 1, "compression.zstd.level": -131072,
    "delete.retention.ms": 0, "file.delete.delay.ms": 0, "flush.messages": 1, "flush.ms": 0, "index.interval.bytes": 0,
    "local.retention.bytes": -2, "local.retention.ms": -2, "max.compaction.lag.ms": 1, "max.message.bytes": 0,
    "message.timestamp.after.max.ms": 0, "message.timestamp.before.max.ms": 0, "min.compaction.lag.ms": 0,
    "min.insync.replicas": 1, "retention.bytes": -2, "retention.ms": -1, "segment.bytes": 1048576,
    "segment.index.bytes": 4, "segment.jitter.ms": 0, "segment.ms": 1,
}  # fmt: skip
_CHOICES = {
    "cleanup.policy": ("compact", "delete"),
    "compression.type": ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
    "message.timestamp.type": ("CreateTime", "LogAppendTime"),
    **dict.fromkeys(
        ("preallocate", "remote.copy.disable", "remote.log.delete.on.disable", "remote.storage.enable",
         "unclean.leader.election.enable"),
        ("true", "false"),
    ),
}  # fmt: skip
_OTHERS = {
    "follower.replication.throttled.replicas", "leader.replication.throttled.replicas", "min.cleanable.dirty.ratio",
}  # fmt: skip
SETTINGS = [*_NUMBERS, *_CHOICES, *_OTHERS]
"""The settings that a topic has; a broker refuses a topic with any other."""

RESERVED = {"__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"}
"""The names of Kafka's own topics: org.apache.kafka.common.internals.Topic."""


def check(landscape: Landscape, _neighbours: object) -> Iterator[Finding]:
    """Yield topics of a platform that its brokers refuse to make."""
    for part in landscape.of_type(PLATFORM):
        seen: dict[str, str] = {}
        yield from _retention(landscape, part.at("kafkaConfig", "retention"), part.get("kafkaConfig", "retention"))
        for index, item in enumerate(part.items("kafkaConfig", "topics")):
            route = part.at("kafkaConfig", "topics", index)
            name = item.get("name") if isinstance(item, dict) else item
            if isinstance(name, str):
                here = (*route, "name") if isinstance(item, dict) else route
                yield from _name(landscape, here, name, seen)
            if isinstance(item, dict) and isinstance(name, str):
                yield from _retention(landscape, (*route, "retention"), item.get("retention"), name)
            config = item.get("config") if isinstance(item, dict) else None
            for key, value in config.items() if isinstance(config, dict) else ():
                yield from _setting(landscape, part, (*route, "config", key), str(key), value)


def _name(landscape: Landscape, route: Route, name: str, seen: dict[str, str]) -> Iterator[Finding]:
    # Names of metrics have no dots: brokers refuse a topic that only differs in them from one that is there.
    plain = name.replace(".", "_")
    message = ""
    if name in RESERVED:
        message = f"{name} is a topic of Kafka's own"
    elif plain in seen and seen[plain] != name:
        message = f"the topics {name} and {seen[plain]} collide: Kafka takes . and _ for the same"
    seen.setdefault(plain, name)
    if message:
        yield landscape.document.finding(route, RULE, message, at_value=True)


def _retention(landscape: Landscape, route: Route, value: Any, topic: str = "") -> Iterator[Finding]:
    """Report a time that nobody can read, in the words of the definition, which would say so only once it renders."""
    if not isinstance(value, str) or DURATION.fullmatch(value):
        return  # another type is reported as that
    what = f'kafkaConfig.topics: retention "{value}" of {topic}' if topic else f'kafkaConfig.retention "{value}"'
    message = f"{what} is no duration: write 90m, 24h, 30d, 2w, or -1 for ever"
    yield landscape.document.finding(route, "property-rule", message, at_value=True)


def _setting(landscape: Landscape, part: Part, route: Route, key: str, value: Any) -> Iterator[Finding]:
    document = landscape.document
    if key not in SETTINGS:
        meant = nearest(key, SETTINGS)
        hint = f"did you mean {meant}?" if meant else "Kafka's documentation has the list: Topic Configs"
        yield document.finding(route, RULE, f"a topic has no setting {key}", hint=hint)
    elif not isinstance(value, str):
        return  # another type than the parameter's is reported as that
    elif key in _NUMBERS and (not _WHOLE.fullmatch(value) or int(value) < _NUMBERS[key]):
        wanted = f"a whole number, at least {_NUMBERS[key]}"
        yield document.finding(route, RULE, f"{key} must be {wanted}, not {shown(value)}", at_value=True)
    elif key in _CHOICES:
        given = [word.strip() for word in value.split(",")] if key == "cleanup.policy" else [value]
        wrong = [word for word in given if word not in _CHOICES[key]]
        if wrong:
            meant = nearest(wrong[0], _CHOICES[key])
            hint = f"did you mean {meant}?" if meant else ""
            message = f"{key} must be {one_of(_CHOICES[key])}, not {shown(wrong[0])}"
            yield document.finding(route, RULE, message, hint=hint, at_value=True)
    elif key == "min.insync.replicas":
        yield from _copies(landscape, part, route, int(value))


def _copies(landscape: Landscape, part: Part, route: Route, least: int) -> Iterator[Finding]:
    """Report a topic that nobody could ever write to: more copies have to answer than there are."""
    topic: Any = landscape.document.data
    for step in route[:-2]:
        topic = topic[step]
    everyone = part.get("kafkaConfig", "replicationFactor")
    copies = topic.get("replicationFactor", 1 if everyone is None else everyone)
    if isinstance(copies, int) and not isinstance(copies, bool) and least > copies:
        there = "is 1 copy" if copies == 1 else f"are {copies} copies"
        message = f"min.insync.replicas is {least}, and there {there}: nobody could write"
        yield landscape.document.finding(route, RULE, message, at_value=True)
