"""The MQTT connector's configuration, in every case with a bridge, held against what Stream Reactor documents.

The connector is in no package registry, so that it cannot be tried here.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from vela_realtime import library
from vela_realtime.library import fixtures

LIBRARY = library.find()

BRIDGES = [
    case
    for definition in ("iot-broker", "realtime-platform")
    for case in fixtures.load(LIBRARY, definition)
    if case.valid and ("connector" in case.properties or "bridge" in case.properties.get("mqttConfig", {}))
]

CLASS = "io.lenses.streamreactor.connect.mqtt.source.MqttSourceConnector"

DOCUMENTED = {
    *("hosts", "username", "password", "client.id", "service.quality", "timeout", "keep.alive", "clean", "kcql"),
    *("polling.timeout", "converter.throw.on.error", "process.duplicates", "share.replicate", "log.message"),
    *("ssl.ca.cert", "ssl.cert", "ssl.key"),
}
"""What the source reads below ``connect.mqtt``. An error policy is not among it: that is the sink's."""

REQUIRED = {"hosts", "service.quality", "kcql", "client.id"}

STATEMENT = re.compile(
    r"INSERT INTO (\S+) SELECT \* FROM `[^`]+`( WITHCONVERTER=`[\w.]+`)?( WITHKEY\([^)]+\))? WITHREGEX=`([^`]+)`"
)
"""A filter without quotes would be cut at its first ``#``. The clauses have this order in the query language."""


def _connectors(case: fixtures.Case) -> dict[str, dict[str, str]]:
    """Return the MQTT connectors of a case by name."""
    result = fixtures.render_package(LIBRARY, case.definition, case, "component")
    assert [problem.text for problem in result.problems] == []
    found = {}
    for item in result.objects.values():
        files: dict[str, Any] = (
            item.get("data", {}) if isinstance(item, dict) and item.get("kind") == "ConfigMap" else {}
        )
        for name, text in files.items():
            if name.endswith(".json") and CLASS in text:
                found[name] = json.loads(text)
    return found


@pytest.mark.parametrize("case", BRIDGES, ids=lambda case: f"{case.definition}-{case.name}")
def test_every_setting_is_one_that_the_source_reads(case: fixtures.Case) -> None:
    connectors = _connectors(case)
    clients = [config["connect.mqtt.client.id"] for config in connectors.values()]
    assert len(set(clients)) == len(clients), "clients of one identifier throw each other out"
    for config in connectors.values():
        settings = {
            key.removeprefix("connect.mqtt."): value for key, value in config.items() if key.startswith("connect.mqtt.")
        }
        assert set(settings) <= DOCUMENTED
        assert set(settings) >= REQUIRED
        assert config["connector.class"] == CLASS
        assert settings["service.quality"] in {"0", "1", "2"}
        assert all(re.fullmatch(r"(tcp|ssl)://[^/]+:\d+", host) for host in settings["hosts"].split(","))
        # In seconds, and its default of 5000 is more than some brokers accept.
        assert 0 < int(settings["keep.alive"]) <= 300
        statement = STATEMENT.fullmatch(settings["kcql"])
        assert statement is not None, settings["kcql"]
        # A message that the broker delivers and this does not fit stops the bridge for good.
        assert all(re.fullmatch(statement[4], topic) for topic in ("sensors", "plant//temp", "/", "two\nlines"))
        assert "${dir:" in settings.get("password", "${dir:")


def _bridge(name: str) -> dict[str, tuple[str, str]]:
    """Return client and statement of a platform's MQTT connectors, by the connector's file."""
    (case,) = (case for case in BRIDGES if (case.definition, case.name) == ("realtime-platform", name))
    return {
        file: (config["connect.mqtt.client.id"], re.sub(" WITHCONVERTER.*", "", config["connect.mqtt.kcql"]))
        for file, config in _connectors(case).items()
    }


def test_one_filter_has_a_connector_of_the_platforms_name() -> None:
    assert _bridge("bridge-with-one-filter") == {
        "p-mqtt.json": ("p-bridge", "INSERT INTO `sensors` SELECT * FROM `sensors/#`"),
    }


def test_a_message_that_two_filters_match_goes_to_both_topics() -> None:
    """One connector asks for the first filter that fits, so each filter has a connector, and a session, of its own."""
    assert _bridge("bridge-of-overlapping-filters") == {
        "p-mqtt-db4b3b39.json": ("p-bridge-db4b3b39", "INSERT INTO `all` SELECT * FROM `plant/#`"),
        "p-mqtt-a69c9977.json": ("p-bridge-a69c9977", "INSERT INTO `alarms` SELECT * FROM `plant/alarms/#`"),
    }


def test_there_are_bridges() -> None:
    assert sum(len(_connectors(case)) for case in BRIDGES[:5]) > 0
