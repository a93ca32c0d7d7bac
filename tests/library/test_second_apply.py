"""The second apply is as good as the first: whatever an Application was before, its pods see what a new one's would.

KubeVela never takes a key out of a ConfigMap or a Secret, see ``tests.support.second_apply``. Every valid fixture is
changed to the smallest one of its definition, and the smallest one to it. The cluster's tests do the same for real
with some of them.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import pytest

from tests.support.second_apply import apply, pod_spec, seen, with_credentials
from vela_realtime.library import fixtures, layout

LIBRARY = layout.find()

SMALLEST: dict[str, dict[str, Any]] = {
    "analytics-dashboard": {"name": "same"},
    "iot-broker": {"name": "same"},
    "realtime-platform": {"name": "same"},
    "stream-processor": {"name": "same", "queries": [{"name": "all", "sql": "INSERT INTO a SELECT STREAM * FROM b"}]},
}


@functools.cache
def rendered(definition: str, name: str) -> tuple[dict[str, Any], ...]:
    case = _case(definition, name)
    result = fixtures.render_package(LIBRARY, definition, case, "component")
    assert not result.problems, result.problems
    return tuple(result.objects.values())


def _case(definition: str, name: str) -> fixtures.Case:
    valid = {case.name: case for case in fixtures.load(LIBRARY, definition) if case.valid}
    case = valid[name] if name else dataclasses.replace(next(iter(valid.values())), siblings=[])
    properties = {**case.properties, "name": "same"} if name else SMALLEST[definition]
    return dataclasses.replace(case, properties=properties, component="same", application="same")


def changed(definition: str, first: str, second: str) -> None:
    """Check that after a change the pods see what they would have seen at once."""
    before = with_credentials(apply({}, rendered(definition, first)))
    after = with_credentials(apply(before, rendered(definition, second)))
    fresh = with_credentials(apply({}, rendered(definition, second)))
    assert seen(after) == seen(fresh)


ALL = [
    pytest.param(definition, case.name, id=f"{definition}-{case.name}")
    for definition in SMALLEST
    for case in fixtures.load(LIBRARY, definition)
    if case.valid
]


@pytest.mark.parametrize(("definition", "name"), ALL)
def test_back_to_the_smallest(definition: str, name: str) -> None:
    changed(definition, name, "")


@pytest.mark.parametrize(("definition", "name"), ALL)
def test_from_the_smallest(definition: str, name: str) -> None:
    changed(definition, "", name)


@pytest.mark.parametrize("definition", sorted(SMALLEST))
def test_a_failed_job_keeps_its_pods_and_their_logs(definition: str) -> None:
    specs = [pod_spec(item) for item in rendered(definition, "") if item["kind"] in {"Job", "CronJob"}]
    assert specs
    assert {spec["restartPolicy"] for spec in specs if spec} == {"Never"}
