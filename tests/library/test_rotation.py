"""New passwords: who reads one starts anew with it, in the component itself and beside it, and nobody else does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vela_realtime import library
from vela_realtime.library import fixtures

LIBRARY = library.find()


def rendered(definition: str, name: str) -> dict[str, Any]:
    """Return what a case renders, by its keys in the template."""
    (case,) = (case for case in fixtures.load(LIBRARY, definition) if case.name == name)
    result = fixtures.render_package(LIBRARY, definition, case, "component")
    assert not result.problems, result.problems
    return {key.removeprefix("outputs."): value for key, value in result.objects.items()}


def pod(item: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = item["spec"]["template"]["spec"]
    return spec


def _references(item: Any, path: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Return every Secret and key that something below an object reads."""
    found: list[tuple[str, str]] = []
    if isinstance(item, dict):
        if isinstance(reference := item.get("secretKeyRef"), dict):
            found.append((reference["name"], reference["key"]))
        if isinstance(source := item.get("secret"), dict) and "items" in source:
            name = source.get("name") or source["secretName"]
            found += [(name, entry["key"]) for entry in source["items"]]
        item = list(item.values())
    if isinstance(item, list):
        for value in item:
            found += _references(value)
    return found


ROTATIONS = {
    "realtime-platform": {
        "rotation": 4,
        "second-rotation-with-mysql-and-grafana": 4,
        "second-rotation-without-a-dashboard": 4,
        "rotation-of-what-is-made-here": 4,
        "rotation-in-an-external-database": 4,
        "rotation-of-one-part": 4,
        "rotation-of-all-parts-and-of-single-ones-beside": 9,
    },
    "iot-broker": {"rotation": 2, "second-rotation": 1},
    "stream-processor": {
        "rotation": 6,
        "rotation-of-lenses-alone": 3,
        "rotation-in-an-external-database": 5,
    },
    "analytics-dashboard": {"rotation": 7, "rotation-in-grafana": 6, "rotation-of-the-dashboard-alone": 1},
}
"""Cases to how many of their workloads read what is rotated, at least."""
KEPT = {"encryption-key", "secret-key", "AGENT_KEY", "LENSES_LICENSE"}
"""What is not rotated, though it is generated or rendered here."""


def marks(objects: dict[str, Any]) -> dict[str, str]:
    """Return the key that each Secret gets with new passwords."""
    lines = [line.split() for line in objects["credentials-config"]["data"]["passwords"].splitlines()]
    return {line[0]: line[1] for line in lines if line[1].startswith(".rotation-") and len(line) == 2}


@pytest.mark.parametrize(
    ("definition", "name"), [(definition, name) for definition, names in ROTATIONS.items() for name in names]
)
def test_who_reads_a_rotated_password_waits_for_the_new_one(definition: str, name: str) -> None:
    """A pod that reads one of a Secret needs its key of the rotation too; of no other Secret it waits for one."""
    objects = rendered(definition, name)
    mark = marks(objects)
    lines = [line.split() for line in objects["credentials-config"]["data"]["passwords"].splitlines()]
    rotated = {(line[0], line[1]) for line in lines if line[0] in mark and line[2:] in ([], ["previous"])}
    copied = {(line[0], line[1]) for line in lines if line[0] in mark and line[2:3] == ["from"]}
    assert not {key for _, key in rotated} & KEPT
    readers = 0
    for key, item in objects.items():
        template = item.get("spec", {}).get("template") or item.get("spec", {}).get("jobTemplate", {}).get(
            "spec", {}
        ).get("template")
        # The environment is made once, with the password of that time.
        if template is None or key in ("credentials", "lenses-environment"):
            continue
        read = _references(template)
        waits = {secret: field for secret, field in read if field.startswith(".rotation-")}
        needs = {secret for secret, field in read if (secret, field) in rotated | copied}
        assert waits == {secret: mark[secret] for secret in needs}, key
        readers += bool(waits)
    assert readers >= ROTATIONS[definition][name]


def lines_of(name: str) -> list[str]:
    """Return what the Job is told of a platform's passwords."""
    lines: list[str] = rendered("realtime-platform", name)["credentials-config"]["data"]["passwords"].splitlines()
    return lines


def test_a_rotation_says_what_becomes_of_each_password() -> None:
    """Metabase wants to be told the old one; who waits for the rotation before can go on; what is brought stays."""
    lines = lines_of("rotation")
    for line in ("metabase-keys encryption-key", "metabase-secret METABASE_PASSWORD previous", "mqtt-users made"):
        assert f"p-{line}" in lines
    assert "p-metabase-keys .rotation-1" not in lines
    # What its author brings.
    assert "p-mqtt-users given remove" in lines
    assert not [line for line in lines if "referred" in line]
    second = lines_of("second-rotation-with-mysql-and-grafana")
    for line in ("grafana-keys secret-key", "grafana-secret .rotation-2", "passwords .rotation-1 keep"):
        assert f"p-{line}" in second
    brought = lines_of("rotation-in-an-external-database")
    assert [line for line in brought if line.startswith("m ")] == ["m MQTT_PASSWORD"]


