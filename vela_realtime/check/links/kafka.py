"""Topics as Kafka's brokers take them: names that collide, how long records stay, and settings by name and value."""

from __future__ import annotations

import re
from dataclasses import dataclass
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

_INT, _LONG = 2**31, 2**63


@dataclass(frozen=True)
class Setting:
    """What a setting of a topic may be: ``least`` and ``most`` of a number, ``choices`` of a word or of several."""

    kind: str
    least: float = 0
    most: float = 0
    choices: tuple[str, ...] = ()
    also: str = ""
    """A value outside of the bounds that stands for the usual."""


def _int(least: int, most: int = _INT - 1, also: str = "") -> Setting:
    return Setting("int", least, most, also=also)


def _long(least: int = -_LONG) -> Setting:
    return Setting("long", least, _LONG - 1)


_BOOLEAN = Setting("boolean", choices=("true", "false"))
_REPLICAS = Setting("replicas")

SETTINGS = {
    "cleanup.policy": Setting("list", choices=("compact", "delete")),
    "compression.gzip.level": _int(1, 9, also="-1"),
    "compression.lz4.level": _int(1, 17),
    "compression.type": Setting("string", choices=("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")),
    "compression.zstd.level": _int(-131072, 22),
    "delete.retention.ms": _long(0),
    "file.delete.delay.ms": _long(0),
    "flush.messages": _long(1),
    "flush.ms": _long(0),
    "follower.replication.throttled.replicas": _REPLICAS,
    "index.interval.bytes": _int(0),
    "leader.replication.throttled.replicas": _REPLICAS,
    "local.retention.bytes": _long(-2),
    "local.retention.ms": _long(-2),
    "max.compaction.lag.ms": _long(1),
    "max.message.bytes": _int(0),
    "message.timestamp.after.max.ms": _long(0),
    "message.timestamp.before.max.ms": _long(0),
    "message.timestamp.type": Setting("string", choices=("CreateTime", "LogAppendTime")),
    "min.cleanable.dirty.ratio": Setting("double", 0, 1),
    "min.compaction.lag.ms": _long(0),
    "min.insync.replicas": _int(1),
    "preallocate": _BOOLEAN,
    "remote.log.copy.disable": _BOOLEAN,
    "remote.log.delete.on.disable": _BOOLEAN,
    "remote.storage.enable": _BOOLEAN,
    "retention.bytes": _long(),
    "retention.ms": _long(-1),
    "segment.bytes": _int(1048576),
    "segment.index.bytes": _int(4),
    "segment.jitter.ms": _long(0),
    "segment.ms": _long(1),
    "unclean.leader.election.enable": _BOOLEAN,
}
"""The settings that a topic has: org.apache.kafka.storage.internals.log.LogConfig, which prints its list and is held
against this one by a test. A broker refuses a topic with any other."""

_WHOLE = re.compile(r"[-+]?[0-9]+")
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_PLACES = re.compile(r"\*|([0-9]+:[0-9]+(,[0-9]+:[0-9]+)*,?)?")

MOST_PARTITIONS = 10000
"""What the library lets a topic have: ``rules.cue`` of realtime-platform."""

NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_NAME_IN_WORDS = "up to 249 letters, digits, dots, underscores and dashes"

RESERVED = {"__consumer_offsets", "__transaction_state", "__share_group_state", "__cluster_metadata"}
"""The names of Kafka's own topics: org.apache.kafka.common.internals.Topic."""


def check(landscape: Landscape, _neighbours: object) -> Iterator[Finding]:
    """Yield topics of a platform that its brokers refuse to make."""
    for part in landscape.of_type(PLATFORM):
        seen: dict[str, str] = {}
        names: set[str] = set()
        yield from _retention(landscape, part.at("kafkaConfig", "retention"), part.get("kafkaConfig", "retention"))
        for index, item in enumerate(part.items("kafkaConfig", "topics")):
            route = part.at("kafkaConfig", "topics", index)
            name = item.get("name") if isinstance(item, dict) else item
            if isinstance(name, str):
                here = (*route, "name") if isinstance(item, dict) else route
                yield from _name(landscape, here, name, seen)
                if name in names:
                    said = f"kafkaConfig.topics has {name} twice"
                    yield landscape.document.finding(here, "property-rule", said, at_value=True)
                names.add(name)
            if isinstance(item, dict) and isinstance(name, str):
                yield from _retention(landscape, (*route, "retention"), item.get("retention"), name)
                yield from _partitions(landscape, (*route, "partitions"), item.get("partitions"), name)
            config = item.get("config") if isinstance(item, dict) else None
            for key, value in config.items() if isinstance(config, dict) else ():
                yield from _setting(landscape, part, (*route, "config", key), str(key), value)


