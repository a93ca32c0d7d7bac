"""Fixtures as KubeVela sees them, and what it adds to what they render."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from vela_realtime.library import fixtures

if TYPE_CHECKING:
    import pytest

    from tests.support.tiny import TinyLibrary


def case(**values: Any) -> fixtures.Case:
    return fixtures.Case(
        **{"definition": "echo", "name": "x", "file": Path("x.yaml"), "line": 1, "properties": {}, **values}
    )


def test_a_component_and_its_siblings() -> None:
    sibling = {"name": "p", "type": "platform", "properties": {"name": "core"}}
    given = fixtures.package_input(case(properties={"name": "a"}, siblings=[sibling], namespace="blue"), "component")
    assert given["parameter"] == {"name": "a"}
    assert given["context"]["namespace"] == "blue"
    assert given["context"]["components"] == [
        {"name": "under-test", "type": "echo", "properties": {"name": "a"}},
        sibling,
    ]


def test_a_trait_stands_on_a_workload() -> None:
    given = fixtures.package_input(case(properties={"level": 2}, component="web"), "trait")
    assert given["context"]["components"] == [
        {
            "name": "web",
            "type": "webservice",
            "properties": {"image": "example.com/app:1"},
            "traits": [{"type": "echo", "properties": {"level": 2}}],
        }
    ]
    assert given["context"]["output"]["spec"]["template"]["spec"]["containers"][0]["name"] == "web"


def test_the_application() -> None:
    data = yaml.safe_load(fixtures.application_text(case(application="shop"), "component"))
    assert (data["kind"], data["metadata"]["name"], len(data["spec"]["components"])) == ("Application", "shop", 1)


def test_what_the_package_renders(tiny: TinyLibrary) -> None:
    result = fixtures.render_package(tiny.library, "echo", case(properties={"name": "abc", "words": "hi"}), "component")
    assert sorted(result.objects) == ["output", "outputs.setup"]
    assert result.objects["outputs.setup"]["spec"] == {"words": "hi"}


def test_problems_of_the_package(tiny: TinyLibrary) -> None:
    result = fixtures.render_package(tiny.library, "echo", case(properties={"nam": 1}), "component")
    assert "parameter.nam: field not allowed" in [problem.text for problem in result.problems]


def test_kubevelas_additions_are_added_and_nothing_is_taken_away() -> None:
    result = fixtures.PackageResult(
        {
            "output": {"kind": "A", "metadata": {"labels": {"a": "b"}}},
            "outputs.x": {"metadata": {"annotations": {"c": "d"}}},
        },
        (),
    )
    added = fixtures.with_additions(result, case(component="web"), "echo")
    assert added["output"]["metadata"] == {
        "name": "web",
        "namespace": "default",
        "annotations": {},
        "labels": {
            "a": "b",
            "app.oam.dev/appRevision": "",
            "app.oam.dev/component": "web",
            "app.oam.dev/name": "app",
            "app.oam.dev/namespace": "default",
            "app.oam.dev/resourceType": "WORKLOAD",
            "workload.oam.dev/type": "echo",
        },
    }
    assert added["outputs.x"]["metadata"]["annotations"] == {"c": "d"}
    assert added["outputs.x"]["metadata"]["labels"]["trait.oam.dev/resource"] == "x"


def test_each_case_has_the_line_it_stands_on(tiny: TinyLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# why\n- name: a\n  properties: {}\n\n- {name: b, properties: {}}\n"
    tiny.write("tests/fixtures/echo/valid/x.yaml", text)
    assert [(item.name, item.line) for item in fixtures.load(tiny.library, "echo")] == [("a", 2), ("b", 5)]