def test_one_part_by_its_name() -> None:
    """Only Secrets of passwords of that part, and only those who read one: Kafka, the broker and the bridge run on."""
    objects = rendered("realtime-platform", "rotation-of-one-part")
    assert marks(objects) == dict.fromkeys(("p-passwords", "p-db-secret", "p-db-reader-secret"), ".rotation-1")
    waiting = {key for key, item in objects.items() if ".rotation-1" in json.dumps(item)}
    assert waiting == {
        *("credentials-config", "postgres", "postgres-databases"),
        *("metabase", "lenses-hq", "lenses-agent"),
    }


def test_what_all_parts_have_and_what_one_has_is_added() -> None:
    """So raising either of them is one rotation more."""
    objects = rendered("realtime-platform", "rotation-of-all-parts-and-of-single-ones-beside")
    assert marks(objects) == {
        "p-passwords": ".rotation-4",
        **dict.fromkeys(("p-db-secret", "p-db-reader-secret"), ".rotation-4"),
        **dict.fromkeys(("p-mqtt-secret", "p-mqtt-users"), ".rotation-2"),
        **dict.fromkeys(("p-grafana-secret", "p-lenses-secret", "p-client-acme"), ".rotation-3"),
        **{secret: ".rotation-3" for secret in marks(objects) if secret.startswith("p-kafka-")},
    }


@pytest.mark.parametrize("definition", ["realtime-platform", "stream-processor", "analytics-dashboard"])
def test_without_a_rotation_nothing_tells_of_one(definition: str) -> None:
    """Also with the number given as 0."""
    objects = rendered(definition, "no-rotation")
    assert ".rotation" not in json.dumps({key: item for key, item in objects.items() if key != "credentials-config"})
    lines = objects["credentials-config"]["data"]["passwords"].splitlines()
    assert all(len(line.split()) == 2 and ".rotation" not in line for line in lines)


@pytest.mark.parametrize(
    ("definition", "name", "workload"),
    [
        ("realtime-platform", "second-rotation-with-mysql-and-grafana", "grafana"),
        ("analytics-dashboard", "rotation-in-grafana", "output"),
    ],
)
def test_grafana_is_told_its_administrators_new_password_before_it_starts(
    definition: str, name: str, workload: str
) -> None:
    spec = pod(rendered(definition, name)[workload])
    (init,), (grafana,) = spec["initContainers"], spec["containers"]
    assert init["command"][-1] == (
        "grafana cli --config /etc/grafana/grafana.ini admin reset-admin-password --password-from-stdin"
        " < /etc/grafana-secrets/admin"
    )
    assert (init["image"], init["volumeMounts"]) == (grafana["image"], grafana["volumeMounts"])


def test_grafana_is_told_nothing_where_its_password_stays() -> None:
    assert "initContainers" not in pod(rendered("analytics-dashboard", "sibling-platform-in-grafana")["output"])


def variable(key: str, secret: str, name: str = "ROTATION") -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


@pytest.mark.parametrize("key", ["output", "processors"])
def test_a_stream_processor_signs_in_to_lenses_with_the_new_password(key: str) -> None:
    rotated = rendered("stream-processor", "sibling-platform-with-a-rotated-password")
    assert variable(".rotation-2", "core-lenses-secret") in pod(rotated[key])["containers"][0]["env"]
    brought = rendered("stream-processor", "sibling-platform-with-a-secret-of-the-users")
    assert ".rotation" not in json.dumps(brought)
    one = rendered("stream-processor", "sibling-platform-with-a-rotated-password-of-lenses-alone")
    assert variable(".rotation-3", "core-lenses-secret") in pod(one[key])["containers"][0]["env"]
    others = rendered("stream-processor", "sibling-platform-with-other-rotated-passwords")
    assert ".rotation" not in json.dumps(others)
    own = rendered("stream-processor", "rotation")
    assert variable(".rotation-1", "p-stream-lenses-secret") in pod(own[key])["containers"][0]["env"]


def test_a_dashboard_tells_metabase_the_new_password_of_its_data_source() -> None:
    objects = rendered("analytics-dashboard", "sibling-platform-with-rotated-passwords")
    (source,) = (volume for volume in pod(objects["metabase-setup"])["volumes"] if volume["name"] == "source-database")
    assert source["secret"]["secretName"] == "core-db-reader-secret"
    assert {"key": ".rotation-2", "path": ".rotation"} in source["secret"]["items"]
    assert "optional" not in source["secret"], "a volume waits only for keys that must be there"
    one = rendered("analytics-dashboard", "sibling-platform-with-rotated-passwords-of-the-database-alone")
    volumes = {volume["name"]: volume for volume in pod(one["metabase-setup"])["volumes"]}
    for source, mark in (("source-database", ".rotation-1"), ("source-kafka", ".rotation-3")):
        assert {"key": mark, "path": ".rotation"} in volumes[source]["secret"]["items"]
    before = rendered("analytics-dashboard", "sibling-platform")
    assert ".rotation" not in json.dumps(before)
    assert before["metabase-setup"]["metadata"]["name"] != objects["metabase-setup"]["metadata"]["name"]


def test_grafana_starts_anew_with_it() -> None:
    """Of a data source that is the user's own it waits for nothing."""
    objects = rendered("analytics-dashboard", "sibling-platform-with-rotated-passwords-in-grafana")
    env = pod(objects["output"])["containers"][0]["env"]
    waits = [item for item in env if item["name"].endswith("ROTATION")]
    assert waits == [variable(".rotation-2", "core-db-secret", "SOURCE_0_ROTATION")]
