"""The settings of a topic are those of the pinned Kafka: it prints its own list, which ours is held against."""

from __future__ import annotations

import re

import pytest

from tests.support import kafka_jars
from vela_realtime import process
from vela_realtime.check.links import kafka

LOG_CONFIG = "org.apache.kafka.storage.internals.log.LogConfig"
"""Run as a program, it prints the documentation of its settings."""

_ENTRY = re.compile(r'<a id="([a-z0-9.]+)"></a>.*?<th>Type:</th><td>(\w+)</td>(.*?)</table>', re.DOTALL)
_VALID = re.compile(r"<th>Valid Values:</th><td>(.*?)</td>")
_BOUNDS = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


def described(setting: kafka.Setting) -> tuple[str, str]:
    """Return the type and the values of a setting, as Kafka writes them."""
    if setting.kind == "replicas":
        return "list", "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
    if setting.kind == "boolean":
        return "boolean", ""
    if setting.choices:
        return setting.kind, f"[{', '.join(setting.choices)}]"
    least, most = _BOUNDS.get(setting.kind, (None, None))
    if (setting.least, setting.most) == (least, most):
        return setting.kind, ""
    upper = "" if setting.most == most else f",{setting.most}"
    return setting.kind, f"[{setting.least},...{upper}]" + (f" or {setting.also}" if setting.also else "")


def test_the_settings_are_those_of_the_pinned_kafka() -> None:
    done = process.run(kafka_jars.java(LOG_CONFIG), timeout=120)
    assert done.ok, done.stderr
    printed = {
        name: (kind, found[1] if (found := _VALID.search(rest)) else "")
        for name, kind, rest in _ENTRY.findall(done.stdout)
    }
    assert len(printed) > 30
    assert {name: described(setting) for name, setting in kafka.SETTINGS.items()} == printed


# Each beside what LogConfig.validate of Kafka 4.3.1 says of it.
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("cleanup.policy", ["", "compact", "compact, delete", "compact,compact"], ["Compact", "compacted", "delete,"]),
        ("compression.gzip.level", ["-1", "1", "9", "+5", " 5 "], ["0", "10", "1_0", "0.5", ""]),
        ("compression.type", ["gzip", " gzip"], ["GZIP", "brotli", ""]),
        ("max.message.bytes", ["0", "2147483647"], ["-1", "2147483648"]),
        ("min.cleanable.dirty.ratio", ["0", "1", "0.5", ".5", "1e-1"], ["1.1", "-0.1", "Infinity", "half"]),
        ("preallocate", ["true", "True", "TRUE", " true"], ["yes", "1", ""]),
        ("retention.bytes", ["-131073", "-9223372036854775808"], ["9223372036854775808", "10GB"]),
        ("retention.ms", ["-1", "9223372036854775807"], ["-2", "7 days"]),
        ("leader.replication.throttled.replicas", ["", "*", "0:1", "0:1,1:2", "0:1,"], ["abc", "0", "0:1:2"]),
    ],
)
def test_a_value_is_read_as_a_broker_reads_it(name: str, good: list[str], bad: list[str]) -> None:
    setting = kafka.SETTINGS[name]
    assert [value for value in good if kafka.fault(setting, value)] == []
    assert [value for value in bad if not kafka.fault(setting, value)] == []