def _name(landscape: Landscape, route: Route, name: str, seen: dict[str, str]) -> Iterator[Finding]:
    # Names of metrics have no dots: brokers refuse a topic that only differs in them from one that is there.
    plain = name.replace(".", "_")
    message = ""
    if not NAME.fullmatch(name):
        # In the words of the definition, which would say so only once it renders.
        said = f'kafkaConfig.topics: "{name}" is no topic name: {_NAME_IN_WORDS}'
        yield landscape.document.finding(route, "property-rule", said, at_value=True)
        return
    if name in (".", ".."):
        message = f'a topic cannot be called "{name}"'
    elif name in RESERVED:
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


def _partitions(landscape: Landscape, route: Route, value: Any, topic: str) -> Iterator[Finding]:
    if isinstance(value, int) and not isinstance(value, bool) and not 1 <= value <= MOST_PARTITIONS:
        message = f"kafkaConfig.topics: {topic} asks for {value} partitions; 1 to {MOST_PARTITIONS} are possible"
        yield landscape.document.finding(route, "property-rule", message, at_value=True)


def _setting(landscape: Landscape, part: Part, route: Route, key: str, value: Any) -> Iterator[Finding]:
    document = landscape.document
    setting = SETTINGS.get(key)
    if setting is None:
        if part.get("kafkaConfig", "external") is not None:
            return  # another Kafka may have settings of its own
        meant = nearest(key, SETTINGS)
        hint = f"did you mean {meant}?" if meant else "Kafka's documentation has the list: Topic Configs"
        yield document.finding(route, RULE, f"a topic has no setting {key}", hint=hint)
    elif not isinstance(value, str):
        return  # another type than the parameter's is reported as that
    elif wanted := fault(setting, value):
        wrong = next((word for word in _words(setting, value) if word not in setting.choices), value)
        meant = nearest(wrong, setting.choices)
        hint = f"did you mean {meant}?" if meant else ""
        message = f"{key} must be {wanted}, not {shown(wrong)}"
        yield document.finding(route, RULE, message, hint=hint, at_value=True)
    elif key == "min.insync.replicas":
        yield from _copies(landscape, part, route, int(value))
    elif key == "min.compaction.lag.ms":
        yield from _lags(landscape, route, int(value))


def fault(setting: Setting, value: str) -> str:
    """Return what a setting must be, empty where the value is that: ConfigDef's parseType, and its validators.

    Blanks around a value do not count; nor do capitals of a boolean.
    """
    text = value.strip()
    if setting.choices:
        return f"one of {one_of(setting.choices)}" if set(_words(setting, value)) - {*setting.choices} else ""
    if setting.kind == "replicas":
        return "" if _PLACES.fullmatch(text) else "* or PARTITION:BROKER, with commas between"
    number = float(text) if setting.kind == "double" and _DECIMAL.fullmatch(text) else None
    number = int(text) if setting.kind != "double" and _WHOLE.fullmatch(text) else number
    if text == setting.also or (number is not None and setting.least <= number <= setting.most):
        return ""
    return _bounds(setting, number)


def _bounds(setting: Setting, number: float | None) -> str:
    what = "a number" if setting.kind == "double" else "a whole number"
    if setting.most not in (_INT - 1, _LONG - 1):
        return f"{what} from {setting.least} to {setting.most}" + (f", or {setting.also}" if setting.also else "")
    if number is not None and number > setting.most:
        return f"{what}, at most {setting.most}"
    return what if setting.least == -_LONG else f"{what}, at least {setting.least}"


def _words(setting: Setting, value: str) -> list[str]:
    text = value.strip()
    if setting.kind == "boolean":
        return [text.lower()]
    if setting.kind == "list":
        return [word.strip() for word in text.split(",")] if text else []
    return [text]


def _lags(landscape: Landscape, route: Route, least: int) -> Iterator[Finding]:
    """Report a topic whose records must not be compacted before the time at which they have to be."""
    config: Any = landscape.document.data
    for step in route[:-1]:
        config = config[step]
    most = config.get("max.compaction.lag.ms")
    if isinstance(most, str) and _WHOLE.fullmatch(most.strip()) and least > int(most):
        message = f"min.compaction.lag.ms is {least}, above max.compaction.lag.ms, which is {most}"
        yield landscape.document.finding(route, RULE, message, at_value=True)


def _copies(landscape: Landscape, part: Part, route: Route, least: int) -> Iterator[Finding]:
    """Report a topic that nobody could ever write to: more copies have to answer than there are."""
    topic: Any = landscape.document.data
    for step in route[:-2]:
        topic = topic[step]
    everyone = part.get("kafkaConfig", "replicationFactor")
    if everyone is None and part.get("kafkaConfig", "external") is None:
        everyone = 1  # another Kafka has a default of its own
    copies = topic.get("replicationFactor", everyone)
    if isinstance(copies, int) and not isinstance(copies, bool) and least > copies:
        there = "is 1 copy" if copies == 1 else f"are {copies} copies"
        message = f"min.insync.replicas is {least}, and there {there}: nobody could write"
        yield landscape.document.finding(route, RULE, message, at_value=True)
