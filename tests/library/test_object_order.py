"""Large objects come last among a component's outputs, on every KubeVela that we support.

Once a component is healthy, KubeVela fills its outputs into one CUE value, one after the other, and each time evaluates
anew those that are in it: an object counts as often as objects come after it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.versions import VELA_VERSIONS
from vela_realtime import library, toolchain
from vela_realtime.library import definition, fixtures

LIBRARY = library.find()
DEFINITIONS = {item.name: item for item in definition.load_sound(LIBRARY)[0]}
CASES = {
    "realtime-platform": "minimal",
    "stream-processor": "smallest",
    "analytics-dashboard": "everything-of-the-guide",
    "iot-broker": "minimal",
}


def fields(value: Any) -> int:
    """Return how many values one is made of."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(fields, children))


def evaluated(sizes: list[int]) -> int:
    """Return how many values are evaluated when objects of these sizes are filled in one after the other."""
    return sum(size * (len(sizes) - place) for place, size in enumerate(sizes))


def test_what_is_counted() -> None:
    assert fields({"a": [1, {"b": 2}]}) == 5
    assert evaluated([1, 1, 10]) == 3 + 2 + 10
    assert evaluated([10, 1, 1]) == 30 + 2 + 1


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_outputs_cost_at_most_a_tenth_more_than_in_the_best_order(name: str, version: str) -> None:
    (case,) = (case for case in fixtures.load(LIBRARY, name) if case.name == CASES[name])
    item = DEFINITIONS[name]
    source = toolchain.kubevela_source(version)
    outcome = fixtures.render_vela(case, item.type, LIBRARY.definitions / f"{item.stem}.yaml", source, version)
    sizes = [fields(found) for key, found in fixtures.by_key(outcome, case.component).items() if key != "output"]
    assert len(sizes) > 10
    assert evaluated(sizes) <= 1.1 * evaluated(sorted(sizes))
