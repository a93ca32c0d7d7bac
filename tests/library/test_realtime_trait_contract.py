"""What a client asks for is what a platform has: the same Secrets, keys, addresses and label on both sides."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import pytest

from tests.support.applications import environment, render

CONNECTIONS = ("kafka", "mqtt", "db", "metabase", "grafana", "lenses")
LONG = "a23456789-b23456789-c23456789-d23456789-e23456789-f23456789-g23"

PLATFORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "defaults": ("realtime-platform", {"name": "core"}),
    "without-mqtt": ("realtime-platform", {"name": "core", "iot": False}),
    "grafana": ("realtime-platform", {"name": "core", "visualization": "grafana"}),
    "mysql": ("realtime-platform", {"name": "core", "database": "mysql"}),
    "dashes": ("realtime-platform", {"name": "core-streaming-2"}),
    "long-name": ("realtime-platform", {"name": LONG}),
    "broker": ("iot-broker", {"name": "core"}),
    "broker-with-a-bridge": ("iot-broker", {"name": "core", "connector": {}}),
    "broker-on-other-ports": ("iot-broker", {"name": "core", "mqttPort": 1884, "websocketPort": 9002}),
    "broker-without-a-login": ("iot-broker", {"name": "core", "authentication": {"enabled": False}}),
}
EVERY = pytest.mark.parametrize("case", PLATFORMS)


@cache
def objects(case: str) -> dict[str, dict[str, Any]]:
    """Render a platform and a client of it in one Application, by the real definitions."""
    kind, properties = PLATFORMS[case]
    platform = {"name": "streaming", "type": kind, "properties": properties}
    trait = {"type": "realtime", "properties": {"platform": properties["name"]}}
    client = {"name": "shop", "type": "webservice", "properties": {"image": "i"}, "traits": [trait]}
    return render([platform, client], stand_ins=())


def secrets(case: str) -> dict[str, dict[str, str]]:
    """Return the platform's Secrets: key to value, "" for a password that its credentials Job will add."""
    found: dict[str, dict[str, str]] = {}
    lists: list[str] = []
    for item in objects(case)["streaming"].values():
        if item["kind"] == "Secret":
            data = item.get("data", {})
            found[item["metadata"]["name"]] = {key: base64.b64decode(text).decode() for key, text in data.items()}
        if item["kind"] == "ConfigMap" and "passwords" in item.get("data", {}):
            lists += item["data"]["passwords"].splitlines()
    for line in lists:
        secret, key = line.split()[:2]
        found.setdefault(secret, {}).setdefault(key, "")
    return found


def asked(case: str) -> dict[str, dict[str, str]]:
    """Return what the client reads: Secret to key to variable."""
    found: dict[str, dict[str, str]] = {}
    for variable, value in environment(objects(case)["shop"]["output"]).items():
        if "/" in value and value.split("/")[1].isupper():
            secret, key = value.split("/")
            found.setdefault(secret, {})[key] = variable
    return found


@EVERY
def test_every_secret_and_key_that_a_client_waits_for_is_there(case: str) -> None:
    there = secrets(case)
    missing = [
        f"{secret}/{key}" for secret, keys in asked(case).items() for key in keys if key not in there.get(secret, {})
    ]
    assert missing == []


@EVERY
def test_a_client_is_given_every_key_of_the_connection_secrets(case: str) -> None:
    _, properties = PLATFORMS[case]
    there = {
        secret: set(keys)
        for secret, keys in secrets(case).items()
        if secret in {f"{properties['name']}-{middle}{part}-secret" for part in CONNECTIONS for middle in ("", "iot-")}
    }
    assert there, "the platform has connection Secrets"
    assert {secret: set(keys) for secret, keys in asked(case).items()} == there


@EVERY
def test_the_platform_lets_the_client_in_by_its_label(case: str) -> None:
    found = objects(case)
    labels = found["shop"]["output"]["spec"]["template"]["metadata"]["labels"]
    ours = [label for label in labels if label.startswith("client.vela-realtime.dev/")]
    assert len(ours) == 1
    admitted = [
        peer["podSelector"]["matchLabels"]
        for item in found["streaming"].values()
        if item["kind"] == "NetworkPolicy"
        for rule in item["spec"].get("ingress", [])
        for peer in rule.get("from", [])
        if "podSelector" in peer and set(peer["podSelector"]["matchLabels"]) & set(ours)
    ]
    assert admitted
    assert all(selector.items() <= labels.items() for selector in admitted)


@EVERY
def test_from_another_namespace_the_same_addresses_are_worked_out(case: str) -> None:
    kind, properties = PLATFORMS[case]
    there = secrets(case)
    secrets_of = {secret.removesuffix("-secret").rpartition("-")[2]: secret for secret in asked(case)}
    parts = [{"db": "database"}.get(part, part) for part in secrets_of]
    declared = {"platform": properties["name"], "kind": kind, "namespace": "streaming", "parts": parts}
    if "database" in properties:
        declared["database"] = properties["database"]
    trait = {"type": "realtime", "properties": declared}
    client = {"name": "shop", "type": "webservice", "properties": {"image": "i"}, "traits": [trait]}
    found = environment(render([client])["shop"]["output"])
    worked_out = {key: value for key, value in found.items() if not value.endswith(f"/{key}")}
    expected = {
        key: value.replace(".default.svc", ".streaming.svc")
        for secret in secrets_of.values()
        for key, value in there[secret].items()
        if value and key in worked_out
    }
    if case == "broker-on-other-ports":  # nothing can be seen of a broker elsewhere: these are the usual ones
        expected |= {"MQTT_PORT": "1883", "MQTT_WEBSOCKET_PORT": "9001"}
    if case == "broker-without-a-login":
        worked_out.pop("MQTT_USER")
    assert worked_out == expected
