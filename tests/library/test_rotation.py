"""Components beside a platform that use its passwords: they start anew with those of a rotation, and with no others."""

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


def variable(key: str, secret: str, name: str = "ROTATION") -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


@pytest.mark.parametrize("key", ["output", "processors"])
def test_a_stream_processor_signs_in_to_lenses_with_the_new_password(key: str) -> None:
    rotated = rendered("stream-processor", "sibling-platform-with-a-rotated-password")
    assert variable(".rotation-2", "core-lenses-secret") in pod(rotated[key])["containers"][0]["env"]
    brought = rendered("stream-processor", "sibling-platform-with-a-secret-of-the-users")
    assert ".rotation" not in json.dumps(brought)


def test_a_dashboard_tells_metabase_the_new_password_of_its_data_source() -> None:
    objects = rendered("analytics-dashboard", "sibling-platform-with-rotated-passwords")
    (source,) = (volume for volume in pod(objects["metabase-setup"])["volumes"] if volume["name"] == "source-database")
    assert source["secret"]["secretName"] == "core-db-reader-secret"
    assert {"key": ".rotation-2", "path": ".rotation"} in source["secret"]["items"]
    assert "optional" not in source["secret"], "a volume waits only for keys that must be there"
    before = rendered("analytics-dashboard", "sibling-platform")
    assert ".rotation" not in json.dumps(before)
    assert before["metabase-setup"]["metadata"]["name"] != objects["metabase-setup"]["metadata"]["name"]


def test_grafana_starts_anew_with_it() -> None:
    """Of a data source that is the user's own it waits for nothing."""
    objects = rendered("analytics-dashboard", "sibling-platform-with-rotated-passwords-in-grafana")
    env = pod(objects["output"])["containers"][0]["env"]
    waits = [item for item in env if item["name"].endswith("ROTATION")]
    assert waits == [variable(".rotation-2", "core-db-secret", "SOURCE_0_ROTATION")]
