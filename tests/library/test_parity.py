"""The CUE package and the built definition render the same, case by case, on every KubeVela that we support.

What ``cue export`` makes of the package, with KubeVela's own labels added, must be what ``vela dry-run`` makes of
``definitions/<name>.yaml``, to the last field. So whatever the quick loop shows holds for the cluster.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.support.versions import VELA_VERSIONS
from vela_realtime import library, toolchain
from vela_realtime.library import bundle, definition, fixtures

LIBRARY = library.find()
# Those that do not compile are missing here; test_library.py says what is wrong with them.
DEFINITIONS = {item.name: item for item in definition.load_sound(LIBRARY)[0]}
CASES = [case for name in DEFINITIONS for case in fixtures.load(LIBRARY, name) if case.valid]
if os.environ.get("PARITY") == "sample":
    # What CI has time for: one in twenty, and what reads other components, where KubeVela's evaluator has differed.
    READS_OTHERS = {"backup", "linking"}
    CASES = [
        case
        for number, case in enumerate(CASES)
        if number % 20 == 0 or not READS_OTHERS.isdisjoint((case.definition, case.file.stem))
    ]


def built(item: definition.Definition) -> Any:
    return LIBRARY.definitions / f"{item.stem}.yaml"


def contained(part: Any, whole: Any, path: str = "") -> list[str]:
    """Return the paths of ``part`` that ``whole`` lacks; items of lists are matched by name, else by position."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return [
            lack
            for key, value in part.items()
            for lack in (contained(value, whole[key], f"{path}.{key}") if key in whole else [f"{path}.{key}"])
        ]
    if isinstance(part, list) and isinstance(whole, list):
        lacks = []
        for index, value in enumerate(part):
            others = whole
            if isinstance(value, dict) and "name" in value:
                others = [item for item in whole if isinstance(item, dict) and item.get("name") == value["name"]]
            if not any(not contained(value, other) for other in others):
                lacks.append(f"{path}[{index}]")
        return lacks
    return [] if part == whole else [path]


def template(item: definition.Definition) -> str:
    if item.name not in TEMPLATES:
        TEMPLATES[item.name] = bundle.Sources(LIBRARY).bundle(item.folder).text
    return TEMPLATES[item.name]


TEMPLATES: dict[str, str] = {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.definition}-{case.name}")
def test_package_and_bundle_render_the_same(case: fixtures.Case) -> None:
    """The order of declarations must not matter; CUE's newer evaluator, which plain ``vela`` uses, has cases."""
    item = DEFINITIONS[case.definition]
    package = fixtures.render_package(LIBRARY, item.folder.name, case, item.type)
    bundled = fixtures.render_template(LIBRARY, template(item), case, item.type)
    assert [problem.text for problem in package.problems] == []
    assert [problem.text for problem in bundled.problems] == []
    assert bundled.objects == package.objects


@pytest.mark.parametrize("version", VELA_VERSIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.definition}-{case.name}")
def test_package_and_definition_render_the_same(case: fixtures.Case, version: str) -> None:
    item = DEFINITIONS[case.definition]
    package = fixtures.render_package(LIBRARY, item.folder.name, case, item.type)
    assert [problem.text for problem in package.problems] == []
    source = toolchain.kubevela_source(version)
    assert source is not None
    outcome = fixtures.render_vela(case, item.type, built(item), source, version)
    assert [finding.message for finding in outcome.findings] == []
    rendered = fixtures.by_key(outcome, case.component)
    if item.type == "trait":
        expected = fixtures.with_additions(package, case, item.name, trait=True)
        assert {key: value for key, value in rendered.items() if key in expected} == expected
        assert contained(package.objects.get("patch", {}), rendered["output"]) == []
    else:
        assert rendered == fixtures.with_additions(package, case, item.name)


@pytest.mark.parametrize("name", [folder.name for folder in LIBRARY.folders()])
def test_every_definition_has_fixtures_of_both_kinds(name: str) -> None:
    verdicts = {case.valid for case in fixtures.load(LIBRARY, name)}
    assert verdicts == {True, False}


def test_every_fixture_folder_belongs_to_a_definition() -> None:
    for folder in LIBRARY.fixtures.iterdir():
        # Whole Applications: see test_guide.py and test_check_cases.py.
        assert folder.name in {*DEFINITIONS, "guide", "check"}


def test_what_contained_sees() -> None:
    whole = {"a": {"b": 1}, "l": [{"name": "x", "v": 1}, {"name": "y", "v": 2}]}
    assert contained({"a": {"b": 1}, "l": [{"name": "y", "v": 2}]}, whole) == []
    assert contained({"a": {"b": 2}}, whole) == [".a.b"]
    assert contained({"c": 1}, whole) == [".c"]
    assert contained({"l": [{"name": "y", "v": 1}]}, whole) == [".l[0]"]
