"""What it costs KubeVela to render a definition, in objects that CUE's evaluator allocates: alike on every machine.

The controller of KubeVela 1.11 runs CUE's older evaluator, which evaluates what is referred to anew in every place,
and each definition by itself too unless it is told when it is needed. It evaluates the template without any parameter
as well, when the definition is applied and for its schema. The evaluator's own count of steps leaves out
what a function such as ``json.Marshal`` evaluates, which can be nearly all of it.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from vela_realtime import library, toolchain
from vela_realtime.library import bundle, fixtures

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIBRARY = library.find()

MOST = {
    ("realtime-platform", "minimal"): 742_700,
    ("stream-processor", "smallest"): 426_900,
    ("analytics-dashboard", "everything-of-the-guide"): 835_400,
    ("analytics-dashboard", "everything-of-the-guide-in-grafana"): 726_600,
    ("iot-broker", "minimal"): 230_600,
}
"""Objects that a case may take."""

MOST_WITHOUT_PARAMETER = {
    "realtime-platform": 296_200,
    "stream-processor": 210_900,
    "analytics-dashboard": 266_600,
    "iot-broker": 152_900,
}


def allocations(definition: str, values: dict[str, Any], expression: str, folder: Path) -> int:
    """Return how many the evaluation of a definition's bundle takes."""
    (item,) = (item for item in LIBRARY.folders() if item.name == definition)
    declarations = "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())
    counts = folder / "counts.json"
    done = subprocess.run(
        [toolchain.cue(), "export", "-", "-e", expression],
        input=f"{bundle.Sources(LIBRARY).bundle(item).text}\n{declarations}",
        env={**os.environ, "CUE_EXPERIMENT": "evalv3=0,keepvalidators=0", "CUE_STATS_FILE": str(counts)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found_counts = json.loads(counts.read_text())
    assert found_counts["CUE"]["EvalVersion"] == 2
    return int(found_counts["Go"]["AllocObjects"])


@pytest.mark.parametrize(("definition", "case"), MOST)
def test_allocations(definition: str, case: str, tmp_path: Path) -> None:
    (found,) = (found for found in fixtures.load(LIBRARY, definition) if found.name == case)
    values = fixtures.package_input(found, "component")
    taken = allocations(definition, values, "{main: output, more: outputs}", tmp_path)
    assert taken < MOST[definition, case]


@pytest.mark.parametrize("definition", MOST_WITHOUT_PARAMETER)
def test_allocations_without_a_parameter(definition: str, tmp_path: Path) -> None:
    context = {"name": "c", "appName": "a", "namespace": "n", "components": []}
    taken = allocations(definition, {"context": context}, '"parsed"', tmp_path)
    assert taken < MOST_WITHOUT_PARAMETER[definition]


def users(count: int) -> dict[str, Any]:
    return {"authentication": {"users": [{"username": f"device-{number}"} for number in range(count)]}}


def topics(count: int) -> dict[str, Any]:
    return {"kafkaConfig": {"topics": [f"topic-{number}" for number in range(count)]}}


def clients(count: int) -> dict[str, Any]:
    rights = {"kafka": {"read": ["orders"], "write": ["prices"]}, "mqtt": ["a/#"], "database": "read"}
    return {
        "kafkaConfig": {"authentication": "scram"},
        "credentials": {"rotation": 1},
        "clients": [{"name": f"c{number}", **rights} for number in range(count)],
    }


def queries(count: int) -> dict[str, Any]:
    texts = [f"INSERT INTO out_{number} SELECT STREAM * FROM in" for number in range(count)]  # noqa: S608 - never run
    return {"topics": {"input": ["in"]}, "queries": [{"name": f"q{n}", "sql": text} for n, text in enumerate(texts)]}


def sources(count: int) -> dict[str, Any]:
    address = "postgresql://db-{}.example.com:5432/shop"
    names = [{"name": f"s{n}", "type": "postgres", "connectionString": address.format(n)} for n in range(count)]
    return {"dataSources": names}


LISTS = [
    ("iot-broker", users, 200),
    ("realtime-platform", topics, 200),
    ("realtime-platform", clients, 100),
    ("stream-processor", queries, 200),
    ("analytics-dashboard", sources, 20),
]


@pytest.mark.parametrize(("definition", "properties", "most"), LISTS, ids=[item[1].__name__ for item in LISTS])
def test_a_list_costs_as_much_by_item_when_it_is_long(
    definition: str, properties: Callable[[int], dict[str, Any]], most: int, tmp_path: Path
) -> None:
    context = {"name": "c", "appName": "a", "namespace": "n", "components": []}
    one, some, many = (
        allocations(
            definition,
            {"parameter": {"name": "p", **properties(count)}, "context": context},
            "{main: output, more: outputs}",
            tmp_path,
        )
        for count in (1, most // 10, most)
    )
    assert (many - one) / (most - 1) < 1.3 * (some - one) / (most // 10 - 1)
