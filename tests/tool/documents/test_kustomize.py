"""What a kustomization patches with is no Application of its own, and said not to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import checking

if TYPE_CHECKING:
    from pathlib import Path

APP = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec: {components: [{name: web, type: worker, properties: {image: "nginx:1.27"}}]}
"""
PATCH = """\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {name: shop}
spec: {policies: [{name: there, type: topology, properties: {namespace: prod}}]}
"""
OPERATIONS = "- {op: replace, path: /spec/components/0/type, value: daemon}\n"


def said(folder: Path) -> list[str]:
    found = checking.check_files(folder).findings
    return [f"{item.file.removeprefix(f'{folder}/')}: {item.severity.value}: {item.message}" for item in found]


@pytest.mark.parametrize(
    "kustomization",
    [
        "patches: [{path: patch.yaml}, {path: operations.yaml, target: {kind: Application}}]\n",
        "patchesStrategicMerge: [./patch.yaml]\npatchesJson6902: [{path: operations.yaml}]\n",
        "patches: [{patch: '- op: remove'}, {path: patch.yaml}]\npatchesJson6902: [{path: operations.yaml}]\n",
    ],
)
def test_patches_are_said_not_to_be_looked_at(tmp_path: Path, kustomization: str) -> None:
    (tmp_path / "app.yaml").write_text(APP)
    (tmp_path / "patch.yaml").write_text(PATCH)
    (tmp_path / "operations.yaml").write_text(OPERATIONS)
    (tmp_path / "kustomization.yaml").write_text(f"resources: [app.yaml]\n{kustomization}")
    message = f"note: not looked at: a patch of {tmp_path}/kustomization.yaml"
    assert said(tmp_path) == [f"operations.yaml: {message}", f"patch.yaml: {message}"]


def test_a_patch_of_another_folder(tmp_path: Path) -> None:
    for folder in ("base", "overlay"):
        (tmp_path / folder).mkdir()
    (tmp_path / "base" / "app.yaml").write_text(APP)
    (tmp_path / "base" / "patch.yaml").write_text(PATCH)
    (tmp_path / "overlay" / "kustomization.yaml").write_text("patches: [{path: ../base/patch.yaml}]\n")
    (found,) = checking.check_files(tmp_path).findings
    assert found.hint == f"kubectl kustomize {tmp_path}/overlay | vela-realtime check -"


@pytest.mark.parametrize("value", ["5", "[]", "[1]", "[[a]]", "[{path: 7}]", "{path: patch.yaml}", "[{}]"])
def test_a_kustomization_of_any_shape_breaks_nothing(tmp_path: Path, value: str) -> None:
    (tmp_path / "app.yaml").write_text(APP)
    text = "".join(f"{key}: {value}\n" for key in ("patches", "patchesJson6902", "patchesStrategicMerge"))
    (tmp_path / "kustomization.yaml").write_text(text)
    assert said(tmp_path) == []


def test_without_a_kustomization_it_is_an_application_with_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "patch.yaml").write_text(PATCH)
    assert said(tmp_path) == ["patch.yaml: error: spec.components is missing"]
