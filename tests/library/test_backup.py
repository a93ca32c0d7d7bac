"""The backup trait: what is in a backup, and the order of the way back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import dashboards
from vela_realtime.library import fixtures

LIBRARY = dashboards.LIBRARY
CASES = {case.name: case for case in fixtures.load(LIBRARY, "backup")}


def rendered(name: str) -> dict[str, Any]:
    result = fixtures.render_package(LIBRARY, "backup", CASES[name], "trait")
    assert result.problems == ()
    return result.objects


def containers(template: dict[str, Any]) -> list[str]:
    """Return what the containers of a pod do, in their order."""
    every = [*template["spec"]["initContainers"], *template["spec"]["containers"]]
    return [" ".join(one["command"][1:]).replace("/etc/vela-realtime/backup-", "") for one in every]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("to-a-claim", ["postgres", "kafka", "connect", "mqtt"]),
        ("to-s3", ["postgres", "mysql", "kafka", "connect", "mqtt"]),
        ("iot-broker", ["kafka", "mqtt"]),
        ("stream-processor", ["postgres", "kafka"]),
        ("analytics-dashboard", ["postgres", "connect"]),
    ],
)
def test_a_backup_has_all_that_the_component_keeps(name: str, parts: list[str]) -> None:
    job = rendered(name)["outputs.backup"]["spec"]["jobTemplate"]
    assert containers(job["spec"]["template"]) == [
        "secrets.sh save",
        *(f"{part}.sh save" for part in parts),
        "store.sh save",
    ]


def test_passwords_are_handed_out_when_the_data_is_there() -> None:
    objects = rendered("restored")
    assert containers(objects["outputs.restore"]["spec"]["template"]) == [
        "store.sh load",
        "secrets.sh begin",
        "postgres.sh restore",
        "kafka.sh restore",
        "secrets.sh finish",
        "connect.sh restore",
        "mqtt.sh restore",
        "secrets.sh end",
    ]
    listed = objects["outputs.backup-config"]["data"]["passwords"].splitlines()
    assert [line for line in listed if line.endswith(" first")] == ["plant-passwords postgres first"]
    assert "plant-lenses-agent-key AGENT_KEY" in listed
    # Nobody makes new passwords before.
    (container,) = objects["patchOutputs"]["credentials"]["spec"]["template"]["spec"]["containers"]
    assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "plant-passwords", "key": "restored"}


def test_a_database_is_reached_before_its_exporter_has_a_password() -> None:
    """Its pod is not ready before, and its Service would lead to nobody."""
    patches = rendered("restored")["patchOutputs"]
    assert set(patches) == {"credentials", "postgres-service"}
    assert patches["postgres-service"] == {"spec": {"publishNotReadyAddresses": True}}


def test_without_a_restore_the_component_is_left_as_it_is() -> None:
    objects = rendered("to-a-claim")
    assert objects.get("patchOutputs", {}) == {}
    assert "outputs.restore" not in objects
    assert objects["outputs.backup-role"]["rules"][0]["verbs"] == ["get"]


def test_passwords_of_the_users_own_are_not_in_it() -> None:
    listed = rendered("password-of-the-users-own")["outputs.backup-config"]["data"]["passwords"]
    assert "my-" not in listed
    mqtt = rendered("password-of-the-users-own")["outputs.backup"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (step,) = [one for one in mqtt["initContainers"] if one["name"] == "mqtt"]
    assert {"secretKeyRef": {"name": "my-mqtt", "key": "MQTT_PASSWORD"}} in [
        one.get("valueFrom") for one in step["env"]
    ]


def test_a_rotation_leaves_no_mark_in_it() -> None:
    """It would tell a new component that its passwords are of that rotation."""
    listed = rendered("rotated-passwords")["outputs.backup-config"]["data"]["passwords"]
    assert listed == rendered("to-a-claim")["outputs.backup-config"]["data"]["passwords"]


def test_its_pods_reach_what_they_save_and_no_more() -> None:
    objects = rendered("to-s3")
    admitted = {key.removeprefix("outputs.backup-to-") for key in objects if key.startswith("outputs.backup-to-")}
    assert admitted == {"postgres", "mysql", "kafka", "connect", "mqtt"}
    rules = objects["outputs.backup-network-backup"]["spec"]["egress"]
    assert {port["port"] for rule in rules if "to" not in rule for port in rule["ports"]} == {443, 6443, 9000}
    assert all(rule["ports"] for rule in rules)
    assert not [key for key in rendered("restored-from-another-namespace") if "network" in key or "backup-to" in key]
