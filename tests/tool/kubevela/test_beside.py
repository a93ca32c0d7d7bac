"""Definitions that stand beside an Application: known, and never in the way of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support import checking
from vela_realtime.kubevela import catalog

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec: {components: [{name: web, type: mine, properties: {image: 7}}]}
"""
DEFINITION = """\
apiVersion: core.oam.dev/v1beta1
kind: ComponentDefinition
metadata: {name: mine}
spec: {schematic: {cue: {template: "parameter: image: TYPE"}}}
"""


@pytest.mark.parametrize("value", [None, [], [[]], "x", 7, True])
@pytest.mark.parametrize("key", ["metadata", "spec"])
def test_a_definition_of_any_shape_breaks_nothing(key: str, value: Any) -> None:
    data = {"apiVersion": "core.oam.dev/v1beta1", "kind": "TraitDefinition", "metadata": {"name": "a"}, "spec": {}}
    assert len(catalog.from_object({**data, key: value}, "file")) <= 1


def test_the_nearest_of_a_name_counts(tmp_path: Path) -> None:
    for folder, kind in (("near", "string"), ("far", "int")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "definition.yaml").write_text(DEFINITION.replace("TYPE", kind))
        (tmp_path / folder / "app.yaml").write_text(APP)
    found = checking.check_files(tmp_path).findings
    assert [(finding.file[-13:], finding.message) for finding in found] == [
        ("near/app.yaml", "image must be a text, not 7"),
    ]


def test_workflows_and_policies_of_others_are_none_of_ours(tmp_path: Path) -> None:
    (tmp_path / "argo.yaml").write_text("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: a}\n")
    (tmp_path / "kyverno.yaml").write_text("apiVersion: kyverno.io/v1\nkind: Policy\nmetadata: {name: p}\n")
    for name in ("one", "two"):
        text = f"apiVersion: core.oam.dev/v1alpha1\nkind: Workflow\nmetadata: {{name: {name}}}\nsteps: []\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "app.yaml").write_text(APP.replace("mine", "worker").replace("7", "nginx:1.27"))
    assert checking.check_files(tmp_path, render=True).findings == []


@pytest.mark.parametrize(
    "faulty", ["", "type: topology\nproperties: [1]\n", "type: topology\nproperties: {namspace: x}\n"]
)
def test_a_policy_with_mistakes_is_told_once_and_nothing_is_rendered_with_it(tmp_path: Path, faulty: str) -> None:
    policy = f"apiVersion: core.oam.dev/v1alpha1\nkind: Policy\nmetadata: {{name: there}}\n{faulty}"
    step = "  workflow: {steps: [{name: go, type: deploy, properties: {policies: [there]}}]}\n"
    app = (
        APP.replace("mine", "worker").replace("7", "nginx:1.27").replace("spec: {", "spec:\n  ").replace("]}\n", "]\n")
    )
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "app.yaml").write_text(app + step)
    found = checking.check_files(tmp_path, render=True).findings
    assert [Path(finding.file).name for finding in found] == ["policy.yaml"]
